//! Stores that show what is asked of them, or keep something back.

use crate::CHECKPOINTS;
use annul::{
    MemoryStore, Store, StoreError,
    store::{Batch, Record, Snapshot, Space, Visit},
};
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

/// A store that nobody may ask while it shows what a scan found, and of which nobody takes a second
/// snapshot while he holds one.
#[derive(Debug)]
pub struct OneByOne<'a>(pub &'a MemoryStore);

struct OneByOneSnapshot<'a>(Box<dyn Snapshot + 'a>, Cell<bool>);

impl Store for OneByOne<'_> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(OneByOneSnapshot(self.0.snapshot()?, Cell::new(false))))
    }
}

impl Snapshot for OneByOneSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        assert!(!self.1.get(), "a question inside a scan");
        self.0.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        assert!(!self.1.replace(true), "a scan inside a scan");
        let scanned = self.0.scan(space, from, to, visit);
        self.1.set(false);
        scanned
    }
}

/// Counts the entries that are read.
#[derive(Debug)]
pub struct Counting {
    pub store: Arc<MemoryStore>,
    pub read: Arc<AtomicU64>,
}

struct CountingSnapshot<'a>(Box<dyn Snapshot + 'a>, &'a AtomicU64);

impl Store for Counting {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(CountingSnapshot(self.store.snapshot()?, &self.read)))
    }

    fn snapshots_freely(&self) -> bool {
        true
    }
}

impl Snapshot for CountingSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.0.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.0.scan(space, from, to, &mut |key, value| {
            self.1.fetch_add(u64::from(space == Space::Entries), Relaxed);
            visit(key, value)
        })
    }
}

/// A store of which the log cannot be read, as long as that is said.
#[derive(Debug)]
pub struct Silent<'a>(pub &'a MemoryStore, pub AtomicBool);

struct SilentSnapshot<'a>(Box<dyn Snapshot + 'a>, &'a AtomicBool);

impl Store for Silent<'_> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(SilentSnapshot(self.0.snapshot()?, &self.1)))
    }
}

impl Snapshot for SilentSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.0.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        // What comes after the chunks cannot be read any more.
        match space {
            CHECKPOINTS => self.1.store(true, Relaxed),
            Space::Log if self.1.load(Relaxed) => {
                return Err(StoreError::Backend("silence".into()));
            }
            _ => {}
        }
        self.0.scan(space, from, to, visit)
    }
}
