//! The entries of a CRL, as they were received: RFC 5280 §5.1.2.6 and §5.3.

use crate::{
    asn1::{self, ENUMERATED, Element, INTEGER, Malformed, Reader, SEQUENCE},
    crl::{
        extension::{Extension, Extensions, Oid},
        read::{CrlReadError, plain},
    },
    reason::ReasonCode,
    serial::SerialRef,
    time::Timestamp,
};
use std::mem;

/// One entry of a CRL that anyone may have made.
#[derive(Clone, Copy, Debug)]
pub struct RevokedCertificate<'a> {
    serial: SerialRef<'a>,
    revocation_date: Timestamp,
    reason: Option<ReasonCode>,
    invalidity_date: Option<Timestamp>,
    /// Its own, or that of the nearest entry before it that has one.
    certificate_issuer: Option<Element<'a>>,
    extensions: Extensions<'a>,
}

impl<'a> RevokedCertificate<'a> {
    fn read(entry: Element<'a>) -> Result<Self, Malformed> {
        let mut fields = entry.reader();
        let serial = fields.expect(INTEGER, "userCertificate")?;
        let date = fields.any("revocationDate")?;
        let list = fields.optional(SEQUENCE, "crlEntryExtensions")?;
        fields.finish("revokedCertificates entry")?;
        let mut read = Self {
            serial: SerialRef::from_octets(serial.content)
                .map_err(|_| serial.malformed("userCertificate", "an integer without octets"))?,
            revocation_date: Timestamp::from_element(&date, "revocationDate")?,
            reason: None,
            invalidity_date: None,
            certificate_issuer: None,
            // An empty list breaks `SIZE (1..MAX)`, but says the same as none.
            extensions: Extensions(list.map_or(Reader::new(&[]), |list| list.reader())),
        };
        for extension in read.extensions {
            read.understand(&extension?)?;
        }
        Ok(read)
    }

    fn understand(&mut self, extension: &Extension<'a>) -> Result<(), Malformed> {
        match extension.oid {
            Oid::REASON_CODE => {
                let code = extension.single(ENUMERATED, "reasonCode")?;
                let &[octet @ ..0x80] = code.content else {
                    return Err(code.malformed("reasonCode", "not one octet, or negative"));
                };
                once(&code, self.reason.replace(ReasonCode::from_code(octet)))
            }
            Oid::INVALIDITY_DATE => {
                let name = "invalidityDate";
                let date = extension.any(name)?;
                let read = extension.if_understood(Timestamp::from_element(&date, name))?;
                once(&date, mem::replace(&mut self.invalidity_date, read))
            }
            Oid::CERTIFICATE_ISSUER => {
                let names = extension.single(SEQUENCE, "certificateIssuer")?;
                once(&names, self.certificate_issuer.replace(names))
            }
            _ => Ok(()),
        }
    }

