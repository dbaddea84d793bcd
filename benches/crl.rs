//! How far the making of CRLs is from its limit: SHA-256 over as many octets, and one signature.
//!
//! Times of a shared machine mean little, so every CRL that is made is timed next to its limit, in
//! turn, and what is printed is the median of the ratios. 10,000,000 entries are measured only
//! where the environment variable `ANNUL_BENCH_LARGE` is set.
//!
//! The signature is not verified in what is timed. What that would add is printed by itself.

#[path = "support/target.rs"]
mod target;

use annul::{
    CaCertificate, Certificate, CertificateList, CrlEntry, CrlError, CrlIndex, CrlNumber, Entries,
    Extent, LocalVerifier, Reason, Serial, SerialRef, SignatureAlgorithm, Signer, SigningError,
    SigningKey, Stage, TbsCertList, Timestamp, ToSign, Verifier, VerifyError,
};
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main, measurement::WallTime,
};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use std::{
    env,
    hint::black_box,
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

const CA: &str = include_str!("../src/authority/example-root.pem");
const KEY: &str = include_str!("../src/authority/example-root.key");

/// Where the environment variable is set, the largest count too.
fn counts() -> impl Iterator<Item = u64> {
    let large = env::var_os("ANNUL_BENCH_LARGE").map(|_| 10_000_000);
    [1_000, 100_000, 1_000_000].into_iter().chain(large)
}

/// Who makes the CRLs.
struct Issuer {
    ca: CaCertificate,
    key: SigningKey,
}

impl Issuer {
    fn new() -> Self {
        let ca = CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap();
        Self { ca, key: SigningKey::from_pem(KEY).unwrap() }
    }

    /// Makes a CRL without verifying it.
    fn make(&self, entries: &dyn Entries, stage: &mut dyn Stage) -> u64 {
        self.make_with(&self.key, entries, stage)
    }

    fn make_with(&self, key: &dyn Signer, entries: &dyn Entries, stage: &mut dyn Stage) -> u64 {
        let identifier = self.ca.subject_key_identifier().unwrap();
        let number = CrlNumber::from_u64(1);
        let (now, next) = (this_update(), Timestamp::MAX);
        let tbs = TbsCertList::new(self.ca.subject(), identifier, number, now, next).unwrap();
        tbs.sign(entries, self.ca.public_key(), key, &Trusting, stage).unwrap().octets
    }

    fn sign(&self, digest: &[u8]) -> Vec<u8> {
        self.key.sign(ToSign::Digest(digest)).unwrap()
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) {
        let algorithm = self.key.algorithm().identifier();
        let digest = ToSign::Digest(digest);
        LocalVerifier.verify(self.ca.public_key(), algorithm, digest, signature).unwrap();
    }
}

/// Entries of which the sum is known, as whoever keeps them can have it.
struct Summed<'a>(&'a [CrlEntry], Extent);

impl<'a> Summed<'a> {
    fn new(entries: &'a [CrlEntry]) -> Self {
        let mut extent = Extent::default();
        extent.add_all(entries);
        Self(entries, extent)
    }
}

impl Entries for Summed<'_> {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        visit(self.0)
    }

    fn extent(&self) -> Result<Extent, CrlError> {
        Ok(self.1)
    }
}

/// Signs the same with another signature each time, one octet longer or shorter now and then, as
/// ECDSA with random nonces does. It signs something else, which takes as long.
struct Randomised<'a>(&'a SigningKey, AtomicU64);

impl Signer for Randomised<'_> {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.0.public_key()
    }

    fn sign(&self, _: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        let nonce = self.1.fetch_add(1, Relaxed).to_be_bytes();
        self.0.sign(ToSign::Digest(&Sha256::digest(nonce)))
    }
}

/// Takes any signature.
struct Trusting;

impl Verifier for Trusting {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        Ok(())
    }
}

/// Takes all octets and keeps none.
struct Sink;

impl Stage for Sink {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        black_box(octets);
        Ok(())
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        black_box(first);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}

fn this_update() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Entries that look random: serial numbers of 16 octets, every other with a sign octet, and any
/// date of three years; with a reason.
fn entries(count: u64) -> Vec<CrlEntry> {
    let reasons = Reason::ALL.into_iter().filter(|reason| *reason != Reason::Unspecified);
    let entry = |(n, reason): (u64, Reason)| {
        let digest = Sha256::digest(n.to_be_bytes());
        let before = u32::from_be_bytes(*digest[16..].first_chunk().unwrap()) % (3 * 365 * 86_400);
        CrlEntry {
            serial: Serial::from_unsigned(&digest[..16]).unwrap(),
            revocation_date: this_update().saturating_sub(Duration::from_secs(before.into())),
            reason: Some(reason),
            invalidity_date: None,
        }
    };
    let mut entries: Vec<CrlEntry> =
        (0..count).zip(reasons.collect::<Vec<_>>().into_iter().cycle()).map(entry).collect();
    entries.sort_unstable_by_key(|entry| entry.serial);
    entries
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// Times `ours` and `limit` in turn, has criterion report `ours`, and prints the ratio, the answer.
fn against<A, B>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    limit_name: &str,
    mut ours: impl FnMut() -> A,
    mut limit: impl FnMut() -> B,
) -> Option<f64> {
    let mut ratios = Vec::new();
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| {
            let mut sum = Duration::ZERO;
            for _ in 0..iterations {
                let (limit, ours) = (timed(&mut limit), timed(&mut ours));
                ratios.push(ours.as_secs_f64() / limit.as_secs_f64());
                sum += ours;
            }
            sum
        });
    });
    ratios.sort_unstable_by(f64::total_cmp);
    let quartile = |n: usize| ratios.get(ratios.len() * n / 4).copied();
    // Nothing was measured where a filter leaves it out.
    let (low, median, high) = (quartile(1)?, quartile(2)?, quartile(3)?);
    let pairs = ratios.len();
    println!("    {median:.3} × {limit_name} (quartiles {low:.3} to {high:.3}, {pairs} pairs)");
    Some(median)
}

