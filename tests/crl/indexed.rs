//! An index over a CRL answers as the CRL does when it is read from its beginning.

use crate::{reading::*, support::*};
use annul::{CertificateList, CrlEntry, CrlIndex, CrlReadError, Reason, SerialRef};
use proptest::{collection::vec, prelude::*, sample::select};
use std::collections::HashSet;

const KEY: [u8; 16] = [7; 16];

/// Compares an index with [`CertificateList::find`] by all serial numbers of a CRL and some more.
/// The answer is whether there is an index.
fn is_indexed(der: &[u8]) -> bool {
    let Ok(crl) = CertificateList::from_der(der) else { return false };
    let absent = SerialRef::from_octets(b"a serial number that stands nowhere").unwrap();
    let index = match CrlIndex::new(&crl, KEY) {
        Ok(index) => index,
        Err(_) => {
            // Names of issuers that are malformed are noticed only where `find` comes to need them.
            let mut entries = crl.entries().flatten();
            let has_names = entries.any(|entry| entry.certificate_issuer().is_some());
            assert!(crl.find(absent).is_err() || has_names);
            return false;
        }
    };
    assert!(crl.find(absent).unwrap().is_none() && index.find(absent).is_none());
    for entry in crl.entries().map(Result::unwrap) {
        let octets = entry.serial().as_octets();
        for octets in [octets, &[octets, &[0]].concat(), &[&[0], octets].concat(), &octets[1..]] {
            let Ok(serial) = SerialRef::from_octets(octets) else { continue };
            let read = crl.find(serial).unwrap();
            assert_eq!(format!("{:?}", index.find(serial)), format!("{read:?}"));
        }
    }
    true
}

/// Parts of entries, good and bad, which are put together at random.
fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let serial = prop_oneof![
        10 => vec(0..3u8, 1..3),
        10 => vec(any::<u8>(), 1..30),
        1 => vec(any::<u8>(), 120..140),
    ];
    let date = prop_oneof![
        50 => Just(DATE.to_vec()),
        5 => Just(b"\x18\x0f20500101000000Z".to_vec()),
        1 => select(vec![&b"\x17\x0d260229000000Z"[..], b"\x17\x0b2602280000Z", b""])
            .prop_map(<[u8]>::to_vec),
    ];
    let one = |name: &[u8]| tlv(0x30, &[&tlv(0xa4, &[name])]);
    let other = one(b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02XY");
    let extensions = prop_oneof![
        30 => Just(Vec::new()),
        30 => (0..10u8).prop_map(|reason| extension(0x15, b"", &[0x0a, 1, reason])),
        5 => Just(extension(0x15, CRITICAL, &[0x0a, 1, 1])),
        5 => Just(extension(0x18, b"", b"\x18\x0f20260101000000Z")),
        5 => Just(extension(0x1d, CRITICAL, &other)),
        5 => Just(extension(0x1d, CRITICAL, &one(NAME))),
        5 => Just(extension(0x63, b"", b"\x05\x00")),
        1 => select(vec![
            extension(0x63, CRITICAL, b"\x05\x00"),
            extension(0x15, b"", &[0x0a, 1, 0x80]),
            extension(0x1d, CRITICAL, b"\x30\x01\xa4"),
        ]),
    ];
    (serial, date, extensions).prop_map(|(serial, date, extensions)| {
        let list = match &extensions[..] {
            [] => Vec::new(),
            some => tlv(0x30, &[some]),
        };
        tlv(0x30, &[&tlv(2, &[&serial]), &date, &list])
    })
}

fn crl(entries: &[Vec<u8>], is_indirect: bool) -> Vec<u8> {
    let point: &[u8] = if is_indirect { b"\x30\x03\x84\x01\xff" } else { b"\x30\x00" };
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    direct_crl(&entries, &[&extension(0x1c, CRITICAL, point)])
}

proptest! {
    #[test]
    fn an_index_answers_as_the_crl_does(
        entries in vec(any_entry(), 0..40),
        is_indirect in prop::bool::weighted(0.8),
    ) {
        is_indexed(&crl(&entries, is_indirect));
    }
}

#[test]
fn foreign_serial_numbers_are_found_as_they_stand_the_first_of_several() {
    let octets: [&[u8]; 8] =
        [&[0], &[0xff], &[0, 1], &[1], &[0; 200], &[1; 21], &[0x80; 127], &[1]];
    let entry = |(reason, octets): (u8, &&[u8])| {
        let reason = tlv(0x30, &[&extension(0x15, b"", &[0x0a, 1, reason])]);
        tlv(0x30, &[&tlv(2, &[octets]), DATE, &reason])
    };
    let der = crl(&(0..).zip(&octets).map(entry).collect::<Vec<_>>(), false);
    assert!(is_indexed(&der));
    let crl = CertificateList::from_der(&der).unwrap();
    let index = CrlIndex::new(&crl, KEY).unwrap();
    for (code, octets) in (0..7).zip(octets) {
        let found = index.find(SerialRef::from_octets(octets).unwrap()).unwrap();
        assert_eq!(found.reason().unwrap().code(), code);
    }
}

