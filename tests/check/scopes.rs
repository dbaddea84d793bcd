//! Which certificates and which reasons a CRL is about: RFC 5280 §6.3.3 (b) and (d).

use crate::support::*;
use annul::{Certificate, NotUsed, RevocationCheck};

fn named(names: &[Vec<u8>]) -> Vec<u8> {
    issuing_point(&[full_name(names)])
}

#[test]
fn e48_the_distribution_point_is_one_of_the_certificate() {
    let pair = Pair::with(&[points(&[&[full_name(&[uri("http://ca/1.crl"), uri("ldap://1")])]])]);
    for names in [&[uri("http://ca/1.crl")][..], &[uri("x:"), uri("ldap://1")]] {
        pair.check(&[&pair.crl(1).with(named(names))]).good();
        pair.check(&[&pair.crl(1).with(named(names)).lists(entry(7, &[]))]).revoked();
    }
    for names in [&[uri("http://ca/2.crl")][..], &[uri("HTTP://ca/1.crl")], &[]] {
        let crl = pair.crl(1).with(named(names)).lists(entry(7, &[]));
        let why = pair.check(&[&crl]).not_used();
        assert!(matches!(why, NotUsed::OtherDistributionPoint), "{names:?}: {why:?}");
    }
    // One for no distribution point in particular is for all.
    pair.check(&[&pair.crl(1)]).good();
    // A certificate without distribution points is on CRLs for the issuer's own name only.
    let pair = Pair::new();
    let crl = pair.crl(1).with(named(&[uri("http://ca/1.crl")]));
    assert!(matches!(pair.check(&[&crl]).not_used(), NotUsed::OtherDistributionPoint));
    pair.check(&[&pair.crl(1).with(named(&[directory(&common_name("ca"))]))]).good();
}

/// RUSTSEC-2026-0049: a reader that looked at the first one only took such certificates for good.
#[test]
fn e48_every_distribution_point_is_asked() {
    let pair = Pair::with(&[points(&[
        &[full_name(&[uri("u:1")])],
        &[full_name(&[uri("u:2")])],
        &[full_name(&[uri("u:3")])],
    ])]);
    for name in ["u:1", "u:2", "u:3"] {
        pair.check(&[&pair.crl(1).with(named(&[uri(name)]))]).good();
        let lists = pair.crl(1).with(named(&[uri(name)])).lists(entry(7, &[]));
        pair.check(&[&lists]).revoked();
        pair.check(&[&pair.crl(1).with(named(&[uri("u:1")])), &lists]).revoked();
    }
}

#[test]
fn e48_names_are_the_same_however_they_are_spelt() {
    let place = common_name("Distribution  Point");
    let printable: Vec<u8> = common_name("distribution point")
        .iter()
        .map(|&o| if o == 0x0c { 0x13 } else { o })
        .collect();
    let pair = Pair::with(&[points(&[&[full_name(&[directory(&place)])]])]);
    pair.check(&[&pair.crl(1).with(named(&[directory(&printable)]))]).good();
    let other = directory(&common_name("distributionpoint"));
    let why = pair.check(&[&pair.crl(1).with(named(&[other]))]).not_used();
    assert!(matches!(why, NotUsed::OtherDistributionPoint));
    // The issuer of the CRL too: same key, same words.
    let crl = Crl { issuer: common_name(" ca "), ..pair.crl(1) };
    pair.check(&[&crl]).good();
    pair.check(&[&crl.lists(entry(7, &[]))]).revoked();
}

#[test]
fn e48_a_relative_name_goes_on_from_the_name_of_the_issuer() {
    let whole = |name: &str| {
        let (first, second) = (common_name("CA"), common_name(name));
        directory(&element(0x30, &[&first[2..], &second[2..]]))
    };
    let relative = Pair::with(&[points(&[&[relative_name("1")]])]);
    let full = Pair::with(&[points(&[&[full_name(&[whole("1")])]])]);
    for pair in [&relative, &full] {
        for (of_crl, is_same) in [
            (relative_name("1"), true),
            (full_name(&[whole("1")]), true),
            (relative_name("2"), false),
            (full_name(&[whole("2")]), false),
            (full_name(&[directory(&common_name("1"))]), false),
        ] {
            let outcome = pair.check(&[&pair.crl(1).with(issuing_point(&[of_crl]))]);
            match is_same {
                true => outcome.good(),
                false => assert!(matches!(outcome.not_used(), NotUsed::OtherDistributionPoint)),
            }
        }
    }
}

