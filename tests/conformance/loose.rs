//! A small store that is right, but for one flaw that it is given.

use annul::{
    Store, StoreError,
    conformance::Place,
    store::{Batch, Effect, Record, Snapshot, Space, Step, Table, Version, Visit},
};
use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: to see that it is the flaw that is found.
    None,
    LosesTheLastBatch,
    LosesAllOfATableOnReopening,
    ForgetsVersionsOnReopening,
    WritesStepByStep,
    WritesUpToAConflict,
    ShowsTheHeadFirst,
    LeavesAGap,
    TakesAPositionWhenItRefuses,
    ReversesEntries,
    IgnoresConditions,
    IgnoresAsserts,
    IgnoresAbsence,
    ChecksBeforeItLocks,
    ReplacesEntries,
    PrunesTheLog,
    PrunesWhatIsNotThere,
    KeepsWhatIsRetired,
    CountsNoVersions,
    ShowsWhatComesLater,
    ShowsWhatWasBefore,
    BlocksWhileItIsRead,
    SkipsAtTheEndOfAPage,
    RepeatsAtTheEndOfAPage,
    EndsEarly,
    ScansPastTheEnd,
    ScansBackwards,
    AnswersOutOfOrder,
    CutsValues,
    CutsBatches,
    MixesUpTables,
    TakesABadBatch,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 31] = [
        Self::LosesTheLastBatch,
        Self::LosesAllOfATableOnReopening,
        Self::ForgetsVersionsOnReopening,
        Self::WritesStepByStep,
        Self::WritesUpToAConflict,
        Self::ShowsTheHeadFirst,
        Self::LeavesAGap,
        Self::TakesAPositionWhenItRefuses,
        Self::ReversesEntries,
        Self::IgnoresConditions,
        Self::IgnoresAsserts,
        Self::IgnoresAbsence,
        Self::ChecksBeforeItLocks,
        Self::ReplacesEntries,
        Self::PrunesTheLog,
        Self::PrunesWhatIsNotThere,
        Self::KeepsWhatIsRetired,
        Self::CountsNoVersions,
        Self::ShowsWhatComesLater,
        Self::ShowsWhatWasBefore,
        Self::BlocksWhileItIsRead,
        Self::SkipsAtTheEndOfAPage,
        Self::RepeatsAtTheEndOfAPage,
        Self::EndsEarly,
        Self::ScansPastTheEnd,
        Self::ScansBackwards,
        Self::AnswersOutOfOrder,
        Self::CutsValues,
        Self::CutsBatches,
        Self::MixesUpTables,
        Self::TakesABadBatch,
    ];
}

/// What a page holds, for the flaws that have pages.
const PAGE: usize = 1000;
/// How long a store dawdles where it lets others in between.
const MOMENT: Duration = Duration::from_micros(100);

type Records = BTreeMap<(Space, Vec<u8>), Record>;

/// The place of a store with a flaw.
#[derive(Debug)]
pub struct LoosePlace {
    flaw: Flaw,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    records: Arc<Records>,
    /// As they were before the last batch.
    before: Arc<Records>,
    opened: u32,
}

impl LoosePlace {
    pub fn new(flaw: Flaw) -> Self {
        Self { flaw, state: Arc::default() }
    }
}

impl Place for LoosePlace {
    fn open(&self) -> Arc<dyn Store> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.opened += 1;
        if state.opened > 1 {
            let before = Arc::clone(&state.before);
            match self.flaw {
                Flaw::LosesTheLastBatch => state.records = before,
                Flaw::LosesAllOfATableOnReopening => {
                    let numbers = Space::Table(Table::CrlNumbers);
                    Arc::make_mut(&mut state.records).retain(|(space, _), _| *space != numbers);
                }
                Flaw::ForgetsVersionsOnReopening => {
                    let records = Arc::make_mut(&mut state.records).iter_mut();
                    records.for_each(|(_, record)| record.version = Version(1));
                }
                _ => {}
            }
        }
        Arc::new(Loose { flaw: self.flaw, state: Arc::clone(&self.state) })
    }
}

#[derive(Debug)]
struct Loose {
    flaw: Flaw,
    state: Arc<Mutex<State>>,
}

impl Loose {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn check(&self, records: &Records, step: &Step<'_>) -> Result<(), StoreError> {
        let record = records.get(&(step.space, step.key.to_vec()));
        let is = record.map_or(Version::ABSENT, |record| record.version);
        let is_log = matches!(step.space, Space::Log | Space::Entries);
        let passes = match self.flaw {
            Flaw::IgnoresConditions => true,
            Flaw::CountsNoVersions => (is == Version::ABSENT) == (step.expected == Version::ABSENT),
            Flaw::IgnoresAsserts => step.effect == Effect::Keep,
            Flaw::IgnoresAbsence => step.expected == Version::ABSENT && !is_log,
            Flaw::ReplacesEntries => is_log || step.space == Space::Heads,
            Flaw::PrunesWhatIsNotThere => is_log && step.effect == Effect::Remove,
            _ => false,
        };
        if is == step.expected || passes { Ok(()) } else { Err(step.refusal()) }
    }

