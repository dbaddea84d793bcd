//! ACME, as far as revocation needs it: revokeCert, once somebody has verified the JWS.

mod payload;
mod problem;
mod signer;

pub use self::signer::{AcmeIdentifier, AcmeSigner};

use self::{
    payload::Payload,
    problem::{Kind, Problem, failed},
};
use super::{ApiResponse, Service};
use crate::{
    audit::{AuditEvent, AuditOutcome},
    authority::{Authority, Error, Evidence, Registration, Revoke},
    certificate::Certificate,
    lifecycle::CertificateRecord,
    reason::Reason,
    request::{AccessLevel, Action, CertificateId, Principal, RequestStage, Resource, Submit},
    store::Store,
};
use std::{fmt, sync::Arc, time::Instant};

/// The resource revokeCert of an ACME server (RFC 8555 §7.6), behind the part that reads the JWS.
///
/// Who serves ACME verifies the JWS, its nonce and its URL, and says who made it. A certificate is
/// revoked for
///
/// - the account in its [`Labels`](crate::Labels), which is the one that it was issued to;
/// - an account that is authorized for every identifier in it: all dNSNames and iPAddresses of the
///   subjectAltName, and each commonName of the subject. One without a subjectAltName, with names of
///   another kind or an emailAddress, or of a CA, is revoked for no account in this way, nor is one
///   whose DER is not as RFC 5280 demands;
/// - its own key.
///
/// A certificate proves by its signature that it was issued. One that nobody registered is recorded
/// as [discovered](Authority::record_discovered) before it is revoked, and only then.
///
/// Success is 200 without a body, and means that the revocation is recorded. ACME has no word for one
/// that waits: where the class of the certificate is handled so, the answer is
/// `userActionRequired` until it is recorded, and `alreadyRevoked` from then on. The token to confirm
/// it with comes from [`Desk::renew_confirmation`](crate::Desk::renew_confirmation). A certificate that
/// was not issued here is answered with 404 and `malformed`, as Let's Encrypt does.
///
/// An [`Authorizer`](crate::Authorizer) is asked for `acme:RevokeCertificate` on the text of the
/// [`CertificateId`], after the above. The principal `account-key` is of the account; `certificate-key`
/// is of `certificate-key:` and SHA-256 over the public key in hexadecimal. The throttle counts for
/// each of them. What the desk counts, as for a quota, counts for the account in the labels, where
/// there is one.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// # let root_pem = include_str!("../authority/example-root.pem");
/// use annul::{api::*, *};
/// use std::{sync::Arc, time::Instant};
///
/// let authority = Arc::new(Authority::new(MemoryStore::new()));
/// authority.add_issuer(&AddIssuer::new(CaCertificate::new(Certificate::from_pem(root_pem)?)?))?;
/// let acme = AcmeApi::new(Arc::new(Service::new(Arc::new(Desk::new(authority)))));
///
/// let signer = AcmeSigner::Account {
///     account: "https://acme.example/account/1".to_owned(),
///     authorized: vec![AcmeIdentifier::Dns("*.example.org".to_owned())],
/// };
/// let response = acme.revoke(&signer, br#"{"certificate": "MIIB", "reason": 4}"#, Instant::now());
/// assert_eq!(response.status, 400);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AcmeApi<S: Store> {
    service: Arc<Service<S>>,
}

/// The reasons that a subscriber can know. The others are about the keys of authorities.
const REASONS: [Reason; 6] = [
    Reason::Unspecified,
    Reason::KeyCompromise,
    Reason::AffiliationChanged,
    Reason::Superseded,
    Reason::CessationOfOperation,
    Reason::PrivilegeWithdrawn,
];

const REVOKE: Action = Action::new("acme:RevokeCertificate", AccessLevel::Update);

impl<S: Store> AcmeApi<S> {
    /// The API before this service.
    pub fn new(service: Arc<Service<S>>) -> Self {
        Self { service }
    }

