//! Whatever comes as a certificate, taking it in ends without a panic, and what was taken in is
//! the same certificate, octet for octet.
#![no_main]

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CertificateStatus, DeclaredParent,
    LocalVerifier, MemoryStore, Registration, Revoke, Target, Timestamp,
};
use annul_fuzz::Toy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let certificates = Certificate::all_from_pem(octets).unwrap_or_default();
    assert!(certificates.len() < 2 || Certificate::from_pem(octets).is_ok());
    for certificate in certificates.into_iter().chain(Certificate::from_pem_or_der(octets)) {
        take_in(certificate);
    }
});

fn take_in(certificate: Certificate) {
    assert_eq!(Certificate::from_der(certificate.der()).as_ref(), Ok(&certificate));
    // With a key as foreign as the rest; of a self-signed certificate it is even its own.
    let _ = certificate.verify(certificate.public_key(), &LocalVerifier);

    let authority = Authority::new(MemoryStore::new())
        .with_verifier(Toy(Vec::new()))
        .with_clock(Timestamp::MIN);
    if let Ok(ca) = CaCertificate::new(certificate.clone()) {
        let external = AddIssuer::new(ca.clone()).with_parent(DeclaredParent::External);
        let added = authority.add_issuer(&external).unwrap();
        assert_eq!(added.issuer, ca.id());
        assert!(!authority.add_issuer(&external).unwrap().added, "it is there already");
    }
    let Ok(registered) = authority.register(&Registration::of_certificate(certificate.clone()))
    else {
        return;
    };
    let serial = registered.serial;
    assert_eq!(serial.as_ref(), certificate.serial());
    let target = Target::Serial { issuer: registered.issuer, serial };
    if authority.revoke(&Revoke::new(target)).is_ok() {
        let status = authority.status(registered.issuer, serial).unwrap();
        assert!(matches!(status.effective, CertificateStatus::Revoked(_)));
    }
}
