//! Those who rely on certificates below a root: rustls-webpki, and the `openssl verify` command.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::openssl::OpenSsl;
use annul::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
    anchor_from_trusted_cert, ring::ECDSA_P256_SHA256,
};
use x509_cert::der::pem::{LineEnding, encode_string};

/// What CRLs come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Revoked,
    /// None of them is about it.
    Unknown,
}

/// Certificates in DER, each signed by the next one, and the last by the root.
pub type Path = [Vec<u8>];

/// What rustls-webpki says of a path by these CRLs, in both of its ways to read them.
pub fn webpki(
    root: &[u8],
    path: &Path,
    crls: &[&[u8]],
    depth: RevocationCheckDepth,
    at: Timestamp,
) -> Verdict {
    let owned = crls.iter().map(|der| OwnedCertRevocationList::from_der(der).unwrap().into());
    let owned = by_webpki(root, path, owned.collect(), depth, at);
    let borrowed = crls.iter().map(|der| BorrowedCertRevocationList::from_der(der).unwrap().into());
    assert_eq!(by_webpki(root, path, borrowed.collect(), depth, at), owned);
    owned
}

fn by_webpki(
    root: &[u8],
    path: &Path,
    crls: Vec<CertRevocationList<'_>>,
    depth: RevocationCheckDepth,
    at: Timestamp,
) -> Verdict {
    let root = CertificateDer::from(root);
    let anchors = [anchor_from_trusted_cert(&root).unwrap()];
    let crls: Vec<_> = crls.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&crls)
        .unwrap()
        .with_depth(depth)
        .with_status_policy(UnknownStatusPolicy::Deny)
        .build();
    let path: Vec<_> = path.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let (leaf, above) = path.split_first().unwrap();
    let algorithms: &[&dyn SignatureVerificationAlgorithm] = &[ECDSA_P256_SHA256];
    let time = UnixTime::since_unix_epoch(Duration::from_secs(at.unix().unsigned_abs()));
    let usage = KeyUsage::client_auth();
    let leaf = EndEntityCert::try_from(leaf).unwrap();
    match leaf.verify_for_usage(algorithms, &anchors, above, time, usage, Some(revocation), None) {
        Ok(_) => Verdict::Good,
        Err(Error::CertRevoked) => Verdict::Revoked,
        Err(Error::UnknownRevocationStatus) => Verdict::Unknown,
        Err(other) => panic!("{other:?}"),
    }
}

/// The `openssl verify` command, below one root.
pub struct OpenSslVerify(OpenSsl);

impl OpenSslVerify {
    /// `None` where the command is not installed.
    pub fn new(root: &[u8]) -> Option<Self> {
        let openssl = OpenSsl::new()?;
        openssl.write("root.pem", pem("CERTIFICATE", root));
        Some(Self(openssl))
    }

    /// What it says of a path by these CRLs, with these options.
    pub fn judge(&self, path: &Path, crls: &[&[u8]], options: &str, at: Timestamp) -> Verdict {
        let Self(openssl) = self;
        let mut line =
            format!("verify -attime {} -CAfile root.pem -extended_crl {options}", at.unix());
        for (n, crl) in crls.iter().enumerate() {
            openssl.write(&format!("{n}.crl"), pem("X509 CRL", crl));
            line += &format!(" -CRLfile {n}.crl");
        }
        for (n, certificate) in path.iter().enumerate().rev() {
            openssl.write(&format!("{n}.pem"), pem("CERTIFICATE", certificate));
            line += &if n > 0 { format!(" -untrusted {n}.pem") } else { format!(" {n}.pem") };
        }
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let complaint = match openssl.run(&arguments) {
            Ok(_) => return Verdict::Good,
            Err(complaint) => complaint,
        };
        let complains = |text| complaint.contains(text);
        match () {
            () if complains("certificate revoked") => Verdict::Revoked,
            () if complains("unable to get certificate CRL") || complains("ifferent CRL scope") => {
                Verdict::Unknown
            }
            () => panic!("openssl {line}: {complaint}"),
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    encode_string(label, LineEnding::LF, der).unwrap()
}
