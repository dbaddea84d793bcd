//! Certificates, as far as revocation needs them: RFC 5280 §4.

mod distribution_point;
mod extensions;
mod read;
#[cfg(test)]
pub(crate) mod sample;

pub use self::{distribution_point::CrlDistributionPoint, extensions::KeyUsage};

use self::read::Fields;
use crate::{
    asn1::{Malformed, Reader},
    pem::{self, PemError},
    serial::SerialRef,
    signing::{ToSign, Verifier, VerifyError},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{fmt, ops::Range};

const LABEL: &str = "CERTIFICATE";

/// An X.509 certificate: its DER as it came, and where in it the things are that matter here.
///
/// Nothing is encoded again, so names, keys and signed octets are those that the issuer signed. A
/// `Certificate` is well formed; that its signature is good, [`Certificate::verify`] finds out.
///
/// Certificates are old, and made by everybody: what is sloppy in one, but says what it says, does
/// not keep it from being revoked. TRUE may be any octet but 00, a UTCTime may lack its seconds,
/// and an extension that matters nowhere here may be there twice.
///
/// ```
/// # let text = include_str!("certificate/example.pem");
/// use annul::Certificate;
///
/// let certificate = Certificate::from_pem(text)?;
/// assert_eq!(certificate.serial().to_string(), "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8");
/// assert_eq!(certificate.not_after().to_string(), "2050-01-01T00:00:00Z");
/// assert_eq!(certificate.crl_distribution_points(), ["http://crl.example/1.crl"]);
/// # Ok::<(), annul::CertificateError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Certificate {
    der: Box<[u8]>,
    fields: Fields,
}

