//! SubjectPublicKeyInfo: RFC 5280 §4.1.2.7.

use super::{
    SignatureAlgorithm, VerifyError,
    algorithm::{is_same, oid_text},
};
use crate::asn1::{self, BIT_STRING, SEQUENCE};
use std::borrow::Cow;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    P256,
    P384,
    Ed25519,
    Rsa,
}

impl KeyType {
    const ALL: [Self; 4] = [Self::P256, Self::P384, Self::Ed25519, Self::Rsa];

    /// The AlgorithmIdentifier of its keys: RFC 5480 §2.1.1, RFC 8410 §3, RFC 3279 §2.3.1.
    const fn identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => {
                b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
            }
            Self::P384 => b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
            Self::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
            Self::Rsa => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00",
        }
    }

    pub(super) fn from_identifier(identifier: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|key| is_same(key.identifier(), identifier))
    }

    /// The feature that its keys need.
    pub(super) const fn feature(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }

    /// The algorithm that its keys sign with unless told otherwise.
    pub(super) const fn default_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::P256 => SignatureAlgorithm::EcdsaWithSha256,
            Self::P384 => SignatureAlgorithm::EcdsaWithSha384,
            Self::Ed25519 => SignatureAlgorithm::Ed25519,
            Self::Rsa => SignatureAlgorithm::RsaWithSha256,
        }
    }

    /// Whether its keys make signatures of this algorithm.
    ///
    /// Either curve goes with any of the hashes (RFC 5758 §3.2); some CAs sign with SHA-256 on
    /// P-384.
    pub(super) const fn signs(self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm::*;
        match algorithm {
            EcdsaWithSha256 | EcdsaWithSha384 | EcdsaWithSha512 => {
                matches!(self, Self::P256 | Self::P384)
            }
            Ed25519 => matches!(self, Self::Ed25519),
            RsaWithSha256 | RsaWithSha384 | RsaWithSha512 => matches!(self, Self::Rsa),
        }
    }

    /// The SubjectPublicKeyInfo in DER of a key of this kind, from the content of its BIT STRING.
    pub(super) fn public_key(self, subject_public_key: &[u8]) -> Vec<u8> {
        let mut fields = self.identifier().to_vec();
        asn1::write_element(&mut fields, BIT_STRING, &[&[0], subject_public_key].concat());
        let mut info = Vec::new();
        asn1::write_element(&mut info, SEQUENCE, &fields);
        info
    }
}

/// A SubjectPublicKeyInfo, taken apart.
pub(super) struct PublicKey<'a> {
    pub(super) key_type: KeyType,
    /// The AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    /// The content of the BIT STRING.
    pub(super) subject_public_key: &'a [u8],
}

impl<'a> PublicKey<'a> {
    pub(super) fn from_der(info: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = asn1::single(info, SEQUENCE, "SubjectPublicKeyInfo")?.reader();
        let algorithm = fields.expect(SEQUENCE, "algorithm")?.octets;
        let bits = fields.expect(BIT_STRING, "subjectPublicKey")?;
        fields.finish("SubjectPublicKeyInfo")?;
        let [0, subject_public_key @ ..] = bits.content else {
            return Err(bits.malformed("subjectPublicKey", "not a whole number of octets").into());
        };
        let key_type = KeyType::from_identifier(algorithm)
            .ok_or_else(|| VerifyError::UnsupportedAlgorithm { oid: oid_text(algorithm) })?;
        Ok(Self { key_type, algorithm, subject_public_key })
    }

    /// The content of the BIT STRING, a point compressed: x and whether y is odd (SEC 1 §2.3.3).
    fn canonical(&self) -> Cow<'a, [u8]> {
        match (self.key_type, self.subject_public_key) {
            (KeyType::P256 | KeyType::P384, [0x04, x_and_y @ .., last]) => {
                let (x, _) = x_and_y.split_at(x_and_y.len().div_ceil(2));
                [&[2 | last & 1], x].concat().into()
            }
            (_, other) => other.into(),
        }
    }
}

/// Whether two SubjectPublicKeyInfos are of one key, however each of them writes its point or its
/// AlgorithmIdentifier.
///
/// The points are not checked: who relies on the answer verifies a signature with the key too.
pub(crate) fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    let canonical = |info| {
        let key = PublicKey::from_der(info).ok()?;
        Some((key.key_type, key.canonical()))
    };
    one == other || canonical(one).is_some_and(|key| canonical(other) == Some(key))
}

/// Whether a key may make signatures of this algorithm: `true` also for keys not known here.
pub(crate) fn may_sign(public_key: &[u8], algorithm: SignatureAlgorithm) -> bool {
    PublicKey::from_der(public_key).map_or(true, |key| key.key_type.signs(algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_however_it_is_written() {
        let key = |key_type: KeyType, bits: &[u8]| key_type.public_key(bits);
        let (x, even, odd) = ([7; 32], [6; 32], [5; 32]);
        let point = |form: u8, parts: &[[u8; 32]]| [&[form], &parts.concat()[..]].concat();
        let whole = key(KeyType::P256, &point(4, &[x, even]));
        assert!(is_same_key(&whole, &key(KeyType::P256, &point(2, &[x]))));
        assert!(is_same_key(&whole, &whole));
        for other in [
            key(KeyType::P256, &point(3, &[x])),
            key(KeyType::P256, &point(4, &[x, odd])),
            key(KeyType::P256, &point(2, &[even])),
            key(KeyType::P384, &point(2, &[x])),
            b"no key".to_vec(),
        ] {
            assert!(!is_same_key(&whole, &other), "{other:02x?}");
        }
        let rsa = key(KeyType::Rsa, b"modulus");
        let without_null =
            b"\x30\x17\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x03\x08\0modulus";
        assert!(is_same_key(&rsa, without_null));
        assert!(!is_same_key(&rsa, &key(KeyType::Rsa, b"another")));
    }

    #[test]
    fn only_a_known_key_is_known_not_to_sign() {
        let key = KeyType::P256.public_key(&[]);
        assert!(may_sign(&key, SignatureAlgorithm::EcdsaWithSha384));
        assert!(!may_sign(&key, SignatureAlgorithm::Ed25519));
        assert!(may_sign(b"unknown", SignatureAlgorithm::Ed25519));
    }
}
