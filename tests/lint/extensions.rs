//! The extensions of the CRL, and which certificates it is about.

use crate::{build::*, *};
use annul::{Partition, Scope};

const URI: &str = "http://crl.example/1.crl";

fn replaced(extensions: &[Vec<u8>]) -> Crl {
    Crl { extensions: extensions.to_vec(), ..Crl::default() }
}

/// A CRL about a part of the certificates.
fn scoped(fields: &[&[u8]]) -> Crl {
    Crl::with(scope(fields))
}

fn named(uris: &[&str]) -> Vec<u8> {
    tlv(0xa0, &[&full_name(uris)])
}

#[test]
fn e10_two_extensions_are_mandatory() {
    assert_eq!(found(&replaced(&[crl_number(&[7])]), PRIVATE), [(ERROR, "E10")]);
    assert_eq!(found(&replaced(&[authority_key_identifier()]), PRIVATE), [(ERROR, "E10")]);
    assert_eq!(found(&replaced(&[]), PRIVATE), [(ERROR, "E10"); 2]);
}

#[test]
fn e10_no_extension_is_there_twice_or_says_false() {
    assert_eq!(found(&Crl::with(crl_number(&[8])), PRIVATE), [(ERROR, "E10")]);
    let unknown = extension(99, b"", NULL);
    assert_eq!(found(&Crl::with(unknown.clone()), PRIVATE), []);
    assert_eq!(found(&Crl::with([unknown.clone(), unknown].concat()), PRIVATE), [(ERROR, "E10")]);
    assert_eq!(found(&Crl::with(extension(99, FALSE, NULL)), PRIVATE), [(ERROR, "E10")]);
}

const NULL: &[u8] = &[5, 0];

#[test]
fn e10_an_unknown_critical_extension_is_warned_of() {
    let crl = Crl::with(extension(99, TRUE, NULL));
    assert_eq!(found(&crl, PRIVATE), [(WARNING, "E10")]);
    assert_eq!(found(&crl, WEBPKI), [(WARNING, "E10"), (ERROR, "E18")]);
}

#[test]
fn e12_the_key_identifier_is_there_alone_and_not_critical() {
    let identifier = |critical: &[u8], fields: &[u8]| {
        replaced(&[extension(35, critical, &tlv(0x30, &[fields])), crl_number(&[7])])
    };
    let key = tlv(0x80, &[KEY_IDENTIFIER]);
    assert_eq!(found(&identifier(b"", &key), SUBSCRIBER), []);
    assert_eq!(found(&identifier(TRUE, &key), PRIVATE), [(ERROR, "E12")]);
    for none in [&b""[..], b"\x80\x00"] {
        assert_eq!(found(&identifier(b"", none), PRIVATE), [(ERROR, "E12")]);
    }
    for more in [&tlv(0xa1, &[&tlv(0xa4, &[NAME])])[..], &[0x82, 1, 1]] {
        let crl = identifier(b"", &[&key, more].concat());
        assert_eq!(found(&crl, PRIVATE), [(WARNING, "E12")]);
        assert_eq!(found(&crl, SUBSCRIBER), [(ERROR, "E12")]);
    }
    let unreadable = replaced(&[extension(35, b"", NULL), crl_number(&[7])]);
    assert_eq!(found(&unreadable, PRIVATE), [(ERROR, "E12")]);
}

#[test]
fn e13_the_number_is_not_negative_below_two_to_the_159_and_not_critical() {
    let numbered = |octets: &[u8]| replaced(&[authority_key_identifier(), crl_number(octets)]);
    let mut last = [0xff; 20];
    last[0] = 0x7f;
    for octets in [&[0][..], &[0, 0x80], &last] {
        assert_eq!(found(&numbered(octets), SUBSCRIBER), []);
    }
    for octets in [&[0xff][..], &[0, 1], &[], &[0x80; 20], &[1; 21]] {
        assert_eq!(found(&numbered(octets), PRIVATE), [(ERROR, "E13")], "{octets:02x?}");
    }
    let critical = |octet| extension(20, TRUE, &[2, 1, octet]);
    for (octet, count) in [(7, 1), (0xff, 2)] {
        let crl = replaced(&[authority_key_identifier(), critical(octet)]);
        assert_eq!(found(&crl, PRIVATE), vec![(ERROR, "E13"); count]);
    }
}

