//! Where the second store of a run lives, and what can happen to it there.

use crate::support::{backend::Disk, random::Random};
use annul::{
    RedbStore, Store, StoreError,
    store::{Batch, RedbStoreOptions, Snapshot, Space, Table},
};
use std::{
    fs,
    ops::ControlFlow,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

/// A place for a store on redb.
pub trait Place {
    fn open(&mut self) -> RedbStore;

    /// Lets this many more operations of the disk succeed.
    fn fail_after(&mut self, operations: u64);

    /// Loses power, after which the store is opened again.
    fn lose_power(&mut self, luck: u64);
}

/// A disk in memory that loses what was not synced.
#[derive(Default)]
pub struct OnDisk(Disk);

impl Place for OnDisk {
    fn open(&mut self) -> RedbStore {
        RedbStoreOptions::new().cache_size(1 << 20).open_backend(self.0.clone()).unwrap()
    }

    fn fail_after(&mut self, operations: u64) {
        self.0.fail_after(operations);
    }

    fn lose_power(&mut self, luck: u64) {
        let mut random = Random(luck);
        self.0 = self.0.after_power_loss(|| random.below(2) == 0);
    }
}

/// A real file, which is opened again and again.
pub struct OnFile(PathBuf);

impl OnFile {
    /// In a file of this name, which is new.
    pub fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_file(&path);
        Self(path)
    }
}

impl Place for OnFile {
    fn open(&mut self) -> RedbStore {
        RedbStore::open_or_create(&self.0).unwrap()
    }

    fn fail_after(&mut self, _: u64) {}

    fn lose_power(&mut self, _: u64) {}
}

/// Counts the batches that took effect.
#[derive(Debug)]
pub struct Watched<S> {
    store: S,
    applied: AtomicU64,
}

impl<S> Watched<S> {
    pub fn new(store: S) -> Self {
        Self { store, applied: AtomicU64::new(0) }
    }

    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }
}

impl<S: Store> Store for Watched<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)?;
        self.applied.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }

    fn snapshots_freely(&self) -> bool {
        self.store.snapshots_freely()
    }
}

/// All that a store holds: space, key, version, value.
pub type Dump = Vec<(Space, Vec<u8>, u64, Vec<u8>)>;

pub fn dump(store: &impl Store) -> Dump {
    let tables = [
        Table::Issuers,
        Table::Standings,
        Table::Certificates,
        Table::CertificateDer,
        Table::CrlNumbers,
    ];
    let spaces = [Space::Heads, Space::Log, Space::Entries];
    let snapshot = store.snapshot().unwrap();
    let mut dump = Vec::new();
    for space in spaces.into_iter().chain(tables.map(Space::Table)) {
        let mut scan = |key: &[u8], value: &[u8]| {
            let version = snapshot.get(space, key).unwrap().unwrap().version;
            dump.push((space, key.to_vec(), version.0, value.to_vec()));
            ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, &mut scan).unwrap();
    }
    dump
}
