//! CRLs of all shapes.

use crate::{
    ca::{Ca, at},
    kind::Kind,
    random::Random,
};
use annul::{
    CrlEntry, CrlNumber, LocalVerifier, Reason, ReasonCode, Serial, Signer, TbsCertList, Timestamp,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

/// What a CRL is to say.
#[derive(Clone, Debug)]
pub struct Sample {
    pub key_identifier: Vec<u8>,
    pub number: CrlNumber,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
    /// In order. The reason `unspecified` says the same as none.
    pub entries: Vec<CrlEntry>,
    pub kind: Kind,
}

/// What a CRL lists, as it is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The content octets of the INTEGER.
    pub serial: Vec<u8>,
    pub revocation_date: Timestamp,
    pub reason: Option<ReasonCode>,
    pub invalidity_date: Option<Timestamp>,
}

impl From<&CrlEntry> for Listed {
    /// On a CRL, the reason `unspecified` is the absence of a reason.
    fn from(entry: &CrlEntry) -> Self {
        let reason = entry.reason.filter(|reason| *reason != Reason::Unspecified);
        Self {
            serial: entry.serial.as_octets().to_vec(),
            revocation_date: entry.revocation_date,
            reason: reason.map(ReasonCode::Reason),
            invalidity_date: entry.invalidity_date,
        }
    }
}

impl Sample {
    /// An everyday CRL with so many entries.
    pub fn of(count: usize) -> Self {
        let this_update = at("2026-06-01T12:00:00Z");
        let mut random = Random(count as u64);
        let from = at("1970-01-01T00:00:00Z");
        Self {
            key_identifier: vec![0x5a; 20],
            number: CrlNumber::from_u64(7),
            this_update,
            next_update: this_update.saturating_add(Duration::from_secs(7 * 24 * 60 * 60)),
            entries: entries(&mut random, count, from, this_update),
            kind: Kind::default(),
        }
    }

    /// All entries, in the order in which they are to stand.
    pub fn listed(&self) -> Vec<Listed> {
        self.entries.iter().map(Listed::from).chain(self.kind.appendix.clone()).collect()
    }

    pub fn sign(&self, ca: &Ca) -> Vec<u8> {
        let mut der = Vec::new();
        let tbs = TbsCertList::new(
            &ca.name,
            &self.key_identifier,
            self.number,
            self.this_update,
            self.next_update,
        );
        let (appendix, public_key) = (self.kind.appendix(), ca.key.public_key());
        let tbs = self.kind.of(tbs.unwrap(), &appendix);
        tbs.sign(&self.entries, public_key, &ca.key, &LocalVerifier, &mut der).unwrap();
        der
    }
}

/// Dates at which something changes: the form of the time, the century, the zero of Unix, a leap
/// day, and the ends of what can be said.
const EDGES: [&str; 9] = [
    "1950-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z",
    "1999-12-31T23:59:59Z",
    "2000-02-29T12:00:00Z",
    "2038-01-19T03:14:08Z",
    "2049-12-31T23:59:59Z",
    "2050-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
];

/// A date between these two, often an edge.
pub fn date(random: &mut Random, from: Timestamp, to: Timestamp) -> Timestamp {
    let edge = at(EDGES[random.below(EDGES.len())]);
    if random.below(2) == 0 && (from..=to).contains(&edge) {
        return edge;
    }
    let span = to.saturating_since(from).as_secs();
    from.saturating_add(Duration::from_secs(random.next() % (span + 1)))
}

/// An odd serial number of up to 20 octets; the first may be 00 before a set top bit.
fn serial(random: &mut Random) -> Serial {
    let length = 1 + random.below(20);
    let mut octets: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    octets[0] = if length == 20 { octets[0] & 0x7f } else { octets[0] } | 1;
    octets[length - 1] |= 1;
    Serial::from_unsigned(&octets).unwrap()
}

