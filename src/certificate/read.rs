//! Where in the DER of a certificate its fields are.

use super::extensions::{Extension, Extensions};
use crate::{
    asn1::{
        BIT_STRING, Element, INTEGER, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, context,
        context_constructed, single,
    },
    name,
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, ops::Range};

/// The fields of a certificate; ranges are octets of its DER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    pub(super) to_be_signed: Range<usize>,
    pub(super) signature_algorithm: Range<usize>,
    pub(super) signature: Range<usize>,
    pub(super) version: u8,
    /// The content of the INTEGER, at least one octet.
    pub(super) serial: Range<usize>,
    pub(super) issuer_name: Range<usize>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) subject: Range<usize>,
    pub(super) public_key: Range<usize>,
    pub(super) public_key_bits: Range<usize>,
    pub(super) extensions: Extensions,
    pub(super) identity: [u8; 32],
}

impl Fields {
    /// ```text
    /// Certificate ::= SEQUENCE {
    ///     tbsCertificate      TBSCertificate,
    ///     signatureAlgorithm  AlgorithmIdentifier,
    ///     signatureValue      BIT STRING }
    ///
    /// TBSCertificate ::= SEQUENCE {
    ///     version         [0] EXPLICIT Version DEFAULT v1,
    ///     serialNumber        CertificateSerialNumber,
    ///     signature           AlgorithmIdentifier,
    ///     issuer              Name,
    ///     validity            SEQUENCE { notBefore Time, notAfter Time },
    ///     subject             Name,
    ///     subjectPublicKeyInfo SEQUENCE { algorithm AlgorithmIdentifier,
    ///                                     subjectPublicKey BIT STRING },
    ///     issuerUniqueID  [1] IMPLICIT UniqueIdentifier OPTIONAL,
    ///     subjectUniqueID [2] IMPLICIT UniqueIdentifier OPTIONAL,
    ///     extensions      [3] EXPLICIT Extensions OPTIONAL }
    /// ```
    pub(super) fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut outer = single(der, SEQUENCE, "Certificate")?.reader();
        let to_be_signed = outer.expect(SEQUENCE, "tbsCertificate")?;
        let signature_algorithm = algorithm(&mut outer, "signatureAlgorithm")?;
        let signature = whole_octets(&mut outer, "signatureValue")?;
        outer.finish("Certificate")?;

        let mut fields = to_be_signed.reader();
        let version = version(&mut fields)?;
        let serial = fields.expect(INTEGER, "serialNumber")?;
        if serial.content.is_empty() {
            return Err(serial.malformed("serialNumber", "an INTEGER without content"));
        }
        let signed_algorithm = algorithm(&mut fields, "signature")?;
        if signed_algorithm.octets != signature_algorithm.octets {
            // RFC 5280 §4.1.1.2: they must be the same; only this one is signed.
            let problem = "not the algorithm that signatureAlgorithm names";
            return Err(signed_algorithm.malformed("signature", problem));
        }
        let issuer_name = name::read(&mut fields, "issuer")?;
        let mut validity = fields.expect(SEQUENCE, "validity")?.reader();
        let not_before = Timestamp::from_sloppy(&validity.any("notBefore")?, "notBefore")?;
        let not_after = Timestamp::from_sloppy(&validity.any("notAfter")?, "notAfter")?;
        validity.finish("validity")?;
        let subject = name::read(&mut fields, "subject")?;
        let public_key = fields.expect(SEQUENCE, "subjectPublicKeyInfo")?;
        let mut public_key_fields = public_key.reader();
        algorithm(&mut public_key_fields, "algorithm")?;
        let public_key_bits = whole_octets(&mut public_key_fields, "subjectPublicKey")?;
        public_key_fields.finish("subjectPublicKeyInfo")?;
        fields.optional(context(1), "issuerUniqueID")?;
        fields.optional(context(2), "subjectUniqueID")?;

        let before_extensions = to_be_signed.content.len() - fields.rest().len();
        let mut identity = Sha256::new();
        identity.update(to_be_signed.content.get(..before_extensions).unwrap_or_default());
        let extensions = match fields.optional(context_constructed(3), "extensions")? {
            None => Extensions::default(),
            Some(explicit) if version < 3 => {
                let problem = "only version 3 has extensions (RFC 5280 §4.1.2.9)";
                return Err(explicit.malformed("extensions", problem));
            }
            Some(explicit) => extensions(&explicit, &mut identity)?,
        };
        fields.finish("tbsCertificate")?;

        Ok(Self {
            to_be_signed: to_be_signed.range(),
            signature_algorithm: signature_algorithm.range(),
            signature,
            version,
            serial: serial.content_range(),
            issuer_name: issuer_name.range(),
            not_before,
            not_after,
            subject: subject.range(),
            public_key: public_key.range(),
            public_key_bits,
            extensions,
            identity: identity.finalize().into(),
        })
    }
}

