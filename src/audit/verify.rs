//! Whether an audit is what was written.

use super::{
    AuditError,
    record::{AuditHead, AuditPoint, AuditWriter, EVENTS, Record, SPACE, place},
};
use crate::store::Snapshot;
use std::{collections::BTreeMap, fmt, mem, ops::ControlFlow};

/// An audit that is what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditVerified {
    /// How many events there are.
    pub events: u64,
    /// How many were refused attempts too many, and are only counted.
    pub suppressed: u64,
    /// How many chains there are.
    pub writers: u64,
    /// All that is in it: publish it.
    pub head: AuditHead,
}

/// The first place where an audit is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} of the audit by {writer} {problem}")]
#[non_exhaustive]
pub struct AuditTampering {
    /// Whose chain.
    pub writer: AuditWriter,
    /// The number of the event.
    pub sequence: u64,
    /// What is wrong.
    pub problem: AuditProblem,
}

/// What is wrong with an event of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditProblem {
    /// It is not what its hash says.
    Altered,
    /// It is not there.
    Missing,
    /// What stands there is no event, or one with another place.
    Misplaced,
    /// It does not follow from what stands before it: that is another than was there.
    Unlinked,
    /// Another event was there when another chain took hold of it, when the end of the chain was
    /// written down, or when a head was published.
    Replaced,
    /// It is the end of its chain, and was not written down as that: it was added, or what follows
    /// is gone.
    Loose,
}

impl fmt::Display for AuditProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Altered => "is not what its hash says",
            Self::Missing => "is missing",
            Self::Misplaced => "stands where another should",
            Self::Unlinked => "does not follow from the one before it",
            Self::Replaced => "is another than it was",
            Self::Loose => "ends its chain, and was not written down as its end",
        })
    }
}

impl AuditProblem {
    pub(super) fn at(self, writer: AuditWriter, sequence: u64) -> AuditTampering {
        AuditTampering { writer, sequence, problem: self }
    }
}

