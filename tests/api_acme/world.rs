//! An authority, ACME before it, and what is sent and answered.

use crate::ca::{Ca, Template, at, element, extension, leaf};
use annul::{
    api::{AcmeApi, AcmeIdentifier, AcmeSigner, ApiResponse, Service},
    conformance::toy::ToyClock,
    *,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

pub const OWNER: &str = "https://acme.example/account/1";
pub const STRANGER: &str = "https://acme.example/account/2";

pub struct World {
    pub authority: Arc<Authority<MemoryStore>>,
    pub acme: AcmeApi<MemoryStore>,
    pub ca: Ca,
    pub clock: ToyClock,
    pub now: Instant,
}

impl World {
    pub fn new() -> Self {
        Self::with(Policy::default(), |desk| desk, |service| service)
    }

    pub fn with(
        policy: Policy,
        desk: impl FnOnce(Desk<MemoryStore>) -> Desk<MemoryStore>,
        service: impl FnOnce(Service<MemoryStore>) -> Service<MemoryStore>,
    ) -> Self {
        let clock = ToyClock::at(at("2026-06-01T00:00:00Z"));
        let store = MemoryStore::new();
        let authority = Authority::new(store).with_clock(clock.clone()).with_policy(policy);
        let authority = Arc::new(authority);
        let ca = Ca::new("root");
        authority.add_issuer(&AddIssuer::new(ca.root())).unwrap();
        let rarely =
            Rate { calls: NonZeroU32::new(1_000_000).unwrap(), period: Duration::from_secs(1) };
        let all = Service::new(Arc::new(desk(Desk::new(authority.clone()))))
            .with_throttle(Throttle::new(rarely));
        let acme = AcmeApi::new(Arc::new(service(all)));
        Self { authority, acme, ca, clock, now: Instant::now() }
    }

    /// Registers a certificate as issued to the owner.
    pub fn issued(&self, template: &Template) -> Certificate {
        self.issued_in(template, "DV")
    }

    pub fn issued_in(&self, template: &Template, class: &str) -> Certificate {
        let certificate = self.ca.sign(template);
        let labels = Labels {
            account: Some(OWNER.to_owned()),
            class: Some(class.to_owned()),
            external_identifier: None,
        };
        let registration = Registration::of_certificate(certificate.clone()).with_labels(labels);
        self.authority.register(&registration).unwrap();
        certificate
    }

    pub fn revoke(&self, signer: &AcmeSigner, certificate: &Certificate) -> Answer {
        self.ask(signer, &json!({ "certificate": base64url(certificate.der()) }))
    }

    pub fn revoke_for(
        &self,
        signer: &AcmeSigner,
        certificate: &Certificate,
        reason: Value,
    ) -> Answer {
        let encoded = base64url(certificate.der());
        self.ask(signer, &json!({ "certificate": encoded, "reason": reason }))
    }

    pub fn ask(&self, signer: &AcmeSigner, payload: &Value) -> Answer {
        self.post(signer, payload.to_string().as_bytes())
    }

    pub fn post(&self, signer: &AcmeSigner, payload: &[u8]) -> Answer {
        answer(&self.acme.revoke(signer, payload, self.now))
    }

    pub fn status(&self, certificate: &Certificate) -> Status {
        let serial = certificate.serial().to_serial().unwrap();
        self.authority.status(self.ca.id(), serial).unwrap()
    }

    pub fn revocation(&self, certificate: &Certificate) -> Option<Revocation> {
        let serial = certificate.serial().to_serial().unwrap();
        self.authority.revocation(self.ca.id(), serial).unwrap().revocation
    }

    pub fn must_know_nothing_of(&self, certificate: &Certificate) {
        assert_eq!((self.status(certificate).record, self.revocation(certificate)), (None, None));
    }
}

/// The status, and the type of the problem without the namespace of ACME.
pub type Answer = (u16, String);

pub const OK: (u16, &str) = (200, "");
pub const UNAUTHORIZED: (u16, &str) = (403, "unauthorized");
pub const ALREADY_REVOKED: (u16, &str) = (400, "alreadyRevoked");
pub const BAD_REASON: (u16, &str) = (400, "badRevocationReason");
pub const MALFORMED: (u16, &str) = (400, "malformed");
pub const NOT_FOUND: (u16, &str) = (404, "malformed");
pub const WAITING: (u16, &str) = (403, "userActionRequired");

#[track_caller]
pub fn must(answer: Answer, expected: (u16, &str)) {
    assert_eq!((answer.0, answer.1.as_str()), expected);
}

/// Checks the form of a response.
pub fn answer(response: &ApiResponse) -> Answer {
    if response.status == 200 {
        assert!(response.body.is_empty() && response.headers.is_empty());
        return (200, String::new());
    }
    assert_eq!(response.headers[0], ("content-type", "application/problem+json".to_owned()));
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["detail", "status", "type"]);
    assert_eq!(body["status"], response.status);
    assert!(!body["detail"].as_str().unwrap().is_empty());
    let name = body["type"].as_str().unwrap().strip_prefix("urn:ietf:params:acme:error:").unwrap();
    (response.status, name.to_owned())
}

pub fn base64url(octets: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(octets)
}

pub fn account(account: &str, authorized: &[AcmeIdentifier]) -> AcmeSigner {
    AcmeSigner::Account { account: account.to_owned(), authorized: authorized.to_vec() }
}

pub fn owner() -> AcmeSigner {
    account(OWNER, &[])
}

pub fn key_of(certificate: &Certificate) -> AcmeSigner {
    AcmeSigner::CertificateKey { public_key: certificate.public_key().to_vec() }
}

pub fn dns(name: &str) -> AcmeIdentifier {
    AcmeIdentifier::Dns(name.to_owned())
}

pub fn ip(address: &str) -> AcmeIdentifier {
    AcmeIdentifier::Ip(address.parse().unwrap())
}

/// A GeneralName of a dNSName or an iPAddress.
pub fn name(identifier: &AcmeIdentifier) -> Vec<u8> {
    match identifier {
        AcmeIdentifier::Dns(name) => element(0x82, &[name.as_bytes()]),
        AcmeIdentifier::Ip(IpAddr::V4(address)) => element(0x87, &[&address.octets()]),
        AcmeIdentifier::Ip(IpAddr::V6(address)) => element(0x87, &[&address.octets()]),
        _ => panic!("another identifier"),
    }
}

pub fn subject_alt_name(names: &[Vec<u8>]) -> Vec<u8> {
    extension(17, false, &element(0x30, &[&names.concat()]))
}

pub const NO_SUBJECT: &[u8] = b"\x30\x00";

/// Without a subject, for these names.
pub fn named(serial: &str, names: &[Vec<u8>]) -> Template {
    let mut template = leaf(serial);
    template.subject = NO_SUBJECT.to_vec();
    template.extensions.push(subject_alt_name(names));
    template
}
