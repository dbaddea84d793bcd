//! What stands before every operation, whatever API it belongs to.

mod steps;

pub use self::steps::StepError;

use crate::{
    audit::{Audit, AuditError, AuditEvent, AuditOutcome},
    request::{
        Action, Authorizer, CertificateId, ConfirmationToken, Desk, DeskError, Principal,
        RequestStage, Resource, RevocationRequest, Submit, Submitted, Throttle, Throttled,
    },
    store::Store,
};
use std::{fmt, sync::Arc, time::Instant};

/// A [`Desk`], and who may ask it how often.
///
/// One throttle counts for all APIs that share it, and for each operation on its own.
pub struct Service<S: Store> {
    desk: Arc<Desk<S>>,
    authorizer: Option<Box<dyn Authorizer>>,
    throttle: Throttle,
    audit: Option<Box<dyn Keeps>>,
    confirmations: Option<Box<Confirmations>>,
}

/// Is given the token of a request that waits for it.
type Confirmations = dyn Fn(CertificateId, &RevocationRequest, &ConfirmationToken) + Send + Sync;

/// An audit, in whatever store.
trait Keeps: fmt::Debug + Send + Sync {
    fn keep(&self, event: &AuditEvent, now: Instant) -> Result<(), AuditError>;
}

impl<S: Store> Keeps for Arc<Audit<S>> {
    fn keep(&self, event: &AuditEvent, now: Instant) -> Result<(), AuditError> {
        self.record(event, now).map(|_| ())
    }
}

/// Why an operation is not even looked at.
#[derive(Debug)]
pub(super) enum NotAdmitted {
    Throttled(Throttled),
    Denied,
}

impl<S: Store> Service<S> {
    /// Whoever is authenticated may ask for what is their account's, ten times a second and
    /// operation.
    pub fn new(desk: Arc<Desk<S>>) -> Self {
        Self {
            desk,
            authorizer: None,
            throttle: Throttle::default(),
            audit: None,
            confirmations: None,
        }
    }

    /// Asks this one before anything is done. What it does not allow is denied.
    #[must_use]
    pub fn with_authorizer(mut self, authorizer: impl Authorizer + 'static) -> Self {
        self.authorizer = Some(Box::new(authorizer));
        self
    }

    /// Lets so many calls through.
    #[must_use]
    pub fn with_throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = throttle;
        self
    }

    /// Keeps an audit of all that was asked for and changes something, and of all that was refused.
    /// Where it cannot be kept, the answer is that the request failed, though it may have been done.
    #[must_use]
    pub fn with_audit<T: Store + 'static>(mut self, audit: Arc<Audit<T>>) -> Self {
        self.audit = Some(Box::new(audit));
        self
    }

    /// Has the token of each request that waits for one sent to a contact by this function, which should
    /// not take long. Where the process ends before it was sent, the same request again has another one
    /// sent; a mail that gets lost is for whoever embeds this to
    /// [write anew](Desk::renew_confirmation).
    #[must_use]
    pub fn with_confirmations(
        mut self,
        send: impl Fn(CertificateId, &RevocationRequest, &ConfirmationToken) + Send + Sync + 'static,
    ) -> Self {
        self.confirmations = Some(Box::new(send));
        self
    }

    /// The desk.
    pub fn desk(&self) -> &Arc<Desk<S>> {
        &self.desk
    }

    /// Hands a request in at the desk, has its token sent, and notes what came of it.
    pub(super) fn submit(
        &self,
        submit: &Submit,
        event: &mut AuditEvent,
    ) -> Result<Submitted, DeskError> {
        let submitted = self.desk.submit(submit)?;
        event.outcome = match submitted.request.stage {
            _ if submitted.repeated => AuditOutcome::Repeated,
            RequestStage::Waiting { .. } => AuditOutcome::Accepted,
            _ => AuditOutcome::Done,
        };
        let Some(send) = &self.confirmations else { return Ok(submitted) };
        let (certificate, request) = (submit.certificate(), &submitted.request);
        let renewed;
        let token = match &submitted.token {
            Some(token) => token,
            // Whoever was to send it ended before that.
            None if request.awaits_confirmation() && !request.token_sent => {
                renewed = self.desk.renew_confirmation(certificate, &request.account)?;
                &renewed
            }
            None => return Ok(submitted),
        };
        send(certificate, request, token);
        self.desk.note_sent(certificate, token)?;
        Ok(submitted)
    }

    /// Keeps what came of an attempt, if an audit is kept.
    pub(super) fn keep(&self, event: &AuditEvent, now: Instant) -> Result<(), AuditError> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.keep(event, now))
    }

    /// Whether an authorizer is asked.
    #[cfg(feature = "api-aws")]
    pub(super) fn authorizes(&self) -> bool {
        self.authorizer.is_some()
    }

    /// Names a request, so that who asks about it later is understood: a UUID.
    #[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
    pub(super) fn request_id(&self) -> String {
        let mut octets = [0; 16];
        // One that is not random names nothing, and no request fails for that.
        let _ = self.desk.authority().fill(&mut octets);
        uuid(octets)
    }

    /// Whether a principal may call an operation now.
    pub(super) fn admit(
        &self,
        principal: &Principal,
        operation: &str,
        now: Instant,
    ) -> Result<(), NotAdmitted> {
        self.throttle.admit(principal.account(), operation, now).map_err(NotAdmitted::Throttled)
    }

    /// Whether a principal may do something.
    pub(super) fn authorize(
        &self,
        principal: &Principal,
        action: &Action,
        resource: &Resource,
    ) -> Result<(), NotAdmitted> {
        let Some(authorizer) = &self.authorizer else { return Ok(()) };
        // One that cannot tell allows nothing.
        match authorizer.allows(principal, action, resource) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NotAdmitted::Denied),
        }
    }
}

/// The UUID that random octets make (RFC 9562 §5.4).
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
pub(super) fn uuid(random: [u8; 16]) -> String {
    let uuid = u128::from_be_bytes(random) & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let hex = format!("{uuid:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range));
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
}

impl<S: Store> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("desk", &self.desk)
            .field("authorizer", &self.authorizer)
            .field("throttle", &self.throttle)
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}
