//! A store in memory: for tests, and the measure of what the others must answer.

mod shelf;

use self::shelf::Shelf;
use super::{Batch, Effect, Record, Snapshot, Space, Store, StoreError, Visit};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// A store that keeps everything in memory, and nothing when it is dropped.
///
/// A snapshot costs nothing to take. A batch that is applied while one is alive copies a few
/// hundred records around each that it writes.
///
/// ```
/// use annul::store::{Batch, MemoryStore, Put, Space, Store, Table, Version};
///
/// let store = MemoryStore::new();
/// let put = Put { table: Table::Issuers, key: vec![1], expected: Version::ABSENT, value: vec![2] };
/// store.apply(&Batch { puts: vec![put], ..Batch::default() })?;
///
/// let record = store.snapshot()?.get(Space::Table(Table::Issuers), &[1])?;
/// assert_eq!(record.map(|record| record.version), Some(Version(1)));
/// # Ok::<(), annul::store::StoreError>(())
/// ```
#[derive(Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

/// Shared with snapshots space by space.
type State = BTreeMap<Space, Arc<Shelf>>;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        // A lock is poisoned by a panic of whoever held it, which nothing below can do half-way.
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for step in batch.steps() {
            let version = state.get(&step.space).map(|shelf| shelf.version(&step.key));
            if version.unwrap_or_default() != step.expected {
                return Err(step.refusal());
            }
        }
        for step in batch.steps() {
            let shelf = state.entry(step.space).or_default();
            match step.effect {
                Effect::Keep => {}
                Effect::Write(version, value) => {
                    Arc::make_mut(shelf).put(&step.key, version, value);
                }
                Effect::Remove => Arc::make_mut(shelf).remove(&step.key),
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MemorySnapshot(state.clone())))
    }

    fn snapshots_freely(&self) -> bool {
        true
    }
}

struct MemorySnapshot(State);

impl Snapshot for MemorySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        Ok(self.0.get(&space).and_then(|shelf| shelf.get(key)))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if let Some(shelf) = self.0.get(&space) {
            shelf.scan(from, to, visit);
        }
        Ok(())
    }
}
