//! A store that is read from a replica that lags behind.

use crate::store::{Batch, MemoryStore, Snapshot, Store, StoreError};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A store whose snapshots come from a replica, which batches reach only when it
/// [catches up](Stale::catch_up).
///
/// It breaks the promise that a batch is seen by every later snapshot, and keeps all others.
#[derive(Debug)]
pub struct Stale<S> {
    primary: S,
    replica: MemoryStore,
    behind: Mutex<VecDeque<Batch>>,
}

impl<S: Store> Stale<S> {
    /// Writes to this store, which is empty, and reads from a replica of it.
    pub fn new(primary: S) -> Self {
        Self { primary, replica: MemoryStore::new(), behind: Mutex::default() }
    }

    /// How many batches the replica lacks.
    pub fn lag(&self) -> usize {
        self.behind().len()
    }

    /// Lets up to this many more batches reach the replica, in their order.
    ///
    /// # Errors
    /// What the replica has to say of a batch, which can only be that the primary took what no
    /// store may.
    pub fn catch_up(&self, batches: usize) -> Result<(), StoreError> {
        let mut behind = self.behind();
        let batches = batches.min(behind.len());
        behind.drain(..batches).try_for_each(|batch| self.replica.apply(&batch))
    }

    fn behind(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Store for Stale<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        // Held meanwhile, so that batches follow in the order in which they took effect.
        let mut behind = self.behind();
        self.primary.apply(batch)?;
        behind.push_back(batch.clone());
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.replica.snapshot()
    }
}
