//! Entries whose serial numbers no certificate may have: kept as they stand.
//!
//! That the next CRL lists them is tested where CRLs are made.

use super::{
    Reason, World, empty,
    made::{HOLD, listed, made, octets},
    names, of,
};
use crate::toy::day;
use annul::{
    Error, MemoryStore, Partition, StoreError,
    conformance::Hiding,
    store::{Space, Table},
};

const ODD: [&[u8]; 5] = [&[0], &[0x80], &[0xff, 0x01], &[0, 1], &[0x7f; 21]];

fn kept(world: &World) -> Vec<(Vec<u8>, annul::Timestamp, Option<Reason>)> {
    let entries = world.authority.legacy_entries(world.id()).unwrap();
    let entries = entries.iter();
    entries
        .map(|it| (it.serial().as_octets().to_vec(), it.revocation.date, it.revocation.reason))
        .collect()
}

#[test]
fn e26_odd_serial_numbers_are_kept_octet_for_octet() {
    let world = empty();
    let mut all: Vec<_> = ODD.iter().map(|serial| octets(serial).because(4)).collect();
    all.push(listed(1));
    let crl = made(3, all).der();
    let imported = world.import([&crl]);
    assert_eq!((imported.revoked, imported.legacy, imported.findings.len()), (1, 5, 0));
    let expected = ODD.map(|serial| (serial.to_vec(), day(1), Some(Reason::Superseded)));
    let mut sorted = expected.to_vec();
    sorted.sort_by_key(|(serial, ..)| (serial.len(), serial.clone()));
    assert_eq!(kept(&world), sorted);
    let digest = world.digest();
    assert_eq!(world.import([&crl]).unchanged, 6);
    assert_eq!(world.digest(), digest);
}

#[test]
fn a_lesser_entry_replaces_none_and_a_graver_one_does() {
    let world = empty();
    let import = |entry: super::made::Listed| world.import([&made(4, [entry]).der()]);
    import(octets(&[0]).because(4));
    assert_eq!(names(&import(octets(&[0]).because(4).on(day(3)))), [(0, "record-says-more")]);
    assert_eq!(names(&import(octets(&[0]).because(5))), [(0, "contradiction")]);
    assert_eq!(kept(&world), [(vec![0], day(1), Some(Reason::Superseded))]);
    assert_eq!(import(octets(&[0]).because(1).on(day(3))).legacy, 1);
    assert_eq!(kept(&world), [(vec![0], day(1), Some(Reason::KeyCompromise))]);
    assert_eq!(import(octets(&[0]).because(1).on(day(0))).legacy, 1);
    assert_eq!(kept(&world), [(vec![0], day(0), Some(Reason::KeyCompromise))]);
    assert_eq!(names(&import(octets(&[0x80]).because(HOLD))), [(0x80, "held")]);
    assert_eq!(kept(&world).len(), 2);
}

#[test]
fn an_entry_of_a_partition_belongs_to_it() {
    let world = empty();
    world.import([&made(4, [octets(&[0])]).about_partition(7).der()]);
    let [entry] = &world.authority.legacy_entries(world.id()).unwrap()[..] else { panic!() };
    assert_eq!(entry.partition, Partition(7));
}

#[test]
fn they_are_compared_in_both_directions() {
    let world = empty();
    world.import([&made(4, [octets(&[0]), octets(&[0x80])]).der()]);
    world.clock.set(day(9));
    let crl = made(8, [octets(&[0x80]).because(1), octets(&[0, 1]), listed(1)]).der();
    let mut found = Vec::new();
    let compared = world
        .authority
        .reconcile(world.id(), &of([&crl]), &mut |finding| {
            found.push((finding.serial().as_octets().to_vec(), finding.difference.name()));
        })
        .unwrap();
    let expected = [
        (vec![1], "missing"),
        (vec![0x80], "record-says-less"),
        (vec![0, 1], "missing"),
        (vec![0], "omitted"),
    ];
    assert_eq!(found, expected);
    assert_eq!((compared.missing, compared.less, compared.omitted), (2, 1, 1));
}

#[test]
fn a_row_that_is_hidden_is_an_error_and_not_a_shorter_list() {
    let ca = super::ca().id();
    for hidden in [&[][..], &[0], &[0x80]] {
        let key = [&ca.as_octets()[..], hidden].concat();
        let store = MemoryStore::new();
        let world = World::over(&store);
        world.import([&made(4, [octets(&[0]), octets(&[0x80])]).der()]);
        let damaged = World::over(Hiding::new(&store, Space::Table(Table::LegacyEntries), key));
        let corrupt = damaged.authority.legacy_entries(damaged.id()).unwrap_err();
        assert!(matches!(corrupt, Error::Store(StoreError::Corrupt { .. })), "{corrupt}");
    }
}
