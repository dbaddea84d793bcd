//! Certificates that are divided among CRLs: each in one partition, for ever, at one URI.

mod support {
    pub mod toy;
    pub mod partitions {
        pub mod history;
        pub mod world;
    }
}

use annul::{
    AddIssuer, CertificateList, Compact, CrlNumber, CrlRequest, Distribution, DistributionError,
    Error, Evidence, Issue, MemorySink, MemoryStore, Partition, Reason, Refusal, Registration,
    ReserveSerial, RevocationDetails, Revoke, Scope, Store, StoreError, Target,
    store::{Batch, Snapshot, Table, copy},
};
use proptest::{collection::vec, prelude::*};
use std::{sync::atomic::Ordering, thread, time::Duration};
use support::{
    partitions::{
        history::{History, step},
        world::{World, check_tallies, long_serial},
    },
    toy::{Ca, day, serial},
};

#[test]
fn e17_a_certificate_carries_the_uri_of_its_partition_octet_for_octet() {
    let world = World::new(Distribution::new("http://crl.example:80/A%2f").with_partitions());
    let reserved = world.reserve(1);
    assert_eq!(reserved.partition, Partition(1));
    let uri = reserved.distribution_point.unwrap();
    let id = world.ca.id().to_string();
    assert_eq!(uri, format!("http://crl.example:80/A%2f/{}-p1.crl", &id[..32]));
    assert_eq!(world.uris(Scope::Partition(Partition(1))), [&*uri]);
    for wrong in [
        vec![],
        vec!["http://crl.example/A%2F"],
        vec![uri.as_str(), "http://mirror.example/1.crl"],
        vec!["http://mirror.example/1.crl", &uri],
    ] {
        let expected = Some(uri.clone());
        let found = wrong.iter().map(|&it| it.to_owned()).collect();
        let refused = Refusal::WrongDistributionPoint { expected, found };
        assert_eq!(world.register(1, &wrong).unwrap_err().refusal(), Some(&refused));
    }
    assert_eq!(world.register(1, &[&uri]).unwrap().partition, Partition(1));
    assert!(!world.register(1, &[&uri]).unwrap().recorded);
    world.check();
}

#[test]
fn e17_what_is_in_no_partition_carries_the_uri_of_none() {
    let world = World::new(Distribution::new("http://crl.example"));
    let reserved = world.reserve(1);
    assert_eq!((reserved.partition, reserved.distribution_point), (Partition(0), None));
    world.reserve(2);
    world.set(&Distribution::new("http://crl.example").with_partitions());
    let uri = world.reserve(3).distribution_point.unwrap();
    let found = vec![uri.clone()];
    let refused = Refusal::WrongDistributionPoint { expected: None, found };
    assert_eq!(world.register(1, &[&uri]).unwrap_err().refusal(), Some(&refused));
    let point = world.uris(Scope::Full).remove(0);
    assert_eq!(world.register(1, &[&point]).unwrap().partition, Partition(0));
    assert_eq!(world.register(2, &[]).unwrap().partition, Partition(0));
    world.check();
}

#[test]
fn e19_who_was_not_reserved_takes_a_slot_of_the_partition_that_it_names() {
    let world = World::small(2);
    let uri = world.reserve(1).distribution_point.unwrap();
    assert_eq!(world.register(2, &[&uri]).unwrap().partition, Partition(1));
    let full = Refusal::PartitionFull { partition: Partition(1), capacity: 2 };
    assert_eq!(world.register(3, &[&uri]).unwrap_err().refusal(), Some(&full));
    // What names none is in partition 0, and so is what only its issuer knows.
    assert_eq!(world.register(4, &[]).unwrap().partition, Partition(0));
    assert_eq!(world.register(5, &[&uri.replace("-p1", "-p9")]).unwrap().partition, Partition(0));
    assert_eq!(world.register(6, &[&uri.replace("-p1", "-p01")]).unwrap().partition, Partition(0));
    let by_serial = Registration::of_serial(world.ca.id(), serial(7), day(10));
    assert_eq!(world.authority.register(&by_serial).unwrap().partition, Partition(0));
    // Then it stays there, whatever the certificate says.
    let moved = world.register(7, &[&uri]).unwrap_err();
    assert!(matches!(moved.refusal(), Some(Refusal::WrongDistributionPoint { .. })), "{moved:?}");
    world.check();
}

