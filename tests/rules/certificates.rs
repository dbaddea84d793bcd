//! Revoking a certificate: what it takes, and what it does.

use super::{
    NOW, add, authority,
    ca::{Ca, Template, at, leaf},
    crl, effective, listed, refusal, register, serials, target,
};
use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, CertificateStatus, CommandId, Error,
    Evidence, MemoryStore, Policy, Position, Reason, Refusal, Registration, ReserveSerial, Revoke,
    RevokeCa, Serial, SerialRef, Store, StoreError, Target, Timestamp,
    store::{Batch, Snapshot},
};
use std::{fmt, sync::Mutex};

#[test]
fn s2_a_revoked_certificate_is_worth_nothing_and_on_the_next_crl() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    register(&authority, &ca.issue("0a"));
    register(&authority, &ca.issue("0b"));
    assert_eq!(effective(&authority, issuer, "0a"), CertificateStatus::Good);

    authority.revoke(&Revoke::new(target(issuer, "0a"))).unwrap();
    assert!(matches!(effective(&authority, issuer, "0a"), CertificateStatus::Revoked(_)));
    assert_eq!(effective(&authority, issuer, "0b"), CertificateStatus::Good);
    for (serial, revoked) in serials(["0a", "0b"]).into_iter().zip([true, false]) {
        let answer = authority.revocation(issuer, serial).unwrap();
        assert_eq!(answer.revocation.is_some(), revoked);
    }
    assert_eq!(listed(&authority, &ca), serials(["0a"]));
}

#[test]
fn s3_only_what_this_ca_issued_can_be_revoked() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    let serial = "0a".parse().unwrap();
    let unknown = Refusal::UnknownCertificate { issuer, serial };
    assert_eq!(refusal(authority.revoke(&Revoke::new(target(issuer, "0a")))), unknown);

    // The signature proves what nobody had registered.
    let revoked = authority.revoke(&Revoke::new(ca.issue("0a"))).unwrap();
    assert!(revoked.discovered);
    assert_eq!(listed(&authority, &ca), serials(["0a"]));
}

#[test]
fn s4_a_certificate_of_another_ca_is_foreign() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    add(&authority, &ca.root());
    let namesake = Ca { name: ca.name.clone(), ..Ca::new("impostor") };
    for foreign in [Ca::new("other").issue("0a"), namesake.issue("0a")] {
        for answer in [
            refusal(authority.revoke(&Revoke::new(foreign.clone()))),
            refusal(authority.register(&Registration::of_certificate(foreign.clone()))),
            refusal(authority.record_discovered(&Registration::of_certificate(foreign.clone()))),
        ] {
            assert!(matches!(answer, Refusal::ForeignCertificate { .. }), "{answer}");
        }
    }
    assert_eq!(listed(&authority, &ca), []);
}

#[test]
fn s33_a_serial_number_is_that_of_one_issuer_only() {
    let (store, ca, other) = (MemoryStore::new(), Ca::new("CA"), Ca::new("other"));
    let authority = authority(&store, NOW);
    let issuers = [add(&authority, &ca.root()), add(&authority, &other.root())];
    register(&authority, &ca.issue("0a"));
    let answer = refusal(authority.revoke(&Revoke::new(target(issuers[1], "0a"))));
    assert!(matches!(answer, Refusal::UnknownCertificate { .. }), "{answer}");

    register(&authority, &other.issue("0a"));
    authority.revoke(&Revoke::new(target(issuers[0], "0a"))).unwrap();
    assert_eq!(effective(&authority, issuers[1], "0a"), CertificateStatus::Good);
    assert_eq!(listed(&authority, &ca), serials(["0a"]));
    assert_eq!(listed(&authority, &other), []);
}

#[test]
fn s5_only_what_is_valid_can_be_revoked() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    register(&authority, &ca.issue("0a"));
    let expired = Template { not_after: at("2026-05-31T00:00:00Z"), ..leaf("0b") };
    register(&authority, &ca.sign(&expired));
    let revoke = |serial| authority.revoke(&Revoke::new(target(issuer, serial)));

    revoke("0a").unwrap();
    assert!(matches!(refusal(revoke("0a")), Refusal::AlreadyRevoked { .. }));
    assert!(matches!(refusal(revoke("0b")), Refusal::Expired { .. }));
    assert_eq!(listed(&authority, &ca), serials(["0a"]));
}

