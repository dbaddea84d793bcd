//! What is answered where a certificate is not revoked: RFC 8555 §6.7, RFC 7807.

use super::super::{ApiResponse, service::NotAdmitted};
use crate::{audit::AuditOutcome, authority::Error, lifecycle::Refusal, request::DeskError};
use std::{borrow::Cow, time::Duration};

/// A problem: its type, and what to say.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// The types that are answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    AlreadyRevoked,
    BadRevocationReason,
    Malformed,
    /// `malformed` too, as there is no type for it.
    NotFound,
    RateLimited,
    ServerInternal,
    Unauthorized,
    UserActionRequired,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::AlreadyRevoked => "alreadyRevoked",
            Self::BadRevocationReason => "badRevocationReason",
            Self::Malformed | Self::NotFound => "malformed",
            Self::RateLimited => "rateLimited",
            Self::ServerInternal => "serverInternal",
            Self::Unauthorized => "unauthorized",
            Self::UserActionRequired => "userActionRequired",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::AlreadyRevoked | Self::BadRevocationReason | Self::Malformed => 400,
            Self::Unauthorized | Self::UserActionRequired => 403,
            Self::NotFound => 404,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
        }
    }

    pub(super) fn with(self, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem { kind: self, detail: detail.into(), retry_after: None }
    }
}

impl Problem {
    /// What the audit says of it.
    pub(super) fn outcome(&self, known: AuditOutcome) -> AuditOutcome {
        let code = self.kind.name().to_owned();
        match self.kind {
            Kind::ServerInternal => AuditOutcome::Failed { code },
            // The request was taken, now or before.
            Kind::UserActionRequired if known == AuditOutcome::Done => AuditOutcome::Repeated,
            Kind::UserActionRequired => known,
            _ => AuditOutcome::Refused { code },
        }
    }

    /// A request is on its way, and the certificate is not revoked yet.
    pub(super) fn waiting() -> Self {
        let detail = "the revocation was requested, and waits to be confirmed or approved";
        Kind::UserActionRequired.with(detail)
    }
}

impl From<Problem> for ApiResponse {
    fn from(problem: Problem) -> Self {
        let Problem { kind, detail, retry_after } = problem;
        let name = format!("urn:ietf:params:acme:error:{}", kind.name());
        let body = serde_json::json!({ "type": name, "detail": detail, "status": kind.status() });
        let mut headers = vec![("content-type", "application/problem+json".to_owned())];
        if let Some(wait) = retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.push(("retry-after", seconds.to_string()));
        }
        Self { status: kind.status(), headers, body: body.to_string().into_bytes() }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Authority(error) => error.into(),
            DeskError::InProgress { .. } => Self::waiting(),
            DeskError::AnothersCertificate => {
                Kind::Unauthorized.with("the certificate is another account's")
            }
            DeskError::Deleted { .. } => Kind::NotFound.with("the certificate was deleted"),
            // Not `rateLimited`, which says that time helps: clients would send it again and again.
            DeskError::QuotaExceeded { .. } => {
                Kind::Unauthorized.with("the account may request no more revocations")
            }
            _ => failed(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match (&error, error.refusal()) {
            (_, Some(refusal)) => match refusal {
                Refusal::AlreadyRevoked { .. } => {
                    Kind::AlreadyRevoked.with("the certificate is revoked already")
                }
                Refusal::UnknownCertificate { .. }
                | Refusal::UnknownIssuer { .. }
                | Refusal::ForeignCertificate { .. } => not_issued(),
                Refusal::SerialTaken { .. } => Kind::ServerInternal
                    .with("another certificate is recorded with its serial number"),
                Refusal::Expired { .. } => Kind::Unauthorized.with("the certificate has expired"),
                Refusal::SelfSigned { .. } => {
                    Kind::Unauthorized.with("the certificate is that of its own issuer")
                }
                _ => Kind::Unauthorized.with("the certificate cannot be revoked now"),
            },
            // Whoever signed it with what nobody here knows, it was not an issuer of ours.
            (Error::Unverified(_), _) => not_issued(),
            (Error::Serial(_), _) => Kind::Malformed.with("no such serial number can be revoked"),
            // What is wrong with the store is not the client's to know.
            _ => failed(),
        }
    }
}

impl From<NotAdmitted> for Problem {
    fn from(not: NotAdmitted) -> Self {
        match not {
            NotAdmitted::Throttled(throttled) => Self {
                retry_after: Some(throttled.retry_after),
                ..Kind::RateLimited.with("called too often")
            },
            NotAdmitted::Denied => Kind::Unauthorized.with("this is not allowed"),
        }
    }
}

fn not_issued() -> Problem {
    Kind::NotFound.with("the certificate was not issued here")
}

pub(super) fn failed() -> Problem {
    Kind::ServerInternal.with("the request has failed; it may be sent again")
}
