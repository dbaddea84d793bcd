//! x509-cert: `CrlBuilder`, with p256.

use super::{Input, Maker};
use crate::{
    ca,
    entries::{reason, unsigned},
    error::Error,
    stopwatch::Stopwatch,
    version,
};
use annul::{CrlEntry, Timestamp};
use p256::{
    ecdsa::{DerSignature, SigningKey},
    pkcs8::DecodePrivateKey,
};
use std::time::Duration;
use x509_cert::{
    Certificate,
    builder::{Builder, CrlBuilder},
    certificate::Rfc5280,
    crl::RevokedCert,
    der::{DecodePem, Encode, asn1::UtcTime},
    ext::{ToExtension, pkix::CrlNumber, pkix::CrlReason},
    name::Name,
    serial_number::SerialNumber,
    time::Time,
};

struct X509Cert<'a> {
    input: Input<'a>,
    issuer: Certificate,
    key: SigningKey,
    der: Vec<u8>,
}

pub fn start(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let issuer = Certificate::from_pem(ca::PEM)?;
    let key = SigningKey::from_pkcs8_der(&input.ca.key)?;
    Ok(Box::new(X509Cert { input, issuer, key, der: Vec::new() }))
}

impl Maker for X509Cert<'_> {
    fn label(&self) -> String {
        format!("x509-cert {}, p256", version::of("x509-cert"))
    }

    fn make(&mut self) -> Result<f64, Error> {
        self.der = Vec::new();
        let number = CrlNumber::try_from(ca::CRL_NUMBER)?;
        let start = Stopwatch::start()?;
        let name = self.issuer.tbs_certificate().subject();
        let revoked = self.input.entries.iter().map(|entry| revoked(entry, name));
        let revoked: Vec<RevokedCert> = revoked.collect::<Result<_, _>>()?;
        let this_update = time(self.input.ca.this_update())?;
        let builder =
            CrlBuilder::<Rfc5280>::new_with_this_update(&self.issuer, number, this_update)?
                .with_next_update(Some(time(self.input.ca.next_update())?))
                .with_certificates(revoked.into_iter());
        let crl = builder.build::<_, DerSignature>(&self.key)?;
        self.der = crl.to_der()?;
        start.seconds()
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.der.clone())
    }
}

fn revoked(entry: &CrlEntry, issuer: &Name) -> Result<RevokedCert, Error> {
    let reason = match reason(entry) {
        1 => CrlReason::KeyCompromise,
        3 => CrlReason::AffiliationChanged,
        4 => CrlReason::Superseded,
        5 => CrlReason::CessationOfOperation,
        other => return Err(format!("no entry has the reason {other}").into()),
    };
    Ok(RevokedCert {
        serial_number: SerialNumber::new(&unsigned(&entry.serial))?,
        revocation_date: time(entry.revocation_date)?,
        crl_entry_extensions: Some(vec![reason.to_extension(issuer, &[])?]),
    })
}

fn time(timestamp: Timestamp) -> Result<Time, Error> {
    let since_1970 = Duration::from_secs(timestamp.unix().unsigned_abs());
    Ok(Time::UtcTime(UtcTime::from_unix_duration(since_1970)?))
}
