//! What a store costs: each measured beside the bare engine that writes the same octets.
//!
//! Times of a shared machine mean little, so ours and the engine's take turns, round by round in the
//! same run, and the ratio is what counts. The engine compares no versions and decides nothing; it
//! is given what the authority wrote, batch by batch, and makes each batch as durable.
//!
//! `ANNUL_REVOKED` is how many revoked entries are scanned, in thousands: 100 if not set.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, IssuerId, LocalVerifier, MemoryStore, Policy,
    RedbStore, Registration, Revoke, Serial, Store, StoreError, Target, Timestamp,
    store::{Batch, Effect, Snapshot, Space},
};
use redb::{Database, ReadableDatabase, TableDefinition};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    hint::black_box,
    io::Write,
    mem,
    ops::{ControlFlow, Range},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

type AnyAuthority = Authority<Box<dyn Store>>;

/// Something that an authority does to certificates, in rounds of so many.
struct Work {
    name: &'static str,
    task: fn(&AnyAuthority, IssuerId, Range<u64>),
    threads: u64,
    rounds: u64,
    each: u64,
    first: u64,
}

impl Work {
    fn round(&self, round: u64) -> Range<u64> {
        let start = self.first + round * self.each;
        start..start + self.each
    }

    fn run(&self, authority: &AnyAuthority, issuer: IssuerId, round: u64) {
        let Range { start, end } = self.round(round);
        thread::scope(|scope| {
            let share = self.each / self.threads;
            for first in (start..end).step_by(share as usize) {
                scope.spawn(move || (self.task)(authority, issuer, first..first + share));
            }
        });
    }
}

