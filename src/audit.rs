//! The audit: every attempt, done or refused, in chains that tell what was changed in them.
//!
//! ```text
//! writer a   1 ◀── 2 ◀── 3 ◀── 4 ◀── 5
//!                  ▲           │
//!                  └─────┐     ▼
//! writer b               1 ◀── 2 ◀── 3
//! ```
//!
//! Each writer has a chain of its own, so none waits for another: an event holds the hash of the one
//! before. Now and then an event also holds the ends of the other chains that nobody holds yet. So
//! every event is below one of the few ends that are left, and these are the head of the audit.

mod csv;
mod event;
mod export;
mod json;
mod record;
mod verify;

pub use self::{
    event::{AuditEvent, AuditOutcome, AuditTarget},
    export::{AuditExportError, AuditExported, AuditFilter, verify_audit_export},
    record::{AuditHead, AuditPoint, AuditWriter, BadAuditHead},
    verify::{AuditProblem, AuditTampering, AuditVerified},
};

use self::record::{EVENTS, Record, SPACE, TABLE, event_key, tip_key};
use crate::{
    request::{Rate, Throttle},
    retry::Retry,
    store::{
        Assert, Batch, Put, Record as StoredRecord, Retire, Snapshot, Store, StoreError, Version,
    },
    time::Timestamp,
    together::{Together, lock},
};
use std::{
    fmt, io,
    num::NonZeroU32,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The audit in a store, and one writer of it.
///
/// # What it finds, and what it cannot
///
/// [`Audit::verify`] finds, and locates, an event that was changed, left out, put elsewhere or added
/// where a chain did not have it, a chain that lacks its end, and a chain that is gone.
///
/// There is no key in the hashes: who can write to the store, and knows all this, can make a record
/// that never was and all the hashes after it. What holds him is a [head](Audit::head) that was
/// published where he cannot take it back, or an export that somebody else has: nothing that is below
/// it can be changed or left out without being found, and what is above it can. So publish one as
/// often as what lies between may be lost.
///
/// Other chains hold a chain from their next event on that is the 64th since they last did so, or a
/// minute later by the times of the events, which a clock that steps back holds up; where events of many
/// threads are written together, from the first of those, which are 250 at most. Until then, who
/// removes events from the end of a chain, and changes what the store says of where it ends, is found by
/// a published head alone.
///
/// ```
/// use annul::{Audit, AuditEvent, AuditOutcome, AuditWriter, MemoryStore, Timestamp};
/// use std::time::Instant;
///
/// // Drawn at random when the process starts.
/// let writer = AuditWriter([7; 16]);
/// let audit = Audit::new(MemoryStore::new(), writer);
/// let event = AuditEvent::new(Timestamp::UNIX_EPOCH, "RevokeCertificate", AuditOutcome::Done);
/// audit.record(&event, Instant::now())?;
///
/// let published = audit.head()?;
/// audit.record(&event, Instant::now())?;
/// assert_eq!(audit.verify(&[published])?.events, 2);
/// # Ok::<(), annul::AuditError>(())
/// ```
pub struct Audit<S> {
    store: S,
    writer: AuditWriter,
    refused: Throttle,
    /// How many were refused too many since an event said so.
    suppressed: AtomicU64,
    waiting: Together<Vec<AuditEvent>, Result<(), AuditError>>,
    chain: Mutex<Chain>,
}

/// What became of events that were handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audited {
    /// So many are durable.
    pub written: u64,
    /// So many were refused attempts too many, and are only counted.
    pub suppressed: u64,
}

/// Why an audit could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Others that wrote were faster, again and again. The event was not written.
    #[error("others that wrote to the audit were faster {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// It is not what was written.
    #[error(transparent)]
    Tampered(#[from] AuditTampering),
    /// The store failed. The event may have been written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An export could not be written.
    #[error("the export cannot be written")]
    Output(#[source] io::Error),
    /// Writing events of several threads together failed; the source says whether they may be there all
    /// the same.
    #[error("writing events together failed")]
    WholeBatch(#[source] Arc<AuditError>),
}

impl AuditError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Contended { .. } => Retry::Now,
            Self::Tampered(_) | Self::Output(_) => Retry::Never,
            Self::Store(error) => error.retry(),
            Self::WholeBatch(error) => error.retry(),
        }
    }

    /// What each of so many is told of an error that concerns them all.
    fn of_each(count: usize, error: Self) -> Vec<Self> {
        if count == 1 {
            return vec![error];
        }
        let error = Arc::new(error);
        (0..count).map(|_| Self::WholeBatch(Arc::clone(&error))).collect()
    }
}

