//! CRLs that must not be used, and certificates that no CRL makes good.

use crate::support::*;
use annul::{
    CannotCheck, Certificate, CertificateList, CheckOutcome, LocalVerifier, NotUsed, Reason,
    ReasonCode, ReasonFlags, RevocationCheck,
};

#[test]
fn e48_good_revoked_or_undetermined() {
    let pair = Pair::new();
    pair.check(&[&pair.crl(1)]).good();
    pair.check(&[&pair.crl(1).lists(entry(8, &[]))]).good();
    let listed = pair.check(&[&pair.crl(1), &pair.crl(2).lists(entry(7, &[reason(1)]))]).revoked();
    assert_eq!((listed.crl, listed.number.to_string()), (1, "2".to_owned()));
    assert_eq!(listed.reason, Some(ReasonCode::Reason(Reason::KeyCompromise)));
    assert_eq!(listed.revocation_date, at("2026-05-01T00:00:00Z"));
    assert_eq!(listed.invalidity_date, None);
    let why = pair.check(&[]).undetermined();
    assert_eq!((why.missing, why.to_string()), (ReasonFlags::ALL, "there is no CRL".to_owned()));
}

#[test]
fn e48_a_bad_signature_is_refused() {
    let pair = Pair::new();
    let der = pair.crl(1).sign(&p256_key("another"));
    let why = pair.check_ders(&[der]).not_used();
    assert!(matches!(why, NotUsed::Signature(_)), "{why:?}");
    // Neither good nor revoked by it, and another CRL is none the worse for it.
    let forged = pair.crl(2).lists(entry(7, &[])).sign(&p256_key("another"));
    pair.check_ders(&[forged, pair.crl(1).sign(&pair.ca.key)]).good();
}

#[test]
fn e48_a_wrong_issuer_is_refused() {
    let pair = Pair::new();
    let crl = Crl { issuer: common_name("other"), ..pair.crl(1) };
    assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::OtherIssuer));
}

#[test]
fn e48_the_key_is_the_one_that_the_crl_names_and_is_for_crls() {
    let pair = Pair::new();
    let other = Crl::new(&Ca::new("other"), 1);
    let crl = Crl { issuer: pair.ca.name.clone(), ..other };
    assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::OtherKey));
    // A CRL that names no key is judged by its signature alone.
    pair.check(&[&pair.crl(1).without(AUTHORITY_KEY_IDENTIFIER)]).good();

    let mut template = pair.ca.template("01");
    template.extensions[1] = key_usage(KEY_CERT_SIGN);
    let pair = Pair { issuer: pair.ca.sign(&template), ..pair };
    assert!(matches!(pair.check(&[&pair.crl(1)]).not_used(), NotUsed::MayNotSign));
    template.extensions.remove(1);
    let pair = Pair { issuer: pair.ca.sign(&template), ..pair };
    pair.check(&[&pair.crl(1)]).good();
}

#[test]
fn e48_another_key_of_the_issuer_may_sign_if_the_caller_vouches_for_it() {
    let pair = Pair::new();
    let other = Ca { name: pair.ca.name.clone(), key: p256_key("for CRLs") };
    let mut template = other.template("02");
    template.extensions = vec![key_usage(CRL_SIGN), template.extensions.remove(2)];
    let certificate = pair.ca.sign(&template);
    let ders = [Crl::new(&other, 1).lists(entry(7, &[])).sign(&other.key)];
    let alone = RevocationCheck::new(&pair.issuer);
    assert!(matches!(check(&alone, &pair.leaf, &ders).not_used(), NotUsed::OtherKey));
    check(&alone.with_crl_issuer(&certificate), &pair.leaf, &ders).revoked();
}

