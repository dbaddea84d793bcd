//! Complete CRLs and the delta CRLs that add to them: RFC 5280 §5.2.4, §6.3.3 (c) and (k).

use crate::support::*;
use annul::{NotUsed, ReasonCode, RevocationCheck};

#[test]
fn e48_a_delta_is_never_a_base() {
    let pair = Pair::new();
    for delta in [pair.delta(1, 2), pair.delta(1, 2).lists(entry(7, &[]))] {
        assert!(matches!(pair.check(&[&delta]).not_used(), NotUsed::NoBase));
        let why = pair.check(&[&delta, &pair.delta(2, 3)]).undetermined();
        assert_eq!(why.not_used.len(), 2);
    }
}

#[test]
fn e20_a_delta_adds_to_a_base_between_its_own_base_and_itself() {
    let pair = Pair::new();
    for (base, number, adds) in
        [(3, 6, false), (4, 6, false), (5, 6, true), (4, 9, false), (6, 9, true), (8, 9, true)]
    {
        let delta = if number == 6 { pair.delta(5, 6) } else { pair.delta(6, 9) };
        let delta = delta.lists(entry(7, &[]));
        let outcome = pair.check(&[&pair.crl(base), &delta]);
        if adds {
            assert_eq!(outcome.revoked().crl, 1);
        } else {
            outcome.good();
        }
    }
    // One that is not newer than the complete CRL adds nothing.
    for number in [6, 7] {
        pair.check(&[&pair.crl(number), &pair.delta(5, 6).lists(entry(7, &[]))]).good();
    }
}

#[test]
fn e20_the_newest_delta_decides() {
    let pair = Pair::new();
    let older = pair.delta(1, 2).lists(entry(7, &[reason(6)]));
    let newer = pair.delta(1, 3).lists(entry(7, &[reason(8)]));
    let base = pair.crl(1);
    pair.check(&[&base, &older]).revoked();
    for crls in [[&base, &older, &newer], [&newer, &older, &base]] {
        pair.check(&crls).good();
    }
}

#[test]
fn e20_a_delta_takes_an_entry_away_from_the_list_that_it_adds_to() {
    let pair = Pair::new();
    let base = pair.crl(1).lists(entry(7, &[reason(6)]));
    let removes = pair.delta(1, 2).lists(entry(7, &[reason(8)]));
    assert_eq!(pair.check(&[&base]).revoked().reason, Some(ReasonCode::CertificateHold));
    pair.check(&[&base, &removes]).good();
    pair.check(&[&base, &pair.delta(1, 2)]).revoked();
    pair.check(&[&base, &pair.delta(1, 2).lists(entry(8, &[reason(8)]))]).revoked();
    let graver = pair.check(&[&base, &pair.delta(1, 2).lists(entry(7, &[reason(1)]))]).revoked();
    assert_eq!((graver.crl, graver.reason.map(ReasonCode::code)), (1, Some(1)));
    // Another delta's removal is none.
    pair.check(&[&base, &pair.delta(2, 3).lists(entry(7, &[reason(8)]))]).revoked();
}

#[test]
fn e20_a_delta_has_the_scope_and_the_key_of_its_base() {
    let pair = Pair::with(&[points(&[&[full_name(&[uri("u:1")])]])]);
    let point = issuing_point(&[full_name(&[uri("u:1")])]);
    let longer = issuing_point(&[full_name(&[uri("u:1"), uri("u:2")])]);
    let (base, delta) = (pair.crl(1), pair.delta(1, 2).lists(entry(7, &[])));
    pair.check(&[&base, &delta]).revoked();
    let scoped = |crl: &Crl, point: &Vec<u8>| crl.clone().with(point.clone());
    pair.check(&[&scoped(&base, &point), &scoped(&delta, &point)]).revoked();
    pair.check(&[&scoped(&base, &point), &delta]).good();
    pair.check(&[&base, &scoped(&delta, &point)]).good();
    pair.check(&[&scoped(&base, &point), &scoped(&delta, &longer)]).good();
    pair.check(&[&base.clone().without(AUTHORITY_KEY_IDENTIFIER), &delta]).good();

    let other = Ca { name: pair.ca.name.clone(), key: p256_key("for CRLs") };
    let mut template = other.template("02");
    // So that nothing but the signature tells the keys apart.
    template.extensions.remove(2);
    let certificate = pair.ca.sign(&template);
    let [base, delta] = [base, delta].map(|crl| crl.without(AUTHORITY_KEY_IDENTIFIER));
    let both = RevocationCheck::new(&pair.issuer).with_crl_issuer(&certificate);
    for (key, revoked) in [(&pair.ca.key, true), (&other.key, false)] {
        let ders = [base.sign(&pair.ca.key), delta.sign(key)];
        // The first certificate names its key, the CRLs name none: it is tried.
        let outcome = check(&both, &pair.leaf, &ders);
        if revoked {
            outcome.revoked();
        } else {
            outcome.good();
        }
    }
}

#[test]
fn e48_an_expired_delta_is_not_used() {
    let pair = Pair::new();
    let stale = |crl: Crl| Crl { next_update: Some(at("2026-06-02T00:00:00Z")), ..crl };
    let delta = pair.delta(1, 2).lists(entry(7, &[]));
    pair.check(&[&pair.crl(1), &stale(delta.clone())]).good();
    let why = pair.check(&[&stale(delta.clone())]).not_used();
    assert!(matches!(why, NotUsed::Expired { .. }), "{why:?}");
    let why = pair.check(&[&stale(pair.crl(1)), &stale(delta.clone())]).undetermined();
    assert_eq!(why.not_used.len(), 2);
    // A current one brings a complete CRL up to date that has expired: RFC 5280 §6.3.3 (a).
    pair.check(&[&stale(pair.crl(1)), &pair.delta(1, 2)]).good();
    pair.check(&[&stale(pair.crl(1)), &delta]).revoked();
    // But not one that it does not add to.
    let why = pair.check(&[&stale(pair.crl(1)), &pair.delta(2, 3)]).undetermined();
    assert!(matches!(why.not_used[0].why, NotUsed::Expired { .. }), "{why:?}");
    assert!(matches!(why.not_used[1].why, NotUsed::NoBase), "{why:?}");
}

#[test]
fn e48_what_spoils_a_crl_spoils_a_delta() {
    let pair = Pair::new();
    let unknown = extension(UNKNOWN, true, b"\x05\0");
    let lists = pair.delta(1, 2).lists(entry(7, &[]));
    for spoiled in [
        lists.clone().with(unknown.clone()),
        lists.clone().lists(entry(9, &[unknown])),
        lists.clone().without(CRL_NUMBER),
        Crl { this_update: at("2026-06-16T00:00:00Z"), ..lists.clone() },
        Crl { next_update: None, ..lists.clone() },
    ] {
        pair.check(&[&pair.crl(1), &spoiled]).good();
    }
    let forged = lists.sign(&p256_key("another"));
    pair.check_ders(&[pair.crl(1).sign(&pair.ca.key), forged]).good();
}

#[test]
fn deltas_can_be_left_out() {
    let pair = Pair::new();
    let ders =
        [pair.crl(1), pair.delta(1, 2).lists(entry(7, &[]))].map(|crl| crl.sign(&pair.ca.key));
    let without = RevocationCheck::new(&pair.issuer).without_deltas();
    check(&without, &pair.leaf, &ders).good();
    assert!(matches!(check(&without, &pair.leaf, &ders[1..]).not_used(), NotUsed::Delta));
}
