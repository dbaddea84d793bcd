//! The rules of CRLs that are about some certificates, add to another, or point elsewhere.

use crate::support::*;
use annul::{
    CertificateList, CrlError, CrlNumber, DistributionPoint, Oid, Only, PreparedCrl,
    PreparedCrlError, TbsCertList,
};
use sha2::{Digest, Sha256};

/// The extensions of a CRL without entries: their identifiers, whether they are critical, and their
/// values.
fn extensions(tbs: TbsCertList<'_>) -> Vec<(String, bool, Vec<u8>)> {
    let der = make(tbs, &[]).unwrap();
    let extensions = CertificateList::from_der(&der).unwrap().extensions().to_vec();
    extensions.iter().map(|e| (e.oid.to_string(), e.critical, e.value.to_vec())).collect()
}

/// The one that a full CRL does not have.
fn added(tbs: TbsCertList<'_>) -> (String, bool, Vec<u8>) {
    let mut extensions = extensions(tbs);
    assert_eq!(extensions.len(), 3);
    extensions.pop().unwrap()
}

fn base() -> CrlNumber {
    CrlNumber::from_u64(4095)
}

/// A tagged URI, as a GeneralName.
fn name(uri: &str) -> Vec<u8> {
    tlv(0x86, &[uri.as_bytes()])
}

#[test]
fn e15_a_base_and_a_delta_may_share_their_number() {
    let delta = tbs().with_base(base()).unwrap();
    assert_eq!((delta.number(), delta.base_number()), (tbs().number(), Some(base())));
    let der = make(delta, &[]).unwrap();
    let read = CertificateList::from_der(&der).unwrap();
    assert_eq!((read.number(), read.base_number()), (Some(tbs().number()), Some(base())));
    assert!(!read.is_full());
}

#[test]
fn e16_the_issuing_distribution_point_is_critical_and_says_false_by_absence() {
    let place = tlv(0xa0, &[&tlv(0xa0, &[&name(FULL)])]);
    for (only, flags) in [
        (None, &b""[..]),
        (Some(Only::UserCertificates), b"\x81\x01\xff"),
        (Some(Only::CaCertificates), b"\x82\x01\xff"),
    ] {
        let point = point(only);
        let expected = tlv(0x30, &[&place, flags]);
        let added = added(tbs().with_issuing_distribution_point(&point));
        assert_eq!(added, ("2.5.29.28".to_owned(), true, expected));
        let der = make(tbs().with_issuing_distribution_point(&point), &entries(2)).unwrap();
        let read = CertificateList::from_der(&der).unwrap();
        assert!(!read.is_full());
        let read = read.issuing_distribution_point().unwrap();
        assert_eq!(read.only_contains_user_certs, only == Some(Only::UserCertificates));
        assert_eq!(read.only_contains_ca_certs, only == Some(Only::CaCertificates));
        assert_eq!((read.only_some_reasons, read.indirect_crl), (None, false));
        assert!(!read.only_contains_attribute_certs);
        assert_eq!((read.uris(), point.only()), (&[FULL][..], only));
    }
}

#[test]
fn e17_each_uri_stands_as_it_was_given_and_one_there_is() {
    let given = uris([FULL, "HTTP://crl.example:80/%7Eca.crl?a=b", "ldap:///cn=CA,c=DE?x"]);
    let point = DistributionPoint::new(given.clone(), None).unwrap();
    assert_eq!(point.uris(), given);
    let (_, _, value) = added(tbs().with_issuing_distribution_point(&point));
    let names: Vec<u8> = given.iter().flat_map(|uri| name(uri)).collect();
    assert_eq!(value, tlv(0x30, &[&tlv(0xa0, &[&tlv(0xa0, &[&names])])]));
    let der = make(tbs().with_issuing_distribution_point(&point), &[]).unwrap();
    let read = CertificateList::from_der(&der).unwrap();
    assert_eq!(read.issuing_distribution_point().unwrap().uris(), given);

    assert!(matches!(DistributionPoint::new(Vec::new(), None), Err(CrlError::NoUri)));
    for no_uri in [
        "",
        "ca.crl",
        "/ca.crl",
        "http:",
        ":x",
        "1http://x",
        "http://x/ y",
        "http://x/é",
        "a\0:x",
        "http://x\\y",
        "http://{x}",
    ] {
        let refused = DistributionPoint::new(uris([FULL, no_uri]), None);
        assert!(matches!(refused, Err(CrlError::Uri { uri }) if uri == no_uri), "{no_uri:?}");
        let no_uris = uris([no_uri]);
        for tbs in [tbs().with_freshest_crl(&no_uris), tbs().with_ca_issuers(&no_uris)] {
            let refused = make(tbs, &[]);
            assert!(matches!(refused, Err(CrlError::Uri { uri }) if uri == no_uri), "{no_uri:?}");
        }
    }
}

