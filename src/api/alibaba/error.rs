//! What the service answers where it does not do what it was asked to.

use super::super::{Unauthenticated, service::NotAdmitted};
use crate::{
    audit::AuditOutcome,
    authority::Error,
    lifecycle::Refusal,
    request::{DeskError, IdempotencyError},
    retry::Retry,
};
use std::{fmt::Display, time::Duration};

/// An error of the API: its code, as clients read it from `Code`, and what to say.
#[derive(Debug)]
pub(super) struct AlibabaError {
    pub(super) kind: Kind,
    pub(super) message: String,
    /// When the same request may be answered otherwise, if that is known.
    pub(super) retry_after: Option<Duration>,
}

/// The codes that all services of Alibaba Cloud have in common, and some of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Others were faster; it may be sent again.
    Conflict,
    /// The token was sent with other arguments.
    IdempotentParameterMismatch,
    IncompleteSignature,
    InternalError,
    InvalidParameter,
    /// The status of the certificate or of the CA forbids it.
    InvalidStatus,
    InvalidToken,
    InvalidVersion,
    MissingParameter,
    NoPermission,
    NonceUsed,
    NotFound,
    /// The rules forbid it.
    OperationDenied,
    QuotaExceeded,
    ServiceUnavailable,
    SignatureDoesNotMatch,
    Throttling,
    TimestampExpired,
    TooLarge,
    UnknownAccessKey,
    UnknownAction,
}

