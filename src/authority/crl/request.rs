//! What is wanted of a CRL, and what was made.

use crate::{
    authority::{Error, Waive, Waiver, view::View},
    crl::SignedCrl,
    issuer::Issuer,
    log::{AsOf, FreshnessToken},
    scope::Scope,
    time::Timestamp,
};
use std::time::Duration;

/// What is wanted of a CRL.
///
/// ```
/// use annul::{CrlRequest, Scope};
/// use std::time::Duration;
///
/// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// let request = CrlRequest::new(7 * DAY).of(Scope::CaCertificates);
/// assert!(!request.delta);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlRequest {
    /// The time from thisUpdate to nextUpdate.
    pub validity: Duration,
    /// What the CRL must have been made from at least.
    pub at_least: Vec<FreshnessToken>,
    /// Whether nextUpdate may come sooner than that, where no certificate lets the issuer sign CRLs
    /// for so long. Else that is refused.
    pub ends_with_issuer: bool,
    /// Which certificates it is about.
    pub scope: Scope,
    /// Whether it is a delta CRL: what changed since the complete CRL of the same scope that was
    /// released last (RFC 5280 §5.2.4).
    pub delta: bool,
    /// The time from thisUpdate to nextUpdate of a delta CRL, if it is another.
    pub delta_validity: Option<Duration>,
    /// Whether it is the last CRL of its scope: it lists all that is known, and has no end.
    pub last: bool,
    /// Whether it says that it keeps what has expired (expiredCertsOnCRL). From then on its scope
    /// does, for good.
    pub keeps_expired: bool,
    /// Where certificates of the issuer are found (RFC 5280 §5.2.7).
    pub ca_issuers: Vec<String>,
    /// Rules that are set aside.
    pub waivers: Vec<Waiver>,
}

impl CrlRequest {
    /// A CRL about all certificates, that is to be replaced within this time.
    pub const fn new(validity: Duration) -> Self {
        Self {
            validity,
            at_least: Vec::new(),
            ends_with_issuer: false,
            scope: Scope::Full,
            delta: false,
            delta_validity: None,
            last: false,
            keeps_expired: false,
            ca_issuers: Vec::new(),
            waivers: Vec::new(),
        }
    }

    /// That is to be replaced sooner where the issuer ends before.
    #[must_use]
    pub fn ending_with_issuer(self) -> Self {
        Self { ends_with_issuer: true, ..self }
    }

    /// About these certificates.
    #[must_use]
    pub fn of(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// A delta CRL: what changed since the complete CRL that was released last.
    #[must_use]
    pub fn delta(self) -> Self {
        Self { delta: true, ..self }
    }

    /// Replaces delta CRLs within this time.
    #[must_use]
    pub fn with_delta_validity(self, validity: Duration) -> Self {
        Self { delta_validity: Some(validity), ..self }
    }

    /// The last CRL of its scope, for a CA that ends: it lists all that is known, its nextUpdate is
    /// 99991231235959Z, and none but another last one follows.
    #[must_use]
    pub fn last(self) -> Self {
        Self { last: true, ..self }
    }

    /// Keeps what has expired, and says so.
    #[must_use]
    pub fn keeping_expired(self) -> Self {
        Self { keeps_expired: true, ..self }
    }

    /// Says where certificates of the issuer are found. The size of partitions leaves room for 500
    /// octets of such URIs.
    #[must_use]
    pub fn with_ca_issuers(mut self, uri: impl Into<String>) -> Self {
        self.ca_issuers.push(uri.into());
        self
    }

    /// Demands that the CRL is made from at least what this token names. It may be of the issuer, or
    /// of one above it whose fall is to be seen.
    #[must_use]
    pub fn at_least(mut self, token: FreshnessToken) -> Self {
        self.at_least.push(token);
        self
    }

    /// Sets a rule aside.
    #[must_use]
    pub fn waive(mut self, waiver: Waiver) -> Self {
        self.waivers.push(waiver);
        self
    }

    /// Whether this rule is set aside.
    pub fn waives(&self, what: Waive) -> bool {
        self.waivers.iter().any(|waiver| waiver.what == what)
    }

    /// The nextUpdate of a CRL that is valid for so long.
    pub(super) fn next_update(
        &self,
        issuer: &Issuer,
        this_update: Timestamp,
        validity: Duration,
    ) -> Timestamp {
        let next_update = this_update.saturating_add(validity);
        match issuer.crl_signing_not_after(this_update) {
            Some(end) if self.ends_with_issuer => next_update.min(end),
            _ => next_update,
        }
    }

    /// Checks that the store shows what is demanded, and what was released before.
    pub(in crate::authority) fn check(&self, view: &View<'_>) -> Result<(), Error> {
        self.at_least.iter().try_for_each(|token| view.covers(token).map(drop))
    }
}

/// A CRL that was made, and what from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuedCrl {
    /// Its number, dates and size.
    pub crl: SignedCrl,
    /// The positions that it was made from: it lists every revocation up to them, but for what
    /// has expired and was listed once more.
    pub as_of: AsOf,
    /// How many of its entries can never leave, because nobody knows when they expire.
    pub without_not_after: u64,
}
