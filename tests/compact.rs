//! Compaction: what may leave the live set and when, and what stays valid.

mod support {
    pub mod toy;
}

use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, CertificateStatus, Compact, Compacted,
    CrlRequest, Error, Event, Evidence, MemoryStore, NoProof, Position, Reason, Refusal,
    Registration, Revoke, RevokeCa, Store, StoreError, Target, Timestamp,
    store::{Batch, Put, Snapshot, Space, Table, Version, key},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};
use support::toy::{Ca, ToyClock, authority, day, in_memory, serial};

const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

/// A CA, and certificates of it that are numbered from 1 and expire on day 10.
struct World<S = MemoryStore> {
    authority: Authority<S>,
    clock: ToyClock,
    ca: Ca,
}

fn world(certificates: u64) -> World {
    let (authority, clock) = in_memory();
    World::new(authority, clock, certificates)
}

impl<S: Store> World<S> {
    fn new(authority: Authority<S>, clock: ToyClock, certificates: u64) -> Self {
        let ca = Ca::new("ca");
        authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1_000_000).ca())).unwrap();
        let world = Self { authority, clock, ca };
        let register = |number| Registration::of_serial(world.ca.id(), serial(number), day(10));
        let registrations: Vec<_> = (1..=certificates).map(register).collect();
        world.authority.register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));
        world
    }

    fn target(&self, number: u64) -> Target {
        Target::Serial { issuer: self.ca.id(), serial: serial(number) }
    }

    fn revoke(&self, numbers: impl IntoIterator<Item = u64>) {
        let revokes: Vec<_> =
            numbers.into_iter().map(|number| Revoke::new(self.target(number))).collect();
        self.authority.revoke_all(&revokes).iter().for_each(|it| assert!(it.is_ok(), "{it:?}"));
    }

    fn crl_at(&self, at: Timestamp) -> Vec<u8> {
        self.clock.set(at);
        let mut der = Vec::new();
        let week = CrlRequest::new(7 * DAY);
        self.authority.crl(self.ca.id(), &week, &self.ca, &mut der).unwrap();
        der
    }

    fn compact(&self, released: &[u8]) -> Compacted {
        let crl = CertificateList::from_der(released).unwrap();
        self.authority.compact(&Compact::new(self.ca.id()).with_released(crl)).unwrap()
    }

    fn compact_unlisted(&self) -> Compacted {
        self.authority.compact(&Compact::new(self.ca.id())).unwrap()
    }

    fn recorded(&self) -> Vec<u64> {
        let page = self.authority.certificates(self.ca.id(), None, 99_999).unwrap();
        (1..=9_999).filter(|&n| page.iter().any(|summary| summary.serial == serial(n))).collect()
    }

    fn log(&self) -> Vec<annul::LoggedEntry> {
        let start = self.authority.token_at(self.ca.id(), Position(0)).unwrap();
        self.authority.changes(&start, 99_999).unwrap().entries
    }
}

/// What a compaction that came to its end answers.
fn compacted(entries: u64, certificates: u64) -> Compacted {
    let mut answer = Compacted::default();
    (answer.entries, answer.certificates) = (entries, certificates);
    answer
}

fn listed(crl: &[u8]) -> usize {
    CertificateList::from_der(crl).unwrap().entries().count()
}

#[test]
fn e36_entry_leaves_only_after_one_crl_past_expiry() {
    let expiry = day(10);
    for (crl_at, leaves) in
        [(day(9), false), (expiry, false), (expiry.saturating_add(SECOND), true), (day(12), true)]
    {
        let world = world(2);
        world.clock.set(day(5));
        world.revoke([1]);
        let crl = world.crl_at(crl_at);
        assert_eq!(listed(&crl), 1, "on {crl_at}");
        world.clock.set(day(13));
        let compacted = world.compact(&crl);
        assert_eq!(compacted.entries, u64::from(leaves), "on {crl_at}");
        assert_eq!(compacted.certificates, 1 + u64::from(leaves), "the other was not revoked");
        assert_eq!(listed(&world.crl_at(day(14))), usize::from(!leaves), "on {crl_at}");
    }
}

