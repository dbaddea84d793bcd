//! Entries after the sorted ones: imported serial numbers, and certificates off hold.

use crate::support::*;
use annul::{
    AppendedEntry, CertificateList, CrlError, CrlNumber, Reason, ReasonCode, Serial, SerialRef,
    TbsCertList, Timestamp,
};

fn date() -> Timestamp {
    at("2026-11-20T12:30:00Z")
}

/// Octets that no [`Serial`] has.
const ODD: [&[u8]; 6] = [
    &[0],
    &[0xff],
    &[0x80],
    &[0xff, 0x7f],
    &[0x11; 21],
    &[0, 0x80, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
];

fn legacy(octets: &[u8], reason: Option<ReasonCode>) -> AppendedEntry {
    AppendedEntry::legacy(SerialRef::from_octets(octets).unwrap(), date(), reason, None)
}

fn delta() -> TbsCertList<'static> {
    tbs().with_base(CrlNumber::from_u64(9)).unwrap()
}

/// Why the CRL is not made.
fn refused(tbs: TbsCertList<'_>, appendix: &[AppendedEntry]) -> &'static str {
    match make(tbs.with_appendix(appendix), &entries(3)).unwrap_err() {
        CrlError::Appended { serial, problem } => {
            assert!(appendix.iter().any(|entry| entry.serial().as_octets() == serial));
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn e26_imported_serial_numbers_stand_octet_for_octet_after_the_others() {
    let appendix = ODD.map(|octets| legacy(octets, None));
    for count in [0, 1, 500] {
        let entries = entries(count);
        let mut der = Vec::new();
        let tbs = tbs().with_appendix(&appendix);
        let signed = sign_into(tbs, &entries, 71, &mut der).unwrap();
        assert_eq!(signed.entries, count as u64 + 6);
        assert_eq!(signed.octets, der.len() as u64);
        let read = CertificateList::from_der(&der).unwrap();
        let serials: Vec<Vec<u8>> =
            read.entries().map(|entry| entry.unwrap().serial().as_octets().to_vec()).collect();
        let expected = entries.iter().map(|e| e.serial.as_octets().to_vec());
        assert!(serials.iter().cloned().eq(expected.chain(ODD.map(<[u8]>::to_vec))));
        let prepared = prepare(tbs, &entries);
        assert_eq!((prepared.tbs(), prepared.entries()), (read.tbs(), count as u64 + 6));
    }
}

#[test]
fn e26_octets_that_are_not_minimal_are_refused() {
    for octets in [&[0, 1][..], &[0, 0], &[0xff, 0xff], &[0xff, 0x80]] {
        assert!(refused(tbs(), &[legacy(octets, None)]).contains("minimal"), "{octets:02x?}");
    }
}

#[test]
fn e27_what_can_be_sorted_is_not_appended_and_nothing_is_there_twice() {
    assert!(refused(tbs(), &[legacy(&[1], None)]).contains("sorted"));
    assert!(
        refused(tbs(), &[legacy(&[0], None), legacy(&[0xff], None), legacy(&[0], None)])
            .contains("twice")
    );
    let serial = serial(1, 16);
    let removed = AppendedEntry::removed(serial, date());
    assert!(refused(delta(), &[removed.clone(), removed.clone()]).contains("twice"));
    let twice = [removed];
    let error = make(delta().with_appendix(&twice), &entries(3)).unwrap_err();
    assert!(matches!(error, CrlError::Duplicate { serial: s } if s == serial));
}

#[test]
fn e28_what_is_appended_was_revoked_by_this_update() {
    let later = tbs().this_update().saturating_add(std::time::Duration::from_secs(1));
    let zero = SerialRef::from_octets(&[0]).unwrap();
    let entry = |date| AppendedEntry::legacy(zero, date, None, None);
    assert!(refused(tbs(), &[entry(later)]).contains("thisUpdate"));
    let removed = AppendedEntry::removed(serial(9, 16), later);
    assert!(refused(delta(), &[removed]).contains("thisUpdate"));
    make(tbs().with_appendix(&[entry(tbs().this_update())]), &[]).unwrap();
}

#[test]
fn e29_only_reasons_that_are_assigned_are_written_and_removals_on_deltas_only() {
    for code in 0..=u8::MAX {
        let reason = ReasonCode::from_code(code);
        let appendix = [legacy(&[0], Some(reason))];
        if reason == ReasonCode::RemoveFromCrl {
            refused(tbs(), &appendix);
            refused(delta(), &appendix);
            continue;
        }
        let der = make(tbs().with_appendix(&appendix), &[]).unwrap();
        let read = CertificateList::from_der(&der).unwrap().entries().next().unwrap().unwrap();
        let is_written = matches!(code, 1..=6 | 9 | 10);
        assert_eq!(read.reason(), is_written.then_some(reason), "{code}");
        assert_eq!(read.extensions().count(), usize::from(is_written));
        assert!(webpki::OwnedCertRevocationList::from_der(&der).is_ok(), "{code}");
    }

    let appendix = [AppendedEntry::removed(serial(9, 16), date())];
    assert!(refused(tbs(), &appendix).contains("removeFromCRL"));
    let prepared = prepare(delta().with_appendix(&appendix), &entries(3));
    let last = prepared.revoked().last().unwrap().unwrap();
    assert_eq!(last.reason(), Some(ReasonCode::RemoveFromCrl));
    assert_eq!(last.serial().to_serial(), Ok(serial(9, 16)));
    assert_eq!((last.revocation_date(), last.invalidity_date()), (date(), None));
}

#[test]
fn what_is_appended_has_its_dates_and_its_reason() {
    let invalid = at("2026-01-01T00:00:00Z");
    let reason = Some(ReasonCode::Reason(Reason::KeyCompromise));
    let zero = SerialRef::from_octets(&[0]).unwrap();
    let appendix = [AppendedEntry::legacy(zero, date(), reason, Some(invalid))];
    assert_eq!(appendix[0].serial(), zero);
    let der = make(tbs().with_appendix(&appendix), &[]).unwrap();
    let expected = [
        &b"\x30\x3a\x02\x01\x00\x17\x0d261120123000Z\x30\x26\x30\x0a\x06\x03\x55\x1d\x15\x04\x03"[..],
        b"\x0a\x01\x01\x30\x18\x06\x03\x55\x1d\x18\x04\x11\x18\x0f20260101000000Z",
    ];
    assert_eq!(occurrences(&der, &expected.concat()), 1);
    let read = CertificateList::from_der(&der).unwrap();
    let found = read.find(zero).unwrap().unwrap();
    assert_eq!((found.reason(), found.invalidity_date()), (reason, Some(invalid)));
}

/// What is signed twice or more is laid out the same each time, the appendix too.
#[test]
fn a_guess_of_the_length_that_was_wrong_costs_the_appendix_nothing() {
    let appendix = ODD.map(|octets| legacy(octets, None));
    let tbs = tbs().with_appendix(&appendix);
    let tbs_of = |signature| {
        let mut der = Vec::new();
        sign_into(tbs, &entries(3), signature, &mut der).unwrap();
        CertificateList::from_der(&der).unwrap().tbs().to_vec()
    };
    assert_eq!(tbs_of(71), tbs_of(4000));
    let of_serial = |octets: &[u8]| Serial::from_octets(octets);
    assert!(ODD.into_iter().all(|octets| of_serial(octets).is_err()));
}
