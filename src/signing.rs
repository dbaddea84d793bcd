//! Signatures: the two seams, [`Signer`] and [`Verifier`], that keys of any make fit into.
//!
//! Both speak bytes: a SubjectPublicKeyInfo, an AlgorithmIdentifier and a signature, in DER or as
//! the BIT STRING holds them. So an HSM, a KMS or another library needs a dozen lines.

mod algorithm;
#[cfg(any(feature = "p256", feature = "p384"))]
mod ecdsa;
#[cfg(feature = "ed25519")]
mod ed25519;
mod error;
mod hash;
mod key;
mod public_key;
#[cfg(feature = "rsa")]
mod rsa;
mod verifier;

pub use self::{
    algorithm::{DigestAlgorithm, SignatureAlgorithm},
    error::{KeyError, SigningError, VerifyError},
    key::SigningKey,
    verifier::LocalVerifier,
};
pub(crate) use self::{
    hash::Hasher,
    public_key::{is_same_key, longest_signature, may_sign},
};

use std::{borrow::Cow, io, sync::Arc};

/// A message that can be read as often as it takes: a slice, or something too large for one.
///
/// Ed25519 (RFC 8032 §5.1.6) reads it twice to sign and once to verify.
pub trait Message {
    /// Hands all octets to `take`, in order, in pieces of any size; the same octets every time.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

impl Message for &[u8] {
    fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        take(self);
        Ok(())
    }
}

/// What a signature is made over.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum ToSign<'a> {
    /// The digest of the message, by the hash that the signature algorithm names. What an HSM or a
    /// KMS should be given: 32 to 64 octets, however long the CRL is.
    Digest(&'a [u8]),
    /// The message itself.
    Message(&'a dyn Message),
}

impl<'a> ToSign<'a> {
    /// The digest of the message: as it was given, or else computed now.
    ///
    /// For keys that sign a digest and are willing to be given either.
    ///
    /// # Errors
    /// Where the message cannot be read; [`io::ErrorKind::InvalidInput`] where the digest that was
    /// given has another length than the algorithm's hash, or the algorithm signs no digest.
    pub fn digest(self, algorithm: SignatureAlgorithm) -> io::Result<Cow<'a, [u8]>> {
        let unfit = |problem| Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        match (algorithm.digest(), self) {
            (Some(hash), Self::Message(message)) => Ok(digest(hash, message)?.into()),
            (Some(hash), Self::Digest(digest)) if digest.len() == hash.digest_length() => {
                Ok(digest.into())
            }
            (Some(hash), Self::Digest(digest)) => {
                unfit(format!("a digest of {} octets was given for {hash}", digest.len()))
            }
            (None, _) => unfit(format!("{algorithm} signs no digest")),
        }
    }

    /// The message, for keys that sign nothing else.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where only a digest was given.
    pub fn message(self) -> io::Result<&'a dyn Message> {
        match self {
            Self::Message(message) => Ok(message),
            Self::Digest(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a digest was given where the message itself is signed",
            )),
        }
    }
}

/// A private key, wherever it lives.
pub trait Signer: Send + Sync {
    /// The algorithm of the signatures that it makes.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Its public key, a SubjectPublicKeyInfo in DER.
    fn public_key(&self) -> &[u8];

    /// Signs. The answer is what goes into the BIT STRING: for ECDSA an `Ecdsa-Sig-Value` in DER.
    ///
    /// # Errors
    /// Where the key cannot be used now; nothing was signed.
    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError>;

    /// Whether [`Signer::sign`] is to be given the message though the algorithm signs a digest.
    ///
    /// A signer of this kind has the CRL laid out once more for it.
    fn wants_message(&self) -> bool {
        self.algorithm().digest().is_none()
    }
}

/// Checks signatures.
pub trait Verifier: Send + Sync {
    /// Checks one signature.
    ///
    /// `public_key` is a SubjectPublicKeyInfo and `algorithm` an AlgorithmIdentifier, both in DER;
    /// `signature` is the content of the BIT STRING.
    ///
    /// # Errors
    /// [`VerifyError::UnsupportedAlgorithm`] where it does not know the algorithm: never `Ok`.
    fn verify(
        &self,
        public_key: &[u8],
        algorithm: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError>;

    /// Whether [`Verifier::verify`] is to be given the message though the algorithm signs a digest.
    ///
    /// For libraries that hash the message themselves. A CRL in the making is laid out once more
    /// for such a verifier.
    fn wants_message(&self) -> bool {
        false
    }
}

/// Has pointers sign and verify as what they point to does.
macro_rules! point {
    ($($pointer:ty),*) => {$(
        impl<T: Signer + ?Sized> Signer for $pointer {
            fn algorithm(&self) -> SignatureAlgorithm {
                (**self).algorithm()
            }

            fn public_key(&self) -> &[u8] {
                (**self).public_key()
            }

            fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
                (**self).sign(to_sign)
            }

            fn wants_message(&self) -> bool {
                (**self).wants_message()
            }
        }

        impl<T: Verifier + ?Sized> Verifier for $pointer {
            fn verify(
                &self,
                public_key: &[u8],
                algorithm: &[u8],
                signed: ToSign<'_>,
                signature: &[u8],
            ) -> Result<(), VerifyError> {
                (**self).verify(public_key, algorithm, signed, signature)
            }

            fn wants_message(&self) -> bool {
                (**self).wants_message()
            }
        }
    )*};
}

point!(&T, Box<T>, Arc<T>);

/// Has `signer` sign a message, and hands it what it takes: the digest or the message.
///
/// # Errors
/// Where the message cannot be read, or the signer refuses.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// use annul::{LocalVerifier, Signer, SigningKey, ToSign, Verifier, sign_message};
///
/// // The key of RFC 6979 §A.2.5.
/// let key = SigningKey::from_pem(
///     "-----BEGIN EC PRIVATE KEY-----\n\
///      MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n\
///      AwEH\n\
///      -----END EC PRIVATE KEY-----",
/// )?;
///
/// let message: &[u8] = b"sample";
/// let signature = sign_message(&key, &message)?;
/// let algorithm = key.algorithm().identifier();
/// LocalVerifier.verify(key.public_key(), algorithm, ToSign::Message(&message), &signature)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sign_message(signer: &dyn Signer, message: &dyn Message) -> Result<Vec<u8>, SigningError> {
    match signer.algorithm().digest() {
        Some(algorithm) if !signer.wants_message() => {
            signer.sign(ToSign::Digest(&digest(algorithm, message)?))
        }
        _ => signer.sign(ToSign::Message(message)),
    }
}

fn digest(algorithm: DigestAlgorithm, message: &dyn Message) -> io::Result<Vec<u8>> {
    let mut hasher = Hasher::new(algorithm);
    message.read(&mut |octets| hasher.update(octets))?;
    Ok(hasher.finish())
}
