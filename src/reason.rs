//! Why a certificate was revoked: RFC 5280 §5.3.1.

mod flags;

pub use self::flags::ReasonFlags;

use std::{fmt, str::FromStr};

/// A reason that a revocation can be recorded with.
///
/// ```asn1
/// CRLReason ::= ENUMERATED {
///      unspecified (0), keyCompromise (1), cACompromise (2), affiliationChanged (3),
///      superseded (4), cessationOfOperation (5), certificateHold (6),
///      -- value 7 is not used
///      removeFromCRL (8), privilegeWithdrawn (9), aACompromise (10) }
/// ```
///
/// `certificateHold` and `removeFromCRL` are missing on purpose: a revocation here is never taken
/// back, so neither can be written. [`ReasonCode`] reads them in what others made.
///
/// ```
/// use annul::Reason;
///
/// assert_eq!("keyCompromise".parse(), Ok(Reason::KeyCompromise));
/// assert!("certificateHold".parse::<Reason>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// No reason was named, explicitly. On a CRL it is the absence of a reason (RFC 5280 §5.3.1).
    Unspecified = 0,
    /// The subject's private key, or something as bad, is known to others.
    KeyCompromise = 1,
    /// As `KeyCompromise`, for the certificate of a CA.
    CaCompromise = 2,
    /// The subject's name or affiliation changed; no key is suspected.
    AffiliationChanged = 3,
    /// Another certificate took its place; no key is suspected.
    Superseded = 4,
    /// It is no longer needed; no key is suspected.
    CessationOfOperation = 5,
    /// A right that it attests was withdrawn.
    PrivilegeWithdrawn = 9,
    /// As `KeyCompromise`, for an attribute authority.
    AaCompromise = 10,
}

impl Reason {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The code of the ENUMERATED.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this code, if it is one that can be recorded.
    #[inline]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }

    /// The name that RFC 5280 gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no reason that can be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no reason that can be recorded: one of unspecified, keyCompromise, cACompromise, \
     affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, aACompromise"
)]
#[non_exhaustive]
pub struct UnknownReason {
    /// What was given.
    pub text: String,
}

impl FromStr for Reason {
    type Err = UnknownReason;

    /// Parses the RFC 5280 name, letter for letter.
    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.name() == text)
            .ok_or_else(|| UnknownReason { text: text.to_owned() })
    }
}

/// A reason as it stands in a CRL that anyone may have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonCode {
    /// One of those that can be recorded.
    Reason(Reason),
    /// `certificateHold` (6).
    CertificateHold,
    /// `removeFromCRL` (8), legal on delta CRLs only.
    RemoveFromCrl,
    /// A code that RFC 5280 does not assign, such as 7.
    Unassigned(u8),
}

impl ReasonCode {
    /// Reads the code of the ENUMERATED.
    pub fn from_code(code: u8) -> Self {
        match (Reason::from_code(code), code) {
            (Some(reason), _) => Self::Reason(reason),
            (None, 6) => Self::CertificateHold,
            (None, 8) => Self::RemoveFromCrl,
            (None, _) => Self::Unassigned(code),
        }
    }

    /// The code of the ENUMERATED.
    pub const fn code(self) -> u8 {
        match self {
            Self::Reason(reason) => reason.code(),
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::Unassigned(code) => code,
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reason(reason) => reason.fmt(f),
            Self::CertificateHold => f.write_str("certificateHold"),
            Self::RemoveFromCrl => f.write_str("removeFromCRL"),
            Self::Unassigned(code) => write!(f, "unassigned reason {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s45_the_eight_reasons_and_no_others() {
        let codes: Vec<u8> = (0..=u8::MAX).filter(|&c| Reason::from_code(c).is_some()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 9, 10]);
        for reason in Reason::ALL {
            assert_eq!(reason.name().parse(), Ok(reason));
        }
        for refused in ["certificateHold", "removeFromCRL", "KEY_COMPROMISE", "", "keycompromise"] {
            assert!(refused.parse::<Reason>().is_err(), "{refused}");
        }
    }

    #[test]
    fn every_code_reads_and_writes_back() {
        for code in 0..=u8::MAX {
            assert_eq!(ReasonCode::from_code(code).code(), code);
        }
    }
}
