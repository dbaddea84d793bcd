//! What a store costs: each measured beside the bare engine that writes the same octets.
//!
//! Times of a shared machine mean little. So ours and the engine's take turns, round by round in the
//! same run: the engine is given what the authority has just written, batch by batch, and makes
//! each batch as durable. Criterion shows the times of each; the ratio, which counts, is that of the
//! rounds and is printed last.
//!
//! `ANNUL_REVOKED` is how many revoked entries are scanned, in thousands: 1,000 if not set.
//! PostgreSQL is measured on the server that `ANNUL_POSTGRES` names.

#[cfg(feature = "postgres")]
#[path = "stores/copy.rs"]
mod copy;
#[path = "stores/engine.rs"]
mod engine;
#[cfg(feature = "postgres")]
#[path = "../tests/support/postgres.rs"]
mod place;

use self::engine::Engine;
use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, IssuerId, LocalVerifier, MemoryStore, Policy,
    Registration, Revoke, Serial, Store, StoreError, Target, Timestamp,
    store::{Batch, RedbStoreOptions, Snapshot, Space},
};
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use redb::Database;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    mem,
    ops::{ControlFlow, Range},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// How many are registered by one write, as many as the authority puts into one.
const TOGETHER: u64 = 1000;
/// How many are revoked in a round, one after the other.
const ALONE: u64 = 8;
const THREADS: u64 = 64;
/// How many are revoked in a round by all threads.
const BY_THREADS: u64 = THREADS * 16;
/// The cache of redb in octets, ours and the bare one's; it is what ours has if not told.
const CACHE: usize = 64 << 20;

/// Hands batches on, and remembers them until it is asked.
#[derive(Debug)]
struct Recorder {
    store: Box<dyn Store>,
    written: Mutex<(Vec<Batch>, Duration)>,
}

impl Recorder {
    /// What was written since, and how long it took to remember it.
    fn take(&self) -> (Vec<Batch>, Duration) {
        mem::take(&mut *self.written.lock().unwrap())
    }
}

impl Store for Recorder {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)?;
        let start = Instant::now();
        let mut written = self.written.lock().unwrap();
        written.0.push(batch.clone());
        written.1 += start.elapsed();
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

type AnyAuthority = Authority<Arc<Recorder>>;

/// How long a round took by ours and by the engine, of so many certificates.
#[derive(Clone, Copy)]
struct Round {
    count: u64,
    ours: Duration,
    bare: Duration,
}

/// A store, and the engine that it is measured by.
struct Subject {
    name: &'static str,
    authority: AnyAuthority,
    issuer: IssuerId,
    recorder: Arc<Recorder>,
    engine: Box<dyn Engine>,
    registered: u64,
    revoked: u64,
    /// How many were revoked only to be scanned.
    filled: u64,
    rounds: BTreeMap<&'static str, Vec<Round>>,
}

/// The `n`-th of serial numbers that look random, of 16 octets.
fn serial(n: u64) -> Serial {
    let digest = Sha256::digest(n.to_be_bytes());
    Serial::from_unsigned(&digest[..16]).unwrap()
}

fn to_revoke(issuer: IssuerId, n: u64) -> Revoke {
    Revoke::new(Target::Serial { issuer, serial: serial(n) })
}

fn register(authority: &AnyAuthority, issuer: IssuerId, serials: Range<u64>) {
    let of_serial = |n| Registration::of_serial(issuer, serial(n), Timestamp::MAX);
    let registrations: Vec<_> = serials.map(of_serial).collect();
    for answer in authority.register_all(&registrations) {
        answer.unwrap();
    }
}

fn revoke(authority: &AnyAuthority, issuer: IssuerId, serials: Range<u64>) {
    for n in serials {
        authority.revoke(&to_revoke(issuer, n)).unwrap();
    }
}

