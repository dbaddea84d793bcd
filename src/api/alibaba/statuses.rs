//! DescribeClientCertificateStatus and DescribeClientCertificateStatusForSerialNumber.

use super::{
    AlibabaApi, CertificateId,
    answer::Members,
    error::{AlibabaError, Kind},
    facts::{add, milliseconds, plain},
    required,
};
use crate::{
    api::Parameters,
    authority::{CertificateStatus, Status},
    request::Principal,
    serial::Serial,
    store::Store,
};
use serde_json::Value;
use std::collections::BTreeSet;

impl<S: Store> AlibabaApi<S> {
    /// DescribeClientCertificateStatus: in the order of the identifiers.
    pub(super) fn statuses(
        &self,
        principal: &Principal,
        parameters: &Parameters,
    ) -> Result<Members, AlibabaError> {
        let mut statuses = Vec::new();
        for identifier in several(parameters, "Identifier")? {
            let found = match self.named(identifier) {
                Some(CertificateId::Issued { issuer, serial }) => {
                    self.status_of(principal, issuer, serial)?.map(|status| (serial, status))
                }
                _ => None,
            };
            let (serial, status) = found.unzip();
            statuses.push(described(serial, status.as_ref()));
        }
        Ok(answer(statuses))
    }

    /// DescribeClientCertificateStatusForSerialNumber: in the order of the serial numbers, and of
    /// each as often as one of the CAs that are shown here issued a certificate with it.
    pub(super) fn statuses_of_serials(
        &self,
        principal: &Principal,
        parameters: &Parameters,
    ) -> Result<Members, AlibabaError> {
        let issuers: BTreeSet<_> = self.authorities.values().map(|ca| ca.issuer).collect();
        let mut statuses = Vec::new();
        for text in several(parameters, "SerialNumber")? {
            let serial: Serial =
                text.parse().map_err(|error| Kind::InvalidParameter.of("SerialNumber", error))?;
            let before = statuses.len();
            for &issuer in &issuers {
                if let Some(status) = self.status_of(principal, issuer, serial)? {
                    statuses.push(described(Some(serial), Some(&status)));
                }
            }
            if statuses.len() == before {
                statuses.push(described(Some(serial), None));
            }
        }
        Ok(answer(statuses))
    }
}

/// What a parameter names, with commas in between.
fn several<'a>(
    parameters: &'a Parameters,
    name: &'static str,
) -> Result<impl Iterator<Item = &'a str>, AlibabaError> {
    const MOST: usize = 100;
    let text = required(parameters, name)?;
    if text.split(',').count() > MOST {
        return Err(Kind::InvalidParameter.of(name, format_args!("more than {MOST}")));
    }
    Ok(text.split(',').map(str::trim))
}

fn answer(statuses: Vec<Value>) -> Members {
    Members::from_iter([("CertificateStatus".to_owned(), statuses.into())])
}

/// What is told of a certificate, as to whether it is revoked. One that has expired is not.
fn described(serial: Option<Serial>, status: Option<&Status>) -> Value {
    let mut members = Members::new();
    if let Some(serial) = serial {
        add(&mut members, "SerialNumber", plain(serial));
    }
    let (status, revoked_at) = match status.map(|status| &status.effective) {
        Some(CertificateStatus::Revoked(history)) => ("revoked", Some(history.current.date)),
        Some(CertificateStatus::Invalidated(invalidation)) => ("revoked", Some(invalidation.at)),
        Some(CertificateStatus::Good | CertificateStatus::Expired { .. }) => ("good", None),
        Some(CertificateStatus::NotIssued | CertificateStatus::Reserved) | None => {
            ("unknown", None)
        }
    };
    add(&mut members, "Status", status);
    if let Some(at) = revoked_at {
        add(&mut members, "RevokeTime", milliseconds(at));
    }
    Value::Object(members)
}
