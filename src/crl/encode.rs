//! What is signed but for the entries: the `TBSCertList` of RFC 5280 §5.1.2 and its rules.

use super::{
    appendix::{AppendedEntry, Appendix},
    distribution_point::DistributionPoint,
    error::CrlError,
    extension::{self, Oid},
    number::CrlNumber,
    uri,
};
use crate::{
    asn1::{self, INTEGER, Reader, SEQUENCE},
    name,
    signing::SignatureAlgorithm,
    time::Timestamp,
};

/// What a CRL says, but for its entries.
///
/// As it begins it is a full CRL: about all certificates of its issuer, and complete. What is asked
/// for with `with_…` makes it another one, or tells more; whether all of it goes together is
/// checked when the CRL is made.
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
    base: Option<CrlNumber>,
    issuing_distribution_point: Option<&'a DistributionPoint>,
    freshest_crl: &'a [String],
    ca_issuers: &'a [String],
    expired_certificates_since: Option<Timestamp>,
    appendix: &'a [AppendedEntry],
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
        Ok(Self {
            issuer,
            authority_key_identifier,
            number,
            this_update,
            next_update,
            base: None,
            issuing_distribution_point: None,
            freshest_crl: &[],
            ca_issuers: &[],
            expired_certificates_since: None,
            appendix: &[],
            limit: u64::MAX,
        })
    }

    /// Says where the CRL is found and which certificates it is about, if not all of the issuer
    /// (RFC 5280 §5.2.5). A delta CRL and the CRL that it adds to must say the same.
    #[must_use]
    pub fn with_issuing_distribution_point(self, point: &'a DistributionPoint) -> Self {
        Self { issuing_distribution_point: Some(point), ..self }
    }

    /// Makes it a delta CRL, which tells what changed since the complete CRL with the number
    /// `base` (RFC 5280 §5.2.4). That one was published, and is of the same scope and key.
    ///
    /// # Errors
    /// [`CrlError::Base`] where that CRL is not an earlier one.
    pub fn with_base(self, base: CrlNumber) -> Result<Self, CrlError> {
        let number = self.number;
        if base < number {
            Ok(Self { base: Some(base), ..self })
        } else {
            Err(CrlError::Base { number, base })
        }
    }

    /// Says where the newest delta CRL is that adds to this CRL (RFC 5280 §5.2.6); without a URI,
    /// nothing. No delta CRL may say so.
    #[must_use]
    pub fn with_freshest_crl(self, uris: &'a [String]) -> Self {
        Self { freshest_crl: uris, ..self }
    }

    /// Says where the certificates of the issuer are, in its authority information access
    /// (RFC 5280 §5.2.7); without a URI, nothing.
    #[must_use]
    pub fn with_ca_issuers(self, uris: &'a [String]) -> Self {
        Self { ca_issuers: uris, ..self }
    }

    /// Says that the CRL also lists what expired, of all that expired then or later: the extension
    /// expiredCertsOnCRL (X.509 §9.5.2.8).
    #[must_use]
    pub fn with_expired_certificates_since(self, since: Timestamp) -> Self {
        Self { expired_certificates_since: Some(since), ..self }
    }

    /// Lists these too, after all entries and in this order.
    #[must_use]
    pub fn with_appendix(self, entries: &'a [AppendedEntry]) -> Self {
        Self { appendix: entries, ..self }
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

    /// For a delta CRL, the number of the CRL that it adds to.
    pub fn base_number(&self) -> Option<CrlNumber> {
        self.base
    }

    /// One like it with the longest number and dates.
    pub(super) fn at_its_longest(self) -> Self {
        // A GeneralizedTime, from 2050 on (RFC 5280 §5.1.2.4).
        let (this_update, next_update) = (Timestamp::MAX, Timestamp::MAX);
        let (number, base) = (CrlNumber::MAX, self.base.map(|_| CrlNumber::MAX));
        Self { number, base, this_update, next_update, ..self }
    }

    pub(super) fn appendix(&self) -> &'a [AppendedEntry] {
        self.appendix
    }

    /// The rules between what it says.
    pub(super) fn check(&self) -> Result<Appendix, CrlError> {
        uri::check(self.freshest_crl)?;
        uri::check(self.ca_issuers)?;
        if self.base.is_some() && !self.freshest_crl.is_empty() {
            return Err(CrlError::FreshestOnDelta { number: self.number });
        }
        Appendix::new(self, self.appendix)
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

    /// `crlExtensions`, in the order of RFC 5280 §5.2.
    pub(super) fn write_extensions(&self, out: &mut Vec<u8>) {
        let mut extensions = Vec::new();
        let mut write = |oid, critical, value: &[u8]| {
            extension::write(&mut extensions, oid, critical, value);
        };
        // RFC 5280 §5.2.1: the key identifier, and neither the name nor the serial number of the
        // certificate, which a renewal changes.
        let key_identifier = asn1::element(asn1::context(0), self.authority_key_identifier);
        let key_identifier = asn1::element(SEQUENCE, &key_identifier);
        write(Oid::AUTHORITY_KEY_IDENTIFIER, false, &key_identifier);
        write(Oid::CRL_NUMBER, false, &asn1::element(INTEGER, self.number.as_octets()));
        if let Some(base) = self.base {
            // RFC 5280 §5.2.4: whoever does not know it must not take this for a complete CRL.
            let base = asn1::element(INTEGER, base.as_octets());
            write(Oid::DELTA_CRL_INDICATOR, true, &base);
        }
        if let Some(point) = self.issuing_distribution_point {
            // RFC 5280 §5.2.5: whoever does not know it must not take this for a full CRL.
            write(Oid::ISSUING_DISTRIBUTION_POINT, true, &point.to_der());
        }
        if !self.freshest_crl.is_empty() {
            write(Oid::FRESHEST_CRL, false, &uri::freshest_crl(self.freshest_crl));
        }
        if !self.ca_issuers.is_empty() {
            write(Oid::AUTHORITY_INFO_ACCESS, false, &uri::ca_issuers(self.ca_issuers));
        }
        if let Some(since) = self.expired_certificates_since {
            let mut value = Vec::new();
            since.write_generalized_time(&mut value);
            write(Oid::EXPIRED_CERTS_ON_CRL, false, &value);
        }
        let list = asn1::element(SEQUENCE, &extensions);
        asn1::write_element(out, asn1::context_constructed(0), &list);
    }
}
