//! What hangs on the profile as a whole: rustls-webpki, archives, and what all agree on.

use crate::{build::*, *};
use annul::CertificateList;
use webpki::{BorrowedCertRevocationList, OwnedCertRevocationList};

const URI: &str = "http://crl.example/1.crl";

/// Whether rustls-webpki reads it, in both of its ways.
fn is_read(crl: &Crl) -> bool {
    let der = crl.der();
    let owned = OwnedCertRevocationList::from_der(&der).is_ok();
    let borrowed = BorrowedCertRevocationList::from_der(&der);
    let found = borrowed
        .is_ok_and(|read| webpki::CertRevocationList::from(read).find_serial(&[0x55]).is_ok());
    assert_eq!(owned, found);
    owned
}

#[test]
fn e18_what_webpki_refuses_is_an_error() {
    let name = tlv(0xa0, &[&full_name(&[URI])]);
    let user = &[0x81, 1, 0xff][..];
    assert!(is_read(&Crl::default()));
    let named = Crl::with(scope(&[&name, user]));
    assert_eq!(found(&named, WEBPKI), []);
    assert!(is_read(&named));

    let relative = tlv(0xa0, &[&tlv(0xa1, &[b"\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA"])]);
    let old = |date| entry_of(&[1], date, b"");
    let invalid = extension(24, b"", &time("19691231235959Z"));
    for crl in [
        Crl::with(scope(&[user])),
        Crl::with(scope(&[&relative])),
        Crl::with(scope(&[&name, b"\x83\x02\x05\x60"])),
        Crl::with(scope(&[&name, b"\x84\x01\xff"])),
        Crl::with(extension(27, TRUE, &[2, 1, 6])),
        Crl::listing(&[old("691231235959Z")]),
        Crl::listing(&[entry(&[1], &[invalid])]),
        Crl { this_update: time("691231235959Z"), ..Crl { revoked: vec![], ..Crl::default() } },
    ] {
        assert_eq!(found(&crl, PRIVATE), []);
        assert_eq!(found(&crl, WEBPKI), [(ERROR, "E18")]);
        assert!(!is_read(&crl));
    }
    let early = Crl {
        this_update: time("690101000000Z"),
        next_update: time("691231235959Z"),
        revoked: Vec::new(),
        ..Crl::default()
    };
    assert_eq!(found(&early, WEBPKI), [(ERROR, "E18"); 2]);
    assert_eq!(found(&Crl::listing(&[old("700101000000Z")]), WEBPKI), []);
    assert!(is_read(&Crl::listing(&[old("700101000000Z")])));
}

/// Whatever octet of a CRL is changed: if nothing is found, rustls-webpki reads it.
#[test]
fn e18_what_is_clean_is_read_by_webpki() {
    let name = tlv(0xa0, &[&full_name(&[URI])]);
    let invalid = extension(24, b"", &time("20261101000000Z"));
    let extensions = Crl::with(scope(&[&name])).extensions;
    let revoked = Crl::listing(&[entry(&[1], &[reason(1), invalid]), entry(&[2], &[])]).revoked;
    let crl = Crl { extensions, revoked, ..Crl::default() };
    let (tbs, end) = (crl.tbs(), [&crl.algorithm[..], b"\x03\x02\x00\x55"].concat());
    let mut clean = 0;
    for octet in 0..tbs.len() {
        for value in 0..=u8::MAX {
            let mut changed = tbs.clone();
            changed[octet] = value;
            let findings = lint(&changed, WEBPKI, &LintContext::at(at(NOW)));
            // The other algorithm is not changed with it.
            let der = tlv(0x30, &[&changed, &end]);
            let same = changed.windows(12).any(|octets| octets == crl.algorithm);
            if same && findings.iter().all(|finding| finding.severity != ERROR) {
                clean += 1;
                assert!(OwnedCertRevocationList::from_der(&der).is_ok(), "{octet} {value:02x}");
            }
        }
    }
    assert!(clean > 1000, "{clean}");
}

#[test]
fn e43_the_last_crl_says_that_it_is_and_keeps_everything() {
    let since = extension(60, b"", &time("20200101000000Z"));
    let last = Crl { next_update: time("99991231235959Z"), ..Crl::with(since.clone()) };
    let context = LintContext::at(at(NOW)).with_last();
    for profile in [PRIVATE, WEBPKI, ARCHIVE] {
        assert_eq!(found_with(&last, profile, &context), []);
    }
    // Only the last one may say so, and the last one must.
    assert_eq!(found(&last, PRIVATE), [(WARNING, "E43")]);
    assert_eq!(found(&last, ARCHIVE), [(ERROR, "E43")]);
    let ends = Crl::with(since.clone());
    assert_eq!(found_with(&ends, PRIVATE, &context), [(WARNING, "E43")]);
    assert_eq!(found_with(&ends, ARCHIVE, &context), [(ERROR, "E43")]);
    let forgets = Crl { next_update: time("99991231235959Z"), ..Crl::default() };
    assert_eq!(found_with(&forgets, PRIVATE, &context), [(WARNING, "E43")]);
    assert_eq!(found_with(&forgets, ARCHIVE, &context), [(ERROR, "E23")]);
    let mut delta = last.clone();
    delta.extensions.push(extension(27, TRUE, &[2, 1, 6]));
    assert_eq!(found_with(&delta, ARCHIVE, &context), [(ERROR, "E43")]);
    // In public there is none.
    let public = Crl { extensions: Crl::default().extensions, ..last };
    assert_eq!(found_with(&public, CA, &context), [(ERROR, "E37")]);
}

/// Reads all of it, with what is in the entries.
fn is_read_here(der: &[u8]) -> bool {
    CertificateList::from_der(der).is_ok_and(|crl| crl.entries().all(|entry| entry.is_ok()))
}

#[test]
fn what_has_no_error_can_be_read_and_nothing_panics() {
    let name = tlv(0xa0, &[&full_name(&[URI])]);
    let invalid = extension(24, b"", &time("20261101000000Z"));
    let extensions = Crl::with(scope(&[&name])).extensions;
    let revoked = Crl::listing(&[entry(&[1], &[reason(1), invalid]), entry(&[2], &[])]).revoked;
    let der = Crl { extensions, revoked, ..Crl::default() }.der();
    let context = LintContext::at(at(NOW)).with_last();
    let check = |der: &[u8]| {
        for profile in LintProfile::ALL {
            let findings = lint_der(der, profile, &context);
            let is_clean = findings.iter().all(|finding| finding.severity != ERROR);
            assert!(!is_clean || is_read_here(der), "{der:02x?}");
        }
    };
    for length in 0..der.len() {
        check(&der[..length]);
    }
    for octet in 0..der.len() {
        for value in 0..=u8::MAX {
            let mut changed = der.clone();
            changed[octet] = value;
            check(&changed);
        }
    }
}
