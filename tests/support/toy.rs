//! Toy CAs, which the conformance suite needs too.
#![allow(unused_imports, reason = "every test that includes this file uses a part of it")]

pub use annul::conformance::toy::*;
