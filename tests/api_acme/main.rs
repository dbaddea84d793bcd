//! revokeCert of ACME (RFC 8555 §7.6): who may, what for, and what is answered.
#![cfg(all(feature = "api-acme", feature = "p256"))]

#[path = "../support/ca.rs"]
mod ca;
#[path = "../support/openssl.rs"]
mod openssl;
mod payload;
mod world;

use annul::{
    api::{AcmeIdentifier, AcmeSigner, Service},
    *,
};
use ca::{Ca, Template, at, common_name, element, extension, leaf};
use openssl::OpenSsl;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use world::*;

#[test]
fn the_account_that_it_was_issued_to_revokes_it_and_no_other() {
    let world = World::new();
    let certificate = world.issued(&leaf("0a"));
    must(world.revoke(&account(STRANGER, &[]), &certificate), UNAUTHORIZED);
    must(world.revoke(&account("", &[]), &certificate), UNAUTHORIZED);
    assert_eq!(world.revocation(&certificate), None);
    must(world.revoke(&owner(), &certificate), OK);
    assert_eq!(world.revocation(&certificate).unwrap().reason, None);
    assert_eq!(world.status(&certificate).record.unwrap().origin, Origin::Registered);
    // Nor does one without an account belong to whoever has none.
    let unlabelled = world.ca.issue("0b");
    world.authority.register(&Registration::of_certificate(unlabelled.clone())).unwrap();
    must(world.revoke(&account("", &[]), &unlabelled), UNAUTHORIZED);
    must(world.revoke(&owner(), &unlabelled), UNAUTHORIZED);
}

#[test]
fn an_account_authorized_for_every_name_revokes_it_and_for_fewer_does_not() {
    let (a, b, wild) = (dns("a.example.org"), dns("b.example.org"), dns("*.example.org"));
    let (v4, v6) = (ip("192.0.2.1"), ip("2001:db8::1"));
    let cases: &[(&[&AcmeIdentifier], &[&AcmeIdentifier], bool)] = &[
        (&[&a], &[&a], true),
        (&[&a], &[&b, &a], true),
        (&[&a, &b], &[&b, &a], true),
        (&[&a, &b], &[&a], false),
        (&[&a, &b], &[&b], false),
        (&[&a, &b], &[], false),
        (&[&a], &[&dns("A.Example.ORG")], true),
        (&[&dns("A.EXAMPLE.org")], &[&a], true),
        (&[&a], &[&dns("a.example.org.")], false),
        (&[&a], &[&dns("example.org")], false),
        (&[&a], &[&dns("xa.example.org")], false),
        (&[&a], &[&wild], false),
        (&[&wild], &[&wild], true),
        (&[&wild], &[&a, &dns("example.org")], false),
        (&[&dns("example.org")], &[&wild], false),
        (&[&v4], &[&v4], true),
        (&[&v6], &[&v6], true),
        (&[&v4, &v6, &a], &[&a, &v6, &v4], true),
        (&[&v4, &a], &[&a], false),
        (&[&v4], &[&ip("192.0.2.2")], false),
        (&[&v4], &[&ip("::ffff:192.0.2.1")], false),
        (&[&v4], &[&dns("192.0.2.1")], false),
        (&[&dns("192.0.2.1")], &[&v4], false),
    ];
    let world = World::new();
    for (number, (names, authorized, may)) in cases.iter().enumerate() {
        let names: Vec<_> = names.iter().map(|it| name(it)).collect();
        let certificate = world.ca.sign(&named(&format!("{:02x}", number + 16), &names));
        let authorized: Vec<_> = authorized.iter().map(|&it| it.clone()).collect();
        let (status, _) = world.revoke(&account(STRANGER, &authorized), &certificate);
        assert_eq!(status, if *may { 200 } else { 403 }, "{number}");
        if *may {
            assert!(world.revocation(&certificate).is_some());
            assert_eq!(world.status(&certificate).record.unwrap().origin, Origin::Discovered);
        } else {
            world.must_know_nothing_of(&certificate);
        }
    }
}

