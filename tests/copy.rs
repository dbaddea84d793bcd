//! Copying a store into another: whole, verified, and never taken for whole before.
#![cfg(feature = "redb")]

mod support {
    pub mod backend;
    #[cfg(feature = "postgres")]
    pub mod postgres;
    pub mod toy;
}

use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, Compact, CrlRequest, MemoryStore,
    Position, RedbStore, Registration, Revoke, RevokeCa, Store, StoreError, Target,
    store::{
        Append, Batch, CopyError, NewEntry, Put, RedbStoreOptions, Snapshot, Space, Table, Version,
        copy, digest, key,
    },
};
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use support::{
    backend::Disk,
    toy::{Ca, ToyClock, authority, day, serial},
};

const WEEK: CrlRequest = CrlRequest::new(Duration::from_secs(7 * 86_400));

fn redb() -> RedbStore {
    RedbStoreOptions::new().open_backend(Disk::new()).unwrap()
}

/// The authority over a store, on a day, with the CA that all tests are about.
fn on<S: Store>(store: S, number: i64) -> (Authority<S>, Ca) {
    let drawn = AtomicU64::new(number as u64 * 1_000_000);
    (authority(store, &ToyClock::at(day(number)), Arc::new(drawn)), Ca::new("ca"))
}

fn target(number: u64) -> Target {
    Target::Serial { issuer: Ca::new("ca").id(), serial: serial(number) }
}

fn revoke(store: &dyn Store, numbers: impl Iterator<Item = u64>) {
    let revokes: Vec<_> = numbers.map(|number| Revoke::new(target(number))).collect();
    let (authority, _) = on(store, 5);
    authority.revoke_all(&revokes).iter().for_each(|it| assert!(it.is_ok(), "{it:?}"));
}

fn register(store: &dyn Store, numbers: impl Iterator<Item = u64>, until: i64) {
    let (authority, ca) = on(store, 1);
    let register = |number| Registration::of_serial(ca.id(), serial(number), day(until));
    let registrations: Vec<_> = numbers.map(register).collect();
    authority.register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));
}

fn crl(store: &dyn Store, number: i64) -> Vec<u8> {
    let (authority, ca) = on(store, number);
    let mut der = Vec::new();
    authority.crl(ca.id(), &WEEK, &ca, &mut der).unwrap();
    der
}

/// The serial numbers that the next CRL lists.
fn listed(store: &dyn Store, number: i64) -> Vec<String> {
    let crl = crl(store, number);
    let list = CertificateList::from_der(&crl).unwrap();
    list.entries().map(|entry| entry.unwrap().serial().to_string()).collect()
}

fn compact(store: &dyn Store, number: i64) -> u64 {
    let crl = crl(store, number);
    let (authority, ca) = on(store, number);
    let list = CertificateList::from_der(&crl).unwrap();
    authority.compact(&Compact::new(ca.id()).with_released(list)).unwrap().entries
}

/// A store with a CA that has so many certificates, half of them revoked, a CA below it that fell,
/// and CRLs.
fn source(certificates: u64) -> MemoryStore {
    let store = MemoryStore::new();
    let (authority, ca) = on(&store, 0);
    let sub = Ca::new("sub");
    authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1_000_000).ca())).unwrap();
    authority.add_issuer(&AddIssuer::new(ca.certifies(&sub, 1_000_001).ca())).unwrap();
    register(&store, 1..=certificates, 10);
    revoke(&store, (1..=certificates).step_by(2));
    let (authority, _) = on(&store, 6);
    let amendment = Amendment { key_compromise: true, ..Amendment::default() };
    authority.amend(&Amend::new(target(1), amendment)).unwrap();
    authority.revoke_ca(&RevokeCa::new(sub.id())).unwrap();
    crl(&store, 7);
    store
}

/// What happens to it later, and is not in a copy that was made before.
fn go_on(store: &MemoryStore) {
    compact(store, 11);
    let (authority, ca) = on(store, 12);
    for number in 5_001..=5_020 {
        let discovered = Registration::of_serial(ca.id(), serial(number), day(100));
        authority.record_discovered(&discovered).unwrap();
    }
    revoke(store, 5_001..=5_010);
}

