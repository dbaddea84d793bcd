//! RevokeCertificate.

use super::{AwsApi, AwsError, Kind, Operation, shown, text};
use crate::{
    audit::AuditEvent,
    reason::Reason,
    request::{AccessLevel, Action, CertificateId, Principal, RequestStage, Resource, Submit},
    serial::Serial,
    store::Store,
};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What whoever has something put into a bucket has to be allowed.
pub(super) const PUT_OBJECT: Action = Action::new("s3:PutObject", AccessLevel::Update);

impl<S: Store> AwsApi<S> {
    pub(super) fn revoke(
        &self,
        principal: &Principal,
        members: &Map<String, Value>,
        event: &mut AuditEvent,
    ) -> Result<(), AwsError> {
        let arn = text(members, "CertificateAuthorityArn")?;
        if let Some(Value::String(serial)) = members.get("CertificateSerial") {
            event.target.named = shown(&format!("{arn} {serial}"));
        }
        let action = Operation::RevokeCertificate.action();
        let (arn, authority) = self.authority(principal, &action, arn)?;
        if let Some(bucket) = &authority.crl_bucket {
            let bucket = Resource::Named(format!("arn:aws:s3:::{bucket}"));
            self.service.authorize(principal, &PUT_OBJECT, &bucket)?;
        }
        let serial = serial(text(members, "CertificateSerial")?)?;
        let reason = reason(text(members, "RevocationReason")?)?;
        event.target.issuer = Some(authority.issuer);
        event.target.serial = Some(serial);
        event.reason = Some(reason);
        let certificate = CertificateId::Issued { issuer: authority.issuer, serial };
        let submit =
            Submit::new(certificate, arn.account()).by(principal.name()).with_reason(reason);
        let submitted = self.service.submit(&submit, event)?;
        match submitted.request.stage {
            RequestStage::Waiting { .. } if submitted.repeated => {
                Err(Kind::RequestInProgress.with("the revocation waits for its confirmation"))
            }
            _ => Ok(()),
        }
    }
}

/// A serial number in hexadecimal, with colons or without, of at most 128 characters.
///
/// Without colons the first zero may be missing: who writes out a number, as Terraform's provider does
/// for `aws_acmpca_certificate`, leaves it out for one serial number in sixteen.
pub(super) fn serial(text: &str) -> Result<Serial, AwsError> {
    const LONGEST: usize = 128;
    let problem = match text.chars().count() {
        count if count > LONGEST => format!("{count} characters, and {LONGEST} are the most"),
        _ => match whole(text).parse::<Serial>() {
            Ok(serial) => return Ok(serial),
            Err(error) => error.to_string(),
        },
    };
    Err(Kind::InvalidRequest.with(format!("no serial number: {problem}")))
}

/// Hexadecimal digits in pairs. All else stays as it is.
fn whole(text: &str) -> Cow<'_, str> {
    let is_odd = text.len() % 2 == 1 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_odd { format!("0{text}").into() } else { text.into() }
}

/// The eight reasons of the API. There is no hold, and no removal from the CRL.
fn reason(name: &str) -> Result<Reason, AwsError> {
    let unknown = || {
        let message = format!("no reason for a revocation: {:?}", shown(name));
        Kind::InvalidRequest.with(message)
    };
    Reason::ALL.into_iter().find(|&reason| reason_name(reason) == name).ok_or_else(unknown)
}

/// What the API calls a reason.
pub(super) fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Unspecified => "UNSPECIFIED",
        Reason::KeyCompromise => "KEY_COMPROMISE",
        Reason::CaCompromise => "CERTIFICATE_AUTHORITY_COMPROMISE",
        Reason::AffiliationChanged => "AFFILIATION_CHANGED",
        Reason::Superseded => "SUPERSEDED",
        Reason::CessationOfOperation => "CESSATION_OF_OPERATION",
        Reason::PrivilegeWithdrawn => "PRIVILEGE_WITHDRAWN",
        Reason::AaCompromise => "A_A_COMPROMISE",
    }
}
