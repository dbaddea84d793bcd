//! What certificate authorities there are, and their certificates.

use super::{AwsApi, AwsError, BadArn, Kind, Operation, arn, revoke::serial, text};
use crate::{
    authority::IssuerSummary,
    issuer::CaCertificate,
    issuer_id::IssuerId,
    lifecycle::Standing,
    request::{CertificateId, Principal},
    store::Store,
};
use der::pem::{LineEnding, encode_string};
use serde_json::{Map, Value, json};

impl<S: Store> AwsApi<S> {
    /// DescribeCertificateAuthority.
    pub(super) fn describe(
        &self,
        principal: &Principal,
        members: &Map<String, Value>,
    ) -> Result<Value, AwsError> {
        let arn = text(members, "CertificateAuthorityArn")?;
        let action = Operation::DescribeCertificateAuthority.action();
        let (arn, known) = self.authority(principal, &action, arn)?;
        let issuers = self.service.desk().authority().issuers()?;
        let summary = find(&issuers, known.issuer)?;
        let certificate = newest(summary)?;
        let kind = if certificate.is_self_issued() { "ROOT" } else { "SUBORDINATE" };
        let status = match summary.standing {
            Standing::Stands => "ACTIVE",
            Standing::Expired { .. } => "EXPIRED",
            _ => "DISABLED",
        };
        let mut crl = json!({ "Enabled": known.crl_bucket.is_some() });
        if let (Some(bucket), Value::Object(crl)) = (&known.crl_bucket, &mut crl) {
            crl.insert("S3BucketName".to_owned(), Value::from(bucket.as_str()));
        }
        Ok(json!({ "CertificateAuthority": {
            "Arn": arn.as_str(),
            "OwnerAccount": arn.account(),
            "CreatedAt": certificate.not_before().unix(),
            "Type": kind,
            "Serial": certificate.serial().to_string(),
            "Status": status,
            "NotBefore": certificate.not_before().unix(),
            "NotAfter": certificate.not_after().unix(),
            "RevocationConfiguration": { "CrlConfiguration": crl },
        } }))
    }

    /// GetCertificate.
    pub(super) fn certificate(
        &self,
        principal: &Principal,
        members: &Map<String, Value>,
    ) -> Result<Value, AwsError> {
        let named = text(members, "CertificateAuthorityArn")?;
        let action = Operation::GetCertificate.action();
        let (arn, known) = self.authority(principal, &action, named)?;
        let bad = |_: BadArn| Kind::InvalidArn.with("no ARN of a certificate of that authority");
        let (of, number) = arn::certificate(text(members, "CertificateArn")?).map_err(bad)?;
        if of != *arn {
            return Err(bad(BadArn));
        }
        let certificate = CertificateId::Issued { issuer: known.issuer, serial: serial(number)? };
        let der = self.service.desk().certificate(certificate, arn.account())?;
        Ok(
            json!({ "Certificate": pem(&der)?, "CertificateChain": self.chain(known.issuer)?.concat() }),
        )
    }

    /// GetCertificateAuthorityCertificate.
    pub(super) fn authority_certificate(
        &self,
        principal: &Principal,
        members: &Map<String, Value>,
    ) -> Result<Value, AwsError> {
        let arn = text(members, "CertificateAuthorityArn")?;
        let action = Operation::GetCertificateAuthorityCertificate.action();
        let (_, known) = self.authority(principal, &action, arn)?;
        let chain = self.chain(known.issuer)?;
        let (own, above) = chain.split_first().ok_or_else(gone)?;
        let mut answer = json!({ "Certificate": own });
        if let (Value::Object(answer), false) = (&mut answer, above.is_empty()) {
            answer.insert("CertificateChain".to_owned(), Value::from(above.concat()));
        }
        Ok(answer)
    }

    /// The certificates from an issuer's own up to one that is self-issued, or whose parent is not
    /// recorded, in PEM.
    fn chain(&self, issuer: IssuerId) -> Result<Vec<String>, AwsError> {
        let issuers = self.service.desk().authority().issuers()?;
        let authority = self.service.desk().authority();
        let (mut chain, mut seen, mut next) = (Vec::new(), Vec::new(), Some(issuer));
        while let Some(issuer) = next.filter(|issuer| !seen.contains(issuer)) {
            let certificate = newest(find(&issuers, issuer)?)?;
            chain.push(pem(certificate.der())?);
            seen.push(issuer);
            // By its key: another CA may have the name.
            next = authority.issuer_of(certificate).ok();
        }
        Ok(chain)
    }
}

fn pem(der: &[u8]) -> Result<String, AwsError> {
    let pem = encode_string("CERTIFICATE", LineEnding::LF, der);
    pem.map_err(|_| Kind::RequestFailed.with("the certificate cannot be written"))
}

fn gone() -> AwsError {
    Kind::ResourceNotFound.with("the certificate authority is not recorded")
}

pub(super) fn find(issuers: &[IssuerSummary], id: IssuerId) -> Result<&IssuerSummary, AwsError> {
    issuers.iter().find(|summary| summary.issuer.id() == id).ok_or_else(gone)
}

/// The certificate that is valid longest.
fn newest(summary: &IssuerSummary) -> Result<&CaCertificate, AwsError> {
    summary.issuer.certificates().max_by_key(|certificate| certificate.not_after()).ok_or_else(gone)
}
