//! Bad input: each has an error that says what is wrong, and leaves nothing in the store.
#![cfg(feature = "p256")]

#[path = "support/ca.rs"]
mod ca;

use annul::{
    AddIssuer, Authority, CaCertificate, CannotSign, Certificate, CertificateError, CrlError,
    CrlRequest, Error, Evidence, IssuerError, MemoryStore, PemError, Reason, Refusal, Registration,
    ReserveSerial, Revoke, RevokeCa, Serial, SerialError, Store, Target, Timestamp, TimestampError,
    store::{Space, Table},
};
use ca::{Ca, KEY_CERT_SIGN, Template, at, ca_constraints, key_usage, leaf};
use std::{ops::ControlFlow, slice::from_ref, time::Duration};

const DAY: CrlRequest = CrlRequest::new(Duration::from_secs(24 * 60 * 60));

/// A root with one certificate, 0a, that is registered.
struct World {
    ca: Ca,
    authority: Authority<MemoryStore>,
}

impl World {
    fn new() -> Self {
        Self::with(|ca| ca.template("01"))
    }

    fn with(template: impl FnOnce(&Ca) -> Template) -> Self {
        let ca = Ca::new("CA");
        let authority = Authority::new(MemoryStore::new()).with_clock(at("2026-06-01T12:00:00Z"));
        authority.add_issuer(&AddIssuer::new(ca.sign_ca(&template(&ca)))).unwrap();
        authority.register(&Registration::of_certificate(ca.issue("0a"))).unwrap();
        Self { ca, authority }
    }

    /// Runs something that must fail, and checks that the store holds what it held before.
    fn fails<T: std::fmt::Debug>(
        &self,
        command: impl FnOnce(&Authority<MemoryStore>) -> Result<T, Error>,
    ) -> Error {
        let before = dump(self.authority.store());
        let error = command(&self.authority).unwrap_err();
        assert!(dump(self.authority.store()) == before, "{error}: the store changed");
        error
    }

    /// All doors that a certificate can come in by.
    fn refuses(&self, certificate: &Certificate) -> Vec<Error> {
        let registration = Registration::of_certificate(certificate.clone());
        vec![
            self.fails(|authority| authority.register(&registration)),
            self.fails(|authority| authority.register_all(from_ref(&registration)).remove(0)),
            self.fails(|authority| authority.record_discovered(&registration)),
            self.fails(|authority| authority.revoke(&Revoke::new(certificate.clone()))),
        ]
    }
}

type Records = Vec<(Space, Vec<u8>, Vec<u8>)>;