#[test]
fn e19_what_exists_is_listed_where_relying_parties_look() {
    let world = World::small(1);
    let uri = world.reserve(1).distribution_point.unwrap();
    // The partition is full, and they belong there all the same.
    assert_eq!(world.discover(2, &[&uri]).partition, Partition(1));
    let revoke = Revoke::new(Target::from(world.leaf(3, &[&uri])));
    assert!(world.authority.revoke(&revoke).unwrap().discovered);
    assert_eq!(world.partition(3), Partition(1));
    let below = world.ca.certifies(&Ca::new("below"), 4).with_distribution_points(&[&uri]);
    world.authority.add_issuer(&AddIssuer::new(below.ca())).unwrap();
    assert_eq!(world.partition(4), Partition(1));
    // One that was reserved stays where its CRL was promised.
    assert_eq!(world.discover(1, &["http://elsewhere.example"]).partition, Partition(1));
    assert_eq!(world.discover(5, &[]).partition, Partition(0));
    assert_eq!(world.members(1).len(), 4);
    assert!(world.entries(1) == [serial(3)] && world.entries(0).is_empty());
}

#[test]
fn e19_many_that_were_not_reserved_take_slots_together() {
    let world = World::small(5);
    let uri = world.reserve(1).distribution_point.unwrap();
    let items: Vec<_> = (2..=9).chain([2]).map(|n| world.leaf(n, &[&uri])).collect();
    let items: Vec<_> = items.into_iter().map(Registration::of_certificate).collect();
    let answers = world.authority.register_all(&items);
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 5, "four of them, and one again");
    // Those that are revoked before anybody recorded them take the slots that are left.
    let world = World::small(5);
    let uri = world.reserve(1).distribution_point.unwrap();
    let revokes: Vec<_> =
        (2..=4).map(|n| Revoke::new(Target::from(world.leaf(n, &[&uri])))).collect();
    world.authority.revoke_all(&revokes).into_iter().for_each(|it| assert!(it.is_ok()));
    world.register(5, &[&uri]).unwrap();
    let refused = world.register(6, &[&uri]).unwrap_err();
    assert!(matches!(refused.refusal(), Some(Refusal::PartitionFull { .. })), "{refused:?}");
    world.check();
}

