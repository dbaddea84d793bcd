//! The desk at which revocations are requested.

mod consent;
mod error;
mod file;
#[cfg(feature = "api-aws")]
mod kept;
mod list;
mod shelf;
mod submit;
mod write;

pub use self::{
    consent::{Consent, Consequences},
    error::DeskError,
    list::{BadListCursor, ListCertificates, ListCursor, ListedCertificate, ListedStatus, Page},
    submit::{Submit, Submitted},
};

use self::{
    file::File,
    write::{Change, Outcome},
};
use super::{
    confirmation::ConfirmationToken,
    handling::Handling,
    identifier::CertificateId,
    life::{RequestStage, RevocationRequest},
};
use crate::{
    authority::{Authority, Error, Publication, Revoke, Target},
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, Refusal, RevocationDetails},
    log::CommandId,
    serial::Serial,
    store::{Space, Store, Table},
    time::Timestamp,
    together::Together,
};
use std::{collections::BTreeMap, fmt, ops::ControlFlow, sync::Arc};

/// How often a file is written anew because others were faster.
const ATTEMPTS: u32 = 100;

/// Takes requests for revocation, has them confirmed and approved where their class wants that, and
/// hands them to an [`Authority`] when they are cleared.
///
/// It keeps what it knows in the store of the authority, one record a certificate, so any number of
/// desks in any number of processes are one. A certificate belongs to the account in its
/// [`Labels`](crate::Labels), where there is one, and is handled as its class in there says.
///
/// Whoever asks for a request, or takes a step of it, also goes on with what a crash left undone of it;
/// [`Desk::go_on`] does that for all of them. Lists, and who views or deletes a certificate, only look.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// # let root_pem = include_str!("../authority/example-root.pem");
/// use annul::*;
/// use std::{sync::Arc, time::Duration};
///
/// let authority = Arc::new(Authority::new(MemoryStore::new()));
/// let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
/// let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
/// let serial = "e8:cb:d2".parse()?;
/// let labels = Labels { class: Some("OV".to_owned()), ..Labels::default() };
/// let registration = Registration::of_serial(issuer, serial, Timestamp::MAX).with_labels(labels);
/// authority.register(&registration)?;
///
/// // What is validated by organization waits for a contact; all else is revoked at once.
/// let three_days = Duration::from_secs(3 * 24 * 60 * 60);
/// let desk = Desk::new(authority.clone()).with_class("OV", Handling::confirmed(three_days));
///
/// let certificate = CertificateId::Issued { issuer, serial };
/// let submitted = desk.submit(&Submit::new(certificate, "account"))?;
/// assert!(submitted.request.awaits_confirmation());
/// // Mail it to the contact, who gives it back.
/// let token = submitted.token.expect("it waits for a confirmation");
/// let request = desk.confirm(certificate, &token)?;
/// assert!(matches!(request.stage, RequestStage::Recorded { .. }));
/// assert!(authority.revocation(issuer, serial)?.revocation.is_some());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Desk<S> {
    authority: Arc<Authority<S>>,
    classes: BTreeMap<String, Handling>,
    others: Handling,
    has_quota: bool,
    changes: Together<Change, Outcome>,
}

impl<S: Store> Desk<S> {
    /// A desk before this authority, which hands all requests on at once and knows no quota.
    pub fn new(authority: Arc<Authority<S>>) -> Self {
        let (classes, others) = (BTreeMap::new(), Handling::at_once());
        Self { authority, classes, others, has_quota: false, changes: Together::default() }
    }

    /// Handles requests for certificates of this class so.
    #[must_use]
    pub fn with_class(mut self, class: impl Into<String>, handling: Handling) -> Self {
        self.classes.insert(class.into(), handling);
        self
    }

    /// Handles requests for all other certificates so.
    #[must_use]
    pub fn with_others(mut self, handling: Handling) -> Self {
        self.others = handling;
        self
    }

    /// Takes no more requests from an account than certificates that it bought:
    /// [`Desk::set_purchases`] says how many these are. A request that comes to nothing does not
    /// count.
    #[must_use]
    pub fn with_quota(mut self) -> Self {
        self.has_quota = true;
        self
    }

    /// The authority.
    pub fn authority(&self) -> &Arc<Authority<S>> {
        &self.authority
    }

