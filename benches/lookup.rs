//! What relying parties wait for: whether a serial number is revoked.
//!
//! Times of a shared machine mean little. So each look-up is measured beside its limit in the same
//! run, one dependent fetch from as much memory, and beside hashbrown with foldhash, a fast map that
//! knows neither an order nor a past. A table comes first: medians of rounds in which all take
//! turns. The times of criterion follow.
//!
//! `ANNUL_BENCH_LOOKUP=10000000` adds so many revoked certificates, which take some ten GiB.

#[path = "support/target.rs"]
mod target;

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, DeclaredParent, IssuerId, MemoryStore,
    Policy, Revocation, Revoke, Serial, Target,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use std::{
    env,
    hint::black_box,
    sync::atomic::{Ordering::SeqCst, fence},
    time::Instant,
};

const CA: &str = include_str!("../src/authority/example-root.pem");
const ROUNDS: usize = 11;
const BATCH: usize = 256;

/// hashbrown with foldhash.
type Map = hashbrown::HashMap<Serial, Revocation>;

/// The `n`-th of serial numbers that look random: 16 octets, every other with a sign octet.
fn serial(n: u64) -> Serial {
    let digest = Sha256::digest(n.to_be_bytes());
    Serial::from_unsigned(&digest[..16]).unwrap()
}

/// An authority that revoked so many certificates.
struct Revoked {
    authority: Authority<MemoryStore>,
    issuer: IssuerId,
    count: u64,
}

impl Revoked {
    fn new(count: u64) -> Self {
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        let authority = Authority::new(MemoryStore::new()).with_policy(policy);
        let ca = CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap();
        let add = AddIssuer::new(ca).with_parent(DeclaredParent::Recorded);
        let issuer = authority.add_issuer(&add).unwrap().issuer;
        let numbers: Vec<u64> = (0..count).collect();
        for numbers in numbers.chunks(100_000) {
            let target = |n: &u64| Revoke::new(Target::Serial { issuer, serial: serial(*n) });
            let revokes: Vec<Revoke> = numbers.iter().map(target).collect();
            assert!(authority.revoke_all(&revokes).iter().all(Result::is_ok));
        }
        Self { authority, issuer, count }
    }

    fn find(&self, serial: Serial) -> Option<Revocation> {
        self.authority.revocation(self.issuer, serial).unwrap().revocation
    }

    /// Serial numbers in no order, of which so many of a hundred are revoked.
    fn queries(&self, hits: u64) -> Vec<Serial> {
        let query = |n: u64| {
            let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let revoked = random % self.count;
            serial(if random / 7 % 100 < hits { revoked } else { self.count + n })
        };
        (0..self.count.clamp(1 << 16, 1 << 20)).map(query).collect()
    }

    fn map(&self) -> Map {
        (0..self.count).map(|n| (serial(n), self.find(serial(n)).unwrap())).collect()
    }

