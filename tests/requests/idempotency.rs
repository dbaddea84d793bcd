//! A request with a token is carried out once, however often it is sent and whatever crashes.

use crate::toy::{Ca, ToyClock, authority, day, log, serial};
use annul::{
    AddIssuer, Authority, ClientToken, CommandId, Error, Event, Idempotency, IdempotencyError,
    IssuerId, KeptAnswer, MemoryStore, Reason, Refusal, Registration, RevocationDetails, Revoke,
    RevokeCa, Store, StoreError, Target, Timestamp,
    conformance::{Fault, Faults, Faulty},
    store::{Batch, Put, Snapshot, Space, Table},
};
use std::{
    sync::{Arc, Barrier, Mutex, atomic::AtomicU64},
    thread,
    time::Duration,
};

const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

fn token() -> ClientToken {
    "0c593ea1-3bea-11e9-b96b-88e9fe637760".parse().unwrap()
}

/// A service on a store where a certificate is registered.
struct Service<S> {
    authority: Authority<Arc<S>>,
    idempotency: Idempotency<Arc<S>>,
    issuer: IssuerId,
}

#[derive(Debug)]
#[allow(dead_code, reason = "what a test prints when it fails")]
enum Failure {
    Idempotency(IdempotencyError),
    Authority(Error),
}

impl From<IdempotencyError> for Failure {
    fn from(error: IdempotencyError) -> Self {
        Self::Idempotency(error)
    }
}

impl<S: Store> Service<S> {
    fn new(store: S) -> Self {
        let store = Arc::new(store);
        let clock = ToyClock::at(day(10));
        let authority = authority(Arc::clone(&store), &clock, Arc::new(AtomicU64::new(0)));
        let ca = Ca::new("root");
        let issuer = ca.id();
        authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1).ca())).unwrap();
        for number in 2..5 {
            let registration = Registration::of_serial(issuer, serial(number), day(100));
            authority.register(&registration).unwrap();
        }
        Self { authority, idempotency: Idempotency::new(store, KEEP), issuer }
    }

    /// Revokes the certificate with this number, and answers the position of the entry.
    fn revoke(&self, account: &str, number: u64, now: Timestamp) -> Result<KeptAnswer, Failure> {
        let arguments = number.to_be_bytes();
        self.idempotency.once(account, "Revoke", &token(), &arguments, now, |command| {
            let target = Target::Serial { issuer: self.issuer, serial: serial(number) };
            let revoke =
                Revoke::new(target).with_reason(Reason::KeyCompromise).with_command(command);
            let revoked = self.authority.revoke(&revoke).map_err(Failure::Authority)?;
            Ok(revoked.position.0.to_be_bytes().to_vec())
        })
    }

    fn revocations(&self) -> usize {
        let entries = log(&self.authority, self.issuer);
        entries.iter().filter(|it| matches!(it.entry.event, Event::Revoked { .. })).count()
    }
}

#[test]
fn s59_the_same_token_is_answered_the_same_and_never_for_other_arguments() {
    let service = Service::new(MemoryStore::new());
    let first = service.revoke("a", 2, day(10)).unwrap();
    assert!(!first.repeated);
    let second = service.revoke("a", 2, day(10)).unwrap();
    assert!(second.repeated);
    assert_eq!(second.octets, first.octets);
    let other = service.revoke("a", 3, day(10)).unwrap_err();
    let since = day(10);
    assert!(matches!(
        other,
        Failure::Idempotency(IdempotencyError::OtherArguments { since: it }) if it == since
    ));
    assert_eq!(service.revocations(), 1);
    // The token of another account is another.
    assert!(!service.revoke("b", 3, day(10)).unwrap().repeated);
    assert_eq!(service.revocations(), 2);
}

#[test]
fn s59_a_token_is_as_good_as_new_when_its_answer_was_kept_for_long_enough() {
    let service = Service::new(MemoryStore::new());
    service.revoke("a", 2, day(10)).unwrap();
    service.revoke("b", 3, day(11)).unwrap();
    let kept = service.idempotency.forget_expired(day(11).saturating_sub(Duration::from_secs(1)));
    assert_eq!(kept.unwrap(), 0);
    // Whether or not it was let go of.
    assert!(!service.revoke("a", 4, day(11)).unwrap().repeated);
    // Twice as long, for clocks that are behind.
    assert_eq!(service.idempotency.forget_expired(day(12)).unwrap(), 0);
    assert_eq!(service.idempotency.forget_expired(day(13)).unwrap(), 2);
    assert_eq!(service.idempotency.forget_expired(day(13)).unwrap(), 0);
    // The revocations are as they were: another command finds that.
    let again = service.revoke("b", 3, day(13)).unwrap_err();
    assert!(matches!(again, Failure::Authority(Error::AlreadyRevoked { .. })));
    assert_eq!(service.revocations(), 3);
}

