//! A certificate revocation authority in a crate.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod asn1;
mod issuer_id;
mod partition;
mod pem;
mod reason;
mod retry;
mod serial;
mod time;

pub use crate::{
    asn1::Malformed,
    time::{Clock, SystemClock, Timestamp, TimestampError},
};
