pub use crate::ca::*;
