//! Batches and views of them, in few words.

use super::patient::Patient;
use crate::{
    issuer_id::IssuerId,
    log::Position,
    serial::Serial,
    store::{
        Append, Assert, Batch, NewEntry, Partition, Put, Record, Retire, Snapshot, Space, Store,
        StoreError, Table, Version,
    },
};
use std::ops::ControlFlow;

pub(super) const TABLE: Table = Table::Certificates;
pub(super) const SPACE: Space = Space::Table(TABLE);

pub(super) fn issuer(name: u8) -> IssuerId {
    IssuerId::from_octets([name; 32])
}

pub(super) fn serial(hex: &str) -> Serial {
    hex.parse().unwrap()
}

pub(super) fn put(key: u8, expected: u64, value: u8) -> Put {
    put_at(&[key], expected, &[value])
}

pub(super) fn put_at(key: &[u8], expected: u64, value: &[u8]) -> Put {
    let (key, value) = (key.to_vec(), value.to_vec());
    Put { table: TABLE, key, expected: Version(expected), value }
}

pub(super) fn assert(key: u8, expected: u64) -> Assert {
    Assert { table: TABLE, key: vec![key], expected: Version(expected) }
}

pub(super) fn retire(key: u8, expected: u64) -> Retire {
    Retire { table: TABLE, key: vec![key], expected: Version(expected) }
}

/// An entry about one certificate, whose value is the text of its serial number.
pub(super) fn entry(partition: u32, hex: &str) -> NewEntry {
    let subject = Some((Partition(partition), serial(hex)));
    NewEntry { subject, value: hex.as_bytes().to_vec() }
}

/// Entries about one certificate each.
pub(super) fn append(name: u8, expected: u64, serials: &[&str]) -> Append {
    Append {
        issuer: issuer(name),
        expected: Position(expected),
        entries: serials.iter().map(|hex| entry(0, hex)).collect(),
        head: vec![1],
        prunes: Vec::new(),
    }
}

pub(super) fn puts(puts: impl Into<Vec<Put>>) -> Batch {
    Batch { puts: puts.into(), ..Batch::default() }
}

pub(super) fn appends(appends: impl Into<Vec<Append>>) -> Batch {
    Batch { appends: appends.into(), ..Batch::default() }
}

/// What a scan shows, all of it.
pub(super) fn rows(
    snapshot: &dyn Snapshot,
    space: Space,
    from: &[u8],
    to: Option<&[u8]>,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    snapshot.scan(space, from, to, visit).unwrap();
    rows
}

/// The keys that a scan shows.
pub(super) fn keys(
    snapshot: &dyn Snapshot,
    space: Space,
    from: &[u8],
    to: Option<&[u8]>,
) -> Vec<Vec<u8>> {
    rows(snapshot, space, from, to).into_iter().map(|(key, _)| key).collect()
}

/// All that a snapshot shows, whichever way it is asked.
pub(super) fn everything(snapshot: &dyn Snapshot) -> Vec<(Space, Vec<u8>, Record)> {
    let mut all = Vec::new();
    for space in Space::all() {
        let (keys, values): (Vec<_>, Vec<_>) = rows(snapshot, space, &[], None).into_iter().unzip();
        let records = snapshot.get_all(space, &keys).unwrap();
        assert_eq!(records.len(), keys.len());
        for ((key, value), record) in keys.into_iter().zip(values).zip(records) {
            let record = record.unwrap_or_else(|| panic!("{space:?} {key:?} is only in a scan"));
            assert_eq!(record.value, value, "get and scan disagree on {space:?} {key:?}");
            all.push((space, key, record));
        }
    }
    all
}

/// All that a store holds.
pub(super) fn content(store: &Patient) -> Vec<(Space, Vec<u8>, Record)> {
    everything(&*store.snapshot().unwrap())
}

/// Whether a batch won against all others on the same records: else it met a conflict.
pub(super) fn wins(store: &Patient, batch: &Batch) -> bool {
    match store.apply(batch) {
        Ok(()) => true,
        Err(StoreError::Conflict { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}
