//! Commands that somebody else overtakes between their decision and their write.

mod support {
    pub mod toy;
}

use annul::{
    AddIssuer, Authority, CertificateStatus, Compact, DeclaredParent, MemoryStore, Registration,
    ReserveSerial, Revoke, RevokeCa, Store, StoreError, Target,
    store::{Batch, Snapshot},
};
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use support::toy::{Ca, ToyClock, authority, day, serial};

/// A store in which somebody may be faster than the next who writes.
#[derive(Default)]
struct Overtaken {
    store: MemoryStore,
    faster: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for Overtaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Overtaken")
    }
}

impl Store for Overtaken {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let faster = self.faster.lock().unwrap().take();
        if let Some(faster) = faster {
            faster();
        }
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

type Node = Authority<Arc<Overtaken>>;

/// Two nodes on one store, with the roots "root" and "other", and "ca" under "root".
struct World {
    store: Arc<Overtaken>,
    node: Node,
    clock: ToyClock,
    other: Ca,
    ca: Ca,
}

impl World {
    fn new() -> Self {
        let [root, other, ca] = ["root", "other", "ca"].map(Ca::new);
        let (store, clock) = (Arc::<Overtaken>::default(), ToyClock::at(day(0)));
        let node = authority(Arc::clone(&store), &clock, Arc::default());
        for toy in [root.certifies(&root, 1), other.certifies(&other, 1), root.certifies(&ca, 2)] {
            let add = AddIssuer::new(toy.ca()).with_parent(DeclaredParent::Recorded);
            node.add_issuer(&add.without_listing_invalidated()).unwrap();
        }
        Self { store, node, clock, other, ca }
    }

    /// Has another node do this before the next write.
    fn overtake(&self, work: impl FnOnce(&Node) + Send + 'static) {
        let other = authority(Arc::clone(&self.store), &self.clock, Arc::default());
        *self.store.faster.lock().unwrap() = Some(Box::new(move || work(&other)));
    }

    /// A certificate of "ca" by "other" that nobody has heard of.
    fn cross(&self) -> Registration {
        Registration::of_certificate(self.other.certifies(&self.ca, 5).certificate())
    }
}

#[test]
fn whoever_revokes_a_ca_revokes_what_was_just_discovered_of_it() {
    let world = World::new();
    let cross = world.cross();
    world.overtake(move |node| drop(node.record_discovered(&cross).unwrap()));
    let fallen = world.node.revoke_ca(&RevokeCa::new(world.ca.id())).unwrap();
    assert!(fallen.revoked.contains(&(world.other.id(), serial(5))));
}

#[test]
fn whoever_discovers_a_certificate_of_a_ca_that_just_fell_is_told() {
    let world = World::new();
    let ca = world.ca.id();
    world.overtake(move |node| drop(node.revoke_ca(&RevokeCa::new(ca)).unwrap()));
    let discovered = world.node.record_discovered(&world.cross()).unwrap();
    assert_eq!(discovered.names_fallen, Some(ca));
}

#[test]
fn nothing_leaves_unlisted_once_all_that_is_invalidated_is_listed() {
    let world = World::new();
    let ca = world.ca.id();
    let leaf = Registration::of_certificate(world.ca.leaf(10).valid(0, 5).certificate());
    world.node.register(&leaf).unwrap();
    world.node.revoke_ca(&RevokeCa::new(ca)).unwrap();
    world.clock.set(day(9));
    world.overtake(move |node| node.list_invalidated(ca).unwrap());
    let compacted = world.node.compact(&Compact::new(ca)).unwrap();
    assert_eq!(compacted.certificates, 0);
}

#[test]
fn no_compaction_takes_a_record_that_was_revoked_since_it_looked() {
    let world = World::new();
    let ca = world.ca.id();
    let reserve = ReserveSerial { not_after: Some(day(5)), ..ReserveSerial::new(ca, serial(10)) };
    world.node.reserve(&reserve).unwrap();
    world.node.register(&Registration::of_serial(ca, serial(10), day(5))).unwrap();
    world.clock.set(day(9));
    world.overtake(move |node| {
        assert_eq!(node.compact(&Compact::new(ca)).unwrap().certificates, 1);
        // It is recorded and changed as often as it was before, and lasts longer.
        node.record_discovered(&Registration::of_serial(ca, serial(10), day(50))).unwrap();
        node.revoke(&Revoke::new(Target::Serial { issuer: ca, serial: serial(10) })).unwrap();
    });
    assert_eq!(world.node.compact(&Compact::new(ca)).unwrap().certificates, 0);
    let status = world.node.status(ca, serial(10)).unwrap();
    assert!(matches!(status.own, CertificateStatus::Revoked(_)), "{:?}", status.own);
}
