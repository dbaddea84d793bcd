//! The extensions of a certificate that revocation needs: RFC 5280 §4.2, RFC 6962 §3.

use crate::asn1::{
    BIT_STRING, BOOLEAN, Element, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader,
    SEQUENCE, context, context_constructed,
};
use std::ops::Range;

// The content octets of the object identifiers; id-ce is 2.5.29.
pub(super) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 14];
pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub(super) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
/// 1.3.6.1.4.1.11129.2.4.2, RFC 6962 §3.3.
pub(super) const SIGNED_CERTIFICATE_TIMESTAMPS: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02";
/// 1.3.6.1.4.1.11129.2.4.3, RFC 6962 §3.1.
pub(super) const POISON: &[u8] = b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03";

/// What the key of a certificate may be used for, as far as it matters here (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyUsage {
    /// The octet of the BIT STRING with its first eight bits.
    first: u8,
}

impl KeyUsage {
    /// `keyCertSign`: to sign certificates.
    pub const fn key_cert_sign(self) -> bool {
        self.first & 0x04 != 0
    }

    /// `cRLSign`: to sign CRLs.
    pub const fn crl_sign(self) -> bool {
        self.first & 0x02 != 0
    }
}

/// What the extensions say; ranges are octets of the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Extensions {
    pub(super) subject_key_identifier: Option<Range<usize>>,
    pub(super) authority_key_identifier: Option<Range<usize>>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) is_ca: bool,
    pub(super) path_length: Option<u32>,
    pub(super) crl_distribution_points: Vec<String>,
    /// The content of the OCTET STRING.
    pub(super) distribution_points: Option<Range<usize>>,
    pub(super) is_precertificate: bool,
}

/// One extension, its value not yet read.
pub(super) struct Extension<'a> {
    /// All of it.
    pub(super) element: Element<'a>,
    /// The content of its object identifier.
    pub(super) id: &'a [u8],
    value: Element<'a>,
}

impl<'a> Extension<'a> {
    /// ```text
    /// Extension ::= SEQUENCE {
    ///     extnID     OBJECT IDENTIFIER,
    ///     critical   BOOLEAN DEFAULT FALSE,
    ///     extnValue  OCTET STRING }
    /// ```
    pub(super) fn read(extensions: &mut Reader<'a>) -> Result<Self, Malformed> {
        let element = extensions.expect(SEQUENCE, "extension")?;
        let mut fields = element.reader();
        let id = fields.expect(OBJECT_IDENTIFIER, "extnID")?.content;
        boolean(&mut fields, "critical")?;
        let value = fields.expect(OCTET_STRING, "extnValue")?;
        fields.finish("extension")?;
        Ok(Self { element, id, value })
    }

    /// Whether it is read here, so that a second one would say two things.
    pub(super) fn is_understood(&self) -> bool {
        matches!(
            self.id,
            SUBJECT_KEY_IDENTIFIER
                | KEY_USAGE
                | BASIC_CONSTRAINTS
                | CRL_DISTRIBUTION_POINTS
                | AUTHORITY_KEY_IDENTIFIER
        )
    }

    /// Whether it is what tells a precertificate from its certificate.
    pub(super) fn is_of_certificate_transparency(&self) -> bool {
        self.id == POISON || self.id == SIGNED_CERTIFICATE_TIMESTAMPS
    }
}

impl Extensions {
    /// Adds what this extension says; one that is not known says nothing.
    pub(super) fn add(&mut self, extension: &Extension<'_>) -> Result<(), Malformed> {
        let mut value = extension.value.reader();
        match extension.id {
            SUBJECT_KEY_IDENTIFIER => {
                let identifier = value.expect(OCTET_STRING, "subjectKeyIdentifier")?;
                // One without octets identifies nothing.
                self.subject_key_identifier =
                    Some(identifier.content_range()).filter(|range| !range.is_empty());
            }
            AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_identifier = authority_key_identifier(&mut value)?;
            }
            KEY_USAGE => self.key_usage = Some(key_usage(&mut value)?),
            BASIC_CONSTRAINTS => (self.is_ca, self.path_length) = basic_constraints(&mut value)?,
            CRL_DISTRIBUTION_POINTS => {
                self.distribution_points = Some(extension.value.content_range());
                self.crl_distribution_points = crl_distribution_points(&mut value)?;
            }
            POISON => {
                self.is_precertificate = true;
                return Ok(());
            }
            _ => return Ok(()),
        }
        value.finish("extnValue")
    }
}

