//! The steps of a request that waits, kept in the audit as what came over an API is.

use super::{NotAdmitted, Service};
use crate::{
    audit::{AuditError, AuditEvent, AuditOutcome},
    request::{
        AccessLevel, Action, CertificateId, ConfirmationToken, DeskError, Principal,
        RequestRefusal, RequestStage, Resource, RevocationRequest, Throttled,
    },
    retry::Retry,
    store::Store,
};
use std::time::Instant;

/// Why a request for revocation did not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The desk did not let it.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// Whoever asks may not.
    #[error("the authorizer does not allow it")]
    Denied,
    /// Whoever asks does so too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The audit could not be kept. What was asked for may have been done.
    #[error("the audit cannot be kept")]
    Audit(#[from] AuditError),
}

impl StepError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Desk(error) => error.retry(),
            Self::Denied => Retry::Never,
            Self::Throttled(throttled) => Retry::After(throttled.retry_after),
            Self::Audit(error) => error.retry(),
        }
    }

    /// What the audit says of it.
    fn outcome(&self) -> AuditOutcome {
        let code = match self {
            Self::Denied => "Denied",
            Self::Throttled(_) => "Throttled",
            Self::Desk(DeskError::AnothersCertificate) => "AnothersCertificate",
            Self::Desk(DeskError::NoRequest) => "NoRequest",
            Self::Desk(DeskError::Request(refusal)) => match refusal {
                RequestRefusal::NotWaiting { .. } => "NotWaiting",
                RequestRefusal::WrongToken => "WrongToken",
                RequestRefusal::NoTokenNeeded => "NoTokenNeeded",
                RequestRefusal::NotAnApprover { .. } => "NotAnApprover",
            },
            Self::Desk(DeskError::Authority(error)) if error.refusal().is_some() => "Refused",
            Self::Desk(_) | Self::Audit(_) => {
                return AuditOutcome::Failed { code: "Failed".to_owned() };
            }
        };
        AuditOutcome::Refused { code: code.to_owned() }
    }
}

/// An approval of a request for revocation.
const APPROVE: Action = Action::new("annul:ApproveRevocation", AccessLevel::Update);
/// The withdrawal of a request for revocation.
const WITHDRAW: Action = Action::new("annul:WithdrawRevocation", AccessLevel::Update);

impl<S: Store> Service<S> {
    /// What a contact [confirms](crate::Desk::confirm) with the token that was mailed to them.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn confirm(
        &self,
        certificate: CertificateId,
        token: &ConfirmationToken,
        now: Instant,
    ) -> Result<RevocationRequest, StepError> {
        let event = self.step("ConfirmRevocation", certificate, None);
        let answer = self.desk.confirm(certificate, token).map_err(StepError::from);
        self.conclude(event, answer, now)
    }

    /// What somebody [approves](crate::Desk::approve), who has been authenticated. An authorizer is
    /// asked for the action `annul:ApproveRevocation` on the identifier of the certificate.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn approve(
        &self,
        certificate: CertificateId,
        who: &Principal,
        now: Instant,
    ) -> Result<RevocationRequest, StepError> {
        let event = self.step("ApproveRevocation", certificate, Some(who));
        let answer = self
            .may(who, &APPROVE, certificate, now)
            .and_then(|()| Ok(self.desk.approve(certificate, who.name())?));
        self.conclude(event, answer, now)
    }

    /// [Takes back](crate::Desk::withdraw) a request of the account of whoever asks, who has been
    /// authenticated. An authorizer is asked for the action `annul:WithdrawRevocation` on the
    /// identifier of the certificate.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn withdraw(
        &self,
        certificate: CertificateId,
        who: &Principal,
        now: Instant,
    ) -> Result<RevocationRequest, StepError> {
        let event = self.step("WithdrawRevocation", certificate, Some(who));
        let answer = self
            .may(who, &WITHDRAW, certificate, now)
            .and_then(|()| Ok(self.desk.withdraw(certificate, who.account())?));
        self.conclude(event, answer, now)
    }

    fn may(
        &self,
        who: &Principal,
        action: &Action,
        certificate: CertificateId,
        now: Instant,
    ) -> Result<(), StepError> {
        self.admit(who, action.name(), now)?;
        Ok(self.authorize(who, action, &Resource::Named(certificate.to_string()))?)
    }

    fn step(
        &self,
        method: &str,
        certificate: CertificateId,
        who: Option<&Principal>,
    ) -> AuditEvent {
        let now = self.desk.authority().now();
        let mut event = AuditEvent::new(now, method, AuditOutcome::Done);
        event.target.named = certificate.to_string();
        if let Some(who) = who {
            (event.account, event.principal) = (who.account().to_owned(), who.name().to_owned());
        }
        if let CertificateId::Issued { issuer, serial } = certificate {
            (event.target.issuer, event.target.serial) = (Some(issuer), Some(serial));
        }
        event
    }

    fn conclude(
        &self,
        mut event: AuditEvent,
        answer: Result<RevocationRequest, StepError>,
        now: Instant,
    ) -> Result<RevocationRequest, StepError> {
        match &answer {
            Ok(request) => {
                event.reason = request.details.reason;
                if event.account.is_empty() {
                    event.account.clone_from(&request.account);
                }
                if let RequestStage::Waiting { .. } = request.stage {
                    event.outcome = AuditOutcome::Accepted;
                }
            }
            Err(error) => event.outcome = error.outcome(),
        }
        self.keep(&event, now)?;
        answer
    }
}

impl From<NotAdmitted> for StepError {
    fn from(not: NotAdmitted) -> Self {
        match not {
            NotAdmitted::Throttled(throttled) => Self::Throttled(throttled),
            NotAdmitted::Denied => Self::Denied,
        }
    }
}
