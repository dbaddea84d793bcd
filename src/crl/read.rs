//! Reading a CRL that anyone may have made, in place.

mod issuing_distribution_point;
mod plain;
mod revoked;
mod tbs;

pub(super) use self::tbs::Tbs;
pub use self::{
    issuing_distribution_point::IssuingDistributionPoint,
    revoked::{RevokedCertificate, RevokedCertificates},
};

use super::{
    extension::{Extension, Oid},
    number::CrlNumber,
};
use crate::{
    asn1::{self, BIT_STRING, Malformed, SEQUENCE},
    pem::{self, PemError},
    serial::SerialRef,
    signing::{ToSign, Verifier, VerifyError},
    time::Timestamp,
};
use sha2::{Digest, Sha256};

/// A CRL as it was received: slices of its DER, nothing copied but the list of its extensions.
///
/// Version 1 and CRLs of any other maker are read, whatever extensions they have; version 1 may
/// have some too, which no RFC allows it and OpenSSL accepts. Reading says nothing about trust:
/// [`CertificateList::verify`] checks the signature. And a certificate that is not listed is good
/// only by a [full](CertificateList::is_full) CRL: a delta CRL lists what is new, others are about
/// some certificates or reasons only.
///
/// The frame and the extensions of the CRL are checked at once, an entry when it is reached: so
/// opening a CRL of a million entries takes microseconds, and [`CertificateList::entries`] may
/// still find octets that are malformed.
///
/// ```no_run
/// use annul::{CertificateList, LocalVerifier, Serial};
///
/// # let issuer_public_key: Vec<u8> = Vec::new();
/// let der = std::fs::read("ca.crl")?;
/// let crl = CertificateList::from_der(&der)?;
/// crl.verify(&issuer_public_key, &LocalVerifier)?;
/// assert!(crl.is_full(), "else what is not on it may be revoked all the same");
/// let serial: Serial = "e8:cb:d2".parse()?;
/// match crl.find(serial.as_ref())? {
///     Some(revoked) => println!("revoked at {}", revoked.revocation_date()),
///     None => println!("not on this CRL"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CertificateList<'a> {
    der: &'a [u8],
    pub(super) tbs: Tbs<'a>,
    signature: &'a [u8],
}

