//! Reserving serial numbers and recording certificates, one or a hundred thousand.

use super::{
    Authority, Error,
    change::Change,
    issuers::{is_its_own, is_signed_by},
    view::{KnownIssuer, View},
};
use crate::{
    certificate::Certificate,
    issuer_id::IssuerId,
    lifecycle::{self, CertificateKind, Graph, Known, Labels, Origin, Refusal, Standing},
    partition::Partition,
    serial::Serial,
    store::{Store, Version},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

/// How many certificates are recorded by one durable write.
const AT_ONCE: usize = 1000;

/// A claim to a serial number, to be made before the CA signs.
#[derive(Clone, Debug)]
pub struct ReserveSerial {
    /// The issuer.
    pub issuer: IssuerId,
    /// The serial number.
    pub serial: Serial,
    /// The notAfter that the certificate is to have, if that is known yet.
    pub not_after: Option<Timestamp>,
    /// The embedder's own texts.
    pub labels: Labels,
}

impl ReserveSerial {
    /// Claims this serial number.
    pub fn new(issuer: IssuerId, serial: Serial) -> Self {
        Self { issuer, serial, not_after: None, labels: Labels::default() }
    }
}

/// A serial number that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reserved {
    /// The issuer.
    pub issuer: IssuerId,
    /// The serial number.
    pub serial: Serial,
    /// The part of the issuer's certificates that it belongs to, for ever.
    pub partition: Partition,
    /// The URI that the certificate's cRLDistributionPoints must have, octet for octet; `None`
    /// where the issuer's CRLs have no parts.
    pub distribution_point: Option<String>,
}

/// What proves that a certificate exists.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Evidence {
    /// The certificate itself. Its signature is checked against the issuers of its name.
    Certificate(Certificate),
    /// The certificate itself, of which the caller vouches that this issuer signed it.
    Vouched {
        /// Its issuer, whose name it must bear.
        issuer: IssuerId,
        /// The certificate.
        certificate: Certificate,
    },
    /// The word of the caller.
    Serial {
        /// Its issuer.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
        /// Its notAfter, where known. Without it, a revocation never leaves the CRL.
        not_after: Option<Timestamp>,
    },
}

/// A certificate to record.
#[derive(Clone, Debug)]
pub struct Registration {
    /// What proves that it exists.
    pub evidence: Evidence,
    /// The embedder's own texts.
    pub labels: Labels,
}

impl Registration {
    /// Records this certificate, once its signature was checked.
    pub fn of_certificate(certificate: Certificate) -> Self {
        Self::new(Evidence::Certificate(certificate))
    }

    /// Records the certificate with this serial number.
    pub fn of_serial(issuer: IssuerId, serial: Serial, not_after: Timestamp) -> Self {
        Self::new(Evidence::Serial { issuer, serial, not_after: Some(not_after) })
    }

    /// Records what this proves.
    pub fn new(evidence: Evidence) -> Self {
        Self { evidence, labels: Labels::default() }
    }

    /// Attaches the embedder's own texts.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }
}

/// A certificate that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// Its issuer.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// Whether this call changed the record; `false` where it said so before.
    pub recorded: bool,
    /// How it came to be recorded.
    pub origin: Origin,
    /// Whether it is revoked already.
    pub revoked: bool,
    /// How its issuer stands. Under one that does not, the certificate was never good.
    pub standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    Register,
    Discover,
}