/// How many events are written together.
const TOGETHER: usize = 250;
/// How many ends of other chains an event holds at most, so that its record stays small.
const ANCHORS: usize = 64;
/// How many are looked at for that.
const LOOKED_AT: usize = 1024;
/// Ends of other chains are held by every event that is so many after the last one that did.
const ANCHOR_EVENTS: u64 = 64;
/// And by one that is so much later.
const ANCHOR_AGE: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 100;
/// After so many, nobody is held on to: those who are go on writing.
const ANCHORING_ATTEMPTS: u32 = 3;

/// The end of the writer's own chain.
#[derive(Debug)]
struct Chain {
    end: AuditPoint,
    /// The version of the record that says so.
    tip: Version,
    anchored: Option<Anchored>,
}

/// When the ends of other chains were last looked for.
#[derive(Clone, Copy, Debug)]
struct Anchored {
    sequence: u64,
    at: Timestamp,
}

/// The end of another chain, which nobody holds.
struct Tip {
    end: AuditPoint,
    version: Version,
}

impl<S: Store> Audit<S> {
    /// The audit in a store, which may be that of an [`Authority`](crate::Authority), as this writer
    /// goes on with it. The writer is drawn at random by each process; where two have the same, they
    /// are in each other's way, and of two events that are alike, request id and all, one is written.
    pub fn new(store: S, writer: AuditWriter) -> Self {
        let end = AuditPoint { writer, sequence: 0, hash: [0; 32] };
        let chain = Chain { end, tip: Version::ABSENT, anchored: None };
        const SIXTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
        let rate = Rate { calls: SIXTY, period: Duration::from_secs(60) };
        Self {
            store,
            writer,
            refused: throttle(rate),
            suppressed: AtomicU64::new(0),
            waiting: Together::default(),
            chain: Mutex::new(chain),
        }
    }

    /// How many refused attempts of an account are written: 60 in a minute if it is not told.
    #[must_use]
    pub fn with_refused_rate(self, rate: Rate) -> Self {
        Self { refused: throttle(rate), ..self }
    }