#[test]
fn e48_a_crl_about_others_says_nothing() {
    let pair = Pair::new();
    let ca = pair.ca.certify(&Ca::new("below"), "07").into_certificate();
    let check = |certificate: &Certificate, number| {
        let crl = pair.crl(1).with(issuing_point(&[flag(number)]));
        let ders = [crl.sign(&pair.ca.key), crl.lists(entry(7, &[])).sign(&pair.ca.key)];
        let each = ders.map(|der| check(&RevocationCheck::new(&pair.issuer), certificate, &[der]));
        each.map(|outcome| format!("{outcome:?}"))
    };
    let is_about = |[clean, lists]: [String; 2]| {
        assert_eq!(clean == "Good", lists.starts_with("Revoked"));
        clean == "Good"
    };
    assert!(is_about(check(&pair.leaf, 1)) && !is_about(check(&ca, 1)));
    assert!(!is_about(check(&pair.leaf, 2)) && is_about(check(&ca, 2)));
    assert!(!is_about(check(&pair.leaf, 5)) && !is_about(check(&ca, 5)));
    for (certificate, number, why) in [
        (&ca, 1, "OnlyUserCertificates"),
        (&pair.leaf, 2, "OnlyCaCertificates"),
        (&pair.leaf, 5, "OnlyAttributeCertificates"),
        (&ca, 5, "OnlyAttributeCertificates"),
    ] {
        assert!(check(certificate, number)[0].contains(why), "{why}");
    }
}

#[test]
fn e48_good_is_good_for_all_reasons() {
    let pair = Pair::new();
    let about = |octets: &[u8]| pair.crl(1).with(issuing_point(&[reasons(3, octets)]));
    // keyCompromise and cACompromise; all others but aACompromise; aACompromise.
    let [two, most, last] = [&[0x60][..], &[0x1f], &[0, 0x80]].map(about);
    for (crls, missing) in [
        (
            &[&two][..],
            "affiliationChanged superseded cessationOfOperation certificateHold \
                       privilegeWithdrawn aACompromise",
        ),
        (&[&two, &two, &most], "aACompromise"),
        (&[&most, &last], "keyCompromise cACompromise"),
    ] {
        let why = pair.check(crls).undetermined();
        assert_eq!(why.missing.to_string(), missing);
        assert_eq!(why.to_string(), format!("no CRL is about {missing}"));
    }
    pair.check(&[&two, &most, &last]).good();
    pair.check(&[&last, &two, &most]).good();
    pair.check(&[&two.lists(entry(7, &[reason(1)]))]).revoked();
}

#[test]
fn e48_the_reasons_of_the_distribution_point_count_too() {
    let pair = Pair::with(&[points(&[
        &[full_name(&[uri("u:1")]), reasons(1, &[0x60])],
        &[full_name(&[uri("u:2")]), reasons(1, &[0x1f, 0x80])],
    ])]);
    let crl = |name: &str| pair.crl(1).with(named(&[uri(name)]));
    assert_eq!(
        pair.check(&[&crl("u:2")]).undetermined().missing.to_string(),
        "keyCompromise cACompromise"
    );
    pair.check(&[&crl("u:1"), &crl("u:2")]).good();
    pair.check(&[&crl("u:1"), &crl("u:2").lists(entry(7, &[]))]).revoked();
    // One CRL that is for both points.
    pair.check(&[&pair.crl(1).with(named(&[uri("u:1"), uri("u:2")]))]).good();
    // What the point and the CRL do not share, the CRL says nothing of.
    let both = issuing_point(&[full_name(&[uri("u:1")]), reasons(3, &[0x30])]);
    let why = pair.check(&[&crl("u:2"), &pair.crl(1).with(both)]).undetermined();
    assert_eq!(why.missing.to_string(), "keyCompromise");
    let neither = issuing_point(&[full_name(&[uri("u:1")]), reasons(3, &[0x10])]);
    assert!(matches!(pair.check(&[&pair.crl(1).with(neither)]).not_used(), NotUsed::OtherReasons));
}

/// Certificates of `pair`, on a CRL that another signs.
struct Indirect {
    pair: Pair,
    other: Ca,
    certificate: Certificate,
}

