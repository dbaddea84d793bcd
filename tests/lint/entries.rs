//! The entries.

use crate::{build::*, *};
use annul::SerialRef;

const NULL: &[u8] = &[5, 0];

fn with_extension(extension: Vec<u8>) -> Crl {
    Crl::listing(&[entry(&[1], &[extension])])
}

#[test]
fn e6_the_date_of_an_entry_is_utc_time_before_2050() {
    let dated = |date| Crl::listing(&[entry_of(&[1], date, &tlv(0x30, &[&reason(4)]))]);
    assert_eq!(found(&dated("261120123000Z"), PRIVATE), []);
    assert_eq!(found(&dated("20261120123000Z"), PRIVATE), [(ERROR, "E6")]);
    assert_eq!(found(&dated("2611201230Z"), PRIVATE), [(ERROR, "E6")]);
}

#[test]
fn e9_without_extensions_of_an_entry_the_field_is_absent() {
    assert_eq!(found(&Crl::listing(&[entry(&[1], &[])]), PRIVATE), []);
    let empty = entry_of(&[1], "261120123000Z", b"\x30\x00");
    assert_eq!(found(&Crl::listing(&[empty]), PRIVATE), [(ERROR, "E9")]);
}

#[test]
fn e10_the_extensions_of_an_entry_are_unique_known_and_leave_false_out() {
    let unknown = extension(99, b"", NULL);
    let twice = |extension: &[u8]| with_extension([extension, extension].concat());
    assert_eq!(found(&with_extension(unknown.clone()), PRIVATE), []);
    assert_eq!(found(&twice(&unknown), PRIVATE), [(ERROR, "E10")]);
    assert_eq!(found(&twice(&reason(4)), PRIVATE), [(ERROR, "E10")]);
    let says_false = with_extension(extension(21, FALSE, &[10, 1, 4]));
    assert_eq!(found(&says_false, PRIVATE), [(ERROR, "E10")]);
    let critical = with_extension(extension(99, TRUE, NULL));
    assert_eq!(found(&critical, PRIVATE), [(WARNING, "E10")]);
    assert_eq!(found(&critical, WEBPKI), [(WARNING, "E10"), (ERROR, "E18")]);
}

#[test]
fn e26_odd_serials_are_warned_of_and_padded_ones_refused() {
    let listed = |serial: &[u8]| found(&Crl::listing(&[entry(serial, &[reason(4)])]), SUBSCRIBER);
    for serial in [&[1][..], &[0, 0x80], &[0x7f; 20]] {
        assert_eq!(listed(serial), [], "{serial:02x?}");
    }
    // Certificates have such numbers, and their CRLs must list them.
    for serial in [&[0][..], &[0xff], &[1; 21]] {
        assert_eq!(listed(serial), [(WARNING, "E26")], "{serial:02x?}");
    }
    for serial in [&[][..], &[0, 1], &[0xff, 0xff]] {
        assert_eq!(listed(serial), [(ERROR, "E26")], "{serial:02x?}");
    }
}

#[test]
fn e27_no_serial_is_there_twice() {
    let listed = |serials: &[&[u8]]| {
        let entries: Vec<_> = serials.iter().map(|serial| entry(serial, &[reason(4)])).collect();
        found(&Crl::listing(&entries), PRIVATE)
    };
    assert_eq!(listed(&[&[1], &[2], &[0, 0x80], &[1, 0]]), []);
    assert_eq!(listed(&[&[2], &[1]]), [(NOTICE, "E27")]);
    for serials in [
        &[&[1][..], &[1]][..],
        &[&[1], &[2], &[1]],
        &[&[2], &[1], &[1]],
        &[&[3], &[1], &[2], &[1]],
        &[&[1], &[2], &[3], &[1, 0], &[2]],
    ] {
        assert_eq!(listed(serials), [(NOTICE, "E27"), (ERROR, "E27")], "{serials:02x?}");
    }
}

#[test]
fn e27_in_an_indirect_crl_each_issuer_has_its_own_serials() {
    let issuer = |name: &[u8]| extension(29, TRUE, &tlv(0x30, &[&tlv(0xa4, &[name])]));
    let other = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02XY";
    let listed = |entries: &[Vec<u8>]| {
        let extensions = Crl::with(scope(&[b"\x84\x01\xff"])).extensions;
        found(&Crl { extensions, ..Crl::listing(entries) }, PRIVATE)
    };
    let (one, two) = (entry(&[1], &[]), entry(&[2], &[]));
    assert_eq!(listed(&[one.clone(), two.clone(), entry(&[1], &[issuer(other)])]), []);
    let again = [one.clone(), entry(&[1], &[issuer(other)]), two, one];
    assert_eq!(listed(&again), [(ERROR, "E27")]);
}

#[test]
fn e28_nothing_is_revoked_after_this_update() {
    let dated = |date| Crl::listing(&[entry_of(&[1], date, &tlv(0x30, &[&reason(4)]))]);
    assert_eq!(found(&dated("261121000000Z"), PRIVATE), []);
    assert_eq!(found(&dated("261121000001Z"), PRIVATE), [(ERROR, "E28")]);
}

#[test]
fn e29_a_reason_is_assigned_stated_and_not_critical() {
    assert_eq!(found(&with_extension(reason(0)), PRIVATE), [(WARNING, "E29")]);
    assert_eq!(found(&with_extension(reason(0)), SUBSCRIBER), [(ERROR, "E29")]);
    for code in [7, 11, 0x7f] {
        assert_eq!(found(&with_extension(reason(code)), PRIVATE), [(ERROR, "E29")], "{code}");
    }
    for code in 1..=5 {
        assert_eq!(found(&with_extension(reason(code)), PRIVATE), [], "{code}");
    }
    let critical = with_extension(extension(21, TRUE, &[10, 1, 4]));
    assert_eq!(found(&critical, PRIVATE), [(ERROR, "E29")]);
    for value in [&[2, 1, 4][..], &[10, 2, 0, 4], &[10, 1, 0xff]] {
        let unreadable = with_extension(extension(21, b"", value));
        assert_eq!(found(&unreadable, PRIVATE), [(ERROR, "E29")], "{value:02x?}");
    }
}

