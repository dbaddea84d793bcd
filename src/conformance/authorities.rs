//! Cases: what an authority promises, on this store.

use super::{
    Hiding, Place,
    patient::{ATTEMPTS, PAUSE, Patient},
    samples::keys,
    toy::{Ca, ToyClock, authority, day, serial},
};
use crate::{
    AddIssuer, Authority, CertificateList, CertificateStatus, CommandId, CrlError, CrlNumber,
    CrlRequest, Error, Freshness, MemoryStore, Position, Refusal, Registration, Retry, Revoke,
    RevokeCa, Store, StoreError, Target,
    store::{Batch, Snapshot, Space},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Else a relying party keeps an older CRL and takes it for the newer one.
pub fn crl_numbers_only_rise(place: &dyn Place) {
    const EACH: usize = 8;
    let ca = Ca::new("ca");
    let mut numbers = BTreeSet::new();
    for round in 0..3 {
        let nodes = two_at(place);
        if round == 0 {
            add(&nodes[0], &ca, &ca, 1);
        }
        let made: Vec<Vec<CrlNumber>> = thread::scope(|scope| {
            let make = |node| (0..EACH).map(|_| crl(node, &ca).unwrap().0).collect();
            let making = nodes.each_ref().map(|node| scope.spawn(move || make(node)));
            making.map(|making| making.join().unwrap()).into()
        });
        let before = numbers.last().copied();
        for made in made {
            assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
            assert!(made.first() > before.as_ref(), "{before:?} and then {made:?}");
            for number in made {
                assert!(numbers.insert(number), "{number} twice");
            }
        }
    }
}

/// Else a relying party trusts a certificate that was revoked.
pub fn a_revocation_that_was_acknowledged_is_listed_after_reopening(place: &dyn Place) {
    let ca = Ca::new("ca");
    for round in 0..4_u64 {
        let node = at(place);
        if round == 0 {
            add(&node, &ca, &ca, 1);
        }
        let revoked: BTreeSet<_> = (100..100 + 10 * round).map(serial).collect();
        assert_eq!(crl(&node, &ca).unwrap().1, revoked, "round {round}");
        for number in (100 + 10 * round..).take(10) {
            register(&node, &ca, number).unwrap();
            revoke(&node, &ca, number);
        }
        let token = persist(|| node.token(ca.id())).unwrap();
        assert_eq!(token.position, Position(10 * (round + 1)));
    }
}

/// Else a certificate is good though its CA fell: it was registered in between.
pub fn what_is_registered_while_its_ca_falls_is_never_good(place: &dyn Place) {
    const LEAVES: u64 = 6;
    let nodes = two_at(place);
    let root = Ca::new("root");
    add(&nodes[0], &root, &root, 1);
    for round in 0..8_u64 {
        let (above, ca) = (Ca::new(&format!("above {round}")), Ca::new(&format!("ca {round}")));
        add(&nodes[0], &root, &above, 100 + round);
        add(&nodes[0], &above, &ca, 1);
        let falls = if round % 2 == 0 { &above } else { &ca };
        let told = thread::scope(|scope| {
            let taking = scope.spawn(|| {
                let take = |number| take(&nodes[0], &ca, number);
                (200..200 + LEAVES).map(take).collect::<Vec<_>>()
            });
            let fallen = persist(|| nodes[1].revoke_ca(&RevokeCa::new(falls.id())));
            // That it fell already means that an answer was lost.
            let fell = matches!(fallen, Ok(_) | Err(Error::Refused(Refusal::AlreadyFallen { .. })));
            assert!(fell, "{fallen:?}");
            taking.join().unwrap()
        });
        let mut recorded = BTreeSet::new();
        for (number, told) in (200..).map(serial).zip(told) {
            let status = persist(|| nodes[0].status(ca.id(), number)).unwrap();
            assert!(status.standing.is_down());
            match status.effective {
                CertificateStatus::Invalidated(_) => {
                    assert_ne!(told, Told::Refused);
                    recorded.insert(number);
                }
                CertificateStatus::NotIssued => assert_ne!(told, Told::Recorded),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(crl(&nodes[1], &ca).unwrap().1, recorded);
        register(&nodes[1], &ca, 300).unwrap_err();
    }
}

/// What somebody who registers a certificate is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Recorded,
    Refused,
    /// That it is refused, after an answer was lost: it may have been recorded by then.
    RefusedInTheEnd,
}

fn take<S: Store>(node: &Authority<S>, ca: &Ca, number: u64) -> Told {
    let leaf = Registration::of_certificate(ca.leaf(number).certificate());
    let mut calls = 0;
    let answer = persist(|| {
        calls += 1;
        node.register(&leaf)
    });
    match answer {
        Ok(_) => Told::Recorded,
        Err(Error::Refused(Refusal::IssuerMayNotIssue { .. })) if calls == 1 => Told::Refused,
        Err(Error::Refused(Refusal::IssuerMayNotIssue { .. })) => Told::RefusedInTheEnd,
        Err(error) => panic!("{error:?}"),
    }
}

/// Else a row that an index lost is a revocation that no CRL lists, and nobody notices.
pub fn a_hidden_entry_is_an_error_and_not_a_short_crl(place: &dyn Place) {
    const REVOKED: u64 = 4;
    let (ca, store) = (Ca::new("ca"), place.open());
    let node = node(Arc::clone(&store));
    add(&node, &ca, &ca, 1);
    for number in 100..100 + REVOKED {
        register(&node, &ca, number).unwrap();
        revoke(&node, &ca, number);
    }
    assert_eq!(crl(&node, &ca).unwrap().1.len() as u64, REVOKED);
    let entries = keys(&*Patient::over(&store).snapshot().unwrap(), Space::Entries, &[], None);
    assert_eq!(entries.len() as u64, REVOKED);
    for key in entries {
        let hiding = self::node(Hiding::new(Arc::clone(&store), Space::Entries, key));
        let answer = crl(&hiding, &ca);
        assert!(answer.as_ref().is_err_and(is_damage), "{answer:?}");
    }
}

/// Else a backup that was restored takes back revocations, and those who know of them are told
/// that all is well.
pub fn a_restored_older_copy_is_told_from_what_was_known(place: &dyn Place) {
    let (ca, lost) = (Ca::new("ca"), Arc::new(Recording::default()));
    let before = node(Arc::clone(&lost));
    add(&before, &ca, &ca, 1);
    for number in 100..106 {
        register(&before, &ca, number).unwrap();
    }
    let backup = lost.batches().len() + 2;
    (100..104).for_each(|number| revoke(&before, &ca, number));
    let token = before.token(ca.id()).unwrap();

    let store = Patient::at(place);
    for batch in &lost.batches()[..backup] {
        store.apply(batch).unwrap();
    }
    drop(store);
    let restored = at(place);
    let status = || {
        let least = Freshness::AtLeast(token);
        persist(|| restored.status_with(ca.id(), serial(100), least))
    };
    assert!(matches!(status(), Err(Error::Behind { .. })), "{:?}", status());
    for number in [105, 104, 103] {
        revoke(&restored, &ca, number);
        let seen = status();
        let forked = matches!(seen, Err(Error::Forked { .. }));
        let behind = matches!(seen, Err(Error::Behind { .. }));
        let is_as_far = persist(|| restored.token(ca.id())).unwrap().position >= token.position;
        assert!(if is_as_far { forked } else { behind }, "{seen:?}");
    }
    let list = persist(|| restored.changes(&token, usize::MAX));
    assert!(matches!(list, Err(Error::Forked { .. })), "{list:?}");
}

/// A store in memory that remembers its batches.
#[derive(Debug, Default)]
struct Recording {
    store: MemoryStore,
    batches: Mutex<Vec<Batch>>,
}

impl Recording {
    fn batches(&self) -> MutexGuard<'_, Vec<Batch>> {
        self.batches.lock().unwrap()
    }
}

impl Store for Recording {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)?;
        self.batches().push(batch.clone());
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// An authority over this store. Its commands have names that no other has.
fn node<S: Store>(store: S) -> Authority<S> {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let drawn = DRAWN.fetch_add(1 << 32, Ordering::Relaxed);
    authority(store, &ToyClock::at(day(0)), Arc::new(AtomicU64::new(drawn)))
}

fn at(place: &dyn Place) -> Authority<Arc<dyn Store>> {
    node(place.open())
}

/// Two authorities, as in two processes where the place allows it.
fn two_at(place: &dyn Place) -> [Authority<Arc<dyn Store>>; 2] {
    let first = place.open();
    let second = if place.is_shared() { place.open() } else { Arc::clone(&first) };
    [first, second].map(node)
}

/// Adds this CA under this parent.
fn add<S: Store>(node: &Authority<S>, parent: &Ca, ca: &Ca, number: u64) {
    let add = AddIssuer::new(parent.certifies(ca, number).ca());
    persist(|| node.add_issuer(&add)).unwrap();
}

fn register<S: Store>(node: &Authority<S>, ca: &Ca, number: u64) -> Result<(), Error> {
    let leaf = Registration::of_certificate(ca.leaf(number).certificate());
    persist(|| node.register(&leaf)).map(drop)
}

/// Revokes under a name, by which a lost answer is found again.
fn revoke<S: Store>(node: &Authority<S>, ca: &Ca, number: u64) {
    let target = Target::Serial { issuer: ca.id(), serial: serial(number) };
    let command = CommandId(u128::from(number).to_be_bytes());
    let revoke = Revoke::new(target).with_command(command);
    persist(|| node.revoke(&revoke)).unwrap();
}

/// The number and the serial numbers of a new CRL.
fn crl<S: Store>(
    node: &Authority<S>,
    ca: &Ca,
) -> Result<(CrlNumber, BTreeSet<crate::Serial>), Error> {
    let day = CrlRequest::new(Duration::from_secs(86_400));
    let mut der = Vec::new();
    let issued = persist(|| node.crl(ca.id(), &day, ca, &mut der))?;
    let list = CertificateList::from_der(&der).unwrap();
    let listed = list.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap());
    Ok((issued.crl.number, listed.collect()))
}

/// Calls again where the error says that this can help.
fn persist<T>(mut call: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match call() {
            Err(error) if error.retry() != Retry::Never && !is_damage(&error) => {
                thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
    call()
}

/// Whether what is stored is damaged.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::Store(StoreError::Corrupt { .. }) => true,
        Error::Crl(CrlError::Entries(source)) => {
            matches!(source.downcast_ref(), Some(StoreError::Corrupt { .. }))
        }
        _ => false,
    }
}
