//! What a desk calls a certificate.

use crate::{issuer_id::IssuerId, serial::Serial};
use std::{fmt, str::FromStr};

/// What a desk calls a certificate: a text that says nothing to whoever reads it, and never changes.
///
/// ```
/// use annul::{CertificateId, IssuerId};
///
/// let issuer = IssuerId::of(b"a Name in DER", b"a SubjectPublicKeyInfo in DER");
/// let id = CertificateId::Issued { issuer, serial: "e8:cb:d2".parse()? };
/// assert_eq!(id.to_string().parse(), Ok(id));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateId {
    /// The one with this serial number of this issuer.
    Issued {
        /// Its issuer.
        issuer: IssuerId,
        /// Its serial number.
        serial: Serial,
    },
    /// One that was uploaded: SHA-256 over its DER.
    Uploaded([u8; 32]),
}

/// A text that is no [`CertificateId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate identifier")]
#[non_exhaustive]
pub struct BadCertificateId;

const FIRST: usize = 32;

impl FromStr for CertificateId {
    type Err = BadCertificateId;

    /// Parses hexadecimal digits of either case: 64 of an upload, and more of what was issued here.
    fn from_str(text: &str) -> Result<Self, BadCertificateId> {
        const LONGEST: usize = 2 * (FIRST + 20);
        if !(2 * FIRST..=LONGEST).contains(&text.len()) || !text.len().is_multiple_of(2) {
            return Err(BadCertificateId);
        }
        let digit = |octet: u8| char::from(octet).to_digit(16);
        let octet = |pair: &[u8]| match pair {
            [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => None,
        };
        let octets: Option<Vec<u8>> = text.as_bytes().chunks(2).map(octet).collect();
        let octets = octets.ok_or(BadCertificateId)?;
        let (first, rest) = octets.split_first_chunk().ok_or(BadCertificateId)?;
        if rest.is_empty() {
            return Ok(Self::Uploaded(*first));
        }
        let serial = Serial::from_octets(rest).map_err(|_| BadCertificateId)?;
        Ok(Self::Issued { issuer: IssuerId::from_octets(*first), serial })
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = match self {
            Self::Issued { issuer, serial } => (issuer.as_octets(), serial.as_octets()),
            Self::Uploaded(fingerprint) => (fingerprint, &[][..]),
        };
        first.iter().chain(rest).try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}
