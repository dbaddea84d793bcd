//! Places for stores on redb.

use crate::backend::Disk;
use annul::{Store, conformance::Place, store::RedbStoreOptions};
use std::{
    fs,
    path::PathBuf,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// A disk in memory that loses power each time the store is closed, with all that was not synced.
#[derive(Default)]
pub struct OnDisk(Mutex<Disk>);

impl Place for OnDisk {
    fn open(&self) -> Arc<dyn Store> {
        let mut disk = self.0.lock().unwrap();
        *disk = disk.after_power_loss(|| false);
        Arc::new(options().open_backend(disk.clone()).unwrap())
    }
}

/// A real file.
pub struct OnFile(PathBuf);

impl OnFile {
    /// In a file of its own.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("conformance-{}-{number}.store", process::id());
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Place for OnFile {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(options().open_or_create(&self.0).unwrap())
    }
}

impl Drop for OnFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn options() -> RedbStoreOptions {
    RedbStoreOptions::new().cache_size(4 << 20)
}