    fn print(&self, map: &Map) {
        let miss = chase(self.count * 52);
        for hits in [0, 1, 50, 100] {
            let queries = self.queries(hits);
            let each =
                |find: &dyn Fn(Serial) -> bool| queries.iter().filter(|it| find(**it)).count();
            let alone = |find: &dyn Fn(Serial) -> bool| {
                each(&|serial| {
                    fence(SeqCst);
                    find(serial)
                })
            };
            let ours = |serial| self.find(serial).is_some();
            let theirs = |serial| map.get(&serial).copied().is_some();
            let batches = || {
                let batches = queries.chunks(BATCH);
                let answers =
                    batches.flat_map(|it| self.authority.revocations(self.issuer, it).unwrap());
                answers.filter(|answer| answer.revocation.is_some()).count()
            };
            let [ours, theirs, batched, late, later] = medians(
                queries.len(),
                [
                    &|| queries.iter().filter(|it| ours(**it)).count(),
                    &|| queries.iter().filter(|it| theirs(**it)).count(),
                    &batches,
                    &|| alone(&ours),
                    &|| alone(&theirs),
                ],
            );
            println!(
                "| {:>8} | {hits:>2} % | {ours:>5.1} | {theirs:>5.1} | {:>4.2} | {batched:>5.1} | \
                 {late:>5.1} | {later:>5.1} | {miss:>5.1} | {:>4.2} |",
                self.count,
                ours / theirs,
                late / miss,
            );
            let among = format!("{} revoked, {hits} % hits", target::grouped(self.count));
            let print = |job: &str, limit: &str, figure: f64, wanted: &str| {
                target::print(&format!("{job}, {among}"), limit, figure, wanted);
            };
            let (one, waits) = ("a look-up", "a look-up that waits for the last");
            let many = format!("a look-up, one of {BATCH} by one call");
            print(one, "hashbrown with foldhash", ours / theirs, "1");
            if hits == 1 {
                print(&many, "the same one by one", batched / ours, "");
            }
            // Nanoseconds say something of one machine only.
            match (self.count, hits) {
                (..10_000, 0 | 1) => print(one, "ns", ours, "15"),
                (..10_000_000, 0 | 1) => {
                    print(one, "ns", ours, "25");
                    print(waits, "ns", late, "75");
                }
                (10_000_000.., 0 | 1) => {
                    print(one, "ns", ours, "70");
                    print(&many, "ns", batched, "50");
                }
                _ => {}
            }
            // Less lies in the caches in good part, and a fetch from there is no limit.
            let fetch = "one fetch from as much memory";
            match (self.count, hits) {
                (10_000_000.., 0) => print(waits, fetch, late / miss, "1.3"),
                (10_000_000.., 100) => print(waits, fetch, late / miss, "2.3"),
                _ => {}
            }
        }
    }
}

/// The medians, in nanoseconds for one of `count`, of what takes turns.
fn medians<const N: usize>(count: usize, jobs: [&dyn Fn() -> usize; N]) -> [f64; N] {
    let mut times = [(); N].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        for (job, times) in jobs.iter().zip(&mut times) {
            let start = Instant::now();
            black_box(job());
            times.push(start.elapsed().as_nanos() as f64 / count as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    })
}

/// What it takes, in nanoseconds, to fetch from so many octets a place that the place before names.
fn chase(octets: u64) -> f64 {
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Line(u32);
    let count = (octets / 64) as usize;
    // Sattolo's shuffle: one cycle through all.
    let mut next: Vec<Line> = (0..count as u32).map(Line).collect();
    let mut random = 1_u64;
    for last in (1..count).rev() {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        next.swap(last, (random >> 33) as usize % last);
    }
    let steps = count.clamp(1 << 16, 1 << 20);
    let walk = || (0..steps).fold(0, |at, _| next[at].0 as usize);
    let [time] = medians(steps, [&walk]);
    time
}

fn measure(criterion: &mut Criterion, count: u64) {
    let revoked = Revoked::new(count);
    let start = Instant::now();
    let index = allocation_counter::measure(|| _ = revoked.find(serial(0)));
    let (built, held) = (start.elapsed(), index.bytes_current as f64 / count as f64);
    println!("{count}: built in {built:.2?}, {held:.1} octets an entry");
    let job = format!("an entry before a CRL is made, {} revoked", target::grouped(count));
    // What a few entries take is mostly what any index takes.
    let wanted = if count < 1_000_000 { "" } else { "52" };
    target::print(&job, "octets", held, wanted);
    let map = revoked.map();
    revoked.print(&map);
    let mut group = criterion.benchmark_group("serial_lookup");
    let queries = revoked.queries(1);
    let mut next = queries.iter().cycle();
    group.bench_function(BenchmarkId::new("revocation", count), |bencher| {
        bencher.iter(|| revoked.find(*next.next().unwrap()));
    });
    group.bench_function(BenchmarkId::new("hashbrown", count), |bencher| {
        bencher.iter(|| map.get(next.next().unwrap()));
    });
    group.finish();
}

fn serial_lookup(criterion: &mut Criterion) {
    println!(
        "| revoked | hits | revocation, ns | hashbrown | ratio | batches of {BATCH} | latency | \
         hashbrown | one fetch | in fetches |"
    );
    for count in [1_000, 1_000_000] {
        measure(criterion, count);
    }
    let more = env::var("ANNUL_BENCH_LOOKUP").ok().and_then(|count| count.parse().ok());
    if let Some(count) = more {
        measure(criterion, count);
    }
}

criterion_group!(benches, serial_lookup);
criterion_main!(benches);
