//! What the errors of an object store mean to us.

use super::super::SinkError;
use object_store::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Read,
    Write,
}

pub(super) fn misconfigured(sink: &str, problem: &str, source: impl Into<Source>) -> SinkError {
    let source = Some(source.into());
    SinkError::Misconfigured { sink: sink.to_owned(), problem: problem.to_owned(), source }
}

pub(super) fn unavailable(sink: &str, source: impl Into<Source>) -> SinkError {
    SinkError::Unavailable { sink: sink.to_owned(), source: source.into() }
}

/// What failed.
pub(super) fn fault(sink: &str, deed: Deed, error: Error) -> SinkError {
    let problem = match &error {
        Error::NotFound { .. } => "there is no such bucket",
        Error::Unauthenticated { .. } => "the credentials are not accepted",
        Error::PermissionDenied { .. } if says(&error, &BAD_CREDENTIALS) => {
            "the credentials are not accepted"
        }
        Error::PermissionDenied { .. } if deed == Deed::Read => return SinkError::WriteOnly,
        Error::PermissionDenied { .. } => "writing there is not permitted",
        Error::InvalidPath { .. }
        | Error::UnknownConfigurationKey { .. }
        | Error::NotSupported { .. } => "its store cannot be used like this",
        Error::Generic { .. } if says(&error, &REFUSED) && !says(&error, &LATER) => {
            "its store refuses the request"
        }
        _ => return unavailable(sink, error),
    };
    misconfigured(sink, problem, error)
}

/// Whether it is the bucket that is not there, and not the object.
pub(super) fn lacks_bucket(error: &Error) -> bool {
    says(error, &["NoSuchBucket", "ContainerNotFound"])
}

/// The codes for keys that are wrong, which S3 and Azure answer with the same status as the lack of
/// a right.
const BAD_CREDENTIALS: [&str; 5] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
];

/// A status of the client's fault, and what the crate says where a request is sent elsewhere
/// without a word where to.
const REFUSED: [&str; 2] = ["status code: 4", "incorrectly configured region"];

/// A status 4xx that goes away by itself, and credentials that are about to be renewed.
const LATER: [&str; 4] =
    ["status code: 408", "status code: 425", "status code: 429", "ExpiredToken"];

/// Whether an error holds one of these. The crate has more to say than it has types for, and only
/// as a text.
fn says(error: &Error, texts: &[&str]) -> bool {
    let said = error.to_string();
    texts.iter().any(|text| said.contains(text))
}
