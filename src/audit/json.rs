//! The lines of an export, and nothing but these: what reads as one is written as it again.

use super::{
    event::{AuditEvent, AuditOutcome, AuditTarget},
    export::AuditFilter,
    record::{AuditPoint, AuditWriter, Hex, Record, octets},
};
use std::fmt::{self, Display, Write};

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The first: what it is an export of.
    Audit(AuditFilter),
    /// An event, and its hash.
    Event(Box<Record>, [u8; 32]),
    /// An end of a chain that nobody holds.
    Head(AuditPoint),
    /// The last but for its end: how many events there are. What follows is the SHA-256 of all octets
    /// before it.
    End { events: u64 },
}

/// What follows the digest in the last line.
pub(super) const AFTER_DIGEST: &str = "\"}\n";

impl Line {
    /// Reads a line, with its end.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = Cursor(text);
        rest.text("{\"type\":")?;
        let line = match &*rest.string()? {
            "audit" => {
                rest.text(",\"format\":1,\"whole\":")?;
                // What follows says it again.
                rest.text("true").or_else(|| rest.text("false"))?;
                rest.text(",\"from\":")?;
                let from = rest.optional(Cursor::parsed)?;
                rest.text(",\"to\":")?;
                let to = rest.optional(Cursor::parsed)?;
                rest.text(",\"issuer\":")?;
                Self::Audit(AuditFilter { from, to, issuer: rest.optional(Cursor::parsed)? })
            }
            "event" => rest.event()?,
            "head" => Self::Head(rest.point(",")?),
            "end" => {
                rest.text(",\"events\":")?;
                let events = rest.number()?;
                return rest.text(",\"sha256\":\"").map(|()| Self::End { events });
            }
            _ => return None,
        };
        (rest.0 == "}\n").then_some(line)
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audit(filter) => {
                let AuditFilter { from, to, issuer } = filter;
                write!(f, "{{\"type\":\"audit\",\"format\":1,\"whole\":{}", filter.is_whole())?;
                write!(f, ",\"from\":{},\"to\":{}", Maybe(from.as_ref()), Maybe(to.as_ref()))?;
                writeln!(f, ",\"issuer\":{}}}", Maybe(issuer.as_ref()))
            }
            Self::Event(record, hash) => event(f, record, hash),
            Self::Head(head) => writeln!(f, "{{\"type\":\"head\",{}}}", Point(head)),
            Self::End { events } => {
                write!(f, "{{\"type\":\"end\",\"events\":{events},\"sha256\":\"")
            }
        }
    }
}

fn event(f: &mut fmt::Formatter<'_>, record: &Record, hash: &[u8; 32]) -> fmt::Result {
    let Record { writer, sequence, previous, suppressed, anchors, event } = record;
    let AuditEvent { at, account, principal, method, target, reason, .. } = event;
    let AuditEvent { token_digest, request_id, outcome, .. } = event;
    let AuditTarget { issuer, serial, named } = target;
    write!(f, "{{\"type\":\"event\",\"at\":\"{at}\",\"account\":{}", Text(account))?;
    write!(f, ",\"principal\":{},\"method\":{}", Text(principal), Text(method))?;
    write!(f, ",\"issuer\":{},\"serial\":{}", Maybe(issuer.as_ref()), Maybe(serial.as_ref()))?;
    write!(f, ",\"target\":{},\"reason\":{}", Text(named), Maybe(reason.as_ref()))?;
    let token_digest = token_digest.as_ref().map(|digest| Hex(digest));
    write!(f, ",\"tokenDigest\":{}", Maybe(token_digest.as_ref()))?;
    write!(f, ",\"requestId\":{},\"outcome\":\"{}\"", Text(request_id), outcome.name())?;
    write!(f, ",\"code\":{},\"suppressed\":{suppressed}", Maybe(outcome.code().as_ref()))?;
    write!(f, ",\"writer\":\"{writer}\",\"sequence\":{sequence}")?;
    write!(f, ",\"previous\":\"{}\",\"anchors\":[", Hex(previous))?;
    for (n, anchor) in anchors.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(f, "{comma}{{{}}}", Point(anchor))?;
    }
    writeln!(f, "],\"hash\":\"{}\"}}", Hex(hash))
}