#[test]
fn e36_what_the_crl_does_not_show_as_it_stands_stays() {
    let mut world = world(3);
    world.revoke([1, 2]);
    let crl = world.crl_at(day(11));
    let amendment = Amendment { key_compromise: true, ..Amendment::default() };
    world.authority.amend(&Amend::new(world.target(1), amendment)).unwrap();
    let mut policy = world.authority.policy().clone();
    policy.expired_certificates = true;
    world.authority = world.authority.with_policy(policy);
    world.revoke([3]);
    assert_eq!(world.compact(&crl), compacted(1, 1));
    assert_eq!(world.recorded(), [1, 3]);
    let crl = world.crl_at(day(12));
    assert_eq!(world.compact(&crl), compacted(3, 2));
    assert_eq!(listed(&world.crl_at(day(13))), 0);
}

#[test]
fn without_a_crl_only_what_no_crl_lists_leaves() {
    let world = world(3);
    world.revoke([2]);
    world.clock.set(day(10));
    assert_eq!(world.compact_unlisted().certificates, 0, "their last second is not over");
    world.clock.set(day(11));
    assert_eq!(world.compact_unlisted(), compacted(0, 2));
    assert_eq!(world.recorded(), [2]);
}

#[test]
fn nothing_leaves_before_the_hold_is_over() {
    let world = world(2);
    world.revoke([1]);
    let crl = world.crl_at(day(11));
    let list = CertificateList::from_der(&crl).unwrap();
    let compact = Compact::new(world.ca.id()).with_released(list).keep_for(30 * DAY);
    for (at, leave) in [(day(39), 0), (day(40), 2)] {
        world.clock.set(at);
        assert_eq!(world.authority.compact(&compact).unwrap().certificates, leave, "on {at}");
    }
    let for_ever = Compact::new(world.ca.id()).keep_for(Duration::MAX);
    assert_eq!(world.authority.compact(&for_ever).unwrap().certificates, 0);
}

#[test]
fn what_has_no_known_end_and_certificates_of_cas_never_leave() {
    let world = world(0);
    let (authority, issuer) = (&world.authority, world.ca.id());
    let sub = Ca::new("sub");
    for number in [3, 4] {
        let certificate = world.ca.certifies(&sub, number).valid(-10, 10);
        authority.add_issuer(&AddIssuer::new(certificate.ca())).unwrap();
    }
    for number in [1, 2] {
        let evidence = Evidence::Serial { issuer, serial: serial(number), not_after: None };
        authority.register(&Registration::new(evidence)).unwrap();
    }
    world.revoke([1, 3]);
    // The revocation of the first was recorded when its end was not known.
    authority.record_discovered(&Registration::of_serial(issuer, serial(1), day(10))).unwrap();
    let crl = world.crl_at(day(500));
    assert_eq!(listed(&crl), 2);
    assert_eq!(world.compact(&crl), Compacted::default());
    assert_eq!(world.recorded(), [1, 2, 3, 4]);
}

#[test]
fn what_a_fallen_issuer_lists_leaves_only_after_it_was_listed() {
    let world = world(3);
    world.clock.set(day(9));
    world.revoke([1]);
    world.authority.revoke_ca(&RevokeCa::new(world.ca.id())).unwrap();
    world.clock.set(day(11));
    assert_eq!(world.compact_unlisted(), Compacted::default());
    let early = world.crl_at(day(12));
    assert_eq!(listed(&early), 3);
    assert_eq!(world.compact(&early), compacted(1, 3));
    assert_eq!(listed(&world.crl_at(day(13))), 0);
}

