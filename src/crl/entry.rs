//! One entry of a CRL that we make: RFC 5280 §5.1.2.6 and §5.3.
//!
//! Nearly all entries of nearly all CRLs are of one form, a UTCTime and perhaps a reason. So that
//! one is written with no more than a few stores of fixed lengths, what is too much being written
//! over by what follows:
//!
//! ```text
//! serial number, of 20 octets        so that it ends where it must; if shorter than 16, so that it
//!                                    begins where it must
//! 30 LL 02 NN                        SEQUENCE, header of userCertificate, over the zeros before it
//! 17 0d YYMMDDHHMMSSZ                revocationDate
//! 30 0c 30 0a 06 03 55 1d 15 04 03 0a 01 RR   crlEntryExtensions with the reason, if there is one
//! ```

use crate::{
    asn1::{self, INTEGER, SEQUENCE},
    reason::Reason,
    serial::{self, Number, Serial},
    time::Timestamp,
};

/// A revoked certificate, as a CRL lists it.
///
/// ```asn1
/// SEQUENCE {
///      userCertificate     CertificateSerialNumber,
///      revocationDate      Time,
///      crlEntryExtensions  Extensions OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CrlEntry {
    /// The serial number of the certificate.
    pub serial: Serial,
    /// When it was revoked.
    pub revocation_date: Timestamp,
    /// Why. Nothing is written for [`Reason::Unspecified`], as for `None` (RFC 5280 §5.3.1).
    pub reason: Option<Reason>,
    /// Since when the key is suspected, or the certificate was otherwise invalid (RFC 5280
    /// §5.3.2).
    pub invalidity_date: Option<Timestamp>,
}

/// No [`CrlEntry`] is longer, nor written with a store that reaches further.
pub(super) const LONGEST: usize = 96;

/// An Extension with the reason (RFC 5280 §5.3.1): OID 2.5.29.21, and an ENUMERATED of one octet.
const fn reason_code(code: u8) -> [u8; 12] {
    [SEQUENCE, 0x0a, 0x06, 3, 0x55, 0x1d, 0x15, 0x04, 3, 0x0a, 1, code]
}

/// What an entry of the usual form has behind its date.
#[repr(align(32))]
struct End {
    /// crlEntryExtensions, if there are any, and octets of no meaning, for 16 are written at once.
    octets: [u8; 16],
    /// How long such an entry is, but for its header and the content octets of its serial number.
    length: u8,
}

/// What entries end with, by the code of their reason.
#[expect(clippy::indexing_slicing, reason = "while it is compiled, and nowhere else")]
static ENDS: [End; 16] = {
    let mut ends = [const { End { octets: [0; 16], length: 17 } }; 16];
    let mut code = 1;
    while code < ends.len() {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = reason_code(code as u8);
        let octets = [SEQUENCE, 12, a, b, c, d, e, f, g, h, i, j, k, l, 0, 0];
        ends[code] = End { octets, length: 31 };
        code += 1;
    }
    ends
};

/// An Extension with the invalidityDate (RFC 5280 §5.3.2) up to its GeneralizedTime: OID 2.5.29.24.
const INVALIDITY_DATE: [u8; 9] = [SEQUENCE, 0x18, 0x06, 3, 0x55, 0x1d, 0x18, 0x04, 0x11];

const INVALIDITY_DATE_LENGTH: usize = INVALIDITY_DATE.len() + 17;

impl CrlEntry {
    /// How many octets it takes on a CRL.
    #[inline]
    pub fn encoded_length(&self) -> u64 {
        // All lengths are below 128, so all headers are of two octets.
        4 + u64::from(self.serial.length()) + self.rest().length()
    }

    /// Writes its DER, and says how long it is. What is behind it in `place` is of no meaning.
    #[inline]
    pub(super) fn write(&self, place: &mut [u8; LONGEST]) -> usize {
        let written = self.short().and_then(|short| short.write(place));
        written.unwrap_or_else(|| self.write_any(place))
    }

    /// What a short entry has to say, if that is all.
    #[inline]
    pub(super) fn short(&self) -> Option<ShortEntry> {
        let Self { serial, revocation_date, invalidity_date, .. } = *self;
        let short = ShortEntry { number: serial.words(), revocation_date, code: self.code() };
        invalidity_date.is_none().then_some(short)
    }

    #[cold]
    fn write_any(&self, place: &mut [u8; LONGEST]) -> usize {
        let (length, serial) = (self.encoded_length() as usize, self.serial.as_octets());
        let after = put(place, &[SEQUENCE, length as u8 - 2, INTEGER, self.serial.length()]);
        self.rest().write(put(after, serial));
        length
    }

