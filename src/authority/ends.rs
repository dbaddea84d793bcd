//! The ends of logs that a write goes on from: their heads, and the tallies of partitions.

use super::{change::Change, view::View};
use crate::{
    issuer_id::IssuerId,
    log::{Head, Tally},
    partition::Partition,
    store::{Put, StoreError, Table, Version, key},
};
use std::collections::BTreeMap;

/// What stands at the ends of some logs; each write to them replaces it.
///
/// The tally in a head is over all entries of the issuer. A partition has one of its own, so that
/// its CRL misses no entry unnoticed either. Partition 0 needs none: its entries are all the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    pub(super) heads: BTreeMap<IssuerId, Head>,
    tallies: Tallies,
}

/// The tallies of partitions that are not 0, and the versions of their records.
pub(super) type Tallies = BTreeMap<(IssuerId, Partition), (Version, Tally)>;

impl Ends {
    /// Those that this change adds to, as a view shows them.
    pub(super) fn read(view: &View<'_>, change: &Change) -> Result<Self, StoreError> {
        let mut ends = Self::default();
        for issuer in change.issuers() {
            ends.heads.insert(issuer, view.head(issuer)?);
        }
        ends.tallies = view.tallies(change.partitions())?;
        Ok(ends)
    }

    /// Takes in others, of other logs too; of what both know, the later counts.
    pub(super) fn merge(&mut self, others: &Self) {
        for (&issuer, head) in &others.heads {
            let own = self.heads.entry(issuer).or_insert(*head);
            *own = later(own, Some(head), |head| head.position.0);
        }
        for (&place, tally) in &others.tallies {
            let own = self.tallies.entry(place).or_insert(*tally);
            *own = later(own, Some(tally), |(version, _)| version.0);
        }
    }

    /// The same ends, as they are here or later there.
    pub(super) fn or_later(&self, there: &Self) -> Self {
        let heads = self.heads.iter().map(|(issuer, head)| {
            (*issuer, later(head, there.heads.get(issuer), |head| head.position.0))
        });
        let tallies = self.tallies.iter().map(|(place, tally)| {
            (*place, later(tally, there.tallies.get(place), |(version, _)| version.0))
        });
        Self { heads: heads.collect(), tallies: tallies.collect() }
    }

    /// Takes in others, which have replaced what was known of the same ends.
    pub(super) fn replace(&mut self, others: Self) {
        self.heads.extend(others.heads);
        self.tallies.extend(others.tallies);
    }

    /// The tally of a partition to count in; none for partition 0.
    pub(super) fn tally(&mut self, issuer: IssuerId, partition: Partition) -> Option<&mut Tally> {
        let is_kept = partition != Partition(0);
        is_kept.then(|| &mut self.tallies.entry((issuer, partition)).or_default().1)
    }

    /// Writes the tallies: each has its next version then.
    pub(super) fn put_tallies(&mut self) -> Vec<Put> {
        let put = |(&(issuer, partition), (version, tally)): (_, &mut (Version, Tally))| {
            let (table, key) = (Table::PartitionTallies, key::partition(issuer, partition));
            let expected = *version;
            version.0 = version.0.saturating_add(1);
            Put { table, key, expected, value: tally.to_octets() }
        };
        self.tallies.iter_mut().map(put).collect()
    }
}

/// The later of the two, by how often they were written.
fn later<T: Copy>(here: &T, there: Option<&T>, writes: impl Fn(&T) -> u64) -> T {
    *there.filter(|there| writes(there) > writes(here)).unwrap_or(here)
}
