//! Cases: of those who write at once, nobody is lost and nobody wins twice.

use super::{Place, patient::Patient, samples::*};
use crate::store::{
    Assert, Batch, NewEntry, Partition, Put, Space, Store, StoreError, Table, Version, key,
};
use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

const THREADS: u8 = 4;
const ROUNDS: u8 = 25;

/// Else two CRLs have one number, and a relying party keeps the older one.
pub fn of_racing_puts_one_wins_each_version(place: &dyn Place) {
    let stores = Patient::two_at(place);
    for round in 0..ROUNDS {
        let start = Barrier::new(THREADS.into());
        let attempt = |racer: u8| {
            let batch = puts([
                put_at(&[0], round.into(), &[round, racer]),
                put_at(&[1, round, racer], 0, &[1]),
            ]);
            start.wait();
            wins(&stores[usize::from(racer % 2)], &batch)
        };
        let won: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> =
                (0..THREADS).map(|racer| scope.spawn(move || attempt(racer))).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let winners: Vec<_> = (0..THREADS).zip(&won).filter(|(_, won)| **won).collect();
        let [(winner, _)] = winners[..] else { panic!("round {round}: {won:?}") };
        let record = stores[0].snapshot().unwrap().get(SPACE, &[0]).unwrap().unwrap();
        assert_eq!(record.version, Version(u64::from(round) + 1));
        assert_eq!(record.value, [round, winner]);
    }
}

/// Else a revocation is refused for ever, because others are faster.
pub fn who_reads_again_after_a_conflict_gets_through(place: &dyn Place) {
    let stores = Patient::two_at(place);
    let count = |store: &Patient, racer: u8, round: u8| {
        let through = (0..=u8::MAX).any(|attempt| {
            let record = store.snapshot().unwrap().get(SPACE, &[0]).unwrap();
            let (version, sum) = record.map_or((0, 0), |it| (it.version.0, it.value[0]));
            wins(
                store,
                &puts([
                    put_at(&[0], version, &[sum + 1, racer, round, attempt]),
                    put_at(&[1, racer, round], 0, &[attempt]),
                ]),
            )
        });
        assert!(through, "always a conflict");
    };
    thread::scope(|scope| {
        for racer in 0..THREADS {
            let store = &stores[usize::from(racer % 2)];
            scope.spawn(move || (0..ROUNDS).for_each(|round| count(store, racer, round)));
        }
    });
    let record = stores[0].snapshot().unwrap().get(SPACE, &[0]).unwrap().unwrap();
    assert_eq!(record.version, Version(u64::from(THREADS * ROUNDS)));
    assert_eq!(record.value[0], THREADS * ROUNDS, "an update was lost");
}

