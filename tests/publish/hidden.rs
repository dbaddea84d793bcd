//! Stores that hide rows, whichever they are: never a CRL that lacks what is revoked.

use super::{histories, root, week};
use crate::toy::{Ca, ToyClock, authority, day, serial};
use annul::{
    AddIssuer, AppendedEntry, CertificateList, CrlEntry, CrlNumber, CrlPlace, Distribution, Import,
    Issue, Issuer, IssuerId, MemorySink, MemoryStore, Policy, Position, Registration,
    ReserveSerial, Revoke, RevokeCa, Scope, Serial, SerialRef, Signer, Sink, StoreError, Target,
    TbsCertList,
    conformance::toy::ToyVerifier,
    store::{Batch, Record, Snapshot, Space, Store, Table, Visit, copy, key},
};
use proptest::{prelude::*, sample::Index};
use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// A store that hides some rows from the questions of some kind, from some snapshot on.
#[derive(Debug)]
struct Holey<'a> {
    store: &'a MemoryStore,
    holes: BTreeSet<(Space, Vec<u8>)>,
    hides: Hides,
    /// How many snapshots show everything before those that do not.
    whole: u64,
    taken: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hides {
    Gets,
    Scans,
    Both,
}

impl Store for Holey<'_> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let is_whole = self.taken.fetch_add(1, Ordering::Relaxed) < self.whole;
        Ok(if is_whole { snapshot } else { Box::new(WithHoles { snapshot, of: self }) })
    }
}

struct WithHoles<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    of: &'a Holey<'a>,
}

impl WithHoles<'_> {
    fn hides(&self, space: Space, key: &[u8]) -> bool {
        self.of.holes.contains(&(space, key.to_vec()))
    }
}

impl Snapshot for WithHoles<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        let hides = self.of.hides != Hides::Scans && self.hides(space, key);
        if hides { Ok(None) } else { self.snapshot.get(space, key) }
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.snapshot.scan(space, from, to, &mut |key, value| {
            let hides = self.of.hides != Hides::Gets && self.hides(space, key);
            if hides { ControlFlow::Continue(()) } else { visit(key, value) }
        })
    }
}

/// How many certificates the root has, half of them in partitions where it is divided.
const OF_ROOT: u64 = 20;

/// How many the CA below it has.
const OF_BELOW: u64 = 6;

fn below() -> Ca {
    Ca::new("below")
}

/// A root and a CA below it, whose CRLs are full ones, or of every kind there is.
fn world(is_divided: bool) -> MemoryStore {
    let store = MemoryStore::new();
    let mut policy = Policy::default();
    policy.slots_at_once = 1;
    let authority = authority(&store, &ToyClock::at(day(0)), Arc::default()).with_policy(policy);
    for (ca, number) in [(root(), 0x7fff), (below(), 0x7ffe)] {
        authority.add_issuer(&AddIssuer::new(root().certifies(&ca, number).ca())).unwrap();
    }
    let (id, half) = (root().id(), OF_ROOT / 2);
    for number in 1..=half {
        let leaf = root().leaf(number).certificate();
        authority.register(&Registration::of_certificate(leaf)).unwrap();
    }
    if is_divided {
        let distribution = Distribution::new("http://crl.example").with_partition_size(1_800);
        let distribution =
            distribution.with_deltas().with_ca_certificates().with_user_certificates();
        authority.set_distribution(id, &distribution).unwrap();
        let odd = SerialRef::from_octets(&[0x80]).unwrap();
        let crl = crl_of_another_system(AppendedEntry::legacy(odd, day(-1), None, None));
        let crl = CertificateList::from_der(&crl).unwrap();
        authority.import(id, &Import::new().with_crl_of(Scope::Full, crl)).unwrap();
    }
    for number in half + 1..=OF_ROOT {
        authority.reserve(&ReserveSerial::new(id, serial(number))).unwrap();
    }
    for number in 1..=OF_BELOW {
        authority.reserve(&ReserveSerial::new(below().id(), serial(number))).unwrap();
    }
    store
}

