//! Certificates accepted and refused by CRLs of some certificates and by delta CRLs: `openssl
//! verify` and rustls-webpki, whole paths.

use crate::{
    CA,
    ca::{Ca, Template, at, distribution_points, leaf},
    relying::{
        self, OpenSslVerify,
        Verdict::{self, Good, Revoked, Unknown},
    },
    sample::Sample,
};
use annul::{
    AppendedEntry, CrlEntry, CrlNumber, DistributionPoint, LocalVerifier, Only, Reason, Serial,
    Signer, TbsCertList, Timestamp,
};
use webpki::RevocationCheckDepth;

const ZERO: &str = "http://crl.example/0.crl";
const ONE: &str = "http://crl.example/1.crl";
const CAS: &str = "http://crl.example/ca.crl";
const DELTA: &str = "http://crl.example/0-delta.crl";

fn point(uri: &str, only: Option<Only>) -> DistributionPoint {
    DistributionPoint::new(vec![uri.to_owned()], only).unwrap()
}

fn entry(serial: &str) -> CrlEntry {
    CrlEntry {
        serial: serial.parse().unwrap(),
        revocation_date: at("2026-05-01T00:00:00Z"),
        reason: Some(Reason::Superseded),
        invalidity_date: None,
    }
}

fn now() -> Timestamp {
    Sample::of(0).this_update
}

fn tbs(ca: &Ca, number: u64) -> TbsCertList<'_> {
    let Sample { this_update, next_update, .. } = Sample::of(0);
    let number = CrlNumber::from_u64(number);
    TbsCertList::new(&ca.name, ca.key_identifier(), number, this_update, next_update).unwrap()
}

fn signed(ca: &Ca, tbs: TbsCertList<'_>, serials: &[&str]) -> Vec<u8> {
    let entries: Vec<CrlEntry> = serials.iter().map(|serial| entry(serial)).collect();
    let mut der = Vec::new();
    tbs.sign(&entries, ca.key.public_key(), &ca.key, &LocalVerifier, &mut der).unwrap();
    der
}

/// The certificate of an end entity whose CRL is at this URI.
fn end_entity(ca: &Ca, serial: &str, uri: &str) -> Vec<u8> {
    let mut template = leaf(serial);
    template.extensions.push(distribution_points(uri));
    ca.sign(&template).der().to_vec()
}

/// The certificate of a CA below it, whose CRL is at this URI.
fn sub_ca(ca: &Ca, sub: &Ca, serial: &str, uri: &str) -> Vec<u8> {
    let mut extensions = sub.template(serial).extensions;
    extensions.push(distribution_points(uri));
    ca.sign(&Template { extensions, ..sub.template(serial) }).der().to_vec()
}

fn webpki(chain: &[Vec<u8>], crls: &[&[u8]], depth: RevocationCheckDepth) -> Verdict {
    relying::webpki(CA.root().der(), chain, crls, depth, now())
}

/// The `openssl verify` command, at the time of all CRLs here.
struct OpenSslPaths(OpenSslVerify);

impl OpenSslPaths {
    fn new() -> Option<Self> {
        // It asks about the root too, by a CRL of CAs.
        OpenSslVerify::new(&sub_ca(&CA, &CA, "01", CAS)).map(Self)
    }

    fn judge(&self, chain: &[Vec<u8>], crls: &[&[u8]], options: &str) -> Verdict {
        self.0.judge(chain, crls, options, now())
    }
}

#[test]
fn e17_the_crl_of_a_partition_is_about_the_certificates_that_name_it() {
    let ca = &*CA;
    let [zero, one] = [point(ZERO, None), point(ONE, Some(Only::UserCertificates))];
    let crls = [
        signed(ca, tbs(ca, 7).with_issuing_distribution_point(&zero), &["11"]),
        signed(ca, tbs(ca, 7).with_issuing_distribution_point(&one), &["21"]),
    ];
    let both: [&[u8]; 2] = [&crls[0], &crls[1]];
    let openssl = OpenSslPaths::new();
    for (serial, uri, expected) in [
        ("11", ZERO, Revoked),
        ("12", ZERO, Good),
        ("21", ONE, Revoked),
        ("22", ONE, Good),
        // Revoked on the CRL of the other partition, which is not about it.
        ("21", ZERO, Good),
    ] {
        let chain = [end_entity(ca, serial, uri)];
        // Without the CRL of its partition nothing is known.
        let other: [&[u8]; 1] = [if uri == ZERO { &crls[1] } else { &crls[0] }];
        for (crls, expected) in [(&both[..], expected), (&other, Unknown)] {
            let found = webpki(&chain, crls, RevocationCheckDepth::EndEntity);
            assert_eq!(found, expected, "{serial} {uri}");
            if let Some(openssl) = &openssl {
                assert_eq!(openssl.judge(&chain, crls, "-crl_check"), expected, "{serial} {uri}");
            }
        }
    }
}

