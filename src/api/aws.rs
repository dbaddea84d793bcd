//! AWS Private CA, as far as revocation and audit reports need it: JSON 1.1 over POST, signed with
//! SigV4.

mod arn;
mod authorities;
mod error;
mod report;
mod revoke;

pub use self::{
    arn::{BadArn, CaArn},
    report::{AuditReport, AuditReportStatus, AuditReports, AuditReportsError, FoundAuditReport},
};

use self::{
    error::{AwsError, FAILED, Kind},
    report::Reporting,
};
use super::{ApiRequest, ApiResponse, Credentials, Service, SigV4, Unauthenticated};
use crate::{
    audit::{AuditEvent, AuditOutcome},
    issuer_id::IssuerId,
    request::{AccessLevel, Action, Principal, Resource},
    store::Store,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Instant};

/// The API of AWS Private CA, for its clients to revoke certificates and ask about them.
///
/// It knows RevokeCertificate, DescribeCertificateAuthority, GetCertificate and
/// GetCertificateAuthorityCertificate; where [reports](AwsApi::with_reports) go somewhere, also
/// CreateCertificateAuthorityAuditReport and DescribeCertificateAuthorityAuditReport. It answers errors
/// by the types that the SDKs know. What the SDKs leave unchecked is checked here: ARNs, serial numbers,
/// reasons.
///
/// Certificates are those of the account that their CA's ARN names, or of nobody in particular. Where
/// a class waits for a confirmation, the first call is answered as success and later ones with
/// `RequestInProgressException`, until the certificate is revoked.
pub struct AwsApi<S: Store> {
    service: Arc<Service<S>>,
    signature: SigV4,
    credentials: Arc<dyn Credentials>,
    authorities: BTreeMap<CaArn, CertificateAuthority>,
    reporting: Option<Reporting>,
}

/// A certificate authority as the API shows it.
#[derive(Clone, Debug)]
struct CertificateAuthority {
    issuer: IssuerId,
    /// Where its CRLs go.
    crl_bucket: Option<String>,
}

/// Longer bodies than any client sends are not read.
const LONGEST_BODY: usize = 64 * 1024;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

impl<S: Store> AwsApi<S> {
    /// The API before this service, for a region, without any certificate authority.
    pub fn new(service: Arc<Service<S>>, region: &str, credentials: Arc<dyn Credentials>) -> Self {
        let signature = SigV4::new(region, "acm-pca");
        Self { service, signature, credentials, authorities: BTreeMap::new(), reporting: None }
    }

    /// Shows an issuer as this certificate authority.
    #[must_use]
    pub fn with_authority(mut self, arn: CaArn, issuer: IssuerId) -> Self {
        self.authorities.insert(arn, CertificateAuthority { issuer, crl_bucket: None });
        self
    }

    /// Shows an issuer whose CRLs go to a bucket. Whoever revokes has to be allowed to write there
    /// (`s3:PutObject`), if an authorizer is asked at all.
    #[must_use]
    pub fn with_publishing_authority(
        mut self,
        arn: CaArn,
        issuer: IssuerId,
        bucket: impl Into<String>,
    ) -> Self {
        let crl_bucket = Some(bucket.into());
        self.authorities.insert(arn, CertificateAuthority { issuer, crl_bucket });
        self
    }

    /// Answers a request. `now` is of a clock that only goes on, and read just before.
    pub fn handle(&self, request: &ApiRequest<'_>, now: Instant) -> ApiResponse {
        let time = self.service.desk().authority().now();
        let principal = match request.body.len() {
            0..=LONGEST_BODY => self.signature.verify(request, &*self.credentials, time),
            _ => Err(Unauthenticated::TooLarge { what: "octets of a body", most: LONGEST_BODY }),
        };
        match principal {
            Ok(principal) => self.handle_as(&principal, request, now),
            Err(error) => {
                let event = self.event(None, request);
                self.conclude(event, Err(error.into()), true, now)
            }
        }
    }