#[test]
fn e18_webpki_takes_what_is_about_some_certificates_and_no_delta() {
    let owned = |der: &[u8]| webpki::OwnedCertRevocationList::from_der(der).map(drop);
    let borrowed = |der: &[u8]| webpki::BorrowedCertRevocationList::from_der(der).map(drop);
    let (freshest, issuers) = (uris([DELTA]), uris([CERTIFICATE]));
    for only in [None, Some(Only::UserCertificates), Some(Only::CaCertificates)] {
        let point = point(only);
        let tbs = tbs()
            .with_issuing_distribution_point(&point)
            .with_freshest_crl(&freshest)
            .with_ca_issuers(&issuers)
            .with_expired_certificates_since(at("2026-01-01T00:00:00Z"));
        let der = make(tbs, &entries(9)).unwrap();
        assert_eq!((owned(&der), borrowed(&der)), (Ok(()), Ok(())));
    }
    let der = make(tbs().with_base(base()).unwrap(), &entries(9)).unwrap();
    let refused = Err(webpki::Error::UnsupportedDeltaCrl);
    assert_eq!((owned(&der), borrowed(&der)), (refused.clone(), refused));
}

#[test]
fn e20_a_delta_is_critical_and_adds_to_an_earlier_crl() {
    for octets in [&[0][..], &[0x7f], &[0, 0x80], &[0x0f, 0xff]] {
        let base = CrlNumber::from_octets(octets).unwrap();
        let added = added(tbs().with_base(base).unwrap());
        assert_eq!(added, ("2.5.29.27".to_owned(), true, tlv(0x02, &[octets])));
    }
    for base in [tbs().number(), tbs().number().next().unwrap(), CrlNumber::MAX] {
        let refused = tbs().with_base(base).unwrap_err();
        assert!(matches!(refused, CrlError::Base { number, base: b }
            if number == tbs().number() && b == base));
    }
    // What they share is octet for octet the same.
    let point = point(None);
    let complete = tbs().with_issuing_distribution_point(&point);
    let delta = complete.with_base(base()).unwrap();
    let mut of_both = [extensions(complete), extensions(delta)];
    assert_eq!(of_both[1].remove(2).0, "2.5.29.27");
    assert_eq!(of_both[0], of_both[1]);
}

#[test]
fn e21_the_freshest_crl_is_not_critical_and_on_no_delta() {
    let freshest = uris([DELTA, "http://mirror.example/ca-delta.crl"]);
    let names: Vec<u8> = freshest.iter().flat_map(|uri| name(uri)).collect();
    let point = tlv(0x30, &[&tlv(0xa0, &[&tlv(0xa0, &[&names])])]);
    let added = added(tbs().with_freshest_crl(&freshest));
    assert_eq!(added, ("2.5.29.46".to_owned(), false, tlv(0x30, &[&point])));
    let der = make(tbs().with_freshest_crl(&freshest), &[]).unwrap();
    let read = CertificateList::from_der(&der).unwrap();
    assert_eq!(read.freshest_crl(), freshest);
    assert!(read.is_full());

    for delta in [
        tbs().with_freshest_crl(&freshest).with_base(base()).unwrap(),
        tbs().with_base(base()).unwrap().with_freshest_crl(&freshest),
    ] {
        let refused = make(delta, &[]).unwrap_err();
        assert!(
            matches!(refused, CrlError::FreshestOnDelta { number } if number == tbs().number())
        );
    }
}

#[test]
fn e23_what_expired_stays_since_a_generalized_time_even_before_2050() {
    for (since, digits) in [
        ("1950-01-01T00:00:00Z", b"19500101000000Z"),
        ("2026-11-21T00:00:00Z", b"20261121000000Z"),
        ("9999-12-31T23:59:59Z", b"99991231235959Z"),
    ] {
        let tbs = tbs().with_expired_certificates_since(at(since));
        let expected = ("2.5.29.60".to_owned(), false, tlv(0x18, &[digits]));
        assert_eq!(added(tbs), expected);
        let der = make(tbs, &[]).unwrap();
        let read = CertificateList::from_der(&der).unwrap();
        assert_eq!(read.expired_certificates_since(), Some(at(since)));
    }
}