#[test]
fn other_names_and_no_names_are_nothing_to_be_authorized_for() {
    let world = World::new();
    let all = [dns("a.example.org"), dns("device"), dns("mail@example.org"), ip("192.0.2.1")];
    let stranger = account(STRANGER, &all);
    let a = name(&all[0]);
    let others: [&[u8]; 7] = [
        b"\x81\x10mail@example.org",
        b"\x86\x0furi:example.org",
        b"\xa4\x02\x30\x00",
        b"\x88\x01\x2a",
        b"\x87\x05\xc0\x00\x02\x01\x00",
        b"\x87\x00",
        b"\x82\x01\xff",
    ];
    let mut refused = vec![
        named("10", &[]),
        Template { subject: common_name("a.example.org"), ..leaf("11") },
        Template { extensions: Vec::new(), ..named("12", std::slice::from_ref(&a)) },
        Template { subject: common_name("b.example.org"), ..named("13", std::slice::from_ref(&a)) },
        Template { subject: email_address(), ..named("14", std::slice::from_ref(&a)) },
    ];
    for (number, other) in others.iter().enumerate() {
        let serial = format!("{:02x}", number + 32);
        refused.push(named(&serial, &[a.clone(), other.to_vec()]));
    }
    let mut twice = named("15", std::slice::from_ref(&a));
    twice.extensions.push(subject_alt_name(&[name(&dns("b.example.org"))]));
    refused.push(twice);
    let mut trailing = leaf("16");
    trailing.subject = NO_SUBJECT.to_vec();
    let names = [element(0x30, &[&a]), b"\x05\x00".to_vec()].concat();
    trailing.extensions.push(extension(17, false, &names));
    refused.push(trailing);
    let mut of_ca = named("17", std::slice::from_ref(&a));
    of_ca.extensions.push(ca::ca_constraints());
    refused.push(of_ca);
    for (number, template) in refused.iter().enumerate() {
        let certificate = world.ca.sign(template);
        let (status, _) = world.revoke(&stranger, &certificate);
        assert_eq!(status, 403, "{number}");
        world.must_know_nothing_of(&certificate);
    }
    // What they have in common is not why.
    let names = std::slice::from_ref(&a);
    for template in [
        named("40", names),
        Template { subject: common_name("A.example.org"), ..named("41", names) },
        Template { subject: common_name("device"), ..named("42", names) },
        Template { subject: common_name("192.0.2.1"), ..named("43", names) },
    ] {
        must(world.revoke(&stranger, &world.ca.sign(&template)), OK);
    }
}

fn email_address() -> Vec<u8> {
    let value = element(0x16, &[b"mail@example.org"]);
    let id = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";
    element(0x30, &[&element(0x31, &[&element(0x30, &[id, &value])])])
}

#[test]
fn the_key_of_the_certificate_revokes_it_and_one_that_differs_by_a_bit_does_not() {
    let world = World::new();
    let certificate = world.issued(&leaf("0a"));
    let key = certificate.public_key();
    for bit in 0..key.len() * 8 {
        let mut public_key = key.to_vec();
        public_key[bit / 8] ^= 1 << (bit % 8);
        must(world.revoke(&AcmeSigner::CertificateKey { public_key }, &certificate), UNAUTHORIZED);
    }
    for public_key in [&[][..], &key[1..], &key[..key.len() - 1], &[key, &[0]].concat()] {
        let public_key = public_key.to_vec();
        must(world.revoke(&AcmeSigner::CertificateKey { public_key }, &certificate), UNAUTHORIZED);
    }
    assert_eq!(world.revocation(&certificate), None);
    must(world.revoke_for(&key_of(&certificate), &certificate, json!(1)), OK);
    assert_eq!(world.revocation(&certificate).unwrap().reason, Some(Reason::KeyCompromise));
    // The request is the owner's, whoever asked.
    let id = CertificateId::Issued { issuer: world.ca.id(), serial: "0a".parse().unwrap() };
    let request = Desk::new(world.authority.clone()).request(id).unwrap().unwrap();
    assert_eq!(request.account, OWNER);
    assert!(request.submitted_by.starts_with("certificate-key:"));
}