#[test]
fn s60_what_was_refused_is_not_kept() {
    let service = Service::new(MemoryStore::new());
    let unknown = service.revoke("a", 7, day(10)).unwrap_err();
    assert!(matches!(unknown, Failure::Authority(Error::Refused(_))));
    let registration = Registration::of_serial(service.issuer, serial(7), day(100));
    service.authority.register(&registration).unwrap();
    assert!(!service.revoke("a", 7, day(10)).unwrap().repeated);
}

#[test]
fn s59_a_request_is_carried_out_once_whatever_operation_of_the_store_is_lost() {
    let mut lost = 0;
    for (number, fault) in
        (1..100).flat_map(|n| [Fault::Before, Fault::After].map(|fault| (n, fault)))
    {
        let faults = Faults::none();
        let service = Service::new(Faulty::new(MemoryStore::new(), faults.clone()));
        faults.fail_at(number, fault);
        let first = service.revoke("a", 2, day(10));
        faults.end();
        lost += u32::from(first.is_err());
        let second = service.revoke("a", 2, day(10)).unwrap();
        let third = service.revoke("a", 2, day(10)).unwrap();
        assert!(third.repeated);
        assert_eq!(third.octets, second.octets, "{fault:?} {number}");
        assert!(first.is_err() || first.unwrap().octets == second.octets);
        assert_eq!(service.revocations(), 1, "{fault:?} {number}");
    }
    assert!(lost > 10, "{lost}: or it says little");
}

/// A root with number 1, a CA below it with 2, and one below that with 3.
struct Chain<S> {
    authority: Authority<Arc<S>>,
    root: IssuerId,
    ca: IssuerId,
    below: IssuerId,
}

impl<S: Store> Chain<S> {
    fn new(store: S) -> Self {
        let authority =
            authority(Arc::new(store), &ToyClock::at(day(10)), Arc::new(AtomicU64::new(1)));
        let [root, ca, below] = ["root", "ca", "below"].map(Ca::new);
        for toy in [root.certifies(&root, 1), root.certifies(&ca, 2), ca.certifies(&below, 3)] {
            authority.add_issuer(&AddIssuer::new(toy.ca())).unwrap();
        }
        Self { authority, root: root.id(), ca: ca.id(), below: below.id() }
    }
}

#[test]
fn s59_a_ca_falls_once_whatever_operation_of_the_store_is_lost() {
    let mut lost = [0; 2];
    for (number, fault) in
        (1..60).flat_map(|n| [Fault::Before, Fault::After].map(|fault| (n, fault)))
    {
        let faults = Faults::none();
        let chain = Chain::new(Faulty::new(MemoryStore::new(), faults.clone()));
        let revoke = RevokeCa::new(chain.ca)
            .with_reason(Reason::CaCompromise)
            .with_command(CommandId([7; 16]));
        faults.fail_at(number, fault);
        let first = chain.authority.revoke_ca(&revoke);
        faults.end();
        let second = chain.authority.revoke_ca(&revoke).unwrap();
        lost[usize::from(second.repeated)] += u32::from(first.is_err());
        if let Ok(mut first) = first {
            first.repeated = true;
            assert_eq!(first, second, "{fault:?} {number}");
        }
        assert_eq!(second.revoked, [(chain.root, serial(2))], "{fault:?} {number}");
        assert_eq!(second.invalidated, [chain.below], "{fault:?} {number}");
        let falls = log(&chain.authority, chain.ca);
        let is_fall = |it: &&annul::LoggedEntry| matches!(it.entry.event, Event::IssuerFell(_));
        assert_eq!(falls.iter().filter(is_fall).count(), 1, "{fault:?} {number}");
    }
    assert!(lost.iter().all(|&lost| lost > 0), "{lost:?}: or it says little");
}

