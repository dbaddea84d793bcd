//! The CRLs of partitions: each about its own, together about all.

use super::{issue, listed, revoke, root, shown, week, with_leaves};
use crate::toy::{Ca, authority, day, in_memory, serial};
use annul::{
    AddIssuer, CertificateList, CrlPlace, Distribution, Issue, MemorySink, Partition, Policy,
    Publisher, Publishing, ReserveSerial, Retry, RevokeCa, Schedule, Scope, Serial,
    SignatureAlgorithm, Signer, SigningError, ToSign,
};
use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

#[test]
fn e17_e19_partitions_are_released_each_with_its_uri_and_together_list_all() {
    let mut policy = Policy::default();
    policy.slots_at_once = 1;
    let (authority, _) = in_memory();
    let authority = authority.with_policy(policy);
    let issuer = with_leaves(&authority, 3);
    let size = 2_000;
    let distribution = Distribution::new("http://crl.example").with_partition_size(size);
    authority.set_distribution(issuer, &distribution).unwrap();
    for number in 10..60 {
        let reserved = authority.reserve(&ReserveSerial::new(issuer, serial(number))).unwrap();
        let scope = Scope::Partition(reserved.partition);
        let points = authority.distribution_points(issuer, scope).unwrap();
        assert_eq!(Some(&points[0]), reserved.distribution_point.as_ref());
    }
    let mut all: BTreeSet<Serial> = BTreeSet::new();
    for number in [1, 3].into_iter().chain(10..60) {
        revoke(&authority, number);
        all.insert(serial(number));
    }
    let sink = MemorySink::new("sink");
    let scopes = authority.scopes(issuer).unwrap();
    assert!(scopes.len() > 4, "{scopes:?}");
    let mut union = BTreeSet::new();
    for &scope in &scopes {
        issue(&authority, &Issue::new(week().of(scope)), &[&sink]).unwrap();
        let der = shown(&sink, &CrlPlace::complete(issuer, scope));
        if scope == Scope::Full {
            assert_eq!(listed(&der), all);
            continue;
        }
        let crl = CertificateList::from_der(&der).unwrap();
        let points = authority.distribution_points(issuer, scope).unwrap();
        assert_eq!(crl.issuing_distribution_point().unwrap().uris(), points);
        if scope != Scope::Partition(Partition(0)) {
            assert!(der.len() as u64 <= size);
        }
        for serial in listed(&der) {
            assert!(union.insert(serial), "{serial} is in two");
        }
    }
    assert_eq!(union, all);
    let publication = authority.publication(issuer, serial(20)).unwrap().unwrap();
    assert_eq!(publication.scopes.len(), 2, "all of them, and its own");
    assert!(publication.is_complete() && authority.pending(issuer).unwrap().is_empty());
    revoke(&authority, 2);
    let pending = authority.pending(issuer).unwrap();
    let scopes: Vec<_> = pending.iter().map(|pending| pending.scope).collect();
    assert_eq!(scopes, [Scope::Full, Scope::Partition(Partition(0))]);
}

#[test]
fn a_fall_is_listed_by_each_partition() {
    let (store, clock) = (annul::MemoryStore::new(), crate::toy::ToyClock::at(day(0)));
    let authority = authority(&store, &clock, Arc::default());
    let root_id = with_leaves(&authority, 0);
    let below = Ca::new("below");
    let ca =
        authority.add_issuer(&AddIssuer::new(root().certifies(&below, 5).ca())).unwrap().issuer;
    let distribution = Distribution::new("http://crl.example").with_partitions();
    authority.set_distribution(ca, &distribution).unwrap();
    for number in 1..=4 {
        authority.reserve(&ReserveSerial::new(ca, serial(number))).unwrap();
    }
    let sink = MemorySink::new("sink");
    let scope = Scope::Partition(Partition(1));
    let issue = Issue::new(week().of(scope));
    let place = CrlPlace::complete(ca, scope);
    authority.issue(ca, &issue, &below, &[&sink]).unwrap();
    assert!(listed(&shown(&sink, &place)).is_empty());
    authority.revoke_ca(&RevokeCa::new(root_id)).unwrap();
    authority.issue(ca, &issue, &below, &[&sink]).unwrap();
    assert_eq!(listed(&shown(&sink, &place)).len(), 4);
}

