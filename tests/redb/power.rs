//! A loss of power at every point of a life.

use crate::{
    backend::Disk,
    history::{issuer, next_batch},
    random::Random,
};
use annul::{
    Position, Serial,
    store::{
        Append, Batch, MemoryStore, NewEntry, Partition, Prune, Put, RedbStore, RedbStoreOptions,
        Retire, Space, Store, StoreError, Table, Version,
    },
};
use std::ops::ControlFlow;

/// All that a store holds.
type Dump = Vec<(Space, Vec<u8>, u64, Vec<u8>)>;

fn dump(store: &dyn Store) -> Dump {
    let snapshot = store.snapshot().unwrap();
    let mut dump = Vec::new();
    for space in Space::all() {
        let visit = &mut |key: &[u8], value: &[u8]| {
            let version = snapshot.get(space, key).unwrap().unwrap().version;
            dump.push((space, key.to_vec(), version.0, value.to_vec()));
            ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, visit).unwrap();
    }
    dump
}

/// A life of a store, beside what was done to its disk.
struct Life {
    options: RedbStoreOptions,
    disk: Disk,
    store: RedbStore,
    oracle: MemoryStore,
    /// What the store holds after each batch, and after how many operations that was promised.
    promised: Vec<(usize, Dump)>,
}

impl Life {
    fn begin(options: RedbStoreOptions) -> Self {
        let disk = Disk::remembering();
        let store = options.open_backend(disk.clone()).unwrap();
        let promised = vec![(disk.operations(), Vec::new())];
        Self { options, disk, store, oracle: MemoryStore::new(), promised }
    }

    fn apply(&mut self, batch: &Batch) {
        self.store.apply(batch).unwrap();
        self.oracle.apply(batch).unwrap();
        self.promised.push((self.disk.operations(), dump(&self.oracle)));
    }

    /// Closes it in order, or as a crash would, and opens it again.
    fn reopen(self, in_order: bool) -> Self {
        let Self { options, disk, store, oracle, promised } = self;
        if in_order {
            drop(store);
        } else {
            // It keeps its memory; nobody looks at the disk through it any more.
            std::mem::forget(store);
        }
        let store = options.open_backend(disk.clone()).unwrap();
        Self { options, disk, store, oracle, promised }
    }
}

/// Opening, growing, pruning, retiring, closing, crashing, compaction and checks.
fn live(options: RedbStoreOptions) -> Life {
    let mut life = Life::begin(options);
    (0..8).for_each(|number| life.apply(&next_batch(number)));
    let large = |number: u64, expected| Put {
        table: Table::CertificateDer,
        key: number.to_be_bytes().to_vec(),
        expected: Version(expected),
        value: vec![number as u8 + 1; 200_000],
    };
    let puts = |puts| Batch { puts, ..Batch::default() };
    (0..6).for_each(|number| life.apply(&puts(vec![large(number, 0)])));
    life = life.reopen(true);
    (8..12).for_each(|number| life.apply(&next_batch(number)));
    life = life.reopen(false);
    (0..4).for_each(|number| {
        let large = large(number, 0);
        let retire = Retire { table: large.table, key: large.key, expected: Version(1) };
        life.apply(&Batch { retires: vec![retire], ..Batch::default() });
    });
    life.apply(&prune(36));
    life.store.compact().unwrap();
    life.apply(&puts(vec![large(9, 0)]));
    life.store.check().unwrap();
    life.apply(&puts(vec![large(9, 1)]));
    life.reopen(true)
}

/// Appends one entry to the log of the history, which has this length, and prunes all before it.
fn prune(length: u64) -> Batch {
    let serial = |place: u64| Serial::from_unsigned(&(place + 1).to_be_bytes()).unwrap();
    let prune = |place: u64| Prune {
        partition: Partition(0),
        serial: serial(place),
        position: Position(place + 1),
    };
    let append = Append {
        issuer: issuer(),
        expected: Position(length),
        entries: vec![NewEntry { subject: Some((Partition(0), serial(length))), value: vec![1] }],
        head: vec![1],
        prunes: (0..length).map(prune).collect(),
    };
    Batch { appends: vec![append], ..Batch::default() }
}

/// Loses power after every operation of a life, and each time finds what had been promised, or
/// that and the batch that was under way.
fn lose_power_everywhere(options: RedbStoreOptions) {
    let life = live(options);
    let (mut random, mut replay) = (Random(1), life.disk.replay());
    let (mut operations, mut images, mut ahead) = (0, 0, 0);
    while replay.step() {
        operations += 1;
        let batches = life.promised.iter().take_while(|(at, _)| *at <= operations).count();
        for odds in 0..=4 {
            images += 1;
            let disk = replay.after_power_loss(|| random.below(4) < odds);
            match life.options.open_backend(disk) {
                Ok(store) => {
                    let found = dump(&store);
                    let expected = &life.promised[batches.saturating_sub(1)..];
                    let at = expected.iter().take(2).position(|(_, dump)| *dump == found);
                    assert!(at.is_some(), "after {operations} operations, {batches} batches");
                    ahead += usize::from(at == Some(1));
                }
                Err(error) => {
                    assert!(
                        batches == 0 && matches!(error, StoreError::Corrupt { .. }),
                        "{error:?}"
                    );
                }
            }
        }
    }
    assert_eq!(operations, life.disk.operations());
    eprintln!(
        "{images} losses of power in {operations} operations, {ahead} after an unanswered batch"
    );
}

#[test]
fn no_point_of_a_life_is_one_at_which_power_may_not_be_lost() {
    lose_power_everywhere(RedbStoreOptions::new());
}

#[test]
fn no_point_of_a_shared_life_is_one_either() {
    lose_power_everywhere(RedbStoreOptions::new().shared(true));
}
