//! The whole way: from what a store holds to a signed CRL, and from a CA that fell to what its
//! certificates are worth.
//!
//! Times of a shared machine mean little. So each job and its limit take turns, round by round in
//! the same run; criterion shows the times of each, and the ratio, which counts, is the median of
//! the rounds' and is printed last. The limit of a CRL is SHA-256 over its octets.
//!
//! `ANNUL_REVOKED` is how many certificates are revoked, in thousands: 1,000 if not set.

#[path = "support/target.rs"]
mod target;

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CrlRequest, IssuerId, LocalVerifier, Policy,
    Reason, Revoke, Serial, SigningKey, Target,
    store::{RedbStore, RedbStoreOptions},
};
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    env, fs,
    hint::black_box,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

const CA: &str = include_str!("../src/authority/example-root.pem");
const KEY: &str = include_str!("../src/authority/example-root.key");
const TOGETHER: u64 = 1000;

/// The `n`-th of serial numbers that look random, of 16 octets.
fn serial(n: u64) -> Serial {
    let digest = Sha256::digest(n.to_be_bytes());
    Serial::from_unsigned(&digest[..16]).unwrap()
}

/// A little where this is only tried.
fn revoked() -> u64 {
    let arguments: Vec<_> = env::args().collect();
    let is = |name: &str| arguments.iter().any(|argument| argument == name);
    let thousands = match env::var("ANNUL_REVOKED") {
        Ok(thousands) => thousands.parse().unwrap(),
        // Cargo says so where this is not only tried.
        Err(_) if is("--bench") && !is("--test") => 1000,
        Err(_) => 1,
    };
    thousands * 1000
}

/// An authority over a file, and what it needs to make CRLs.
struct Subject {
    authority: Authority<Arc<RedbStore>>,
    issuer: IssuerId,
    key: SigningKey,
    /// How many are revoked.
    revoked: u64,
    der: Vec<u8>,
}

/// How long a job took, and its limit.
type Round = (Duration, Duration);

type Side = (&'static str, fn(Round) -> Duration);

const SIDES: [Side; 2] = [("took", |it| it.0), ("limit", |it| it.1)];

impl Subject {
    fn new(store: &Arc<RedbStore>) -> Self {
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        let authority =
            Authority::new(Arc::clone(store)).with_policy(policy).with_verifier(LocalVerifier);
        let ca = CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap();
        let issuer = authority.add_issuer(&AddIssuer::new(ca)).unwrap().issuer;
        let key = SigningKey::from_pem(KEY).unwrap();
        Self { authority, issuer, key, revoked: 0, der: Vec::new() }
    }

    fn revoke(&mut self, count: u64) {
        let issuer = self.issuer;
        let revokes = (self.revoked..self.revoked + count).map(|n| {
            Revoke::new(Target::Serial { issuer, serial: serial(n) })
                .with_reason(Reason::Superseded)
        });
        let revokes: Vec<_> = revokes.collect();
        for answer in self.authority.revoke_all(&revokes) {
            answer.unwrap();
        }
        self.revoked += count;
    }

    /// Makes a CRL, and hashes as many octets.
    fn crl(&mut self) -> Round {
        let request = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
        let start = Instant::now();
        self.authority.crl(self.issuer, &request, &self.key, &mut self.der).unwrap();
        let made = start.elapsed();
        let start = Instant::now();
        black_box(Sha256::digest(black_box(&self.der)));
        (made, start.elapsed())
    }
}

/// A path where there is no file, on the disk of the build and not in memory.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

/// Shows the times of a job and of its limit, and prints the ratio of the two, the answer.
fn bench(
    criterion: &mut Criterion,
    group: &str,
    job: &str,
    count: u64,
    round: &mut dyn FnMut() -> Round,
) -> Option<f64> {
    let rounds = RefCell::new(Vec::new());
    let mut group = criterion.benchmark_group(group);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(count));
    for (side, time) in SIDES {
        group.bench_function(BenchmarkId::new(format!("{job}_{side}"), count), |bencher| {
            bencher.iter_custom(|times| {
                let each = (0..times).map(|_| {
                    let round = round();
                    rounds.borrow_mut().push(round.0.as_secs_f64() / round.1.as_secs_f64());
                    time(round)
                });
                each.sum()
            });
        });
    }
    group.finish();
    let mut rounds = rounds.into_inner();
    rounds.sort_by(f64::total_cmp);
    let (first, median) = (rounds.first()?, rounds[rounds.len() / 2]);
    println!(
        "{job:30} {count:10}: {median:6.2} times its limit, {first:.2} at least, {} rounds",
        rounds.len()
    );
    Some(median)
}

fn store(criterion: &mut Criterion) {
    let count = revoked();
    let store = Arc::new(RedbStoreOptions::new().open_or_create(fresh("authority.redb")).unwrap());
    let mut subject = Subject::new(&store);
    for _ in 0..count / TOGETHER {
        subject.revoke(TOGETHER);
    }
    let print = |job: &str, ratio: Option<f64>, wanted: &str| {
        let job = format!("{job}, {} revoked", target::grouped(count));
        target::print(&job, "SHA-256 of its octets", ratio, wanted);
    };
    let ratio = bench(criterion, "store", "cold_crl", count, &mut || subject.crl());
    print("a full CRL from a redb file, without a checkpoint", ratio, "");
    subject.authority.checkpoint(subject.issuer).unwrap();
    let ratio =
        bench(criterion, "store", "cold_crl_with_a_checkpoint", count, &mut || subject.crl());
    print("a full CRL from a redb file, with a checkpoint", ratio, "2");
    subject.authority.refresh(subject.issuer).unwrap();
    let ratio = bench(criterion, "store", "crl_from_the_view", count, &mut || subject.crl());
    print("a full CRL from memory", ratio, "1.15");
    let ratio = bench(criterion, "store", "crl_after_100_revocations", count, &mut || {
        subject.revoke(100);
        subject.crl()
    });
    print("the same after 100 more revocations", ratio, "1.15");
}

criterion_group!(benches, store);
criterion_main!(benches);
