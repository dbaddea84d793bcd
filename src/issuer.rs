//! Issuers: one name and one key, and the CA certificates that bind them (RFC 5280 §3.2).

use crate::{certificate::Certificate, issuer_id::IssuerId, time::Timestamp};
use sha2::{Digest, Sha256, digest::consts::U20};
use std::{iter, ops::Deref};

/// A [`Certificate`] that makes its subject a CA.
///
/// Its basicConstraints say so (RFC 5280 §4.2.1.9), its keyUsage, if there is one, has keyCertSign
/// or cRLSign (§4.2.1.3), and its subject is not empty (§4.1.2.6). It reads like the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaCertificate(Certificate);

/// Why a certificate is none of a CA, or none of this issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// A certificate of version 1 or 2 has no basicConstraints that could make it one of a CA.
    #[error(
        "a certificate of version {version} cannot say that it is one of a CA (RFC 5280 §4.2.1.9)"
    )]
    NoExtensions {
        /// Its version: 1 or 2.
        version: u8,
    },
    /// Its basicConstraints are missing, or cA is FALSE.
    #[error("not a CA certificate: it has no basicConstraints with cA TRUE (RFC 5280 §4.2.1.9)")]
    NotCa,
    /// Its key may sign neither certificates nor CRLs.
    #[error("a CA certificate whose keyUsage has neither keyCertSign nor cRLSign")]
    KeyUsage,
    /// A CA must have a name.
    #[error("a CA certificate with an empty subject (RFC 5280 §4.1.2.6)")]
    EmptySubject,
    /// Its subject is not the name of the issuer.
    #[error("a CA certificate of issuer {found}, which has another name than {issuer}")]
    AnotherName {
        /// The issuer that it was to be added to.
        issuer: IssuerId,
        /// The issuer that it belongs to.
        found: IssuerId,
    },
    /// Its key is not that of the issuer, though the name is.
    #[error("a CA certificate of issuer {found}, which has another key than {issuer}")]
    AnotherKey {
        /// The issuer that it was to be added to.
        issuer: IssuerId,
        /// The issuer that it belongs to.
        found: IssuerId,
    },
    /// Its subject key identifier is not the one that is recorded for the issuer.
    #[error("a CA certificate with key identifier {found:02x?}; recorded is {recorded:02x?}")]
    AnotherKeyIdentifier {
        /// The key identifier of the issuer.
        recorded: Vec<u8>,
        /// That of the certificate.
        found: Vec<u8>,
    },
}

impl CaCertificate {
    /// Takes a certificate that makes its subject a CA.
    ///
    /// # Errors
    /// Where it does not: the first four of [`IssuerError`].
    pub fn new(certificate: Certificate) -> Result<Self, IssuerError> {
        if certificate.version() < 3 {
            return Err(IssuerError::NoExtensions { version: certificate.version() });
        }
        if !certificate.is_ca() {
            return Err(IssuerError::NotCa);
        }
        if certificate.key_usage().is_some_and(|usage| !usage.key_cert_sign() && !usage.crl_sign())
        {
            return Err(IssuerError::KeyUsage);
        }
        if certificate.subject() == EMPTY_NAME {
            return Err(IssuerError::EmptySubject);
        }
        Ok(Self(certificate))
    }

    /// The id of the issuer that it is a certificate of.
    pub fn id(&self) -> IssuerId {
        IssuerId::of(self.subject(), self.public_key())
    }

    /// The certificate itself.
    pub fn into_certificate(self) -> Certificate {
        self.0
    }
}

/// A Name without any part, in DER.
const EMPTY_NAME: &[u8] = &[0x30, 0x00];

impl Deref for CaCertificate {
    type Target = Certificate;

    fn deref(&self) -> &Certificate {
        &self.0
    }
}

/// An issuer: a name, a key, and at least one CA certificate that binds them.
///
/// A CA that is renewed or cross-certified has several; all share subject and key, octet for octet,
/// and one subject key identifier, which its CRLs bear (RFC 5280 §5.2.1).
///
/// ```
/// # let text = include_str!("certificate/example.pem");
/// use annul::{CaCertificate, Certificate, Issuer};
///
/// let certificate = CaCertificate::new(Certificate::from_pem(text)?)?;
/// let mut issuer = Issuer::new(certificate.clone());
/// assert!(!issuer.add(certificate)?, "it is there already");
/// assert!(issuer.may_sign_crls("2026-11-21T08:30:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Issuer {
    id: IssuerId,
    first: CaCertificate,
    others: Vec<CaCertificate>,
    subject_key_identifier: Option<Vec<u8>>,
}

