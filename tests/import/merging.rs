//! What several sources say of one certificate, and what the record makes of it.

use super::{
    Difference, Reason, World, differences, empty,
    made::{HOLD, REMOVE, listed, made, octets},
    names, of, with_certificates,
};
use crate::toy::{Ca, day};
use annul::{CannotImport, CertificateList, Error, Import, Refusal, Revocation, Timestamp};

fn recorded(world: &World, number: u64) -> (Timestamp, Option<Reason>, Option<Timestamp>) {
    let Revocation { date, reason, invalidity_date, .. } = world.recorded(number).unwrap();
    (date, reason, invalidity_date)
}

#[test]
fn an_entry_comes_in_as_it_stood_whatever_the_policy() {
    let mut world = empty();
    let mut policy = annul::Policy::default();
    policy.reasons = vec![Reason::CessationOfOperation];
    policy.reason_required = true;
    world.authority = world.authority.with_policy(policy);
    let crl = made(3, [listed(1), listed(2).because(1).since("20260101120000Z"), listed(3)]).der();
    assert_eq!(world.import([&crl]).revoked, 3);
    assert_eq!(recorded(&world, 1), (day(1), None, None));
    let since = Some("2026-01-01T12:00:00Z".parse().unwrap());
    assert_eq!(recorded(&world, 2), (day(1), Some(Reason::KeyCompromise), since));
}

#[test]
fn a_record_that_says_less_is_amended_and_one_that_says_more_stays() {
    let world = with_certificates(9);
    world.revoke([1, 2, 3, 4], Some(Reason::Superseded));
    world.revoke([5], Some(Reason::KeyCompromise));
    let crl = made(
        4,
        [
            listed(1).because(4),
            listed(2).because(1),
            listed(3).because(5),
            listed(4).because(4).on(day(5)),
            listed(5).because(4).on(day(5)),
        ],
    );
    let imported = world.import([&crl.at(day(5)).der()]);
    assert_eq!((imported.revoked, imported.amended, imported.unchanged), (0, 3, 2));
    assert_eq!(recorded(&world, 1), (day(1), Some(Reason::Superseded), None));
    assert_eq!(recorded(&world, 2), (day(1), Some(Reason::KeyCompromise), None));
    assert_eq!(recorded(&world, 3), (day(1), Some(Reason::Superseded), None), "only its date");
    assert_eq!(recorded(&world, 5), (day(5), Some(Reason::KeyCompromise), None));
    assert_eq!(names(&imported), [(3, "contradiction"), (5, "record-says-more")]);
}

#[test]
fn of_several_crls_the_gravest_and_earliest_counts_and_then_the_newest() {
    let older = made(2, [listed(1).because(4), listed(2).because(1), listed(3).on(day(0))]).der();
    let newer = made(3, [listed(1).because(5), listed(2).because(4), listed(3)]).der();
    for crls in [[&older, &newer], [&newer, &older]] {
        let world = empty();
        let imported = world.import(crls);
        assert_eq!((imported.revoked, imported.amended), (3, 0), "one entry each in the log");
        assert_eq!(recorded(&world, 1).1, Some(Reason::CessationOfOperation));
        assert_eq!(recorded(&world, 2).1, Some(Reason::KeyCompromise));
        assert_eq!(recorded(&world, 3).0, day(0));
    }
    // The same serial number twice on one CRL (D47).
    let twice = made(3, [listed(1).because(4), listed(2), listed(1).because(1)]).der();
    let world = empty();
    assert_eq!(world.import([&twice]).revoked, 2);
    assert_eq!(recorded(&world, 1).1, Some(Reason::KeyCompromise));
}

#[test]
fn what_is_on_hold_is_revoked_and_reported_unless_a_delta_ended_it() {
    let base = made(2, [listed(1).because(HOLD), listed(2).because(HOLD), listed(3)]).der();
    let delta = made(3, [listed(1).because(REMOVE), listed(3).because(REMOVE)]).delta_to(2).der();
    let world = empty();
    let imported = world.import([&base]);
    assert_eq!(names(&imported), [(1, "held"), (2, "held")]);
    assert_eq!(recorded(&world, 1), (day(1), None, None));

    for crls in [[&base, &delta], [&delta, &base]] {
        let world = empty();
        let imported = world.import(crls);
        assert_eq!(imported.revoked, 2);
        assert_eq!(names(&imported), [(1, "released"), (2, "held"), (3, "released")]);
        assert_eq!(world.recorded(1), None);
        assert!(world.recorded(3).is_some(), "no hold, so nothing could end it");
    }
    // A hold that began after the delta.
    let later = made(4, [listed(1).because(HOLD)]).der();
    let world = empty();
    assert_eq!(names(&world.import([&base, &delta, &later]))[0], (1, "held"));
    assert!(world.recorded(1).is_some());
    // Of a complete CRL and a delta that were issued together, the complete one counts.
    let together = made(3, [listed(1).because(HOLD)]).der();
    for crls in [[&together, &delta], [&delta, &together]] {
        let world = empty();
        world.import(crls);
        assert!(world.recorded(1).is_some());
    }
    // Off a delta, removeFromCRL means nothing: what is listed is revoked.
    let world = empty();
    let odd = made(4, [listed(1).because(REMOVE)]).der();
    assert_eq!(names(&world.import([&odd])), [(1, "held")]);
    assert!(world.recorded(1).is_some());
    // A certificate that was on hold once and is revoked now.
    let revoked = made(4, [listed(1).because(1).on(day(3))]).der();
    let world = empty();
    assert_eq!(names(&world.import([&base, &revoked])), [(2, "held")]);
    assert_eq!(recorded(&world, 1), (day(1), Some(Reason::KeyCompromise), None));
}

