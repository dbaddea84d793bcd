//! What an audit report says: a certificate on each line.

use super::super::{CaArn, revoke::reason_name};
use crate::{
    api::Service,
    authority::{CertificateSummary, Error},
    certificate::Certificate,
    csv,
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, CertificateRecord, CertificateState, Origin},
    reason::Reason,
    serial::Serial,
    store::Store,
    time::Timestamp,
};
use der::Decode;
use serde_json::Value;
use std::{
    fmt::Debug,
    io::{self, Write},
    sync::Arc,
};
use x509_cert::name::Name;

/// An audit report that is asked for: the certificates that a certificate authority issued or revoked, but
/// for those of other accounts.
#[derive(Clone, Debug)]
pub struct AuditReport {
    pub(super) authority: CaArn,
    pub(super) issuer: IssuerId,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) format: Format,
    pub(super) record: Arc<dyn Recorded>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

/// A record, in whatever store.
pub(super) trait Recorded: Debug + Send + Sync {
    /// Some certificates of an issuer, after those of the page before.
    fn page(
        &self,
        issuer: IssuerId,
        account: &str,
        after: Option<Serial>,
    ) -> Result<RecordedPage, Error>;
}

/// Certificates of an account or of nobody in particular, and where the next page begins.
pub(super) struct RecordedPage {
    certificates: Vec<RecordedCertificate>,
    next: Option<Serial>,
}

struct RecordedCertificate {
    summary: CertificateSummary,
    /// Its subject in DER, where the certificate is kept, or its CA known.
    subject: Option<Vec<u8>>,
}

/// How many certificates are read together.
const TOGETHER: usize = 1000;

/// Of these, the service that asked for a certificate and its template are not known here.
const COLUMNS: [&str; 11] = [
    "awsAccountId",
    "requestedByServicePrincipal",
    "certificateArn",
    "serial",
    "subject",
    "notBefore",
    "notAfter",
    "issuedAt",
    "revokedAt",
    "revocationReason",
    "templateArn",
];

type Cells = [Option<String>; COLUMNS.len()];

impl AuditReport {
    /// The certificate authority that it is about.
    pub fn authority(&self) -> &CaArn {
        &self.authority
    }

    /// The name of the bucket that it goes to, by the rules of S3.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Where it goes in its bucket: `audit-report/CA/ID.json`, or `.csv`, where CA is what its
    /// [authority is called](CaArn::id).
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Writes it, from what is in the record by now. Memory does not grow with the number of
    /// certificates. `out` is written to line by line: give it a buffer.
    ///
    /// It tells of each certificate of the account of the certificate authority, or of nobody in
    /// particular, what AWS Private CA does, as far as it is known: `awsAccountId`, `certificateArn`,
    /// `serial`, `subject` as RFC 4514 writes it, with more names of types than AWS knows, `notBefore`, `notAfter`, `issuedAt`, `revokedAt` and
    /// `revocationReason`. It was issued when its serial number was recorded first. What was found, and not registered by its CA, has no `issuedAt`; what is not
    /// kept, or was deleted, has no `subject`; what has [left](crate::Authority::compact) the record is
    /// not told. In JSON it is an array of objects. In CSV there are also the columns
    /// `requestedByServicePrincipal` and `templateArn`, which are empty, and a text that a spreadsheet
    /// could take for a formula has an apostrophe before it.
    ///
    /// It is read page by page, each as it is then: what is revoked meanwhile may be told as revoked or
    /// not.
    ///
    /// # Errors
    /// Where the record cannot be read, or `out` fails: what was written is no whole report then.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.format.beginning().as_bytes())?;
        let (mut is_first, mut after) = (true, None);
        loop {
            let page = self.record.page(self.issuer, self.authority.account(), after);
            let page = page.map_err(io::Error::other)?;
            for certificate in page.certificates {
                let line = self.format.line(certificate.cells(&self.authority), is_first);
                out.write_all(line.as_bytes())?;
                is_first = false;
            }
            if page.next.is_none() {
                break;
            }
            after = page.next;
        }
        out.write_all(self.format.end().as_bytes())
    }
}

