//! The name of a transaction, by which it is found out whether it was carried out.

use super::fault::Fault;
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Says which transaction it was: milliseconds since 1970 in 6 octets, then random ones. In this
/// order new ones are at the end of the index, and old ones at its start.
#[derive(Clone, Copy)]
pub(super) struct Token([u8; Self::LENGTH]);

impl Token {
    const LENGTH: usize = 16;
    /// Nobody asks what became of a transaction after this time.
    const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

    /// A new one.
    pub(super) fn new() -> Result<Self, Fault> {
        let mut octets = [0; Self::LENGTH];
        getrandom::fill(&mut octets)?;
        Ok(Self(stamped(octets, SystemTime::now())))
    }

    /// The lowest one that is still of use.
    pub(super) fn oldest_kept() -> Self {
        let then = SystemTime::now().checked_sub(Self::KEPT);
        Self(stamped([0; Self::LENGTH], then.unwrap_or(SystemTime::UNIX_EPOCH)))
    }

    /// Whether to tidy up after this transaction: one in 256.
    pub(super) fn is_one_to_tidy_after(&self) -> bool {
        self.0.last() == Some(&0)
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::LowerHex for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

fn stamped(mut octets: [u8; Token::LENGTH], at: SystemTime) -> [u8; Token::LENGTH] {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // In 6 octets they last until the year 10895.
    let milliseconds = (since.as_millis() as u64).to_be_bytes();
    let (stamp, _) = octets.split_at_mut(6);
    stamp.copy_from_slice(milliseconds.split_at(2).1);
    octets
}
