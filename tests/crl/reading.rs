//! CRLs that others made, and octets that nobody made.

use crate::support::*;
use annul::{CertificateList, CrlEntry, CrlNumber, CrlReadError, Reason, ReasonCode, SerialRef};
use std::{fs, path::Path};

const ALGORITHM: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
pub const DATE: &[u8] = b"\x17\x0d260101000000Z";

fn crl_of(tbs_fields: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, tbs_fields), ALGORITHM, b"\x03\x02\x00\x55"])
}

pub fn extension(arc: u8, critical: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&[0x06, 3, 0x55, 0x1d, arc], critical, &tlv(0x04, &[value])])
}

pub const CRITICAL: &[u8] = &[1, 1, 0xff];

pub fn indirect_crl() -> Vec<u8> {
    let other =
        tlv(0x30, &[&tlv(0xa4, &[b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02XY"])]);
    let own = tlv(0x30, &[&tlv(0xa4, &[NAME])]);
    let revoked = |serial: u8, extensions: &[&[u8]]| {
        let extensions = match extensions {
            [] => Vec::new(),
            some => tlv(0x30, some),
        };
        tlv(0x30, &[&[0x02, 1, serial], DATE, &extensions])
    };
    let list = tlv(
        0x30,
        &[
            &revoked(1, &[]),
            &revoked(2, &[&extension(0x1d, CRITICAL, &other)]),
            &revoked(3, &[&extension(0x15, b"", &[0x0a, 1, 6])]),
            &revoked(4, &[&extension(0x1d, CRITICAL, &own), &extension(0x63, b"", b"\x05\x00")]),
        ],
    );
    let point = extension(0x1c, CRITICAL, b"\x30\x03\x84\x01\xff");
    let extensions =
        tlv(0xa0, &[&tlv(0x30, &[&point, &extension(0x1b, CRITICAL, b"\x02\x01\x05")])]);
    crl_of(&[b"\x02\x01\x01", ALGORITHM, NAME, DATE, &list, &extensions])
}

/// A direct CRL of version 2 with these entries and extensions.
pub fn direct_crl(entries: &[&[u8]], extensions: &[&[u8]]) -> Vec<u8> {
    let extensions = tlv(0xa0, &[&tlv(0x30, extensions)]);
    crl_of(&[b"\x02\x01\x01", ALGORITHM, NAME, DATE, DATE, &tlv(0x30, entries), &extensions])
}

fn find(crl: &CertificateList<'_>, serial: u8) -> Result<bool, CrlReadError> {
    crl.find(SerialRef::from_octets(&[serial]).unwrap()).map(|entry| entry.is_some())
}

#[test]
fn only_a_crl_about_everything_is_full() {
    let number = extension(0x14, b"", b"\x02\x01\x05");
    let delta = extension(0x1b, CRITICAL, b"\x02\x01\x05");
    let point = extension(0x1c, CRITICAL, b"\x30\x03\x81\x01\xff");
    for (extension, is_full) in [(number, true), (delta, false), (point, false)] {
        let der = direct_crl(&[], &[&extension]);
        assert_eq!(CertificateList::from_der(&der).unwrap().is_full(), is_full);
    }
}

#[test]
fn e35_an_entry_of_another_issuer_in_a_direct_crl_is_malformed() {
    let names = tlv(0x30, &[&tlv(0xa4, &[NAME])]);
    let extensions = tlv(0x30, &[&extension(0x1d, CRITICAL, &names)]);
    let der = direct_crl(&[&tlv(0x30, &[&[2, 1, 7], DATE, &extensions])], &[]);
    let crl = CertificateList::from_der(&der).unwrap();
    assert!(matches!(find(&crl, 7), Err(CrlReadError::Malformed(_))));
    assert!(matches!(find(&crl, 8), Err(CrlReadError::Malformed(_))));
}

#[test]
fn a_number_or_a_date_that_breaks_the_rules_is_passed_over_unless_critical() {
    for octets in [&[0xff][..], &[1; 21], &[0, 1]] {
        let number = |critical| extension(0x14, critical, &tlv(0x02, &[octets]));
        let der = direct_crl(&[], &[&number(b"")]);
        let crl = CertificateList::from_der(&der).unwrap();
        assert_eq!((crl.number(), crl.extensions().len()), (None, 1));
        assert!(CertificateList::from_der(&direct_crl(&[], &[&number(CRITICAL)])).is_err());
    }
    let revoked = |critical| {
        let date = extension(0x18, critical, b"\x18\x1120260101000000.5Z");
        direct_crl(&[&tlv(0x30, &[&[2, 1, 7], DATE, &tlv(0x30, &[&date])])], &[])
    };
    let der = revoked(b"");
    let crl = CertificateList::from_der(&der).unwrap();
    assert_eq!(crl.entries().next().unwrap().unwrap().invalidity_date(), None);
    assert!(find(&crl, 7).unwrap());
    assert!(find(&CertificateList::from_der(&revoked(CRITICAL)).unwrap(), 7).is_err());
}

#[test]
fn version_1_may_have_extensions() {
    let number = extension(0x14, b"", b"\x02\x01\x05");
    let der = crl_of(&[ALGORITHM, NAME, DATE, &tlv(0xa0, &[&tlv(0x30, &[&number])])]);
    let crl = CertificateList::from_der(&der).unwrap();
    assert_eq!((crl.version(), crl.number()), (1, Some(CrlNumber::from_u64(5))));
}

#[test]
fn version_1_without_next_update_is_read() {
    let list = tlv(0x30, &[&tlv(0x30, &[&[0x02, 1, 0xff], DATE])]);
    let der = crl_of(&[ALGORITHM, NAME, DATE, &list]);
    let crl = CertificateList::from_der(&der).unwrap();
    assert_eq!((crl.version(), crl.next_update(), crl.number()), (1, None, None));
    let negative = SerialRef::from_octets(&[0xff]).unwrap();
    let entry = crl.find(negative).unwrap().unwrap();
    assert_eq!((entry.revocation_date(), entry.reason()), (at("2026-01-01T00:00:00Z"), None));
}

#[test]
fn e35_the_issuer_of_an_indirect_entry_holds_for_those_that_follow() {
    let der = indirect_crl();
    let crl = CertificateList::from_der(&der).unwrap();
    assert!(crl.issuing_distribution_point().unwrap().indirect_crl);
    assert_eq!(crl.base_number().unwrap().to_string(), "5");
    let found = [1, 2, 3, 4].map(|serial| find(&crl, serial).unwrap());
    assert_eq!(found, [true, false, false, true]);
    let entries: Vec<_> = crl.entries().map(Result::unwrap).collect();
    assert_eq!(entries[2].reason(), Some(ReasonCode::CertificateHold));
    assert_eq!(entries[2].certificate_issuer(), entries[1].certificate_issuer());
}

#[test]
fn unknown_critical_extensions_are_reported_and_nothing_is_found_past_them() {
    let unknown = extension(0x63, CRITICAL, b"\x05\x00");
    let list =
        [tlv(0x30, &[&[2, 1, 4], DATE]), tlv(0x30, &[&[2, 1, 5], DATE, &tlv(0x30, &[&unknown])])];
    let der = direct_crl(&[&list[0], &list[1]], &[&extension(0x14, b"", b"\x02\x01\x05")]);
    let crl = CertificateList::from_der(&der).unwrap();
    assert_eq!(crl.unknown_critical_extensions().count(), 0);
    let entry = crl.entries().last().unwrap().unwrap();
    let unknown: Vec<String> =
        entry.unknown_critical_extensions().map(|e| e.oid.to_string()).collect();
    assert_eq!(unknown, ["2.5.29.99"]);
    let unusable = |crl: &CertificateList<'_>, serial| {
        matches!(
            find(crl, serial),
            Err(CrlReadError::UnknownCriticalExtension { oid }) if oid.starts_with("2.5.29.")
        )
    };
    assert!(unusable(&crl, 5) && unusable(&crl, 6) && !unusable(&crl, 4));

    let extensions =
        |critical| tlv(0xa0, &[&tlv(0x30, &[&extension(0x2e, critical, b"\x05\x00")])]);
    for (critical, count) in [(CRITICAL, 1), (b"", 0), (&[1, 1, 0], 0)] {
        let der = crl_of(&[b"\x02\x01\x01", ALGORITHM, NAME, DATE, DATE, &extensions(critical)]);
        let crl = CertificateList::from_der(&der).unwrap();
        assert_eq!(crl.unknown_critical_extensions().count(), count);
        assert_eq!(unusable(&crl, 1), count > 0);
    }
}

#[test]
fn what_says_two_things_is_malformed() {
    let number = extension(0x14, b"", b"\x02\x01\x05");
    let twice = tlv(0xa0, &[&tlv(0x30, &[&number, &number])]);
    let der = crl_of(&[b"\x02\x01\x01", ALGORITHM, NAME, DATE, DATE, &twice]);
    let error = CertificateList::from_der(&der).unwrap_err();
    assert!(matches!(error, CrlReadError::Malformed(m) if m.problem.contains("twice")));

    let reason = extension(0x15, b"", &[0x0a, 1, 1]);
    let twice = tlv(0x30, &[&tlv(0x30, &[&[2, 1, 7], DATE, &tlv(0x30, &[&reason, &reason])])]);
    let der = crl_of(&[b"\x02\x01\x01", ALGORITHM, NAME, DATE, DATE, &twice]);
    let error = CertificateList::from_der(&der).unwrap().entries().next().unwrap().unwrap_err();
    assert!(error.problem.contains("twice"));
}

#[test]
fn pem_of_something_else_is_refused() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = CertificateList::pem_to_der(pem.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("CERTIFICATE"), "{error}");
    assert!(matches!(CertificateList::pem_to_der(b"no"), Err(CrlReadError::Pem(_))));
}

/// Reads all that there is to read. The answer is whether all of it could be.
fn read_all(der: &[u8]) -> bool {
    let Ok(crl) = CertificateList::from_der(der) else { return false };
    crl.extensions().iter().for_each(|extension| drop(extension.oid.to_string()));
    let _ = crl.find(SerialRef::from_octets(&[1]).unwrap());
    crl.entries().all(|entry| {
        entry.is_ok_and(|entry| {
            let _ = entry.unknown_critical_extensions().count();
            true
        })
    })
}

#[test]
fn cut_or_changed_octets_never_panic() {
    let reason = Some(Reason::KeyCompromise);
    let invalidity_date = Some(at("2026-01-01T00:00:00Z"));
    let full = CrlEntry { reason, invalidity_date, ..entry(serial(1, 20)) };
    for der in [make(tbs(), &[full]).unwrap(), indirect_crl()] {
        assert!(read_all(&der));
        for length in 0..der.len() {
            assert!(!read_all(&der[..length]), "{length}");
        }
        for octet in 0..der.len() {
            for value in 0..=u8::MAX {
                let mut changed = der.clone();
                changed[octet] = value;
                read_all(&changed);
            }
        }
    }
}

#[test]
fn every_crl_of_the_suites_is_read_or_refused() {
    let Some(suites) = std::env::var_os("ANNUL_SUITES") else {
        eprintln!("skipped: ANNUL_SUITES names no directory");
        return;
    };
    for suite in ["rustls_webpki", "zlint_crl", "pyca_crl", "openssl", "pkits", "rustcrypto"] {
        let (mut files, mut read) = (0, 0);
        for octets in crls_below(&Path::new(&suites).join(suite)) {
            files += 1;
            read += u32::from(read_all(&octets));
        }
        eprintln!("{suite}: {read} of {files} CRLs are read");
        assert!(2 * read >= files, "{suite}");
    }
}

/// All CRLs in the files below a directory: PEM by its label, DER by the name of the file.
fn crls_below(directory: &Path) -> Vec<Vec<u8>> {
    let mut crls = Vec::new();
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            crls.append(&mut crls_below(&path));
            continue;
        }
        let octets = fs::read(&path).unwrap();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let named = name.starts_with("crl") || name.ends_with(".crl");
        if octets.windows(14).any(|text| text == b"BEGIN X509 CRL") {
            crls.push(CertificateList::pem_to_der(&octets).unwrap_or_default());
        } else if named {
            crls.push(octets);
        }
    }
    crls
}
