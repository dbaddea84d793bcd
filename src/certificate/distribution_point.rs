//! The distribution points of a certificate, whole: RFC 5280 §4.2.1.13.

use crate::{
    asn1::{Malformed, Reader, SEQUENCE, context, context_constructed},
    name::{DistributionPointName, GeneralName},
    reason::ReasonFlags,
};

/// Where one CRL is found that a certificate may be listed on, and who signs it.
///
/// ```asn1
/// DistributionPoint ::= SEQUENCE {
///      distributionPoint [0] DistributionPointName OPTIONAL,
///      reasons           [1] ReasonFlags           OPTIONAL,
///      cRLIssuer         [2] GeneralNames          OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlDistributionPoint<'a> {
    /// Where it is found.
    pub name: Option<DistributionPointName<'a>>,
    /// The reasons that the CRL is about; `None`: all.
    pub reasons: Option<ReasonFlags>,
    /// Who signs the CRL; empty: the issuer of the certificate.
    pub crl_issuer: Vec<GeneralName<'a>>,
}

impl<'a> CrlDistributionPoint<'a> {
    /// Reads the `extnValue`.
    pub(super) fn read_all(mut value: Reader<'a>) -> Result<Vec<Self>, Malformed> {
        let mut points = value.expect(SEQUENCE, "cRLDistributionPoints")?.reader();
        let mut read = Vec::new();
        while !points.is_empty() {
            read.push(Self::read(points.expect(SEQUENCE, "DistributionPoint")?.reader())?);
        }
        Ok(read)
    }

    fn read(mut fields: Reader<'a>) -> Result<Self, Malformed> {
        let name = fields.optional(context_constructed(0), "distributionPoint")?;
        let reasons = fields.optional(context(1), "reasons")?;
        let crl_issuer = fields.optional(context_constructed(2), "cRLIssuer")?;
        fields.finish("DistributionPoint")?;
        Ok(Self {
            name: name.map(|name| DistributionPointName::read(name.reader())).transpose()?,
            reasons: reasons.map(|bits| ReasonFlags::read(&bits, "reasons")).transpose()?,
            crl_issuer: match crl_issuer {
                Some(names) => GeneralName::read_all(names.reader(), "cRLIssuer")?,
                None => Vec::new(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{
        Certificate,
        extensions::CRL_DISTRIBUTION_POINTS,
        sample::{Sample, element, extension, name},
    };

    fn constructed(number: u8, parts: &[&[u8]]) -> Vec<u8> {
        element(context_constructed(number), parts)
    }

    fn certificate(points: &[Vec<u8>]) -> Certificate {
        let value = element(SEQUENCE, &[&points.concat()]);
        let extensions = vec![extension(CRL_DISTRIBUTION_POINTS, &value)];
        Sample { extensions, ..Sample::default() }.certificate()
    }

    #[test]
    fn a_distribution_point_is_read_whole() {
        let (directory, uri) = (constructed(4, &[&name("dp")]), b"\x86\x03u:1");
        let relative = [&[0x30, 0x07][..], b"\x06\x03\x55\x04\x03\x0c\x00"].concat();
        let certificate = certificate(&[
            element(
                SEQUENCE,
                &[
                    &constructed(0, &[&constructed(0, &[&directory, uri, b"\x82\x01d"])]),
                    b"\x81\x02\x05\x60",
                    &constructed(2, &[&directory]),
                ],
            ),
            element(SEQUENCE, &[&constructed(0, &[&constructed(1, &[&relative])])]),
            element(SEQUENCE, &[]),
        ]);
        let points = certificate.distribution_points().unwrap();
        let [first, second, third] = &points[..] else { panic!("{points:?}") };
        let dp = name("dp");
        let directory = GeneralName::DirectoryName(&dp);
        assert_eq!(
            first.name,
            Some(DistributionPointName::FullName(vec![
                directory,
                GeneralName::Uri("u:1"),
                GeneralName::Other(b"\x82\x01d"),
            ]))
        );
        assert_eq!(first.reasons.unwrap().to_string(), "keyCompromise cACompromise");
        assert_eq!(first.crl_issuer, [directory]);
        assert_eq!(second.name, Some(DistributionPointName::NameRelativeToCrlIssuer(&relative)));
        assert_eq!((&third.name, third.reasons, third.crl_issuer.len()), (&None, None, 0));
        assert_eq!(Sample::default().certificate().distribution_points(), Ok(vec![]));
    }

    #[test]
    fn what_is_malformed_in_one_is_found_when_it_is_read_whole() {
        for (field, point) in [
            ("reasons", &b"\x81\x00"[..]),
            ("cRLIssuer", &constructed(2, &[&constructed(4, &[b"\x31\x00"])])),
            ("fullName", &constructed(0, &[&constructed(0, &[&constructed(4, &[b"\x31\x00"])])])),
        ] {
            let certificate = certificate(&[element(SEQUENCE, &[point])]);
            let malformed = certificate.distribution_points().unwrap_err();
            assert_eq!(malformed.element, field);
            let octet = certificate.der()[malformed.offset];
            assert!(octet == 0x81 || octet == 0x31, "{malformed}: {octet:02x}");
        }
    }
}
