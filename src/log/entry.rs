//! One entry of a log, complete by itself.

use crate::{
    codec::{Damaged, Reader, Writer},
    crl::{CrlEntry, CrlNumber},
    lifecycle::{
        CertificateKind, CertificateRecord, Fall, FallCause, Revocation, RevocationHistory,
    },
    partition::Partition,
    serial::Serial,
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::fmt;

/// 128 bits that a caller gives to a command, so that after a lost connection it can find out
/// whether the command was recorded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub [u8; 16]);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandId({self})")
    }
}

/// The certificate that an entry is about, as far as a CRL needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its serial number.
    pub serial: Serial,
    /// What it is for.
    pub kind: CertificateKind,
    /// Which part of its issuer's certificates it belongs to.
    pub partition: Partition,
    /// Its notAfter, where known.
    pub not_after: Option<Timestamp>,
}

impl Subject {
    /// The certificate with this serial number, of which this is recorded.
    pub(crate) const fn new(serial: Serial, record: &CertificateRecord) -> Self {
        let CertificateRecord { kind, partition, not_after, .. } = *record;
        Self { serial, kind, partition, not_after }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A certificate was revoked.
    Revoked {
        /// Which.
        subject: Subject,
        /// How.
        revocation: Revocation,
    },
    /// A revocation was made graver or earlier.
    Amended {
        /// Of which certificate.
        subject: Subject,
        /// The revocation as it stands from here on.
        revocation: Revocation,
        /// The revocation as it stood.
        replaced: Revocation,
    },
    /// The issuer of this log fell.
    IssuerFell(Fall),
    /// What every duty had left was compacted away.
    Compacted(Compaction),
}

/// What one step of a compaction took away. The log keeps every entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// How many entries no CRL lists any more.
    pub entries: u64,
    /// Of how many certificates the record is gone.
    pub certificates: u64,
    /// The CRL that listed them after they had expired.
    pub released: Option<CrlNumber>,
    /// When this was written into the log.
    pub recorded_at: Timestamp,
}

impl Event {
    /// The certificate that it is about, if it is about one.
    pub const fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Revoked { subject, .. } | Self::Amended { subject, .. } => Some(subject),
            Self::IssuerFell(_) | Self::Compacted(_) => None,
        }
    }

    /// The revocation as it stands after it, if it is about a certificate.
    pub const fn revocation(&self) -> Option<&Revocation> {
        match self {
            Self::Revoked { revocation, .. } | Self::Amended { revocation, .. } => Some(revocation),
            Self::IssuerFell(_) | Self::Compacted(_) => None,
        }
    }

    /// How a CRL lists the certificate that it is about, if it is about one: after it, and before it
    /// if that was listed already.
    pub(crate) fn listed(&self) -> Option<(CrlEntry, Option<CrlEntry>)> {
        let (Subject { serial, .. }, revocation) = (*self.subject()?, self.revocation()?);
        let replaced = match self {
            Self::Amended { replaced, .. } => Some(listed(serial, replaced)),
            Self::Revoked { .. } | Self::IssuerFell(_) | Self::Compacted(_) => None,
        };
        Some((listed(serial, revocation), replaced))
    }

    /// When it was written into the log.
    pub const fn recorded_at(&self) -> Timestamp {
        match self {
            Self::Revoked { revocation, .. } | Self::Amended { revocation, .. } => {
                revocation.recorded_at
            }
            Self::IssuerFell(fall) => fall.recorded_at,
            Self::Compacted(compaction) => compaction.recorded_at,
        }
    }
}

/// One entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command that made it.
    pub command: CommandId,
    /// What happened.
    pub event: Event,
    /// SHA-256 over the chain digest of the entry before (32 zero octets for the first) and this
    /// entry's octets up to here.
    pub chain: [u8; 32],
}

/// An entry as a store is to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The certificate that it is about; `None` for an entry about the issuer itself.
    pub subject: Option<(Partition, Serial)>,
    /// Its octets, the first of which names their format.
    pub value: Vec<u8>,
}

const FORMAT: u8 = 1;
const REVOKED: u8 = 1;
const AMENDED: u8 = 2;
const ISSUER_FELL: u8 = 3;
const COMPACTED: u8 = 4;

