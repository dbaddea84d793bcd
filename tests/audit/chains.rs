//! Whatever is changed in the store is found and located.

use crate::{WRITERS, at, audit, event};
use annul::{
    AuditError, AuditHead, AuditProblem, AuditTampering, AuditVerified, AuditWriter, MemoryStore,
    store::{Batch, Put, Retire, Space, Store, Table, Version},
};
use proptest::{prelude::*, sample::Index};
use std::{ops::ControlFlow, time::Instant};

const TABLE: Table = Table::AuditEvents;
const SPACE: Space = Space::Table(TABLE);

/// Events of three writers, all of which hold each other's.
fn filled() -> MemoryStore {
    let store = MemoryStore::new();
    for number in 0..12 {
        let mut event = event(number);
        // Each fourth looks for ends of others.
        event.at = at(i64::from(number / 4) * 100);
        for writer in 0..3 {
            audit(&store, writer).record(&event, Instant::now()).unwrap();
        }
    }
    store
}

fn rows(store: &MemoryStore) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let snapshot = store.snapshot().unwrap();
    let visit = &mut |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    snapshot.scan(SPACE, &[], None, visit).unwrap();
    rows
}

fn put(store: &MemoryStore, key: &[u8], value: &[u8]) {
    let record = store.snapshot().unwrap().get(SPACE, key).unwrap();
    let expected = record.map_or(Version::ABSENT, |record| record.version);
    let put = Put { table: TABLE, key: key.to_vec(), expected, value: value.to_vec() };
    store.apply(&Batch { puts: vec![put], ..Batch::default() }).unwrap();
}

fn remove(store: &MemoryStore, key: &[u8]) {
    let expected = store.snapshot().unwrap().get(SPACE, key).unwrap().unwrap().version;
    let retire = Retire { table: TABLE, key: key.to_vec(), expected };
    store.apply(&Batch { retires: vec![retire], ..Batch::default() }).unwrap();
}

fn event_key(writer: usize, sequence: u64) -> Vec<u8> {
    [&[1], &WRITERS[writer].0[..], &sequence.to_be_bytes()].concat()
}

fn tip_key(writer: usize) -> Vec<u8> {
    [&[0], &WRITERS[writer].0[..]].concat()
}

fn verify(store: &MemoryStore) -> Result<AuditVerified, AuditTampering> {
    verify_with(store, &[])
}

fn verify_with(
    store: &MemoryStore,
    published: &[AuditHead],
) -> Result<AuditVerified, AuditTampering> {
    audit(store, 0).verify(published).map_err(|error| match error {
        AuditError::Tampered(tampering) => tampering,
        other => panic!("{other}"),
    })
}

/// Where something is wrong, and what.
fn found(store: &MemoryStore) -> (AuditWriter, u64, AuditProblem) {
    let AuditTampering { writer, sequence, problem, .. } = verify(store).unwrap_err();
    (writer, sequence, problem)
}

#[test]
fn what_was_written_is_verified() {
    let verified = verify(&filled()).unwrap();
    assert_eq!((verified.events, verified.writers), (36, 3));
    assert_eq!(verify(&MemoryStore::new()).unwrap().events, 0);
}

#[test]
fn a_change_of_any_octet_is_found_and_located() {
    let (store, mut octets) = (filled(), 0);
    for (key, value) in rows(&store).into_iter().step_by(5) {
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1 << (at % 8);
            put(&store, &key, &changed);
            let (writer, ..) = found(&store);
            assert_eq!(writer.0, key[1..17], "octet {at} of {key:?}");
            octets += 1;
        }
        put(&store, &key, &value);
    }
    assert!(octets > 1000);
    verify(&store).unwrap();
}

