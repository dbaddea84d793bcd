//! A desk with one certificate to revoke, and requests of any shape to it.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, Desk, IssuerId, Labels, MemoryStore,
    Registration, Serial, Timestamp,
    api::{ApiRequest, Service},
};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use std::sync::Arc;

pub const ACCOUNT: &str = "111122223333";

pub struct Office {
    pub authority: Arc<Authority<MemoryStore>>,
    pub service: Arc<Service<MemoryStore>>,
    pub issuer: IssuerId,
    pub serial: Serial,
}

impl Office {
    pub fn open() -> Self {
        let authority = Arc::new(Authority::new(MemoryStore::new()));
        let root = include_bytes!("../../src/authority/example-root.pem");
        let root = CaCertificate::new(Certificate::from_pem(root).unwrap()).unwrap();
        let issuer = authority.add_issuer(&AddIssuer::new(root)).unwrap().issuer;
        let serial: Serial = "e8:cb:d2:de".parse().unwrap();
        let labels = Labels { account: Some(ACCOUNT.to_owned()), ..Labels::default() };
        let registration = Registration::of_serial(issuer, serial, Timestamp::MAX);
        authority.register(&registration.with_labels(labels)).unwrap();
        let service = Arc::new(Service::new(Arc::new(Desk::new(Arc::clone(&authority)))));
        Self { authority, service, issuer, serial }
    }

    pub fn is_revoked(&self) -> bool {
        self.authority.revocation(self.issuer, self.serial).unwrap().revocation.is_some()
    }
}

/// What may come over a connection.
#[derive(Arbitrary, Debug)]
pub struct Sent<'a> {
    pub is_post: bool,
    pub target: &'a str,
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub body: &'a [u8],
}

impl<'a> Sent<'a> {
    /// The request, with these headers before its own.
    pub fn with<T>(
        &self,
        headers: &[(&'a str, &'a [u8])],
        answer: impl FnOnce(&ApiRequest<'_>) -> T,
    ) -> T {
        let headers = [headers, &self.headers].concat();
        let method = if self.is_post { "POST" } else { "GET" };
        let target = if self.target.is_empty() { "/" } else { self.target };
        answer(&ApiRequest { method, target, headers: &headers, body: self.body })
    }
}
