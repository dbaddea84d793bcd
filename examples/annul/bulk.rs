//! Serial numbers from a file, by the million: read line by line, twice.
//!
//! The first reading only checks, so that a file with a bad line in it records nothing.

use crate::{
    arguments::IssuerPrefix,
    failure::Failure,
    output::fields,
    session::{AnyAuthority, Session, find_issuer},
};
use annul::{
    Error, Evidence, IssuerId, Refusal, Registration, RevocationDetails, Revoke, Serial, Target,
    Timestamp,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

/// How many certificates are handed on at once.
const CHUNK: usize = 10_000;

/// How many refusals are shown one by one.
const SHOWN: usize = 20;

pub fn register(session: &Session, issuer: &IssuerPrefix, path: &Path) -> Result<(), Failure> {
    carry_out(session, issuer, path, true, "registered", |authority, issuer, lines| {
        let registration = |line: &Line| {
            let Line { serial, not_after, .. } = *line;
            Registration::new(Evidence::Serial { issuer, serial, not_after })
        };
        let registrations: Vec<_> = lines.iter().map(registration).collect();
        let answers = authority.register_all(&registrations).into_iter();
        answers.map(|answer| answer.map(|registered| registered.recorded)).collect()
    })
}

/// When it is cut short, a part is revoked; repeating it revokes the rest.
pub fn revoke(
    session: &Session,
    issuer: &IssuerPrefix,
    path: &Path,
    details: RevocationDetails,
) -> Result<(), Failure> {
    carry_out(session, issuer, path, false, "revoked", |authority, issuer, lines| {
        let revoke = |line: &Line| {
            Revoke::new(Target::Serial { issuer, serial: line.serial }).with_details(details)
        };
        let revokes: Vec<_> = lines.iter().map(revoke).collect();
        let answers = authority.revoke_all(&revokes).into_iter();
        answers
            .map(|answer| match answer {
                Err(Error::AlreadyRevoked { .. }) => Ok(false),
                answer => answer.map(|_| true),
            })
            .collect()
    })
}

/// Hands the lines on, some thousands at once; the answers say whether each changed the record.
fn carry_out(
    session: &Session,
    issuer: &IssuerPrefix,
    path: &Path,
    with_not_after: bool,
    done: &str,
    command: impl Fn(&AnyAuthority, IssuerId, &[Line]) -> Vec<Result<bool, Error>>,
) -> Result<(), Failure> {
    let total = check(path, with_not_after)?;
    let authority = session.open()?;
    let issuer = find_issuer(&authority, issuer)?;
    let progress = progress(total);
    let mut tally = Tally::new(path);
    let mut lines = lines(path, with_not_after)?;
    loop {
        let chunk = lines.by_ref().take(CHUNK).collect::<Result<Vec<_>, _>>()?;
        if chunk.is_empty() {
            break;
        }
        for (line, answer) in chunk.iter().zip(command(&authority, issuer, &chunk)) {
            tally.count(line, answer)?;
        }
        progress.inc(chunk.len() as u64);
    }
    progress.finish_and_clear();
    tally.finish(session, issuer, done)
}

/// One line of the file.
struct Line {
    number: u64,
    serial: Serial,
    not_after: Option<Timestamp>,
}

/// Checks every line; answers how many certificates there are.
fn check(path: &Path, with_not_after: bool) -> Result<u64, Failure> {
    lines(path, with_not_after)?.try_fold(0, |count, line| line.map(|_| count + 1))
}

fn lines(
    path: &Path,
    with_not_after: bool,
) -> Result<impl Iterator<Item = Result<Line, Failure>>, Failure> {
    let unreadable = |source| Failure::Read { path: path.to_owned(), source };
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    Ok((1..).zip(file.lines()).filter_map(move |(number, text)| {
        let parsed = text.map_err(unreadable).and_then(|text| {
            parse(number, &text, with_not_after).map_err(|problem| Failure::Line {
                path: path.to_owned(),
                line: number,
                problem,
            })
        });
        parsed.transpose()
    }))
}

/// `None` for a line that says nothing.
fn parse(number: u64, text: &str, with_not_after: bool) -> Result<Option<Line>, String> {
    let mut words = text.split_whitespace();
    let serial = match words.next() {
        None => return Ok(None),
        Some(word) if word.starts_with('#') => return Ok(None),
        Some(word) => word.parse().map_err(|error: annul::SerialError| error.to_string())?,
    };
    let not_after = match words.next() {
        None if with_not_after => {
            return Err("a notAfter in RFC 3339 expected, or - where it is not known".to_owned());
        }
        None | Some("-") => None,
        Some(word) => Some(word.parse().map_err(|error: annul::TimestampError| error.to_string())?),
    };
    match words.next() {
        Some(word) => Err(format!("{word:?} after what is expected")),
        None => Ok(Some(Line { number, serial, not_after })),
    }
}

/// A bar, where standard error is a terminal.
fn progress(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len}, {eta} left");
    // The template is a constant that can be read.
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

/// What came of the lines.
struct Tally<'a> {
    path: &'a Path,
    recorded: u64,
    unchanged: u64,
    refused: u64,
    refusals: Vec<(u64, Serial, String)>,
}

impl<'a> Tally<'a> {
    fn new(path: &'a Path) -> Self {
        Self { path, recorded: 0, unchanged: 0, refused: 0, refusals: Vec::new() }
    }

    /// Counts a line: whether it changed the record. A fault of the store ends it all.
    fn count(&mut self, line: &Line, answer: Result<bool, Error>) -> Result<(), Failure> {
        match answer {
            Ok(true) => self.recorded += 1,
            Ok(false) => self.unchanged += 1,
            // It concerns every line: there is no use in going on.
            Err(source) if is_about_all(&source) => {
                let (path, done) = (self.path.to_owned(), self.recorded);
                let source = Box::new(source);
                return Err(Failure::Stopped { path, line: line.number, done, source });
            }
            Err(error) => {
                self.refused += 1;
                if self.refusals.len() < SHOWN {
                    self.refusals.push((line.number, line.serial, error.to_string()));
                }
            }
        }
        Ok(())
    }

    fn finish(self, session: &Session, issuer: IssuerId, done: &str) -> Result<(), Failure> {
        let mut text = fields(&[
            ("issuer", issuer.to_string()),
            (done, self.recorded.to_string()),
            ("unchanged", format!("{} were so before", self.unchanged)),
            ("refused", self.refused.to_string()),
        ]);
        for (line, serial, why) in &self.refusals {
            text += &format!("  line {line}: {serial}: {why}\n");
        }
        session.output.answer(text, || self.json(issuer, done))?;
        match self.refusals.first() {
            None => Ok(()),
            Some((line, _, why)) => {
                let first = format!("line {line} of {}: {why}", self.path.display());
                Err(Failure::SomeRefused { count: self.refused, first })
            }
        }
    }

    fn json(&self, issuer: IssuerId, done: &str) -> Value {
        let mut refusals = Vec::new();
        for (line, serial, why) in &self.refusals {
            let serial = serial.to_string();
            refusals.push(json!({ "line": line, "serial": serial, "message": why }));
        }
        json!({
            "issuer": issuer.to_string(),
            done: self.recorded,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "refusals": refusals,
        })
    }
}

fn is_about_all(error: &Error) -> bool {
    !matches!(
        error.refusal(),
        Some(
            Refusal::SerialTaken { .. }
                | Refusal::UnknownCertificate { .. }
                | Refusal::Expired { .. }
                | Refusal::SelfSigned { .. }
        )
    )
}
