//! URIs in the extensions of a CRL, each a GeneralName: RFC 5280 §4.2.1.6, §5.2.6 and §5.2.7.
//!
//! ```asn1
//! DistributionPoint ::= SEQUENCE {
//!      distributionPoint  [0] DistributionPointName OPTIONAL,
//!      reasons            [1] ReasonFlags OPTIONAL,
//!      cRLIssuer          [2] GeneralNames OPTIONAL }
//!
//! DistributionPointName ::= CHOICE {
//!      fullName                 [0] GeneralNames,
//!      nameRelativeToCRLIssuer  [1] RelativeDistinguishedName }
//!
//! AccessDescription ::= SEQUENCE {
//!      accessMethod    OBJECT IDENTIFIER,
//!      accessLocation  GeneralName }
//! ```

use super::{error::CrlError, extension::Extension};
use crate::asn1::{self, Element, Malformed, OBJECT_IDENTIFIER, SEQUENCE};
use std::str;

/// GeneralName: uniformResourceIdentifier, an IA5String.
const URI: u8 = asn1::context(6);
/// DistributionPoint: distributionPoint, explicit, for what it holds is a CHOICE.
const DISTRIBUTION_POINT: u8 = asn1::context_constructed(0);
/// DistributionPointName: fullName.
const FULL_NAME: u8 = asn1::context_constructed(0);
/// `id-ad-caIssuers` (RFC 5280 §4.2.2.1), its content octets.
const CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];

/// RFC 5280 §4.2.1.6: a URI is not relative, and has something after its scheme. RFC 3986 §2 and
/// §3.1 say what characters it consists of.
pub(super) fn check(uris: &[String]) -> Result<(), CrlError> {
    let is_absolute = |uri: &str| {
        let (scheme, rest) = uri.split_once(':').unwrap_or_default();
        let is_scheme = |octet: u8| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet);
        let is_rest = |octet: u8| {
            octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&octet)
        };
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(is_scheme)
            && !rest.is_empty()
            && rest.bytes().all(is_rest)
    };
    match uris.iter().find(|uri| !is_absolute(uri)) {
        None => Ok(()),
        Some(uri) => Err(CrlError::Uri { uri: uri.clone() }),
    }
}

/// URIs that were read, to be written again.
pub(super) fn to_owned(uris: &[&str]) -> Vec<String> {
    uris.iter().map(|&uri| uri.to_owned()).collect()
}

/// The field distributionPoint, in DER: a fullName of these URIs.
pub(super) fn distribution_point(uris: &[String]) -> Vec<u8> {
    let mut names = Vec::new();
    uris.iter().for_each(|uri| asn1::write_element(&mut names, URI, uri.as_bytes()));
    asn1::element(DISTRIBUTION_POINT, &asn1::element(FULL_NAME, &names))
}

/// The value of freshestCRL: one DistributionPoint. RFC 5280 §5.2.6: the delta CRL has the reasons
/// and the issuer of its base, so that neither is said.
pub(super) fn freshest_crl(uris: &[String]) -> Vec<u8> {
    asn1::element(SEQUENCE, &asn1::element(SEQUENCE, &distribution_point(uris)))
}

/// The value of authorityInfoAccess. RFC 5280 §5.2.7: of a CRL it says caIssuers, nothing else.
pub(super) fn ca_issuers(uris: &[String]) -> Vec<u8> {
    let mut descriptions = Vec::new();
    for uri in uris {
        let mut description = asn1::element(OBJECT_IDENTIFIER, CA_ISSUERS);
        asn1::write_element(&mut description, URI, uri.as_bytes());
        asn1::write_element(&mut descriptions, SEQUENCE, &description);
    }
    asn1::element(SEQUENCE, &descriptions)
}

/// The URIs of a distributionPoint; names of other kinds are passed over.
pub(super) fn read_distribution_point<'a>(
    element: &Element<'a>,
) -> Result<Vec<&'a str>, Malformed> {
    let name = "distributionPoint";
    let mut content = element.reader();
    let choice = content.any(name)?;
    content.finish(name)?;
    let mut uris = Vec::new();
    if choice.tag == FULL_NAME {
        let mut names = choice.reader();
        while !names.is_empty() {
            uris.extend(read_uri(&names.any("fullName")?)?);
        }
    }
    Ok(uris)
}

/// The URI that a GeneralName is, if it is one.
fn read_uri<'a>(name: &Element<'a>) -> Result<Option<&'a str>, Malformed> {
    if name.tag != URI {
        return Ok(None);
    }
    let text = str::from_utf8(name.content).ok().filter(|text| text.is_ascii());
    text.map(Some).ok_or_else(|| name.malformed("uniformResourceIdentifier", "no IA5String"))
}

/// The URIs of all points of a freshestCRL.
pub(super) fn read_freshest_crl<'a>(extension: &Extension<'a>) -> Result<Vec<&'a str>, Malformed> {
    let name = "freshestCRL";
    let mut points = extension.single(SEQUENCE, name)?.reader();
    let mut uris = Vec::new();
    while !points.is_empty() {
        let mut fields = points.expect(SEQUENCE, name)?.reader();
        if let Some(point) = fields.optional(DISTRIBUTION_POINT, name)? {
            uris.extend(read_distribution_point(&point)?);
        }
        fields.optional(asn1::context(1), name)?;
        fields.optional(asn1::context_constructed(2), name)?;
        fields.finish(name)?;
    }
    Ok(uris)
}

/// The URIs of an authorityInfoAccess that are caIssuers.
pub(super) fn read_ca_issuers<'a>(extension: &Extension<'a>) -> Result<Vec<&'a str>, Malformed> {
    let name = "authorityInfoAccess";
    let mut descriptions = extension.single(SEQUENCE, name)?.reader();
    let mut uris = Vec::new();
    while !descriptions.is_empty() {
        let mut fields = descriptions.expect(SEQUENCE, name)?.reader();
        let method = fields.expect(OBJECT_IDENTIFIER, name)?;
        let location = fields.any(name)?;
        fields.finish(name)?;
        if method.content == CA_ISSUERS {
            uris.extend(read_uri(&location)?);
        }
    }
    Ok(uris)
}