#[test]
fn positions_numbers_and_the_audit_stay_valid() {
    let world = world(5);
    world.revoke([1, 2]);
    let crl = world.crl_at(day(11));
    let number = CertificateList::from_der(&crl).unwrap().number().unwrap();
    let before = world.log();
    world.compact(&crl);
    let after = world.log();
    assert_eq!(after[..2], before);
    let Event::Compacted(compaction) = after[2].entry.event else { panic!("{after:?}") };
    assert_eq!((compaction.entries, compaction.certificates), (2, 5));
    assert_eq!((compaction.released, compaction.recorded_at), (Some(number), day(11)));
    let next = world.crl_at(day(12));
    let next = CertificateList::from_der(&next).unwrap();
    assert_eq!(next.number(), number.next());
    assert_eq!(world.authority.issuers().unwrap()[0].position, Position(3));
}

#[test]
fn what_left_is_as_if_it_was_never_issued() {
    let world = world(2);
    world.revoke([1]);
    let crl = world.crl_at(day(11));
    world.compact(&crl);
    let unknown = |error: Error| {
        assert!(matches!(error.refusal(), Some(Refusal::UnknownCertificate { .. })), "{error:?}");
    };
    for number in [1, 2] {
        let status = world.authority.status(world.ca.id(), serial(number)).unwrap();
        assert_eq!(status.own, CertificateStatus::NotIssued);
        unknown(world.authority.revoke(&Revoke::new(world.target(number))).unwrap_err());
        let amendment = Amendment { key_compromise: true, ..Amendment::default() };
        let amend = Amend::new(world.target(number), amendment);
        unknown(world.authority.amend(&amend).unwrap_err());
    }
    assert_eq!(world.compact(&crl), Compacted::default());
}

#[test]
fn a_limit_stops_it_and_another_call_goes_on() {
    let world = world(2_500);
    world.revoke((1..=2_500).step_by(2));
    let crl = world.crl_at(day(11));
    let list = CertificateList::from_der(&crl).unwrap();
    let compact = Compact::new(world.ca.id()).with_released(list);
    let one = world.authority.compact(&compact.clone().limit(0)).unwrap();
    assert_eq!((one.certificates, one.next), (1, Some(serial(1))));
    let some = world.authority.compact(&compact.clone().limit(1_499)).unwrap();
    assert_eq!((some.certificates, some.next), (1_499, Some(serial(1_500))));
    let rest = compact.clone().after(serial(1_500));
    assert_eq!(world.authority.compact(&rest).unwrap(), compacted(500, 1_000));
    assert_eq!(world.authority.compact(&compact).unwrap(), Compacted::default());
    assert_eq!(listed(&world.crl_at(day(12))), 0);
}

/// A store that fails one write with what `fault` makes of it.
#[derive(Debug)]
struct Failing {
    store: MemoryStore,
    left: AtomicU64,
    fault: fn(&Batch) -> StoreError,
}

