//! A key of aws-lc-rs, which annul signs with as rcgen does.

use crate::{ca::Ca, error::Error};
use annul::{Retry, SignatureAlgorithm, Signer, SigningError, ToSign, Verifier, VerifyError};
use aws_lc_rs::{
    digest::{Digest, SHA256},
    error::Unspecified,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
        ParsedPublicKey,
    },
};

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::EcdsaWithSha256;

pub struct AwsLcKey {
    key: EcdsaKeyPair,
    /// A SubjectPublicKeyInfo in DER.
    public_key: Vec<u8>,
}

impl AwsLcKey {
    pub fn new(ca: &Ca) -> Result<Self, Error> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &ca.key)?;
        Ok(Self { key, public_key: ca.certificate.public_key().to_vec() })
    }

    /// Signs a SHA-256.
    pub fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let digest = Digest::import_less_safe(digest, &SHA256)?;
        Ok(self.key.sign_digest(&digest)?.as_ref().to_vec())
    }
}

impl Signer for AwsLcKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        ALGORITHM
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        let signed = self.sign_digest(&to_sign.digest(ALGORITHM)?);
        signed.map_err(|error| SigningError::Failed { source: error.into(), retry: Retry::Never })
    }
}

/// Checks the signatures of one key.
pub struct AwsLcVerifier(ParsedPublicKey);

impl AwsLcVerifier {
    pub fn new(key: &AwsLcKey) -> Result<Self, Error> {
        let point = key.key.public_key().as_ref();
        Ok(Self(ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)?))
    }
}

impl Verifier for AwsLcVerifier {
    fn verify(
        &self,
        _: &[u8],
        _: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        let digest = signed.digest(ALGORITHM)?;
        Digest::import_less_safe(&digest, &SHA256)
            .and_then(|digest| self.0.verify_digest_sig(&digest, signature))
            .map_err(|_| VerifyError::BadSignature)
    }
}

/// Checks nothing, as annul's peers don't.
pub struct Unverified;

impl Verifier for Unverified {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        Ok(())
    }
}
