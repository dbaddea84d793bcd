//! CRLs that others made, with signatures of keys that nobody has here.

use super::{
    made::self_signed,
    toy::{Ca, ToyVerifier, day},
};
use annul::{
    AddIssuer, Authority, CaCertificate, CertificateList, Error, Import, MemoryStore, Scope,
    Signer, ToSign, Verifier, VerifyError,
};
use std::{fs, path::Path};

#[test]
fn every_crl_of_the_suites_is_imported_or_refused() {
    let Some(suites) = std::env::var_os("ANNUL_SUITES") else {
        eprintln!("skipped: ANNUL_SUITES names no directory");
        return;
    };
    for suite in ["rustls_webpki", "zlint_crl", "pyca_crl", "openssl", "pkits", "rustcrypto"] {
        let (mut read, mut imported, mut refused) = (0, 0, Vec::new());
        for octets in crls_below(&Path::new(&suites).join(suite)) {
            let der = CertificateList::pem_to_der(&octets).unwrap_or(octets);
            let Ok(crl) = CertificateList::from_der(&der) else { continue };
            read += 1;
            match import(&crl) {
                Ok(()) => imported += 1,
                Err(error) => refused.push(error.to_string()),
            }
        }
        eprintln!("{suite}: {imported} of {read} CRLs are imported");
        assert!(2 * imported >= read, "{suite}: {refused:?}");
    }
}

/// Into the record of a CA that has the name of its issuer and another key.
fn import(crl: &CertificateList<'_>) -> Result<(), Error> {
    let authority = Authority::new(MemoryStore::new()).with_clock(day(300)).with_verifier(OnlyToys);
    let root = CaCertificate::new(self_signed(crl.issuer()))?;
    let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
    let unverified = authority.import(issuer, &Import::new().with_crl(crl.clone()));
    assert!(unverified.is_err(), "nobody here has the key");
    let import = Import::new().with_crl_of(Scope::Full, crl.clone()).vouched();
    let first = authority.import(issuer, &import)?;
    let again = authority.import(issuer, &import)?;
    assert_eq!((again.revoked, again.amended, again.legacy), (0, 0, 0));
    let compared = authority.reconcile(issuer, &import, &mut |_| {})?;
    assert!(!compared.is_behind());
    assert_eq!(compared.omitted, 0);
    let fence = first.fences[0];
    assert_eq!((fence.number, fence.this_update), (crl.number(), crl.this_update()));
    Ok(())
}

/// Knows no other algorithm than that of toys.
struct OnlyToys;

impl Verifier for OnlyToys {
    fn verify(
        &self,
        public_key: &[u8],
        algorithm: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        if algorithm == Ca::new("any").algorithm().identifier() {
            ToyVerifier.verify(public_key, algorithm, signed, signature)
        } else {
            Err(VerifyError::UnsupportedAlgorithm { oid: "another".to_owned() })
        }
    }
}

fn crls_below(directory: &Path) -> Vec<Vec<u8>> {
    let mut crls = Vec::new();
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            crls.append(&mut crls_below(&path));
        } else {
            let octets = fs::read(&path).unwrap();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let named = name.starts_with("crl") || name.contains(".crl");
            if named || octets.windows(14).any(|text| text == b"BEGIN X509 CRL") {
                crls.push(octets);
            }
        }
    }
    crls
}
