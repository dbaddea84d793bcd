//! What the log says of one revoked certificate, in 40 octets.
//!
//! ```text
//! word 0, 1     the number, of 20 octets …
//! word 2        … its end │ position, u32 where it was revoked
//! word 3        revocationDate, u32 │ recorded_at, u32          seconds since 1970
//! word 4        the version:
//!               0 │ kind, 1 bit │ reason, 4 bits │ partition, 24 bits │ notAfter, u32
//!               1 │ …                                      where the exception is, u32
//! ```
//!
//! Times through 2106, partitions and positions below 2^24 and 2^32, end entities and those of which
//! the kind is not known: what does not fit is an [`Exception`], which the version names. So is what a
//! revocation became that was amended. The version is all of a record that ever changes, at once for
//! all who read, and an exception leads to the version before it: a record tells what the log said of
//! the certificate at any position.

use super::{pages::Pages, revoked::RevokedSubject};
use crate::{
    crl::{EntryWriter, ShortEntry, Stopped},
    lifecycle::{CertificateKind, Revocation},
    log::{Position, Subject},
    partition::Partition,
    reason::Reason,
    serial::{Number, Serial},
    time::Timestamp,
};
use prefetch_index::prefetch_index;
use std::{
    array, slice,
    sync::{
        OnceLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// The octets of a record.
pub(super) const OCTETS: usize = 40;

/// What the log says of one revoked certificate.
#[derive(Default)]
pub(crate) struct Record([AtomicU64; 5]);

/// What does not fit into a record.
pub(crate) struct Exception {
    pub(super) is: RevokedSubject,
    /// The version that it replaced.
    pub(super) before: Option<u64>,
    /// From where on no CRL must know of it any more, if that is so.
    pub(super) left: Option<Position>,
}

/// The exceptions of all records.
pub(super) type Exceptions = Pages<OnceLock<Box<Exception>>>;

/// A record as it was at a position.
pub(crate) enum Said<'a> {
    Record(&'a Record, u64),
    Exception(&'a Exception),
}

/// Words 3 and 4 of a record.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    times: u64,
    version: u64,
}

/// Set in a version that names an exception.
const EXCEPTION: u64 = 1 << 63;
const END_ENTITY: u64 = 1 << 60;
const REASON: u32 = 56;
const PARTITION: u32 = 32;

/// As a notAfter: 9999-12-31T23:59:59Z, which RFC 5280 §4.1.2.5 uses for "never".
const NEVER: u32 = u32::MAX;

impl Packed {
    /// What the record says, if it fits.
    pub(super) fn of(is: &RevokedSubject) -> Option<Self> {
        let RevokedSubject { subject, first, last, revocation } = is;
        let fits = first == last
            && u32::try_from(first.0).is_ok()
            && revocation.invalidity_date.is_none()
            && subject.partition.0 < 1 << (REASON - PARTITION);
        let not_after = match subject.not_after {
            None => 0,
            Some(Timestamp::MAX) => NEVER,
            Some(at) => short(at).filter(|&seconds| seconds != 0 && seconds != NEVER)?,
        };
        let kind = match subject.kind {
            CertificateKind::Unknown => 0,
            CertificateKind::EndEntity => END_ENTITY,
            CertificateKind::Ca(_) => return None,
        };
        let reason = revocation.reason.map_or(0, |reason| u64::from(reason.code()) + 1);
        let dates = [short(revocation.date)?, short(revocation.recorded_at)?];
        fits.then_some(Self {
            times: u64::from(dates[0]) << 32 | u64::from(dates[1]),
            version: kind
                | reason << REASON
                | u64::from(subject.partition.0) << PARTITION
                | u64::from(not_after),
        })
    }

    /// What names the exception at this index.
    pub(super) const fn exception(index: u32) -> Self {
        Self { times: 0, version: EXCEPTION | index as u64 }
    }
}

impl Record {
    /// Writes a record that nobody reads yet.
    pub(super) fn write(&self, is: &RevokedSubject, packed: Packed) {
        let number = is.subject.serial.words();
        let position = u64::from(u32::try_from(is.first.0).unwrap_or(u32::MAX));
        let end = u64::from(number.2) << 32 | position;
        let words = [number.0, number.1, end, packed.times, packed.version];
        for (word, value) in self.0.iter().zip(words) {
            word.store(value, Relaxed);
        }
    }

    /// Writes the words of another, which is of the same view or of a chunk, where nobody reads yet.
    #[inline]
    pub(super) fn copy(&self, other: &Self) {
        for (word, other) in self.0.iter().zip(&other.0) {
            word.store(other.load(Relaxed), Relaxed);
        }
    }

    /// Its words as a store keeps them.
    pub(super) fn to_octets(&self) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        for (octets, word) in octets.as_chunks_mut().0.iter_mut().zip(&self.0) {
            *octets = word.load(Acquire).to_be_bytes();
        }
        octets
    }

    /// Reads what [`Record::to_octets`] wrote; nothing where there is no serial number, or a reason that
    /// cannot be recorded.
    #[inline]
    pub(super) fn from_octets(octets: &[u8; OCTETS]) -> Option<Self> {
        let mut words = octets.as_chunks().0.iter().map(|octets| u64::from_be_bytes(*octets));
        let record = Self(array::from_fn(|_| AtomicU64::new(words.next().unwrap_or_default())));
        let version = record.version();
        let is_known = version & EXCEPTION != 0
            || reason_code(version).checked_sub(1).is_none_or(|it| Reason::from_code(it).is_some());
        let (high, middle, end) = record.number();
        // RFC 5280 §4.1.2.2: positive, and no longer than 20 octets with its sign.
        let is_serial = high < 1 << 63 && (high, middle, end) != (0, 0, 0);
        (is_known && is_serial).then_some(record)
    }

    /// What the exception is called, if its place was taken by one.
    #[inline]
    pub(super) fn exception(&self) -> Option<u32> {
        let version = self.version();
        (version & EXCEPTION != 0).then_some(version as u32)
    }

    /// Says that an exception took the place of what it said; answers the version that it had.
    pub(super) fn amend(&self, exception: Packed) {
        let [.., version] = &self.0;
        version.store(exception.version, Release);
    }

    /// The version of what it says now.
    #[inline]
    pub(super) fn version(&self) -> u64 {
        let [.., version] = &self.0;
        version.load(Acquire)
    }

    /// Has the processor fetch it, without waiting for it.
    #[inline]
    pub(super) fn prefetch(&self) {
        // It may begin in one line of the cache and end in the next, as does what is behind it.
        self.prefetch_start();
        prefetch_index(slice::from_ref(self), 1);
    }

    /// Has the processor fetch the line of the cache in which it begins.
    #[inline]
    pub(super) fn prefetch_start(&self) {
        prefetch_index(slice::from_ref(self), 0);
    }

    /// Whether it is about the certificate with this number.
    #[inline]
    pub(super) fn is_about(&self, number: Number) -> bool {
        self.number() == number
    }

    /// The number that it is about.
    #[inline]
    pub(super) fn number(&self) -> Number {
        let [high, middle, end, ..] = &self.0;
        (high.load(Relaxed), middle.load(Relaxed), (end.load(Relaxed) >> 32) as u32)
    }

    /// What it said at this position, if the certificate was revoked then.
    #[inline]
    pub(super) fn at<'a>(
        &'a self,
        position: Position,
        exceptions: &'a Exceptions,
    ) -> Option<Said<'a>> {
        match self.version() {
            version if version & EXCEPTION == 0 => {
                (self.first() <= position).then_some(Said::Record(self, version))
            }
            version => self.before_exceptions(version, position, exceptions),
        }
    }

    /// The version of what it says now, if it said so at this position and is no exception.
    #[inline]
    pub(super) fn usual(&self, position: Position) -> Option<u64> {
        let version = self.version();
        (version & EXCEPTION == 0 && self.first() <= position).then_some(version)
    }

    /// As [`Record::at`], from a version that names an exception.
    #[cold]
    fn before_exceptions<'a>(
        &'a self,
        mut version: u64,
        position: Position,
        exceptions: &'a Exceptions,
    ) -> Option<Said<'a>> {
        while version & EXCEPTION != 0 {
            let exception = exceptions.get(version as u32)?.get()?;
            if exception.is.last <= position {
                return Some(Said::Exception(exception));
            }
            version = exception.before?;
        }
        (self.first() <= position).then_some(Said::Record(self, version))
    }

    #[inline]
    fn first(&self) -> Position {
        let [_, _, end, ..] = &self.0;
        Position(u64::from(end.load(Relaxed) as u32))
    }

    /// How a CRL lists what it said in this version.
    #[inline]
    pub(super) fn entry(&self, version: u64) -> ShortEntry {
        let [.., times, _] = &self.0;
        ShortEntry {
            number: self.number(),
            revocation_date: seconds((times.load(Relaxed) >> 32) as u32),
            code: reason_code(version).saturating_sub(1),
        }
    }

    #[inline]
    fn revocation(&self, version: u64) -> Revocation {
        let [.., times, _] = &self.0;
        let times = times.load(Relaxed);
        Revocation {
            date: seconds((times >> 32) as u32),
            reason: reason(reason_code(version)),
            invalidity_date: None,
            recorded_at: seconds(times as u32),
        }
    }
}

