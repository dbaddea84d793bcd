//! Requests for revocation: what is between whoever asks and the authority.

#[path = "../support/toy.rs"]
mod toy;

mod desk;
mod desk_model;
mod idempotency;
mod office;
