//! ListClientCertificate and ListRevokeCertificate, and how lists are paged.

use super::{
    AlibabaApi, CertificateId,
    answer::Members,
    error::{AlibabaError, Kind},
    facts::{add, add_subject, milliseconds, minute, plain},
    optional,
};
use crate::{
    api::Parameters,
    authority::CertificateStatus,
    certificate::Certificate,
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, Refusal},
    request::{DeskError, ListCertificates, ListedCertificate, ListedStatus, Principal},
    serial::Serial,
    store::Store,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// How many certificates a list holds at most.
const MOST_LISTED: u64 = 10_000;
/// How often the desk is asked for more at most; it looks at 10,000 certificates each time at most.
const MOST_ASKED: u32 = 100;
const AT_ONCE: usize = 1000;

/// The page of a list that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    page: u64,
    size: u64,
}

/// A certificate in a list, which was issued here.
struct Listed {
    issuer: IssuerId,
    serial: Serial,
    record: CertificateRecord,
    certificate: ListedCertificate,
}

impl Window {
    pub(super) fn of(parameters: &Parameters) -> Result<Self, AlibabaError> {
        const LARGEST: u64 = 100;
        let page = number(parameters, "CurrentPage", 1, u64::from(u32::MAX))?;
        Ok(Self { page, size: number(parameters, "ShowSize", 20, LARGEST)? })
    }

    /// Whether it shows what is at this place of the list, from 0.
    pub(super) fn shows(self, place: u64) -> bool {
        place / self.size == self.page - 1
    }

    /// The answer with the part of the list that it shows, and with how long the list is.
    pub(super) fn answer(self, shown: Vec<Value>, total: u64) -> Members {
        let mut members = Members::new();
        add(&mut members, "CertificateList", shown);
        add(&mut members, "CurrentPage", self.page);
        add(&mut members, "PageCount", total.div_ceil(self.size));
        add(&mut members, "ShowSize", self.size);
        add(&mut members, "TotalCount", total);
        members
    }
}

fn number(
    parameters: &Parameters,
    name: &str,
    otherwise: u64,
    largest: u64,
) -> Result<u64, AlibabaError> {
    let Some(text) = optional(parameters, name) else { return Ok(otherwise) };
    let number = text.parse().ok().filter(|number| (1..=largest).contains(number));
    number.ok_or_else(|| Kind::InvalidParameter.of(name, format_args!("1 to {largest}")))
}

impl<S: Store> AlibabaApi<S> {
    /// ListClientCertificate.
    pub(super) fn list(
        &self,
        principal: &Principal,
        parameters: &Parameters,
    ) -> Result<Members, AlibabaError> {
        let window = Window::of(parameters)?;
        let only = optional(parameters, "Identifier").map(|identifier| self.named(identifier));
        let wanted = |listed: &Listed| only.is_none_or(|only| only == Some(listed.certificate.id));
        self.list_those(principal, window, wanted, |listed| {
            let mut members = self.facts(principal, listed)?;
            if let Some(at) = listed.record.not_before {
                add(&mut members, "BeforeDate", milliseconds(at));
            }
            if let Some(at) = listed.record.not_after {
                add(&mut members, "AfterDate", milliseconds(at));
            }
            if let (Some(from), Some(to)) = (listed.record.not_before, listed.record.not_after) {
                let seconds = to.saturating_since(from).as_secs();
                add(&mut members, "Days", seconds.div_ceil(24 * 60 * 60));
            }
            Ok(members)
        })
    }

    /// ListRevokeCertificate.
    pub(super) fn list_revoked(
        &self,
        principal: &Principal,
        parameters: &Parameters,
    ) -> Result<Members, AlibabaError> {
        let window = Window::of(parameters)?;
        self.list_those(principal, window, Listed::is_revoked, |listed| {
            let mut members = self.facts(principal, listed)?;
            // It is not shown, whether or not it is withheld.
            members.remove("X509Certificate");
            let authority = self.service.desk().authority();
            let revoked_at = match &listed.certificate.revocation {
                Some(revocation) => Some(revocation.current.date),
                None => match authority.status(listed.issuer, listed.serial)?.effective {
                    CertificateStatus::Invalidated(invalidation) => Some(invalidation.at),
                    _ => None,
                },
            };
            for (name, at) in [
                ("BeforeDate", listed.record.not_before),
                ("AfterDate", listed.record.not_after),
                ("RevokeDate", revoked_at),
            ] {
                if let Some(at) = at {
                    add(&mut members, name, minute(at));
                }
            }
            Ok(members)
        })
    }

