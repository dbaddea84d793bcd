//! The `TBSCertList` of RFC 5280 §5.1.2, as it was received.

use super::{IssuingDistributionPoint, RevokedCertificates};
use crate::{
    asn1::{self, Element, GENERALIZED_TIME, INTEGER, Malformed, Reader, SEQUENCE, UTC_TIME},
    crl::{
        extension::{Extension, Extensions, Oid},
        number::CrlNumber,
        uri,
    },
    time::Timestamp,
};

#[derive(Clone, Debug)]
pub(in crate::crl) struct Tbs<'a> {
    pub(in crate::crl) octets: &'a [u8],
    pub(in crate::crl) version: u8,
    /// The AlgorithmIdentifier.
    pub(in crate::crl) algorithm: &'a [u8],
    pub(in crate::crl) issuer: &'a [u8],
    pub(in crate::crl) this_update: Timestamp,
    pub(in crate::crl) next_update: Option<Timestamp>,
    revoked_certificates: Reader<'a>,
    pub(in crate::crl) extensions: Vec<Extension<'a>>,
    pub(in crate::crl) authority_key_identifier: Option<&'a [u8]>,
    pub(in crate::crl) number: Option<CrlNumber>,
    pub(in crate::crl) base_number: Option<CrlNumber>,
    pub(in crate::crl) issuing_distribution_point: Option<IssuingDistributionPoint<'a>>,
    pub(in crate::crl) freshest_crl: Vec<&'a str>,
    pub(in crate::crl) ca_issuers: Vec<&'a str>,
    pub(in crate::crl) expired_certificates_since: Option<Timestamp>,
}

impl<'a> Tbs<'a> {
    pub(in crate::crl) fn read(tbs: Element<'a>) -> Result<Self, Malformed> {
        let mut fields = tbs.reader();
        let version = match fields.optional(INTEGER, "version")? {
            None => 1,
            Some(Element { content: [1], .. }) => 2,
            Some(other) => return Err(other.malformed("version", "present, but not v2")),
        };
        let algorithm = fields.expect(SEQUENCE, "signature")?.octets;
        let issuer = fields.expect(SEQUENCE, "issuer")?.octets;
        let this_update = Timestamp::from_element(&fields.any("thisUpdate")?, "thisUpdate")?;
        let next_update = match fields.peek() {
            Some(UTC_TIME | GENERALIZED_TIME) => {
                let element = fields.any("nextUpdate")?;
                Some(Timestamp::from_element(&element, "nextUpdate")?)
            }
            _ => None,
        };
        // An empty list breaks `SIZE (1..MAX)`, but says the same as none.
        let revoked_certificates = match fields.optional(SEQUENCE, "revokedCertificates")? {
            Some(list) => list.reader(),
            None => Reader::new(&[]),
        };
        let extensions = match fields.optional(asn1::context_constructed(0), "crlExtensions")? {
            Some(explicit) => read_extensions(&explicit)?,
            None => Vec::new(),
        };
        fields.finish("tbsCertList")?;
        let mut read = Self {
            octets: tbs.octets,
            version,
            algorithm,
            issuer,
            this_update,
            next_update,
            revoked_certificates,
            extensions: Vec::new(),
            authority_key_identifier: None,
            number: None,
            base_number: None,
            issuing_distribution_point: None,
            freshest_crl: Vec::new(),
            ca_issuers: Vec::new(),
            expired_certificates_since: None,
        };
        for extension in &extensions {
            read.understand(extension)?;
        }
        read.extensions = extensions;
        Ok(read)
    }

    fn understand(&mut self, extension: &Extension<'a>) -> Result<(), Malformed> {
        match extension.oid {
            Oid::AUTHORITY_KEY_IDENTIFIER => {
                let name = "authorityKeyIdentifier";
                let mut fields = extension.single(SEQUENCE, name)?.reader();
                let identifier = fields.optional(asn1::context(0), name)?;
                self.authority_key_identifier = identifier.map(|element| element.content);
            }
            Oid::CRL_NUMBER => {
                self.number = extension.if_understood(read_number(extension, "cRLNumber"))?;
            }
            Oid::DELTA_CRL_INDICATOR => {
                self.base_number = Some(read_number(extension, "deltaCRLIndicator")?);
            }
            Oid::ISSUING_DISTRIBUTION_POINT => {
                let point = IssuingDistributionPoint::read(extension)?;
                self.issuing_distribution_point = Some(point);
            }
            // These three must not be critical. Where one is, whatever it holds, the CRL counts as
            // one with an unknown extension; else they may be ignored (RFC 5280 §5.2).
            Oid::FRESHEST_CRL => {
                self.freshest_crl = uri::read_freshest_crl(extension).unwrap_or_default();
            }
            Oid::AUTHORITY_INFO_ACCESS => {
                self.ca_issuers = uri::read_ca_issuers(extension).unwrap_or_default();
            }
            Oid::EXPIRED_CERTS_ON_CRL => {
                let name = "expiredCertsOnCRL";
                let time = extension.single(GENERALIZED_TIME, name);
                self.expired_certificates_since =
                    time.and_then(|time| Timestamp::from_element(&time, name)).ok();
            }
            _ => {}
        }
        Ok(())
    }

    pub(in crate::crl) fn entries(&self) -> RevokedCertificates<'a> {
        let point = self.issuing_distribution_point.as_ref();
        let is_indirect = point.is_some_and(|point| point.indirect_crl);
        RevokedCertificates::new(self.revoked_certificates, is_indirect)
    }
}

/// RFC 5280 §4.2: none may be there twice, as then it says two things.
fn read_extensions<'a>(explicit: &Element<'a>) -> Result<Vec<Extension<'a>>, Malformed> {
    let mut content = explicit.reader();
    let list = content.expect(SEQUENCE, "crlExtensions")?;
    content.finish("crlExtensions")?;
    let extensions = Extensions(list.reader()).collect::<Result<Vec<_>, _>>()?;
    let mut oids: Vec<Oid<'_>> = extensions.iter().map(|extension| extension.oid).collect();
    oids.sort_unstable();
    if oids.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) {
        return Err(list.malformed("crlExtensions", "an extension is there twice"));
    }
    Ok(extensions)
}

fn read_number(extension: &Extension<'_>, name: &'static str) -> Result<CrlNumber, Malformed> {
    let integer = extension.single(INTEGER, name)?;
    CrlNumber::from_octets(integer.content)
        .map_err(|_| integer.malformed(name, "no integer from 0 to 2^159 - 1 in minimal form"))
}
