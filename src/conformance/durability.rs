//! Cases: what was acknowledged is there when the store is opened again.

use super::{Place, patient::Patient, samples::*};
use crate::{
    log::Position,
    store::{Append, Batch, Partition, Prune, Put, Space, Store, Table, Version, key},
};

/// Else a revocation that somebody was told of is gone after a restart.
pub fn what_was_acknowledged_is_there_after_reopening(place: &dyn Place) {
    let mut expected = Vec::new();
    for round in 0..5_u8 {
        let store = Patient::at(place);
        assert_eq!(content(&store), expected, "round {round}");
        let (version, hex) = (u64::from(round), format!("{:02x}", round + 1));
        let prunes = (round > 0).then(|| Prune {
            partition: Partition(0),
            serial: serial(&format!("{round:02x}")),
            position: Position(version),
        });
        let append = Append { prunes: prunes.into_iter().collect(), ..append(1, version, &[&hex]) };
        let all = Table::ALL.map(|table| Put { table, ..put(1, version, round) });
        store.apply(&Batch { appends: vec![append], ..puts(all) }).unwrap();
        let retires = (round > 0).then(|| retire(100 + round - 1, 1)).into_iter().collect();
        store.apply(&Batch { retires, ..puts([put(100 + round, 0, round)]) }).unwrap();
        expected = content(&store);
    }
    assert_eq!(expected.len(), 5 + 2 + Table::ALL.len() + 1);
}

/// Else what nobody was told of takes effect behind everybody's back.
pub fn what_was_refused_is_not_there_after_reopening(place: &dyn Place) {
    let store = Patient::at(place);
    store.apply(&Batch { appends: vec![append(1, 0, &["0a"])], ..puts([put(1, 0, 1)]) }).unwrap();
    let before = content(&store);
    let refused = [
        Batch { appends: vec![append(1, 0, &["0b"])], ..puts([put(2, 0, 1)]) },
        Batch { asserts: vec![assert(1, 2)], ..puts([put(3, 0, 1)]) },
        Batch { retires: vec![retire(1, 1)], ..puts([put(4, 1, 1)]) },
        Batch { appends: vec![append(1, 1, &[])], ..puts([put(5, 0, 1)]) },
    ];
    for batch in refused {
        store.apply(&batch).unwrap_err();
    }
    drop(store);
    assert_eq!(content(&Patient::at(place)), before);
}

/// Else a number that was given out is given out again.
pub fn versions_and_positions_go_on_after_reopening(place: &dyn Place) {
    for round in 0..5_u64 {
        let store = Patient::at(place);
        for stale in (0..round).chain([round + 1]) {
            let value = [stale as u8, round as u8];
            assert!(!wins(&store, &puts([put_at(&[1], stale, &value)])), "{stale} of {round}");
            assert!(!wins(&store, &appends([append(1, stale, &["7f"])])), "{stale} of {round}");
        }
        let hex = format!("{:02x}", round + 1);
        let batch = puts([put_at(&[1], round, &[9, round as u8])]);
        store.apply(&Batch { appends: vec![append(1, round, &[&hex])], ..batch }).unwrap();
        let snapshot = store.snapshot().unwrap();
        let version = |space, key: &[u8]| snapshot.get(space, key).unwrap().unwrap().version;
        assert_eq!(version(SPACE, &[1]), Version(round + 1));
        assert_eq!(version(Space::Heads, &key::head(issuer(1))), Version(round + 1));
    }
}