#[test]
fn s51_a_ca_that_fell_is_not_revoked_again_by_another_command() {
    let chain = Chain::new(MemoryStore::new());
    let command = |octet| RevokeCa::new(chain.ca).with_command(CommandId([octet; 16]));
    chain.authority.revoke_ca(&command(1)).unwrap();
    let others = [
        RevokeCa::new(chain.ca),
        command(2),
        command(1).with_reason(Reason::KeyCompromise),
        command(1).with_details(RevocationDetails { date: Some(day(9)), ..Default::default() }),
    ];
    for other in others {
        let again = chain.authority.revoke_ca(&other).unwrap_err();
        assert!(matches!(again.refusal(), Some(Refusal::AlreadyFallen { .. })), "{other:?}");
    }
    assert!(chain.authority.revoke_ca(&command(1)).unwrap().repeated);

    // One that only fell with it, under the same name, was not asked for.
    let chain = Chain::new(MemoryStore::new());
    let command = |issuer| RevokeCa::new(issuer).with_command(CommandId([1; 16]));
    chain.authority.revoke_ca(&command(chain.ca)).unwrap();
    assert!(!chain.authority.revoke_ca(&command(chain.below)).unwrap().repeated);
}

#[test]
fn s59_all_that_send_a_token_at_once_are_answered_the_same() {
    const THREADS: usize = 8;
    for _ in 0..20 {
        let service = Service::new(MemoryStore::new());
        let barrier = Barrier::new(THREADS);
        let answers = thread::scope(|scope| {
            let ask = || {
                barrier.wait();
                service.revoke("a", 2, day(10)).unwrap()
            };
            let asking: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
        });
        let first = &answers[0];
        assert!(answers.iter().all(|answer| answer.octets == first.octets));
        assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
        assert_eq!(service.revocations(), 1);
    }
}

