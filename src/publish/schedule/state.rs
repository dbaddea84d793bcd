//! What is known of the CRLs of one scope.

use crate::{
    crl::CrlNumber,
    issuer_id::IssuerId,
    retry::Retry,
    scope::{CrlPlace, Scope},
    time::Timestamp,
};

/// What the [`Schedule`](crate::Schedule) must know of one scope of one issuer.
///
/// ```
/// use annul::{IssuerId, Schedule, Scope, ScopeState, Timestamp};
///
/// let issuer = IssuerId::of(b"a Name in DER", b"a SubjectPublicKeyInfo in DER");
/// let mut state = ScopeState::new(issuer, Scope::Full);
/// assert_eq!(Schedule::private().next_due(&state), None);
/// state.first_needed_at = Some(Timestamp::UNIX_EPOCH);
/// assert_eq!(Schedule::private().next_due(&state), Some(Timestamp::UNIX_EPOCH));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeState {
    /// Where its complete CRLs are.
    pub place: CrlPlace,
    /// When the first certificate of the scope was recorded, or the issuer where there is none
    /// yet: from then on somebody may look for a CRL.
    pub first_needed_at: Option<Timestamp>,
    /// The last complete CRL that was released.
    pub last: Option<LastRelease>,
    /// The last delta CRL that was released.
    pub last_delta: Option<LastRelease>,
    /// When the first event was recorded that no released complete CRL covers. It may well lie
    /// before the thisUpdate of the last one.
    pub pending_since: Option<Timestamp>,
    /// When the first event was recorded that the last delta CRL with its base does not cover,
    /// whatever a later base covers.
    pub pending_delta_since: Option<Timestamp>,
    /// When the first event after the last complete CRL was recorded that no delta CRL can say, such
    /// as a fall. Until the next complete CRL no delta CRL is made.
    pub needs_base_since: Option<Timestamp>,
    /// Whether the issuer is down. No delta CRL can be made of it, nor is one due; its complete CRLs
    /// follow a revocation as soon as a delta CRL would.
    pub is_down: bool,
    /// What failed since the last CRL was released.
    pub failed: Option<Failure>,
    /// Whether nothing is due any more: the last CRL of the issuer went out, or none can be signed
    /// since its certificates have expired.
    pub ended: bool,
}

/// A CRL that relying parties can fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRelease {
    /// Its number.
    pub number: CrlNumber,
    /// Its thisUpdate.
    pub this_update: Timestamp,
    /// Its nextUpdate.
    pub next_update: Timestamp,
}

/// A job that failed, and was not done since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When the last attempt failed.
    pub at: Timestamp,
    /// How many attempts failed.
    pub attempts: u32,
    /// What the error says about trying again.
    pub retry: Retry,
}

impl ScopeState {
    /// A scope of which nothing is known yet, and for which nothing is due.
    pub const fn new(issuer: IssuerId, scope: Scope) -> Self {
        Self {
            place: CrlPlace::complete(issuer, scope),
            first_needed_at: None,
            last: None,
            last_delta: None,
            pending_since: None,
            pending_delta_since: None,
            needs_base_since: None,
            is_down: false,
            failed: None,
            ended: false,
        }
    }
}
