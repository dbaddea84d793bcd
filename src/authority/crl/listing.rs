//! What a CRL lists, read from a frozen view each time.

use crate::{
    authority::{
        release::{Release, Retention},
        view::{Checkpoint, Folded, Lost, View, check_tally, entry, fold_rows},
    },
    crl::{AppendedEntry, CrlEntry, CrlError, CrlNumber, Entries, EntryWriter, Extent, Stopped},
    index::{Live, RevokedSubject},
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, CertificateRecord, Invalidation},
    log::{Head, Subject, Tally},
    partition::Partition,
    reason::Reason,
    scope::Scope,
    serial::Serial,
    store::{Space, Store, StoreError, key},
    time::Timestamp,
};
use std::{
    cell::{Cell, OnceCell},
    ops::ControlFlow,
};

/// The longest CRL that the widespread verifiers read: OpenSSL's lengths end at 2 GiB.
pub(super) const LONGEST: u64 = i32::MAX as u64;

/// How many entries are handed on together.
const RUN: usize = 1024;

/// The most entries that are held from when they are measured to when they are written: a MiB of them.
const HELD: usize = (1 << 20) / size_of::<CrlEntry>();

/// The entries of a complete CRL, or of a delta CRL to a base.
pub(super) struct Listing<'a> {
    pub(super) view: &'a View<'a>,
    /// What is in memory of all that the view shows, if that is there.
    pub(super) live: Option<Live<'a>>,
    /// A checkpoint that comes to all that the view shows, if nothing is in memory.
    pub(super) checkpoint: Option<&'a Checkpoint>,
    /// Where the chunks of the checkpoint are read.
    pub(super) store: &'a dyn Store,
    /// Whether a chunk was lost.
    pub(super) lost: &'a Cell<bool>,
    pub(super) issuer: IssuerId,
    pub(super) scope: Scope,
    pub(super) head: Head,
    pub(super) this_update: Timestamp,
    /// The number of the CRL.
    pub(super) number: CrlNumber,
    /// What brought the issuer down, where its CRLs list what that invalidates.
    pub(super) invalidation: Option<Invalidation>,
    /// What may leave.
    pub(super) retention: Option<Retention>,
    /// The complete CRL that a delta adds to.
    pub(super) base: Option<&'a Release>,
    /// How many entries stay because nobody knows when they expire, as of the last reading.
    pub(super) without_not_after: Cell<u64>,
    /// What is said before it is read, so that it is read only once: that all are listed.
    pub(super) guess: Option<Extent>,
    /// What was read to be measured, if that is not much, so that it is read only once: most
    /// partitions are so short.
    pub(super) held: OnceCell<Vec<CrlEntry>>,
}

impl Entries for Listing<'_> {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        if let Some(held) = self.held.get() {
            return visit(held);
        }
        let mut run = Run { entries: Vec::with_capacity(RUN), visit };
        self.each(|listed| match listed {
            Listed::Entry(entry) => run.push(entry),
            Listed::Removed(..) => Ok(()),
        })?;
        run.flush()
    }

    fn write(&self, writer: &mut EntryWriter<'_>) -> Result<(), CrlError> {
        if let Some((live, _)) = self.all() {
            self.without_not_after.set(live.without_not_after());
            return live.write_entries(writer).map_err(|stopped| writer.failure(stopped));
        }
        if let Some(checkpoint) = self.checkpoint.filter(|_| self.guess.is_some()) {
            return self.write_checkpoint(checkpoint, writer);
        }
        self.for_each(&mut |run| writer.write(run))
    }

    fn extent(&self) -> Result<Extent, CrlError> {
        match (self.all(), self.guess) {
            (Some((_, extent)), _) | (None, Some(extent)) => Ok(extent),
            (None, None) => self.measure(),
        }
    }
}

/// What a CRL says of one certificate.
enum Listed {
    Entry(CrlEntry),
    /// It was on the base and has left: removeFromCRL (RFC 5280 §5.3.1).
    Removed(Serial, Timestamp),
}

