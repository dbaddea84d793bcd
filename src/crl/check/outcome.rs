//! What a check comes to, and why.

use crate::{
    asn1::Malformed,
    crl::CrlNumber,
    reason::{ReasonCode, ReasonFlags},
    signing::VerifyError,
    time::Timestamp,
};
use std::fmt;

/// What CRLs say of a certificate.
#[derive(Debug)]
#[must_use = "a certificate may be revoked"]
pub enum CheckOutcome {
    /// CRLs that can be used are about all reasons to revoke it, and none lists it.
    Good,
    /// A CRL that can be used lists it.
    Revoked(ListedRevocation),
    /// Neither is known: who relies on certificates must not rely on this one.
    Undetermined(Undetermined),
}

/// The entry that says that a certificate is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedRevocation {
    /// The place of the CRL among those that were given, from 0.
    pub crl: usize,
    /// The number of that CRL.
    pub number: CrlNumber,
    /// When the certificate was revoked.
    pub revocation_date: Timestamp,
    /// Why, if the CRL says so. A certificate [on hold](ReasonCode::CertificateHold) is revoked as
    /// long as it is listed.
    pub reason: Option<ReasonCode>,
    /// Since when the key is suspected, or the certificate was otherwise invalid.
    pub invalidity_date: Option<Timestamp>,
}

/// Why the status of a certificate is not known.
///
/// `Display` says all of it in one line.
#[derive(Debug)]
#[non_exhaustive]
pub struct Undetermined {
    /// What is wrong with the certificate itself.
    pub certificate: Option<CannotCheck>,
    /// The reasons that no CRL was about that could be used.
    pub missing: ReasonFlags,
    /// The CRLs that were not used.
    pub not_used: Vec<CrlNotUsed>,
}

/// A CRL that was not used.
#[derive(Debug)]
#[non_exhaustive]
pub struct CrlNotUsed {
    /// Its place among those that were given, from 0.
    pub crl: usize,
    /// Why.
    pub why: NotUsed,
}

/// What is wrong with a certificate, so that no CRL can make it good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotCheck {
    /// Its issuer has another name.
    #[error("the certificate is one of another issuer")]
    OtherIssuer,
    /// The issuer did not sign it.
    #[error("the certificate is not signed by its issuer: {0}")]
    Signature(#[source] VerifyError),
    /// Its distribution points cannot be read.
    #[error("the certificate has distribution points that cannot be read: {0}")]
    DistributionPoints(#[source] Malformed),
    /// It has expired: a CRL need no longer list it (RFC 5280 §3.3).
    #[error("the certificate expired at {not_after}, since when no CRL need list it")]
    Expired {
        /// The last second of its validity.
        not_after: Timestamp,
    },
}

/// Why a CRL says nothing of a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotUsed {
    /// It is not by the issuer of the certificate, nor by one that a distribution point names.
    #[error("it is by another issuer")]
    OtherIssuer,
    /// It is by an issuer that a distribution point names, but not marked as one that lists
    /// certificates of others.
    #[error("it is by another issuer, and no indirect CRL")]
    NotIndirect,
    /// Its issuing distribution point is none of the certificate.
    #[error("it is for another distribution point")]
    OtherDistributionPoint,
    /// It lists end entities only, and the certificate is one of a CA.
    #[error("it is about end entities only")]
    OnlyUserCertificates,
    /// It lists CAs only, and the certificate is none of a CA.
    #[error("it is about CAs only")]
    OnlyCaCertificates,
    /// It lists attribute certificates only.
    #[error("it is about attribute certificates only")]
    OnlyAttributeCertificates,
    /// It is about no reason that the distribution point has it for.
    #[error("it is about other reasons than the distribution point says")]
    OtherReasons,
    /// It, or one of its entries, has a critical extension that is not known here (RFC 5280 §5.2
    /// and §5.3).
    #[error("it has the unknown critical extension {oid}")]
    UnknownCriticalExtension {
        /// Its object identifier, dotted.
        oid: String,
    },
    /// It has no number (RFC 5280 §5.2.3).
    #[error("it has no CRL number")]
    NoNumber,
    /// Its number is marked critical (RFC 5280 §5.2.3).
    #[error("its CRL number is marked critical")]
    CriticalNumber,
    /// It is issued later than now.
    #[error("it is from the future, issued at {this_update}")]
    FromTheFuture {
        /// When it was issued.
        this_update: Timestamp,
    },
    /// It does not say when the next one comes (RFC 5280 §5.1.2.5).
    #[error("it has no nextUpdate")]
    NoNextUpdate,
    /// There should be a newer one by now.
    #[error("it expired at {next_update}")]
    Expired {
        /// By when the next one was to be issued.
        next_update: Timestamp,
    },
    /// No certificate with the name of its issuer is at hand.
    #[error("no certificate of its issuer is at hand")]
    NoSigner,
    /// It names another key than those at hand.
    #[error("its authority key identifier names another key")]
    OtherKey,
    /// The key that signed it is not for CRLs.
    #[error("the keyUsage of its issuer lacks cRLSign")]
    MayNotSign,
    /// Its signature is not that of its issuer, or cannot be checked.
    #[error("its signature: {0}")]
    Signature(#[source] VerifyError),
    /// It is not what it says it is.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// It removes the certificate from a list that it is not an addition to (RFC 5280 §5.3.1).
    #[error("it is complete, and has an entry with removeFromCRL")]
    RemovedFromComplete,
    /// It is a delta CRL, and those are not wanted.
    #[error("it is a delta CRL")]
    Delta,
    /// It is a delta CRL, and there is no complete CRL that it adds to (RFC 5280 §5.2.4).
    #[error("it is a delta CRL, and no usable complete CRL is one that it adds to")]
    NoBase,
}

impl NotUsed {
    /// How far a CRL came. Where it fails in several ways, the last one says the most.
    fn stage(&self) -> u8 {
        match self {
            Self::OtherIssuer | Self::NoSigner => 0,
            Self::NotIndirect | Self::OtherKey => 1,
            Self::OtherDistributionPoint | Self::MayNotSign => 2,
            _ => 3,
        }
    }

    /// The one of two failures that says more.
    pub(super) fn or_later(self, other: Self) -> Self {
        if other.stage() > self.stage() { other } else { self }
    }
}

impl Default for Undetermined {
    fn default() -> Self {
        Self { certificate: None, missing: ReasonFlags::ALL, not_used: Vec::new() }
    }
}

impl fmt::Display for Undetermined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.certificate.iter().map(ToString::to_string).collect();
        let not_used = self.not_used.iter();
        parts.extend(
            not_used.map(|CrlNotUsed { crl, why }| format!("CRL {crl} is not used: {why}")),
        );
        if self.missing == ReasonFlags::ALL && parts.is_empty() {
            parts.push("there is no CRL".to_owned());
        } else if self.missing != ReasonFlags::ALL && !self.missing.is_empty() {
            parts.push(format!("no CRL is about {}", self.missing));
        }
        f.write_str(&parts.join("; "))
    }
}
