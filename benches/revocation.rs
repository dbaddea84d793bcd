//! What relying parties wait for: serial look-up.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, DeclaredParent, MemoryStore, Policy, Revoke,
    Serial, Target,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sha2::{Digest, Sha256};

const CA: &str = include_str!("../src/authority/example-root.pem");
const COUNTS: [u64; 2] = [1_000, 10_000];

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
    for count in COUNTS {
        let authority = Authority::new(MemoryStore::new()).with_policy(policy.clone());
        let add = AddIssuer::new(certificate()).with_parent(DeclaredParent::Recorded);
        let issuer = authority.add_issuer(&add).unwrap().issuer;
        for n in 0..count {
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

criterion_group!(benches, serial_lookup);
criterion_main!(benches);
