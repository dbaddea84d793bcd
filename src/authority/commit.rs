//! Carrying commands out, those of many threads by one durable write.
//!
//! Each thread decides on a frozen view of its own and hands in the [`Change`]. One of them writes
//! those that do not stand in each other's way as one batch.
//!
//! Where the entries go in their logs is settled only then. So commands on different certificates
//! of one issuer never make each other decide anew, here or in another process.

use super::{
    AT_ONCE, ATTEMPTS, Authority, Error,
    change::{Change, Placed},
    ends::Ends,
    view::View,
};
use crate::{
    log::CommandId,
    store::{Space, Store, StoreError, Table},
    together::{Together, lock},
};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::Mutex,
};

impl<S: Store> Authority<S> {
    /// Carries out a command: `decide` reads a frozen view and says what to change, and that takes
    /// effect only if what it read still holds; else it decides anew.
    pub(super) fn decide<T>(
        &self,
        decide: impl FnMut(&View<'_>, &mut Change) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.decide_and_place(decide).map(|(answer, _)| answer)
    }

    /// As [`Authority::decide`], and says where the entries went.
    pub(super) fn decide_and_place<T>(
        &self,
        mut decide: impl FnMut(&View<'_>, &mut Change) -> Result<T, Error>,
    ) -> Result<(T, Placed), Error> {
        let command = CommandId(self.draw()?);
        for _ in 0..ATTEMPTS {
            let view = self.view()?;
            let mut change = Change::default();
            let answer = decide(&view, &mut change)?;
            if change.is_empty() {
                return Ok((answer, Placed::default()));
            }
            change.complete(&view, command)?;
            // A store may have to copy what a snapshot still shows.
            drop(view);
            match self.queue.commit(change, |changes| self.write(changes)) {
                Outcome::Done(placed) => return Ok((answer, placed)),
                Outcome::Stale => {}
                Outcome::Failed(error) => return Err(error),
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Writes changes by as few batches as can be, and says what became of each.
    fn write(&self, changes: &[Change]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = changes.iter().map(|_| None).collect();
        let (mut alone, mut moved) = (false, false);
        for _ in 0..ATTEMPTS {
            let (together, members) = join(changes, &outcomes, alone);
            if members.is_empty() {
                break;
            }
            let written = self.ends(&together, moved).and_then(|ends| {
                let (batch, after) = together.to_batch(&ends);
                // A store may panic when it has written.
                let applied = panic::catch_unwind(AssertUnwindSafe(|| self.store.apply(&batch)));
                self.falls.note(&batch);
                if !matches!(applied, Ok(Ok(()))) {
                    self.indexes.fall_behind(&batch);
                }
                applied.unwrap_or_else(|panic| panic::resume_unwind(panic))?;
                self.indexes.advance(&batch);
                lock(&self.queue.written).replace(after);
                Ok(Placed::at(&ends))
            });
            let count = members.len();
            let mut settle = |settled: &mut dyn FnMut(bool, &Change) -> Option<Outcome>| {
                let waiting = changes.iter().zip(&mut outcomes).enumerate();
                for (number, (change, outcome)) in waiting.filter(|(_, (_, it))| it.is_none()) {
                    *outcome = settled(members.contains(&number), change);
                }
            };
            match written {
                Ok(mut placed) => settle(&mut |member, change| match member {
                    true => Some(Outcome::Done(placed.take(change))),
                    // It may have been decided on what they have just changed.
                    false => (!together.admits(change)).then_some(Outcome::Stale),
                }),
                // Another process wrote to the log: what was decided may hold all the same.
                Err(StoreError::Conflict {
                    space: Space::Heads | Space::Table(Table::PartitionTallies),
                    ..
                }) => moved = true,
                Err(StoreError::Conflict { space: Space::Table(table), key }) => {
                    let place = (table, key);
                    settle(&mut |member, change| {
                        (member && change.hangs_on(&place)).then_some(Outcome::Stale)
                    });
                }
                // One of them may be to blame, and the others are not to suffer for it.
                Err(StoreError::BadBatch { .. } | StoreError::Corrupt { .. }) if count > 1 => {
                    alone = true;
                }
                Err(error) => {
                    let mut errors = Error::of_each(count, error.into()).into_iter();
                    settle(&mut |member, _| match member {
                        true => errors.next().map(Outcome::Failed),
                        false => None,
                    });
                }
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Stale)).collect()
    }

    /// The ends of the logs that a change adds to: as they were seen when it was decided or
    /// written here since, or read again where they have `moved`.
    fn ends(&self, change: &Change, moved: bool) -> Result<Ends, StoreError> {
        if moved {
            return Ends::read(&self.view()?, change);
        }
        Ok(change.ends().or_later(&lock(&self.queue.written)))
    }
}

/// As many of the changes without an outcome as one batch can write, and their numbers.
fn join(changes: &[Change], outcomes: &[Option<Outcome>], alone: bool) -> (Change, Vec<usize>) {
    let (mut together, mut members) = (Change::default(), Vec::new());
    for (number, (change, outcome)) in changes.iter().zip(outcomes).enumerate() {
        let fits = members.is_empty() || (!alone && together.size() + change.size() <= AT_ONCE);
        if outcome.is_none() && fits && together.admits(change) {
            together.merge(change.clone());
            members.push(number);
        }
    }
    (together, members)
}

/// What became of a change.
#[derive(Debug)]
enum Outcome {
    /// It is written, and its entries went there.
    Done(Placed),
    /// What it was decided on may no longer hold. Nothing of it was written.
    Stale,
    /// The store failed.
    Failed(Error),
}

/// Changes that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    changes: Together<Change, Outcome>,
    /// The ends of logs as they were last written here.
    written: Mutex<Ends>,
}

impl Queue {
    /// Has the change written, by this thread or another that writes already.
    fn commit(&self, change: Change, write: impl Fn(&[Change]) -> Vec<Outcome>) -> Outcome {
        self.changes.hand_in(change, write).unwrap_or_else(|| {
            let error = "the thread that wrote for several panicked".into();
            Outcome::Failed(StoreError::Backend(error).into())
        })
    }
}
