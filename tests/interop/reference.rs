//! A second encoder, slow and obvious, made of the types of x509-cert: it knows nothing of ours.

use crate::{
    ca::Ca,
    kind::Kind,
    sample::{Listed, Sample},
};
use annul::{CertificateList, Only, Signer, Timestamp};
use std::time::Duration;
use x509_cert::{
    AlgorithmIdentifier, Version,
    certificate::Profile,
    crl::{RevokedCert, TbsCertList},
    der::{
        Decode, Encode,
        asn1::{GeneralizedTime, Ia5String, OctetString, Uint},
        oid::ObjectIdentifier,
    },
    ext::{
        Extension,
        pkix::{
            AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BaseCrlNumber,
            CrlNumber, CrlReason, IssuingDistributionPoint,
            crl::{FreshestCrl, dp::DistributionPoint},
            name::{DistributionPointName, GeneralName},
        },
    },
    name::Name,
    serial_number::SerialNumber,
    time::Time,
};

/// Takes serial numbers of any length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct AnySerial;

impl Profile for AnySerial {
    fn check_serial_number(_: &SerialNumber<Self>) -> x509_cert::der::Result<()> {
        Ok(())
    }
}

/// The tbsCertList is octet for octet what x509-cert makes of the same CRL. It knows no date before
/// 1970.
pub fn compare(ca: &Ca, sample: &Sample, der: &[u8]) {
    let listed = sample.listed();
    let dates = listed.iter().flat_map(|e| [Some(e.revocation_date), e.invalidity_date]);
    let dates = dates.chain([Some(sample.this_update), sample.kind.expired_since]).flatten();
    if dates.into_iter().any(|date| date.unix() < 0) {
        return;
    }
    let expected = TbsCertList::<AnySerial> {
        version: Version::V2,
        signature: AlgorithmIdentifier::from_der(ca.key.algorithm().identifier()).unwrap(),
        issuer: Name::from_der(&ca.name).unwrap(),
        this_update: time(sample.this_update),
        next_update: Some(time(sample.next_update)),
        revoked_certificates: Some(listed.iter().map(revoked).collect())
            .filter(|list: &Vec<_>| !list.is_empty()),
        crl_extensions: Some(extensions(sample)),
    };
    let crl = CertificateList::from_der(der).unwrap();
    assert!(expected.to_der().unwrap() == crl.tbs(), "{sample:?}");
}

fn generalized(date: Timestamp) -> GeneralizedTime {
    let since_1970 = Duration::from_secs(date.unix().unsigned_abs());
    GeneralizedTime::from_unix_duration(since_1970).unwrap()
}

fn time(date: Timestamp) -> Time {
    Time::from(generalized(date).to_date_time())
}

fn extension(oid: &str, critical: bool, value: &dyn Encoded) -> Extension {
    let extn_value = OctetString::new(value.der()).unwrap();
    Extension { extn_id: ObjectIdentifier::new_unwrap(oid), critical, extn_value }
}

/// Whatever can be encoded.
trait Encoded {
    fn der(&self) -> Vec<u8>;
}

impl<T: Encode> Encoded for T {
    fn der(&self) -> Vec<u8> {
        self.to_der().unwrap()
    }
}

fn revoked(entry: &Listed) -> RevokedCert<AnySerial> {
    let serial = [&[2, entry.serial.len() as u8], &entry.serial[..]].concat();
    let mut extensions = Vec::new();
    if let Some(reason) = entry.reason {
        let reason = CrlReason::from_der(&[0x0a, 1, reason.code()]).unwrap();
        extensions.push(extension("2.5.29.21", false, &reason));
    }
    if let Some(date) = entry.invalidity_date {
        extensions.push(extension("2.5.29.24", false, &generalized(date)));
    }
    RevokedCert {
        serial_number: SerialNumber::from_der(&serial).unwrap(),
        revocation_date: time(entry.revocation_date),
        crl_entry_extensions: Some(extensions).filter(|list| !list.is_empty()),
    }
}

fn uri(uri: &String) -> GeneralName {
    GeneralName::UniformResourceIdentifier(Ia5String::new(uri).unwrap())
}

fn full_name(uris: &[String]) -> Option<DistributionPointName> {
    Some(DistributionPointName::FullName(uris.iter().map(uri).collect()))
}

fn extensions(sample: &Sample) -> Vec<Extension> {
    let Kind { base, point, freshest_crl, ca_issuers, expired_since, .. } = &sample.kind;
    let key_identifier = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(&sample.key_identifier[..]).unwrap()),
        ..Default::default()
    };
    let number = |number: &annul::CrlNumber| Uint::new(number.as_octets()).unwrap();
    let mut extensions = vec![
        extension("2.5.29.35", false, &key_identifier),
        extension("2.5.29.20", false, &CrlNumber(number(&sample.number))),
    ];
    if let Some(base) = base {
        extensions.push(extension("2.5.29.27", true, &BaseCrlNumber(number(base))));
    }
    if let Some(point) = point {
        let point = IssuingDistributionPoint {
            distribution_point: full_name(point.uris()),
            only_contains_user_certs: point.only() == Some(Only::UserCertificates),
            only_contains_ca_certs: point.only() == Some(Only::CaCertificates),
            only_some_reasons: None,
            indirect_crl: false,
            only_contains_attribute_certs: false,
        };
        // Its own OID is a wrong one.
        extensions.push(extension("2.5.29.28", true, &point));
    }
    if !freshest_crl.is_empty() {
        let distribution_point = full_name(freshest_crl);
        let point = DistributionPoint { distribution_point, reasons: None, crl_issuer: None };
        extensions.push(extension("2.5.29.46", false, &FreshestCrl(vec![point])));
    }
    if !ca_issuers.is_empty() {
        let access_method = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
        let descriptions = ca_issuers.iter().map(uri);
        let descriptions = descriptions
            .map(|access_location| AccessDescription { access_method, access_location });
        let access = AuthorityInfoAccessSyntax(descriptions.collect());
        extensions.push(extension("1.3.6.1.5.5.7.1.1", false, &access));
    }
    if let Some(since) = expired_since {
        extensions.push(extension("2.5.29.60", false, &generalized(*since)));
    }
    extensions
}
