//! An audit in a file: written, and verified by whoever has nothing else.

use super::{
    Audit, AuditError, csv,
    json::{AFTER_DIGEST, Line},
    record::{AuditHead, AuditPoint, Hex, Record},
    verify::{self, AuditProblem, AuditTampering, AuditVerified, Walk},
};
use crate::{
    issuer_id::IssuerId,
    retry::Retry,
    store::{Snapshot, Store},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{
    fmt::{self, Display},
    io::{self, BufRead, Read, Seek, Write},
};

/// Which events to export: all, if it is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of then or later.
    pub from: Option<Timestamp>,
    /// Those before then.
    pub to: Option<Timestamp>,
    /// Those about this issuer.
    pub issuer: Option<IssuerId>,
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditExported {
    /// How many events.
    pub events: u64,
    /// All that was in the audit then, exported or not.
    pub head: AuditHead,
    /// The SHA-256 of all that was written.
    pub sha256: [u8; 32],
}

/// Why an export is not known to be what was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditExportError {
    /// An event is not what was written, or not where it was.
    #[error("line {line}: {tampering}")]
    Event {
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong.
        tampering: AuditTampering,
    },
    /// A line is none that is written, not where it should be, or lacks.
    #[error("line {line}: {problem}")]
    Line {
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// What other lines hold, or what was published, is not in any line.
    #[error(transparent)]
    Elsewhere(#[from] AuditTampering),
    /// It is an export of some events only, whose chains cannot be followed.
    #[error("not an export of all events: only such a one can be verified")]
    Filtered,
    /// It could not be read.
    #[error("the export cannot be read")]
    Input(#[from] io::Error),
}

impl AuditExportError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        Retry::Never
    }
}

impl AuditFilter {
    /// Whether it lets all events through.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    fn takes(&self, record: &Record) -> bool {
        let event = &record.event;
        self.from.is_none_or(|from| from <= event.at)
            && self.to.is_none_or(|to| event.at < to)
            && self.issuer.is_none_or(|issuer| event.target.issuer == Some(issuer))
    }
}

impl<S: Store> Audit<S> {
    /// Writes events as lines of JSON, by writer and in the order of each. Memory does not grow with
    /// their number. `out` is written to line by line: give it a buffer.
    ///
    /// The first line says what was asked for. A line of `"type":"event"` has the time `at`, `account`,
    /// `principal` and `method`; `issuer`, `serial` and `target`, as it was named; `reason` as RFC 5280
    /// names it, `tokenDigest`, `requestId`, `outcome` (`done`, `accepted`, `repeated`, `refused`,
    /// `failed`) and its `code`; how many refused attempts were `suppressed` before it; and its place in its chain.
    /// A line of `"type":"head"` is an end of a chain that no other holds. The last one, `"type":"end"`,
    /// has the number of `events`, and the `sha256` of all that stands before this digest.
    ///
    /// An export of all events can be [verified](verify_audit_export). One of some cannot: its first
    /// line says `"whole":false`, and nothing shows what was left out of it.
    ///
    /// # Errors
    /// Where the store cannot be read, `out` fails, or an event is damaged: whatever was written is
    /// without its last line then.
    pub fn export_json(
        &self,
        filter: &AuditFilter,
        out: &mut dyn Write,
    ) -> Result<AuditExported, AuditError> {
        let (snapshot, mut output) = (self.store.snapshot()?, Output::new(out));
        output.write(&Line::Audit(*filter))?;
        let events = each(&*snapshot, filter, &mut |record, hash| {
            output.write(&Line::Event(Box::new(record), hash))
        })?;
        let points = verify::tips(&*snapshot)?;
        points.iter().try_for_each(|point| output.write(&Line::Head(*point)))?;
        output.write(&Line::End { events })?;
        let digest = output.digest.clone().finalize();
        output.write(&format_args!("{}{AFTER_DIGEST}", Hex(&digest)))?;
        Ok(output.exported(events, points))
    }

    /// Writes events as rows for a spreadsheet, as RFC 4180 has it, with a header: the members of
    /// [`Audit::export_json`], but for the chains. A text that a spreadsheet could take for a formula
    /// has an apostrophe before it. Nothing shows whether such an export is what was written, but its
    /// [digest](AuditExported::sha256), where somebody else has that.
    ///
    /// # Errors
    /// As [`Audit::export_json`].
    pub fn export_csv(
        &self,
        filter: &AuditFilter,
        out: &mut dyn Write,
    ) -> Result<AuditExported, AuditError> {
        let (snapshot, mut output) = (self.store.snapshot()?, Output::new(out));
        output.write(&csv::HEADER)?;
        let events = each(&*snapshot, filter, &mut |record, hash| {
            output.write(&csv::Row { record: &record, hash: &hash })
        })?;
        Ok(output.exported(events, verify::tips(&*snapshot)?))
    }
}

/// Shows the events that the filter takes, and says how many there are.
fn each(
    snapshot: &dyn Snapshot,
    filter: &AuditFilter,
    show: &mut dyn FnMut(Record, [u8; 32]) -> Result<(), AuditError>,
) -> Result<u64, AuditError> {
    let mut events = 0;
    verify::events(snapshot, &mut |record, hash| {
        if filter.takes(&record) {
            events += 1;
            show(record, hash)?;
        }
        Ok(())
    })?;
    Ok(events)
}

