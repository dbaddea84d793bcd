//! CreateCertificateAuthorityAuditReport and DescribeCertificateAuthorityAuditReport.

mod content;

pub use self::content::AuditReport;

use self::content::{Format, Recorded};
use super::{
    AwsApi, AwsError, CaArn, Kind, Operation, authorities::find, error::FAILED, revoke::PUT_OBJECT,
    shown, text,
};
use crate::{
    api::service::uuid,
    audit::AuditEvent,
    request::{Principal, Resource},
    store::Store,
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use std::{
    error::Error,
    fmt::{self, Debug},
    io,
    sync::Arc,
};

/// The buckets that audit reports go to.
///
/// A report is what it is in its bucket: nothing else says that there is one, or how far it has come.
/// It is asked by many threads at once.
pub trait AuditReports: Debug + Send + Sync {
    /// Takes a report that is asked for. It is [written](AuditReport::write_to) here and now, or by
    /// another thread later on, so that no client waits; and nobody sees a part of it under its key.
    ///
    /// From when this returns on, [`AuditReports::find`] knows of it, also after a crash.
    ///
    /// # Errors
    /// Where there will be no such report.
    fn create(&self, report: AuditReport) -> Result<(), AuditReportsError>;

    /// The report of this key, in whichever bucket, if there is one. Whoever has a certificate authority
    /// can ask for it, also where another account has the same under another ARN: the key is as hard to
    /// guess as its random id.
    ///
    /// # Errors
    /// Where nobody can tell.
    fn find(&self, key: &str) -> Result<Option<FoundAuditReport>, AuditReportsError>;
}

/// A report in its bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAuditReport {
    /// The name of the bucket.
    pub bucket: String,
    /// How far it has come.
    pub status: AuditReportStatus,
    /// When it was made, or begun.
    pub created_at: Timestamp,
}

/// How far a report has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditReportStatus {
    /// It is being written.
    Creating,
    /// It is there, and whole.
    Success,
    /// It will never be there: writing it failed, or ended with the process.
    Failed,
}

/// Why there is no report, or none is found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditReportsError {
    /// There is no bucket of this name for this certificate authority.
    #[error("there is no such bucket")]
    NoSuchBucket,
    /// Another report has to be there first.
    #[error("another report is being written")]
    InProgress,
    /// Anything else, which clients are not told.
    #[error(transparent)]
    Other(#[from] Box<dyn Error + Send + Sync>),
}

/// Where reports go, and what they are made from.
pub(super) struct Reporting {
    reports: Arc<dyn AuditReports>,
    record: Arc<dyn Recorded>,
}

impl<S: Store + 'static> AwsApi<S> {
    /// Has audit reports written to these buckets. Without, CreateCertificateAuthorityAuditReport and
    /// DescribeCertificateAuthorityAuditReport are no operations of this API.
    ///
    /// Whoever asks for a report has to be allowed to write to its bucket (`s3:PutObject`), if an
    /// authorizer is asked at all; otherwise whoever has a certificate authority may.
    #[must_use]
    pub fn with_reports(mut self, reports: Arc<dyn AuditReports>) -> Self {
        let record = Arc::clone(&self.service) as Arc<dyn Recorded>;
        self.reporting = Some(Reporting { reports, record });
        self
    }
}

impl<S: Store> AwsApi<S> {
    /// CreateCertificateAuthorityAuditReport.
    pub(super) fn create_report(
        &self,
        principal: &Principal,
        members: &Map<String, Value>,
        event: &mut AuditEvent,
    ) -> Result<Value, AwsError> {
        let reporting = self.reporting()?;
        let arn = text(members, "CertificateAuthorityArn")?;
        if let Some(Value::String(bucket)) = members.get("S3BucketName") {
            event.target.named = shown(&format!("{arn} {bucket}"));
        }
        let action = Operation::CreateCertificateAuthorityAuditReport.action();
        let (arn, known) = self.authority(principal, &action, arn)?;
        event.target.issuer = Some(known.issuer);
        let bucket = bucket(text(members, "S3BucketName")?)?;
        let resource = Resource::Named(format!("arn:aws:s3:::{bucket}"));
        self.service.authorize(principal, &PUT_OBJECT, &resource)?;
        let format = format(text(members, "AuditReportResponseFormat")?)?;
        let authority = self.service.desk().authority();
        find(&authority.issuers()?, known.issuer)?;
        let mut drawn = [0; 16];
        authority.fill(&mut drawn)?;
        let id = uuid(drawn);
        event.target.named = shown(&format!("{arn} {bucket} {id}"));
        let key = key(arn, &id, format);
        reporting.reports.create(AuditReport {
            authority: arn.clone(),
            issuer: known.issuer,
            bucket: bucket.to_owned(),
            key: key.clone(),
            format,
            record: Arc::clone(&reporting.record),
        })?;
        Ok(json!({ "AuditReportId": id, "S3Key": key }))
    }

