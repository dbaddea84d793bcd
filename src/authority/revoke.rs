//! Revoking one certificate, and amending a revocation.

use super::{
    AT_ONCE, Authority, Error,
    change::{Change, Placed},
    parents::{is_its_own, note_ca_certificate},
    partitions::{bind, take_slot_if_left},
    view::View,
};
use crate::{
    certificate::Certificate,
    issuer_id::IssuerId,
    lifecycle::{
        self, Amendment, CertificateKind, Known, Labels, Refusal, Revocation, RevocationDetails,
    },
    log::{CommandId, Event, Position, Subject},
    partition::Partition,
    reason::Reason,
    serial::Serial,
    store::{Store, Version},
    time::Timestamp,
};
use std::collections::BTreeSet;

/// The certificate that a command is about.
#[derive(Clone, Debug)]
pub enum Target {
    /// The one with this serial number of this issuer.
    Serial {
        /// Its issuer.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
    },
    /// This one. Its issuer is found by name and signature, and it need not be registered.
    Certificate(Box<Certificate>),
}

impl From<Certificate> for Target {
    fn from(certificate: Certificate) -> Self {
        Self::Certificate(Box::new(certificate))
    }
}

/// A certificate to revoke.
#[derive(Clone, Debug)]
pub struct Revoke {
    target: Target,
    details: RevocationDetails,
    command: Option<CommandId>,
}

impl Revoke {
    /// Revokes this certificate, as of now, without a reason.
    pub fn new(target: impl Into<Target>) -> Self {
        let target = target.into();
        Self { target, details: RevocationDetails::default(), command: None }
    }

    /// Says why.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.details.reason = Some(reason);
        self
    }

    /// Sets the reason and the dates.
    #[must_use]
    pub fn with_details(mut self, details: RevocationDetails) -> Self {
        self.details = details;
        self
    }

    /// Names the command, so that repeating it after a lost answer finds what it did instead of
    /// being refused. A random name is drawn otherwise.
    #[must_use]
    pub fn with_command(mut self, command: CommandId) -> Self {
        self.command = Some(command);
        self
    }
}

/// A revocation that is recorded, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The issuer.
    pub issuer: IssuerId,
    /// The serial number.
    pub serial: Serial,
    /// What was recorded.
    pub revocation: Revocation,
    /// Its place in the issuer's log. A CRL made from this position or a later one lists it.
    pub position: Position,
    /// Whether the certificate had not been registered, and was recorded with the revocation.
    pub discovered: bool,
    /// Whether it was a CA's, and that CA fell with it.
    pub fallen: Option<IssuerId>,
    /// Whether this command had been carried out before, and nothing was done now.
    pub repeated: bool,
}

/// A revocation to amend.
#[derive(Clone, Debug)]
pub struct Amend {
    target: Target,
    amendment: Amendment,
    command: Option<CommandId>,
}

impl Amend {
    /// Amends the revocation of this certificate.
    pub fn new(target: impl Into<Target>, amendment: Amendment) -> Self {
        let target = target.into();
        Self { target, amendment, command: None }
    }

    /// Names the command.
    #[must_use]
    pub fn with_command(mut self, command: CommandId) -> Self {
        self.command = Some(command);
        self
    }
}

/// An amendment that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Amended {
    /// The issuer.
    pub issuer: IssuerId,
    /// The serial number.
    pub serial: Serial,
    /// The revocation as it stands.
    pub revocation: Revocation,
    /// The revocation as it stood. It stays in the log.
    pub replaced: Revocation,
    /// The place of the amendment in the issuer's log.
    pub position: Position,
}

