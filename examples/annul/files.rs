//! What commands read from files.

use crate::failure::Failure;
use annul::{CaCertificate, Certificate, CertificateError, CertificateList, SigningKey};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|source| Failure::Read { path: path.to_owned(), source })
}

/// DER begins with a SEQUENCE of 128 octets or more; no text begins like that.
fn is_der(content: &[u8]) -> bool {
    matches!(content, [0x30, 0x80..=0xff, ..])
}

/// The certificates in a file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let content = read(path)?;
    let read = if is_der(&content) {
        Certificate::from_der(&content).map(|certificate| vec![certificate])
    } else {
        Certificate::all_from_pem(&content)
    };
    read.map_err(bad_certificate(path))
}

/// The first certificate in a file; of a chain that is the leaf.
pub fn certificate(path: &Path) -> Result<Certificate, Failure> {
    let mut certificates = certificates(path)?;
    let first = certificates.remove(0);
    if !certificates.is_empty() {
        let (file, serial, others) = (path.display(), first.serial(), certificates.len());
        eprintln!("note: of {file}, only certificate {serial} is taken, {others} others are not");
    }
    Ok(first)
}

fn bad_certificate(path: &Path) -> impl Fn(CertificateError) -> Failure {
    move |source| Failure::Certificate { path: path.to_owned(), source }
}

/// The CA certificates in a file, at least one.
pub fn ca_certificates(path: &Path) -> Result<Vec<CaCertificate>, Failure> {
    certificates(path)?.into_iter().map(|certificate| ca(path, certificate)).collect()
}

pub fn ca_certificate(path: &Path) -> Result<CaCertificate, Failure> {
    ca(path, certificate(path)?)
}

fn ca(path: &Path, certificate: Certificate) -> Result<CaCertificate, Failure> {
    CaCertificate::new(certificate)
        .map_err(|source| Failure::CaCertificate { path: path.to_owned(), source })
}

pub fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    SigningKey::from_pem(read(path)?)
        .map_err(|source| Failure::Key { path: path.to_owned(), source })
}

/// The DER of a CRL in a file, and what to call it in an error.
pub struct CrlFile {
    path: PathBuf,
    der: Vec<u8>,
}

impl CrlFile {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let content = read(path)?;
        let der = if is_der(&content) {
            content
        } else {
            CertificateList::pem_to_der(&content)
                .map_err(|source| Failure::Crl { path: path.to_owned(), source })?
        };
        Ok(Self { path: path.to_owned(), der })
    }

    /// Its octets, whatever they are.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn list(&self) -> Result<CertificateList<'_>, Failure> {
        CertificateList::from_der(&self.der)
            .map_err(|source| Failure::Crl { path: self.path.clone(), source })
    }
}
