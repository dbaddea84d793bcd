//! What callers pass in, and what they are told: serial numbers, reasons, errors.

use super::{
    NOW, add, authority,
    ca::{Ca, at, leaf},
    crl, effective, refusal, register, target,
};
use annul::{
    Authority, CertificateList, CertificateStatus, Error, MemoryStore, Reason, ReasonCode, Refusal,
    Registration, ReserveSerial, Retry, Revoke, RevokeCa, Serial, SerialError, Store, StoreError,
    Target,
    store::{Batch, Snapshot, Space},
};

#[test]
fn s43_a_serial_is_taken_as_tools_print_it() {
    // What `openssl x509` prints with -text and with -serial, of long, short and odd numbers.
    for (text, serial, octets) in [
        ("e8:cb:d2:de:db:12:23:29:f9", "E8CBD2DEDB122329F9", 10),
        ("0d:5e", "0D5E", 2),
        ("0x1000", "1000", 2),
        ("0x7", "07", 1),
    ] {
        let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
        let authority = authority(&store, NOW);
        let issuer = add(&authority, &ca.root());
        let certificate = ca.issue(serial);
        assert_eq!(certificate.serial().as_octets().len(), octets);
        register(&authority, &certificate);
        authority.revoke(&Revoke::new(target(issuer, text))).unwrap();
        let status = effective(&authority, issuer, serial);
        assert!(matches!(status, CertificateStatus::Revoked(_)), "{text}: {status:?}");
    }
}

#[test]
fn s45_there_are_eight_reasons_and_no_hold() {
    let reasons = [
        ("unspecified", None),
        ("keyCompromise", Some(1)),
        ("cACompromise", Some(2)),
        ("affiliationChanged", Some(3)),
        ("superseded", Some(4)),
        ("cessationOfOperation", Some(5)),
        ("privilegeWithdrawn", Some(9)),
        ("aACompromise", Some(10)),
    ];
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    let mut expected = Vec::new();
    for (serial, (name, code)) in (0x10..).zip(reasons) {
        let serial = Serial::from_octets(&[serial]).unwrap();
        authority.register(&Registration::of_serial(issuer, serial, leaf("0a").not_after)).unwrap();
        let revoke = Revoke::new(Target::Serial { issuer, serial });
        authority.revoke(&revoke.with_reason(name.parse().unwrap())).unwrap();
        expected.push((serial, code.map(ReasonCode::from_code)));
    }
    let der = crl(&authority, &ca);
    let entries = CertificateList::from_der(&der).unwrap().entries().map(|entry| {
        let entry = entry.unwrap();
        (entry.serial().to_serial().unwrap(), entry.reason())
    });
    assert_eq!(entries.collect::<Vec<_>>(), expected);
    for name in ["certificateHold", "removeFromCRL", "", "KEY COMPROMISE", "7"] {
        assert!(name.parse::<Reason>().is_err(), "{name}");
    }
}

/// A store that answers every write with this error.
#[derive(Debug)]
struct Failing(MemoryStore, fn() -> StoreError);

impl Store for Failing {
    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Err((self.1)())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.0.snapshot()
    }
}

