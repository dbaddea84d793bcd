//! RSASSA-PKCS1-v1_5 (RFC 8017 §8.2, RFC 4055 §5). All that touches the `rsa` crate is in here.
//!
//! That crate leaks timing when it decrypts (RUSTSEC-2023-0071). We only sign, and blind.

use super::{
    DigestAlgorithm, KeyError, SignatureAlgorithm, SigningError, ToSign, VerifyError, key::Secret,
};
use crate::{
    asn1::{self, INTEGER, SEQUENCE},
    retry::Retry,
};
use getrandom::SysRng;
use rsa::{
    Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey,
    pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPublicKey},
    traits::SignatureScheme,
};
use sha2::{Sha256, Sha384, Sha512};
use std::{borrow::Cow, io};

/// A private key.
pub(super) struct RsaKey {
    key: RsaPrivateKey,
    /// RSAPublicKey in DER.
    public_key: Vec<u8>,
}

impl RsaKey {
    /// From its RSAPrivateKey in DER (RFC 8017 §A.1.2).
    pub(super) fn new(private_key: &[u8]) -> Result<Self, KeyError> {
        let bits = modulus_bits(private_key)?;
        if !(2048..=4096).contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        let malformed = |error: rsa::pkcs1::Error| KeyError::Malformed(error.into());
        let key = RsaPrivateKey::from_pkcs1_der(private_key).map_err(malformed)?;
        let public_key = key.to_public_key().to_pkcs1_der().map_err(malformed)?.into_vec();
        Ok(Self { key, public_key })
    }
}

/// The length of the modulus. Looked up first, so that no time goes into an absurd key.
fn modulus_bits(private_key: &[u8]) -> Result<usize, KeyError> {
    let mut fields = asn1::single(private_key, SEQUENCE, "RSAPrivateKey")?.reader();
    fields.expect(INTEGER, "version")?;
    let modulus = fields.expect(INTEGER, "modulus")?.content;
    let zeros = modulus.iter().take_while(|&&octet| octet == 0).count();
    let leading = modulus.get(zeros).map_or(0, |octet| octet.leading_zeros() as usize);
    Ok((modulus.len() - zeros) * 8 - leading)
}

impl Secret for RsaKey {
    fn subject_public_key(&self) -> Vec<u8> {
        self.public_key.clone()
    }

    /// Blinded by the randomness of the operating system.
    fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        to_sign: ToSign<'_>,
    ) -> Result<Vec<u8>, SigningError> {
        let (padding, digest) = padding(algorithm, to_sign)?;
        padding
            .sign(Some(&mut SysRng), &self.key, &digest)
            .map_err(|error| SigningError::Failed { source: error.into(), retry: Retry::Never })
    }
}

/// `public_key` is an RSAPublicKey in DER. The `rsa` crate takes moduli of 1024 to 8192 bits.
pub(super) fn verify(
    public_key: &[u8],
    algorithm: SignatureAlgorithm,
    signed: ToSign<'_>,
    signature: &[u8],
) -> Result<(), VerifyError> {
    let key = RsaPublicKey::from_pkcs1_der(public_key)
        .map_err(|error| VerifyError::BadPublicKey(error.into()))?;
    let (padding, digest) = padding(algorithm, signed)?;
    padding.verify(&key, &digest, signature).map_err(|_| VerifyError::BadSignature)
}

/// How the digest is padded, its DigestInfo included, and the digest.
fn padding(
    algorithm: SignatureAlgorithm,
    to_sign: ToSign<'_>,
) -> io::Result<(Pkcs1v15Sign, Cow<'_, [u8]>)> {
    let digest = to_sign.digest(algorithm)?;
    let padding = match algorithm.digest() {
        Some(DigestAlgorithm::Sha256) => Pkcs1v15Sign::new::<Sha256>(),
        Some(DigestAlgorithm::Sha384) => Pkcs1v15Sign::new::<Sha384>(),
        // There is a digest, so there is a hash.
        Some(DigestAlgorithm::Sha512) | None => Pkcs1v15Sign::new::<Sha512>(),
    };
    Ok((padding, digest))
}