    /// Answers a request of somebody whom the caller has authenticated, whatever signature it has.
    pub fn handle_as(
        &self,
        principal: &Principal,
        request: &ApiRequest<'_>,
        now: Instant,
    ) -> ApiResponse {
        let mut event = self.event(Some(principal), request);
        let operation = operation(request);
        let changes = operation.as_ref().is_ok_and(|it| it.changes());
        let answer = operation.and_then(|operation| {
            event.method = operation.name().to_owned();
            self.answer(principal, operation, request.body, &mut event, now)
        });
        self.conclude(event, answer, changes, now)
    }

    fn answer(
        &self,
        principal: &Principal,
        operation: Operation,
        body: &[u8],
        event: &mut AuditEvent,
        now: Instant,
    ) -> Result<Option<Value>, AwsError> {
        let members = members(body);
        if let Some(Value::String(arn)) =
            members.as_ref().ok().and_then(|members| members.get("CertificateAuthorityArn"))
        {
            event.target.named = shown(arn);
        }
        self.service.admit(principal, operation.name(), now)?;
        let members = members?;
        match operation {
            Operation::RevokeCertificate => self.revoke(principal, &members, event).map(|()| None),
            Operation::CreateCertificateAuthorityAuditReport => {
                self.create_report(principal, &members, event).map(Some)
            }
            Operation::DescribeCertificateAuthorityAuditReport => {
                self.describe_report(principal, &members).map(Some)
            }
            Operation::DescribeCertificateAuthority => self.describe(principal, &members).map(Some),
            Operation::GetCertificate => self.certificate(principal, &members).map(Some),
            Operation::GetCertificateAuthorityCertificate => {
                self.authority_certificate(principal, &members).map(Some)
            }
        }
    }

    /// An attempt, of which it is not known yet what comes of it.
    fn event(&self, principal: Option<&Principal>, request: &ApiRequest<'_>) -> AuditEvent {
        let now = self.service.desk().authority().now();
        let target = request.header("x-amz-target").unwrap_or_default();
        let mut event =
            AuditEvent::new(now, shown(&String::from_utf8_lossy(target)), AuditOutcome::Done);
        event.request_id = self.service.request_id();
        if let Some(principal) = principal {
            event.account = principal.account().to_owned();
            event.principal = principal.name().to_owned();
        }
        event
    }

    /// Keeps what came of an attempt, where it could change something or was refused, and says it.
    fn conclude(
        &self,
        mut event: AuditEvent,
        mut answer: Result<Option<Value>, AwsError>,
        changes: bool,
        now: Instant,
    ) -> ApiResponse {
        if let Err(AwsError { kind, .. }) = &answer {
            event.outcome = kind.outcome();
        }
        if (changes || answer.is_err()) && self.service.keep(&event, now).is_err() {
            answer = Err(Kind::RequestFailed.with(FAILED));
        }
        let (status, body) = match answer {
            Ok(None) => (200, Vec::new()),
            Ok(Some(value)) => (200, value.to_string().into_bytes()),
            Err(AwsError { kind, message }) => {
                let value = serde_json::json!({ "__type": kind.name(), "message": message });
                (400, value.to_string().into_bytes())
            }
        };
        let content_type = ("content-type", CONTENT_TYPE.to_owned());
        let headers = vec![content_type, ("x-amzn-requestid", event.request_id)];
        ApiResponse { status, headers, body }
    }

    /// The certificate authority that a request names, once it is clear that the principal may do this
    /// to it.
    fn authority(
        &self,
        principal: &Principal,
        action: &Action,
        arn: &str,
    ) -> Result<(&CaArn, &CertificateAuthority), AwsError> {
        self.service.authorize(principal, action, &Resource::Named(arn.to_owned()))?;
        let arn: CaArn = arn
            .parse()
            .map_err(|error: BadArn| Kind::InvalidArn.with(format!("{error}: {:?}", shown(arn))))?;
        let unknown = || Kind::ResourceNotFound.with(format!("there is no {arn}"));
        let (arn, known) = self.authorities.get_key_value(&arn).ok_or_else(unknown)?;
        // Across accounts only where an authorizer has said so.
        if !self.service.authorizes() && principal.account() != arn.account() {
            return Err(unknown());
        }
        Ok((arn, known))
    }
}