fn revoke_by_threads(authority: &AnyAuthority, issuer: IssuerId, serials: Range<u64>) {
    let share = BY_THREADS / THREADS;
    thread::scope(|scope| {
        for first in serials.step_by(share as usize) {
            scope.spawn(move || revoke(authority, issuer, first..first + share));
        }
    });
}

fn revoke_together(authority: &AnyAuthority, issuer: IssuerId, serials: Range<u64>) {
    let revokes: Vec<_> = serials.map(|n| to_revoke(issuer, n)).collect();
    for answer in authority.revoke_all(&revokes) {
        answer.unwrap();
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

impl Subject {
    fn new(name: &'static str, store: Box<dyn Store>, mut engine: Box<dyn Engine>) -> Self {
        let recorder = Arc::new(Recorder { store, written: Mutex::default() });
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        let authority =
            Authority::new(recorder.clone()).with_policy(policy).with_verifier(LocalVerifier);
        let ca = Certificate::from_pem(include_str!("../src/authority/example-root.pem")).unwrap();
        let add = AddIssuer::new(CaCertificate::new(ca).unwrap());
        let issuer = authority.add_issuer(&add).unwrap().issuer;
        recorder.take().0.iter().for_each(|batch| engine.write(&engine::rows(batch)));
        Self {
            name,
            authority,
            issuer,
            recorder,
            engine,
            registered: 0,
            revoked: 0,
            filled: 0,
            rounds: BTreeMap::new(),
        }
    }

    /// A round of ours, and one of the engine with what ours wrote.
    fn round(
        &mut self,
        work: &'static str,
        serials: Range<u64>,
        task: fn(&AnyAuthority, IssuerId, Range<u64>),
    ) -> Round {
        let count = serials.end - serials.start;
        let ours = time(|| task(&self.authority, self.issuer, serials));
        let (batches, remembering) = self.recorder.take();
        let batches: Vec<_> = batches.iter().map(engine::rows).collect();
        let bare = time(|| batches.iter().for_each(|rows| self.engine.write(rows)));
        self.keep(work, Round { count, ours: ours.saturating_sub(remembering), bare })
    }

    fn keep(&mut self, work: &'static str, round: Round) -> Round {
        self.rounds.entry(work).or_default().push(round);
        round
    }

    fn register(&mut self) -> Round {
        let first = self.registered;
        self.registered += TOGETHER;
        self.round(REGISTRATION, first..self.registered, register)
    }

    /// So many certificates that are registered and not revoked.
    fn registered(&mut self, count: u64) -> Range<u64> {
        let first = self.revoked;
        self.revoked += count;
        while self.registered < self.revoked {
            self.register();
        }
        first..self.revoked
    }

    fn revoke(&mut self) -> Round {
        let serials = self.registered(ALONE);
        self.round(REVOCATION, serials, revoke)
    }

    /// After some alone, so that the two are measured in turn.
    fn revoke_by_threads(&mut self) -> Round {
        self.revoke();
        let serials = self.registered(BY_THREADS);
        self.round(GROUP_COMMIT, serials, revoke_by_threads)
    }

    fn scan(&mut self) -> Round {
        let wanted = revoked_thousands() * 1000;
        while self.revoked + self.filled < wanted {
            // Of these nothing was known.
            let first = (1 << 32) + self.filled;
            let count = TOGETHER.min(wanted - self.revoked - self.filled);
            self.filled += count;
            self.round(FILLING, first..first + count, revoke_together);
        }
        let mut count = 0;
        let ours = time(|| {
            let visit = &mut |key: &[u8], value: &[u8]| {
                black_box(key.len() + value.len());
                count += 1;
                ControlFlow::Continue(())
            };
            let snapshot = self.recorder.snapshot().unwrap();
            snapshot.scan(Space::Entries, &[], None, visit).unwrap();
        });
        let bare = time(|| _ = black_box(self.engine.scan()));
        self.keep(SCAN, Round { count, ours, bare })
    }
}

const REGISTRATION: &str = "registration";
const REVOCATION: &str = "single_revocation";
const GROUP_COMMIT: &str = "group_commit";
const SCAN: &str = "scan";
const FILLING: &str = "bulk_revocation";

/// A little where this is only tried.
fn revoked_thousands() -> u64 {
    let arguments: Vec<_> = env::args().collect();
    let is = |name: &str| arguments.iter().any(|argument| argument == name);
    match env::var("ANNUL_REVOKED") {
        Ok(thousands) => thousands.parse().unwrap(),
        // Cargo says so where this is not only tried.
        Err(_) if is("--bench") && !is("--test") => 1000,
        Err(_) => 1,
    }
}

fn subjects() -> Vec<Subject> {
    let options = RedbStoreOptions::new().cache_size(CACHE);
    let ours = options.open_or_create(fresh("ours.redb")).unwrap();
    let bare = Database::builder().set_cache_size(CACHE).create(fresh("bare.redb")).unwrap();
    let memory: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let subjects = [
        Subject::new("memory", Box::new(MemoryStore::new()), Box::new(memory)),
        Subject::new("redb", Box::new(ours), Box::new(bare)),
    ];
    let subjects = subjects.into_iter();
    #[cfg(feature = "postgres")]
    let subjects = subjects.chain(place::Place::fresh().map(|place| {
        let store = Box::new(place.open());
        Subject::new("postgres", store, Box::new(copy::Copying::new(place)))
    }));
    subjects.collect()
}

/// A path where there is no file, on the disk of the build and not in memory.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("stores-{name}"));
    let _ = fs::remove_file(&path);
    path
}

fn stores(criterion: &mut Criterion) {
    let mut subjects = subjects();
    let works: [Work; 4] = [
        (REGISTRATION, Subject::register),
        (REVOCATION, Subject::revoke),
        (GROUP_COMMIT, Subject::revoke_by_threads),
        (SCAN, Subject::scan),
    ];
    for (name, work) in works {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2));
        for subject in &mut subjects {
            let count = match name {
                REGISTRATION => TOGETHER,
                REVOCATION => ALONE,
                GROUP_COMMIT => BY_THREADS,
                _ => revoked_thousands() * 1000,
            };
            group.throughput(Throughput::Elements(count));
            for (side, time) in SIDES {
                group.bench_function(BenchmarkId::new(side, subject.name), |bencher| {
                    bencher.iter_custom(|rounds| (0..rounds).map(|_| time(&work(subject))).sum());
                });
            }
        }
        group.finish();
    }
    subjects.iter().for_each(report);
}

