//! Who may open a file, and which.

use crate::{
    backend::Disk,
    history::{fresh, history, next_batch, open, process, told_of},
    random::Random,
};
use annul::store::{Batch, Put, RedbStore, Space, Store, StoreError, Table, Version};
use std::{fs, path::Path, thread};

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

fn open_in_another_process(path: &Path) -> String {
    let output = process("opening::the_other_process", path).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.split_once("opener: ")).unwrap().1.to_owned()
}

/// What [`open_in_another_process`] runs; on its own it does nothing.
#[test]
fn the_other_process() {
    if let Some(path) = told_of() {
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
