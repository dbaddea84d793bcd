//! The library alone: a serial number is registered and revoked, and the CRL says so.
//!
//! The CA is one of this crate's examples; its key is good for nothing else.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CertificateList, CertificateStatus,
    CrlRequest, Reason, RedbStore, Registration, Revoke, Serial, SigningKey, Target, Timestamp,
};
use std::{env, error::Error, fs, process, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::temp_dir().join(format!("annul-embed-{}.redb", process::id()));
    let authority = Authority::new(RedbStore::open_or_create(&file)?);

    let certificate = CaCertificate::new(Certificate::from_pem(include_str!(
        "../src/authority/example-root.pem"
    ))?)?;
    let issuer = authority.add_issuer(&AddIssuer::new(certificate))?.issuer;

    let serial: Serial = "e8:cb:d2:de:db:12:23:29".parse()?;
    let not_after: Timestamp = "2030-01-01T00:00:00Z".parse()?;
    authority.register(&Registration::of_serial(issuer, serial, not_after))?;

    let target = Target::Serial { issuer, serial };
    authority.revoke(&Revoke::new(target).with_reason(Reason::KeyCompromise))?;
    let status = authority.status(issuer, serial)?.effective;
    println!("{serial} is revoked: {}", matches!(status, CertificateStatus::Revoked(_)));

    let key = SigningKey::from_pem(include_str!("../src/authority/example-root.key"))?;
    let week = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
    let mut der = Vec::new();
    let issued = authority.crl(issuer, &week, &key, &mut der)?;
    println!("CRL {}, {} octets, until {}", issued.crl.number, der.len(), issued.crl.next_update);

    let listed = CertificateList::from_der(&der)?.find(serial.as_ref())?;
    println!("the CRL says so: {}", listed.is_some());
    Ok(fs::remove_file(file)?)
}
