//! Records in the order of their keys, cheap to share and to change while they are shared.

use crate::store::{Record, Version, Visit};
use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

/// How many records a box holds at most.
const MOST: usize = 256;

/// The records of one space, in boxes of neighbours.
///
/// A clone shares the boxes. Whoever changes a record while a clone is alive copies the list of
/// boxes and one box, not all records.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    /// Each box under a key that none of its records is below; the first under the empty key.
    boxes: BTreeMap<Octets, Arc<Records>>,
}

type Octets = Arc<[u8]>;
type Records = BTreeMap<Octets, (Version, Octets)>;

impl Shelf {
    fn box_of(&self, key: &[u8]) -> Option<&Arc<Records>> {
        let below = (Bound::Unbounded, Bound::Included(key));
        self.boxes.range::<[u8], _>(below).next_back().map(|(_, records)| records)
    }

    /// The version of the record at this key, [`Version::ABSENT`] for none.
    pub(super) fn version(&self, key: &[u8]) -> Version {
        self.box_of(key)
            .and_then(|records| records.get(key))
            .map_or(Version::ABSENT, |(version, _)| *version)
    }

    /// The record at this key.
    pub(super) fn get(&self, key: &[u8]) -> Option<Record> {
        let (version, value) = self.box_of(key)?.get(key)?;
        Some(Record { version: *version, value: value.to_vec() })
    }

    /// Shows the records from one key to another, as [`Snapshot::scan`](crate::store::Snapshot).
    pub(super) fn scan(&self, from: &[u8], to: Option<&[u8]>, visit: &mut Visit<'_>) {
        // BTreeMap panics over some ranges with nothing in them.
        if to.is_some_and(|to| to <= from) {
            return;
        }
        let range = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded));
        let later = (Bound::Excluded(from), range.1);
        let first = self.box_of(from).into_iter();
        let boxes = first.chain(self.boxes.range::<[u8], _>(later).map(|(_, records)| records));
        for (key, (_, value)) in boxes.flat_map(|records| records.range::<[u8], _>(range)) {
            if visit(key, value) == ControlFlow::Break(()) {
                return;
            }
        }
    }

    /// Puts a record there, or in the place of the one that is there.
    pub(super) fn put(&mut self, key: &[u8], version: Version, value: &[u8]) {
        if self.boxes.is_empty() {
            self.boxes.insert(Octets::default(), Arc::default());
        }
        let below = (Bound::Unbounded, Bound::Included(key));
        let Some((_, records)) = self.boxes.range_mut::<[u8], _>(below).next_back() else { return };
        let records = Arc::make_mut(records);
        records.insert(key.into(), (version, value.into()));
        if records.len() > MOST
            && let Some(middle) = records.keys().nth(MOST / 2).cloned()
        {
            let upper = records.split_off(&middle);
            self.boxes.insert(middle, Arc::new(upper));
        }
    }

    /// Removes the record at this key.
    pub(super) fn remove(&mut self, key: &[u8]) {
        let below = (Bound::Unbounded, Bound::Included(key));
        let Some((first, records)) = self.boxes.range_mut::<[u8], _>(below).next_back() else {
            return;
        };
        let records = Arc::make_mut(records);
        records.remove(key);
        if records.is_empty() && !first.is_empty() {
            let first = first.clone();
            self.boxes.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    fn scatter(number: u64) -> u64 {
        (number ^ (number >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
    }

    #[test]
    fn a_shelf_is_a_map_and_its_clones_stay_as_they_are() {
        let (mut shelf, mut map) = (Shelf::default(), BTreeMap::new());
        let mut clones = Vec::new();
        for step in 0..20_000 {
            let key = (scatter(step) % 3_000).to_be_bytes();
            if scatter(step * 31).is_multiple_of(3) {
                shelf.remove(&key);
                map.remove(&key);
            } else {
                shelf.put(&key, Version(step), &key);
                map.insert(key, step);
            }
            if step % 2_000 == 0 {
                clones.push((shelf.clone(), map.clone()));
            }
        }
        clones.push((shelf, map));
        for (shelf, map) in clones {
            for number in 0..3_000u64 {
                let key = number.to_be_bytes();
                let record = shelf.get(&key).map(|record| record.version.0);
                assert_eq!(record, map.get(&key).copied());
                assert_eq!(shelf.version(&key).0, record.unwrap_or(0));
            }
            for (from, to) in [(0, 3_000), (700, 1_500), (1_500, 700), (2_999, 3_000)] {
                let mut keys = Vec::new();
                let (from, to): (u64, u64) = (from, to);
                shelf.scan(&from.to_be_bytes(), Some(&to.to_be_bytes()), &mut |key, _| {
                    keys.push(key.to_vec());
                    ControlFlow::Continue(())
                });
                let within =
                    map.keys().filter(|key| (from..to).contains(&u64::from_be_bytes(**key)));
                assert!(keys.iter().eq(within), "{from} to {to}");
            }
        }
    }
}
