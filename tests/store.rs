//! What every store promises: each case runs on each store.

use annul::{
    IssuerId, Position, Serial,
    store::{
        Append, Assert, Batch, NewEntry, Partition, Put, Record, Retire, Snapshot, Space, Store,
        StoreError, Table, Version, key,
    },
};
use std::{ops::ControlFlow, thread};

mod support {
    #[cfg(feature = "redb")]
    pub mod backend;
    #[cfg(feature = "postgres")]
    pub mod postgres;
}

macro_rules! cases {
    ($($case:ident)+) => {
        mod memory {
            $(#[test] fn $case() { super::$case(&annul::store::MemoryStore::new()) })+
        }
        #[cfg(feature = "redb")]
        mod redb {
            use super::support::backend::Disk;
            $(#[test] fn $case() {
                let options = annul::store::RedbStoreOptions::new();
                super::$case(&options.open_backend(Disk::new()).unwrap())
            })+
        }
        #[cfg(feature = "postgres")]
        mod postgres_read_committed {
            use super::support::postgres::Place;
            $(#[test] fn $case() {
                let Some(place) = Place::fresh() else { return };
                super::$case(&place.open())
            })+
        }
        #[cfg(feature = "postgres")]
        mod postgres_serializable {
            use super::support::postgres::Place;
            use annul::store::{Isolation, PostgresOptions};
            $(#[test] fn $case() {
                let Some(place) = Place::fresh() else { return };
                let options = PostgresOptions::new().isolation(Isolation::Serializable);
                super::$case(&options.connect(place.url()).unwrap())
            })+
        }
    };
}

cases! {
    a_batch_takes_effect_as_a_whole_or_not_at_all
    a_version_counts_how_often_a_record_was_put
    positions_have_no_gap
    entries_are_found_by_position_and_by_serial_number
    no_batch_replaces_an_entry_of_a_log
    a_snapshot_is_frozen_while_writers_write
    a_scan_keeps_to_its_space_its_bounds_and_its_visitor
    the_order_of_keys_is_that_of_serial_numbers
    of_racing_appends_one_wins_each_position
    what_no_batch_may_ask_changes_nothing
}

const TABLE: Table = Table::Certificates;

fn issuer(name: u8) -> IssuerId {
    IssuerId::from_octets([name; 32])
}

fn serial(hex: &str) -> Serial {
    hex.parse().unwrap()
}

fn put(key: u8, expected: u64, value: u8) -> Put {
    Put { table: TABLE, key: vec![key], expected: Version(expected), value: vec![value] }
}

fn assert(key: u8, expected: u64) -> Assert {
    Assert { table: TABLE, key: vec![key], expected: Version(expected) }
}

fn retire(key: u8, expected: u64) -> Retire {
    Retire { table: TABLE, key: vec![key], expected: Version(expected) }
}

/// Entries about one certificate each.
fn append(name: u8, expected: u64, serials: &[&str]) -> Append {
    let entry = |hex: &&str| NewEntry {
        subject: Some((Partition(0), serial(hex))),
        value: hex.as_bytes().to_vec(),
    };
    Append {
        issuer: issuer(name),
        expected: Position(expected),
        entries: serials.iter().map(entry).collect(),
        head: vec![1],
        prunes: Vec::new(),
    }
}

fn puts(puts: impl Into<Vec<Put>>) -> Batch {
    Batch { puts: puts.into(), ..Batch::default() }
}

fn appends(appends: impl Into<Vec<Append>>) -> Batch {
    Batch { appends: appends.into(), ..Batch::default() }
}

fn scan(snapshot: &dyn Snapshot, space: Space, from: &[u8], to: Option<&[u8]>) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    };
    snapshot.scan(space, from, to, visit).unwrap();
    keys
}

