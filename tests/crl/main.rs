//! CRLs, judged by others.

mod appendix;
mod capacity;
mod indexed;
mod kinds;
#[path = "../support/openssl.rs"]
mod openssl;
mod reading;
mod rules;
mod signing;
mod staging;
mod support;