/// A CRL that lists a serial number that no certificate may have.
fn crl_of_another_system(entry: AppendedEntry) -> Vec<u8> {
    let (key, certificate) = (root(), root().certifies(&root(), 0x7fff).ca());
    let issuer = Issuer::new(certificate);
    let (name, identifier) = (issuer.name(), issuer.subject_key_identifier().unwrap());
    let tbs = TbsCertList::new(name, identifier, CrlNumber::from_u64(7), day(0), day(7)).unwrap();
    let (none, appendix): ([CrlEntry; 0], _) = ([], [entry]);
    let (tbs, mut der) = (tbs.with_appendix(&appendix), Vec::new());
    tbs.sign(&none, key.public_key(), &key, &ToyVerifier, &mut der).unwrap();
    der
}

static WORLDS: LazyLock<[MemoryStore; 2]> = LazyLock::new(|| [false, true].map(world));

/// What is recorded, what is released, and what the store hides meanwhile.
#[derive(Clone, Debug)]
struct Case {
    is_divided: bool,
    /// Whether it is the CRL of the CA below.
    of_below: bool,
    scope: Index,
    kind: u8,
    /// What is revoked before a complete CRL goes out, and after.
    revoked: [BTreeSet<u64>; 2],
    /// Which CA falls: the root or the one below; before that CRL goes out, or after.
    fall: Option<(bool, bool)>,
    /// A space, and a row of it.
    holes: Vec<(Index, Index)>,
    hides: Hides,
    whole: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let revoked = || prop::collection::btree_set(1..=OF_ROOT, 0..8);
    let fall = prop::option::weighted(0.4, any::<(bool, bool)>());
    let holes = prop::collection::vec(any::<(Index, Index)>(), 1..4);
    let hides = prop_oneof![Just(Hides::Both), Just(Hides::Gets), Just(Hides::Scans)];
    let whole = prop_oneof![2 => Just(0), 1 => 1..12_u64];
    let what = (any::<(bool, bool, Index)>(), 0..3_u8, [revoked(), revoked()], fall);
    (what, (holes, hides, whole)).prop_map(
        |((place, kind, revoked, fall), (holes, hides, whole))| {
            let (is_divided, of_below, scope) = place;
            Case { is_divided, of_below, scope, kind, revoked, fall, holes, hides, whole }
        },
    )
}

impl Case {
    fn issue(&self, scope: Scope) -> Issue {
        let request = week().of(scope);
        match self.kind {
            0 => Issue::new(request),
            1 => Issue::new(request.delta()),
            _ => Issue::new(request).with_delta(),
        }
    }

    /// The rows to hide, of those that there are.
    fn holes(&self, store: &MemoryStore) -> BTreeSet<(Space, Vec<u8>)> {
        let snapshot = store.snapshot().unwrap();
        let mut spaces = Vec::new();
        for space in Space::all() {
            let mut rows = Vec::new();
            let mut visit = |key: &[u8], _: &[u8]| {
                rows.push((space, key.to_vec()));
                ControlFlow::Continue(())
            };
            snapshot.scan(space, &[], None, &mut visit).unwrap();
            if !rows.is_empty() {
                spaces.push(rows);
            }
        }
        self.holes
            .iter()
            .map(|(space, row)| row.get::<(Space, Vec<u8>)>(space.get::<Vec<_>>(&spaces)).clone())
            .collect()
    }
}

