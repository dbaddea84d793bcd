//! Whether certificates are revoked, as CRLs tell.
#![cfg(feature = "p256")]

#[path = "../support/ca.rs"]
mod ca;
mod path;
#[cfg(feature = "rsa")]
mod pkits;
mod support;
