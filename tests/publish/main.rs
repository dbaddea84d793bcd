//! Publishing: what goes out, what may not, and what is known of it after a crash.
//!
//! `ANNUL_HISTORIES` says how many random histories each property is held to: 10,000 in `.ci/run deep`.

#[cfg(all(feature = "redb", unix))]
#[path = "../support"]
mod support {
    pub mod directory;
    pub mod random;
}
#[path = "../support/toy.rs"]
mod toy;

#[cfg(feature = "p256")]
#[path = "../support/ca.rs"]
mod ca;

mod blind;
mod crashes;
mod deltas;
mod forks;
mod hidden;
mod histories;
mod kept;
#[cfg(all(feature = "redb", unix))]
mod killed;
mod meetings;
mod memory;
mod partitions;
mod released;
mod scheduled;

use annul::{
    AddIssuer, Authority, CertificateList, CrlPlace, CrlRequest, Distribution, Issue, IssuerId,
    MemorySink, PublishError, Registration, Released, Revoke, Scope, Serial, Sink, Store, Target,
    Timestamp,
};
use proptest::test_runner::Config;
use std::{collections::BTreeSet, env, time::Duration};
use toy::{Ca, serial};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn root() -> Ca {
    Ca::new("root")
}

fn place() -> CrlPlace {
    CrlPlace::complete(root().id(), Scope::Full)
}

fn week() -> CrlRequest {
    CrlRequest::new(7 * DAY)
}

/// Adds the root, and certificates 1 to `count`.
fn with_leaves<S: Store>(authority: &Authority<S>, count: u64) -> IssuerId {
    let root = root();
    let added = authority.add_issuer(&AddIssuer::new(root.certifies(&root, 0x7fff).ca())).unwrap();
    for number in 1..=count {
        let leaf = root.leaf(number).certificate();
        authority.register(&Registration::of_certificate(leaf)).unwrap();
    }
    added.issuer
}

fn revoke<S: Store>(authority: &Authority<S>, number: u64) {
    authority.revoke(&revocation(number)).unwrap();
}

fn revocation(number: u64) -> Revoke {
    Revoke::new(Target::Serial { issuer: root().id(), serial: serial(number) })
}

fn issue<S: Store>(
    authority: &Authority<S>,
    issue: &Issue,
    sinks: &[&dyn Sink],
) -> Result<Released, PublishError> {
    authority.issue(root().id(), issue, &root(), sinks)
}

/// Releases a complete CRL of everything into one sink.
fn release<S: Store>(authority: &Authority<S>, sink: &MemorySink) -> Released {
    issue(authority, &Issue::new(week()), &[sink]).unwrap()
}

fn shown(sink: &MemorySink, place: &CrlPlace) -> Vec<u8> {
    sink.current(place).unwrap().unwrap().der
}

/// The serial numbers that a CRL lists.
fn listed(der: &[u8]) -> BTreeSet<Serial> {
    let crl = CertificateList::from_der(der).unwrap();
    crl.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap()).collect()
}

fn serials(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<Serial> {
    numbers.into_iter().map(serial).collect()
}

fn distribute<S: Store>(authority: &Authority<S>) {
    let distribution = Distribution::new("http://crl.example").with_deltas();
    authority.set_distribution(root().id(), &distribution).unwrap();
}

/// As many random histories as the environment wants, or else so many.
fn histories(default: u32) -> Config {
    Config::with_cases(env::var("ANNUL_HISTORIES").map_or(default, |it| it.parse().unwrap()))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(by)
}