#[test]
fn e28_dates_that_no_crl_may_have_are_moved_and_reported() {
    let world = empty();
    let early: Timestamp = "1969-12-31T23:59:59Z".parse().unwrap();
    let crl = made(
        3,
        [
            listed(1).on(day(4)),
            listed(2).on(early),
            listed(3).since("19600101000000Z"),
            listed(4).since("20300101000000Z"),
            listed(5).since("20260101000000.5Z"),
            listed(6).because(7),
            listed(7).on(day(3)),
        ],
    )
    .der();
    let imported = world.import([&crl]);
    assert_eq!(imported.revoked, 7);
    let altered = imported.findings.iter();
    let altered: Vec<_> = altered.map(|it| (it.serial().as_octets()[0], it.difference)).collect();
    assert!(altered.iter().all(|(_, it)| matches!(it, Difference::Altered { .. })), "{altered:?}");
    assert_eq!(altered.iter().map(|(serial, _)| *serial).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(recorded(&world, 1).0, day(3), "the thisUpdate of its CRL");
    assert_eq!(recorded(&world, 2).0, Timestamp::UNIX_EPOCH);
    assert_eq!(recorded(&world, 3).2, Some(Timestamp::UNIX_EPOCH));
    assert_eq!(recorded(&world, 4).2, Some(day(3)));
    assert_eq!(
        (recorded(&world, 5), recorded(&world, 6)),
        ((day(1), None, None), (day(1), None, None))
    );
    world.crl_at(day(5));
    let digest = world.digest();
    assert_eq!(world.import([&crl]).unchanged, 7);
    assert_eq!(world.digest(), digest);
}

#[test]
fn what_belongs_to_the_issuer_itself_or_to_another_is_passed_over_and_reported() {
    let world = empty();
    let own = annul::Serial::from_unsigned(&1_000_000u32.to_be_bytes()).unwrap();
    let listing = made(3, [listed(1), octets(own.as_octets())]).der();
    let imported = world.import([&listing]);
    assert_eq!(imported.revoked, 1);
    assert_eq!(differences(&imported), [Difference::OwnCertificate]);

    let indirect = made(4, [listed(2), listed(3).of_another(), listed(4)]).about(&[0x84, 1, 0xff]);
    let der = indirect.der();
    let crl = CertificateList::from_der(&der).unwrap();
    let import = Import::new().with_crl_of(annul::Scope::Full, crl);
    let imported = world.try_import(&import).unwrap();
    assert_eq!(imported.revoked, 1, "what an entry says of the issuer holds for those after it");
    assert_eq!(names(&imported), [(3, "other-issuer"), (4, "other-issuer")]);
}

#[test]
fn a_crl_of_somebody_else_is_refused_and_nothing_is_recorded() {
    let world = empty();
    let digest = world.digest();
    let refused = |import: &Import<'_>, place| {
        let error = world.try_import(import).unwrap_err();
        let compared = world.authority.reconcile(world.id(), import, &mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), compared.to_string());
        assert_eq!(world.digest(), digest);
        match error {
            Error::CannotImport { crl, problem, .. } => {
                assert_eq!(crl, Some(place));
                problem
            }
            error => panic!("{error}"),
        }
    };
    let good = made(2, [listed(1)]).der();
    let other = made(2, [listed(1)]).by(Ca::new("other")).der();
    assert!(matches!(refused(&of([&good, &other]), 1), CannotImport::AnotherIssuer));
    assert!(matches!(refused(&of([&other]).vouched(), 0), CannotImport::AnotherIssuer));
    let forged = made(2, [listed(1)]).by(Ca::with_key("ca", "other")).der();
    assert!(matches!(refused(&of([&forged]), 0), CannotImport::Signature(_)));
    let attributes = made(2, [listed(1)]).about(&[0x85, 1, 0xff]).der();
    assert!(matches!(refused(&of([&attributes]), 0), CannotImport::AttributeCertificates));
    let unknown = made(2, [listed(1)]).about(&[0x80, 1, 0]);
    let unknown = super::made::Made {
        extensions: vec![super::made::extension(99, true, &[5, 0])],
        ..unknown
    };
    assert!(matches!(refused(&of([&unknown.der()]), 0), CannotImport::Unreadable(_)));
    let mut entry = listed(2);
    entry.extensions.push(super::made::extension(99, true, &[5, 0]));
    let unknown = made(2, [listed(1), entry]).der();
    assert!(matches!(refused(&of([&good, &unknown]), 1), CannotImport::Unreadable(_)));
    let long = made(2, [octets(&[1; 1025])]).der();
    assert!(matches!(refused(&of([&long]), 0), CannotImport::SerialTooLong { octets: 1025 }));

    let imported = world.try_import(&of([&forged]).vouched()).unwrap();
    assert_eq!(imported.revoked, 1, "the caller vouches for it");
    let stranger = annul::IssuerId::of(b"name", b"key");
    let error = world.authority.import(stranger, &of([&good])).unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::UnknownIssuer { .. })));
}

#[test]
fn a_fallen_issuer_takes_in_what_it_published() {
    let world = with_certificates(2);
    world.authority.revoke_ca(&annul::RevokeCa::new(world.id())).unwrap();
    let imported = world.import([&made(3, [listed(1), listed(9)]).der()]);
    assert_eq!(imported.revoked, 2);
}