/// All that a snapshot shows.
fn everything(snapshot: &dyn Snapshot) -> Vec<(Space, Vec<u8>, Record)> {
    let tables = [
        Table::Issuers,
        Table::Standings,
        Table::Certificates,
        Table::CertificateDer,
        Table::CrlNumbers,
    ];
    [Space::Heads, Space::Log, Space::Entries]
        .into_iter()
        .chain(tables.map(Space::Table))
        .flat_map(|space| {
            let keys = scan(snapshot, space, &[], None).into_iter();
            keys.map(move |key| {
                let record = snapshot.get(space, &key).unwrap().unwrap();
                (space, key, record)
            })
        })
        .collect()
}

fn a_batch_takes_effect_as_a_whole_or_not_at_all(store: &dyn Store) {
    let start =
        Batch { appends: vec![append(1, 0, &["0a"])], ..puts([put(1, 0, 1), put(2, 0, 1)]) };
    store.apply(&start).unwrap();
    let before = everything(&*store.snapshot().unwrap());
    let whole = Batch {
        asserts: vec![assert(1, 1)],
        puts: vec![put(3, 0, 1)],
        retires: vec![retire(2, 1)],
        appends: vec![append(1, 1, &["0b"]), append(2, 0, &["0c"])],
    };
    let stale = |spoil: &dyn Fn(&mut Batch)| {
        let mut batch = whole.clone();
        spoil(&mut batch);
        match store.apply(&batch) {
            Err(StoreError::Conflict { space, key }) => (space, key),
            other => panic!("{other:?}"),
        }
    };
    let table = Space::Table(TABLE);
    assert_eq!(stale(&|batch| batch.asserts[0] = assert(1, 2)), (table, vec![1]));
    assert_eq!(stale(&|batch| batch.asserts[0] = assert(1, 0)), (table, vec![1]));
    assert_eq!(stale(&|batch| batch.asserts[0] = assert(9, 1)), (table, vec![9]));
    assert_eq!(stale(&|batch| batch.puts[0] = put(9, 1, 1)), (table, vec![9]));
    assert_eq!(stale(&|batch| batch.puts.push(put(4, 7, 1))), (table, vec![4]));
    assert_eq!(stale(&|batch| batch.retires[0] = retire(2, 2)), (table, vec![2]));
    assert_eq!(stale(&|batch| batch.retires[0] = retire(9, 1)), (table, vec![9]));
    for position in [0, 2] {
        let head = (Space::Heads, key::head(issuer(1)));
        assert_eq!(stale(&|batch| batch.appends[0] = append(1, position, &["0b"])), head);
    }
    let head = (Space::Heads, key::head(issuer(2)));
    assert_eq!(stale(&|batch| batch.appends[1] = append(2, 1, &["0c"])), head);
    assert_eq!(everything(&*store.snapshot().unwrap()), before);
    store.apply(&whole).unwrap();
    assert_eq!(everything(&*store.snapshot().unwrap()).len(), before.len() + 2 + 3);
}

fn a_version_counts_how_often_a_record_was_put(store: &dyn Store) {
    let read = || store.snapshot().unwrap().get(Space::Table(TABLE), &[1]).unwrap();
    assert_eq!(read(), None);
    for version in 0..5 {
        store.apply(&puts([put(1, version, 40 + version as u8)])).unwrap();
        let value = vec![40 + version as u8];
        assert_eq!(read(), Some(Record { version: Version(version + 1), value }));
    }
    store.apply(&Batch { retires: vec![retire(1, 5)], ..Batch::default() }).unwrap();
    assert_eq!(read(), None);
    store.apply(&Batch { asserts: vec![assert(1, 0)], ..Batch::default() }).unwrap();
    store.apply(&puts([put(1, 0, 9)])).unwrap();
    assert_eq!(read(), Some(Record { version: Version(1), value: vec![9] }));
}

