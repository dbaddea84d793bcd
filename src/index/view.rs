//! The revoked certificates of one issuer, as the log has them at any position.
//!
//! ```text
//!             hash            id                      version
//!   serial ──────────▶ lines ─────▶ records in order ─────────▶ exceptions
//!                                   of their arrival            of a few
//! ```
//!
//! A log only grows, and so does the view: what it says of a position never changes. So a snapshot is
//! nothing but a position, and whoever reads one neither waits for whoever adds to it nor keeps
//! anything from being freed.

use super::{
    chunk::Chunk,
    lines::{Full, Lines},
    order::Order,
    pages::{Flat, Pages},
    record::{Exception, Exceptions, Packed, Record, Said},
    revoked::RevokedSubject,
};
use crate::{
    crl::{EntryWriter, Extent, Stopped},
    lifecycle::Revocation,
    log::Position,
    serial::{Number, NumberHash, Serial},
    time::Timestamp,
};
use prefetch_index::prefetch_index;
use std::{
    mem,
    sync::atomic::{
        AtomicU32,
        Ordering::{Acquire, Release},
    },
};

/// How many records are fetched together, while those before them are dealt with.
const AHEAD: usize = 16;

/// After all positions.
const LATEST: Position = Position(u64::MAX);

/// The revoked certificates of one issuer.
pub(super) struct View {
    hash: NumberHash,
    lines: Lines,
    records: Pages<Record>,
    exceptions: Exceptions,
    /// How many records there are.
    count: AtomicU32,
    order: Order,
}

/// How much there is in a view. There is one for each, and who has it may add.
#[derive(Clone, Copy, Default)]
pub(super) struct End {
    records: u32,
    exceptions: u32,
    /// How many of the records are of certificates that no CRL must know of any more.
    left: u32,
    /// What a CRL that lists all others comes to.
    octets: u64,
    /// Of how many certificates it is not known when they expire.
    without_not_after: u32,
    /// No certificate expires before.
    earliest_not_after: Option<Timestamp>,
}

impl End {
    /// Of how many certificates it is not known when they expire.
    pub(super) const fn without_not_after(&self) -> u32 {
        self.without_not_after
    }

    /// What a CRL comes to that lists all certificates, if none of them expires before this.
    pub(super) fn extent_if_none_expires(&self, before: Option<Timestamp>) -> Option<Extent> {
        let expires =
            before.is_some_and(|before| self.earliest_not_after.is_some_and(|it| it < before));
        let entries = (self.records - self.left).into();
        (!expires).then_some(Extent { entries, octets: self.octets })
    }

    fn count_in(&mut self, is: &RevokedSubject) {
        self.octets += is.entry().encoded_length();
        let not_after = is.subject.not_after;
        self.without_not_after += u32::from(not_after.is_none());
        // Of one of which it is not known, nothing is earlier.
        let both = [self.earliest_not_after, not_after];
        self.earliest_not_after = both.into_iter().flatten().min();
    }

    fn count_out(&mut self, is: &RevokedSubject) {
        self.octets -= is.entry().encoded_length();
        self.without_not_after -= u32::from(is.subject.not_after.is_none());
    }
}

impl View {
    /// A view of nothing, with room for so many certificates, under a secret key.
    pub(super) fn new(key: &[u8; 16], room: u64) -> (Self, End) {
        let view = Self {
            hash: NumberHash::new(key),
            lines: Lines::with_room_for(room),
            records: Pages::default(),
            exceptions: Pages::default(),
            count: AtomicU32::new(0),
            order: Order::default(),
        };
        (view, End::default())
    }

    /// Takes in what entries say of a certificate, if it does not know them.
    ///
    /// # Errors
    /// Where there are too many certificates. Nothing is taken in then.
    pub(super) fn add(&self, end: &mut End, later: RevokedSubject) -> Result<(), Full> {
        let serial = later.subject.serial;
        let Some(record) = self.record(serial, self.hash(serial)) else {
            return self.add_new(end, later);
        };
        let Some(found) = record.at(LATEST, &self.exceptions) else { return Ok(()) };
        let known = found.subject();
        if known.last < later.last {
            // One that had left is revoked anew: nothing of before counts.
            let has_left = found.has_left(LATEST);
            let is = if has_left { later } else { known.amended(later) };
            self.amend(end, record, is, None)?;
            if has_left {
                end.left -= 1;
            } else {
                end.count_out(&known);
            }
            end.count_in(&is);
        }
        Ok(())
    }

