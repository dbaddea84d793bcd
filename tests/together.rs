//! Commands of many threads share durable writes, and stay apart in all else.

mod support {
    #[cfg(feature = "redb")]
    pub mod backend;
    pub mod toy;
}

use annul::{
    AddIssuer, Amend, Amendment, Authority, CommandId, Error, MemoryStore, Position, Reason,
    Registration, Revoke, Store, StoreError, Target,
    store::{Batch, Snapshot},
};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use support::toy::{Ca, ToyClock, authority, day, log, serial};

const THREADS: u64 = 64;

/// A store that takes its time to write, counts how often it did, and fails when it is told to.
#[derive(Debug)]
struct Slow<S> {
    store: S,
    writes: AtomicU64,
    fail: AtomicU64,
}

impl<S> Slow<S> {
    fn new(store: S) -> Self {
        Self { store, writes: AtomicU64::new(0), fail: AtomicU64::new(u64::MAX) }
    }
}

impl<S: Store> Store for Slow<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        thread::sleep(Duration::from_millis(5));
        if self.writes.fetch_add(1, Ordering::Relaxed) >= self.fail.load(Ordering::Relaxed) {
            return Err(StoreError::Backend("told to".into()));
        }
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// A store that panics, when it is told to, after it has written.
#[derive(Debug, Default)]
struct Panicking {
    store: MemoryStore,
    panics: AtomicBool,
}

impl Store for Panicking {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)?;
        assert!(!self.panics.load(Ordering::Relaxed), "told to");
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// An authority with one CA, and certificates of it that are numbered from 1.
fn ready<S: Store>(store: S, certificates: u64) -> (Authority<S>, Ca) {
    let ca = Ca::new("ca");
    let authority = authority(store, &ToyClock::at(day(0)), Arc::default());
    authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1_000_000).ca())).unwrap();
    let registrations: Vec<_> = (1..=certificates)
        .map(|number| Registration::of_serial(ca.id(), serial(number), day(100)))
        .collect();
    authority.register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));
    (authority, ca)
}

fn target(ca: &Ca, number: u64) -> Target {
    Target::Serial { issuer: ca.id(), serial: serial(number) }
}

/// Lets `work` run in many threads that start at once.
fn all_at_once<T: Send>(work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        let start = |thread| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(thread)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn share_writes<S: Store>(store: S) {
    const EACH: u64 = 10;
    let (authority, ca) = ready(Slow::new(store), THREADS * EACH);
    let before = authority.store().writes.load(Ordering::Relaxed);
    let mut positions: Vec<Position> = all_at_once(|thread| {
        let revoke = |number| authority.revoke(&Revoke::new(target(&ca, number))).unwrap();
        let numbers = 1 + thread * EACH..=(thread + 1) * EACH;
        let revoked = numbers.map(|number| {
            let revoked = revoke(number);
            let before = Position(revoked.position.0 - 1);
            let before = authority.token_at(ca.id(), before).unwrap();
            let entry = authority.changes(&before, 1).unwrap().entries[0];
            assert_eq!(entry.entry.event.subject().unwrap().serial, serial(number));
            revoked.position
        });
        revoked.collect::<Vec<_>>()
    })
    .concat();
    positions.sort_unstable();
    assert!(positions.iter().map(|position| position.0).eq(1..=THREADS * EACH));
    let writes = authority.store().writes.load(Ordering::Relaxed) - before;
    assert!(writes <= THREADS * EACH / 16, "{writes} writes for {} commands", THREADS * EACH);
}

#[test]
fn threads_that_revoke_share_durable_writes() {
    share_writes(MemoryStore::new());
    #[cfg(feature = "redb")]
    {
        let disk = support::backend::Disk::new();
        share_writes(annul::store::RedbStoreOptions::new().open_backend(disk).unwrap());
    }
}

#[test]
fn of_threads_that_revoke_one_certificate_one_does() {
    let (authority, ca) = ready(Slow::new(MemoryStore::new()), 1);
    let answers = all_at_once(|_| authority.revoke(&Revoke::new(target(&ca, 1))));
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for answer in refused {
        let refusal = answer.unwrap_err();
        assert!(matches!(refusal, Error::AlreadyRevoked { .. }), "{refusal:?}");
    }
    assert_eq!(log(&authority, ca.id()).len(), 1);
}

#[test]
fn amendments_of_one_revocation_follow_each_other() {
    let (authority, ca) = ready(Slow::new(MemoryStore::new()), 1);
    let revoke = Revoke::new(target(&ca, 1)).with_reason(Reason::Superseded);
    authority.revoke(&revoke).unwrap();
    let answers = all_at_once(|thread| {
        let date = (thread > 0).then(|| day(0).saturating_sub(Duration::from_secs(thread)));
        let amendment = Amendment { key_compromise: thread == 0, date, ..Amendment::default() };
        authority.amend(&Amend::new(target(&ca, 1), amendment))
    });
    let entries = log(&authority, ca.id());
    assert_eq!(entries.len(), 1 + answers.iter().filter(|it| it.is_ok()).count());
    for (before, after) in entries.iter().zip(&entries[1..]) {
        let annul::Event::Amended { replaced, .. } = after.entry.event else { panic!() };
        assert_eq!(Some(&replaced), before.entry.event.revocation());
    }
    let last = entries.last().unwrap().entry.event.revocation().copied().unwrap();
    assert_eq!(last.reason, Some(Reason::KeyCompromise));
    assert_eq!(last.date, day(0).saturating_sub(Duration::from_secs(THREADS - 1)));
}

#[test]
fn a_write_that_fails_fails_for_those_in_it_and_a_repeat_finds_out() {
    let (authority, ca) = ready(Slow::new(MemoryStore::new()), THREADS);
    let store = authority.store();
    store.fail.store(store.writes.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    let revoke = |thread: u64| {
        let command = CommandId([thread as u8; 16]);
        authority.revoke(&Revoke::new(target(&ca, thread + 1)).with_command(command))
    };
    let first = all_at_once(revoke);
    let done = first.iter().filter(|answer| answer.is_ok()).count();
    assert!((1..THREADS as usize).contains(&done), "one write went through: {done}");
    assert_eq!(log(&authority, ca.id()).len(), done);
    for error in first.into_iter().filter_map(Result::err) {
        assert!(matches!(error, Error::Store(_) | Error::WholeBatch(_)), "{error:?}");
        assert_ne!(error.retry(), annul::Retry::Never);
    }
    store.fail.store(u64::MAX, Ordering::Relaxed);
    assert!(all_at_once(revoke).into_iter().all(|answer| answer.is_ok()));
    assert_eq!(log(&authority, ca.id()).len(), THREADS as usize);
}

#[test]
fn a_store_that_panics_when_it_has_written_leaves_no_answer_from_before() {
    let (authority, ca) = ready(Panicking::default(), 1);
    let is_revoked = || authority.revocation(ca.id(), serial(1)).unwrap().revocation.is_some();
    assert!(!is_revoked());
    authority.store().panics.store(true, Ordering::Relaxed);
    let revoke = Revoke::new(target(&ca, 1));
    panic::catch_unwind(AssertUnwindSafe(|| authority.revoke(&revoke))).unwrap_err();
    assert!(is_revoked());
}
