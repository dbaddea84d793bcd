//! What may take the place of a CRL that relying parties already trust.
//!
//! A CRL that was made correctly is one thing; that it loses nothing which its predecessor said is
//! another. The gate compares the octets of both, whoever made them.

use crate::{
    authority::{Waive, Waiver},
    crl::{CertificateList, CrlNumber, CrlReadError},
    reason::ReasonCode,
    serial::SerialRef,
    time::Timestamp,
};
use std::collections::BTreeSet;

/// Why a CRL may not take the place of another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateRefusal {
    /// One of the two cannot be read to its end.
    #[error("a CRL that cannot be read")]
    Unreadable(#[from] CrlReadError),
    /// They are of different issuers.
    #[error("the CRL that it would replace is of another issuer")]
    Issuer,
    /// They name the key differently (RFC 5280 §5.2.1).
    #[error("the CRL that it would replace has another authority key identifier")]
    AuthorityKeyIdentifier,
    /// One is a delta CRL and the other is not.
    #[error("a delta CRL would replace a complete one, or the other way round")]
    Kind,
    /// The number does not rise (RFC 5280 §5.2.3).
    #[error("CRL number {new} does not rise above {old:?} (RFC 5280 §5.2.3)")]
    Number {
        /// That of the new one.
        new: CrlNumber,
        /// That of the old one.
        old: CrlNumber,
    },
    /// The new one has no number, as only CRLs of other makers do.
    #[error("a CRL without a number")]
    NoNumber,
    /// thisUpdate goes back.
    #[error("thisUpdate {new} is before {old}, that of the CRL that it would replace")]
    ThisUpdate {
        /// That of the new one.
        new: Timestamp,
        /// That of the old one.
        old: Timestamp,
    },
    /// nextUpdate goes back (RFC 5280 §5.1.2.5).
    #[error(
        "nextUpdate {new} is before {old}, that of the CRL that it would replace (RFC 5280 §5.1.2.5)"
    )]
    NextUpdate {
        /// That of the new one.
        new: Timestamp,
        /// That of the old one.
        old: Timestamp,
    },
    /// The base of a delta CRL goes back.
    #[error("the base {new} of the delta CRL is older than {old}, that of the one before")]
    Base {
        /// That of the new one.
        new: CrlNumber,
        /// That of the old one.
        old: CrlNumber,
    },
    /// The issuing distribution point is another, and not only by more names.
    #[error("the issuing distribution point is not that of the CRL that it would replace")]
    IssuingDistributionPoint,
    /// Entries of the old one are missing, and nothing says that they may leave (RFC 5280 §3.3).
    #[error(
        "{count} certificates of the CRL that it would replace are missing, such as {}, and \
         nothing says that they may leave (RFC 5280 §3.3)",
        serials.join(", ")
    )]
    MissingEntries {
        /// How many.
        count: usize,
        /// The serial numbers of the first of them.
        serials: Vec<String>,
    },
}

impl GateRefusal {
    /// What would have to be set aside for the CRL to pass; `None` where nothing can be.
    pub const fn waived_by(&self) -> Option<Waive> {
        match self {
            Self::ThisUpdate { .. } => Some(Waive::ThisUpdate),
            Self::NextUpdate { .. } => Some(Waive::NextUpdate),
            Self::AuthorityKeyIdentifier => Some(Waive::AuthorityKeyIdentifier),
            Self::IssuingDistributionPoint => Some(Waive::IssuingDistributionPoint),
            Self::MissingEntries { .. } => Some(Waive::MissingEntries),
            _ => None,
        }
    }
}

/// How many serial numbers of missing entries are named.
const NAMED: usize = 10;

