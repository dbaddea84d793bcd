//! The CRLs of partitions: each about its own, together about all.

use super::{issue, listed, revoke, root, shown, week, with_leaves};
use crate::toy::{Ca, authority, day, in_memory, serial};
use annul::{
    AddIssuer, CertificateList, CrlPlace, Distribution, Issue, MemorySink, Partition, Policy,
    ReserveSerial, RevokeCa, Scope, Serial,
};
use std::{collections::BTreeSet, sync::Arc};

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
