//! A private key in memory.

use super::{
    KeyError, SignatureAlgorithm, Signer, SigningError, ToSign, algorithm::oid_text,
    public_key::KeyType,
};
use crate::{
    asn1::{
        self, Element, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
        context_constructed,
    },
    pem,
};
use std::fmt;

/// A private key in the memory of this process, and the algorithm that it signs with.
///
/// | key | feature | signs with, unless told otherwise |
/// |---|---|---|
/// | P-256 | `p256` | ECDSA with SHA-256 |
/// | P-384 | `p384` | ECDSA with SHA-384 |
/// | Ed25519 | `ed25519` | Ed25519 |
/// | RSA, 2048 to 4096 bits | `rsa` | PKCS #1 v1.5 with SHA-256 |
///
/// It is wiped from memory when dropped, and never shown. ECDSA signatures are deterministic
/// (RFC 6979), RSA is blinded, and Ed25519 reads the message twice.
pub struct SigningKey {
    key_type: KeyType,
    algorithm: SignatureAlgorithm,
    public_key: Vec<u8>,
    secret: Box<dyn Secret>,
}

/// RFC 5480 §2.1.1, header and all.
const ID_EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// What a kind of private key does.
pub(super) trait Secret: Send + Sync {
    /// The content of the BIT STRING in its SubjectPublicKeyInfo.
    fn subject_public_key(&self) -> Vec<u8>;

    /// Signs with an algorithm that fits it.
    fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        to_sign: ToSign<'_>,
    ) -> Result<Vec<u8>, SigningError>;
}

