//! Cases: a snapshot is one moment, and not an old one.

use super::{Place, patient::Patient, samples::*};
use crate::store::{Batch, Snapshot, Space, Store, key};
use std::thread;

/// Else what is decided on a view was never true at one moment.
pub fn a_snapshot_is_frozen_while_writers_write(place: &dyn Place) {
    let [store, other] = Patient::two_at(place);
    let start = Batch { appends: vec![append(1, 0, &["0a"])], ..puts([put(1, 0, 1)]) };
    store.apply(&start).unwrap();
    let snapshot = store.snapshot().unwrap();
    let before = everything(&*snapshot);
    thread::scope(|scope| {
        let writing = scope.spawn(|| write(&other));
        while !writing.is_finished() {
            assert_eq!(everything(&*snapshot), before);
        }
    });
    assert_eq!(everything(&*snapshot), before);
    drop(snapshot);
    assert_eq!(content(&store).len(), 1 + 50 + 50 + 50);
}

/// Else the two passes of a CRL disagree: its length is that of another list.
pub fn two_passes_over_one_snapshot_agree_while_writers_write(place: &dyn Place) {
    let [store, other] = Patient::two_at(place);
    let start = Batch { appends: vec![append(1, 0, &["0a"])], ..puts([put(1, 0, 1)]) };
    store.apply(&start).unwrap();
    let passes = |snapshot: &dyn Snapshot| {
        for space in Space::all() {
            let first = rows(snapshot, space, &[], None);
            assert_eq!(rows(snapshot, space, &[], None), first, "{space:?}");
            let mut third = Vec::new();
            let visit = &mut |key: &[u8], value: &[u8]| {
                third.push((key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            };
            snapshot.scan_prefixes(space, &[vec![]], visit).unwrap();
            assert_eq!(third, first, "{space:?}");
        }
    };
    thread::scope(|scope| {
        let writing = scope.spawn(|| write(&other));
        let mut is_last = false;
        while !is_last {
            is_last = writing.is_finished();
            passes(&*store.snapshot().unwrap());
        }
    });
}

/// Replaces, adds, appends and retires.
fn write(store: &Patient) {
    for version in 1..50_u8 {
        let append = append(1, version.into(), &[&format!("{version:02x}")]);
        let batch = puts([put(1, version.into(), version), put(version + 1, 0, 2)]);
        store.apply(&Batch { appends: vec![append], ..batch }).unwrap();
    }
    store.apply(&Batch { retires: vec![retire(1, 50)], ..puts([put(99, 0, 1)]) }).unwrap();
}

/// Else who was told that a certificate is revoked asks again and hears that it is not.
pub fn a_batch_is_seen_by_every_later_snapshot(place: &dyn Place) {
    let stores = Patient::two_at(place);
    for round in 0..40_u8 {
        let writer = &stores[usize::from(round % 2)];
        let append = append(1, round.into(), &[&format!("{:02x}", round + 1)]);
        let batch = puts([put(1, round.into(), round)]);
        writer.apply(&Batch { appends: vec![append], ..batch }).unwrap();
        let see = |store: &Patient| {
            let snapshot = store.snapshot().unwrap();
            let record = snapshot.get(SPACE, &[1]).unwrap().unwrap();
            assert_eq!(record.value, [round]);
            let head = snapshot.get(Space::Heads, &key::head(issuer(1))).unwrap().unwrap();
            assert_eq!(head.version.0, u64::from(round) + 1);
            assert_eq!(keys(&*snapshot, Space::Log, &[], None).len(), usize::from(round) + 1);
        };
        thread::scope(|scope| {
            for store in &stores {
                scope.spawn(|| see(store));
            }
        });
    }
}

/// Else a certificate is given the status of another one.
pub fn get_all_answers_as_get_does(place: &dyn Place) {
    let store = Patient::at(place);
    let all: Vec<_> = (0..200_u8).step_by(2).map(|key| put(key, 0, key)).collect();
    store.apply(&Batch { appends: vec![append(1, 0, &["0a", "0b"])], ..puts(all) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    let check = |space, keys: &[Vec<u8>]| {
        let one_by_one: Vec<_> = keys.iter().map(|key| snapshot.get(space, key).unwrap()).collect();
        assert_eq!(snapshot.get_all(space, keys).unwrap(), one_by_one, "{space:?} {keys:?}");
    };
    let mut keys: Vec<_> = (0..=255_u8).map(|key| vec![key]).collect();
    check(SPACE, &keys);
    keys.reverse();
    check(SPACE, &keys);
    check(SPACE, &[vec![4], vec![3], vec![4], vec![], vec![2, 2], vec![0]]);
    check(SPACE, &[]);
    check(SPACE, &[vec![1]]);
    check(Space::Heads, &[key::head(issuer(2)), key::head(issuer(1))]);
    let log = |position| key::log(issuer(1), crate::log::Position(position));
    check(Space::Log, &[log(2), log(0), log(3), log(1)]);
    check(Space::Entries, &[log(1)]);
}
