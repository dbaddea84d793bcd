//! Look-ups while somebody revokes, and by several threads.
//!
//! Readers take no lock. So they go on as if they were alone while a thread revokes 10,000
//! certificates a second, and two of them answer twice as much as one. Each figure is a ratio within
//! one run: the same readers with and without the other thread, in turns.
//!
//! `ANNUL_REVOKED` is how many certificates are revoked, in thousands: 1,000 if not set.

#[path = "support/target.rs"]
mod target;

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, DeclaredParent, IssuerId, MemoryStore,
    Policy, Revoke, Serial, Target,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::{
    env,
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

const CA: &str = include_str!("../src/authority/example-root.pem");
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(500);
/// So often a second, so many are revoked.
const TICKS: u32 = 1000;
const AT_ONCE: u64 = 10;

/// The `n`-th of serial numbers of 16 octets, in no order.
fn serial(n: u64) -> Serial {
    let number = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Serial::from_unsigned(&number.to_be_bytes()).unwrap()
}

struct Subject {
    authority: Authority<MemoryStore>,
    issuer: IssuerId,
    revoked: AtomicU64,
}

impl Subject {
    fn new(count: u64) -> Self {
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        let authority = Authority::new(MemoryStore::new()).with_policy(policy);
        let ca = CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap();
        let add = AddIssuer::new(ca).with_parent(DeclaredParent::Recorded);
        let issuer = authority.add_issuer(&add).unwrap().issuer;
        let subject = Self { authority, issuer, revoked: AtomicU64::new(0) };
        (0..count / 10_000).for_each(|_| subject.revoke(10_000));
        subject.authority.refresh(issuer).unwrap();
        subject
    }

    fn revoke(&self, count: u64) {
        let first = self.revoked.fetch_add(count, Relaxed);
        let target = |n| Target::Serial { issuer: self.issuer, serial: serial(n) };
        let revokes: Vec<Revoke> = (first..first + count).map(|n| Revoke::new(target(n))).collect();
        assert!(self.authority.revoke_all(&revokes).iter().all(Result::is_ok));
    }

    /// Asks until it is told to stop; answers how often.
    fn ask(&self, seed: u64, stop: &AtomicBool) -> u64 {
        let revoked = self.revoked.load(Relaxed);
        // One in a hundred is revoked.
        let query =
            |n: u64| serial(if n.is_multiple_of(100) { n % revoked } else { (1 << 40) + seed + n });
        let queries: Vec<Serial> = (0..100_000).map(query).collect();
        let mut asked = 0;
        while !stop.load(Relaxed) {
            for serial in queries.iter().cycle().skip(asked as usize % queries.len()).take(256) {
                black_box(self.authority.revocation(self.issuer, *serial).unwrap());
            }
            asked += 256;
        }
        asked
    }

    /// How often readers asked in a round, each, and the longest revocation meanwhile.
    fn round(&self, readers: u64, writes: bool) -> (f64, Duration) {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..readers)
                .map(|reader| {
                    scope.spawn({
                        let stop = &stop;
                        move || self.ask(reader << 30, stop)
                    })
                })
                .collect();
            let (start, mut longest, mut tick) = (Instant::now(), Duration::ZERO, 0);
            while start.elapsed() < ROUND {
                if writes {
                    let before = Instant::now();
                    self.revoke(AT_ONCE);
                    longest = longest.max(before.elapsed());
                }
                tick += 1;
                let next = Duration::from_secs(1) * tick / TICKS;
                thread::sleep(next.saturating_sub(start.elapsed()));
            }
            stop.store(true, Relaxed);
            let asked: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
            (asked as f64, longest)
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn readers(_: &mut Criterion) {
    let thousands = env::var("ANNUL_REVOKED").ok().and_then(|count| count.parse().ok());
    let is_tried = env::args().any(|argument| argument == "--test");
    let thousands: u64 = thousands.unwrap_or(if is_tried { 10 } else { 1000 });
    let subject = Subject::new(thousands * 1000);
    let (mut beside, mut twice, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for _ in 0..ROUNDS {
        let (alone, _) = subject.round(1, false);
        let (beside_writer, pause) = subject.round(1, true);
        let (two, _) = subject.round(2, false);
        beside.push(beside_writer / alone);
        twice.push(two / alone);
        longest = longest.max(pause);
    }
    let (beside, twice) = (median(beside), median(twice));
    let writes = u64::from(TICKS) * AT_ONCE;
    println!(
        "{thousands},000 revoked: beside a writer of {writes} a second {beside:.2} of the look-ups, two threads \
         {twice:.2} times those of one; {AT_ONCE} revocations took {longest:.2?} at most",
    );
    let job = format!("look-ups beside {} revocations a second", target::grouped(writes));
    target::print(&job, "those without", beside, "≥ 0.95");
    target::print("look-ups by two threads", "those by one", twice, "≥ 1.9");
}

criterion_group!(benches, readers);
criterion_main!(benches);
