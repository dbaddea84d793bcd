//! The limit: SHA-256 over the octets that are signed, and one signature.

use super::{Input, Maker, annul, aws_lc::AwsLcKey};
use crate::{error::Error, stopwatch::Stopwatch, version};
use ::annul::CertificateList;
use sha2::{Digest, Sha256};
use std::hint::black_box;

struct Limit {
    key: AwsLcKey,
    tbs: Vec<u8>,
}

pub fn start(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let mut maker = annul::unverified(input)?;
    maker.make()?;
    let tbs = CertificateList::from_der(&maker.der()?)?.tbs().to_vec();
    Ok(Box::new(Limit { key: AwsLcKey::new(input.ca)?, tbs }))
}

impl Maker for Limit {
    fn label(&self) -> String {
        let (sha2, aws_lc) = (version::of("sha2"), version::of("aws-lc-rs"));
        format!("the limit: SHA-256 (sha2 {sha2}) and one signature (aws-lc-rs {aws_lc})")
    }

    fn make(&mut self) -> Result<f64, Error> {
        let start = Stopwatch::start()?;
        black_box(self.key.sign_digest(&Sha256::digest(black_box(&self.tbs)))?);
        start.seconds()
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        Err("the limit makes no CRL".into())
    }
}