/// Whether a count is hidden together with what it counts. Nobody can tell such a store from one as
/// it was before the first of that was recorded.
fn hides_every_trace(issuer: IssuerId, scope: Scope, holes: &BTreeSet<(Space, Vec<u8>)>) -> bool {
    let hides = |space, key| holes.contains(&(space, key));
    let of_log =
        hides(Space::Heads, key::head(issuer)) && hides(Space::Log, key::log(issuer, Position(1)));
    let of_partition = match scope {
        Scope::Partition(number) => {
            let entries = key::entries(issuer, number);
            hides(Space::Table(Table::PartitionTallies), key::partition(issuer, number))
                && holes
                    .iter()
                    .any(|(space, it)| *space == Space::Entries && it.starts_with(&entries))
        }
        _ => false,
    };
    of_log || of_partition
}

/// The serial numbers that a CRL lists, odd ones too.
fn octets_listed(der: &[u8]) -> BTreeSet<Vec<u8>> {
    let crl = CertificateList::from_der(der).unwrap();
    crl.entries().map(|entry| entry.unwrap().serial().as_octets().to_vec()).collect()
}

proptest! {
    #![proptest_config(histories(500))]

    #[test]
    fn whatever_rows_a_store_hides_no_crl_lacks_what_is_revoked(case in case()) {
        let (store, clock) = (MemoryStore::new(), ToyClock::at(day(0)));
        copy(&WORLDS[usize::from(case.is_divided)], &store).unwrap();
        let drawn = Arc::new(AtomicU64::new(1 << 32));
        let whole = authority(&store, &clock, Arc::clone(&drawn));
        let key = if case.of_below { below() } else { root() };
        let (issuer, sink) = (key.id(), MemorySink::new("sink"));
        let scope = *case.scope.get(&whole.scopes(issuer).unwrap());
        let [complete, delta] = [false, true].map(|delta| CrlPlace { issuer, scope, delta });
        for (revoked, is_early) in case.revoked.iter().zip([true, false]) {
            for &number in revoked {
                let target = Target::Serial { issuer, serial: serial(number) };
                drop(whole.revoke(&Revoke::new(target)));
            }
            if let Some((of_root, early)) = case.fall && early == is_early {
                let ca = if of_root { root() } else { below() };
                whole.revoke_ca(&RevokeCa::new(ca.id())).unwrap();
            }
            if is_early {
                whole.issue(issuer, &Issue::new(week().of(scope)), &key, &[&sink]).unwrap();
            }
        }
        let der = |place| sink.current(place).unwrap().map(|current| current.der);
        let before = der(&complete).unwrap();
        let mut truth = Vec::new();
        whole.crl(issuer, &week().of(scope), &key, &mut truth).unwrap();
        let mut truth = octets_listed(&truth);

        let holes = case.holes(&store);
        if hides_every_trace(issuer, scope, &holes) {
            return Ok(());
        }
        // Of certificates that only a fall invalidates, nobody counts the records.
        let members = [Table::Certificates, Table::PartitionMembers].map(Space::Table);
        let uncounted = |serial: &Vec<u8>| {
            let is_revoked = whole.revocation(issuer, Serial::from_octets(serial).unwrap());
            holes.iter().any(|(space, key)| members.contains(space) && key.ends_with(serial))
                && is_revoked.unwrap().revocation.is_none()
        };
        let is_odd = |serial: &[u8]| Serial::from_octets(serial).is_err();
        truth.retain(|serial| is_odd(serial) || !uncounted(serial));

        let (hides, whole) = (case.hides, case.whole);
        let holey = Holey { store: &store, holes, hides, whole, taken: 0.into() };
        let answer = authority(&holey, &clock, drawn)
            .issue(issuer, &case.issue(scope), &key, &[&sink]);
        let after = der(&complete).unwrap();
        let list = octets_listed(&after);
        if after == before {
            prop_assert!(answer.is_err() || case.kind == 1);
        } else {
            prop_assert!(list.is_superset(&truth), "{:?}", truth.difference(&list));
        }
        if let Some(delta) = der(&delta) {
            let both = list.union(&octets_listed(&delta)).cloned().collect();
            prop_assert!(truth.is_subset(&both), "{:?}", truth.difference(&both));
        }
    }
}
