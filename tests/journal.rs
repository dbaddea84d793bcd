//! The store of the example `journal`: it keeps what every store promises, and survives what can
//! happen to its file.

#[path = "../examples/journal.rs"]
#[allow(dead_code, reason = "the example's main")]
mod example;

use annul::{
    IssuerId, Position, Serial,
    store::{
        Append, Batch, NewEntry, Partition, Put, Retire, Space, Store, StoreError, Table, Version,
    },
};
use example::Journal;
use std::{
    env, fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

/// A path where there is no file.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

/// Opens a journal that nobody else has open. A process that another test starts may hold on to the
/// file for the moment until it becomes another program.
fn open(path: &Path) -> Result<Journal, StoreError> {
    for _ in 0..1000 {
        match Journal::open(path) {
            Err(StoreError::Locked { .. }) => thread::sleep(Duration::from_millis(1)),
            opened => return opened,
        }
    }
    Journal::open(path)
}

/// The batch that comes after `number` others: an entry, a new record, the next version of
/// another, and the end of the record before.
fn next_batch(number: u64) -> Batch {
    let serial = Serial::from_unsigned(&(number + 1).to_be_bytes()).unwrap();
    let append = Append {
        issuer: IssuerId::from_octets([1; 32]),
        expected: Position(number),
        entries: vec![NewEntry { subject: Some((Partition(0), serial)), value: vec![7; 9] }],
        head: number.to_be_bytes().to_vec(),
        prunes: Vec::new(),
    };
    let key = |key: u64| key.to_be_bytes().to_vec();
    let put = |table, key, expected| Put {
        table,
        key,
        expected: Version(expected),
        value: number.to_be_bytes().to_vec(),
    };
    let retire =
        |before: u64| Retire { table: Table::Certificates, key: key(before), expected: Version(1) };
    Batch {
        asserts: Vec::new(),
        puts: vec![put(Table::Certificates, key(number), 0), put(Table::Issuers, vec![], number)],
        retires: number.checked_sub(1).map(retire).into_iter().collect(),
        appends: vec![append],
    }
}

/// Space, key, value and version of each record.
type Everything = Vec<(Space, Vec<u8>, Vec<u8>, u64)>;

/// All that the store holds.
fn everything(store: &dyn Store) -> Everything {
    let snapshot = store.snapshot().unwrap();
    let mut found = Vec::new();
    for space in Space::all() {
        let visit = &mut |key: &[u8], value: &[u8]| {
            let version = snapshot.get(space, key).unwrap().unwrap().version.0;
            found.push((space, key.to_vec(), value.to_vec(), version));
            ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, visit).unwrap();
    }
    found
}

/// What a store holds after each number of batches.
fn histories(batches: u64) -> Vec<Everything> {
    let store = annul::MemoryStore::new();
    let start = everything(&store);
    let after = |number| {
        store.apply(&next_batch(number)).unwrap();
        everything(&store)
    };
    [start].into_iter().chain((0..batches).map(after)).collect()
}

/// A journal of so many batches, and where each of its records ends; the first says what it is.
fn journal(path: &PathBuf, batches: u64) -> (Vec<u8>, Vec<usize>) {
    let store = open(path).unwrap();
    let length = || fs::metadata(path).unwrap().len() as usize;
    let start = length();
    let after = |number| {
        store.apply(&next_batch(number)).unwrap();
        length()
    };
    let ends = [start].into_iter().chain((0..batches).map(after)).collect();
    (fs::read(path).unwrap(), ends)
}

fn assert_corrupt(answer: Result<Journal, StoreError>, what: &str) {
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{what}: {answer:?}");
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let path = fresh("reopened.journal");
    for (number, history) in (0..).zip(histories(4)) {
        let store = open(&path).unwrap();
        assert_eq!(everything(&store), history);
        store.apply(&next_batch(number)).unwrap();
        store.apply(&next_batch(0)).unwrap_err();
    }
}

#[test]
fn of_two_openers_one_is_told_that_the_file_is_in_use() {
    let path = fresh("locked.journal");
    let store = open(&path).unwrap();
    match Journal::open(&path) {
        Err(StoreError::Locked { place }) => assert_eq!(place, path.display().to_string()),
        other => panic!("{other:?}"),
    }
    drop(store);
    open(&path).unwrap();
}

#[test]
fn a_last_record_that_is_not_whole_is_cut_off_and_the_journal_goes_on() {
    let path = fresh("torn.journal");
    let (whole, ends) = journal(&path, 3);
    let histories = histories(3);
    let start = ends[2];
    for at in start..whole.len() {
        let torn = whole[..at].to_vec();
        let mut lost = whole.clone();
        lost[at..].fill(0);
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        // A value may end in zeros.
        let lost = Some(lost).filter(|lost| *lost != whole);
        for octets in [Some(torn), lost, Some(flipped)].into_iter().flatten() {
            fs::write(&path, octets).unwrap();
            assert_eq!(everything(&open(&path).unwrap()), histories[2], "at {at}");
            assert_eq!(fs::metadata(&path).unwrap().len(), start as u64, "at {at}");
        }
        let store = open(&path).unwrap();
        store.apply(&next_batch(2)).unwrap();
        drop(store);
        assert_eq!(everything(&open(&path).unwrap()), histories[3], "at {at}");
    }
}

#[test]
fn damage_before_the_last_record_is_an_error() {
    let path = fresh("damaged.journal");
    let (whole, ends) = journal(&path, 3);
    for at in 0..ends[2] {
        for bit in [1, 0x80] {
            let mut octets = whole.clone();
            octets[at] ^= bit;
            fs::write(&path, &octets).unwrap();
            assert_corrupt(open(&path), &format!("at {at}"));
            assert_eq!(fs::read(&path).unwrap(), octets, "at {at}");
        }
    }
    let without = |from: usize, to: usize| [&whole[..from], &whole[to..]].concat();
    for octets in [
        without(ends[0] + 1, ends[1]),
        without(ends[0], ends[0] + 1),
        without(ends[1], ends[1] + 8),
        without(0, ends[0]),
    ] {
        fs::write(&path, octets).unwrap();
        assert_corrupt(open(&path), "cut out");
    }
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let path = fresh("foreign.journal");
    let (whole, ends) = journal(&path, 0);
    let cut = (1..ends[0]).map(|length| whole[..length].to_vec());
    let foreign = [b"-----BEGIN CERTIFICATE-----\n".to_vec(), vec![0], vec![0; 4096]];
    for octets in cut.chain(foreign) {
        fs::write(&path, &octets).unwrap();
        assert_corrupt(open(&path), &format!("{} octets", octets.len()));
        assert_eq!(fs::read(&path).unwrap(), octets);
    }
    fs::write(&path, []).unwrap();
    open(&path).unwrap();
    let nowhere = path.join("no directory");
    assert!(matches!(open(&nowhere), Err(StoreError::Backend(_))));
}

const FULL: &str = "ANNUL_TEST_FULL_JOURNAL";

/// A limit of the shell cuts the write short as a full disk does.
#[cfg(unix)]
#[test]
fn after_a_failed_write_nothing_is_written_until_it_is_opened_again() {
    let path = fresh("full.journal");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact the_full_disk --nocapture"])
        .arg(env::current_exe().unwrap())
        .env(FULL, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let written = said.lines().find_map(|line| line.strip_prefix("written: ")).expect(&said);
    let written: usize = written.parse().unwrap();
    assert!(output.status.success() && written > 5, "{said}");
    assert_eq!(everything(&open(&path).unwrap()), histories(written as u64)[written]);
}

/// What runs in the other process; on its own it does nothing.
#[test]
fn the_full_disk() {
    let Some(path) = env::var_os(FULL).map(PathBuf::from) else { return };
    let store = open(&path).unwrap();
    let failure = |batch: &Batch| match store.apply(batch) {
        Ok(()) => None,
        Err(StoreError::Backend(error)) => Some(error.to_string()),
        other => panic!("{other:?}"),
    };
    let written = (0..).find(|&number| failure(&next_batch(number)).is_some()).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    let copy = path.with_extension("copy");
    fs::copy(&path, &copy).unwrap();
    drop(open(&copy).unwrap());
    assert_eq!(fs::metadata(&copy).unwrap().len(), length, "half a record is left");
    let refusal = failure(&Batch::default()).unwrap();
    assert!(refusal.contains("open the journal again"), "{refusal}");
    assert_eq!(everything(&store), histories(written)[written as usize]);
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    println!("\nwritten: {written}");
}

mod suite {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    struct InFile(PathBuf);

    impl InFile {
        fn new() -> Self {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            Self(fresh(&format!("suite-{}.journal", COUNT.fetch_add(1, Ordering::Relaxed))))
        }
    }

    impl annul::conformance::Place for InFile {
        fn open(&self) -> Arc<dyn Store> {
            Arc::new(open(&self.0).unwrap())
        }
    }

    impl Drop for InFile {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    annul::conformance!(journal, InFile::new);
}