#[test]
fn e19_partitions_that_were_opened_keep_their_uri_and_their_capacity() {
    let mut world = World::small(3);
    world.lease(256);
    let first = world.reserve(1).distribution_point.unwrap();
    world.set(&Distribution::new("http://other.example").with_ca_certificates().with_partitions());
    // What was leased is used up first.
    assert_eq!(world.reserve(2).distribution_point.as_ref(), Some(&first));
    assert_eq!(world.reserve(3).distribution_point.as_ref(), Some(&first));
    let second = world.reserve(4);
    assert_eq!(second.partition, Partition(2));
    assert!(second.distribution_point.unwrap().starts_with("http://other.example/"));
    assert_eq!(world.uris(Scope::Partition(Partition(1))), [first.as_str()]);
    let bases = |scope| {
        let uris = world.uris(scope).into_iter();
        uris.map(|uri| uri.rsplit_once('/').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    for scope in [Scope::Full, Scope::CaCertificates, Scope::Partition(Partition(0))] {
        assert_eq!(bases(scope), ["http://other.example", "http://crl.example"]);
    }
    world.set(&Distribution::new("http://crl.example"));
    assert_eq!(bases(Scope::Full), ["http://crl.example", "http://other.example"]);
    assert_eq!(world.reserve(5).partition, Partition(0));
    let partitions = (0..=2).map(|number| Scope::Partition(Partition(number)));
    let expected: Vec<_> =
        [Scope::Full, Scope::CaCertificates].into_iter().chain(partitions).collect();
    assert_eq!(world.authority.scopes(world.ca.id()).unwrap(), expected);
    let world = world.another();
    assert_eq!(world.authority.scopes(world.ca.id()).unwrap(), expected);
    world.check();
}

#[test]
fn e19_after_a_change_a_partition_is_opened_that_follows_it() {
    let world = World::small(9);
    let first = world.reserve(1).distribution_point.unwrap();
    world.set(&world.holding("http://other.example", 9));
    assert_eq!(world.reserve(2).partition, Partition(2));
    world.set(&world.holding("http://other.example", 8));
    assert_eq!(world.reserve(3).partition, Partition(3));
    assert_eq!(world.reserve(4).partition, Partition(3));
    assert_eq!(world.capacities().into_values().collect::<Vec<_>>(), [9, 9, 8]);
    // The first has room for those that carry its URI.
    assert_eq!(world.register(5, &[&first]).unwrap().partition, Partition(1));
    world.check();
}

#[test]
fn e19_a_refused_claim_takes_no_slot() {
    let world = World::small(2);
    world.reserve(1);
    for _ in 0..3 {
        let again = world.authority.reserve(&ReserveSerial::new(world.ca.id(), serial(1)));
        assert!(matches!(again.unwrap_err().refusal(), Some(Refusal::SerialTaken { .. })));
    }
    assert_eq!(world.reserve(2).partition, Partition(1));
    assert_eq!(world.reserve(3).partition, Partition(2));
}

#[test]
fn e19_slots_that_a_crash_lost_are_never_handed_out_again() {
    let mut world = World::small(100);
    world.lease(40);
    for number in 1..=4 {
        world.reserve(number);
        world = world.another();
    }
    // 40, 40 and the 20 that were left.
    assert_eq!([1, 2].map(|number| world.members(number).len()), [3, 1]);
    world.check();
}

#[test]
fn e44_a_base_that_no_uri_begins_with_is_refused() {
    let world = World::new(Distribution::new("http://crl.example"));
    for base in [
        "",
        "crl.example",
        "https://crl.example",
        "HTTP://crl.example",
        "http://",
        "http:///crl",
        "http://crl.example/",
        "http://crl.example/a b",
        "http://crl.example/ä",
        "http://a?b",
        "http://crl.example/#",
        "http://crl.example\n",
        &format!("http://{}", "a".repeat(1000)),
    ] {
        let refused = world.try_set(&Distribution::new(base)).unwrap_err();
        let Error::Distribution(DistributionError::Base { base: found, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(found, base);
    }
    assert_eq!(world.uris(Scope::Full).len(), 1, "nothing was recorded");
}

#[test]
fn e19_every_certificate_must_be_on_some_crl() {
    let world = World::without_distribution();
    assert_eq!(world.authority.scopes(world.ca.id()).unwrap(), [Scope::Full]);
    assert_eq!(world.uris(Scope::Full), [""; 0]);
    let gap = Distribution::new("http://crl.example").without_full().with_ca_certificates();
    let refused = world.try_set(&gap).unwrap_err();
    assert!(matches!(refused, Error::Distribution(DistributionError::Gap)), "{refused:?}");
    world.set(&gap.clone().with_user_certificates());
    let scopes = world.authority.scopes(world.ca.id()).unwrap();
    assert_eq!(scopes, [Scope::CaCertificates, Scope::UserCertificates]);

    let small = gap.with_partition_size(1000);
    let refused = world.try_set(&small).unwrap_err();
    let Error::Distribution(DistributionError::PartitionSize { size: 1000, least }) = refused
    else {
        panic!("{refused:?}")
    };
    world.set(&small.with_partition_size(least));
    assert_eq!(world.reserve(1).partition, Partition(1));
}

#[test]
fn e19_what_expired_leaves_its_partition() {
    let world = World::small(9);
    let uri = world.reserve(1).distribution_point.unwrap();
    for number in 2..=4 {
        world.register(number, &[&uri]).unwrap();
    }
    world.revoke(2);
    world.clock.set(day(1001));
    let der = world.crl();
    let crl = CertificateList::from_der(&der).unwrap();
    let compacted =
        world.authority.compact(&Compact::new(world.ca.id()).with_released(crl)).unwrap();
    assert_eq!((compacted.certificates, compacted.entries), (3, 1));
    assert_eq!(world.members(1), [serial(1)]);
    assert!(world.entries(1).is_empty());
    world.check();
    // Their slots are used up.
    assert_eq!(world.table(Table::Partitions).len(), 1);
    let evidence = |number, uris: &[&str]| Evidence::Certificate(world.leaf(number, uris));
    let discovered = Registration::new(evidence(long_serial(2), &[&uri]));
    assert_eq!(world.authority.record_discovered(&discovered).unwrap().partition, Partition(1));
}

/// Whatever becomes of the certificates, the CRL of their partition fits into its size: here with
/// all that an entry can say, after 2049, and under serial numbers of 20 octets.
#[test]
fn e19_a_partition_never_outgrows_its_size() {
    const SIZE: u64 = 30_000;
    let settings = Distribution::new("http://crl.example").with_partition_size(SIZE);
    let world = World::new(settings.with_deltas());
    world.clock.set(day(8_800));
    let mut number = 0;
    let uri = world.reserve(long_serial(number)).distribution_point.unwrap();
    while world.reserve(long_serial(number + 1)).partition == Partition(1) {
        number += 1;
    }
    let members = world.members(1);
    assert_eq!(members.len() as u64, world.capacities()[&1]);
    let details = RevocationDetails {
        reason: Some(Reason::KeyCompromise),
        date: None,
        invalidity_date: Some(day(8_799)),
    };
    let revoke = |&serial| {
        let target = Target::Serial { issuer: world.ca.id(), serial };
        Revoke::new(target).with_details(details)
    };
    let revokes: Vec<_> = members.iter().map(revoke).collect();
    world.authority.revoke_all(&revokes).into_iter().for_each(|it| assert!(it.is_ok()));
    // The longest number, and all that a CRL can say besides.
    let (id, scope) = (world.ca.id(), Scope::Partition(Partition(1)));
    let number = CrlNumber::from_be_bytes([0x70; 20]).unwrap();
    world.authority.fence(id, scope, number, day(8_800)).unwrap();
    let request = CrlRequest::new(Duration::from_secs(86_400)).of(scope).keeping_expired();
    let request = request.with_ca_issuers(format!("{uri}/{}", "a".repeat(200)));
    let sink = MemorySink::new("web");
    let released = world.authority.issue(id, &Issue::new(request), &world.ca, &[&sink]).unwrap();
    let released = released.complete.unwrap();
    assert_eq!(released.entries, members.len() as u64);
    // Signatures of toys are shorter than those of any key.
    let longest = released.octets + 144;

    assert!(longest <= SIZE, "{longest}");
    assert!(longest + 1_500 > SIZE, "no more is held back than may be needed: {longest}");
}

#[test]
fn e19_many_threads_reserve_without_meeting_and_never_beyond_what_fits() {
    const RESERVED: u64 = 200;
    let mut world = World::small(300);
    world.lease(64);
    let other = world.another();
    thread::scope(|scope| {
        for thread in 0..8 {
            let world = if thread % 2 == 0 { &world } else { &other };
            scope.spawn(move || {
                for number in 0..RESERVED {
                    world.reserve(1 + thread * RESERVED + number);
                }
            });
        }
    });
    world.check();
    let conflicts = world.store.conflicts.load(Ordering::Relaxed);
    // They can meet only where slots are taken from a partition: each time one of the two is late.
    let leases = 8 * RESERVED / 64 + 2 * world.capacities().len() as u64;
    assert!(conflicts <= leases, "{conflicts} conflicts");
    let members: usize = world.capacities().keys().map(|&number| world.members(number).len()).sum();
    assert_eq!(members as u64, 8 * RESERVED);
}

#[test]
fn e19_revocations_in_one_partition_share_durable_writes() {
    const THREADS: u64 = 32;
    let world = World::small(THREADS);
    let other = world.another();
    for number in 0..2 * THREADS {
        world.reserve(number + 1);
    }
    let writes = || world.store.writes.load(Ordering::Relaxed);
    let revoke = |worlds: [&World; 2], first: u64| {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let world = worlds[number as usize % 2];
                scope.spawn(move || world.revoke(first + number));
            }
        });
    };
    world.store.delay.store(5, Ordering::Relaxed);
    let before = (writes(), world.store.conflicts.load(Ordering::Relaxed));
    revoke([&world; 2], 1);
    assert!(writes() - before.0 < THREADS / 2, "{} writes", writes() - before.0);
    assert_eq!(world.store.conflicts.load(Ordering::Relaxed), before.1);
    assert_eq!(world.entries(1).len() as u64, THREADS);
    // Two processes find out what the other wrote, and share with themselves.
    revoke([&world, &other], THREADS + 1);
    world.store.delay.store(0, Ordering::Relaxed);
    world.check();
}

/// A copy of which every state fits: as many entries in each partition as are counted.
#[derive(Debug)]
struct Fitting(MemoryStore, annul::IssuerId);

impl Store for Fitting {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.0.apply(batch)?;
        check_tallies(&self.0, self.1);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.0.snapshot()
    }
}

