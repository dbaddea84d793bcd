//! What is signed but for the entries: the `TBSCertList` of RFC 5280 §5.1.2 and its rules.

use super::{
    error::CrlError,
    extension::{self, Oid},
    number::CrlNumber,
};
use crate::{
    asn1::{self, INTEGER, Reader, SEQUENCE},
    name,
    signing::SignatureAlgorithm,
    time::Timestamp,
};

/// What a full CRL says, but for its entries.
///
/// ```
/// use annul::{CrlNumber, TbsCertList};
///
/// let name = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
/// let (this_update, next_update) =
///     ("2026-11-21T00:00:00Z".parse()?, "2026-11-28T00:00:00Z".parse()?);
/// let tbs = TbsCertList::new(name, &[7; 20], CrlNumber::from_u64(1), this_update, next_update)?;
/// assert!(TbsCertList::new(name, &[7; 20], CrlNumber::MIN, this_update, this_update).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TbsCertList<'a> {
    issuer: &'a [u8],
    authority_key_identifier: &'a [u8],
    number: CrlNumber,
    this_update: Timestamp,
    next_update: Timestamp,
    limit: u64,
}

impl<'a> TbsCertList<'a> {
    /// Begins a CRL.
    ///
    /// `issuer` is the Name in DER, octet for octet the subject of the CA certificate;
    /// `authority_key_identifier` is that certificate's subject key identifier.
    ///
    /// # Errors
    /// Where the issuer is no Name or has nothing in it, the key identifier is empty, or
    /// nextUpdate is not after thisUpdate.
    pub fn new(
        issuer: &'a [u8],
        authority_key_identifier: &'a [u8],
        number: CrlNumber,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<Self, CrlError> {
        let mut reader = Reader::new(issuer);
        let name = name::read(&mut reader, "issuer").map_err(CrlError::Issuer)?;
        reader.finish("issuer").map_err(CrlError::Issuer)?;
        if name.content.is_empty() {
            // RFC 5280 §5.1.2.3: a non-empty distinguished name.
            return Err(CrlError::Issuer(name.malformed("issuer", "an empty name")));
        }
        if authority_key_identifier.is_empty() {
            return Err(CrlError::NoAuthorityKeyIdentifier);
        }
        if next_update <= this_update {
            return Err(CrlError::NextUpdate { this_update, next_update });
        }
        let limit = u64::MAX;
        Ok(Self { issuer, authority_key_identifier, number, this_update, next_update, limit })
    }

    /// Refuses to make the CRL if it is longer than `octets`, signature included.
    ///
    /// OpenSSL reads at most 2 GiB, rustls-webpki at most 4 GiB.
    #[must_use]
    pub fn with_limit(self, octets: u64) -> Self {
        Self { limit: octets, ..self }
    }

    /// Its number.
    pub fn number(&self) -> CrlNumber {
        self.number
    }

    /// When it is issued.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// By when the next one will be issued.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// [`CrlError::TooLong`] where that is past the limit.
    pub(super) fn check_length(&self, octets: u64) -> Result<(), CrlError> {
        let Self { number, limit, .. } = *self;
        if octets > limit { Err(CrlError::TooLong { number, octets, limit }) } else { Ok(()) }
    }

    /// The fields from `version` to `nextUpdate`.
    pub(super) fn write_fields(&self, algorithm: SignatureAlgorithm, out: &mut Vec<u8>) {
        // RFC 5280 §5.1.2.1: v2, which is 1.
        asn1::write_element(out, INTEGER, &[1]);
        out.extend_from_slice(algorithm.identifier());
        out.extend_from_slice(self.issuer);
        self.this_update.write_time(out);
        self.next_update.write_time(out);
    }

    /// `crlExtensions`: new kinds of CRLs add theirs here.
    pub(super) fn write_extensions(&self, out: &mut Vec<u8>) {
        let mut extensions = Vec::new();
        self.write_authority_key_identifier(&mut extensions);
        self.write_crl_number(&mut extensions);
        let sequence = asn1::element_length(extensions.len() as u64);
        asn1::write_header(out, asn1::context_constructed(0), sequence);
        asn1::write_element(out, SEQUENCE, &extensions);
    }

    /// RFC 5280 §5.2.1: the key identifier, and neither the name nor the serial number of the
    /// certificate, which a renewal changes.
    fn write_authority_key_identifier(&self, out: &mut Vec<u8>) {
        let identifier = self.authority_key_identifier;
        let field = asn1::element_length(identifier.len() as u64);
        let value = asn1::element_length(field);
        extension::write_header(out, Oid::AUTHORITY_KEY_IDENTIFIER, value);
        asn1::write_header(out, SEQUENCE, field);
        asn1::write_element(out, asn1::context(0), identifier);
    }

    /// RFC 5280 §5.2.3.
    fn write_crl_number(&self, out: &mut Vec<u8>) {
        let number = self.number.as_octets();
        extension::write_header(out, Oid::CRL_NUMBER, asn1::element_length(number.len() as u64));
        asn1::write_element(out, INTEGER, number);
    }
}