#[test]
fn the_key_of_a_certificate_is_what_openssl_writes_as_public_key() {
    let Some(openssl) = OpenSsl::new() else { return };
    for key in
        ["-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-algorithm RSA", "-algorithm ED25519"]
    {
        let world = World::new();
        openssl.must(&format!("genpkey {key} -out leaf.key"));
        openssl.must("pkey -in leaf.key -pubout -outform DER -out leaf.pub");
        openssl.must("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key");
        openssl.write("san", "[san]\nsubjectAltName=DNS:a.example.org,IP:2001:db8::1\n");
        let ca =
            "req -x509 -new -key ca.key -subj /CN=openssl -days 20000 -set_serial 1 -out ca.pem";
        openssl.must(ca);
        openssl.must("req -new -key leaf.key -subj /CN=a.example.org -out leaf.csr");
        openssl.must(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 20000 -set_serial 2 \
             -extfile san -extensions san -out leaf.pem",
        );
        let issuer = Certificate::from_pem(openssl.read("ca.pem")).unwrap();
        let certificate = Certificate::from_pem(openssl.read("leaf.pem")).unwrap();
        world.authority.add_issuer(&AddIssuer::new(CaCertificate::new(issuer).unwrap())).unwrap();
        let names = [dns("a.example.org"), ip("2001:db8::1")];
        must(world.revoke(&account(STRANGER, &names[..1]), &certificate), UNAUTHORIZED);
        let signer = AcmeSigner::CertificateKey { public_key: openssl.read("leaf.pub") };
        must(world.revoke(&signer, &certificate), OK);
        must(world.revoke(&account(STRANGER, &names), &certificate), ALREADY_REVOKED);
    }
}

#[test]
fn what_is_revoked_is_so_for_whoever_may_revoke_it_and_nobody_changes_that() {
    let world = World::new();
    let certificate = world.issued(&leaf("0a"));
    must(world.revoke_for(&owner(), &certificate, json!(4)), OK);
    let revocation = world.revocation(&certificate);
    world.clock.set(at("2026-07-01T00:00:00Z"));
    must(world.revoke(&owner(), &certificate), ALREADY_REVOKED);
    must(world.revoke_for(&key_of(&certificate), &certificate, json!(1)), ALREADY_REVOKED);
    must(world.revoke(&account(STRANGER, &[]), &certificate), UNAUTHORIZED);
    assert_eq!(world.revocation(&certificate), revocation);
}

#[test]
fn what_cannot_be_revoked_leaves_no_trace() {
    let world = World::new();
    let stranger_ca = Ca::new("another");
    let foreign = stranger_ca.issue("0a");
    must(world.revoke(&key_of(&foreign), &foreign), NOT_FOUND);
    let other_key = AcmeSigner::CertificateKey { public_key: world.ca.key.public_key().to_vec() };
    must(world.revoke(&other_key, &foreign), UNAUTHORIZED);
    // Under the name of the root, and not by its key.
    let forged = Ca::with_key("root", ca::p256_key("another")).issue("0a");
    must(world.revoke(&key_of(&forged), &forged), NOT_FOUND);
    world.must_know_nothing_of(&forged);

    let root = world.ca.sign(&world.ca.template("01"));
    must(world.revoke(&key_of(&root), &root), UNAUTHORIZED);

    let expired = world.ca.sign(&Template { not_after: at("2026-05-31T00:00:00Z"), ..leaf("0c") });
    must(world.revoke(&key_of(&expired), &expired), UNAUTHORIZED);
    world.must_know_nothing_of(&expired);
}

#[test]
fn labels_say_nothing_of_another_certificate_with_the_same_serial_number() {
    let world = World::new();
    let recorded = world.issued(&leaf("0a"));
    let other = world.ca.sign(&Template { subject: common_name("other"), ..leaf("0a") });
    must(world.revoke(&owner(), &other), UNAUTHORIZED);
    must(world.revoke(&key_of(&other), &other), (500, "serverInternal"));
    assert_eq!(world.revocation(&recorded), None);
    // One that is recorded by its serial number only is this one.
    let issuer = world.ca.id();
    let labels = Labels { account: Some(OWNER.to_owned()), ..Labels::default() };
    let by_serial = Registration::of_serial(issuer, "0b".parse().unwrap(), Timestamp::MAX);
    world.authority.register(&by_serial.with_labels(labels)).unwrap();
    must(world.revoke(&owner(), &world.ca.issue("0b")), OK);
}