#[test]
fn e35_an_indirect_crl_is_indexed_for_its_own_issuer() {
    let der = indirect_crl();
    assert!(is_indexed(&der));
    let crl = CertificateList::from_der(&der).unwrap();
    let index = CrlIndex::new(&crl, KEY).unwrap();
    let found = [1, 2, 3, 4].map(|n| index.find(SerialRef::from_octets(&[n]).unwrap()));
    assert_eq!(found.map(|entry| entry.is_some()), [true, false, false, true]);
    assert!(found[3].unwrap().certificate_issuer().is_some());
}

#[test]
fn what_spoils_the_last_entry_spoils_the_index() {
    let good = || tlv(0x30, &[&[2, 1, 7], DATE]);
    let with = |list: &[u8]| tlv(0x30, &[&[2, 1, 8], DATE, &tlv(0x30, &[list])]);
    let unknown = with(&extension(0x63, CRITICAL, b"\x05\x00"));
    let last = [
        with(&extension(0x15, b"", &[0x0a, 1, 0x80])),
        with(&extension(0x1d, CRITICAL, b"\x30\x01\xa4")),
        tlv(0x30, &[&[2, 1, 8], b"\x17\x0d260229000000Z"]),
        tlv(0x30, &[&[2, 1, 8], DATE, &[0x30, 0x0c]]),
        tlv(0x30, &[&[2, 0], DATE]),
        vec![0x30, 0x12, 2, 1, 8],
        vec![0x30],
    ];
    assert!(is_indexed(&crl(&[good()], true)));
    for last in last {
        let der = crl(&[good(), last], true);
        let crl = CertificateList::from_der(&der).unwrap();
        assert!(crl.find(SerialRef::from_octets(&[7]).unwrap()).unwrap().is_some());
        assert!(matches!(CrlIndex::new(&crl, KEY), Err(CrlReadError::Malformed(_))));
    }
    let der = crl(&[good(), unknown], true);
    let crl = CertificateList::from_der(&der).unwrap();
    let error = CrlIndex::new(&crl, KEY).unwrap_err();
    assert!(matches!(error, CrlReadError::UnknownCriticalExtension { oid } if oid == "2.5.29.99"));
}

#[test]
fn a_crl_with_an_unknown_critical_extension_has_no_index() {
    let der = direct_crl(&[], &[&extension(0x63, CRITICAL, b"\x05\x00")]);
    let crl = CertificateList::from_der(&der).unwrap();
    let error = CrlIndex::new(&crl, KEY).unwrap_err();
    assert!(matches!(error, CrlReadError::UnknownCriticalExtension { .. }));
}

#[test]
fn cut_or_changed_octets_are_indexed_only_where_they_are_read() {
    let reason = Some(Reason::KeyCompromise);
    let invalidity_date = Some(at("2026-01-01T00:00:00Z"));
    let entries = [
        entry(serial(1, 16)),
        CrlEntry { reason, ..entry(serial(2, 20)) },
        CrlEntry { reason, invalidity_date, ..entry(serial(3, 20)) },
    ];
    for der in [make(tbs(), &entries).unwrap(), indirect_crl()] {
        assert!(is_indexed(&der));
        (0..der.len()).for_each(|length| assert!(!is_indexed(&der[..length])));
        for octet in 0..der.len() {
            for value in 0..=u8::MAX {
                let mut changed = der.clone();
                changed[octet] = value;
                is_indexed(&changed);
            }
        }
    }
}

#[test]
fn every_entry_of_a_large_crl_is_found_and_nothing_else() {
    for (count, length) in [(1_000, 4), (100_000, 16), (100_000, 20)] {
        let der = make(tbs(), &entries_of(count, length)).unwrap();
        let crl = CertificateList::from_der(&der).unwrap();
        let index = CrlIndex::new(&crl, KEY).unwrap();
        let find = |n| index.find(serial(n, length).as_ref()).map(|entry| entry.serial());
        let mut found = HashSet::new();
        for n in 0..count {
            assert_eq!(find(n), Some(serial(n, length).as_ref()));
            found.insert(serial(n, length));
            assert_eq!(find(count + n), None);
        }
        assert_eq!(found.len(), count);
    }
}

fn entries_of(count: usize, length: usize) -> Vec<CrlEntry> {
    (0..count).map(|n| entry(serial(n, length))).collect()
}