#[test]
fn e29_an_entry_is_removed_on_delta_crls_only() {
    let removed = with_extension(reason(8));
    assert_eq!(found(&removed, PRIVATE), [(ERROR, "E29")]);
    let extensions = Crl::with(extension(27, TRUE, &[2, 1, 6])).extensions;
    assert_eq!(found(&Crl { extensions, ..removed }, PRIVATE), []);
}

#[test]
fn e30_five_reasons_are_for_subscribers() {
    assert_eq!(found(&Crl::listing(&[entry(&[1], &[])]), SUBSCRIBER), []);
    for code in 1..=10 {
        let found = found(&with_extension(reason(code)), SUBSCRIBER);
        match code {
            1 | 3 | 4 | 5 | 9 => assert_eq!(found, [], "{code}"),
            _ => assert!(found.contains(&(ERROR, "E30")), "{code}"),
        }
    }
    assert!(!found(&with_extension(reason(6)), CA).contains(&(ERROR, "E30")));
}

#[test]
fn e31_a_ca_is_revoked_for_a_reason() {
    for code in 0..=10 {
        let found = found(&with_extension(reason(code)), CA);
        match code {
            1..=5 | 9 => assert_eq!(found, [], "{code}"),
            _ => assert!(found.contains(&(ERROR, "E31")), "{code}"),
        }
    }
    let none = Crl::listing(&[entry(&[1], &[])]);
    assert_eq!(found(&none, CA), [(ERROR, "E31")]);

    // Whoever knows says which is which.
    let kinds = |serial: SerialRef<'_>| match serial.as_octets() {
        [1] => Some(true),
        [2] => Some(false),
        _ => None,
    };
    let context = LintContext::at(at(NOW)).with_kinds(&kinds);
    let of = |serial, code| Crl::listing(&[entry(&[serial], &[reason(code)])]);
    assert_eq!(found_with(&none, SUBSCRIBER, &context), [(ERROR, "E31")]);
    assert_eq!(found_with(&of(1, 2), SUBSCRIBER, &context), []);
    assert_eq!(found_with(&of(2, 2), CA, &context), [(ERROR, "E30")]);
    assert_eq!(found_with(&of(3, 2), CA, &context), []);
    assert_eq!(found_with(&of(2, 2), PRIVATE, &context), [(WARNING, "E31")]);
    assert_eq!(found_with(&of(1, 2), PRIVATE, &context), []);
    assert_eq!(found_with(&of(3, 2), PRIVATE, &context), []);
}

#[test]
fn e34_an_invalidity_date_is_a_generalized_time_and_not_critical() {
    let date = |critical, value: &[u8]| with_extension(extension(24, critical, value));
    let general = time("20261101000000Z");
    assert_eq!(found(&date(b"", &general), PRIVATE), []);
    assert_eq!(found(&date(TRUE, &general), PRIVATE), [(ERROR, "E34")]);
    for value in [time("261101000000Z"), tlv(0x18, &[b"20261101000000.5Z"]), NULL.to_vec()] {
        assert_eq!(found(&date(b"", &value), PRIVATE), [(ERROR, "E34")]);
        assert!(found(&date(TRUE, &value), PRIVATE).contains(&(ERROR, "E34")));
    }
    assert_eq!(found(&date(b"", &general), SUBSCRIBER), [(WARNING, "E25")]);
}

#[test]
fn e35_an_entry_of_another_issuer_is_critical_and_on_indirect_crls_only() {
    let names = tlv(0x30, &[&tlv(0xa4, &[NAME])]);
    let indirect = |critical| Crl {
        extensions: Crl::with(scope(&[b"\x84\x01\xff"])).extensions,
        ..with_extension(extension(29, critical, &names))
    };
    assert_eq!(found(&indirect(TRUE), PRIVATE), []);
    assert_eq!(found(&indirect(b""), PRIVATE), [(ERROR, "E35")]);
    let direct = with_extension(extension(29, TRUE, &names));
    assert_eq!(found(&direct, PRIVATE), [(ERROR, "E35")]);
    assert!(found(&indirect(TRUE), SUBSCRIBER).contains(&(ERROR, "E35")));
}

#[test]
fn e44_nothing_is_on_hold_in_public() {
    let hold = with_extension(reason(6));
    assert_eq!(found(&hold, PRIVATE), [(NOTICE, "E44")]);
    assert_eq!(found(&hold, SUBSCRIBER), [(ERROR, "E44"), (ERROR, "E30")]);
    assert_eq!(found(&hold, CA), [(ERROR, "E44"), (ERROR, "E31")]);
}

#[test]
fn the_first_hundred_entries_are_told_and_the_others_counted() {
    let entries: Vec<_> =
        (1..=1000u16).map(|n| entry(&[1, (n >> 8) as u8, n as u8], &[reason(0)])).collect();
    let findings = lint(&Crl::listing(&entries).tbs(), PRIVATE, &LintContext::at(at(NOW)));
    assert_eq!(findings.len(), 101);
    assert_eq!(findings[99].serial().unwrap().to_string(), "01:00:64");
    assert_eq!(findings[99].rule, "E29");
    let rest = &findings[100];
    assert_eq!((rest.severity, rest.rule, rest.serial()), (WARNING, "E29", None));
    assert!(rest.what.starts_with("900 "), "{rest}");
}
