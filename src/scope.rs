//! Which certificates a CRL is about, and what it is called where relying parties fetch it.

use crate::{issuer_id::IssuerId, partition::Partition};
use std::fmt;

/// The certificates of an issuer that a CRL is about (RFC 5280 §5.2.5).
///
/// Each scope has numbers of its own, which only rise; a complete CRL and the delta CRLs of one
/// scope share them (RFC 5280 §5.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// All of them. Its CRL has no issuing distribution point, so that every relying party takes
    /// it.
    #[default]
    Full,
    /// Those of CAs, and those of which it is not known.
    CaCertificates,
    /// Those of end entities, and those of which it is not known.
    UserCertificates,
    /// Those that were bound to this partition when their serial numbers were reserved.
    Partition(Partition),
}

impl Scope {
    /// What the keys of its records start with, after the issuer. None is the start of another.
    pub(crate) fn to_octets(self) -> Vec<u8> {
        match self {
            Self::Full => vec![0],
            Self::CaCertificates => vec![1],
            Self::UserCertificates => vec![2],
            Self::Partition(partition) => [&[3][..], &partition.0.to_be_bytes()].concat(),
        }
    }

    /// Reads what [`Scope::to_octets`] wrote.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        match *octets {
            [0] => Some(Self::Full),
            [1] => Some(Self::CaCertificates),
            [2] => Some(Self::UserCertificates),
            [3, a, b, c, d] => Some(Self::Partition(Partition(u32::from_be_bytes([a, b, c, d])))),
            _ => None,
        }
    }
}

/// A text that names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no scope: full, ca, user, or p and the number of a partition")]
pub struct BadScope;

/// What `Display` writes; also `partition:7` for `p7`.
///
/// ```
/// use annul::{Partition, Scope};
///
/// assert_eq!("ca".parse(), Ok(Scope::CaCertificates));
/// assert_eq!("partition:7".parse(), Ok(Scope::Partition(Partition(7))));
/// assert!("all".parse::<Scope>().is_err());
/// ```
impl std::str::FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        match text {
            "full" => Ok(Self::Full),
            "ca" => Ok(Self::CaCertificates),
            "user" => Ok(Self::UserCertificates),
            _ => {
                let number = text.strip_prefix("partition:").or_else(|| text.strip_prefix('p'));
                let number = number.and_then(|number| number.parse().ok()).ok_or(BadScope)?;
                Ok(Self::Partition(Partition(number)))
            }
        }
    }
}

/// `full`, `ca`, `user`, or `p` and the number of the partition.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::CaCertificates => f.write_str("ca"),
            Self::UserCertificates => f.write_str("user"),
            Self::Partition(partition) => write!(f, "p{partition}"),
        }
    }
}

/// The place where relying parties find one CRL, and after it those that replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlPlace {
    /// Whose CRL it is.
    pub issuer: IssuerId,
    /// What it is about.
    pub scope: Scope,
    /// Whether it is a delta CRL (RFC 5280 §5.2.4).
    pub delta: bool,
}

impl CrlPlace {
    /// The place of complete CRLs.
    pub const fn complete(issuer: IssuerId, scope: Scope) -> Self {
        Self { issuer, scope, delta: false }
    }

    /// The place of delta CRLs.
    pub const fn delta(issuer: IssuerId, scope: Scope) -> Self {
        Self { issuer, scope, delta: true }
    }

    /// The name of its file, and the last part of its URI.
    ///
    /// It starts with half of the issuer's id, so two keys under one name never share a URI.
    ///
    /// ```
    /// use annul::{CrlPlace, IssuerId, Scope};
    ///
    /// let issuer: IssuerId = "00112233445566778899aabbccddeeff".repeat(2).parse()?;
    /// let place = CrlPlace::complete(issuer, Scope::Full);
    /// assert_eq!(place.file_name(), "00112233445566778899aabbccddeeff.crl");
    /// let place = CrlPlace::delta(issuer, Scope::CaCertificates);
    /// assert_eq!(place.file_name(), "00112233445566778899aabbccddeeff-ca-delta.crl");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn file_name(&self) -> String {
        use std::fmt::Write;
        let mut name = String::new();
        for octet in self.issuer.as_octets().iter().take(16) {
            // Writing to a String does not fail.
            let _ = write!(name, "{octet:02x}");
        }
        if self.scope != Scope::Full {
            let _ = write!(name, "-{}", self.scope);
        }
        if self.delta {
            name.push_str("-delta");
        }
        name.push_str(".crl");
        name
    }
}

/// As its [file name](CrlPlace::file_name).
impl fmt::Display for CrlPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.file_name())
    }
}
