//! CRL numbers stay above those that were published.

use super::{
    World, empty,
    made::{distribution_point, listed, made},
    of,
};
use crate::toy::{day, serial};
use annul::{
    CannotImport, CertificateList, CrlNumber, Distribution, Error, Import, Partition, Refusal,
    Scope, Timestamp,
};

fn number(value: u64) -> CrlNumber {
    CrlNumber::from_u64(value)
}

fn next(world: &World, at: Timestamp) -> (CrlNumber, Timestamp) {
    let der = world.crl_at(at);
    let crl = CertificateList::from_der(&der).unwrap();
    (crl.number().unwrap(), crl.this_update())
}

#[test]
fn e14_the_highest_number_that_was_ever_seen_is_fenced() {
    let world = empty();
    let crls = [(4, 2), (3, 3), (900, 1)].map(|(number, at)| made(at, []).numbered(number).der());
    let imported = world.import(&crls);
    let [fence] = imported.fences[..] else { panic!("{imported:?}") };
    assert_eq!(
        (fence.scope, fence.number, fence.this_update),
        (Scope::Full, Some(number(900)), day(3))
    );
    assert_eq!((fence.recorded, fence.raised), (None, true));
    assert_eq!(next(&world, day(5)), (number(901), day(5)));
    // A delta shares the numbers of its base (E15).
    let delta = made(5, [listed(1)]).delta_to(2).numbered(1200).der();
    assert_eq!(world.import([&delta]).revoked, 1);
    assert_eq!(next(&world, day(5)).0, number(1201));
    // And nothing is lowered.
    let fence = world.import([&crls[0]]).fences[0];
    assert_eq!((fence.recorded, fence.raised), (Some(number(1201)), false));
    assert_eq!(next(&world, day(5)).0, number(1202));
}

#[test]
fn this_update_is_never_before_that_of_what_was_published() {
    let world = empty();
    let minute = std::time::Duration::from_secs(60);
    let ahead = day(5).saturating_add(minute);
    world.import([&made(5, []).at(ahead).der()]);
    assert_eq!(next(&world, day(5)).1, ahead);
    // Also where CRLs were made here before.
    let further = ahead.saturating_add(minute);
    assert!(world.import([&made(1, []).at(further).der()]).fences[0].raised);
    assert_eq!(next(&world, day(5)).1, further);
    let future = made(6, [listed(1)]).at(day(6)).der();
    let digest = world.digest();
    let error = world.try_import(&of([&future])).unwrap_err();
    assert!(matches!(error, Error::ClockBehind { recorded, .. } if recorded == day(6)), "{error}");
    let error = world.authority.fence(world.id(), Scope::Full, number(9), day(6)).unwrap_err();
    assert!(matches!(error, Error::ClockBehind { .. }), "{error}");
    assert_eq!(world.digest(), digest);
}

#[test]
fn a_crl_without_a_number_fences_its_date() {
    let world = empty();
    let imported = world.import([&made(4, [listed(1)]).without_number().der()]);
    assert_eq!(imported.fences[0].number, None);
    assert_eq!(next(&world, day(4)), (number(1), day(4)));
}

#[test]
fn a_number_that_is_merely_known_is_fenced_for_its_scope_alone() {
    let world = empty();
    let fence =
        |scope, value| world.authority.fence(world.id(), scope, number(value), day(4)).unwrap();
    assert!(fence(Scope::Full, 70).raised);
    assert!(!fence(Scope::Full, 70).raised);
    assert!(!fence(Scope::Full, 60).raised);
    assert_eq!(fence(Scope::CaCertificates, 80).recorded, None);
    assert_eq!(next(&world, day(5)).0, number(71));
    let stranger = annul::IssuerId::of(b"name", b"key");
    let error = world.authority.fence(stranger, Scope::Full, number(1), day(4)).unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::UnknownIssuer { .. })));
}

#[test]
fn e16_the_scope_is_that_which_the_crl_says_or_the_caller() {
    let world = empty();
    let user = made(2, [listed(1)]).about(&[0x81, 1, 0xff]).der();
    let ca = made(3, [listed(2)]).about(&[0x82, 1, 0xff]).der();
    let part = made(4, [listed(3)]).about_partition(7).der();
    let full = made(5, [listed(4)]).der();
    let imported = world.import([&user, &ca, &part, &full]);
    let fences: Vec<_> = imported.fences.iter().map(|it| (it.scope, it.number)).collect();
    assert_eq!(
        fences,
        [
            (Scope::Full, Some(number(5))),
            (Scope::CaCertificates, Some(number(3))),
            (Scope::UserCertificates, Some(number(2))),
            (Scope::Partition(Partition(7)), Some(number(4))),
        ]
    );
    let page = world.authority.certificates(world.id(), None, 9).unwrap();
    let partitions: Vec<_> = page.iter().map(|summary| summary.record.partition.0).collect();
    assert_eq!(partitions, [0, 0, 7, 0], "what stood on the CRL of a partition belongs to it");

    let elsewhere = made(4, [listed(3)]).about(&distribution_point("http://other/1.crl")).der();
    let crl = || CertificateList::from_der(&elsewhere).unwrap();
    let error = world.try_import(&Import::new().with_crl(crl())).unwrap_err();
    let unknown = CannotImport::UnknownScope.to_string();
    assert!(
        matches!(&error, Error::CannotImport { problem, .. } if problem.to_string() == unknown),
        "{error}"
    );
    let scope = Scope::Partition(Partition(8));
    let imported = world.try_import(&Import::new().with_crl_of(scope, crl())).unwrap();
    assert_eq!(imported.fences[0].scope, scope);
    assert_eq!(super::names(&imported), [(3, "other-partition")]);
    assert!(world.recorded(3).is_some());
    let status = world.authority.status(world.id(), serial(3)).unwrap();
    assert_eq!(status.record.unwrap().partition, Partition(7), "for ever");
}

#[test]
fn e19_a_partition_that_nobody_opened_is_not_taken_over() {
    let world = empty();
    world.authority.set_distribution(world.id(), &Distribution::new("http://crl.example")).unwrap();
    let der = made(4, [listed(3)]).about_partition(u32::MAX).der();
    let import = Import::new().with_crl(CertificateList::from_der(&der).unwrap());
    let error = world.try_import(&import).unwrap_err();
    assert!(matches!(error, Error::Distribution(_)), "{error}");
    assert!(world.recorded(3).is_none());
    assert_eq!(world.authority.scopes(world.id()).unwrap(), [Scope::Full]);
}
