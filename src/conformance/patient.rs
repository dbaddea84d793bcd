//! A store as a case sees it: what failed is asked again, as the contract says.

use super::Place;
use crate::store::{Batch, Effect, Record, Snapshot, Space, Store, StoreError, Version, Visit};
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc, thread, time::Duration};

/// How often something is asked again.
pub(super) const ATTEMPTS: u32 = 100;
/// How long to wait before that.
pub(super) const PAUSE: Duration = Duration::from_micros(200);

/// A store whose failures are hidden, as far as its callers can do that.
///
/// After a failure, whether a batch took effect is found out from what it leaves for good: an entry
/// in a log, a record that nobody replaces. So batches that race carry such a record, and what they
/// write is different each time.
#[derive(Clone, Debug)]
pub(super) struct Patient(Arc<dyn Store>);

impl Patient {
    pub(super) fn at(place: &dyn Place) -> Self {
        Self(place.open())
    }

    pub(super) fn over(store: &Arc<dyn Store>) -> Self {
        Self(Arc::clone(store))
    }

    /// Two ways to one store: opened twice where that is allowed, as two processes would.
    pub(super) fn two_at(place: &dyn Place) -> [Self; 2] {
        let first = Self::at(place);
        let second = if place.is_shared() { Self::at(place) } else { first.clone() };
        [first, second]
    }

    /// Whether the batch took effect; `None` where nothing tells.
    ///
    /// # Panics
    /// Where a part of it did.
    fn took_effect(&self, batch: &Batch) -> Result<Option<bool>, StoreError> {
        let mut written = BTreeMap::<_, (Vec<_>, Vec<_>)>::new();
        for step in batch.steps() {
            let (keys, effects) = written.entry(step.space).or_default();
            keys.push(step.key.to_vec());
            effects.push(step.effect);
        }
        let snapshot = self.snapshot()?;
        let mut signs = Vec::new();
        for (space, (keys, effects)) in written {
            let found = snapshot.get_all(space, &keys)?;
            signs.extend(found.iter().zip(effects).filter_map(|(found, e)| sign(space, found, e)));
        }
        let is_whole = signs.windows(2).all(|pair| pair[0] == pair[1]);
        assert!(is_whole, "a part of a batch took effect: {batch:?}");
        Ok(signs.first().copied())
    }
}

/// Whether a record as it was found shows that this effect was brought about.
fn sign(space: Space, found: &Option<Record>, effect: Effect<'_>) -> Option<bool> {
    let is = found.as_ref().map_or(Version::ABSENT, |record| record.version);
    match (space, effect) {
        // Another append may have the same head, and a later one prunes entries.
        (Space::Heads | Space::Entries, _) | (_, Effect::Keep) => None,
        (_, Effect::Write(version, value)) if is == version => {
            Some(found.as_ref().is_some_and(|record| record.value == value))
        }
        (_, Effect::Write(version, _)) => (is < version).then_some(false),
        (_, Effect::Remove) => (is != Version::ABSENT).then_some(false),
    }
}

/// Asks until the answer is another than that the store failed.
fn ask<T>(mut question: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for _ in 1..ATTEMPTS {
        match question() {
            Err(StoreError::Backend(_)) => thread::sleep(PAUSE),
            answer => return answer,
        }
    }
    question()
}

impl Store for Patient {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut unsure = false;
        ask(|| {
            let answer = self.0.apply(batch);
            unsure |= matches!(answer, Err(StoreError::Backend(_)));
            if answer.is_ok() || !unsure {
                return answer;
            }
            let is_refused = !matches!(answer, Err(StoreError::Backend(_)));
            match self.took_effect(batch)? {
                Some(true) => Ok(()),
                None if is_refused && batch.steps().any(|step| step.effect != Effect::Keep) => {
                    panic!("nothing tells whether this batch took effect: {batch:?}")
                }
                Some(false) | None => answer,
            }
        })
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(PatientSnapshot(ask(|| self.0.snapshot())?)))
    }
}

struct PatientSnapshot<'a>(Box<dyn Snapshot + 'a>);

impl Snapshot for PatientSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        ask(|| self.0.get(space, key))
    }

    fn get_all(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, StoreError> {
        ask(|| self.0.get_all(space, keys))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        go_on(visit, |visit| self.0.scan(space, from, to, visit))
    }

    fn scan_prefixes(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        go_on(visit, |visit| self.0.scan_prefixes(space, prefixes, visit))
    }
}

/// Scans, and where that fails once more, without showing anything twice: the view is frozen.
fn go_on(
    visit: &mut Visit<'_>,
    scan: impl Fn(&mut Visit<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (mut shown, mut flow) = (0_usize, ControlFlow::Continue(()));
    ask(|| {
        let mut place = 0_usize;
        let answer = scan(&mut |key, value| {
            place += 1;
            if place > shown {
                shown = place;
                flow = visit(key, value);
            }
            flow
        });
        if flow.is_break() { Ok(()) } else { answer }
    })
}
