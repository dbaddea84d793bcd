//! Stores that answer from an older copy, or hide what they hold.

use annul::{
    MemoryStore, Store, StoreError,
    store::{Batch, Prune, Record, Snapshot, Space, Visit, key},
};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::{
    hash::Hasher,
    mem,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

/// A store that remembers its batches, so that a copy can be had as it was at any time.
#[derive(Debug)]
pub struct Remembering {
    store: Mutex<&'static MemoryStore>,
    pub batches: Mutex<Vec<Batch>>,
    /// What the next batch that appends is to prune besides.
    pub prunes: Mutex<Vec<Prune>>,
}

impl Remembering {
    /// An empty one.
    pub fn new() -> Arc<Self> {
        let store = Mutex::new(replayed(&[]));
        Arc::new(Self { store, batches: Mutex::default(), prunes: Mutex::default() })
    }

    fn store(&self) -> &'static MemoryStore {
        *self.store.lock().unwrap()
    }

    /// How many batches were written.
    pub fn written(&self) -> usize {
        self.batches.lock().unwrap().len()
    }

    /// A copy as of when so many batches were written.
    pub fn copy(&self, batches: usize) -> &'static MemoryStore {
        replayed(&self.batches.lock().unwrap()[..batches])
    }

    /// Goes back to when so many batches were written, under whoever uses it.
    pub fn restore(&self, batches: usize) {
        *self.store.lock().unwrap() = self.copy(batches);
    }
}

/// A store to which these batches were written.
pub fn replayed(batches: &[Batch]) -> &'static MemoryStore {
    let store = Box::leak(Box::new(MemoryStore::new()));
    batches.iter().for_each(|batch| store.apply(batch).unwrap());
    store
}

impl Store for Remembering {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut batch = batch.clone();
        let store = self.store();
        let snapshot = store.snapshot()?;
        for append in &mut batch.appends {
            append.prunes = mem::take(&mut self.prunes.lock().unwrap());
            for prune in &append.prunes {
                let Prune { partition, serial, position } = *prune;
                let key = key::entry(append.issuer, partition, serial, position);
                uncount(&mut append.head, &snapshot.get(Space::Entries, &key)?.unwrap().value);
            }
        }
        drop(snapshot);
        store.apply(&batch)?;
        self.batches.lock().unwrap().push(batch);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store().snapshot()
    }
}

/// Takes an entry out of the count and the sum in a head.
fn uncount(head: &mut [u8], entry: &[u8]) {
    let mut hasher = SipHasher13::new();
    hasher.write(entry);
    let (count, sum) = head[33..57].split_at_mut(8);
    let counted = u64::from_be_bytes(count.try_into().unwrap()) - 1;
    count.copy_from_slice(&counted.to_be_bytes());
    let summed = u128::from_be_bytes((&*sum).try_into().unwrap());
    let summed = summed.wrapping_sub(hasher.finish128().as_u128());
    sum.copy_from_slice(&summed.to_be_bytes());
}

/// A store of which every snapshot but the first so many is of a replica that lags.
#[derive(Debug)]
pub struct Unsteady {
    pub store: &'static MemoryStore,
    pub replica: &'static MemoryStore,
    pub snapshots: Mutex<u64>,
}

impl Store for Unsteady {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let mut left = self.snapshots.lock().unwrap();
        let store = if *left > 0 { self.store } else { self.replica };
        *left = left.saturating_sub(1);
        store.snapshot()
    }
}

/// A store whose scans show only some records.
#[derive(Debug)]
pub struct Hiding {
    pub store: &'static MemoryStore,
    pub shows: fn(Space, &[u8]) -> bool,
}

impl Store for Hiding {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(Hidden { snapshot: self.store.snapshot()?, shows: self.shows }))
    }
}

struct Hidden<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    shows: fn(Space, &[u8]) -> bool,
}

impl Snapshot for Hidden<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
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
            if (self.shows)(space, key) { visit(key, value) } else { ControlFlow::Continue(()) }
        })
    }
}