#[test]
fn e36_compaction_waits_for_the_crl_of_the_partition() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 0);
    let distribution = Distribution::new("http://crl.example").with_partitions();
    authority.set_distribution(issuer, &distribution).unwrap();
    let mut reserve = ReserveSerial::new(issuer, serial(10));
    reserve.not_after = Some(day(10));
    let scope = Scope::Partition(authority.reserve(&reserve).unwrap().partition);
    revoke(&authority, 10);
    let sink = MemorySink::new("sink");
    let at = |number, scope| {
        clock.set(day(number));
        issue(&authority, &Issue::new(week().of(scope)), &[&sink]).unwrap();
        shown(&sink, &CrlPlace::complete(issuer, scope))
    };
    let compact = |der: &[u8]| {
        let compact = annul::Compact::new(issuer);
        let compact = compact.with_released(CertificateList::from_der(der).unwrap());
        authority.compact(&compact).unwrap().entries
    };
    at(9, scope);
    let full = at(11, Scope::Full);
    assert_eq!(compact(&full), 0, "the CRL of its partition has not listed it after it expired");
    assert_eq!(listed(&at(12, scope)).len(), 1);
    assert_eq!(compact(&full), 1);
    assert!(listed(&at(13, scope)).is_empty());
    assert!(listed(&at(13, Scope::Full)).is_empty());
}

fn divided() -> (annul::Authority<annul::MemoryStore>, annul::IssuerId) {
    let mut policy = Policy::default();
    policy.slots_at_once = 4;
    let authority = in_memory().0.with_policy(policy);
    let issuer = with_leaves(&authority, 0);
    (authority, issuer)
}

#[test]
fn e19_partitions_that_the_record_lost_come_back_with_their_crls() {
    let distribution = Distribution::new("http://crl.example").with_partition_size(2_000);
    let (lost, issuer) = divided();
    lost.set_distribution(issuer, &distribution).unwrap();
    let reserve = |authority: &annul::Authority<_>, number| {
        authority.reserve(&ReserveSerial::new(issuer, serial(number))).unwrap()
    };
    let reserved: Vec<_> = (1..30).map(|number| reserve(&lost, number)).collect();
    (1..30).step_by(2).for_each(|number| revoke(&lost, number));
    let sink = MemorySink::new("sink");
    let scopes = lost.scopes(issuer).unwrap();
    for &scope in &scopes {
        issue(&lost, &Issue::new(week().of(scope)), &[&sink]).unwrap();
    }
    let before: Vec<_> = sink.places().iter().map(|place| shown(&sink, place)).collect();

    // Whether it is said first where CRLs are served, or last.
    for is_said_first in [true, false] {
        let (empty, _) = divided();
        let say = || drop(empty.set_distribution(issuer, &distribution).unwrap());
        is_said_first.then(say);
        let crls = before.iter().map(|der| CertificateList::from_der(der).unwrap());
        empty.import(issuer, &crls.fold(annul::Import::new(), annul::Import::with_crl)).unwrap();
        (!is_said_first).then(say);
        assert_eq!(empty.scopes(issuer).unwrap(), scopes);
        for number in (1..30).step_by(2) {
            let publication = empty.publication(issuer, serial(number)).unwrap().unwrap();
            assert_eq!(publication.scopes.len(), 2, "all of them, and its own");
        }
        // What is still there of the certificates goes back to where relying parties look.
        for reserved in &reserved {
            let uri = reserved.distribution_point.as_deref().unwrap();
            let number = reserved.serial.as_octets().iter().fold(0, |n, o| n << 8 | u64::from(*o));
            let leaf = root().leaf(number).with_distribution_points(&[uri]).certificate();
            let found = empty.register(&annul::Registration::of_certificate(leaf)).unwrap();
            assert_eq!(found.partition, reserved.partition);
        }
        // They may be full: new certificates go elsewhere.
        let fresh = reserve(&empty, 1_000 + u64::from(is_said_first)).partition;
        assert!(!scopes.contains(&Scope::Partition(fresh)));
        if is_said_first {
            for &scope in &scopes {
                let place = CrlPlace::complete(issuer, scope);
                let old = listed(&shown(&sink, &place));
                issue(&empty, &Issue::new(week().of(scope)), &[&sink]).unwrap();
                assert_eq!(listed(&shown(&sink, &place)), old);
            }
        }
    }
}

