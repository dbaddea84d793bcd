//! A snapshot that reads ahead: many questions that will be asked, in one journey to the store.

use crate::store::{Record, Snapshot, Space, StoreError, Table, Visit, key};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    ops::{Bound, ControlFlow},
    rc::Rc,
};

/// A snapshot, and what was read of it ahead.
///
/// It answers as the snapshot does, since that never changes.
pub(super) struct ReadAhead<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    records: RefCell<HashMap<Place, Option<Record>>>,
    prefixes: RefCell<HashMap<Place, Rc<Rows>>>,
}

/// A space and a key in it.
type Place = (Space, Vec<u8>);

/// Keys and values.
pub(super) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl<'a> ReadAhead<'a> {
    pub(super) fn new(snapshot: Box<dyn Snapshot + 'a>) -> Self {
        Self { snapshot, records: RefCell::default(), prefixes: RefCell::default() }
    }

    /// Reads the records at these keys, which will be asked for.
    pub(super) fn read(&self, space: Space, keys: Vec<Vec<u8>>) -> Result<(), StoreError> {
        let records = self.snapshot.get_all(space, &keys)?;
        let keys = keys.into_iter().map(|key| (space, key));
        self.records.borrow_mut().extend(keys.zip(records));
        Ok(())
    }

    /// Takes it that there are no records at these keys, which saves a journey. A write that rests on
    /// it is refused where there are.
    pub(super) fn suppose_none(&self, space: Space, keys: Vec<Vec<u8>>) {
        self.records.borrow_mut().extend(keys.into_iter().map(|key| ((space, key), None)));
    }

    /// Reads all records whose keys start with one of these prefixes, which will be scanned.
    pub(super) fn read_prefixes(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let found = self.by_prefix(space, prefixes)?.into_iter();
        let found = found.map(|(prefix, rows)| ((space, prefix), Rc::new(rows)));
        self.prefixes.borrow_mut().extend(found);
        Ok(())
    }

    /// The records whose keys start with each of these prefixes, of which none starts with another.
    pub(super) fn by_prefix(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
    ) -> Result<BTreeMap<Vec<u8>, Rows>, StoreError> {
        let mut found: BTreeMap<_, _> =
            prefixes.iter().map(|prefix| (prefix.clone(), Rows::new())).collect();
        // Each once, also where it is asked for twice.
        let prefixes: Vec<_> = found.keys().cloned().collect();
        self.snapshot.scan_prefixes(space, &prefixes, &mut |key, value| {
            let mut below = found.range_mut::<[u8], _>((Bound::Unbounded, Bound::Included(key)));
            if let Some((_, rows)) = below.next_back() {
                rows.push((key.to_vec(), value.to_vec()));
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}

impl Snapshot for ReadAhead<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        let place = (space, key.to_vec());
        if let Some(ahead) = self.records.borrow().get(&place) {
            return Ok(ahead.clone());
        }
        let record = self.snapshot.get(space, key)?;
        // They are few, and asked for with every certificate.
        let few = [Table::Issuers, Table::Standings, Table::Distributions, Table::Partitions];
        if few.map(Space::Table).contains(&space) {
            self.records.borrow_mut().insert(place, record.clone());
        }
        Ok(record)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        // No borrow is held while `visit` runs: it may read ahead itself.
        let ahead = self.prefixes.borrow().get(&(space, from.to_vec())).cloned();
        let Some(rows) = ahead.filter(|_| key::past(from).as_deref() == to) else {
            return self.snapshot.scan(space, from, to, visit);
        };
        let mut rows = rows.iter();
        while rows.next().is_some_and(|(key, value)| visit(key, value).is_continue()) {}
        Ok(())
    }

    fn scan_prefixes(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.snapshot.scan_prefixes(space, prefixes, visit)
    }

    fn get_all(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, StoreError> {
        self.snapshot.get_all(space, keys)
    }
}
