//! The status of a CA: in ISSUE it stands, in REVOKE it fell.

use super::{
    NOW, add, authority,
    ca::{Ca, at},
    effective, listed, refusal, register, serials, target,
};
use annul::{
    AddIssuer, CertificateStatus, Error, FallCause, IssuerId, MemoryStore, Reason, Refusal,
    Registration, ReserveSerial, Revoke, RevokeCa, Serial, Standing,
};
use std::slice::from_ref;

/// A root, an intermediate below it, one more below that, each with a certificate of serial 0a.
struct Chain {
    store: MemoryStore,
    root: Ca,
    intermediate: Ca,
    lowest: Ca,
}

impl Chain {
    fn new() -> Self {
        let chain = Self {
            store: MemoryStore::new(),
            root: Ca::new("root"),
            intermediate: Ca::new("intermediate"),
            lowest: Ca::new("lowest"),
        };
        let authority = chain.at(NOW);
        add(&authority, &chain.root.root());
        add(&authority, &chain.root.certify(&chain.intermediate, "1001"));
        add(&authority, &chain.intermediate.certify(&chain.lowest, "1002"));
        for ca in chain.cas() {
            register(&authority, &ca.issue("0a"));
        }
        chain
    }

    fn at(&self, now: &str) -> annul::Authority<&MemoryStore> {
        authority(&self.store, now)
    }

    fn cas(&self) -> [&Ca; 3] {
        [&self.root, &self.intermediate, &self.lowest]
    }

    fn standing(&self, issuer: IssuerId) -> Standing {
        self.at(NOW).standing(issuer).unwrap().0
    }
}

#[test]
fn s47_a_root_and_an_intermediate_can_be_moved_to_revoke() {
    let chain = Chain::new();
    let authority = chain.at(NOW);
    let intermediate = authority.revoke_ca(&RevokeCa::new(chain.intermediate.id())).unwrap();
    assert_eq!(intermediate.fall.cause, FallCause::Revoked);
    assert_eq!(intermediate.revoked, [(chain.root.id(), "1001".parse().unwrap())]);
    let root = authority.revoke_ca(&RevokeCa::new(chain.root.id())).unwrap();
    assert_eq!((root.fall.cause, root.revoked), (FallCause::Distrusted, vec![]));
    for (ca, fall) in [(&chain.intermediate, intermediate.fall), (&chain.root, root.fall)] {
        assert_eq!(chain.standing(ca.id()), Standing::Fallen(fall));
    }
}

#[test]
fn s48_a_ca_starts_in_issue() {
    let chain = Chain::new();
    for ca in chain.cas() {
        assert_eq!(chain.standing(ca.id()), Standing::Stands);
    }
}

#[test]
fn s49_a_ca_in_issue_may_issue_and_one_in_revoke_may_not() {
    let chain = Chain::new();
    let authority = chain.at(NOW);
    let reserve = |ca: &Ca, serial: &str| ReserveSerial::new(ca.id(), serial.parse().unwrap());
    for ca in chain.cas() {
        authority.reserve(&reserve(ca, "0b")).unwrap();
    }
    authority.revoke_ca(&RevokeCa::new(chain.intermediate.id())).unwrap();

    // What was reserved in time is registered too late.
    for ca in [&chain.intermediate, &chain.lowest] {
        let late = Registration::of_certificate(ca.issue("0b"));
        for answer in [
            refusal(authority.reserve(&reserve(ca, "0c"))),
            refusal(authority.register(&late)),
            refusal(authority.register_all(from_ref(&late)).remove(0)),
        ] {
            assert!(matches!(answer, Refusal::IssuerMayNotIssue { .. }), "{answer}");
        }
        let discovered = authority.record_discovered(&late).unwrap();
        assert!(discovered.recorded && discovered.standing.is_down());
        let status = effective(&authority, ca.id(), "0b");
        assert!(matches!(status, CertificateStatus::Invalidated(_)), "{status:?}");
    }
    authority.reserve(&reserve(&chain.root, "0c")).unwrap();
    register(&authority, &chain.root.issue("0b"));
    let below = AddIssuer::new(chain.intermediate.certify(&Ca::new("new"), "1003"));
    assert!(authority.add_issuer(&below).unwrap().standing.is_down());
}

