//! The end of a log: how far it goes, and what a scan of it must find.

use super::{CommandId, Entry, Event, NewEntry, Position};
use crate::{
    codec::{Damaged, Reader, Writer},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// The head of an issuer's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries the log holds.
    pub position: Position,
    /// The chain digest of the last entry; 32 zero octets if there is none.
    pub chain: [u8; 32],
    /// What a scan of the entries about certificates must find.
    pub(crate) tally: Tally,
    /// The latest revocationDate in the log.
    pub newest_date: Option<Timestamp>,
}

/// A count and a sum over entries, whatever their order: two scans that agree in it saw the same.
///
/// It finds rows that were lost or hidden by accident. Against a forger there is the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) sum: u128,
}

impl Tally {
    /// Adds the octets of one entry.
    pub(crate) fn add(&mut self, entry: &[u8]) {
        let mut hasher = SipHasher13::new();
        hasher.write(entry);
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.finish128().as_u128());
    }
}

const FORMAT: u8 = 1;

impl Head {
    /// The head of a log that nobody wrote to.
    pub(crate) const EMPTY: Self = Self {
        position: Position(0),
        chain: [0; 32],
        tally: Tally { count: 0, sum: 0 },
        newest_date: None,
    };

    /// Reads the head of a log that has this position.
    pub(crate) fn from_octets(position: Position, octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, FORMAT)?;
        let head = Self {
            position,
            chain: input.fixed()?,
            tally: Tally { count: input.u64()?, sum: u128::from_be_bytes(input.fixed()?) },
            newest_date: input.optional(Reader::timestamp)?,
        };
        input.finish()?;
        Ok(head)
    }

    /// Octets that [`Head::from_octets`] reads; the position is kept beside them.
    pub(crate) fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.fixed(&self.chain);
        out.u64(self.tally.count);
        out.fixed(&self.tally.sum.to_be_bytes());
        out.optional(self.newest_date, Writer::timestamp);
        out.finish()
    }

    /// The entries that these events make, and the head after them.
    pub(crate) fn extended(self, command: CommandId, events: &[Event]) -> (Self, Vec<NewEntry>) {
        let mut head = self;
        let entries = events.iter().map(|event| head.push(command, event)).collect();
        (head, entries)
    }

    fn push(&mut self, command: CommandId, event: &Event) -> NewEntry {
        let mut octets = Entry::unchained(command, event);
        let chain = Sha256::new().chain_update(self.chain).chain_update(octets.octets());
        self.chain = chain.finalize().into();
        octets.fixed(&self.chain);
        let value = octets.finish();
        let subject = event.subject().map(|subject| (subject.partition, subject.serial));
        if subject.is_some() {
            self.tally.add(&value);
        }
        self.newest_date = self.newest_date.max(event.revocation().map(|r| r.date));
        self.position = Position(self.position.0 + 1);
        NewEntry { subject, value }
    }
}