#[test]
fn s6_a_certificate_is_revoked_through_its_last_second_and_not_after() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let not_after = at(NOW);
    let early = authority(&store, "2026-01-02T00:00:00Z");
    let issuer = add(&early, &ca.root());
    for serial in ["0a", "0b"] {
        register(&early, &ca.sign(&Template { not_after, ..leaf(serial) }));
    }
    let revoke = Revoke::new(target(issuer, "0b"));

    authority(&store, NOW).revoke(&Revoke::new(target(issuer, "0a"))).unwrap();
    let late = authority(&store, "2026-06-01T12:00:01Z");
    let now = at("2026-06-01T12:00:01Z");
    assert_eq!(refusal(late.revoke(&revoke)), Refusal::Expired { not_after, now });
    let mut policy = Policy::default();
    policy.expired_certificates = true;
    late.with_policy(policy).revoke(&revoke).unwrap();
}

#[test]
fn s20_a_revocation_is_never_taken_back() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority_now = authority(&store, NOW);
    let issuer = add(&authority_now, &ca.root());
    let certificate = ca.issue("0a");
    register(&authority_now, &certificate);
    let revoke = Revoke::new(target(issuer, "0a")).with_reason(Reason::Superseded);
    let original = authority_now.revoke(&revoke).unwrap().revocation;

    let later = authority(&store, "2026-06-02T00:00:00Z");
    let serial = "0a".parse().unwrap();
    let registration = Registration::of_certificate(certificate);
    let postponed = Amendment { date: Some(at("2026-06-02T00:00:00Z")), ..Amendment::default() };
    let current = original;
    assert_eq!(refusal(later.revoke(&revoke)), Refusal::AlreadyRevoked { original, current });
    for again in [later.register(&registration), later.record_discovered(&registration)] {
        let again = again.unwrap();
        assert!(again.revoked && !again.recorded);
    }
    refusal(later.reserve(&ReserveSerial::new(issuer, serial)));
    refusal(later.amend(&Amend::new(target(issuer, "0a"), postponed)));
    refusal(later.amend(&Amend::new(target(issuer, "0a"), Amendment::default())));
    assert_eq!(later.token(issuer).unwrap().position, Position(1));
    assert_eq!(listed(&later, &ca), serials(["0a"]));

    // Neither the certificate's end nor the issuer's fall makes it anything else.
    later.revoke_ca(&RevokeCa::new(issuer)).unwrap();
    let expired = authority(&store, "2027-01-01T00:00:00Z");
    let CertificateStatus::Revoked(history) = effective(&expired, issuer, "0a") else {
        panic!("not revoked")
    };
    assert_eq!(history.current, original);
}

#[test]
fn s40_a_self_signed_certificate_is_never_on_its_own_crl() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    add(&authority, &ca.sign_ca(&ca.template("02")));
    // A renewal that nobody added.
    let renewed = ca.sign_ca(&ca.template("03"));
    register(&authority, &ca.issue("0a"));

    let self_signed = Refusal::SelfSigned { issuer };
    let targets = [
        target(issuer, "01"),
        target(issuer, "02"),
        ca.root().into_certificate().into(),
        renewed.clone().into_certificate().into(),
    ];
    for target in targets {
        assert_eq!(refusal(authority.revoke(&Revoke::new(target))), self_signed);
    }
    let renewed = renewed.into_certificate();
    let vouched = Evidence::Vouched { issuer, certificate: renewed.clone() };
    for registration in [
        Registration::of_serial(issuer, "01".parse().unwrap(), Timestamp::MAX),
        Registration::of_certificate(ca.root().into_certificate()),
        Registration::of_certificate(renewed),
        Registration::new(vouched),
    ] {
        refusal(authority.register(&registration));
        refusal(authority.record_discovered(&registration));
    }
    refusal(authority.reserve(&ReserveSerial::new(issuer, "01".parse().unwrap())));
    assert_eq!(listed(&authority, &ca), []);

    // Distrusted, it takes along what it issued, but does not list itself.
    authority.revoke_ca(&RevokeCa::new(issuer)).unwrap();
    assert_eq!(listed(&authority, &ca), serials(["0a"]));
}

#[test]
fn s40_a_serial_number_on_the_crl_is_not_given_to_a_self_signed_certificate() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    register(&authority, &ca.issue("0a"));
    authority.revoke(&Revoke::new(target(issuer, "0a"))).unwrap();
    let renewed = ca.sign_ca(&ca.template("0a"));
    // Nor is that of a self-signed certificate given to another, which could not be revoked.
    let below = ca.certify(&Ca::new("below"), "01");
    for certificate in [renewed, below] {
        let answer = refusal(authority.add_issuer(&AddIssuer::new(certificate)));
        assert!(matches!(answer, Refusal::SerialTaken { .. }), "{answer}");
    }
}