#[test]
fn e48_only_a_current_crl_is_used() {
    let pair = Pair::new();
    let with = |this_update: &str, next_update: Option<&str>| {
        let (this_update, next_update) = (at(this_update), next_update.map(at));
        pair.check(&[&Crl { this_update, next_update, ..pair.crl(1) }])
    };
    with("2026-06-14T00:00:00Z", Some(NOW)).good();
    with(NOW, Some(NOW)).good();
    let why = with("2026-06-14T00:00:00Z", Some("2026-06-14T23:59:59Z")).not_used();
    assert!(matches!(why, NotUsed::Expired { next_update } if next_update < at(NOW)), "{why:?}");
    let why = with("2026-06-15T00:00:01Z", Some("2026-06-16T00:00:00Z")).not_used();
    assert!(matches!(why, NotUsed::FromTheFuture { .. }), "{why:?}");
    assert!(matches!(with("2026-06-14T00:00:00Z", None).not_used(), NotUsed::NoNextUpdate));
}

#[test]
fn e48_an_unknown_critical_extension_spoils_the_crl_wherever_it_is() {
    let pair = Pair::new();
    let spoiled = |crl: &Crl| match pair.check(&[crl]).not_used() {
        NotUsed::UnknownCriticalExtension { oid } => assert_eq!(oid, "2.5.29.99"),
        other => panic!("{other:?}"),
    };
    let unknown = |critical| extension(UNKNOWN, critical, b"\x05\0");
    spoiled(&pair.crl(1).with(unknown(true)));
    spoiled(&pair.crl(1).lists(entry(9, &[unknown(true)])));
    spoiled(&pair.crl(1).lists(entry(7, &[])).lists(entry(9, &[unknown(true)])));
    pair.check(&[&pair.crl(1).with(unknown(false)).lists(entry(9, &[unknown(false)]))]).good();
}

#[test]
fn e48_a_malformed_entry_spoils_the_crl_wherever_it_is() {
    let pair = Pair::new();
    let crl = pair.crl(1).lists(entry(7, &[])).lists(element(0x30, &[b"\x02\x01\x09"]));
    assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::Malformed(_)));
}

#[test]
fn e48_a_crl_has_a_number_that_is_not_critical() {
    let pair = Pair::new();
    let unnumbered = pair.crl(1).without(CRL_NUMBER);
    assert!(matches!(pair.check(&[&unnumbered]).not_used(), NotUsed::NoNumber));
    let critical = unnumbered.with(extension(CRL_NUMBER, true, &[2, 1, 1]));
    assert!(matches!(pair.check(&[&critical]).not_used(), NotUsed::CriticalNumber));
}

#[test]
fn e48_remove_from_crl_is_for_delta_crls() {
    let pair = Pair::new();
    let crl = pair.crl(1).lists(entry(7, &[reason(8)]));
    assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::RemovedFromComplete));
}

#[test]
fn e48_of_two_entries_the_graver_counts() {
    let pair = Pair::new();
    let [hold, removed, compromised] =
        [6, 8, 1].map(|code| entry(7, &[reason(code), extension(UNKNOWN, false, b"\x05\0")]));
    for entries in [
        [&hold, &removed, &compromised],
        [&compromised, &hold, &removed],
        [&removed, &compromised, &hold],
    ] {
        let crl = entries.into_iter().fold(pair.crl(1), |crl, entry| crl.lists(entry.clone()));
        let listed = pair.check(&[&crl]).revoked();
        assert_eq!(listed.reason, Some(ReasonCode::Reason(Reason::KeyCompromise)));
    }
}

#[test]
fn e48_what_the_issuer_did_not_issue_is_not_good() {
    let pair = Pair::new();
    let forged = Ca { name: pair.ca.name.clone(), key: p256_key("another") }.issue("07");
    let renamed = Ca { name: common_name("other"), key: p256_key("CA") }.issue("07");
    let check_issued = |leaf: Certificate| {
        let pair = Pair { leaf, ca: Ca::new("CA"), issuer: pair.issuer.clone() };
        let why = pair.check(&[&pair.crl(1).lists(entry(7, &[]))]).undetermined();
        why.certificate.unwrap()
    };
    assert!(matches!(check_issued(forged), CannotCheck::Signature(_)));
    assert!(matches!(check_issued(renamed), CannotCheck::OtherIssuer));
}

