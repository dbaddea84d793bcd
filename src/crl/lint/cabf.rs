//! What the CA/Browser Forum's Baseline Requirements demand of public CRLs besides.

use super::{
    Case, LintProfile,
    entry::Entry,
    findings::{Findings, Rule, Severity},
    names::PointName,
    scope,
};
use crate::{
    crl::{extension::Oid, read::IssuingDistributionPoint},
    reason::{Reason, ReasonCode},
    scope::Scope,
    time::Timestamp,
};
use std::time::Duration;
use time::OffsetDateTime;

/// BR 1.6.1: a day has 86,400 seconds.
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    validity(case, found);
    let rule = Rule("E25", "BR 7.2.2");
    const RECOMMENDED: [Oid<'_>; 3] =
        [Oid::AUTHORITY_KEY_IDENTIFIER, Oid::CRL_NUMBER, Oid::ISSUING_DISTRIBUTION_POINT];
    for extension in &case.crl.extensions.all {
        if !RECOMMENDED.contains(&extension.oid) {
            found.warning(rule, format!("the extension {} is not recommended", extension.oid));
        }
    }
    if let Some(point) = &case.crl.point {
        distribution_point(case, point, found);
    }
}

fn validity(case: Case<'_>, found: &mut Findings) {
    let rule = Rule("E37", "BR 7.2");
    let (Some(this_update), Some(next_update)) = (case.crl.this_update(), case.crl.next_update())
    else {
        return;
    };
    let (latest, careful, limit) = if case.profile == LintProfile::CabfSubscriber {
        (this_update.saturating_add(10 * DAY), 10 * DAY, "10 days")
    } else {
        (a_year_after(this_update), 365 * DAY, "12 months")
    };
    if next_update > latest {
        let what = format!("nextUpdate {next_update} is more than {limit} after {this_update}");
        found.error(rule, what);
    } else if next_update.saturating_since(this_update) >= careful {
        // Whoever counts the last second too, or a year as 365 days, finds it too long.
        let what = format!("nextUpdate {next_update} is just {limit} after {this_update}");
        found.warning(rule, format!("{what}: one second less satisfies everybody"));
    }
}

/// The same date and time twelve months later.
fn a_year_after(time: Timestamp) -> Timestamp {
    let utc = OffsetDateTime::from(time);
    let later = utc.replace_year(utc.year().saturating_add(1)).ok();
    // On February 29 there is none.
    let later = later.and_then(|later| Timestamp::try_from(later).ok());
    later.unwrap_or_else(|| time.saturating_add(365 * DAY))
}

fn distribution_point(case: Case<'_>, point: &IssuingDistributionPoint<'_>, found: &mut Findings) {
    let rule = Rule("E17", "BR 7.2.2.1");
    match scope::name_of(point) {
        Ok(None) => found.error(rule, "an issuing distribution point without distributionPoint"),
        Ok(Some(PointName::Relative)) => {
            found.error(rule, "an issuing distribution point without a full name");
        }
        Ok(Some(PointName::Full(names))) if names.others > 0 || names.uris.is_empty() => {
            found.error(rule, "the full name must hold URIs and nothing else");
        }
        Ok(Some(PointName::Full(_))) | Err(_) => {}
    }
    if point.indirect_crl {
        found.error(rule, "an indirect CRL");
    }
    if point.only_some_reasons.is_some() {
        found.warning(rule, "a CRL about some reasons only");
    }
    if case.context.scope == Some(Scope::Full) {
        found.warning(rule, "an issuing distribution point on a full CRL is not recommended");
    }
}

pub(super) fn entry(case: Case<'_>, entry: &Entry<'_>, found: &mut Findings) {
    let serial = entry.serial;
    let mut add = |severity, rule, what: &dyn Fn() -> String| {
        found.entry(severity, rule, serial, what);
    };
    for extension in entry.extensions.iter().filter(|e| e.oid != Oid::REASON_CODE) {
        let rule = Rule("E25", "BR 7.2.2");
        if extension.oid == Oid::CERTIFICATE_ISSUER {
            let what = || "an entry of another issuer".to_owned();
            add(Severity::Error, Rule("E35", "BR 7.2.2.1"), &what);
        } else {
            let what = || format!("the entry extension {} is not recommended", extension.oid);
            add(Severity::Warning, rule, &what);
        }
    }
    let reason = entry.reason;
    if reason == Some(ReasonCode::CertificateHold) {
        let what = || "certificateHold: no certificate is suspended in public".to_owned();
        add(Severity::Error, Rule("E44", "BR 4.9.13"), &what);
    }
    let is_ca = case.is_ca(serial).unwrap_or(case.profile == LintProfile::CabfCa);
    match (reason, is_ca) {
        (None, true) => {
            let what = || "a certificate of a CA is revoked without a reason".to_owned();
            add(Severity::Error, Rule("E31", "BR 7.2.2"), &what);
        }
        (Some(code), true) if !is_for_cas(code) => {
            let what = || format!("{code} is no reason to revoke the certificate of a CA");
            add(Severity::Error, Rule("E31", "BR 7.2.2"), &what);
        }
        (Some(ReasonCode::Reason(Reason::Unspecified)), false) => {
            let what = || "the reason unspecified must be left out".to_owned();
            add(Severity::Error, Rule("E29", "BR 7.2.2"), &what);
        }
        (Some(code), false) if !is_for_subscribers(code) => {
            let what = || format!("{code} is no reason to revoke a subscriber's certificate");
            add(Severity::Error, Rule("E30", "BR 7.2.2"), &what);
        }
        _ => {}
    }
}

fn is_for_subscribers(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::Reason(
            Reason::KeyCompromise
                | Reason::AffiliationChanged
                | Reason::Superseded
                | Reason::CessationOfOperation
                | Reason::PrivilegeWithdrawn
        )
    )
}

fn is_for_cas(code: ReasonCode) -> bool {
    code == ReasonCode::Reason(Reason::CaCompromise) || is_for_subscribers(code)
}
