//! ECDSA (RFC 5758 §3.2) on the curves P-256 and P-384.

use super::{KeyError, SignatureAlgorithm, SigningError, ToSign, VerifyError, key::Secret};
use crate::retry::Retry;
use signature::{
    Keypair, SignatureEncoding,
    hazmat::{PrehashSigner, PrehashVerifier},
};

/// What the crate of a curve has to offer.
pub(super) trait Curve: 'static {
    type SigningKey: for<'a> TryFrom<&'a [u8], Error = signature::Error>
        + Keypair<VerifyingKey = Self::VerifyingKey>
        + PrehashSigner<Self::Signature>
        + Send
        + Sync;
    type VerifyingKey: for<'a> TryFrom<&'a [u8], Error = signature::Error>
        + PrehashVerifier<Self::Signature>;
    /// An `Ecdsa-Sig-Value` in DER.
    type Signature: SignatureEncoding;

    /// How many octets a scalar has.
    const FIELD_OCTETS: usize;

    /// The point, uncompressed: RFC 5480 §2.2 has every reader understand that form.
    fn point(key: &Self::VerifyingKey) -> Vec<u8>;
}

#[cfg(feature = "p256")]
impl Curve for p256::NistP256 {
    type SigningKey = p256::ecdsa::SigningKey;
    type VerifyingKey = p256::ecdsa::VerifyingKey;
    type Signature = p256::ecdsa::DerSignature;

    const FIELD_OCTETS: usize = 32;

    fn point(key: &Self::VerifyingKey) -> Vec<u8> {
        key.to_sec1_point(false).as_bytes().to_vec()
    }
}

#[cfg(feature = "p384")]
impl Curve for p384::NistP384 {
    type SigningKey = p384::ecdsa::SigningKey;
    type VerifyingKey = p384::ecdsa::VerifyingKey;
    type Signature = p384::ecdsa::DerSignature;

    const FIELD_OCTETS: usize = 48;

    fn point(key: &Self::VerifyingKey) -> Vec<u8> {
        key.to_sec1_point(false).as_bytes().to_vec()
    }
}

/// A private key on a curve.
pub(super) struct EcdsaKey<C: Curve>(C::SigningKey);

impl<C: Curve> EcdsaKey<C> {
    /// From its scalar, big-endian.
    ///
    /// RFC 5915 §3 has it just as long as the field; who encodes it as an INTEGER has octets of
    /// zero before it.
    pub(super) fn new(mut scalar: &[u8]) -> Result<Self, KeyError> {
        while let [0, rest @ ..] = scalar
            && rest.len() >= C::FIELD_OCTETS
        {
            scalar = rest;
        }
        let key = C::SigningKey::try_from(scalar);
        key.map(Self).map_err(|error| KeyError::Malformed(error.into()))
    }
}

impl<C: Curve> Secret for EcdsaKey<C> {
    fn subject_public_key(&self) -> Vec<u8> {
        C::point(&self.0.verifying_key())
    }

    /// Deterministic (RFC 6979), so no bad randomness can betray the key.
    fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        to_sign: ToSign<'_>,
    ) -> Result<Vec<u8>, SigningError> {
        let digest = to_sign.digest(algorithm)?;
        match self.0.sign_prehash(&digest) {
            Ok(signature) => Ok(signature.to_vec()),
            Err(error) => Err(SigningError::Failed { source: error.into(), retry: Retry::Never }),
        }
    }
}

pub(super) fn verify<C: Curve>(
    point: &[u8],
    algorithm: SignatureAlgorithm,
    signed: ToSign<'_>,
    signature: &[u8],
) -> Result<(), VerifyError> {
    let key = C::VerifyingKey::try_from(point)
        .map_err(|error| VerifyError::BadPublicKey(error.into()))?;
    let signature = C::Signature::try_from(signature).map_err(|_| VerifyError::BadSignature)?;
    key.verify_prehash(&signed.digest(algorithm)?, &signature)
        .map_err(|_| VerifyError::BadSignature)
}

#[cfg(all(test, feature = "p256"))]
mod tests {
    use super::*;

    #[test]
    fn octets_of_zero_before_a_scalar_say_nothing() {
        let key = |scalar: &[u8]| EcdsaKey::<p256::NistP256>::new(scalar);
        let public_key = key(&[7; 32]).unwrap().subject_public_key();
        for zeros in 1..4 {
            let scalar = [&vec![0; zeros][..], &[7; 32]].concat();
            assert_eq!(key(&scalar).unwrap().subject_public_key(), public_key);
        }
        assert!(key(&[7; 33]).is_err());
        assert!(key(&[0; 33]).is_err());
    }
}