/// A store in which somebody else is faster, once.
struct Overtaken<'a> {
    store: &'a MemoryStore,
    other: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl fmt::Debug for Overtaken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overtaken")
    }
}

impl Store for Overtaken<'_> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let other = self.other.lock().unwrap().take();
        other.into_iter().for_each(|other| other());
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

#[test]
fn s40_a_serial_number_is_not_taken_while_a_self_signed_certificate_takes_it() {
    type Command = fn(&Authority<Overtaken<'_>>, &Registration) -> Result<(), Error>;
    let commands: [Command; 3] = [
        |authority, registration| authority.register(registration).map(drop),
        |authority, registration| authority.record_discovered(registration).map(drop),
        |authority, registration| {
            let Evidence::Serial { issuer, serial, .. } = registration.evidence else { panic!() };
            authority.revoke(&Revoke::new(Target::Serial { issuer, serial })).map(drop)
        },
    ];
    for command in commands {
        let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
        let faster = authority(&store, NOW);
        let issuer = add(&faster, &ca.root());
        let renewed = ca.sign_ca(&ca.template("0a"));
        let other: Box<dyn FnOnce() + Send> = Box::new(|| {
            add(&faster, &renewed);
        });
        let overtaken = Overtaken { store: &store, other: Mutex::new(Some(other)) };
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        let slower = Authority::new(overtaken).with_clock(at(NOW)).with_policy(policy);
        let registration = Registration::of_serial(issuer, "0a".parse().unwrap(), Timestamp::MAX);
        refusal(command(&slower, &registration));
        assert_eq!(listed(&authority(&store, NOW), &ca), []);
    }
}

#[test]
fn s71_a_repeat_is_told_the_original_and_a_repeated_command_its_own_answer() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let first = authority(&store, NOW);
    let issuer = add(&first, &ca.root());
    register(&first, &ca.issue("0a"));
    let command = CommandId([7; 16]);
    let revoke = Revoke::new(target(issuer, "0a")).with_command(command);
    let done = first.revoke(&revoke).unwrap();

    let later = authority(&store, "2026-06-02T00:00:00Z");
    let repeated = later.revoke(&revoke).unwrap();
    assert!(repeated.repeated && !done.repeated);
    assert_eq!((repeated.revocation, repeated.position), (done.revocation, done.position));
    for other in [
        Revoke::new(target(issuer, "0a")),
        Revoke::new(target(issuer, "0a")).with_command(CommandId([8; 16])),
        Revoke::new(ca.issue("0a")).with_reason(Reason::KeyCompromise),
    ] {
        let (original, current) = (done.revocation, done.revocation);
        assert_eq!(refusal(later.revoke(&other)), Refusal::AlreadyRevoked { original, current });
    }
}

#[test]
fn s76_a_serial_with_its_top_bit_set_keeps_its_sign_octet_on_the_crl() {
    const SAMPLE: &str = "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8";
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    let certificate = ca.issue(SAMPLE);
    assert_eq!(certificate.serial().as_octets().len(), 17);
    register(&authority, &certificate);
    authority.revoke(&Revoke::new(target(issuer, SAMPLE))).unwrap();

    let der = crl(&authority, &ca);
    let crl = CertificateList::from_der(&der).unwrap();
    assert!(crl.find(certificate.serial()).unwrap().is_some());
    let integer = b"\x02\x11\x00\xe8\xcb\xd2\xde\xdb\x12\x23\x29\xf9\x77\x06\xbc\xfe\xc9\x90\xf8";
    assert!(der.windows(integer.len()).any(|octets| octets == integer));
    let unsigned = SerialRef::from_octets(&certificate.serial().as_octets()[1..]).unwrap();
    assert!(crl.find(unsigned).unwrap().is_none());
}

#[test]
fn s76_the_certificate_and_every_text_form_name_one_target() {
    let (store, ca) = (MemoryStore::new(), Ca::new("CA"));
    let authority = authority(&store, NOW);
    let issuer = add(&authority, &ca.root());
    register(&authority, &ca.issue("e8cb"));
    authority.revoke(&Revoke::new(target(issuer, "e8:cb"))).unwrap();
    let decimal = Serial::from_decimal("59595").unwrap();
    for target in [
        target(issuer, "E8CB"),
        target(issuer, "0xe8cb"),
        target(issuer, "00:e8:cb"),
        Target::Serial { issuer, serial: decimal },
        ca.issue("e8cb").into(),
    ] {
        let answer = refusal(authority.revoke(&Revoke::new(target)));
        assert!(matches!(answer, Refusal::AlreadyRevoked { .. }), "{answer}");
    }
}
