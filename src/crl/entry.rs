//! One entry of a CRL that we make: RFC 5280 §5.1.2.6 and §5.3.

use super::extension::{self, Oid};
use crate::{
    asn1::{self, ENUMERATED, INTEGER, SEQUENCE},
    reason::Reason,
    serial::Serial,
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

/// An ENUMERATED of one content octet.
const REASON_CODE_LENGTH: u64 = 3;
/// A GeneralizedTime without a fraction.
const INVALIDITY_DATE_LENGTH: u64 = 17;

impl CrlEntry {
    /// How many octets it takes on a CRL.
    pub fn encoded_length(&self) -> u64 {
        self.fields().encoded_length()
    }

    /// Appends its DER.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.fields().write(out);
    }

    fn fields(&self) -> Fields<'_> {
        let Self { ref serial, revocation_date, reason, invalidity_date } = *self;
        // RFC 5280 §5.3.1: instead of the reason unspecified, the extension is left out.
        let reason = reason.filter(|reason| *reason != Reason::Unspecified).map(Reason::code);
        Fields { serial: serial.as_octets(), revocation_date, reason, invalidity_date }
    }
}

/// What is written of an entry, whatever it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    /// The content octets of the INTEGER.
    pub(super) serial: &'a [u8],
    pub(super) revocation_date: Timestamp,
    /// The code of the ENUMERATED, below 128.
    pub(super) reason: Option<u8>,
    pub(super) invalidity_date: Option<Timestamp>,
}

impl Fields<'_> {
    pub(super) fn encoded_length(&self) -> u64 {
        asn1::element_length(self.length())
    }

    fn length(&self) -> u64 {
        let extensions = match self.extensions_length() {
            0 => 0,
            extensions => asn1::element_length(extensions),
        };
        asn1::element_length(self.serial.len() as u64)
            + self.revocation_date.time_length()
            + extensions
    }

    fn extensions_length(&self) -> u64 {
        let reason = self
            .reason
            .map_or(0, |_| const { extension::length(Oid::REASON_CODE, REASON_CODE_LENGTH) });
        let invalidity_date = self.invalidity_date.map_or(0, |_| {
            const { extension::length(Oid::INVALIDITY_DATE, INVALIDITY_DATE_LENGTH) }
        });
        reason + invalidity_date
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        asn1::write_header(out, SEQUENCE, self.length());
        asn1::write_element(out, INTEGER, self.serial);
        self.revocation_date.write_time(out);
        let extensions = self.extensions_length();
        // An empty SEQUENCE would break `SIZE (1..MAX)` (RFC 5280 §4.1).
        if extensions == 0 {
            return;
        }
        asn1::write_header(out, SEQUENCE, extensions);
        if let Some(reason) = self.reason {
            extension::write_header(out, Oid::REASON_CODE, REASON_CODE_LENGTH);
            asn1::write_element(out, ENUMERATED, &[reason]);
        }
        if let Some(date) = self.invalidity_date {
            extension::write_header(out, Oid::INVALIDITY_DATE, INVALIDITY_DATE_LENGTH);
            date.write_generalized_time(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn encoded(entry: CrlEntry) -> Vec<u8> {
        let mut der = Vec::new();
        entry.write(&mut der);
        assert_eq!(der.len() as u64, entry.encoded_length(), "{entry:?}");
        der
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