fn digest_of(store: &dyn Store) -> [u8; 32] {
    digest(&*store.snapshot().unwrap()).unwrap()
}

fn names_issuers(store: &dyn Store) -> bool {
    let mut named = false;
    let snapshot = store.snapshot().unwrap();
    snapshot
        .scan(Space::Table(Table::Issuers), &[], None, &mut |_, _| {
            named = true;
            ControlFlow::Break(())
        })
        .unwrap();
    named
}

#[test]
fn a_copy_holds_the_same_in_any_kind_of_store() {
    let (memory, file, again) = (source(30), redb(), MemoryStore::new());
    let copied = copy(&memory, &file).unwrap();
    assert_eq!(copied.entries, 15 + 1 + 2);
    assert_eq!(copied.digest, digest_of(&memory));
    let issuers = on(&memory, 7).0.issuers().unwrap();
    let positions: Vec<_> = issuers.iter().map(|it| (it.issuer.id(), it.position)).collect();
    assert_eq!(copied.positions, positions);
    assert_eq!(copy(&file, &again).unwrap(), copied);
    for store in [&file as &dyn Store, &again] {
        assert_eq!(digest_of(store), copied.digest);
        assert_eq!(listed(store, 8), listed(&memory, 8));
        revoke(store, 2..=2);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_store_moves_from_a_file_into_postgres_and_back_and_goes_on_where_it_was_cut_off() {
    let Some(place) = support::postgres::Place::fresh() else { return };
    let (file, database, back) = (redb(), place.open(), redb());
    copy(&source(2500), &file).unwrap();
    let mut cuts = 0;
    let copied = loop {
        let fault = if cuts % 2 == 0 { Fault::Lost } else { Fault::Done };
        match copy(&file, &Failing::new(&database, 1 + cuts % 3, fault)) {
            Ok(copied) => break copied,
            Err(CopyError::Target(StoreError::Backend(_))) => cuts += 1,
            Err(error) => panic!("{error:?}"),
        }
        assert!(cuts < 100);
    };
    assert!(cuts > 3, "{cuts}");
    copy(&database, &back).unwrap();
    for store in [&file as &dyn Store, &database, &back] {
        assert_eq!(digest_of(store), copied.digest);
        revoke(store, 2..=2);
    }
    assert_eq!(listed(&database, 8), listed(&file, 8));
}

#[test]
fn the_digest_counts_every_key_value_and_position() {
    let store = MemoryStore::new();
    let mut seen = vec![digest_of(&store)];
    let put = |key: &[u8], version, value: &[u8]| Put {
        table: Table::Counters,
        key: key.to_vec(),
        expected: Version(version),
        value: value.to_vec(),
    };
    for put in [put(b"a", 0, b"bc"), put(b"a", 1, b"b"), put(b"ab", 0, b""), put(b"b", 0, b"")] {
        store.apply(&Batch { puts: vec![put], ..Batch::default() }).unwrap();
        seen.push(digest_of(&store));
    }
    for value in [b"1", b"1"] {
        let entry = NewEntry { subject: None, value: value.to_vec() };
        let append = Append {
            issuer: Ca::new("ca").id(),
            expected: Position(seen.len() as u64 - 5),
            entries: vec![entry],
            head: vec![1],
            prunes: Vec::new(),
        };
        store.apply(&Batch { appends: vec![append], ..Batch::default() }).unwrap();
        seen.push(digest_of(&store));
    }
    let different: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(different.len(), seen.len());
}

/// What a store does with one write.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It fails.
    Lost,
    /// It fails, and was carried out.
    Done,
}

/// A store that fails one write.
#[derive(Debug)]
struct Failing<'a> {
    store: &'a dyn Store,
    left: AtomicU64,
    fault: Fault,
}

impl<'a> Failing<'a> {
    fn new(store: &'a dyn Store, after: u64, fault: Fault) -> Self {
        Self { store, left: after.into(), fault }
    }
}

