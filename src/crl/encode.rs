//! What is signed: the `TBSCertList` of RFC 5280 §5.1.2, laid out piece by piece.

use super::{
    distribution_point::{self, DistributionPoint},
    entry::{CrlEntry, RemovedEntry},
    error::CrlError,
    extension::{self, Oid},
    number::CrlNumber,
};
use crate::{
    asn1::{self, INTEGER, Reader, SEQUENCE},
    name,
    serial::Serial,
    signing::SignatureAlgorithm,
    time::Timestamp,
};
use std::collections::BTreeSet;

/// At most about this many octets are held back before they are handed on.
const PIECE: usize = 16 << 10;

/// The entries of a CRL, from wherever they come.
pub trait Entries {
    /// Hands all entries to `visit`, in runs of any length, strictly ascending by serial number.
    ///
    /// It is called two to five times for one CRL and must hand out the same entries each time:
    /// read them from something that stands still.
    ///
    /// # Errors
    /// What `visit` answers, at once; and [`CrlError::Entries`] where the entries cannot be read.
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError>;
}

/// A slice, an array or a vector, in ascending order.
impl<T: AsRef<[CrlEntry]> + ?Sized> Entries for T {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        visit(self.as_ref())
    }
}

/// What a CRL says, but for its entries.
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
    issuing_distribution_point: Option<&'a DistributionPoint>,
    base: Option<CrlNumber>,
    freshest_crl: &'a [String],
    ca_issuers: &'a [String],
    expired_since: Option<Timestamp>,
    removed: &'a [RemovedEntry],
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
            limit: u64::MAX,
            issuing_distribution_point: None,
            base: None,
            freshest_crl: &[],
            ca_issuers: &[],
            expired_since: None,
            removed: &[],
        })
    }

    /// About the certificates of this distribution point only (RFC 5280 §5.2.5).
    #[must_use]
    pub fn with_issuing_distribution_point(self, point: &'a DistributionPoint) -> Self {
        Self { issuing_distribution_point: Some(point), ..self }
    }

    /// A delta CRL: what changed since the complete CRL with this number, which must have been
    /// published (RFC 5280 §5.2.4).
    ///
    /// # Errors
    /// [`CrlError::Base`] where that number is not lower than its own.
    pub fn with_base(self, base: CrlNumber) -> Result<Self, CrlError> {
        let number = self.number;
        if base >= number {
            return Err(CrlError::Base { number, base });
        }
        Ok(Self { base: Some(base), ..self })
    }

    /// Says where the delta CRLs to this complete one are found (RFC 5280 §5.2.6); nowhere if there
    /// is no URI. On a delta CRL, it is an error when it is laid out.
    #[must_use]
    pub fn with_freshest_crl(self, uris: &'a [String]) -> Self {
        Self { freshest_crl: uris, ..self }
    }

    /// Says where certificates of the issuer are found (RFC 5280 §5.2.7); nowhere if there is no URI.
    #[must_use]
    pub fn with_ca_issuers(self, uris: &'a [String]) -> Self {
        Self { ca_issuers: uris, ..self }
    }

    /// Says that it lists what has expired since then too (X.509 §9.5.2.8).
    #[must_use]
    pub fn with_expired_certificates_since(self, since: Timestamp) -> Self {
        Self { expired_since: Some(since), ..self }
    }

    /// Says what has left since the base. They come after the other entries, and none of them may
    /// be among those. On a complete CRL, it is an error when it is laid out.
    #[must_use]
    pub fn with_removed(self, removed: &'a [RemovedEntry]) -> Self {
        Self { removed, ..self }
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

    /// For a delta CRL, the number of the complete CRL that it adds to.
    pub fn base(&self) -> Option<CrlNumber> {
        self.base
    }

    /// When it is issued.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// By when the next one will be issued.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// Whether all that it has belongs on a CRL of its kind.
    fn check_kind(&self) -> Result<(), CrlError> {
        let what = match self.base {
            // RFC 5280 §5.2.6: it must not appear in delta CRLs.
            Some(_) if !self.freshest_crl.is_empty() => "a freshestCRL on a delta CRL",
            // RFC 5280 §5.3.1: removeFromCRL may only appear in delta CRLs.
            None if !self.removed.is_empty() => "a removeFromCRL on a complete CRL",
            _ => return Ok(()),
        };
        Err(CrlError::OtherKind { number: self.number, what })
    }

    /// [`CrlError::TooLong`] where that is past the limit.
    pub(super) fn check_length(&self, octets: u64) -> Result<(), CrlError> {
        let Self { number, limit, .. } = *self;
        if octets > limit { Err(CrlError::TooLong { number, octets, limit }) } else { Ok(()) }
    }

    /// The fields from `version` to `nextUpdate`.
    fn write_fields(&self, algorithm: SignatureAlgorithm, out: &mut Vec<u8>) {
        // RFC 5280 §5.1.2.1: v2, which is 1.
        asn1::write_element(out, INTEGER, &[1]);
        out.extend_from_slice(algorithm.identifier());
        out.extend_from_slice(self.issuer);
        self.this_update.write_time(out);
        self.next_update.write_time(out);
    }

    /// `crlExtensions`: those that every CRL has, then those that some have.
    fn write_extensions(&self, out: &mut Vec<u8>) {
        let mut extensions = Vec::new();
        self.write_authority_key_identifier(&mut extensions);
        self.write_crl_number(&mut extensions);
        if let Some(base) = self.base {
            // RFC 5280 §5.2.4: critical, since who ignores it takes the rest for good.
            let mut number = Vec::new();
            asn1::write_element(&mut number, INTEGER, base.as_octets());
            extension::write(&mut extensions, Oid::DELTA_CRL_INDICATOR, true, &number);
        }
        if let Some(point) = self.issuing_distribution_point {
            // RFC 5280 §5.2.5: critical for the same reason.
            let oid = Oid::ISSUING_DISTRIBUTION_POINT;
            extension::write(&mut extensions, oid, true, &point.to_der());
        }
        if !self.freshest_crl.is_empty() {
            let value = distribution_point::freshest_crl(self.freshest_crl);
            extension::write(&mut extensions, Oid::FRESHEST_CRL, false, &value);
        }
        if !self.ca_issuers.is_empty() {
            let value = distribution_point::authority_information_access(self.ca_issuers);
            let oid = Oid::AUTHORITY_INFORMATION_ACCESS;
            extension::write(&mut extensions, oid, false, &value);
        }
        if let Some(since) = self.expired_since {
            let mut time = Vec::new();
            since.write_generalized_time(&mut time);
            extension::write(&mut extensions, Oid::EXPIRED_CERTS_ON_CRL, false, &time);
        }
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

/// A TBSCertList with all lengths known: what it takes to lay it out, as often as needed.
///
/// ```text
/// head     SEQUENCE header, version … nextUpdate, header of revokedCertificates
/// entries  one after the other, read from their source each time
/// tail     crlExtensions
/// ```
pub(super) struct Layout<'a> {
    tbs: TbsCertList<'a>,
    entries: &'a dyn Entries,
    head: Vec<u8>,
    tail: Vec<u8>,
    measured: Tally,
}

/// What is known of the entries after all were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    octets: u64,
}

