//! Whatever comes as a CRL, every profile judges it without a panic, the same each time; and what
//! no rule objects to can be read, here and, where its profile is asked, by rustls-webpki.
#![no_main]

use annul::{CertificateList, LintContext, LintProfile, Severity, Timestamp, lint, lint_der};
use libfuzzer_sys::fuzz_target;
use webpki::OwnedCertRevocationList;

fuzz_target!(|octets: &[u8]| {
    judge(octets);
    if let Ok(der) = CertificateList::pem_to_der(octets) {
        judge(&der);
    }
});

fn judge(der: &[u8]) {
    let uris = ["http://crl.example/1.crl".to_owned()];
    let is_ca =
        |serial: annul::SerialRef<'_>| serial.as_octets().first().map(|octet| octet % 2 == 0);
    let plain = LintContext::at(Timestamp::MAX);
    let full = plain.with_distribution_points(&uris).with_kinds(&is_ca).with_last();
    for profile in LintProfile::ALL {
        for context in [plain, full] {
            let findings = lint_der(der, profile, &context);
            assert_eq!(findings, lint_der(der, profile, &context));
            findings.iter().for_each(|finding| drop(finding.to_string()));
            // Of one rule, a hundred entries; there are not so many fields.
            assert!(findings.len() < 10_000);
            if findings.iter().any(|finding| finding.severity == Severity::Error) {
                continue;
            }
            let crl = CertificateList::from_der(der).unwrap();
            assert!(crl.entries().all(|entry| entry.is_ok()));
            assert_eq!(lint(crl.tbs(), profile, &context).len(), findings.len());
            if profile == LintProfile::Webpki {
                assert!(OwnedCertRevocationList::from_der(der).is_ok());
            }
        }
    }
}
