//! One process writes, others read.

use crate::{
    history::{fresh, history, next_batch, process, told_of, write_on},
    random::Random,
};
use annul::store::{RedbStore, RedbStoreOptions, Store, StoreError};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    thread,
    time::Duration,
};

fn options() -> RedbStoreOptions {
    RedbStoreOptions::new().shared(true).cache_size(1 << 20)
}

fn read_only(path: &Path) -> Result<RedbStore, StoreError> {
    options().open_read_only(path)
}

#[test]
fn readers_see_what_was_acknowledged_whenever_the_writer_is_killed() {
    const LIVES: u64 = 20;
    let path = fresh("shared.store");
    drop(options().open_or_create(&path).unwrap());
    let old = read_only(&path).unwrap();
    let mut other = process("shared::the_reader", &path).spawn().unwrap();
    let (mut acknowledged, mut random) = (0, Random(1));
    for life in 0..LIVES {
        let mut writer = process("shared::the_writer", &path).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut told = std::iter::from_fn(|| lines.next()?.ok()).filter_map(|it| it.parse().ok());
        for number in told.by_ref().take(random.below(6)) {
            acknowledged = number;
            assert!(history(&old) >= acknowledged, "in life {life}");
            assert!(history(&read_only(&path).unwrap()) >= acknowledged, "in life {life}");
        }
        thread::sleep(Duration::from_micros(random.below(2000) as u64));
        writer.kill().unwrap();
        writer.wait().unwrap();
        acknowledged = told.last().unwrap_or(acknowledged);
        assert!(history(&old) >= acknowledged, "after life {life}");
        match read_only(&path) {
            Ok(new) => assert!(history(&new) >= acknowledged, "after life {life}"),
            Err(error) => assert!(matches!(error, StoreError::Backend(_)), "{error:?}"),
        }
    }
    assert!(acknowledged >= LIVES, "{acknowledged}");
    assert!(other.try_wait().unwrap().is_none(), "the other reader stopped");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(history(&options().open(&path).unwrap()) >= acknowledged);
}

/// Writes until it is killed; on its own it does nothing.
#[test]
fn the_writer() {
    if let Some(path) = told_of() {
        write_on(&options().open(path).unwrap());
    }
}

/// Reads until it is killed, and finds ever more; on its own it does nothing.
#[test]
fn the_reader() {
    let Some(path) = told_of() else { return };
    let mut seen = 0;
    loop {
        let Ok(reader) = read_only(&path) else { continue };
        for _ in 0..20 {
            let found = history(&reader);
            assert!(found >= seen, "{found} after {seen}");
            seen = found;
        }
    }
}

#[test]
fn a_reader_changes_nothing_and_stands_in_nobodys_way() {
    let path = fresh("read.store");
    assert!(matches!(read_only(&path), Err(StoreError::Missing { .. })));
    let writer = RedbStore::open_or_create(&path).unwrap();
    assert!(matches!(read_only(&path), Err(StoreError::Locked { .. })), "not shared");
    drop(writer);
    let mut reader = read_only(&path).unwrap();
    assert!(matches!(reader.apply(&next_batch(0)), Err(StoreError::ReadOnly { .. })));
    assert!(matches!(reader.compact(), Err(StoreError::ReadOnly { .. })));
    assert!(matches!(reader.check(), Err(StoreError::ReadOnly { .. })));
    assert!(matches!(RedbStore::open(&path), Err(StoreError::Locked { .. })), "not shared");

    let mut writer = options().open(&path).unwrap();
    assert!(matches!(options().open(&path), Err(StoreError::Locked { .. })), "one writer");
    writer.apply(&next_batch(0)).unwrap();
    let snapshot = reader.snapshot().unwrap();
    writer.apply(&next_batch(1)).unwrap();
    let head = snapshot.get(annul::store::Space::Heads, &[1; 32]).unwrap().unwrap();
    assert_eq!(head.version.0, 3, "a snapshot stays as it is");
    assert!(matches!(writer.compact(), Err(StoreError::Backend(_))), "while it is held");
    drop(snapshot);
    writer.compact().unwrap();
    assert_eq!(history(&reader), 2);
    let copy = fresh("read.backup");
    reader.backup(&copy).unwrap();
    assert_eq!(history(&RedbStore::open(&copy).unwrap()), 2);
}
