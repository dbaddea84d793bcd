//! What one CRL says of a certificate: RFC 5280 §6.3.3 (i) and (j), §5.3.3.

use super::NotUsed;
use crate::{
    asn1::Malformed,
    certificate::Certificate,
    crl::read::{CertificateList, RevokedCertificate},
    name::{GeneralName, is_same},
    reason::ReasonCode,
};

/// The entry of the certificate, if there is one. All entries are read: one that cannot be
/// processed spoils the CRL, wherever it stands (RFC 5280 §5.3).
pub(super) fn find<'a>(
    crl: &CertificateList<'a>,
    certificate: &Certificate,
) -> Result<Option<RevokedCertificate<'a>>, NotUsed> {
    let mut found: Option<RevokedCertificate<'a>> = None;
    for entry in crl.entries() {
        let entry = entry?;
        if let Some(unknown) = entry.unknown_critical_extensions().next() {
            return Err(NotUsed::UnknownCriticalExtension { oid: unknown.oid.to_string() });
        }
        // No CRL should list a certificate twice; of one that does, the gravest entry counts.
        if entry.serial() == certificate.serial()
            && is_of_issuer(&entry, crl, certificate)?
            && found.is_none_or(|found| gravity(&found) < gravity(&entry))
        {
            found = Some(entry);
        }
    }
    Ok(found)
}

fn is_of_issuer(
    entry: &RevokedCertificate<'_>,
    crl: &CertificateList<'_>,
    certificate: &Certificate,
) -> Result<bool, Malformed> {
    const FIELD: &str = "certificateIssuer";
    let issuer = certificate.issuer_name();
    let Some(names) = entry.certificate_issuer_names() else {
        return is_same(crl.issuer(), issuer, "issuer");
    };
    let read = GeneralName::read_all(names, FIELD)?;
    let mut directory_names = read.iter().filter_map(GeneralName::directory_name).peekable();
    if directory_names.peek().is_none() {
        // It could be about a certificate of anybody.
        return Err(names.malformed(FIELD, "no directoryName"));
    }
    for name in directory_names {
        if is_same(name, issuer, FIELD)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How much an entry says against a certificate.
pub(super) fn gravity(entry: &RevokedCertificate<'_>) -> u8 {
    match entry.reason() {
        Some(ReasonCode::RemoveFromCrl) => 0,
        Some(ReasonCode::CertificateHold) => 1,
        _ => 2,
    }
}
