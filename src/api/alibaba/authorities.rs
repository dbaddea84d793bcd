//! UpdateCACertificateStatus, DescribeCACertificate and DescribeCACertificateList.

use super::{
    AlibabaApi, CertificateAuthority, Operation,
    answer::Members,
    error::{AlibabaError, Kind, not_found},
    facts::{add, add_organization, add_subject, milliseconds, pem, plain},
    list::Window,
    optional, required,
};
use crate::{
    api::Parameters,
    audit::AuditEvent,
    authority::{IssuerSummary, RevokeCa},
    issuer::CaCertificate,
    request::Principal,
    store::Store,
};
use serde_json::Value;

/// A certificate authority that is recorded, and what is.
struct Known<'a> {
    identifier: &'a str,
    summary: &'a IssuerSummary,
    /// Of its certificates, the one that is valid longest.
    certificate: &'a CaCertificate,
}

impl<S: Store> AlibabaApi<S> {
    /// UpdateCACertificateStatus. The only way that a status goes is to `REVOKE`.
    pub(super) fn update_status(
        &self,
        principal: &Principal,
        parameters: &Parameters,
        event: &mut AuditEvent,
    ) -> Result<Members, AlibabaError> {
        let identifier = required(parameters, "Identifier")?;
        if optional(parameters, "Status").is_some_and(|status| status != "REVOKE") {
            return Err(Kind::InvalidParameter.of("Status", "REVOKE"));
        }
        let mut own = self.own_authorities(principal.account());
        let (_, ca) = own.find(|(name, _)| *name == identifier).ok_or_else(not_found)?;
        event.target.issuer = Some(ca.issuer);
        let operation = Operation::UpdateCACertificateStatus;
        self.once(principal, operation, parameters, ca.issuer.as_octets(), |command| {
            let mut revoke = RevokeCa::new(ca.issuer);
            if let Some(command) = command {
                revoke = revoke.with_command(command);
            }
            // Nobody revokes here at once what would have to wait at the desk.
            let desk = self.service.desk();
            if desk.waits_for_ca(ca.issuer)? {
                return Err(Kind::OperationDenied.with("this CA is not revoked by one alone"));
            }
            desk.authority().revoke_ca(&revoke)?;
            Ok(())
        })
    }

    /// DescribeCACertificate.
    pub(super) fn describe_authority(
        &self,
        principal: &Principal,
        parameters: &Parameters,
    ) -> Result<Members, AlibabaError> {
        let identifier = required(parameters, "Identifier")?;
        let issuers = self.service.desk().authority().issuers()?;
        let known = self.known(principal, &issuers);
        let ca = known.iter().find(|ca| ca.identifier == identifier).ok_or_else(not_found)?;
        let mut certificate = ca.facts(&known)?;
        add(&mut certificate, "CaCertChain", self.chain(&issuers, ca.summary)?);
        add(&mut certificate, "IssuerType", "local");
        let mut members = Members::new();
        add(&mut members, "Years", ca.years());
        add(&mut members, "Certificate", certificate);
        Ok(members)
    }

    /// The certificates from an issuer's own up to one that is self-signed, or whose parent is not
    /// recorded, in PEM.
    fn chain(&self, issuers: &[IssuerSummary], of: &IssuerSummary) -> Result<String, AlibabaError> {
        let authority = self.service.desk().authority();
        let (mut chain, mut seen, mut next) = (Vec::new(), Vec::new(), Some(of));
        while let Some(certificate) = next.and_then(newest) {
            chain.push(pem(certificate.der())?);
            seen.extend(next.map(|summary| summary.issuer.id()));
            // By its key: another CA may have the name.
            let parent = authority.issuer_of(certificate).ok().filter(|id| !seen.contains(id));
            next = issuers.iter().find(|it| Some(it.issuer.id()) == parent);
        }
        Ok(chain.concat())
    }

