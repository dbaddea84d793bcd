//! The rules of revocation desks and private CAs, one by one: each test is named by its rule.
#![cfg(feature = "p256")]

#[path = "../support/ca.rs"]
mod ca;
mod certificates;
mod issuers;
mod list;
mod reasons;
mod vocabulary;

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CertificateList, CertificateStatus,
    CrlRequest, Error, IssuerId, MemoryStore, Refusal, Registration, Serial, Target,
};
use ca::{Ca, at};
use std::time::Duration;

/// The certificates of the kit are valid in 2026.
const NOW: &str = "2026-06-01T12:00:00Z";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority at this time, over this store.
fn authority<'a>(store: &'a MemoryStore, now: &str) -> Authority<&'a MemoryStore> {
    Authority::new(store).with_clock(at(now))
}

fn add(authority: &Authority<&MemoryStore>, certificate: &CaCertificate) -> IssuerId {
    authority.add_issuer(&AddIssuer::new(certificate.clone())).unwrap().issuer
}

fn register(authority: &Authority<&MemoryStore>, certificate: &Certificate) {
    authority.register(&Registration::of_certificate(certificate.clone())).unwrap();
}

fn target(issuer: IssuerId, serial: &str) -> Target {
    Target::Serial { issuer, serial: serial.parse().unwrap() }
}

fn effective(
    authority: &Authority<&MemoryStore>,
    issuer: IssuerId,
    serial: &str,
) -> CertificateStatus {
    authority.status(issuer, serial.parse().unwrap()).unwrap().effective
}

/// Its CRL of now, good for a day, in DER.
fn crl(authority: &Authority<&MemoryStore>, ca: &Ca) -> Vec<u8> {
    let mut der = Vec::new();
    authority.crl(ca.id(), &CrlRequest::new(DAY), &ca.key, &mut der).unwrap();
    der
}

/// The serial numbers that its CRL of now lists.
fn listed(authority: &Authority<&MemoryStore>, ca: &Ca) -> Vec<Serial> {
    let der = crl(authority, ca);
    let crl = CertificateList::from_der(&der).unwrap();
    crl.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap()).collect()
}

fn serials<const N: usize>(texts: [&str; N]) -> [Serial; N] {
    texts.map(|text| text.parse().unwrap())
}

/// Why a command is refused.
fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> Refusal {
    answer.unwrap_err().refusal().unwrap().clone()
}
