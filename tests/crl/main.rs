//! CRLs, judged by others.

mod capacity;
#[path = "../support/openssl.rs"]
mod openssl;
mod reading;
mod rules;
mod signing;
mod staging;
mod support;