#[test]
fn each_kind_of_change_is_told_from_the_others() {
    use AuditProblem::{Altered, Loose, Misplaced, Missing, Replaced, Unlinked};
    let value = |store: &MemoryStore, key: &[u8]| {
        store.snapshot().unwrap().get(SPACE, key).unwrap().unwrap().value
    };
    let last = |store: &MemoryStore, writer: usize| {
        let is_of = |key: &[u8]| key[0] == 1 && key[1..17] == WRITERS[writer].0;
        let (key, _) = rows(store).into_iter().rfind(|(key, _)| is_of(key)).unwrap();
        u64::from_be_bytes(key[17..].try_into().unwrap())
    };

    let store = filled();
    remove(&store, &event_key(1, 5));
    assert_eq!(found(&store), (WRITERS[1], 5, Missing));

    // The whole of a chain, and all that is said of it elsewhere than in chains.
    let store = filled();
    for (key, _) in rows(&store) {
        if key[1..17] == WRITERS[1].0 {
            remove(&store, &key);
        }
    }
    assert_eq!(found(&store), (WRITERS[1], 1, Missing));

    // The end of a chain that is the end of all.
    let store = filled();
    let end = last(&store, 2);
    remove(&store, &event_key(2, end));
    assert_eq!(found(&store), (WRITERS[2], end, Missing));
    // Where that is changed too, a head that was published tells.
    let published = verify(&filled()).unwrap().head;
    let store = filled();
    remove(&store, &event_key(2, end));
    remove(&store, &tip_key(2));
    assert!(verify(&store).is_err() || verify_with(&store, &[published]).is_err());

    let store = filled();
    let (five, six) = (value(&store, &event_key(0, 5)), value(&store, &event_key(0, 6)));
    put(&store, &event_key(0, 5), &six);
    put(&store, &event_key(0, 6), &five);
    assert_eq!(found(&store), (WRITERS[0], 5, Misplaced));

    let store = filled();
    put(&store, &event_key(0, 5), b"\x01");
    assert_eq!(found(&store), (WRITERS[0], 5, Altered));
    put(&store, b"\x02", b"");
    remove(&store, &event_key(0, 5));
    put(&store, &event_key(0, 5), &five);
    assert_eq!(found(&store).2, Misplaced);

    // An event of another history, whose hash is right.
    let other = MemoryStore::new();
    let writer = audit(&other, 0);
    for number in 0..20 {
        writer.record(&event(100 + number), Instant::now()).unwrap();
    }
    let store = filled();
    put(&store, &event_key(0, 5), &value(&other, &event_key(0, 5)));
    assert_eq!(found(&store), (WRITERS[0], 5, Unlinked));
    // All of it, and its end: the other chains know better.
    let store = filled();
    for sequence in 1..=20 {
        put(&store, &event_key(0, sequence), &value(&other, &event_key(0, sequence)));
    }
    put(&store, &tip_key(0), &value(&other, &tip_key(0)));
    assert_eq!((found(&store).0, found(&store).2), (WRITERS[0], Replaced));

    // An event after the end of a chain that is over.
    let store = MemoryStore::new();
    let one = audit(&store, 0);
    one.record(&event(0), Instant::now()).unwrap();
    audit(&store, 1).record(&event(0), Instant::now()).unwrap();
    one.record(&event(1), Instant::now()).unwrap();
    remove(&store, &tip_key(0));
    assert_eq!(found(&store), (WRITERS[0], 2, Loose));
}

#[test]
fn what_is_below_a_published_head_cannot_be_forged_whoever_forges_it() {
    let store = filled();
    let published = audit(&store, 0).head().unwrap();
    for _ in 0..2 {
        audit(&store, 0).record(&event(1), Instant::now()).unwrap();
        verify_with(&store, std::slice::from_ref(&published)).unwrap();
    }
    // A whole audit that never was, and has no fault in itself.
    let forged = MemoryStore::new();
    for number in 0..20 {
        for writer in 0..3 {
            audit(&forged, writer).record(&event(number + 1), Instant::now()).unwrap();
        }
    }
    verify(&forged).unwrap();
    let tampering = verify_with(&forged, &[published]).unwrap_err();
    assert_eq!(tampering.problem, AuditProblem::Replaced);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whichever record it is, of an event or of the end of a chain.
    #[test]
    fn no_record_can_be_removed_moved_or_doubled(which: Index, other: Index, kind in 0..3) {
        let store = filled();
        let rows = rows(&store);
        let (key, value) = which.get(&rows);
        let (other_key, other_value) = other.get(&rows);
        prop_assume!(key != other_key);
        match kind {
            0 => remove(&store, key),
            1 => put(&store, other_key, value),
            _ => {
                put(&store, key, other_value);
                put(&store, other_key, value);
            }
        }
        prop_assert!(verify(&store).is_err());
    }
}