#[test]
fn e48_what_has_expired_may_have_left_the_crl() {
    let pair = Pair::new();
    let mut template = leaf("07");
    template.not_after = at("2026-06-14T23:59:59Z");
    let pair = Pair { leaf: pair.ca.sign(&template), ..pair };
    let why = pair.check(&[&pair.crl(1)]).undetermined();
    assert!(matches!(why.certificate, Some(CannotCheck::Expired { .. })), "{why:?}");
    pair.check(&[&pair.crl(1).lists(entry(7, &[]))]).revoked();
    template.not_after = at(NOW);
    let pair = Pair { leaf: pair.ca.sign(&template), ..pair };
    pair.check(&[&pair.crl(1)]).good();
}

#[test]
fn e48_distribution_points_that_cannot_be_read_make_nothing_good() {
    let empty_reasons = element(0x81, &[]);
    let pair = Pair::with(&[points(&[&[full_name(&[uri("u:1")]), empty_reasons]])]);
    let why = pair.check(&[&pair.crl(1)]).undetermined();
    assert!(matches!(why.certificate, Some(CannotCheck::DistributionPoints(_))), "{why:?}");
    pair.check(&[&pair.crl(1).lists(entry(7, &[]))]).revoked();
}

#[test]
fn e48_an_issuing_distribution_point_that_cannot_be_read_is_refused() {
    let pair = Pair::new();
    for field in [element(0xa0, &[&element(0xa2, &[])]), element(0x83, &[])] {
        let crl = pair.crl(1).with(issuing_point(&[field]));
        assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::Malformed(_)));
    }
    // RUSTSEC-2026-0104: no reason at all, and no panic.
    let crl = pair.crl(1).with(issuing_point(&[element(0x83, &[&[0]])]));
    assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::OtherReasons));
}

#[test]
fn e48_every_crl_is_asked_in_any_order() {
    let pair = Pair::new();
    let stale = Crl { next_update: Some(at("2026-06-02T00:00:00Z")), ..pair.crl(1) };
    let (clean, lists) = (pair.crl(2), pair.crl(3).lists(entry(7, &[])));
    let mut crls = [&stale, &clean, &lists];
    for _ in 0..3 {
        crls.rotate_left(1);
        pair.check(&crls).revoked();
        crls.swap(0, 1);
        pair.check(&crls).revoked();
    }
}

#[test]
fn e48_only_a_hold_ends() {
    let pair = Pair::new();
    let on_hold = pair.crl(1).lists(entry(7, &[reason(6)]));
    let listed = pair.check(&[&on_hold]).revoked();
    assert_eq!(listed.reason, Some(ReasonCode::CertificateHold));
    for crls in [[&on_hold, &pair.crl(2)], [&pair.crl(2), &on_hold]] {
        pair.check(&crls).good();
    }
    // A newer CRL of another scope says nothing of it.
    let of_users = pair.crl(2).with(issuing_point(&[flag(1)]));
    pair.check(&[&on_hold, &of_users]).revoked();
    // An older CRL never takes back what a newer one says.
    let later = pair.crl(3).lists(entry(7, &[reason(6)]));
    pair.check(&[&later, &pair.crl(2)]).revoked();
    // And no CRL takes back what is for good.
    let compromised = pair.crl(1).lists(entry(7, &[reason(1)]));
    pair.check(&[&compromised, &pair.crl(2)]).revoked();
    assert_eq!(pair.check(&[&later, &compromised]).revoked().crl, 1, "the graver one is told");
}

#[test]
fn e48_never_good_by_a_crl_whose_octets_were_changed() {
    let pair = Pair::with(&[points(&[&[full_name(&[uri("u:1")])]])]);
    let point = issuing_point(&[full_name(&[uri("u:1"), uri("u:2")])]);
    let der = pair.crl(1).with(point).lists(entry(7, &[reason(1)])).sign(&pair.ca.key);
    let unchanged = pair.check_ders(std::slice::from_ref(&der));
    unchanged.revoked();
    for octet in 0..der.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = der.clone();
            changed[octet] ^= flip;
            let Ok(crl) = CertificateList::from_der(&changed) else { continue };
            let outcome = RevocationCheck::new(&pair.issuer).check(
                &pair.leaf,
                &[crl],
                at(NOW),
                &LocalVerifier,
            );
            assert!(matches!(outcome, CheckOutcome::Undetermined(_)), "{octet}: {outcome:?}");
        }
    }
}
