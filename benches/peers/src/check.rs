//! Whether a CRL is one: `openssl crl` verifies its signature, and it lists what it should.

use crate::{
    ca,
    entries::{reason, unsigned},
    error::{Absent, Error},
};
use annul::CrlEntry;
use std::{collections::BTreeSet, path::Path, process::Command};
use x509_cert::{
    certificate::Rfc5280,
    crl::{CertificateList, RevokedCert},
    der::Decode,
};

/// An entry, whatever order and form it came in.
type Plain = ([u8; 16], u64, u8);

/// Checks a CRL; `place` is a directory for what `openssl` reads.
pub fn check(der: &[u8], entries: &[CrlEntry], place: &Path) -> Result<(), Error> {
    verify(der, place)?;
    let crl = CertificateList::<Rfc5280>::from_der(der)?;
    let revoked = crl.tbs_cert_list.revoked_certificates.unwrap_or_default();
    let listed = revoked.iter().map(plain).collect::<Option<BTreeSet<_>>>();
    let expected = entries.iter().map(|entry| {
        let date = entry.revocation_date.unix().unsigned_abs();
        (unsigned(&entry.serial), date, reason(entry))
    });
    if revoked.len() == entries.len() && listed == Some(expected.collect()) {
        Ok(())
    } else {
        Err("the CRL does not list what it should".into())
    }
}

fn plain(revoked: &RevokedCert) -> Option<Plain> {
    let serial = revoked.serial_number.as_bytes();
    let serial = serial.strip_prefix(&[0]).unwrap_or(serial);
    let mut unsigned = [0; 16];
    unsigned.get_mut(16_usize.checked_sub(serial.len())?..)?.copy_from_slice(serial);
    let [extension] = revoked.crl_entry_extensions.as_deref()? else { return None };
    let [0x0a, 1, reason] = *extension.extn_value.as_bytes() else { return None };
    Some((unsigned, revoked.revocation_date.to_unix_duration().as_secs(), reason))
}

fn verify(der: &[u8], place: &Path) -> Result<(), Error> {
    let (crl, issuer) = (place.join("checked.crl"), place.join("ca.pem"));
    std::fs::write(&crl, der)?;
    std::fs::write(&issuer, ca::PEM)?;
    let mut openssl = Command::new("openssl");
    openssl.args(["crl", "-inform", "DER", "-noout", "-verify", "-CAfile"]).arg(issuer);
    let output = openssl.arg("-in").arg(crl).output().map_err(|error| Absent {
        what: format!("the command openssl, which checks CRLs: {error}"),
        install: "apt-get install openssl",
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("verify OK") {
        Ok(())
    } else {
        Err(format!("openssl does not verify it: {said}").into())
    }
}