impl Store for Failing<'_> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return self.store.apply(batch);
        }
        if let Fault::Done = self.fault {
            self.store.apply(batch)?;
        }
        Err(StoreError::Backend("told to".into()))
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// Interrupts the copying into what `start` makes at every write, and hands over what it left.
fn interrupted<S: Store>(
    from: &dyn Store,
    start: impl Fn() -> S,
    mut visit: impl FnMut(&S),
) -> u64 {
    for fault in [Fault::Lost, Fault::Done] {
        for after in 0.. {
            let to = start();
            match copy(from, &Failing::new(&to, after, fault)) {
                Err(CopyError::Target(StoreError::Backend(_))) => visit(&to),
                Ok(_) if matches!(fault, Fault::Lost) => break,
                Ok(_) => return after,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    unreachable!()
}

#[test]
fn an_interrupted_copy_goes_on_and_names_no_issuer_before_it_is_whole() {
    let from = source(2_100);
    let expected = digest_of(&from);
    let writes = interrupted(&from, MemoryStore::new, |to| {
        assert!(!names_issuers(to) || digest_of(to) == expected);
        let whole = copy(&from, to).unwrap();
        assert_eq!([whole.digest, digest_of(to)], [expected; 2]);
        let nothing = copy(&from, to).unwrap();
        assert_eq!((nothing.records, nothing.entries), (0, 0));
    });
    assert!(writes > 8, "{writes}");
}

#[test]
fn an_interrupted_copy_goes_on_with_what_the_source_is_by_then() {
    let (before, after) = (source(1_500), MemoryStore::new());
    copy(&before, &after).unwrap();
    go_on(&after);
    interrupted(&before, redb, |to| {
        assert_eq!(copy(&after, to).unwrap().digest, digest_of(to));
        assert_eq!(listed(to, 12).len(), 11);
    });
}

#[test]
fn a_copy_is_brought_up_to_date_and_can_be_read_meanwhile() {
    for fallen in [false, true] {
        let (from, earlier) = (source(2_100), MemoryStore::new());
        if fallen {
            let (authority, ca) = on(&from, 8);
            authority.revoke_ca(&RevokeCa::new(ca.id())).unwrap();
        }
        copy(&from, &earlier).unwrap();
        go_on(&from);
        let start = || {
            let to = MemoryStore::new();
            copy(&earlier, &to).unwrap();
            to
        };
        let writes = interrupted(&from, start, |to| {
            // A CRL counts what it finds. It is made elsewhere, as it takes a number.
            let reader = MemoryStore::new();
            copy(to, &reader).unwrap();
            listed(&reader, 13);
            assert_eq!(copy(&from, to).unwrap().digest, digest_of(&from));
        });
        assert!(writes > 4, "{writes}");
    }
}

#[test]
fn a_copy_of_a_compacted_store_revives_nothing() {
    let from = source(2_100);
    let copied_before = redb();
    copy(&from, &copied_before).unwrap();
    assert_eq!(compact(&from, 11), 1_050 + 1);
    let copied_after = redb();
    for to in [&copied_before, &copied_after] {
        let copied = copy(&from, to).unwrap();
        assert_eq!(copied.digest, digest_of(&from));
        assert_eq!(listed(to, 12).len(), 1, "that of the CA below");
        assert_eq!(on(to, 12).0.certificates(Ca::new("ca").id(), None, 9).unwrap().len(), 1);
        let log = |store| {
            let (authority, ca) = on(store, 12);
            let start = authority.token_at(ca.id(), Position(0)).unwrap();
            authority.changes(&start, 9_999).unwrap().entries
        };
        assert_eq!(log(to as &dyn Store), log(&from));
    }
}

/// A store to copy into, to which `meanwhile` happens at each write.
struct Meanwhile<'a> {
    store: MemoryStore,
    meanwhile: Box<dyn Fn() + Send + Sync + 'a>,
}

impl std::fmt::Debug for Meanwhile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("meanwhile")
    }
}

impl Store for Meanwhile<'_> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        (self.meanwhile)();
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