impl Entry {
    /// Reads an entry as a store keeps it.
    ///
    /// # Errors
    /// Where it is no entry.
    pub fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, FORMAT)?;
        let kind = input.u8()?;
        let command = CommandId(input.fixed()?);
        let event = match kind {
            REVOKED => Event::Revoked {
                subject: read_subject(&mut input)?,
                revocation: read_revocation(&mut input)?,
            },
            AMENDED => Event::Amended {
                subject: read_subject(&mut input)?,
                revocation: read_revocation(&mut input)?,
                replaced: read_revocation(&mut input)?,
            },
            ISSUER_FELL => Event::IssuerFell(read_fall(&mut input)?),
            COMPACTED => Event::Compacted(read_compaction(&mut input)?),
            _ => return Err(input.damaged("an unknown kind of entry")),
        };
        let chain = input.fixed()?;
        input.finish()?;
        Ok(Self { command, event, chain })
    }

    /// Whether it comes, in a log that nobody changed, next after the entry with this chain digest;
    /// with 32 zero octets, whether it is the first.
    pub fn follows(&self, before: &[u8; 32]) -> bool {
        chain_after(before, &Self::unchained(self.command, &self.event)) == self.chain
    }

    /// The octets of an entry without its chain digest.
    pub(super) fn unchained(command: CommandId, event: &Event) -> Writer {
        let mut out = Writer::new(FORMAT);
        out.u8(match event {
            Event::Revoked { .. } => REVOKED,
            Event::Amended { .. } => AMENDED,
            Event::IssuerFell(_) => ISSUER_FELL,
            Event::Compacted(_) => COMPACTED,
        });
        out.fixed(&command.0);
        match event {
            Event::Revoked { subject, revocation } => {
                write_subject(&mut out, subject);
                write_revocation(&mut out, revocation);
            }
            Event::Amended { subject, revocation, replaced } => {
                write_subject(&mut out, subject);
                write_revocation(&mut out, revocation);
                write_revocation(&mut out, replaced);
            }
            Event::IssuerFell(fall) => write_fall(&mut out, fall),
            Event::Compacted(compaction) => write_compaction(&mut out, compaction),
        }
        out
    }
}

/// How a CRL lists a certificate that was revoked so.
#[inline]
pub(crate) const fn listed(serial: Serial, revocation: &Revocation) -> CrlEntry {
    let Revocation { date, reason, invalidity_date, .. } = *revocation;
    CrlEntry { serial, revocation_date: date, reason, invalidity_date }
}

/// The chain digest of an entry that comes after the one with this digest.
pub(super) fn chain_after(before: &[u8; 32], entry: &Writer) -> [u8; 32] {
    Sha256::new().chain_update(before).chain_update(entry.octets()).finalize().into()
}

/// What entries about one certificate, in the order of the log, come to.
pub(crate) fn fold(events: impl IntoIterator<Item = Event>) -> Option<RevocationHistory> {
    events.into_iter().fold(None, |history, event| match (history, event) {
        (None, Event::Revoked { revocation, .. } | Event::Amended { revocation, .. }) => {
            Some(RevocationHistory { current: revocation, replaced: Vec::new() })
        }
        (Some(mut history), Event::Amended { revocation, .. }) => {
            history.replaced.push(history.current);
            history.current = revocation;
            Some(history)
        }
        // The first revocation is the one that counts, and nothing undoes it.
        (history, _) => history,
    })
}

pub(crate) fn write_subject(out: &mut Writer, subject: &Subject) {
    out.serial(subject.serial);
    write_kind(out, subject.kind);
    out.u32(subject.partition.0);
    out.optional(subject.not_after, Writer::timestamp);
}

pub(crate) fn read_subject(input: &mut Reader<'_>) -> Result<Subject, Damaged> {
    Ok(Subject {
        serial: input.serial()?,
        kind: read_kind(input)?,
        partition: Partition(input.u32()?),
        not_after: input.optional(Reader::timestamp)?,
    })
}

pub(crate) fn write_kind(out: &mut Writer, kind: CertificateKind) {
    match kind {
        CertificateKind::Unknown => out.u8(0),
        CertificateKind::EndEntity => out.u8(1),
        CertificateKind::Ca(issuer) => {
            out.u8(2);
            out.issuer(issuer);
        }
    }
}

pub(crate) fn read_kind(input: &mut Reader<'_>) -> Result<CertificateKind, Damaged> {
    match input.u8()? {
        0 => Ok(CertificateKind::Unknown),
        1 => Ok(CertificateKind::EndEntity),
        2 => Ok(CertificateKind::Ca(input.issuer()?)),
        _ => Err(input.damaged("an unknown kind of certificate")),
    }
}

pub(crate) fn write_revocation(out: &mut Writer, revocation: &Revocation) {
    out.timestamp(revocation.date);
    out.optional(revocation.reason, Writer::reason);
    out.optional(revocation.invalidity_date, Writer::timestamp);
    out.timestamp(revocation.recorded_at);
}

pub(crate) fn read_revocation(input: &mut Reader<'_>) -> Result<Revocation, Damaged> {
    Ok(Revocation {
        date: input.timestamp()?,
        reason: input.optional(Reader::reason)?,
        invalidity_date: input.optional(Reader::timestamp)?,
        recorded_at: input.timestamp()?,
    })
}

