//! Requests for revocation: what is between whoever asks and the authority.

#[path = "../support/toy.rs"]
mod toy;

mod idempotency;
