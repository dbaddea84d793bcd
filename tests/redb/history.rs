//! A history of batches, and whether a store holds just that.

use crate::backend::Disk;
use annul::{
    IssuerId, Position, Serial,
    store::{
        Append, Batch, NewEntry, Partition, Put, RedbStore, RedbStoreOptions, Space, Store,
        StoreError, Table, Version, key,
    },
};
use std::{
    env, fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A path where there is no file.
pub fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

pub fn issuer() -> IssuerId {
    IssuerId::from_octets([1; 32])
}

pub const ENTRIES: u64 = 3;

/// The batch that comes after `number` others of this history: some entries, a new record, and
/// the next version of another.
pub fn next_batch(number: u64) -> Batch {
    let entry = |place: u64| NewEntry {
        subject: Some((Partition(0), Serial::from_unsigned(&(place + 1).to_be_bytes()).unwrap())),
        value: place.to_be_bytes().repeat(20),
    };
    let first = number * ENTRIES;
    let append = Append {
        issuer: issuer(),
        expected: Position(first),
        entries: (first..first + ENTRIES).map(entry).collect(),
        head: number.to_be_bytes().to_vec(),
        prunes: Vec::new(),
    };
    let put = |table, key: u64, expected| Put {
        table,
        key: key.to_be_bytes().to_vec(),
        expected: Version(expected),
        value: number.to_be_bytes().repeat(50),
    };
    let puts = vec![put(Table::Certificates, number, 0), put(Table::CrlNumbers, 0, number)];
    Batch { puts, appends: vec![append], ..Batch::default() }
}

/// How many batches of the history the store holds; panics unless it holds just their effect.
pub fn history(store: &dyn Store) -> u64 {
    let snapshot = store.snapshot().unwrap();
    let table = Space::Table(Table::CrlNumbers);
    let version = snapshot.get(table, &[0; 8]).unwrap().map_or(0, |record| record.version.0);
    let head = snapshot.get(Space::Heads, &key::head(issuer())).unwrap();
    assert_eq!(head.map_or(0, |head| head.version.0), version * ENTRIES);
    let places: Vec<_> =
        (0..version * ENTRIES).map(|place| place.to_be_bytes().repeat(20)).collect();
    let values: Vec<_> = (0..version).map(|number| number.to_be_bytes().repeat(50)).collect();
    let certificates = Space::Table(Table::Certificates);
    for (space, expected) in
        [(Space::Log, &places), (Space::Entries, &places), (certificates, &values)]
    {
        let mut found = Vec::new();
        let visit = &mut |_: &[u8], value: &[u8]| {
            found.push(value.to_vec());
            ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, visit).unwrap();
        assert_eq!(found, *expected, "{space:?}");
    }
    version
}

pub fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    RedbStoreOptions::new().open_backend(disk.clone())
}

/// Runs one test of this executable in a process of its own, told of a file.
pub fn process(test: &str, path: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FILE, path).stdout(Stdio::piped());
    command
}

/// The file that this process was told of, if it was started by [`process`].
pub fn told_of() -> Option<PathBuf> {
    env::var_os(FILE).map(PathBuf::from)
}

const FILE: &str = "ANNUL_TEST_FILE";

/// Applies the next batches of the history to a store without end, and says so after each.
pub fn write_on(store: &RedbStore) {
    // The first line has words of the test harness on it.
    println!();
    for number in history(store).. {
        store.apply(&next_batch(number)).unwrap();
        println!("{}", number + 1);
    }
}
