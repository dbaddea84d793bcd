//! Verifiers that others wrote, and this crate, agree on what a CRL says: rustls-webpki,
//! x509-parser and the `openssl` command.
//!
//! `ANNUL_INTEROP_CASES` is how many CRLs are generated (200 if it is not set). Where
//! `ANNUL_CRL_DIR` is set, CRLs for other linters are written there, as `*.crl` in DER.
#![cfg(feature = "p256")]

#[path = "../support/ca.rs"]
mod ca;
mod judges;
mod kind;
#[path = "../support/openssl.rs"]
mod openssl;
mod paths;
#[path = "../support/random.rs"]
mod random;
mod reference;
#[path = "../support/relying.rs"]
mod relying;
mod sample;
mod written;

use annul::{
    AddIssuer, Authority, CertificateList, CrlRequest, MemoryStore, Policy, Registration,
    RevocationDetails, Revoke, Target, Timestamp,
};
use ca::Ca;
use judges::{OpenSslJudge, judge, judge_revocation};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use sample::{BOUNDARIES, Sample, around, sample};
use std::{collections::BTreeSet, env, sync::LazyLock};

/// The CA of all CRLs here.
static CA: LazyLock<Ca> = LazyLock::new(|| Ca::new("CA"));

fn cases() -> u32 {
    env::var("ANNUL_INTEROP_CASES").map_or(200, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn all_read_the_same_entries_and_a_valid_signature(sample in sample()) {
        judge(&CA, &sample, &sample.sign(&CA));
    }

    #[test]
    fn a_second_encoder_makes_the_same_octets(sample in sample()) {
        reference::compare(&CA, &sample, &sample.sign(&CA));
    }
}

#[test]
fn the_openssl_command_reads_the_same() {
    let Some(openssl) = OpenSslJudge::new(&CA) else { return };
    let mut runner = TestRunner::deterministic();
    for _ in 0..cases().div_ceil(10) {
        let sample = sample().new_tree(&mut runner).unwrap().current();
        openssl.judge(&sample, &sample.sign(&CA));
    }
}

/// How many octets the SEQUENCEs of the CRL, its tbsCertList and the list of its entries hold.
fn lengths(sample: &Sample, der: &[u8]) -> [usize; 3] {
    let content = |element: &[u8]| match element.len() {
        0..130 => element.len() - 2,
        130..259 => element.len() - 3,
        259..65_540 => element.len() - 4,
        _ => element.len() - 5,
    };
    let entries: u64 = sample.entries.iter().map(|entry| entry.encoded_length()).sum();
    let crl = CertificateList::from_der(der).unwrap();
    [content(der), content(crl.tbs()), entries as usize]
}

#[test]
fn lengths_on_both_sides_of_every_boundary_are_read() {
    let openssl = OpenSslJudge::new(&CA);
    for boundary in BOUNDARIES {
        let mut seen = BTreeSet::new();
        for sample in around(boundary) {
            let der = sample.sign(&CA);
            judge(&CA, &sample, &der);
            if let Some(openssl) = &openssl {
                openssl.judge(&sample, &der);
            }
            seen.extend(lengths(&sample, &der).into_iter().enumerate());
        }
        // No signed CRL is as short as 128 octets.
        let shortest = if boundary == 128 { 1 } else { 0 };
        for sequence in shortest..3 {
            for length in [boundary - 1, boundary] {
                assert!(seen.contains(&(sequence, length)), "{sequence} {length} {seen:?}");
            }
        }
    }
}

#[test]
fn a_revoked_leaf_is_refused_and_a_good_one_accepted() {
    for sample in [Sample::of(0), Sample::of(1), Sample::of(1000)] {
        judge_revocation(&CA, &sample, &sample.sign(&CA));
    }
}

/// What an authority lists is what was revoked, as it was revoked.
#[test]
fn the_crls_of_an_authority_say_what_it_recorded() {
    let ca = &CA;
    let openssl = OpenSslJudge::new(ca);
    for count in [0, 1, 100, 1500] {
        let sample = Sample::of(count);
        let store = MemoryStore::new();
        let mut policy = Policy::default();
        policy.early_dates = true;
        let authority = Authority::new(&store).with_clock(sample.this_update).with_policy(policy);
        let template = ca::Template {
            not_before: Timestamp::MIN,
            not_after: Timestamp::MAX,
            ..ca.template(&"7e".repeat(20))
        };
        let issuer = authority.add_issuer(&AddIssuer::new(ca.sign_ca(&template))).unwrap().issuer;
        let registrations: Vec<_> = sample
            .entries
            .iter()
            .map(|entry| Registration::of_serial(issuer, entry.serial, Timestamp::MAX))
            .collect();
        for answer in authority.register_all(&registrations) {
            answer.unwrap();
        }
        for entry in &sample.entries {
            let target = Target::Serial { issuer, serial: entry.serial };
            let revoke = Revoke::new(target).with_details(RevocationDetails {
                reason: entry.reason,
                date: Some(entry.revocation_date),
                invalidity_date: entry.invalidity_date,
            });
            authority.revoke(&revoke).unwrap();
        }
        let mut der = Vec::new();
        let validity = sample.next_update.saturating_since(sample.this_update);
        let made = authority.crl(issuer, &CrlRequest::new(validity), &ca.key, &mut der).unwrap();
        let said = Sample {
            number: made.crl.number,
            key_identifier: ca.key_identifier().to_vec(),
            ..sample
        };
        judge(ca, &said, &der);
        judge_revocation(ca, &said, &der);
        if let Some(openssl) = &openssl {
            openssl.judge(&said, &der);
        }
    }
}
