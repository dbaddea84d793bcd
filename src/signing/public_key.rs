//! SubjectPublicKeyInfo: RFC 5280 §4.1.2.7.

use super::{
    SignatureAlgorithm, VerifyError,
    algorithm::{is_same, oid_text},
};
use crate::asn1::{self, BIT_STRING, INTEGER, SEQUENCE};
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

    /// How many octets the signatures of a key of this kind have at most, from the content of the
    /// BIT STRING.
    fn longest_signature(self, subject_public_key: &[u8]) -> usize {
        match self {
            // Ecdsa-Sig-Value: two INTEGERs, each with a sign octet (RFC 3279 §2.2.3).
            Self::P256 => 2 + 2 * (2 + 33),
            Self::P384 => 2 + 2 * (2 + 49),
            Self::Ed25519 => 64,
            // RFC 8017 §8.2.1: as long as the modulus, which the key is a little longer than.
            Self::Rsa => modulus_length(subject_public_key).unwrap_or(subject_public_key.len()),
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

/// Of the algorithms that a key may sign with, one with the longest identifier; and how many octets
/// a signature has at most. For a key not known here that is a bound that holds for every curve.
pub(crate) fn longest_signature(public_key: &[u8]) -> (SignatureAlgorithm, u64) {
    let algorithms = SignatureAlgorithm::ALL.into_iter();
    let algorithm = algorithms
        .filter(|algorithm| may_sign(public_key, *algorithm))
        .max_by_key(|algorithm| algorithm.identifier().len())
        .unwrap_or(SignatureAlgorithm::RsaWithSha256);
    let length = match PublicKey::from_der(public_key) {
        Ok(key) => key.key_type.longest_signature(key.subject_public_key),
        Err(_) => 2 * public_key.len(),
    };
    (algorithm, length as u64)
}

/// How many octets the modulus of an RSAPublicKey takes (RFC 8017 §A.1.1).
fn modulus_length(rsa_public_key: &[u8]) -> Option<usize> {
    let mut fields = asn1::single(rsa_public_key, SEQUENCE, "RSAPublicKey").ok()?.reader();
    let modulus = fields.expect(INTEGER, "modulus").ok()?.content;
    Some(modulus.iter().skip_while(|&&octet| octet == 0).count())
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

    #[test]
    fn no_signature_is_longer_than_was_said() {
        use SignatureAlgorithm::*;
        let modulus = [&[0x02, 0x82, 1, 1, 0], &[0xff; 256][..]].concat();
        let rsa = [&[0x30, 0x82, 1, 0x0a], &modulus[..], b"\x02\x03\x01\0\x01"].concat();
        for (key_type, key, algorithm, octets) in [
            (KeyType::P256, &[4; 65][..], EcdsaWithSha512, 72),
            (KeyType::P384, &[2; 49], EcdsaWithSha512, 104),
            (KeyType::Ed25519, &[7; 32], Ed25519, 64),
            (KeyType::Rsa, &rsa, RsaWithSha512, 256),
            (KeyType::Rsa, b"no RSAPublicKey", RsaWithSha512, 15),
        ] {
            let longest = longest_signature(&key_type.public_key(key));
            assert_eq!(longest, (algorithm, octets), "{key_type:?}");
        }
        assert_eq!(longest_signature(&[7; 80]), (RsaWithSha512, 160));
    }
}
