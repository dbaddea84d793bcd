//! The certificates of an account, page by page.

use super::{Desk, DeskError, file, must_be, shelf};
use crate::{
    authority::{CertificateStatus, CertificateSummary, IssuerSummary},
    issuer_id::IssuerId,
    lifecycle::{
        CertificateKind, CertificateRecord, CertificateState, RevocationHistory, Standing,
    },
    request::{identifier::CertificateId, life::RevocationRequest},
    serial::Serial,
    store::{Space, Store, Table, key},
    time::Timestamp,
};
use std::{fmt, ops::ControlFlow, str::FromStr};

/// Which certificates to list.
///
/// First those that are issued here, in the order of their identifiers, then those that were
/// uploaded. Serial numbers that are only reserved, and what was deleted, are left out.
#[derive(Clone, Debug, Default)]
pub struct ListCertificates {
    account: Option<String>,
    issuer: Option<IssuerId>,
    status: Option<ListedStatus>,
    after: Option<ListCursor>,
    limit: Option<usize>,
}

impl ListCertificates {
    /// Those of one account. Certificates that nobody owns are not among them.
    pub fn of_account(account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..Self::default() }
    }

    /// Those of all accounts, but for uploads.
    pub fn of_all() -> Self {
        Self::default()
    }

    /// Only those of this issuer, without uploads.
    #[must_use]
    pub fn with_issuer(mut self, issuer: IssuerId) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Only those of this status.
    #[must_use]
    pub fn with_status(mut self, status: ListedStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Those after what a page ended with.
    #[must_use]
    pub fn after(mut self, cursor: ListCursor) -> Self {
        self.after = Some(cursor);
        self
    }

    /// At most so many by one page, 100 otherwise.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit.max(1));
        self
    }
}

/// The status by which lists are filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListedStatus {
    /// It is issued, and no revocation of it is on its way.
    Issued,
    /// Its revocation was requested and waits.
    Requested,
    /// It is revoked.
    Revoked,
    /// It is not revoked itself, and worth nothing because a CA above it fell.
    Invalidated,
    /// It has expired, and was not revoked.
    Expired,
    /// It was uploaded: managed here, and issued elsewhere.
    Uploaded,
}

/// Where a list goes on: a text that stays good whatever is registered or deleted meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor(CertificateId);

/// A text that is no [`ListCursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cursor of a list")]
#[non_exhaustive]
pub struct BadListCursor;

/// A part of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The certificates. Fewer than were asked for, or none, do not mean that there are no more.
    pub certificates: Vec<ListedCertificate>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<ListCursor>,
}

/// A certificate in a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedCertificate {
    /// What the desk calls it.
    pub id: CertificateId,
    /// Its status.
    pub status: ListedStatus,
    /// What is recorded of it; `None` of an upload.
    pub record: Option<CertificateRecord>,
    /// Its revocation, if it was revoked itself.
    pub revocation: Option<RevocationHistory>,
    /// The last request for its revocation.
    pub request: Option<RevocationRequest>,
}

/// How many are looked at for one page at most, so that a filter that few pass costs no more.
const LOOKED_AT: usize = 10_000;
/// How many are read together.
const TOGETHER: usize = 256;