impl<S: Store> Authority<S> {
    /// Claims a serial number before the CA signs a certificate with it.
    ///
    /// Once this returns, the number is this certificate's alone, and the issuer stood.
    /// [`Authority::register`] completes it; [`Authority::revoke`] works at once, since the CA may
    /// have signed.
    ///
    /// # Errors
    /// [`Refusal::SerialTaken`], [`Refusal::IssuerMayNotIssue`], [`Refusal::UnknownIssuer`].
    pub fn reserve(&self, reserve: &ReserveSerial) -> Result<Reserved, Error> {
        let ReserveSerial { issuer, serial, not_after, ref labels } = *reserve;
        let now = self.clock.now();
        let registration = lifecycle::Registration {
            issuer,
            serial,
            kind: CertificateKind::Unknown,
            not_before: None,
            not_after,
            identity: None,
            labels: labels.clone(),
        };
        self.decide(None, |view, change| {
            let graph = view.graph_above(issuer)?;
            let standing = graph.standing(issuer, now).unwrap_or(Standing::Unanchored);
            if view.require_issuer(issuer)?.owns(serial) {
                return Err(taken_by_issuer(serial).into());
            }
            let (version, known) = view.known(issuer, serial)?;
            let record = registration.reserve(&known, &standing, now)?;
            change.assert_standing(view, &graph)?;
            change.put_certificate(issuer, serial, version, &record);
            let partition = record.partition;
            Ok(Reserved { issuer, serial, partition, distribution_point: None })
        })
    }

    /// Records that a CA issued a certificate. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Refusal::IssuerMayNotIssue`] where the issuer does not stand (then
    /// [`Authority::record_discovered`] is the way), [`Refusal::SerialTaken`],
    /// [`Refusal::ForeignCertificate`], [`Refusal::UnknownIssuer`].
    pub fn register(&self, registration: &Registration) -> Result<Registered, Error> {
        self.take_in_one(registration, Intake::Register)
    }

    /// Records many certificates, up to a thousand by one durable write, and answers for each.
    ///
    /// What is refused does not keep the others from being recorded.
    pub fn register_all(&self, registrations: &[Registration]) -> Vec<Result<Registered, Error>> {
        registrations
            .chunks(AT_ONCE)
            .flat_map(|chunk| self.take_in(chunk, Intake::Register))
            .collect()
    }

    /// Records that a certificate exists, whether or not its issuer may have issued it. It is
    /// flagged [`Origin::Discovered`].
    ///
    /// # Errors
    /// [`Refusal::SerialTaken`], [`Refusal::ForeignCertificate`], [`Refusal::UnknownIssuer`].
    pub fn record_discovered(&self, registration: &Registration) -> Result<Registered, Error> {
        self.take_in_one(registration, Intake::Discover)
    }

    fn take_in_one(&self, item: &Registration, intake: Intake) -> Result<Registered, Error> {
        let mut answers = self.take_in(std::slice::from_ref(item), intake);
        answers.pop().unwrap_or(Err(Error::Contended { attempts: 0 }))
    }

    fn take_in(&self, items: &[Registration], intake: Intake) -> Vec<Result<Registered, Error>> {
        let now = self.clock.now();
        let decided = self.decide(None, |view, change| {
            let mut taking = Taking::new(self, view, now)?;
            let mut answers = Vec::with_capacity(items.len());
            for item in items {
                match taking.take(item, intake, change) {
                    // The whole chunk is decided on this view: without it, there is no answer.
                    Err(Error::Store(error)) => return Err(error.into()),
                    answer => answers.push(answer),
                }
            }
            if intake == Intake::Register {
                for (graph, _) in taking.standings.values() {
                    change.assert_standing(view, graph)?;
                }
            }
            Ok(answers)
        });
        decided.unwrap_or_else(|error| {
            let error = Arc::new(error);
            items.iter().map(|_| Err(Error::WholeBatch(Arc::clone(&error)))).collect()
        })
    }
}

/// Certificates being taken in on one view.
struct Taking<'a, S> {
    authority: &'a Authority<S>,
    view: &'a View<'a>,
    now: Timestamp,
    issuers: Vec<KnownIssuer>,
    standings: BTreeMap<IssuerId, (Graph, Standing)>,
    taken: BTreeMap<(IssuerId, Serial), (Version, Known)>,
}

