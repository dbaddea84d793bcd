//! CRLs made from what is in memory, and from the store: they say the same.

use super::{distribute, histories, revocation, root, week};
use crate::toy::{ToyClock, authority, day, serial};
use annul::{
    Amend, Amendment, Authority, CertificateList, Compact, CrlPlace, CrlRequest, Issue, IssuerId,
    MemorySink, MemoryStore, Policy, Reason, Registration, Scope, Signer, Sink, Store, StoreError,
    Target,
    store::{Batch, Record, Snapshot, Space, Visit},
};
use proptest::prelude::*;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[derive(Clone, Debug)]
enum Step {
    Revoke(u64),
    Amend(u64),
    Wait(i64),
    Release,
    Compact,
    /// Another process writes, and whoever remembers is told so.
    Refresh(Vec<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..44u64).prop_map(Step::Revoke),
        2 => (1..40u64).prop_map(Step::Amend),
        3 => (1..9i64).prop_map(Step::Wait),
        3 => Just(Step::Release),
        1 => Just(Step::Compact),
        2 => proptest::collection::vec(1..40u64, 0..12).prop_map(Step::Refresh),
    ]
}

/// Serial numbers of which nothing is known, and so not when they expire, are revoked too.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    policy
}

/// Counts how often entries are read.
#[derive(Debug, Default)]
struct Read {
    store: MemoryStore,
    entries: AtomicU64,
}

impl Store for Read {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(Reading { snapshot: self.store.snapshot()?, entries: &self.entries }))
    }
}

struct Reading<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    entries: &'a AtomicU64,
}

impl Snapshot for Reading<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.snapshot.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.entries.fetch_add(u64::from(space == Space::Entries), Ordering::Relaxed);
        self.snapshot.scan(space, from, to, visit)
    }
}

type Node = Authority<Arc<Read>>;

struct World {
    store: Arc<Read>,
    clock: ToyClock,
    issuer: IssuerId,
    /// Remembers all that it wrote.
    node: Node,
    sink: MemorySink,
    today: i64,
}

impl World {
    /// A CA with certificates of which one in two expires soon.
    fn new() -> Self {
        let (store, clock) = (Arc::new(Read::default()), ToyClock::at(day(0)));
        let node = authority(Arc::clone(&store), &clock, Arc::default()).with_policy(policy());
        let issuer = super::with_leaves(&node, 0);
        distribute(&node);
        for number in 1..40 {
            let until = if number % 2 == 0 { 1000 } else { number as i64 };
            let leaf = root().leaf(number).valid(-100, until).certificate();
            node.register(&Registration::of_certificate(leaf)).unwrap();
        }
        node.refresh(issuer).unwrap();
        Self { store, clock, issuer, node, sink: MemorySink::new("sink"), today: 0 }
    }

    /// One that remembers nothing.
    fn stranger(&self) -> Node {
        let drawn = Arc::new((1 << 40).into());
        authority(Arc::clone(&self.store), &self.clock, drawn).with_policy(policy())
    }

    fn take(&mut self, step: Step) {
        match step {
            // Some have expired by then.
            Step::Revoke(number) => drop(self.node.revoke(&revocation(number))),
            Step::Amend(number) => {
                let target = Target::Serial { issuer: self.issuer, serial: serial(number) };
                let amendment = Amendment { key_compromise: true, ..Amendment::default() };
                drop(self.node.amend(&Amend::new(target, amendment)));
            }
            Step::Wait(days) => {
                self.today += days;
                self.clock.set(day(self.today));
            }
            Step::Release => {
                let issue = Issue::new(week());
                self.node.issue(self.issuer, &issue, &root(), &[&self.sink]).unwrap();
            }
            Step::Compact => {
                let place = CrlPlace::complete(self.issuer, Scope::Full);
                let Some(shown) = self.sink.current(&place).unwrap() else { return };
                let crl = CertificateList::from_der(&shown.der).unwrap();
                let compact = Compact::new(self.issuer).with_released(crl);
                self.node.compact(&compact).unwrap();
            }
            Step::Refresh(revoked) => {
                let other = self.stranger();
                revoked.into_iter().for_each(|number| drop(other.revoke(&revocation(number))));
                self.node.refresh(self.issuer).unwrap();
            }
        }
    }

    /// What a CRL says, but for its number.
    fn said(&self, node: &Node, request: &CrlRequest) -> Option<Vec<String>> {
        let prepared = node.prepare_crl(self.issuer, request, root().algorithm()).ok()?;
        let entry = |entry: annul::RevokedCertificate<'_>| {
            let (date, invalidity) = (entry.revocation_date(), entry.invalidity_date());
            format!("{} {date} {:?} {invalidity:?}", entry.serial(), entry.reason())
        };
        Some(prepared.revoked().map(|it| entry(it.unwrap())).collect())
    }
}

proptest! {
    #![proptest_config(histories(300))]

    #[test]
    fn crls_from_memory_and_from_the_store_say_the_same(
        steps in proptest::collection::vec(step(), 1..30)
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            // Where something was pruned, the first CRL after it reads what is left.
            if world.said(&world.node, &week()).is_some_and(|said| !said.is_empty()) {
                let before = world.store.entries.load(Ordering::Relaxed);
                world.said(&world.node, &week());
                prop_assert_eq!(world.store.entries.load(Ordering::Relaxed), before);
            }
            for request in [week(), week().delta(), week().of(Scope::UserCertificates)] {
                let remembered = world.said(&world.node, &request);
                prop_assert_eq!(remembered, world.said(&world.stranger(), &request));
            }
        }
    }
}

#[test]
fn reasons_of_crls_from_memory_are_those_of_the_record() {
    let mut world = World::new();
    let revoke = revocation(2).with_reason(Reason::Superseded);
    world.node.revoke(&revoke).unwrap();
    world.take(Step::Release);
    let said = world.said(&world.node, &week()).unwrap();
    assert!(said[0].contains("Superseded"), "{said:?}");
}