#[test]
fn e16_the_distribution_point_says_one_thing_and_is_critical() {
    let (user, ca) = (&[0x81, 1, 0xff][..], &[0x82, 1, 0xff][..]);
    let name = named(&[URI]);
    for fields in [&[user][..], &[ca], &[&name], &[&name, user], &[b"\x84\x01\xff"]] {
        assert_eq!(found(&scoped(fields), PRIVATE), [], "{fields:02x?}");
    }
    for fields in [
        &[][..],
        &[user, ca],
        &[b"\x85\x01\xff"],
        &[&name, b"\x81\x01\x00"],
        &[&name, b"\x81\x01\x01"],
        &[b"\xa0\x00"],
        &[b"\xa0\x02\xa0\x00"],
        &[b"\xa0\x02\x05\x00"],
        &[b"\xa0\x05\xa0\x03\x86\x01\xe9"],
        &[b"\xa0\x04\xa0\x02\x05\x00"],
    ] {
        assert_eq!(found(&scoped(fields), PRIVATE), [(ERROR, "E16")], "{fields:02x?}");
    }
    let not_critical = Crl::with(extension(28, b"", &tlv(0x30, &[&name])));
    assert_eq!(found(&not_critical, PRIVATE), [(ERROR, "E16")]);
}

#[test]
fn e17_certificates_find_the_crl_by_one_of_its_uris() {
    let (other, unknown) = ("http://crl.example/old/1.crl", "http://crl.example/2.crl");
    let found = |uris: &[&str], certificates: &[&str]| {
        let certificates: Vec<String> = certificates.iter().map(|uri| (*uri).to_owned()).collect();
        let context = LintContext::at(at(NOW)).with_distribution_points(&certificates);
        found_with(&scoped(&[&named(uris)]), PRIVATE, &context)
    };
    assert_eq!(found(&[URI], &[URI]), []);
    assert_eq!(found(&[URI, other], &[URI, other]), []);
    assert_eq!(found(&[URI], &[URI, other]), [(WARNING, "E17")]);
    assert_eq!(found(&[URI], &[unknown]), [(ERROR, "E17")]);
    assert_eq!(found(&[URI], &[&URI.to_uppercase()]), [(ERROR, "E17")]);
}

#[test]
fn e17_the_crl_says_which_certificates_it_is_about() {
    let (name, user, ca) = (named(&[URI]), &[0x81, 1, 0xff][..], &[0x82, 1, 0xff][..]);
    let part = Scope::Partition(Partition(7));
    for (scope, fields, sound) in [
        (Scope::Full, &[&name[..]][..], true),
        (Scope::Full, &[&name, user], false),
        (Scope::CaCertificates, &[&name, ca], true),
        (Scope::CaCertificates, &[&name, user], false),
        (Scope::UserCertificates, &[&name, user], true),
        (Scope::UserCertificates, &[&name], false),
        (part, &[&name], true),
        (part, &[user], false),
    ] {
        let context = LintContext::at(at(NOW)).with_scope(scope);
        let found = found_with(&scoped(fields), PRIVATE, &context);
        assert_eq!(found.is_empty(), sound, "{scope} {fields:02x?}");
    }
    for (scope, sound) in [(Scope::Full, true), (Scope::UserCertificates, false), (part, false)] {
        let context = LintContext::at(at(NOW)).with_scope(scope);
        let found = found_with(&Crl::default(), PRIVATE, &context);
        assert_eq!(found.is_empty(), sound, "{scope}");
    }
}

#[test]
fn e17_the_baseline_requirements_want_uris_and_nothing_else() {
    let user = &[0x81, 1, 0xff][..];
    let name = named(&[URI]);
    assert_eq!(found(&scoped(&[&name, user]), SUBSCRIBER), []);
    let directory = tlv(0xa0, &[&tlv(0xa0, &[&tlv(0xa4, &[NAME])])]);
    let relative = tlv(0xa0, &[&tlv(0xa1, &[b"\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA"])]);
    for fields in [&[user][..], &[&directory], &[&relative], &[&name, b"\x84\x01\xff"]] {
        assert_eq!(found(&scoped(fields), PRIVATE), [], "{fields:02x?}");
        assert_eq!(found(&scoped(fields), SUBSCRIBER), [(ERROR, "E17")], "{fields:02x?}");
    }
    let reasons = scoped(&[&name, b"\x83\x02\x05\x60"]);
    assert_eq!(found(&reasons, SUBSCRIBER), [(WARNING, "E17")]);
    let context = LintContext::at(at(NOW)).with_scope(Scope::Full);
    assert_eq!(found_with(&scoped(&[&name]), SUBSCRIBER, &context), [(WARNING, "E17")]);
}

#[test]
fn e20_a_delta_crl_is_critical_and_adds_to_an_earlier_one() {
    let delta = |critical, base| Crl::with(extension(27, critical, &[2, 1, base]));
    assert_eq!(found(&delta(TRUE, 6), PRIVATE), []);
    for crl in [delta(b"", 6), delta(TRUE, 7), delta(TRUE, 8), delta(TRUE, 0xff)] {
        assert_eq!(found(&crl, PRIVATE), [(ERROR, "E20")]);
    }
}

