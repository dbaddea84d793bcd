//! CRLs that go on telling of certificates that expired, and the last of all: ETSI EN 319 411.

use super::{
    Case, LintProfile,
    extensions::expired_since,
    findings::{Findings, Rule, Severity},
};
use crate::time::Timestamp;

const PRACTICE: &str = "ETSI EN 319 411-2";

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    let is_archive = case.profile == LintProfile::Archive;
    let since = expired_since(case);
    if is_archive {
        kept(case, since, found);
    }
    // The Baseline Requirements know no last CRL: nextUpdate is bounded whatever happens.
    if case.profile.is_cabf() {
        return;
    }
    let severity = if is_archive { Severity::Error } else { Severity::Warning };
    let mut add = |what: &str| found.add(severity, Rule("E43", PRACTICE), what);
    let never = case.crl.next_update() == Some(Timestamp::MAX);
    if !case.context.last {
        if never {
            add("nextUpdate says that none will follow, and it is not the last one");
        }
        return;
    }
    if !never {
        add("nextUpdate of the last CRL is not 99991231235959Z");
    }
    if since.is_none() && !is_archive {
        add("the last CRL does not say since when certificates stay on it after they expired");
    }
    if case.crl.is_delta() {
        add("the last CRL is a delta CRL: it must list everything");
    }
}

fn kept(case: Case<'_>, since: Option<Timestamp>, found: &mut Findings) {
    let rule = Rule("E23", PRACTICE);
    let Some(since) = since else {
        return found.error(rule, "there is no expiredCertsOnCRL");
    };
    if let Some(this_update) = case.crl.this_update().filter(|this_update| since > *this_update) {
        let what = format!("expiredCertsOnCRL {since} is after thisUpdate {this_update}");
        found.error(rule, what);
    }
    let Some(issuer) = case.context.issuer else { return };
    if let Some(first) = issuer.certificates().map(|ca| ca.not_before()).min()
        && since > first
    {
        let what = format!(
            "the issuer is valid since {first}: what expired before {since} may have left the list"
        );
        found.add(Severity::Notice, rule, what);
    }
}
