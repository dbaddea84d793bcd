//! Alibaba Cloud's Certificate Management Service (CAS), as far as revocation needs it.

mod answer;
mod authorities;
mod certificates;
mod error;
mod facts;
mod list;
mod statuses;

use self::{
    answer::{Format, Members},
    error::{AlibabaError, Kind},
};
use super::{AcsSignature, ApiRequest, ApiResponse, Credentials, Parameters, Service};
use crate::{
    audit::{AuditEvent, AuditOutcome},
    issuer_id::IssuerId,
    log::CommandId,
    request::{AccessLevel, Action, CertificateId, ClientToken, Idempotency, Principal, Resource},
    store::Store,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// The API of Alibaba Cloud's Certificate Management Service, version 2020-06-30, for its clients to
/// revoke certificates and CAs and to ask about them, in the ACS3 style and in the RPC style.
///
/// | operation | does |
/// |---|---|
/// | CreateRevokeClientCertificate | asks that a client's or a server's certificate be revoked |
/// | DeleteClientCertificate | deletes one that is revoked or expired |
/// | ListClientCertificate, ListRevokeCertificate | list certificates, page by page |
/// | DescribeClientCertificateStatus, DescribeClientCertificateStatusForSerialNumber | say which of up to 100 are revoked |
/// | UpdateCACertificateStatus | revokes a CA, or distrusts it where it is self-signed |
/// | DescribeCACertificate, DescribeCACertificateList | say what CAs there are |
///
/// Whoever asks sees what is their account's: the CAs that were named for it, the certificates whose
/// [`Labels`](crate::Labels) name it, and those without an account that its CAs issued. Permissions
/// name no resources here, so an [`Authorizer`](crate::Authorizer) opens no other account.
///
/// A request that revokes may have a `ClientToken`; sent again with it, it is answered as success
/// again. Without one, what is revoked is refused with `InvalidStatus`. Answers are kept in the
/// store of the authority: [`Idempotency::forget_expired`] lets go of them.
///
/// Lists and counts hold the first 10,000 certificates of an account, looking for them among the
/// first million that are recorded or so.
pub struct AlibabaApi<S: Store> {
    service: Arc<Service<S>>,
    signature: AcsSignature,
    credentials: Arc<dyn Credentials>,
    authorities: BTreeMap<String, CertificateAuthority>,
    certificates: BTreeMap<String, CertificateId>,
    aliases: BTreeMap<CertificateId, String>,
    keep: Duration,
}

/// A certificate authority as the API shows it.
#[derive(Clone, Debug)]
struct CertificateAuthority {
    issuer: IssuerId,
    /// Whose it is.
    account: String,
}

/// Longer bodies than any client sends are not read.
const LONGEST_BODY: usize = 64 * 1024;

const VERSION: &str = "2020-06-30";

impl<S: Store> AlibabaApi<S> {
    /// The API before this service, without any certificate authority. Answers to requests with a
    /// token are kept for a day.
    pub fn new(service: Arc<Service<S>>, credentials: Arc<dyn Credentials>) -> Self {
        let started = service.desk().authority().now();
        Self {
            service,
            // What another process accepted before is not accepted again, but for what was dated ahead.
            signature: AcsSignature::new().started(started),
            credentials,
            authorities: BTreeMap::new(),
            certificates: BTreeMap::new(),
            aliases: BTreeMap::new(),
            keep: Duration::from_secs(24 * 60 * 60),
        }
    }

    /// Verifies signatures with this one; one that was [started](AcsSignature::started) when the API was
    /// made otherwise.
    #[must_use]
    pub fn with_signature(mut self, signature: AcsSignature) -> Self {
        self.signature = signature;
        self
    }

    /// Keeps each answer to a request with a token for so long.
    #[must_use]
    pub fn with_answers_kept_for(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Shows an issuer as the certificate authority with this identifier, to this account.
    #[must_use]
    pub fn with_authority(
        mut self,
        identifier: impl Into<String>,
        issuer: IssuerId,
        account: impl Into<String>,
    ) -> Self {
        let account = account.into();
        self.authorities.insert(identifier.into(), CertificateAuthority { issuer, account });
        self
    }

    /// Also finds a certificate by this identifier, and calls it so. Others are called as
    /// [`CertificateId`] writes them.
    #[must_use]
    pub fn with_certificate_alias(
        mut self,
        identifier: impl Into<String>,
        certificate: CertificateId,
    ) -> Self {
        let identifier = identifier.into();
        self.aliases.insert(certificate, identifier.clone());
        self.certificates.insert(identifier, certificate);
        self
    }

    /// Answers a request. `now` is of a clock that only goes on, and read just before.
    pub fn handle(&self, request: &ApiRequest<'_>, now: Instant) -> ApiResponse {
        // A header that is not signed says nothing, and of the RPC style none is.
        let style = match request.header("authorization") {
            Some(_) => Style::Acs3,
            None => Style::Rpc,
        };
        let read = parameters(request);
        let format = Format::of(style, request, read.as_ref().ok());
        let mut event = self.event(style, request, read.as_ref().ok());
        let answer = read.and_then(|parameters| {
            let time = self.service.desk().authority().now();
            let principal =
                self.signature.verify(request, &parameters, &*self.credentials, time)?;
            self.answer(&principal, style, request, &parameters, &mut event, now)
        });
        self.conclude(request, format, event, answer, now)
    }

    /// Answers a request of somebody whom the caller has authenticated, whatever signature it has.
    pub fn handle_as(
        &self,
        principal: &Principal,
        request: &ApiRequest<'_>,
        now: Instant,
    ) -> ApiResponse {
        let read = parameters(request);
        let style = match &read {
            Ok(parameters) if parameters.get("Action").is_some() => Style::Rpc,
            _ => Style::Acs3,
        };
        let format = Format::of(style, request, read.as_ref().ok());
        let mut event = self.event(style, request, read.as_ref().ok());
        let answer = read.and_then(|parameters| {
            self.answer(principal, style, request, &parameters, &mut event, now)
        });
        self.conclude(request, format, event, answer, now)
    }

    fn answer(
        &self,
        principal: &Principal,
        style: Style,
        request: &ApiRequest<'_>,
        parameters: &Parameters,
        event: &mut AuditEvent,
        now: Instant,
    ) -> Result<(Operation, Members), AlibabaError> {
        event.account = principal.account().to_owned();
        event.principal = principal.name().to_owned();
        let operation = Operation::of(style, request, parameters)?;
        self.service.admit(principal, operation.name(), now)?;
        self.service.authorize(principal, &operation.action(), &Resource::All)?;
        let members = match operation {
            Operation::CreateRevokeClientCertificate => self.revoke(principal, parameters, event),
            Operation::DeleteClientCertificate => self.delete(principal, parameters, event),
            Operation::DescribeCACertificate => self.describe_authority(principal, parameters),
            Operation::DescribeCACertificateList => self.list_authorities(principal, parameters),
            Operation::DescribeClientCertificateStatus => self.statuses(principal, parameters),
            Operation::DescribeClientCertificateStatusForSerialNumber => {
                self.statuses_of_serials(principal, parameters)
            }
            Operation::ListClientCertificate => self.list(principal, parameters),
            Operation::ListRevokeCertificate => self.list_revoked(principal, parameters),
            Operation::UpdateCACertificateStatus => {
                self.update_status(principal, parameters, event)
            }
        };
        Ok((operation, members?))
    }

    /// An attempt, of which it is not known yet what comes of it.
    fn event(
        &self,
        style: Style,
        request: &ApiRequest<'_>,
        parameters: Option<&Parameters>,
    ) -> AuditEvent {
        let of = |name| parameters.and_then(|parameters| optional(parameters, name));
        let action = match style {
            Style::Rpc => of("Action"),
            Style::Acs3 => str::from_utf8(request.header("x-acs-action").unwrap_or_default()).ok(),
        };
        let now = self.service.desk().authority().now();
        let method = shown(action.unwrap_or_default());
        let mut event = AuditEvent::new(now, method, AuditOutcome::Done);
        event.request_id = self.service.request_id();
        event.target.named = shown(of("Identifier").unwrap_or_default()).to_owned();
        match of("ClientToken").and_then(|token| token.parse().ok()) {
            Some(token) => event.with_token(&token),
            None => event,
        }
    }

    /// Keeps what came of an attempt, where it could change something or was refused, and says it.
    fn conclude(
        &self,
        request: &ApiRequest<'_>,
        format: Format,
        mut event: AuditEvent,
        mut answer: Result<(Operation, Members), AlibabaError>,
        now: Instant,
    ) -> ApiResponse {
        let is_kept = match &answer {
            Ok((operation, _)) => operation.changes(),
            Err(AlibabaError { kind, .. }) => {
                event.outcome = kind.outcome();
                true
            }
        };
        if is_kept && self.service.keep(&event, now).is_err() {
            answer = Err(Kind::InternalError.with("the request has failed; it may be sent again"));
        }
        let id = event.request_id;
        let content_type = ("content-type", format.content_type().to_owned());
        let mut headers = vec![content_type, ("x-acs-request-id", id.clone())];
        let (status, body) = match answer {
            Ok((operation, mut members)) => {
                members.insert("RequestId".to_owned(), id.as_str().into());
                (200, format.write(&format!("{}Response", operation.name()), members))
            }
            Err(AlibabaError { kind, message, retry_after }) => {
                // So many milliseconds the SDKs wait, where they are told to try again at all.
                let wait = retry_after.map(|wait| wait.as_nanos().div_ceil(1_000_000));
                headers.extend(wait.map(|wait| ("x-acs-retry-after", wait.to_string())));
                let host = request.header("host").unwrap_or_default();
                let members = [
                    ("RequestId", id.as_str()),
                    ("HostId", shown(str::from_utf8(host).unwrap_or_default())),
                    ("Code", kind.code()),
                    ("Message", &message),
                ];
                let members = members.map(|(name, text)| (name.to_owned(), text.into()));
                (kind.status(), format.write("Error", Members::from_iter(members)))
            }
        };
        ApiResponse { status, headers, body }
    }

    /// Does the work of a request; once, where it has a token.
    fn once(
        &self,
        principal: &Principal,
        operation: Operation,
        parameters: &Parameters,
        arguments: &[u8],
        work: impl FnOnce(Option<CommandId>) -> Result<(), AlibabaError>,
    ) -> Result<Members, AlibabaError> {
        let Some(token) = optional(parameters, "ClientToken") else {
            return work(None).map(|()| Members::new());
        };
        let token: ClientToken = token
            .parse()
            .map_err(|_| Kind::InvalidParameter.of("ClientToken", "1 to 128 ASCII characters"))?;
        let authority = self.service.desk().authority();
        let answers = Idempotency::new(authority.store(), self.keep);
        let (account, name, now) = (principal.account(), operation.name(), authority.now());
        answers.once(account, name, &token, arguments, now, |command| {
            // There is nothing in the answer but that it was done.
            work(Some(command)).map(|()| Vec::new())
        })?;
        Ok(Members::new())
    }
}

impl<S: Store> fmt::Debug for AlibabaApi<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlibabaApi")
            .field("signature", &self.signature)
            .field("authorities", &self.authorities)
            .field("aliases", &self.aliases.len())
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// Where a request says what it is: in headers, or among the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Acs3,
    Rpc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    CreateRevokeClientCertificate,
    DeleteClientCertificate,
    DescribeCACertificate,
    DescribeCACertificateList,
    DescribeClientCertificateStatus,
    DescribeClientCertificateStatusForSerialNumber,
    ListClientCertificate,
    ListRevokeCertificate,
    UpdateCACertificateStatus,
}

impl Operation {
    /// Whether it changes anything.
    fn changes(self) -> bool {
        matches!(
            self,
            Self::CreateRevokeClientCertificate
                | Self::DeleteClientCertificate
                | Self::UpdateCACertificateStatus
        )
    }

    const ALL: [Self; 9] = [
        Self::CreateRevokeClientCertificate,
        Self::DeleteClientCertificate,
        Self::DescribeCACertificate,
        Self::DescribeCACertificateList,
        Self::DescribeClientCertificateStatus,
        Self::DescribeClientCertificateStatusForSerialNumber,
        Self::ListClientCertificate,
        Self::ListRevokeCertificate,
        Self::UpdateCACertificateStatus,
    ];

    /// What a request asks for.
    fn of(
        style: Style,
        request: &ApiRequest<'_>,
        parameters: &Parameters,
    ) -> Result<Self, AlibabaError> {
        // The signature of the RPC style does not cover the path.
        if !matches!(request.method, "GET" | "POST") || request.path() != "/" {
            return Err(Kind::UnknownAction.with("operations are sent to / by GET or POST"));
        }
        let said = |parameter: &'static str, header: &str| match style {
            Style::Rpc => required(parameters, parameter),
            Style::Acs3 => {
                let text = request.header(header).and_then(|it| str::from_utf8(it).ok());
                text.ok_or_else(|| Kind::MissingParameter.of(parameter, "it is missing"))
            }
        };
        if said("Version", "x-acs-version")? != VERSION {
            return Err(Kind::InvalidVersion.of("Version", VERSION));
        }
        let name = said("Action", "x-acs-action")?;
        let named = Self::ALL.into_iter().find(|it| it.name() == name);
        named.ok_or_else(|| Kind::UnknownAction.with("there is no such operation here"))
    }

    fn name(self) -> &'static str {
        let action = self.action().name();
        action.split_once(':').map_or(action, |(_, name)| name)
    }

    /// The action that policies allow.
    const fn action(self) -> Action {
        use AccessLevel::{Create, Delete, Get, List, Update};
        match self {
            Self::CreateRevokeClientCertificate => {
                Action::new("yundun-cert:CreateRevokeClientCertificate", Create)
            }
            Self::DeleteClientCertificate => {
                Action::new("yundun-cert:DeleteClientCertificate", Delete)
            }
            Self::DescribeCACertificate => Action::new("yundun-cert:DescribeCACertificate", Get),
            Self::DescribeCACertificateList => {
                Action::new("yundun-cert:DescribeCACertificateList", List)
            }
            Self::DescribeClientCertificateStatus => {
                Action::new("yundun-cert:DescribeClientCertificateStatus", Get)
            }
            Self::DescribeClientCertificateStatusForSerialNumber => {
                Action::new("yundun-cert:DescribeClientCertificateStatusForSerialNumber", Get)
            }
            Self::ListClientCertificate => Action::new("yundun-cert:ListClientCertificate", List),
            Self::ListRevokeCertificate => Action::new("yundun-cert:ListRevokeCertificate", List),
            Self::UpdateCACertificateStatus => {
                Action::new("yundun-cert:UpdateCACertificateStatus", Update)
            }
        }
    }
}

fn parameters(request: &ApiRequest<'_>) -> Result<Parameters, AlibabaError> {
    if request.body.len() > LONGEST_BODY {
        return Err(Kind::TooLarge.with("the body is too long"));
    }
    Ok(Parameters::of(request)?)
}

/// A parameter. One that is empty is not there.
fn optional<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.get(name).filter(|value| !value.is_empty())
}

/// A parameter that must be there.
fn required<'a>(parameters: &'a Parameters, name: &'static str) -> Result<&'a str, AlibabaError> {
    optional(parameters, name).ok_or_else(|| Kind::MissingParameter.of(name, "it is missing"))
}

/// As much of a text from outside as an answer repeats.
fn shown(text: &str) -> &str {
    const LONGEST: usize = 200;
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}
