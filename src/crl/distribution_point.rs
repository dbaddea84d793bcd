//! Where CRLs are found: the names in issuingDistributionPoint and freshestCRL (RFC 5280 §5.2.5 and
//! §5.2.6), and where certificates are (§5.2.7).

use super::error::CrlError;
use crate::asn1::{self, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// GeneralName: uniformResourceIdentifier [6] IA5String.
const URI: u8 = asn1::context(6);

/// id-ad-caIssuers, 1.3.6.1.5.5.7.48.2.
const CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];

/// What the issuing distribution point of a CRL says: the URIs that certificates name, and perhaps
/// the kind of certificates that it is about (RFC 5280 §5.2.5).
///
/// There is always a URI, since rustls-webpki takes no other. Nothing else can be said here: no
/// CRL about some reasons only, and none about the certificates of other issuers.
///
/// ```
/// use annul::{DistributionPoint, Only};
///
/// let uri = "http://crl.example/ca.crl".to_owned();
/// assert!(DistributionPoint::new(vec![uri], Some(Only::CaCertificates)).is_ok());
/// assert!(DistributionPoint::new(vec![], None).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionPoint {
    uris: Vec<String>,
    only: Option<Only>,
}

/// The kind of certificates that a CRL is about, where it is not about all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Only {
    /// Those of end entities.
    UserCertificates,
    /// Those of CAs.
    CaCertificates,
}

impl DistributionPoint {
    /// A distribution point with these URIs. One of them must stand, octet for octet, in each
    /// certificate that the CRL is about.
    ///
    /// # Errors
    /// Where there is none, or one is empty or not of ASCII.
    pub fn new(uris: Vec<String>, only: Option<Only>) -> Result<Self, CrlError> {
        let is_uri = |uri: &String| !uri.is_empty() && uri.is_ascii();
        if uris.is_empty() || !uris.iter().all(is_uri) {
            return Err(CrlError::DistributionPoint);
        }
        Ok(Self { uris, only })
    }

    /// Its DER. X.690 §11.5: flags that are FALSE are left out.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut content = Vec::new();
        write_name(&self.uris, &mut content);
        if let Some(only) = self.only {
            let flag = match only {
                Only::UserCertificates => asn1::context(1),
                Only::CaCertificates => asn1::context(2),
            };
            asn1::write_element(&mut content, flag, &[0xff]);
        }
        element(SEQUENCE, &content)
    }
}

/// `distributionPoint [0] DistributionPointName`, explicit around the CHOICE `fullName [0]
/// GeneralNames`.
fn write_name(uris: &[String], out: &mut Vec<u8>) {
    let mut names = Vec::new();
    for uri in uris {
        asn1::write_element(&mut names, URI, uri.as_bytes());
    }
    let full_name = element(asn1::context_constructed(0), &names);
    asn1::write_element(out, asn1::context_constructed(0), &full_name);
}

/// ```asn1
/// FreshestCRL ::= CRLDistributionPoints  -- SEQUENCE OF DistributionPoint
/// ```
/// One point, with neither reasons nor cRLIssuer.
pub(super) fn freshest_crl(uris: &[String]) -> Vec<u8> {
    let mut name = Vec::new();
    write_name(uris, &mut name);
    element(SEQUENCE, &element(SEQUENCE, &name))
}

/// ```asn1
/// AuthorityInfoAccessSyntax ::= SEQUENCE OF AccessDescription
/// AccessDescription ::= SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }
/// ```
/// RFC 5280 §5.2.7: id-ad-caIssuers and nothing else.
pub(super) fn authority_information_access(uris: &[String]) -> Vec<u8> {
    let mut descriptions = Vec::new();
    for uri in uris {
        let mut description = Vec::new();
        asn1::write_element(&mut description, OBJECT_IDENTIFIER, CA_ISSUERS);
        asn1::write_element(&mut description, URI, uri.as_bytes());
        asn1::write_element(&mut descriptions, SEQUENCE, &description);
    }
    element(SEQUENCE, &descriptions)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 4);
    asn1::write_element(&mut out, tag, content);
    out
}

/// The URIs in the content of a `distributionPoint`; other names are passed over.
pub(super) fn uris_of_name(name: &[u8]) -> impl Iterator<Item = &str> {
    let mut choice = Reader::new(name);
    let full_name = choice.optional(asn1::context_constructed(0), "fullName").ok().flatten();
    let mut names = full_name.map_or(Reader::new(&[]), |names| names.reader());
    std::iter::from_fn(move || {
        while !names.is_empty() {
            // It ends where it cannot be read.
            let name = names.any("fullName").ok()?;
            if name.tag == URI
                && let Ok(uri) = std::str::from_utf8(name.content)
            {
                return Some(uri);
            }
        }
        None
    })
}

/// The URIs of a freshestCRL that says no more than those.
pub(super) fn read_freshest_crl(value: &[u8]) -> Result<Vec<String>, Malformed> {
    let name = "freshestCRL";
    let mut points = asn1::single(value, SEQUENCE, name)?.reader();
    let mut uris = Vec::new();
    while !points.is_empty() {
        let mut fields = points.expect(SEQUENCE, name)?.reader();
        if let Some(point) = fields.optional(asn1::context_constructed(0), name)? {
            uris.extend(uris_of_name(point.content).map(str::to_owned));
        }
    }
    Ok(uris)
}

/// The URIs of the caIssuers in an authorityInfoAccess.
pub(super) fn read_ca_issuers(value: &[u8]) -> Result<Vec<String>, Malformed> {
    let name = "authorityInfoAccess";
    let mut descriptions = asn1::single(value, SEQUENCE, name)?.reader();
    let mut uris = Vec::new();
    while !descriptions.is_empty() {
        let mut fields = descriptions.expect(SEQUENCE, name)?.reader();
        let method = fields.expect(OBJECT_IDENTIFIER, name)?;
        let location = fields.any(name)?;
        if method.content == CA_ISSUERS
            && location.tag == URI
            && let Ok(uri) = std::str::from_utf8(location.content)
        {
            uris.push(uri.to_owned());
        }
    }
    Ok(uris)
}

/// The distribution point that these octets would be written for, if there is one.
pub(super) fn read_again(
    point: &super::read::IssuingDistributionPoint<'_>,
) -> Result<DistributionPoint, CrlError> {
    let only = match (point.only_contains_user_certs, point.only_contains_ca_certs) {
        (true, false) => Some(Only::UserCertificates),
        (false, true) => Some(Only::CaCertificates),
        _ => None,
    };
    DistributionPoint::new(point.uris().map(str::to_owned).collect(), only)
}
