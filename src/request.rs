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