    /// DescribeCACertificateList, in the order of the identifiers.
    pub(super) fn list_authorities(
        &self,
        principal: &Principal,
        parameters: &Parameters,
    ) -> Result<Members, AlibabaError> {
        let window = Window::of(parameters)?;
        let only = optional(parameters, "Identifier");
        let status = one_of(parameters, "CaStatus", &["issue", "forbidden", "revoke"])?;
        let kind = one_of(parameters, "CertType", &["root", "subRoot", "externalCa"])?;
        let validity = one_of(parameters, "ValidStatus", &["valid", "notValid"])?;
        let issuer_type = optional(parameters, "IssuerType");
        let now = self.service.desk().authority().now();
        let issuers = self.service.desk().authority().issuers()?;
        let known = self.known(principal, &issuers);
        let is_wanted = |ca: &&Known<'_>| {
            let valid = if ca.certificate.not_after() < now { "notValid" } else { "valid" };
            only.is_none_or(|only| only == ca.identifier)
                && status.is_none_or(|status| status.eq_ignore_ascii_case(ca.status()))
                && kind.is_none_or(|kind| (kind == "root") == ca.is_root() && kind != "externalCa")
                && validity.is_none_or(|validity| validity == valid)
                && issuer_type.is_none_or(|issuer_type| issuer_type == "local")
        };
        let (mut shown, mut total) = (Vec::new(), 0);
        for ca in known.iter().filter(is_wanted) {
            if window.shows(total) {
                shown.push(Value::Object(ca.facts(&known)?));
            }
            total += 1;
        }
        Ok(window.answer(shown, total))
    }

    /// The certificate authorities of an account, and their identifiers.
    pub(super) fn own_authorities<'a>(
        &'a self,
        account: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a CertificateAuthority)> {
        let all = self.authorities.iter().map(|(identifier, ca)| (identifier.as_str(), ca));
        all.filter(move |(_, ca)| ca.account == account)
    }

    /// Those of a principal that are recorded.
    fn known<'a>(
        &'a self,
        principal: &'a Principal,
        issuers: &'a [IssuerSummary],
    ) -> Vec<Known<'a>> {
        let own = self.own_authorities(principal.account());
        own.filter_map(|(identifier, ca)| {
            let summary = issuers.iter().find(|summary| summary.issuer.id() == ca.issuer)?;
            Some(Known { identifier, summary, certificate: newest(summary)? })
        })
        .collect()
    }
}

impl Known<'_> {
    /// Where it is worth nothing any more because a CA above it fell, it may not issue either.
    fn status(&self) -> &'static str {
        if self.summary.standing.is_down() { "REVOKE" } else { "ISSUE" }
    }

    fn is_root(&self) -> bool {
        self.certificate.is_self_issued()
    }

    /// How many years it is valid, rounded.
    fn years(&self) -> u64 {
        const DAY: u64 = 24 * 60 * 60;
        let certificate = self.certificate;
        let days =
            certificate.not_after().saturating_since(certificate.not_before()).as_secs() / DAY;
        (days + 182) / 365
    }

    /// What lists tell of it too. Its parent is one of those that are shown as well.
    fn facts(&self, all: &[Known<'_>]) -> Result<Members, AlibabaError> {
        let certificate = self.certificate;
        let mut members = Members::new();
        add_subject(&mut members, certificate)?;
        add_organization(&mut members, certificate);
        add(&mut members, "Identifier", self.identifier);
        add(&mut members, "SerialNumber", plain(certificate.serial()));
        add(&mut members, "Status", self.status());
        add(&mut members, "CertificateType", if self.is_root() { "ROOT" } else { "SUB_ROOT" });
        add(&mut members, "BeforeDate", milliseconds(certificate.not_before()));
        add(&mut members, "AfterDate", milliseconds(certificate.not_after()));
        add(&mut members, "Years", self.years());
        let is_parent =
            |other: &&Known<'_>| other.summary.issuer.name() == certificate.issuer_name();
        if let (false, Some(parent)) = (self.is_root(), all.iter().find(is_parent)) {
            add(&mut members, "ParentIdentifier", parent.identifier);
        }
        Ok(members)
    }
}

fn newest(summary: &IssuerSummary) -> Option<&CaCertificate> {
    summary.issuer.certificates().max_by_key(|certificate| certificate.not_after())
}

/// A parameter that may be there, and is one of these then.
fn one_of<'a>(
    parameters: &'a Parameters,
    name: &str,
    all: &[&str],
) -> Result<Option<&'a str>, AlibabaError> {
    match optional(parameters, name) {
        Some(value) if !all.contains(&value) => {
            Err(Kind::InvalidParameter.of(name, all.join(", ")))
        }
        value => Ok(value),
    }
}
