//! Certificates for tests: of any shape, with a signature that is none.

use super::Certificate;
use crate::{asn1, time::Timestamp};

/// What goes into a certificate; every field in DER but the obvious ones.
#[derive(Clone)]
pub(crate) struct Sample {
    /// The content of the INTEGER: 0, 1, 2; `None`: the field is absent.
    pub(crate) version: Option<u8>,
    /// The content of the INTEGER.
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer_name: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) subject: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            version: Some(2),
            serial: vec![1],
            issuer_name: name("issuer"),
            not_before: Timestamp::MIN,
            not_after: Timestamp::MAX,
            subject: name("subject"),
            public_key: public_key("key"),
            extensions: Vec::new(),
        }
    }
}

impl Sample {
    pub(crate) fn der(&self) -> Vec<u8> {
        let algorithm = element(asn1::SEQUENCE, &[&[asn1::OBJECT_IDENTIFIER, 1, 0x2a]]);
        let version = self.version.map_or_else(Vec::new, |version| {
            element(asn1::context_constructed(0), &[&[asn1::INTEGER, 1, version]])
        });
        let mut validity = Vec::new();
        self.not_before.write_time(&mut validity);
        self.not_after.write_time(&mut validity);
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            let all = element(asn1::SEQUENCE, &[&self.extensions.concat()]);
            element(asn1::context_constructed(3), &[&all])
        };
        let to_be_signed = element(
            asn1::SEQUENCE,
            &[
                &version,
                &element(asn1::INTEGER, &[&self.serial]),
                &algorithm,
                &self.issuer_name,
                &element(asn1::SEQUENCE, &[&validity]),
                &self.subject,
                &self.public_key,
                &extensions,
            ],
        );
        let signature = element(asn1::BIT_STRING, &[b"\0signature"]);
        element(asn1::SEQUENCE, &[&to_be_signed, &algorithm, &signature])
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.der()).unwrap()
    }
}

/// One element of these parts.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    asn1::write_element(&mut out, tag, &parts.concat());
    out
}

/// A Name with this commonName.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    let value = element(0x0c, &[common_name.as_bytes()]);
    let attribute = element(asn1::SEQUENCE, &[&[asn1::OBJECT_IDENTIFIER, 3, 0x55, 4, 3], &value]);
    element(asn1::SEQUENCE, &[&element(asn1::SET, &[&attribute])])
}

/// A SubjectPublicKeyInfo with these bits.
pub(crate) fn public_key(bits: &str) -> Vec<u8> {
    let algorithm = element(asn1::SEQUENCE, &[&[asn1::OBJECT_IDENTIFIER, 1, 0x2b]]);
    let bits = element(asn1::BIT_STRING, &[&[0], bits.as_bytes()]);
    element(asn1::SEQUENCE, &[&algorithm, &bits])
}

/// An extension whose object identifier has this content, not critical.
pub(crate) fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    let id = element(asn1::OBJECT_IDENTIFIER, &[id]);
    element(asn1::SEQUENCE, &[&id, &element(asn1::OCTET_STRING, &[value])])
}

/// basicConstraints with cA TRUE.
pub(crate) fn basic_constraints_ca() -> Vec<u8> {
    extension(super::extensions::BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff")
}

/// keyUsage with these bits in its first octet.
pub(crate) fn key_usage(first: u8) -> Vec<u8> {
    extension(super::extensions::KEY_USAGE, &[asn1::BIT_STRING, 2, 0, first])
}

/// subjectKeyIdentifier.
pub(crate) fn subject_key_identifier(identifier: &[u8]) -> Vec<u8> {
    let value = element(asn1::OCTET_STRING, &[identifier]);
    extension(super::extensions::SUBJECT_KEY_IDENTIFIER, &value)
}