/// Why something is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The DER is not that of a certificate.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The text is not the PEM form of a certificate.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The DER in a PEM block is not that of a certificate.
    #[error("in the CERTIFICATE block that begins at line {line}: {malformed}")]
    MalformedBlock {
        /// The first line of the block, counted from 1.
        line: usize,
        /// What is wrong with its DER; the offset is that in the DER.
        malformed: Malformed,
    },
    /// A certificate that another library holds cannot be put into DER.
    #[error("the certificate cannot be encoded")]
    Encode(#[from] der::Error),
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// Where it is not one certificate and nothing else, with what is wrong and at which octet.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self::read(der)?)
    }

    /// Reads the first certificate of a PEM text; text and other blocks around it do not matter.
    /// The older label `X509 CERTIFICATE` is read too.
    ///
    /// # Errors
    /// Where there is no block labelled `CERTIFICATE`, or the first one holds no certificate.
    pub fn from_pem(text: impl AsRef<[u8]>) -> Result<Self, CertificateError> {
        Self::read_block(pem::first(text.as_ref(), LABEL)?)
    }

    /// Reads every certificate of a PEM text, in its order: at least one.
    ///
    /// # Errors
    /// Where there is no block labelled `CERTIFICATE`, or one of them holds no certificate.
    pub fn all_from_pem(text: impl AsRef<[u8]>) -> Result<Vec<Self>, CertificateError> {
        pem::blocks(text.as_ref(), LABEL).map(|block| Self::read_block(block?)).collect()
    }

    /// Reads a file that holds DER or PEM; of PEM, the first certificate.
    ///
    /// Content that begins with octet 30 and one from 80 on is taken for DER: as text, that is a
    /// `0` and then no ASCII.
    ///
    /// # Errors
    /// As [`Certificate::from_der`] or [`Certificate::from_pem`].
    pub fn from_pem_or_der(content: &[u8]) -> Result<Self, CertificateError> {
        match content {
            // A SEQUENCE of 128 octets or more, as every certificate is.
            [0x30, 0x80..=0xff, ..] => Self::from_der(content),
            _ => Self::from_pem(content),
        }
    }

    fn read(der: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { fields: Fields::read(der)?, der: der.into() })
    }

    fn read_block(block: pem::Block) -> Result<Self, CertificateError> {
        let line = block.line;
        Self::read(&block.der)
            .map_err(|malformed| CertificateError::MalformedBlock { line, malformed })
    }

    /// Checks its signature with the key of its issuer, a SubjectPublicKeyInfo in DER.
    ///
    /// That the issuer has the name [`Certificate::issuer_name`] and may issue is another matter.
    ///
    /// # Errors
    /// Where the signature is not by this key, or cannot be checked: never `Ok`.
    pub fn verify(
        &self,
        issuer_public_key: &[u8],
        verifier: &dyn Verifier,
    ) -> Result<(), VerifyError> {
        verifier.verify(
            issuer_public_key,
            self.signature_algorithm(),
            ToSign::Message(&self.to_be_signed()),
            self.signature(),
        )
    }

    /// The whole certificate in DER, as it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The TBSCertificate in DER, which the signature is over (RFC 5280 §4.1.1.1).
    pub fn to_be_signed(&self) -> &[u8] {
        self.octets(&self.fields.to_be_signed)
    }

    /// The AlgorithmIdentifier of the signature in DER (RFC 5280 §4.1.1.2).
    pub fn signature_algorithm(&self) -> &[u8] {
        self.octets(&self.fields.signature_algorithm)
    }

    /// The octets of the signature (RFC 5280 §4.1.1.3).
    pub fn signature(&self) -> &[u8] {
        self.octets(&self.fields.signature)
    }

    /// The version as people count it: 1, 2 or 3 (RFC 5280 §4.1.2.1).
    pub fn version(&self) -> u8 {
        self.fields.version
    }

    /// The serial number as it stands there (RFC 5280 §4.1.2.2).
    pub fn serial(&self) -> SerialRef<'_> {
        SerialRef(self.octets(&self.fields.serial))
    }

    /// The Name of the issuer in DER, octet for octet (RFC 5280 §4.1.2.4).
    pub fn issuer_name(&self) -> &[u8] {
        self.octets(&self.fields.issuer_name)
    }

    /// When its validity begins (RFC 5280 §4.1.2.5); [`Timestamp::MIN`] if that was earlier.
    pub fn not_before(&self) -> Timestamp {
        self.fields.not_before
    }

    /// The last second of its validity (RFC 5280 §4.1.2.5); [`Timestamp::MIN`] if that was earlier.
    pub fn not_after(&self) -> Timestamp {
        self.fields.not_after
    }

    /// The Name of the subject in DER, octet for octet (RFC 5280 §4.1.2.6).
    pub fn subject(&self) -> &[u8] {
        self.octets(&self.fields.subject)
    }

    /// The SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    pub fn public_key(&self) -> &[u8] {
        self.octets(&self.fields.public_key)
    }

    /// The octets of the BIT STRING subjectPublicKey within [`Certificate::public_key`].
    pub(crate) fn public_key_bits(&self) -> &[u8] {
        self.octets(&self.fields.public_key_bits)
    }

    /// The key identifier of its own key, unless it is empty (RFC 5280 §4.2.1.2).
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.fields.extensions.subject_key_identifier.as_ref().map(|range| self.octets(range))
    }

    /// The key identifier of its issuer's key, if that form is used (RFC 5280 §4.2.1.1).
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.fields.extensions.authority_key_identifier.as_ref().map(|range| self.octets(range))
    }

    /// What its key may be used for; `None`: nothing is said (RFC 5280 §4.2.1.3).
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.fields.extensions.key_usage
    }

    /// Whether its basicConstraints say that it is one of a CA (RFC 5280 §4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.fields.extensions.is_ca
    }

    /// How many CA certificates may follow it in a path; `None`: no limit (RFC 5280 §4.2.1.9).
    pub fn path_length(&self) -> Option<u32> {
        self.fields.extensions.path_length
    }

    /// The URIs under which the CRL that covers it is found, in its order: those of every
    /// fullName of every DistributionPoint (RFC 5280 §4.2.1.13). What is not ASCII is left out.
    pub fn crl_distribution_points(&self) -> &[String] {
        &self.fields.extensions.crl_distribution_points
    }

    /// Its distribution points, each with all that it says (RFC 5280 §4.2.1.13).
    ///
    /// # Errors
    /// Where the names or the reasons of one are malformed. Such a certificate can be recorded and
    /// revoked, but nobody can tell which CRL is about it.
    pub fn distribution_points(&self) -> Result<Vec<CrlDistributionPoint<'_>>, Malformed> {
        match &self.fields.extensions.distribution_points {
            Some(range) => {
                CrlDistributionPoint::read_all(Reader::at(self.octets(range), range.start))
            }
            None => Ok(Vec::new()),
        }
    }

    /// Whether it bears the poison extension of a precertificate (RFC 6962 §3.1).
    pub fn is_precertificate(&self) -> bool {
        self.fields.extensions.is_precertificate
    }

    /// Whether subject and issuer are the same name, octet for octet (RFC 5280 §3.2).
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer_name()
    }

    /// SHA-256 over [`Certificate::der`].
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// What makes it this certificate: SHA-256 over the elements of the TBSCertificate but the
    /// poison and the list of SCTs (RFC 6962 §3.1 and §3.3).
    ///
    /// A precertificate and its certificate have the same identity, and so have two signatures over
    /// the same octets; any other certificate has another.
    pub fn identity(&self) -> [u8; 32] {
        self.fields.identity
    }

    /// Every range was found in this DER, so it is never out of it.
    fn octets(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial", &self.serial())
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        extensions::{POISON, SIGNED_CERTIFICATE_TIMESTAMPS},
        sample::{Sample, element, extension, key_usage, name},
        *,
    };

    const EXAMPLE: &str = include_str!("certificate/example.pem");

    #[test]
    fn every_field_of_the_example_is_read() {
        let certificate = Certificate::from_pem(EXAMPLE).unwrap();
        assert_eq!(certificate.version(), 3);
        assert_eq!(certificate.serial().as_octets()[..2], [0x00, 0xe8]);
        assert!(certificate.is_self_issued());
        assert_eq!(certificate.not_before().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(certificate.not_after().to_string(), "2050-01-01T00:00:00Z");
        assert_eq!(certificate.subject_key_identifier().unwrap()[..2], [0x98, 0x18]);
        assert_eq!(certificate.authority_key_identifier(), None);
        let usage = certificate.key_usage().unwrap();
        assert!(usage.key_cert_sign() && usage.crl_sign() && certificate.is_ca());
        assert_eq!(certificate.path_length(), Some(1));
        assert_eq!(certificate.crl_distribution_points(), ["http://crl.example/1.crl"]);
        assert_eq!(certificate.public_key_bits()[0], 0x04);
        assert!(!certificate.is_precertificate());
    }

    #[test]
    fn a_version_1_certificate_has_no_extensions() {
        let mut sample = Sample { version: None, ..Sample::default() };
        let certificate = sample.certificate();
        assert_eq!((certificate.version(), certificate.key_usage()), (1, None));
        assert!(!certificate.is_ca());
        sample.extensions.push(key_usage(0x06));
        let Err(CertificateError::Malformed(malformed)) = Certificate::from_der(&sample.der())
        else {
            panic!("extensions in version 1")
        };
        assert_eq!(malformed.problem, "only version 3 has extensions (RFC 5280 §4.1.2.9)");
    }

    #[test]
    fn pem_and_der_are_told_apart() {
        let certificate = Certificate::from_pem(EXAMPLE).unwrap();
        for content in [EXAMPLE.as_bytes(), certificate.der()] {
            assert_eq!(Certificate::from_pem_or_der(content), Ok(certificate.clone()));
        }
        let two = format!("0 text\n{EXAMPLE}-----BEGIN X-----\n-----END X-----\n{EXAMPLE}");
        assert_eq!(Certificate::from_pem_or_der(two.as_bytes()), Ok(certificate.clone()));
        assert_eq!(Certificate::all_from_pem(&two).unwrap(), [certificate.clone(), certificate]);
        assert!(matches!(
            Certificate::all_from_pem("text"),
            Err(CertificateError::Pem(PemError::Missing { .. }))
        ));
    }

    #[test]
    fn a_malformed_block_is_named_by_its_line() {
        let text = "\n-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
        for error in [
            Certificate::from_pem(text).unwrap_err(),
            Certificate::all_from_pem(format!("{text}{EXAMPLE}")).unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                "in the CERTIFICATE block that begins at line 2: \
                 malformed Certificate at octet 2: octets left over at its end"
            );
        }
    }

    #[test]
    fn s4_a_precertificate_and_its_certificate_are_one_and_no_other_is() {
        let usage = key_usage(0x80);
        let with = |extensions: &[Vec<u8>]| Sample {
            extensions: extensions.to_vec(),
            ..Sample::default()
        };
        let certificate = with(std::slice::from_ref(&usage)).certificate();
        let precertificate = with(&[usage.clone(), extension(POISON, b"\x05\0")]).certificate();
        assert!(precertificate.is_precertificate() && !certificate.is_precertificate());
        assert_eq!(precertificate.identity(), certificate.identity());
        let timestamps = extension(SIGNED_CERTIFICATE_TIMESTAMPS, b"\x04\0");
        assert_eq!(with(&[timestamps, usage]).certificate().identity(), certificate.identity());
        assert_ne!(precertificate.fingerprint(), certificate.fingerprint());

        let sample = with(&[]);
        let others = [
            certificate,
            sample.certificate(),
            Sample { serial: vec![2], ..sample.clone() }.certificate(),
            Sample { issuer_name: name("other"), ..sample.clone() }.certificate(),
            Sample { subject: name("other"), ..sample.clone() }.certificate(),
            Sample { public_key: sample::public_key("other"), ..sample.clone() }.certificate(),
            Sample { not_after: Timestamp::MIN, ..sample }.certificate(),
        ];
        for (index, other) in others.iter().enumerate() {
            let same = others.iter().filter(|each| each.identity() == other.identity());
            assert_eq!(same.count(), 1, "{index}");
        }
    }

    /// Takes a signature for good if every argument is what it should be.
    struct Echo;

    impl Verifier for Echo {
        fn verify(
            &self,
            public_key: &[u8],
            algorithm: &[u8],
            signed: ToSign<'_>,
            signature: &[u8],
        ) -> Result<(), VerifyError> {
            let ToSign::Message(message) = signed else { panic!("a digest") };
            let mut octets = Vec::new();
            message.read(&mut |piece| octets.extend_from_slice(piece)).unwrap();
            let signature = element(0x03, &[&[0], signature]);
            let der = element(0x30, &[&octets, algorithm, &signature]);
            if der == public_key { Ok(()) } else { Err(VerifyError::BadSignature) }
        }
    }

    #[test]
    fn the_octets_that_are_verified_are_those_of_the_certificate() {
        let certificate = Certificate::from_pem(EXAMPLE).unwrap();
        assert!(certificate.verify(certificate.der(), &Echo).is_ok());
        assert!(certificate.verify(b"", &Echo).is_err());
    }
}
