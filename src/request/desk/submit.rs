//! What is said and answered at a desk when a revocation is requested.

use super::Consent;
use crate::{
    lifecycle::RevocationDetails,
    log::CommandId,
    reason::Reason,
    request::{
        confirmation::ConfirmationToken, identifier::CertificateId, life::RevocationRequest,
    },
};

/// A request that a certificate be revoked.
#[derive(Clone, Debug)]
pub struct Submit {
    pub(super) certificate: CertificateId,
    pub(super) account: String,
    pub(super) submitted_by: Option<String>,
    pub(super) details: RevocationDetails,
    pub(super) command: Option<CommandId>,
    pub(super) consent: Option<Consent>,
}

impl Submit {
    /// Asks for an account that a certificate be revoked, as of when that is recorded, without a
    /// reason.
    pub fn new(certificate: CertificateId, account: impl Into<String>) -> Self {
        Self {
            certificate,
            account: account.into(),
            submitted_by: None,
            details: RevocationDetails::default(),
            command: None,
            consent: None,
        }
    }

    /// What it is about.
    pub fn certificate(&self) -> CertificateId {
        self.certificate
    }

    /// Says who of the account asks, by the name that a [`Quorum`](crate::Quorum) would have for them: who
    /// asks cannot approve.
    #[must_use]
    pub fn by(mut self, name: impl Into<String>) -> Self {
        self.submitted_by = Some(name.into());
        self
    }

    /// Says why.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.details.reason = Some(reason);
        self
    }

    /// Sets the reason and the dates.
    #[must_use]
    pub fn with_details(mut self, details: RevocationDetails) -> Self {
        self.details = details;
        self
    }

    /// Names the request, so that the same one again is answered as before though it was recorded
    /// meanwhile. [`Idempotency`](crate::Idempotency) gives such names; a random one is drawn
    /// otherwise.
    #[must_use]
    pub fn with_command(mut self, command: CommandId) -> Self {
        self.command = Some(command);
        self
    }

    /// Says that somebody was shown the [`Consequences`](super::Consequences), and confirmed them.
    #[must_use]
    pub fn with_consent(mut self, consent: Consent) -> Self {
        self.consent = Some(consent);
        self
    }
}

/// A request that was submitted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Submitted {
    /// The request, as far as it has come.
    pub request: RevocationRequest,
    /// The token that a contact has to give back, shown only now. Where it is lost, as where the
    /// answer to the request was, [`Desk::renew_confirmation`](super::Desk::renew_confirmation) makes another.
    pub token: Option<ConfirmationToken>,
    /// Whether it had been submitted before, and nothing was done now but to go on with it.
    pub repeated: bool,
}

impl Submit {
    /// Whether this is that request, which is on its way or was named as this one is.
    pub(super) fn is(&self, known: &RevocationRequest) -> bool {
        let is_on_its_way = known.is_alive() && known.completed_at().is_none();
        let is_named = self.command == Some(known.id);
        known.account == self.account
            && known.details == self.details
            && (is_named || (is_on_its_way && self.command.is_none()))
    }
}
