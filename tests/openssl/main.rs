//! CAs that the `openssl` command made, kept by an authority, and judged by the command.
#![cfg(feature = "p256")]

#[path = "../support/openssl.rs"]
mod command;
mod made;

use annul::{
    AddIssuer, Authority, CannotSign, CrlRequest, Error, IssuerId, MemoryStore, Policy, Reason,
    Registration, Revoke, RevokeCa, SigningKey, Timestamp,
};
use made::Made;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: CrlRequest = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));

/// An authority at a time when all that was just made is valid.
fn authority(made: &Made) -> Authority<MemoryStore> {
    Authority::new(MemoryStore::new()).with_clock(now(made))
}

fn now(made: &Made) -> Timestamp {
    made.certificate("root").not_before().saturating_add(DAY)
}

fn add(authority: &Authority<MemoryStore>, made: &Made, ca: &str) -> IssuerId {
    authority.add_issuer(&AddIssuer::new(made.ca(ca))).unwrap().issuer
}

fn register(authority: &Authority<MemoryStore>, made: &Made, leaf: &str) {
    let registration = Registration::of_certificate(made.certificate(leaf));
    assert!(authority.register(&registration).unwrap().recorded);
}

/// Makes the CRL of a CA, has its signature verified, and leaves it as `{ca}.crl`.
fn publish(authority: &Authority<MemoryStore>, made: &Made, ca: &str) {
    let key = SigningKey::from_pem(made.text(&format!("{ca}.key"))).unwrap();
    let mut der = Vec::new();
    authority.crl(made.ca(ca).id(), &WEEK, &key, &mut der).unwrap();
    made.write("crl.der", der);
    made.must_verify(&format!("-inform DER -in crl.der -CAfile {ca}.pem -out {ca}.crl"));
}

/// What `openssl verify` says of the leaf of a CA, by the CRL of that CA alone.
fn verify(made: &Made, ca: &str, leaf: &str, options: &str) -> Result<(), String> {
    let time = now(made).unix();
    let line = format!(
        "verify -attime {time} -crl_check {options} -CAfile root.pem -CRLfile {ca}.crl {leaf}.pem"
    );
    let arguments: Vec<&str> = line.split_whitespace().collect();
    made.run(&arguments).map(drop)
}

/// As strictly as it can, with the CA between at hand.
const STRICT: &str = "-x509_strict -untrusted middle.pem";

fn accepted(made: &Made, ca: &str, leaf: &str) {
    verify(made, ca, leaf, STRICT).unwrap();
}

fn refused(made: &Made, ca: &str, leaf: &str) {
    let error = verify(made, ca, leaf, STRICT).unwrap_err();
    assert!(error.contains("certificate revoked"), "{error}");
}

/// Serial numbers of leaves: of everyday length, with a top bit set, as long as can be, and both.
const LEAVES: [(&str, &str); 4] = [
    ("short", "0x0a"),
    ("high", "0xe8cbd2dedb122329f97706bcfec990f8"),
    ("long", "0x7fffffffffffffffffffffffffffffffffffffff"),
    ("both", "0x80000000000000000000000000000000000001"),
];

/// Revokes leaves of a CA, then a CA, and asks the command at each step.
fn the_command_agrees(key: &str, subject: &str, mask: &str) {
    let Some(made) = Made::new(mask) else { return };
    made.root(key, subject, "ca");
    made.middle(key);
    for (name, serial) in LEAVES {
        made.leaf(name, "root", serial);
    }
    made.leaf("good", "root", "0x0b");
    made.leaf("below", "middle", "0x0a");
    made.leaf("below-revoked", "middle", "0xff");

    let authority = authority(&made);
    let root = add(&authority, &made, "root");
    let middle = add(&authority, &made, "middle");
    assert_eq!(made.ca("root").id(), root);
    for leaf in LEAVES.map(|(name, _)| name).into_iter().chain(["good", "below", "below-revoked"]) {
        register(&authority, &made, leaf);
    }
    for ca in ["root", "middle"] {
        publish(&authority, &made, ca);
    }
    for (leaf, _) in LEAVES {
        accepted(&made, "root", leaf);
        authority.revoke(&Revoke::new(made.certificate(leaf))).unwrap();
    }
    let revoke = Revoke::new(made.certificate("below-revoked"));
    authority.revoke(&revoke.with_reason(Reason::KeyCompromise)).unwrap();
    for ca in ["root", "middle"] {
        publish(&authority, &made, ca);
    }
    for (leaf, _) in LEAVES {
        refused(&made, "root", leaf);
    }
    accepted(&made, "root", "good");
    accepted(&made, "middle", "below");
    refused(&made, "middle", "below-revoked");

    let revoke = RevokeCa::new(middle).with_reason(Reason::CessationOfOperation);
    authority.revoke_ca(&revoke).unwrap();
    for ca in ["root", "middle"] {
        publish(&authority, &made, ca);
    }
    accepted(&made, "root", "good");
    refused(&made, "root", "middle");
    refused(&made, "middle", "below");
    refused(&made, "middle", "below-revoked");
}

const P256: &str = "EC -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn p256_with_a_name_of_each_kind() {
    for (subject, mask) in [
        ("plain", "utf8only"),
        ("utf8", "utf8only"),
        ("multi_valued", "default"),
        ("teletex", "MASK:4"),
    ] {
        the_command_agrees(P256, subject, mask);
    }
}

#[cfg(feature = "p384")]
#[test]
fn p384() {
    the_command_agrees("EC -pkeyopt ec_paramgen_curve:P-384", "plain", "default");
}

#[cfg(feature = "ed25519")]
#[test]
fn ed25519() {
    the_command_agrees("ED25519", "utf8", "utf8only");
}

#[cfg(feature = "rsa")]
#[test]
fn rsa_2048() {
    the_command_agrees("RSA -pkeyopt rsa_keygen_bits:2048", "teletex", "MASK:4");
}

#[cfg(feature = "rsa")]
#[test]
fn rsa_4096() {
    the_command_agrees("RSA -pkeyopt rsa_keygen_bits:4096", "plain", "default");
}

#[test]
fn a_ca_without_key_identifier_needs_the_policy_that_derives_one() {
    let Some(made) = Made::new("default") else { return };
    made.root(P256, "plain", "ca_without_identifier");
    made.leaf("good", "root", "0x0a");
    made.leaf("revoked", "root", "0x0b");
    let key = SigningKey::from_pem(made.text("root.key")).unwrap();
    let strict = authority(&made);
    let issuer = add(&strict, &made, "root");
    let mut der = Vec::new();
    let refused = strict.crl(issuer, &WEEK, &key, &mut der);
    let problem = CannotSign::NoKeyIdentifier;
    assert!(
        matches!(&refused, Err(Error::CannotSignCrls { problem: p, .. }) if *p == problem),
        "{refused:?}"
    );
    assert!(der.is_empty());

    let mut policy = Policy::default();
    policy.derived_key_identifiers = true;
    let authority = authority(&made).with_policy(policy);
    add(&authority, &made, "root");
    register(&authority, &made, "good");
    register(&authority, &made, "revoked");
    authority.revoke(&Revoke::new(made.certificate("revoked"))).unwrap();
    publish(&authority, &made, "root");
    // A CA without the extension is not strict.
    verify(&made, "root", "good", "").unwrap();
    let error = verify(&made, "root", "revoked", "").unwrap_err();
    assert!(error.contains("certificate revoked"), "{error}");
}
