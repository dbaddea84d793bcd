//! Copies, room, and a look at the whole file.

use crate::{
    backend::Disk,
    history::{fresh, history, next_batch, open, process, told_of},
    random::Random,
};
use annul::{
    Retry,
    store::{Batch, Put, RedbStore, RedbStoreOptions, Retire, Store, StoreError, Table, Version},
};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// A path where there is neither a file nor the beginning of one.
fn nowhere(name: &str) -> PathBuf {
    fresh(&format!("{name}.partial"));
    fresh(name)
}

fn partial(path: &Path) -> PathBuf {
    format!("{}.partial", path.display()).into()
}

#[test]
fn a_copy_is_what_the_store_held_at_one_moment_while_writers_go_on() {
    let store = open(&Disk::new()).unwrap();
    let (applied, enough) = (AtomicU64::new(0), 5);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0.. {
                if applied.load(Ordering::SeqCst) == u64::MAX {
                    return number;
                }
                store.apply(&next_batch(number)).unwrap();
                let _ = applied.compare_exchange(
                    number,
                    number + 1,
                    Ordering::SeqCst,
                    Ordering::SeqCst,
                );
            }
            0
        });
        let mut last = 0;
        for copy in 0..enough {
            while applied.load(Ordering::SeqCst) < last + 10 {
                thread::yield_now();
            }
            let path = nowhere(&format!("copy-{copy}.store"));
            let before = applied.load(Ordering::SeqCst);
            store.backup(&path).unwrap();
            let after = applied.load(Ordering::SeqCst) + 1;
            last = history(&RedbStore::open(&path).unwrap());
            assert!((before..=after).contains(&last), "{last} of {before} to {after}");
            assert!(!partial(&path).exists());
        }
        applied.store(u64::MAX, Ordering::SeqCst);
        assert!(writer.join().unwrap() > last);
    });
}

#[test]
fn a_copy_takes_no_name_that_is_taken_and_leaves_nothing_where_it_fails() {
    let store = open(&Disk::new()).unwrap();
    let path = nowhere("taken.store");
    for taken in [path.clone(), partial(&path)] {
        fs::write(&taken, "mine").unwrap();
        let message = format!("{:?}", store.backup(&path).unwrap_err());
        assert!(message.contains("taken.store") && message.contains("AlreadyExists"), "{message}");
        assert_eq!(fs::read(&taken).unwrap(), b"mine");
        fs::remove_file(&taken).unwrap();
        assert!(!path.exists() && !partial(&path).exists());
    }
    assert!(matches!(store.backup(path.join("no directory")), Err(StoreError::Backend(_))));
    store.backup(&path).unwrap();
    assert_eq!(history(&RedbStore::open(&path).unwrap()), 0);
}

#[test]
fn a_copy_whose_maker_is_killed_has_its_name_only_if_it_is_whole() {
    let path = fresh("copied.store");
    let store = RedbStore::open_or_create(&path).unwrap();
    (0..300).for_each(|number| store.apply(&next_batch(number)).unwrap());
    drop(store);
    let copy = nowhere("copied.store.copy");
    let (mut patience, mut cut_off, mut whole) = (Duration::ZERO, 0, 0);
    while whole < 3 {
        let mut maker = process("upkeep::the_maker", &path).spawn().unwrap();
        let mut lines = BufReader::new(maker.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "copying"));
        thread::sleep(patience);
        maker.kill().unwrap();
        maker.wait().unwrap();
        if copy.exists() {
            assert_eq!(history(&RedbStore::open(&copy).unwrap()), 300);
            whole += 1;
        } else {
            cut_off += 1;
        }
        nowhere("copied.store.copy");
        patience = patience * 5 / 4 + Duration::from_micros(500);
    }
    assert!(cut_off > 0);
}

