//! An event in its chain, as it is stored.

use super::event::AuditEvent;
use crate::{
    codec::{Damaged, Reader, Writer},
    store::{Space, Table},
};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Names whoever writes a chain: 16 octets drawn at random, anew for each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditWriter(pub [u8; 16]);

/// An event of a chain, and by its hash all before it and all that they hold.
///
/// As text it is the writer, the number and the hash, with colons between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPoint {
    /// Whose chain.
    pub writer: AuditWriter,
    /// The number of the event, from 1.
    pub sequence: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// All that was in an audit at one moment: the ends of the chains that no other chain holds.
///
/// Publish it where nobody can take it back who can write to the store: all that is below it can then
/// neither be changed nor be left out. As text it is its points with a space between them; mostly
/// there is one for each process that is running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditHead {
    /// The points, in the order of the writers.
    pub points: Vec<AuditPoint>,
}

/// A text that is no [`AuditHead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the head of an audit")]
#[non_exhaustive]
pub struct BadAuditHead;

/// An event in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) writer: AuditWriter,
    pub(super) sequence: u64,
    /// The hash of the event before; zeros for the first.
    pub(super) previous: [u8; 32],
    /// How many were left out since the event before.
    pub(super) suppressed: u64,
    /// Ends of other chains, which this one holds from here on.
    pub(super) anchors: Vec<AuditPoint>,
    pub(super) event: AuditEvent,
}

pub(super) const TABLE: Table = Table::AuditEvents;
pub(super) const SPACE: Space = Space::Table(TABLE);
/// What the keys of ends that nobody holds start with.
const TIPS: u8 = 0;
/// What the keys of events start with, which come after all ends.
pub(super) const EVENTS: u8 = 1;

pub(super) fn event_key(writer: AuditWriter, sequence: u64) -> Vec<u8> {
    [&[EVENTS], &writer.0[..], &sequence.to_be_bytes()].concat()
}

/// The writer and the number in the key of an event.
pub(super) fn place(key: &[u8]) -> Option<(AuditWriter, u64)> {
    let (writer, sequence) = key.strip_prefix(&[EVENTS])?.split_first_chunk()?;
    Some((AuditWriter(*writer), u64::from_be_bytes(sequence.try_into().ok()?)))
}

pub(super) fn tip_key(writer: AuditWriter) -> Vec<u8> {
    [&[TIPS], &writer.0[..]].concat()
}

impl Record {
    const FORMAT: u8 = 1;

    /// Its octets as they are hashed, which are the same for the same record.
    fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.fixed(&self.writer.0);
        out.u64(self.sequence);
        out.fixed(&self.previous);
        out.u64(self.suppressed);
        out.list(&self.anchors, |out, anchor| {
            out.fixed(&anchor.writer.0);
            out.u64(anchor.sequence);
            out.fixed(&anchor.hash);
        });
        self.event.write(&mut out);
        out.finish()
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        hash(&self.to_octets())
    }

    /// Its octets and their hash, as they are stored; and the hash.
    pub(super) fn sealed(&self) -> (Vec<u8>, [u8; 32]) {
        let mut octets = self.to_octets();
        let hash = hash(&octets);
        octets.extend_from_slice(&hash);
        (octets, hash)
    }

    /// Reads what was sealed, and its hash; damaged where the hash is another.
    pub(super) fn unsealed(value: &[u8]) -> Result<(Self, [u8; 32]), Damaged> {
        let damaged = |problem| Damaged { problem, offset: 0 };
        let (octets, stated) = value.split_last_chunk().ok_or_else(|| damaged("cut short"))?;
        if hash(octets) != *stated {
            return Err(damaged("another hash"));
        }
        let mut fields = Reader::new(octets, Self::FORMAT)?;
        let record = Self {
            writer: AuditWriter(fields.fixed()?),
            sequence: fields.u64()?,
            previous: fields.fixed()?,
            suppressed: fields.u64()?,
            anchors: fields.list(|fields| {
                let (writer, sequence) = (AuditWriter(fields.fixed()?), fields.u64()?);
                Ok(AuditPoint { writer, sequence, hash: fields.fixed()? })
            })?,
            event: AuditEvent::read(&mut fields)?,
        };
        fields.finish()?;
        Ok((record, *stated))
    }
}

fn hash(octets: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"annul: an event of an audit\0")
        .chain_update(octets)
        .finalize()
        .into()
}

impl AuditPoint {
    const FORMAT: u8 = 1;

    /// The record of an end that nobody holds.
    pub(super) fn to_tip(self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.u64(self.sequence);
        out.fixed(&self.hash);
        out.finish()
    }

    pub(super) fn from_tip(key: &[u8], value: &[u8]) -> Option<Self> {
        let writer = AuditWriter(key.strip_prefix(&[TIPS])?.try_into().ok()?);
        let mut fields = Reader::new(value, Self::FORMAT).ok()?;
        let (sequence, hash) = (fields.u64().ok()?, fields.fixed().ok()?);
        fields.finish().ok()?;
        Some(Self { writer, sequence, hash })
    }
}

/// Octets in hexadecimal digits.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// So many octets from hexadecimal digits.
pub(super) fn octets<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    let pairs = digits.as_bytes().chunks(2);
    if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(pairs) {
        *octet = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(octets)
}

impl fmt::Display for AuditWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Display for AuditPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.writer, self.sequence, Hex(&self.hash))
    }
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, point) in self.points.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{point}")?;
        }
        Ok(())
    }
}

impl FromStr for AuditHead {
    type Err = BadAuditHead;

    fn from_str(text: &str) -> Result<Self, BadAuditHead> {
        let point = |text: &str| {
            let mut parts = text.split(':');
            let writer = AuditWriter(octets(parts.next()?)?);
            let (sequence, hash) = (parts.next()?.parse().ok()?, octets(parts.next()?)?);
            parts.next().is_none().then_some(AuditPoint { writer, sequence, hash })
        };
        let points: Option<_> = text.split_ascii_whitespace().map(point).collect();
        points.map(|points| Self { points }).ok_or(BadAuditHead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_from_its_text_and_anything_else_is_none() {
        let point = |n| AuditPoint { writer: AuditWriter([n; 16]), sequence: 7, hash: [n; 32] };
        for points in [vec![], vec![point(1)], vec![point(0xab), point(0xcd)]] {
            let head = AuditHead { points };
            assert_eq!(head.to_string().parse(), Ok(head));
        }
        let text = point(1).to_string();
        for other in ["x", &text[1..], &format!("{text}:"), &text.replace(":7:", ":+:")] {
            assert_eq!(other.parse::<AuditHead>(), Err(BadAuditHead), "{other}");
        }
    }
}
