//! The fields before the list, and the clock.

use crate::{build::*, *};
use std::time::Duration;

#[test]
fn a_crl_that_keeps_the_rules_is_clean() {
    for profile in [PRIVATE, SUBSCRIBER, CA, WEBPKI] {
        assert_eq!(found(&Crl::default(), profile), [], "{profile:?}");
    }
    let since = extension(60, b"", &time("20200101000000Z"));
    assert_eq!(found(&Crl::with(since), ARCHIVE), []);
}

#[test]
fn e1_what_is_no_crl_is_one_finding() {
    for octets in [&b""[..], b"\x05\x00", b"\x30\x80\x00\x00", &Crl::default().der()[..40]] {
        let context = LintContext::at(at(NOW));
        for profile in LintProfile::ALL {
            assert_eq!(brief(&lint(octets, profile, &context)), [(ERROR, "E1")]);
            assert_eq!(brief(&lint_der(octets, profile, &context)), [(ERROR, "E1")]);
        }
    }
}

#[test]
fn one_malformed_field_hides_no_other() {
    let entries = [
        entry_of(&[1], "2611201230Z", &tlv(0x30, &[&reason(7)])),
        tlv(0x30, &[&[4, 0]]),
        entry(&[1], &[reason(4), reason(5)]),
    ];
    let crl = Crl {
        version: vec![2, 1, 2],
        algorithm: vec![0x30, 2, 4, 0],
        issuer: b"\x30\x02\x05\x00".to_vec(),
        this_update: time("2611210000Z"),
        next_update: time("2611280000Z"),
        extensions: vec![extension(35, b"", b"\x05\x00"), crl_number(&[0xff]), vec![4, 0]],
        ..Crl::listing(&entries)
    };
    let rules: Vec<_> = found(&crl, PRIVATE).into_iter().map(|(_, rule)| rule).collect();
    let of_fields = ["E2", "E4", "E5", "E6", "E6", "E10", "E12", "E13"];
    assert_eq!(rules, [&of_fields[..], &["E6", "E29", "E26", "E10", "E27", "E27"]].concat());
}

#[test]
fn e2_the_version_must_be_2() {
    let absent = Crl { version: Vec::new(), ..Crl::default() };
    assert_eq!(found(&absent, PRIVATE), [(ERROR, "E2")]);
    let three = Crl { version: vec![2, 1, 2], ..Crl::default() };
    assert_eq!(found(&three, PRIVATE), [(ERROR, "E2")]);
}

#[test]
fn e3_both_algorithms_must_be_the_same() {
    let mut der = Crl::default().der();
    let end = der.len();
    der[end - 5] ^= 1;
    assert_eq!(brief(&lint_der(&der, PRIVATE, &LintContext::at(at(NOW)))), [(ERROR, "E3")]);
}

fn signed_with(oid: &[u8], parameters: &[u8]) -> Crl {
    Crl { algorithm: tlv(0x30, &[&tlv(0x06, &[oid]), parameters]), ..Crl::default() }
}

const NULL: &[u8] = &[5, 0];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

fn rsa(arc: u8) -> Vec<u8> {
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01][..], &[arc]].concat()
}

fn ecdsa(arcs: &[u8]) -> Vec<u8> {
    [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04][..], arcs].concat()
}

#[test]
fn e4_parameters_are_null_for_rsa_and_absent_for_the_others() {
    for arc in [11, 12, 13] {
        assert_eq!(found(&signed_with(&rsa(arc), NULL), SUBSCRIBER), []);
        for parameters in [&b""[..], b"\x05\x00\x05\x00", b"\x30\x00"] {
            for profile in [PRIVATE, SUBSCRIBER] {
                let crl = signed_with(&rsa(arc), parameters);
                assert_eq!(found(&crl, profile), [(ERROR, "E4")], "{arc} {parameters:02x?}");
            }
        }
        let hash = arc - 9;
        assert_eq!(found(&signed_with(&ecdsa(&[3, hash]), b""), SUBSCRIBER), []);
        let crl = signed_with(&ecdsa(&[3, hash]), NULL);
        assert!(found(&crl, PRIVATE).contains(&(ERROR, "E4")));
    }
    assert_eq!(found(&signed_with(ED25519, b""), PRIVATE), []);
    assert!(found(&signed_with(ED25519, NULL), PRIVATE).contains(&(ERROR, "E4")));
}

#[test]
fn e4_broken_hashes_are_errors_and_the_unknown_is_warned_of() {
    for arc in [2, 4, 5] {
        assert_eq!(found(&signed_with(&rsa(arc), NULL), PRIVATE), [(ERROR, "E4")], "{arc}");
    }
    assert_eq!(found(&signed_with(&ecdsa(&[1]), b""), PRIVATE), [(ERROR, "E4")]);
    let dsa = [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3];
    assert_eq!(found(&signed_with(&dsa, b""), PRIVATE), [(ERROR, "E4")]);
    assert_eq!(found(&signed_with(&rsa(10), b"\x30\x00"), PRIVATE), [(WARNING, "E4")]);
    let unreadable = Crl { algorithm: vec![0x30, 2, 4, 0], ..Crl::default() };
    assert_eq!(found(&unreadable, PRIVATE), [(ERROR, "E4")]);
}

#[test]
fn e4_the_baseline_requirements_permit_few() {
    for crl in [signed_with(ED25519, b""), signed_with(&rsa(14), NULL)] {
        assert_eq!(found(&crl, PRIVATE), []);
        assert_eq!(found(&crl, SUBSCRIBER), [(ERROR, "E4")]);
        assert_eq!(found(&crl, CA), [(ERROR, "E4")]);
    }
    assert_eq!(found(&signed_with(&rsa(10), b"\x30\x00"), CA), [(WARNING, "E4")]);
}

