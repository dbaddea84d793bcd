//! Checkpoints: they spare reading the entries one by one, and change nothing of what a CRL lists or a
//! look-up answers, whatever becomes of them.

mod stores;
#[path = "../support/toy.rs"]
mod toy;

use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, Checkpointed, Compact, CrlRequest,
    Distribution, Error, Issue, MemorySink, MemoryStore, Reason, Registration, RevocationAnswer,
    Revoke, Store, StoreError, Target, Timestamp,
    conformance::{Fault, Faults, Faulty, Hiding},
    store::{Batch, Partition, Put, Space, Table, key},
};
use proptest::prelude::*;
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use stores::{Counting, OneByOne, Silent};
use toy::{Ca, ToyClock, authority, day, serial};

const CHECKPOINTS: Space = Space::Table(Table::Checkpoints);
const DAY: Duration = Duration::from_secs(86_400);
/// As many as three chunks hold.
const MANY: u64 = 1_100;

/// A CA whose record is in a store that several authorities work on.
struct World {
    store: Arc<MemoryStore>,
    clock: ToyClock,
    ca: Ca,
    drawn: Arc<AtomicU64>,
}

/// How a CRL lists a certificate.
type Listed = (Vec<u8>, Timestamp, String, Option<Timestamp>);

impl World {
    /// Certificates that are numbered from 1 expire on day 10 or, every third, on day 20.
    fn new(certificates: u64) -> Self {
        let ca = Ca::new("ca");
        let (store, clock) = (Arc::new(MemoryStore::new()), ToyClock::at(day(0)));
        let world = Self { store, clock, ca, drawn: Arc::default() };
        let authority = world.authority();
        let certificate = world.ca.certifies(&world.ca, 1_000_000).ca();
        authority.add_issuer(&AddIssuer::new(certificate)).unwrap();
        world.register(1..=certificates);
        world
    }

    fn register(&self, numbers: impl IntoIterator<Item = u64>) {
        let registrations = numbers.into_iter().map(|number| {
            let not_after = day(if number.is_multiple_of(3) { 20 } else { 10 });
            Registration::of_serial(self.ca.id(), serial(number), not_after)
        });
        let registrations: Vec<_> = registrations.collect();
        self.authority().register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));
    }

    /// Another one on the store, which has nothing in memory.
    fn authority(&self) -> Authority<Arc<MemoryStore>> {
        self.over(Arc::clone(&self.store))
    }

    fn over<S: Store>(&self, store: S) -> Authority<S> {
        authority(store, &self.clock, Arc::clone(&self.drawn))
    }

    fn target(&self, number: u64) -> Target {
        Target::Serial { issuer: self.ca.id(), serial: serial(number) }
    }

    fn revoke(&self, numbers: impl IntoIterator<Item = u64>) {
        let revokes: Vec<_> = numbers
            .into_iter()
            .map(|number| Revoke::new(self.target(number)).with_reason(Reason::Superseded))
            .collect();
        self.authority().revoke_all(&revokes).iter().for_each(|it| assert!(it.is_ok(), "{it:?}"));
    }

    fn checkpoint(&self) -> Checkpointed {
        self.authority().checkpoint(self.ca.id()).unwrap()
    }

    fn crl<S: Store>(&self, authority: &Authority<S>) -> Vec<u8> {
        let mut der = Vec::new();
        authority.crl(self.ca.id(), &CrlRequest::new(7 * DAY), &self.ca, &mut der).unwrap();
        der
    }

    /// What a CRL lists that is made with nothing in memory.
    fn listed<S: Store>(&self, store: S) -> Vec<Listed> {
        listed(&self.crl(&self.over(store)))
    }

    /// Shows relying parties a complete CRL, to which delta CRLs then add.
    fn issue(&self) {
        let issue = Issue::new(CrlRequest::new(7 * DAY));
        let sink = MemorySink::new("sink");
        self.authority().issue(self.ca.id(), &issue, &self.ca, &[&sink]).unwrap();
    }

    /// What a delta CRL lists that is made with nothing in memory; nothing where none can be made.
    fn delta<S: Store>(&self, store: S) -> Option<Vec<Listed>> {
        let (mut der, request) = (Vec::new(), CrlRequest::new(7 * DAY).delta());
        match self.over(store).crl(self.ca.id(), &request, &self.ca, &mut der) {
            Err(Error::NeedsBase { .. }) => None,
            made => {
                made.unwrap();
                Some(listed(&der))
            }
        }
    }

    /// A store that shows no checkpoint.
    fn without_checkpoints(&self) -> Hiding<OneByOne<'_>> {
        Hiding::new(OneByOne(&self.store), CHECKPOINTS, self.ca.id().as_octets().to_vec())
    }

    /// The keys of the table.
    fn keys(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let snapshot = self.store.snapshot().unwrap();
        let visit = &mut |key: &[u8], _: &[u8]| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        };
        snapshot.scan(CHECKPOINTS, &[], None, visit).unwrap();
        keys
    }

    /// Says that a checkpoint changes nothing of what is listed and answered now.
    fn is_the_same(&self) {
        let without = self.without_checkpoints();
        let expected = self.listed(&without);
        assert_eq!(self.listed(&*self.store), expected);
        assert_eq!(self.listed(OneByOne(&self.store)), expected);
        let expected = self.delta(&without);
        assert_eq!(self.delta(&*self.store), expected);
        assert_eq!(self.delta(OneByOne(&self.store)), expected);
        let (with, without) = (self.authority(), self.over(without));
        for number in 1..=MANY {
            let answer = |it: Result<RevocationAnswer, Error>| it.unwrap();
            let number = serial(number);
            assert_eq!(
                answer(with.revocation(self.ca.id(), number)),
                answer(without.revocation(self.ca.id(), number)),
            );
        }
    }
}

