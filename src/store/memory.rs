//! A store in memory: for tests, and the measure of what the others must answer.

use super::{Batch, Effect, Record, Snapshot, Space, Store, StoreError, Version, Visit};
use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock},
};

/// A store that keeps everything in memory, and nothing when it is dropped.
///
/// A snapshot costs nothing to take. The first batch that writes to a space while a snapshot is
/// alive copies that space, so drop a snapshot before you apply what was decided from it.
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

/// Shared with snapshots space by space: whoever writes to a space that is shared copies it.
type State = BTreeMap<Space, Arc<BTreeMap<Vec<u8>, Record>>>;

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
            let record = state.get(&step.space).and_then(|records| records.get(&*step.key));
            if record.map_or(Version::ABSENT, |record| record.version) != step.expected {
                return Err(step.refusal());
            }
        }
        for step in batch.steps() {
            let records = state.entry(step.space).or_default();
            match step.effect {
                Effect::Keep => {}
                Effect::Write(version, value) => {
                    let record = Record { version, value: value.to_vec() };
                    Arc::make_mut(records).insert(step.key.into_owned(), record);
                }
                Effect::Remove => {
                    Arc::make_mut(records).remove(&*step.key);
                }
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(MemorySnapshot(state.clone())))
    }
}

struct MemorySnapshot(State);

impl Snapshot for MemorySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        Ok(self.0.get(&space).and_then(|records| records.get(key)).cloned())
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        // BTreeMap panics where a range ends before it starts.
        if to.is_some_and(|to| to < from) {
            return Ok(());
        }
        let range = (Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded));
        for (key, record) in
            self.0.get(&space).into_iter().flat_map(|it| it.range::<[u8], _>(range))
        {
            if visit(key, &record.value).is_break() {
                break;
            }
        }
        Ok(())
    }
}