/// Everything that is measured; a little of it where this is only tried.
fn works(in_earnest: bool) -> [Work; 4] {
    let thousands = env::var("ANNUL_REVOKED").map_or(100, |count| count.parse().unwrap());
    let rounds = |rounds| if in_earnest { rounds } else { 1 };
    let work = |name, task, threads, rounds, each, first| Work {
        name,
        task,
        threads,
        rounds,
        each,
        first,
    };
    [
        work("register, 1,000 by one write", register, 1, rounds(20), 1000, 0),
        work("revoke, one after the other", revoke, 1, rounds(20), 10, 0),
        work("revoke, from 64 threads", revoke, 64, rounds(10), 256, 300),
        // Of these nothing was known.
        work("revoke, 1,000 by one write", revoke_together, 1, rounds(thousands), 1000, 1 << 32),
    ]
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

fn revoke_together(authority: &AnyAuthority, issuer: IssuerId, serials: Range<u64>) {
    let revokes: Vec<_> = serials.map(|n| to_revoke(issuer, n)).collect();
    for answer in authority.revoke_all(&revokes) {
        answer.unwrap();
    }
}

/// What a batch writes: each key, and the value that takes its place.
type Rows = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A store that remembers what was written.
#[derive(Debug, Default)]
struct Recorder {
    store: MemoryStore,
    written: Mutex<Vec<Rows>>,
}

impl Store for Recorder {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.store.apply(batch)?;
        let rows = batch.steps().filter_map(|step| {
            let value = match step.effect {
                Effect::Keep => return None,
                Effect::Write(version, value) => Some([&version.0.to_be_bytes(), value].concat()),
                Effect::Remove => None,
            };
            Some(([&step.space.code().to_be_bytes(), &*step.key].concat(), value))
        });
        self.written.lock().unwrap().push(rows.collect());
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// An engine without us.
trait Engine {
    /// Writes all rows, as durably as the engine can.
    fn write(&mut self, rows: &Rows);

    /// How many octets the revoked entries have; `None` where it cannot find them.
    fn scan(&self) -> Option<usize>;
}

/// Where the keys of the revoked entries are.
fn entries() -> Range<Vec<u8>> {
    let code = Space::Entries.code();
    code.to_be_bytes().to_vec()..(code + 1).to_be_bytes().to_vec()
}

impl Engine for BTreeMap<Vec<u8>, Vec<u8>> {
    fn write(&mut self, rows: &Rows) {
        for (key, value) in rows {
            match value {
                Some(value) => self.insert(key.clone(), value.clone()),
                None => self.remove(key),
            };
        }
    }

    fn scan(&self) -> Option<usize> {
        Some(self.range(entries()).map(|(key, value)| black_box(key.len() + value.len())).sum())
    }
}

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

impl Engine for Database {
    fn write(&mut self, rows: &Rows) {
        let transaction = self.begin_write().unwrap();
        let mut table = transaction.open_table(TABLE).unwrap();
        for (key, value) in rows {
            match value {
                Some(value) => table.insert(&**key, &**value).unwrap(),
                None => table.remove(&**key).unwrap(),
            };
        }
        drop(table);
        transaction.commit().unwrap();
    }

    fn scan(&self) -> Option<usize> {
        let table = self.begin_read().unwrap().open_table(TABLE).unwrap();
        let Range { start, end } = entries();
        let rows = table.range(&*start..&*end).unwrap().map(Result::unwrap);
        Some(rows.map(|(key, value)| black_box(key.value().len() + value.value().len())).sum())
    }
}

/// Appends and syncs: no engine that keeps anything can do with less.
impl Engine for File {
    fn write(&mut self, rows: &Rows) {
        let parts = rows.iter().flat_map(|(key, value)| [Some(key), value.as_ref()]).flatten();
        let octets: Vec<u8> = parts.flatten().copied().collect();
        self.write_all(&octets).unwrap();
        self.sync_data().unwrap();
    }

    fn scan(&self) -> Option<usize> {
        None
    }
}

/// A store, and the engines that it is measured by.
struct Subject {
    name: &'static str,
    store: Box<dyn Store>,
    engines: Vec<(&'static str, Box<dyn Engine>)>,
}

fn subjects() -> Vec<Subject> {
    vec![
        Subject {
            name: "memory",
            store: Box::new(MemoryStore::new()),
            engines: vec![("BTreeMap", Box::new(BTreeMap::new()))],
        },
        Subject {
            name: "redb",
            store: Box::new(RedbStore::open_or_create(fresh("ours.redb")).unwrap()),
            engines: vec![
                ("redb", Box::new(Database::create(fresh("bare.redb")).unwrap())),
                ("append and sync", Box::new(File::create(fresh("bare.octets")).unwrap())),
            ],
        },
    ]
}

/// A path where there is no file, on the disk of the build and not in memory.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("stores-{name}"));
    let _ = fs::remove_file(&path);
    path
}

fn authority(store: Box<dyn Store>) -> (AnyAuthority, IssuerId) {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let authority = Authority::new(store).with_policy(policy).with_verifier(LocalVerifier);
    let ca = Certificate::from_pem(include_str!("../src/authority/example-root.pem")).unwrap();
    let add = AddIssuer::new(CaCertificate::new(ca).unwrap());
    let issuer = authority.add_issuer(&add).unwrap().issuer;
    (authority, issuer)
}

/// By work and round, the batches that it comes to when each is written for itself.
fn record(works: &[Work]) -> Vec<Vec<Vec<Rows>>> {
    let recorder = Arc::new(Recorder::default());
    let (authority, issuer) = authority(Box::new(recorder.clone()));
    let written = || mem::take(&mut *recorder.written.lock().unwrap());
    written();
    let record = |work: &Work, round| {
        (work.task)(&authority, issuer, work.round(round));
        written()
    };
    let rounds = |work: &Work| (0..work.rounds).map(|round| record(work, round)).collect();
    works.iter().map(rounds).collect()
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// How many a second, by the median of the rounds.
fn rate(each: u64, times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    each as f64 / times[times.len() / 2].as_secs_f64()
}

fn say(subject: &str, work: &str, ours: f64, engine: &str, bare: f64) {
    let ratio = ours / bare;
    println!("{subject:8} {work:30} {ours:11.0}/s  {engine:16} {bare:11.0}/s  ratio {ratio:5.2}");
}

fn measure(subject: Subject, works: &[Work], recorded: &[Vec<Vec<Rows>>]) {
    let Subject { name, store, mut engines } = subject;
    let (authority, issuer) = authority(store);
    for (work, recorded) in works.iter().zip(recorded) {
        let mut ours = Vec::new();
        let mut bare = vec![Vec::new(); engines.len()];
        for (round, batches) in (0..).zip(recorded) {
            ours.push(time(|| work.run(&authority, issuer, round)));
            for ((_, engine), times) in engines.iter_mut().zip(&mut bare) {
                times.push(time(|| batches.iter().for_each(|rows| engine.write(rows))));
            }
        }
        let ours = rate(work.each, &mut ours);
        for ((engine, _), times) in engines.iter().zip(&mut bare) {
            say(name, work.name, ours, engine, rate(work.each, times));
        }
    }

    let mut count = 0;
    let mut scan = || {
        count = 0;
        let visit = &mut |key: &[u8], value: &[u8]| {
            black_box(key.len() + value.len());
            count += 1;
            ControlFlow::Continue(())
        };
        authority.store().snapshot().unwrap().scan(Space::Entries, &[], None, visit).unwrap();
    };
    let mut ours: Vec<_> = (0..5).map(|_| time(&mut scan)).collect();
    let ours = rate(count, &mut ours);
    for (engine, bare) in &engines {
        if bare.scan().is_some() {
            let mut times: Vec<_> = (0..5).map(|_| time(|| _ = bare.scan())).collect();
            say(name, "scan the revoked", ours, engine, rate(count, &mut times));
        }
    }
}

fn main() {
    // Cargo says so where this is not only tried.
    let works = works(env::args().any(|argument| argument == "--bench"));
    let recorded = record(&works);
    subjects().into_iter().for_each(|subject| measure(subject, &works, &recorded));
}
