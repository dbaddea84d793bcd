//! What stands between whoever asks for a revocation and the authority that records it: how often
//! an account may ask, until when it pays to, and what a request that comes again is answered.

mod calendar;
mod idempotency;
mod throttle;
mod window;

pub use self::{
    calendar::{Calendar, WorkingWeek},
    idempotency::{BadClientToken, ClientToken, Idempotency, IdempotencyError, KeptAnswer},
    throttle::{Rate, Throttle, Throttled},
    window::{CompletionWindow, Eligibility},
};

use sha2::{Digest, Sha256};

/// A digest of two texts: of the same length whatever they are, and telling neither.
fn pair(one: &str, other: &[u8]) -> [u8; 32] {
    // The length first, or two pairs might be the same octets.
    let length = (one.len() as u64).to_be_bytes();
    Sha256::new().chain_update(length).chain_update(one).chain_update(other).finalize().into()
}