impl<S: Store> Authority<S> {
    /// Revokes a certificate. There is no way back.
    ///
    /// When this returns, it is on disk: no crash loses it, and the next CRL lists it. If it is the
    /// last live certificate of a CA, the CA falls with it, and all below it is invalidated.
    ///
    /// # Errors
    /// [`Error::AlreadyRevoked`] with the original and how far it has come,
    /// [`Refusal::UnknownCertificate`],
    /// [`Refusal::UnknownIssuer`], [`Refusal::ForeignCertificate`], [`Refusal::SerialTaken`] where
    /// another certificate is recorded with its serial number, [`Refusal::Expired`],
    /// [`Refusal::SelfSigned`], [`Refusal::DateInFuture`], [`Refusal::DateBefore1970`],
    /// [`Refusal::DateBeforeNotBefore`], [`Refusal::ReasonNotAllowed`],
    /// [`Refusal::ReasonRequired`]; and [`Error::Unverified`] where no signature could be checked.
    pub fn revoke(&self, revoke: &Revoke) -> Result<Revoked, Error> {
        let now = self.clock.now();
        let (revoked, placed) = self.decide_and_place(|view, change| {
            let name = self.name(view, &revoke.target)?;
            match self.decide_revocation(view, change, revoke, name, now)? {
                Decided::Plain(revoked) => Ok(revoked),
                Decided::Ca(ca, mut revoked) => {
                    let Revoked { issuer, serial, revocation, .. } = revoked;
                    revoked.fallen =
                        self.fall_with_certificate(view, change, ca, issuer, serial, revocation)?;
                    Ok(revoked)
                }
            }
        })?;
        Ok(revoked.placed(&placed))
    }

    /// Finds out whether [`Authority::revoke`] would revoke a certificate now, without doing it.
    ///
    /// # Errors
    /// As [`Authority::revoke`].
    pub fn preview_revoke(&self, revoke: &Revoke) -> Result<(), Error> {
        let now = self.clock.now();
        let view = self.view()?;
        let name = self.name(&view, &revoke.target)?;
        self.decide_revocation(&view, &mut Change::default(), revoke, name, now).map(|_| ())
    }

    /// Revokes many certificates, up to a thousand by one durable write, and answers for each.
    ///
    /// What is refused does not keep the others from being revoked. The errors are those of
    /// [`Authority::revoke`], and [`Error::WholeBatch`] where a write failed.
    pub fn revoke_all(&self, revokes: &[Revoke]) -> Vec<Result<Revoked, Error>> {
        revokes.chunks(AT_ONCE).flat_map(|chunk| self.revoke_at_once(chunk)).collect()
    }

    fn revoke_at_once(&self, revokes: &[Revoke]) -> Vec<Result<Revoked, Error>> {
        let now = self.clock.now();
        let decided = self.decide_and_place(|view, change| {
            let names: Vec<_> = revokes.iter().map(|it| self.name(view, &it.target)).collect();
            view.read_ahead(names.iter().flatten().copied())?;
            let mut answers = Vec::with_capacity(revokes.len());
            let mut revoked = BTreeSet::new();
            for (revoke, name) in revokes.iter().zip(names) {
                let mut alone = Change::default();
                let decided = name
                    .and_then(|name| self.decide_revocation(view, &mut alone, revoke, name, now));
                answers.push(match decided {
                    Ok(Decided::Plain(answer))
                        if answer.repeated
                            || (change.admits(&alone)
                                && revoked.insert((answer.issuer, answer.serial))) =>
                    {
                        change.merge(alone);
                        let place = change.place_of_last(answer.issuer);
                        let position = if answer.repeated { answer.position } else { place };
                        Some(Ok(Revoked { position, ..answer }))
                    }
                    // A fall, the same certificate again, or a slot of the same partition: on its
                    // own, after the others.
                    Ok(_) => None,
                    // They are all decided on this view: without it, there is no answer.
                    Err(Error::Store(error)) => return Err(error.into()),
                    Err(error) => Some(Err(error)),
                });
            }
            Ok(answers)
        });
        match decided {
            Ok((answers, placed)) => answers
                .into_iter()
                .zip(revokes)
                .map(|(answer, revoke)| match answer {
                    Some(answer) => answer.map(|revoked: Revoked| revoked.placed(&placed)),
                    None => self.revoke(revoke),
                })
                .collect(),
            Err(error) => Error::of_each(revokes.len(), error).into_iter().map(Err).collect(),
        }
    }

