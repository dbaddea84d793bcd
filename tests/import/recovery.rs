//! The record is lost, or older than what was published.

use super::{Reason, World, empty, entries, names, of, with_certificates};
use crate::toy::{day, serial};
use annul::{
    Amend, Amendment, CertificateList, Error, MemoryStore, Origin, Store, StoreError,
    conformance::Hiding,
    store::{Partition, Space, copy, key},
};

/// Idea 8 of the recovery kit: an empty store and the last published CRL.
#[test]
fn e14_an_empty_store_goes_on_with_a_superset_and_a_higher_number() {
    let lost = with_certificates(20);
    lost.revoke([3, 5], Some(Reason::Superseded));
    lost.crl_at(day(6));
    lost.revoke([7, 1], None);
    let since = Amendment { invalidity_date: Some(day(2)), ..Amendment::default() };
    lost.authority.amend(&Amend::new(lost.target(5), since)).unwrap();
    let published = lost.crl_at(day(7));

    let world = empty();
    world.clock.set(day(8));
    let imported = world.import([&published]);
    assert_eq!((imported.revoked, imported.amended, imported.unchanged), (4, 0, 0));
    assert_eq!(imported.findings, []);
    let next = world.crl_at(day(9));
    assert!(entries(&published).is_subset(&entries(&next)));
    let number = |der| CertificateList::from_der(der).unwrap().number().unwrap();
    assert!(number(&next) > number(&published));

    let page = world.authority.certificates(world.id(), None, 9).unwrap();
    assert!(page.iter().all(|summary| {
        summary.record.origin == Origin::Discovered && summary.record.not_after.is_none()
    }));
}

#[test]
fn an_import_that_is_repeated_does_nothing() {
    let lost = with_certificates(9);
    lost.revoke([3, 5], Some(Reason::KeyCompromise));
    let published = lost.crl_at(day(7));
    let world = empty();
    world.clock.set(day(8));
    assert_eq!(world.import([&published]).revoked, 2);
    let digest = world.digest();
    world.clock.set(day(9));
    let again = world.import([&published, &published]);
    assert_eq!((again.revoked, again.amended, again.unchanged), (0, 0, 2));
    assert!(again.fences.iter().all(|fence| !fence.raised));
    assert_eq!(world.digest(), digest);
}

#[test]
fn d22_an_older_copy_catches_up_with_what_was_published() {
    let live = with_certificates(9);
    live.revoke([1], None);
    live.crl_at(day(6));
    let backup = MemoryStore::new();
    copy(live.authority.store(), &backup).unwrap();
    // After the backup: a revocation, an amendment, two CRLs, a certificate.
    live.revoke([2], Some(Reason::Superseded));
    let graver = Amendment { key_compromise: true, ..Amendment::default() };
    live.authority.amend(&Amend::new(live.target(1), graver)).unwrap();
    live.register([10]);
    live.revoke([10], None);
    live.crl_at(day(7));
    let published = live.crl_at(day(8));

    let restored = World::over(backup);
    restored.clock.set(day(9));
    let mut found = Vec::new();
    let compared = restored
        .authority
        .reconcile(restored.id(), &of([&published]), &mut |finding| found.push(finding))
        .unwrap();
    assert!(compared.is_behind());
    assert_eq!((compared.missing, compared.less, compared.omitted), (2, 1, 0));
    assert_eq!(found.len(), 3);
    let imported = restored.import([&published]);
    assert_eq!((imported.revoked, imported.amended), (2, 1));
    assert_eq!(names(&imported), []);
    let next = restored.crl_at(day(9));
    assert_eq!(entries(&next), entries(&published));
    let number = |der| CertificateList::from_der(der).unwrap().number().unwrap();
    assert!(number(&next) > number(&published));
    let again = restored.authority.reconcile(restored.id(), &of([&next]), &mut |_| {}).unwrap();
    assert!(!again.is_behind());
    assert_eq!(again.agreed, 3);
}