impl<'a> Layout<'a> {
    /// Reads all entries once, checks them, and adds up their lengths.
    pub(super) fn measure(
        tbs: TbsCertList<'a>,
        algorithm: SignatureAlgorithm,
        entries: &'a dyn Entries,
    ) -> Result<Self, CrlError> {
        tbs.check_kind()?;
        let mut order = Order::new(&tbs)?;
        let mut measured = Tally::default();
        entries.for_each(&mut |run| {
            for entry in run {
                order.check(entry)?;
                measured.count += 1;
                measured.octets += entry.encoded_length();
            }
            Ok(())
        })?;
        for entry in tbs.removed {
            measured.count += 1;
            measured.octets += entry.encoded_length();
        }
        let (mut fields, mut tail) = (Vec::new(), Vec::new());
        tbs.write_fields(algorithm, &mut fields);
        // RFC 5280 §5.1.2.6: the list must be absent when there is nothing to list.
        if measured.count > 0 {
            asn1::write_header(&mut fields, SEQUENCE, measured.octets);
        }
        tbs.write_extensions(&mut tail);
        let mut head = Vec::with_capacity(fields.len() + 10);
        let length = fields.len() as u64 + measured.octets + tail.len() as u64;
        asn1::write_header(&mut head, SEQUENCE, length);
        head.append(&mut fields);
        Ok(Self { tbs, entries, head, tail, measured })
    }

