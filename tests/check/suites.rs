//! Certificates and CRLs of other suites.

use crate::{ca::at, path::World};
use annul::{Certificate, CertificateList, CheckOutcome, LocalVerifier, RevocationCheck};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn suites() -> Option<PathBuf> {
    let suites = std::env::var_os("ANNUL_SUITES").map(PathBuf::from);
    if suites.is_none() {
        eprintln!("skipped: ANNUL_SUITES names no directory");
    }
    suites
}

#[test]
fn all_8_tests_of_limbo_about_crls() {
    let Some(suites) = suites() else { return };
    let limbo: Value =
        serde_json::from_slice(&fs::read(suites.join("limbo_crl.json")).unwrap()).unwrap();
    let tests = limbo["testcases"].as_array().unwrap();
    assert_eq!(tests.len(), 8);
    for test in tests {
        let texts = |name: &str| -> Vec<&str> {
            test[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
        };
        let certificate = |text: &str| Certificate::from_pem(text).unwrap();
        let ders: Vec<Vec<u8>> = texts("crls")
            .iter()
            .map(|text| CertificateList::pem_to_der(text.as_bytes()).unwrap())
            .collect();
        let world = World {
            anchors: texts("trusted_certs").into_iter().map(certificate).collect(),
            others: texts("untrusted_intermediates").into_iter().map(certificate).collect(),
            crls: ders.iter().map(|der| CertificateList::from_der(der).unwrap()).collect(),
            at: at(test["validation_time"].as_str().unwrap()),
        };
        let answer = world.validate(&certificate(test["peer_certificate"].as_str().unwrap()));
        eprintln!("{}: {answer:?}", test["id"]);
        assert_eq!(answer.is_ok(), test["expected_result"] == "SUCCESS", "{}", test["id"]);
        if let Err(why) = answer {
            // Not for another reason than the one that the test is about.
            assert!(why.starts_with("revoked") || why.contains("is not used"), "{why}");
            assert!(!why.contains("another issuer"), "{why}");
        }
    }
}

/// Every certificate of a suite, by everyone who may have issued it, is checked against all CRLs:
/// no answer is good unless a CRL was verified.
#[test]
fn every_certificate_of_the_suites_is_checked_without_a_panic() {
    let Some(suites) = suites() else { return };
    for suite in ["rustls_webpki", "openssl", "pyca_crl", "zlint_crl", "rustcrypto"] {
        let (mut certificates, mut ders) = (Vec::new(), Vec::new());
        collect(&suites.join(suite), &mut certificates, &mut ders);
        let crls: Vec<_> =
            ders.iter().filter_map(|der| CertificateList::from_der(der).ok()).collect();
        // One certificate that no CRL is about.
        certificates.push(crate::ca::Ca::new("CA").root().into_certificate());
        let (mut good, mut revoked, mut undetermined) = (0, 0, 0);
        for issuer in &certificates {
            let check = RevocationCheck::new(issuer);
            let by_issuer = |other: &&Certificate| other.issuer_name() == issuer.subject();
            let by_subject = |crl: &&CertificateList<'_>| crl.issuer() == issuer.subject();
            let times: Vec<_> =
                crls.iter().filter(by_subject).map(CertificateList::this_update).collect();
            for certificate in certificates.iter().filter(by_issuer) {
                for &at in times.iter().chain([&certificate.not_after()]) {
                    match check.check(certificate, &crls, at, &LocalVerifier) {
                        CheckOutcome::Good => {
                            let verified = |crl: &CertificateList<'_>| {
                                crl.verify(issuer.public_key(), &LocalVerifier).is_ok()
                            };
                            assert!(crls.iter().any(verified));
                            good += 1;
                        }
                        CheckOutcome::Revoked(_) => revoked += 1,
                        _ => undetermined += 1,
                    }
                }
            }
        }
        eprintln!("{suite}: {good} good, {revoked} revoked, {undetermined} undetermined");
        assert!(undetermined > 0);
    }
}

/// What can be read, by its content.
fn collect(directory: &Path, certificates: &mut Vec<Certificate>, crls: &mut Vec<Vec<u8>>) {
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, certificates, crls);
            continue;
        }
        let content = fs::read(&path).unwrap();
        match Certificate::all_from_pem(&content) {
            Ok(all) => certificates.extend(all),
            Err(_) => certificates.extend(Certificate::from_der(&content)),
        }
        crls.push(CertificateList::pem_to_der(&content).unwrap_or(content));
    }
}
