//! Why nobody knows who sent a request.

use super::CredentialsError;
use crate::{retry::Retry, time::Timestamp};
use std::time::Duration;

/// A request that was not, as far as anyone can tell, sent by whom it says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unauthenticated {
    /// There is no signature.
    #[error("the request is not signed")]
    Unsigned,
    /// Something that a signature is made of is missing, or cannot be read.
    #[error("{what} is missing or malformed")]
    Malformed {
        /// The header, the parameter or the part of one.
        what: &'static str,
    },
    /// Something is there twice that can only have one value.
    #[error("{name} is there twice")]
    Twice {
        /// The header or the parameter.
        name: String,
    },
    /// There is more of something than anybody needs.
    #[error("there are more than {most} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: usize,
    },
    /// It is signed in a way that is not accepted here.
    #[error("{what} is not accepted here")]
    Unsupported {
        /// What it is signed with.
        what: &'static str,
    },
    /// The signature leaves out a header that it must cover.
    #[error("{header} is not signed")]
    NotCovered {
        /// The header.
        header: String,
    },
    /// It is signed for another region or service.
    #[error("the request is signed for another scope than {expected}")]
    AnotherScope {
        /// What it should be signed for.
        expected: String,
    },
    /// It was signed too long ago, or will be.
    #[error("the request is dated {date}, and accepted within {skew:?} of that")]
    Expired {
        /// When it says that it was signed.
        date: Timestamp,
        /// How much the clocks may differ.
        skew: Duration,
    },
    /// The body is not the one that was signed.
    #[error("the body is not the one that was signed")]
    AnotherBody,
    /// Nobody has this access key.
    #[error("nobody has this access key")]
    UnknownKey,
    /// The access key goes with another session token, or with none.
    #[error("the session token is not that of the access key")]
    AnotherToken,
    /// Whoever signed it did not know the secret, or what was signed has changed since.
    #[error("the signature is not that of the request")]
    Mismatch,
    /// The nonce was used before.
    #[error("the nonce was used before")]
    Replayed,
    /// More nonces came in a while than are remembered.
    #[error("too many requests to tell whether this one is new; try again in {retry_after:?}")]
    TooManyNonces {
        /// Not before then is there room again.
        retry_after: Duration,
    },
    /// The [`Credentials`](super::Credentials) cannot tell.
    #[error("the credentials cannot be asked")]
    Credentials(#[source] CredentialsError),
}

impl Unauthenticated {
    /// Whether sending the same request again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::TooManyNonces { retry_after } => Retry::After(*retry_after),
            Self::Credentials(_) => Retry::After(Duration::from_secs(1)),
            _ => Retry::Never,
        }
    }
}
