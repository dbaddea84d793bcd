//! Cases: what a batch does to records.

use super::{Place, patient::Patient, samples::*};
use crate::store::{Batch, Put, Record, Space, Store, StoreError, Table, Version, key};
use std::thread;

/// Else a revocation is recorded and its CA's fall is not: half a cascade.
pub fn a_batch_takes_effect_as_a_whole(place: &dyn Place) {
    const KEYS: u8 = 20;
    const ROUNDS: u8 = 40;
    let [writer, reader] = Patient::two_at(place);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for round in 0..ROUNDS {
                let all = (0..KEYS).map(|key| put(key, round.into(), round)).collect::<Vec<_>>();
                let append = append(1, round.into(), &[&format!("{:02x}", round + 1)]);
                writer.apply(&Batch { appends: vec![append], ..puts(all) }).unwrap();
            }
        });
        let mut is_last = false;
        while !is_last {
            is_last = writing.is_finished();
            let snapshot = reader.snapshot().unwrap();
            let mut found = rows(&*snapshot, SPACE, &[], None);
            let entries = keys(&*snapshot, Space::Log, &[], None).len();
            found.dedup_by(|(_, after), (_, before)| after == before);
            let values: Vec<_> = found.into_iter().map(|(_, value)| value).collect();
            let expected = entries.checked_sub(1).map(|round| vec![round as u8]);
            assert_eq!(values, expected.into_iter().collect::<Vec<_>>());
        }
    });
    assert_eq!(content(&reader).len(), usize::from(KEYS) + 1 + 2 * usize::from(ROUNDS));
}

