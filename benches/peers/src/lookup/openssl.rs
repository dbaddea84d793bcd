//! The openssl crate: `X509_CRL_get0_by_serial`. The first call sorts the list.

use super::{InProcess, Input, Lookup};
use crate::{error::Error, version};
use openssl::{
    asn1::Asn1Integer,
    bn::BigNum,
    x509::{CrlStatus, X509Crl},
};
use std::hint::black_box;

pub fn start(input: Input<'_>) -> Result<Box<dyn Lookup + '_>, Error> {
    let crl = X509Crl::from_der(input.crl)?;
    let label = format!("{}, `X509_CRL_get0_by_serial`", version::openssl());
    Ok(Box::new(InProcess::new(
        label,
        |serial| Ok(BigNum::from_slice(serial.as_octets())?.to_asn1_integer()?),
        move |serial: &Asn1Integer| {
            matches!(black_box(crl.get_by_serial(serial)), CrlStatus::Revoked(_))
        },
    )))
}