fn dump(store: &MemoryStore) -> Records {
    let tables = [
        Table::Issuers,
        Table::Standings,
        Table::Certificates,
        Table::CertificateDer,
        Table::CrlNumbers,
    ];
    let spaces = [Space::Heads, Space::Log, Space::Entries].into_iter();
    let snapshot = store.snapshot().unwrap();
    let mut records = Vec::new();
    for space in spaces.chain(tables.map(Space::Table)) {
        let mut visit = |key: &[u8], value: &[u8]| {
            records.push((space, key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, &mut visit).unwrap();
    }
    records
}

/// Whether an error says that a certificate, as it stands, was not made by any known CA.
fn unproven(error: &Error) -> bool {
    matches!(error, Error::Refused(Refusal::ForeignCertificate { .. }) | Error::Unverified(_))
}

#[test]
fn truncated_der_says_where_it_ends() {
    let der = Ca::new("CA").issue("0b").der().to_vec();
    for length in 0..der.len() {
        let error = Certificate::from_der(&der[..length]).unwrap_err();
        let CertificateError::Malformed(malformed) = error else { panic!("{length}: {error}") };
        assert!(malformed.offset <= length, "{malformed}");
    }
}

#[test]
fn truncated_pem_says_which_block() {
    let pem = include_str!("../src/certificate/example.pem");
    let end = pem.find("-----END").unwrap();
    for length in 0..pem.len() - 6 {
        match Certificate::from_pem(&pem[..length]).unwrap_err() {
            CertificateError::Pem(PemError::Missing { .. }) => assert!(length < 27, "{length}"),
            CertificateError::Pem(PemError::Damaged { line, .. }) => assert_eq!(line, 1),
            error => panic!("{length}: {error}"),
        }
    }
    for (at, octet) in [(end - 10, "*"), (end - 100, "-"), (40, "=")] {
        let damaged = format!("{}{octet}{}", &pem[..at], &pem[at + 1..]);
        let error = Certificate::from_pem(&damaged).unwrap_err();
        assert!(error.to_string().contains("at line 1"), "{error}");
    }
}

#[test]
fn a_certificate_with_any_octet_changed_is_refused() {
    let world = World::new();
    let der = world.ca.issue("0b").der().to_vec();
    for index in 0..der.len() {
        let mut damaged = der.clone();
        damaged[index] ^= 0x01;
        let Ok(certificate) = Certificate::from_der(&damaged) else { continue };
        let error = world.fails(|authority| {
            authority.register(&Registration::of_certificate(certificate.clone()))
        });
        assert!(unproven(&error), "{index}: {error}");
    }
}

#[test]
fn a_leaf_of_a_namesake_is_refused_at_every_door() {
    let world = World::new();
    let namesake = Ca { name: world.ca.name.clone(), ..Ca::new("namesake") };
    for error in world.refuses(&namesake.issue("0b")) {
        assert!(matches!(error.refusal(), Some(Refusal::ForeignCertificate { .. })), "{error}");
    }
    // Not even where it shares a serial number with a certificate that is known.
    for error in world.refuses(&namesake.issue("0a")) {
        assert!(matches!(error.refusal(), Some(Refusal::ForeignCertificate { .. })), "{error}");
    }
    // Who vouches for the signature still has to name an issuer of that name.
    let (issuer, certificate) = (world.ca.id(), Ca::new("other").issue("0b"));
    let vouched = Registration::new(Evidence::Vouched { issuer, certificate });
    let error = world.fails(|authority| authority.register(&vouched));
    assert!(matches!(error.refusal(), Some(Refusal::ForeignCertificate { .. })), "{error}");
}

#[test]
fn a_serial_number_that_cannot_be_revoked_is_refused_at_every_door() {
    let world = World::new();
    let too_long = [&[1], &[0; 20][..]].concat();
    for (serial, expected) in [
        (vec![0], SerialError::Zero),
        (vec![0x80], SerialError::Negative),
        (too_long, SerialError::TooLong { octets: 21 }),
    ] {
        let certificate = world.ca.sign(&Template { serial, ..leaf("01") });
        for error in world.refuses(&certificate) {
            assert!(matches!(&error, Error::Serial(found) if *found == expected), "{error}");
        }
    }
}

#[test]
fn another_certificate_with_a_known_serial_number_is_refused() {
    let world = World::new();
    let other = Template { subject: ca::common_name("another device"), ..leaf("0a") };
    for error in world.refuses(&world.ca.sign(&other)) {
        assert!(matches!(error.refusal(), Some(Refusal::SerialTaken { .. })), "{error}");
    }
    let issuer = world.ca.id();
    let reserve = ReserveSerial::new(issuer, "0a".parse().unwrap());
    world.fails(|authority| authority.reserve(&reserve));
    let other_end = Registration::of_serial(issuer, "0a".parse().unwrap(), Timestamp::MAX);
    world.fails(|authority| authority.register(&other_end));
}

#[test]
fn what_is_no_ca_is_not_added() {
    let ca = Ca::new("CA");
    let with = |extensions| Template { extensions, ..ca.template("01") };
    for (template, expected) in [
        (with(Vec::new()), IssuerError::NotCa),
        (with(vec![ca_constraints(), key_usage(0x80)]), IssuerError::KeyUsage),
        (Template { subject: vec![0x30, 0], ..ca.template("01") }, IssuerError::EmptySubject),
    ] {
        assert_eq!(CaCertificate::new(ca.sign(&template)), Err(expected));
    }
}

#[test]
fn a_ca_certificate_that_nobody_known_signed_is_not_added() {
    let world = World::new();
    let stranger = Ca::new("stranger");
    let namesake = Ca { name: world.ca.name.clone(), ..Ca::new("namesake") };
    for parent in [&stranger, &namesake] {
        let add = AddIssuer::new(parent.certify(&Ca::new("below"), "1001"));
        let error = world.fails(|authority| authority.add_issuer(&add));
        assert!(matches!(error, Error::NoParent), "{error}");
    }
    let mut damaged = stranger.root().der().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = CaCertificate::new(Certificate::from_der(&damaged).unwrap()).unwrap();
    let error = world.fails(|authority| authority.add_issuer(&AddIssuer::new(damaged.clone())));
    assert!(matches!(error, Error::NoParent), "{error}");
}

#[test]
fn a_key_that_is_not_the_issuers_signs_nothing() {
    let world = World::new();
    let mut der = Vec::new();
    let other = Ca::new("other");
    let error = world.fails(|authority| authority.crl(world.ca.id(), &DAY, &other.key, &mut der));
    assert!(matches!(error, Error::Crl(CrlError::WrongKey)), "{error}");
    assert!(der.is_empty());
}

#[test]
fn a_key_without_crl_sign_signs_nothing() {
    let world = World::with(|ca| Template {
        extensions: vec![ca_constraints(), key_usage(KEY_CERT_SIGN)],
        ..ca.template("01")
    });
    let mut der = Vec::new();
    let error =
        world.fails(|authority| authority.crl(world.ca.id(), &DAY, &world.ca.key, &mut der));
    let Error::CannotSignCrls { problem, .. } = error else { panic!("{error}") };
    assert_eq!((problem, der), (CannotSign::KeyUsage, Vec::new()));
}

#[test]
fn a_validity_that_ends_too_late_or_at_once_makes_no_crl() {
    let world = World::new();
    let validity = |days: u64| CrlRequest::new(Duration::from_secs(days * 24 * 60 * 60));
    for request in [validity(0), validity(220), validity(400), validity(u64::MAX >> 17)] {
        let mut der = Vec::new();
        let error = world
            .fails(|authority| authority.crl(world.ca.id(), &request, &world.ca.key, &mut der));
        assert!(
            matches!(
                error,
                Error::NextUpdateTooLate { .. } | Error::Crl(CrlError::NextUpdate { .. })
            ),
            "{error}"
        );
        assert!(der.is_empty());
    }
}

#[test]
fn an_issuer_that_nobody_added_is_unknown_to_every_command() {
    let world = World::new();
    let other = Ca::new("other");
    let (issuer, serial) = (other.id(), "0a".parse().unwrap());
    let vouched = Evidence::Vouched { issuer, certificate: other.issue("0b") };
    let by_serial = Registration::of_serial(issuer, serial, Timestamp::MAX);
    let target = Target::Serial { issuer, serial };
    let mut der = Vec::new();
    for error in [
        world.fails(|authority| authority.reserve(&ReserveSerial::new(issuer, serial))),
        world.fails(|authority| authority.register(&by_serial)),
        world.fails(|authority| authority.record_discovered(&by_serial)),
        world.fails(|authority| authority.register(&Registration::new(vouched))),
        world.fails(|authority| authority.revoke(&Revoke::new(target))),
        world.fails(|authority| authority.revoke_ca(&RevokeCa::new(issuer))),
        world.fails(|authority| authority.preview_revoke_ca(&RevokeCa::new(issuer))),
        world.fails(|authority| authority.crl(issuer, &DAY, &other.key, &mut der)),
        world.fails(|authority| authority.status(issuer, serial)),
        world.fails(|authority| authority.revocation(issuer, serial)),
        world.fails(|authority| authority.list_invalidated(issuer)),
    ] {
        let unknown = Some(&Refusal::UnknownIssuer { issuer });
        assert_eq!(error.refusal(), unknown, "{error}");
    }
}

#[test]
fn texts_that_mean_nothing_say_what_was_expected() {
    assert_eq!("abc".parse::<Serial>(), Err(SerialError::OddDigits { digits: 3 }));
    assert_eq!("00".parse::<Serial>(), Err(SerialError::Zero));
    let octets = 21;
    assert_eq!("01".repeat(21).parse::<Serial>(), Err(SerialError::TooLong { octets }));
    let error = "because".parse::<Reason>().unwrap_err();
    assert!(error.to_string().contains("because"), "{error}");
    let error = "tomorrow".parse::<Timestamp>().unwrap_err();
    assert!(matches!(&error, TimestampError::Text { text } if text == "tomorrow"), "{error}");
}