impl Issuer {
    /// The issuer that this is a certificate of.
    pub fn new(certificate: CaCertificate) -> Self {
        Self {
            id: certificate.id(),
            subject_key_identifier: certificate.subject_key_identifier().map(<[u8]>::to_vec),
            first: certificate,
            others: Vec::new(),
        }
    }

    /// Adds another certificate of it; `false`: it was there already.
    ///
    /// # Errors
    /// Where it is one of another issuer, or has another subject key identifier than the recorded
    /// one. The issuer stays as it was.
    pub fn add(&mut self, certificate: CaCertificate) -> Result<bool, IssuerError> {
        let (issuer, found) = (self.id, certificate.id());
        if certificate.subject() != self.name() {
            return Err(IssuerError::AnotherName { issuer, found });
        }
        if certificate.public_key() != self.public_key() {
            return Err(IssuerError::AnotherKey { issuer, found });
        }
        match (&self.subject_key_identifier, certificate.subject_key_identifier()) {
            (Some(recorded), Some(found)) if recorded != found => {
                let (recorded, found) = (recorded.clone(), found.to_vec());
                return Err(IssuerError::AnotherKeyIdentifier { recorded, found });
            }
            (None, Some(found)) => self.subject_key_identifier = Some(found.to_vec()),
            _ => {}
        }
        let added = self.certificates().all(|present| *present != certificate);
        if added {
            self.others.push(certificate);
        }
        Ok(added)
    }

    /// Its id: the digest of its name and its key.
    pub fn id(&self) -> IssuerId {
        self.id
    }

    /// Its Name in DER, octet for octet as in its certificates.
    pub fn name(&self) -> &[u8] {
        self.first.subject()
    }

