//! Cases: large batches, large values, many records.

use super::{Place, patient::Patient, samples::*};
use crate::store::{Record, Space, Store, Version};
use std::{env, fs, ops::ControlFlow};

/// Else importing the certificates of a CA stops at a size that nobody foretold.
pub fn a_batch_may_have_ten_thousand_puts(place: &dyn Place) {
    const PUTS: u32 = 10_000;
    let store = Patient::at(place);
    let all = |version, value: u8| {
        let put = |key: u32| put_at(&key.to_be_bytes(), version, &[value; 50]);
        puts((0..PUTS).map(put).collect::<Vec<_>>())
    };
    store.apply(&all(0, 1)).unwrap();
    let mut stale = all(1, 2);
    stale.puts.push(put(7, 1, 1));
    assert!(!wins(&store, &stale));
    store.apply(&all(1, 3)).unwrap();
    let snapshot = store.snapshot().unwrap();
    let found = rows(&*snapshot, SPACE, &[], None);
    assert_eq!(found.len(), PUTS as usize);
    assert!(found.iter().all(|(_, value)| *value == [3; 50]));
    let keys: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
    let records = snapshot.get_all(SPACE, &keys).unwrap();
    assert_eq!(records.len(), keys.len());
    assert!(records.iter().flatten().all(|record| record.version == Version(2)));
}

/// Else revoking a thousand certificates at once is cut off.
pub fn an_append_may_have_a_thousand_entries(place: &dyn Place) {
    let store = Patient::at(place);
    for round in 0..2_u64 {
        let serials: Vec<_> = (1..=1000).map(|number| format!("{round:02x}{number:04x}")).collect();
        let serials: Vec<_> = serials.iter().map(String::as_str).collect();
        store.apply(&appends([append(1, round * 1000, &serials)])).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    for space in [Space::Log, Space::Entries] {
        assert_eq!(keys(&*snapshot, space, &[], None).len(), 2000, "{space:?}");
    }
}

/// Else the certificate of somebody with a large key or many names is cut off.
pub fn a_value_may_have_a_mebibyte(place: &dyn Place) {
    let store = Patient::at(place);
    let value = |seed: u8| (0..1 << 20).map(|n: u32| (n >> 8) as u8 ^ n as u8 ^ seed).collect();
    let all: Vec<Vec<u8>> = (0..4).map(value).collect();
    let put = |(key, value): (u8, &Vec<u8>)| put_at(&[key], 0, value);
    store.apply(&puts((0..).zip(&all).map(put).collect::<Vec<_>>())).unwrap();
    drop(store);
    let store = Patient::at(place);
    let snapshot = store.snapshot().unwrap();
    for (key, value) in (0..).zip(all) {
        let expected = Some(Record { version: Version(1), value });
        assert!(snapshot.get(SPACE, &[key]).unwrap() == expected, "value {key}");
    }
    assert_eq!(rows(&*snapshot, SPACE, &[], None).len(), 4);
}

/// Else making the CRL of a large CA takes all memory, and the revocations wait until there is more.
///
/// On Linux it looks at what the process takes.
pub fn a_scan_of_many_records_takes_little_memory(place: &dyn Place) {
    const AT_ONCE: u64 = 4000;
    const VALUE: [u8; 200] = [7; 200];
    let rows = env::var("ANNUL_CONFORMANCE_ROWS")
        .map_or(if cfg!(debug_assertions) { 100_000 } else { 1_000_000 }, |rows| {
            rows.parse().expect("ANNUL_CONFORMANCE_ROWS is a number")
        });
    let store = Patient::at(place);
    for first in (0..rows).step_by(AT_ONCE as usize) {
        let numbers = first..rows.min(first + AT_ONCE);
        let put = |number: u64| put_at(&key(number), 0, &VALUE);
        store.apply(&puts(numbers.map(put).collect::<Vec<_>>())).unwrap();
    }
    drop(store);
    let store = Patient::at(place);
    let snapshot = store.snapshot().unwrap();
    let before = resident();
    let (mut shown, mut most) = (0, before);
    let visit = &mut |found: &[u8], value: &[u8]| {
        assert!(found == key(shown) && value == VALUE, "record {shown}");
        if shown % 1000 == 0 {
            most = most.max(resident());
        }
        shown += 1;
        ControlFlow::Continue(())
    };
    snapshot.scan(SPACE, &[], None, visit).unwrap();
    assert_eq!(shown, rows);
    let (Some(before), Some(most)) = (before, most.max(resident())) else { return };
    let grown = most.saturating_sub(before);
    // A cache is fine; a copy of everything is not.
    let all = rows * (VALUE.len() as u64 + 32);
    assert!(grown < all / 2 + (4 << 20), "{grown} octets more for {all} octets of records");
}

fn key(number: u64) -> [u8; 32] {
    let mut key = [9; 32];
    key[24..].copy_from_slice(&number.to_be_bytes());
    key
}

/// How much memory the process has, in octets, where that can be known.
fn resident() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}