fn listed(crl: &[u8]) -> Vec<Listed> {
    let crl = CertificateList::from_der(crl).unwrap();
    let entries = crl.entries().map(|entry| {
        let entry = entry.unwrap();
        let serial = entry.serial().as_octets().to_vec();
        let reason = format!("{:?}", entry.reason());
        (serial, entry.revocation_date(), reason, entry.invalidity_date())
    });
    entries.collect()
}

#[test]
fn a_crl_and_an_index_are_made_from_a_checkpoint_without_reading_an_entry() {
    let world = World::new(MANY + 10);
    world.revoke((1..=MANY).rev());
    assert!(world.checkpoint().is_new);
    assert!(!world.checkpoint().is_new, "nothing was added since");
    // Before, between and after what is in the chunks.
    world.revoke([MANY + 1]);
    let read = Arc::default();
    let store = || Counting { store: Arc::clone(&world.store), read: Arc::clone(&read) };
    assert_eq!(world.listed(store()).len() as u64, MANY + 1);
    let index = world.over(store());
    for number in [1, MANY / 2, MANY, MANY + 1] {
        let answer = index.revocation(world.ca.id(), serial(number)).unwrap();
        assert!(answer.revocation.is_some(), "{number}");
    }
    assert!(index.revocation(world.ca.id(), serial(MANY + 2)).unwrap().revocation.is_none());
    assert_eq!(listed(&world.crl(&index)).len() as u64, MANY + 1);
    assert_eq!(read.load(Relaxed), 0);
    world.is_the_same();
}

