//! Lists: issuers, and certificates page by page.

use super::{
    Authority, Error,
    view::{KnownIssuer, fold_rows},
};
use crate::{
    issuer::Issuer,
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, RevocationHistory, Standing},
    log::Position,
    serial::Serial,
    store::Store,
};
use std::ops::ControlFlow;

/// An issuer in a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuerSummary {
    /// Its CA certificates.
    pub issuer: Issuer,
    /// How it stands.
    pub standing: Standing,
    /// The position of its log.
    pub position: Position,
}

/// A certificate in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateSummary {
    /// Its serial number.
    pub serial: Serial,
    /// What is recorded of it.
    pub record: CertificateRecord,
    /// Its revocation, if it was revoked itself.
    pub revocation: Option<RevocationHistory>,
}

impl<S: Store> Authority<S> {
    /// All issuers, in the order of their ids.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn issuers(&self) -> Result<Vec<IssuerSummary>, Error> {
        let now = self.clock.now();
        let view = self.view()?;
        let issuers = view.issuers()?;
        let mut standings = view.graph()?.standings(now);
        let summary = |known: &KnownIssuer| {
            let id = known.issuer.id();
            let standing = standings.remove(&id).unwrap_or(Standing::Unanchored);
            let position = view.head(id)?.position;
            Ok(IssuerSummary { issuer: known.issuer.clone(), standing, position })
        };
        issuers.iter().map(summary).collect()
    }

    /// At most `limit` certificates of an issuer, in the order of their serial numbers: the first,
    /// or those after the last of the page before.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn certificates(
        &self,
        issuer: IssuerId,
        after: Option<Serial>,
        limit: usize,
    ) -> Result<Vec<CertificateSummary>, Error> {
        let view = self.view()?;
        view.require_issuer(issuer)?;
        let mut page = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        view.certificates_with_entries(issuer, None, after, |serial, record, rows| {
            let revocation = fold_rows(&rows)?;
            page.push(CertificateSummary { serial, record, revocation });
            let is_full = page.len() >= limit;
            Ok::<_, Error>(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(page)
    }
}
