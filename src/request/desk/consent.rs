//! What somebody is shown before they confirm a second time that a certificate be revoked.

use super::{Desk, DeskError, Submit, must_be_of, revoke};
use crate::{
    authority::Status, lifecycle::CertificateRecord, request::handling::Handling, store::Store,
};
use sha2::{Digest, Sha256};

/// What a request for revocation would lead to. There is no way back from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consequences {
    /// What is recorded of the certificate.
    pub record: Option<CertificateRecord>,
    /// What the request would wait for.
    pub handling: Handling,
    /// What to submit with the request once these were confirmed.
    pub consent: Consent,
}

/// Stands for what was shown and confirmed: 32 octets, which hang on the request and on all that
/// [`Consequences`] say. It proves nothing to anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent(pub [u8; 32]);

impl<S: Store> Desk<S> {
    /// What a request would lead to, without submitting it: to be shown to somebody who has asked for
    /// a revocation and is asked whether they mean it.
    ///
    /// # Errors
    /// Those of [`Desk::submit`], but for those of the quota and of a request that is on its way.
    pub fn consequences(&self, submit: &Submit) -> Result<Consequences, DeskError> {
        let (issuer, serial) = self.issued(submit.certificate)?;
        let status = self.authority.status(issuer, serial)?;
        must_be_of(status.record.as_ref(), &submit.account)?;
        self.authority.preview_revoke(&revoke(issuer, serial, submit.details))?;
        Ok(self.consequences_of(submit, &status))
    }

    pub(super) fn consequences_of(&self, submit: &Submit, status: &Status) -> Consequences {
        let record = status.record.clone();
        let handling = self.handling_of(record.as_ref()).clone();
        let shown = format!(
            "{}\n{:?}\n{:?}\n{record:?}\n{handling:?}",
            submit.certificate, submit.account, submit.details,
        );
        let consent = Consent(Sha256::digest(shown).into());
        Consequences { record, handling, consent }
    }
}
