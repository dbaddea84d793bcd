//! How long to wait before trying again.

use super::{fault::Fault, pool::Deadline};
use std::{thread, time::Duration};

/// Pauses that double up to a longest one, each of random length, so that those who met once do
/// not meet again.
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Between attempts to reach a server.
    pub(super) fn reconnecting() -> Self {
        Self { next: Duration::from_millis(50), longest: Duration::from_secs(2) }
    }

    /// Between attempts to get past others who write.
    pub(super) fn contending() -> Self {
        Self { next: Duration::from_millis(4), longest: Duration::from_millis(500) }
    }

    /// Waits, but not past a deadline.
    pub(super) fn pause(&mut self, until: Deadline) -> Result<(), Fault> {
        let mut random = [0];
        getrandom::fill(&mut random)?;
        // From half to one and a half.
        let pause = self.next * (128 + u32::from(random[0])) / 256;
        thread::sleep(pause.min(until.left().unwrap_or_default()));
        self.next = (self.next * 2).min(self.longest);
        Ok(())
    }
}
