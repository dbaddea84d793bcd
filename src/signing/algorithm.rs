//! The algorithms that can be named, and their AlgorithmIdentifiers (RFC 5280 §4.1.1.2).

use crate::asn1::{self, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use der::oid::ObjectIdentifier;
use std::fmt;

/// A signature algorithm that this crate can name.
///
/// SHA-1 is not among them, on purpose: nothing should be signed with it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// `ecdsa-with-SHA256` (RFC 5758 §3.2).
    EcdsaWithSha256,
    /// `ecdsa-with-SHA384` (RFC 5758 §3.2).
    EcdsaWithSha384,
    /// `ecdsa-with-SHA512` (RFC 5758 §3.2).
    EcdsaWithSha512,
    /// `id-Ed25519` (RFC 8410 §3).
    Ed25519,
    /// `sha256WithRSAEncryption` (RFC 4055 §5).
    RsaWithSha256,
    /// `sha384WithRSAEncryption` (RFC 4055 §5).
    RsaWithSha384,
    /// `sha512WithRSAEncryption` (RFC 4055 §5).
    RsaWithSha512,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256: 32 octets.
    Sha256,
    /// SHA-384: 48 octets.
    Sha384,
    /// SHA-512: 64 octets.
    Sha512,
}

impl SignatureAlgorithm {
    pub(super) const ALL: [Self; 7] = [
        Self::EcdsaWithSha256,
        Self::EcdsaWithSha384,
        Self::EcdsaWithSha512,
        Self::Ed25519,
        Self::RsaWithSha256,
        Self::RsaWithSha384,
        Self::RsaWithSha512,
    ];

    /// The hash whose output it signs; `None` where it signs the message itself.
    pub const fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::EcdsaWithSha256 | Self::RsaWithSha256 => Some(DigestAlgorithm::Sha256),
            Self::EcdsaWithSha384 | Self::RsaWithSha384 => Some(DigestAlgorithm::Sha384),
            Self::EcdsaWithSha512 | Self::RsaWithSha512 => Some(DigestAlgorithm::Sha512),
            Self::Ed25519 => None,
        }
    }

    /// Its AlgorithmIdentifier in DER, as `signatureAlgorithm` and `signature` hold it.
    ///
    /// ECDSA and Ed25519 have no parameters (RFC 5758 §3.2, RFC 8410 §3), RSA has NULL
    /// (RFC 4055 §5).
    pub const fn identifier(self) -> &'static [u8] {
        match self {
            Self::EcdsaWithSha256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
            Self::EcdsaWithSha384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
            Self::EcdsaWithSha512 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
            Self::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
            Self::RsaWithSha256 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
            Self::RsaWithSha384 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
            Self::RsaWithSha512 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00",
        }
    }

    /// The algorithm that an AlgorithmIdentifier in DER names, if it is one of these.
    ///
    /// For RSA the parameters may be missing: RFC 4055 §5 has every reader accept that.
    ///
    /// ```
    /// use annul::SignatureAlgorithm;
    ///
    /// let algorithm = SignatureAlgorithm::RsaWithSha256;
    /// assert_eq!(SignatureAlgorithm::from_identifier(algorithm.identifier()), Some(algorithm));
    /// ```
    pub fn from_identifier(identifier: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| is_same(algorithm.identifier(), identifier))
    }
}

impl DigestAlgorithm {
    /// How many octets a digest has.
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    /// Its name in the RFC that defines it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaWithSha256 => "ecdsa-with-SHA256",
            Self::EcdsaWithSha384 => "ecdsa-with-SHA384",
            Self::EcdsaWithSha512 => "ecdsa-with-SHA512",
            Self::Ed25519 => "Ed25519",
            Self::RsaWithSha256 => "sha256WithRSAEncryption",
            Self::RsaWithSha384 => "sha384WithRSAEncryption",
            Self::RsaWithSha512 => "sha512WithRSAEncryption",
        })
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

/// Whether `found` is the identifier `ours`, or it without its NULL parameters.
pub(super) fn is_same(ours: &[u8], found: &[u8]) -> bool {
    match (ours, found) {
        ([SEQUENCE, _, oid @ .., 0x05, 0x00], [SEQUENCE, length, rest @ ..]) if oid == rest => {
            usize::from(*length) == oid.len()
        }
        _ => ours == found,
    }
}

/// The dotted text of an AlgorithmIdentifier that nobody here knows, for an error: of the curve
/// where it names one, for `id-ecPublicKey` alone says too little.
pub(super) fn oid_text(identifier: &[u8]) -> String {
    let text = || {
        let mut fields = asn1::single(identifier, SEQUENCE, "AlgorithmIdentifier").ok()?.reader();
        let algorithm = oid(&mut fields)?;
        Some(oid(&mut fields).unwrap_or(algorithm).to_string())
    };
    text().unwrap_or_else(|| "unreadable".to_owned())
}

fn oid(fields: &mut Reader<'_>) -> Option<ObjectIdentifier> {
    let element = fields.expect(OBJECT_IDENTIFIER, "algorithm").ok()?;
    ObjectIdentifier::from_bytes(element.content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_name_the_oids_of_the_rfcs_and_read_back() {
        for (algorithm, oid) in [
            (SignatureAlgorithm::EcdsaWithSha256, "1.2.840.10045.4.3.2"),
            (SignatureAlgorithm::EcdsaWithSha384, "1.2.840.10045.4.3.3"),
            (SignatureAlgorithm::EcdsaWithSha512, "1.2.840.10045.4.3.4"),
            (SignatureAlgorithm::Ed25519, "1.3.101.112"),
            (SignatureAlgorithm::RsaWithSha256, "1.2.840.113549.1.1.11"),
            (SignatureAlgorithm::RsaWithSha384, "1.2.840.113549.1.1.12"),
            (SignatureAlgorithm::RsaWithSha512, "1.2.840.113549.1.1.13"),
        ] {
            assert_eq!(oid_text(algorithm.identifier()), oid);
            assert_eq!(
                SignatureAlgorithm::from_identifier(algorithm.identifier()),
                Some(algorithm)
            );
        }
    }

    #[test]
    fn parameters_are_null_or_missing_for_rsa_and_missing_for_all_others() {
        let read = |body: &[u8]| {
            let mut identifier = Vec::new();
            asn1::write_element(&mut identifier, SEQUENCE, body);
            SignatureAlgorithm::from_identifier(&identifier)
        };
        let rsa = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
        let ecdsa = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
        let expected = Some(SignatureAlgorithm::RsaWithSha256);
        assert_eq!(read(rsa), expected);
        assert_eq!(read(&[&rsa[..], &[0x05, 0x00]].concat()), expected);
        assert_eq!(read(&[&rsa[..], &[0x04, 0x00]].concat()), None);
        assert_eq!(read(&[&rsa[..], &[0x05, 0x00, 0x05, 0x00]].concat()), None);
        assert_eq!(read(&[&ecdsa[..], &[0x05, 0x00]].concat()), None);
        assert_eq!(read(&[]), None);
        assert_eq!(SignatureAlgorithm::from_identifier(b""), None);
        assert_eq!(SignatureAlgorithm::from_identifier(&[&[0x30, 0x0c], &rsa[..]].concat()), None);
    }
}