fn entries(
    random: &mut Random,
    count: usize,
    from: Timestamp,
    this_update: Timestamp,
) -> Vec<CrlEntry> {
    let mut entries = BTreeMap::new();
    while entries.len() < count {
        let serial = serial(random);
        let reason = match random.below(12) {
            reason @ 0..8 => Some(Reason::ALL[reason]),
            _ => None,
        };
        let revocation_date = date(random, from, this_update);
        let invalidity_date = (random.below(3) == 0).then(|| date(random, from, this_update));
        entries.insert(serial, CrlEntry { serial, revocation_date, reason, invalidity_date });
    }
    entries.into_values().collect()
}

/// A CRL of any kind, of 0 to 3,000 entries and a few appended ones, of any dates.
pub fn sample() -> impl Strategy<Value = Sample> {
    let count =
        prop_oneof![1 => Just(0usize), 8 => 1..40usize, 4 => 40..400usize, 1 => 400..=3000usize];
    let key_identifier = proptest::collection::vec(any::<u8>(), 1..=64);
    let number = proptest::collection::vec(any::<u8>(), 20);
    (count, key_identifier, number, 0..=20usize, any::<u64>()).prop_map(
        |(count, key_identifier, mut number, shorter, seed)| {
            let mut random = Random(seed);
            number[..shorter].fill(0);
            number[0] &= 0x7f;
            let from = at(if random.below(4) == 0 { EDGES[0] } else { "1970-01-01T00:00:00Z" });
            let end = at("9999-12-31T23:59:58Z");
            let this_update = date(&mut random, from, end).min(end);
            let after = this_update.saturating_add(Duration::from_secs(1));
            let number = CrlNumber::from_be_bytes(number.try_into().unwrap()).unwrap();
            Sample {
                key_identifier,
                number,
                kind: Kind::any(&mut random, number, this_update),
                this_update,
                next_update: date(&mut random, after, Timestamp::MAX),
                entries: entries(&mut random, count, from, this_update),
            }
        },
    )
}

/// The boundaries between the forms of DER lengths, and CRLs around each: of the whole CRL, the
/// tbsCertList and the list of entries each comes on both sides.
pub const BOUNDARIES: [usize; 3] = [128, 256, 65_536];

pub fn around(boundary: usize) -> Vec<Sample> {
    /// What a tbsCertList and a whole CRL hold besides entries, about, with no octet in the key
    /// identifier.
    const OVERHEADS: [usize; 2] = [91, 180];
    let list = [boundary - 1, boundary].map(|octets| (octets, 20));
    let rest = OVERHEADS.into_iter().filter_map(|overhead| {
        let rest = boundary.checked_sub(overhead)?;
        let entries = rest.saturating_sub(30) / 30 * 30;
        // The key identifier fills the gap, octet by octet.
        let gap = rest - entries;
        Some((gap - 10..gap + 10).map(move |key_identifier| (entries, key_identifier)))
    });
    let sizes = list.into_iter().chain(rest.flatten());
    sizes
        .map(|(octets, key_identifier)| Sample {
            key_identifier: vec![0x5a; key_identifier],
            entries: entries_of(octets),
            ..Sample::of(0)
        })
        .collect()
}

/// Entries of so many octets together.
fn entries_of(octets: usize) -> Vec<CrlEntry> {
    /// An entry without extensions takes this much besides its serial number.
    const OVERHEAD: usize = 19;
    let count = octets.div_ceil(35);
    let lengths = (0..count).map(|place| (octets + place) / count - OVERHEAD);
    let entries = lengths.enumerate().map(|(place, length)| {
        let mut serial = vec![0x11; length];
        serial[length - 3..].copy_from_slice(&place.to_be_bytes()[5..]);
        CrlEntry {
            serial: Serial::from_octets(&serial).unwrap(),
            revocation_date: at("2026-05-01T00:00:00Z"),
            reason: None,
            invalidity_date: None,
        }
    });
    entries.collect()
}