    /// The code of the reason; 0, which is unspecified, also where there is none.
    ///
    /// RFC 5280 §5.3.1: instead of the reason unspecified, the extension is left out.
    #[inline]
    fn code(&self) -> u8 {
        self.reason.map_or(0, Reason::code)
    }

    #[inline]
    fn rest(&self) -> Rest {
        let reason = Some(self.code()).filter(|code| *code != 0);
        let Self { revocation_date, invalidity_date, .. } = *self;
        Rest { revocation_date, reason, invalidity_date }
    }
}

/// An entry of the usual form, if its date is before 2050.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortEntry {
    pub(crate) number: Number,
    pub(crate) revocation_date: Timestamp,
    /// The code of the reason; 0 for none.
    pub(crate) code: u8,
}

impl ShortEntry {
    /// Writes its DER as [`CrlEntry::write`] does; nothing where it is not of the usual form.
    #[inline(always)]
    pub(super) fn write(self, place: &mut [u8; LONGEST]) -> Option<usize> {
        let date = self.revocation_date.padded_utc_time()?;
        let serial = serial::write_after_four(self.number, place.first_chunk_mut()?)?;
        let end = ENDS.get(usize::from(self.code))?;
        let length = serial + end.length;
        *place.first_chunk_mut()? = [SEQUENCE, length, INTEGER, serial];
        let rest = place.get_mut(4 + usize::from(serial)..)?.first_chunk_mut::<31>()?;
        *rest.first_chunk_mut()? = date;
        *rest.last_chunk_mut()? = end.octets;
        Some(2 + usize::from(length))
    }

    /// The same entry.
    #[inline]
    pub(super) fn entry(self) -> CrlEntry {
        CrlEntry {
            serial: Serial::from_words(self.number),
            revocation_date: self.revocation_date,
            reason: Reason::from_code(self.code).filter(|reason| *reason != Reason::Unspecified),
            invalidity_date: None,
        }
    }
}

/// What is written of an entry after the serial number, whatever it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) revocation_date: Timestamp,
    /// The code of the ENUMERATED, below 128.
    pub(super) reason: Option<u8>,
    pub(super) invalidity_date: Option<Timestamp>,
}

impl Rest {
    #[inline]
    fn length(&self) -> u64 {
        self.revocation_date.time_length()
            + match self.extensions_length() {
                0 => 0,
                extensions => 2 + extensions,
            }
    }

    #[inline]
    fn extensions_length(&self) -> u64 {
        let reason = self.reason.map_or(0, |_| const { reason_code(0).len() as u64 });
        reason + self.invalidity_date.map_or(0, |_| INVALIDITY_DATE_LENGTH as u64)
    }

    /// How many octets the entry takes with a serial number of this many.
    pub(super) fn entry_length(&self, serial: u64) -> u64 {
        asn1::element_length(asn1::element_length(serial) + self.length())
    }

    /// Appends the entry with these content octets of its serial number.
    pub(super) fn append_entry(&self, serial: &[u8], out: &mut Vec<u8>) {
        let length = asn1::element_length(serial.len() as u64) + self.length();
        asn1::write_header(out, SEQUENCE, length);
        asn1::write_element(out, INTEGER, serial);
        let mut place = [0; LONGEST];
        self.write(&mut place);
        out.extend(place.iter().take(self.length() as usize));
    }

    /// Writes it at the start of `place`, which is long enough.
    fn write(&self, mut place: &mut [u8]) {
        place = match self.revocation_date.utc_time() {
            Some(time) => put(place, &time),
            None => put(place, &self.revocation_date.generalized_time()),
        };
        let extensions = self.extensions_length();
        // An empty SEQUENCE would break `SIZE (1..MAX)` (RFC 5280 §4.1).
        if extensions > 0 {
            place = put(place, &[SEQUENCE, extensions as u8]);
        }
        if let Some(code) = self.reason {
            place = put(place, &reason_code(code));
        }
        if let Some(date) = self.invalidity_date {
            put(put(place, &INVALIDITY_DATE), &date.generalized_time());
        }
    }
}

