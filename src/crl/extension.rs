//! Extensions of a CRL and of its entries: RFC 5280 §5.2 and §5.3.

use crate::asn1::{
    self, BOOLEAN, Element, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
};
use std::fmt;

/// The object identifier of an extension.
///
/// `Display` writes it with dots.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid<'a>(&'a [u8]);

impl<'a> Oid<'a> {
    /// `id-ce-cRLReasons` (RFC 5280 §5.3.1).
    pub const REASON_CODE: Self = Self(&[0x55, 0x1d, 0x15]);
    /// `id-ce-invalidityDate` (RFC 5280 §5.3.2).
    pub const INVALIDITY_DATE: Self = Self(&[0x55, 0x1d, 0x18]);
    /// `id-ce-certificateIssuer` (RFC 5280 §5.3.3).
    pub const CERTIFICATE_ISSUER: Self = Self(&[0x55, 0x1d, 0x1d]);
    /// `id-ce-cRLNumber` (RFC 5280 §5.2.3).
    pub const CRL_NUMBER: Self = Self(&[0x55, 0x1d, 0x14]);
    /// `id-ce-deltaCRLIndicator` (RFC 5280 §5.2.4).
    pub const DELTA_CRL_INDICATOR: Self = Self(&[0x55, 0x1d, 0x1b]);
    /// `id-ce-issuingDistributionPoint` (RFC 5280 §5.2.5).
    pub const ISSUING_DISTRIBUTION_POINT: Self = Self(&[0x55, 0x1d, 0x1c]);
    /// `id-ce-authorityKeyIdentifier` (RFC 5280 §5.2.1).
    pub const AUTHORITY_KEY_IDENTIFIER: Self = Self(&[0x55, 0x1d, 0x23]);
    /// `id-ce-freshestCRL` (RFC 5280 §5.2.6).
    pub const FRESHEST_CRL: Self = Self(&[0x55, 0x1d, 0x2e]);
    /// `id-pe-authorityInfoAccess` (RFC 5280 §5.2.7).
    pub const AUTHORITY_INFO_ACCESS: Self = Self(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01]);
    /// `id-ce-expiredCertsOnCRL` (X.509 §9.5.2.8).
    pub const EXPIRED_CERTS_ON_CRL: Self = Self(&[0x55, 0x1d, 0x3c]);

    pub(super) const fn from_content(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The content octets of the OBJECT IDENTIFIER.
    pub const fn as_octets(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arcs = self.0.split_inclusive(|octet| *octet < 0x80).map(|arc| {
            let septets = arc.iter().map(|octet| u128::from(octet & 0x7f));
            septets.fold(0u128, |n, septet| n.wrapping_shl(7) | septet)
        });
        let first = arcs.next().unwrap_or(0);
        // X.690 §8.19.4: the first two arcs are one number.
        let root = (first / 40).min(2);
        write!(f, "{root}.{}", first - 40 * root)?;
        arcs.try_for_each(|arc| write!(f, ".{arc}"))
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

/// An extension as it stands in a CRL that anyone may have made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// Which it is.
    pub oid: Oid<'a>,
    /// Whether a CRL must not be used by who does not know this extension (RFC 5280 §5.2).
    pub critical: bool,
    /// What the OCTET STRING holds: the extension's own DER.
    pub value: &'a [u8],
    /// The OCTET STRING, which knows its place in the CRL.
    octet_string: Element<'a>,
}

impl<'a> Extension<'a> {
    /// The one element of this tag that is the extension's own DER.
    pub(super) fn single(&self, tag: u8, name: &'static str) -> Result<Element<'a>, Malformed> {
        let element = self.any(name)?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(element.malformed(name, "another tag stands there"))
        }
    }

    /// What was read of it; nothing if that failed and the extension is not critical, for then it
    /// may be ignored (RFC 5280 §5.2).
    pub(super) fn if_understood<T>(
        &self,
        read: Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match read {
            Err(_) if !self.critical => Ok(None),
            read => read.map(Some),
        }
    }

    /// The one element that is the extension's own DER.
    pub(super) fn any(&self, name: &'static str) -> Result<Element<'a>, Malformed> {
        let mut reader = self.octet_string.reader();
        let element = reader.any(name)?;
        reader.finish(name)?;
        Ok(element)
    }
}

/// The extensions in the content of an `Extensions`, one after the other.
///
/// ```asn1
/// Extension ::= SEQUENCE {
///      extnID     OBJECT IDENTIFIER,
///      critical   BOOLEAN DEFAULT FALSE,
///      extnValue  OCTET STRING }
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct Extensions<'a>(pub(super) Reader<'a>);

impl<'a> Extensions<'a> {
    fn read(&mut self) -> Result<Extension<'a>, Malformed> {
        let mut fields = self.0.expect(SEQUENCE, "Extension")?.reader();
        let oid = fields.expect(OBJECT_IDENTIFIER, "extnID")?;
        if oid.content.last().is_none_or(|last| *last >= 0x80) {
            return Err(oid.malformed("extnID", "not a whole object identifier"));
        }
        let critical = match fields.optional(BOOLEAN, "critical")? {
            None => false,
            // X.690 §11.5 wants a FALSE left out, many write it; it says the same.
            Some(Element { content: [0], .. }) => false,
            Some(Element { content: [0xff], .. }) => true,
            Some(other) => return Err(other.malformed("critical", "neither 00 nor ff")),
        };
        let octet_string = fields.expect(OCTET_STRING, "extnValue")?;
        fields.finish("Extension")?;
        let (oid, value) = (Oid(oid.content), octet_string.content);
        Ok(Extension { oid, critical, value, octet_string })
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, Malformed>;

    /// Ends after the first error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(read)
    }
}

/// Appends an extension.
pub(super) fn write(out: &mut Vec<u8>, oid: Oid<'_>, critical: bool, value: &[u8]) {
    let mut fields = asn1::element(OBJECT_IDENTIFIER, oid.0);
    // X.690 §11.5: a FALSE is left out.
    if critical {
        asn1::write_element(&mut fields, BOOLEAN, &[0xff]);
    }
    asn1::write_element(&mut fields, OCTET_STRING, value);
    asn1::write_element(out, SEQUENCE, &fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_shown_with_dots() {
        for (octets, text) in [
            (&[0x55, 0x1d, 0x23][..], "2.5.29.35"),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], "1.2.840.113549.1.1.11"),
            (&[0x88, 0x37, 0x03], "2.999.3"),
            (&[0x27], "0.39"),
        ] {
            assert_eq!(Oid(octets).to_string(), text);
        }
    }
}