    /// How many entries it lists.
    pub(super) fn count(&self) -> u64 {
        self.measured.count
    }

    /// How many octets it takes.
    pub(super) fn length(&self) -> u64 {
        self.head.len() as u64 + self.measured.octets + self.tail.len() as u64
    }

    /// Lays it out, and hands it to `take` piece by piece.
    ///
    /// The entries are checked again: what is signed is what is laid out here, and a source that
    /// changed since it was measured must not get past the rules.
    pub(super) fn emit(
        &self,
        take: &mut dyn FnMut(&[u8]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        let mut order = Order::new(&self.tbs)?;
        let mut emitted = Tally::default();
        let mut piece = Vec::with_capacity(PIECE + 128);
        piece.extend_from_slice(&self.head);
        self.entries.for_each(&mut |run| {
            for entry in run {
                order.check(entry)?;
                let before = piece.len();
                entry.write(&mut piece);
                emitted.count += 1;
                emitted.octets += (piece.len() - before) as u64;
                if piece.len() >= PIECE {
                    take(&piece)?;
                    piece.clear();
                }
            }
            Ok(())
        })?;
        for entry in self.tbs.removed {
            let before = piece.len();
            entry.write(&mut piece);
            emitted.count += 1;
            emitted.octets += (piece.len() - before) as u64;
        }
        if emitted != self.measured {
            return Err(self.changed());
        }
        piece.extend_from_slice(&self.tail);
        take(&piece)
    }

    /// The complaint about entries that are not the same each time.
    pub(super) fn changed(&self) -> CrlError {
        CrlError::EntriesChanged { number: self.tbs.number }
    }
}

/// The rules between an entry, the one before it, and the CRL.
struct Order {
    this_update: Timestamp,
    previous: Option<Serial>,
    removed: BTreeSet<Serial>,
}

impl Order {
    fn new(tbs: &TbsCertList<'_>) -> Result<Self, CrlError> {
        let this_update = tbs.this_update;
        let mut removed = BTreeSet::new();
        for &RemovedEntry { serial, revocation_date } in tbs.removed {
            if !removed.insert(serial) {
                return Err(CrlError::Duplicate { serial });
            }
            check_date(serial, revocation_date, this_update)?;
        }
        Ok(Self { this_update, previous: None, removed })
    }

    fn check(&mut self, entry: &CrlEntry) -> Result<(), CrlError> {
        let CrlEntry { serial, revocation_date, .. } = *entry;
        match self.previous.replace(serial) {
            Some(previous) if previous == serial => return Err(CrlError::Duplicate { serial }),
            Some(previous) if previous > serial => {
                return Err(CrlError::OutOfOrder { serial, previous });
            }
            _ => {}
        }
        if self.removed.contains(&serial) {
            return Err(CrlError::Duplicate { serial });
        }
        check_date(serial, revocation_date, self.this_update)
    }
}

fn check_date(
    serial: Serial,
    revocation_date: Timestamp,
    this_update: Timestamp,
) -> Result<(), CrlError> {
    if revocation_date > this_update {
        return Err(CrlError::RevokedAfterThisUpdate { serial, revocation_date, this_update });
    }
    Ok(())
}