impl Store for Failing {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        match self.left.fetch_sub(1, Ordering::Relaxed) {
            0 => Err((self.fault)(batch)),
            _ => self.store.apply(batch),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// A world of so many revoked certificates, and a CRL that proves that they may leave.
fn failing(certificates: u64, fault: fn(&Batch) -> StoreError) -> (World<Failing>, Vec<u8>) {
    let clock = ToyClock::at(day(0));
    let store = Failing { store: MemoryStore::new(), left: u64::MAX.into(), fault };
    let world = World::new(authority(store, &clock, Default::default()), clock, certificates);
    world.revoke(1..=certificates);
    let crl = world.crl_at(day(11));
    (world, crl)
}

#[test]
fn a_compaction_that_failed_goes_on_when_it_is_repeated() {
    let (world, crl) = failing(2_000, |_| StoreError::Backend("told to".into()));
    world.authority.store().left.store(2, Ordering::Relaxed);
    let list = CertificateList::from_der(&crl).unwrap();
    let compact = Compact::new(world.ca.id()).with_released(list);
    assert!(matches!(world.authority.compact(&compact), Err(Error::Store(_))));
    let left = world.recorded().len();
    assert!((1..2_000).contains(&left), "{left}");
    assert_eq!(listed(&world.crl_at(day(12))), left);
    assert_eq!(world.compact(&crl).certificates, left as u64);
    assert_eq!(listed(&world.crl_at(day(13))), 0);
}

#[test]
fn a_step_that_others_disturb_is_decided_anew() {
    let (world, crl) = failing(2_000, |batch| {
        let retire = &batch.retires[0];
        StoreError::Conflict { space: Space::Table(retire.table), key: retire.key.clone() }
    });
    world.authority.store().left.store(1, Ordering::Relaxed);
    assert_eq!(world.compact(&crl), compacted(2_000, 2_000));
}

#[test]
fn it_runs_beside_revocations_and_another_compaction() {
    const OLD: u64 = 3_000;
    let world = world(OLD);
    world.revoke(1..=OLD);
    let register = |number| Registration::of_serial(world.ca.id(), serial(OLD + number), day(100));
    let registrations: Vec<_> = (1..=200).map(register).collect();
    world.authority.register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));
    let crl = world.crl_at(day(11));
    let beside = authority(world.authority.store(), &world.clock, AtomicU64::new(1 << 40).into());
    let compact = || {
        let list = CertificateList::from_der(&crl).unwrap();
        beside.compact(&Compact::new(world.ca.id()).with_released(list)).unwrap()
    };
    let left = thread::scope(|scope| {
        let others = [scope.spawn(compact), scope.spawn(|| world.compact(&crl))];
        for number in 1..=200 {
            world.revoke([OLD + number]);
        }
        others.map(|other| other.join().unwrap().certificates)
    });
    assert_eq!(left.iter().sum::<u64>(), OLD, "each left once: {left:?}");
    assert_eq!(listed(&world.crl_at(day(12))), 200);
}

#[test]
fn only_a_full_crl_of_this_record_proves_anything() {
    let (first, second) = (world(1), world(1));
    first.revoke([1]);
    second.revoke([1]);
    let good = first.crl_at(day(11));
    let ahead = {
        second.crl_at(day(10));
        second.crl_at(day(11))
    };
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let other = {
        let ca = Ca::new("other");
        let issue = AddIssuer::new(ca.certifies(&ca, 1_000_001).ca());
        second.authority.add_issuer(&issue).unwrap();
        let mut der = Vec::new();
        second.authority.crl(ca.id(), &CrlRequest::new(7 * DAY), &ca, &mut der).unwrap();
        der
    };
    let later = {
        let twin = world(1);
        twin.crl_at(day(12))
    };
    let problem = |der: &[u8]| {
        let crl = CertificateList::from_der(der).unwrap();
        let compact = Compact::new(first.ca.id()).with_released(crl);
        match first.authority.compact(&compact) {
            Err(Error::NoProof { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(problem(&ahead), NoProof::NotMadeHere { .. }));
    assert!(matches!(problem(&later), NoProof::NotMadeHere { .. }));
    assert!(matches!(problem(&forged), NoProof::Signature(_)));
    assert!(matches!(problem(&other), NoProof::AnotherIssuer));
    assert_eq!(first.recorded(), [1]);
    assert_eq!(first.compact(&good).entries, 1);
}

#[test]
fn the_certificate_itself_leaves_with_its_record() {
    let world = world(2);
    let table = Table::CertificateDer;
    let key = |number| key::certificate(world.ca.id(), serial(number));
    let put = |number| Put { table, key: key(number), expected: Version(0), value: vec![1] };
    let store = world.authority.store();
    store.apply(&Batch { puts: vec![put(1), put(2)], ..Batch::default() }).unwrap();
    world.revoke([2]);
    world.clock.set(day(11));
    assert_eq!(world.compact_unlisted().certificates, 1);
    let keys = [key(1), key(2)];
    let ders = store.snapshot().unwrap().get_all(Space::Table(table), &keys).unwrap();
    assert_eq!(ders.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_reason_that_matters_is_on_the_crl_before_the_entry_leaves() {
    let world = world(1);
    let revoke = Revoke::new(world.target(1)).with_reason(Reason::KeyCompromise);
    world.authority.revoke(&revoke).unwrap();
    let crl = world.crl_at(day(11));
    assert_eq!(world.compact(&crl), compacted(1, 1));
}
