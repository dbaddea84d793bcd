//! What relying parties and CAs wait for: serial look-up and CRL generation.
//!
//! Times of a shared machine mean little, so each CRL is measured beside its limit in the same run:
//! SHA-256 over as many octets.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CrlEntry, CrlNumber, DeclaredParent,
    LocalVerifier, MemoryStore, Policy, Reason, Revoke, Serial, SigningKey, Target, TbsCertList,
    Timestamp,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use std::hint::black_box;

const CA: &str = include_str!("../src/authority/example-root.pem");
const KEY: &str = include_str!("../src/authority/example-root.key");
const COUNTS: [u64; 3] = [1_000, 10_000, 100_000];

/// The `n`-th of serial numbers that look random: 16 octets, every other with a sign octet.
fn serial(n: u64) -> Serial {
    let digest = Sha256::digest(n.to_be_bytes());
    Serial::from_unsigned(&digest[..16]).unwrap()
}

fn certificate() -> CaCertificate {
    CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap()
}

fn serial_lookup(criterion: &mut Criterion) {
    let policy = {
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        policy
    };
    let mut group = criterion.benchmark_group("serial_lookup");
    for count in &COUNTS[..2] {
        let authority = Authority::new(MemoryStore::new()).with_policy(policy.clone());
        let add = AddIssuer::new(certificate()).with_parent(DeclaredParent::Recorded);
        let issuer = authority.add_issuer(&add).unwrap().issuer;
        for n in 0..*count {
            let target = Target::Serial { issuer, serial: serial(n) };
            authority.revoke(&Revoke::new(target)).unwrap();
        }
        let asked: Vec<Serial> = (0..1024).map(|n| serial(n * 97)).collect();
        let mut next = asked.iter().cycle();
        group.bench_function(BenchmarkId::new("revocation", count), |bencher| {
            bencher.iter(|| authority.revocation(issuer, *next.next().unwrap()));
        });
    }
    group.finish();
}

fn crl_generation(criterion: &mut Criterion) {
    let ca = certificate();
    let key = SigningKey::from_pem(KEY).unwrap();
    let (this_update, next_update) = (ca.not_before(), Timestamp::MAX);
    let mut group = criterion.benchmark_group("crl_generation");
    group.sample_size(20);
    for count in COUNTS {
        let mut entries: Vec<CrlEntry> = (0..count)
            .map(|n| CrlEntry {
                serial: serial(n),
                revocation_date: this_update,
                reason: Some(Reason::Superseded),
                invalidity_date: None,
            })
            .collect();
        entries.sort_by_key(|entry| entry.serial);
        let identifier = ca.subject_key_identifier().unwrap();
        let number = CrlNumber::from_u64(1);
        let tbs = TbsCertList::new(ca.subject(), identifier, number, this_update, next_update);
        let tbs = tbs.unwrap();
        let mut der = Vec::new();
        let mut make =
            || tbs.sign(&entries, ca.public_key(), &key, &LocalVerifier, &mut der).unwrap().octets;
        group.throughput(Throughput::Bytes(make()));
        group.bench_function(BenchmarkId::new("to_memory", count), |bencher| {
            bencher.iter(&mut make);
        });
        group.bench_function(BenchmarkId::new("sha256_of_as_many_octets", count), |bencher| {
            bencher.iter(|| Sha256::digest(black_box(&der)));
        });
    }
    group.finish();
}

criterion_group!(benches, serial_lookup, crl_generation);
criterion_main!(benches);