#[test]
fn e17_a_lost_or_damaged_chunk_costs_time_and_no_entry() {
    let world = World::new(MANY);
    world.revoke(1..=MANY / 2);
    world.issue();
    world.revoke(MANY / 2 + 1..=MANY);
    world.checkpoint();
    let all = world.listed(world.without_checkpoints());
    let new = world.delta(world.without_checkpoints()).unwrap();
    assert_eq!([all.len() as u64, new.len() as u64], [MANY, MANY / 2]);
    let is_the_same = |store: &dyn Store| {
        assert_eq!(world.listed(store), all);
        assert_eq!(world.delta(store).as_ref(), Some(&new));
        let index = world.over(store);
        for number in [1, MANY / 2, MANY] {
            let answer = index.revocation(world.ca.id(), serial(number)).unwrap();
            assert!(answer.revocation.is_some(), "{number}");
        }
    };
    let keys = world.keys();
    assert_eq!(keys.len(), 4, "a record and three chunks");
    for key in &keys {
        is_the_same(&Hiding::new(&*world.store, CHECKPOINTS, key.clone()));
        is_the_same(&Hiding::new(OneByOne(&world.store), CHECKPOINTS, key.clone()));
    }
    let get = |key: &[u8]| world.store.snapshot().unwrap().get(CHECKPOINTS, key).unwrap().unwrap();
    let put = |key: &[u8], value| {
        let (table, expected) = (Table::Checkpoints, get(key).version);
        let put = Put { table, key: key.to_vec(), expected, value };
        world.store.apply(&Batch { puts: vec![put], ..Batch::default() }).unwrap();
    };
    // The octets of the record, and of what the first chunk says of one certificate.
    for (key, octets) in keys.iter().zip([0..get(&keys[0]).value.len(), 0..45]) {
        let sound = get(key).value;
        for octet in octets {
            let mut value = sound.clone();
            value[octet] ^= 0x80;
            put(key, value);
            assert_eq!(world.listed(&*world.store), all);
            assert_eq!(world.listed(OneByOne(&world.store)), all);
        }
        put(key, sound);
    }
    put(&keys[2], vec![]);
    is_the_same(&*world.store);
    assert!(world.checkpoint().is_new, "one that is damaged is written anew");
    assert_eq!(world.keys().len(), 4);
    let read = Arc::default();
    let store = Counting { store: Arc::clone(&world.store), read: Arc::clone(&read) };
    assert_eq!(world.listed(store), all);
    assert_eq!(read.load(Relaxed), 0);
}

#[test]
fn nobody_is_answered_from_a_checkpoint_without_what_came_after_it() {
    let world = World::new(MANY);
    world.revoke(1..MANY);
    world.checkpoint();
    world.revoke([MANY]);
    let authority = world.over(Silent(&world.store, AtomicBool::new(false)));
    let ask = || authority.revocation(world.ca.id(), serial(MANY));
    assert!(ask().is_err());
    assert!(ask().is_err());
    authority.store().1.store(false, Relaxed);
    assert!(ask().unwrap().revocation.is_some());
}

#[test]
fn e36_what_was_compacted_since_a_checkpoint_is_neither_listed_nor_found() {
    let world = World::new(MANY);
    world.revoke(1..=MANY);
    world.checkpoint();
    world.clock.set(day(12));
    let authority = world.authority();
    let crl = world.crl(&authority);
    let released = CertificateList::from_der(&crl).unwrap();
    let compact = Compact::new(world.ca.id()).with_released(released);
    assert_eq!(authority.compact(&compact).unwrap().entries, MANY - MANY / 3);
    assert_eq!(world.listed(&*world.store).len() as u64, MANY / 3);
    world.is_the_same();
    assert!(world.checkpoint().is_new, "the one before is of no use any more");
    world.is_the_same();
}

#[test]
fn e36_what_has_expired_leaves_whatever_a_crl_is_made_from() {
    let world = World::new(MANY);
    world.revoke(1..=MANY);
    world.checkpoint();
    // All are on one CRL that was issued when two of three had expired.
    world.clock.set(day(12));
    world.issue();
    world.clock.set(day(13));
    world.is_the_same();
    assert_eq!(world.listed(&*world.store).len() as u64, MANY / 3);
}

#[test]
fn one_that_comes_to_nothing_leaves_nothing() {
    let world = World::new(MANY);
    world.revoke(1..=MANY);
    let prefix = key::entries(world.ca.id(), Partition(0));
    let mut last = Vec::new();
    let snapshot = world.store.snapshot().unwrap();
    let visit = &mut |key: &[u8], _: &[u8]| {
        last = key.to_vec();
        ControlFlow::Continue(())
    };
    snapshot.scan(Space::Entries, &prefix, key::past(&prefix).as_deref(), visit).unwrap();
    drop(snapshot);
    let hidden = Hiding::new(&*world.store, Space::Entries, last);
    let failed = world.over(&hidden).checkpoint(world.ca.id());
    assert!(matches!(failed, Err(Error::Store(StoreError::Corrupt { .. }))), "{failed:?}");
    assert!(world.keys().is_empty());
}