#[test]
fn e5_the_issuer_is_a_name_with_something_in_it() {
    for issuer in [&b"\x30\x00"[..], b"\x30\x02\x31\x00", b"\x30\x02\x05\x00"] {
        let crl = Crl { issuer: issuer.to_vec(), ..Crl::default() };
        assert_eq!(found(&crl, PRIVATE), [(ERROR, "E5")], "{issuer:02x?}");
    }
}

#[test]
fn e6_times_are_utc_time_before_2050_with_seconds_and_z() {
    let context = LintContext::at(at("2050-01-01T00:00:00Z"));
    let last = Crl {
        this_update: time("491231235959Z"),
        next_update: time("20500101000000Z"),
        ..Crl::default()
    };
    assert_eq!(found_with(&last, PRIVATE, &context), []);
    let general = Crl { this_update: time("20491231235959Z"), ..last.clone() };
    assert_eq!(found_with(&general, PRIVATE, &context), [(ERROR, "E6")]);
    let general = Crl { next_update: time("20261128000000Z"), ..Crl::default() };
    assert_eq!(found(&general, PRIVATE), [(ERROR, "E6")]);
    for text in ["2611210000Z", "261121000000+0000", "20501121000000.5Z", "261321000000Z"] {
        let tag = if text.starts_with("2050") { 0x18 } else { 0x17 };
        let this_update = tlv(tag, &[text.as_bytes()]);
        let crl = Crl { this_update, ..Crl::default() };
        assert_eq!(found(&crl, PRIVATE), [(ERROR, "E6")], "{text}");
    }
}

#[test]
fn e7_next_update_is_there_and_later() {
    let absent = Crl { next_update: Vec::new(), ..Crl::default() };
    let same = Crl { next_update: time("261121000000Z"), ..Crl::default() };
    for crl in [absent, same] {
        assert_eq!(found(&crl, PRIVATE), [(ERROR, "E7")]);
        assert_eq!(found(&crl, WEBPKI), [(ERROR, "E7")]);
    }
}

#[test]
fn e8_without_entries_the_list_is_absent() {
    assert_eq!(found(&Crl { revoked: Vec::new(), ..Crl::default() }, PRIVATE), []);
    assert_eq!(found(&Crl::listing(&[]), PRIVATE), [(ERROR, "E8")]);
}

#[test]
fn e37_ten_days_for_subscribers_and_twelve_months_for_cas() {
    let until = |text| Crl { next_update: time(text), ..Crl::default() };
    for (next_update, subscriber, ca) in [
        ("261130235959Z", None, None),
        ("261201000000Z", Some(WARNING), None),
        ("261201000001Z", Some(ERROR), None),
        ("271120235959Z", Some(ERROR), None),
        ("271121000000Z", Some(ERROR), Some(WARNING)),
        ("271121000001Z", Some(ERROR), Some(ERROR)),
    ] {
        let expected = |severity: Option<Severity>| severity.map(|s| (s, "E37"));
        let crl = until(next_update);
        assert!(found(&crl, SUBSCRIBER).into_iter().eq(expected(subscriber)), "{next_update}");
        assert!(found(&crl, CA).into_iter().eq(expected(ca)), "{next_update}");
        assert_eq!(found(&crl, PRIVATE), []);
    }
    // With a February 29 in between, twelve months are 366 days; and that day comes back later.
    let leap = |from, to| Crl { this_update: time(from), next_update: time(to), ..Crl::default() };
    let context = LintContext::at(at("2030-01-01T00:00:00Z"));
    let found = |crl: Crl| found_with(&crl, CA, &context);
    assert_eq!(found(leap("270301000000Z", "280229235959Z")), [(WARNING, "E37")]);
    assert_eq!(found(leap("270301000000Z", "280301000000Z")), [(WARNING, "E37")]);
    assert_eq!(found(leap("270301000000Z", "280301000001Z")), [(ERROR, "E37")]);
    assert_eq!(found(leap("280229000000Z", "290228000000Z")), [(WARNING, "E37")]);
    assert_eq!(found(leap("280229000000Z", "290301000000Z")), [(ERROR, "E37")]);
}

#[test]
fn e41_this_update_is_neither_in_the_future_nor_long_ago() {
    let crl = Crl::default();
    let at_most = Duration::from_secs(3600);
    for (now, issuing, expected) in [
        ("2026-11-20T23:59:59Z", false, Some("E41")),
        ("2026-11-21T00:00:00Z", true, None),
        ("2026-11-21T01:00:00Z", true, None),
        ("2026-11-21T01:00:01Z", true, Some("E41")),
        ("2027-11-21T01:00:01Z", false, None),
    ] {
        let mut context = LintContext::at(at(now));
        if issuing {
            context = context.with_backdating(at_most);
        }
        let found = found_with(&crl, PRIVATE, &context);
        assert!(found.into_iter().eq(expected.map(|rule| (ERROR, rule))), "{now}");
    }
}

#[test]
fn e7_a_crl_is_not_over_when_it_is_issued() {
    let context =
        LintContext::at(at("2026-11-28T00:00:00Z")).with_backdating(Duration::from_secs(1 << 30));
    assert_eq!(found_with(&Crl::default(), PRIVATE, &context), [(ERROR, "E7")]);
}
