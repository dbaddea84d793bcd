//! What the store on redb promises beyond every store: its file, its faults, its openers.
#![cfg(feature = "redb")]

mod support {
    pub mod backend;
    pub mod random;
}

use annul::{
    IssuerId, Position, Serial,
    store::{
        Append, Batch, NewEntry, Partition, Put, RedbStore, RedbStoreOptions, Space, Store,
        StoreError, Table, Version, key,
    },
};
use std::{env, fs, ops::ControlFlow, path::PathBuf, process::Command, thread};
use support::{backend::Disk, random::Random};

/// A path where there is no file.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

fn issuer() -> IssuerId {
    IssuerId::from_octets([1; 32])
}

const ENTRIES: u64 = 3;

/// The batch that comes after `number` others of this history: some entries, a new record, and
/// the next version of another.
fn next_batch(number: u64) -> Batch {
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
fn history(store: &dyn Store) -> u64 {
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

fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    RedbStoreOptions::new().open_backend(disk.clone())
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let path = fresh("reopened.store");
    assert!(matches!(RedbStore::open(&path), Err(StoreError::Missing { .. })));
    for round in 0..3 {
        let store = RedbStore::open_or_create(&path).unwrap();
        assert_eq!(history(&store), round);
        store.apply(&next_batch(round)).unwrap();
    }
    assert_eq!(history(&RedbStore::open(&path).unwrap()), 3);
}

#[test]
fn of_two_openers_one_is_told_who_holds_the_file() {
    let path = fresh("locked.store");
    let store = RedbStore::open_or_create(&path).unwrap();
    let refused = || match RedbStore::open_or_create(&path) {
        Err(StoreError::Locked { place }) => assert_eq!(place, path.display().to_string()),
        other => panic!("{other:?}"),
    };
    refused();
    thread::scope(|scope| {
        scope.spawn(refused);
    });
    assert_eq!(open_in_another_process(&path), "Locked");
    drop(store);
    assert_eq!(open_in_another_process(&path), "Opened");
}

const OPEN: &str = "ANNUL_TEST_OPEN";

fn open_in_another_process(path: &PathBuf) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_other_process", "--nocapture"])
        .env(OPEN, path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.split_once("opener: ")).unwrap().1.to_owned()
}

