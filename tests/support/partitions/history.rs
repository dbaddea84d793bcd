//! Random histories of a CA whose certificates are divided.

use super::world::{World, long_serial};
use crate::support::toy::day;
use annul::{
    CertificateList, Compact, Distribution, Error, MemorySink, Partition, Refusal, Registration,
    ReserveSerial, Revoke, Scope, Serial, Target,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// How many certificates there can be.
const SERIALS: u64 = 40;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Step {
    Reserve(u64),
    /// Registers a certificate with the URI that it must carry.
    Register(u64),
    /// Registers one with the URI of a partition that may be there.
    Guess(u64, u32),
    Discover(u64, u32),
    RegisterSerial(u64),
    Revoke(u64),
    /// Revokes one by its certificate, which may be new.
    Present(u64, u32),
    /// Sets a base, and how many certificates a partition holds, if there are to be any.
    Set(u8, Option<u64>),
    /// The process ends, and another one begins that takes so many slots at once.
    Crash(u64),
    /// The next steps are done in the other process.
    Switch,
    /// A CRL of each scope is released.
    Release,
}

/// Any of them.
pub fn step() -> impl Strategy<Value = Step> {
    let number = || 0..SERIALS;
    let partition = || 0..6_u32;
    prop_oneof![
        8 => number().prop_map(Step::Reserve),
        4 => number().prop_map(Step::Register),
        3 => (number(), partition()).prop_map(|(number, it)| Step::Guess(number, it)),
        2 => (number(), partition()).prop_map(|(number, it)| Step::Discover(number, it)),
        1 => number().prop_map(Step::RegisterSerial),
        5 => number().prop_map(Step::Revoke),
        2 => (number(), partition()).prop_map(|(number, it)| Step::Present(number, it)),
        1 => (0..3_u8, prop::option::weighted(0.8, 1..5_u64)).prop_map(|(b, c)| Step::Set(b, c)),
        1 => (1..5_u64).prop_map(Step::Crash),
        2 => Just(Step::Switch),
        1 => Just(Step::Release),
    ]
}

/// Two processes on one store, and what was seen of partitions.
pub struct History {
    worlds: [World; 2],
    sink: MemorySink,
    bound: BTreeMap<Serial, Partition>,
    promised: BTreeMap<Serial, String>,
    uris: BTreeMap<u32, String>,
}

impl Default for History {
    fn default() -> Self {
        let world = World::small(3);
        let other = world.another();
        let (bound, promised, uris) = Default::default();
        let sink = MemorySink::new("web");
        Self { worlds: [world, other], sink, bound, promised, uris }
    }
}

impl History {
    /// Does it, and checks that no certificate moved and no URI changed.
    pub fn step(&mut self, step: &Step) {
        let uri = |partition: u32| {
            let uris = self.worlds[0].uris(Scope::Partition(Partition(partition)));
            uris.into_iter().next().unwrap_or_default()
        };
        let world = &self.worlds[0];
        match *step {
            Step::Reserve(number) => {
                let reserve = ReserveSerial::new(world.ca.id(), serial(number));
                if let Some(reserved) = allowed(world.authority.reserve(&reserve)) {
                    self.promised
                        .extend(reserved.distribution_point.map(|it| (serial(number), it)));
                }
            }
            Step::Register(number) => {
                if let Some(uri) = self.promised.get(&serial(number)) {
                    let answer = world.register(serial(number), &[uri]);
                    let refusal = answer.as_ref().err().and_then(|error| error.refusal());
                    assert!(
                        matches!(refusal, None | Some(Refusal::SerialTaken { .. })),
                        "{refusal:?}: it carries what was promised"
                    );
                }
            }
            Step::Guess(number, partition) => {
                let _ = allowed(world.register(serial(number), &[&uri(partition)]));
            }
            Step::Discover(number, partition) => {
                let found = world.leaf(serial(number), &[&uri(partition)]);
                let found = Registration::of_certificate(found);
                let refused = world.authority.record_discovered(&found).err();
                let refused = refused.as_ref().map(|error| error.refusal().unwrap());
                assert!(matches!(refused, None | Some(Refusal::SerialTaken { .. })), "{refused:?}");
            }
            Step::RegisterSerial(number) => {
                let item = Registration::of_serial(world.ca.id(), serial(number), day(1_000));
                let _ = allowed(world.authority.register(&item));
            }
            Step::Revoke(number) => {
                let target = Target::Serial { issuer: world.ca.id(), serial: serial(number) };
                let _ = allowed(world.authority.revoke(&Revoke::new(target)));
            }
            Step::Present(number, partition) => {
                let certificate = world.leaf(serial(number), &[&uri(partition)]);
                let revokes = [Revoke::new(Target::from(certificate))];
                let _ = allowed(world.authority.revoke_all(&revokes).remove(0));
            }
            Step::Set(base, capacity) => {
                let base = format!("http://{base}.example");
                let settings = match capacity {
                    Some(capacity) => world.holding(&base, capacity),
                    None => Distribution::new(base),
                };
                world.set(&settings);
            }
            Step::Crash(slots) => self.worlds[0].lease(slots),
            Step::Switch => self.worlds.reverse(),
            Step::Release => drop(self.release()),
        }
        self.look();
    }

    fn look(&mut self) {
        let world = &self.worlds[1];
        for number in 0..SERIALS {
            let status = world.authority.status(world.ca.id(), serial(number)).unwrap();
            let Some(record) = status.record else { continue };
            let bound = self.bound.entry(serial(number)).or_insert(record.partition);
            assert_eq!(record.partition, *bound, "a certificate never moves");
            let uris = world.uris(Scope::Partition(record.partition));
            if let Some(promised) = self.promised.get(&serial(number)) {
                assert_eq!(uris, [promised.as_str()], "and neither does its CRL");
            }
        }
        for scope in world.authority.scopes(world.ca.id()).unwrap() {
            if let Scope::Partition(Partition(number @ 1..)) = scope {
                let uri = world.uris(scope).remove(0);
                assert_eq!(*self.uris.entry(number).or_insert_with(|| uri.clone()), uri);
            }
        }
        assert!(self.bound.values().all(|bound| bound.0 == 0 || self.uris.contains_key(&bound.0)));
    }

    /// The CRLs of partitions list together what the full one does, which is all that is revoked,
    /// and nothing twice; each is where its certificates say that it is. Answers the full one.
    fn release(&self) -> Vec<u8> {
        let world = &self.worlds[0];
        let mut crls = world.release_all(&self.sink);
        let mut union = BTreeSet::new();
        for (&scope, der) in crls.iter().filter(|(scope, _)| **scope != Scope::Full) {
            let crl = CertificateList::from_der(der).unwrap();
            let uris = crl.issuing_distribution_point().unwrap().uris();
            for serial in listed(&crl) {
                assert!(union.insert(serial), "{serial} is listed twice");
                assert_eq!(scope, Scope::Partition(self.bound[&serial]));
                let promised = self.promised.get(&serial);
                assert!(promised.is_none_or(|it| uris == [it]), "{serial} is not found: {uris:?}");
            }
        }
        let full = CertificateList::from_der(&crls[&Scope::Full]).unwrap();
        assert_eq!(full.issuing_distribution_point(), None);
        assert_eq!(union, listed(&full));
        assert_eq!(union, world.revoked());
        // Also where nothing is listed yet.
        for (serial, uri) in &self.promised {
            let own = &crls[&Scope::Partition(self.bound[serial])];
            let own = CertificateList::from_der(own).unwrap();
            assert_eq!(own.issuing_distribution_point().unwrap().uris(), [uri]);
        }
        crls.remove(&Scope::Full).unwrap()
    }

    /// Checks all there is, then again when everything has expired and left.
    pub fn finish(self) {
        let world = &self.worlds[0];
        self.release();
        world.check();
        world.clock.set(day(1_001));
        let der = self.release();
        let crl = CertificateList::from_der(&der).unwrap();
        world.authority.compact(&Compact::new(world.ca.id()).with_released(crl)).unwrap();
        world.check();
        self.release();
    }
}

fn listed(crl: &CertificateList<'_>) -> BTreeSet<Serial> {
    crl.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap()).collect()
}

fn serial(number: u64) -> Serial {
    // Short ones and long ones, in no order of their partitions.
    if number.is_multiple_of(3) { long_serial(number) } else { crate::support::toy::serial(number) }
}

/// What was done, unless the rules did not allow it.
fn allowed<T>(answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(done) => Some(done),
        Err(error) => match error.refusal() {
            Some(
                Refusal::SerialTaken { .. }
                | Refusal::WrongDistributionPoint { .. }
                | Refusal::PartitionFull { .. }
                | Refusal::UnknownCertificate { .. }
                | Refusal::AlreadyRevoked { .. },
            ) => None,
            _ => panic!("{error:?}"),
        },
    }
}
