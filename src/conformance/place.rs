//! Where the store of a case is kept, and how a case runs there.

use crate::store::{MemoryStore, Store};
use std::sync::{Arc, PoisonError, RwLock};

/// Where a store is kept: empty at first, gone when it is dropped.
pub trait Place {
    /// Opens the store that is kept here. It is called again after all earlier handles were
    /// dropped; and meanwhile too, if it [is shared](Place::is_shared).
    fn open(&self) -> Arc<dyn Store>;

    /// Whether several may have it open at once, as several processes would.
    fn is_shared(&self) -> bool {
        false
    }
}

/// A place, or `None` where what it needs is not there: then the case is skipped.
pub trait MaybePlace {
    /// The place.
    fn place(self) -> Option<impl Place>;
}

impl<P: Place> MaybePlace for P {
    fn place(self) -> Option<impl Place> {
        Some(self)
    }
}

impl<P: Place> MaybePlace for Option<P> {
    fn place(self) -> Option<impl Place> {
        self
    }
}

/// The place of a [`MemoryStore`], which lives as long as its place.
#[derive(Debug, Default)]
pub struct MemoryPlace(Arc<MemoryStore>);

impl Place for MemoryPlace {
    fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// A property that every store has, as a test: it panics where the store at this place lacks it.
pub type Case = fn(&dyn Place);

/// Held by every case; alone by one that measures the process.
static RUNNING: RwLock<()> = RwLock::new(());

/// Runs a case at a place.
pub fn run(case: Case, place: impl MaybePlace) {
    let Some(place) = place.place() else { return };
    // Were the addresses to differ, it would only measure what others do beside it.
    if std::ptr::fn_addr_eq(case, super::a_scan_of_many_records_takes_little_memory as Case) {
        let _alone = RUNNING.write().unwrap_or_else(PoisonError::into_inner);
        case(&place);
    } else {
        let _beside_others = RUNNING.read().unwrap_or_else(PoisonError::into_inner);
        case(&place);
    }
}