#[test]
fn what_is_copied_is_one_moment_of_a_source_in_use() {
    let from = source(200);
    let expected = digest_of(&from);
    let next = Mutex::new((2..=200).step_by(2));
    let revoke_next = || revoke(&from, next.lock().unwrap().next().into_iter());
    let to = Meanwhile { store: MemoryStore::new(), meanwhile: Box::new(revoke_next) };
    assert_eq!(copy(&from, &to).unwrap().digest, expected);
    assert_ne!(digest_of(&from), expected);
    drop(to);
}

#[test]
fn what_is_no_earlier_copy_is_refused_and_stays_as_it_is() {
    let from = source(20);
    let copied = |spoil: &dyn Fn(&MemoryStore)| {
        let to = MemoryStore::new();
        copy(&from, &to).unwrap();
        spoil(&to);
        to
    };
    let ahead = copied(&|to| revoke(to, 2..=2));
    let numbered = copied(&|to| drop(crl(to, 8)));
    let with_issuer = copied(&|to| {
        let (authority, _) = on(to, 8);
        let other = Ca::new("other");
        authority.add_issuer(&AddIssuer::new(other.certifies(&other, 1).ca())).unwrap();
    });
    let later = source(20);
    revoke(&later, (4..=8).step_by(2));
    let forked = |result| matches!(result, Err(CopyError::Forked { .. }));
    for (from, to) in
        [(&from, &ahead), (&later, &ahead), (&from, &with_issuer), (&MemoryStore::new(), &from)]
    {
        let before = digest_of(to);
        assert!(forked(copy(from, to)));
        assert_eq!(digest_of(to), before);
    }
    assert!(matches!(copy(&from, &numbered), Err(CopyError::OwnNumbers { .. })));
}

/// A store that keeps something else than it is told to.
#[derive(Debug)]
struct Spoiling {
    store: MemoryStore,
    spoil: fn(&mut Batch),
}

impl Store for Spoiling {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut batch = batch.clone();
        (self.spoil)(&mut batch);
        self.store.apply(&batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

#[test]
fn a_copy_that_is_not_as_its_source_is_found_and_names_no_issuer() {
    let from = source(20);
    let spoils: [fn(&mut Batch); 5] = [
        |batch| batch.appends.iter_mut().for_each(|it| it.entries[0].value[30] ^= 1),
        |batch| batch.appends.iter_mut().for_each(|it| it.entries[0].subject = None),
        |batch| batch.appends.iter_mut().for_each(|it| it.head[1] ^= 1),
        |batch| batch.puts.iter_mut().for_each(|it| *it.value.last_mut().unwrap() ^= 1),
        |batch| drop(batch.puts.pop()),
    ];
    for spoil in spoils {
        let to = Spoiling { store: MemoryStore::new(), spoil };
        let differs = copy(&from, &to);
        assert!(matches!(differs, Err(CopyError::Differs { .. })), "{differs:?}");
        assert!(!names_issuers(&to));
    }
}

#[test]
fn a_damaged_source_leaves_an_earlier_copy_where_it_was() {
    let from = Spoiling { store: source(20), spoil: |_| {} };
    let to = MemoryStore::new();
    let before = copy(&from, &to).unwrap();
    let spoil = |batch: &mut Batch| batch.appends[0].entries[0].subject = None;
    let from = Spoiling { spoil, ..from };
    revoke(&from, 2..=2);
    let damaged = copy(&from, &to);
    assert!(matches!(damaged, Err(CopyError::Differs { space: Space::Heads })), "{damaged:?}");
    assert_eq!(copy(&to, &MemoryStore::new()).unwrap().positions, before.positions);
}

#[test]
fn what_a_copy_was_spoiled_in_is_found_later() {
    let (from, file) = (source(20), redb());
    let copied = copy(&from, &file).unwrap();
    let key = key::certificate(Ca::new("ca").id(), serial(3));
    let (space, table) = (Space::Table(Table::Certificates), Table::Certificates);
    let expected = file.snapshot().unwrap().get(space, &key).unwrap().unwrap().version;
    let put = Put { table, key, expected, value: vec![1] };
    file.apply(&Batch { puts: vec![put], ..Batch::default() }).unwrap();
    assert_ne!(digest_of(&file), copied.digest);
    let repaired = copy(&from, &file).unwrap();
    assert_eq!((repaired.records, repaired.digest), (1, copied.digest));
}