/// Reads the version, as people count it.
fn version(fields: &mut Reader<'_>) -> Result<u8, Malformed> {
    let Some(explicit) = fields.optional(context_constructed(0), "version")? else {
        return Ok(1);
    };
    let mut reader = explicit.reader();
    let integer = reader.expect(INTEGER, "version")?;
    reader.finish("version")?;
    match integer.content {
        [value @ 0..=2] => Ok(value + 1),
        _ => Err(integer.malformed("version", "none of v1, v2 and v3")),
    }
}

fn algorithm<'a>(reader: &mut Reader<'a>, element: &'static str) -> Result<Element<'a>, Malformed> {
    let algorithm = reader.expect(SEQUENCE, element)?;
    let mut fields = algorithm.reader();
    fields.expect(OBJECT_IDENTIFIER, element)?;
    if !fields.is_empty() {
        fields.any(element)?;
    }
    fields.finish(element)?;
    Ok(algorithm)
}

/// Reads a BIT STRING of whole octets, and says where they are.
fn whole_octets(reader: &mut Reader<'_>, element: &'static str) -> Result<Range<usize>, Malformed> {
    let bits = reader.expect(BIT_STRING, element)?;
    let range = bits.content_range();
    match bits.content {
        [0, ..] => Ok(range.start + 1..range.end),
        _ => Err(bits.malformed(element, "not a BIT STRING of whole octets")),
    }
}

/// Reads the extensions, and adds to the identity those that belong to it.
fn extensions(explicit: &Element<'_>, identity: &mut Sha256) -> Result<Extensions, Malformed> {
    let mut reader = explicit.reader();
    let mut sequence = reader.expect(SEQUENCE, "extensions")?.reader();
    reader.finish("extensions")?;
    let mut extensions = Extensions::default();
    let mut seen = BTreeSet::new();
    while !sequence.is_empty() {
        let extension = Extension::read(&mut sequence)?;
        if extension.is_understood() && !seen.insert(extension.id) {
            let problem = "a second one of this kind (RFC 5280 §4.2)";
            return Err(extension.element.malformed("extension", problem));
        }
        if !extension.is_of_certificate_transparency() {
            identity.update(extension.element.octets);
        }
        extensions.add(&extension)?;
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::sample::{Sample, element, extension, key_usage, name, public_key};

    #[test]
    fn what_is_malformed_is_named_with_its_octet() {
        let sample = Sample::default();
        let two = vec![key_usage(0x06), key_usage(0x02)];
        let bad_name = element(SEQUENCE, &[&element(SEQUENCE, &[])]);
        for (sample, element, offset, problem) in [
            (Sample { version: Some(3), ..sample.clone() }, "version", 6, "none of v1, v2 and v3"),
            (
                Sample { serial: Vec::new(), ..sample.clone() },
                "serialNumber",
                9,
                "an INTEGER without content",
            ),
            (
                Sample { issuer_name: bad_name, ..sample.clone() },
                "issuer",
                19,
                "another tag stands there",
            ),
            (
                Sample { public_key: name("key"), ..sample.clone() },
                "algorithm",
                92,
                "another tag stands there",
            ),
            (
                Sample { extensions: two, ..sample.clone() },
                "extension",
                122,
                "a second one of this kind (RFC 5280 §4.2)",
            ),
        ] {
            let malformed = Fields::read(&sample.der()).unwrap_err();
            assert_eq!(malformed, Malformed { element, offset, problem });
        }
    }

    #[test]
    fn an_extension_that_is_not_understood_may_be_there_twice() {
        let unknown = extension(&[0x2a], b"");
        let sample = Sample { extensions: vec![unknown.clone(), unknown], ..Sample::default() };
        assert!(Fields::read(&sample.der()).is_ok());
    }

    #[test]
    fn the_algorithm_that_is_signed_is_the_one_outside() {
        let mut der = Sample::default().der();
        let outside = der.len() - b"\x03\x0a\0signature".len() - 1;
        der[outside] ^= 1;
        assert_eq!(Fields::read(&der).unwrap_err().element, "signature");
    }

    #[test]
    fn a_signature_is_of_whole_octets() {
        let mut der = Sample::default().der();
        let unused_bits = der.len() - b"\0signature".len();
        der[unused_bits] = 1;
        assert_eq!(Fields::read(&der).unwrap_err().element, "signatureValue");
    }

    #[test]
    fn the_bits_of_the_public_key_are_found() {
        let der = Sample { public_key: public_key("bits"), ..Sample::default() }.der();
        assert_eq!(&der[Fields::read(&der).unwrap().public_key_bits], b"bits");
    }
}