#[test]
fn e19_a_copy_counts_the_entries_of_partitions_at_any_time() {
    let world = World::small(700);
    let revoke = |numbers: std::ops::Range<u64>| {
        let target = |number| Target::Serial { issuer: world.ca.id(), serial: serial(number) };
        let revokes: Vec<_> = numbers.map(|number| Revoke::new(target(number))).collect();
        world.authority.revoke_all(&revokes).into_iter().for_each(|it| assert!(it.is_ok()));
    };
    let to = Fitting(MemoryStore::new(), world.ca.id());
    let early = Fitting(MemoryStore::new(), world.ca.id());
    for number in 1..=1_500 {
        let uri = world.reserve(number).distribution_point.unwrap();
        world.register(number, &[&uri]).unwrap();
    }
    revoke(1..1_401);
    copy(&world.store, &to).unwrap();
    copy(&world.store, &early).unwrap();
    revoke(1_401..1_451);
    world.clock.set(day(1_001));
    let der = world.crl();
    let crl = CertificateList::from_der(&der).unwrap();
    world.authority.compact(&Compact::new(world.ca.id()).with_released(crl)).unwrap();
    world.check();
    world.discover(2_000, &[&world.uris(Scope::Partition(Partition(2)))[0]]);
    let copied = copy(&world.store, &to).unwrap();
    let anew = copy(&world.store, &Fitting(MemoryStore::new(), world.ca.id())).unwrap();
    assert_eq!(copied.digest, anew.digest);
    assert_eq!(copy(&to, &early).unwrap().digest, anew.digest);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn e19_whatever_happens_every_certificate_is_in_one_partition(
        steps in vec(step(), 1..120),
    ) {
        let mut history = History::default();
        for step in &steps {
            history.step(step);
        }
        history.finish();
    }
}