/// Compares a CRL with one that it is to replace. `must_stay` says which of the certificates that
/// are listed no longer must be.
pub(super) fn compare<E: From<GateRefusal>>(
    old: &CertificateList<'_>,
    new: &CertificateList<'_>,
    waivers: &[Waiver],
    must_stay: impl FnOnce(Vec<SerialRef<'_>>) -> Result<Vec<String>, E>,
) -> Result<(), E> {
    let waived = |refusal: &GateRefusal| {
        refusal.waived_by().is_some_and(|what| waivers.iter().any(|it| it.what == what))
    };
    for refusal in headers(old, new) {
        if !waived(&refusal) {
            return Err(refusal.into());
        }
    }
    let missing = missing(old, new).map_err(GateRefusal::from)?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut serials = must_stay(missing)?;
    if serials.is_empty() {
        return Ok(());
    }
    let count = serials.len();
    serials.truncate(NAMED);
    let refusal = GateRefusal::MissingEntries { count, serials };
    if waived(&refusal) { Ok(()) } else { Err(refusal.into()) }
}

/// What is wrong besides the entries.
fn headers(old: &CertificateList<'_>, new: &CertificateList<'_>) -> Vec<GateRefusal> {
    let mut refusals = Vec::new();
    if old.issuer() != new.issuer() {
        refusals.push(GateRefusal::Issuer);
    }
    if old.authority_key_identifier() != new.authority_key_identifier() {
        refusals.push(GateRefusal::AuthorityKeyIdentifier);
    }
    match (old.number(), new.number()) {
        (_, None) => refusals.push(GateRefusal::NoNumber),
        (Some(old), Some(new)) if new <= old => refusals.push(GateRefusal::Number { new, old }),
        _ => {}
    }
    match (old.base_number(), new.base_number()) {
        (Some(old), Some(new)) if new < old => refusals.push(GateRefusal::Base { new, old }),
        (Some(_), None) | (None, Some(_)) => refusals.push(GateRefusal::Kind),
        _ => {}
    }
    let (before, after) = (old.this_update(), new.this_update());
    if after < before {
        refusals.push(GateRefusal::ThisUpdate { new: after, old: before });
    }
    if let (Some(old), Some(new)) = (old.next_update(), new.next_update())
        && new < old
    {
        refusals.push(GateRefusal::NextUpdate { new, old });
    }
    if !is_same_point(old, new) {
        refusals.push(GateRefusal::IssuingDistributionPoint);
    }
    refusals
}

/// Whether both are about the same certificates: the new one may have more names, since a
/// certificate that has any of the old ones still finds it (RFC 5280 §6.3.3 (b)(2)(i)).
fn is_same_point(old: &CertificateList<'_>, new: &CertificateList<'_>) -> bool {
    match (old.issuing_distribution_point(), new.issuing_distribution_point()) {
        (None, None) => true,
        (Some(old), Some(new)) => {
            let flags = |point: &crate::crl::IssuingDistributionPoint<'_>| {
                (
                    point.only_contains_user_certs,
                    point.only_contains_ca_certs,
                    point.only_contains_attribute_certs,
                    point.indirect_crl,
                    point.only_some_reasons.map(<[u8]>::to_vec),
                )
            };
            let names = |point: &crate::crl::IssuingDistributionPoint<'_>| -> BTreeSet<String> {
                point.uris().iter().map(ToString::to_string).collect()
            };
            old.octets == new.octets
                || flags(old) == flags(new)
                    && !names(old).is_empty()
                    && names(old).is_subset(&names(new))
        }
        _ => false,
    }
}

/// The serial numbers that the old one lists and the new one does not.
///
/// Two lists in ascending order are read side by side; whatever that seems to miss is looked for
/// in all of the new one, so the order is never trusted.
fn missing<'a>(
    old: &CertificateList<'a>,
    new: &CertificateList<'_>,
) -> Result<Vec<SerialRef<'a>>, CrlReadError> {
    let mut suspects = BTreeSet::new();
    let mut following = new.entries();
    let mut next = following.next().transpose()?;
    for entry in old.entries() {
        let entry = entry?;
        let serial = entry.serial();
        if entry.reason() == Some(ReasonCode::RemoveFromCrl) {
            continue;
        }
        while next.as_ref().is_some_and(|next| order(next.serial()) < order(serial)) {
            next = following.next().transpose()?;
        }
        if next.as_ref().is_none_or(|next| next.serial() != serial) {
            suspects.insert(serial.as_octets());
        }
    }
    if !suspects.is_empty() {
        for entry in new.entries() {
            suspects.remove(entry?.serial().as_octets());
        }
    }
    let serials = suspects.into_iter().map(SerialRef::from_octets);
    Ok(serials.filter_map(Result::ok).collect())
}

/// Ascending for positive numbers, as CRLs made here list them.
fn order(serial: SerialRef<'_>) -> (usize, &[u8]) {
    let octets = serial.as_octets();
    (octets.len(), octets)
}
