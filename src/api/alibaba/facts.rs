//! What a certificate says of itself, by the names that clients know.

use super::{
    answer::Members,
    error::{AlibabaError, Kind},
};
use crate::{certificate::Certificate, time::Timestamp};
use der::{
    Decode,
    asn1::ObjectIdentifier,
    pem::{LineEnding, encode_string},
};
use serde_json::Value;
use spki::SubjectPublicKeyInfoRef;
use std::fmt::{Display, Write};
use x509_cert::name::Name;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The certificate, and whom it names.
pub(super) fn add_subject(
    members: &mut Members,
    certificate: &Certificate,
) -> Result<(), AlibabaError> {
    add(members, "Sha2", hex(&certificate.fingerprint()));
    add(members, "X509Certificate", pem(certificate.der())?);
    let key = SubjectPublicKeyInfoRef::from_der(certificate.public_key());
    match key.map(|key| key.algorithm.oid) {
        Ok(RSA) => add(members, "Algorithm", "RSA"),
        Ok(ECC) => add(members, "Algorithm", "ECC"),
        _ => {}
    }
    let Ok(name) = Name::from_der(certificate.subject()) else { return Ok(()) };
    add(members, "SubjectDN", name.to_string());
    if let Ok(Some(common_name)) = name.common_name() {
        add(members, "CommonName", common_name.value());
    }
    Ok(())
}

/// The other parts of the name of a CA.
pub(super) fn add_organization(members: &mut Members, certificate: &Certificate) {
    let Ok(name) = Name::from_der(certificate.subject()) else { return };
    let parts = [
        ("Organization", name.organization()),
        ("OrganizationUnit", name.organization_unit()),
        ("Locality", name.locality()),
        ("State", name.state_or_province()),
    ];
    for (member, part) in parts {
        if let Ok(Some(part)) = part {
            add(members, member, part.value());
        }
    }
    if let Ok(Some(country)) = name.country() {
        add(members, "CountryCode", country.as_str());
    }
}

pub(super) fn add(members: &mut Members, name: &str, value: impl Into<Value>) {
    members.insert(name.to_owned(), value.into());
}

/// A time as most answers have it: in milliseconds since 1970.
pub(super) fn milliseconds(at: Timestamp) -> i64 {
    at.unix().saturating_mul(1000)
}

/// A time as some answers have it: to the minute.
pub(super) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(.."2026-11-30T12:00".len()).map_or(text.clone(), |minute| format!("{minute}Z"))
}

pub(super) fn pem(der: &[u8]) -> Result<String, AlibabaError> {
    let pem = encode_string("CERTIFICATE", LineEnding::LF, der);
    pem.map_err(|_| Kind::InternalError.with("the certificate cannot be written"))
}

/// A serial number without colons.
pub(super) fn plain(serial: impl Display) -> String {
    serial.to_string().replace(':', "")
}

/// In hexadecimal, as certificates are looked up by.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}
