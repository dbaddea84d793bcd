//! What several fuzz targets need.

pub mod office;

use annul::{SignatureAlgorithm, Signer, SigningError, ToSign, Verifier, VerifyError};

/// A key that makes this signature of everything, and takes any for its own: what is behind the
/// check of a signature is reached without one, and signatures of every length are met.
pub struct Toy(pub Vec<u8>);

impl Signer for Toy {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaWithSha256
    }

    fn public_key(&self) -> &[u8] {
        &[]
    }

    fn sign(&self, _: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        Ok(self.0.clone())
    }
}

impl Verifier for Toy {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        Ok(())
    }
}