impl<S: Store> Desk<S> {
    /// A page of the list of certificates.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn list(&self, list: &ListCertificates) -> Result<Page, DeskError> {
        let limit = list.limit.unwrap_or(100);
        let mut page = Page { certificates: Vec::new(), next: None };
        let mut looked_at = 0;
        let mut issuers = self.authority.issuers()?;
        issuers.retain(|it| list.issuer.is_none_or(|issuer| it.issuer.id() == issuer));
        if let (Some(issuer), true) = (list.issuer, issuers.is_empty()) {
            self.authority.standing(issuer)?;
        }
        for summary in issuers {
            let issuer = summary.issuer.id();
            let mut after = match list.after {
                Some(ListCursor(CertificateId::Uploaded(_))) => continue,
                Some(ListCursor(CertificateId::Issued { issuer: at, .. })) if issuer < at => {
                    continue;
                }
                Some(ListCursor(CertificateId::Issued { issuer: at, serial })) if issuer == at => {
                    Some(serial)
                }
                _ => None,
            };
            loop {
                let read = self.authority.certificates(issuer, after, TOGETHER)?;
                let count = read.len();
                for certificate in read {
                    let serial = certificate.serial;
                    after = Some(serial);
                    page.certificates.extend(self.listed(list, &summary, certificate)?);
                    looked_at += 1;
                    if page.certificates.len() == limit || looked_at == LOOKED_AT {
                        page.next = Some(ListCursor(CertificateId::Issued { issuer, serial }));
                        return Ok(page);
                    }
                }
                if count < TOGETHER {
                    break;
                }
            }
        }
        if let (Some(account), None) = (&list.account, list.issuer)
            && list.status.is_none_or(|status| status == ListedStatus::Uploaded)
        {
            self.list_uploads(list, account, limit, &mut page)?;
        }
        Ok(page)
    }

    /// A certificate as it is listed, if it is.
    fn listed(
        &self,
        list: &ListCertificates,
        issuer: &IssuerSummary,
        certificate: CertificateSummary,
    ) -> Result<Option<ListedCertificate>, DeskError> {
        let CertificateSummary { serial, record, revocation } = certificate;
        let is_others = |account: &String| record.labels.account.as_ref() != Some(account);
        if list.account.as_ref().is_some_and(is_others) {
            return Ok(None);
        }
        if record.state == CertificateState::Reserved && revocation.is_none() {
            return Ok(None);
        }
        let id = CertificateId::Issued { issuer: issuer.issuer.id(), serial };
        let mut file = self.file(issuer.issuer.id(), serial)?;
        if file.deleted_at.is_some() {
            return Ok(None);
        }
        let now = self.authority.now();
        if let Some(request) = &mut file.request {
            request.expire(now);
        }
        let status =
            self.listed_status(issuer, &record, revocation.is_some(), &file, serial, now)?;
        if list.status.is_some_and(|wanted| wanted != status) {
            return Ok(None);
        }
        let (record, request) = (Some(record), file.request);
        Ok(Some(ListedCertificate { id, status, record, revocation, request }))
    }

    fn listed_status(
        &self,
        issuer: &IssuerSummary,
        record: &CertificateRecord,
        is_revoked: bool,
        file: &file::File,
        serial: Serial,
        now: Timestamp,
    ) -> Result<ListedStatus, DeskError> {
        if is_revoked {
            return Ok(ListedStatus::Revoked);
        }
        let is_down = match (&issuer.standing, record.kind) {
            (Standing::Fallen(_) | Standing::Invalidated(_), _) => true,
            // Of a CA's certificate its own fall counts as well.
            (_, CertificateKind::Ca(_)) => {
                let status = self.authority.status(issuer.issuer.id(), serial)?;
                matches!(status.effective, CertificateStatus::Invalidated(_))
            }
            _ => false,
        };
        let is_requested = file.request.as_ref().is_some_and(RevocationRequest::is_alive);
        Ok(if is_down {
            ListedStatus::Invalidated
        } else if record.not_after.is_some_and(|not_after| not_after < now) {
            ListedStatus::Expired
        } else if is_requested {
            ListedStatus::Requested
        } else {
            ListedStatus::Issued
        })
    }

    fn list_uploads(
        &self,
        list: &ListCertificates,
        account: &str,
        limit: usize,
        page: &mut Page,
    ) -> Result<(), DeskError> {
        let prefix = shelf::uploads(account);
        let from = match &list.after {
            Some(ListCursor(CertificateId::Uploaded(last))) => {
                [&prefix[..], &last[..], &[0]].concat()
            }
            _ => prefix.clone(),
        };
        let (mut full, mut failed) = (false, None);
        let snapshot = self.authority.store().snapshot()?;
        let (space, to) = (Space::Table(Table::Uploads), key::past(&prefix));
        snapshot.scan(space, &from, to.as_deref(), &mut |key, value| {
            if page.certificates.len() >= limit {
                full = true;
                return ControlFlow::Break(());
            }
            match shelf::Upload::from_octets(value) {
                Ok(upload) if must_be(&upload.account, account).is_ok() => {
                    page.certificates.extend(key.last_chunk().map(|fingerprint| {
                        ListedCertificate {
                            id: CertificateId::Uploaded(*fingerprint),
                            status: ListedStatus::Uploaded,
                            record: None,
                            revocation: None,
                            request: None,
                        }
                    }));
                }
                Ok(_) => {}
                Err(problem) => {
                    failed = Some(file::corrupt("upload", &problem));
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        if full {
            page.next = page.certificates.last().map(|last| ListCursor(last.id));
        }
        Ok(())
    }
}

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ListCursor {
    type Err = BadListCursor;

    fn from_str(text: &str) -> Result<Self, BadListCursor> {
        text.parse().map(Self).map_err(|_| BadListCursor)
    }
}
