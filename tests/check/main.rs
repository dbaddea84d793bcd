//! Whether certificates are revoked, as CRLs tell.
#![cfg(feature = "p256")]

#[path = "../support/ca.rs"]
mod ca;
mod deltas;
mod diff;
mod path;
#[cfg(feature = "rsa")]
mod pkits;
mod refusals;
mod scopes;
mod suites;
mod support;
