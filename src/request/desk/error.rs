//! What can go wrong at a desk.

use super::super::life::{RequestRefusal, RevocationRequest};
use crate::{authority::Error, retry::Retry, store::StoreError, time::Timestamp};

/// Why a desk did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The authority did not, or the store failed. Where a request had been cleared before it stays
    /// so, unless the authority refused it for good: the same call goes on with it.
    #[error(transparent)]
    Authority(#[from] Error),
    /// The certificate is another account's.
    #[error("the certificate is another account's")]
    AnothersCertificate,
    /// Another request for its revocation is on its way.
    #[error("revocation was requested at {}, and is on its way", request.submitted_at)]
    InProgress {
        /// That request.
        request: Box<RevocationRequest>,
    },
    /// Nobody asked for its revocation here.
    #[error("no revocation of the certificate was requested")]
    NoRequest,
    /// The request does not go on like this.
    #[error(transparent)]
    Request(#[from] RequestRefusal),
    /// The account has requested as many revocations as it bought certificates.
    #[error("all {purchases} revocation requests of the account are used")]
    QuotaExceeded {
        /// How many certificates it bought.
        purchases: u64,
    },
    /// Without whoever asks, fewer people may approve than have to: it could never be cleared.
    #[error("{needed} have to approve, and only {eligible} others may")]
    TooFewApprovers {
        /// How many have to.
        needed: u32,
        /// How many may.
        eligible: usize,
    },
    /// What was shown before the second confirmation is not so any more: ask again.
    #[error("what was confirmed has changed meanwhile")]
    ConsentOutdated,
    /// Its revocation was requested, and since then it is neither shown nor handed out.
    #[error("the certificate is withheld: its revocation was requested at {since}")]
    Withheld {
        /// When that was.
        since: Timestamp,
    },
    /// It was deleted.
    #[error("the certificate was deleted at {at}")]
    Deleted {
        /// When.
        at: Timestamp,
    },
    /// It is neither revoked nor expired, so it cannot be deleted.
    #[error("only what is revoked or expired can be deleted")]
    DeleteForbidden,
    /// Nobody has uploaded it, or deposited its DER.
    #[error("the certificate itself is not kept here")]
    NotKept,
    /// It is one of a known issuer, so it is registered, not uploaded.
    #[error("a certificate that is issued here is not uploaded")]
    NotForeign,
    /// Others that wrote of the certificate or of the account were faster, many times over. It may
    /// have been done all the same: the same call goes on with it.
    #[error("other writers were faster {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        Self::Authority(error.into())
    }
}

impl DeskError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Authority(error) => error.retry(),
            Self::Contended { .. } => Retry::Now,
            _ => Retry::Never,
        }
    }
}