impl Indirect {
    fn new(points_of_leaf: impl FnOnce(&Ca) -> Vec<u8>) -> Self {
        let other = Ca::new("other");
        let pair = Pair::with(&[points_of_leaf(&other)]);
        let certificate = other.root().into_certificate();
        Self { pair, other, certificate }
    }

    fn check(&self, crl: &Crl) -> annul::CheckOutcome {
        let check_with = RevocationCheck::new(&self.pair.issuer).with_crl_issuer(&self.certificate);
        check(&check_with, &self.pair.leaf, &[crl.sign(&self.other.key)])
    }
}

#[test]
fn e48_another_issuer_signs_where_the_certificate_says_so_and_the_crl_too() {
    let indirect = Indirect::new(|other| points(&[&[crl_issuer(&other.name)]]));
    let [direct, crl] = [&[][..], &[flag(4)]].map(|fields| {
        let crl = Crl::new(&indirect.other, 1);
        if fields.is_empty() { crl } else { crl.with(issuing_point(fields)) }
    });
    indirect.check(&crl).good();
    assert!(matches!(indirect.check(&direct).not_used(), NotUsed::NotIndirect));
    let alone = RevocationCheck::new(&indirect.pair.issuer);
    let ders = [crl.sign(&indirect.other.key)];
    assert!(matches!(check(&alone, &indirect.pair.leaf, &ders).not_used(), NotUsed::NoSigner));
    // Nobody may speak for the issuer unasked.
    let unasked = Indirect::new(|_| points(&[&[full_name(&[uri("u:1")])]]));
    assert!(matches!(unasked.check(&crl).not_used(), NotUsed::OtherIssuer));
    let third = Indirect::new(|_| points(&[&[crl_issuer(&common_name("third"))]]));
    assert!(matches!(third.check(&crl).not_used(), NotUsed::OtherIssuer));
    // The name of the issuer stands for that of the place, where there is none.
    let at_issuer = issuing_point(&[full_name(&[directory(&common_name("Other"))]), flag(4)]);
    indirect.check(&Crl::new(&indirect.other, 1).with(at_issuer)).good();
    let elsewhere = issuing_point(&[full_name(&[directory(&common_name("CA"))]), flag(4)]);
    let why = indirect.check(&Crl::new(&indirect.other, 1).with(elsewhere)).not_used();
    assert!(matches!(why, NotUsed::OtherDistributionPoint));
}

#[test]
fn e35_an_indirect_crl_lists_certificates_by_their_issuer_until_the_next_one() {
    let indirect = Indirect::new(|other| points(&[&[crl_issuer(&other.name)]]));
    let crl = Crl::new(&indirect.other, 1).with(issuing_point(&[flag(4)]));
    let by = |name: &str| certificate_issuer(&[uri("x:"), directory(&common_name(name))]);
    let lists = |entries: &[Vec<u8>]| {
        indirect.check(&entries.iter().fold(crl.clone(), |crl, entry| crl.lists(entry.clone())))
    };
    // At first they are those of the issuer of the CRL.
    lists(&[entry(7, &[])]).good();
    lists(&[entry(7, &[by("CA")])]).revoked();
    lists(&[entry(1, &[by("ca")]), entry(2, &[]), entry(7, &[])]).revoked();
    lists(&[entry(1, &[by("CA")]), entry(7, &[by("third")])]).good();
    lists(&[entry(1, &[by("CA")]), entry(2, &[by("third")]), entry(7, &[])]).good();
    lists(&[entry(1, &[by("third")]), entry(2, &[by("CA")]), entry(7, &[])]).revoked();
    // An issuer that cannot be told could be any.
    let nameless = certificate_issuer(&[uri("x:")]);
    let why = lists(&[entry(1, &[nameless]), entry(7, &[])]).not_used();
    assert!(matches!(why, NotUsed::Malformed(_)), "{why:?}");
}

#[test]
fn e35_the_issuer_itself_may_sign_an_indirect_crl() {
    let pair = Pair::new();
    let crl = pair.crl(1).with(issuing_point(&[flag(4)]));
    let other = || certificate_issuer(&[directory(&common_name("other"))]);
    pair.check(&[&crl.clone().lists(entry(7, &[]))]).revoked();
    pair.check(&[&crl.lists(entry(7, &[other()]))]).good();
    // Not in a CRL that is not indirect: whoever ignores it finds the entry.
    let why = pair.check(&[&pair.crl(1).lists(entry(7, &[other()]))]).not_used();
    assert!(matches!(why, NotUsed::Malformed(_)), "{why:?}");
}