/// What is damaged is left alone and says so; a new record is made from what was published.
#[test]
fn a_damaged_record_is_replaced_from_what_was_published() {
    let live = with_certificates(9);
    live.revoke([2, 4, 6], Some(Reason::Superseded));
    let published = live.crl_at(day(7));
    let hidden = key::entry(live.id(), Partition(0), serial(4), annul::Position(2));
    let store = MemoryStore::new();
    copy(live.authority.store(), &store).unwrap();
    let damaged = World::over(Hiding::new(store, Space::Entries, hidden));
    damaged.clock.set(day(8));
    let corrupt = |error: &Error| matches!(error, Error::Store(StoreError::Corrupt { .. }));
    let error = damaged.authority.crl(damaged.id(), &super::WEEK, &damaged.ca, &mut Vec::new());
    assert!(error.is_err(), "never a shorter CRL");
    let mut found = Vec::new();
    let compared = damaged.authority.reconcile(damaged.id(), &of([&published]), &mut |finding| {
        found.push((finding.serial().to_serial().unwrap(), finding.difference.name()));
    });
    assert!(corrupt(&compared.unwrap_err()));
    assert_eq!(found, [(serial(4), "missing")], "what it shows before it fails");

    let world = empty();
    world.clock.set(day(8));
    assert_eq!(world.import([&published]).revoked, 3);
    assert_eq!(entries(&world.crl_at(day(9))), entries(&published));
}

#[test]
fn a_record_that_cannot_be_read_stays_as_it_is() {
    let live = with_certificates(3);
    live.revoke([2], None);
    let published = live.crl_at(day(7));
    let store = MemoryStore::new();
    copy(live.authority.store(), &store).unwrap();
    let snapshot = store.snapshot().unwrap();
    let certificate = key::certificate(live.id(), serial(2));
    let space = Space::Table(annul::store::Table::Certificates);
    let version = snapshot.get(space, &certificate).unwrap().unwrap().version;
    drop(snapshot);
    let put = annul::store::Put {
        table: annul::store::Table::Certificates,
        key: certificate,
        expected: version,
        value: vec![99],
    };
    store.apply(&annul::store::Batch { puts: vec![put], ..Default::default() }).unwrap();
    let damaged = World::over(store);
    let digest = damaged.digest();
    damaged.clock.set(day(8));
    let error = damaged.try_import(&of([&published])).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error}");
    assert_eq!(damaged.digest(), digest);
}

#[test]
fn a_ca_falls_by_the_crl_that_its_parent_published() {
    let build = |world: &World| {
        let below = crate::toy::Ca::new("below");
        let certificate = world.ca.certifies(&below, 77).ca();
        world.authority.add_issuer(&annul::AddIssuer::new(certificate)).unwrap();
        below
    };
    let live = with_certificates(3);
    let below = build(&live);
    live.revoke([1, 77, 2], Some(Reason::CaCompromise));
    let published = live.crl_at(day(7));

    let restored = with_certificates(3);
    build(&restored);
    restored.clock.set(day(8));
    let imported = restored.import([&published]);
    assert_eq!((imported.revoked, imported.fallen.as_slice()), (3, &[below.id()][..]));
    let standing = |world: &World| {
        let issuers = world.authority.issuers().unwrap().into_iter();
        issuers.map(|it| it.standing).filter(annul::Standing::is_down).count()
    };
    assert_eq!((standing(&live), standing(&restored)), (1, 1));
    let digest = restored.digest();
    assert_eq!(restored.import([&published]).unchanged, 3);
    assert_eq!(restored.digest(), digest);

    // And a CA that is added when its certificate is back in the record as revoked.
    let late = empty();
    late.clock.set(day(8));
    late.import([&published]);
    build(&late);
    assert_eq!(standing(&late), 1);
}

#[test]
fn thousands_of_entries_come_back_whatever_their_order() {
    let live = with_certificates(3210);
    let numbers: Vec<_> = (1..=3210).filter(|number| number % 7 != 0).collect();
    let revokes: Vec<_> =
        numbers.iter().map(|&number| annul::Revoke::new(live.target(number))).collect();
    live.authority.revoke_all(&revokes).iter().for_each(|it| assert!(it.is_ok(), "{it:?}"));
    let published = live.crl_at(day(7));
    let mut shuffled = super::made::made(8, []);
    for (turn, entry) in CertificateList::from_der(&published).unwrap().entries().enumerate() {
        let entry = entry.unwrap();
        let listed = super::made::octets(entry.serial().as_octets()).on(entry.revocation_date());
        let place = turn * 7919 % (shuffled.listed.len() + 1);
        shuffled.listed.insert(place, listed);
    }
    for crl in [published.clone(), shuffled.der()] {
        let world = empty();
        world.clock.set(day(9));
        let imported = world.import([&crl]);
        assert_eq!(imported.revoked, numbers.len() as u64);
        assert_eq!(entries(&world.crl_at(day(9))), entries(&published));
    }
}
