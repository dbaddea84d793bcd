//! A store that hides one record, as a lost row of an index would.

use crate::store::{Batch, Record, Snapshot, Space, Store, StoreError, Visit};
use std::ops::ControlFlow;

/// A store of which no reader sees one record.
#[derive(Debug)]
pub struct Hiding<S> {
    store: S,
    space: Space,
    key: Vec<u8>,
}

impl<S: Store> Hiding<S> {
    /// Hides the record at this key.
    pub fn new(store: S, space: Space, key: Vec<u8>) -> Self {
        Self { store, space, key }
    }
}

impl<S: Store> Store for Hiding<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let snapshot = self.store.snapshot()?;
        Ok(Box::new(HidingSnapshot { snapshot, space: self.space, key: &self.key }))
    }
}

struct HidingSnapshot<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    space: Space,
    key: &'a [u8],
}

impl Snapshot for HidingSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        if (space, key) == (self.space, self.key) {
            return Ok(None);
        }
        self.snapshot.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.snapshot.scan(space, from, to, &mut |key, value| {
            if (space, key) == (self.space, self.key) {
                return ControlFlow::Continue(());
            }
            visit(key, value)
        })
    }
}
