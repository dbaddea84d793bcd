//! Cases: what is written to a log stays there.

use super::{Place, patient::Patient, samples::*};
use crate::{
    log::Position,
    store::{
        Append, Batch, NewEntry, Partition, Prune, Put, Record, Retire, Space, Store, StoreError,
        Table, Version, key,
    },
};

/// Else whoever follows a log misses a revocation.
pub fn positions_have_no_gap(place: &dyn Place) {
    let store = Patient::at(place);
    for (expected, serials) in [(0, &["0a", "0b", "0c"][..]), (3, &["0d"]), (4, &["0e", "0a"])] {
        store.apply(&appends([append(1, expected, serials)])).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let head = snapshot.get(Space::Heads, &key::head(issuer(1))).unwrap().unwrap();
    assert_eq!(head, Record { version: Version(6), value: vec![1] });
    let positions: Vec<_> = (1..=6).map(|place| key::log(issuer(1), Position(place))).collect();
    assert_eq!(keys(&*snapshot, Space::Log, &[], None), positions);
    for (key, value) in positions.iter().zip(["0a", "0b", "0c", "0d", "0e", "0a"]) {
        let entry = snapshot.get(Space::Log, key).unwrap().unwrap();
        assert_eq!(entry, Record { version: Version(1), value: value.into() });
    }
}

/// Else the log has a gap for good, and whoever follows it waits for an entry that never comes.
pub fn a_refused_append_takes_no_position(place: &dyn Place) {
    let store = Patient::at(place);
    for round in 0..5_u64 {
        let value = format!("{:02x}", round + 1);
        let whole = Batch {
            asserts: vec![assert(9, 1)],
            ..appends([append(1, round, &[&value]), append(2, 0, &["0a"])])
        };
        assert!(!wins(&store, &whole), "an assert that does not hold");
        assert!(!wins(&store, &appends([append(1, round + 1, &["7f"])])), "a position to come");
        store.apply(&appends([append(1, round, &[&value])])).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let positions: Vec<_> = (1..=5).map(|place| key::log(issuer(1), Position(place))).collect();
    assert_eq!(keys(&*snapshot, Space::Log, &[], None), positions);
    assert_eq!(keys(&*snapshot, Space::Heads, &[], None), [key::head(issuer(1))]);
}

/// Else a CRL of one partition lacks what another one has, or a status is that of a neighbour.
pub fn entries_are_found_by_position_and_by_serial_number(place: &dyn Place) {
    let store = Patient::at(place);
    let about_the_issuer = NewEntry { subject: None, value: vec![2] };
    let entries =
        vec![entry(1, "01"), entry(0, "80"), about_the_issuer, entry(0, "01"), entry(0, "80")];
    let append = Append { entries, ..append(1, 0, &[]) };
    let other = Append { issuer: issuer(0), ..append.clone() };
    store.apply(&appends([append, other])).unwrap();

    let snapshot = store.snapshot().unwrap();
    let places = [(0, "01", 4), (0, "80", 2), (0, "80", 5), (1, "01", 1)];
    let expected = places.map(|(partition, hex, position)| {
        key::entry(issuer(1), Partition(partition), serial(hex), Position(position))
    });
    let all = key::head(issuer(1));
    let past = key::past(&all);
    assert_eq!(keys(&*snapshot, Space::Entries, &all, past.as_deref()), expected);
    assert_eq!(keys(&*snapshot, Space::Log, &all, past.as_deref()).len(), 5);
    let part = key::entries(issuer(1), Partition(0));
    let past = key::past(&part);
    assert_eq!(keys(&*snapshot, Space::Entries, &part, past.as_deref()), expected[..3]);
}

/// Else a revocation can be taken back.
pub fn no_batch_replaces_an_entry_of_a_log(place: &dyn Place) {
    let store = Patient::at(place);
    store.apply(&appends([append(1, 0, &["0a", "0b"])])).unwrap();
    let before = content(&store);
    for position in [0, 1, 3, Version::LAST.0 - 1] {
        store.apply(&appends([append(1, position, &["0c"])])).unwrap_err();
        assert_eq!(content(&store), before, "{position}");
    }
    let of_logs = |snapshot: &Patient| {
        let all = content(snapshot).into_iter();
        all.filter(|(space, ..)| !matches!(space, Space::Table(_))).collect::<Vec<_>>()
    };
    // The keys of entries mean nothing in a table.
    let keys: Vec<_> = before.iter().map(|(_, key, _)| key.clone()).collect();
    for (table, key) in
        Table::ALL.into_iter().flat_map(|table| keys.iter().map(move |k| (table, k)))
    {
        let put = Put { table, ..put_at(key, 0, b"put") };
        store.apply(&puts([put])).unwrap();
        let retires = vec![Retire { table, key: key.clone(), expected: Version(1) }];
        let receipt = Put { table, ..put_at(&[key, &b"retired"[..]].concat(), 0, b"so") };
        store.apply(&Batch { retires, ..puts([receipt]) }).unwrap();
    }
    assert_eq!(of_logs(&store), before);
}

/// Else pruning what CRLs no longer list takes the proof that it ever was revoked.
pub fn a_pruned_entry_stays_in_the_log(place: &dyn Place) {
    let store = Patient::at(place);
    store.apply(&appends([append(1, 0, &["0a", "0b", "0a"])])).unwrap();
    let prunes = vec![prune("0a", 1), prune("0b", 2)];
    store.apply(&appends([Append { prunes, ..append(1, 3, &["0d"]) }])).unwrap();
    let snapshot = store.snapshot().unwrap();
    let values: Vec<_> =
        rows(&*snapshot, Space::Log, &[], None).into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [b"0a", b"0b", b"0a", b"0d"]);
    let left = [("0a", 3), ("0d", 4)].map(|(hex, position)| {
        key::entry(issuer(1), Partition(0), serial(hex), Position(position))
    });
    assert_eq!(keys(&*snapshot, Space::Entries, &[], None), left);
}

/// Else a mistake in pruning goes unnoticed, and takes other entries one day.
pub fn pruning_what_is_not_there_changes_nothing(place: &dyn Place) {
    let store = Patient::at(place);
    store.apply(&appends([append(1, 0, &["0a", "0b"]), append(2, 0, &["0c"])])).unwrap();
    let with = |prunes| Append { prunes, ..append(1, 2, &["0d"]) };
    let before = content(&store);
    for bad in [prune("0a", 2), prune("0c", 1), prune("0d", 1), prune("0d", 3), prune("7f", 0)] {
        let partition = Partition(1);
        for prunes in [vec![prune("0b", 2), bad], vec![Prune { partition, ..prune("0a", 1) }]] {
            let answer = store.apply(&appends([with(prunes)]));
            let refused =
                matches!(answer, Err(StoreError::Corrupt { .. } | StoreError::BadBatch { .. }));
            assert!(refused, "{bad:?}: {answer:?}");
            assert_eq!(content(&store), before, "{bad:?}");
        }
    }
    store.apply(&appends([with(vec![prune("0a", 1)])])).unwrap();
    let again = Append { prunes: vec![prune("0a", 1)], ..append(1, 3, &["0e"]) };
    store.apply(&appends([again])).unwrap_err();
}

/// Else a scan of an issuer's certificates is not in the order in which pages and CRLs are made.
pub fn the_order_of_keys_is_that_of_serial_numbers(place: &dyn Place) {
    let store = Patient::at(place);
    let highest = format!("7f{}", "ff".repeat(19));
    let high = format!("0100{}", "00".repeat(18));
    let nearly = "ff".repeat(19);
    let serials = [
        "01", "7f", "80", "ff", "0100", "7fff", "8000", "ff0000", "01000000", "7fffffff",
        "80000000", &nearly, &high, &highest,
    ];
    let ordered = serials.map(|hex| key::certificate(issuer(1), serial(hex)));
    let backwards: Vec<_> = ordered.iter().rev().map(|key| put_at(key, 0, key)).collect();
    let mut shuffled = serials;
    shuffled.reverse();
    let append = append(1, 0, &shuffled);
    store.apply(&Batch { appends: vec![append], ..puts(backwards) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(keys(&*snapshot, SPACE, &[], None), ordered);
    let values = rows(&*snapshot, Space::Entries, &[], None).into_iter().map(|(_, value)| value);
    assert_eq!(values.collect::<Vec<_>>(), serials.map(|hex| hex.as_bytes().to_vec()));
    for (place, key) in ordered.iter().enumerate() {
        assert_eq!(keys(&*snapshot, SPACE, key, None), ordered[place..]);
        assert_eq!(keys(&*snapshot, SPACE, &[], Some(key)), ordered[..place]);
    }
}

fn prune(hex: &str, position: u64) -> Prune {
    Prune { partition: Partition(0), serial: serial(hex), position: Position(position) }
}