impl Format {
    fn beginning(self) -> String {
        match self {
            Self::Json => "[".to_owned(),
            Self::Csv => row(&COLUMNS),
        }
    }

    fn line(self, cells: Cells, is_first: bool) -> String {
        match self {
            Self::Json => {
                let known = COLUMNS.into_iter().zip(cells).filter_map(|(name, cell)| {
                    Some(format!("\"{name}\":{}", Value::String(cell?)))
                });
                let separator = if is_first { "\n" } else { ",\n" };
                format!("{separator}{{{}}}", known.collect::<Vec<_>>().join(","))
            }
            Self::Csv => row(&cells.map(Option::unwrap_or_default)),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Json => "\n]\n",
            Self::Csv => "",
        }
    }
}

fn row(cells: &[impl AsRef<str>]) -> String {
    let mut row = String::new();
    // Writing to a String does not fail.
    let _ = csv::row(&mut row, cells);
    row
}

impl RecordedCertificate {
    fn cells(&self, authority: &CaArn) -> Cells {
        let CertificateSummary { serial, record, revocation } = &self.summary;
        let serial = serial.to_string();
        let is_registered =
            record.state == CertificateState::Issued && record.origin == Origin::Registered;
        let revocation = revocation.as_ref().map(|history| history.current);
        // No reason and an unspecified one are the same (RFC 5280 §5.3.1).
        let reason = |reason: Option<Reason>| reason_name(reason.unwrap_or(Reason::Unspecified));
        [
            Some(authority.account().to_owned()),
            None,
            Some(format!("{authority}/certificate/{}", serial.replace(':', ""))),
            Some(serial),
            self.subject
                .as_deref()
                .and_then(|subject| Name::from_der(subject).ok())
                .map(|name| name.to_string()),
            record.not_before.map(time),
            record.not_after.map(time),
            is_registered.then(|| time(record.recorded_at)),
            revocation.map(|revocation| time(revocation.date)),
            revocation.map(|revocation| reason(revocation.reason).to_owned()),
            None,
        ]
    }
}

/// `2026-11-30T12:00:00+0000`
fn time(at: Timestamp) -> String {
    at.to_string().replace('Z', "+0000")
}

impl<S: Store> Recorded for Service<S> {
    fn page(
        &self,
        issuer: IssuerId,
        account: &str,
        after: Option<Serial>,
    ) -> Result<RecordedPage, Error> {
        let authority = self.desk().authority();
        let mut page = authority.certificates(issuer, after, TOGETHER)?;
        let next = page.last().filter(|_| page.len() == TOGETHER).map(|last| last.serial);
        let is_theirs = |record: &CertificateRecord| {
            record.labels.account.as_deref().is_none_or(|owner| owner == account)
        };
        // A serial number that is only claimed is of no certificate yet.
        page.retain(|it| {
            let is_issued = it.record.state == CertificateState::Issued;
            is_theirs(&it.record) && (is_issued || it.revocation.is_some())
        });
        let serials: Vec<Serial> = page.iter().map(|it| it.serial).collect();
        let kept = self.desk().kept(issuer, &serials)?;
        let is_ca = |it: &CertificateSummary| matches!(it.record.kind, CertificateKind::Ca(_));
        let issuers = if page.iter().any(is_ca) { authority.issuers()? } else { Vec::new() };
        let certificates = page.into_iter().zip(kept).map(|(summary, der)| {
            let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
            let subject = match (certificate, summary.record.kind) {
                (Some(certificate), _) => Some(certificate.subject().to_vec()),
                (None, CertificateKind::Ca(ca)) => {
                    let known = issuers.iter().find(|it| it.issuer.id() == ca);
                    known.map(|known| known.issuer.name().to_vec())
                }
                (None, _) => None,
            };
            RecordedCertificate { summary, subject }
        });
        Ok(RecordedPage { certificates: certificates.collect(), next })
    }
}