/// The members of a point.
struct Point<'a>(&'a AuditPoint);

impl Display for Point<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditPoint { writer, sequence, hash } = self.0;
        write!(f, "\"writer\":\"{writer}\",\"sequence\":{sequence},\"hash\":\"{}\"", Hex(hash))
    }
}

/// A string, or `null`.
struct Maybe<'a, T>(Option<&'a T>);

impl<T: Display> Display for Maybe<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => {
                f.write_char('"')?;
                write!(Escaping(f), "{value}")?;
                f.write_char('"')
            }
            None => f.write_str("null"),
        }
    }
}

/// A string.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Maybe(Some(&self.0)).fmt(f)
    }
}

/// Writes what is in a string: no control character stays one, be it ASCII or not, so that no terminal
/// obeys a line.
struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '"' => self.0.write_str("\\\""),
            '\\' => self.0.write_str("\\\\"),
            _ if is_escaped(character) => write!(self.0, "\\u{:04x}", u32::from(character)),
            _ => self.0.write_char(character),
        })
    }
}

/// Controls, and what ends a line or turns its direction where it is shown.
fn is_escaped(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || character.is_control()
}

/// What is left of a line.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn text(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.0.find(|character: char| !character.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        digits.parse().ok()
    }

    fn string(&mut self) -> Option<String> {
        self.text("\"")?;
        let mut string = String::new();
        let mut characters = self.0.chars();
        loop {
            string.push(match characters.next()? {
                '"' => break,
                '\\' => match characters.next()? {
                    'u' => {
                        let (digits, rest) = characters.as_str().split_at_checked(4)?;
                        characters = rest.chars();
                        char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                    }
                    character => character,
                },
                character => character,
            });
        }
        self.0 = characters.as_str();
        Some(string)
    }

    fn parsed<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.string()?.parse().ok()
    }

    fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        octets(&self.string()?)
    }

    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.text("null") {
            Some(()) => Some(None),
            None => read(self).map(Some),
        }
    }

    /// A member of this name.
    fn member<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.text(",\"")?;
        self.text(name)?;
        self.text("\":")?;
        read(self)
    }

    fn point(&mut self, before: &str) -> Option<AuditPoint> {
        self.text(before)?;
        self.text("\"writer\":")?;
        let writer = AuditWriter(self.octets()?);
        let sequence = self.member("sequence", Self::number)?;
        Some(AuditPoint { writer, sequence, hash: self.member("hash", Self::octets)? })
    }

    fn event(&mut self) -> Option<Line> {
        let event = AuditEvent {
            at: self.member("at", Self::parsed)?,
            account: self.member("account", Self::string)?,
            principal: self.member("principal", Self::string)?,
            method: self.member("method", Self::string)?,
            target: AuditTarget {
                issuer: self.member("issuer", |it| it.optional(Self::parsed))?,
                serial: self.member("serial", |it| it.optional(Self::parsed))?,
                named: self.member("target", Self::string)?,
            },
            reason: self.member("reason", |it| it.optional(Self::parsed))?,
            token_digest: self.member("tokenDigest", |it| it.optional(Self::octets))?,
            request_id: self.member("requestId", Self::string)?,
            outcome: {
                let name = self.member("outcome", Self::string)?;
                AuditOutcome::of(&name, self.member("code", |it| it.optional(Self::string))?)?
            },
        };
        let suppressed = self.member("suppressed", Self::number)?;
        let writer = AuditWriter(self.member("writer", Self::octets)?);
        let sequence = self.member("sequence", Self::number)?;
        let previous = self.member("previous", Self::octets)?;
        let anchors = self.member("anchors", Self::points)?;
        let hash = self.member("hash", Self::octets)?;
        let record = Record { writer, sequence, previous, suppressed, anchors, event };
        Some(Line::Event(Box::new(record), hash))
    }

    fn points(&mut self) -> Option<Vec<AuditPoint>> {
        let mut points = Vec::new();
        self.text("[")?;
        while self.text("]").is_none() {
            let before = if points.is_empty() { "{" } else { ",{" };
            points.push(self.point(before)?);
            self.text("}")?;
        }
        Some(points)
    }
}
