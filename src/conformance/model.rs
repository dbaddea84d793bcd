//! A case: whatever is asked, the answer is that of the store in memory.

use super::{Place, patient::Patient, random::Random, samples::*};
use crate::{
    log::Position,
    store::{
        Append, Assert, Batch, MemoryStore, NewEntry, Partition, Prune, Put, Retire, Snapshot,
        Space, Store, StoreError, Table, Version, key,
    },
};

const STEPS: usize = 300;
const TABLES: [Table; 3] = [Table::Standings, Table::Certificates, Table::CrlNumbers];
const KEYS: [&[u8]; 5] = [&[], &[0], &[0, 0], &[1], &[0xff]];
const SERIALS: [&str; 4] = ["01", "7f", "80", "0100"];

/// Else the store does something else than the one that all else was tested on.
pub fn any_batches_are_answered_as_in_memory(place: &dyn Place) {
    let (mut random, memory, mut store) = (Random(2026), MemoryStore::new(), Patient::at(place));
    let (mut applied, mut refused) = (0, 0);
    for step in 0..STEPS {
        let batch = {
            let view = memory.snapshot().unwrap();
            batch(&mut random, &*view, step)
        };
        let answers = [memory.apply(&batch), store.apply(&batch)];
        *(if answers[0].is_ok() { &mut applied } else { &mut refused }) += 1;
        let [expected, found] = answers.map(kind);
        assert_eq!(found, expected, "step {step}: {batch:?}");
        if random.below(20) == 0 {
            drop(store);
            store = Patient::at(place);
        }
        if step % 10 == 0 {
            assert_eq!(content(&store), everything(&*memory.snapshot().unwrap()), "step {step}");
        }
    }
    assert_eq!(content(&store), everything(&*memory.snapshot().unwrap()));
    assert!(applied > STEPS / 3 && refused > STEPS / 10, "{applied} applied, {refused} refused");
}

/// The answer, but for texts.
fn kind(answer: Result<(), StoreError>) -> String {
    match answer {
        Ok(()) => "done".to_owned(),
        Err(StoreError::Conflict { space, key }) => format!("a conflict over {space:?} {key:?}"),
        Err(StoreError::BadBatch { .. }) => "a bad batch".to_owned(),
        Err(StoreError::Corrupt { .. }) => "damage".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

/// A batch that can be carried out, or one with a single flaw.
fn batch(random: &mut Random, view: &dyn Snapshot, step: usize) -> Batch {
    let mut batch = Batch::default();
    // Different each time, and never replaced: it tells whether the batch took effect.
    let receipt = Put { table: Table::CertificateDer, ..put_at(&step.to_be_bytes(), 0, &[1]) };
    batch.puts.push(receipt);
    for table in TABLES {
        for key in KEYS {
            let record = view.get(Space::Table(table), key).unwrap();
            let expected = record.map_or(Version::ABSENT, |record| record.version);
            let (is_there, key) = (expected > Version::ABSENT, key.to_vec());
            match random.below(8) {
                0 => {
                    let mut value = step.to_be_bytes().to_vec();
                    value.resize(random.below(40) + 8, 3);
                    batch.puts.push(Put { table, key, expected, value });
                }
                1 => batch.asserts.push(Assert { table, key, expected }),
                2 if is_there => batch.retires.push(Retire { table, key, expected }),
                _ => {}
            }
        }
    }
    for name in [1, 2] {
        if random.below(2) == 0 {
            batch.appends.push(any_append(random, view, name, step));
        }
    }
    if random.below(4) == 0 {
        spoil(random, &mut batch);
    }
    batch
}

fn any_append(random: &mut Random, view: &dyn Snapshot, name: u8, step: usize) -> Append {
    let id = key::head(issuer(name));
    let head = view.get(Space::Heads, &id).unwrap();
    let expected = Position(head.map_or(0, |head| head.version.0));
    let count = random.below(3) + 1;
    let mut entries = Vec::new();
    for number in 0..count {
        let partition = Partition(random.below(2) as u32);
        let subject = random.of(&SERIALS).map(|hex| (partition, serial(hex)));
        let subject = subject.filter(|_| random.below(5) > 0);
        entries.push(NewEntry { subject, value: vec![step as u8, number as u8] });
    }
    let mut prunes = Vec::new();
    for (found, _) in rows(view, Space::Entries, &id, key::past(&id).as_deref()) {
        if random.below(10) == 0 {
            prunes.extend(prune_of(name, &found));
        }
    }
    Append { issuer: issuer(name), expected, entries, head: step.to_be_bytes().to_vec(), prunes }
}

/// What prunes the entry at this key.
fn prune_of(name: u8, found: &[u8]) -> Option<Prune> {
    let position = key::position(found);
    let choices = SERIALS.iter().flat_map(|hex| [0, 1].map(|number| (Partition(number), *hex)));
    choices
        .map(|(partition, hex)| Prune { partition, serial: serial(hex), position })
        .find(|it| key::entry(issuer(name), it.partition, it.serial, position) == found)
}

/// Gives the batch one flaw, if it has what can have that one.
fn spoil(random: &mut Random, batch: &mut Batch) {
    let other = |version: u64, up: bool| if up { version + 1 } else { version.wrapping_sub(1) };
    let up = random.below(2) == 0;
    match random.below(6) {
        0 => {
            if let Some(it) = batch.asserts.last_mut() {
                it.expected.0 = other(it.expected.0, up || it.expected.0 == 0);
            }
        }
        1 => {
            // The receipt is never stale.
            if let Some(it) = batch.puts.iter_mut().skip(1).last() {
                it.expected.0 = other(it.expected.0, up || it.expected.0 == 0);
            }
        }
        2 => {
            if let Some(it) = batch.retires.last_mut() {
                it.expected.0 += 1;
            }
        }
        3 => {
            if let Some(it) = batch.appends.last_mut() {
                it.prunes.clear();
                it.expected.0 = other(it.expected.0, up || it.expected.0 == 0);
            }
        }
        4 => {
            if let Some(it) = batch.appends.last_mut() {
                let prune =
                    Prune { partition: Partition(9), serial: serial("01"), position: it.expected };
                it.prunes = vec![prune];
            }
        }
        _ => {
            let again = batch.puts.first().cloned();
            batch.puts.extend(again);
        }
    }
}