    /// Its SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> &[u8] {
        self.first.public_key()
    }

    /// The recorded key identifier: the first that one of its certificates had.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.subject_key_identifier.as_deref()
    }

    /// A key identifier for an issuer whose certificates have none: the leftmost 160 bits of the
    /// SHA-256 digest of the key's bits (RFC 7093 §2, method 1).
    pub fn derived_key_identifier(&self) -> [u8; 20] {
        let (leftmost, _) = Sha256::digest(self.first.public_key_bits()).split::<U20>();
        leftmost.into()
    }

    /// Its certificates, in the order in which they were added.
    pub fn certificates(&self) -> impl Iterator<Item = &CaCertificate> {
        iter::once(&self.first).chain(&self.others)
    }

    /// The last second of the validity of the certificate that expires last.
    pub fn not_after(&self) -> Timestamp {
        self.certificates().fold(self.first.not_after(), |last, ca| last.max(ca.not_after()))
    }

    /// Whether a certificate that has not expired at this time lets it sign CRLs.
    pub fn may_sign_crls(&self, at: Timestamp) -> bool {
        self.crl_signing_not_after(at).is_some()
    }

    /// The last second up to which a certificate that has not expired at this time lets it sign
    /// CRLs: one without keyUsage, or with cRLSign (RFC 5280 §4.2.1.3). `None`: there is none.
    pub fn crl_signing_not_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.certificates()
            .filter(|ca| ca.key_usage().is_none_or(|usage| usage.crl_sign()))
            .map(|ca| ca.not_after())
            .filter(|&not_after| at <= not_after)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::sample::{
        Sample, basic_constraints_ca, key_usage, name, public_key, subject_key_identifier,
    };

    fn with(extensions: &[Vec<u8>]) -> Sample {
        let mut all = vec![basic_constraints_ca()];
        all.extend_from_slice(extensions);
        Sample { extensions: all, ..Sample::default() }
    }

    fn ca(sample: &Sample) -> CaCertificate {
        CaCertificate::new(sample.certificate()).unwrap()
    }

    #[test]
    fn only_a_certificate_of_a_ca_is_one() {
        let error = |sample: Sample| CaCertificate::new(sample.certificate()).unwrap_err();
        let version_1 = Sample { version: None, subject: name("issuer"), ..Sample::default() };
        assert_eq!(error(version_1), IssuerError::NoExtensions { version: 1 });
        assert_eq!(error(Sample::default()), IssuerError::NotCa);
        assert_eq!(error(with(&[key_usage(0x80)])), IssuerError::KeyUsage);
        let nameless = Sample { subject: EMPTY_NAME.to_vec(), ..with(&[]) };
        assert_eq!(error(nameless), IssuerError::EmptySubject);
        for usage in [0x04, 0x02] {
            ca(&with(&[key_usage(usage)]));
        }
    }

    #[test]
    fn an_issuer_is_one_name_and_one_key() {
        let sample = with(&[]);
        let renewed = Sample { serial: vec![2], ..sample.clone() };
        let mut issuer = Issuer::new(ca(&sample));
        let id = issuer.id();
        assert_eq!(issuer.add(ca(&renewed)), Ok(true));
        assert_eq!(issuer.add(ca(&renewed)), Ok(false));
        assert_eq!(issuer.add(ca(&sample)), Ok(false));
        let other_name = ca(&Sample { subject: name("other"), ..sample.clone() });
        let other_key = ca(&Sample { public_key: public_key("other"), ..sample });
        let found = other_name.id();
        assert_eq!(issuer.add(other_name), Err(IssuerError::AnotherName { issuer: id, found }));
        let found = other_key.id();
        assert_eq!(issuer.add(other_key), Err(IssuerError::AnotherKey { issuer: id, found }));
        assert_eq!(issuer.certificates().count(), 2);
    }

    #[test]
    fn e10_one_key_identifier_is_recorded() {
        let mut issuer = Issuer::new(ca(&with(&[])));
        assert_eq!(issuer.subject_key_identifier(), None);
        assert_eq!(issuer.add(ca(&with(&[subject_key_identifier(&[1])]))), Ok(true));
        assert_eq!(
            issuer.add(ca(&with(&[subject_key_identifier(&[2])]))),
            Err(IssuerError::AnotherKeyIdentifier { recorded: vec![1], found: vec![2] })
        );
        assert_eq!(issuer.add(ca(&with(&[key_usage(0x06)]))), Ok(true));
        assert_eq!(issuer.subject_key_identifier(), Some(&[1][..]));
    }

    #[test]
    fn a_key_identifier_is_derived_as_rfc_7093_says() {
        let issuer = Issuer::new(ca(&Sample { public_key: public_key("abc"), ..with(&[]) }));
        // FIPS 180-2 appendix B.1: the SHA-256 of "abc" begins like this.
        let expected =
            *b"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3";
        assert_eq!(issuer.derived_key_identifier(), expected);
    }

    #[test]
    fn e11_crls_are_signed_by_an_unexpired_certificate_with_crl_sign_only() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let until =
            |not_after, usage: &[Vec<u8>]| ca(&Sample { not_after: at(not_after), ..with(usage) });
        let (early, late) = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        let mut issuer = Issuer::new(until(early, &[key_usage(0x06)]));
        assert!(issuer.may_sign_crls(at(early)));
        assert!(!issuer.may_sign_crls(at("2026-01-01T00:00:01Z")));
        issuer.add(until(late, &[key_usage(0x04)])).unwrap();
        assert_eq!(issuer.not_after(), at(late));
        assert!(!issuer.may_sign_crls(at(late)));
        // The certificate that expires last is not one that signs CRLs.
        assert_eq!(issuer.crl_signing_not_after(at(early)), Some(at(early)));
        issuer.add(until(late, &[])).unwrap();
        assert_eq!(issuer.crl_signing_not_after(at(early)), Some(at(late)));
        assert!(issuer.may_sign_crls(at(late)));

        // The clocks of two machines may differ: a CA that is not valid yet can sign.
        let young = Issuer::new(ca(&Sample { not_before: at(late), ..with(&[]) }));
        assert!(young.may_sign_crls(at(early)));
    }

    #[test]
    fn e12_an_empty_key_identifier_is_none() {
        let empty = with(&[subject_key_identifier(&[])]);
        assert_eq!(empty.certificate().subject_key_identifier(), None);
        let mut issuer = Issuer::new(ca(&empty));
        issuer.add(ca(&with(&[subject_key_identifier(&[1])]))).unwrap();
        assert_eq!(issuer.subject_key_identifier(), Some(&[1][..]));
    }
}
