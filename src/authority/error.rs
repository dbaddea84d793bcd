//! What can go wrong at the front door.

use super::{CannotImport, NoProof, Publication, distribution::DistributionError};
use crate::{
    crl::{CrlError, CrlNumber, PreparedCrlError},
    issuer::IssuerError,
    issuer_id::IssuerId,
    lifecycle::{Refusal, Standing},
    log::Position,
    retry::Retry,
    scope::Scope,
    serial::SerialError,
    signing::VerifyError,
    store::StoreError,
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

/// Why a call of the [`Authority`](crate::Authority) did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rules do not allow it. Nothing was recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The certificate was revoked before; nothing was recorded now. The original stands, and this is
    /// how far it has come.
    #[error("{refusal}: {publication}")]
    AlreadyRevoked {
        /// What was recorded: [`Refusal::AlreadyRevoked`].
        refusal: Box<Refusal>,
        /// Whether relying parties can see it.
        publication: Box<Publication>,
    },
    /// The store failed. Unless it says that there was a conflict, whether the command was
    /// recorded is not known: repeat it, and an `AlreadyRevoked` with your data means that it was.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other writers were faster, many times over. Nothing was recorded.
    #[error("other writers were faster {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The durable write of many that this item or command was part of failed, for this reason.
    #[error("the batch failed")]
    WholeBatch(#[source] Arc<Error>),
    /// CA certificates that do not make an issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// A serial number that cannot be issued or revoked.
    #[error(transparent)]
    Serial(#[from] SerialError),
    /// The signature of a certificate could not be checked, so it proves nothing.
    #[error("the certificate's signature could not be checked")]
    Unverified(#[source] VerifyError),
    /// The certificate names this issuer as its parent, and another was expected.
    #[error("issuer {expected} did not issue this CA certificate")]
    WrongParent {
        /// The issuer that was expected.
        expected: IssuerId,
    },
    /// None of the CA certificates has a parent in the record, and none was declared external.
    #[error(
        "no known issuer issued this CA certificate: add its parent first, or declare that the \
         parent is external"
    )]
    NoParent,
    /// A random number was needed, and the operating system gave none.
    #[error("no random number could be had")]
    Random(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A CRL could not be made. The number that was reserved for it is used up, which is legal.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// A CRL that was prepared could not be assembled.
    #[error(transparent)]
    PreparedCrl(#[from] PreparedCrlError),
    /// The issuer may not, or cannot, sign a CRL.
    #[error("issuer {issuer} cannot sign a CRL: {problem}")]
    CannotSignCrls {
        /// The issuer.
        issuer: IssuerId,
        /// Why not.
        problem: CannotSign,
    },
    /// A validity that the policy, or the issuer's own notAfter, does not allow.
    #[error("nextUpdate {next_update} is past {latest}: {problem}")]
    NextUpdateTooLate {
        /// What was asked for.
        next_update: Timestamp,
        /// The latest that is allowed.
        latest: Timestamp,
        /// What limits it.
        problem: &'static str,
    },
    /// The clock is behind what was recorded before: thisUpdate would have to be later than it.
    #[error("the clock says {now}, but {what} is {recorded}: set the clock, or wait")]
    ClockBehind {
        /// What the clock says.
        now: Timestamp,
        /// What is later.
        what: &'static str,
        /// When that is.
        recorded: Timestamp,
    },
    /// The clock is behind that of whoever prepared the CRL: relying parties would not take it yet.
    #[error(
        "the clock says {now}, but the CRL was prepared at {this_update}: set the clock, or wait"
    )]
    ClockAhead {
        /// What the clock says.
        now: Timestamp,
        /// The thisUpdate of the CRL.
        this_update: Timestamp,
    },
    /// A delta CRL cannot be made now: a complete one must be released first.
    #[error(
        "a complete CRL of issuer {issuer}, scope {scope}, must come before a delta: {problem}"
    )]
    NeedsBase {
        /// The issuer.
        issuer: IssuerId,
        /// What it would be about.
        scope: Scope,
        /// Why.
        problem: NeedsBase,
    },
    /// The issuing distribution point of such a CRL has to name a URI (RFC 5280 §5.2.5), and none
    /// was set: [`Authority::set_distribution`](crate::Authority::set_distribution).
    #[error("no URI is set for the CRL of issuer {issuer}, scope {scope} (RFC 5280 §5.2.5)")]
    NoDistributionPoint {
        /// The issuer.
        issuer: IssuerId,
        /// What it would be about.
        scope: Scope,
    },
    /// Another CRL of the scope was released meanwhile, with a higher number.
    #[error("CRL {number} of issuer {issuer}, scope {scope}, comes too late: {by} was released")]
    Overtaken {
        /// The issuer.
        issuer: IssuerId,
        /// What it is about.
        scope: Scope,
        /// Its number.
        number: CrlNumber,
        /// The number of the other.
        by: CrlNumber,
    },
    /// The store shows less of a log than is known to exist: a replica that lags, or an older copy.
    #[error(
        "the log of issuer {issuer} is known up to position {wanted}, and the store shows it up \
         to {at}"
    )]
    Behind {
        /// Whose log.
        issuer: IssuerId,
        /// How far the store shows it; 0 also where it does not know the issuer.
        at: Position,
        /// How far it was to go.
        wanted: Position,
    },
    /// The log is another than the one that was known: an older copy of the store was restored and
    /// went on, or it is another record of the same CA. Answers from one say nothing of the other.
    #[error("the log of issuer {issuer} is not the one that was known up to position {position}")]
    Forked {
        /// Whose log.
        issuer: IssuerId,
        /// How far it was known.
        position: Position,
    },
    /// The CRL that was to show what may leave the live set does not. Nothing left because of it.
    #[error("this CRL does not show what may leave of issuer {issuer}")]
    NoProof {
        /// The issuer.
        issuer: IssuerId,
        /// Why not.
        #[source]
        problem: NoProof,
    },
    /// The CRLs of the issuer cannot be distributed like this. Nothing was recorded.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// A CRL, or the database of a CA, cannot be imported. Nothing was recorded.
    #[error("what was to be imported of issuer {issuer} cannot be: {}", named(*crl))]
    CannotImport {
        /// The issuer.
        issuer: IssuerId,
        /// Which of the CRLs, in the order in which they were given, from 0; `None` for the
        /// database.
        crl: Option<usize>,
        /// What is wrong with it.
        #[source]
        problem: CannotImport,
    },
    /// The numbers of a scope are used up, at 2^159 - 1.
    #[error("no CRL number is left after {last}")]
    NumbersExhausted {
        /// The last number.
        last: CrlNumber,
    },
}