    /// Takes in what a chunk says of certificates that it does not know.
    ///
    /// # Errors
    /// Where there are too many certificates.
    pub(super) fn add_chunk(&self, end: &mut End, chunk: &Chunk) -> Result<(), Full> {
        for group in chunk.records().chunks(AHEAD) {
            group.iter().for_each(|record| self.prefetch_line(self.hash.of(record.number())));
            for record in group {
                match chunk.said(record) {
                    Some(Said::Exception(exception)) => self.add_new(end, exception.is)?,
                    Some(said @ Said::Record(..)) => {
                        self.insert(end, record.number(), |place| place.copy(record))?;
                        end.count_in(&said.subject());
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn add_new(&self, end: &mut End, is: RevokedSubject) -> Result<(), Full> {
        let packed = Packed::of(&is)
            .map_or_else(|| self.except(end, Exception { is, before: None, left: None }), Ok)?;
        self.insert(end, is.subject.serial.words(), |place| place.write(&is, packed))?;
        end.count_in(&is);
        Ok(())
    }

    /// Adds the record that `write` writes, of a number that it does not know.
    fn insert(
        &self,
        end: &mut End,
        number: Number,
        write: impl FnOnce(&Record),
    ) -> Result<(), Full> {
        let id = end.records;
        write(self.records.get_or_make(id).ok_or(Full)?);
        let count = u64::from(id) + 1;
        self.lines.insert(self.hash.of(number), id, count, |id| {
            self.hash.of(self.records.get(id).map(Record::number).unwrap_or_default())
        })?;
        end.records = id.checked_add(1).ok_or(Full)?;
        self.count.store(end.records, Release);
        Ok(())
    }

    /// Says from here on this of a certificate.
    fn amend(
        &self,
        end: &mut End,
        record: &Record,
        is: RevokedSubject,
        left: Option<Position>,
    ) -> Result<(), Full> {
        let before = Some(record.version());
        record.amend(self.except(end, Exception { is, before, left })?);
        Ok(())
    }

    /// Keeps what does not fit into a record.
    fn except(&self, end: &mut End, exception: Exception) -> Result<Packed, Full> {
        let index = end.exceptions;
        let place = self.exceptions.get_or_make(index).ok_or(Full)?;
        place.get_or_init(|| Box::new(exception));
        end.exceptions = index.checked_add(1).ok_or(Full)?;
        Ok(Packed::exception(index))
    }

    /// Makes it say what another view does, of which this is the end: what entries say that CRLs made
    /// from this position must know of. What the other does not know has left by then.
    ///
    /// # Errors
    /// Where there are too many certificates. It says less then, and of none of them what was never
    /// so.
    pub(super) fn absorb(
        &self,
        end: &mut End,
        other: &Self,
        known: &End,
        position: Position,
    ) -> Result<(), Full> {
        for is in (0..known.records).filter_map(|id| other.latest(id)).map(|it| it.subject()) {
            let serial = is.subject.serial;
            let Some(record) = self.record(serial, self.hash(serial)) else {
                self.add_new(end, is)?;
                continue;
            };
            let found = record.at(LATEST, &self.exceptions);
            if found.is_none_or(|found| found.has_left(LATEST) || found.subject() != is) {
                self.amend(end, record, is, None)?;
            }
        }
        for record in (0..end.records).filter_map(|id| self.records.get(id)) {
            let Some(found) = record.at(LATEST, &self.exceptions) else { continue };
            let is = found.subject();
            let serial = is.subject.serial;
            let is_known = other.record(serial, other.hash(serial)).is_some();
            if !is_known && !found.has_left(LATEST) {
                self.amend(end, record, is, Some(position))?;
            }
        }
        let End { records, exceptions, .. } = *end;
        *end = End { records, exceptions, left: records - known.records, ..*known };
        Ok(())
    }

    /// The last that is said of a certificate.
    fn latest(&self, id: u32) -> Option<Said<'_>> {
        self.records.get(id)?.at(LATEST, &self.exceptions)
    }

    #[inline]
    pub(super) fn hash(&self, serial: Serial) -> u64 {
        self.hash.of(serial.words())
    }

    #[inline]
    fn record(&self, serial: Serial, hash: u64) -> Option<&Record> {
        let number = serial.words();
        let look = move |id| self.records.get(id).filter(|record| record.is_about(number));
        self.lines.find(hash, look)
    }

    /// Has the processor fetch what a look-up of this hash starts with.
    #[inline]
    pub(super) fn prefetch_line(&self, hash: u64) {
        self.lines.prefetch(hash);
    }

    /// As [`View::prefetch_line`], what it most likely goes on with.
    #[inline]
    pub(super) fn prefetch_record(&self, hash: u64) {
        let record = self.lines.candidate(hash).and_then(|id| self.records.get(id));
        if let Some(record) = record {
            record.prefetch();
        }
    }

    /// How many lines are searched for a serial number, at most.
    #[cfg(test)]
    pub(super) fn lines_searched(&self, serial: Serial) -> u32 {
        self.lines.searched(self.hash(serial))
    }
}

/// A view of a log up to a position.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    pub(super) view: &'a View,
    pub(super) position: Position,
}

impl Snapshot<'_> {
    /// How far the log was read.
    #[inline]
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// The revocation of this serial number, if it is revoked.
    #[inline]
    pub(crate) fn find(&self, serial: Serial) -> Option<Revocation> {
        self.find_hashed(serial, self.view.hash(serial))
    }

    /// As [`Snapshot::find`], with its hash.
    #[inline]
    pub(super) fn find_hashed(&self, serial: Serial, hash: u64) -> Option<Revocation> {
        Some(self.at(self.view.record(serial, hash)?)?.revocation())
    }

    #[inline]
    fn at<'a>(&'a self, record: &'a Record) -> Option<Said<'a>> {
        record.at(self.position, &self.view.exceptions)
    }

    /// Visits what the log says of each certificate that CRLs must know of, in the order of the serial
    /// numbers.
    ///
    /// # Errors
    /// Where `visit` fails.
    pub(crate) fn each<E>(
        &self,
        mut visit: impl FnMut(RevokedSubject) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_record(|record| {
            self.listed(record).map_or(Ok(()), |found| visit(found.subject()))
        })
    }

    /// Writes the entry of each certificate on a CRL, in the order of the serial numbers.
    ///
    /// # Errors
    /// Where the writer stopped.
    pub(crate) fn write_entries(&self, writer: &mut EntryWriter<'_>) -> Result<(), Stopped> {
        self.each_record(|record| match record.usual(self.position) {
            Some(version) => writer.write_short(record.entry(version)),
            None => self.write_unusual(record, writer),
        })
    }

    #[cold]
    fn write_unusual(&self, record: &Record, writer: &mut EntryWriter<'_>) -> Result<(), Stopped> {
        self.listed(record).map_or(Ok(()), |found| found.write(writer))
    }

    /// What the log says of a certificate of which CRLs must know.
    #[inline]
    fn listed<'a>(&'a self, record: &'a Record) -> Option<Said<'a>> {
        self.at(record).filter(|found| !found.has_left(self.position))
    }

    #[inline]
    fn each_record<E>(&self, mut visit: impl FnMut(&Record) -> Result<(), E>) -> Result<(), E> {
        let records = self.view.records.flat();
        let number = |id| records.get(id).map(Record::number).unwrap_or_default();
        let leaves = self.view.order.of(self.view.count.load(Acquire), number);
        let mut groups = leaves.iter().flat_map(|leaf| leaf.ids.chunks(AHEAD));
        let (mut some, mut others) = ([None; AHEAD], [None; AHEAD]);
        let (mut group, mut next) = (&mut some, &mut others);
        let mut following = groups.next().unwrap_or_default();
        loop {
            mem::swap(&mut group, &mut next);
            let ids = mem::replace(&mut following, groups.next().unwrap_or_default());
            // They may lie in two lines of the cache.
            prefetch_index(following, 0);
            prefetch_index(following, AHEAD - 1);
            look_ahead(&records, ids, next);
            group.iter().flatten().try_for_each(|record| visit(record))?;
            if ids.is_empty() {
                return Ok(());
            }
        }
    }

    /// What the log says of this serial number, if it is revoked.
    #[cfg(test)]
    pub(super) fn subject(&self, serial: Serial) -> Option<RevokedSubject> {
        let record = self.view.record(serial, self.view.hash(serial))?;
        self.at(record).map(|found| found.subject())
    }
}

/// Looks records up, and has the processor fetch them.
#[inline]
fn look_ahead<'a>(
    records: &Flat<'a, Record>,
    ids: &[u32],
    found: &mut [Option<&'a Record>; AHEAD],
) {
    if let Some(run) = ids.first_chunk().and_then(|ids| run(records, ids)) {
        found.iter_mut().zip(run).for_each(|(found, record)| *found = Some(record));
        // In each line of the cache that they take, one of them begins, but perhaps in the last.
        run.iter().for_each(Record::prefetch_start);
        if let Some(last) = run.last() {
            last.prefetch();
        }
    } else {
        *found = [None; AHEAD];
        found.iter_mut().zip(ids).for_each(|(found, id)| *found = records.get(*id));
        found.iter().flatten().for_each(|record| record.prefetch());
    }
}

/// The records of these ids, if they lie one behind the other.
#[inline]
fn run<'a>(records: &Flat<'a, Record>, ids: &[u32; AHEAD]) -> Option<&'a [Record]> {
    let [first, ..] = *ids;
    // As one sum and without a branch, for the processor then compares several at once.
    let differences = ids.iter().zip(0..).map(|(id, at)| id ^ first.wrapping_add(at));
    let are_successive = differences.fold(0, |sum, difference| sum | difference) == 0;
    are_successive.then(|| records.run(first, ids.len())).flatten()
}
