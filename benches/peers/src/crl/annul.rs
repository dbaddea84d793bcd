//! annul: `TbsCertList::sign` into a buffer that is used again.

use super::{
    Input, Maker,
    aws_lc::{AwsLcKey, AwsLcVerifier, Unverified},
};
use crate::{ca, error::Error, stopwatch::Stopwatch, version};
use annul::{CrlNumber, LocalVerifier, Signer, SigningKey, TbsCertList, Verifier};

struct Annul<'a> {
    label: &'static str,
    input: Input<'a>,
    tbs: TbsCertList<'a>,
    signer: Box<dyn Signer>,
    verifier: Box<dyn Verifier>,
    der: Vec<u8>,
}

pub fn with_p256(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let key = SigningKey::from_pem(ca::KEY_PEM)?;
    start("p256 signs and verifies", input, Box::new(key), Box::new(LocalVerifier))
}

pub fn with_aws_lc(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let key = AwsLcKey::new(input.ca)?;
    let verifier = AwsLcVerifier::new(&key)?;
    start("aws-lc-rs signs and verifies", input, Box::new(key), Box::new(verifier))
}

pub fn unverified(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let key = AwsLcKey::new(input.ca)?;
    start("aws-lc-rs signs, nobody verifies", input, Box::new(key), Box::new(Unverified))
}

fn start<'a>(
    label: &'static str,
    input: Input<'a>,
    signer: Box<dyn Signer>,
    verifier: Box<dyn Verifier>,
) -> Result<Box<dyn Maker + 'a>, Error> {
    let issuer = &input.ca.certificate;
    let tbs = TbsCertList::new(
        issuer.subject(),
        issuer.subject_key_identifier().ok_or("the CA has no subjectKeyIdentifier")?,
        CrlNumber::from_u64(ca::CRL_NUMBER.into()),
        input.ca.this_update(),
        input.ca.next_update(),
    )?;
    Ok(Box::new(Annul { label, input, tbs, signer, verifier, der: Vec::new() }))
}

impl Maker for Annul<'_> {
    fn label(&self) -> String {
        format!("annul {}, {}", version::of("annul"), self.label)
    }

    fn make(&mut self) -> Result<f64, Error> {
        let public_key = self.input.ca.certificate.public_key();
        let start = Stopwatch::start()?;
        self.tbs.sign(
            &self.input.entries,
            public_key,
            &*self.signer,
            &*self.verifier,
            &mut self.der,
        )?;
        start.seconds()
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.der.clone())
    }
}