/// Why octets or a text are no CRL, or none that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlReadError {
    /// It is not the DER of a CRL.
    #[error("no CRL")]
    Malformed(#[from] Malformed),
    /// What is signed names another signature algorithm than what stands beside the signature.
    #[error("a CRL that names two signature algorithms (RFC 5280 §5.1.1.2)")]
    AlgorithmsDiffer,
    /// The CRL, or one of its entries, has a critical extension that this reader does not know: it
    /// must not be used to tell the status of any certificate.
    #[error("a CRL with an unknown critical extension, {oid} (RFC 5280 §5.2 and §5.3)")]
    UnknownCriticalExtension {
        /// Its object identifier, dotted.
        oid: String,
    },
    /// The entries take more octets than a [`CrlIndex`](crate::CrlIndex) can tell apart, which is 4
    /// GiB.
    #[error("a CRL with {octets} octets of entries, too many for an index")]
    TooLong {
        /// How many they take.
        octets: usize,
    },
    /// The signature is not that of the key, or could not be checked.
    #[error("a CRL whose signature cannot be relied on")]
    Signature(#[from] VerifyError),
    /// The text is not the PEM of a CRL.
    #[error(transparent)]
    Pem(#[from] PemError),
}

impl<'a> CertificateList<'a> {
    /// Reads a CRL in DER.
    ///
    /// # Errors
    /// Where the frame or an extension is malformed, an extension is there twice, or the two
    /// signature algorithms differ.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CrlReadError> {
        let mut fields = asn1::single(der, SEQUENCE, "CertificateList")?.reader();
        let tbs = Tbs::read(fields.expect(SEQUENCE, "tbsCertList")?)?;
        let algorithm = fields.expect(SEQUENCE, "signatureAlgorithm")?;
        let signature = fields.expect(BIT_STRING, "signatureValue")?;
        fields.finish("CertificateList")?;
        // RFC 5280 §5.1.1.2: what is not signed must not be able to say otherwise.
        if tbs.algorithm != algorithm.octets {
            return Err(CrlReadError::AlgorithmsDiffer);
        }
        match signature.content.split_first() {
            Some((0, octets)) => Ok(Self { der, tbs, signature: octets }),
            _ => Err(signature.malformed("signatureValue", "not a whole number of octets").into()),
        }
    }

    /// The DER in a PEM text: that of the first block labelled `X509 CRL` (RFC 7468 §6).
    ///
    /// # Errors
    /// Where there is no such block, or it is damaged.
    pub fn pem_to_der(text: &[u8]) -> Result<Vec<u8>, CrlReadError> {
        Ok(pem::first(text, "X509 CRL")?.der)
    }

    /// Checks the signature over the octets as they were received.
    ///
    /// `public_key` is the issuer's SubjectPublicKeyInfo in DER. That the issuer is the right one
    /// and that the CRL is current are other questions.
    ///
    /// # Errors
    /// Where the signature is not that of the key, or the verifier does not know the algorithm.
    pub fn verify(&self, public_key: &[u8], verifier: &dyn Verifier) -> Result<(), VerifyError> {
        let signed = ToSign::Message(&self.tbs.octets);
        verifier.verify(public_key, self.tbs.algorithm, signed, self.signature)
    }

    /// The entry for a certificate of this CRL's issuer, if there is one.
    ///
    /// It reads the entries one after the other up to that one; for more than a few look-ups make a
    /// [`CrlIndex`](crate::CrlIndex). In an indirect CRL, entries of
    /// other issuers are passed over. `None` says that the certificate is good only if the CRL
    /// [is full](CertificateList::is_full).
    ///
    /// # Errors
    /// Where an entry on the way is malformed; and [`CrlReadError::UnknownCriticalExtension`]
    /// where it, or the CRL, must not be used.
    pub fn find(
        &self,
        serial: SerialRef<'_>,
    ) -> Result<Option<RevokedCertificate<'a>>, CrlReadError> {
        self.refuse_unknown_critical_extensions()?;
        for entry in self.entries() {
            let entry = entry?;
            entry.refuse_unknown_critical_extensions()?;
            if entry.serial() == serial && entry.is_issued_by(self.tbs.issuer)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Whether it is about all certificates of its issuer and all reasons: neither a delta CRL nor
    /// one with an issuing distribution point.
    pub fn is_full(&self) -> bool {
        self.base_number().is_none() && self.issuing_distribution_point().is_none()
    }

    /// Its entries, in the order in which they stand.
    pub fn entries(&self) -> RevokedCertificates<'a> {
        self.tbs.entries()
    }

    /// All its octets.
    pub fn as_der(&self) -> &'a [u8] {
        self.der
    }

    /// The octets that are signed, the tbsCertList.
    pub fn tbs(&self) -> &'a [u8] {
        self.tbs.octets
    }

    /// The SHA-256 of the tbsCertList: two CRLs that share it say the same, octet for octet.
    pub fn tbs_sha256(&self) -> [u8; 32] {
        Sha256::digest(self.tbs.octets).into()
    }

    /// The version, 1 or 2.
    pub fn version(&self) -> u8 {
        self.tbs.version
    }

    /// The AlgorithmIdentifier of the signature, in DER.
    pub fn signature_algorithm(&self) -> &'a [u8] {
        self.tbs.algorithm
    }

    /// The signature, as the BIT STRING holds it.
    pub fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// The Name of the issuer, in DER.
    pub fn issuer(&self) -> &'a [u8] {
        self.tbs.issuer
    }

    /// When it was issued.
    pub fn this_update(&self) -> Timestamp {
        self.tbs.this_update
    }

    /// By when the next one will be issued, which RFC 5280 §5.1.2.5 demands and version 1 did not.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.tbs.next_update
    }

    /// Its number. `None` also where that is none that RFC 5280 §5.2.3 allows: then it is among the
    /// [extensions](CertificateList::extensions) only.
    pub fn number(&self) -> Option<CrlNumber> {
        self.tbs.number
    }

    /// The key identifier in its authority key identifier.
    pub fn authority_key_identifier(&self) -> Option<&'a [u8]> {
        self.tbs.authority_key_identifier
    }

    /// For a delta CRL, the number of the complete CRL that it adds to (RFC 5280 §5.2.4).
    pub fn base_number(&self) -> Option<CrlNumber> {
        self.tbs.base_number
    }

    /// Which certificates it is about, if not all of the issuer (RFC 5280 §5.2.5).
    pub fn issuing_distribution_point(&self) -> Option<&IssuingDistributionPoint<'a>> {
        self.tbs.issuing_distribution_point.as_ref()
    }

    /// Where the newest delta CRL is that adds to it (RFC 5280 §5.2.6): the URIs of all
    /// distribution points. None also where that cannot be read.
    pub fn freshest_crl(&self) -> &[&'a str] {
        &self.tbs.freshest_crl
    }

    /// Where certificates of its issuer are (RFC 5280 §5.2.7). None also where that cannot be read.
    pub fn ca_issuers(&self) -> &[&'a str] {
        &self.tbs.ca_issuers
    }

    /// Since when certificates stay listed although they expired: those that expired then or later
    /// are on it (expiredCertsOnCRL, X.509 §9.5.2.8). `None` also where that is no time.
    pub fn expired_certificates_since(&self) -> Option<Timestamp> {
        self.tbs.expired_certificates_since
    }

    /// All its extensions, in the order in which they stand.
    pub fn extensions(&self) -> &[Extension<'a>] {
        &self.tbs.extensions
    }

    /// The critical extensions that this reader does not know: where there is one, the CRL must
    /// not be used to determine the status of certificates (RFC 5280 §5.2).
    ///
    /// freshestCRL, authorityInfoAccess and expiredCertsOnCRL count as unknown when they are
    /// critical, which they must not be: their maker wants more than that they are read.
    pub fn unknown_critical_extensions(&self) -> impl Iterator<Item = &Extension<'a>> {
        const KNOWN: [Oid<'_>; 4] = [
            Oid::AUTHORITY_KEY_IDENTIFIER,
            Oid::CRL_NUMBER,
            Oid::DELTA_CRL_INDICATOR,
            Oid::ISSUING_DISTRIBUTION_POINT,
        ];
        self.tbs.extensions.iter().filter(|e| e.critical && !KNOWN.contains(&e.oid))
    }

    pub(super) fn refuse_unknown_critical_extensions(&self) -> Result<(), CrlReadError> {
        self.unknown_critical_extensions().next().map_or(Ok(()), CrlReadError::unknown)
    }
}

impl CrlReadError {
    fn unknown(extension: &Extension<'_>) -> Result<(), Self> {
        Err(Self::UnknownCriticalExtension { oid: extension.oid.to_string() })
    }
}
