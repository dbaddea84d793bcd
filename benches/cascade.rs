//! What the fall of a CA costs: those who ask, and whoever revokes it.
//!
//! Times of a shared machine mean little. So each job and its limit take turns, and the ratio of
//! their medians is printed last. Whether a certificate fell with a CA above it is measured beside
//! whether it was revoked itself, and the revocation of a CA beside that of one certificate.
//!
//! `ANNUL_LEAVES` is how many certificates the CAs have that are revoked: 10,000 if not set.

#[path = "../tests/support/ca.rs"]
mod ca;
#[path = "support/target.rs"]
mod target;

use annul::{
    AddIssuer, Authority, IssuerId, LocalVerifier, MemoryStore, RedbStore, Registration, Revoke,
    RevokeCa, Serial, Store, Target,
};
use ca::{Ca, Template, at};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::{
    env, fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

const DEPTH: usize = 4;
const ROUNDS: usize = 11;
const REVOKED: u64 = 1000;
const END: &str = "2040-01-01T00:00:00Z";

/// The `n`-th of serial numbers of 16 octets, in no order.
fn serial(n: u64) -> Serial {
    let number = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Serial::from_unsigned(&number.to_be_bytes()).unwrap()
}

fn authority<S: Store>(store: S) -> Authority<S> {
    Authority::new(store).with_verifier(LocalVerifier)
}

/// Adds a CA with a certificate of itself.
fn add_root(authority: &Authority<impl Store>) -> Ca {
    let root = Ca::new("root");
    add_certificate(authority, &root, root.template("01"));
    root
}

fn add_certificate(authority: &Authority<impl Store>, by: &Ca, template: Template) -> IssuerId {
    let certificate = by.sign_ca(&Template { not_after: at(END), ..template });
    authority.add_issuer(&AddIssuer::new(certificate)).unwrap().issuer
}

/// Adds a CA that another certifies, and registers certificates of it.
fn add(authority: &Authority<impl Store>, parent: &Ca, number: u64, leaves: u64) -> Ca {
    let ca = Ca::new(&format!("{number}. CA"));
    let issuer = add_certificate(authority, parent, ca.template(&format!("7f{number:06x}")));
    let numbers: Vec<u64> = (0..leaves).collect();
    for numbers in numbers.chunks(10_000) {
        let of = |n: &u64| Registration::of_serial(issuer, serial(*n), at(END));
        let registrations: Vec<Registration> = numbers.iter().map(of).collect();
        assert!(authority.register_all(&registrations).iter().all(Result::is_ok));
    }
    ca
}

fn revoke(authority: &Authority<impl Store>, issuer: IssuerId, n: u64) {
    let target = Target::Serial { issuer, serial: serial(n) };
    authority.revoke(&Revoke::new(target)).unwrap();
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_nanos() as f64
}

fn took(job: impl FnOnce()) -> Duration {
    let start = Instant::now();
    job();
    start.elapsed()
}

/// A good certificate, below as many CAs as that.
fn effective(criterion: &mut Criterion) {
    let authority = authority(MemoryStore::new());
    let mut last = add_root(&authority);
    for depth in 1..DEPTH {
        last = add(&authority, &last, depth as u64, 2 * REVOKED);
    }
    let issuer = last.id();
    (0..REVOKED).for_each(|n| revoke(&authority, issuer, n));
    let good: Vec<Serial> = (REVOKED..2 * REVOKED).map(serial).collect();
    let plain = |serial| authority.revocation(issuer, serial).unwrap().revocation.is_some();
    let whole = |serial| authority.effective_revocation(issuer, serial).unwrap().is_revoked();
    let each = |ask: &dyn Fn(Serial) -> bool| {
        let asked = good.iter().cycle().take(100_000);
        assert_eq!(black_box(asked.filter(|it| ask(**it)).count()), 0);
    };
    let (mut plain_times, mut whole_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain_times.push(took(|| each(&plain)));
        whole_times.push(took(|| each(&whole)));
    }
    let (one, other) = (median(&mut plain_times), median(&mut whole_times));
    println!("a good certificate below {DEPTH} CAs: {:.2} times the plain look-up", other / one);
    let job = format!("a good certificate below {DEPTH} CAs");
    target::print(&job, "the plain look-up", other / one, "3");

    let mut group = criterion.benchmark_group("cascade");
    let mut next = good.iter().cycle().copied();
    group.bench_function("revocation", |bencher| {
        bencher.iter(|| plain(next.next().unwrap()));
    });
    group.bench_function(BenchmarkId::new("effective_revocation", DEPTH), |bencher| {
        bencher.iter(|| whole(next.next().unwrap()));
    });
    group.finish();
}

/// The revocation of CAs that have so many certificates, and of one certificate.
fn fall(_: &mut Criterion) {
    let leaves = env::var("ANNUL_LEAVES").ok().and_then(|count| count.parse().ok());
    let leaves: u64 = leaves.unwrap_or(10_000);
    // On the disk of the build and not in memory: to be on it is what a revocation costs.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cascade.redb");
    let _ = fs::remove_file(&path);
    fall_on(&authority(RedbStore::open_or_create(&path).unwrap()), "redb", leaves, "1");
    fall_on(&authority(MemoryStore::new()), "a map in memory", leaves, "");
    fs::remove_file(&path).unwrap();
}

fn fall_on(authority: &Authority<impl Store>, store: &str, leaves: u64, wanted: &str) {
    let root = add_root(authority);
    let (mut of_many, mut of_few, mut of_one) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS as u64 {
        let many = add(authority, &root, 2 * round + 1, leaves);
        let few = add(authority, &root, 2 * round + 2, 10);
        of_one.push(took(|| revoke(authority, few.id(), 1)));
        of_few.push(took(|| drop(authority.revoke_ca(&RevokeCa::new(few.id())).unwrap())));
        of_many.push(took(|| drop(authority.revoke_ca(&RevokeCa::new(many.id())).unwrap())));
    }
    let [many, few, one] = [of_many, of_few, of_one].map(|mut times| median(&mut times));
    println!(
        "{store}: a CA with {leaves} certificates: {:.2} times the revocation of one certificate, \
         {:.2} times that of a CA with 10",
        many / one,
        many / few
    );
    let job = format!("revoking a CA with {} certificates, {store}", target::grouped(leaves));
    target::print(&job, "revoking one certificate", many / one, wanted);
    target::print(&job, "revoking a CA with 10", many / few, "1");
}

criterion_group!(benches, effective, fall);
criterion_main!(benches);