/// The ends of chains that nobody holds, as they are written down.
pub(super) fn tips(snapshot: &dyn Snapshot) -> Result<Vec<AuditPoint>, AuditError> {
    let mut tips = Ok(Vec::new());
    snapshot.scan(SPACE, &[], Some(&[EVENTS]), &mut |key, value| {
        match (&mut tips, AuditPoint::from_tip(key, value)) {
            (Ok(tips), Some(tip)) => tips.push(tip),
            _ => {
                tips = Err(nowhere(key));
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(tips?)
}

/// Shows every event, in the order of the writers and their numbers, until there is an error.
pub(super) fn events(
    snapshot: &dyn Snapshot,
    visit: &mut dyn FnMut(Record, [u8; 32]) -> Result<(), AuditError>,
) -> Result<(), AuditError> {
    let mut result = Ok(());
    snapshot.scan(SPACE, &[EVENTS], None, &mut |key, value| {
        result = read(key, value)
            .map_err(AuditError::from)
            .and_then(|(record, hash)| visit(record, hash));
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result
}

fn read(key: &[u8], value: &[u8]) -> Result<(Record, [u8; 32]), AuditTampering> {
    let (writer, sequence) = place(key).ok_or_else(|| nowhere(key))?;
    let read = Record::unsealed(value);
    let (record, hash) = read.map_err(|_| AuditProblem::Altered.at(writer, sequence))?;
    if (record.writer, record.sequence) != (writer, sequence) {
        return Err(AuditProblem::Misplaced.at(writer, sequence));
    }
    Ok((record, hash))
}

/// A key that no event has.
fn nowhere(key: &[u8]) -> AuditTampering {
    let mut writer = [0; 16];
    writer.iter_mut().zip(key.iter().skip(1)).for_each(|(octet, of_key)| *octet = *of_key);
    AuditProblem::Misplaced.at(AuditWriter(writer), 0)
}

pub(super) fn stored(
    snapshot: &dyn Snapshot,
    published: &[AuditHead],
) -> Result<AuditVerified, AuditError> {
    chains(published, &mut |walk| {
        events(snapshot, &mut |record, hash| Ok(walk.event(&record, hash)?))?;
        Ok(tips(snapshot)?.into_iter().try_for_each(|tip| walk.tip(tip))?)
    })
}

/// How many points that are held are looked for together: they take some megabytes.
const HELD_AT_ONCE: u64 = 1 << 16;

/// Verifies chains. `pass` shows every event, by writer and in order, and then every end that nobody
/// holds. It is asked for that once, and once more for each so many points that are held.
pub(super) fn chains<E: From<AuditTampering>>(
    published: &[AuditHead],
    pass: &mut dyn FnMut(&mut Walk) -> Result<(), E>,
) -> Result<AuditVerified, E> {
    let mut walk = Walk::default();
    published
        .iter()
        .flat_map(|head| &head.points)
        .try_for_each(|point| walk.held.insert(*point))?;
    pass(&mut walk)?;
    let mut ends = walk.finish()?;
    let writers = ends.len() as u64;
    let (events, suppressed) = (walk.events, walk.suppressed);
    let head = AuditHead { points: mem::take(&mut walk.tips) };
    while !walk.found.0.is_empty() {
        for (writer, sequence) in walk.found.0.keys() {
            let end = ends.get_mut(writer).filter(|end| end.point.sequence == *sequence);
            end.into_iter().for_each(|end| end.is_known = true);
        }
        walk = walk.next();
        pass(&mut walk)?;
        walk.finish()?;
    }
    match ends.into_values().find(|end| !end.is_known) {
        Some(End { point, .. }) => Err(AuditProblem::Loose.at(point.writer, point.sequence).into()),
        None => Ok(AuditVerified { events, suppressed, writers, head }),
    }
}

type Ends = BTreeMap<AuditWriter, End>;

/// The end of a chain, as it was found.
#[derive(Debug)]
struct End {
    point: AuditPoint,
    /// Whether another chain holds it, or it is written down.
    is_known: bool,
}

/// The first event that is missing of a chain that goes on.
fn missing(writer: AuditWriter, end: Option<AuditPoint>) -> AuditTampering {
    AuditProblem::Missing.at(writer, end.map_or(0, |end| end.sequence).saturating_add(1))
}

/// Points that are held.
#[derive(Debug, Default)]
struct Points(BTreeMap<(AuditWriter, u64), [u8; 32]>);

impl Points {
    fn insert(&mut self, point: AuditPoint) -> Result<(), AuditTampering> {
        let AuditPoint { writer, sequence, hash } = point;
        match self.0.insert((writer, sequence), hash) {
            Some(other) if other != hash => Err(AuditProblem::Replaced.at(writer, sequence)),
            _ => Ok(()),
        }
    }
}

/// One pass over all events.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// What must be there; what was met is taken out.
    held: Points,
    /// Which points that events hold are collected for the next pass: after so many.
    skip: u64,
    /// How many of these were met.
    met: u64,
    found: Points,
    last: Option<AuditPoint>,
    ends: Ends,
    tips: Vec<AuditPoint>,
    events: u64,
    suppressed: u64,
}

impl Walk {
    fn next(self) -> Self {
        Self { held: self.found, skip: self.skip + HELD_AT_ONCE, ..Self::default() }
    }

    pub(super) fn event(&mut self, record: &Record, hash: [u8; 32]) -> Result<(), AuditTampering> {
        let Record { writer, sequence, .. } = *record;
        self.follows(record)?;
        let held = self.held.0.remove(&(writer, sequence));
        if held.is_some_and(|held| held != hash) {
            return Err(AuditProblem::Replaced.at(writer, sequence));
        }
        for anchor in &record.anchors {
            if (self.skip..self.skip.saturating_add(HELD_AT_ONCE)).contains(&self.met) {
                self.found.insert(*anchor)?;
            }
            self.met += 1;
        }
        self.last = Some(AuditPoint { writer, sequence, hash });
        self.events += 1;
        self.suppressed = self.suppressed.saturating_add(record.suppressed);
        Ok(())
    }

    /// Whether it is the one after the last, or the first of the next chain.
    fn follows(&mut self, record: &Record) -> Result<(), AuditTampering> {
        let Record { writer, sequence, .. } = *record;
        let before = match self.last {
            Some(last) if last.writer > writer => {
                return Err(AuditProblem::Misplaced.at(writer, sequence));
            }
            Some(last) if last.writer == writer => Some(last),
            _ => {
                self.end_chain();
                None
            }
        };
        let (past, previous) = before.map_or((0, [0; 32]), |last| (last.sequence, last.hash));
        if sequence <= past {
            return Err(AuditProblem::Misplaced.at(writer, sequence));
        }
        if sequence - past > 1 {
            return Err(missing(writer, before));
        }
        if record.previous != previous {
            return Err(AuditProblem::Unlinked.at(writer, sequence));
        }
        Ok(())
    }

    fn end_chain(&mut self) {
        let end = self.last.take().map(|point| End { point, is_known: false });
        self.ends.extend(end.map(|end| (end.point.writer, end)));
    }

    /// An end that nobody holds, as it is written down.
    pub(super) fn tip(&mut self, tip: AuditPoint) -> Result<(), AuditTampering> {
        self.end_chain();
        let AuditPoint { writer, sequence, .. } = tip;
        match self.ends.get_mut(&writer) {
            Some(end) if end.point == tip => end.is_known = true,
            Some(End { point, .. }) if point.sequence == sequence => {
                return Err(AuditProblem::Replaced.at(writer, sequence));
            }
            Some(End { point, .. }) if point.sequence > sequence => {
                return Err(AuditProblem::Loose.at(writer, point.sequence));
            }
            end => return Err(missing(writer, end.map(|end| end.point))),
        }
        self.tips.push(tip);
        Ok(())
    }

    /// The ends of all chains, none of which is before a point that is held.
    fn finish(&mut self) -> Result<Ends, AuditTampering> {
        self.end_chain();
        let ends = mem::take(&mut self.ends);
        match self.held.0.keys().next() {
            Some((writer, _)) => Err(missing(*writer, ends.get(writer).map(|end| end.point))),
            None => Ok(ends),
        }
    }
}