#[test]
fn s50_all_that_a_revoked_ca_issued_is_invalid_at_any_depth() {
    let chain = Chain::new();
    let authority = chain.at(NOW);
    authority.revoke(&Revoke::new(target(chain.lowest.id(), "0a"))).unwrap();
    register(&authority, &chain.lowest.issue("0b"));
    let answer = authority
        .revoke_ca(&RevokeCa::new(chain.intermediate.id()).with_reason(Reason::CaCompromise))
        .unwrap();
    assert_eq!(answer.invalidated, [chain.lowest.id()]);

    for (ca, serial) in [(&chain.intermediate, "0a"), (&chain.lowest, "0b")] {
        let CertificateStatus::Invalidated(by) = effective(&authority, ca.id(), serial) else {
            panic!("not invalidated")
        };
        assert_eq!((by.by, by.at), (chain.intermediate.id(), at(NOW)));
        assert_eq!((by.path[0], by.reason), (ca.id(), Some(Reason::CaCompromise)));
    }
    assert_eq!(effective(&authority, chain.root.id(), "0a"), CertificateStatus::Good);
    // Those who check only the leaf see it on the CRLs.
    assert_eq!(listed(&authority, &chain.root), serials(["1001"]));
    assert_eq!(listed(&authority, &chain.intermediate), serials(["0a", "1002"]));
    assert_eq!(listed(&authority, &chain.lowest), serials(["0a", "0b"]));
}

#[test]
fn s51_only_a_ca_in_issue_can_be_revoked() {
    let chain = Chain::new();
    let authority = chain.at(NOW);
    for ca in [&chain.intermediate, &chain.root] {
        let issuer = ca.id();
        let fall = authority.revoke_ca(&RevokeCa::new(issuer)).unwrap().fall;
        let again = refusal(chain.at("2026-06-02T00:00:00Z").revoke_ca(&RevokeCa::new(issuer)));
        assert_eq!(again, Refusal::AlreadyFallen { issuer, fall });
    }
    let never_added = RevokeCa::new(Ca::new("other").id());
    assert!(matches!(refusal(authority.revoke_ca(&never_added)), Refusal::UnknownIssuer { .. }));
    let expired = Chain::new();
    let late = expired.at("2027-01-01T00:00:00Z");
    for ca in expired.cas() {
        let answer = refusal(late.revoke_ca(&RevokeCa::new(ca.id())));
        assert!(matches!(answer, Refusal::Expired { .. }), "{answer}");
    }
}

#[test]
fn s52_a_root_comes_before_what_is_below_it() {
    let (store, root, below) = (MemoryStore::new(), Ca::new("root"), Ca::new("below"));
    let authority = authority(&store, NOW);
    let add_below = AddIssuer::new(root.certify(&below, "1001"));
    assert!(matches!(authority.add_issuer(&add_below), Err(Error::NoParent)));
    assert!(authority.issuers().unwrap().is_empty());
    add(&authority, &root.root());
    assert_eq!(authority.add_issuer(&add_below).unwrap().standing, Standing::Stands);
}

#[test]
fn e40_a_revoked_ca_goes_on_signing_crls() {
    let chain = Chain::new();
    chain.at(NOW).revoke_ca(&RevokeCa::new(chain.intermediate.id())).unwrap();
    for now in ["2026-06-01T12:00:00Z", "2026-06-08T12:00:00Z", "2026-12-30T12:00:00Z"] {
        let authority = chain.at(now);
        for (ca, serials) in [
            (&chain.root, vec!["1001"]),
            (&chain.intermediate, vec!["0a", "1002"]),
            (&chain.lowest, vec!["0a"]),
        ] {
            let expected: Vec<Serial> =
                serials.into_iter().map(|serial| serial.parse().unwrap()).collect();
            assert_eq!(listed(&authority, ca), expected);
        }
    }
}