impl<'a, S: Store> Taking<'a, S> {
    fn new(authority: &'a Authority<S>, view: &'a View<'a>, now: Timestamp) -> Result<Self, Error> {
        let issuers = view.issuers()?;
        let (standings, taken) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { authority, view, now, issuers, standings, taken })
    }

    fn take(
        &mut self,
        item: &Registration,
        intake: Intake,
        change: &mut Change,
    ) -> Result<Registered, Error> {
        let registration = self.check(item)?;
        let lifecycle::Registration { issuer, serial, .. } = registration;
        let standing = match self.standings.entry(issuer) {
            Entry::Occupied(entry) => entry.into_mut().1.clone(),
            Entry::Vacant(entry) => {
                let graph = self.view.graph_above(issuer)?;
                let standing = graph.standing(issuer, self.now).unwrap_or(Standing::Unanchored);
                entry.insert((graph, standing)).1.clone()
            }
        };
        let own = self.issuers.iter().find(|known| known.issuer.id() == issuer);
        if own.is_some_and(|known| known.owns(serial)) {
            return Err(taken_by_issuer(serial).into());
        }
        let (version, known) = match self.taken.entry((issuer, serial)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.view.known(issuer, serial)?),
        };
        let decided = match intake {
            Intake::Register => registration.register(known, &standing, self.now)?,
            Intake::Discover => registration.discover(known, self.now)?,
        };
        let recorded = decided.is_some();
        if let Some(record) = decided {
            change.put_certificate(issuer, serial, *version, &record);
            known.record = Some(record);
        }
        let origin = known.record.as_ref().map_or(Origin::Registered, |record| record.origin);
        let revoked = known.revocation.is_some();
        Ok(Registered { issuer, serial, recorded, origin, revoked, standing })
    }

    /// What the evidence proves.
    fn check(&self, item: &Registration) -> Result<lifecycle::Registration, Error> {
        let labels = item.labels.clone();
        match &item.evidence {
            Evidence::Certificate(certificate) => {
                let issuer = self.authority.issuer_of(certificate, &self.issuers)?;
                of_certificate(issuer, certificate, labels)
            }
            Evidence::Vouched { issuer, certificate } => {
                let known = self.issuers.iter().find(|known| known.issuer.id() == *issuer);
                let known = known.ok_or(Refusal::UnknownIssuer { issuer: *issuer })?;
                if known.issuer.name() != certificate.issuer_name() {
                    let why = "it bears the name of another issuer than the one named";
                    return Err(Refusal::ForeignCertificate { why }.into());
                }
                of_certificate(*issuer, certificate, labels)
            }
            Evidence::Serial { issuer, serial, not_after } => Ok(lifecycle::Registration {
                issuer: *issuer,
                serial: *serial,
                kind: CertificateKind::Unknown,
                not_before: None,
                not_after: *not_after,
                identity: None,
                labels,
            }),
        }
    }
}

impl<S: Store> Authority<S> {
    /// The issuer among these that signed the certificate: the name must be its own, octet for
    /// octet, and the signature must be made with its key.
    pub(super) fn issuer_of(
        &self,
        certificate: &Certificate,
        issuers: &[KnownIssuer],
    ) -> Result<IssuerId, Error> {
        let mut why = "no known issuer has the name of its issuer";
        for known in issuers.iter().filter(|k| k.issuer.name() == certificate.issuer_name()) {
            if is_signed_by(certificate, known.issuer.public_key(), &*self.verifier)? {
                return Ok(known.issuer.id());
            }
            why = "it bears the name of a known issuer, whose key did not sign it";
        }
        Err(Refusal::ForeignCertificate { why }.into())
    }
}

/// What is to be recorded of a certificate. One of the issuer itself is added to the issuer instead,
/// and never stands on its CRL.
fn of_certificate(
    issuer: IssuerId,
    certificate: &Certificate,
    labels: Labels,
) -> Result<lifecycle::Registration, Error> {
    if is_its_own(issuer, certificate) {
        return Err(Refusal::SelfSigned { issuer }.into());
    }
    let serial = certificate.serial().to_serial()?;
    Ok(lifecycle::Registration::of_certificate(issuer, serial, certificate, labels))
}

/// A self-signed certificate shares the serial numbers of the certificates that its key signs.
fn taken_by_issuer(serial: Serial) -> Refusal {
    Refusal::SerialTaken { serial, how: "its issuer's own self-signed certificate has it" }
}