    /// Decides what revoking a certificate changes, but for the fall of a CA.
    fn decide_revocation(
        &self,
        view: &View<'_>,
        change: &mut Change,
        revoke: &Revoke,
        name: (IssuerId, Serial),
        now: Timestamp,
    ) -> Result<Decided, Error> {
        let found = self.find(view, &revoke.target, name, now)?;
        let (issuer, serial) = (found.issuer, found.serial);
        if let Some(done) = found.done_by(view, revoke)? {
            return Ok(Decided::Plain(done));
        }
        let revocation = match found.known.revoke(revoke.details, &self.policy, now) {
            Err(refusal @ Refusal::AlreadyRevoked { .. }) => {
                return Err(match self.publication_in(view, issuer, serial)? {
                    Some(it) => {
                        let (refusal, publication) = (Box::new(refusal), Box::new(it));
                        Error::AlreadyRevoked { refusal, publication }
                    }
                    None => refusal.into(),
                });
            }
            decided => decided?,
        };
        let subject = found.subject();
        let discovered = found.record(view, change)?;
        change.push_as(revoke.command, issuer, Event::Revoked { subject, revocation });
        let position = change.place_of_last(issuer);
        let (fallen, repeated) = (None, false);
        let revoked =
            Revoked { issuer, serial, revocation, position, discovered, fallen, repeated };
        Ok(match subject.kind {
            CertificateKind::Ca(ca) => Decided::Ca(ca, revoked),
            CertificateKind::Unknown | CertificateKind::EndEntity => Decided::Plain(revoked),
        })
    }

    /// Makes a revocation graver, or earlier: the only two ways in which it can change.
    ///
    /// # Errors
    /// [`Refusal::NotRevoked`], [`Refusal::IllegalAmendment`], and as [`Authority::revoke`].
    pub fn amend(&self, amend: &Amend) -> Result<Amended, Error> {
        let now = self.clock.now();
        let (amended, placed) = self.decide_and_place(|view, change| {
            let name = self.name(view, &amend.target)?;
            let found = self.find(view, &amend.target, name, now)?;
            let (issuer, serial) = (found.issuer, found.serial);
            if let Some(done) = found.amended_by(view, amend.command)? {
                return Ok((done, true));
            }
            let history = found.known.revocation.as_ref().ok_or(Refusal::NotRevoked { serial })?;
            let replaced = history.current;
            let not_before = found.known.record.as_ref().and_then(|record| record.not_before);
            let revocation = amend.amendment.decide(&replaced, not_before, &self.policy, now)?;
            let event = Event::Amended { subject: found.subject(), revocation, replaced };
            found.record(view, change)?;
            change.push_as(amend.command, issuer, event);
            let position = change.place_of_last(issuer);
            Ok((Amended { issuer, serial, revocation, replaced, position }, false))
        })?;
        let (amended, repeated) = amended;
        let position = placed.position(amended.issuer, amended.position);
        Ok(if repeated { amended } else { Amended { position, ..amended } })
    }

    /// The issuer and the serial number of the certificate that a command is about.
    fn name(&self, view: &View<'_>, target: &Target) -> Result<(IssuerId, Serial), Error> {
        match target {
            Target::Serial { issuer, serial } => Ok((*issuer, *serial)),
            Target::Certificate(certificate) => {
                let issuer = self.issuer_of_among(certificate, view.issuers()?)?;
                Ok((issuer, certificate.serial().to_serial()?))
            }
        }
    }

    /// What is known of the certificate that a command is about.
    fn find(
        &self,
        view: &View<'_>,
        target: &Target,
        (issuer, serial): (IssuerId, Serial),
        now: Timestamp,
    ) -> Result<Found, Error> {
        let certificate = match target {
            Target::Serial { .. } => None,
            Target::Certificate(certificate) => Some(certificate),
        };
        if view.require_issuer(issuer)?.owns(serial)
            || certificate.is_some_and(|certificate| is_its_own(issuer, certificate))
        {
            return Err(Refusal::SelfSigned { issuer }.into());
        }
        let (version, mut known) = view.known(issuer, serial)?;
        let registration = match certificate {
            Some(certificate) => lifecycle::Registration::of_certificate(
                issuer,
                serial,
                certificate,
                Labels::default(),
            ),
            None if known.record.is_some() => {
                return Ok(Found { issuer, serial, version, known });
            }
            None if self.policy.unknown_serials => lifecycle::Registration {
                issuer,
                serial,
                kind: CertificateKind::Unknown,
                not_before: None,
                not_after: None,
                identity: None,
                labels: Labels::default(),
            },
            None => return Err(Refusal::UnknownCertificate { issuer, serial }.into()),
        };
        let mut record = registration.discover(&known, now)?;
        if let (None, Some(new), Some(certificate)) = (&known.record, &mut record, certificate) {
            bind(view, issuer, certificate.crl_distribution_points(), new)?;
        }
        known.record = record.or(known.record);
        Ok(Found { issuer, serial, version, known })
    }
}

