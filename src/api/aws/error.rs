//! What AWS Private CA answers where it does not do what it was asked to.

use super::super::{Unauthenticated, service::NotAdmitted};
use crate::{
    audit::AuditOutcome,
    authority::Error,
    lifecycle::Refusal,
    request::{DeskError, RequestRefusal},
};

/// What is wrong with the store is not the client's to know.
pub(super) const FAILED: &str = "the request has failed; it may be sent again";

/// In AWS's own words: Terraform's provider looks for them, and takes a certificate that says so for
/// one that needs no revocation.
const SELF_SIGNED: &str = "Self-signed certificate can not be revoked";

/// An error of the API: its type, as clients read it from `__type`, and what to say.
#[derive(Debug)]
pub(super) struct AwsError {
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// The nine of RevokeCertificate, the one more of audit reports, and those that all actions have in
/// common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An earlier update of the CA is still running.
    ConcurrentModification,
    /// An argument is not as it should be.
    InvalidArgs,
    /// The ARN names nothing.
    InvalidArn,
    /// It cannot be done, or is prohibited.
    InvalidRequest,
    /// The state forbids it.
    InvalidState,
    /// A quota is passed.
    LimitExceeded,
    /// It was done before.
    RequestAlreadyProcessed,
    /// It failed, for reasons that are not the client's.
    RequestFailed,
    /// The same request is still running.
    RequestInProgress,
    /// The CA, the certificate or the like is not there.
    ResourceNotFound,
    AccessDenied,
    IncompleteSignature,
    InvalidSignature,
    MissingAuthenticationToken,
    Serialization,
    Throttling,
    UnknownOperation,
    UnrecognizedClient,
    Validation,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ConcurrentModification => "ConcurrentModificationException",
            Self::InvalidArgs => "InvalidArgsException",
            Self::InvalidArn => "InvalidArnException",
            Self::InvalidRequest => "InvalidRequestException",
            Self::InvalidState => "InvalidStateException",
            Self::LimitExceeded => "LimitExceededException",
            Self::RequestAlreadyProcessed => "RequestAlreadyProcessedException",
            Self::RequestFailed => "RequestFailedException",
            Self::RequestInProgress => "RequestInProgressException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::AccessDenied => "AccessDeniedException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Serialization => "SerializationException",
            Self::Throttling => "ThrottlingException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::Validation => "ValidationException",
        }
    }

    /// What the audit says of it.
    pub(super) fn outcome(self) -> AuditOutcome {
        let code = self.name().to_owned();
        match self {
            // It may have been done, or will be.
            Self::RequestFailed | Self::ConcurrentModification => AuditOutcome::Failed { code },
            _ => AuditOutcome::Refused { code },
        }
    }

    pub(super) fn with(self, message: impl Into<String>) -> AwsError {
        AwsError { kind: self, message: message.into() }
    }
}

impl From<DeskError> for AwsError {
    fn from(error: DeskError) -> Self {
        let kind = match &error {
            DeskError::Authority(error) => return of_authority(error),
            DeskError::AnothersCertificate
            | DeskError::NoRequest
            | DeskError::Deleted { .. }
            | DeskError::NotKept => {
                // Whose it is, and whether it was, is none of their business.
                return Kind::ResourceNotFound.with("no such certificate");
            }
            DeskError::InProgress { .. } => Kind::RequestInProgress,
            DeskError::Request(RequestRefusal::NotWaiting { .. }) | DeskError::Withheld { .. } => {
                Kind::InvalidState
            }
            DeskError::QuotaExceeded { .. } => Kind::LimitExceeded,
            DeskError::Contended { .. } => Kind::ConcurrentModification,
            _ => Kind::InvalidRequest,
        };
        kind.with(error.to_string())
    }
}

impl From<Error> for AwsError {
    fn from(error: Error) -> Self {
        of_authority(&error)
    }
}

fn of_authority(error: &Error) -> AwsError {
    let kind = match (error, error.refusal()) {
        (_, Some(refusal)) => match refusal {
            Refusal::AlreadyRevoked { .. } => Kind::RequestAlreadyProcessed,
            Refusal::UnknownCertificate { .. }
            | Refusal::UnknownIssuer { .. }
            | Refusal::ForeignCertificate { .. } => {
                return Kind::ResourceNotFound.with("no such certificate");
            }
            Refusal::SelfSigned { .. } => return Kind::InvalidRequest.with(SELF_SIGNED),
            Refusal::Expired { .. }
            | Refusal::IssuerMayNotIssue { .. }
            | Refusal::NoWayBack { .. }
            | Refusal::AlreadyFallen { .. } => Kind::InvalidState,
            _ => Kind::InvalidRequest,
        },
        (Error::Contended { .. }, _) => Kind::ConcurrentModification,
        _ => return Kind::RequestFailed.with(FAILED),
    };
    kind.with(error.to_string())
}

impl From<NotAdmitted> for AwsError {
    fn from(not: NotAdmitted) -> Self {
        match not {
            NotAdmitted::Throttled(throttled) => Kind::Throttling.with(throttled.to_string()),
            NotAdmitted::Denied => {
                Kind::AccessDenied.with("you are not authorized to perform this action")
            }
        }
    }
}

impl From<Unauthenticated> for AwsError {
    fn from(error: Unauthenticated) -> Self {
        let kind = match &error {
            Unauthenticated::Unsigned => Kind::MissingAuthenticationToken,
            Unauthenticated::UnknownKey | Unauthenticated::AnotherToken => Kind::UnrecognizedClient,
            Unauthenticated::Malformed { .. }
            | Unauthenticated::Twice { .. }
            | Unauthenticated::TooLarge { .. }
            | Unauthenticated::Unsupported { .. }
            | Unauthenticated::NotCovered { .. } => Kind::IncompleteSignature,
            Unauthenticated::Credentials(_) => {
                return Kind::RequestFailed.with(FAILED);
            }
            _ => Kind::InvalidSignature,
        };
        kind.with(error.to_string())
    }
}