    fn bring_about(&self, records: &mut Records, step: &Step<'_>, place: usize) {
        let mut key = step.key.to_vec();
        let space = match step.space {
            Space::Table(Table::CertificateDer) if self.flaw == Flaw::MixesUpTables => {
                Space::Table(Table::Certificates)
            }
            space => space,
        };
        if self.flaw == Flaw::LeavesAGap && space == Space::Log && place > 4 {
            let last = key.last_mut().unwrap();
            *last = last.wrapping_add(1);
        }
        match step.effect {
            Effect::Keep => {}
            Effect::Write(version, value) => {
                let cut = if self.flaw == Flaw::CutsValues { 1 << 16 } else { usize::MAX };
                let value = value[..value.len().min(cut)].to_vec();
                let counts = self.flaw != Flaw::CountsNoVersions || space == Space::Heads;
                let version = if counts { version } else { Version(1) };
                records.insert((space, key), Record { version, value });
            }
            Effect::Remove if self.flaw == Flaw::KeepsWhatIsRetired => {}
            Effect::Remove => {
                if let (Flaw::PrunesTheLog, Space::Entries) = (self.flaw, space) {
                    let in_log = [&key[..32], key.last_chunk::<8>().unwrap()].concat();
                    records.remove(&(Space::Log, in_log));
                }
                records.remove(&(space, key));
            }
        }
    }

    /// Writes with moments in between, in which others see what is there.
    fn write_slowly(&self, steps: &[Step<'_>], pause_after: impl Fn(&Step<'_>) -> bool) {
        for (place, step) in steps.iter().enumerate() {
            self.bring_about(Arc::make_mut(&mut self.state().records), step, place);
            // Of a large batch, the first ones are enough.
            if place < PAGE / 10 && pause_after(step) {
                thread::sleep(MOMENT);
            }
        }
    }
}

impl Store for Loose {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.flaw != Flaw::TakesABadBatch {
            batch.check()?;
        }
        let mut steps: Vec<_> = batch.steps().collect();
        if self.flaw == Flaw::CutsBatches {
            steps.truncate(5000);
        }
        if self.flaw == Flaw::ReversesEntries {
            let keys: Vec<_> = (steps.iter())
                .filter(|step| step.space == Space::Log)
                .map(|step| step.key.clone())
                .collect();
            let entries = steps.iter_mut().filter(|step| step.space == Space::Log);
            entries.zip(keys.into_iter().rev()).for_each(|(step, key)| step.key = key);
        }
        let mut state = self.state();
        for (place, step) in steps.iter().enumerate() {
            if let Err(error) = self.check(&state.records, step) {
                let records = Arc::make_mut(&mut state.records);
                if self.flaw == Flaw::WritesUpToAConflict {
                    (steps.iter().take(place)).for_each(|step| self.bring_about(records, step, 0));
                }
                if self.flaw == Flaw::TakesAPositionWhenItRefuses {
                    let heads = records.iter_mut().filter(|((space, _), _)| *space == Space::Heads);
                    heads.for_each(|(_, head)| head.version.0 += 1);
                }
                return Err(error);
            }
        }
        let before = Arc::clone(&state.records);
        match self.flaw {
            Flaw::WritesStepByStep => {
                drop(state);
                self.write_slowly(&steps, |_| true);
            }
            Flaw::ShowsTheHeadFirst => {
                drop(state);
                self.write_slowly(&steps, |step| step.space == Space::Heads);
            }
            Flaw::ChecksBeforeItLocks => {
                drop(state);
                thread::sleep(MOMENT);
                self.write_slowly(&steps, |_| false);
            }
            _ => {
                let records = Arc::make_mut(&mut state.records);
                for (place, step) in steps.iter().enumerate() {
                    self.bring_about(records, step, place);
                }
                drop(state);
            }
        }
        self.state().before = before;
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let state = self.state();
        let records =
            if self.flaw == Flaw::ShowsWhatWasBefore { &state.before } else { &state.records };
        Ok(Box::new(LooseSnapshot { store: self, records: Arc::clone(records) }))
    }
}

struct LooseSnapshot<'a> {
    store: &'a Loose,
    records: Arc<Records>,
}

impl LooseSnapshot<'_> {
    fn records(&self) -> Arc<Records> {
        match self.store.flaw {
            Flaw::ShowsWhatComesLater => Arc::clone(&self.store.state().records),
            _ => Arc::clone(&self.records),
        }
    }
}

impl Snapshot for LooseSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        Ok(self.records().get(&(space, key.to_vec())).cloned())
    }

    fn get_all(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, StoreError> {
        let mut keys = keys.to_vec();
        if self.store.flaw == Flaw::AnswersOutOfOrder {
            keys.sort();
        }
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let flaw = self.store.flaw;
        let _held = (flaw == Flaw::BlocksWhileItIsRead).then(|| self.store.state());
        let records = self.records();
        let first = Bound::Included((space, from.to_vec()));
        let rows = records.range((first, Bound::Unbounded));
        let rows = rows.filter(|((found, key), _)| {
            let is_in = to.is_none_or(|to| match flaw {
                Flaw::ScansPastTheEnd => &key[..] <= to,
                _ => &key[..] < to,
            });
            *found == space && is_in
        });
        let mut rows: Vec<_> = rows.collect();
        if flaw == Flaw::ScansBackwards {
            rows.reverse();
        }
        for (place, ((_, key), record)) in rows.into_iter().enumerate() {
            let at_end = place % PAGE == PAGE - 1;
            if (flaw == Flaw::SkipsAtTheEndOfAPage && at_end)
                || (flaw == Flaw::EndsEarly && place > 2 * PAGE)
            {
                continue;
            }
            let times = if flaw == Flaw::RepeatsAtTheEndOfAPage && at_end { 2 } else { 1 };
            for _ in 0..times {
                if visit(key, &record.value) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
