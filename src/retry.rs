//! Whether trying again can help.

use std::time::Duration;

/// What an error says about trying the same call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// The answer will be the same until somebody changes something.
    Never,
    /// Somebody else was faster; the same call may well succeed at once.
    Now,
    /// Something is out of order for now; wait about this long.
    After(Duration),
}
