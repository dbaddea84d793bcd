//! The entries of all partitions in the order that a CRL has: ascending by serial number.

use super::View;
use crate::{
    issuer_id::IssuerId,
    partition::Partition,
    scope::Scope,
    store::{Space, StoreError, key},
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque, binary_heap::PeekMut},
    ops::ControlFlow,
};

/// How many entries of all partitions are held at once.
const ROWS: usize = 32 << 10;

/// How many entries of one partition are read at once at most.
const MOST: usize = 1024;

/// How many entries of one partition are read at once at least: below that, more time would go into
/// asking than into reading.
const FEWEST: usize = 16;

impl View<'_> {
    /// The entries about certificates of a partition, or else of the whole issuer, as they are
    /// stored: ascending by serial number, those about one certificate in the order of the log.
    /// `visit` sees key and value, and may use the store. What it must see is [`View::tally`].
    ///
    /// They are kept by partition. So the next entries of each are held: a thousand, or where many
    /// are asked for 32 thousand of them together, or 16 of each where that is more.
    pub(in crate::authority) fn live_by_serial<E: From<StoreError>>(
        &self,
        issuer: IssuerId,
        scope: Scope,
        visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let partitions = match scope {
            Scope::Partition(partition) => vec![partition],
            _ => self.with_entries(issuer)?,
        };
        let page = (ROWS / partitions.len()).clamp(FEWEST, MOST);
        match partitions[..] {
            [partition] => self.of_one(issuer, partition, page, visit),
            _ => self.merged(issuer, &partitions, page, visit),
        }
    }

    /// The partitions of which there may be entries.
    fn with_entries(&self, issuer: IssuerId) -> Result<Vec<Partition>, StoreError> {
        let tallies = self.recorded_tallies(issuer)?.into_iter();
        let others = tallies.filter(|(_, tally)| tally.count > 0).map(|(number, _)| number);
        Ok([Partition(0)].into_iter().chain(others).collect())
    }

    /// The entries of this partition, so many held at once.
    fn of_one<E: From<StoreError>>(
        &self,
        issuer: IssuerId,
        partition: Partition,
        page: usize,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut run = Run::new(issuer, partition);
        loop {
            run.fill(self, page)?;
            if run.rows.is_empty() {
                return Ok(());
            }
            while let Some((key, value)) = run.pop() {
                if visit(key, value)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// The entries of these partitions, ascending by serial number, so many of each held at once.
    fn merged<E: From<StoreError>>(
        &self,
        issuer: IssuerId,
        partitions: &[Partition],
        page: usize,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut runs = Vec::with_capacity(partitions.len());
        let mut next = BinaryHeap::with_capacity(partitions.len());
        for (number, &partition) in partitions.iter().enumerate() {
            let mut run = Run::new(issuer, partition);
            if let Some(rank) = run.rank(self, page)? {
                next.push(Reverse((rank, number)));
            }
            runs.push(run);
        }
        while let Some(mut first) = next.peek_mut() {
            let Reverse((_, number)) = *first;
            // Each was counted when it was pushed.
            let Some(run) = runs.get_mut(number) else { return Ok(()) };
            if let Some((key, value)) = run.pop()
                && visit(key, value)?.is_break()
            {
                return Ok(());
            }
            match run.rank(self, page)? {
                Some(rank) => *first = Reverse((rank, number)),
                None => drop(PeekMut::pop(first)),
            }
        }
        Ok(())
    }
}

/// What orders entries among those of other partitions: how long the serial number is, its 20 octets
/// at most, and the position; zeros behind them.
type Rank = [u8; 1 + 20 + 8];

/// The entries of one partition, read page by page.
struct Run {
    /// What all keys begin with.
    prefix: Vec<u8>,
    /// Where the next page begins; `None` after the last.
    from: Option<Vec<u8>>,
    /// The keys and values of a page, one behind the other.
    octets: Vec<u8>,
    rows: VecDeque<Row>,
}

/// Where an entry is among the octets of a page.
struct Row {
    key: usize,
    value: usize,
    end: usize,
}

impl Run {
    fn new(issuer: IssuerId, partition: Partition) -> Self {
        let prefix = key::entries(issuer, partition);
        let from = Some(prefix.clone());
        Self { prefix, from, octets: Vec::new(), rows: VecDeque::new() }
    }

    /// Reads the next page, where nothing is left of the one before.
    fn fill(&mut self, view: &View<'_>, page: usize) -> Result<(), StoreError> {
        if self.rows.is_empty()
            && let Some(from) = self.from.take()
        {
            self.octets.clear();
            view.scan(Space::Entries, &from, key::past(&self.prefix), |key, value| {
                let start = self.octets.len();
                self.octets.extend_from_slice(key);
                self.octets.extend_from_slice(value);
                let value = start + key.len();
                self.rows.push_back(Row { key: start, value, end: self.octets.len() });
                let is_full = self.rows.len() == page;
                let flow = if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                Ok::<_, StoreError>(flow)
            })?;
            // With one more octet it is the first key past the last.
            let last = self.rows.back().filter(|_| self.rows.len() == page);
            let last = last.and_then(|row| self.octets.get(row.key..row.value));
            self.from = last.map(|key| [key, &[0]].concat());
        }
        Ok(())
    }

    /// Key and value of the next entry that was read.
    fn pop(&mut self) -> Option<(&[u8], &[u8])> {
        let row = self.rows.pop_front()?;
        Some((self.octets.get(row.key..row.value)?, self.octets.get(row.value..row.end)?))
    }

    /// Where the next entry belongs among those of other partitions.
    fn rank(&mut self, view: &View<'_>, page: usize) -> Result<Option<Rank>, StoreError> {
        self.fill(view, page)?;
        Ok(self.rows.front().map(|row| {
            let key = self.octets.get(row.key + self.prefix.len()..row.value).unwrap_or_default();
            let mut rank = Rank::default();
            rank.iter_mut().zip(key).for_each(|(rank, octet)| *rank = *octet);
            rank
        }))
    }
}

#[cfg(all(test, feature = "conformance"))]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use crate::{
        AddIssuer, Authority, Distribution, MemoryStore, Policy, ReserveSerial, Revoke, Serial,
        Store, Target,
        conformance::{
            Hiding,
            toy::{Ca, in_memory, serial},
        },
        log::Tally,
    };

    const PARTITIONS: u32 = 7;

    /// A CA with some partitions of three certificates each, and some certificates in none of them,
    /// of which all are revoked.
    fn divided() -> (Authority<MemoryStore>, IssuerId) {
        let policy = Policy { slots_at_once: 1, ..Policy::default() };
        let (authority, ca) = (in_memory().0.with_policy(policy), Ca::new("ca"));
        authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1_000_000).ca())).unwrap();
        let reserve = |number: u64| {
            let number = serial(number);
            authority.reserve(&ReserveSerial::new(ca.id(), number)).unwrap();
            number
        };
        // In no order, and of different lengths.
        let number = |place: u64| place * 7_919 % 1_000 + 1;
        let mut serials: Vec<Serial> = (0..5).map(|place| reserve(number(place))).collect();
        let distribution = Distribution::new("http://crl.example").with_partition_size(1_680);
        authority.set_distribution(ca.id(), &distribution).unwrap();
        serials.extend((5..5 + 3 * u64::from(PARTITIONS)).map(|place| reserve(number(place))));
        for serial in serials {
            let target = Target::Serial { issuer: ca.id(), serial };
            authority.revoke(&Revoke::new(target)).unwrap();
        }
        (authority, ca.id())
    }

    fn scanned<S: Store>(authority: &Authority<S>, issuer: IssuerId, scope: Scope) -> Tally {
        let mut tally = Tally::default();
        let visit = |_: &[u8], value: &[u8]| {
            tally.add(value);
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        };
        authority.view().unwrap().live_by_serial(issuer, scope, visit).unwrap();
        tally
    }

    fn scopes() -> impl Iterator<Item = Scope> {
        [Scope::Full].into_iter().chain((0..=PARTITIONS).map(|it| Scope::Partition(Partition(it))))
    }

    #[test]
    fn entries_of_all_partitions_ascend_whatever_is_read_at_once() {
        let (authority, issuer) = divided();
        let view = authority.view().unwrap();
        let partitions: Vec<_> = (0..=PARTITIONS).map(Partition).collect();
        for page in 1..=9 {
            let mut serials = Vec::new();
            let visit = |key: &[u8], _: &[u8]| {
                serials.push(key[36..].to_vec());
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            };
            view.merged(issuer, &partitions, page, visit).unwrap();
            assert_eq!(serials.len(), 5 + 3 * PARTITIONS as usize);
            assert!(serials.is_sorted(), "{page} at once");
        }
        let mut seen = 0;
        let visit = |_: &[u8], _: &[u8]| {
            seen += 1;
            let flow = if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            Ok::<_, StoreError>(flow)
        };
        view.live_by_serial(issuer, Scope::Full, visit).unwrap();
        assert_eq!(seen, 3);
    }

    #[test]
    fn e19_every_partition_counts_its_entries_and_together_they_are_all() {
        let (authority, issuer) = divided();
        let view = authority.view().unwrap();
        let head = view.head(issuer).unwrap();
        for scope in scopes() {
            let tally = view.tally(issuer, &head, scope).unwrap();
            assert_eq!(scanned(&authority, issuer, scope), tally, "{scope}");
            let expected = match scope {
                Scope::Full => 5 + 3 * u64::from(PARTITIONS),
                Scope::Partition(Partition(0)) => 5,
                _ => 3,
            };
            assert_eq!(tally.count, expected, "{scope}");
        }
    }

    #[test]
    fn e17_a_hidden_entry_is_noticed_in_its_partition_and_in_no_other() {
        for hidden in (0..=PARTITIONS).map(Partition) {
            let (authority, issuer) = divided();
            let prefix = key::entries(issuer, hidden);
            let mut keys = Vec::new();
            let view = authority.view().unwrap();
            let visit = |key: &[u8], _: &[u8]| {
                keys.push(key.to_vec());
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            };
            view.scan(Space::Entries, &prefix, key::past(&prefix), visit).unwrap();
            for key in keys {
                let authority = Authority::new(Hiding::new(authority.store(), Space::Entries, key));
                let view = authority.view().unwrap();
                let head = view.head(issuer).unwrap();
                for scope in scopes() {
                    let tally = view.tally(issuer, &head, scope).unwrap();
                    let is_short = scope == Scope::Full || scope == Scope::Partition(hidden);
                    assert_eq!(scanned(&authority, issuer, scope) != tally, is_short, "{scope}");
                }
            }
        }
    }

    #[test]
    fn e17_a_hidden_tally_is_noticed_too() {
        for hidden in (1..=PARTITIONS).map(Partition) {
            let (authority, issuer) = divided();
            let space = Space::Table(crate::store::Table::PartitionTallies);
            let hiding = Hiding::new(authority.store(), space, key::partition(issuer, hidden));
            let authority = Authority::new(hiding);
            let view = authority.view().unwrap();
            let head = view.head(issuer).unwrap();
            for scope in [Scope::Full, Scope::Partition(hidden), Scope::Partition(Partition(0))] {
                let tally = view.tally(issuer, &head, scope).unwrap();
                assert_ne!(scanned(&authority, issuer, scope), tally, "{scope}");
            }
        }
    }

    #[test]
    fn e19_the_members_of_a_partition_are_listed_without_a_scan_of_all() {
        let (authority, issuer) = divided();
        let view = authority.view().unwrap();
        let mut all = 0;
        for partition in (0..=PARTITIONS).map(Partition) {
            let (mut after, mut members) = (None, Vec::new());
            // One at a time, each after the one before.
            loop {
                let seen = members.len();
                let visit = |serial, record: crate::CertificateRecord| {
                    assert_eq!(record.partition, partition);
                    members.push(serial);
                    Ok::<_, StoreError>(ControlFlow::Break(()))
                };
                view.members(issuer, partition, after, visit).unwrap();
                after = members.last().copied();
                if members.len() == seen {
                    break;
                }
            }
            assert!(members.is_sorted());
            assert_eq!(members.len(), if partition == Partition(0) { 5 } else { 3 });
            all += members.len();
        }
        assert_eq!(all, 5 + 3 * PARTITIONS as usize);
    }
}