    /// DescribeCertificateAuthorityAuditReport.
    pub(super) fn describe_report(
        &self,
        principal: &Principal,
        members: &Map<String, Value>,
    ) -> Result<Value, AwsError> {
        let reporting = self.reporting()?;
        let arn = text(members, "CertificateAuthorityArn")?;
        let action = Operation::DescribeCertificateAuthorityAuditReport.action();
        let (arn, _) = self.authority(principal, &action, arn)?;
        let id = report_id(text(members, "AuditReportId")?)?;
        for format in [Format::Json, Format::Csv] {
            let key = key(arn, id, format);
            let Some(found) = reporting.reports.find(&key)? else { continue };
            let status = match found.status {
                AuditReportStatus::Creating => "CREATING",
                AuditReportStatus::Success => "SUCCESS",
                AuditReportStatus::Failed => "FAILED",
            };
            return Ok(json!({
                "AuditReportStatus": status,
                "S3BucketName": found.bucket,
                "S3Key": key,
                "CreatedAt": found.created_at.unix(),
            }));
        }
        Err(Kind::ResourceNotFound.with("there is no such audit report"))
    }

    fn reporting(&self) -> Result<&Reporting, AwsError> {
        let unknown = || Kind::UnknownOperation.with("no audit reports are made here");
        self.reporting.as_ref().ok_or_else(unknown)
    }
}

/// Where a report is in its bucket.
fn key(authority: &CaArn, id: &str, format: Format) -> String {
    let extension = match format {
        Format::Json => "json",
        Format::Csv => "csv",
    };
    format!("audit-report/{}/{id}.{extension}", authority.id())
}

fn format(name: &str) -> Result<Format, AwsError> {
    match name {
        "JSON" => Ok(Format::Json),
        "CSV" => Ok(Format::Csv),
        _ => Err(Kind::InvalidArgs.with("a report is JSON or CSV")),
    }
}

/// A name by the rules of S3, but for the prefixes and suffixes that it keeps for itself.
fn bucket(name: &str) -> Result<&str, AwsError> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let is_address = name.split('.').count() == 4 && name.split('.').all(is_number);
    let fits = (3..=63).contains(&name.len())
        && name.chars().all(|c| is_inner(c) || c == '.' || c == '-')
        && name.starts_with(is_inner)
        && name.ends_with(is_inner)
        && !name.contains("..")
        && !is_address;
    if fits { Ok(name) } else { Err(Kind::InvalidArgs.with("no name of a bucket")) }
}

/// The API has a pattern: `[a-z0-9]{8}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{12}`
fn report_id(text: &str) -> Result<&str, AwsError> {
    let is_alphanumeric = |part: &str| part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9'));
    let lengths = text.split('-').map(str::len);
    let fits = lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_alphanumeric);
    if fits { Ok(text) } else { Err(Kind::InvalidArgs.with("no id of an audit report")) }
}

impl From<io::Error> for AuditReportsError {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<AuditReportsError> for AwsError {
    fn from(error: AuditReportsError) -> Self {
        let kind = match &error {
            AuditReportsError::NoSuchBucket => Kind::ResourceNotFound,
            AuditReportsError::InProgress => Kind::RequestInProgress,
            AuditReportsError::Other(_) => return Kind::RequestFailed.with(FAILED),
        };
        kind.with(error.to_string())
    }
}

impl fmt::Debug for Reporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reports.fmt(f)
    }
}
