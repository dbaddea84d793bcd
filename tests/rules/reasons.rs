//! Which reason stands on the CRL: that of a CA, that of a requester, and that of a stolen key.

use super::{
    NOW, add, authority,
    ca::{Ca, at},
    crl, refusal, register, target,
};
use annul::{
    Amend, Amendment, CertificateList, LintContext, LintProfile, MemoryStore, Policy, Reason,
    ReasonCode, Refusal, Revoke, RevokeCa, SerialRef, lint_der,
};

/// The reasons on a CRL of this profile, to which no rule objects.
fn reasons(der: &[u8], profile: LintProfile) -> Vec<Option<Reason>> {
    let is_ca = |_: SerialRef<'_>| Some(profile == LintProfile::CabfCa);
    let context = LintContext::at(at(NOW)).with_kinds(&is_ca);
    assert_eq!(lint_der(der, profile, &context), []);
    let crl = CertificateList::from_der(der).unwrap();
    let reason = |code| match code {
        ReasonCode::Reason(reason) => reason,
        other => panic!("{other}"),
    };
    crl.entries().map(|entry| entry.unwrap().reason().map(reason)).collect()
}

#[test]
fn e31_where_a_reason_is_required_a_ca_is_listed_with_one() {
    for reason in [Reason::KeyCompromise, Reason::CaCompromise, Reason::CessationOfOperation] {
        let (store, root, below) = (MemoryStore::new(), Ca::new("root"), Ca::new("below"));
        let mut policy = Policy::default();
        policy.reason_required = true;
        policy.reasons.retain(|reason| *reason != Reason::Unspecified);
        let authority = authority(&store, NOW).with_policy(policy);
        add(&authority, &root.root());
        let issuer = add(&authority, &root.certify(&below, "0a"));
        let revoke = RevokeCa::new(issuer);
        assert_eq!(refusal(authority.revoke_ca(&revoke)), Refusal::ReasonRequired);
        let unspecified = revoke.clone().with_reason(Reason::Unspecified);
        assert!(matches!(
            refusal(authority.revoke_ca(&unspecified)),
            Refusal::ReasonNotAllowed { reason: Reason::Unspecified }
        ));
        authority.revoke_ca(&revoke.with_reason(reason)).unwrap();
        let der = crl(&authority, &root);
        assert_eq!(reasons(&der, LintProfile::CabfCa), [Some(reason)]);
    }
}

#[test]
fn e32_who_gives_no_reason_gets_none_and_some_can_be_kept_from_requesters() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let mut policy = Policy::default();
    policy.reasons.retain(|reason| *reason != Reason::PrivilegeWithdrawn);
    let authority = authority(&store, NOW).with_policy(policy);
    let issuer = add(&authority, &ca.root());
    for serial in ["0a", "0b"] {
        register(&authority, &ca.issue(serial));
    }
    let withdraw = Revoke::new(target(issuer, "0a")).with_reason(Reason::PrivilegeWithdrawn);
    let expected = Refusal::ReasonNotAllowed { reason: Reason::PrivilegeWithdrawn };
    assert_eq!(refusal(authority.revoke(&withdraw)), expected);
    authority.revoke(&Revoke::new(target(issuer, "0a"))).unwrap();
    let unspecified = Revoke::new(target(issuer, "0b")).with_reason(Reason::Unspecified);
    authority.revoke(&unspecified).unwrap();
    let der = crl(&authority, &ca);
    assert_eq!(reasons(&der, LintProfile::CabfSubscriber), [None, None]);
}

#[test]
fn e33_proof_of_key_compromise_makes_that_the_reason() {
    for before in [None, Some(Reason::Superseded), Some(Reason::CessationOfOperation)] {
        let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
        let authority = authority(&store, NOW);
        let issuer = add(&authority, &ca.root());
        register(&authority, &ca.issue("0a"));
        let mut revoke = Revoke::new(target(issuer, "0a"));
        if let Some(reason) = before {
            revoke = revoke.with_reason(reason);
        }
        authority.revoke(&revoke).unwrap();
        let der = crl(&authority, &ca);
        assert_eq!(reasons(&der, LintProfile::CabfSubscriber), [before]);

        let earlier = at("2026-05-01T00:00:00Z");
        let amendment =
            Amendment { key_compromise: true, date: Some(earlier), ..Amendment::default() };
        let amend = Amend::new(target(issuer, "0a"), amendment);
        authority.amend(&amend).unwrap();
        let der = crl(&authority, &ca);
        let reason = Some(Reason::KeyCompromise);
        assert_eq!(reasons(&der, LintProfile::CabfSubscriber), [reason], "{before:?}");
        let crl = CertificateList::from_der(&der).unwrap();
        assert_eq!(crl.entries().next().unwrap().unwrap().revocation_date(), earlier);
        // It does not go back.
        assert!(matches!(refusal(authority.amend(&amend)), Refusal::IllegalAmendment { .. }));
    }
}
