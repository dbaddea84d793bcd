//! Which certificates a CRL is about: RFC 5280 §5.2.5.

use crate::{
    asn1::{self, Element, Malformed, SEQUENCE},
    crl::{extension::Extension, uri},
};

/// The issuing distribution point of a CRL that anyone may have made.
///
/// ```asn1
/// IssuingDistributionPoint ::= SEQUENCE {
///      distributionPoint          [0] DistributionPointName OPTIONAL,
///      onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
///      onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
///      onlySomeReasons            [3] ReasonFlags OPTIONAL,
///      indirectCRL                [4] BOOLEAN DEFAULT FALSE,
///      onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuingDistributionPoint<'a> {
    /// All of it, in DER.
    pub octets: &'a [u8],
    /// The content of `distributionPoint`: a DistributionPointName in DER.
    pub distribution_point: Option<&'a [u8]>,
    /// It lists certificates of end entities only.
    pub only_contains_user_certs: bool,
    /// It lists certificates of CAs only.
    pub only_contains_ca_certs: bool,
    /// The content octets of `onlySomeReasons`, a BIT STRING.
    pub only_some_reasons: Option<&'a [u8]>,
    /// It may list certificates of other issuers.
    pub indirect_crl: bool,
    /// It lists attribute certificates only.
    pub only_contains_attribute_certs: bool,
    uris: Vec<&'a str>,
}

impl<'a> IssuingDistributionPoint<'a> {
    pub(in crate::crl) fn read(extension: &Extension<'a>) -> Result<Self, Malformed> {
        let sequence = extension.single(SEQUENCE, "issuingDistributionPoint")?;
        let mut fields = sequence.reader();
        let point = fields.optional(asn1::context_constructed(0), "distributionPoint")?;
        let user = fields.optional(asn1::context(1), "onlyContainsUserCerts")?;
        let ca = fields.optional(asn1::context(2), "onlyContainsCACerts")?;
        let reasons = fields.optional(asn1::context(3), "onlySomeReasons")?;
        let indirect = fields.optional(asn1::context(4), "indirectCRL")?;
        let attribute = fields.optional(asn1::context(5), "onlyContainsAttributeCerts")?;
        fields.finish("issuingDistributionPoint")?;
        Ok(Self {
            octets: sequence.octets,
            distribution_point: point.as_ref().map(|element| element.content),
            only_contains_user_certs: boolean(user)?,
            only_contains_ca_certs: boolean(ca)?,
            only_some_reasons: reasons.map(|element| element.content),
            indirect_crl: boolean(indirect)?,
            only_contains_attribute_certs: boolean(attribute)?,
            uris: match &point {
                Some(point) => uri::read_distribution_point(point)?,
                None => Vec::new(),
            },
        })
    }

    /// The URIs among the names of the distribution point.
    pub fn uris(&self) -> &[&'a str] {
        &self.uris
    }
}

fn boolean(element: Option<Element<'_>>) -> Result<bool, Malformed> {
    match element {
        None => Ok(false),
        Some(Element { content: [0], .. }) => Ok(false),
        Some(Element { content: [0xff], .. }) => Ok(true),
        Some(other) => Err(other.malformed("issuingDistributionPoint", "a flag not 00 or ff")),
    }
}
