//! What keeps a peer from taking part, and all else that goes wrong.

/// Anything: it ends the measurement, unless it is an [`Absent`].
pub type Error = Box<dyn std::error::Error>;

/// A peer is not installed: the others are measured without it.
#[derive(Debug)]
pub struct Absent {
    /// What is missing.
    pub what: String,
    /// The commands that bring it.
    pub install: &'static str,
}

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; to install it: {}", self.what, self.install)
    }
}

impl std::error::Error for Absent {}