fn freshest(critical: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    extension(46, critical, &tlv(0x30, &[&tlv(0x30, fields)]))
}

#[test]
fn e21_freshest_crl_is_not_critical_and_not_on_a_delta_crl() {
    let name = named(&[URI]);
    assert_eq!(found(&Crl::with(freshest(b"", &[&name])), PRIVATE), []);
    assert_eq!(found(&Crl::with(freshest(TRUE, &[&name])), PRIVATE), [(ERROR, "E21")]);
    for fields in [&[&name[..], b"\x81\x02\x05\x60"][..], &[&name, b"\xa2\x02\xa4\x00"], &[]] {
        assert_eq!(found(&Crl::with(freshest(b"", fields)), PRIVATE), [(ERROR, "E21")]);
    }
    let empty = extension(46, b"", b"\x30\x00");
    assert_eq!(found(&Crl::with(empty), PRIVATE), [(ERROR, "E21")]);
    let mut delta = Crl::with(extension(27, TRUE, &[2, 1, 6]));
    delta.extensions.push(freshest(b"", &[&name]));
    assert_eq!(found(&delta, PRIVATE), [(ERROR, "E21")]);
}

#[test]
fn e23_expired_certs_on_crl_is_a_generalized_time_and_not_critical() {
    let since = |critical, value: &[u8]| Crl::with(extension(60, critical, value));
    let general = time("20200101000000Z");
    assert_eq!(found(&since(b"", &general), PRIVATE), []);
    assert_eq!(found(&since(TRUE, &general), PRIVATE), [(ERROR, "E23")]);
    for value in [time("200101000000Z"), tlv(0x18, &[b"20200101000000.5Z"]), NULL.to_vec()] {
        assert_eq!(found(&since(b"", &value), PRIVATE), [(ERROR, "E23")]);
    }
    // Whoever archives wants it, and not from the future.
    assert_eq!(found(&Crl::default(), ARCHIVE), [(ERROR, "E23")]);
    assert_eq!(found(&since(b"", &time("20261121000001Z")), ARCHIVE), [(ERROR, "E23")]);
}

fn access(critical: &[u8], method: u8, location: &[u8]) -> Crl {
    let method = [&b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30"[..], &[method]].concat();
    let value = tlv(0x30, &[&tlv(0x30, &[&method, location])]);
    let oid = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x01";
    Crl::with(tlv(0x30, &[oid, critical, &tlv(0x04, &[&value])]))
}

#[test]
fn e24_the_crl_names_ca_issuers_only() {
    let place = tlv(0x86, &[b"http://ca.example/ca.p7c"]);
    assert_eq!(found(&access(b"", 2, &place), PRIVATE), []);
    assert_eq!(found(&access(TRUE, 2, &place), PRIVATE), [(ERROR, "E24")]);
    assert_eq!(found(&access(b"", 1, &place), PRIVATE), [(ERROR, "E24")]);
    assert_eq!(found(&access(b"", 2, &tlv(0x82, &[b"ca.example"])), PRIVATE), [(WARNING, "E24")]);
    assert_eq!(found(&access(b"", 2, b""), PRIVATE), [(ERROR, "E24")]);
}

#[test]
fn e25_other_extensions_are_not_recommended() {
    let place = tlv(0x86, &[b"http://ca.example/ca.p7c"]);
    let name = named(&[URI]);
    for crl in [
        access(b"", 2, &place),
        Crl::with(freshest(b"", &[&name])),
        Crl::with(extension(27, TRUE, &[2, 1, 6])),
        Crl::with(extension(60, b"", &time("20200101000000Z"))),
    ] {
        assert_eq!(found(&crl, PRIVATE), []);
        assert_eq!(found(&crl, SUBSCRIBER), [(WARNING, "E25")]);
    }
}

#[test]
fn e44_uris_are_plain_http() {
    for (uri, private, public) in [
        (URI, None, None),
        ("HTTP://crl.example/1.crl", None, None),
        ("https://crl.example/1.crl", Some(WARNING), Some(ERROR)),
        ("ldaps://crl.example", Some(WARNING), Some(ERROR)),
        ("ldap://crl.example", None, Some(ERROR)),
        ("", None, Some(ERROR)),
    ] {
        let expected = |severity: Option<Severity>| severity.map(|s| (s, "E44"));
        let crl = scoped(&[&named(&[uri])]);
        assert!(found(&crl, PRIVATE).into_iter().eq(expected(private)), "{uri}");
        assert!(found(&crl, SUBSCRIBER).into_iter().eq(expected(public)), "{uri}");
        let crl = Crl::with(freshest(b"", &[&named(&[uri])]));
        assert!(found(&crl, PRIVATE).into_iter().eq(expected(private)), "{uri}");
    }
}