#[test]
fn a_damaged_answer_is_an_error_and_no_answer() {
    let service = Service::new(MemoryStore::new());
    service.revoke("a", 2, day(10)).unwrap();
    let store = service.authority.store();
    let mut found = None;
    let space = Space::Table(Table::IdempotencyTokens);
    let snapshot = store.snapshot().unwrap();
    snapshot
        .scan(space, &[], None, &mut |key, value| {
            if key.len() == 32 {
                found = Some((key.to_vec(), value[..value.len() - 1].to_vec()));
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let (key, value) = found.unwrap();
    let expected = snapshot.get(space, &key).unwrap().unwrap().version;
    let put = Put { table: Table::IdempotencyTokens, key, expected, value };
    store.apply(&Batch { puts: vec![put], ..Batch::default() }).unwrap();
    assert!(matches!(
        service.revoke("a", 2, day(10)),
        Err(Failure::Idempotency(IdempotencyError::Store(StoreError::Corrupt { .. })))
    ));
    // The others are let go of all the same.
    service.revoke("b", 3, day(10)).unwrap();
    assert!(service.idempotency.forget_expired(day(100)).is_err());
    assert!(!service.revoke("b", 4, day(10)).unwrap().repeated);
}

/// A store in which something happens before the next batch is applied.
#[derive(Clone, Default)]
struct Meddled {
    store: Arc<MemoryStore>,
    before: Arc<Mutex<Option<Meddling>>>,
}

type Meddling = Box<dyn FnOnce() + Send>;

impl std::fmt::Debug for Meddled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

impl Store for Meddled {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let before = self.before.lock().unwrap().take();
        if let Some(meddle) = before {
            meddle();
        }
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// Sends the token with these arguments, and answers the command by which it was carried out.
fn ask(
    store: &impl Store,
    arguments: &[u8],
    now: Timestamp,
    work: impl FnOnce(),
) -> Result<KeptAnswer, IdempotencyError> {
    Idempotency::new(store, KEEP).once("a", "Revoke", &token(), arguments, now, |command| {
        work();
        Ok(command.0.to_vec())
    })
}

fn forget(store: &impl Store, now: Timestamp) -> u64 {
    Idempotency::new(store, KEEP).forget_expired(now).unwrap()
}

#[test]
fn s59_nothing_that_was_decided_on_a_forgotten_record_is_written() {
    let store = Meddled::default();
    ask(&store, b"old", day(10), || ()).unwrap();
    let other = store.store.clone();
    *store.before.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(forget(&other, day(12)), 1);
        // Of the same version as the one that was let go of.
        ask(&other, b"theirs", day(12), || ()).unwrap();
    }));
    let ours = ask(&store, b"ours", day(12), || panic!("it must not be done")).unwrap_err();
    assert!(matches!(ours, IdempotencyError::OtherArguments { .. }));
    assert!(ask(&store, b"theirs", day(12), || panic!("it was done")).unwrap().repeated);
}

#[test]
fn s59_of_two_that_forget_the_slower_one_takes_no_new_record() {
    let store = Meddled::default();
    ask(&store, b"old", day(10), || ()).unwrap();
    let other = store.store.clone();
    *store.before.lock().unwrap() = Some(Box::new(move || {
        assert_eq!(forget(&other, day(12)), 1);
        ask(&other, b"new", day(12), || ()).unwrap();
    }));
    assert_eq!(forget(&store, day(12)), 0);
    assert!(ask(&store, b"new", day(12), || panic!("it was done")).unwrap().repeated);
}

#[test]
fn s59_work_that_outlasts_its_record_answers_no_other_request() {
    let store = MemoryStore::new();
    let overtaken = ask(&store, b"slow", day(10), || {
        assert_eq!(forget(&store, day(12)), 1);
        ask(&store, b"other", day(12), || ()).unwrap();
    });
    assert!(matches!(overtaken, Err(IdempotencyError::Overtaken)));
    assert!(ask(&store, b"other", day(12), || panic!("it was done")).unwrap().repeated);

    let store = MemoryStore::new();
    let slow = ask(&store, b"slow", day(10), || assert_eq!(forget(&store, day(12)), 1)).unwrap();
    let again = ask(&store, b"slow", day(10), || panic!("it was done")).unwrap();
    assert!(again.repeated && again.octets == slow.octets);
}

#[test]
fn s59_what_was_begun_and_never_answered_is_the_same_command_however_late() {
    let store = MemoryStore::new();
    let mut begun = Vec::new();
    let failed =
        Idempotency::new(&store, KEEP).once("a", "Revoke", &token(), b"x", day(10), |it| {
            begun = it.0.to_vec();
            Err(IdempotencyError::Overtaken)
        });
    failed.unwrap_err();
    let late = ask(&store, b"x", day(12), || ()).unwrap();
    assert_eq!(late.octets, begun);
    // From then on it is kept.
    assert!(ask(&store, b"x", day(12), || panic!("it was done")).unwrap().repeated);
    let anew = ask(&store, b"x", day(13), || ()).unwrap();
    assert_ne!(anew.octets, begun);
}

#[test]
fn s59_an_answer_is_kept_from_when_its_request_was_begun_anew() {
    // Begun, and then a crash.
    let store = MemoryStore::new();
    let crash = Idempotency::new(&store, KEEP);
    let crashed = crash.once("a", "Revoke", &token(), b"x", day(10), |_| {
        Err::<Vec<u8>, _>(IdempotencyError::Overtaken)
    });
    crashed.unwrap_err();
    // One second before it is over, and while that is done, when it is.
    let second = Duration::from_secs(1);
    let mut late = None;
    let first = ask(&store, b"x", day(11).saturating_sub(second), || {
        late = Some(ask(&store, b"x", day(11), || ()).unwrap());
    });
    assert_eq!(first.unwrap().octets, late.unwrap().octets);

    let now = day(11).saturating_add(second);
    assert!(ask(&store, b"x", now, || panic!("it was done")).unwrap().repeated);
    let other = ask(&store, b"y", now, || panic!("it is another")).unwrap_err();
    assert!(matches!(other, IdempotencyError::OtherArguments { .. }));

    // The same with the slower one being the one who came late.
    let store = Meddled::default();
    let crash = Idempotency::new(&store, KEEP);
    let crashed = crash.once("a", "Revoke", &token(), b"x", day(10), |_| {
        Err::<Vec<u8>, _>(IdempotencyError::Overtaken)
    });
    crashed.unwrap_err();
    let anew = store.store.clone();
    let begin = move || {
        let begun = Idempotency::new(&anew, KEEP);
        let crashed = begun.once("a", "Revoke", &token(), b"x", day(11), |_| {
            Err::<Vec<u8>, _>(IdempotencyError::Overtaken)
        });
        crashed.unwrap_err();
    };
    ask(&store, b"x", day(11).saturating_sub(second), || {
        *store.before.lock().unwrap() = Some(Box::new(begin));
    })
    .unwrap();
    assert!(ask(&store, b"x", now, || panic!("it was done")).unwrap().repeated);
}