    /// The page with those of the principal's certificates that are wanted.
    fn list_those(
        &self,
        principal: &Principal,
        window: Window,
        wanted: impl Fn(&Listed) -> bool,
        describe: impl Fn(&Listed) -> Result<Members, AlibabaError>,
    ) -> Result<Members, AlibabaError> {
        let (mut shown, mut total, mut asked) = (Vec::new(), 0, 0);
        let account = principal.account();
        let issuers: BTreeSet<_> = self.own_authorities(account).map(|(_, ca)| ca.issuer).collect();
        let own = ListCertificates::of_account(account);
        // And those that only their CA says anything of.
        let others = issuers.iter().map(|&id| ListCertificates::of_all().with_issuer(id));
        for (place, list) in [own].into_iter().chain(others).enumerate() {
            let mut next = Some(list.with_limit(AT_ONCE));
            while let Some(list) = next.take().filter(|_| asked < MOST_ASKED) {
                asked += 1;
                let page = match self.service.desk().list(&list) {
                    Err(DeskError::Authority(error))
                        if matches!(error.refusal(), Some(Refusal::UnknownIssuer { .. })) =>
                    {
                        break;
                    }
                    page => page?,
                };
                let listed = page.certificates.into_iter().filter_map(Listed::of);
                let is_first = |it: &Listed| it.record.labels.account.is_none() == (place > 0);
                for listed in listed.filter(is_first) {
                    if !self.shows(principal, listed.issuer, &listed.record) || !wanted(&listed) {
                        continue;
                    }
                    if window.shows(total) {
                        shown.push(Value::Object(describe(&listed)?));
                    }
                    total += 1;
                    if total == MOST_LISTED {
                        return Ok(window.answer(shown, total));
                    }
                }
                next = page.next.map(|cursor| list.after(cursor));
            }
        }
        Ok(window.answer(shown, total))
    }

    /// What both lists tell of a certificate.
    fn facts(&self, principal: &Principal, listed: &Listed) -> Result<Members, AlibabaError> {
        let id = listed.certificate.id;
        let mut members = Members::new();
        // From when its revocation was requested on, nobody is shown the certificate.
        match self.service.desk().certificate(id, principal.account()) {
            Ok(der) => {
                if let Ok(certificate) = Certificate::from_der(&der) {
                    add_subject(&mut members, &certificate)?;
                }
            }
            Err(DeskError::Authority(error)) => return Err(error.into()),
            Err(_) => {}
        }
        add(&mut members, "Identifier", self.name_of(id));
        add(&mut members, "SerialNumber", plain(listed.serial));
        add(&mut members, "Status", if listed.is_revoked() { "REVOKE" } else { "ISSUE" });
        let mut parents = self.own_authorities(principal.account());
        if let Some((parent, _)) = parents.find(|(_, ca)| ca.issuer == listed.issuer) {
            add(&mut members, "ParentIdentifier", parent);
        }
        if let Some(identifier) = &listed.record.labels.external_identifier {
            add(&mut members, "CustomIdentifier", identifier.as_str());
        }
        Ok(members)
    }
}

impl Listed {
    /// Uploads are no certificates of this service.
    fn of(certificate: ListedCertificate) -> Option<Self> {
        let CertificateId::Issued { issuer, serial } = certificate.id else { return None };
        let record = certificate.record.clone()?;
        Some(Self { issuer, serial, record, certificate })
    }

    /// Whether it is worth nothing any more: revoked itself, or by what happened to its CA.
    fn is_revoked(&self) -> bool {
        matches!(self.certificate.status, ListedStatus::Revoked | ListedStatus::Invalidated)
    }
}