/// Reads a BOOLEAN DEFAULT FALSE. DER leaves FALSE out and writes TRUE as ff (X.690 §11.1), but
/// there are certificates that don't, and they need revoking too: BER is what is read.
fn boolean(reader: &mut Reader<'_>, element: &'static str) -> Result<bool, Malformed> {
    match reader.optional(BOOLEAN, element)? {
        None => Ok(false),
        Some(boolean) => match boolean.content {
            [0] => Ok(false),
            [_] => Ok(true),
            _ => Err(boolean.malformed(element, "neither TRUE nor FALSE")),
        },
    }
}

/// ```text
/// AuthorityKeyIdentifier ::= SEQUENCE {
///     keyIdentifier             [0] KeyIdentifier           OPTIONAL,
///     authorityCertIssuer       [1] GeneralNames            OPTIONAL,
///     authorityCertSerialNumber [2] CertificateSerialNumber OPTIONAL }
/// ```
fn authority_key_identifier(value: &mut Reader<'_>) -> Result<Option<Range<usize>>, Malformed> {
    let mut fields = value.expect(SEQUENCE, "authorityKeyIdentifier")?.reader();
    let identifier = fields.optional(context(0), "keyIdentifier")?;
    fields.optional(context_constructed(1), "authorityCertIssuer")?;
    fields.optional(context(2), "authorityCertSerialNumber")?;
    fields.finish("authorityKeyIdentifier")?;
    Ok(identifier.map(|identifier| identifier.content_range()))
}

fn key_usage(value: &mut Reader<'_>) -> Result<KeyUsage, Malformed> {
    let bits = value.expect(BIT_STRING, "keyUsage")?;
    match bits.content {
        [0] => Ok(KeyUsage { first: 0 }),
        [unused @ 0..=7, first, rest @ ..] => {
            // The unused bits are in the last octet, and say nothing.
            let used = if rest.is_empty() { 0xff << unused } else { 0xff };
            Ok(KeyUsage { first: first & used })
        }
        _ => Err(bits.malformed("keyUsage", "no BIT STRING")),
    }
}

/// ```text
/// BasicConstraints ::= SEQUENCE {
///     cA                 BOOLEAN DEFAULT FALSE,
///     pathLenConstraint  INTEGER (0..MAX) OPTIONAL }
/// ```
fn basic_constraints(value: &mut Reader<'_>) -> Result<(bool, Option<u32>), Malformed> {
    let mut fields = value.expect(SEQUENCE, "basicConstraints")?.reader();
    let is_ca = boolean(&mut fields, "cA")?;
    let path_length = match fields.optional(INTEGER, "pathLenConstraint")? {
        None => None,
        Some(integer) => match integer.content {
            [] | [0x80..=0xff, ..] => {
                return Err(integer.malformed("pathLenConstraint", "not a number from 0 on"));
            }
            // A limit past u32 limits no path either.
            octets => Some(octets.iter().fold(0u32, |number, &octet| {
                number.saturating_mul(0x100).saturating_add(u32::from(octet))
            })),
        },
    };
    fields.finish("basicConstraints")?;
    Ok((is_ca, path_length))
}

/// ```text
/// CRLDistributionPoints ::= SEQUENCE OF DistributionPoint
///
/// DistributionPoint ::= SEQUENCE {
///     distributionPoint [0] DistributionPointName OPTIONAL,
///     reasons           [1] ReasonFlags           OPTIONAL,
///     cRLIssuer         [2] GeneralNames          OPTIONAL }
///
/// DistributionPointName ::= CHOICE {
///     fullName                [0] GeneralNames,
///     nameRelativeToCRLIssuer [1] RelativeDistinguishedName }
/// ```
fn crl_distribution_points(value: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    let mut points = value.expect(SEQUENCE, "cRLDistributionPoints")?.reader();
    let mut uris = Vec::new();
    while !points.is_empty() {
        let mut point = points.expect(SEQUENCE, "DistributionPoint")?.reader();
        if let Some(name) = point.optional(context_constructed(0), "distributionPoint")? {
            let mut choice = name.reader();
            if let Some(full_name) = choice.optional(context_constructed(0), "fullName")? {
                add_uris(&mut full_name.reader(), &mut uris)?;
            } else {
                choice.expect(context_constructed(1), "nameRelativeToCRLIssuer")?;
            }
            choice.finish("distributionPoint")?;
        }
        point.optional(context(1), "reasons")?;
        point.optional(context_constructed(2), "cRLIssuer")?;
        point.finish("DistributionPoint")?;
    }
    Ok(uris)
}

