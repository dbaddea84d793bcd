//! CreateRevokeClientCertificate and DeleteClientCertificate, and whose a certificate is.

use super::{
    AlibabaApi, Operation,
    answer::Members,
    error::{AlibabaError, Kind, not_found},
    required,
};
use crate::{
    api::Parameters,
    audit::AuditEvent,
    authority::Status,
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, CertificateRecord, Refusal},
    request::{CertificateId, Principal, RequestStage, Submit},
    serial::Serial,
    store::Store,
};

impl<S: Store> AlibabaApi<S> {
    /// CreateRevokeClientCertificate.
    pub(super) fn revoke(
        &self,
        principal: &Principal,
        parameters: &Parameters,
        event: &mut AuditEvent,
    ) -> Result<Members, AlibabaError> {
        let certificate = self.certificate(principal, required(parameters, "Identifier")?)?;
        note(event, certificate);
        let operation = Operation::CreateRevokeClientCertificate;
        let arguments = certificate.to_string();
        self.once(principal, operation, parameters, arguments.as_bytes(), |command| {
            let mut submit = Submit::new(certificate, principal.account()).by(principal.name());
            if let Some(command) = command {
                submit = submit.with_command(command);
            }
            let submitted = self.service.submit(&submit, event)?;
            let is_another = submitted.repeated && command.is_none();
            match submitted.request.stage {
                RequestStage::Recorded { .. } | RequestStage::Cleared { .. } => Ok(()),
                RequestStage::Waiting { .. } if !is_another => Ok(()),
                RequestStage::Waiting { .. } => {
                    Err(Kind::InvalidStatus.with("the revocation waits for its confirmation"))
                }
                _ => Err(Kind::InvalidStatus.with("the request for revocation came to nothing")),
            }
        })
    }

    /// DeleteClientCertificate.
    pub(super) fn delete(
        &self,
        principal: &Principal,
        parameters: &Parameters,
        event: &mut AuditEvent,
    ) -> Result<Members, AlibabaError> {
        let certificate = self.certificate(principal, required(parameters, "Identifier")?)?;
        note(event, certificate);
        self.service.desk().delete(certificate, principal.account())?;
        Ok(Members::new())
    }

    /// The certificate of a client or a server that an identifier names, if it is the principal's.
    fn certificate(
        &self,
        principal: &Principal,
        identifier: &str,
    ) -> Result<CertificateId, AlibabaError> {
        let id = self.named(identifier).ok_or_else(not_found)?;
        match id {
            // The desk knows whose uploads are.
            CertificateId::Uploaded(_) => Ok(id),
            CertificateId::Issued { issuer, serial } => {
                self.status_of(principal, issuer, serial)?.map(|_| id).ok_or_else(not_found)
            }
        }
    }

    /// What an identifier names, be it there or not.
    pub(super) fn named(&self, identifier: &str) -> Option<CertificateId> {
        self.certificates.get(identifier).copied().or_else(|| identifier.parse().ok())
    }

    /// What a certificate is called.
    pub(super) fn name_of(&self, certificate: CertificateId) -> String {
        self.aliases.get(&certificate).cloned().unwrap_or_else(|| certificate.to_string())
    }

    /// The status of a certificate of a client or a server; nothing where it is not there or not the
    /// principal's.
    pub(super) fn status_of(
        &self,
        principal: &Principal,
        issuer: IssuerId,
        serial: Serial,
    ) -> Result<Option<Status>, AlibabaError> {
        let status = match self.service.desk().authority().status(issuer, serial) {
            Ok(status) => status,
            Err(error) if matches!(error.refusal(), Some(Refusal::UnknownIssuer { .. })) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let is_seen = |record| self.shows(principal, issuer, record);
        Ok(if status.record.as_ref().is_some_and(is_seen) { Some(status) } else { None })
    }

    /// Whether it is a certificate of a client or a server, and the principal's: by its labels, or,
    /// where they name no account, by its CA. Certificates of CAs have operations of their own.
    pub(super) fn shows(
        &self,
        principal: &Principal,
        issuer: IssuerId,
        record: &CertificateRecord,
    ) -> bool {
        let account = principal.account();
        let is_own = match &record.labels.account {
            Some(owner) => owner == account,
            None => self.own_authorities(account).any(|(_, ca)| ca.issuer == issuer),
        };
        is_own && !matches!(record.kind, CertificateKind::Ca(_))
    }
}

/// Says which certificate an attempt is about.
fn note(event: &mut AuditEvent, certificate: CertificateId) {
    if let CertificateId::Issued { issuer, serial } = certificate {
        (event.target.issuer, event.target.serial) = (Some(issuer), Some(serial));
    }
}