#[test]
fn e24_the_authority_information_access_says_where_the_issuers_are() {
    let issuers = uris([CERTIFICATE, "http://mirror.example/ca.p7c"]);
    let method = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02";
    let descriptions = issuers.iter().map(|uri| tlv(0x30, &[method, &name(uri)]));
    let expected = tlv(0x30, &[&descriptions.flatten().collect::<Vec<u8>>()]);
    let added = added(tbs().with_ca_issuers(&issuers));
    assert_eq!(added, ("1.3.6.1.5.5.7.1.1".to_owned(), false, expected));
    let der = make(tbs().with_ca_issuers(&issuers), &[]).unwrap();
    assert_eq!(CertificateList::from_der(&der).unwrap().ca_issuers(), issuers);
}

#[test]
fn e25_there_are_no_other_extensions() {
    let (point, freshest, issuers) = (point(None), uris([DELTA]), uris([CERTIFICATE]));
    let most = tbs()
        .with_issuing_distribution_point(&point)
        .with_ca_issuers(&issuers)
        .with_expired_certificates_since(at("2026-01-01T00:00:00Z"));
    let complete = extensions(most.with_freshest_crl(&freshest));
    let delta = extensions(most.with_base(base()).unwrap());
    let oids = |extensions: Vec<(String, bool, Vec<u8>)>| {
        extensions.into_iter().map(|(oid, ..)| oid).collect::<Vec<_>>()
    };
    let expected = [
        Oid::AUTHORITY_KEY_IDENTIFIER,
        Oid::CRL_NUMBER,
        Oid::ISSUING_DISTRIBUTION_POINT,
        Oid::FRESHEST_CRL,
        Oid::AUTHORITY_INFO_ACCESS,
        Oid::EXPIRED_CERTS_ON_CRL,
    ];
    assert_eq!(oids(complete), expected.map(|oid| oid.to_string()));
    let mut expected = expected;
    expected[2..4].copy_from_slice(&[Oid::DELTA_CRL_INDICATOR, Oid::ISSUING_DISTRIBUTION_POINT]);
    assert_eq!(oids(delta), expected.map(|oid| oid.to_string()));
    // Nothing is said with no URI.
    let none = tbs().with_freshest_crl(&[]).with_ca_issuers(&[]);
    assert_eq!(extensions(none), extensions(tbs()));
}

#[test]
fn a_prepared_crl_of_any_kind_travels_as_octets() {
    let (point, freshest, issuers) =
        (point(Some(Only::CaCertificates)), uris([DELTA]), uris([FULL]));
    let most = tbs()
        .with_issuing_distribution_point(&point)
        .with_ca_issuers(&issuers)
        .with_expired_certificates_since(at("2026-01-01T00:00:00Z"));
    let complete = prepare(most.with_freshest_crl(&freshest), &entries(3));
    let delta = prepare(most.with_base(base()).unwrap(), &entries(3));
    assert_eq!((complete.base_number(), delta.base_number()), (None, Some(base())));
    for prepared in [complete, delta] {
        let read = prepared.issuing_distribution_point().unwrap();
        assert_eq!((read.uris(), read.only_contains_ca_certs), (&[FULL][..], true));
        assert_eq!(prepared.extensions().len(), 6);
        let der = prepared.assemble(&[0x55; 71], &FakeVerifier(true)).unwrap();
        let crl = CertificateList::from_der(&der).unwrap();
        assert_eq!(crl.issuing_distribution_point(), Some(&read));
    }
    assert_eq!(prepare(tbs(), &[]).issuing_distribution_point(), None);
}

