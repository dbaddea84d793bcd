//! What the schedule answers.

use crate::{
    issuer_id::IssuerId,
    scope::{CrlPlace, Scope},
    time::Timestamp,
};
use std::fmt;

/// A CRL to make and release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Job {
    /// Whose CRL.
    pub issuer: IssuerId,
    /// About which certificates.
    pub scope: Scope,
    /// Complete, delta, or both.
    pub kind: JobKind,
    /// What made it due. One CRL serves whatever else is due or pending.
    pub why: Why,
    /// How many attempts failed before.
    pub attempts: u32,
    /// From then on it is due.
    pub not_before: Timestamp,
    /// From then on it is overdue.
    pub deadline: Timestamp,
}

/// What a [`Job`] is to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobKind {
    /// A complete CRL.
    Complete,
    /// A delta CRL to the last complete one.
    Delta,
    /// A complete CRL, and a delta CRL to the complete one before it, under one number
    /// (RFC 5280 §5.2.3).
    CompleteAndDelta,
}

/// Why a CRL is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// There is none yet.
    First,
    /// Something was recorded that it must say.
    Pending,
    /// The issuer fell, or its CRLs are served elsewhere, which no delta CRL can say; or the record was
    /// compacted.
    NeedsBase,
    /// The last one is so old that a new one must follow, whether something was revoked or not.
    Period,
    /// The nextUpdate of the last one is near.
    NextUpdateNear,
}

/// A CRL that should be out, and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overdue {
    /// Where it is missed.
    pub place: CrlPlace,
    /// When it should have been out.
    pub since: Timestamp,
    /// What it was to be made for.
    pub why: Why,
}

impl Job {
    /// What must be out first comes first; beside that, always the same order.
    pub(crate) fn urgency(&self) -> (Timestamp, IssuerId, Scope) {
        (self.deadline, self.issuer, self.scope)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::First => "there is none yet",
            Self::Pending => "something recorded is on none",
            Self::NeedsBase => "something changed that no delta can say",
            Self::Period => "the last one is old",
            Self::NextUpdateNear => "nextUpdate is near",
        })
    }
}
