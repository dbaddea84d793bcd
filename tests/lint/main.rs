//! The linter finds what breaks a rule, and nothing where none is broken.
//!
//! Each test is named by its rule. `ANNUL_SUITES` names the directory of the published samples.

mod build;
mod entries;
mod extensions;
mod fields;
#[cfg(feature = "p256")]
mod issuers;
mod profiles;
mod published;

use annul::{Finding, LintContext, LintProfile, Severity, lint, lint_der};
use build::{Crl, at};

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;
const NOTICE: Severity = Severity::Notice;

const PRIVATE: LintProfile = LintProfile::Private;
const SUBSCRIBER: LintProfile = LintProfile::CabfSubscriber;
const CA: LintProfile = LintProfile::CabfCa;
const WEBPKI: LintProfile = LintProfile::Webpki;
const ARCHIVE: LintProfile = LintProfile::Archive;

/// A while after the samples are issued.
const NOW: &str = "2026-11-22T00:00:00Z";

type Brief = (Severity, &'static str);

fn brief(findings: &[Finding]) -> Vec<Brief> {
    findings.iter().map(|finding| (finding.severity, finding.rule)).collect()
}

/// What is found with this context. It is the same with the signature and without.
fn found_with(crl: &Crl, profile: LintProfile, context: &LintContext<'_>) -> Vec<Brief> {
    let findings = lint(&crl.tbs(), profile, context);
    for finding in &findings {
        assert!(finding.to_string().contains(finding.source), "{finding}");
    }
    let found = brief(&findings);
    assert_eq!(brief(&lint_der(&crl.der(), profile, context)), found);
    found
}

fn found(crl: &Crl, profile: LintProfile) -> Vec<Brief> {
    found_with(crl, profile, &LintContext::at(at(NOW)))
}
