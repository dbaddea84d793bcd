//! Reserving, registering and revoking one certificate.

use super::{Policy, Refusal, Revocation, RevocationDetails, RevocationHistory, Standing};
use crate::{
    certificate::Certificate, issuer_id::IssuerId, partition::Partition, serial::Serial,
    time::Timestamp,
};

/// How far a certificate has come, apart from revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateState {
    /// Its serial number is claimed; the CA may be about to sign it.
    Reserved,
    /// It exists.
    Issued,
}

/// How a certificate came to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Its CA registered it.
    Registered,
    /// It was found: nobody had registered it, or its issuer may not have issued it.
    Discovered,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateKind {
    /// Not known: only its serial number was seen.
    Unknown,
    /// An end entity.
    EndEntity,
    /// A CA. The id is that of the issuer that it makes, known or not.
    Ca(IssuerId),
}

/// Texts that an embedder attaches to a certificate for its own use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    /// Whose it is.
    pub account: Option<String>,
    /// Which kind of product, such as DV or OV.
    pub class: Option<String>,
    /// What another system calls it.
    pub external_identifier: Option<String>,
}

/// What is recorded of a certificate. Whether it is revoked is the log's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Reserved or issued.
    pub state: CertificateState,
    /// Registered or discovered.
    pub origin: Origin,
    /// What it is for.
    pub kind: CertificateKind,
    /// Which part of its issuer's certificates it belongs to, for ever.
    pub partition: Partition,
    /// Its notBefore, where known.
    pub not_before: Option<Timestamp>,
    /// Its notAfter, where known. Without it, an entry never leaves the CRL.
    pub not_after: Option<Timestamp>,
    /// What tells it from another certificate with the same serial number: see
    /// [`Certificate::identity`](crate::Certificate::identity). Not known without its DER.
    pub identity: Option<[u8; 32]>,
    /// The embedder's own texts.
    pub labels: Labels,
    /// When it was first recorded.
    pub recorded_at: Timestamp,
}

/// Whether two accounts of something contradict each other.
fn differ<T: PartialEq>(old: Option<T>, new: Option<T>) -> bool {
    old.zip(new).is_some_and(|(old, new)| old != new)
}

/// What the record holds of a serial number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) record: Option<CertificateRecord>,
    pub(crate) revocation: Option<RevocationHistory>,
}

/// A certificate, or a claim to its serial number, to be recorded.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) issuer: IssuerId,
    pub(crate) serial: Serial,
    pub(crate) kind: CertificateKind,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) identity: Option<[u8; 32]>,
    pub(crate) labels: Labels,
}

impl Registration {
    /// A certificate of which the DER is at hand.
    pub(crate) fn of_certificate(
        issuer: IssuerId,
        serial: Serial,
        certificate: &Certificate,
        labels: Labels,
    ) -> Self {
        let kind = if certificate.is_ca() {
            CertificateKind::Ca(IssuerId::of(certificate.subject(), certificate.public_key()))
        } else {
            CertificateKind::EndEntity
        };
        Self {
            issuer,
            serial,
            kind,
            not_before: Some(certificate.not_before()),
            not_after: Some(certificate.not_after()),
            identity: Some(certificate.identity()),
            labels,
        }
    }

    fn record(&self, state: CertificateState, origin: Origin, now: Timestamp) -> CertificateRecord {
        CertificateRecord {
            state,
            origin,
            kind: self.kind,
            partition: Partition::default(),
            not_before: self.not_before,
            not_after: self.not_after,
            identity: self.identity,
            labels: self.labels.clone(),
            recorded_at: now,
        }
    }

    fn taken(&self, how: &'static str) -> Refusal {
        Refusal::SerialTaken { serial: self.serial, how }
    }

    fn must_stand(&self, standing: &Standing) -> Result<(), Refusal> {
        match standing {
            Standing::Stands => Ok(()),
            standing => {
                Err(Refusal::IssuerMayNotIssue { issuer: self.issuer, standing: standing.clone() })
            }
        }
    }

    /// Claims the serial number before the CA signs.
    pub(crate) fn reserve(
        &self,
        known: &Known,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<CertificateRecord, Refusal> {
        self.must_stand(standing)?;
        match known.record {
            None => Ok(self.record(CertificateState::Reserved, Origin::Registered, now)),
            Some(_) => Err(self.taken("it was recorded before")),
        }
    }

    /// Records that the certificate was issued. `None`: that is recorded already.
    pub(crate) fn register(
        &self,
        known: &Known,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Option<CertificateRecord>, Refusal> {
        self.must_stand(standing)?;
        self.complete(known, Origin::Registered, now)
    }

    /// Records that the certificate exists, whoever let it be. `None`: that is recorded already.
    pub(crate) fn discover(
        &self,
        known: &Known,
        now: Timestamp,
    ) -> Result<Option<CertificateRecord>, Refusal> {
        self.complete(known, Origin::Discovered, now)
    }

    fn complete(
        &self,
        known: &Known,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Option<CertificateRecord>, Refusal> {
        let new = self.record(CertificateState::Issued, origin, now);
        let Some(old) = &known.record else { return Ok(Some(new)) };
        if differ(old.identity, new.identity) {
            return Err(self.taken("another certificate has it"));
        }
        // The certificate itself corrects what was said of it.
        let corrects = old.identity.is_none() && new.identity.is_some();
        if old.state == CertificateState::Issued
            && !corrects
            && (differ(old.not_after, new.not_after) || differ(old.not_before, new.not_before))
        {
            return Err(self.taken("it was recorded with other dates"));
        }
        let kind = match (old.kind, new.kind) {
            (old, CertificateKind::Unknown) => old,
            (_, new) => new,
        };
        let merged = CertificateRecord {
            state: CertificateState::Issued,
            // Who discovers what is recorded already discovers nothing; a reservation is a claim, and
            // records nothing yet.
            origin: match old.state {
                CertificateState::Reserved => origin,
                CertificateState::Issued => old.origin,
            },
            kind,
            partition: old.partition,
            not_before: new.not_before.or(old.not_before),
            not_after: new.not_after.or(old.not_after),
            identity: new.identity.or(old.identity),
            labels: Labels {
                account: new.labels.account.or_else(|| old.labels.account.clone()),
                class: new.labels.class.or_else(|| old.labels.class.clone()),
                external_identifier: new
                    .labels
                    .external_identifier
                    .or_else(|| old.labels.external_identifier.clone()),
            },
            recorded_at: old.recorded_at,
        };
        Ok((merged != *old).then_some(merged))
    }
}

impl Known {
    /// The revocation to record for a certificate that the record knows, or why there is none.
    pub(crate) fn revoke(
        &self,
        details: RevocationDetails,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Revocation, Refusal> {
        if let Some(history) = &self.revocation {
            return Err(Refusal::AlreadyRevoked {
                original: *history.original(),
                current: history.current,
            });
        }
        let record = self.record.as_ref();
        if let Some(not_after) = record.and_then(|record| record.not_after)
            && not_after < now
            && !policy.expired_certificates
        {
            return Err(Refusal::Expired { not_after, now });
        }
        details.decide(record.and_then(|record| record.not_before), policy, now)
    }
}
