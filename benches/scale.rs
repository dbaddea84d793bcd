//! How an authority grows: many certificates registered, many of them revoked, in one file of redb
//! and one process. It prints tables in Markdown, row by row.
//!
//! ```text
//! ANNUL_SCALE_REGISTERED=20000000 ANNUL_SCALE_REVOKED=10000000 cargo bench --bench scale
//! ```
//!
//! | variable | says | if not set |
//! |---|---|---|
//! | `ANNUL_SCALE_REGISTERED` | how many certificates are registered | 100,000; 3,000 where this is only tried |
//! | `ANNUL_SCALE_REVOKED` | how many of them are revoked | 10,000; 1,000 |
//! | `ANNUL_SCALE_CACHE` | what redb may keep of the file in memory, in MiB | 64 |
//! | `ANNUL_SCALE_PARTITION` | the most octets of the CRL of a partition | 1,000,000; 100,000 |
//! | `ANNUL_SCALE_PLACE` | the directory for the file | that of the build |
//!
//! It stops to measure at 10^5, 10^6 … registered, and at 10^3, 10^4 … revoked. Of the memory of a
//! job two columns tell what it took beyond what was at hand: what it allocated, at the peak; and
//! what became resident, at the peak, as Linux says, which is less where pages were left over from
//! a job before. The file is never read from the disk itself: the system keeps it in memory, if
//! there is enough.

#[path = "../tests/support/ca.rs"]
mod ca;
#[path = "scale/report.rs"]
mod report;
#[path = "scale/world.rs"]
mod world;

use annul::store::RedbStoreOptions;
use report::{Done, Report};
use std::{env, path::PathBuf};
use world::{Setting, World};

/// How many are revoked before the CRL is made anew.
const MORE: u64 = 100;

/// A number that the environment sets. Cargo says where this is more than a try.
fn number(name: &str, is_tried: u64, else_it_is: u64) -> u64 {
    let is = |argument: &str| env::args().any(|it| it == argument);
    match env::var(name) {
        Ok(number) => number.replace([',', '_'], "").parse().unwrap(),
        Err(_) if is("--bench") && !is("--test") => else_it_is,
        Err(_) => is_tried,
    }
}

/// The powers of ten from a first one on, and the last number.
fn steps(first: u64, last: u64) -> impl Iterator<Item = u64> {
    let powers = (0..).map(move |n| first * 10_u64.pow(n)).take_while(move |it| *it < last);
    powers.chain([last])
}

fn register(world: &mut World, report: &mut Report, last: u64) {
    let (mut before, mut seconds) = (0, 0.0);
    for count in steps(100_000, last) {
        Report::begin(&format!("{count} registered"));
        let mut took = Default::default();
        let new = count - before;
        report.job("register, certificates being made included", (count, new), 1, || {
            Done::alone(|| {
                took = world.register_until(count);
                None
            })
        });
        seconds += took.as_secs_f64();
        println!("\nThe calls took {:.2} µs each.", took.as_secs_f64() * 1e6 / new as f64);
        report.note("register, all until then", count, seconds);
        world.close();
        print_size(world, report, "octets of the file, by certificates registered", count);
        world.open(false);
        before = count;
    }
}

fn print_size(world: &World, report: &mut Report, what: &'static str, count: u64) {
    let size = world.file_size();
    println!("\nThe file has {:.1} MiB.", report::mebibytes(size));
    report.note(what, count, size as f64);
}

fn revoke(world: &mut World, report: &mut Report, (registered, last): (u64, u64)) {
    let mut seconds = 0.0;
    for count in steps(1000, last) {
        Report::begin(&format!("{count} of {registered} revoked"));
        let new = count.saturating_sub(world.revoked());
        let start = std::time::Instant::now();
        report.job("revoke", (count, new), 1, || {
            Done::alone(|| {
                world.revoke_until(count);
                None
            })
        });
        seconds += start.elapsed().as_secs_f64();
        report.note("revoke, all until then", count, seconds);
        let times = (2_000_000 / count).clamp(1, 9) as usize;
        let both = (count, count);
        let mut open = |report: &mut Report, job, check| {
            world.close();
            report.job(job, (count, registered), 1, || {
                Done::alone(|| {
                    world.open(check);
                    None
                })
            });
        };
        open(report, "open the file, all of it checked", true);
        open(report, "open the file", false);
        let crl = |world: &World| Done::alone(|| Some(world.crl()));
        let on_its_own = |report: &mut Report, job, work: &dyn Fn(&World)| {
            report.job(job, both, 1, || {
                Done::alone(|| {
                    work(world);
                    None
                })
            });
        };
        // At first, the checkpoint of a tenth may be of use.
        report.job("CRL from the store", both, times, || crl(world));
        on_its_own(report, "checkpoint", &World::checkpoint);
        report.job("CRL from a checkpoint", both, times, || crl(world));
        on_its_own(report, "index", &World::index);
        report.job("first CRL from memory", both, 1, || crl(world));
        report.job("CRL from memory", both, times, || crl(world));
        // All revoked so far, and a few more.
        world.revoke_until(world.revoked() + MORE);
        report.job("CRL again after 100 revocations", both, 1, || crl(world));
        let partitions = world.partitions();
        let times = times.min(3);
        report.job("CRLs of partitions", both, times, || world.crls_of(&partitions));
        println!("\nThere were {} partitions with what was revoked.", partitions.len());
        print_size(world, report, "octets of the file, by certificates revoked", count);
    }
}

fn main() {
    let registered = number("ANNUL_SCALE_REGISTERED", 3000, 100_000);
    let revoked = number("ANNUL_SCALE_REVOKED", 1000, 10_000).min(registered);
    let cache = number("ANNUL_SCALE_CACHE", 64, 64) as usize;
    let place = env::var_os("ANNUL_SCALE_PLACE");
    let place = place.unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let setting = Setting {
        path: PathBuf::from(place).join(format!("scale-{}.redb", std::process::id())),
        options: RedbStoreOptions::new().cache_size(cache << 20),
        partition_size: number("ANNUL_SCALE_PARTITION", 100_000, 1_000_000),
    };
    let (mut world, mut report) = (World::new(setting), Report::default());
    register(&mut world, &mut report, registered);
    // For those that are revoked before a CRL is made anew.
    let more = MORE * steps(1000, revoked).count() as u64;
    world.register_until(registered + more);
    revoke(&mut world, &mut report, (registered, revoked));
    report.print_growth();
}
