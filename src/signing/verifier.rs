//! The verifier that comes with the crate.

use super::{
    SignatureAlgorithm, ToSign, Verifier, VerifyError, algorithm::oid_text, public_key::PublicKey,
};

/// Checks signatures in this process, by the algorithms whose features are on.
///
/// | feature | keys | signatures |
/// |---|---|---|
/// | `p256` | P-256 | ECDSA with SHA-256, SHA-384, SHA-512 |
/// | `p384` | P-384 | ECDSA with SHA-256, SHA-384, SHA-512 |
/// | `ed25519` | Ed25519 | Ed25519; reads the message once, in flat memory |
/// | `rsa` | RSA, 1024 to 8192 bits | PKCS #1 v1.5 with SHA-256, SHA-384, SHA-512 |
///
/// All else is [`VerifyError::UnsupportedAlgorithm`]. RSA is read down to 1024 bits because old
/// CAs still have such keys; whether they are to be trusted is not for a verifier to say. ECDSA
/// and RSA may be given the message in place of its digest.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalVerifier;

impl Verifier for LocalVerifier {
    fn verify(
        &self,
        public_key: &[u8],
        algorithm: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let unsupported =
            |identifier| VerifyError::UnsupportedAlgorithm { oid: oid_text(identifier) };
        let name =
            SignatureAlgorithm::from_identifier(algorithm).ok_or_else(|| unsupported(algorithm))?;
        let key = PublicKey::from_der(public_key)?;
        if !key.key_type.signs(name) {
            return Err(VerifyError::OtherKey { algorithm: name });
        }
        verify(&key, name, signed, signature).unwrap_or_else(|| Err(unsupported(key.algorithm)))
    }
}

/// `None` where the feature is off.
#[allow(unused, reason = "depends on the features that are on")]
fn verify(
    key: &PublicKey<'_>,
    algorithm: SignatureAlgorithm,
    signed: ToSign<'_>,
    signature: &[u8],
) -> Option<Result<(), VerifyError>> {
    use super::public_key::KeyType;
    let public = key.subject_public_key;
    match key.key_type {
        #[cfg(feature = "p256")]
        KeyType::P256 => {
            Some(super::ecdsa::verify::<p256::NistP256>(public, algorithm, signed, signature))
        }
        #[cfg(feature = "p384")]
        KeyType::P384 => {
            Some(super::ecdsa::verify::<p384::NistP384>(public, algorithm, signed, signature))
        }
        #[cfg(feature = "ed25519")]
        KeyType::Ed25519 => Some(super::ed25519::verify(public, signed, signature)),
        #[cfg(feature = "rsa")]
        KeyType::Rsa => Some(super::rsa::verify(public, algorithm, signed, signature)),
        _ => None,
    }
}