type Work = (&'static str, fn(&mut Subject) -> Round);

type Side = (&'static str, fn(&Round) -> Duration);

const SIDES: [Side; 2] = [("ours", |round| round.ours), ("bare", |round| round.bare)];

/// Prints how many a second, and the ratios, by the median of the rounds.
fn report(subject: &Subject) {
    for (work, rounds) in &subject.rounds {
        let [ours, bare] = SIDES.map(|(_, time)| rate(rounds, time));
        let ratio = median(rounds.iter().map(|it| it.ours.as_secs_f64() / it.bare.as_secs_f64()));
        let name = subject.name;
        println!("{name:9} {work:18} {ours:11.0}/s, bare {bare:11.0}/s: {ratio:5.2} times as long");
    }
    let rate = |work| subject.rounds.get(work).map(|rounds| rate(rounds, SIDES[0].1));
    if let (Some(alone), Some(together)) = (rate(REVOCATION), rate(GROUP_COMMIT)) {
        let name = subject.name;
        println!("{name:9} revokes {:.1} times as fast from {THREADS} threads", together / alone);
    }
}

fn rate(rounds: &[Round], time: fn(&Round) -> Duration) -> f64 {
    median(rounds.iter().map(|round| round.count as f64 / time(round).as_secs_f64()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

criterion_group!(benches, stores);
criterion_main!(benches);
