//! Spreads jobs, so that many scopes do not all ask for the key at once.

use super::{LastRelease, Schedule, ScopeState};
use crate::time::Timestamp;
use siphasher::sip::SipHasher13;
use std::{hash::Hasher, time::Duration};

impl Schedule {
    /// A moment of the wait after `last` from `from` to `due`, the same for the same state: at most the given
    /// part of the wait before it ends, and never after.
    pub(super) fn early(
        &self,
        state: &ScopeState,
        last: Option<LastRelease>,
        attempts: u32,
        from: Timestamp,
        due: Timestamp,
    ) -> Timestamp {
        let wait = u128::from(due.saturating_since(from).as_secs());
        let chance = u128::from(chance(state, last, attempts));
        let seconds = (wait * u128::from(self.jitter_percent()) * chance / 100) >> 32;
        // At most the wait, which is one of seconds since 1950.
        due.saturating_sub(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }
}

/// 32 bits that look random, and hang on nothing but their input: not on the process, nor on the
/// machine.
fn chance(state: &ScopeState, last: Option<LastRelease>, attempts: u32) -> u32 {
    let mut hasher = SipHasher13::new();
    hasher.write(state.place.issuer.as_octets());
    hasher.write(&state.place.scope.to_octets());
    if let Some(last) = last {
        hasher.write(&last.number.to_be_bytes());
    }
    hasher.write(&attempts.to_be_bytes());
    (hasher.finish() >> 32) as u32
}
