//! Two questions: is this serial number revoked, and what is known of this certificate.

use super::{Authority, Error, view::entry};
use crate::{
    index::SerialIndex,
    issuer_id::IssuerId,
    lifecycle::{
        CertificateKind, CertificateRecord, CertificateState, Invalidation, Revocation,
        RevocationHistory, Standing,
    },
    log::{AsOf, Position},
    serial::Serial,
    store::{Batch, Space, Store, key},
    time::Timestamp,
};
use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{Arc, PoisonError, RwLock},
};

/// What a certificate is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateStatus {
    /// Nobody recorded it.
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

/// What the index says of a serial number: revoked or not, never "good".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationAnswer {
    /// The revocation, if the certificate was revoked itself.
    pub revocation: Option<Revocation>,
    /// The position of the issuer's log that the answer was made from.
    pub position: Position,
}

impl<S: Store> Authority<S> {
    /// What the record says of a certificate, as of now.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn status(&self, issuer: IssuerId, serial: Serial) -> Result<Status, Error> {
        let now = self.clock.now();
        let view = self.view()?;
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
        let now = self.clock.now();
        let view = self.view()?;
        let graph = view.graph_above(issuer)?;
        let standing = graph.standing(issuer, now).unwrap_or(Standing::Unanchored);
        Ok((standing, view.as_of(&graph)?))
    }

    /// Whether a certificate was revoked itself, from the index in memory.
    ///
    /// The first call for an issuer reads its log; from then on the index follows what this
    /// authority records. What other processes record is seen after [`Authority::refresh`].
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn revocation(&self, issuer: IssuerId, serial: Serial) -> Result<RevocationAnswer, Error> {
        let answer = |index: &SerialIndex| RevocationAnswer {
            revocation: index.find(serial),
            position: index.position(),
        };
        if let Some(index) = self.indexes.of(issuer) {
            let index = index.read().unwrap_or_else(PoisonError::into_inner);
            if !index.is_behind() {
                return Ok(answer(&index));
            }
        }
        self.refresh(issuer)?;
        let index = self.indexes.of_or_new(issuer);
        let index = index.read().unwrap_or_else(PoisonError::into_inner);
        Ok(answer(&index))
    }

    /// Brings the index of an issuer up to the head of its log; answers the position.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn refresh(&self, issuer: IssuerId) -> Result<Position, Error> {
        self.view()?.require_issuer(issuer)?;
        let index = self.indexes.of_or_new(issuer);
        let mut index = index.write().unwrap_or_else(PoisonError::into_inner);
        // Only now: whoever writes after this view finds the index, and waits to advance it.
        self.view()?.log(issuer, index.position(), |position, entry| {
            index.advance(position, &entry.event);
            ControlFlow::Continue(())
        })?;
        index.caught_up();
        Ok(index.position())
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

/// The indexes that were asked for.
#[derive(Debug, Default)]
pub(super) struct Indexes(RwLock<HashMap<IssuerId, Arc<RwLock<SerialIndex>>>>);

impl Indexes {
    fn of(&self, issuer: IssuerId) -> Option<Arc<RwLock<SerialIndex>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&issuer).cloned()
    }

    fn of_or_new(&self, issuer: IssuerId) -> Arc<RwLock<SerialIndex>> {
        let mut indexes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(indexes.entry(issuer).or_default())
    }

    /// Says that these logs may have been written to.
    pub(super) fn fall_behind(&self, batch: &Batch) {
        for index in batch.appends.iter().filter_map(|append| self.of(append.issuer)) {
            index.write().unwrap_or_else(PoisonError::into_inner).fall_behind();
        }
    }

    /// Takes in what was just written to the logs. Where another thread is faster, the index is
    /// behind until it is asked.
    pub(super) fn advance(&self, batch: &Batch) {
        for append in &batch.appends {
            let Some(index) = self.of(append.issuer) else { continue };
            let mut index = index.write().unwrap_or_else(PoisonError::into_inner);
            let positions = (append.expected.0.saturating_add(1)..).map(Position);
            for (position, new) in positions.zip(&append.entries) {
                let key = key::log(append.issuer, position);
                if let Ok(entry) = entry(Space::Log, &key, &new.value) {
                    index.advance(position, &entry.event);
                }
            }
        }
    }
}