    /// The serial number of the certificate.
    pub fn serial(&self) -> SerialRef<'a> {
        self.serial
    }

    /// When it was revoked.
    pub fn revocation_date(&self) -> Timestamp {
        self.revocation_date
    }

    /// Why, if the CRL says so.
    pub fn reason(&self) -> Option<ReasonCode> {
        self.reason
    }

    /// Since when the key is suspected, or the certificate was otherwise invalid. `None` also where
    /// that is no time of RFC 5280 §5.3.2, such as one with a fraction: then it is among the
    /// [extensions](RevokedCertificate::extensions) only.
    pub fn invalidity_date(&self) -> Option<Timestamp> {
        self.invalidity_date
    }

    /// In an indirect CRL, the issuer of the certificate: GeneralNames in DER, from this entry or
    /// the nearest before it that has them (RFC 5280 §5.3.3). `None` is the issuer of the CRL.
    pub fn certificate_issuer(&self) -> Option<&'a [u8]> {
        self.certificate_issuer.map(|names| names.octets)
    }

    /// The GeneralNames of [`RevokedCertificate::certificate_issuer`], one after the other.
    pub(in crate::crl) fn certificate_issuer_names(&self) -> Option<Reader<'a>> {
        self.certificate_issuer.map(|names| names.reader())
    }

    /// Its extensions, in the order in which they stand.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> {
        // They were all read once before.
        self.extensions.flatten()
    }

    /// The critical extensions that this reader does not know: where there is one, the CRL must
    /// not be used to determine the status of any certificate (RFC 5280 §5.3).
    pub fn unknown_critical_extensions(&self) -> impl Iterator<Item = Extension<'a>> {
        const KNOWN: [Oid<'_>; 3] =
            [Oid::REASON_CODE, Oid::INVALIDITY_DATE, Oid::CERTIFICATE_ISSUER];
        self.extensions().filter(|e| e.critical && !KNOWN.contains(&e.oid))
    }

    pub(in crate::crl) fn refuse_unknown_critical_extensions(&self) -> Result<(), CrlReadError> {
        let unknown = self.unknown_critical_extensions().next();
        unknown.map_or(Ok(()), |extension| CrlReadError::unknown(&extension))
    }

    /// Whether the certificate is one of the CRL's own issuer.
    pub(crate) fn is_issued_by(&self, crl_issuer: &[u8]) -> Result<bool, Malformed> {
        let Some(names) = self.certificate_issuer else { return Ok(true) };
        let mut names = names.reader();
        while !names.is_empty() {
            let name = names.any("certificateIssuer")?;
            // GeneralName: directoryName [4], explicit because Name is a CHOICE.
            if name.tag == asn1::context_constructed(4) && name.content == crl_issuer {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// RFC 5280 §4.2: no extension may be there twice, as then it says two things.
fn once<T>(element: &Element<'_>, before: Option<T>) -> Result<(), Malformed> {
    match before {
        None => Ok(()),
        Some(_) => Err(element.malformed("crlEntryExtensions", "an extension is there twice")),
    }
}

/// The entries of a CRL, read one by one.
///
/// It ends after the first entry that is malformed.
#[derive(Clone, Debug)]
pub struct RevokedCertificates<'a> {
    rest: Reader<'a>,
    is_indirect: bool,
    certificate_issuer: Option<Element<'a>>,
}

impl<'a> RevokedCertificates<'a> {
    pub(super) fn new(rest: Reader<'a>, is_indirect: bool) -> Self {
        Self { rest, is_indirect, certificate_issuer: None }
    }

    /// Of a CRL that lists nothing.
    pub(in crate::crl) fn none() -> Self {
        Self::new(Reader::new(&[]), false)
    }

    /// The octets of the entries that are not yet read.
    pub(in crate::crl) fn octets(&self) -> &'a [u8] {
        self.rest.rest()
    }

    /// Where the GeneralNames are that hold for the entries that follow.
    pub(in crate::crl) fn certificate_issuer_offset(&self) -> Option<usize> {
        self.certificate_issuer.map(|names| names.offset)
    }

    /// Goes on so many octets after where `start` is.
    pub(in crate::crl) fn go_to(&mut self, start: &Self, place: u32) {
        self.rest = start.rest;
        self.rest.pass(place as usize);
    }

    /// The serial number of the entry that starts so many octets on, and that was read before.
    #[inline]
    pub(in crate::crl) fn serial_at(&self, place: u32) -> Option<SerialRef<'a>> {
        let mut rest = self.rest;
        rest.pass(place as usize);
        if let Some(serial) = plain::serial(rest.rest()) {
            return Some(serial);
        }
        let mut fields = rest.expect(SEQUENCE, "revokedCertificates entry").ok()?.reader();
        let serial = fields.expect(INTEGER, "userCertificate").ok()?;
        SerialRef::from_octets(serial.content).ok()
    }

    /// How many entries there are, if they can be read.
    pub(in crate::crl) fn count_readable(&self) -> usize {
        self.clone().pass_any(usize::MAX).min(self.most())
    }

    /// More entries than that cannot be in so many octets.
    fn most(&self) -> usize {
        /// In octets: a serial number of one, and a UTCTime.
        const SHORTEST: usize = 2 + 3 + 15;
        self.octets().len() / SHORTEST
    }

    /// Somewhat more than there are, to go by the length of the first ones.
    pub(in crate::crl) fn estimate(&self) -> usize {
        const SAMPLE: usize = 256;
        let mut rest = self.clone();
        let count = rest.pass_any(SAMPLE);
        let left = rest.octets().len();
        let octets = self.octets().len() - left;
        let others = (left as u128 * count as u128).checked_div(octets as u128).unwrap_or(0);
        (count + others as usize + others as usize / 32).min(self.most())
    }

    /// Passes over so many entries, or to where none can be read, and says over how many.
    fn pass_any(&mut self, most: usize) -> usize {
        for count in 0..most {
            match self.rest.rest() {
                [_, length @ ..0x80, ..] => self.rest.pass(2 + usize::from(*length)),
                _ if self.rest.any("revokedCertificates entry").is_err() => return count,
                _ => {}
            }
        }
        most
    }

    /// Reads the next entry if it is one of the many that have nothing but a serial number, a date
    /// and perhaps a reason; of these the serial number only.
    #[inline]
    pub(in crate::crl) fn pass_plain(&mut self) -> Option<SerialRef<'a>> {
        let entry = plain::read(self.rest.rest())?;
        self.rest.pass(entry.length);
        Some(entry.serial)
    }

    fn read(&mut self) -> Result<RevokedCertificate<'a>, Malformed> {
        let element = self.rest.expect(SEQUENCE, "revokedCertificates entry")?;
        let mut entry = RevokedCertificate::read(element)?;
        if let Some(names) = entry.certificate_issuer.filter(|_| !self.is_indirect) {
            // RFC 5280 §5.3.3. Whoever ignores it finds the entry, whoever follows it does not.
            return Err(names.malformed("certificateIssuer", "in a CRL that is not indirect"));
        }
        // RFC 5280 §5.3.3: it holds for the following entries too.
        self.certificate_issuer = entry.certificate_issuer.or(self.certificate_issuer);
        entry.certificate_issuer = self.certificate_issuer;
        Ok(entry)
    }
}

impl<'a> Iterator for RevokedCertificates<'a> {
    type Item = Result<RevokedCertificate<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = Reader::new(&[]);
        }
        Some(read)
    }
}
