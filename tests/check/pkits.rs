//! The tests of NIST PKITS 1.0.1 that are about CRLs.

use crate::{path::World, support::at};
use annul::{Certificate, CertificateList};
use serde_json::Value;
use std::{fs, path::PathBuf};

struct Pkits(PathBuf);

impl Pkits {
    fn new() -> Option<Self> {
        let Some(suites) = std::env::var_os("ANNUL_SUITES") else {
            eprintln!("skipped: ANNUL_SUITES names no directory");
            return None;
        };
        Some(Self(PathBuf::from(suites).join("pkits")))
    }

    fn certificate(&self, name: &str) -> Certificate {
        Certificate::from_der(&fs::read(self.0.join("certs").join(name)).unwrap()).unwrap()
    }

    fn crl(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join("crls").join(name)).unwrap()
    }

    /// Why the end entity is not to be relied on.
    fn validate(&self, end_entity: &str, others: &[&str], crls: &[&str]) -> Result<(), String> {
        let anchor = self.certificate("TrustAnchorRootCertificate.crt");
        let mut ders = vec![self.crl("TrustAnchorRootCRL.crl")];
        ders.extend(crls.iter().map(|name| self.crl(name)));
        let world = World {
            anchors: vec![anchor],
            others: others.iter().map(|name| self.certificate(name)).collect(),
            // What cannot be read cannot be used.
            crls: ders.iter().filter_map(|der| CertificateList::from_der(der).ok()).collect(),
            at: at("2020-01-01T00:00:00Z"),
        };
        world.validate(&self.certificate(end_entity))
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn all_76_tests_of_pkits_about_crls() {
    let Some(pkits) = Pkits::new() else { return };
    let manifest = fs::read(pkits.0.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let tests = manifest["tests"].as_array().unwrap();
    let mut wrong = Vec::new();
    for test in tests {
        assert_eq!(test["path_intermediates"], Value::Null);
        let end_entity = test["ee"].as_str().unwrap();
        let (others, crls) = (strings(&test["other_certs"]), strings(&test["crls"]));
        let answer = pkits.validate(end_entity, &others, &crls);
        let expected = match test["why"].as_str() {
            None => answer.is_ok(),
            Some("revoked") => answer.as_ref().is_err_and(|why| why.starts_with("revoked")),
            Some("no usable CRL" | "stale CRL") => {
                answer.as_ref().is_err_and(|why| why.starts_with("undetermined"))
            }
            Some(_) => answer.is_err(),
        };
        assert_eq!(test["expect"] == "valid", test["why"].is_null());
        eprintln!("{} {}: {answer:?}", test["id"], test["name"]);
        if !expected {
            wrong.push(format!("{} {}: {answer:?}", test["id"], test["name"]));
        }
    }
    eprintln!("{} of {} tests of PKITS", tests.len() - wrong.len(), tests.len());
    assert_eq!(tests.len(), 76);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Sections 4.3.3 to 4.3.5 and 4.3.9 to 4.3.11: names that are spelt in two ways.
#[test]
fn names_of_pkits_that_are_spelt_in_two_ways_are_the_same() {
    let Some(pkits) = Pkits::new() else { return };
    for (end_entity, ca) in [
        ("ValidNameChainingWhitespaceTest3EE", "Good"),
        ("ValidNameChainingWhitespaceTest4EE", "Good"),
        ("ValidNameChainingCapitalizationTest5EE", "Good"),
        ("ValidNameUIDsTest6EE", "UID"),
        ("ValidUTF8StringEncodedNamesTest9EE", "UTF8StringEncodedNames"),
        (
            "ValidRolloverfromPrintableStringtoUTF8StringTest10EE",
            "RolloverfromPrintableStringtoUTF8String",
        ),
        ("ValidUTF8StringCaseInsensitiveMatchTest11EE", "UTF8StringCaseInsensitiveMatch"),
    ] {
        let [end_entity, certificate] =
            [end_entity, &format!("{ca}CACert")].map(|n| format!("{n}.crt"));
        let answer = pkits.validate(&end_entity, &[&certificate], &[&format!("{ca}CACRL.crl")]);
        assert_eq!(answer, Ok(()), "{end_entity}");
    }
    for (end_entity, ca, crl) in [
        ("InvalidNameChainingTest1EE.crt", "GoodCACert.crt", "GoodCACRL.crl"),
        ("InvalidNameChainingOrderTest2EE.crt", "NameOrderingCACert.crt", "NameOrderCACRL.crl"),
    ] {
        let error = pkits.validate(end_entity, &[ca], &[crl]).unwrap_err();
        assert!(error.contains("another issuer"), "{end_entity}: {error}");
    }
}