/// Else a CRL number is given twice, or a certificate is registered under a CA that fell.
pub fn a_condition_that_does_not_hold_changes_nothing(place: &dyn Place) {
    let store = Patient::at(place);
    let start =
        Batch { appends: vec![append(1, 0, &["0a"])], ..puts([put(1, 0, 1), put(2, 0, 1)]) };
    store.apply(&start).unwrap();
    let before = content(&store);
    let whole = Batch {
        asserts: vec![assert(1, 1)],
        puts: vec![put(3, 0, 1)],
        retires: vec![retire(2, 1)],
        appends: vec![append(1, 1, &["0b"]), append(2, 0, &["0c"])],
    };
    let (record, head) = (|key| (SPACE, vec![key]), |name| (Space::Heads, key::head(issuer(name))));
    type Spoil<'a> = &'a dyn Fn(&mut Batch);
    let spoilt: [(Spoil<'_>, _); 11] = [
        (&|batch| batch.asserts[0] = assert(1, 2), record(1)),
        (&|batch| batch.asserts[0] = assert(1, 0), record(1)),
        (&|batch| batch.asserts[0] = assert(9, 1), record(9)),
        (&|batch| batch.puts[0] = put(9, 1, 7), record(9)),
        (&|batch| batch.puts.push(put(1, 0, 7)), record(1)),
        (&|batch| batch.puts.push(put(4, 7, 7)), record(4)),
        (&|batch| batch.retires[0] = retire(2, 2), record(2)),
        (&|batch| batch.retires[0] = retire(9, 1), record(9)),
        (&|batch| batch.appends[0] = append(1, 0, &["0b"]), head(1)),
        (&|batch| batch.appends[0] = append(1, 2, &["0b"]), head(1)),
        (&|batch| batch.appends[1] = append(2, 1, &["0c"]), head(2)),
    ];
    for (number, (spoil, expected)) in spoilt.into_iter().enumerate() {
        let mut batch = whole.clone();
        // Where the put of 1 is spoilt, nothing else may concern it.
        batch.asserts.truncate(usize::from(number != 4));
        spoil(&mut batch);
        match store.apply(&batch) {
            Err(StoreError::Conflict { space, key }) => assert_eq!((space, key), expected),
            other => panic!("{number}: {other:?}"),
        }
        assert_eq!(content(&store), before, "{number}");
    }
    store.apply(&whole).unwrap();
    assert_eq!(content(&store).len(), before.len() + 2 + 3);
}

/// Else who holds on to a version does not see that the record was changed.
pub fn a_version_counts_how_often_a_record_was_put(place: &dyn Place) {
    let store = Patient::at(place);
    let read = || store.snapshot().unwrap().get(SPACE, &[1]).unwrap();
    assert_eq!(read(), None);
    for version in 0..5 {
        let value = vec![40 + version as u8];
        store.apply(&puts([put_at(&[1], version, &value)])).unwrap();
        assert_eq!(read(), Some(Record { version: Version(version + 1), value }));
        let batch = Batch { asserts: vec![assert(1, version + 1)], ..Batch::default() };
        store.apply(&batch).unwrap();
        assert_eq!(read().unwrap().version, Version(version + 1), "asserting changes nothing");
    }
}

/// Else what was deleted, as the law may demand, is still there.
pub fn a_retired_record_is_gone_and_can_be_put_again(place: &dyn Place) {
    let store = Patient::at(place);
    store.apply(&puts([put(1, 0, 1), put(2, 0, 1)])).unwrap();
    store.apply(&puts([put(1, 1, 2)])).unwrap();
    store.apply(&Batch { retires: vec![retire(1, 2)], ..puts([put(3, 0, 1)]) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.get(SPACE, &[1]).unwrap(), None);
    assert_eq!(keys(&*snapshot, SPACE, &[], None), [[2], [3]]);
    drop(snapshot);
    for stale in [put(1, 2, 3), put(1, 1, 3)] {
        assert!(!wins(&store, &puts([stale])));
    }
    let absent = Batch { asserts: vec![assert(1, 0)], ..Batch::default() };
    store.apply(&absent).unwrap();
    store.apply(&puts([put(1, 0, 9)])).unwrap();
    let record = store.snapshot().unwrap().get(SPACE, &[1]).unwrap();
    assert_eq!(record, Some(Record { version: Version(1), value: vec![9] }));
    assert!(!wins(&store, &absent));
}

/// Else a batch that makes no sense does something.
pub fn what_no_batch_may_ask_changes_nothing(place: &dyn Place) {
    let store = Patient::at(place);
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
    let before = content(&store);
    for batch in bad {
        let with_good = Batch { puts: [&batch.puts[..], &[put(7, 0, 1)]].concat(), ..batch };
        let answer = store.apply(&with_good);
        assert!(matches!(answer, Err(StoreError::BadBatch { .. })), "{with_good:?}: {answer:?}");
    }
    assert_eq!(content(&store), before);
    store.apply(&Batch::default()).unwrap();
    assert_eq!(content(&store), before);
}

/// Else a record is taken for another: a key may be any octets, also none.
pub fn tables_and_keys_are_not_mixed_up(place: &dyn Place) {
    let store = Patient::at(place);
    let log = key::log(issuer(1), crate::log::Position(1));
    let odd = [&[][..], &[0], &[0, 0], &[1, 5], &[0xff], &[0xff, 0xff], b"'; --", &log];
    let all: Vec<_> = (Table::ALL.iter())
        .flat_map(|&table| {
            odd.map(|key| Put { table, ..put_at(key, 0, &[&[table.code()], key].concat()) })
        })
        .collect();
    store.apply(&puts(all.clone())).unwrap();
    store.apply(&appends([append(1, 0, &["0a"])])).unwrap();
    let snapshot = store.snapshot().unwrap();
    for Put { table, key, value, .. } in all {
        let record = snapshot.get(Space::Table(table), &key).unwrap();
        assert_eq!(record, Some(Record { version: Version(1), value }));
    }
    let entry = snapshot.get(Space::Log, &log).unwrap();
    assert_eq!(entry, Some(Record { version: Version(1), value: b"0a".to_vec() }));
    assert_eq!(everything(&*snapshot).len(), odd.len() * Table::ALL.len() + 3);
}
