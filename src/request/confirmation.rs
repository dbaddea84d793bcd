//! The token by which a contact confirms a request for revocation.

use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// What a contact is mailed, and gives back to confirm a request for revocation: 256 random bits,
/// written as 64 hexadecimal digits.
///
/// It counts once, and only while the request waits. It is shown once, when the request is made; only
/// its digest is kept, and it is compared in a time that does not hang on either.
///
/// ```
/// use annul::ConfirmationToken;
///
/// let text = "1f".repeat(32);
/// let token: ConfirmationToken = text.parse()?;
/// assert_eq!(token.to_string(), text);
/// assert_eq!(format!("{token:?}"), "ConfirmationToken(..)");
/// # Ok::<(), annul::BadConfirmationToken>(())
/// ```
pub struct ConfirmationToken([u8; 32]);

/// A text that is no [`ConfirmationToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no confirmation token: 64 hexadecimal digits are one")]
#[non_exhaustive]
pub struct BadConfirmationToken;

impl ConfirmationToken {
    /// The token of these octets, which nobody may be able to guess.
    pub(super) fn of(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    pub(super) fn digest(&self) -> TokenDigest {
        let digest = Sha256::new().chain_update(b"annul: a confirmation token\0");
        TokenDigest(digest.chain_update(self.0).finalize().into())
    }
}

/// What is kept of a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenDigest(pub(super) [u8; 32]);

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl FromStr for ConfirmationToken {
    type Err = BadConfirmationToken;

    fn from_str(text: &str) -> Result<Self, BadConfirmationToken> {
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(BadConfirmationToken)?;
        let mut octets = [0; 32];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            *octet = pair.iter().fold(0, |n, &digit| n << 4 | digit as u8);
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for ConfirmationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ConfirmationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfirmationToken(..)")
    }
}

impl Drop for ConfirmationToken {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