    /// Takes a request. Where its class waits for nothing, the certificate is revoked when this
    /// returns.
    ///
    /// The same request of the same account again is answered with how far it has come, as long as it
    /// is on its way; afterwards only by its [command](Submit::with_command).
    ///
    /// # Errors
    /// [`DeskError`]: also all that [`Authority::revoke`] would answer, found out before anything waits.
    pub fn submit(&self, submit: &Submit) -> Result<Submitted, DeskError> {
        let (issuer, serial) = self.issued(submit.certificate)?;
        let mut octets = [0; 32];
        self.authority.fill(&mut octets)?;
        let token = ConfirmationToken::of(octets);
        let (request, repeated) = self.change((issuer, serial), |file, now| {
            if let Some(known) = file.request.as_ref().filter(|known| submit.is(known)) {
                return Ok((known.clone(), true));
            }
            let handling = self.admit(submit, file, (issuer, serial))?;
            let name = submit.submitted_by.as_deref().unwrap_or(&submit.account);
            if let Some(quorum) = &handling.quorum {
                let (needed, eligible) = (quorum.needed, quorum.eligible(name).count());
                if eligible < needed as usize {
                    return Err(DeskError::TooFewApprovers { needed, eligible });
                }
            }
            let mut id = [0; 16];
            self.authority.fill(&mut id)?;
            let id = submit.command.unwrap_or(CommandId(id));
            let (account, details) = (&submit.account, submit.details);
            let digest = Some(token.digest());
            let mut request =
                RevocationRequest::submit(id, account, name, details, handling, digest, now);
            request.counted = self.has_quota;
            file.request = Some(request.clone());
            Ok((request, false))
        })?;
        let awaits = !repeated && request.awaits_confirmation();
        let request = self.carry_out((issuer, serial), request)?;
        Ok(Submitted { request, token: awaits.then_some(token), repeated })
    }

    /// Whether a request may be taken, and how it is handled.
    fn admit(
        &self,
        submit: &Submit,
        file: &File,
        (issuer, serial): (IssuerId, Serial),
    ) -> Result<&Handling, DeskError> {
        let status = self.authority.status(issuer, serial)?;
        let record = status.record.as_ref();
        must_be_of(record, &submit.account)?;
        if let Some(at) = file.deleted_at {
            return Err(DeskError::Deleted { at });
        }
        let alive = file.request.as_ref().filter(|request| request.is_alive());
        if let Some(request) = alive.filter(|it| it.completed_at().is_none()) {
            return Err(DeskError::InProgress { request: Box::new(request.clone()) });
        }
        self.authority.preview_revoke(&revoke(issuer, serial, submit.details))?;
        if let Some(consent) = submit.consent
            && consent != self.consequences_of(submit, &status).consent
        {
            return Err(DeskError::ConsentOutdated);
        }
        Ok(self.handling_of(record))
    }

    /// What a contact confirms with the token that was mailed to them. The certificate is revoked
    /// when this returns, unless approvals are awaited as well.
    ///
    /// # Errors
    /// [`DeskError`]. Where it says that the request waits for nothing, it says how far it has come.
    pub fn confirm(
        &self,
        certificate: CertificateId,
        token: &ConfirmationToken,
    ) -> Result<RevocationRequest, DeskError> {
        self.advance(certificate, |request, now| Ok(request.confirm(token, now)?))
    }

