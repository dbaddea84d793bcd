//! What can go wrong while a CRL is made.

use crate::{
    asn1::Malformed,
    crl::CrlNumber,
    retry::Retry,
    serial::{Serial, SerialRef},
    signing::{SignatureAlgorithm, SigningError, VerifyError},
    time::Timestamp,
};
use std::{error::Error, io, time::Duration};

/// Why no CRL was made. Whatever had been laid out is gone, nothing became visible; only
/// [`CrlError::NotDurable`] says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// The issuer is no Name in DER, or an empty one (RFC 5280 §5.1.2.3).
    #[error("no issuer name that a CRL can carry (RFC 5280 §5.1.2.3)")]
    Issuer(#[source] Malformed),
    /// The issuer has no subject key identifier that the CRL could name (RFC 5280 §5.2.1).
    #[error("an empty authority key identifier (RFC 5280 §5.2.1)")]
    NoAuthorityKeyIdentifier,
    /// A CRL that is stale when it is made.
    #[error("nextUpdate {next_update} is not after thisUpdate {this_update}")]
    NextUpdate {
        /// When the CRL is issued.
        this_update: Timestamp,
        /// By when the next one is to be issued.
        next_update: Timestamp,
    },
    /// A distribution point that is nowhere.
    #[error("a distribution point without a URI")]
    NoUri,
    /// A URI that no extension can carry.
    #[error("{uri:?} is no absolute URI (RFC 5280 §4.2.1.6)")]
    Uri {
        /// What was given.
        uri: String,
    },
    /// A delta CRL adds to an earlier CRL (RFC 5280 §5.2.4).
    #[error("delta CRL {number} cannot add to CRL {base}, which is not before it")]
    Base {
        /// The number of the delta CRL.
        number: CrlNumber,
        /// The number of the CRL that it was to add to.
        base: CrlNumber,
    },
    /// Only a complete CRL says where a delta CRL is (RFC 5280 §5.2.6).
    #[error("delta CRL {number} cannot say where a fresher one is (RFC 5280 §5.2.6)")]
    FreshestOnDelta {
        /// The number of the delta CRL.
        number: CrlNumber,
    },
    /// An entry that cannot be appended to this CRL.
    #[error("{} cannot be appended: {problem}", SerialRef(.serial))]
    Appended {
        /// The content octets of its serial number.
        serial: Vec<u8>,
        /// Why not.
        problem: &'static str,
    },
    /// Two entries for one serial number.
    #[error("serial number {serial} is to be listed twice")]
    Duplicate {
        /// The serial number.
        serial: Serial,
    },
    /// The entries do not come in ascending order.
    #[error("serial number {serial} is to be listed after {previous}, which is higher")]
    OutOfOrder {
        /// The serial number.
        serial: Serial,
        /// The one before it.
        previous: Serial,
    },
    /// A revocation from the future of the CRL: there are verifiers that take the certificate
    /// for a good one.
    #[error("{serial} was revoked at {revocation_date}, after thisUpdate {this_update}")]
    RevokedAfterThisUpdate {
        /// The serial number.
        serial: Serial,
        /// When it was revoked.
        revocation_date: Timestamp,
        /// When the CRL is issued.
        this_update: Timestamp,
    },
    /// The entries could not be had from where they come.
    #[error("the entries of the CRL cannot be read")]
    Entries(#[source] Box<dyn Error + Send + Sync>),
    /// The entries were read more than once, and were not the same each time.
    #[error("the entries of CRL {number} changed while it was made")]
    EntriesChanged {
        /// The number of the CRL.
        number: CrlNumber,
    },
    /// The CRL is longer than allowed.
    #[error("CRL {number} would be {octets} octets long: at most {limit} are allowed")]
    TooLong {
        /// The number of the CRL.
        number: CrlNumber,
        /// How long it would be.
        octets: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// The issuer's key makes no signatures of this algorithm.
    #[error("the issuer's key makes no signatures of the algorithm {algorithm}")]
    OtherAlgorithm {
        /// The algorithm that was asked for.
        algorithm: SignatureAlgorithm,
    },
    /// The key in hand is not the issuer's.
    #[error("the public key of the signer is not that of the issuer")]
    WrongKey,
    /// The public key of the issuer is no SubjectPublicKeyInfo.
    #[error("the public key of the issuer cannot be used")]
    PublicKey(#[source] Malformed),
    /// The signer did not sign.
    #[error("CRL {number} could not be signed")]
    Signing {
        /// The number of the CRL.
        number: CrlNumber,
        /// Why not.
        #[source]
        source: SigningError,
    },
    /// The signature that was made could not be verified with the key of the issuer.
    #[error("the signature made over CRL {number} does not verify")]
    Verify {
        /// The number of the CRL.
        number: CrlNumber,
        /// Why not.
        #[source]
        source: VerifyError,
    },
    /// The output could not be written.
    #[error("the CRL cannot be written")]
    Stage(#[source] io::Error),
    /// The CRL was signed, verified, and is visible; but a crash may bring the one before it back.
    #[error("CRL {number} is visible, but may not survive a crash")]
    NotDurable {
        /// The number of the CRL.
        number: CrlNumber,
        /// What the stage says, a [`NotDurable`](crate::NotDurable) inside.
        #[source]
        source: io::Error,
    },
}

impl CrlError {
    /// Wraps what a source of entries has to complain of.
    pub fn entries(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Entries(source.into())
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        // A store or a disk that is out of order may be back soon.
        let later = Retry::After(Duration::from_secs(10));
        match self {
            Self::EntriesChanged { .. } => Retry::Now,
            Self::Signing { source, .. } => source.retry(),
            Self::Stage(error) if is_lasting(error.kind()) => Retry::Never,
            Self::Entries(_) | Self::Stage(_) | Self::NotDurable { .. } => later,
            _ => Retry::Never,
        }
    }
}

/// Whether what is in the way stays there until somebody changes something.
pub(crate) fn is_lasting(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::*;
    matches!(
        kind,
        NotFound
            | PermissionDenied
            | InvalidInput
            | InvalidFilename
            | NotADirectory
            | IsADirectory
            | ReadOnlyFilesystem
            | Unsupported
    )
}

/// Why octets are no prepared CRL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreparedCrlError {
    /// Written in a form that this version does not know.
    #[error("a prepared CRL of format {format}: this version reads format {known}")]
    Format {
        /// The format that the first octet names.
        format: u8,
        /// The format that is known.
        known: u8,
    },
    /// The octets are not those that were written.
    #[error("a damaged prepared CRL: its digest does not match")]
    Damaged,
    /// It holds something else.
    #[error("no prepared CRL")]
    Malformed(#[from] Malformed),
    /// It holds a CRL that would not be made here.
    #[error("a prepared CRL that breaks a rule")]
    Crl(#[from] CrlError),
}
