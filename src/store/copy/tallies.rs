//! Keeping the tallies of partitions beside the entries that are copied.

use super::{CopyError, Copying};
use crate::{
    issuer_id::IssuerId,
    log::{NewEntry, Tally},
    partition::Partition,
    store::{Prune, Put, Space, StoreError, Table, Version, key, place},
};
use std::collections::{BTreeMap, btree_map::Entry};

const TALLIES: Table = Table::PartitionTallies;

impl Copying<'_> {
    /// Writes the tallies of partitions in the target, once these entries were added and those
    /// pruned, each of which has the value beside it.
    pub(super) fn tallies<'e>(
        &self,
        issuer: IssuerId,
        added: &'e [NewEntry],
        pruned: impl Iterator<Item = (&'e Prune, &'e Vec<u8>)>,
    ) -> Result<Vec<Put>, CopyError> {
        let added = added.iter().filter_map(|new| Some((new.subject?.0, &new.value, true)));
        let pruned = pruned.map(|(prune, value)| (prune.partition, value, false));
        let mut tallies = BTreeMap::new();
        for (partition, value, is_added) in added.chain(pruned) {
            // Partition 0 has none of its own.
            if partition == Partition(0) {
                continue;
            }
            let (_, tally) = match tallies.entry(partition) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.tally(issuer, partition)?),
            };
            if is_added { tally.add(value) } else { tally.remove(value) }
        }
        let put = |(partition, (expected, tally)): (Partition, (Version, Tally))| {
            let key = key::partition(issuer, partition);
            Put { table: TALLIES, key, expected, value: tally.to_octets() }
        };
        Ok(tallies.into_iter().map(put).collect())
    }

    fn tally(&self, issuer: IssuerId, partition: Partition) -> Result<(Version, Tally), CopyError> {
        let (space, key) = (Space::Table(TALLIES), key::partition(issuer, partition));
        let record = self.target()?.get(space, &key).map_err(CopyError::Target)?;
        let Some(record) = record else { return Ok((Version::ABSENT, Tally::default())) };
        let tally = Tally::from_octets(&record.value).map_err(|error| {
            let what = place(space, &key);
            CopyError::Target(StoreError::Corrupt { what, problem: error.to_string() })
        })?;
        Ok((record.version, tally))
    }
}
