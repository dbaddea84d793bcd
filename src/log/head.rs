//! The end of a log: how far it goes, and what a scan of it must find.

use super::{CommandId, Entry, Event, NewEntry, Position, entry::chain_after};
use crate::{
    codec::{self, Damaged, Reader, Writer},
    crl::Extent,
    time::Timestamp,
};

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
    /// What a CRL comes to that lists all certificates of the tally. Where that is wrong, a CRL is laid
    /// out twice.
    pub(crate) listed: Extent,
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
        self.add_sum(codec::sum(entry));
    }

    /// Adds the sum of the octets of one.
    pub(crate) fn add_sum(&mut self, sum: u128) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(sum);
    }

    /// Takes away the octets of one entry that was added.
    pub(crate) fn remove(&mut self, entry: &[u8]) {
        let mut one = Self::default();
        one.add(entry);
        self.subtract(&one);
    }

    /// Takes away what another tally counted, all of which was added.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.count = self.count.wrapping_sub(other.count);
        self.sum = self.sum.wrapping_sub(other.sum);
    }

    /// Octets that [`Tally::from_octets`] reads.
    pub(crate) fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        self.write(&mut out);
        out.finish()
    }

    /// Reads a tally that is a record of its own.
    pub(crate) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, FORMAT)?;
        let tally = Self::read(&mut input)?;
        input.finish()?;
        Ok(tally)
    }

    pub(crate) fn write(self, out: &mut Writer) {
        out.u64(self.count);
        out.fixed(&self.sum.to_be_bytes());
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self { count: input.u64()?, sum: u128::from_be_bytes(input.fixed()?) })
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
        listed: Extent { entries: 0, octets: 0 },
    };

    /// Reads the head of a log that has this position.
    pub(crate) fn from_octets(position: Position, octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, FORMAT)?;
        let head = Self {
            position,
            chain: input.fixed()?,
            tally: Tally::read(&mut input)?,
            newest_date: input.optional(Reader::timestamp)?,
            listed: Extent { entries: input.u64()?, octets: input.u64()? },
        };
        input.finish()?;
        Ok(head)
    }

    /// Octets that [`Head::from_octets`] reads; the position is kept beside them.
    pub(crate) fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.fixed(&self.chain);
        self.tally.write(&mut out);
        out.optional(self.newest_date, Writer::timestamp);
        out.u64(self.listed.entries);
        out.u64(self.listed.octets);
        out.finish()
    }

    /// The entries that these events make, and the head after them.
    pub(crate) fn extended(
        self,
        events: impl IntoIterator<Item = (CommandId, Event)>,
    ) -> (Self, Vec<NewEntry>) {
        let mut head = self;
        let push = |(command, event): (CommandId, Event)| head.push(command, &event);
        let entries = events.into_iter().map(push).collect();
        (head, entries)
    }

    /// Takes in the entry that stands next in a log that is read again. `is_live`: whether a scan
    /// still finds it among those about certificates.
    ///
    /// # Errors
    /// Where it is damaged, or does not follow what came before it.
    pub(crate) fn replay(&mut self, value: &[u8], is_live: bool) -> Result<(), Damaged> {
        let entry = Entry::from_octets(value)?;
        if !entry.follows(&self.chain) {
            let problem = "an entry that does not follow from the one before it";
            return Err(Damaged { problem, offset: 0 });
        }
        self.chain = entry.chain;
        self.advance(&entry.event, value, is_live);
        Ok(())
    }

    /// Takes away an entry about a certificate that leaves the live ones.
    pub(crate) fn prune(&mut self, value: &[u8]) {
        self.tally.remove(value);
        // What cannot be read was not counted in.
        let listed = Entry::from_octets(value).ok().and_then(|entry| entry.event.listed());
        if let Some((after, before)) = listed {
            self.listed.remove(&after);
            before.iter().for_each(|before| self.listed.add(before));
        }
    }

    fn push(&mut self, command: CommandId, event: &Event) -> NewEntry {
        let mut octets = Entry::unchained(command, event);
        self.chain = chain_after(&self.chain, &octets);
        octets.fixed(&self.chain);
        let value = octets.finish();
        let subject = event.subject().map(|subject| (subject.partition, subject.serial));
        self.advance(event, &value, subject.is_some());
        NewEntry { subject, value }
    }

    fn advance(&mut self, event: &Event, value: &[u8], is_live: bool) {
        if is_live {
            self.tally.add(value);
            if let Some((after, before)) = event.listed() {
                self.listed.add(&after);
                before.iter().for_each(|before| self.listed.remove(before));
            }
        }
        self.newest_date = self.newest_date.max(event.revocation().map(|r| r.date));
        // A damaged position stays where it is, and no store appends there.
        self.position = Position(self.position.0.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lifecycle::{CertificateKind, Fall, FallCause, Revocation},
        log::Subject,
        partition::Partition,
        reason::Reason,
    };

    fn fell(second: i64) -> Event {
        let at = Timestamp::from_unix(second).unwrap();
        Event::IssuerFell(Fall {
            date: at,
            reason: None,
            recorded_at: at,
            cause: FallCause::Revoked,
        })
    }

    fn by_one(events: impl IntoIterator<Item = Event>) -> impl Iterator<Item = (CommandId, Event)> {
        events.into_iter().map(|event| (CommandId([1; 16]), event))
    }

    #[test]
    fn a_head_reads_back_and_anything_less_is_damaged() {
        let (head, _) = Head::EMPTY.extended(by_one([fell(1), fell(2)]));
        assert_eq!(head.position, Position(2));
        let octets = head.to_octets();
        assert_eq!(Head::from_octets(head.position, &octets), Ok(head));
        for cut in 0..octets.len() {
            assert!(Head::from_octets(head.position, &octets[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn the_chain_depends_on_every_entry_and_their_order() {
        let chain = |events: &[Event]| Head::EMPTY.extended(by_one(events.iter().copied())).0.chain;
        let (first, second) = (fell(1), fell(2));
        assert_ne!(chain(&[first, second]), chain(&[second, first]));
        assert_ne!(chain(&[first]), chain(&[first, first]));
        let step = Head::EMPTY.extended(by_one([first])).0;
        let steps = step.extended(by_one([second])).0;
        assert_eq!(steps.chain, chain(&[first, second]));
    }

    #[test]
    fn an_entry_follows_the_one_before_it_and_no_other() {
        let (_, entries) = Head::EMPTY.extended(by_one([fell(1), fell(2), fell(3)]));
        let entries: Vec<_> =
            entries.iter().map(|entry| Entry::from_octets(&entry.value).unwrap()).collect();
        let chains = [Head::EMPTY.chain].into_iter().chain(entries.iter().map(|it| it.chain));
        for (before, chain) in chains.enumerate() {
            for (number, entry) in entries.iter().enumerate() {
                assert_eq!(entry.follows(&chain), number == before);
            }
        }
    }

    #[test]
    fn replaying_a_log_comes_to_its_head_and_only_in_its_order() {
        let (head, entries) = Head::EMPTY.extended(by_one([fell(1), fell(2)]));
        let mut replayed = Head::EMPTY;
        entries.iter().for_each(|entry| replayed.replay(&entry.value, false).unwrap());
        assert_eq!(replayed, head);
        assert!(replayed.replay(&entries[1].value, false).is_err());
    }

    #[test]
    fn what_a_crl_lists_is_counted_through_amendments_until_it_is_pruned() {
        let at = |text: &str| text.parse().unwrap();
        let subject = |serial: &str| Subject {
            serial: serial.parse().unwrap(),
            kind: CertificateKind::Unknown,
            partition: Partition(0),
            not_after: None,
        };
        let plain = Revocation {
            date: at("2026-11-21T08:00:00Z"),
            reason: None,
            invalidity_date: None,
            recorded_at: at("2026-11-21T08:00:00Z"),
        };
        let grave = Revocation { reason: Some(Reason::KeyCompromise), ..plain };
        let events = [
            Event::Revoked { subject: subject("80"), revocation: plain },
            Event::Revoked { subject: subject("07"), revocation: plain },
            Event::Amended { subject: subject("80"), revocation: grave, replaced: plain },
        ];
        let (mut head, entries) = Head::EMPTY.extended(by_one(events));
        // 30 13 02 02 …, 17 0d …; with a reason 14 more (RFC 5280 §5.1.2.6, §5.3.1).
        assert_eq!(head.listed, Extent { entries: 2, octets: 21 + 14 + 20 });
        let mut replayed = Head::EMPTY;
        entries.iter().for_each(|entry| replayed.replay(&entry.value, true).unwrap());
        assert_eq!(replayed, head);
        head.prune(&entries[0].value);
        head.prune(&entries[2].value);
        assert_eq!(head.listed, Extent { entries: 1, octets: 20 });
    }

    #[test]
    fn a_tally_does_not_depend_on_the_order_but_on_every_entry() {
        let tally = |entries: &[&[u8]]| {
            let mut tally = Tally::default();
            entries.iter().for_each(|entry| tally.add(entry));
            tally
        };
        assert_eq!(tally(&[b"a", b"b"]), tally(&[b"b", b"a"]));
        assert_ne!(tally(&[b"a", b"b"]), tally(&[b"a", b"c"]));
        assert_ne!(tally(&[b"a", b"b"]), tally(&[b"a"]));
        let mut fewer = tally(&[b"a", b"b"]);
        fewer.remove(b"b");
        assert_eq!(fewer, tally(&[b"a"]));
        // The sum is stored, so it must never change.
        assert_eq!(tally(&[b"annul"]).sum, 172_276_279_249_328_634_474_407_108_733_776_627_045);
    }
}
