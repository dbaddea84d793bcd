//! A CA whose certificates are divided, and what the record holds of its partitions.
#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use crate::support::toy::{Ca, ToyClock, ToyVerifier, authority, day, serial};
use annul::{
    AddIssuer, Authority, Certificate, CertificateList, CrlPlace, CrlRequest, Distribution,
    DistributionError, Error, Issue, IssuerId, MemorySink, MemoryStore, Origin, Partition, Policy,
    Registered, Registration, ReserveSerial, Reserved, Revoke, Scope, Serial, Sink, Store,
    StoreError, Target,
    store::{Batch, Snapshot, Space, Table, key},
};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hasher,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// One CA, and an authority over a store that outlives it.
pub struct World {
    pub store: Arc<Counting>,
    pub authority: Authority<Arc<Counting>>,
    pub clock: ToyClock,
    pub ca: Ca,
    drawn: Arc<AtomicU64>,
    slots_at_once: u64,
}

/// A store that counts what is written to it, and how often that was refused.
#[derive(Debug, Default)]
pub struct Counting {
    store: MemoryStore,
    pub writes: AtomicU64,
    pub conflicts: AtomicU64,
    /// How long a write takes, in milliseconds.
    pub delay: AtomicU64,
}

impl Store for Counting {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        thread::sleep(Duration::from_millis(self.delay.load(Ordering::Relaxed)));
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.apply(batch).inspect_err(|error| {
            assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// What a name of a certificate is made of: a number, or a serial number of any length.
pub trait Number {
    fn serial(self) -> Serial;
}

impl Number for u64 {
    fn serial(self) -> Serial {
        serial(self)
    }
}

impl Number for i32 {
    fn serial(self) -> Serial {
        serial(u64::try_from(self).unwrap())
    }
}

impl Number for Serial {
    fn serial(self) -> Serial {
        self
    }
}

/// A serial number of 20 octets.
pub fn long_serial(number: u64) -> Serial {
    Serial::from_unsigned(&[&[0x7f; 12][..], &number.to_be_bytes()].concat()).unwrap()
}

impl World {
    pub fn without_distribution() -> Self {
        let (store, clock) = (Arc::<Counting>::default(), ToyClock::at(day(0)));
        let (ca, drawn) = (Ca::new("ca"), Arc::<AtomicU64>::default());
        let authority = authority(Arc::clone(&store), &clock, Arc::clone(&drawn));
        authority
            .add_issuer(&AddIssuer::new(ca.certifies(&ca, 1 << 40).valid(-100, 9000).ca()))
            .unwrap();
        let slots_at_once = Policy::default().slots_at_once;
        Self { store, authority, clock, ca, drawn, slots_at_once }
    }

    pub fn new(distribution: Distribution) -> Self {
        let world = Self::without_distribution();
        world.set(&distribution);
        world
    }

    /// One whose partitions hold so many certificates, which are handed out one by one.
    pub fn small(capacity: u64) -> Self {
        let mut world = Self::without_distribution();
        world.lease(1);
        world.set(&world.holding("http://crl.example", capacity));
        world
    }

    /// Settings with partitions that hold so many certificates.
    pub fn holding(&self, base: &str, capacity: u64) -> Distribution {
        let distribution = |size| Distribution::new(base).with_partition_size(size);
        let Err(Error::Distribution(DistributionError::PartitionSize { least, .. })) =
            self.try_set(&distribution(0))
        else {
            panic!("nothing fits into nothing")
        };
        // The longest entry: RFC 5280 §5.1.2.6 with 20 octets of serial number, a GeneralizedTime,
        // a reason and an invalidityDate.
        distribution(least + (capacity - 1) * 81)
    }

    /// Another authority over the same store, as it is in another process, or after a crash.
    pub fn another(&self) -> Self {
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        let (ca, drawn) = (self.ca.clone(), Arc::clone(&self.drawn));
        let mut policy = Policy::default();
        policy.slots_at_once = self.slots_at_once;
        let authority =
            authority(Arc::clone(&store), &clock, Arc::clone(&drawn)).with_policy(policy);
        Self { store, authority, clock, ca, drawn, slots_at_once: self.slots_at_once }
    }

    /// Has the authority take so many slots at once.
    pub fn lease(&mut self, slots: u64) {
        self.slots_at_once = slots;
        *self = self.another();
    }

    pub fn try_set(&self, distribution: &Distribution) -> Result<Distribution, Error> {
        self.authority.set_distribution(self.ca.id(), distribution)
    }

    pub fn set(&self, distribution: &Distribution) {
        self.try_set(distribution).unwrap();
    }

    pub fn uris(&self, scope: Scope) -> Vec<String> {
        self.authority.distribution_points(self.ca.id(), scope).unwrap()
    }

    pub fn reserve(&self, number: impl Number) -> Reserved {
        self.authority.reserve(&ReserveSerial::new(self.ca.id(), number.serial())).unwrap()
    }

    pub fn leaf(&self, number: impl Number, uris: &[&str]) -> Certificate {
        let leaf = self.ca.leaf(1).with_serial(number.serial());
        leaf.with_distribution_points(uris).certificate()
    }

    pub fn register(&self, number: impl Number, uris: &[&str]) -> Result<Registered, Error> {
        self.authority.register(&Registration::of_certificate(self.leaf(number, uris)))
    }

    pub fn discover(&self, number: impl Number, uris: &[&str]) -> Registered {
        let registration = Registration::of_certificate(self.leaf(number, uris));
        self.authority.record_discovered(&registration).unwrap()
    }

    pub fn revoke(&self, number: impl Number) {
        let target = Target::Serial { issuer: self.ca.id(), serial: number.serial() };
        self.authority.revoke(&Revoke::new(target)).unwrap();
    }

    pub fn partition(&self, number: impl Number) -> Partition {
        self.authority.status(self.ca.id(), number.serial()).unwrap().record.unwrap().partition
    }

    /// The full CRL.
    pub fn crl(&self) -> Vec<u8> {
        let mut der = Vec::new();
        let week = CrlRequest::new(Duration::from_secs(7 * 86_400));
        self.authority.crl(self.ca.id(), &week, &self.ca, &mut der).unwrap();
        annul::CertificateList::from_der(&der)
            .unwrap()
            .verify(annul::Signer::public_key(&self.ca), &ToyVerifier)
            .unwrap();
        der
    }

    /// Releases a CRL of each scope into this sink.
    pub fn release_all(&self, sink: &MemorySink) -> BTreeMap<Scope, Vec<u8>> {
        let id = self.ca.id();
        let release = |scope: Scope| {
            let week = CrlRequest::new(Duration::from_secs(7 * 86_400)).of(scope);
            self.authority.issue(id, &Issue::new(week), &self.ca, &[sink]).unwrap();
            let shown = sink.current(&CrlPlace::complete(id, scope)).unwrap().unwrap();
            (scope, shown.der)
        };
        self.authority.scopes(id).unwrap().into_iter().map(release).collect()
    }

    fn keys(&self, space: Space, prefix: &[u8]) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let snapshot = self.store.snapshot().unwrap();
        snapshot
            .scan(space, prefix, key::past(prefix).as_deref(), &mut |key, _| {
                keys.push(key.to_vec());
                ControlFlow::Continue(())
            })
            .unwrap();
        keys
    }

    pub fn table(&self, table: Table) -> Vec<Vec<u8>> {
        self.keys(Space::Table(table), &[])
    }

    fn serials(&self, space: Space, partition: u32, after: usize) -> Vec<Serial> {
        let prefix = key::partition(self.ca.id(), Partition(partition));
        let serial = |key: Vec<u8>| Serial::from_octets(&key[37..key.len() - after]).unwrap();
        self.keys(space, &prefix).into_iter().map(serial).collect()
    }

    /// Which certificates the record lists for a partition.
    pub fn members(&self, partition: u32) -> Vec<Serial> {
        self.serials(Space::Table(Table::PartitionMembers), partition, 0)
    }

    /// Which certificates a scan of a partition finds revoked.
    pub fn entries(&self, partition: u32) -> Vec<Serial> {
        self.serials(Space::Entries, partition, 8)
    }

    /// How many certificates each partition can hold.
    pub fn capacities(&self) -> BTreeMap<u32, u64> {
        let snapshot = self.store.snapshot().unwrap();
        let capacity = |key: Vec<u8>| {
            let value = snapshot.get(Space::Table(Table::Partitions), &key).unwrap().unwrap().value;
            let number = u32::from_be_bytes(key[32..].try_into().unwrap());
            let capacity = value[value.len() - 16..value.len() - 8].try_into().unwrap();
            (number, u64::from_be_bytes(capacity))
        };
        self.table(Table::Partitions).into_iter().map(capacity).collect()
    }

    /// What is revoked, by the record.
    pub fn revoked(&self) -> BTreeSet<Serial> {
        let all = self.authority.certificates(self.ca.id(), None, usize::MAX).unwrap().into_iter();
        all.filter(|it| it.revocation.is_some()).map(|it| it.serial).collect()
    }

    /// Every certificate is in one partition, the list of that partition says so, its entries are
    /// there, and no partition holds more than it can.
    pub fn check(&self) {
        check_tallies(&self.store, self.ca.id());
        let (mut all, mut revoked) = (BTreeMap::new(), BTreeSet::new());
        let mut discovered = BTreeSet::new();
        for summary in self.authority.certificates(self.ca.id(), None, usize::MAX).unwrap() {
            all.insert(summary.serial, summary.record.partition.0);
            if summary.revocation.is_some() {
                revoked.insert(summary.serial);
            }
            if summary.record.origin == Origin::Discovered {
                discovered.insert(summary.serial);
            }
        }
        let capacities = self.capacities();
        let (mut members, mut listed) = (BTreeMap::new(), BTreeSet::new());
        for (&number, &capacity) in &capacities {
            let own = self.members(number);
            let promised = own.iter().filter(|serial| !discovered.contains(serial)).count();
            assert!(promised as u64 <= capacity, "partition {number} holds {promised}");
            for serial in own {
                assert_eq!(members.insert(serial, number), None, "{serial} is in two partitions");
            }
        }
        for (&serial, &number) in all.iter().filter(|(_, number)| **number == 0) {
            assert_eq!(members.insert(serial, number), None, "{serial} is in two partitions");
        }
        assert_eq!(members, all, "together they are all");
        for &number in capacities.keys().chain([&0]) {
            let own: BTreeSet<_> = self.entries(number).into_iter().collect();
            assert!(own.iter().all(|serial| all[serial] == number));
            listed.extend(own);
        }
        assert_eq!(listed, revoked, "together they list all that is revoked");
        let crl = self.crl();
        let crl = CertificateList::from_der(&crl).unwrap();
        let full = crl.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap());
        assert!(full.eq(revoked), "the full CRL lists them in their order");
    }
}

/// A count and a sum.
type Tally = (u64, u128);

/// The tally of each partition is that of its entries; partition 0 has none.
pub fn check_tallies(store: &impl Store, issuer: IssuerId) {
    let snapshot = store.snapshot().unwrap();
    let prefix = key::head(issuer);
    let scan = |space, visit: &mut dyn FnMut(u32, &[u8])| {
        snapshot
            .scan(space, &prefix, key::past(&prefix).as_deref(), &mut |key, value| {
                visit(u32::from_be_bytes(key[32..36].try_into().unwrap()), value);
                ControlFlow::Continue(())
            })
            .unwrap();
    };
    let (mut expected, mut found) = (BTreeMap::<u32, Tally>::new(), BTreeMap::new());
    scan(Space::Entries, &mut |partition, value| {
        let mut hasher = SipHasher13::new();
        hasher.write(value);
        let (count, sum) = expected.entry(partition).or_default();
        (*count, *sum) = (*count + 1, sum.wrapping_add(hasher.finish128().as_u128()));
    });
    expected.remove(&0);
    scan(Space::Table(Table::PartitionTallies), &mut |partition, value| {
        let count = u64::from_be_bytes(value[1..9].try_into().unwrap());
        let sum = u128::from_be_bytes(value[9..].try_into().unwrap());
        if count > 0 {
            found.insert(partition, (count, sum));
        } else {
            assert_eq!(sum, 0);
        }
    });
    assert_eq!(found, expected);
}