#[test]
fn e18_a_crl_of_cas_is_about_cas() {
    let ca = &*CA;
    let sub = Ca::new("Sub CA");
    let cas = point(CAS, Some(Only::CaCertificates));
    let of_root = signed(ca, tbs(ca, 7).with_issuing_distribution_point(&cas), &["31", "41"]);
    let of_sub = signed(&sub, tbs(&sub, 7), &[]);
    let crls: [&[u8]; 2] = [&of_root, &of_sub];
    let openssl = OpenSslPaths::new();
    for (serial, expected) in [("31", Revoked), ("32", Good)] {
        let chain = [end_entity(&sub, "51", ZERO), sub_ca(ca, &sub, serial, CAS)];
        assert_eq!(webpki(&chain, &crls, RevocationCheckDepth::Chain), expected, "{serial}");
        if let Some(openssl) = &openssl {
            assert_eq!(openssl.judge(&chain, &crls, "-crl_check_all"), expected, "{serial}");
        }
    }
    // An end entity is not one of them, whatever it names.
    let chain = [end_entity(ca, "41", CAS)];
    assert_eq!(webpki(&chain, &crls, RevocationCheckDepth::EndEntity), Unknown);
    if let Some(openssl) = &openssl {
        assert_eq!(openssl.judge(&chain, &crls, "-crl_check"), Unknown);
    }
}

#[test]
fn e20_a_delta_adds_to_the_base_that_names_it() {
    let ca = &*CA;
    let Some(openssl) = OpenSslPaths::new() else { return };
    let (freshest, zero) = ([DELTA.to_owned()], point(ZERO, None));
    for point in [None, Some(&zero)] {
        let of_scope = |tbs: TbsCertList<'static>| match point {
            Some(point) => tbs.with_issuing_distribution_point(point),
            None => tbs,
        };
        let base = |number| of_scope(tbs(ca, number)).with_freshest_crl(&freshest);
        let delta =
            |number, base| of_scope(tbs(ca, number)).with_base(CrlNumber::from_u64(base)).unwrap();
        let complete = signed(ca, base(7), &["11", "13"]);
        let removed = Serial::from_octets(&[0x13]).unwrap();
        let removed = [AppendedEntry::removed(removed, at("2026-05-20T00:00:00Z"))];
        let newest = signed(ca, delta(9, 7).with_appendix(&removed), &["12"]);
        // It is for a complete CRL that came later.
        let too_new = signed(ca, delta(9, 8), &["12"]);
        let options = "-crl_check -use_deltas";
        for (serial, by_complete, by_newest) in [
            ("11", Revoked, Revoked),
            ("12", Good, Revoked),
            ("13", Revoked, Good),
            ("14", Good, Good),
        ] {
            let chain = [end_entity(ca, serial, ZERO)];
            for (crls, expected) in [
                (&[&complete[..]][..], by_complete),
                (&[&complete, &newest], by_newest),
                (&[&complete, &too_new], by_complete),
                // A delta is not the whole truth.
                (&[&newest], Unknown),
            ] {
                assert_eq!(openssl.judge(&chain, crls, options), expected, "{serial}");
            }
        }
    }
}

#[test]
fn e20_a_delta_of_another_scope_adds_nothing() {
    let ca = &*CA;
    let Some(openssl) = OpenSslPaths::new() else { return };
    let (freshest, zero, one) = ([DELTA.to_owned()], point(ZERO, None), point(ONE, None));
    let complete = tbs(ca, 7).with_freshest_crl(&freshest).with_issuing_distribution_point(&zero);
    let complete = signed(ca, complete, &[]);
    let delta = tbs(ca, 9).with_base(CrlNumber::from_u64(7)).unwrap();
    let chain = [end_entity(ca, "12", ZERO)];
    for (delta, expected) in [
        (delta.with_issuing_distribution_point(&zero), Revoked),
        (delta.with_issuing_distribution_point(&one), Good),
        (delta, Good),
    ] {
        let delta = signed(ca, delta, &["12"]);
        let found = openssl.judge(&chain, &[&complete, &delta], "-crl_check -use_deltas");
        assert_eq!(found, expected);
    }
}
