//! Both sides compared, and nothing written.

use super::{
    Difference, Reason, World, empty,
    made::{HOLD, listed, made},
    of, with_certificates,
};
use crate::toy::{day, serial};
use annul::{CrlNumber, Import, NotListed, Reconciled, Registration};

fn reconcile(world: &World, import: &Import<'_>) -> (Reconciled, Vec<(u64, &'static str)>) {
    let (digest, mut found) = (world.digest(), Vec::new());
    let compared = world
        .authority
        .reconcile(world.id(), import, &mut |finding| {
            assert!(finding.to_string().starts_with(&finding.serial().to_string()));
            let octets = finding.serial().as_octets().to_vec();
            let number = octets.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
            found.push((number, finding.difference.name()));
        })
        .unwrap();
    assert_eq!(world.digest(), digest, "nothing is written");
    (compared, found)
}

#[test]
fn differences_are_told_in_both_directions() {
    let world = with_certificates(9);
    world.authority.register(&Registration::of_serial(world.id(), serial(11), day(7))).unwrap();
    world.revoke([1, 2, 3], Some(Reason::Superseded));
    world.revoke([4, 11], None);
    world.clock.set(day(9));
    world.revoke([5], None);
    let crl = made(
        8,
        [
            listed(1).because(4).on(day(5)),
            listed(2).because(1).on(day(5)),
            listed(3).because(4).on(day(6)),
            listed(6).because(HOLD),
            listed(12),
        ],
    )
    .der();
    let (compared, found) = reconcile(&world, &of([&crl]));
    let told = [
        (2, "record-says-less"),
        (3, "record-says-more"),
        (4, "omitted"),
        (5, "due"),
        (6, "held"),
        (6, "missing"),
        (11, "retired"),
        (12, "missing"),
    ];
    assert_eq!(found, told);
    let Reconciled { agreed, missing, less, due, retired, omitted, others, not_covered, .. } =
        compared.clone();
    assert_eq!((agreed, missing, less, due), (1, 2, 1, 2));
    assert_eq!((retired, omitted, others, not_covered), (1, 1, 1, 0));
    assert!(compared.is_behind());
    let [fence] = compared.fences[..] else { panic!("{compared:?}") };
    assert_eq!((fence.number, fence.recorded), (Some(CrlNumber::from_u64(8)), None));

    let imported = world.import([&crl]);
    assert_eq!((imported.revoked, imported.amended), (2, 1));
    let (after, _) = reconcile(&world, &of([&crl]));
    assert!(!after.is_behind());
    assert_eq!((after.missing, after.less), (0, 0));
}

#[test]
fn e36_what_expired_before_the_crl_was_made_is_explained_and_at_that_second_is_not() {
    for (not_after, expected) in [(7, NotListed::Retired), (8, NotListed::Omitted)] {
        let world = empty();
        let register = Registration::of_serial(world.id(), serial(1), day(not_after));
        world.authority.register(&register).unwrap();
        world.revoke([1], None);
        world.clock.set(day(9));
        let der = made(8, []).der();
        let mut found = Vec::new();
        world
            .authority
            .reconcile(world.id(), &of([&der]), &mut |finding| found.push(finding.difference))
            .unwrap();
        let [Difference::NotListed { why, .. }] = found[..] else { panic!("{found:?}") };
        assert_eq!(why, expected);
    }
}

#[test]
fn a_revocation_is_looked_for_only_where_a_complete_crl_is_about_it() {
    let world = with_certificates(3);
    world.revoke([1, 2], None);
    world.clock.set(day(9));
    // A delta lists what is new, so that its silence says nothing.
    let delta = made(7, [listed(1).on(day(5))]).delta_to(2).der();
    let (compared, found) = reconcile(&world, &of([&delta]));
    assert_eq!((compared.not_covered, compared.agreed), (1, 1), "{found:?}");
    let part = made(7, []).about_partition(3).der();
    assert_eq!(reconcile(&world, &of([&part])).0.not_covered, 2);
    let none = reconcile(&world, &Import::new());
    assert_eq!((none.0.not_covered, none.1.len()), (2, 0));
    // Those of which the kind is not known are on both.
    for flag in [0x81, 0x82] {
        let crl = made(7, [listed(1).on(day(5))]).about(&[flag, 1, 0xff]).der();
        let (compared, found) = reconcile(&world, &of([&crl]));
        assert_eq!((compared.agreed, found.as_slice()), (1, &[(2, "omitted")][..]));
    }
}

#[test]
fn an_authority_that_is_up_to_date_agrees_with_its_own_crl() {
    let world = with_certificates(2100);
    world.revoke((1..=2100).step_by(3), Some(Reason::Superseded));
    let crl = world.crl_at(day(6));
    let (compared, found) = reconcile(&world, &of([&crl]));
    assert_eq!((compared.agreed, found.len()), (700, 0));
    assert!(!compared.is_behind());
}
