//! What stays on released CRLs, and when it may leave.

use super::{
    issue, later, listed, place, release, revocation, revoke, root, serials, shown, week,
    with_leaves,
};
use crate::toy::{day, in_memory, serial};
use annul::{
    Authority, CertificateList, Compact, CrlRequest, Issue, IssuerId, MemorySink, MemoryStore,
    Registration, Scope, SignatureAlgorithm, Signer, SigningError, Timestamp, ToSign,
};
use std::{sync::LazyLock, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

/// The notAfter of certificate 1.
fn not_after() -> Timestamp {
    day(10)
}

/// The last CRL that went out.
fn list(sink: &MemorySink) -> Vec<u8> {
    shown(sink, &place())
}

/// The date from which a CRL keeps what expires.
fn since(der: &[u8]) -> Option<Timestamp> {
    CertificateList::from_der(der).unwrap().expired_certificates_since()
}

fn with_one_leaf(authority: &Authority<MemoryStore>) -> IssuerId {
    let issuer = with_leaves(authority, 0);
    let leaf = root().leaf(1).valid(-1, 10).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    issuer
}

/// RFC 5280 §3.3: it may leave after one CRL that was issued past its notAfter.
#[test]
fn e36_to_the_second_an_entry_stays_for_one_crl_past_expiry() {
    for (issued, stays) in [
        (not_after().saturating_sub(SECOND), true),
        (not_after(), true),
        (later(not_after(), SECOND), false),
    ] {
        let (authority, clock) = in_memory();
        with_one_leaf(&authority);
        revoke(&authority, 1);
        let sink = MemorySink::new("sink");
        // Those that came before change nothing.
        for at in [day(0), day(5), issued] {
            clock.set(at);
            release(&authority, &sink);
            assert_eq!(listed(&list(&sink)), serials([1]), "{at}");
        }
        clock.set(day(12));
        release(&authority, &sink);
        assert_eq!(!listed(&list(&sink)).is_empty(), stays, "{issued}");
        release(&authority, &sink);
        assert!(listed(&list(&sink)).is_empty(), "{issued}");
    }
}

#[test]
fn e36_what_is_revoked_and_expires_between_two_crls_is_on_the_next() {
    let (authority, clock) = in_memory();
    with_one_leaf(&authority);
    let sink = MemorySink::new("sink");
    clock.set(day(9));
    release(&authority, &sink);
    clock.set(not_after());
    authority.revoke(&revocation(1)).unwrap();
    clock.set(day(11));
    // A CRL that nobody was shown is none, nor is a delta CRL.
    authority.crl(root().id(), &week(), &root(), &mut Vec::new()).unwrap();
    issue(&authority, &Issue::new(week().delta()), &[&sink]).unwrap();
    for expected in [vec![1], vec![]] {
        clock.set(day(12));
        release(&authority, &sink);
        assert_eq!(listed(&list(&sink)), serials(expected));
    }
}

#[test]
fn e23_nothing_leaves_once_a_crl_said_that_what_expires_stays() {
    let (authority, clock) = in_memory();
    with_one_leaf(&authority);
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    let keeping = Issue::new(week().keeping_expired());
    issue(&authority, &keeping, &[&sink]).unwrap();
    // Since the record of the CA began.
    assert_eq!(since(&list(&sink)), Some(day(0)));
    for on in [11, 12, 100, 200] {
        clock.set(day(on));
        // Whether or not it is said again.
        release(&authority, &sink);
        let der = list(&sink);
        assert_eq!((listed(&der), since(&der)), (serials([1]), Some(day(0))));
        let compact = Compact::new(root().id());
        let compact = compact.with_released(CertificateList::from_der(&der).unwrap());
        assert_eq!(authority.compact(&compact).unwrap().entries, 0);
    }
    assert!(authority.publication(root().id(), serial(1)).unwrap().unwrap().is_complete());
}

/// A key that is slow: before it signs, what a CRL lists leaves the record.
struct Slow<'a>(&'a Authority<MemoryStore>, Vec<u8>);

impl Signer for Slow<'_> {
    fn algorithm(&self) -> SignatureAlgorithm {
        root().algorithm()
    }

    fn public_key(&self) -> &[u8] {
        static PUBLIC_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| root().public_key().to_vec());
        &PUBLIC_KEY
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        let compact = Compact::new(root().id());
        let compact = compact.with_released(CertificateList::from_der(&self.1).unwrap());
        assert_eq!(self.0.compact(&compact).unwrap().entries, 1);
        root().sign(to_sign)
    }
}

#[test]
fn e23_what_leaves_while_a_crl_is_signed_is_before_the_date_of_the_next() {
    let (authority, clock) = in_memory();
    let issuer = with_one_leaf(&authority);
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    clock.set(day(11));
    release(&authority, &sink);
    let slow = Slow(&authority, list(&sink));
    clock.set(day(12));
    let keeping = Issue::new(week().keeping_expired());
    authority.issue(issuer, &keeping, &slow, &[&sink]).unwrap();
    assert_eq!((listed(&list(&sink)), since(&list(&sink))), (serials([1]), Some(day(0))));
    release(&authority, &sink);
    assert_eq!((listed(&list(&sink)), since(&list(&sink))), (serials([]), Some(day(12))));
}

#[test]
fn e23_what_left_before_is_before_the_date_that_is_said() {
    let (authority, clock) = in_memory();
    with_one_leaf(&authority);
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    clock.set(day(11));
    release(&authority, &sink);
    clock.set(day(12));
    let der = list(&sink);
    let compact = Compact::new(root().id());
    let compact = compact.with_released(CertificateList::from_der(&der).unwrap());
    assert_eq!(authority.compact(&compact).unwrap().entries, 1);
    clock.set(day(13));
    issue(&authority, &Issue::new(week().keeping_expired()), &[&sink]).unwrap();
    assert_eq!((listed(&list(&sink)), since(&list(&sink))), (serials([]), Some(day(12))));
}

#[test]
fn e24_e25_a_full_crl_says_no_more_than_it_is_told_to() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 1);
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    let said = |request: CrlRequest| {
        issue(&authority, &Issue::new(request), &[&sink]).unwrap();
        let der = list(&sink);
        let crl = CertificateList::from_der(&der).unwrap();
        let oids = crl.extensions().iter().map(|it| (it.oid.to_string(), it.critical));
        let uris: Vec<String> = crl.ca_issuers().iter().map(ToString::to_string).collect();
        (oids.collect::<Vec<_>>(), uris)
    };
    let two = [("2.5.29.35", false), ("2.5.29.20", false)];
    let two = two.map(|(oid, critical)| (oid.to_owned(), critical));
    assert_eq!(said(week()), (two.to_vec(), vec![]));
    let uri = "http://ca.example/root.crt";
    let access = ("1.3.6.1.5.5.7.1.1".to_owned(), false);
    let three = [&two[..], &[access]].concat();
    assert_eq!(said(week().with_ca_issuers(uri)), (three, vec![uri.to_owned()]));
    // It is a matter of each CRL.
    assert_eq!(said(week()), (two.to_vec(), vec![]));
    assert_eq!(authority.releases(root().id(), Scope::Full, 9).unwrap().len(), 3);
}
