//! A store that fails: now and then, or when it is told to.

use super::{Place, random::Random};
use crate::store::{Append, Batch, Record, Snapshot, Space, Store, StoreError, Visit};
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How an operation fails. Each answers [`StoreError::Backend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, but the answer was lost. Of a scan, some records were shown.
    After,
    /// A part of a batch took effect, as in a store that is not atomic: the first half of its
    /// puts, of its retires and of its entries. Anything else fails as [`Fault::After`].
    Torn,
}

/// When the operations of [`Faulty`] stores fail. Clones are the same plan, and count together.
///
/// An operation is a call of any method of a [`Store`] or a [`Snapshot`].
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    operations: u64,
    next: Option<(u64, Fault)>,
    often: Option<Often>,
}

#[derive(Debug)]
struct Often {
    one_in: usize,
    kinds: Vec<Fault>,
    random: Random,
}

impl Faults {
    /// None, until [`Faults::fail_at`] orders one.
    pub fn none() -> Self {
        Self::default()
    }

    /// One operation in so many fails, at random but alike in every run, in one of these manners.
    pub fn one_in(operations: usize, kinds: impl Into<Vec<Fault>>) -> Self {
        let often = Often { one_in: operations.max(1), kinds: kinds.into(), random: Random(1) };
        let plan = Plan { often: Some(often), ..Plan::default() };
        Self(Arc::new(Mutex::new(plan)))
    }

    /// The n-th operation from now fails, 1 for the next one, and only that.
    pub fn fail_at(&self, n: u64, fault: Fault) {
        let mut plan = self.plan();
        plan.next = Some((plan.operations.saturating_add(n), fault));
    }

    /// No operation fails from now on.
    pub fn end(&self) {
        let mut plan = self.plan();
        (plan.next, plan.often) = (None, None);
    }

    /// How many operations were asked for.
    pub fn operations(&self) -> u64 {
        self.plan().operations
    }

    /// Counts an operation, and says whether it fails.
    fn count(&self) -> Option<Fault> {
        let mut plan = self.plan();
        plan.operations += 1;
        let now = plan.operations;
        if let Some((_, fault)) = plan.next.take_if(|(at, _)| *at <= now) {
            return Some(fault);
        }
        let Often { one_in, kinds, random } = plan.often.as_mut()?;
        if random.below(*one_in) > 0 {
            return None;
        }
        random.of(kinds).copied()
    }

    /// Does something, and fails as planned.
    fn meet<T>(&self, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.count() {
            None => act(),
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After | Fault::Torn) => act().and_then(|_| Err(failed())),
        }
    }

    /// As [`Faults::meet`] for a scan, which fails in the midst.
    fn meet_scan(
        &self,
        visit: &mut Visit<'_>,
        scan: impl FnOnce(&mut Visit<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.count() {
            None => scan(visit),
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After | Fault::Torn) => {
                let mut left = 100_u32;
                scan(&mut |key, value| {
                    left = left.saturating_sub(1);
                    if left == 0 { ControlFlow::Break(()) } else { visit(key, value) }
                })?;
                Err(failed())
            }
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed() -> StoreError {
    StoreError::Backend("a fault that was planned".into())
}

/// A store whose operations fail as planned.
#[derive(Debug)]
pub struct Faulty<S> {
    store: S,
    faults: Faults,
}

impl<S: Store> Faulty<S> {
    /// Has this store fail so.
    pub fn new(store: S, faults: Faults) -> Self {
        Self { store, faults }
    }

    /// Carries out the first half of the batch.
    fn tear(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        let half =
            |append: &Append| Append { entries: first_half(&append.entries), ..append.clone() };
        self.store.apply(&Batch {
            asserts: batch.asserts.clone(),
            puts: first_half(&batch.puts),
            retires: first_half(&batch.retires),
            appends: batch.appends.iter().map(half).collect(),
        })?;
        Err(failed())
    }
}

/// At least one, where there are any.
fn first_half<T: Clone>(all: &[T]) -> Vec<T> {
    all[..all.len().div_ceil(2)].to_vec()
}

impl<S: Store> Store for Faulty<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        match self.faults.count() {
            None => self.store.apply(batch),
            Some(Fault::Before) => Err(failed()),
            Some(Fault::After) => self.store.apply(batch).and_then(|()| Err(failed())),
            Some(Fault::Torn) => self.tear(batch),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let snapshot = self.faults.meet(|| self.store.snapshot())?;
        Ok(Box::new(FaultySnapshot { snapshot, faults: &self.faults }))
    }
}

struct FaultySnapshot<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    faults: &'a Faults,
}

impl Snapshot for FaultySnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.faults.meet(|| self.snapshot.get(space, key))
    }

    fn get_all(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, StoreError> {
        self.faults.meet(|| self.snapshot.get_all(space, keys))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.faults.meet_scan(visit, |visit| self.snapshot.scan(space, from, to, visit))
    }

    fn scan_prefixes(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.faults.meet_scan(visit, |visit| self.snapshot.scan_prefixes(space, prefixes, visit))
    }
}

/// A place whose stores fail as planned.
#[derive(Clone, Debug)]
pub struct FaultyPlace<P> {
    place: P,
    faults: Faults,
}

impl<P: Place> FaultyPlace<P> {
    /// Has the stores that are kept there fail so.
    pub fn new(place: P, faults: Faults) -> Self {
        Self { place, faults }
    }
}

impl<P: Place> Place for FaultyPlace<P> {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(Faulty::new(self.place.open(), self.faults.clone()))
    }

    fn is_shared(&self) -> bool {
        self.place.is_shared()
    }
}