impl Kind {
    pub(super) const fn code(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status code.
    pub(super) const fn status(self) -> u16 {
        self.facts().1
    }

    const fn facts(self) -> (&'static str, u16) {
        match self {
            Self::Conflict => ("OperationConflict", 409),
            Self::IdempotentParameterMismatch => ("IdempotentParameterMismatch", 400),
            Self::IncompleteSignature => ("IncompleteSignature", 400),
            Self::InternalError => ("InternalError", 500),
            Self::InvalidParameter => ("InvalidParameter", 400),
            Self::InvalidStatus => ("InvalidStatus", 400),
            Self::InvalidToken => ("InvalidSecurityToken.MismatchWithAccessKey", 400),
            Self::InvalidVersion => ("InvalidVersion", 400),
            Self::MissingParameter => ("MissingParameter", 400),
            Self::NoPermission => ("NoPermission", 403),
            Self::NonceUsed => ("SignatureNonceUsed", 400),
            Self::NotFound => ("NotFound", 404),
            Self::OperationDenied => ("OperationDenied", 403),
            Self::QuotaExceeded => ("QuotaExceeded", 400),
            Self::ServiceUnavailable => ("ServiceUnavailable", 503),
            Self::SignatureDoesNotMatch => ("SignatureDoesNotMatch", 400),
            Self::Throttling => ("Throttling.User", 429),
            Self::TimestampExpired => ("InvalidTimeStamp.Expired", 400),
            Self::TooLarge => ("RequestEntityTooLarge", 413),
            Self::UnknownAccessKey => ("InvalidAccessKeyId.NotFound", 404),
            Self::UnknownAction => ("InvalidAction.NotFound", 404),
        }
    }

    /// What the audit says of it.
    pub(super) fn outcome(self) -> AuditOutcome {
        let code = self.code().to_owned();
        match (self, self.status()) {
            // It may have been done, or will be.
            (Self::Conflict, _) | (_, 500..) => AuditOutcome::Failed { code },
            _ => AuditOutcome::Refused { code },
        }
    }

    pub(super) fn with(self, message: impl Into<String>) -> AlibabaError {
        AlibabaError { kind: self, message: message.into(), retry_after: None }
    }

    /// About a parameter: what it may be, or what is wrong with it.
    pub(super) fn of(self, parameter: &str, what: impl Display) -> AlibabaError {
        self.with(format!("the parameter {parameter} is not valid: {what}"))
    }
}

/// Nothing has that identifier, or whoever asks may not know that something has.
pub(super) fn not_found() -> AlibabaError {
    Kind::NotFound.with("there is no certificate with this identifier")
}

/// A failure that is not the client's, and of which they need not know more.
fn failure(retry: Retry) -> AlibabaError {
    match retry {
        Retry::Never => Kind::InternalError.with("the request has failed"),
        _ => Kind::ServiceUnavailable.with("the request has failed; it may be sent again"),
    }
}

impl From<DeskError> for AlibabaError {
    fn from(error: DeskError) -> Self {
        let kind = match &error {
            DeskError::Authority(error) => return of_authority(error),
            // Whose it is, and whether it was, is none of their business.
            DeskError::AnothersCertificate
            | DeskError::Deleted { .. }
            | DeskError::NoRequest
            | DeskError::NotKept => return not_found(),
            DeskError::InProgress { .. }
            | DeskError::Request(_)
            | DeskError::Withheld { .. }
            | DeskError::DeleteForbidden => Kind::InvalidStatus,
            DeskError::QuotaExceeded { .. } => Kind::QuotaExceeded,
            DeskError::Contended { .. } => Kind::Conflict,
            _ => return Kind::OperationDenied.with("the request is not allowed"),
        };
        kind.with(error.to_string())
    }
}

impl From<Error> for AlibabaError {
    fn from(error: Error) -> Self {
        of_authority(&error)
    }
}

fn of_authority(error: &Error) -> AlibabaError {
    let kind = match (error, error.refusal()) {
        (_, Some(refusal)) => match refusal {
            Refusal::UnknownCertificate { .. }
            | Refusal::UnknownIssuer { .. }
            | Refusal::ForeignCertificate { .. } => return not_found(),
            Refusal::AlreadyRevoked { .. }
            | Refusal::AlreadyFallen { .. }
            | Refusal::Expired { .. }
            | Refusal::SelfSigned { .. } => Kind::InvalidStatus,
            _ => Kind::OperationDenied,
        },
        (Error::Contended { .. }, _) => Kind::Conflict,
        _ => return failure(error.retry()),
    };
    // The issuer in some of these is nothing that the client knows.
    match error.refusal() {
        Some(Refusal::AlreadyFallen { fall, .. }) => {
            kind.with(format!("the CA was revoked already, on {}", fall.date))
        }
        _ => kind.with(error.to_string()),
    }
}

impl From<IdempotencyError> for AlibabaError {
    fn from(error: IdempotencyError) -> Self {
        let kind = match &error {
            IdempotencyError::OtherArguments { .. } | IdempotencyError::Overtaken => {
                Kind::IdempotentParameterMismatch
            }
            IdempotencyError::Contended { .. } => Kind::Conflict,
            IdempotencyError::Store(error) => return failure(error.retry()),
        };
        kind.with(error.to_string())
    }
}

impl From<NotAdmitted> for AlibabaError {
    fn from(not: NotAdmitted) -> Self {
        match not {
            NotAdmitted::Throttled(throttled) => Self {
                retry_after: Some(throttled.retry_after),
                ..Kind::Throttling.with(throttled.to_string())
            },
            NotAdmitted::Denied => {
                Kind::NoPermission.with("you are not authorized to perform this action")
            }
        }
    }
}

impl From<Unauthenticated> for AlibabaError {
    fn from(error: Unauthenticated) -> Self {
        let kind = match &error {
            Unauthenticated::Unsigned => {
                return Kind::MissingParameter.of("Signature", "it is missing");
            }
            Unauthenticated::UnknownKey => Kind::UnknownAccessKey,
            Unauthenticated::AnotherToken => Kind::InvalidToken,
            Unauthenticated::Twice { .. } => Kind::InvalidParameter,
            Unauthenticated::TooLarge { .. } => Kind::TooLarge,
            Unauthenticated::Malformed { .. }
            | Unauthenticated::Unsupported { .. }
            | Unauthenticated::NotCovered { .. } => Kind::IncompleteSignature,
            Unauthenticated::Expired { .. } => Kind::TimestampExpired,
            Unauthenticated::Replayed => Kind::NonceUsed,
            Unauthenticated::TooManyNonces { retry_after } => {
                return Self {
                    retry_after: Some(*retry_after),
                    ..Kind::Throttling.with(error.to_string())
                };
            }
            Unauthenticated::Credentials(_) => return failure(error.retry()),
            _ => Kind::SignatureDoesNotMatch,
        };
        kind.with(error.to_string())
    }
}
