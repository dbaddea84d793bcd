//! The openssl crate: OpenSSL's C API.

use super::{Input, Maker};
use crate::{ca, entries::reason, error::Error, stopwatch::Stopwatch, version};
use annul::{CrlEntry, Timestamp};
use foreign_types::ForeignType;
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, Private},
    x509::{
        X509, X509Crl, X509CrlBuilder, X509Revoked, X509RevokedBuilder,
        extension::{AuthorityKeyIdentifier, CrlNumber},
    },
};
use openssl_sys as ffi;

struct OpenSsl<'a> {
    input: Input<'a>,
    issuer: X509,
    key: PKey<Private>,
    der: Vec<u8>,
}

pub fn start(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let issuer = X509::from_pem(ca::PEM.as_bytes())?;
    let key = PKey::private_key_from_pem(ca::KEY_PEM.as_bytes())?;
    Ok(Box::new(OpenSsl { input, issuer, key, der: Vec::new() }))
}

impl Maker for OpenSsl<'_> {
    fn label(&self) -> String {
        format!("{}, C API", version::openssl())
    }

    fn make(&mut self) -> Result<f64, Error> {
        self.der = Vec::new();
        let start = Stopwatch::start()?;
        let crl = self.crl()?;
        self.der = crl.to_der()?;
        start.seconds()
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.der.clone())
    }
}

impl OpenSsl<'_> {
    fn crl(&self) -> Result<X509Crl, ErrorStack> {
        let mut builder = X509CrlBuilder::new()?;
        builder.set_issuer_name(self.issuer.subject_name())?;
        builder.set_last_update(&*time(self.input.ca.this_update())?)?;
        builder.set_next_update(&*time(self.input.ca.next_update())?)?;
        let blank = X509::builder()?;
        let context = blank.x509v3_context(Some(&self.issuer), None);
        builder.append_extension(AuthorityKeyIdentifier::new().keyid(true).build(&context)?)?;
        let number = BigNum::from_u32(ca::CRL_NUMBER)?;
        builder.append_extension(CrlNumber::new(number)?.build()?)?;
        for entry in self.input.entries {
            builder.add_revoked(revoked(entry)?)?;
        }
        builder.sort()?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        builder.build()
    }
}

fn revoked(entry: &CrlEntry) -> Result<X509Revoked, ErrorStack> {
    let serial = BigNum::from_slice(entry.serial.as_octets())?.to_asn1_integer()?;
    let mut builder = X509RevokedBuilder::new()?;
    builder.set_serial_number(&serial)?;
    builder.set_revocation_date(&*time(entry.revocation_date)?)?;
    let mut revoked = builder.build();
    set_reason(&mut revoked, reason(entry))?;
    Ok(revoked)
}

/// The crate has no call for the extensions of an entry.
fn set_reason(revoked: &mut X509Revoked, reason: u8) -> Result<(), ErrorStack> {
    // SAFETY: the string is ours, and freed once; OpenSSL copies the octet and encodes the string.
    unsafe {
        let enumerated = ffi::ASN1_STRING_type_new(ffi::V_ASN1_ENUMERATED);
        let mut done = !enumerated.is_null()
            && ffi::ASN1_STRING_set(enumerated, (&raw const reason).cast(), 1) == 1;
        done = done
            && ffi::X509_REVOKED_add1_ext_i2d(
                revoked.as_ptr(),
                ffi::NID_crl_reason,
                enumerated.cast(),
                0,
                0,
            ) == 1;
        ffi::ASN1_STRING_free(enumerated);
        if done { Ok(()) } else { Err(ErrorStack::get()) }
    }
}

fn time(timestamp: Timestamp) -> Result<Asn1Time, ErrorStack> {
    Asn1Time::from_unix(timestamp.unix())
}
