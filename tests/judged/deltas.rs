//! Delta CRLs: with its base one says more than the base alone, and without it nothing.

use crate::{
    complete, delta,
    relying::Verdict::{Good, Revoked, Unknown},
    week,
    world::{Asked, BASE, Issued, World},
};
use annul::{CertificateList, CrlPlace, Distribution, Issue, Partition, Scope};

fn with_deltas(base: &str) -> Distribution {
    Distribution::new(base).with_user_certificates().with_deltas()
}

#[test]
fn e15_e20_what_only_the_delta_lists_is_revoked_with_it_and_good_by_the_base_alone() {
    for scope in [Scope::Full, Scope::UserCertificates, Scope::Partition(Partition(1))] {
        let world = World::new();
        let distribution = with_deltas(BASE);
        world.distribute(&match scope {
            Scope::Partition(_) => world.divided(&distribution, 4),
            _ => distribution,
        });
        let [early, late, last, good] = [(); 4].map(|()| world.issue(scope).certificate);
        world.revoke(&early);
        let base = world.complete(scope);
        world.revoke(&late);
        let first = world.delta(scope);
        world.revoke(&last);
        let second = world.delta(scope);
        for (certificate, by_base, by_first, by_second) in [
            (&early, Revoked, Revoked, Revoked),
            (&late, Good, Revoked, Revoked),
            (&last, Good, Good, Revoked),
            (&good, Good, Good, Good),
        ] {
            for (crls, with_deltas) in [
                (&[&base][..], by_base),
                (&[&base, &first], by_first),
                (&[&first, &base], by_first),
                (&[&base, &second], by_second),
                // Of two that add to the base, OpenSSL takes the first.
                (&[&second, &first, &base], by_second),
            ] {
                assert_eq!(world.judge(certificate, crls), (with_deltas, by_base), "{scope}");
            }
            assert_eq!(world.judge(certificate, &[&first, &second]), (Unknown, Unknown));
        }

        // With the next complete CRL comes a delta CRL of the same number, which says the same.
        world.release(&world.below, &Issue::new(week(scope)).with_delta());
        let id = world.below.id();
        let [next, third] =
            [CrlPlace::complete(id, scope), CrlPlace::delta(id, scope)].map(|it| world.shown(&it));
        let numbers = [&next, &third].map(|der| CertificateList::from_der(der).unwrap().number());
        assert_eq!(numbers[0], numbers[1]);
        for certificate in [&early, &late, &last, &good] {
            let status = world.judge(certificate, &[&next]);
            assert_eq!(world.judge(certificate, &[&base, &third]).0, status.0);
            assert_eq!(world.judge(certificate, &[&next, &third, &second]), status);
        }
        // What adds to the new one does not add to the old one.
        world.revoke(&good);
        let fourth = world.delta(scope);
        assert_eq!(world.judge(&good, &[&next, &fourth]), (Revoked, Good));
        assert_eq!(world.judge(&good, &[&base, &fourth]), (Good, Good));
    }
}

#[test]
fn e20_the_delta_of_another_partition_adds_nothing() {
    let world = World::new();
    world.distribute(&world.divided(&with_deltas(BASE), 1));
    let [one, two] = [(); 2].map(|()| world.issue(Scope::Full));
    let scope = |issued: &Issued| Scope::Partition(issued.partition);
    let bases = [&one, &two].map(|it| world.complete(scope(it)));
    [&one, &two].into_iter().for_each(|it| world.revoke(&it.certificate));
    let deltas = [&one, &two].map(|it| world.delta(scope(it)));
    for (own, other) in [(0, 1), (1, 0)] {
        let certificate = &[&one, &two][own].certificate;
        assert_eq!(world.judge(certificate, &[&bases[own], &deltas[own]]), (Revoked, Good));
        assert_eq!(world.judge(certificate, &[&bases[own], &deltas[other]]), (Good, Good));
        assert_eq!(world.judge(certificate, &[&bases[other], &deltas[own]]), (Unknown, Unknown));
        let all = [&bases[0], &bases[1], &deltas[0], &deltas[1]];
        assert_eq!(world.judge(certificate, &all), (Revoked, Good));
    }
}

#[test]
fn e20_a_ca_that_only_the_delta_lists_is_revoked_with_it() {
    let world = World::new();
    let (id, scope) = (world.root.id(), Scope::CaCertificates);
    let distribution = Distribution::new(BASE).with_ca_certificates().with_deltas();
    world.authority.set_distribution(id, &distribution).unwrap();
    world.release(&world.root, &complete(scope));
    world.revoke(&world.below_certificate);
    world.release(&world.root, &delta(scope));
    let [base, delta] =
        [CrlPlace::complete(id, scope), CrlPlace::delta(id, scope)].map(|it| world.shown(&it));
    let path = [&world.below_certificate];
    assert_eq!(world.judge_path(&path, &[&base], Asked::First), (Good, Good));
    assert_eq!(world.judge_path(&path, &[&base, &delta], Asked::First), (Revoked, Good));
}

/// RFC 5280 §5.2.4: both name the same distribution points.
#[test]
fn e20_a_delta_adds_to_its_base_though_the_base_of_uris_was_changed_in_between() {
    let world = World::new();
    let scope = Scope::UserCertificates;
    world.distribute(&with_deltas(BASE));
    let certificate = world.issue(scope).certificate;
    let base = world.complete(scope);
    world.distribute(&with_deltas("http://other.example"));
    world.revoke(&certificate);
    let delta = world.delta(scope);
    assert_eq!(world.judge(&certificate, &[&base, &delta]), (Revoked, Good));
    let newer = world.issue(scope).certificate;
    let base = world.complete(scope);
    world.revoke(&newer);
    let delta = world.delta(scope);
    assert_eq!(world.judge(&newer, &[&base, &delta]), (Revoked, Good));
    assert_eq!(world.judge(&certificate, &[&base, &delta]), (Revoked, Revoked));
}