#[test]
fn s46_every_error_says_what_and_whether_to_try_again() {
    let (store, ca, root) = (MemoryStore::new(), Ca::new("CA"), Ca::new("root"));
    let now = authority(&store, NOW);
    let issuer = add(&now, &ca.root());
    add(&now, &root.root());
    for serial in ["0a", "0b"] {
        register(&now, &ca.issue(serial));
    }
    let revoke = |serial: &str| Revoke::new(target(issuer, serial));
    now.revoke(&revoke("0a")).unwrap();
    now.revoke_ca(&RevokeCa::new(root.id())).unwrap();
    let reserve = ReserveSerial::new(root.id(), "0b".parse().unwrap());
    let late = authority(&store, "2027-01-01T00:00:00Z");

    let refused = [
        ("RequestAlreadyProcessed", refusal(now.revoke(&revoke("0a"))), "AlreadyRevoked"),
        ("InvalidState", refusal(now.revoke_ca(&RevokeCa::new(root.id()))), "AlreadyFallen"),
        ("InvalidState", refusal(late.revoke(&revoke("0b"))), "Expired"),
        ("InvalidState", refusal(now.reserve(&reserve)), "IssuerMayNotIssue"),
        ("ResourceNotFound", refusal(now.revoke(&revoke("0c"))), "UnknownCertificate"),
        (
            "ResourceNotFound",
            refusal(now.revoke(&Revoke::new(target(Ca::new("?").id(), "0a")))),
            "UnknownIssuer",
        ),
        (
            "ResourceNotFound",
            refusal(now.revoke(&Revoke::new(Ca::new("?").issue("0a")))),
            "ForeignCertificate",
        ),
        ("InvalidRequest", refusal(now.revoke(&revoke("01"))), "SelfSigned"),
    ];
    for (source, refusal, name) in refused {
        assert!(format!("{refusal:?}").starts_with(name), "{source}: {refusal:?}");
        assert_eq!(refusal.retry(), Retry::Never, "{source}");
    }
    assert!(matches!("".parse::<Serial>(), Err(SerialError::Empty)), "InvalidRequest");

    // Others were faster, or the store is out of order: the certificate is not to blame.
    let conflict = || StoreError::Conflict { space: Space::Heads, key: Vec::new() };
    let broken = || StoreError::Backend("the disk is gone".into());
    let answer = |error| {
        let failing = Failing(store_with(&ca), error);
        let authority = Authority::new(failing).with_clock(at(NOW));
        authority.revoke(&revoke("0a")).unwrap_err()
    };
    let error = answer(conflict);
    assert!(matches!(error, Error::Contended { .. }), "ConcurrentModification: {error}");
    assert_eq!(error.retry(), Retry::Now);
    let error = answer(broken);
    assert!(matches!(error, Error::Store(_)), "RequestFailed: {error}");
    assert!(matches!(error.retry(), Retry::After(_)));
}

/// A store that knows this root and its certificate 0a.
fn store_with(ca: &Ca) -> MemoryStore {
    let store = MemoryStore::new();
    let authority = authority(&store, NOW);
    add(&authority, &ca.root());
    register(&authority, &ca.issue("0a"));
    store
}

#[test]
fn s63_a_serial_text_of_0_to_128_characters_is_a_number_or_a_typed_error() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    for pattern in ["0", "1", "8", "f", "F", "ab:", "ab-", ":", "0x", "0x1", "g", " ", "é", "\0"] {
        for length in 0..=128 {
            let text: String = pattern.chars().cycle().take(length).collect();
            match text.parse::<Serial>() {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(serial) => {
                    assert!((1..=20).contains(&serial.as_octets().len()), "{text}");
                    let answer =
                        refusal(authority.revoke(&Revoke::new(Target::Serial { issuer, serial })));
                    let known = matches!(answer, Refusal::SelfSigned { .. });
                    let unknown = matches!(answer, Refusal::UnknownCertificate { .. });
                    assert!(known || unknown, "{text}: {answer}");
                }
            }
            let _ = Serial::from_decimal(&text);
        }
    }
    let longest = "7f".repeat(20);
    for (text, answer) in [
        ("", Err(SerialError::Empty)),
        ("00", Err(SerialError::Zero)),
        (&*"0".repeat(128), Err(SerialError::Zero)),
        (&*"f".repeat(40), Err(SerialError::TooLong { octets: 21 })),
        (&*"f".repeat(128), Err(SerialError::TooLong { octets: 65 })),
        (&*"f".repeat(127), Err(SerialError::OddDigits { digits: 127 })),
        (&*format!("{}{longest}", "0".repeat(88)), longest.parse()),
    ] {
        assert_eq!(text.parse::<Serial>(), answer, "{text}");
    }
}