impl Said<'_> {
    /// Whether CRLs made from this position need not know of it any more.
    #[inline]
    pub(super) fn has_left(&self, position: Position) -> bool {
        match self {
            Self::Record(..) => false,
            Self::Exception(exception) => exception.left.is_some_and(|left| left <= position),
        }
    }

    /// The revocation.
    #[inline]
    pub(super) fn revocation(&self) -> Revocation {
        match self {
            Self::Record(record, version) => record.revocation(*version),
            Self::Exception(exception) => exception.is.revocation,
        }
    }

    /// Whether it is not known when the certificate expires.
    #[inline]
    pub(crate) fn lacks_not_after(&self) -> bool {
        match self {
            Self::Record(_, version) => *version as u32 == 0,
            Self::Exception(exception) => exception.is.subject.not_after.is_none(),
        }
    }

    /// Writes how a CRL lists it.
    ///
    /// # Errors
    /// Where the writer stopped.
    #[inline(always)]
    pub(crate) fn write(&self, writer: &mut EntryWriter<'_>) -> Result<(), Stopped> {
        match self {
            Self::Record(record, version) => writer.write_short(record.entry(*version)),
            Self::Exception(exception) => writer.write_any(&exception.is.entry()),
        }
    }

    /// All of it.
    pub(crate) fn subject(&self) -> RevokedSubject {
        let (record, version) = match self {
            Self::Record(record, version) => (record, *version),
            Self::Exception(exception) => return exception.is,
        };
        let not_after = match version as u32 {
            0 => None,
            NEVER => Some(Timestamp::MAX),
            at => Some(seconds(at)),
        };
        let kind = match version & END_ENTITY {
            0 => CertificateKind::Unknown,
            _ => CertificateKind::EndEntity,
        };
        let partition =
            Partition((version >> PARTITION) as u32 & ((1 << (REASON - PARTITION)) - 1));
        RevokedSubject {
            subject: Subject {
                serial: Serial::from_words(record.number()),
                kind,
                partition,
                not_after,
            },
            first: record.first(),
            last: record.first(),
            revocation: record.revocation(version),
        }
    }
}

/// A time as seconds since 1970, if 32 bits hold it.
fn short(at: Timestamp) -> Option<u32> {
    u32::try_from(at.unix()).ok()
}

#[inline]
fn seconds(short: u32) -> Timestamp {
    Timestamp::from_unix_u32(short)
}

/// The code of the reason and one more; 0 where there is none.
#[inline]
const fn reason_code(version: u64) -> u8 {
    (version >> REASON) as u8 & 0xf
}

/// The reason with this code less one; none at 0.
#[inline]
fn reason(code: u8) -> Option<Reason> {
    code.checked_sub(1).and_then(Reason::from_code)
}
