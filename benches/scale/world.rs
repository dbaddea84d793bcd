//! A CA, the certificates that it issues, and the file that has its record.

use crate::{
    ca::{Ca, Template, at, distribution_points, leaf},
    report::{Done, at_most},
};
use annul::{
    AddIssuer, Authority, Certificate, CrlRequest, Distribution, Error, Evidence, IssuerId,
    LocalVerifier, Partition, Policy, Reason, Refusal, Registered, Registration, ReserveSerial,
    Revoke, Scope, Serial, Stage, Target,
    store::{RedbStore, RedbStoreOptions},
};
use sha2::{Digest, Sha256};
use std::{
    fs, io, mem,
    ops::Range,
    path::PathBuf,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// How many are handed to one call.
const TOGETHER: u64 = 10_000;
const END: &str = "2040-01-01T00:00:00Z";
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The `n`-th of serial numbers that look random, of 16 octets, positive without a sign octet.
fn serial(n: u64) -> Serial {
    let mut octets = Sha256::digest(n.to_be_bytes());
    octets[0] = octets[0] & 0x3f | 0x40;
    Serial::from_octets(&octets[..16]).unwrap()
}

/// Where the file is and how it is opened, and how large CRLs of partitions may be.
pub struct Setting {
    pub path: PathBuf,
    pub options: RedbStoreOptions,
    pub partition_size: u64,
}

/// A CA and the record of it.
pub struct World {
    setting: Setting,
    authority: Option<Authority<RedbStore>>,
    ca: Ca,
    issuer: IssuerId,
    registered: u64,
    revoked: u64,
    /// Each partition, and the first certificate in it.
    partitions: Vec<(Partition, u64)>,
    issuing: Issuing,
}

/// Makes certificates of the partition that was opened last.
#[derive(Default)]
struct Issuing {
    der: Vec<u8>,
    /// Where the serial number is in it.
    at: Range<usize>,
    /// How many the partition is likely to take.
    left: u64,
    /// How many one took.
    capacity: u64,
}

impl Issuing {
    /// From one, others are made by another serial number. Nobody looks at their signatures.
    fn registration(&mut self, issuer: IssuerId, n: u64) -> Registration {
        self.der[self.at.clone()].copy_from_slice(serial(n).as_octets());
        let certificate = Certificate::from_der(&self.der).unwrap();
        Registration::new(Evidence::Vouched { issuer, certificate })
    }
}

impl World {
    pub fn new(setting: Setting) -> Self {
        let _ = fs::remove_file(&setting.path);
        let store = setting.options.open_or_create(&setting.path).unwrap();
        let authority = authority(store);
        let ca = Ca::new("root");
        let root = ca.sign_ca(&Template { not_after: at(END), ..ca.template("01") });
        let issuer = authority.add_issuer(&AddIssuer::new(root)).unwrap().issuer;
        let distribution =
            Distribution::new("http://crl.example").with_partition_size(setting.partition_size);
        authority.set_distribution(issuer, &distribution).unwrap();
        let (registered, revoked, partitions) = (0, 0, Vec::new());
        let (authority, issuing) = (Some(authority), Issuing::default());
        Self { setting, authority, ca, issuer, registered, revoked, partitions, issuing }
    }

    fn authority(&self) -> &Authority<RedbStore> {
        self.authority.as_ref().unwrap()
    }

    pub fn revoked(&self) -> u64 {
        self.revoked
    }

    /// Registers certificates until there are so many; answers how long the calls took.
    pub fn register_until(&mut self, count: u64) -> Duration {
        let mut took = Duration::ZERO;
        while self.registered < count {
            if self.issuing.left == 0 {
                took += self.open_partition();
            }
            let together = (count - self.registered).min(TOGETHER).min(self.issuing.left);
            let range = self.registered..self.registered + together;
            let registrations: Vec<_> =
                range.map(|n| self.issuing.registration(self.issuer, n)).collect();
            let start = Instant::now();
            let answers = self.authority().register_all(&registrations);
            took += start.elapsed();
            self.issuing.left -= together;
            answers.into_iter().for_each(|answer| self.count(answer));
        }
        took
    }

    fn count(&mut self, answer: Result<Registered, Error>) {
        match answer {
            Ok(_) => self.registered += 1,
            Err(Error::Refused(Refusal::PartitionFull { capacity, .. })) => {
                (self.issuing.left, self.issuing.capacity) = (0, capacity);
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Who reserves a serial number is told in which partition its certificate belongs. Others follow.
    fn open_partition(&mut self) -> Duration {
        let serial = serial(self.registered);
        let start = Instant::now();
        let reserve = ReserveSerial::new(self.issuer, serial);
        let reserved = self.authority().reserve(&reserve).unwrap();
        let took = start.elapsed();
        let mut template = Template { not_after: at(END), ..leaf(&serial.to_string()) };
        template.extensions.push(distribution_points(&reserved.distribution_point.unwrap()));
        let der = self.ca.sign(&template).der().to_vec();
        let octets = serial.as_octets();
        let start = der.windows(octets.len()).position(|window| window == octets).unwrap();
        let (at, capacity) = (start..start + octets.len(), self.issuing.capacity);
        let left = if capacity == 0 { u64::MAX } else { capacity };
        self.issuing = Issuing { der, at, left, capacity };
        self.partitions.push((reserved.partition, self.registered));
        took
    }

    /// Revokes certificates, in the order in which they were registered, until so many are revoked.
    pub fn revoke_until(&mut self, count: u64) {
        let issuer = self.issuer;
        let reasons = [None, Some(Reason::KeyCompromise), Some(Reason::Superseded)];
        while self.revoked < count {
            let until = count.min(self.revoked + TOGETHER);
            let revoke = |n| {
                let revoke = Revoke::new(Target::Serial { issuer, serial: serial(n) });
                match reasons[n as usize % reasons.len()] {
                    Some(reason) => revoke.with_reason(reason),
                    None => revoke,
                }
            };
            let revokes: Vec<_> = (self.revoked..until).map(revoke).collect();
            let answers = self.authority().revoke_all(&revokes);
            assert!(answers.iter().all(Result::is_ok));
            self.revoked = until;
        }
    }

    /// Closes the file.
    pub fn close(&mut self) {
        drop(mem::take(&mut self.authority));
    }

    /// Opens the file, with all of it read and checked or not. Nothing is remembered of before.
    pub fn open(&mut self, check: bool) {
        self.close();
        let options = self.setting.options.clone().check_on_open(check);
        self.authority = Some(authority(options.open(&self.setting.path).unwrap()));
    }

    pub fn checkpoint(&self) {
        self.authority().checkpoint(self.issuer).unwrap();
    }

    /// Reads what is revoked into memory.
    pub fn index(&self) {
        self.authority().refresh(self.issuer).unwrap();
    }

    pub fn file_size(&self) -> u64 {
        fs::metadata(&self.setting.path).unwrap().len()
    }

    /// Makes a CRL of all that is revoked, and answers how many octets it has.
    pub fn crl(&self) -> u64 {
        let (octets, entries) = self.crl_of(Scope::Full);
        assert_eq!(entries, self.revoked);
        octets
    }

    fn crl_of(&self, scope: Scope) -> (u64, u64) {
        let request = CrlRequest::new(WEEK).of(scope);
        let made = self.authority().crl(self.issuer, &request, &self.ca.key, &mut Sink).unwrap();
        (made.crl.octets, made.crl.entries)
    }

    /// The partitions with certificates that are revoked.
    pub fn partitions(&self) -> Vec<Partition> {
        let begun = self.partitions.iter().take_while(|(_, first)| *first < self.revoked);
        begun.map(|(partition, _)| *partition).collect()
    }

    /// Makes the CRLs of these partitions, on as many threads as there are cores.
    pub fn crls_of(&self, partitions: &[Partition]) -> Done {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let (next, octets, allocated) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let entries = AtomicU64::new(0);
        let make = || {
            while let Some(&partition) = partitions.get(next.fetch_add(1, Relaxed)) {
                let (length, listed) = self.crl_of(Scope::Partition(partition));
                assert!(length <= self.setting.partition_size);
                octets.fetch_add(length, Relaxed);
                entries.fetch_add(listed, Relaxed);
            }
        };
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let info = allocation_counter::measure(make);
                    allocated.fetch_add(at_most(&info), Relaxed);
                });
            }
        });
        assert_eq!(entries.into_inner(), self.revoked);
        Done { octets: Some(octets.into_inner()), allocated: allocated.into_inner() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.close();
        let _ = fs::remove_file(&self.setting.path);
    }
}

fn authority(store: RedbStore) -> Authority<RedbStore> {
    let mut policy = Policy::default();
    // Who opens a partition takes one slot of it; the others are left to whoever follows.
    policy.slots_at_once = 1;
    Authority::new(store).with_policy(policy).with_verifier(LocalVerifier)
}

/// Takes all octets and keeps none.
struct Sink;

impl Stage for Sink {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn overwrite(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}
