//! Reserving serial numbers and recording certificates, one or a hundred thousand.

use super::{
    AT_ONCE, ATTEMPTS, Authority, Error,
    change::Change,
    parents::{is_its_own, note_ca_certificate},
    partitions::{Slot, bind, check_distribution_points, take_slot, take_slot_if_left},
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
    mem,
};

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
    /// The part of the issuer's certificates that it belongs to, for ever.
    pub partition: Partition,
    /// How it came to be recorded.
    pub origin: Origin,
    /// Whether it is revoked already.
    pub revoked: bool,
    /// How its issuer stands. Under one that does not, the certificate was never good.
    pub standing: Standing,
    /// The CA that it is a certificate of, where that CA is down: it should be revoked.
    pub names_fallen: Option<IssuerId>,
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
    /// Where the issuer's certificates are [divided](crate::Distribution::with_partitions), the
    /// answer says which URI the certificate must carry, so that relying parties look for it on the
    /// CRL of its partition. Slots of partitions are taken [many at
    /// once](crate::Policy::slots_at_once), and partitions open by themselves.
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
        let mut slot: Option<Slot> = None;
        for _ in 0..ATTEMPTS {
            let reserved = self.decide(|view, change| {
                let graph = view.graph_above(issuer)?;
                let standing = graph.standing(issuer, now).unwrap_or(Standing::Unanchored);
                if view.require_issuer(issuer)?.owns(serial) {
                    return Err(taken_by_issuer(serial).into());
                }
                let (version, known) = view.known(issuer, serial)?;
                let mut record = registration.reserve(&known, &standing, now)?;
                let mut distribution_point = None;
                if view.is_divided(issuer)? {
                    slot = slot.take().or_else(|| self.leases.take(issuer));
                    let Some(slot) = &slot else { return Ok(None) };
                    record.partition = slot.partition;
                    distribution_point = Some(slot.uri.clone());
                }
                change.assert_standing(view, &graph)?;
                change.put_certificate(issuer, serial, version, &record);
                let partition = record.partition;
                Ok(Some(Reserved { issuer, serial, partition, distribution_point }))
            });
            match reserved {
                Ok(Some(reserved)) => return Ok(reserved),
                // No slot was at hand, and nothing was written.
                Ok(None) => self.lease(issuer)?,
                Err(error) => {
                    if let (Some(slot), Some(_)) = (slot, error.refusal()) {
                        self.leases.give_back(issuer, &slot);
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Records that a CA issued a certificate. Repeating it changes nothing.
    ///
    /// It stays in the partition that was reserved for it. One that nobody reserved gets a slot of
    /// the partition whose URI it carries; where it carries none, or is not at hand, it goes into
    /// partition 0, whose CRL makes those of the others complete and may be of any size.
    ///
    /// # Errors
    /// [`Refusal::WrongDistributionPoint`] where relying parties would look for it on another CRL,
    /// [`Refusal::PartitionFull`] where the partition that it names has no slot left;
    /// [`Refusal::IssuerMayNotIssue`] where the issuer does not stand (then
    /// [`Authority::record_discovered`] is the way), [`Refusal::SerialTaken`],
    /// [`Refusal::ForeignCertificate`], [`Refusal::UnknownIssuer`]; for another certificate of a known
    /// CA [`Refusal::AddToIssuer`], or [`Refusal::NoWayBack`] where that CA is down.
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
    /// One that nobody reserved goes into the partition whose URI it carries, also where that has
    /// no room for it, else into partition 0.
    ///
    /// # Errors
    /// [`Refusal::SerialTaken`], [`Refusal::ForeignCertificate`], [`Refusal::UnknownIssuer`].
    pub fn record_discovered(&self, registration: &Registration) -> Result<Registered, Error> {
        self.take_in_one(registration, Intake::Discover)
    }

    fn take_in_one(&self, item: &Registration, intake: Intake) -> Result<Registered, Error> {
        let answer = self.take_in(std::slice::from_ref(item), intake).pop();
        answer.unwrap_or(Err(Error::Contended { attempts: 0 }))
    }

    fn take_in(&self, items: &[Registration], intake: Intake) -> Vec<Result<Registered, Error>> {
        let now = self.clock.now();
        // Many at once are mostly new. Where one is not, the write is refused, and it is looked.
        let mut are_supposed_new = items.len() > 1;
        let decided = self.decide(|view, change| {
            let mut taking = Taking::new(self, view, now);
            let checked: Vec<_> = items.iter().map(|item| taking.check(item)).collect();
            let checked_ones = checked.iter().flatten().map(|checked| &checked.registration);
            let certificates = checked_ones.map(|it| (it.issuer, it.serial));
            if mem::take(&mut are_supposed_new) {
                view.suppose_unknown(certificates);
            } else if items.len() > 1 {
                view.read_ahead(certificates)?;
            }
            let mut answers = Vec::with_capacity(items.len());
            for registration in checked {
                match registration.and_then(|it| taking.take(&it, intake, change)) {
                    // The whole chunk is decided on this view: without it, there is no answer.
                    Err(Error::Store(error)) => return Err(error.into()),
                    answer => answers.push(answer),
                }
            }
            for named in taking.named.values() {
                change.assert_standing(view, &named.graph)?;
            }
            Ok(answers)
        });
        decided.unwrap_or_else(|error| {
            Error::of_each(items.len(), error).into_iter().map(Err).collect()
        })
    }
}

/// Certificates being taken in on one view.
struct Taking<'a, S> {
    authority: &'a Authority<S>,
    view: &'a View<'a>,
    now: Timestamp,
    named: BTreeMap<IssuerId, Named>,
    taken: BTreeMap<(IssuerId, Serial), (Version, Known)>,
}

/// What is to be recorded, and the URIs that the certificate carries, where it is at hand.
struct Checked<'a> {
    registration: lifecycle::Registration,
    distribution_points: Option<&'a [String]>,
}

/// An issuer that certificates are taken in for.
struct Named {
    known: KnownIssuer,
    graph: Graph,
    standing: Standing,
}

impl<'a, S: Store> Taking<'a, S> {
    fn new(authority: &'a Authority<S>, view: &'a View<'a>, now: Timestamp) -> Self {
        let (named, taken) = (BTreeMap::new(), BTreeMap::new());
        Self { authority, view, now, named, taken }
    }

    fn take(
        &mut self,
        checked: &Checked<'_>,
        intake: Intake,
        change: &mut Change,
    ) -> Result<Registered, Error> {
        let Checked { registration, distribution_points } = checked;
        let lifecycle::Registration { issuer, serial, kind, .. } = *registration;
        let (view, now) = (self.view, self.now);
        let named = self.named(issuer)?;
        if named.known.owns(serial) {
            return Err(taken_by_issuer(serial).into());
        }
        let standing = named.standing.clone();
        let names_fallen = match kind {
            CertificateKind::Ca(ca) => certifies_fallen(view, ca, issuer, serial, intake, now)?,
            CertificateKind::Unknown | CertificateKind::EndEntity => None,
        };
        let (version, known) = match self.taken.entry((issuer, serial)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(view.known(issuer, serial)?),
        };
        let decided = match intake {
            Intake::Register => registration.register(known, &standing, now)?,
            Intake::Discover => registration.discover(known, now)?,
        };
        let recorded = decided.is_some();
        if let Some(mut record) = decided {
            let is_new = known.record.is_none();
            if is_new {
                bind(view, issuer, distribution_points.unwrap_or_default(), &mut record)?;
            }
            if let (Intake::Register, Some(found)) = (intake, distribution_points) {
                check_distribution_points(view, issuer, record.partition, found)?;
            }
            match intake {
                Intake::Register if is_new => {
                    take_slot(view, change, issuer, record.partition)?;
                }
                Intake::Discover if is_new => {
                    take_slot_if_left(view, change, issuer, record.partition)?;
                }
                _ => {}
            }
            if is_new && standing.is_down() {
                change.note_discovered(view, issuer, now)?;
            }
            if let CertificateKind::Ca(ca) = record.kind {
                note_ca_certificate(view, change, ca, issuer, serial)?;
            }
            change.put_certificate(issuer, serial, *version, &record);
            known.record = Some(record);
        }
        let record = known.record.as_ref();
        let partition = record.map_or(Partition(0), |record| record.partition);
        let origin = record.map_or(Origin::Registered, |record| record.origin);
        let revoked = known.revocation.is_some();
        Ok(Registered {
            issuer,
            serial,
            partition,
            recorded,
            origin,
            revoked,
            standing,
            names_fallen,
        })
    }

    fn named(&mut self, issuer: IssuerId) -> Result<&Named, Error> {
        match self.named.entry(issuer) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let known = self.view.require_issuer(issuer)?;
                let graph = self.view.graph_above(issuer)?;
                let standing = graph.standing(issuer, self.now).unwrap_or(Standing::Unanchored);
                Ok(entry.insert(Named { known, graph, standing }))
            }
        }
    }

    /// What the evidence proves.
    fn check<'i>(&mut self, item: &'i Registration) -> Result<Checked<'i>, Error> {
        let labels = item.labels.clone();
        let (issuer, certificate) = match &item.evidence {
            Evidence::Certificate(certificate) => {
                let issuers = self.view.issuers()?;
                (self.authority.issuer_of_among(certificate, issuers)?, certificate)
            }
            Evidence::Vouched { issuer, certificate } => {
                if self.named(*issuer)?.known.issuer.name() != certificate.issuer_name() {
                    let why = "it bears the name of another issuer than the one named";
                    return Err(Refusal::ForeignCertificate { why }.into());
                }
                (*issuer, certificate)
            }
            Evidence::Serial { issuer, serial, not_after } => {
                let registration = lifecycle::Registration {
                    issuer: *issuer,
                    serial: *serial,
                    kind: CertificateKind::Unknown,
                    not_before: None,
                    not_after: *not_after,
                    identity: None,
                    labels,
                };
                return Ok(Checked { registration, distribution_points: None });
            }
        };
        Ok(Checked {
            registration: of_certificate(issuer, certificate, labels)?,
            distribution_points: Some(certificate.crl_distribution_points()),
        })
    }
}

