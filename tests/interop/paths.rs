//! Certificates accepted and refused by CRLs of some certificates and by delta CRLs: `openssl
//! verify` and rustls-webpki, whole paths.

use crate::{
    CA,
    ca::{self, Ca, Template, at, leaf},
    openssl::OpenSsl,
    sample::Sample,
};
use annul::{
    AppendedEntry, CrlEntry, CrlNumber, DistributionPoint, LocalVerifier, Only, Reason, Serial,
    Signer, TbsCertList, Timestamp,
};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{
    CertRevocationList, EndEntityCert, Error, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
    ring::ECDSA_P256_SHA256,
};

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

/// cRLDistributionPoints with this URI.
fn distribution_points(uri: &str) -> Vec<u8> {
    let name = ca::element(0xa0, &[&ca::element(0x86, &[uri.as_bytes()])]);
    let point = ca::element(0x30, &[&ca::element(0xa0, &[&name])]);
    ca::extension(31, false, &ca::element(0x30, &[&point]))
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

/// What rustls-webpki says of a path below the CA, by these CRLs.
fn webpki(chain: &[Vec<u8>], crls: &[&[u8]], depth: RevocationCheckDepth) -> Result<(), Error> {
    let root = CA.root();
    let root = CertificateDer::from(root.der());
    let anchors = [anchor_from_trusted_cert(&root).unwrap()];
    let crls: Vec<CertRevocationList<'_>> =
        crls.iter().map(|der| OwnedCertRevocationList::from_der(der).unwrap().into()).collect();
    let crls: Vec<&CertRevocationList<'_>> = crls.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&crls)
        .unwrap()
        .with_depth(depth)
        .with_status_policy(UnknownStatusPolicy::Deny)
        .build();
    let (leaf, above) = chain.split_first().unwrap();
    let leaf = CertificateDer::from(leaf.as_slice());
    let above: Vec<CertificateDer<'_>> =
        above.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let algorithms: &[&dyn SignatureVerificationAlgorithm] = &[ECDSA_P256_SHA256];
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now().unix().unsigned_abs()));
    let usage = KeyUsage::client_auth();
    EndEntityCert::try_from(&leaf)
        .unwrap()
        .verify_for_usage(algorithms, &anchors, &above, time, usage, Some(revocation), None)
        .map(drop)
}

/// What `openssl verify` says of it: whether it is fine, or the complaint.
struct OpenSslPaths(OpenSsl);

impl OpenSslPaths {
    fn new() -> Option<Self> {
        let openssl = OpenSsl::new()?;
        // It asks about the root too, by a CRL of CAs.
        openssl.write("root.der", sub_ca(&CA, &CA, "01", CAS));
        openssl.must("x509 -inform DER -in root.der -out root.pem");
        Some(Self(openssl))
    }

    fn verify(&self, chain: &[Vec<u8>], crls: &[&[u8]], options: &str) -> Result<(), String> {
        let Self(openssl) = self;
        let mut line =
            format!("verify -attime {} -CAfile root.pem -extended_crl {options}", now().unix());
        for (n, crl) in crls.iter().enumerate() {
            openssl.write("crl.der", crl);
            openssl.must(&format!("crl -inform DER -in crl.der -out {n}.crl"));
            line += &format!(" -CRLfile {n}.crl");
        }
        for (n, certificate) in chain.iter().enumerate().rev() {
            openssl.write("certificate.der", certificate);
            openssl.must(&format!("x509 -inform DER -in certificate.der -out {n}.pem"));
            line += &if n > 0 { format!(" -untrusted {n}.pem") } else { format!(" {n}.pem") };
        }
        let arguments: Vec<&str> = line.split_whitespace().collect();
        openssl.run(&arguments).map(drop)
    }

    fn is_revoked(&self, chain: &[Vec<u8>], crls: &[&[u8]], options: &str) -> bool {
        match self.verify(chain, crls, options) {
            Ok(()) => false,
            Err(complaint) => {
                assert!(complaint.contains("certificate revoked"), "{complaint}");
                true
            }
        }
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
    let depth = RevocationCheckDepth::EndEntity;
    for (serial, uri, is_revoked) in [
        ("11", ZERO, true),
        ("12", ZERO, false),
        ("21", ONE, true),
        ("22", ONE, false),
        // Revoked on the CRL of the other partition, which is not about it.
        ("21", ZERO, false),
    ] {
        let chain = [end_entity(ca, serial, uri)];
        let expected = if is_revoked { Err(Error::CertRevoked) } else { Ok(()) };
        assert_eq!(webpki(&chain, &both, depth), expected, "{serial} {uri}");
        if let Some(openssl) = &openssl {
            assert_eq!(openssl.is_revoked(&chain, &both, "-crl_check"), is_revoked);
        }
        // Without the CRL of its partition nothing is known.
        let other: [&[u8]; 1] = [if uri == ZERO { &crls[1] } else { &crls[0] }];
        let unknown = Err(Error::UnknownRevocationStatus);
        assert_eq!(webpki(&chain, &other, depth), unknown, "{serial} {uri}");
        if let Some(openssl) = &openssl {
            let complaint = openssl.verify(&chain, &other, "-crl_check").unwrap_err();
            assert!(!complaint.contains("certificate revoked"), "{complaint}");
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
    for (serial, is_revoked) in [("31", true), ("32", false)] {
        let chain = [end_entity(&sub, "51", ZERO), sub_ca(ca, &sub, serial, CAS)];
        let expected = if is_revoked { Err(Error::CertRevoked) } else { Ok(()) };
        assert_eq!(webpki(&chain, &crls, RevocationCheckDepth::Chain), expected, "{serial}");
        if let Some(openssl) = &openssl {
            let found = openssl.is_revoked(&chain, &crls, "-crl_check_all");
            assert_eq!(found, is_revoked, "{serial}");
        }
    }
    // An end entity is not one of them, whatever it names.
    let chain = [end_entity(ca, "41", CAS)];
    let unknown = Err(Error::UnknownRevocationStatus);
    assert_eq!(webpki(&chain, &crls, RevocationCheckDepth::EndEntity), unknown);
    if let Some(openssl) = &openssl {
        let complaint = openssl.verify(&chain, &crls, "-crl_check").unwrap_err();
        assert!(!complaint.contains("certificate revoked"), "{complaint}");
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
        for (serial, by_complete, by_newest) in
            [("11", true, true), ("12", false, true), ("13", true, false), ("14", false, false)]
        {
            let chain = [end_entity(ca, serial, ZERO)];
            assert_eq!(openssl.is_revoked(&chain, &[&complete], options), by_complete);
            let found = openssl.is_revoked(&chain, &[&complete, &newest], options);
            assert_eq!(found, by_newest, "{serial}");
            let found = openssl.is_revoked(&chain, &[&complete, &too_new], options);
            assert_eq!(found, by_complete, "{serial}");
            // A delta is not the whole truth.
            let complaint = openssl.verify(&chain, &[&newest], options).unwrap_err();
            assert!(complaint.contains("unable to get certificate CRL"), "{complaint}");
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
    for (delta, adds) in [
        (delta.with_issuing_distribution_point(&zero), true),
        (delta.with_issuing_distribution_point(&one), false),
        (delta, false),
    ] {
        let delta = signed(ca, delta, &["12"]);
        let found = openssl.is_revoked(&chain, &[&complete, &delta], "-crl_check -use_deltas");
        assert_eq!(found, adds);
    }
}