#[test]
fn a_crash_while_one_is_written_leaves_the_one_before_in_force() {
    let world = World::new(MANY + 100);
    world.revoke(1..=MANY);
    world.checkpoint();
    let faults = Faults::none();
    let mut last = MANY;
    for fault in [Fault::Before, Fault::After] {
        let mut crashes = 0;
        for n in 1..40 {
            last += 1;
            world.revoke([last]);
            let store = Faulty::new(Arc::clone(&world.store), faults.clone());
            faults.fail_at(n, fault);
            crashes += u64::from(world.over(store).checkpoint(world.ca.id()).is_err());
            faults.end();
            assert_eq!(world.listed(&*world.store).len() as u64, last);
            assert_eq!(world.listed(world.without_checkpoints()).len() as u64, last);
        }
        assert!(crashes > 10, "{crashes}");
    }
    // What they left behind goes with the next one.
    world.revoke([last + 1]);
    assert!(world.checkpoint().is_new);
    assert_eq!(world.keys().len(), 4);
}

#[test]
fn two_that_write_one_at_once_leave_one_that_is_whole() {
    let world = World::new(MANY + 100);
    world.revoke(1..=MANY);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20 {
                    match world.authority().checkpoint(world.ca.id()) {
                        Ok(_) | Err(Error::Contended { .. }) => {}
                        failed => panic!("{failed:?}"),
                    }
                }
            });
        }
        for number in MANY + 1..=MANY + 100 {
            world.revoke([number]);
            assert_eq!(world.listed(&*world.store).len() as u64, number);
        }
    });
    let read = Arc::default();
    let store = Counting { store: Arc::clone(&world.store), read: Arc::clone(&read) };
    assert_eq!(world.listed(store).len() as u64, MANY + 100);
    assert_eq!(read.load(Relaxed), 0);
    world.checkpoint();
    assert_eq!(world.keys().len(), 4);
}

/// What somebody does.
#[derive(Clone, Debug)]
enum Step {
    /// Revokes so many, from this one on, in steps of so many.
    Revoke(u64, u64, u64),
    /// Makes the revocation of this one graver.
    Amend(u64, Amendment),
    Checkpoint,
    Wait(i64),
    Compact,
    Issue,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..MANY, 1..500_u64, 1..7_u64).prop_map(|(from, count, step)| Step::Revoke(from, count, step)),
        4 => (1..MANY, any::<bool>(), 0..2_i64).prop_map(|(number, key_compromise, since)| {
            let invalidity_date = (since > 0).then(|| day(-since));
            Step::Amend(number, Amendment { key_compromise, invalidity_date, ..Amendment::default() })
        }),
        3 => Just(Step::Checkpoint),
        2 => (1..9_i64).prop_map(Step::Wait),
        2 => Just(Step::Compact),
        1 => Just(Step::Issue),
    ]
}

fn take(world: &World, step: &Step, today: &mut i64) {
    let (authority, issuer) = (world.authority(), world.ca.id());
    match step {
        Step::Revoke(from, count, step) => {
            for number in (*from..=MANY).step_by(*step as usize).take(*count as usize) {
                // Some have expired.
                let _ = authority.revoke(&Revoke::new(world.target(number)));
            }
        }
        Step::Amend(number, amendment) => {
            let _ = authority.amend(&Amend::new(world.target(*number), *amendment));
        }
        Step::Checkpoint => drop(world.checkpoint()),
        Step::Issue => world.issue(),
        Step::Wait(days) => {
            *today += days;
            world.clock.set(day(*today));
        }
        Step::Compact => {
            let crl = world.crl(&authority);
            let crl = CertificateList::from_der(&crl).unwrap();
            authority.compact(&Compact::new(issuer).with_released(crl)).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_before_and_after_a_checkpoint_changes_nothing(
        divided in any::<bool>(),
        steps in prop::collection::vec(any_step(), 1..16),
    ) {
        let world = World::new(MANY / 2);
        if divided {
            let parts = Distribution::new("http://crl.example").with_partition_size(20_000);
            world.authority().set_distribution(world.ca.id(), &parts).unwrap();
        }
        world.register(MANY / 2 + 1..=MANY);
        let mut today = 1;
        world.clock.set(day(today));
        world.revoke((1..MANY).step_by(5));
        world.checkpoint();
        for step in &steps {
            take(&world, step, &mut today);
        }
        world.is_the_same();
    }
}
