//! Revoking one certificate, and amending a revocation.

use super::{Authority, Error, change::Change, issuers::is_its_own, view::View};
use crate::{
    certificate::Certificate,
    issuer_id::IssuerId,
    lifecycle::{
        self, Amendment, CertificateKind, Known, Labels, Origin, Refusal, Revocation,
        RevocationDetails,
    },
    log::{CommandId, Event, Position, Subject},
    reason::Reason,
    serial::Serial,
    store::{Store, Version},
    time::Timestamp,
};

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
    /// [`Refusal::AlreadyRevoked`] with the original, [`Refusal::UnknownCertificate`],
    /// [`Refusal::ForeignCertificate`], [`Refusal::Expired`], [`Refusal::SelfSigned`],
    /// [`Refusal::DateInFuture`], [`Refusal::ReasonNotAllowed`], [`Refusal::ReasonRequired`].
    pub fn revoke(&self, revoke: &Revoke) -> Result<Revoked, Error> {
        let now = self.clock.now();
        self.decide(revoke.command, |view, change| {
            let found = self.find(view, &revoke.target, now)?;
            let (issuer, serial) = (found.issuer, found.serial);
            if let Some(done) = found.done_by(view, revoke.command)? {
                return Ok(done);
            }
            let revocation = found.known.revoke(revoke.details, &self.policy, now)?;
            let subject = found.subject();
            let discovered = found.record(change);
            change.push(issuer, Event::Revoked { subject, revocation });
            let fallen = match subject.kind {
                CertificateKind::Ca(ca) => {
                    self.fall_with_certificate(view, change, ca, issuer, serial, revocation)?
                }
                CertificateKind::Unknown | CertificateKind::EndEntity => None,
            };
            let position = change.position_of_last(view, issuer)?;
            let repeated = false;
            Ok(Revoked { issuer, serial, revocation, position, discovered, fallen, repeated })
        })
    }

    /// Makes a revocation graver, or earlier: the only two ways in which it can change.
    ///
    /// # Errors
    /// [`Refusal::NotRevoked`], [`Refusal::IllegalAmendment`], and as [`Authority::revoke`].
    pub fn amend(&self, amend: &Amend) -> Result<Amended, Error> {
        let now = self.clock.now();
        self.decide(amend.command, |view, change| {
            let found = self.find(view, &amend.target, now)?;
            let (issuer, serial) = (found.issuer, found.serial);
            let history = found.known.revocation.as_ref().ok_or(Refusal::NotRevoked { serial })?;
            let replaced = history.current;
            let not_before = found.known.record.as_ref().and_then(|record| record.not_before);
            let revocation = amend.amendment.decide(&replaced, not_before, &self.policy, now)?;
            let event = Event::Amended { subject: found.subject(), revocation, replaced };
            change.push(issuer, event);
            let position = change.position_of_last(view, issuer)?;
            Ok(Amended { issuer, serial, revocation, replaced, position })
        })
    }

    /// What is known of the certificate that a command is about.
    fn find(&self, view: &View<'_>, target: &Target, now: Timestamp) -> Result<Found, Error> {
        let (issuer, serial, certificate) = match target {
            Target::Serial { issuer, serial } => (*issuer, *serial, None),
            Target::Certificate(certificate) => {
                let issuer = self.issuer_of(certificate, &view.issuers()?)?;
                (issuer, certificate.serial().to_serial()?, Some(certificate))
            }
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
                return Ok(Found { issuer, serial, version, known, changed: false });
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
        let record = registration.discover(&known, now)?;
        let changed = record.is_some();
        known.record = record.or(known.record);
        Ok(Found { issuer, serial, version, known, changed })
    }
}

/// The certificate that a command is about, and what is to be recorded of it besides.
struct Found {
    issuer: IssuerId,
    serial: Serial,
    version: Version,
    known: Known,
    changed: bool,
}

impl Found {
    fn subject(&self) -> Subject {
        let record = self.known.record.as_ref();
        Subject {
            serial: self.serial,
            kind: record.map_or(CertificateKind::Unknown, |record| record.kind),
            partition: record.map(|record| record.partition).unwrap_or_default(),
            not_after: record.and_then(|record| record.not_after),
        }
    }

    /// What this command did when it was carried out before, if it was.
    fn done_by(
        &self,
        view: &View<'_>,
        command: Option<CommandId>,
    ) -> Result<Option<Revoked>, Error> {
        let (issuer, serial, partition) = (self.issuer, self.serial, self.subject().partition);
        let Some(command) = command else { return Ok(None) };
        let entries = view.entries_of(issuer, partition, serial)?;
        Ok(entries.first().filter(|(_, entry)| entry.command == command).and_then(
            |(position, entry)| match entry.event {
                Event::Revoked { revocation, .. } => Some(Revoked {
                    issuer,
                    serial,
                    revocation,
                    position: *position,
                    discovered: false,
                    fallen: None,
                    repeated: true,
                }),
                _ => None,
            },
        ))
    }

    /// Writes the certificate's record where it changed, and holds on to it where it did not.
    /// Answers whether it was not recorded at all before.
    fn record(&self, change: &mut Change) -> bool {
        match &self.known.record {
            Some(record) if self.changed => {
                change.put_certificate(self.issuer, self.serial, self.version, record);
                record.origin == Origin::Discovered && self.version == Version::ABSENT
            }
            _ => {
                change.assert_certificate(self.issuer, self.serial, self.version);
                false
            }
        }
    }
}