/// Whether a CA certificate that is taken in is one of a CA that is down. It can be recorded as
/// discovered, not registered; no more can one of a CA in good standing, to which it is added.
fn certifies_fallen(
    view: &View<'_>,
    ca: IssuerId,
    parent: IssuerId,
    serial: Serial,
    intake: Intake,
    now: Timestamp,
) -> Result<Option<IssuerId>, Error> {
    let Some(known) = view.issuer(ca)? else { return Ok(None) };
    let standing = view.graph_above(ca)?.standing(ca, now).unwrap_or(Standing::Unanchored);
    let down = standing.is_down();
    if intake == Intake::Register && !known.has(parent, serial) {
        return Err(Error::from(if down {
            Refusal::NoWayBack { issuer: ca, standing }
        } else {
            Refusal::AddToIssuer { issuer: ca }
        }));
    }
    Ok(down.then_some(ca))
}

impl<S: Store> Authority<S> {
    /// The issuer that signed a certificate: it has the name of the certificate's issuer, octet for
    /// octet, and its key made the signature.
    ///
    /// # Errors
    /// [`Refusal::ForeignCertificate`], and [`Error::Unverified`] where a signature could not be
    /// checked.
    pub fn issuer_of(&self, certificate: &Certificate) -> Result<IssuerId, Error> {
        self.issuer_of_among(certificate, self.view()?.issuers()?)
    }

    pub(super) fn issuer_of_among(
        &self,
        certificate: &Certificate,
        issuers: &[KnownIssuer],
    ) -> Result<IssuerId, Error> {
        if let Some(issuer) = self.signer_among(certificate, issuers)? {
            return Ok(issuer);
        }
        let named = issuers.iter().any(|k| k.issuer.name() == certificate.issuer_name());
        let why = if named {
            "it bears the name of a known issuer, whose key did not sign it"
        } else {
            "no known issuer has the name of its issuer"
        };
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
