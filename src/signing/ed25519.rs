//! Ed25519 (RFC 8032 §5.1, RFC 8410).

use super::{
    DigestAlgorithm::Sha256, Hasher, KeyError, SignatureAlgorithm, SigningError, ToSign,
    VerifyError, key::Secret,
};
use crate::retry::Retry;
use ed25519_dalek::{
    Signature, SignatureError, SigningKey, VerifyingKey,
    hazmat::{ExpandedSecretKey, raw_sign_byupdate},
};
use sha2::{Digest, Sha512};
use std::cell::RefCell;

/// A private key.
pub(super) struct Ed25519Key(SigningKey);

impl Ed25519Key {
    /// From its 32 octets.
    pub(super) fn new(octets: &[u8]) -> Result<Self, KeyError> {
        let key = SigningKey::try_from(octets);
        key.map(Self).map_err(|error| KeyError::Malformed(error.into()))
    }
}

impl Secret for Ed25519Key {
    fn subject_public_key(&self) -> Vec<u8> {
        self.0.verifying_key().to_bytes().to_vec()
    }

    /// Reads the message twice, in flat memory.
    ///
    /// RFC 8032 §5.1.6 hashes it once for R and once for S. Were the two hashed over different
    /// octets, two such signatures could share an R and give the key away: so both passes are
    /// compared before the signature is let go.
    fn sign(
        &self,
        _algorithm: SignatureAlgorithm,
        to_sign: ToSign<'_>,
    ) -> Result<Vec<u8>, SigningError> {
        let message = to_sign.message()?;
        let passes = RefCell::new(Vec::new());
        let read_error = RefCell::new(None);
        let pass = |hash: &mut Sha512| {
            let mut seen = Hasher::new(Sha256);
            let read = message.read(&mut |octets| {
                hash.update(octets);
                seen.update(octets);
            });
            passes.borrow_mut().push(seen.finish());
            read.map_err(|error| {
                read_error.replace(Some(error));
                SignatureError::new()
            })
        };
        let expanded = ExpandedSecretKey::from(self.0.as_bytes());
        let signature = raw_sign_byupdate(&expanded, pass, &self.0.verifying_key());
        if let Some(error) = read_error.into_inner() {
            return Err(error.into());
        }
        let signature = signature
            .map_err(|error| SigningError::Failed { source: error.into(), retry: Retry::Never })?;
        match passes.into_inner().as_slice() {
            [first, second] if first == second => Ok(signature.to_bytes().to_vec()),
            _ => Err(SigningError::MessageChanged),
        }
    }
}

pub(super) fn verify(
    public_key: &[u8],
    signed: ToSign<'_>,
    signature: &[u8],
) -> Result<(), VerifyError> {
    let key = VerifyingKey::try_from(public_key)
        .map_err(|error| VerifyError::BadPublicKey(error.into()))?;
    // Under a point of small order one signature fits many messages.
    if key.is_weak() {
        return Err(VerifyError::BadPublicKey("a point of small order".into()));
    }
    let signature = Signature::from_slice(signature).map_err(|_| VerifyError::BadSignature)?;
    let mut verifier = key.verify_stream(&signature).map_err(|_| VerifyError::BadSignature)?;
    signed.message()?.read(&mut |octets| verifier.update(octets))?;
    verifier.finalize_and_verify().map_err(|_| VerifyError::BadSignature)
}
