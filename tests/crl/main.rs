//! CRLs, judged by others.

mod appendix;
mod capacity;
mod encoding;
mod indexed;
mod kinds;
#[path = "../support/openssl.rs"]
mod openssl;
#[path = "../support/random.rs"]
mod random;
mod reading;
mod reference;
mod rules;
mod signing;
mod staging;
mod support;
#[path = "../support/toy.rs"]
mod toy;
