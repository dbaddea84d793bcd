//! Disks that are full, lose power or change what is on them.

use crate::{
    backend::Disk,
    history::{history, next_batch, open},
    random::Random,
};
use annul::store::{Store, StoreError};

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
fn a_disk_that_is_full_or_fails_loses_nothing_acknowledged() {
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
