//! CRLs, judged by others.

mod reading;
mod rules;
mod signing;
mod staging;
mod support;
