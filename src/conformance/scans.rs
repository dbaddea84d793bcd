//! Cases: a scan shows all that is there, once, in order.

use super::{Place, patient::Patient, random::Random, samples::*};
use crate::store::{Batch, Put, Space, Store, Table, key};
use std::{ops::ControlFlow, sync::mpsc, thread, time::Duration};

/// Else a CRL lists the certificates of another issuer, or not all of its own.
pub fn a_scan_keeps_to_its_space_its_bounds_and_its_visitor(place: &dyn Place) {
    let store = Patient::at(place);
    let all = [&[0][..], &[0, 0], &[1], &[1, 2], &[2], &[0xff], &[0xff, 0xff]];
    for table in [Table::Standings, Table::Certificates, Table::CertificateDer] {
        let put = |key: &&[u8]| Put { table, ..put_at(key, 0, &[table.code()]) };
        store.apply(&puts(all.iter().rev().map(put).collect::<Vec<_>>())).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    let scan = |from: &[u8], to: Option<&[u8]>| keys(&*snapshot, SPACE, from, to);
    assert_eq!(scan(&[], None), all);
    assert_eq!(scan(&[0, 0], Some(&[1, 2])), all[1..3]);
    assert_eq!(scan(&[0, 1], Some(&[3])), all[2..5]);
    assert_eq!(scan(&[0xff, 0], None), all[6..]);
    let nothing: [&[u8]; 0] = [];
    assert_eq!(scan(&[], Some(&[])), nothing);
    assert_eq!(scan(&[1], Some(&[1])), nothing);
    assert_eq!(scan(&[2], Some(&[1])), nothing);
    assert_eq!(scan(&[0xff, 0xff, 0], None), nothing);

    for stop in 1..=all.len() {
        let mut seen = Vec::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            assert_eq!(value, [Table::Certificates.code()]);
            seen.push(key.to_vec());
            if seen.len() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        snapshot.scan(SPACE, &[], None, visit).unwrap();
        assert_eq!(seen, all[..stop]);
    }
}

/// Else a CRL is short, or lists something twice: pages that a store reads at a time have ends.
pub fn a_scan_shows_every_record_once_and_in_order(place: &dyn Place) {
    const ROWS: u16 = 4100;
    let store = Patient::at(place);
    let key = |number: u16| number.to_be_bytes();
    // Each with a longer one behind it, which starts with it.
    let long = |number: u16| [&key(number)[..], &[0]].concat();
    let mut all = Vec::new();
    for numbers in (0..ROWS).collect::<Vec<_>>().chunks(1500) {
        let batch = |&number: &u16| {
            [put_at(&key(number), 0, &key(number)), put_at(&long(number), 0, &key(number))]
        };
        store.apply(&puts(numbers.iter().flat_map(batch).collect::<Vec<_>>())).unwrap();
        all.extend(numbers.iter().flat_map(|&number| [key(number).to_vec(), long(number)]));
    }
    let snapshot = store.snapshot().unwrap();
    assert!(keys(&*snapshot, SPACE, &[], None) == all, "not every record, once and in order");
    let mut random = Random(7);
    for _ in 0..30 {
        let (from, to) = (random.below(all.len()), random.below(all.len()));
        let found = keys(&*snapshot, SPACE, &all[from], Some(&all[to]));
        assert!(found == all[from..to.max(from)], "from {from} to {to}: {} shown", found.len());
    }
}

/// Else a status reads the entries of another certificate, or misses some.
pub fn scan_prefixes_answers_as_scan_does(place: &dyn Place) {
    let store = Patient::at(place);
    let all: Vec<_> = (0..=255_u8)
        .flat_map(|key| (0..key % 4).map(move |more| put_at(&[key, more], 0, &[key, more])))
        .collect();
    store.apply(&Batch { appends: vec![append(1, 0, &["0a", "0b"])], ..puts(all) }).unwrap();
    let snapshot = store.snapshot().unwrap();
    let check = |space, prefixes: &[Vec<u8>]| {
        let one_by_one: Vec<_> = (prefixes.iter())
            .flat_map(|prefix| rows(&*snapshot, space, prefix, key::past(prefix).as_deref()))
            .collect();
        for stop in [1, 2, one_by_one.len() / 2, one_by_one.len(), usize::MAX] {
            let mut shown = Vec::new();
            let visit = &mut |key: &[u8], value: &[u8]| {
                shown.push((key.to_vec(), value.to_vec()));
                if shown.len() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            snapshot.scan_prefixes(space, prefixes, visit).unwrap();
            let expected = if one_by_one.is_empty() { 0 } else { stop.clamp(1, one_by_one.len()) };
            assert_eq!(shown, one_by_one[..expected], "{space:?} {prefixes:?}");
        }
    };
    let mut prefixes: Vec<_> = (0..=255_u8).map(|key| vec![key]).collect();
    check(SPACE, &prefixes);
    prefixes.reverse();
    check(SPACE, &prefixes);
    check(SPACE, &[vec![3], vec![4], vec![3, 2], vec![3], vec![0xff]]);
    check(SPACE, &[vec![]]);
    check(SPACE, &[]);
    check(Space::Entries, &[key::head(issuer(2)), key::head(issuer(1))]);
    check(Space::Log, &[key::head(issuer(1))]);
}

/// Else what moves while it is scanned is seen twice, or not at all.
pub fn a_scan_meets_each_batch_as_a_whole(place: &dyn Place) {
    const PIECES: u8 = 8;
    const MOVES: u8 = 200;
    let [writer, reader] = Patient::two_at(place);
    let start: Vec<_> = (0..PIECES).map(|key| put(key, 0, key)).collect();
    writer.apply(&puts(start)).unwrap();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            // The hindmost piece leaps to the front, round and round.
            for turn in 0..MOVES {
                let retires = vec![retire(turn, 1)];
                let batch = puts([put(turn.wrapping_add(PIECES), 0, turn)]);
                writer.apply(&Batch { retires, ..batch }).unwrap();
            }
        });
        let mut is_last = false;
        while !is_last {
            is_last = writing.is_finished();
            let snapshot = reader.snapshot().unwrap();
            let found = keys(&*snapshot, SPACE, &[], None);
            let first = found[0][0];
            let expected: Vec<_> = (first..first + PIECES).map(|key| vec![key]).collect();
            assert_eq!(found, expected);
        }
    });
}

