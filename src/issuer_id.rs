//! Who issued: a name and a key.

use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Names an issuer: SHA-256 over its subject Name and its SubjectPublicKeyInfo, both in DER.
///
/// RFC 5280 §5.1.2.3 names the issuer of a CRL, and its key identifier (§5.2.1) picks the key;
/// two keys under one name are two issuers, and so are two names with one key.
///
/// ```
/// use annul::IssuerId;
///
/// let id = IssuerId::of(b"a Name in DER", b"a SubjectPublicKeyInfo in DER");
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId([u8; 32]);

impl IssuerId {
    /// The id of the issuer with this subject Name and this SubjectPublicKeyInfo, both in DER.
    pub fn of(subject: &[u8], public_key: &[u8]) -> Self {
        Self(Sha256::new().chain_update(subject).chain_update(public_key).finalize().into())
    }

    /// Takes the 32 octets of an id.
    pub const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Its 32 octets.
    pub const fn as_octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A text that is no issuer id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no issuer id: 64 hexadecimal digits expected")]
#[non_exhaustive]
pub struct BadIssuerId {
    /// What was given.
    pub text: String,
}

impl FromStr for IssuerId {
    type Err = BadIssuerId;

    /// Parses 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, BadIssuerId> {
        let bad = || BadIssuerId { text: text.to_owned() };
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(bad)?;
        let mut octets = [0; 32];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            *octet = pair.iter().fold(0, |n, &digit| n << 4 | digit as u8);
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerId({self})")
    }
}
