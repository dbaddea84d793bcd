//! rustls-webpki: `CertRevocationList::find_serial`. Owned is parsed once, into a map in order;
//! borrowed reads the CRL from its start each time.

use super::{InProcess, Input, Lookup};
use crate::{error::Error, version};
use std::hint::black_box;
use webpki::{BorrowedCertRevocationList, CertRevocationList, OwnedCertRevocationList};

pub fn owned(input: Input<'_>) -> Result<Box<dyn Lookup + '_>, Error> {
    Ok(start("owned", OwnedCertRevocationList::from_der(input.crl)?.into()))
}

pub fn borrowed(input: Input<'_>) -> Result<Box<dyn Lookup + '_>, Error> {
    Ok(start("borrowed", BorrowedCertRevocationList::from_der(input.crl)?.into()))
}

fn start<'a>(kind: &str, crl: CertRevocationList<'a>) -> Box<dyn Lookup + 'a> {
    Box::new(InProcess::new(
        format!("rustls-webpki {}, {kind}", version::of("rustls-webpki")),
        |serial| Ok(*serial),
        move |serial| {
            let found = black_box(crl.find_serial(serial.as_octets()));
            found.is_ok_and(|found| found.is_some())
        },
    ))
}
