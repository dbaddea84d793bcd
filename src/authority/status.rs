//! What a certificate is worth, and how its issuer stands, asked of the record.

use super::{Authority, Error, Freshness};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{
        CertificateKind, CertificateRecord, CertificateState, Invalidation, RevocationHistory,
        Standing,
    },
    log::AsOf,
    serial::Serial,
    store::Store,
    time::Timestamp,
};

/// What a certificate is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateStatus {
    /// Nobody recorded it, or it left long after it expired: see
    /// [`Authority::compact`](crate::Authority::compact).
    NotIssued,
    /// Its serial number is claimed.
    Reserved,
    /// It is issued and nothing speaks against it.
    Good,
    /// Its notAfter has passed.
    Expired {
        /// The notAfter.
        not_after: Timestamp,
    },
    /// Its issuer is down, or it is one of a CA that is: it is worth nothing, though it was not
    /// revoked itself.
    Invalidated(Invalidation),
    /// It was revoked.
    Revoked(RevocationHistory),
}

/// What the record says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What its own entries come to.
    pub own: CertificateStatus,
    /// What it is worth, with all that happened above it.
    pub effective: CertificateStatus,
    /// What is recorded of it, if anything is.
    pub record: Option<CertificateRecord>,
    /// How its issuer stands.
    pub standing: Standing,
    /// What the answer was made from.
    pub as_of: AsOf,
}

impl<S: Store> Authority<S> {
    /// What the record says of a certificate, as of now.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn status(&self, issuer: IssuerId, serial: Serial) -> Result<Status, Error> {
        self.status_with(issuer, serial, Freshness::Head)
    }

    /// As [`Authority::status`], from no less than what is demanded.
    ///
    /// # Errors
    /// As [`Authority::status`], and [`Error::Behind`] and [`Error::Forked`] where the store does
    /// not show what the token names.
    pub fn status_with(
        &self,
        issuer: IssuerId,
        serial: Serial,
        freshness: Freshness,
    ) -> Result<Status, Error> {
        let now = self.clock.now();
        let view = self.view_with(&freshness)?;
        let graph = view.graph_above(issuer)?;
        let standing = graph.standing(issuer, now).unwrap_or(Standing::Unanchored);
        let (_, known) = view.known(issuer, serial)?;
        let own = own_status(known.record.as_ref(), known.revocation, now);
        let mut invalidation = graph.invalidation(issuer);
        if let (None, Some(CertificateKind::Ca(ca))) =
            (&invalidation, known.record.as_ref().map(|record| record.kind))
            && view.issuer(ca)?.is_some()
        {
            // A certificate of a CA that is down is worth nothing, whoever signed it.
            invalidation = view.graph_above(ca)?.invalidation(ca);
        }
        let effective = match (&own, invalidation) {
            (CertificateStatus::NotIssued | CertificateStatus::Revoked(_), _) | (_, None) => {
                own.clone()
            }
            (_, Some(invalidation)) => CertificateStatus::Invalidated(invalidation),
        };
        let as_of = view.as_of(&graph)?;
        Ok(Status { own, effective, record: known.record, standing, as_of })
    }

    /// How an issuer stands now, and what the answer was made from.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn standing(&self, issuer: IssuerId) -> Result<(Standing, AsOf), Error> {
        self.standing_with(issuer, Freshness::Head)
    }

    /// As [`Authority::standing`], from no less than what is demanded.
    ///
    /// # Errors
    /// As [`Authority::standing`], and [`Error::Behind`] and [`Error::Forked`] where the store does
    /// not show what the token names.
    pub fn standing_with(
        &self,
        issuer: IssuerId,
        freshness: Freshness,
    ) -> Result<(Standing, AsOf), Error> {
        let now = self.clock.now();
        let view = self.view_with(&freshness)?;
        let graph = view.graph_above(issuer)?;
        let standing = graph.standing(issuer, now).unwrap_or(Standing::Unanchored);
        Ok((standing, view.as_of(&graph)?))
    }
}

fn own_status(
    record: Option<&CertificateRecord>,
    revocation: Option<RevocationHistory>,
    now: Timestamp,
) -> CertificateStatus {
    match (record, revocation) {
        (_, Some(history)) => CertificateStatus::Revoked(history),
        (None, None) => CertificateStatus::NotIssued,
        (Some(record), None) => match record.not_after.filter(|&not_after| not_after < now) {
            Some(not_after) => CertificateStatus::Expired { not_after },
            None if record.state == CertificateState::Reserved => CertificateStatus::Reserved,
            None => CertificateStatus::Good,
        },
    }
}
