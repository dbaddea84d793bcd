//! Random histories of two publishers: crashes, clocks that step, backups that are restored. Whatever
//! happened, what was published stays published, and in the end everything is.

use super::{histories, listed, revocation, root, week, with_leaves};
use crate::toy::{ToyClock, authority, day};
use annul::{
    Authority, CertificateList, CrlNumber, CrlPlace, Import, Issue, IssuerId, MemorySink,
    MemoryStore, PublishError, Released, Scope, Serial, Sink,
    conformance::{Fault, Faults, Faulty},
    store::copy,
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicU64},
};

#[derive(Clone, Debug)]
enum Step {
    Revoke(u64),
    Issue { publisher: usize, kind: u8, fault: Option<(u64, bool)> },
    Clock(i64),
    Backup,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = proptest::option::of((1..30u64, any::<bool>()));
    prop_oneof![
        4 => (1..40u64).prop_map(Step::Revoke),
        6 => (0..2usize, 0..3u8, fault)
            .prop_map(|(publisher, kind, fault)| Step::Issue { publisher, kind, fault }),
        2 => (-1..3i64).prop_map(Step::Clock),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
    ]
}

type Node = Authority<Faulty<Arc<MemoryStore>>>;

/// Two publishers on one store, one sink, and all that relying parties ever saw.
struct World {
    issuer: IssuerId,
    clock: ToyClock,
    today: i64,
    latest: i64,
    drawn: Arc<AtomicU64>,
    faults: Faults,
    store: Arc<MemoryStore>,
    backup: Option<Arc<MemoryStore>>,
    nodes: Vec<Node>,
    sink: MemorySink,
    seen: BTreeMap<(bool, CrlNumber), Vec<u8>>,
    published: BTreeSet<Serial>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            issuer: root().id(),
            clock: ToyClock::at(day(0)),
            today: 0,
            latest: 0,
            drawn: Arc::default(),
            faults: Faults::none(),
            store: Arc::default(),
            backup: None,
            nodes: Vec::new(),
            sink: MemorySink::new("sink"),
            seen: BTreeMap::new(),
            published: BTreeSet::new(),
        };
        world.start();
        with_leaves(&world.nodes[0], 40);
        world
    }

    /// Both processes start anew.
    fn start(&mut self) {
        let node = |_| {
            let store = Faulty::new(Arc::clone(&self.store), self.faults.clone());
            authority(store, &self.clock, Arc::clone(&self.drawn))
        };
        self.nodes = (0..2).map(node).collect();
    }

    fn issue(&self, publisher: usize, kind: u8) -> Result<Released, PublishError> {
        let issue = match kind {
            0 => Issue::new(week()),
            1 => Issue::new(week().delta()),
            _ => Issue::new(week()).with_delta(),
        };
        self.nodes[publisher].issue(self.issuer, &issue, &root(), &[&self.sink])
    }

    fn shown(&self, delta: bool) -> Option<Vec<u8>> {
        let place = CrlPlace { issuer: self.issuer, scope: Scope::Full, delta };
        self.sink.current(&place).unwrap().map(|current| current.der)
    }

    /// No number comes back, none names two CRLs, and nobody who was revoked is good again.
    fn look(&mut self) {
        for delta in [false, true] {
            let Some(der) = self.shown(delta) else { continue };
            let number = CertificateList::from_der(&der).unwrap().number().unwrap();
            let last = self.seen.keys().filter(|(kind, _)| *kind == delta).map(|(_, it)| *it).max();
            assert!(last <= Some(number), "back from {last:?} to {number}");
            let known = self.seen.entry((delta, number)).or_insert_with(|| der.clone());
            assert_eq!(*known, der, "CRL {number} twice");
            let list = listed(&der);
            if !delta {
                assert!(list.is_superset(&self.published));
                self.published.extend(list);
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            // With a clock that is behind, the certificate may be revoked all the same.
            Step::Revoke(number) => drop(self.nodes[0].revoke(&revocation(number))),
            Step::Issue { publisher, kind, fault } => {
                if let Some((n, after)) = fault {
                    self.faults.fail_at(n, if after { Fault::After } else { Fault::Before });
                }
                let issued = self.issue(publisher, kind);
                self.faults.end();
                if fault.is_some() && issued.is_err() {
                    self.start();
                }
            }
            Step::Clock(days) => {
                self.today += days;
                self.latest = self.latest.max(self.today);
                self.clock.set(day(self.today));
            }
            Step::Backup => {
                let backup = MemoryStore::new();
                copy(&*self.store, &backup).unwrap();
                self.backup = Some(Arc::new(backup));
            }
            Step::Restore => {
                let Some(backup) = &self.backup else { return };
                let restored = MemoryStore::new();
                copy(&**backup, &restored).unwrap();
                self.store = Arc::new(restored);
                self.start();
            }
        }
        self.look();
    }

    /// Somebody looks at last: the clock is right, and what is published is taken over where the
    /// record does not know it.
    fn mend(&mut self) {
        self.clock.set(day(self.latest));
        let mut answer = self.issue(0, 0);
        if matches!(answer, Err(PublishError::Forked { .. })) {
            let ders: Vec<_> = [false, true].into_iter().filter_map(|it| self.shown(it)).collect();
            let crls = ders.iter().map(|der| CertificateList::from_der(der).unwrap());
            let import = crls.fold(Import::new(), Import::with_crl);
            self.nodes[0].import(self.issuer, &import).unwrap();
            answer = self.issue(0, 0);
        }
        answer.unwrap();
        self.look();
        assert!(self.nodes[0].pending(self.issuer).unwrap().is_empty());
    }
}

proptest! {
    #![proptest_config(histories(150))]

    #[test]
    fn what_is_published_stays_so_and_in_the_end_everything_is(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.mend();
        // All that the record holds is out.
        for number in 1..40 {
            let serial = crate::toy::serial(number);
            if let Some(it) = world.nodes[0].publication(world.issuer, serial).unwrap() {
                prop_assert!(it.is_complete());
                prop_assert!(world.published.contains(&serial));
            }
        }
    }
}
