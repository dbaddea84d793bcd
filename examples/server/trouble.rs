//! A store that fails when it is told to, so that clients can be shown what they answer to it.

use annul::{
    Store, StoreError,
    store::{Batch, Snapshot, Space, Table},
};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// What is wrong with the store. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Trouble(Arc<AtomicU8>);

#[derive(Debug)]
pub struct Troubled<S> {
    store: S,
    trouble: Trouble,
}

impl Trouble {
    /// Answers whether there is such a trouble.
    pub fn set(&self, kind: &str) -> bool {
        // Somebody else is always faster at the desk; or nothing can be written.
        let kinds = ["none", "conflict", "failure"];
        let Some(code) = kinds.into_iter().zip(0..).find(|(name, _)| *name == kind) else {
            return false;
        };
        self.0.store(code.1, Ordering::SeqCst);
        true
    }
}

impl<S> Troubled<S> {
    pub fn new(store: S, trouble: Trouble) -> Self {
        Self { store, trouble }
    }
}

impl<S: Store> Store for Troubled<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        match self.trouble.0.load(Ordering::SeqCst) {
            1 => match batch.puts.iter().find(|put| put.table == Table::Requests) {
                Some(put) => {
                    let (space, key) = (Space::Table(Table::Requests), put.key.clone());
                    Err(StoreError::Conflict { space, key })
                }
                None => self.store.apply(batch),
            },
            0 => self.store.apply(batch),
            _ => Err(StoreError::Backend("the demo was told to fail".into())),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }

    fn snapshots_freely(&self) -> bool {
        self.store.snapshots_freely()
    }
}
