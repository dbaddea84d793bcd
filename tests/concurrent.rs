//! Many threads on two authorities that share a store, as two processes would: nobody wins twice,
//! nothing is lost, nothing good is left under a CA that fell.

mod support {
    #[cfg(feature = "redb")]
    pub mod backend;
    #[cfg(feature = "postgres")]
    pub mod postgres;
    pub mod random;
    pub mod toy;
}

use annul::{
    AddIssuer, Authority, CertificateStatus, Entry, Error, Event, IssuerId, MemoryStore, Refusal,
    Registration, ReserveSerial, Revocation, Revoke, RevokeCa, Serial, Standing, Store, StoreError,
    Target,
    store::{Batch, Snapshot},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use support::{
    random::Random,
    toy::{Ca, ToyClock, authority, day, log, serial},
};

const THREADS: u64 = 4;
/// How many serial numbers of each CA they fight for.
const SERIALS: usize = 16;

/// A root, four CAs under it, and one under each of these.
fn cas() -> Vec<Ca> {
    (0..9).map(|number| Ca::new(&format!("ca {number}"))).collect()
}

fn parent(number: usize) -> usize {
    number.saturating_sub(4)
}

/// Who revoked what, as each thread was told.
type Won = BTreeMap<(IssuerId, Serial), Vec<Revocation>>;

/// What one thread does, and what it was told of revocations: those that it made, and those that
/// others had made before.
fn work<S: Store>(authority: &Authority<S>, cas: &[Ca], seed: u64, steps: usize) -> (Won, Won) {
    let (mut random, mut made, mut met) = (Random(seed), Won::new(), Won::new());
    for step in 0..steps {
        let ca = &cas[1 + random.below(cas.len() - 1)];
        let number = 100 + random.below(SERIALS) as u64;
        let key = (ca.id(), serial(number));
        match random.below(100) {
            0..40 => {
                let registration = Registration::of_certificate(ca.leaf(number).certificate());
                issued(authority.register(&registration).map(drop));
            }
            40..50 => {
                issued(authority.reserve(&ReserveSerial::new(key.0, key.1)).map(drop));
            }
            51..54 => {
                let other = &cas[random.below(cas.len())];
                let cross = other.certifies(ca, 200 + random.below(50) as u64).ca();
                issued(authority.add_issuer(&AddIssuer::new(cross)).map(drop));
            }
            50 if step > steps / 2 => match authority.revoke_ca(&RevokeCa::new(ca.id())) {
                Ok(_) | Err(Error::Refused(Refusal::AlreadyFallen { .. })) => {}
                Err(error) => panic!("{error:?}"),
            },
            _ => {
                let target = Target::Serial { issuer: key.0, serial: key.1 };
                match authority.revoke(&Revoke::new(target)) {
                    Ok(revoked) => {
                        made.entry(key).or_default().push(revoked.revocation);
                        let seen = authority.revocation(key.0, key.1).unwrap();
                        assert_eq!(seen.revocation, Some(revoked.revocation), "seen at once");
                        assert!(seen.position >= revoked.position);
                    }
                    Err(Error::AlreadyRevoked { refusal, .. }) => match *refusal {
                        Refusal::AlreadyRevoked { original, .. } => {
                            met.entry(key).or_default().push(original);
                        }
                        other => panic!("{other:?}"),
                    },
                    Err(Error::Refused(Refusal::UnknownCertificate { .. })) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
    (made, met)
}

/// Under a CA that fell, and of what is taken, nothing is issued.
fn issued(answer: Result<(), Error>) {
    let refusal = answer.as_ref().err().and_then(Error::refusal);
    assert!(
        answer.is_ok()
            || matches!(
                refusal,
                Some(
                    Refusal::IssuerMayNotIssue { .. }
                        | Refusal::NoWayBack { .. }
                        | Refusal::SerialTaken { .. }
                )
            ),
        "{answer:?}"
    );
}

/// A store whose answers are late now and then, so that threads overtake each other.
#[derive(Debug)]
struct Late<S> {
    store: S,
    turn: AtomicU64,
}

impl<S> Late<S> {
    fn new(store: S) -> Self {
        Self { store, turn: AtomicU64::new(0) }
    }

    fn dawdle(&self) {
        if self.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

impl<S: Store> Store for Late<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let answer = self.store.apply(batch);
        self.dawdle();
        answer
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let snapshot = self.store.snapshot();
        self.dawdle();
        snapshot
    }
}

fn contend<S: Store>(store: S, steps: usize) {
    let cas = cas();
    let (store, clock, drawn) = (Arc::new(store), ToyClock::at(day(0)), Arc::default());
    let nodes = [(); 2].map(|()| authority(Arc::clone(&store), &clock, Arc::clone(&drawn)));
    for (number, ca) in cas.iter().enumerate() {
        let certificate = cas[parent(number)].certifies(ca, 1 + number as u64).ca();
        nodes[0].add_issuer(&AddIssuer::new(certificate)).unwrap();
    }
    let told: Vec<(Won, Won)> = thread::scope(|scope| {
        let work = |seed| {
            let (authority, cas) = (&nodes[seed as usize % nodes.len()], &cas);
            scope.spawn(move || work(authority, cas, seed, steps))
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for ca in &cas {
        for node in &nodes {
            node.refresh(ca.id()).unwrap();
            check(node, ca, &told);
        }
    }
}

/// What was told is what the log says, and what the log says is what is answered.
fn check<S: Store>(authority: &Authority<S>, ca: &Ca, told: &[(Won, Won)]) {
    let log = log(authority, ca.id());
    let positions = log.iter().map(|logged| logged.position.0);
    assert!(positions.eq(1..=log.len() as u64), "no gap");
    let mut falls = log.iter().filter(|it| matches!(it.entry.event, Event::IssuerFell(_)));
    let standing = authority.standing(ca.id()).unwrap().0;
    assert_eq!(falls.next().is_some(), matches!(standing, Standing::Fallen(_)));
    assert!(falls.next().is_none(), "it fell once");
    let mut revoked = BTreeMap::new();
    for Entry { event, .. } in log.iter().map(|logged| logged.entry) {
        if let Event::Revoked { subject, revocation } = event {
            let before = revoked.insert(subject.serial, revocation);
            assert_eq!(before, None, "revoked once");
        }
    }
    for number in (100..).take(SERIALS) {
        let key = (ca.id(), serial(number));
        let made: Vec<_> = told.iter().filter_map(|(made, _)| made.get(&key)).flatten().collect();
        let in_log = revoked.get(&key.1);
        assert_eq!(made, in_log.into_iter().collect::<Vec<_>>(), "one caller made it");
        let met = told.iter().filter_map(|(_, met)| met.get(&key)).flatten();
        met.for_each(|original| assert_eq!(Some(original), in_log, "all others met that"));
        assert_eq!(authority.revocation(key.0, key.1).unwrap().revocation.as_ref(), in_log);
        let status = authority.status(key.0, key.1).unwrap();
        if status.standing.is_down() {
            assert!(!matches!(
                status.effective,
                CertificateStatus::Good | CertificateStatus::Reserved
            ));
        } else {
            assert_eq!(status.standing, Standing::Stands);
        }
    }
}

#[test]
fn writers_in_memory_meet_one_truth() {
    (0..4).for_each(|_| contend(Late::new(MemoryStore::new()), 400));
}

#[cfg(feature = "redb")]
#[test]
fn writers_on_redb_meet_one_truth() {
    let options = annul::store::RedbStoreOptions::new().cache_size(1 << 20);
    (0..2).for_each(|_| contend(options.open_backend(support::backend::Disk::new()).unwrap(), 200));
}

#[cfg(feature = "postgres")]
#[test]
fn writers_on_postgres_meet_one_truth() {
    let Some(place) = support::postgres::Place::fresh() else { return };
    contend(place.open(), 100);
}