/// Where an export goes.
struct Output<'a> {
    out: &'a mut dyn Write,
    digest: Sha256,
    line: String,
}

impl<'a> Output<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        Self { out, digest: Sha256::new(), line: String::new() }
    }

    fn write(&mut self, line: &dyn Display) -> Result<(), AuditError> {
        self.line.clear();
        // Writing to a String does not fail.
        let _ = fmt::Write::write_fmt(&mut self.line, format_args!("{line}"));
        self.digest.update(&self.line);
        self.out.write_all(self.line.as_bytes()).map_err(AuditError::Output)
    }

    fn exported(self, events: u64, points: Vec<AuditPoint>) -> AuditExported {
        let sha256 = self.digest.finalize().into();
        AuditExported { events, head: AuditHead { points }, sha256 }
    }
}

/// Reads an export of all events from its beginning, twice at least, and finds whether it is octet for
/// octet what was written, and whether all is there that was published.
///
/// Who makes an export, or changes one and all the digests that follow, is found by a published head
/// alone: see [`Audit`]. Memory grows with the number of writers and not with that of events.
///
/// ```
/// # use annul::{Audit, AuditEvent, AuditOutcome, AuditWriter, MemoryStore, Timestamp};
/// use annul::{AuditFilter, verify_audit_export};
/// use std::{io::Cursor, time::Instant};
/// # let audit = Audit::new(MemoryStore::new(), AuditWriter([7; 16]));
/// # let event = AuditEvent::new(Timestamp::UNIX_EPOCH, "RevokeCertificate", AuditOutcome::Done);
/// # audit.record(&event, Instant::now())?;
/// let published = audit.head()?;
///
/// let mut lines = Vec::new();
/// audit.export_json(&AuditFilter::default(), &mut lines)?;
/// assert_eq!(verify_audit_export(Cursor::new(&lines), &[published])?.events, 1);
///
/// lines[100] ^= 1;
/// assert!(verify_audit_export(Cursor::new(&lines), &[]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`AuditExportError`]: the first place where it is not.
pub fn verify_audit_export(
    mut input: impl BufRead + Seek,
    published: &[AuditHead],
) -> Result<AuditVerified, AuditExportError> {
    verify::chains(published, &mut |walk| {
        input.rewind()?;
        read(&mut input, walk)
    })
}

/// Shows every event, and every end that nobody holds.
fn read(input: &mut dyn BufRead, walk: &mut Walk) -> Result<(), AuditExportError> {
    let mut lines = Lines { input, number: 0, digest: Sha256::new(), octets: Vec::new() };
    match lines.next()? {
        Line::Audit(filter) if filter.is_whole() => {}
        Line::Audit(_) => return Err(AuditExportError::Filtered),
        _ => return lines.problem("not the first line of an export"),
    }
    let (mut events, mut is_past_events) = (0, false);
    loop {
        let seen = match lines.next()? {
            Line::Event(record, hash) if !is_past_events => {
                events += 1;
                if record.hash() == hash {
                    walk.event(&record, hash)
                } else {
                    Err(AuditProblem::Altered.at(record.writer, record.sequence))
                }
            }
            Line::Head(head) => {
                is_past_events = true;
                walk.tip(head)
            }
            Line::End { events: stated } if stated == events => break,
            Line::End { .. } => return lines.problem("another number of events than there are"),
            Line::Audit(_) | Line::Event(..) => return lines.problem("a line where none is due"),
        };
        let line = lines.number;
        seen.map_err(|tampering| AuditExportError::Event { line, tampering })?;
    }
    if lines.input.fill_buf()?.is_empty() { Ok(()) } else { lines.problem("not the end") }
}

/// The lines of an export.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    /// Of the last line that was read, from 1.
    number: u64,
    digest: Sha256,
    octets: Vec<u8>,
}

impl Lines<'_> {
    /// None that is written is as long: with six texts, of whose octets each takes six, and the points
    /// that an event holds it has a half of that.
    const LONGEST: u64 = 1 << 16;

    fn next(&mut self) -> Result<Line, AuditExportError> {
        self.number += 1;
        self.octets.clear();
        self.input.take(Self::LONGEST).read_until(b'\n', &mut self.octets)?;
        if self.octets.is_empty() {
            return self.problem("the end of the export is missing");
        }
        let text = str::from_utf8(&self.octets).ok();
        let Some((text, line)) = text.and_then(|text| Some((text, Line::read(text)?))) else {
            return self.problem("not as it is written");
        };
        let mut written = line.to_string();
        self.digest.update(&written);
        if matches!(line, Line::End { .. }) {
            let digest = self.digest.clone().finalize();
            written = format!("{written}{}{AFTER_DIGEST}", Hex(&digest));
        }
        if written == text { Ok(line) } else { self.problem("not as it was written") }
    }

    fn problem<T>(&self, problem: &'static str) -> Result<T, AuditExportError> {
        Err(AuditExportError::Line { line: self.number, problem })
    }
}