impl Revoked {
    /// With the position in the log, once that is known.
    fn placed(self, placed: &Placed) -> Self {
        let position = placed.position(self.issuer, self.position);
        if self.repeated { self } else { Self { position, ..self } }
    }
}

/// A revocation that is decided.
enum Decided {
    /// Of a certificate with nothing below it, or one that was recorded before.
    Plain(Revoked),
    /// Of a certificate of this CA, which may fall.
    Ca(IssuerId, Revoked),
}

/// The certificate that a command is about, and what is to be recorded of it besides.
struct Found {
    issuer: IssuerId,
    serial: Serial,
    version: Version,
    known: Known,
}

impl Found {
    fn subject(&self) -> Subject {
        match &self.known.record {
            Some(record) => Subject::new(self.serial, record),
            None => Subject {
                serial: self.serial,
                kind: CertificateKind::Unknown,
                partition: Partition::default(),
                not_after: None,
            },
        }
    }

    /// What this command did when it was carried out before, if it was.
    fn done_by(&self, view: &View<'_>, revoke: &Revoke) -> Result<Option<Revoked>, Error> {
        let (issuer, serial, subject) = (self.issuer, self.serial, self.subject());
        let Some(command) = revoke.command else { return Ok(None) };
        let entries = view.entries_of(issuer, subject.partition, serial)?;
        let Some((position, entry)) = entries.first() else { return Ok(None) };
        let Event::Revoked { revocation, .. } = entry.event else { return Ok(None) };
        let RevocationDetails { reason, date, invalidity_date } = revoke.details;
        let same = entry.command == command
            && revocation.reason == reason
            && revocation.invalidity_date == invalidity_date
            && date.is_none_or(|date| revocation.date == date);
        let fallen = match subject.kind {
            CertificateKind::Ca(ca) => view.fall(ca)?.1.map(|_| ca),
            CertificateKind::Unknown | CertificateKind::EndEntity => None,
        };
        Ok(same.then_some(Revoked {
            issuer,
            serial,
            revocation,
            position: *position,
            discovered: false,
            fallen,
            repeated: true,
        }))
    }

    /// What this amendment did when it was carried out before, if it was.
    fn amended_by(
        &self,
        view: &View<'_>,
        command: Option<CommandId>,
    ) -> Result<Option<Amended>, Error> {
        let (issuer, serial, partition) = (self.issuer, self.serial, self.subject().partition);
        let entries = view.entries_of(issuer, partition, serial)?;
        Ok(entries.into_iter().find_map(|(position, entry)| match entry.event {
            Event::Amended { revocation, replaced, .. } if Some(entry.command) == command => {
                Some(Amended { issuer, serial, revocation, replaced, position })
            }
            _ => None,
        }))
    }

    /// Writes the certificate's record, changed or not, so that whatever else is decided on it waits
    /// for this revocation. Answers whether it was not recorded at all before.
    fn record(&self, view: &View<'_>, change: &mut Change) -> Result<bool, Error> {
        let (issuer, serial) = (self.issuer, self.serial);
        change.assert_standing_of(view, issuer)?;
        if let Some(record) = &self.known.record {
            change.put_certificate(issuer, serial, self.version, record);
            if self.version == Version::ABSENT {
                take_slot_if_left(view, change, issuer, record.partition)?;
            }
            if let (CertificateKind::Ca(ca), true) = (record.kind, self.version == Version::ABSENT)
            {
                note_ca_certificate(view, change, ca, issuer, serial)?;
            }
        }
        Ok(self.version == Version::ABSENT)
    }
}
