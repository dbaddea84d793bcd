//! Whatever octets come as a store file, opening and reading it ends without a panic.
#![no_main]

#[path = "../../tests/support/backend.rs"]
mod backend;

use annul::{
    Authority, IssuerId, Position,
    store::{Append, Batch, NewEntry, RedbStoreOptions, Space, Store, Table},
};
use backend::Disk;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use std::{ops::ControlFlow, sync::LazyLock};

#[derive(Arbitrary, Debug)]
enum Input {
    Octets(Vec<u8>),
    /// A sound file, cut off at a length, with other octets here and there.
    Damaged(u32, Vec<(u32, u8)>),
}

/// The file of a store with something in it: what redb looks for is not hit upon by chance.
static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let disk = Disk::new();
    let store = RedbStoreOptions::new().open_backend(disk.clone()).unwrap();
    let issuer = IssuerId::from_octets([1; 32]);
    let entries = vec![NewEntry { subject: None, value: vec![1; 100] }];
    let (expected, head, prunes) = (Position(0), vec![1; 40], Vec::new());
    let append = Append { issuer, expected, entries, head, prunes };
    store.apply(&Batch { appends: vec![append], ..Batch::default() }).unwrap();
    drop(store);
    disk.octets()
});

fuzz_target!(|input: Input| {
    let octets = match input {
        Input::Octets(octets) => octets,
        Input::Damaged(length, changes) => {
            let mut octets = SOUND.clone();
            for (at, octet) in changes {
                let at = at as usize % octets.len();
                octets[at] = octet;
            }
            octets.truncate(length as usize);
            octets
        }
    };
    let Ok(store) = RedbStoreOptions::new().open_backend(Disk::holding(octets)) else { return };
    let Ok(snapshot) = store.snapshot() else { return };
    for space in [Space::Heads, Space::Log, Space::Entries, Space::Table(Table::Issuers)] {
        let _ = snapshot.scan(space, &[], None, &mut |_, _| ControlFlow::Continue(()));
    }
    drop(snapshot);
    let _ = Authority::new(store).issuers();
});