pub(crate) fn write_fall(out: &mut Writer, fall: &Fall) {
    out.timestamp(fall.date);
    out.optional(fall.reason, Writer::reason);
    out.timestamp(fall.recorded_at);
    match fall.cause {
        FallCause::Revoked => out.u8(0),
        FallCause::Distrusted => out.u8(1),
        FallCause::LeftBy(issuer) => {
            out.u8(2);
            out.issuer(issuer);
        }
    }
}

pub(crate) fn read_fall(input: &mut Reader<'_>) -> Result<Fall, Damaged> {
    Ok(Fall {
        date: input.timestamp()?,
        reason: input.optional(Reader::reason)?,
        recorded_at: input.timestamp()?,
        cause: match input.u8()? {
            0 => FallCause::Revoked,
            1 => FallCause::Distrusted,
            2 => FallCause::LeftBy(input.issuer()?),
            _ => return Err(input.damaged("an unknown cause of a fall")),
        },
    })
}

fn write_compaction(out: &mut Writer, compaction: &Compaction) {
    out.u64(compaction.entries);
    out.u64(compaction.certificates);
    out.optional(compaction.released, |out, number| out.fixed(&number.to_be_bytes()));
    out.timestamp(compaction.recorded_at);
}

fn read_compaction(input: &mut Reader<'_>) -> Result<Compaction, Damaged> {
    Ok(Compaction {
        entries: input.u64()?,
        certificates: input.u64()?,
        released: input.optional(|input| {
            let number = CrlNumber::from_be_bytes(input.fixed()?);
            number.map_err(|_| input.damaged("no CRL number"))
        })?,
        recorded_at: input.timestamp()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{issuer_id::IssuerId, log::Head, reason::Reason};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn revocation(date: &str, reason: Option<Reason>) -> Revocation {
        Revocation {
            date: at(date),
            reason,
            invalidity_date: Some(at("2026-01-01T00:00:00Z")),
            recorded_at: at("2026-11-21T08:30:00Z"),
        }
    }

    fn events() -> Vec<Event> {
        let issuer = IssuerId::of(b"name", b"key");
        let subject = |kind| Subject {
            serial: "e8:cb:d2".parse().unwrap(),
            kind,
            partition: Partition(7),
            not_after: Some(Timestamp::MAX),
        };
        let late = revocation("2026-11-21T08:00:00Z", None);
        let early = revocation("2026-11-20T08:00:00Z", Some(Reason::KeyCompromise));
        let fall = |cause| Fall {
            date: at("2026-11-21T08:00:00Z"),
            reason: Some(Reason::CaCompromise),
            recorded_at: at("2026-11-21T08:30:00Z"),
            cause,
        };
        let compacted = |released| {
            let recorded_at = at("2027-11-21T08:30:00Z");
            Event::Compacted(Compaction { entries: 3, certificates: 2, released, recorded_at })
        };
        vec![
            Event::Revoked { subject: subject(CertificateKind::Unknown), revocation: late },
            Event::Amended {
                subject: subject(CertificateKind::Ca(issuer)),
                revocation: early,
                replaced: late,
            },
            Event::Revoked { subject: subject(CertificateKind::EndEntity), revocation: late },
            Event::IssuerFell(fall(FallCause::Revoked)),
            Event::IssuerFell(fall(FallCause::Distrusted)),
            Event::IssuerFell(fall(FallCause::LeftBy(issuer))),
            compacted(None),
            compacted(Some(CrlNumber::from_u64(7))),
        ]
    }

    #[test]
    fn an_entry_reads_back_and_anything_less_is_damaged() {
        let command = CommandId([9; 16]);
        let events = events();
        let (_, entries) = Head::EMPTY.extended(events.iter().map(|event| (command, *event)));
        for (event, new) in events.into_iter().zip(entries) {
            let entry = Entry::from_octets(&new.value).unwrap();
            assert_eq!((entry.command, entry.event), (command, event));
            for cut in 0..new.value.len() {
                assert!(Entry::from_octets(&new.value[..cut]).is_err(), "cut at {cut}");
            }
            assert!(Entry::from_octets(&[&new.value[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn the_first_revocation_counts_and_amendments_replace_it() {
        assert_eq!(fold([]), None);
        let events = events();
        let history = fold(events[..3].iter().copied()).unwrap();
        assert_eq!(Some(&history.current), events[1].revocation());
        assert_eq!(Some(history.original()), events[0].revocation());
        assert_eq!(history.replaced.len(), 1, "a second revocation changes nothing");
    }
}
