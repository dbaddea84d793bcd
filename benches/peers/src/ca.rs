//! The CA whose CRLs are made: P-256, the same for all.

use crate::error::Error;
use annul::{CaCertificate, Certificate, Timestamp};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use std::time::Duration;

/// Its certificate.
pub const PEM: &str = include_str!("../../../src/authority/example-root.pem");
/// Its private key, in PKCS #8.
pub const KEY_PEM: &str = include_str!("../../../src/authority/example-root.key");
/// The number of the CRLs.
pub const CRL_NUMBER: u32 = 4660;

/// A CA.
pub struct Ca {
    pub certificate: CaCertificate,
    /// The private key in PKCS #8, in DER.
    pub key: Vec<u8>,
}

impl Ca {
    pub fn new() -> Result<Self, Error> {
        let certificate = CaCertificate::new(Certificate::from_pem(PEM)?)?;
        let key = p256::SecretKey::from_pkcs8_pem(KEY_PEM)?.to_pkcs8_der()?.as_bytes().to_vec();
        Ok(Self { certificate, key })
    }

    /// When its CRLs are issued.
    pub fn this_update(&self) -> Timestamp {
        self.certificate.not_before()
    }

    /// By when the next ones will be.
    pub fn next_update(&self) -> Timestamp {
        self.this_update().saturating_add(Duration::from_secs(7 * 24 * 60 * 60))
    }
}
