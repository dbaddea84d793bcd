//! Files that earlier versions wrote are opened by this one.
//!
//! `tests/fixtures` has stores of each format, as they were when they were closed, and as a crash
//! left them. They are kept for ever. `cargo test --test redb write_the_fixtures -- --ignored`
//! writes those of a new format.

use crate::{
    backend::Disk,
    history::open,
    toy::{Ca, ToyClock, authority, day, serial},
};
use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateStatus, CrlRequest, FileStage, Reason,
    Registration, ReserveSerial, Revoke, RevokeCa, Standing, Store, Target,
    store::{Batch, Put, RedbStore, Space, Table, Version},
};
use std::{fmt::Write, fs, ops::ControlFlow, path::PathBuf, time::Duration};

/// The format that this version writes.
const FORMAT: u32 = 1;

fn fixture(format: u32, kind: &str) -> PathBuf {
    let path = format!("tests/fixtures/format-{format}.{kind}");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn over<S: Store>(store: S, at: i64) -> Authority<S> {
    authority(store, &ToyClock::at(day(at)), Default::default())
}

fn crl<S: Store>(authority: &Authority<S>, ca: &Ca) -> u64 {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fixture.crl");
    let request = CrlRequest::new(Duration::from_secs(86_400));
    let issued = authority.crl(ca.id(), &request, ca, &mut FileStage::new(path)).unwrap();
    issued.crl.number.as_octets().iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// Everything that can be recorded, once.
fn fill(store: &RedbStore) {
    let authority = over(store, 0);
    let [root, fallen, issuing] = ["root", "fallen", "issuing"].map(Ca::new);
    for ca in [root.certifies(&root, 1), root.certifies(&fallen, 2), root.certifies(&issuing, 3)] {
        authority.add_issuer(&AddIssuer::new(ca.ca())).unwrap();
    }
    for number in 10..14 {
        let leaf = Registration::of_certificate(issuing.leaf(number).certificate());
        authority.register(&leaf).unwrap();
    }
    authority.reserve(&ReserveSerial::new(issuing.id(), serial(20))).unwrap();
    for number in 10..12 {
        let target = Target::Serial { issuer: issuing.id(), serial: serial(number) };
        authority.revoke(&Revoke::new(target).with_reason(Reason::Superseded)).unwrap();
    }
    let target = Target::Serial { issuer: issuing.id(), serial: serial(11) };
    let amendment = Amendment { key_compromise: true, ..Amendment::default() };
    authority.amend(&Amend::new(target, amendment)).unwrap();
    authority.revoke_ca(&RevokeCa::new(fallen.id())).unwrap();
    assert_eq!(crl(&authority, &issuing), 1);
    // Tables that nothing writes yet.
    let empty = |table| count(store, Space::Table(table)) == 0;
    let put = |table| Put { table, key: vec![1], expected: Version::ABSENT, value: vec![1, 2] };
    let puts = Table::ALL.into_iter().filter(|&table| empty(table)).map(put).collect();
    store.apply(&Batch { puts, ..Batch::default() }).unwrap();
}

fn count(store: &RedbStore, space: Space) -> usize {
    list(store, [space]).lines().count()
}

/// A line for each record: its space, key, version and value.
fn list(store: &RedbStore, spaces: impl IntoIterator<Item = Space>) -> String {
    let snapshot = store.snapshot().unwrap();
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let mut list = String::new();
    for space in spaces {
        let visit = &mut |key: &[u8], value: &[u8]| {
            let version = snapshot.get(space, key).unwrap().unwrap().version.0;
            let (code, key, value) = (space.code(), hex(key), hex(value));
            writeln!(list, "{code} {key} {version} {value}").unwrap();
            ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, visit).unwrap();
    }
    list
}

/// Octets as runs: how many zeros, how many others, the others.
fn pack(octets: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let zeros = rest.iter().take_while(|octet| **octet == 0).count();
        rest = &rest[zeros..];
        // Shorter gaps are not worth a run.
        let end = rest.windows(8).position(|octets| octets == [0; 8]).unwrap_or(rest.len());
        let others;
        (others, rest) = rest.split_at(end);
        for length in [zeros, others.len()] {
            packed.extend((length as u32).to_be_bytes());
        }
        packed.extend_from_slice(others);
    }
    packed
}

fn unpack(mut packed: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    while let Some((lengths, rest)) = packed.split_first_chunk::<8>() {
        let length = |at: usize| u32::from_be_bytes(*lengths[at..].first_chunk().unwrap()) as usize;
        octets.resize(octets.len() + length(0), 0);
        let others;
        (others, packed) = rest.split_at(length(4));
        octets.extend_from_slice(others);
    }
    octets
}

#[test]
#[ignore = "what it writes is kept"]
fn write_the_fixtures() {
    let disk = Disk::new();
    let mut store = open(&disk).unwrap();
    fill(&store);
    store.compact().unwrap();
    fs::write(fixture(FORMAT, "txt"), list(&store, Space::all())).unwrap();
    fs::write(fixture(FORMAT, "crashed"), pack(&disk.octets())).unwrap();
    drop(store);
    fs::write(fixture(FORMAT, "closed"), pack(&disk.octets())).unwrap();
}

#[test]
fn a_file_of_each_format_opens_and_holds_what_it_held() {
    for format in 1..=FORMAT {
        let expected = fs::read_to_string(fixture(format, "txt")).unwrap();
        for kind in ["closed", "crashed"] {
            let disk = Disk::holding(unpack(&fs::read(fixture(format, kind)).unwrap()));
            let store = open(&disk).unwrap();
            assert!(list(&store, Space::all()) == expected, "format {format}, {kind}");
            go_on(&store);
            drop(store);
            go_on(&open(&disk).unwrap());
        }
    }
}

/// Asks for what [`fill`] recorded, and goes on from there.
fn go_on(store: &RedbStore) {
    let authority = over(store, 1);
    let [root, fallen, issuing] = ["root", "fallen", "issuing"].map(Ca::new);
    let standing = |ca: &Ca| authority.standing(ca.id()).unwrap().0;
    assert_eq!([standing(&root), standing(&issuing)], [const { Standing::Stands }; 2]);
    assert!(matches!(standing(&fallen), Standing::Fallen(_)));
    let status = |number| authority.status(issuing.id(), serial(number)).unwrap().own;
    for number in [10, 11] {
        assert!(matches!(status(number), CertificateStatus::Revoked(_)), "{number}");
    }
    assert_eq!(status(12), CertificateStatus::Good);
    assert_eq!(status(20), CertificateStatus::Reserved);
    assert!(crl(&authority, &issuing) > 1);
}
