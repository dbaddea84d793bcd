//! The CRLs that zlint is tested with: the names say what is wrong with them, or that nothing is.

use crate::*;
use annul::CertificateList;
use std::{collections::BTreeSet, env, fs, path::Path};

/// A sample, a rule, a part of what is found, and how grave that is; `None`: it is not found.
type Case = (&'static str, LintProfile, &'static str, &'static str, Option<Severity>);

const BAD: Option<Severity> = Some(ERROR);

const CASES: &[Case] = &[
    ("crlEmpty", PRIVATE, "E5", "empty name", BAD),
    ("crlEmpty", PRIVATE, "E8", "", None),
    ("crlEntrustNoRevokedCerts01", PRIVATE, "E8", "", BAD),
    ("crlEntrustNoRevokedCerts02", PRIVATE, "E8", "", BAD),
    ("crlEntrustNoRevokedCerts02", PRIVATE, "E23", "", None),
    ("crlEntrustNoRevokedCerts02", SUBSCRIBER, "E25", "2.5.29.60", Some(WARNING)),
    ("crlEntrustNoRevokedCerts02", ARCHIVE, "E23", "", None),
    ("crlHasNextUpdate", SUBSCRIBER, "", "", None),
    ("crlNotHaveNextUpdate", PRIVATE, "E7", "no nextUpdate", BAD),
    ("crlReasonCodeCrit", PRIVATE, "E29", "critical", BAD),
    // No CRL can say that something was revoked in the year 1.
    ("crlReasonCodeCrit", PRIVATE, "E6", "revocationDate", BAD),
    ("crlThisUpdate20230505", PRIVATE, "E29", "", None),
    ("crlWithAuthKeyID", PRIVATE, "E10", "authorityKeyIdentifier", None),
    // Its times have an offset instead of the Z.
    ("crlWithAuthKeyID", PRIVATE, "E6", "thisUpdate", BAD),
    ("crlWithAuthKeyIDContainsAuthorityCertIssuer", SUBSCRIBER, "E12", "", BAD),
    ("crlWithAuthKeyIDContainsAuthorityCertSerialNumber", SUBSCRIBER, "E12", "", BAD),
    ("crlWithAuthKeyIDOnlyContainsKeyID", SUBSCRIBER, "E12", "", None),
    ("crlWithAuthKeyIDOnlyContainsKeyID", PRIVATE, "", "", None),
    ("crlWithAutkeyIDMissingKeyID", PRIVATE, "E12", "no keyIdentifier", BAD),
    ("crlWithDuplicatesInCRLEntryExtensions", PRIVATE, "E10", "2.5.29.21 is there twice", BAD),
    ("crlWithDuplicatesInRevokedCertificateList", PRIVATE, "E27", "twice", BAD),
    ("crlWithMissingAuthKeyID", PRIVATE, "E10", "authorityKeyIdentifier", BAD),
    ("crlWithNoDuplicateInCRLEntryExtensions", PRIVATE, "E10", "twice", None),
    ("crlWithNoDuplicatesInRevokedCertificateList", PRIVATE, "E27", "", None),
    ("crlWithReasonCode0", PRIVATE, "E29", "unspecified", Some(WARNING)),
    ("crlWithReasonCode0", SUBSCRIBER, "E29", "unspecified", BAD),
    ("crlWithReasonCode2", SUBSCRIBER, "E30", "cACompromise", BAD),
    ("crlWithReasonCode2", CA, "E31", "", None),
    ("crlWithReasonCode5", SUBSCRIBER, "E30", "", None),
    ("crlWithReasonCode7", PRIVATE, "E29", "7 is no reason", BAD),
    (EMPTY_LIST, PRIVATE, "E8", "", BAD),
    (EMPTY_LIST_AND_NAME, PRIVATE, "E8", "", BAD),
    // ECDSA with parameters, which is the one mistake that its name does not tell.
    ("crl_ecc_sha384_nulx_effx", PRIVATE, "E4", "must have none", BAD),
    ("crl_empty_revoked_certificates_ko", PRIVATE, "E8", "", BAD),
    ("crl_empty_revoked_certificates_ok", SUBSCRIBER, "", "", None),
    ("crl_missing_crl_number_ko", PRIVATE, "E10", "cRLNumber", BAD),
    ("crl_missing_crl_number_ok", SUBSCRIBER, "", "", None),
    ("crl_nextupdate_nup0_sub0_len0_eff0", CA, "E7", "no nextUpdate", BAD),
    ("crl_nextupdate_nup0_sub0_len0_eff0", CA, "E37", "", None),
    // Twelve months are up to the second: nobody should come as close.
    ("crl_nextupdate_nup1_sub0_len0_eff0", CA, "E37", "just 12 months", Some(WARNING)),
    ("crl_nextupdate_nup1_sub0_len1_eff0", CA, "E37", "more than 12 months", BAD),
    ("crl_nextupdate_nup1_sub0_len1_eff1", CA, "E37", "more than 12 months", BAD),
    ("crl_nextupdate_nup1_sub1_len0_eff0", SUBSCRIBER, "E37", "", None),
    ("crl_nextupdate_nup1_sub1_len1_eff0", SUBSCRIBER, "E37", "more than 10 days", BAD),
    ("crl_nextupdate_nup1_sub1_len1_eff1", SUBSCRIBER, "E37", "more than 10 days", BAD),
    ("crl_no_crl_number", PRIVATE, "E10", "cRLNumber", BAD),
    ("crl_no_duplicate_ext", PRIVATE, "E10", "twice", None),
    ("crl_no_revoked_certs", PRIVATE, "E8", "", None),
    ("crl_number_negative", PRIVATE, "E13", "", BAD),
    ("crl_number_too_large", PRIVATE, "E13", "", BAD),
    ("crl_number_valid", PRIVATE, "", "", None),
    ("crl_revocation_date_too_early", PRIVATE, "E6", "revocationDate", BAD),
    ("crl_revocation_time_after_this_update", PRIVATE, "E28", "", BAD),
    ("crl_revocation_time_before_this_update", PRIVATE, "E28", "", None),
    ("crl_revocation_time_equals_this_update", PRIVATE, "E28", "", None),
    ("crl_rsa_sha224_nul0_eff1", PRIVATE, "E4", "NULL", BAD),
    ("crl_rsa_sha224_nul1_effx", PRIVATE, "E4", "", None),
    ("crl_rsa_sha224_nul1_effx", SUBSCRIBER, "E4", "not permitted", BAD),
    ("crl_rsa_sha256_nul0_eff0", PRIVATE, "E4", "NULL", BAD),
    ("crl_rsa_sha256_nul0_eff1", PRIVATE, "E4", "NULL", BAD),
    ("crl_rsa_sha256_nul1_effx", SUBSCRIBER, "E4", "", None),
    ("crl_rsa_sha384_nul0_eff1", PRIVATE, "E4", "NULL", BAD),
    ("crl_rsa_sha384_nul1_effx", SUBSCRIBER, "E4", "", None),
    ("crl_rsa_sha512_nul0_eff1", PRIVATE, "E4", "NULL", BAD),
    ("crl_rsa_sha512_nul1_effx", SUBSCRIBER, "E4", "", None),
    ("crl_valid_revocation_date", PRIVATE, "E6", "", None),
    ("crl_with_discouraged_extensions", SUBSCRIBER, "E25", "2.5.29.27", Some(WARNING)),
    ("crl_with_discouraged_extensions", PRIVATE, "E20", "not critical", BAD),
    ("crl_with_duplicate_ext", PRIVATE, "E10", "2.5.29.20 is there twice", BAD),
    ("crl_with_invalid_extensions", PRIVATE, "E10", "there is no", BAD),
    ("crl_with_invalid_extensions", SUBSCRIBER, "E25", "2.5.29.21", Some(WARNING)),
    ("crl_with_valid_extensions", PRIVATE, "", "", None),
    ("crl_with_wrong_critical_for_authkey_id", PRIVATE, "E12", "critical", BAD),
    ("crl_with_wrong_critical_for_crl_number", PRIVATE, "E13", "critical", BAD),
];

const EMPTY_LIST: &str = "crlWithRevokedCertificatesContainerButNoActualRevokedCerts-CBonnell";
const EMPTY_LIST_AND_NAME: &str =
    "crlWithRevokedCertificatesContainerButNoActualRevokedCerts-ReallyReallyBroken";

#[test]
fn the_samples_of_zlint_are_judged_as_their_names_say() {
    let Some(suites) = env::var_os("ANNUL_SUITES") else {
        eprintln!("skipped: ANNUL_SUITES names no directory");
        return;
    };
    let directory = Path::new(&suites).join("zlint_crl");
    let mut files: BTreeSet<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pem"))
        .collect();
    for &(name, profile, rule, part, expected) in CASES {
        let name = format!("{name}.pem");
        let text = fs::read(directory.join(&name)).unwrap();
        files.remove(&name);
        let der = CertificateList::pem_to_der(&text).unwrap();
        let findings = lint_der(&der, profile, &LintContext::at(at("2027-01-01T00:00:00Z")));
        let about = findings.iter().filter(|finding| {
            (rule.is_empty() || finding.rule == rule) && finding.what.contains(part)
        });
        let gravest = about.map(|finding| finding.severity).max();
        assert_eq!(gravest, expected, "{name} {rule} {findings:#?}");
    }
    assert!(files.is_empty(), "not judged: {files:?}");
}
