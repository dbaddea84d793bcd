//! CRLs of CAs only and of end entities only.

use crate::{
    complete,
    relying::Verdict::{Good, Revoked, Unknown},
    world::{Asked, BASE, World},
};
use annul::{CrlPlace, Distribution, Scope};

/// What the root shows.
fn of_root(world: &World, scope: Scope) -> Vec<u8> {
    world.release(&world.root, &complete(scope));
    world.shown(&CrlPlace::complete(world.root.id(), scope))
}

#[test]
fn e18_a_crl_of_cas_is_about_the_ca_and_not_about_what_it_issued() {
    let world = World::new();
    world.distribute(&Distribution::new(BASE).with_ca_certificates());
    let [good, revoked] = [(); 2].map(|()| world.issue(Scope::Full).certificate);
    // One that says it is found where only CAs are listed.
    let astray = world.issue(Scope::CaCertificates).certificate;
    world.revoke(&revoked);
    let ca = &world.below_certificate;
    for status in [Good, Revoked] {
        if status == Revoked {
            world.revoke(ca);
        }
        let of_cas = of_root(&world, Scope::CaCertificates);
        let full = of_root(&world, Scope::Full);
        for crl in [&of_cas, &full] {
            let judged = world.judge_path(&[ca], &[crl], Asked::First);
            assert_eq!(judged, (status, status));
        }
        let leaves = world.complete(Scope::Full);
        for leaf in [&good, &revoked] {
            // After the fall, all that the CA below issued is listed.
            let of_leaf = if leaf == &revoked { Revoked } else { status };
            let judged = world.judge_path(&[leaf, ca], &[&of_cas, &leaves], Asked::All);
            assert_eq!(judged, (of_leaf, of_leaf));
            assert_eq!(world.judge(leaf, &[&of_cas]), (Unknown, Unknown), "it is by another");
        }
        let own_of_cas = world.complete(Scope::CaCertificates);
        assert_eq!(world.judge(&astray, &[&own_of_cas]), (Unknown, Unknown), "it is no CA");
        assert_eq!(world.judge(&astray, &[&leaves]), (status, status));
    }
}

#[test]
fn e18_a_crl_of_users_is_about_them_and_not_about_a_ca() {
    let world = World::new();
    let halves =
        Distribution::new(BASE).without_full().with_ca_certificates().with_user_certificates();
    world.distribute(&halves);
    let [good, revoked] = [(); 2].map(|()| world.issue(Scope::UserCertificates).certificate);
    world.revoke(&revoked);
    let users = world.complete(Scope::UserCertificates);
    let cas = world.complete(Scope::CaCertificates);
    for (leaf, status) in [(&good, Good), (&revoked, Revoked)] {
        assert_eq!(world.judge(leaf, &[&users]), (status, status));
        assert_eq!(world.judge(leaf, &[&users, &cas]), (status, status));
        assert_eq!(world.judge(leaf, &[&cas]), (Unknown, Unknown));
    }
    let of_root = Distribution::new(BASE).with_user_certificates();
    world.authority.set_distribution(world.root.id(), &of_root).unwrap();
    let users = self::of_root(&world, Scope::UserCertificates);
    let judged = world.judge_path(&[&world.below_certificate], &[&users], Asked::First);
    assert_eq!(judged, (Unknown, Unknown));
}