impl SigningKey {
    /// Reads the first private key in a PEM text (RFC 7468).
    ///
    /// It may be `PRIVATE KEY` (PKCS #8, RFC 5958), `EC PRIVATE KEY` (SEC 1, RFC 5915) or
    /// `RSA PRIVATE KEY` (PKCS #1, RFC 8017). Other blocks before it, such as the `EC PARAMETERS`
    /// that OpenSSL writes, are passed over. Lines may be of any length. What is decoded on the way
    /// is wiped; `text` is the caller's to wipe.
    ///
    /// # Errors
    /// [`KeyError::NoPem`], [`KeyError::UnknownLabel`] and [`KeyError::Encrypted`] for what is
    /// around the key; for the key as [`SigningKey::from_pkcs8_der`].
    pub fn from_pem(text: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let mut lines = pem::lines(text.as_ref());
        let label = private_key_label(&mut lines)?;
        let read: fn(Reader<'_>) -> Result<Self, KeyError> = match label {
            b"PRIVATE KEY" => Self::from_pkcs8,
            b"EC PRIVATE KEY" => Self::from_sec1,
            b"RSA PRIVATE KEY" => |key| Self::new(KeyType::Rsa, key.rest()),
            b"ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            _ => return Err(unknown_label(label)),
        };
        // How the traditional forms are encrypted: RFC 1421 §4.6.1.1, which RFC 7468 has no part of.
        if lines.clone().next().is_some_and(|(_, line)| line == b"Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let der =
            pem::body(&mut lines, label).map_err(|problem| KeyError::Malformed(problem.into()))?;
        read(Reader::new(&der))
    }

    /// Reads a private key from the DER of its PKCS #8 form, `OneAsymmetricKey` (RFC 5958 §2).
    ///
    /// # Errors
    /// [`KeyError::Encrypted`], [`KeyError::UnsupportedAlgorithm`], [`KeyError::FeatureOff`],
    /// [`KeyError::RsaSize`], [`KeyError::Malformed`].
    pub fn from_pkcs8_der(key: &[u8]) -> Result<Self, KeyError> {
        Self::from_pkcs8(Reader::new(key))
    }

    /// The same key, signing with another algorithm.
    ///
    /// ECDSA and RSA go with each of SHA-256, SHA-384 and SHA-512.
    ///
    /// # Errors
    /// [`KeyError::OtherAlgorithm`] where keys of its kind don't do that.
    pub fn with_algorithm(self, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        if self.key_type.signs(algorithm) {
            Ok(Self { algorithm, ..self })
        } else {
            Err(KeyError::OtherAlgorithm { algorithm })
        }
    }

    fn from_pkcs8(mut input: Reader<'_>) -> Result<Self, KeyError> {
        let key = whole(&mut input, SEQUENCE, "OneAsymmetricKey")?;
        let mut fields = key.reader();
        // EncryptedPrivateKeyInfo (RFC 5958 §3) starts with an AlgorithmIdentifier.
        if fields.peek() == Some(SEQUENCE) {
            return Err(KeyError::Encrypted);
        }
        fields.expect(INTEGER, "version")?;
        let algorithm = fields.expect(SEQUENCE, "privateKeyAlgorithm")?.octets;
        let private_key = fields.expect(OCTET_STRING, "privateKey")?;
        let key_type = KeyType::from_identifier(algorithm)
            .ok_or_else(|| KeyError::UnsupportedAlgorithm { oid: oid_text(algorithm) })?;
        let octets = match key_type {
            KeyType::P256 | KeyType::P384 => EcPrivateKey::read(private_key.reader())?.scalar,
            // RFC 8410 §7: CurvePrivateKey ::= OCTET STRING
            KeyType::Ed25519 => {
                whole(&mut private_key.reader(), OCTET_STRING, "CurvePrivateKey")?.content
            }
            KeyType::Rsa => private_key.content,
        };
        Self::new(key_type, octets)
    }

    fn from_sec1(input: Reader<'_>) -> Result<Self, KeyError> {
        let key = EcPrivateKey::read(input)?;
        let curve =
            key.curve.ok_or_else(|| input.malformed("ECPrivateKey", "no curve is named"))?;
        let mut algorithm = Vec::new();
        asn1::write_element(&mut algorithm, SEQUENCE, &[ID_EC_PUBLIC_KEY, curve].concat());
        let key_type = KeyType::from_identifier(&algorithm)
            .ok_or_else(|| KeyError::UnsupportedAlgorithm { oid: oid_text(&algorithm) })?;
        Self::new(key_type, key.scalar)
    }

    fn new(key_type: KeyType, octets: &[u8]) -> Result<Self, KeyError> {
        let secret = secret(key_type, octets)?;
        let public_key = key_type.public_key(&secret.subject_public_key());
        Ok(Self { key_type, algorithm: key_type.default_algorithm(), public_key, secret })
    }
}

impl Signer for SigningKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        self.secret.sign(self.algorithm, to_sign)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// `octets` is a scalar for a curve, 32 octets for Ed25519, an RSAPrivateKey in DER for RSA.
#[allow(unused, reason = "depends on the features that are on")]
fn secret(key_type: KeyType, octets: &[u8]) -> Result<Box<dyn Secret>, KeyError> {
    match key_type {
        #[cfg(feature = "p256")]
        KeyType::P256 => Ok(Box::new(super::ecdsa::EcdsaKey::<p256::NistP256>::new(octets)?)),
        #[cfg(feature = "p384")]
        KeyType::P384 => Ok(Box::new(super::ecdsa::EcdsaKey::<p384::NistP384>::new(octets)?)),
        #[cfg(feature = "ed25519")]
        KeyType::Ed25519 => Ok(Box::new(super::ed25519::Ed25519Key::new(octets)?)),
        #[cfg(feature = "rsa")]
        KeyType::Rsa => Ok(Box::new(super::rsa::RsaKey::new(octets)?)),
        _ => Err(KeyError::FeatureOff { feature: key_type.feature() }),
    }
}

/// What of an `ECPrivateKey` (RFC 5915 §3) is needed; its public key follows from the scalar.
struct EcPrivateKey<'a> {
    /// Big-endian.
    scalar: &'a [u8],
    /// The OBJECT IDENTIFIER of the curve, header and all. PKCS #8 has it elsewhere.
    curve: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    fn read(mut input: Reader<'a>) -> Result<Self, Malformed> {
        let mut fields = whole(&mut input, SEQUENCE, "ECPrivateKey")?.reader();
        fields.expect(INTEGER, "version")?;
        let scalar = fields.expect(OCTET_STRING, "privateKey")?.content;
        let curve = match fields.optional(context_constructed(0), "parameters")? {
            Some(parameters) => {
                Some(whole(&mut parameters.reader(), OBJECT_IDENTIFIER, "namedCurve")?.octets)
            }
            None => None,
        };
        Ok(Self { scalar, curve })
    }
}

/// The one element that is left in `input`.
fn whole<'a>(
    input: &mut Reader<'a>,
    tag: u8,
    element: &'static str,
) -> Result<Element<'a>, Malformed> {
    let read = input.expect(tag, element)?;
    input.finish(element)?;
    Ok(read)
}

/// The label of the first PEM block that is labelled as a private key; its lines are next.
fn private_key_label<'a>(
    lines: &mut impl Iterator<Item = (usize, &'a [u8])>,
) -> Result<&'a [u8], KeyError> {
    let mut labels = lines.filter_map(|(_, line)| pem::label_of(line)).peekable();
    let first = labels.peek().copied().ok_or(KeyError::NoPem)?;
    labels.find(|label| label.ends_with(b"PRIVATE KEY")).ok_or_else(|| unknown_label(first))
}

fn unknown_label(label: &[u8]) -> KeyError {
    KeyError::UnknownLabel { label: String::from_utf8_lossy(label).into_owned() }
}