fn positions_have_no_gap(store: &dyn Store) {
    for (expected, serials) in [(0, &["0a", "0b", "0c"][..]), (3, &["0d"]), (4, &["0e", "0a"])] {
        store.apply(&appends([append(1, expected, serials)])).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let head = snapshot.get(Space::Heads, &key::head(issuer(1))).unwrap().unwrap();
    assert_eq!(head, Record { version: Version(6), value: vec![1] });
    let positions: Vec<_> = (1..=6).map(|place| key::log(issuer(1), Position(place))).collect();
    assert_eq!(scan(&*snapshot, Space::Log, &[], None), positions);
    for (key, value) in positions.iter().zip(["0a", "0b", "0c", "0d", "0e", "0a"]) {
        let entry = snapshot.get(Space::Log, key).unwrap().unwrap();
        assert_eq!(entry, Record { version: Version(1), value: value.into() });
    }
}

fn entries_are_found_by_position_and_by_serial_number(store: &dyn Store) {
    let entry = |partition, hex| NewEntry {
        subject: Some((Partition(partition), serial(hex))),
        value: vec![1],
    };
    let about_the_issuer = NewEntry { subject: None, value: vec![2] };
    let entries =
        vec![entry(1, "01"), entry(0, "80"), about_the_issuer, entry(0, "01"), entry(0, "80")];
    let (expected, prunes) = (Position(0), Vec::new());
    let append = Append { issuer: issuer(1), expected, entries, head: vec![], prunes };
    let other = Append { issuer: issuer(0), ..append.clone() };
    store.apply(&appends([append, other])).unwrap();

    let snapshot = store.snapshot().unwrap();
    let places = [(0, "01", 4), (0, "80", 2), (0, "80", 5), (1, "01", 1)];
    let expected = places.map(|(partition, hex, position)| {
        key::entry(issuer(1), Partition(partition), serial(hex), Position(position))
    });
    let all = key::head(issuer(1));
    let past = key::past(&all);
    assert_eq!(scan(&*snapshot, Space::Entries, &all, past.as_deref()), expected);
    assert_eq!(scan(&*snapshot, Space::Log, &all, past.as_deref()).len(), 5);
    let part = key::entries(issuer(1), Partition(0));
    let past = key::past(&part);
    assert_eq!(scan(&*snapshot, Space::Entries, &part, past.as_deref()), expected[..3]);
}

fn no_batch_replaces_an_entry_of_a_log(store: &dyn Store) {
    store.apply(&appends([append(1, 0, &["0a", "0b"])])).unwrap();
    let before = everything(&*store.snapshot().unwrap());
    for position in [0, 1, 3, Version::LAST.0 - 1] {
        store.apply(&appends([append(1, position, &["0c"])])).unwrap_err();
    }
    assert_eq!(everything(&*store.snapshot().unwrap()), before);
}

fn a_snapshot_is_frozen_while_writers_write(store: &dyn Store) {
    let start = Batch { appends: vec![append(1, 0, &["0a"])], ..puts([put(1, 0, 1)]) };
    store.apply(&start).unwrap();
    let snapshot = store.snapshot().unwrap();
    let before = everything(&*snapshot);
    thread::scope(|scope| {
        scope.spawn(|| {
            for version in 1..50 {
                let append = append(1, version, &["0b"]);
                let batch = puts([put(1, version, 2), put(version as u8 + 1, 0, 2)]);
                store.apply(&Batch { appends: vec![append], ..batch }).unwrap();
            }
            store.apply(&Batch { retires: vec![retire(1, 50)], ..Batch::default() }).unwrap();
        });
        for _ in 0..50 {
            assert_eq!(everything(&*snapshot), before);
        }
    });
    assert_eq!(everything(&*snapshot), before);
    drop(snapshot);
    assert_eq!(everything(&*store.snapshot().unwrap()).len(), 1 + 50 + 50 + 49);
}

fn a_scan_keeps_to_its_space_its_bounds_and_its_visitor(store: &dyn Store) {
    let keys = [&[0][..], &[0, 0], &[1], &[1, 2], &[2], &[0xff], &[0xff, 0xff]];
    for table in [Table::Standings, Table::Certificates, Table::CertificateDer] {
        let put = |key: &&[u8]| {
            let expected = Version::ABSENT;
            Put { table, key: key.to_vec(), expected, value: vec![table.code()] }
        };
        store.apply(&puts(keys.iter().rev().map(put).collect::<Vec<_>>())).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let space = Space::Table(Table::Certificates);
    assert_eq!(scan(&*snapshot, space, &[], None), keys);
    assert_eq!(scan(&*snapshot, space, &[0, 0], Some(&[1, 2])), keys[1..3]);
    assert_eq!(scan(&*snapshot, space, &[0, 1], Some(&[3])), keys[2..5]);
    assert_eq!(scan(&*snapshot, space, &[0xff, 0], None), keys[6..]);
    assert_eq!(scan(&*snapshot, space, &[], Some(&[])), [[0u8; 0]; 0]);
    assert_eq!(scan(&*snapshot, space, &[1], Some(&[1])), [[0u8; 0]; 0]);
    assert_eq!(scan(&*snapshot, space, &[2], Some(&[1])), [[0u8; 0]; 0]);

    let mut seen = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        assert_eq!(value, [Table::Certificates.code()]);
        seen.push(key.to_vec());
        if seen.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    snapshot.scan(space, &[], None, visit).unwrap();
    assert_eq!(seen, keys[..3]);
}

fn the_order_of_keys_is_that_of_serial_numbers(store: &dyn Store) {
    let highest = format!("7f{}", "ff".repeat(19));
    let ordered = ["01", "7f", "80", "ff", "0100", "7fff", "8000", "ff0000", "01000000", &highest]
        .map(|hex| key::certificate(issuer(1), serial(hex)));
    let put = |key: &Vec<u8>| Put { key: key.clone(), ..put(0, 0, 0) };
    store.apply(&puts(ordered.iter().rev().map(put).collect::<Vec<_>>())).unwrap();
    assert_eq!(scan(&*store.snapshot().unwrap(), Space::Table(TABLE), &[], None), ordered);
}

fn of_racing_appends_one_wins_each_position(store: &dyn Store) {
    const ROUNDS: u64 = 20;
    let wins = thread::scope(|scope| {
        let racer = |_| {
            scope.spawn(|| {
                let win = |position| match store.apply(&appends([append(1, position, &["0a"])])) {
                    Ok(()) => true,
                    Err(StoreError::Conflict { space: Space::Heads, .. }) => false,
                    Err(other) => panic!("{other:?}"),
                };
                (0..ROUNDS).filter(|&position| win(position)).count()
            })
        };
        let racers: Vec<_> = (0..4).map(racer).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum::<usize>()
    });
    assert_eq!(wins as u64, ROUNDS);
    assert_eq!(scan(&*store.snapshot().unwrap(), Space::Log, &[], None).len() as u64, ROUNDS);
}

fn what_no_batch_may_ask_changes_nothing(store: &dyn Store) {
    store.apply(&puts([put(1, 0, 1)])).unwrap();
    let asserts = vec![assert(1, 1)];
    let retires = vec![retire(1, 1)];
    let bad = [
        appends([append(1, 0, &[])]),
        appends([append(1, 0, &["0a"]), append(1, 1, &["0b"])]),
        appends([append(1, Version::LAST.0, &["0a"])]),
        puts([put(1, Version::LAST.0, 1)]),
        puts([put(1, 1, 1), put(1, 2, 1)]),
        Batch { asserts: asserts.clone(), ..puts([put(1, 1, 1)]) },
        Batch { retires: retires.clone(), ..puts([put(1, 1, 1)]) },
        Batch { asserts: [&asserts[..], &asserts].concat(), ..Batch::default() },
        Batch { asserts, retires, ..Batch::default() },
        Batch { retires: vec![retire(9, 0)], ..Batch::default() },
    ];
    let before = everything(&*store.snapshot().unwrap());
    for batch in bad {
        let with_good = Batch { puts: [&batch.puts[..], &[put(7, 0, 1)]].concat(), ..batch };
        let answer = store.apply(&with_good);
        assert!(matches!(answer, Err(StoreError::BadBatch { .. })), "{with_good:?}: {answer:?}");
    }
    assert_eq!(everything(&*store.snapshot().unwrap()), before);
    store.apply(&Batch::default()).unwrap();
}
