//! CRLs for the public, under the Baseline Requirements of the CA/Browser Forum: what is released is
//! clean, and what is not clean is not released.

use crate::{
    DAY,
    ca::Ca,
    complete,
    world::{BASE, World},
};
use annul::{
    Certificate, CrlPlace, CrlRequest, Distribution, Issue, LintProfile, PublishError, Reason,
    RevocationDetails, RevokeCa, Scope, Severity,
};
use std::{env, fs, path::Path, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

/// All that one second less than ten days, or than a year, allows.
const SUBSCRIBER: Duration = DAY.saturating_mul(10).saturating_sub(SECOND);
const CA: Duration = DAY.saturating_mul(365).saturating_sub(SECOND);

/// Releases a CRL of each scope, of which no linter may say anything.
fn release_all(world: &World, ca: &Ca, profile: LintProfile, name: &str) {
    let (validity, kind) = match profile {
        LintProfile::CabfCa => (CA, "br-ca"),
        _ => (SUBSCRIBER, "br-subscriber"),
    };
    for scope in world.authority.scopes(ca.id()).unwrap() {
        let issue = Issue::new(CrlRequest::new(validity).of(scope)).with_profile(profile);
        assert_eq!(world.release(ca, &issue).findings, [], "{name} {scope}");
        let Some(directory) = env::var_os("ANNUL_CRL_DIR") else { continue };
        fs::create_dir_all(&directory).unwrap();
        let file = Path::new(&directory).join(format!("released-{name}-{scope}.{kind}.crl"));
        fs::write(file, world.shown(&CrlPlace::complete(ca.id(), scope))).unwrap();
    }
}

fn revoke(world: &World, certificate: &Certificate, reason: Option<Reason>) {
    let details = RevocationDetails { reason, ..RevocationDetails::default() };
    world.revoke_with(certificate, details);
}

const FOR_SUBSCRIBERS: [Reason; 5] = [
    Reason::KeyCompromise,
    Reason::AffiliationChanged,
    Reason::Superseded,
    Reason::CessationOfOperation,
    Reason::PrivilegeWithdrawn,
];

#[test]
fn e17_e29_e30_e37_crls_of_subscribers_are_clean() {
    let world = World::new();
    world.distribute(&world.divided(&Distribution::new(BASE).with_user_certificates(), 4));
    let reasons = FOR_SUBSCRIBERS.map(Some).into_iter().chain([None, Some(Reason::Unspecified)]);
    let issued: Vec<_> = reasons.map(|reason| (world.issue(Scope::Full), reason)).collect();
    assert_eq!(world.authority.scopes(world.below.id()).unwrap().len(), 5);
    let profile = LintProfile::CabfSubscriber;
    release_all(&world, &world.below, profile, "none");
    for (issued, reason) in &issued {
        revoke(&world, &issued.certificate, *reason);
    }
    release_all(&world, &world.below, profile, "each");
    // All of them are listed where their CA has fallen, with no reason of their own.
    world.issue(Scope::Full);
    let fall = RevokeCa::new(world.below.id()).with_reason(Reason::KeyCompromise);
    world.authority.revoke_ca(&fall).unwrap();
    release_all(&world, &world.below, profile, "fallen");
}

#[test]
fn e17_e31_e37_crls_of_cas_are_clean() {
    let world = World::new();
    let profile = LintProfile::CabfCa;
    release_all(&world, &world.root, profile, "none");
    let reasons = FOR_SUBSCRIBERS.into_iter().chain([Reason::CaCompromise]);
    for (n, reason) in reasons.enumerate() {
        let name = format!("CA {n}");
        let certificate = world.certify(&Ca::new(&name), &format!("4{n}"));
        revoke(&world, &certificate, Some(reason));
    }
    release_all(&world, &world.root, profile, "each");
}

#[test]
fn e30_e31_e37_what_breaks_a_rule_is_not_released() {
    let world = World::new();
    world.distribute(&Distribution::new(BASE));
    let refused = |ca: &Ca, issue: Issue, profile| {
        let refused = world.try_release(ca, &issue.with_profile(profile));
        let Err(PublishError::Lint { findings, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(world.authority.releases(ca.id(), Scope::Full, 9).unwrap(), []);
        let errors = findings.iter().filter(|it| it.severity == Severity::Error);
        errors.map(|it| it.rule).collect::<Vec<_>>()
    };
    let long = |validity| Issue::new(CrlRequest::new(validity));
    let (subscriber, ca) = (LintProfile::CabfSubscriber, LintProfile::CabfCa);
    assert_eq!(refused(&world.below, long(SUBSCRIBER + 2 * SECOND), subscriber), ["E37"]);
    assert_eq!(refused(&world.root, long(CA + 2 * SECOND), ca), ["E37"]);
    for reason in [Reason::CaCompromise, Reason::AaCompromise] {
        revoke(&world, &world.issue(Scope::Full).certificate, Some(reason));
    }
    assert_eq!(refused(&world.below, complete(Scope::Full), subscriber), ["E30"; 2]);
    revoke(&world, &world.below_certificate, None);
    assert_eq!(refused(&world.root, complete(Scope::Full), ca), ["E31"]);
}
