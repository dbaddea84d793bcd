//! The CRLs of partitions: relying parties choose one by what the certificate carries.

use crate::{
    relying::Verdict::{Good, Revoked, Unknown},
    world::{BASE, Issued, World},
};
use annul::{CertificateList, Distribution, RevokeCa, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// Issues so many certificates.
fn issue(world: &World, count: usize) -> Vec<Issued> {
    (0..count).map(|_| world.issue(Scope::Full)).collect()
}

fn partitions(issued: &[Issued]) -> BTreeSet<u32> {
    issued.iter().map(|it| it.partition.0).collect()
}

/// Releases a CRL of each scope. By those of its partition, of all certificates, and of all
/// partitions together, each certificate is what it should be; by no other is anything known.
fn judge_each(world: &World, issued: &[Issued], is_revoked: impl Fn(usize) -> bool) {
    let scopes = world.authority.scopes(world.below.id()).unwrap();
    let crls: BTreeMap<Scope, Vec<u8>> =
        scopes.into_iter().map(|scope| (scope, world.complete(scope))).collect();
    let of_partitions: Vec<_> =
        crls.iter().filter(|(scope, _)| **scope != Scope::Full).map(|(_, crl)| crl).collect();
    for (n, Issued { certificate, partition }) in issued.iter().enumerate() {
        let status = if is_revoked(n) { Revoked } else { Good };
        let own = Scope::Partition(*partition);
        for (&scope, crl) in &crls {
            let expected = if scope == own || scope == Scope::Full { status } else { Unknown };
            assert_eq!(world.judge(certificate, &[crl]), (expected, expected), "{n} by {scope}");
        }
        assert_eq!(world.judge(certificate, &of_partitions), (status, status), "{n}");
        let own = CertificateList::from_der(&crls[&own]).unwrap();
        let point = own.issuing_distribution_point().unwrap();
        assert_eq!(point.uris(), certificate.crl_distribution_points());
    }
}

#[test]
fn e17_e19_a_certificate_is_judged_by_the_crl_of_its_partition_and_by_that_of_no_other() {
    let world = World::new();
    world.distribute(&world.divided(&Distribution::new(BASE), 5));
    let issued = issue(&world, 14);
    assert_eq!(partitions(&issued), BTreeSet::from([1, 2, 3]));
    judge_each(&world, &issued, |_| false);
    issued.iter().step_by(3).for_each(|it| world.revoke(&it.certificate));
    judge_each(&world, &issued, |n| n % 3 == 0);
}

#[test]
fn e19_after_a_change_of_base_and_size_each_is_still_judged_by_the_crl_that_it_names() {
    let world = World::new();
    world.distribute(&world.divided(&Distribution::new(BASE), 4));
    let mut issued = issue(&world, 3);
    world.distribute(&world.divided(&Distribution::new("http://other.example/a"), 3));
    issued.extend(issue(&world, 4));
    world.distribute(&Distribution::new("http://third.example"));
    issued.extend(issue(&world, 2));
    // The last ones are in none, and carry the URI of the full CRL.
    assert_eq!(partitions(&issued), BTreeSet::from([0, 1, 2, 3]));
    let divided = issued.split_off(7);
    let (issued, undivided) = (issued, divided);
    issued.iter().step_by(2).for_each(|it| world.revoke(&it.certificate));
    world.revoke(&undivided[0].certificate);
    judge_each(&world, &issued, |n| n % 2 == 0);
    let full = world.complete(Scope::Full);
    assert_eq!(world.judge(&undivided[0].certificate, &[&full]), (Revoked, Revoked));
    assert_eq!(world.judge(&undivided[1].certificate, &[&full]), (Good, Good));
}

#[test]
fn what_a_fall_invalidates_is_revoked_by_the_crl_of_its_partition() {
    let world = World::new();
    world.distribute(&world.divided(&Distribution::new(BASE), 2));
    let issued = issue(&world, 3);
    world.revoke(&issued[0].certificate);
    judge_each(&world, &issued, |n| n == 0);
    world.authority.revoke_ca(&RevokeCa::new(world.below.id())).unwrap();
    // Who asks for the leaf only must see it too.
    judge_each(&world, &issued, |_| true);
}
