//! Which certificates and which reasons a CRL is about: RFC 5280 §6.3.3 (b), (d) and (e).

use super::NotUsed;
use crate::{
    asn1::{Malformed, SEQUENCE, context, context_constructed},
    certificate::{Certificate, CrlDistributionPoint},
    crl::{
        extension::Oid,
        read::{CertificateList, IssuingDistributionPoint},
    },
    name::{ComparableName, DistributionPointName, GeneralName, is_same},
    reason::ReasonFlags,
};

/// Where a certificate says that it is listed.
pub(super) struct Scope<'a> {
    certificate: &'a Certificate,
    points: Vec<CrlDistributionPoint<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(certificate: &'a Certificate) -> Result<Self, Malformed> {
        let mut scope = Self::without_points(certificate);
        scope.points.extend(certificate.distribution_points()?);
        Ok(scope)
    }

    /// RFC 5280 §6.3.3, at its end: whatever the certificate says, CRLs of its issuer are asked
    /// too that are for a distribution point with the name of the issuer, or for none.
    pub(super) fn without_points(certificate: &'a Certificate) -> Self {
        let name = GeneralName::DirectoryName(certificate.issuer_name());
        let point = CrlDistributionPoint {
            name: Some(DistributionPointName::FullName(vec![name])),
            reasons: None,
            crl_issuer: Vec::new(),
        };
        Self { certificate, points: vec![point] }
    }

    /// The reasons for which this CRL lists the certificate.
    pub(super) fn of_crl(&self, crl: &CertificateList<'_>) -> Result<ReasonFlags, NotUsed> {
        let limits = Limits::read(crl)?;
        // All points are asked: a CRL may be for the second one only (RUSTSEC-2026-0049).
        let mut reasons = ReasonFlags::NONE;
        let mut failure = NotUsed::OtherIssuer;
        for point in &self.points {
            match self.of_point(point, crl, &limits) {
                Ok(of_point) => reasons = reasons.union(of_point),
                Err(other) => failure = failure.or_later(other),
            }
        }
        if reasons.is_empty() { Err(failure) } else { Ok(reasons) }
    }

    fn of_point(
        &self,
        point: &CrlDistributionPoint<'_>,
        crl: &CertificateList<'_>,
        limits: &Limits<'_>,
    ) -> Result<ReasonFlags, NotUsed> {
        let issuing_point = crl.issuing_distribution_point();
        if point.crl_issuer.is_empty() {
            if !is_same(crl.issuer(), self.certificate.issuer_name(), "issuer")? {
                return Err(NotUsed::OtherIssuer);
            }
        } else {
            if !is_among(crl.issuer(), &point.crl_issuer)? {
                return Err(NotUsed::OtherIssuer);
            }
            if !issuing_point.is_some_and(|point| point.indirect_crl) {
                return Err(NotUsed::NotIndirect);
            }
        }
        if let Some(name) = &limits.name
            && !is_for(name, point, crl.issuer())?
        {
            return Err(NotUsed::OtherDistributionPoint);
        }
        if let Some(issuing_point) = issuing_point {
            self.is_kind_of(issuing_point)?;
        }
        let reasons = [limits.reasons, point.reasons].into_iter().flatten();
        match reasons.fold(ReasonFlags::ALL, ReasonFlags::intersection) {
            none if none.is_empty() => Err(NotUsed::OtherReasons),
            reasons => Ok(reasons),
        }
    }

    fn is_kind_of(&self, point: &IssuingDistributionPoint<'_>) -> Result<(), NotUsed> {
        let is_ca = self.certificate.is_ca();
        if point.only_contains_attribute_certs {
            Err(NotUsed::OnlyAttributeCertificates)
        } else if point.only_contains_user_certs && is_ca {
            Err(NotUsed::OnlyUserCertificates)
        } else if point.only_contains_ca_certs && !is_ca {
            Err(NotUsed::OnlyCaCertificates)
        } else {
            Ok(())
        }
    }
}

/// What the issuing distribution point of a CRL holds besides its flags (RFC 5280 §5.2.5).
struct Limits<'a> {
    name: Option<DistributionPointName<'a>>,
    reasons: Option<ReasonFlags>,
}

impl<'a> Limits<'a> {
    fn read(crl: &CertificateList<'a>) -> Result<Self, Malformed> {
        let mut extensions = crl.extensions().iter();
        let Some(extension) = extensions.find(|e| e.oid == Oid::ISSUING_DISTRIBUTION_POINT) else {
            return Ok(Self { name: None, reasons: None });
        };
        let mut fields = extension.single(SEQUENCE, "issuingDistributionPoint")?.reader();
        let name = fields.optional(context_constructed(0), "distributionPoint")?;
        fields.optional(context(1), "onlyContainsUserCerts")?;
        fields.optional(context(2), "onlyContainsCACerts")?;
        let reasons = fields.optional(context(3), "onlySomeReasons")?;
        Ok(Self {
            name: name.map(|name| DistributionPointName::read(name.reader())).transpose()?,
            reasons: reasons.map(|bits| ReasonFlags::read(&bits, "onlySomeReasons")).transpose()?,
        })
    }
}

fn is_among(name: &[u8], names: &[GeneralName<'_>]) -> Result<bool, Malformed> {
    for other in names.iter().filter_map(GeneralName::directory_name) {
        if is_same(name, other, "cRLIssuer")? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of the names that a CRL is for is one of the distribution point, or of the issuer
/// that this names in place of a name.
fn is_for(
    name: &DistributionPointName<'_>,
    point: &CrlDistributionPoint<'_>,
    crl_issuer: &[u8],
) -> Result<bool, Malformed> {
    let of_crl = places(name, crl_issuer)?;
    let of_point = match &point.name {
        Some(name) => places(name, crl_issuer)?,
        None => point.crl_issuer.iter().map(place).collect::<Result<_, _>>()?,
    };
    Ok(of_crl.iter().any(|place| of_point.contains(place)))
}

/// A name in the form in which it is compared.
#[derive(PartialEq)]
enum Place<'a> {
    Name(ComparableName<'a>),
    Other(GeneralName<'a>),
}

/// All names of a place. A relative one goes on from the name of the CRL's issuer, which was found
/// to be the one that both sides mean.
fn places<'a>(
    name: &DistributionPointName<'a>,
    crl_issuer: &'a [u8],
) -> Result<Vec<Place<'a>>, Malformed> {
    match name {
        DistributionPointName::FullName(names) => names.iter().map(place).collect(),
        DistributionPointName::NameRelativeToCrlIssuer(relative) => {
            let field = "nameRelativeToCRLIssuer";
            let name = ComparableName::read(crl_issuer, "issuer")?.followed_by(relative, field)?;
            Ok(vec![Place::Name(name)])
        }
    }
}

fn place<'a>(name: &GeneralName<'a>) -> Result<Place<'a>, Malformed> {
    Ok(match name {
        GeneralName::DirectoryName(name) => {
            Place::Name(ComparableName::read(name, "directoryName")?)
        }
        other => Place::Other(*other),
    })
}