/// Why a complete CRL must be released before a delta CRL (RFC 5280 §5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeedsBase {
    /// None was released yet, or not by every sink.
    #[error("none was released")]
    NothingReleased,
    /// The issuer is down, or has fallen since: no delta spans that.
    #[error("the issuer is down")]
    Fallen,
    /// Entries left the live set since.
    #[error("the record was compacted since the last")]
    Compacted,
}

fn named(crl: Option<usize>) -> String {
    crl.map_or_else(|| "the database".to_owned(), |place| format!("CRL {place}, counted from 0"))
}

/// Why an issuer cannot sign a CRL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotSign {
    /// RFC 5280 §4.2.1.3: keyUsage is there and does not assert cRLSign.
    #[error("its keyUsage lacks cRLSign (RFC 5280 §4.2.1.3)")]
    KeyUsage,
    /// All its certificates have expired.
    #[error("it expired at {not_after}")]
    Expired {
        /// The latest notAfter of its certificates.
        not_after: Timestamp,
    },
    /// Its last CRL went out; only another last one may follow.
    #[error("the last CRL of its scope {scope} was released")]
    Ended {
        /// What it was about.
        scope: Scope,
    },
    /// RFC 5280 §5.2.1 wants the subjectKeyIdentifier, and no certificate has one. The policy can
    /// allow to derive it from the key.
    #[error("its certificates have no subjectKeyIdentifier (RFC 5280 §5.2.1)")]
    NoKeyIdentifier,
}

impl Error {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Crl(error) => error.retry(),
            Self::WholeBatch(error) => error.retry(),
            Self::Contended { .. } | Self::Overtaken { .. } => Retry::Now,
            Self::ClockAhead { now, this_update } => {
                Retry::After(this_update.saturating_since(*now))
            }
            Self::Random(_) | Self::Behind { .. } => Retry::After(Duration::from_secs(1)),
            Self::ClockBehind { now, recorded, .. } => {
                Retry::After(recorded.saturating_since(*now))
            }
            _ => Retry::Never,
        }
    }

    /// What each of so many items is told of an error that concerns them all.
    pub(crate) fn of_each(items: usize, error: Self) -> Vec<Self> {
        if items == 1 {
            return vec![error];
        }
        let error = Arc::new(error);
        (0..items).map(|_| Self::WholeBatch(Arc::clone(&error))).collect()
    }

    /// The refusal, if that is what it is.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::AlreadyRevoked { refusal, .. } => Some(refusal),
            Self::WholeBatch(error) => error.refusal(),
            _ => None,
        }
    }

    /// The standing that made an issuer unable to issue, if that is what it is.
    pub fn standing(&self) -> Option<&Standing> {
        match self.refusal() {
            Some(Refusal::IssuerMayNotIssue { standing, .. }) => Some(standing),
            _ => None,
        }
    }
}