/// Each has one thing that is never written here.
#[test]
fn a_prepared_crl_of_another_kind_is_refused() {
    let read = |extensions: &[&[u8]]| {
        let der = make(tbs(), &[]).unwrap();
        let tbs = CertificateList::from_der(&der).unwrap().tbs().to_vec();
        // All before the list of extensions, which holds fewer than 128 octets, and that list.
        let list = tbs.windows(2).rposition(|header| header[0] == 0xa0).unwrap();
        let all = [&[&tbs[list + 4..]], extensions].concat();
        let tbs = tlv(0x30, &[&tbs[2..list], &tlv(0xa0, &[&tlv(0x30, &all)])]);
        let body = [&tbs[..], PUBLIC_KEY, b"\x04\0"].concat();
        PreparedCrl::from_bytes(&[&[1], &Sha256::digest(&body)[..], &body].concat())
    };
    let extension = |oid: Oid<'_>, critical: &[u8], value: &[u8]| {
        tlv(0x30, &[&tlv(0x06, &[oid.as_octets()]), critical, &tlv(0x04, &[value])])
    };
    let critical = b"\x01\x01\xff";
    let place = tlv(0xa0, &[&tlv(0xa0, &[&name(FULL)])]);
    let point = |critical: &[u8], fields: &[&[u8]]| {
        extension(Oid::ISSUING_DISTRIBUTION_POINT, critical, &tlv(0x30, fields))
    };
    let freshest = |critical: &[u8], after: &[u8]| {
        extension(Oid::FRESHEST_CRL, critical, &tlv(0x30, &[&tlv(0x30, &[&place, after])]))
    };
    let access = |method: u8, location: &[u8]| {
        let method = [b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30".as_slice(), &[method]].concat();
        let description = tlv(0x30, &[&method, location]);
        extension(Oid::AUTHORITY_INFO_ACCESS, b"", &tlv(0x30, &[&description]))
    };
    let delta = |critical: &[u8], base: &[u8]| {
        extension(Oid::DELTA_CRL_INDICATOR, critical, &tlv(0x02, &[base]))
    };
    let expired = |critical: &[u8], tag: u8, digits: &[u8]| {
        extension(Oid::EXPIRED_CERTS_ON_CRL, critical, &tlv(tag, &[digits]))
    };
    let (user, ca) = (b"\x81\x01\xff", b"\x82\x01\xff");
    let legal = [
        point(critical, &[&place, user]),
        freshest(b"", b""),
        access(2, &name(CERTIFICATE)),
        expired(b"", 0x18, b"20260101000000Z"),
    ];
    read(&[&legal[0], &legal[1], &legal[2], &legal[3]]).unwrap();
    read(&[&delta(critical, &[1])]).unwrap();
    for (problem, extensions) in [
        ("out of order", vec![legal[1].clone(), legal[0].clone()]),
        ("a point that is not critical", vec![point(b"", &[&place])]),
        ("an empty point", vec![point(critical, &[])]),
        ("a point without a place", vec![point(critical, &[user])]),
        ("for two kinds", vec![point(critical, &[&place, user, ca])]),
        ("a FALSE", vec![point(critical, &[&place, b"\x81\x01\0"])]),
        ("for some reasons", vec![point(critical, &[&place, b"\x83\x02\x07\x80"])]),
        ("indirect", vec![point(critical, &[&place, b"\x84\x01\xff"])]),
        ("for attributes", vec![point(critical, &[&place, b"\x85\x01\xff"])]),
        ("a critical freshest CRL", vec![freshest(critical, b"")]),
        ("a freshest CRL for reasons", vec![freshest(b"", b"\x81\x02\x07\x80")]),
        ("a freshest CRL of another", vec![freshest(b"", &tlv(0xa2, &[&name(FULL)]))]),
        ("a freshest CRL on a delta", vec![delta(critical, &[1]), legal[1].clone()]),
        ("a responder", vec![access(1, &name(CERTIFICATE))]),
        ("an issuer that is no URI", vec![access(2, b"\x82\x01x")]),
        ("a URI that is none", vec![access(2, &name("x"))]),
        ("a delta that is not critical", vec![delta(b"", &[1])]),
        ("a delta of a later CRL", vec![delta(critical, &[0x10, 0])]),
        ("expired, critically", vec![expired(critical, 0x18, b"20260101000000Z")]),
        ("expired since a UTCTime", vec![expired(b"", 0x17, b"260101000000Z")]),
        ("another extension", vec![extension(Oid::REASON_CODE, b"", b"\x0a\x01\x01")]),
    ] {
        let extensions: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        let refused = read(&extensions).unwrap_err();
        assert!(
            matches!(refused, PreparedCrlError::Malformed(_) | PreparedCrlError::Crl(_)),
            "{problem}: {refused:?}"
        );
    }
}