    /// Replaces the token of a request that waits for one, which then waits as long again: for one
    /// that got lost.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn renew_confirmation(
        &self,
        certificate: CertificateId,
        account: &str,
    ) -> Result<ConfirmationToken, DeskError> {
        let (issuer, serial) = self.issued(certificate)?;
        let record = self.authority.status(issuer, serial)?.record;
        let within = self.handling_of(record.as_ref()).within;
        let mut octets = [0; 32];
        self.authority.fill(&mut octets)?;
        let token = ConfirmationToken::of(octets);
        self.advance(certificate, |request, now| {
            must_be(&request.account, account)?;
            Ok(request.renew(token.digest(), within, now)?)
        })?;
        Ok(token)
    }

    /// Notes that a token was sent to a contact, so that who asks again is not sent another one. Where
    /// it is not the token of the request any more, nothing is noted.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn note_sent(
        &self,
        certificate: CertificateId,
        token: &ConfirmationToken,
    ) -> Result<(), DeskError> {
        let digest = token.digest();
        self.change(self.issued(certificate)?, |file, _| {
            if let Some(request) = &mut file.request {
                request.note_sent(digest);
            }
            Ok(())
        })
    }

    /// What somebody approves, who has been authenticated. The certificate is revoked when this
    /// returns, unless more is awaited.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn approve(
        &self,
        certificate: CertificateId,
        who: &str,
    ) -> Result<RevocationRequest, DeskError> {
        self.advance(certificate, |request, now| Ok(request.approve(who, now)?))
    }

    /// Takes back a request that still waits.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn withdraw(
        &self,
        certificate: CertificateId,
        account: &str,
    ) -> Result<RevocationRequest, DeskError> {
        self.advance(certificate, |request, now| {
            must_be(&request.account, account)?;
            Ok(request.withdraw(now)?)
        })
    }

    /// How far the last request for a certificate has come; nothing where there was none.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn request(
        &self,
        certificate: CertificateId,
    ) -> Result<Option<RevocationRequest>, DeskError> {
        let (issuer, serial) = self.issued(certificate)?;
        match self.file(issuer, serial)?.request {
            None => Ok(None),
            Some(_) => self.advance(certificate, |_, _| Ok(())).map(Some),
        }
    }

    /// How far it has come that a certificate is revoked: on which CRLs relying parties find it.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn publication(
        &self,
        certificate: CertificateId,
    ) -> Result<Option<Publication>, DeskError> {
        let (issuer, serial) = self.issued(certificate)?;
        Ok(self.authority.publication(issuer, serial)?)
    }

    /// Goes on with every request: carries out what is cleared, and writes down what has expired and
    /// what the authority refuses for good.
    /// Answers how many it went on with, and the first failure there was, which keeps no other from
    /// going on.
    ///
    /// Call it after a start, and now and then. It reads all requests there ever were.
    pub fn go_on(&self) -> (u64, Option<DeskError>) {
        const PAGE: usize = 1000;
        let (mut from, mut done, mut failed) = (Some(Vec::new()), 0, None);
        while let Some(first) = from.take() {
            let (mut due, mut seen) = (Vec::new(), 0);
            let now = self.authority.now();
            let read = self.authority.store().snapshot().and_then(|snapshot| {
                snapshot.scan(Space::Table(Table::Requests), &first, None, &mut |key, value| {
                    match File::from_octets(value) {
                        Ok(File { request: Some(request), .. }) if is_due(&request, now) => {
                            due.extend(name_of(key));
                        }
                        Ok(_) => {}
                        Err(problem) => {
                            failed.get_or_insert(file::corrupt("request", &problem).into());
                        }
                    }
                    seen += 1;
                    if seen == PAGE {
                        from = Some([key, &[0]].concat());
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                })
            });
            if let Err(error) = read {
                failed.get_or_insert(error.into());
            }
            for (issuer, serial) in due {
                let certificate = CertificateId::Issued { issuer, serial };
                match self.advance(certificate, |_, _| Ok(())) {
                    Ok(_) => done += 1,
                    // That is how it ended, and is written down.
                    Err(DeskError::Authority(error)) if self.is_final(&error) => done += 1,
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
            }
        }
        (done, failed)
    }

    /// Lets a request go on, and carries it out if that clears it.
    fn advance(
        &self,
        certificate: CertificateId,
        mut step: impl FnMut(&mut RevocationRequest, Timestamp) -> Result<(), DeskError>,
    ) -> Result<RevocationRequest, DeskError> {
        let name = self.issued(certificate)?;
        let request = self.change(name, |file, now| {
            let request = file.request.as_mut().ok_or(DeskError::NoRequest)?;
            // What was cleared before is carried out, whatever is asked of it now.
            if let RequestStage::Cleared { .. } = request.stage {
                return Ok((request.clone(), false));
            }
            step(request, now)?;
            Ok((request.clone(), true))
        });
        match request? {
            (request, true) => self.carry_out(name, request),
            (request, false) => {
                let mut request = self.carry_out(name, request)?;
                step(&mut request, self.authority.now())?;
                Ok(request)
            }
        }
    }

    /// Has the authority record a revocation that is cleared, and writes down what came of it.
    fn carry_out(
        &self,
        (issuer, serial): (IssuerId, Serial),
        request: RevocationRequest,
    ) -> Result<RevocationRequest, DeskError> {
        if !matches!(request.stage, RequestStage::Cleared { .. }) {
            return Ok(request);
        }
        let revoke = revoke(issuer, serial, request.details).with_command(request.id);
        let (stage, refused) = match self.authority.revoke(&revoke) {
            Ok(revoked) => {
                let (at, position) = (revoked.revocation.recorded_at, revoked.position);
                (RequestStage::Recorded { at, position }, None)
            }
            Err(error) if self.is_final(&error) => {
                let (at, why) = (self.authority.now(), error.to_string());
                (RequestStage::Refused { at, why }, Some(error))
            }
            Err(error) => return Err(error.into()),
        };
        let request = self.change((issuer, serial), |file, _| {
            let known = file.request.as_mut().filter(|known| known.id == request.id);
            let known = known.ok_or(DeskError::NoRequest)?;
            known.end(stage.clone());
            Ok(known.clone())
        })?;
        match (refused, &request.stage) {
            (Some(error), RequestStage::Refused { .. }) => Err(error.into()),
            _ => Ok(request),
        }
    }

    /// Whether the authority will never record it. That a clock is behind or ahead passes.
    fn is_final(&self, error: &Error) -> bool {
        error.refusal().is_some_and(|refusal| match refusal {
            Refusal::DateInFuture { .. } => false,
            Refusal::Expired { not_after, now } => {
                not_after.saturating_add(self.authority.policy().clock_skew) < *now
            }
            _ => true,
        })
    }

    /// The issuer and the serial number of a certificate that was issued here. What was uploaded can
    /// only be managed.
    fn issued(&self, certificate: CertificateId) -> Result<(IssuerId, Serial), DeskError> {
        match certificate {
            CertificateId::Issued { issuer, serial } => Ok((issuer, serial)),
            CertificateId::Uploaded(_) => {
                let why = "it was uploaded: only the CA that issued it can revoke it";
                Err(Error::from(Refusal::ForeignCertificate { why }).into())
            }
        }
    }

    /// Whether the class of any certificate of a CA wants requests to wait. A CA is revoked as a whole by
    /// the authority and not at the desk, which is not for those who would have to wait.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`], or a failure of the store.
    pub fn waits_for_ca(&self, ca: IssuerId) -> Result<bool, DeskError> {
        let issuers = self.authority.issuers()?;
        let Some(summary) = issuers.iter().find(|summary| summary.issuer.id() == ca) else {
            return Err(Error::from(Refusal::UnknownIssuer { issuer: ca }).into());
        };
        for certificate in summary.issuer.certificates() {
            let parent = self.authority.issuer_of(certificate);
            let record = match (parent, certificate.serial().to_serial()) {
                (Ok(parent), Ok(serial)) => self.authority.status(parent, serial)?.record,
                // One whose parent is elsewhere.
                _ => None,
            };
            if self.handling_of(record.as_ref()).waits() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn handling_of(&self, record: Option<&CertificateRecord>) -> &Handling {
        let class = record.and_then(|record| record.labels.class.as_deref());
        class.and_then(|class| self.classes.get(class)).unwrap_or(&self.others)
    }
}

impl<S: Store> fmt::Debug for Desk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("authority", &self.authority)
            .field("classes", &self.classes)
            .field("others", &self.others)
            .field("has_quota", &self.has_quota)
            .finish_non_exhaustive()
    }
}

fn revoke(issuer: IssuerId, serial: Serial, details: RevocationDetails) -> Revoke {
    Revoke::new(Target::Serial { issuer, serial }).with_details(details)
}

fn is_due(request: &RevocationRequest, now: Timestamp) -> bool {
    match request.stage {
        RequestStage::Waiting { until } => until <= now,
        RequestStage::Cleared { .. } => true,
        _ => false,
    }
}

/// The certificate that a file is about.
fn name_of(key: &[u8]) -> Option<(IssuerId, Serial)> {
    let (issuer, serial) = key.split_first_chunk()?;
    Some((IssuerId::from_octets(*issuer), Serial::from_octets(serial.get(1..)?).ok()?))
}

/// The certificate is this account's, or nobody's in particular.
fn must_be_of(record: Option<&CertificateRecord>, account: &str) -> Result<(), DeskError> {
    match record.and_then(|record| record.labels.account.as_deref()) {
        Some(owner) => must_be(owner, account),
        None => Ok(()),
    }
}

fn must_be(owner: &str, account: &str) -> Result<(), DeskError> {
    if owner == account { Ok(()) } else { Err(DeskError::AnothersCertificate) }
}