/// At least ten pairs of each, however long they take.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group
}

/// From memory into memory that was used before.
fn crl_generation(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let mut group = group(criterion, "crl_generation");
    for count in counts() {
        let entries = entries(count);
        let mut der = Vec::new();
        group.throughput(Throughput::Bytes(issuer.make(&entries, &mut der)));
        let octets = der.clone();
        let make = || issuer.make(&entries, &mut der);
        let id = BenchmarkId::new("to_memory", count);
        if count > 1_000 {
            let limit = || Sha256::digest(&octets);
            against(&mut group, id, "SHA-256", make, limit);
            let id = BenchmarkId::new("to_memory_with_sums", count);
            let summed = Summed::new(&entries);
            against(&mut group, id, "SHA-256", || issuer.make(&summed, &mut der), limit);
            continue;
        }
        let limit = || issuer.sign(&Sha256::digest(&octets));
        let ratio = against(&mut group, id, "(SHA-256 + a signature)", make, limit);
        let job = format!("a CRL of {} entries, not verified", target::grouped(count));
        target::print(&job, "SHA-256 and a signature by the same signer", ratio, "2");
        let digest = Sha256::digest(&octets);
        let signature = issuer.sign(&digest);
        let verify = || issuer.verify(&digest, &signature);
        let id = BenchmarkId::new("verification_alone", count);
        against(&mut group, id, "(SHA-256 + a signature)", verify, limit);
    }
    group.finish();
}

/// Into something that keeps nothing.
fn crl_streaming(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let mut group = group(criterion, "crl_streaming");
    for count in counts() {
        let entries = entries(count);
        let mut octets = Vec::new();
        group.throughput(Throughput::Bytes(issuer.make(&entries, &mut octets)));
        let summed = Summed::new(&entries);
        let limit = || (Sha256::digest(&octets), (count == 1_000).then(|| issuer.sign(&[7; 32])));
        let name = if count == 1_000 { "(SHA-256 + a signature)" } else { "SHA-256" };
        let mut stream = |id: &str, key: &dyn Signer, entries: &dyn Entries| {
            let make = || issuer.make_with(key, entries, &mut Sink);
            against(&mut group, BenchmarkId::new(id, count), name, make, limit)
        };
        stream("to_sink", &issuer.key, &entries);
        let job = format!("a CRL of {} entries, streamed", target::grouped(count));
        let ratio = stream("to_sink_with_sums", &issuer.key, &summed);
        target::print(&job, name, ratio, "1.25");
        let randomised = Randomised(&issuer.key, AtomicU64::new(0));
        let ratio = stream("to_sink_with_sums_randomised", &randomised, &summed);
        target::print(&format!("{job}, nonces at random"), name, ratio, "1.25");
    }
    group.finish();
}

/// What a relying party does with a CRL that it received.
fn crl_index(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let mut group = group(criterion, "crl_index");
    for count in counts() {
        let entries = entries(count);
        let mut der = Vec::new();
        group.throughput(Throughput::Bytes(issuer.make(&entries, &mut der)));
        let read = || CertificateList::from_der(&der).unwrap();
        let build = || CrlIndex::new(&read(), KEY_OF_HASH).unwrap();
        let limit = || Sha256::digest(&der);
        let id = |name| BenchmarkId::new(name, count);
        let received = format!("a received CRL of {} entries", target::grouped(count));
        let print = |job: &str, ratio: Option<f64>, wanted: &str| {
            target::print(&format!("{job} {received}"), "SHA-256 of its octets", ratio, wanted);
        };
        let ratio = against(&mut group, id("build"), "SHA-256", build, limit);
        print("indexing", ratio, "");
        let key = issuer.ca.public_key();
        let both = || CrlIndex::verified(&read(), key, &LocalVerifier, KEY_OF_HASH).unwrap();
        let ratio = against(&mut group, id("verify_and_build"), "SHA-256", both, limit);
        print("verifying and indexing", ratio, "2");

        let index = build();
        let map: HashMap<SerialRef<'_>, Timestamp> =
            entries.iter().map(|entry| (entry.serial.as_ref(), entry.revocation_date)).collect();
        for hits in [0, 1, 50] {
            let queries = queries(&entries, hits);
            let each = |find: &dyn Fn(SerialRef<'_>) -> bool| {
                queries.iter().filter(|serial| find(serial.as_ref())).count()
            };
            group.throughput(Throughput::Elements(queries.len() as u64));
            let id = BenchmarkId::new(format!("find_{hits}_percent"), count);
            let ours = || each(&|serial| index.find(serial).is_some());
            let theirs = || each(&|serial| map.get(&serial).is_some());
            against(&mut group, id, "hashbrown", ours, theirs);
        }
    }
    group.finish();
}

/// Random enough for this.
const KEY_OF_HASH: [u8; 16] = *b"sixteen octets..";

/// Serial numbers in no order, of which so many of a hundred are revoked.
fn queries(entries: &[CrlEntry], hits: u64) -> Vec<Serial> {
    let query = |n: u64| {
        let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let revoked = entries[(random % entries.len() as u64) as usize].serial;
        let other = || Serial::from_unsigned(&Sha256::digest(n.to_le_bytes())[..16]).unwrap();
        if random / 7 % 100 < hits { revoked } else { other() }
    };
    (1 << 40..).take(entries.len().clamp(1 << 16, 1 << 20)).map(query).collect()
}

criterion_group!(benches, crl_generation, crl_index, crl_streaming);
criterion_main!(benches);