/// Else a CRL of a large CA stops all revocations, and all questions, as long as it is made.
pub fn a_long_scan_keeps_nobody_waiting(place: &dyn Place) {
    const ROWS: u16 = 1000;
    /// After this long somebody was kept waiting.
    const LONG: Duration = Duration::from_secs(10);
    let [scanner, other] = Patient::two_at(place);
    let all: Vec<_> = (0..ROWS).map(|key| put_at(&key.to_be_bytes(), 0, &[1])).collect();
    scanner.apply(&puts(all)).unwrap();
    thread::scope(|scope| {
        // Dropped where this panics, so that the scan goes on.
        let (done, is_done) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        let scanning = scope.spawn(move || {
            let (mut shown, mut in_time) = (0, true);
            let visit = &mut |_: &[u8], _: &[u8]| {
                shown += 1;
                if shown == 10 {
                    begun.send(()).unwrap();
                    in_time = is_done.recv_timeout(LONG).is_ok();
                }
                ControlFlow::Continue(())
            };
            scanner.snapshot().unwrap().scan(SPACE, &[], None, visit).unwrap();
            (shown, in_time)
        });
        has_begun.recv().unwrap();
        for round in 0..10_u8 {
            let batch = puts([
                put(1, round.into(), round),
                put_at(&9_u16.to_be_bytes(), u64::from(round) + 1, &[round + 2]),
            ]);
            other.apply(&batch).unwrap();
            let snapshot = other.snapshot().unwrap();
            assert_eq!(snapshot.get(SPACE, &[1]).unwrap().unwrap().value, [round]);
            let found = keys(&*snapshot, SPACE, &[], None);
            assert_eq!(found.len(), usize::from(ROWS) + 1);
        }
        let _ = done.send(());
        let (shown, in_time) = scanning.join().unwrap();
        assert!(in_time, "readers or writers waited for a scan");
        assert_eq!(shown, ROWS);
    });
}