/// Writes octets at the start of `place`, and hands back what is behind them.
fn put<'a>(place: &'a mut [u8], octets: &[u8]) -> &'a mut [u8] {
    let (here, after) = place.split_at_mut(octets.len());
    here.copy_from_slice(octets);
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::{
        DateTime, Encode,
        asn1::{GeneralizedTime, ObjectIdentifier, OctetString},
    };
    use proptest::{collection::vec, option, prelude::*, sample::select};
    use std::time::Duration;
    use x509_cert::{crl::RevokedCert, ext::Extension};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn encoded(entry: CrlEntry) -> Vec<u8> {
        let mut place = [0xee; LONGEST];
        let length = entry.write(&mut place);
        assert_eq!(length as u64, entry.encoded_length(), "{entry:?}");
        place[..length].to_vec()
    }

    const PLAIN: &[u8] = b"\x30\x13\x02\x02\x00\xff\x17\x0d260101000000Z";

    fn plain() -> CrlEntry {
        CrlEntry {
            serial: "ff".parse().unwrap(),
            revocation_date: at("2026-01-01T00:00:00Z"),
            reason: None,
            invalidity_date: None,
        }
    }

    #[test]
    fn e9_without_extensions_the_field_is_absent() {
        assert_eq!(encoded(plain()), PLAIN);
    }

    #[test]
    fn e29_unspecified_is_left_out_and_any_other_reason_is_an_enumerated() {
        for reason in Reason::ALL {
            let der = encoded(CrlEntry { reason: Some(reason), ..plain() });
            if reason == Reason::Unspecified {
                assert_eq!(der, PLAIN);
            } else {
                let extension = b"\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01";
                assert_eq!(der[21..], [&extension[..], &[reason.code()]].concat());
            }
        }
    }

    #[test]
    fn e34_an_invalidity_date_is_a_generalized_time_even_before_2050() {
        let invalidity_date = Some(at("2025-12-31T23:59:59Z"));
        let der = encoded(CrlEntry { invalidity_date, ..plain() });
        let extension = b"\x30\x1a\x30\x18\x06\x03\x55\x1d\x18\x04\x11\x18\x0f20251231235959Z";
        assert_eq!(der[21..], extension[..]);
    }

    /// What x509-cert, which knows nothing of how we write, makes of the same entry. It has no
    /// times before 1970.
    fn reference(entry: CrlEntry) -> Vec<u8> {
        let extension = |extn_id, value: der::Result<Vec<u8>>| Extension {
            extn_id,
            critical: false,
            extn_value: OctetString::new(value.unwrap()).unwrap(),
        };
        let mut extensions = Vec::new();
        if let Some(reason) = entry.reason.filter(|reason| *reason != Reason::Unspecified) {
            let value = [0x0a, 1, reason.code()].to_vec();
            extensions.push(extension(ObjectIdentifier::new_unwrap("2.5.29.21"), Ok(value)));
        }
        if let Some(date) = entry.invalidity_date {
            let date = DateTime::from_unix_duration(Duration::from_secs(date.unix() as u64));
            let value = GeneralizedTime::from_date_time(date.unwrap()).to_der();
            extensions.push(extension(ObjectIdentifier::new_unwrap("2.5.29.24"), value));
        }
        let revoked: RevokedCert = RevokedCert {
            serial_number: entry.serial.try_into().unwrap(),
            revocation_date: entry.revocation_date.try_into().unwrap(),
            crl_entry_extensions: Some(extensions).filter(|extensions| !extensions.is_empty()),
        };
        revoked.to_der().unwrap()
    }

    fn any_time() -> impl Strategy<Value = Timestamp> {
        let first_of_2050 = at("2050-01-01T00:00:00Z").unix();
        prop_oneof![0..=Timestamp::MAX.unix(), first_of_2050 - 2..first_of_2050 + 2]
            .prop_map(|seconds| Timestamp::from_unix(seconds).unwrap())
    }

    fn any_entry() -> impl Strategy<Value = CrlEntry> {
        let serial = vec(any::<u8>(), 1..=20)
            .prop_filter_map("a serial number", |octets| Serial::from_unsigned(&octets).ok());
        let reason = option::of(select(&Reason::ALL[..]));
        (serial, any_time(), reason, option::of(any_time())).prop_map(
            |(serial, revocation_date, reason, invalidity_date)| CrlEntry {
                serial,
                revocation_date,
                reason,
                invalidity_date,
            },
        )
    }

    proptest! {
        #[test]
        fn entries_are_written_as_others_write_them(entry in any_entry()) {
            prop_assert_eq!(encoded(entry), reference(entry));
            let mut appended = Vec::new();
            entry.rest().append_entry(entry.serial.as_octets(), &mut appended);
            prop_assert_eq!(appended, encoded(entry));
        }
    }

    #[test]
    fn the_length_is_known_before_it_is_written() {
        let serials = [&[1][..], &[0, 0x80], &[0x7f; 16], &[0x7f; 20]];
        let dates = ["1950-01-01T00:00:00Z", "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z"];
        for serial in serials.map(|octets| Serial::from_octets(octets).unwrap()) {
            for revocation_date in dates.map(at) {
                for reason in [None, Some(Reason::Unspecified), Some(Reason::Superseded)] {
                    for invalidity_date in [None, Some(Timestamp::MIN), Some(Timestamp::MAX)] {
                        encoded(CrlEntry { serial, revocation_date, reason, invalidity_date });
                    }
                }
            }
        }
    }
}
