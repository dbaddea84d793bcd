//! Carries out commands on two stores and in the model, and compares all three.

use super::{
    check::Checker,
    command::{Command, cas},
    execute::{Outcome, execute},
    naive::Naive,
    place::{Dump, Place, Watched, dump},
};
use crate::support::toy::{Ca, ToyClock, authority, day};
use annul::{Authority, MemoryStore, Policy, RedbStore, Store};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// An authority in memory, another on redb, and the model.
pub struct Run<P> {
    cas: Vec<Ca>,
    policy: Policy,
    steps: u64,
    clock: ToyClock,
    drawn: Arc<AtomicU64>,
    naive: Naive,
    checker: Checker,
    memory: Authority<Watched<MemoryStore>>,
    place: P,
    /// `None` while it is being opened again.
    redb: Option<Authority<Watched<RedbStore>>>,
    /// A crash to come within the next command, and what the store must hold if it undoes that.
    crash: Option<(u64, u64, Dump)>,
}

impl<P: Place> Run<P> {
    pub fn new(policy: Policy, place: P) -> Self {
        let (cas, clock, drawn) = (cas(), ToyClock::at(day(0)), Arc::<AtomicU64>::default());
        let memory = authority(Watched::new(MemoryStore::new()), &clock, drawn.clone());
        let mut run = Self {
            naive: Naive::new(policy.clone(), cas.iter().map(Ca::id).collect()),
            checker: Checker::default(),
            memory: memory.with_policy(policy.clone()),
            redb: None,
            crash: None,
            steps: 0,
            cas,
            policy,
            clock,
            drawn,
            place,
        };
        run.open();
        run
    }

    /// Carries out one command everywhere, and compares. Answers what it came to.
    pub fn step(&mut self, command: &Command) -> &'static str {
        self.steps += 1;
        let expected = self.naive.apply(command);
        match command {
            Command::Clock { .. } => self.clock.set(self.naive.now),
            Command::PowerLoss { luck } => self.lose_power(*luck),
            Command::Crash { operations, luck } => {
                self.crash = Some((*operations, *luck, dump(self.memory.store())));
            }
            _ => {
                let before = self.memory.store().applied();
                let outcome = self.execute(&self.memory, command);
                assert_eq!(outcome.refusal(), expected.err(), "{outcome:?}");
                if expected.is_err() {
                    let applied = self.memory.store().applied();
                    assert_eq!(applied, before, "a refused command changes nothing");
                }
                self.checker.follow_logs(&self.memory, &self.cas, &mut self.naive);
                self.checker.check_outcome(&self.memory, &self.cas, &self.naive, command, &outcome);
                self.repeat_on_redb(command, &outcome);
            }
        }
        self.checker.check_standings(&self.memory, &self.cas, &self.naive);
        expected.err().unwrap_or("done")
    }

    /// Compares everything there is.
    pub fn finish(mut self) {
        self.lose_power(0);
        self.checker.check_all(&self.memory, &self.cas, &self.naive);
        self.checker.check_all(self.redb.as_ref().unwrap(), &self.cas, &self.naive);
    }

    fn execute<S: Store>(&self, authority: &Authority<S>, command: &Command) -> Outcome {
        // Both stores are to draw the same numbers for a command, however often it is tried.
        self.drawn.store(self.steps << 8, Ordering::SeqCst);
        execute(authority, &self.cas, command, self.naive.now)
    }

    fn repeat_on_redb(&mut self, command: &Command, expected: &Outcome) {
        let redb = self.redb.as_ref().unwrap();
        let Some((operations, luck, before)) = self.crash.take() else {
            assert_eq!(self.execute(redb, command), *expected, "the stores answer alike");
            return;
        };
        self.place.fail_after(operations);
        let outcome = self.execute(redb, command);
        self.lose_power_unchecked(luck);
        let redb = self.redb.as_ref().unwrap();
        if outcome == Outcome::Fault && dump(redb.store()) != dump(self.memory.store()) {
            assert_eq!(dump(redb.store()), before, "what fails is undone as a whole");
            assert_eq!(self.execute(redb, command), *expected);
        }
        assert_eq!(dump(redb.store()), dump(self.memory.store()), "what is acknowledged is there");
    }

    fn lose_power(&mut self, luck: u64) {
        self.lose_power_unchecked(luck);
        let redb = self.redb.as_ref().unwrap();
        assert_eq!(dump(redb.store()), dump(self.memory.store()), "what is acknowledged is there");
    }

    fn lose_power_unchecked(&mut self, luck: u64) {
        self.place.lose_power(luck);
        self.open();
    }

    fn open(&mut self) {
        self.redb = None;
        let store = Watched::new(self.place.open());
        let redb = authority(store, &self.clock, self.drawn.clone());
        self.redb = Some(redb.with_policy(self.policy.clone()));
    }
}