#[test]
fn e17_a_partition_that_went_on_after_the_backup_hands_out_no_more_slots() {
    let distribution = Distribution::new("http://crl.example").with_partitions();
    let (lost, issuer) = divided();
    lost.set_distribution(issuer, &distribution).unwrap();
    lost.reserve(&ReserveSerial::new(issuer, serial(1))).unwrap();
    let backup = annul::MemoryStore::new();
    annul::store::copy(lost.store(), &backup).unwrap();
    for number in 2..20 {
        lost.reserve(&ReserveSerial::new(issuer, serial(number))).unwrap();
        revoke(&lost, number);
    }
    let scope = Scope::Partition(Partition(1));
    let sink = MemorySink::new("sink");
    issue(&lost, &Issue::new(week().of(scope)), &[&sink]).unwrap();

    let clock = crate::toy::ToyClock::at(day(0));
    let restored = authority(backup, &clock, Arc::default());
    let der = shown(&sink, &CrlPlace::complete(issuer, scope));
    let import = || annul::Import::new().with_crl(CertificateList::from_der(&der).unwrap());
    restored.import(issuer, &import()).unwrap();
    let fresh = restored.reserve(&ReserveSerial::new(issuer, serial(30))).unwrap().partition;
    assert_eq!(fresh, Partition(2));
    // What the record knows of tells it nothing new.
    issue(&restored, &Issue::new(week().of(Scope::Partition(fresh))), &[&sink]).unwrap();
    let own = shown(&sink, &CrlPlace::complete(issuer, Scope::Partition(fresh)));
    let own = annul::Import::new().with_crl(CertificateList::from_der(&own).unwrap());
    restored.import(issuer, &own).unwrap();
    restored.import(issuer, &import()).unwrap();
    let restored = authority(restored.store(), &clock, Arc::default());
    let next = restored.reserve(&ReserveSerial::new(issuer, serial(31))).unwrap().partition;
    assert_eq!(next, fresh);
}

/// A key that signs once so many have asked for it, or nobody else comes.
#[derive(Debug)]
struct Sociable {
    ca: Ca,
    wanted: usize,
    present: Mutex<usize>,
    came: Condvar,
}

impl Signer for Sociable {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.ca.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.ca.public_key()
    }

    fn sign(&self, signed: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        let mut present = self.present.lock().unwrap();
        *present += 1;
        self.came.notify_all();
        let waits = |present: &mut usize| *present < self.wanted;
        let wait = self.came.wait_timeout_while(present, Duration::from_secs(60), waits);
        if wait.unwrap().1.timed_out() {
            let source = "nobody else came".into();
            return Err(SigningError::Failed { source, retry: Retry::Never });
        }
        self.ca.sign(signed)
    }
}

#[test]
fn as_many_partitions_as_threads_are_signed_at_once() {
    let mut policy = Policy::default();
    policy.slots_at_once = 1;
    let (authority, _) = in_memory();
    let authority = authority.with_policy(policy);
    let issuer = with_leaves(&authority, 3);
    let distribution = Distribution::new("http://crl.example").with_partition_size(2_000);
    authority.set_distribution(issuer, &distribution).unwrap();
    for number in 10..60 {
        authority.reserve(&ReserveSerial::new(issuer, serial(number))).unwrap();
    }
    let scopes = authority.scopes(issuer).unwrap();
    let authority = Arc::new(authority);
    let release = |threads| {
        let sink = Arc::new(MemorySink::new("sink"));
        let (present, came) = Default::default();
        let key = Sociable { ca: root(), wanted: threads, present, came };
        let publishing = Publishing::new(issuer, Schedule::private(), key).to(Arc::clone(&sink));
        let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
        let publisher = publisher.with_threads(NonZeroUsize::new(threads).unwrap());
        let attempts = publisher.run_due().unwrap();
        assert!(attempts.iter().all(|attempt| attempt.result.is_ok()), "{attempts:?}");
        let shown: BTreeSet<_> = sink.places().iter().map(|place| place.scope).collect();
        assert_eq!(shown, scopes.iter().copied().collect());
    };
    release(scopes.len());
}