impl Listing<'_> {
    /// Guesses what entries from the store come to: what all of the live ones do. Where some are not
    /// listed, a reading ends at the first of these with [`CrlError::EntriesChanged`].
    pub(super) fn guessing(mut self) -> Self {
        // One that is too long for a CRL is not what is listed, if a CRL can be made at all.
        let listed = Some(self.head.listed).filter(|listed| listed.octets < LONGEST / 2);
        let expired_before = self.retention.map(|retention| retention.expired_before);
        // One that knows better is worth two readings, and is quick to read.
        let expires = self.checkpoint.is_some_and(|it| it.expires_before(expired_before));
        self.guess = listed.filter(|_| self.live.is_none() && !expires && self.may_list_all());
        self
    }

    /// Reads all, and keeps it if it is not much.
    fn measure(&self) -> Result<Extent, CrlError> {
        let (mut extent, mut held) = (Extent::default(), Vec::new());
        self.for_each(&mut |run| {
            extent.add_all(run);
            if extent.entries <= HELD as u64 {
                held.extend_from_slice(run);
            }
            Ok(())
        })?;
        if held.len() as u64 == extent.entries {
            // Where it was measured before, it came to the same.
            let _ = self.held.set(held);
        }
        Ok(extent)
    }

    /// After this error, goes back to reading and measuring what is in the store, if that may help.
    fn measures_after(&mut self, error: &CrlError) -> bool {
        let may_help = match error {
            CrlError::EntriesChanged { .. } => true,
            // It is out.
            CrlError::NotDurable { .. } => false,
            // Whoever reads the octets of a CRL to sign them has his own words for one that is lost.
            _ => self.lost.get(),
        };
        if !may_help {
            return false;
        }
        let known = self.live.take().is_some() | self.checkpoint.take().is_some();
        known | self.guess.take().is_some()
    }

    /// Does something with what is listed, once more where it was not what was known.
    pub(super) fn try_to<T>(
        &mut self,
        mut act: impl FnMut(&Self) -> Result<T, CrlError>,
    ) -> Result<T, CrlError> {
        match act(self) {
            // If anything was signed, it has not left.
            Err(error) if self.measures_after(&error) => act(self),
            done => done,
        }
    }

    /// Whether nothing is known that keeps any entry from being listed as it stands.
    fn may_list_all(&self) -> bool {
        // A date that is cut off may be written in another form.
        let are_past = self.head.newest_date <= Some(self.this_update);
        are_past && self.scope == Scope::Full && self.base.is_none() && self.invalidation.is_none()
    }

    /// What is in memory, and what it comes to, where all of that is listed as it stands there.
    fn all(&self) -> Option<(&Live<'_>, Extent)> {
        let expired_before = self.retention.map(|retention| retention.expired_before);
        let live = self.live.as_ref().filter(|_| self.may_list_all())?;
        Some((live, live.extent_if_none_expires(expired_before)?))
    }

    /// Writes all that a checkpoint comes to, as it stands there.
    fn write_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        writer: &mut EntryWriter<'_>,
    ) -> Result<(), CrlError> {
        let mut without_not_after = 0_u64;
        let written = checkpoint.each::<Unwritten>(self.view, self.store, |said| {
            without_not_after += u64::from(said.lacks_not_after());
            Ok(said.write(writer)?)
        });
        self.without_not_after.set(without_not_after);
        written.map_err(|unwritten| match unwritten {
            Unwritten::Stopped(stopped) => writer.failure(stopped),
            unwritten => self.failure(unwritten),
        })
    }

    fn failure(&self, unwritten: Unwritten) -> CrlError {
        match unwritten {
            Unwritten::Failed(error) => error,
            Unwritten::Lost | Unwritten::Stopped(_) => {
                self.lost.set(true);
                CrlError::EntriesChanged { number: self.number }
            }
        }
    }

    /// What a delta says has left since its base.
    pub(super) fn removed(&self) -> Result<Vec<AppendedEntry>, CrlError> {
        let mut removed = Vec::new();
        if self.base.is_some() {
            self.each(|listed| {
                if let Listed::Removed(serial, date) = listed {
                    removed.push(AppendedEntry::removed(serial, date));
                }
                Ok(())
            })?;
        }
        Ok(removed)
    }

    fn each(&self, mut visit: impl FnMut(Listed) -> Result<(), CrlError>) -> Result<(), CrlError> {
        self.without_not_after.set(0);
        if let (Some(live), None, None) = (&self.live, &self.invalidation, self.partition()) {
            return live.each(|subject| self.decide(&subject, &mut visit));
        }
        if let (Some(checkpoint), None, None) =
            (self.checkpoint, &self.invalidation, self.partition())
        {
            let read = checkpoint.each::<Unwritten>(self.view, self.store, |said| {
                Ok(self.decide(&said.subject(), &mut visit)?)
            });
            return read.map_err(|unwritten| self.failure(unwritten));
        }
        let tally = match &self.invalidation {
            None => self.each_revoked(&mut visit)?,
            Some(invalidation) => self.each_certificate(invalidation, &mut visit)?,
        };
        let expected = self.view.tally(self.issuer, &self.head, self.scope);
        let expected = expected.map_err(CrlError::entries)?;
        check_tally(self.issuer, self.head.position, &expected, &tally).map_err(CrlError::entries)
    }

    /// The partition that it is about, if it is about one.
    fn partition(&self) -> Option<Partition> {
        match self.scope {
            Scope::Partition(partition) => Some(partition),
            _ => None,
        }
    }

    /// Every certificate that the log revokes.
    fn each_revoked(
        &self,
        visit: &mut impl FnMut(Listed) -> Result<(), CrlError>,
    ) -> Result<Tally, CrlError> {
        let mut folded = Folded::default();
        self.view.live_by_serial(self.issuer, self.scope, |key, value| {
            if let Some(done) = folded.add(key, value)? {
                self.decide(&done, visit)?;
            }
            Ok::<_, Failed>(ControlFlow::Continue(()))
        })?;
        let (last, tally) = folded.finish();
        last.map_or(Ok(()), |last| self.decide(&last, visit))?;
        Ok(tally)
    }

    fn decide(
        &self,
        revoked: &RevokedSubject,
        visit: &mut impl FnMut(Listed) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        let &RevokedSubject { subject, first, last, revocation } = revoked;
        let Subject { serial, kind, not_after, .. } = subject;
        if !self.is_about(kind) {
            return Ok(());
        }
        let is_listed = self.keeps(revoked, self.retention)?;
        if is_listed && not_after.is_none() {
            self.without_not_after.set(self.without_not_after.get().saturating_add(1));
        }
        let Some(base) = self.base else {
            return match (is_listed, self.guess) {
                (true, _) => visit(self.entry(revoked)),
                (false, None) => Ok(()),
                (false, Some(_)) => Err(CrlError::EntriesChanged { number: self.number }),
            };
        };
        let base_position = base.as_of.position(self.issuer);
        let was_listed = first <= base_position && self.keeps(revoked, base.retention)?;
        // A notAfter that the record learnt of since may keep what the base had let go.
        let may_lack = base
            .retention
            .is_some_and(|retention| not_after.is_some_and(|at| retention.lets_go(first, at)));
        match (is_listed, was_listed) {
            (true, true) if last <= base_position && !may_lack => Ok(()),
            (true, _) => visit(self.entry(revoked)),
            (false, true) => visit(Listed::Removed(serial, revocation.date.min(self.this_update))),
            (false, false) => Ok(()),
        }
    }

    /// Whether a certificate must be listed where this may leave.
    fn keeps(
        &self,
        &RevokedSubject { subject, first, .. }: &RevokedSubject,
        retention: Option<Retention>,
    ) -> Result<bool, CrlError> {
        let (Some(retention), Some(not_after)) = (retention, subject.not_after) else {
            return Ok(true);
        };
        if !retention.lets_go(first, not_after) {
            return Ok(true);
        }
        // The record may have learnt of a later notAfter since it was revoked.
        let (_, record) =
            self.view.certificate(self.issuer, subject.serial).map_err(CrlError::entries)?;
        let recorded = record.and_then(|record| record.not_after);
        Ok(recorded.is_some_and(|later| !retention.lets_go(first, later)))
    }

    /// Every certificate, revoked itself or invalidated with its issuer.
    fn each_certificate(
        &self,
        invalidation: &Invalidation,
        visit: &mut impl FnMut(Listed) -> Result<(), CrlError>,
    ) -> Result<Tally, CrlError> {
        let mut tally = Tally::default();
        self.view.certificates_with_entries(
            self.issuer,
            self.partition(),
            None,
            |serial, record, rows| {
                rows.iter().for_each(|(_, value)| tally.add(value));
                let first = rows.first().map(|(key, _)| key::position(key));
                match fold_rows(&rows)? {
                    Some(history) => {
                        let mut subject: Option<RevokedSubject> = None;
                        for (key, value) in &rows {
                            let position = key::position(key);
                            let entry = entry(Space::Entries, key, value)?;
                            let next = RevokedSubject::of(&entry.event, position);
                            subject = match (subject, next) {
                                (Some(known), Some(next)) => Some(known.amended(next)),
                                (known, next) => known.or(next),
                            };
                        }
                        if let (Some(subject), Some(first)) = (subject, first) {
                            let revocation = history.current;
                            self.decide(&RevokedSubject { first, revocation, ..subject }, visit)?;
                        }
                    }
                    None if self.is_about(record.kind) && self.keeps_invalidated(&record) => {
                        visit(Listed::Entry(self.invalidated(serial, &record, invalidation)))?;
                    }
                    None => {}
                }
                Ok::<_, Failed>(ControlFlow::Continue(()))
            },
        )?;
        Ok(tally)
    }

    /// Whether a certificate that is not revoked itself is still listed with its issuer.
    fn keeps_invalidated(&self, record: &CertificateRecord) -> bool {
        let Some(not_after) = record.not_after else {
            self.without_not_after.set(self.without_not_after.get().saturating_add(1));
            return true;
        };
        let retention = self.retention.as_ref();
        !retention.is_some_and(|it| it.lets_go_invalidated(record.recorded_at, not_after))
    }

    /// Whether certificates of this kind belong to the scope. One of which it is not known is
    /// listed twice rather than never.
    fn is_about(&self, kind: CertificateKind) -> bool {
        !matches!(
            (self.scope, kind),
            (Scope::CaCertificates, CertificateKind::EndEntity)
                | (Scope::UserCertificates, CertificateKind::Ca(_))
        )
    }

    fn entry(&self, revoked: &RevokedSubject) -> Listed {
        let entry = revoked.entry();
        // Only a clock that somebody set right leaves later ones: RFC 5280 has no future.
        let revocation_date = entry.revocation_date.min(self.this_update);
        Listed::Entry(CrlEntry { revocation_date, ..entry })
    }

    /// The entry of a certificate whose issuer came down.
    fn invalidated(
        &self,
        serial: Serial,
        record: &CertificateRecord,
        by: &Invalidation,
    ) -> CrlEntry {
        let date = record.not_before.map_or(by.at, |not_before| by.at.max(not_before));
        let reason = match (record.kind, by.reason) {
            (CertificateKind::Unknown | CertificateKind::EndEntity, _) => None,
            // The key of the CA below is not known to be compromised, but what vouched for it is;
            // the entry of a CA must say something (CA/B forum baseline requirements §7.2.2).
            (CertificateKind::Ca(_), Some(Reason::KeyCompromise | Reason::CaCompromise)) => {
                Some(Reason::CaCompromise)
            }
            (CertificateKind::Ca(_), None | Some(Reason::Unspecified)) => {
                Some(Reason::CessationOfOperation)
            }
            (CertificateKind::Ca(_), reason) => reason,
        };
        CrlEntry {
            serial,
            revocation_date: date.min(self.this_update),
            reason,
            invalidity_date: None,
        }
    }
}

/// Gathers entries into runs.
struct Run<'a> {
    entries: Vec<CrlEntry>,
    visit: &'a mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
}

impl Run<'_> {
    fn push(&mut self, entry: CrlEntry) -> Result<(), CrlError> {
        self.entries.push(entry);
        if self.entries.len() < RUN { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), CrlError> {
        (self.visit)(&self.entries)?;
        self.entries.clear();
        Ok(())
    }
}

/// What kept the entries of a checkpoint from being written.
enum Unwritten {
    Lost,
    Stopped(Stopped),
    Failed(CrlError),
}

impl From<Lost> for Unwritten {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

impl From<Stopped> for Unwritten {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<CrlError> for Unwritten {
    fn from(error: CrlError) -> Self {
        Self::Failed(error)
    }
}

/// What stopped a scan: the store, or who took the entries.
struct Failed(CrlError);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(CrlError::entries(error))
    }
}

impl From<CrlError> for Failed {
    fn from(error: CrlError) -> Self {
        Self(error)
    }
}

impl From<Failed> for CrlError {
    fn from(failed: Failed) -> Self {
        failed.0
    }
}