/// Copies a store; on its own it does nothing.
#[test]
fn the_maker() {
    if let Some(path) = told_of() {
        let store = RedbStore::open(&path).unwrap();
        println!("\ncopying");
        store.backup(format!("{}.copy", path.display())).unwrap();
        thread::sleep(Duration::from_secs(10));
    }
}

#[test]
fn compaction_gives_room_back_and_keeps_the_rest() {
    let disk = Disk::new();
    let mut store = open(&disk).unwrap();
    (0..20).for_each(|number| store.apply(&next_batch(number)).unwrap());
    let small = disk.octets().len();
    let (table, key) = (Table::CertificateDer, vec![1]);
    let put = Put { table, key: key.clone(), expected: Version(0), value: vec![1; 4 << 20] };
    store.apply(&Batch { puts: vec![put], ..Batch::default() }).unwrap();
    let retire = Retire { table, key, expected: Version(1) };
    store.apply(&Batch { retires: vec![retire], ..Batch::default() }).unwrap();
    assert!(disk.octets().len() > 4 << 20);
    store.compact().unwrap();
    assert!(disk.octets().len() <= small, "{} of {small}", disk.octets().len());
    assert_eq!(history(&store), 20);
    store.apply(&next_batch(20)).unwrap();
    drop(store);
    assert_eq!(history(&open(&disk).unwrap()), 21);
}

#[test]
fn compaction_that_fails_loses_nothing() {
    let disk = Disk::new();
    let store = open(&disk).unwrap();
    (0..20).for_each(|number| store.apply(&next_batch(number)).unwrap());
    drop(store);
    let sound = disk.octets();
    let fails = |operations| {
        let disk = Disk::holding(sound.clone());
        let mut store = open(&disk).unwrap();
        disk.fail_after(operations);
        let failed = store.compact().is_err();
        drop(store);
        assert_eq!(history(&open(&disk.mended()).unwrap()), 20, "after {operations}");
        failed
    };
    assert!((0..).take_while(|operations| fails(*operations)).count() > 20);
}

#[test]
fn a_check_finds_every_change_that_matters() {
    const BATCHES: u64 = 30;
    let mut found = 0;
    for round in 0..100 {
        let disk = Disk::new();
        let mut store = open(&disk).unwrap();
        (0..BATCHES).for_each(|number| store.apply(&next_batch(number)).unwrap());
        store.check().unwrap();
        let mut random = Random(round);
        let octets = disk.octets();
        let used: Vec<_> = (0..octets.len()).filter(|&at| octets[at] != 0).collect();
        disk.flip(used[random.below(used.len())], random.next() as u32 % 8);
        match store.check() {
            Ok(()) => assert_eq!(history(&store), BATCHES),
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
                drop(store);
                match open(&disk) {
                    Ok(store) => assert!((BATCHES - 1..=BATCHES).contains(&history(&store))),
                    Err(error) => assert!(matches!(error, StoreError::Corrupt { .. })),
                }
                found += 1;
            }
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn without_the_check_a_sound_file_opens_all_the_same() {
    let disk = Disk::new();
    let trusting = || RedbStoreOptions::new().check_on_open(false).open_backend(disk.clone());
    for round in 0..20 {
        let store = trusting().unwrap();
        assert_eq!(history(&store), round);
        store.apply(&next_batch(round)).unwrap();
        if round % 2 == 0 {
            // As a crash leaves it.
            std::mem::forget(store);
        }
    }
}

#[test]
fn a_store_that_failed_says_that_it_must_be_opened_again() {
    let disk = Disk::new();
    let store = open(&disk).unwrap();
    store.apply(&next_batch(0)).unwrap();
    disk.fail_after(1);
    assert!(matches!(store.apply(&next_batch(1)), Err(StoreError::Backend(_))));
    disk.fail_after(1000);
    let error = store.apply(&next_batch(1)).unwrap_err();
    assert!(matches!(error, StoreError::Stopped { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Never);
    drop(store);
    assert!(history(&open(&disk).unwrap()) >= 1);
}
