//! The places that extensions name: RFC 5280 §4.2.1.6, §4.2.1.13 and §4.2.2.1.

use crate::asn1::{self, Element, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// GeneralNames.
///
/// ```asn1
/// GeneralName ::= CHOICE { …, uniformResourceIdentifier [6] IA5String, … }
/// ```
#[derive(Default)]
pub(super) struct Names<'a> {
    pub(super) uris: Vec<&'a [u8]>,
    /// How many are something else.
    pub(super) others: usize,
}

impl<'a> Names<'a> {
    fn read(mut names: Reader<'a>, element: &'static str) -> Result<Self, Malformed> {
        let mut read = Self::default();
        if names.is_empty() {
            // `SIZE (1..MAX)`.
            return Err(names.malformed(element, "a list of names without any"));
        }
        while !names.is_empty() {
            read.add(names.any(element)?, element)?;
        }
        Ok(read)
    }

    fn add(&mut self, name: Element<'a>, element: &'static str) -> Result<(), Malformed> {
        if name.tag == asn1::context(6) {
            if !name.content.is_ascii() {
                return Err(name.malformed(element, "a URI that is no IA5String"));
            }
            self.uris.push(name.content);
        } else if name.tag & 0xc0 == 0x80 {
            self.others += 1;
        } else {
            return Err(name.malformed(element, "no GeneralName"));
        }
        Ok(())
    }
}

/// ```asn1
/// DistributionPointName ::= CHOICE {
///      fullName                 [0] GeneralNames,
///      nameRelativeToCRLIssuer  [1] RelativeDistinguishedName }
/// ```
pub(super) enum PointName<'a> {
    Full(Names<'a>),
    Relative,
}

impl<'a> PointName<'a> {
    pub(super) fn read(mut content: Reader<'a>, element: &'static str) -> Result<Self, Malformed> {
        let name = content.any(element)?;
        content.finish(element)?;
        if name.tag == asn1::context_constructed(0) {
            Names::read(name.reader(), element).map(Self::Full)
        } else if name.tag == asn1::context_constructed(1) {
            Ok(Self::Relative)
        } else {
            Err(name.malformed(element, "no DistributionPointName"))
        }
    }
}

/// The distribution points of a freshestCRL.
///
/// ```asn1
/// DistributionPoint ::= SEQUENCE {
///      distributionPoint  [0] DistributionPointName OPTIONAL,
///      reasons            [1] ReasonFlags OPTIONAL,
///      cRLIssuer          [2] GeneralNames OPTIONAL }
/// ```
pub(super) struct Points<'a> {
    pub(super) names: Vec<PointName<'a>>,
    /// Whether one of them has no distributionPoint, or more than that.
    pub(super) has_other_fields: bool,
}

impl<'a> Points<'a> {
    pub(super) fn read(list: Element<'a>, element: &'static str) -> Result<Self, Malformed> {
        let mut read = Self { names: Vec::new(), has_other_fields: false };
        let mut points = list.reader();
        if points.is_empty() {
            return Err(list.malformed(element, "a list of distribution points without any"));
        }
        while !points.is_empty() {
            let mut fields = points.expect(SEQUENCE, element)?.reader();
            match fields.optional(asn1::context_constructed(0), element)? {
                Some(name) => read.names.push(PointName::read(name.reader(), element)?),
                None => read.has_other_fields = true,
            }
            read.has_other_fields |= !fields.is_empty();
        }
        Ok(read)
    }
}

/// The places of an authorityInfoAccess.
///
/// ```asn1
/// AccessDescription ::= SEQUENCE {
///      accessMethod    OBJECT IDENTIFIER,
///      accessLocation  GeneralName }
/// ```
pub(super) struct Access<'a> {
    pub(super) locations: Names<'a>,
    pub(super) has_other_methods: bool,
}

/// `id-ad-caIssuers`, 1.3.6.1.5.5.7.48.2.
const CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];

impl<'a> Access<'a> {
    pub(super) fn read(list: Element<'a>, element: &'static str) -> Result<Self, Malformed> {
        let mut read = Self { locations: Names::default(), has_other_methods: false };
        let mut descriptions = list.reader();
        if descriptions.is_empty() {
            return Err(list.malformed(element, "a list of places without any"));
        }
        while !descriptions.is_empty() {
            let mut fields = descriptions.expect(SEQUENCE, element)?.reader();
            let method = fields.expect(OBJECT_IDENTIFIER, element)?;
            read.locations.add(fields.any(element)?, element)?;
            fields.finish(element)?;
            read.has_other_methods |= method.content != CA_ISSUERS;
        }
        Ok(read)
    }
}