/// Else two revocations stand in one place, and one of them is gone.
pub fn of_racing_appends_one_wins_each_position(place: &dyn Place) {
    let stores = Patient::two_at(place);
    let race = |store: &Patient, racer: u8| {
        let win = |position: &u8| {
            let value = format!("{:02x}{position:02x}", racer + 1);
            match store.apply(&appends([append(1, (*position).into(), &[&value])])) {
                Ok(()) => true,
                Err(StoreError::Conflict { space: Space::Heads, .. }) => false,
                Err(other) => panic!("{other:?}"),
            }
        };
        (0..ROUNDS).filter(win).count()
    };
    let won: usize = thread::scope(|scope| {
        let racers = (0..THREADS).map(|racer| {
            let store = &stores[usize::from(racer % 2)];
            scope.spawn(move || race(store, racer))
        });
        let racers: Vec<_> = racers.collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    let snapshot = stores[0].snapshot().unwrap();
    let entries = keys(&*snapshot, Space::Log, &[], None).len();
    assert_eq!((won, entries), (entries, won), "each who was told so has an entry");
    let head = snapshot.get(Space::Heads, &key::head(issuer(1))).unwrap().unwrap();
    assert_eq!(head.version.0, won as u64);
}

/// Else a certificate is registered under a CA while that CA falls, and both are told that it went
/// well.
pub fn of_two_who_assert_what_the_other_puts_one_wins(place: &dyn Place) {
    skew(place, 1);
}

/// Else two take one serial number, each sure that the other has not.
pub fn of_two_who_assert_that_the_other_puts_nothing_one_wins(place: &dyn Place) {
    skew(place, 0);
}

/// Lets two race in many rounds, over two records that have this version.
fn skew(place: &dyn Place, version: u64) {
    let stores = Patient::two_at(place);
    let tables = [Table::Standings, Table::Certificates];
    for round in 0..60_u8 {
        if version > 0 {
            let both = tables.map(|table| Put { table, ..put(round, 0, 0) });
            stores[0].apply(&puts(both)).unwrap();
        }
        let start = Barrier::new(2);
        let attempt = |own: usize| {
            let (put_to, assert_on) = (tables[own], tables[1 - own]);
            let batch = Batch {
                asserts: vec![Assert { table: assert_on, ..assert(round, version) }],
                ..puts([Put { table: put_to, ..put(round, version, 1 + own as u8) }])
            };
            start.wait();
            wins(&stores[own], &batch)
        };
        let won = thread::scope(|scope| {
            let racers = [0, 1].map(|own| scope.spawn(move || attempt(own)));
            racers.map(|racer| racer.join().unwrap())
        });
        assert!(won[0] != won[1], "round {round}: {won:?}");
        let snapshot = stores[1].snapshot().unwrap();
        for (table, won) in tables.into_iter().zip(won) {
            let record = snapshot.get(Space::Table(table), &[round]).unwrap();
            let found = record.map_or(Version::ABSENT, |record| record.version);
            assert_eq!(found, Version(version + u64::from(won)));
        }
    }
}

/// Else who follows a log, or makes a CRL from it, misses what comes in late, for ever.
pub fn who_sees_a_position_finds_every_entry_up_to_it(place: &dyn Place) {
    const EACH: u8 = 40;
    let stores = Patient::two_at(place);
    let write = |store: &Patient, racer: u8, round: u8| {
        for attempt in 0_u8.. {
            let head = store.snapshot().unwrap().get(Space::Heads, &key::head(issuer(1))).unwrap();
            let entry = |number| NewEntry {
                subject: Some((Partition(0), serial(&format!("{:02x}{round:02x}", racer + 1)))),
                value: vec![racer, round, number, attempt],
            };
            let mut append = append(1, head.map_or(0, |head| head.version.0), &[]);
            append.entries = (0..=round % 5).map(entry).collect();
            if wins(store, &appends([append])) {
                return;
            }
        }
    };
    let look = |store: &Patient, last: u64| {
        let snapshot = store.snapshot().unwrap();
        let head = snapshot.get(Space::Heads, &key::head(issuer(1))).unwrap();
        let position = head.map_or(0, |head| head.version.0);
        assert!(position >= last, "a log grew shorter");
        let expected = (1..=position).map(|at| key::log(issuer(1), crate::log::Position(at)));
        assert!(
            keys(&*snapshot, Space::Log, &[], None).into_iter().eq(expected),
            "up to {position}"
        );
        let mut found: Vec<_> = keys(&*snapshot, Space::Entries, &[], None)
            .iter()
            .map(|key| key::position(key).0)
            .collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(1..=position), "entries by serial number, up to {position}");
        position
    };
    let writing = AtomicUsize::new(2);
    thread::scope(|scope| {
        for (racer, store) in (0..).zip(&stores) {
            let writing = &writing;
            scope.spawn(move || {
                let _end = CountDown(writing);
                (0..EACH).for_each(|round| write(store, racer, round));
            });
        }
        for store in &stores {
            let writing = &writing;
            scope.spawn(move || {
                let mut position = 0;
                while writing.load(Ordering::SeqCst) > 0 {
                    position = look(store, position);
                }
                look(store, position);
            });
        }
    });
}

/// Counts one down at the end, also where that is a panic: others wait for it.
struct CountDown<'a>(&'a AtomicUsize);

impl Drop for CountDown<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
