//! A CRL next to its issuer; and CRLs of this crate, which are clean.

#[path = "../support/ca.rs"]
mod ca;

use crate::{build::*, *};
use annul::{
    CaCertificate, CrlEntry, CrlNumber, Issuer, Reason, Serial, SignatureAlgorithm, TbsCertList,
    Timestamp,
};
use ca::{Ca, Template};

fn issuer(certificate: CaCertificate) -> Issuer {
    Issuer::new(certificate)
}

/// A CRL of this CA.
fn crl_of(ca: &Ca, key_identifier: &[u8]) -> Crl {
    let key = extension(35, b"", &tlv(0x30, &[&tlv(0x80, &[key_identifier])]));
    Crl { issuer: ca.name.clone(), extensions: vec![key, crl_number(&[7])], ..Crl::default() }
}

fn found_by(issuer: &Issuer, crl: &Crl) -> Vec<Brief> {
    found_with(crl, PRIVATE, &LintContext::at(at(NOW)).with_issuer(issuer))
}

#[test]
fn e5_the_issuer_is_the_subject_octet_for_octet() {
    let ca = Ca::new("CA");
    let crl = crl_of(&ca, ca.key_identifier());
    assert_eq!(found_by(&issuer(ca.root()), &crl), []);
    // The same name, as a PrintableString.
    let mut printable = ca.name.clone();
    let tag = printable.len() - 4;
    assert_eq!(printable[tag], 0x0c);
    printable[tag] = 0x13;
    assert_eq!(found_by(&issuer(ca.root()), &Crl { issuer: printable, ..crl }), [(ERROR, "E5")]);
}

#[test]
fn e11_the_issuer_may_sign_crls() {
    let ca = Ca::new("CA");
    let crl = crl_of(&ca, ca.key_identifier());
    let mut template = ca.template("01");
    template.extensions[1] = ca::key_usage(ca::KEY_CERT_SIGN);
    let mut issuer = issuer(ca.sign_ca(&template));
    assert_eq!(found_by(&issuer, &crl), [(ERROR, "E11")]);
    issuer.add(ca.certify(&ca, "02")).unwrap();
    assert_eq!(found_by(&issuer, &crl), []);
}

#[test]
fn e12_the_key_identifier_is_that_of_the_issuer() {
    let ca = Ca::new("CA");
    assert_eq!(found_by(&issuer(ca.root()), &crl_of(&ca, &[1])), [(ERROR, "E12")]);
    let mut template = ca.template("01");
    template.extensions.truncate(2);
    let without = issuer(ca.sign_ca(&template));
    assert_eq!(found_by(&without, &crl_of(&ca, &[1])), [(WARNING, "E12")]);
    assert_eq!(found_by(&without, &crl_of(&ca, &without.derived_key_identifier())), []);
}

#[test]
fn e42_next_update_is_not_past_the_end_of_the_issuer() {
    let ca = Ca::new("CA");
    let until =
        |not_after| issuer(ca.sign_ca(&Template { not_after: at(not_after), ..ca.template("01") }));
    let crl = crl_of(&ca, ca.key_identifier());
    assert_eq!(found_by(&until("2026-11-28T00:00:00Z"), &crl), []);
    for not_after in ["2026-11-27T23:59:59Z", "2026-11-20T23:59:59Z"] {
        assert_eq!(found_by(&until(not_after), &crl), [(ERROR, "E42")]);
    }
    // The last one is there for those who look back.
    let since = extension(60, b"", &time("20200101000000Z"));
    let extensions = [crl.extensions.clone(), vec![since]].concat();
    let last = Crl { next_update: time("99991231235959Z"), extensions, ..crl };
    let ended = until("2026-11-20T23:59:59Z");
    let context = LintContext::at(at(NOW)).with_issuer(&ended).with_last();
    assert_eq!(found_with(&last, PRIVATE, &context), []);
}

#[test]
fn e23_what_expired_before_may_have_left_the_list() {
    let ca = Ca::new("CA");
    let (root, crl) = (issuer(ca.root()), crl_of(&ca, ca.key_identifier()));
    let found = |since| {
        let since = extension(60, b"", &time(since));
        let extensions = [crl.extensions.clone(), vec![since]].concat();
        let context = LintContext::at(at(NOW)).with_issuer(&root);
        found_with(&Crl { extensions, ..crl.clone() }, ARCHIVE, &context)
    };
    assert_eq!(found("20260101000000Z"), []);
    assert_eq!(found("20260101000001Z"), [(NOTICE, "E23")]);
}

#[test]
fn what_this_crate_makes_is_clean() {
    let ca = Ca::new("CA");
    let root = issuer(ca.root());
    let entry = |(n, reason): (u8, Option<Reason>)| CrlEntry {
        serial: Serial::from_octets(&[n + 1]).unwrap(),
        revocation_date: at("2026-11-20T12:30:00Z"),
        reason,
        invalidity_date: None,
    };
    let stated = Reason::ALL.into_iter().filter(|reason| *reason != Reason::Unspecified);
    let all: Vec<_> = (0..).zip(stated.map(Some).chain([None])).map(entry).collect();
    let public = |reason| matches!(reason, Some(Reason::KeyCompromise | Reason::Superseded));
    let some: Vec<_> = all.iter().copied().filter(|entry| public(entry.reason)).collect();
    let (from, to) = (at("2026-11-21T00:00:00Z"), at("2026-11-28T00:00:00Z"));
    let number = CrlNumber::from_u64(u64::MAX);
    let tbs = TbsCertList::new(&ca.name, ca.key_identifier(), number, from, to).unwrap();
    let context = LintContext::at(from)
        .with_issuer(&root)
        .with_scope(annul::Scope::Full)
        .with_backdating(std::time::Duration::ZERO);
    let algorithm = SignatureAlgorithm::EcdsaWithSha256;
    let prepared = |tbs: TbsCertList<'_>, entries: &Vec<CrlEntry>| {
        tbs.prepare(entries, root.public_key(), algorithm, Vec::new()).unwrap()
    };
    for entries in [Vec::new(), some] {
        for profile in [PRIVATE, SUBSCRIBER, CA, WEBPKI] {
            assert_eq!(lint(prepared(tbs, &entries).tbs(), profile, &context), []);
        }
    }
    for profile in [PRIVATE, WEBPKI] {
        assert_eq!(lint(prepared(tbs, &all).tbs(), profile, &context), []);
    }
    // The dates on both sides of 2050.
    let (from, to) = (at("2049-12-31T23:59:59Z"), at("2050-01-01T00:00:00Z"));
    for (from, to) in [(from, to), (to, Timestamp::MAX.saturating_sub(ONE_SECOND))] {
        let tbs = TbsCertList::new(&ca.name, ca.key_identifier(), number, from, to).unwrap();
        let dated: Vec<_> =
            all.iter().map(|entry| CrlEntry { revocation_date: from, ..*entry }).collect();
        assert_eq!(lint(prepared(tbs, &dated).tbs(), PRIVATE, &LintContext::at(from)), []);
    }
}

const ONE_SECOND: std::time::Duration = std::time::Duration::from_secs(1);
