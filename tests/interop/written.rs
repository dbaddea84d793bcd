//! CRLs for linters that are no part of these tests, such as pkilint.

use crate::{
    ca::{self, Ca, at},
    kind::Kind,
    sample::{Listed, Sample, sample},
};
use annul::{CrlEntry, CrlNumber, DistributionPoint, Only, Reason, ReasonCode, Serial, SigningKey};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use std::{env, fs, path::Path};

#[test]
fn crls_are_written_for_other_linters() {
    let Some(directory) = env::var_os("ANNUL_CRL_DIR") else { return };
    fs::create_dir_all(&directory).unwrap();
    let mut runner = TestRunner::deterministic();
    for (algorithm, key) in keys() {
        let ca = Ca::with_key("Größe CA", key);
        let any = (0..9).map(|n| {
            let mut sample = sample().new_tree(&mut runner).unwrap().current();
            // They rightly object to serial numbers that none of ours can be.
            sample.kind.appendix.retain(|e| e.reason == Some(ReasonCode::RemoveFromCrl));
            (format!("any-{n}"), sample)
        });
        for (name, sample) in chosen().into_iter().chain(kinds()).chain(any) {
            let file = Path::new(&directory).join(format!("{algorithm}-{name}.crl"));
            fs::write(file, sample.sign(&ca)).unwrap();
        }
    }
}

/// A key of each kind that this build signs with.
fn keys() -> Vec<(&'static str, SigningKey)> {
    vec![
        ("p256", ca::p256_key("linted")),
        #[cfg(feature = "p384")]
        ("p384", ca::p384_key("linted")),
        #[cfg(feature = "ed25519")]
        ("ed25519", ca::ed25519_key("linted")),
        #[cfg(feature = "rsa")]
        ("rsa", SigningKey::from_pem(rsa_key()).unwrap()),
    ]
}

#[cfg(feature = "rsa")]
fn rsa_key() -> String {
    let openssl = crate::openssl::OpenSsl::new().unwrap();
    openssl.must("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")
}

fn chosen() -> Vec<(String, Sample)> {
    let entry = |serial: u8| CrlEntry {
        serial: Serial::from_octets(&[serial]).unwrap(),
        revocation_date: at("2026-05-01T00:00:00Z"),
        reason: None,
        invalidity_date: None,
    };
    let reasons = (1..).zip(Reason::ALL);
    let reasons = reasons.map(|(n, reason)| CrlEntry { reason: Some(reason), ..entry(n) });
    let times = ["1950-01-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-06-01T12:00:00Z"];
    let dates = (1..).zip(times.map(at)).map(|(n, date)| CrlEntry {
        revocation_date: date,
        invalidity_date: Some(date),
        ..entry(n)
    });
    let (last_utc, first_generalized) = (at("2049-12-31T23:59:59Z"), at("2050-01-01T00:00:00Z"));
    let last = at("9999-12-31T23:59:59Z");
    let most = CrlNumber::from_be_bytes([0x7f; 20]).unwrap();
    let turn = Sample { this_update: last_utc, next_update: first_generalized, ..Sample::of(5) };
    [
        ("empty", Sample::of(0)),
        ("one", Sample::of(1)),
        ("many", Sample::of(2000)),
        ("reasons", Sample { entries: reasons.collect(), ..Sample::of(0) }),
        ("dates", Sample { entries: dates.collect(), ..Sample::of(0) }),
        ("turn", turn),
        ("late", Sample { this_update: first_generalized, next_update: last, ..Sample::of(5) }),
        ("number", Sample { number: most, ..Sample::of(1) }),
    ]
    .map(|(name, sample)| (name.to_owned(), sample))
    .into()
}

/// What a publisher of partitions and deltas makes.
fn kinds() -> Vec<(String, Sample)> {
    let uris = |uris: &[&str]| uris.iter().map(|&uri| uri.to_owned()).collect::<Vec<_>>();
    let point = |only| {
        let uris = uris(&["http://crl.example/p0.crl", "http://mirror.example/p0.crl"]);
        Some(DistributionPoint::new(uris, only).unwrap())
    };
    let full = Kind {
        freshest_crl: uris(&["http://crl.example/delta.crl"]),
        ca_issuers: uris(&["http://crl.example/ca.crt"]),
        expired_since: Some(at("2020-01-01T00:00:00Z")),
        ..Kind::default()
    };
    let removed = Listed {
        serial: vec![0x5e],
        revocation_date: at("2026-05-01T00:00:00Z"),
        reason: Some(ReasonCode::RemoveFromCrl),
        invalidity_date: None,
    };
    let delta = Kind { base: Some(CrlNumber::MIN), appendix: vec![removed], ..Kind::default() };
    let of = |kind| Sample { kind, ..Sample::of(9) };
    [
        ("full-kind", of(full.clone())),
        ("partition", of(Kind { point: point(None), ..full.clone() })),
        ("users", of(Kind { point: point(Some(Only::UserCertificates)), ..full.clone() })),
        ("cas", of(Kind { point: point(Some(Only::CaCertificates)), ..full })),
        ("delta", of(delta.clone())),
        ("delta-partition", of(Kind { point: point(None), ..delta })),
    ]
    .map(|(name, sample)| (name.to_owned(), sample))
    .into()
}