    /// Answers revokeCert, of which the payload is as it was signed, once decoded. `now` is of a clock
    /// that only goes on, and read just before.
    ///
    /// Headers that every ACME response has, as `replay-nonce` is, are for the caller to add.
    pub fn revoke(&self, signer: &AcmeSigner, payload: &[u8], now: Instant) -> ApiResponse {
        let principal = signer.principal();
        let mut event = AuditEvent::new(self.authority().now(), "revokeCert", AuditOutcome::Done);
        let mut answer = self.answer(signer, &principal, payload, &mut event, now);
        if let Err(problem) = &answer {
            event.outcome = problem.outcome(event.outcome);
        }
        if self.service.keep(&event, now).is_err() {
            answer = Err(failed());
        }
        match answer {
            Ok(()) => ApiResponse { status: 200, headers: Vec::new(), body: Vec::new() },
            Err(problem) => problem.into(),
        }
    }

    fn answer(
        &self,
        signer: &AcmeSigner,
        principal: &Principal,
        payload: &[u8],
        event: &mut AuditEvent,
        now: Instant,
    ) -> Result<(), Problem> {
        self.service.admit(principal, REVOKE.name(), now)?;
        let Payload { certificate, reason } = Payload::read(payload)?;
        let reason = self.reason(reason)?;
        event.reason = reason;
        // Before any signature is checked: these requests cost whoever sends them next to nothing.
        if let AcmeSigner::CertificateKey { public_key } = signer
            && public_key != certificate.public_key()
        {
            return Err(Kind::Unauthorized.with("the key is not that of the certificate"));
        }
        let issuer = self.authority().issuer_of(&certificate)?;
        let serial = certificate.serial().to_serial().map_err(Error::from)?;
        // Anybody can make a key: this one is somebody's, whatever becomes of the request.
        event.account = principal.account().to_owned();
        event.principal = principal.name().to_owned();
        event.target.issuer = Some(issuer);
        event.target.serial = Some(serial);
        let record = self.authority().status(issuer, serial)?.record;
        let owner = record.and_then(|record| owner(record, &certificate));
        if !signer.may_revoke(&certificate, owner.as_deref()) {
            return Err(Kind::Unauthorized
                .with("the account neither owns the certificate nor is authorized for all in it"));
        }
        let id = CertificateId::Issued { issuer, serial };
        self.service.authorize(principal, &REVOKE, &Resource::Named(id.to_string()))?;

        let mut revoke = Revoke::new(certificate.clone());
        let account = owner.unwrap_or_else(|| principal.account().to_owned());
        let mut submit = Submit::new(id, account).by(principal.to_string());
        if let Some(reason) = reason {
            (revoke, submit) = (revoke.with_reason(reason), submit.with_reason(reason));
        }
        self.authority().preview_revoke(&revoke)?;
        // The desk knows only what is recorded.
        let evidence = Evidence::Vouched { issuer, certificate };
        self.authority().record_discovered(&Registration::new(evidence))?;
        match self.service.submit(&submit, event)?.request.stage {
            RequestStage::Recorded { .. } => Ok(()),
            _ => Err(Problem::waiting()),
        }
    }

    /// The reason with a code.
    fn reason(&self, code: Option<i128>) -> Result<Option<Reason>, Problem> {
        let policy = self.authority().policy();
        let allowed = REASONS.into_iter().filter(|reason| policy.reasons.contains(reason));
        let reason = match code {
            None if !policy.reason_required => return Ok(None),
            None => None,
            Some(code) => allowed.clone().find(|reason| i128::from(reason.code()) == code),
        };
        reason.map(Some).ok_or_else(|| {
            let codes: Vec<_> = allowed.map(|reason| reason.code().to_string()).collect();
            let detail = format!("the reasonCodes that are allowed: {}", codes.join(", "));
            Kind::BadRevocationReason.with(detail)
        })
    }

    fn authority(&self) -> &Authority<S> {
        self.service.desk().authority()
    }
}

/// Whose the certificate is, if that is recorded of it, and not of another with its serial number.
fn owner(record: CertificateRecord, certificate: &Certificate) -> Option<String> {
    let is_of_another = record.identity.is_some_and(|identity| identity != certificate.identity());
    record.labels.account.filter(|_| !is_of_another)
}

impl<S: Store> fmt::Debug for AcmeApi<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeApi").finish_non_exhaustive()
    }
}
