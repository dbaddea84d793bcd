//! rcgen: `CertificateRevocationListParams::signed_by`, with aws-lc-rs.

use super::{Input, Maker};
use crate::{
    ca,
    entries::{reason, unsigned},
    error::Error,
    stopwatch::Stopwatch,
    version,
};
use annul::{CrlEntry, Timestamp};
use rcgen::{
    CertificateRevocationList, CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair,
    RevocationReason, RevokedCertParams, SerialNumber,
};
use time::OffsetDateTime;

struct Rcgen<'a> {
    input: Input<'a>,
    issuer: Issuer<'static, KeyPair>,
    crl: Option<CertificateRevocationList>,
}

pub fn start(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let issuer = Issuer::from_ca_cert_pem(ca::PEM, KeyPair::from_pem(ca::KEY_PEM)?)?;
    Ok(Box::new(Rcgen { input, issuer, crl: None }))
}

impl Maker for Rcgen<'_> {
    fn label(&self) -> String {
        format!("rcgen {}, aws-lc-rs", version::of("rcgen"))
    }

    fn make(&mut self) -> Result<f64, Error> {
        self.crl = None;
        let start = Stopwatch::start()?;
        let revoked_certs = self.input.entries.iter().map(revoked).collect::<Result<_, _>>()?;
        let params = CertificateRevocationListParams {
            this_update: time(self.input.ca.this_update())?,
            next_update: time(self.input.ca.next_update())?,
            crl_number: SerialNumber::from(u64::from(ca::CRL_NUMBER)),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::PreSpecified(
                self.input.ca.certificate.subject_key_identifier().unwrap_or_default().to_vec(),
            ),
        };
        let crl = params.signed_by(&self.issuer)?;
        let took = start.seconds()?;
        self.crl = Some(crl);
        Ok(took)
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.crl.as_ref().ok_or("no CRL was made")?.der().to_vec())
    }
}

fn revoked(entry: &CrlEntry) -> Result<RevokedCertParams, Error> {
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(&unsigned(&entry.serial)),
        revocation_time: time(entry.revocation_date)?,
        reason_code: Some(match reason(entry) {
            1 => RevocationReason::KeyCompromise,
            3 => RevocationReason::AffiliationChanged,
            4 => RevocationReason::Superseded,
            5 => RevocationReason::CessationOfOperation,
            other => return Err(format!("no entry has the reason {other}").into()),
        }),
        invalidity_date: None,
    })
}

fn time(timestamp: Timestamp) -> Result<OffsetDateTime, Error> {
    Ok(OffsetDateTime::from_unix_timestamp(timestamp.unix())?)
}
