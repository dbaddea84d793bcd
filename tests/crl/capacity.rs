//! How long a CRL can become.

use crate::support::*;
use annul::{
    AppendedEntry, CrlEntry, CrlNumber, Only, Reason, SerialRef, SignatureAlgorithm, TbsCertList,
    Timestamp,
};
use std::time::Duration;

/// A key whose signatures have at most 72 octets.
const P256: &[u8] = b"\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x02\0\x02";

/// A CRL that begins with these dates, and has this number.
fn begun(
    number: CrlNumber,
    this_update: Timestamp,
    next_update: Timestamp,
) -> TbsCertList<'static> {
    TbsCertList::new(NAME, KEY_IDENTIFIER, number, this_update, next_update).unwrap()
}

/// The longest entries that there are.
fn longest_entries(count: usize) -> Vec<CrlEntry> {
    let longest = |n| CrlEntry {
        serial: serial(n, 20),
        revocation_date: at("2050-01-01T00:00:00Z"),
        reason: Some(Reason::AaCompromise),
        invalidity_date: Some(Timestamp::MIN),
    };
    (0..count).map(longest).collect()
}

fn length(tbs: TbsCertList<'_>, entries: &[CrlEntry]) -> u64 {
    let algorithm = SignatureAlgorithm::EcdsaWithSha384;
    let prepared = tbs.prepare(&entries, P256, algorithm, Vec::new()).unwrap();
    prepared.assemble(&[0x55; 72], &FakeVerifier(true)).unwrap().len() as u64
}

#[test]
fn the_longest_crl_is_as_long_as_was_said_and_no_other_is_longer() {
    let (point, freshest, issuers) =
        (point(Some(Only::UserCertificates)), uris([DELTA]), uris([CERTIFICATE]));
    let zero = SerialRef::from_octets(&[0]).unwrap();
    let appendix = [AppendedEntry::legacy(zero, Timestamp::MIN, None, None)];
    let one_second = Duration::from_secs(1);
    let worst = begun(CrlNumber::MAX, Timestamp::MAX.saturating_sub(one_second), Timestamp::MAX);
    let base = CrlNumber::from_be_bytes([0x70; 20]).unwrap();
    let usual = tbs();
    let of_kind = |tbs: TbsCertList<'static>, base: CrlNumber| [tbs, tbs.with_base(base).unwrap()];
    for (worst, usual) in of_kind(worst, base).into_iter().zip(of_kind(usual, CrlNumber::MIN)) {
        let kinds = |tbs: TbsCertList<'static>| {
            let is_delta = tbs.base_number().is_some();
            let freshest = if is_delta { &[][..] } else { &freshest };
            let told = tbs
                .with_freshest_crl(freshest)
                .with_ca_issuers(&issuers)
                .with_expired_certificates_since(Timestamp::MIN);
            let about = told.with_issuing_distribution_point(&point);
            [tbs, told, about, about.with_appendix(&appendix)]
        };
        for (worst, usual) in kinds(worst).into_iter().zip(kinds(usual)) {
            for count in [0, 1, 2, 3, 700, 809, 810] {
                let longest = usual.longest(P256, count as u64);
                assert_eq!(longest, worst.longest(P256, count as u64));
                assert_eq!(longest, length(worst, &longest_entries(count)), "{count}");
                assert!(length(usual, &entries(count)) < longest);
            }
        }
    }
}

#[test]
fn the_capacity_is_the_most_that_fits() {
    let tbs = tbs();
    let least = tbs.longest(P256, 0);
    assert_eq!((tbs.capacity(P256, 0), tbs.capacity(P256, least - 1)), (0, 0));
    for octets in (least..least + 2000).chain(65_000..66_000).chain(1 << 24..(1 << 24) + 99) {
        let most = tbs.capacity(P256, octets);
        assert!(tbs.longest(P256, most) <= octets, "{octets}");
        assert!(tbs.longest(P256, most + 1) > octets, "{octets}");
    }
    let most = tbs.capacity(P256, u64::MAX >> 1);
    assert!(most > 1 << 56);
    // However much is asked, nothing overflows.
    assert!(tbs.longest(P256, u64::MAX) > u64::MAX >> 1);
    assert!(tbs.capacity(P256, u64::MAX) >= most);
}

#[test]
fn no_key_signs_longer_than_is_reckoned() {
    // Of a key that is not known here: a point on the longest of the usual curves, compressed.
    let p521 = tlv(
        0x30,
        &[
            b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\0\x23",
            &tlv(0x03, &[&[0; 68]]),
        ],
    );
    let tbs = tbs();
    assert!(tbs.longest(&p521, 0) >= tbs.longest(P256, 0) + 139 - 72);
}