    /// Writes an event. Once this returns, no crash loses it. Events of threads that write at the same
    /// time share one durable write.
    ///
    /// Refused attempts of an account above the rate are counted only, and the next event of this
    /// writer says how many there were; a count that no event followed is lost with the process. `now`
    /// is of the same clock for all calls, and is used for nothing else.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn record(&self, event: &AuditEvent, now: Instant) -> Result<Audited, AuditError> {
        self.record_all(std::slice::from_ref(event), now)
    }

    /// Writes events in their order, some hundred at a time, as [`Audit::record`] does one.
    ///
    /// # Errors
    /// Where the store fails. The first of the events may have been written.
    pub fn record_all(&self, events: &[AuditEvent], now: Instant) -> Result<Audited, AuditError> {
        let mut audited = Audited::default();
        for events in events.chunks(TOGETHER) {
            // Whoever is nobody's may fail for what they sent, too.
            let is_bounded = |event: &AuditEvent| {
                matches!(event.outcome, AuditOutcome::Refused { .. }) || event.account.is_empty()
            };
            let is_written = |event: &&AuditEvent| {
                !is_bounded(event) || self.refused.admit(&event.account, "", now).is_ok()
            };
            let written: Vec<_> =
                events.iter().filter(is_written).map(AuditEvent::bounded).collect();
            let (count, suppressed) = (written.len(), events.len().saturating_sub(written.len()));
            self.suppressed.fetch_add(suppressed as u64, Ordering::Relaxed);
            audited.suppressed += suppressed as u64;
            if count > 0 {
                let outcome = self.waiting.hand_in(written, |handed| self.append_all(handed));
                let panicked = || {
                    let error = "the thread that wrote for several panicked".into();
                    Err(StoreError::Backend(error).into())
                };
                outcome.unwrap_or_else(panicked)?;
                audited.written += count as u64;
            }
        }
        Ok(audited)
    }

    /// All that is in the audit now: publish it. It takes no longer however much that is.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn head(&self) -> Result<AuditHead, AuditError> {
        Ok(AuditHead { points: verify::tips(&*self.store.snapshot()?)? })
    }

    /// Reads the whole audit, twice at least, and finds whether it is what was written, and whether
    /// all is there that was published. Memory grows with the number of writers and not with that of
    /// events.
    ///
    /// # Errors
    /// [`AuditError::Tampered`] with the first place where it is not; where the store cannot be read.
    pub fn verify(&self, published: &[AuditHead]) -> Result<AuditVerified, AuditError> {
        verify::stored(&*self.store.snapshot()?, published)
    }

    /// Writes what was handed in, by as few batches as can be.
    fn append_all(&self, handed: &[Vec<AuditEvent>]) -> Vec<Result<(), AuditError>> {
        let mut chain = lock(&self.chain);
        let (mut outcomes, mut rest) = (Vec::new(), handed);
        while !rest.is_empty() {
            let mut events = 0;
            let fits = |group: &&Vec<AuditEvent>| {
                events += group.len();
                events <= TOGETHER
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            match self.append(&mut chain, &now.iter().flatten().collect::<Vec<_>>()) {
                Ok(()) => outcomes.extend(now.iter().map(|_| Ok(()))),
                Err(error) => {
                    outcomes.extend(AuditError::of_each(count, error).into_iter().map(Err));
                }
            }
            rest = later;
        }
        outcomes
    }

    fn append(&self, chain: &mut Chain, events: &[&AuditEvent]) -> Result<(), AuditError> {
        let Some(first) = events.first() else { return Ok(()) };
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        for attempt in 0..ATTEMPTS {
            let is_due = chain.is_due(events) && attempt < ANCHORING_ATTEMPTS;
            let tips = if is_due { Some(self.tips_of_others()?) } else { None };
            let sequence = chain.end.sequence.saturating_add(1);
            let (batch, end) = chain.batch(events, suppressed, tips.as_deref().unwrap_or_default());
            let applied = self.store.apply(&batch);
            let is_written = match applied {
                Ok(()) => {
                    chain.end = end;
                    chain.tip = Version(chain.tip.0.saturating_add(1));
                    true
                }
                // Somebody holds what was the end; or an earlier event is there after all, or this one.
                Err(StoreError::Conflict { .. }) => self.catch_up(chain, end)?,
                Err(_) => self.catch_up(chain, end).unwrap_or(false),
            };
            match applied {
                _ if is_written => {
                    self.suppressed.fetch_sub(suppressed, Ordering::Relaxed);
                    // Where there were as many as fit, the next event looks for more.
                    if tips.is_some_and(|tips| tips.len() < ANCHORS) {
                        chain.anchored = Some(Anchored { sequence, at: first.at });
                    }
                    return Ok(());
                }
                Ok(()) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AuditError::Contended { attempts: ATTEMPTS })
    }

    /// Follows the chain to its end in the store, and says whether this event is in it.
    fn catch_up(&self, chain: &mut Chain, event: AuditPoint) -> Result<bool, StoreError> {
        let snapshot = self.store.snapshot()?;
        let tip = snapshot.get(SPACE, &tip_key(self.writer))?;
        chain.tip = tip.map_or(Version::ABSENT, |tip| tip.version);
        let mut is_there = false;
        loop {
            let sequence = chain.end.sequence.saturating_add(1);
            let Some(stored) = snapshot.get(SPACE, &event_key(self.writer, sequence))? else {
                return Ok(is_there);
            };
            let (_, hash) = Record::unsealed(&stored.value).map_err(|damaged| {
                let what = format!("event {sequence} of the audit by {}", self.writer);
                StoreError::Corrupt { what, problem: damaged.to_string() }
            })?;
            chain.end = AuditPoint { sequence, hash, ..chain.end };
            is_there |= chain.end == event;
        }
    }

    fn tips_of_others(&self) -> Result<Vec<Tip>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let mut ends = Vec::new();
        snapshot.scan(SPACE, &[], Some(&[EVENTS]), &mut |key, value| {
            // What is damaged is for whoever verifies: it must keep nobody from writing.
            let end = AuditPoint::from_tip(key, value);
            ends.extend(end.filter(|end| end.writer != self.writer));
            let is_enough = ends.len() == LOOKED_AT;
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let ends = ends_of_chains(&*snapshot, ends)?;
        let keys: Vec<_> = ends.iter().map(|end| tip_key(end.writer)).collect();
        let records = snapshot.get_all(SPACE, &keys)?;
        let tips = ends
            .into_iter()
            .zip(records)
            .filter_map(|(end, record)| record.map(|record| Tip { end, version: record.version }));
        Ok(tips.collect())
    }
}

/// Of what the store says of the ends of chains, what is so: with the rest nobody could write any more.
fn ends_of_chains(
    snapshot: &dyn Snapshot,
    ends: Vec<AuditPoint>,
) -> Result<Vec<AuditPoint>, StoreError> {
    let key = |end: &AuditPoint, more| event_key(end.writer, end.sequence.saturating_add(more));
    let keys: Vec<_> = ends.iter().flat_map(|end| [key(end, 0), key(end, 1)]).collect();
    let records = snapshot.get_all(SPACE, &keys)?;
    let is_end = |(end, records): &(AuditPoint, &[Option<StoredRecord>])| match records {
        [Some(last), None] => Record::unsealed(&last.value).is_ok_and(|(_, hash)| hash == end.hash),
        _ => false,
    };
    let ends = ends.into_iter().zip(records.chunks(2)).filter(is_end).map(|(end, _)| end);
    Ok(ends.take(ANCHORS).collect())
}

impl Chain {
    /// Whether the first of these events is to hold the ends of other chains, for itself or for those
    /// that are written with it.
    fn is_due(&self, events: &[&AuditEvent]) -> bool {
        let Some(last) = self.anchored else { return true };
        let sequence = self.end.sequence.saturating_add(events.len() as u64);
        sequence.saturating_sub(last.sequence) >= ANCHOR_EVENTS
            || events.iter().any(|event| event.at.saturating_since(last.at) >= ANCHOR_AGE)
    }

    /// What writes these events, the first of which holds these ends; and the end of the chain then.
    fn batch(
        &self,
        events: &[&AuditEvent],
        mut suppressed: u64,
        tips: &[Tip],
    ) -> (Batch, AuditPoint) {
        let mut end = self.end;
        let mut batch = Batch::default();
        for tip in tips {
            let Tip { end: AuditPoint { writer, sequence, .. }, version } = *tip;
            batch.retires.push(Retire { table: TABLE, key: tip_key(writer), expected: version });
            // It is the end still: versions begin anew when an end is held.
            let key = event_key(writer, sequence.saturating_add(1));
            batch.asserts.push(Assert { table: TABLE, key, expected: Version::ABSENT });
        }
        let mut anchors: Vec<_> = tips.iter().map(|tip| tip.end).collect();
        for event in events {
            let record = Record {
                writer: end.writer,
                sequence: end.sequence.saturating_add(1),
                previous: end.hash,
                suppressed: std::mem::take(&mut suppressed),
                anchors: std::mem::take(&mut anchors),
                event: AuditEvent::clone(event),
            };
            let (value, hash) = record.sealed();
            end = AuditPoint { sequence: record.sequence, hash, ..end };
            let key = event_key(end.writer, end.sequence);
            batch.puts.push(Put { table: TABLE, key, expected: Version::ABSENT, value });
        }
        let key = tip_key(end.writer);
        batch.puts.push(Put { table: TABLE, key, expected: self.tip, value: end.to_tip() });
        (batch, end)
    }
}

/// With room for some thousand accounts at a time, so that they take some megabytes at most.
fn throttle(rate: Rate) -> Throttle {
    Throttle::new(rate).with_most_buckets(1 << 14)
}

impl<S> fmt::Debug for Audit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("writer", &self.writer).finish_non_exhaustive()
    }
}