impl<S: Store> fmt::Debug for AwsApi<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsApi")
            .field("signature", &self.signature)
            .field("authorities", &self.authorities)
            .field("reporting", &self.reporting)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    CreateCertificateAuthorityAuditReport,
    DescribeCertificateAuthority,
    DescribeCertificateAuthorityAuditReport,
    GetCertificate,
    GetCertificateAuthorityCertificate,
    RevokeCertificate,
}

impl Operation {
    const ALL: [Self; 6] = [
        Self::CreateCertificateAuthorityAuditReport,
        Self::DescribeCertificateAuthority,
        Self::DescribeCertificateAuthorityAuditReport,
        Self::GetCertificate,
        Self::GetCertificateAuthorityCertificate,
        Self::RevokeCertificate,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::CreateCertificateAuthorityAuditReport => "CreateCertificateAuthorityAuditReport",
            Self::DescribeCertificateAuthority => "DescribeCertificateAuthority",
            Self::DescribeCertificateAuthorityAuditReport => {
                "DescribeCertificateAuthorityAuditReport"
            }
            Self::GetCertificate => "GetCertificate",
            Self::GetCertificateAuthorityCertificate => "GetCertificateAuthorityCertificate",
            Self::RevokeCertificate => "RevokeCertificate",
        }
    }

    /// Whether it does more than tell.
    const fn changes(self) -> bool {
        !matches!(self.action().level(), AccessLevel::Get | AccessLevel::List)
    }

    /// The action that policies allow.
    const fn action(self) -> Action {
        match self {
            Self::CreateCertificateAuthorityAuditReport => {
                Action::new("acm-pca:CreateCertificateAuthorityAuditReport", AccessLevel::Create)
            }
            Self::DescribeCertificateAuthorityAuditReport => {
                Action::new("acm-pca:DescribeCertificateAuthorityAuditReport", AccessLevel::Get)
            }
            Self::DescribeCertificateAuthority => {
                Action::new("acm-pca:DescribeCertificateAuthority", AccessLevel::Get)
            }
            Self::GetCertificate => Action::new("acm-pca:GetCertificate", AccessLevel::Get),
            Self::GetCertificateAuthorityCertificate => {
                Action::new("acm-pca:GetCertificateAuthorityCertificate", AccessLevel::Get)
            }
            Self::RevokeCertificate => {
                Action::new("acm-pca:RevokeCertificate", AccessLevel::Update)
            }
        }
    }
}

/// What a request asks for.
fn operation(request: &ApiRequest<'_>) -> Result<Operation, AwsError> {
    let unknown = |why: &str| Err(Kind::UnknownOperation.with(why));
    if request.method != "POST" || request.path() != "/" {
        return unknown("operations are posted to /");
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let media_type = content_type.split(|&octet| octet == b';').next().unwrap_or_default();
    if !media_type.trim_ascii().eq_ignore_ascii_case(CONTENT_TYPE.as_bytes()) {
        return unknown("operations are application/x-amz-json-1.1");
    }
    let target = request.header("x-amz-target").unwrap_or_default();
    let name = target.strip_prefix(b"ACMPrivateCA.").unwrap_or_default();
    match Operation::ALL.into_iter().find(|it| it.name().as_bytes() == name) {
        Some(operation) => Ok(operation),
        None => unknown("there is no such operation here"),
    }
}

/// The members of the object that a body is. Nothing is nested deeper than the reader allows, which is
/// 128 levels.
fn members(body: &[u8]) -> Result<Map<String, Value>, AwsError> {
    let broken = |why: &str| Kind::Serialization.with(why);
    if body.len() > LONGEST_BODY {
        return Err(broken("the body is too long"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(broken("the body is no object")),
        Err(_) => Err(broken("the body is no JSON")),
    }
}

/// A member that must be there, and a text.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, AwsError> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(Kind::Validation.with(format!("{name} is missing"))),
        Some(_) => Err(Kind::Serialization.with(format!("{name} is no text"))),
    }
}

/// As much of a text from outside as an answer repeats.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}
