//! What the wrappers do that cases are run behind.

use annul::{
    AddIssuer, CrlRequest, Error, MemoryStore, Revoke, Store, StoreError,
    conformance::{
        self, Fault, Faults, Faulty, FaultyPlace, MemoryPlace, Place, Stale,
        toy::{Ca, ToyClock, authority, day},
    },
    store::{Batch, Put, Record, Snapshot, Space, Table, Version, Visit, key},
};
use std::{
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    time::Duration,
};

const TABLE: Space = Space::Table(Table::Counters);

/// Puts as many records as are asked for, each for the first time.
fn puts(count: u8) -> Batch {
    let put = |key| Put {
        table: Table::Counters,
        key: vec![key],
        expected: Version::ABSENT,
        value: vec![1],
    };
    Batch { puts: (0..count).map(put).collect(), ..Batch::default() }
}

fn count(store: &impl Store) -> usize {
    let keys: Vec<_> = (0..10).map(|key| vec![key]).collect();
    store.snapshot().unwrap().get_all(TABLE, &keys).unwrap().iter().flatten().count()
}

#[test]
fn a_fault_comes_when_and_as_it_is_planned() {
    for (fault, effect) in [(Fault::Before, 0), (Fault::After, 4), (Fault::Torn, 2)] {
        let (store, faults) = (Arc::new(MemoryStore::new()), Faults::none());
        let [first, second] = [(); 2].map(|()| Faulty::new(Arc::clone(&store), faults.clone()));
        faults.fail_at(3, fault);
        first.apply(&Batch::default()).unwrap();
        second.apply(&Batch::default()).unwrap();
        let answer = first.apply(&puts(4));
        assert!(matches!(answer, Err(StoreError::Backend(_))), "{answer:?}");
        assert_eq!(count(&store), effect, "{fault:?}");
        assert_eq!(count(&second), effect, "only that one fails");
        assert_eq!(faults.operations(), 5);
    }
}

#[test]
fn a_replica_shows_what_it_has_caught_up_with() {
    let store = Stale::new(MemoryStore::new());
    store.apply(&puts(3)).unwrap();
    let answer = store.apply(&puts(4));
    assert!(matches!(answer, Err(StoreError::Conflict { .. })), "the primary knows better");
    let more = Put { key: vec![7], ..puts(1).puts[0].clone() };
    store.apply(&Batch { puts: vec![more], ..Batch::default() }).unwrap();
    assert_eq!((store.lag(), count(&store)), (2, 0));
    store.catch_up(1).unwrap();
    assert_eq!((store.lag(), count(&store)), (1, 3));
    store.catch_up(9).unwrap();
    assert_eq!((store.lag(), count(&store)), (0, 4));
}

#[test]
fn a_torn_batch_of_revocations_is_noticed_when_a_crl_is_made() {
    let mut torn = 0;
    for operation in 1..30 {
        let (faults, ca, store) = (Faults::none(), Ca::new("ca"), Arc::new(MemoryStore::new()));
        let faulty = Faulty::new(Arc::clone(&store), faults.clone());
        let authority = authority(faulty, &ToyClock::at(day(0)), Arc::default());
        authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1).ca())).unwrap();
        let revoke = |number| Revoke::new(ca.leaf(number).certificate());
        faults.fail_at(operation, Fault::Torn);
        let answers = authority.revoke_all(&(100..106).map(revoke).collect::<Vec<_>>());
        let head = store.snapshot().unwrap().get(Space::Heads, &key::head(ca.id())).unwrap();
        if head.map(|head| head.version) != Some(Version(3)) {
            continue;
        }
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        let day = CrlRequest::new(Duration::from_secs(86_400));
        let answer = authority.crl(ca.id(), &day, &ca, &mut Vec::new());
        assert!(matches!(answer, Err(Error::Crl(_))), "{answer:?}");
        torn += 1;
    }
    assert_eq!(torn, 1, "one operation writes");
}

#[test]
fn the_suite_notices_a_store_that_tears_its_batches() {
    let place = FaultyPlace::new(MemoryPlace::default(), Faults::one_in(10, [Fault::Torn]));
    let case = conformance::a_batch_takes_effect_as_a_whole;
    assert!(panic::catch_unwind(AssertUnwindSafe(|| conformance::run(case, place))).is_err());
}

/// A store that copies all that a scan is to show.
#[derive(Debug)]
struct Copying(Arc<dyn Store>);

struct CopyingSnapshot<'a>(Box<dyn Snapshot + 'a>);

impl Store for Copying {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(CopyingSnapshot(self.0.snapshot()?)))
    }
}

impl Snapshot for CopyingSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.0.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        self.0.scan(space, from, to, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let _ = rows.iter().try_for_each(|(key, value)| visit(key, value));
        Ok(())
    }
}

#[derive(Default)]
struct CopyingPlace(MemoryPlace);

impl Place for CopyingPlace {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(Copying(self.0.open()))
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_suite_notices_a_store_that_copies_what_it_scans() {
    let case = conformance::a_scan_of_many_records_takes_little_memory;
    // In a process of its own: memory that other tests gave back would hold the copy unnoticed.
    const ALONE: &str = "ANNUL_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let run = || conformance::run(case, CopyingPlace::default());
        return assert!(panic::catch_unwind(run).is_err());
    }
    let name = "wrappers::the_suite_notices_a_store_that_copies_what_it_scans";
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    let alone = alone.args([name, "--exact"]).env(ALONE, "1").output().unwrap();
    let told = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
fn a_place_that_is_not_there_skips_its_cases() {
    conformance::run(|_| panic!("run"), None::<MemoryPlace>);
}