#[test]
fn where_the_class_waits_it_is_not_revoked_until_it_is_confirmed() {
    let confirmed = Handling::confirmed(Duration::from_secs(3600));
    let desk = |desk: Desk<MemoryStore>| desk.with_class("OV", confirmed.clone());
    let world = World::with(Policy::default(), desk, |service| service);
    let certificate = world.issued_in(&leaf("0a"), "OV");
    for _ in 0..2 {
        must(world.revoke(&owner(), &certificate), WAITING);
    }
    must(world.revoke_for(&key_of(&certificate), &certificate, json!(1)), WAITING);
    assert_eq!(world.revocation(&certificate), None);
    let id = CertificateId::Issued { issuer: world.ca.id(), serial: "0a".parse().unwrap() };
    let desk = desk(Desk::new(world.authority.clone()));
    let token = desk.renew_confirmation(id, OWNER).unwrap();
    desk.confirm(id, &token).unwrap();
    must(world.revoke(&owner(), &certificate), ALREADY_REVOKED);
}

#[test]
fn a_quota_that_is_used_up_is_nothing_to_wait_for() {
    let world = World::with(Policy::default(), Desk::with_quota, |service| service);
    let certificate = world.issued(&leaf("0a"));
    let payload = json!({ "certificate": base64url(certificate.der()) }).to_string();
    let response = world.acme.revoke(&owner(), payload.as_bytes(), world.now);
    must(answer(&response), UNAUTHORIZED);
    assert!(response.headers.iter().all(|(name, _)| *name != "retry-after"));
    assert!(String::from_utf8_lossy(&response.body).contains("no more revocations"));
    assert_eq!(world.revocation(&certificate), None);
    let desk = Desk::new(world.authority.clone());
    desk.set_purchases(OWNER, 1).unwrap();
    must(world.revoke(&owner(), &certificate), OK);
}

#[test]
fn the_eleventh_call_in_a_second_is_told_when_to_come_again() {
    let throttled = |service: Service<_>| service.with_throttle(Throttle::default());
    let world = World::with(Policy::default(), |desk| desk, throttled);
    for _ in 0..10 {
        must(world.post(&owner(), b""), MALFORMED);
    }
    let response = world.acme.revoke(&owner(), b"", world.now);
    must(answer(&response), (429, "rateLimited"));
    assert_eq!(response.headers[1], ("retry-after", "1".to_owned()));
    must(world.post(&account(STRANGER, &[]), b""), MALFORMED);
    for key in [b"one", b"two"] {
        must(world.post(&AcmeSigner::CertificateKey { public_key: key.to_vec() }, b""), MALFORMED);
    }
}

#[derive(Clone, Debug, Default)]
struct Listening(Arc<Mutex<Vec<String>>>);

impl Authorizer for Listening {
    fn allows(
        &self,
        who: &Principal,
        what: &Action,
        to: &Resource,
    ) -> Result<bool, AuthorizerError> {
        let mut heard = self.0.lock().unwrap();
        heard.push(format!("{who} {what} ({}) {to}", what.level()));
        match heard.len() {
            1 => Ok(false),
            2 => Err("no idea".into()),
            _ => Ok(true),
        }
    }
}

#[test]
fn an_authorizer_has_the_last_word() {
    let listening = Listening::default();
    let asked = |service: Service<_>| service.with_authorizer(listening.clone());
    let world = World::with(Policy::default(), |desk| desk, asked);
    let certificate = world.ca.issue("0a");
    for expected in [UNAUTHORIZED, UNAUTHORIZED] {
        must(world.revoke(&key_of(&certificate), &certificate), expected);
        world.must_know_nothing_of(&certificate);
    }
    must(world.revoke(&owner(), &certificate), UNAUTHORIZED);
    must(world.revoke(&key_of(&certificate), &certificate), OK);
    let own = world.issued(&leaf("0b"));
    must(world.revoke(&owner(), &own), OK);
    let heard = listening.0.lock().unwrap();
    assert_eq!(heard.len(), 4, "whom the certificate forbids it is not asked about");
    let certificate =
        CertificateId::Issued { issuer: world.ca.id(), serial: "0b".parse().unwrap() };
    let expected = format!("{OWNER}/account-key acme:RevokeCertificate (update) {certificate}");
    assert_eq!(heard[3], expected);
}