/// Adds the URIs among GeneralNames: `uniformResourceIdentifier [6] IA5String`. What is no
/// IA5String is passed over, for it is no URI that anybody could use.
fn add_uris(names: &mut Reader<'_>, uris: &mut Vec<String>) -> Result<(), Malformed> {
    while !names.is_empty() {
        let name = names.any("fullName")?;
        if name.tag == context(6)
            && let Ok(uri) = std::str::from_utf8(name.content)
            && uri.is_ascii()
        {
            uris.push(uri.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from an `extnValue`.
    fn read(id: &[u8], value: &[u8]) -> Result<Extensions, Malformed> {
        let octets = crate::certificate::sample::extension(id, value);
        let mut extensions = Extensions::default();
        extensions.add(&Extension::read(&mut Reader::new(&octets))?)?;
        Ok(extensions)
    }

    #[test]
    fn key_usage_is_read_bit_by_bit() {
        for (value, cert_sign, crl_sign) in [
            (&b"\x03\x02\x01\x06"[..], true, true),
            (b"\x03\x02\x02\x04", true, false),
            (b"\x03\x02\x01\x02", false, true),
            (b"\x03\x03\x07\x02\x80", false, true),
            (b"\x03\x02\x03\x06", false, false),
            (b"\x03\x02\x00\xf9", false, false),
            (b"\x03\x01\x00", false, false),
        ] {
            let usage = read(KEY_USAGE, value).unwrap().key_usage.unwrap();
            assert_eq!((usage.key_cert_sign(), usage.crl_sign()), (cert_sign, crl_sign));
        }
        for value in [&b"\x03\x00"[..], b"\x03\x01\x01", b"\x03\x02\x08\x06", b"\x05\x00"] {
            assert!(read(KEY_USAGE, value).is_err(), "{value:02x?}");
        }
    }

    #[test]
    fn basic_constraints_are_read() {
        for (value, is_ca, path_length) in [
            (&b"\x30\x00"[..], false, None),
            (b"\x30\x03\x01\x01\x00", false, None),
            (b"\x30\x03\x01\x01\xff", true, None),
            (b"\x30\x03\x01\x01\x01", true, None),
            (b"\x30\x06\x01\x01\xff\x02\x01\x00", true, Some(0)),
            (b"\x30\x07\x01\x01\xff\x02\x02\x01\x02", true, Some(258)),
            (b"\x30\x0a\x01\x01\xff\x02\x05\x01\0\0\0\0", true, Some(u32::MAX)),
        ] {
            let extensions = read(BASIC_CONSTRAINTS, value).unwrap();
            assert_eq!((extensions.is_ca, extensions.path_length), (is_ca, path_length));
        }
        for value in [
            &b"\x30\x02\x01\x00"[..],
            b"\x30\x06\x01\x01\xff\x02\x01\x80",
            b"\x30\x05\x01\x01\xff\x05\0",
            b"\x30\x00\x05\x00",
        ] {
            assert!(read(BASIC_CONSTRAINTS, value).is_err(), "{value:02x?}");
        }
    }

    #[test]
    fn only_the_uris_of_full_names_are_distribution_points() {
        let uri = |letter: u8| [0x86, 0x03, b'u', b':', letter];
        let directory_name = b"\xa4\x02\x30\x00";
        let not_ascii = b"\x86\x02\xc3\xa9";
        let constructed = |number: u8, parts: &[&[u8]]| {
            crate::certificate::sample::element(context_constructed(number), parts)
        };
        let sequence = |parts: &[&[u8]]| crate::certificate::sample::element(SEQUENCE, parts);
        let reasons = b"\x81\x02\x01\x02";
        let value = sequence(&[
            &sequence(&[&constructed(
                0,
                &[&constructed(0, &[directory_name, &uri(b'1'), not_ascii, &uri(b'2')])],
            )]),
            &sequence(&[
                &constructed(0, &[&constructed(0, &[&uri(b'3')])]),
                reasons,
                &constructed(2, &[&uri(b'x')]),
            ]),
            &sequence(&[&constructed(0, &[&constructed(1, &[&uri(b'x')])])]),
            &sequence(&[&constructed(2, &[directory_name])]),
            &sequence(&[]),
        ]);
        let extensions = read(CRL_DISTRIBUTION_POINTS, &value).unwrap();
        assert_eq!(extensions.crl_distribution_points, ["u:1", "u:2", "u:3"]);

        let not_a_choice = constructed(0, &[&constructed(2, &[])]);
        for point in [&not_a_choice[..], b"\x83\x00"] {
            assert!(read(CRL_DISTRIBUTION_POINTS, &sequence(&[&sequence(&[point])])).is_err());
        }
    }

    #[test]
    fn an_authority_key_identifier_may_lack_the_key_identifier() {
        let with = read(AUTHORITY_KEY_IDENTIFIER, b"\x30\x04\x80\x02\x01\x02").unwrap();
        assert_eq!(with.authority_key_identifier.map(|range| range.len()), Some(2));
        let issuer_and_serial = b"\x30\x09\xa1\x04\xa4\x02\x30\x00\x82\x01\x05";
        let without = read(AUTHORITY_KEY_IDENTIFIER, issuer_and_serial).unwrap();
        assert_eq!(without.authority_key_identifier, None);
    }
}
