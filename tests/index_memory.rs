//! The memory that the index of look-ups takes.
#![cfg(feature = "p256")]

use allocation_counter::measure;
use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CrlRequest, DeclaredParent, MemoryStore,
    Policy, Reason, Revoke, Serial, SignatureAlgorithm, Target,
};
use std::time::Duration;

const CA: &str = include_str!("../src/authority/example-root.pem");
const COUNT: u32 = 100_000;
/// A page of records and a page of lines that are not full yet.
const PAGES: u64 = 4096 * (40 + 64);

/// Serial numbers of 16 octets, in no order.
fn serial(n: u32) -> Serial {
    let number = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Serial::from_unsigned(&number.to_be_bytes()).unwrap()
}

#[test]
fn what_look_ups_and_crls_need_of_a_certificate_takes_52_octets_at_most() {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let authority = Authority::new(MemoryStore::new()).with_policy(policy);
    let ca = CaCertificate::new(Certificate::from_pem(CA).unwrap()).unwrap();
    let add = AddIssuer::new(ca).with_parent(DeclaredParent::Recorded);
    let issuer = authority.add_issuer(&add).unwrap().issuer;
    for first in (0..COUNT).step_by(10_000) {
        let target = |n| Target::Serial { issuer, serial: serial(n) };
        let revoke = |n| Revoke::new(target(n)).with_reason(Reason::Superseded);
        let revokes: Vec<_> = (first..first + 10_000).map(revoke).collect();
        assert!(authority.revoke_all(&revokes).iter().all(Result::is_ok));
    }
    let index = measure(|| _ = authority.refresh(issuer).unwrap());
    let order = measure(|| {
        let request = CrlRequest::new(Duration::from_secs(86_400));
        let algorithm = SignatureAlgorithm::EcdsaWithSha256;
        let crl = authority.prepare_crl(issuer, &request, algorithm).unwrap();
        assert_eq!(crl.entries(), u64::from(COUNT));
    });
    let octets = u64::try_from(index.bytes_current + order.bytes_current).unwrap();
    assert!(octets <= 52 * u64::from(COUNT) + PAGES, "{} an entry", octets / u64::from(COUNT));
    // Making it takes little more for a while.
    assert!(index.bytes_max * 10 <= octets * 13, "{index:?}");
}