/// What [`open_in_another_process`] runs; on its own it does nothing.
#[test]
fn the_other_process() {
    if let Some(path) = env::var_os(OPEN) {
        match RedbStore::open(path) {
            Ok(_) => println!("\nopener: Opened"),
            Err(StoreError::Locked { .. }) => println!("\nopener: Locked"),
            Err(other) => println!("\nopener: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_store_is_refused_by_its_name() {
    let path = fresh("foreign.store");
    let corrupt = |what: &str| match RedbStore::open(&path) {
        Err(error @ StoreError::Corrupt { .. }) => {
            let message = error.to_string();
            assert!(message.contains(&*path.display().to_string()), "{what}: {message}");
            assert_eq!(error.retry(), annul::Retry::Never);
        }
        other => panic!("{what}: {other:?}"),
    };
    let mut random = Random(1);
    for length in [0, 1, 8, 9, 10, 319, 320, 321, 4096, 100_000] {
        let mut octets: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        fs::write(&path, &octets).unwrap();
        corrupt("noise");
        let magic = b"redb\x1a\x0a\xa9\x0d\x0a";
        octets.splice(..magic.len().min(length), *magic);
        fs::write(&path, &octets).unwrap();
        corrupt("noise that starts well");
    }
    fs::write(&path, "-----BEGIN CERTIFICATE-----\n").unwrap();
    corrupt("PEM");

    fs::remove_file(&path).unwrap();
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(redb::TableDefinition::<&str, u32>::new("others")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    corrupt("a redb file of somebody else");

    let nowhere = path.join("no directory");
    for path in [path.parent().unwrap(), &nowhere] {
        let answer = RedbStore::open_or_create(path);
        assert!(matches!(answer, Err(StoreError::Backend(_))), "{answer:?}");
    }
}

#[test]
fn a_store_from_the_future_says_so() {
    let disk = Disk::new();
    drop(open(&disk).unwrap());
    let set = |format: u32| {
        let database = redb::Builder::new().create_with_backend(disk.clone()).unwrap();
        let transaction = database.begin_write().unwrap();
        let meta = redb::TableDefinition::<&str, u32>::new("meta");
        transaction.open_table(meta).unwrap().insert("format", format).unwrap();
        transaction.commit().unwrap();
    };
    set(2);
    let answer = open(&disk);
    assert!(matches!(answer, Err(StoreError::FromTheFuture { found: 2, supported: 1 })));
    set(0);
    assert!(matches!(open(&disk), Err(StoreError::Corrupt { .. })));
    set(1);
    open(&disk).unwrap();
}

#[test]
fn a_record_too_short_is_an_error_that_names_it() {
    let disk = Disk::new();
    drop(open(&disk).unwrap());
    let database = redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    let records = redb::TableDefinition::<&[u8], &[u8]>::new("records");
    let row = ([1, Table::Issuers.code(), 0xab], [0; 7]);
    transaction.open_table(records).unwrap().insert(&row.0[..], &row.1[..]).unwrap();
    transaction.commit().unwrap();
    drop(database);

    let store = open(&disk).unwrap();
    let snapshot = store.snapshot().unwrap();
    let space = Space::Table(Table::Issuers);
    let visit = &mut |_: &[u8], _: &[u8]| panic!("shown");
    let put = Put { table: Table::Issuers, key: vec![0xab], expected: Version(1), value: vec![] };
    for answer in [
        snapshot.get(space, &[0xab]).map(drop),
        snapshot.scan(space, &[], None, visit),
        store.apply(&Batch { puts: vec![put], ..Batch::default() }),
    ] {
        let message = answer.unwrap_err().to_string();
        assert!(message.contains("Issuers") && message.contains("ab"), "{message}");
    }
}

/// Works on a disk that fails after ever more operations, takes what `left` by it, and finds
/// everything that was acknowledged and no half of a batch. Then goes on with that.
fn fail_again_and_again(mut left: impl FnMut(&Disk) -> Disk) {
    let mut disk = Disk::new();
    drop(open(&disk).unwrap());
    let mut acknowledged = 0;
    for operations in 0..80 {
        disk.fail_after(operations);
        match open(&disk) {
            Ok(store) => {
                while store.apply(&next_batch(acknowledged)).is_ok() {
                    acknowledged += 1;
                }
            }
            Err(error) => assert!(matches!(error, StoreError::Backend(_)), "{error:?}"),
        }
        disk = left(&disk);
        let found = history(&open(&disk).unwrap());
        let after = format!("{acknowledged} acknowledged, {found} found after {operations}");
        assert!((acknowledged..=acknowledged + 1).contains(&found), "{after}");
        acknowledged = found;
    }
    assert!(acknowledged > 100, "{acknowledged}");
}

#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    fail_again_and_again(Disk::mended);
}

#[test]
fn a_loss_of_power_loses_nothing_acknowledged() {
    for seed in 0..2 {
        let mut random = Random(seed);
        fail_again_and_again(|disk| {
            // From nothing unsynced that survives to all of it.
            let odds = random.below(5);
            disk.after_power_loss(|| random.below(4) < odds)
        });
    }
}

#[test]
fn an_interrupted_start_leaves_a_store_or_says_that_there_is_none() {
    let mut random = Random(1);
    for operations in 0..60 {
        let disk = Disk::new();
        disk.fail_after(operations);
        let started = open(&disk).is_ok();
        match open(&disk.after_power_loss(|| random.below(2) == 0)) {
            Ok(store) => assert_eq!(history(&store), 0),
            Err(error) => {
                assert!(!started && matches!(error, StoreError::Corrupt { .. }), "{error:?}");
            }
        }
    }
}

#[test]
fn damage_is_an_error_or_undoes_the_last_batch_whole() {
    const BATCHES: u64 = 30;
    let disk = Disk::new();
    let store = open(&disk).unwrap();
    (0..BATCHES).for_each(|number| store.apply(&next_batch(number)).unwrap());
    let held = disk.octets();
    drop(store);
    let closed = disk.octets();

    let mut random = Random(1);
    for (sound, fewest) in [(held, BATCHES - 1), (closed, BATCHES)] {
        let used: Vec<_> = (0..sound.len()).filter(|&at| sound[at] != 0).collect();
        for _ in 0..200 {
            let mut octets = sound.clone();
            match random.below(4) {
                0 => octets.truncate(1 + random.below(sound.len() - 1)),
                1 => octets[random.below(320)] = random.next() as u8,
                _ => octets[used[random.below(used.len())]] ^= 1 << random.below(8),
            }
            match open(&Disk::holding(octets)) {
                Ok(store) => assert!((fewest..=BATCHES).contains(&history(&store))),
                Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}"),
            }
        }
    }
}
