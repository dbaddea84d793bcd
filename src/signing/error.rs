//! What can go wrong with keys and signatures.

use super::SignatureAlgorithm;
use crate::{asn1::Malformed, retry::Retry};
use std::{error::Error, io};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// What was to be signed could not be read, or is not what the algorithm signs
    /// ([`io::ErrorKind::InvalidInput`]).
    #[error("what was to be signed cannot be read")]
    Unreadable(#[from] io::Error),
    /// Two reads of the message gave different octets. A signature over both would be invalid, and
    /// could betray an Ed25519 key, so it was thrown away.
    #[error("the message changed between two reads of it")]
    MessageChanged,
    /// The key could not be used.
    #[error("the key could not be used")]
    Failed {
        /// What its keeper says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
        /// Whether asking again can help.
        retry: Retry,
    },
}

impl SigningError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreadable(_) => Retry::Never,
            Self::MessageChanged => Retry::Now,
            Self::Failed { retry, .. } => *retry,
        }
    }
}

/// Why a signature is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Nobody here can check signatures of this algorithm, or with keys of this one. Nothing is
    /// known about the signature.
    #[error("no verifier for the algorithm {oid}")]
    UnsupportedAlgorithm {
        /// Its object identifier, dotted; of the curve where the key is on one.
        oid: String,
    },
    /// The public key cannot be used.
    #[error("the public key cannot be used")]
    BadPublicKey(#[source] Box<dyn Error + Send + Sync>),
    /// A key of this kind makes no signatures of this algorithm.
    #[error("the public key makes no signatures of the algorithm {algorithm}")]
    OtherKey {
        /// The algorithm that the signature claims.
        algorithm: SignatureAlgorithm,
    },
    /// The signature was not made over this by this key.
    #[error("the signature is not valid")]
    BadSignature,
    /// What was signed could not be read, or is not what the algorithm signs
    /// ([`io::ErrorKind::InvalidInput`]).
    #[error("what was signed cannot be read")]
    Unreadable(#[from] io::Error),
}

impl VerifyError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        Retry::Never
    }
}

impl From<Malformed> for VerifyError {
    fn from(malformed: Malformed) -> Self {
        Self::BadPublicKey(malformed.into())
    }
}

/// Why a private key cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text holds no PEM block.
    #[error("there is no PEM block in it")]
    NoPem,
    /// No PEM block holds a private key of a known form.
    #[error("a PEM block {label:?} is no private key of a known form")]
    UnknownLabel {
        /// The label of the block.
        label: String,
    },
    /// It is encrypted; decrypt it first.
    #[error("the private key is encrypted, which is not supported")]
    Encrypted,
    /// Keys of this algorithm are not known here.
    #[error("no keys of the algorithm {oid}")]
    UnsupportedAlgorithm {
        /// Its object identifier, dotted; of the curve where the key is on one.
        oid: String,
    },
    /// Keys of this algorithm need a feature of this crate that is off.
    #[error("the key needs the feature {feature:?}, which is off")]
    FeatureOff {
        /// The name of the feature.
        feature: &'static str,
    },
    /// The modulus of the RSA key is too short to be safe or too long to be useful.
    #[error("an RSA key of {bits} bits, where 2048 to 4096 are accepted")]
    RsaSize {
        /// Its length in bits.
        bits: usize,
    },
    /// Keys of this kind make no signatures of this algorithm.
    #[error("the key makes no signatures of the algorithm {algorithm}")]
    OtherAlgorithm {
        /// The algorithm that was asked for.
        algorithm: SignatureAlgorithm,
    },
    /// It is not what it says it is.
    #[error("the private key is malformed")]
    Malformed(#[source] Box<dyn Error + Send + Sync>),
}

impl KeyError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        Retry::Never
    }
}

impl From<Malformed> for KeyError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.into())
    }
}
