//! The one-way life of a certificate and the standing of an issuer: RFC 5280 §3.3 made a machine.
//!
//! ```text
//!             reserve            register               revoke
//!   unknown ----------> Reserved ----------> Issued ------------> Revoked
//!      |                    |                                     ^  |  ^
//!      |                    +---------------- revoke -------------+  +--+
//!      +--- register, record_discovered ---> Issued                 amend
//! ```
//!
//! All that is legal is decided here and nowhere else, by functions of (what is known, the
//! command, the policy, the time) that answer what to record or a [`Refusal`]. There is no arrow
//! out of Revoked; amending only makes a revocation graver or earlier.

mod certificate;
mod policy;
mod refusal;
mod revocation;
mod standing;
mod stated;

pub use self::{
    certificate::{CertificateKind, CertificateRecord, CertificateState, Labels, Origin},
    policy::Policy,
    refusal::Refusal,
    revocation::{Amendment, Revocation, RevocationDetails, RevocationHistory},
    standing::{Fall, FallCause, Invalidation, Standing},
    stated::Stated,
};
pub(crate) use self::{
    certificate::{Known, Registration},
    standing::{CaCertificateFacts, Graph, IssuerFacts, Parent},
    stated::{Comparison, Remainder},
};
