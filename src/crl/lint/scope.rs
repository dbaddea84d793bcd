//! Which certificates the CRL is about: its issuing distribution point (RFC 5280 §5.2.5).

use super::{
    Case,
    extensions::schemes,
    findings::{Findings, Rule},
    names::PointName,
};
use crate::{
    asn1::{self, Malformed, Reader, SEQUENCE},
    crl::{
        extension::{Extension, Oid},
        read::IssuingDistributionPoint,
    },
    scope::Scope,
};

const IDP: Rule = Rule("E16", "RFC 5280 §5.2.5");
const NAME: &str = "issuingDistributionPoint";

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    let point = case.crl.point.as_ref();
    if let Some(scope) = case.context.scope {
        as_intended(scope, point, found);
    }
    let Some(extension) = case.crl.extensions.find(Oid::ISSUING_DISTRIBUTION_POINT) else { return };
    if says_false(extension).unwrap_or(false) {
        found.error(Rule("E16", "X.690 §11.5"), "a flag says FALSE: in DER that is left out");
    }
    let point = match IssuingDistributionPoint::read(extension) {
        Ok(point) => point,
        Err(malformed) => return found.error(IDP, malformed.to_string()),
    };
    consistent(&point, found);
    match name_of(&point) {
        Ok(Some(PointName::Full(names))) => {
            schemes(case, NAME, &names.uris, found);
            found_by_certificates(case, &names.uris, found);
        }
        Ok(_) => {}
        Err(malformed) => found.error(IDP, malformed.to_string()),
    }
}

pub(super) fn name_of<'a>(
    point: &IssuingDistributionPoint<'a>,
) -> Result<Option<PointName<'a>>, Malformed> {
    let name = point.distribution_point.map(|content| PointName::read(Reader::new(content), NAME));
    name.transpose()
}

fn consistent(point: &IssuingDistributionPoint<'_>, found: &mut Findings) {
    let flags = [
        point.only_contains_user_certs,
        point.only_contains_ca_certs,
        point.only_contains_attribute_certs,
    ];
    let flags = flags.into_iter().filter(|flag| *flag).count();
    if flags > 1 {
        found
            .error(IDP, "it is only about two kinds of certificates: at most one flag may be TRUE");
    }
    if point.only_contains_attribute_certs {
        found.error(IDP, "it is about attribute certificates only");
    }
    let is_empty = point.distribution_point.is_none()
        && point.only_some_reasons.is_none()
        && flags == 0
        && !point.indirect_crl;
    if is_empty {
        found.error(IDP, "it says nothing: then the extension must be left out");
    }
}

/// Whether a flag is written although it is FALSE.
fn says_false(extension: &Extension<'_>) -> Result<bool, Malformed> {
    let mut fields = extension.single(SEQUENCE, NAME)?.reader();
    while !fields.is_empty() {
        let field = fields.any(NAME)?;
        let is_flag = [1, 2, 4, 5].map(asn1::context).contains(&field.tag);
        if is_flag && field.content == [0] {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Who reads a part of the list as the whole takes revoked certificates for good ones.
fn as_intended(scope: Scope, point: Option<&IssuingDistributionPoint<'_>>, found: &mut Findings) {
    let rule = Rule("E17", "RFC 5280 §5.2.5");
    let user = point.is_some_and(|point| point.only_contains_user_certs);
    let ca = point.is_some_and(|point| point.only_contains_ca_certs);
    let named = point.is_some_and(|point| point.distribution_point.is_some());
    let problem = match scope {
        Scope::CaCertificates if !ca || user => "it does not say that it is about CAs only",
        Scope::UserCertificates if !user || ca => "it does not say that it leaves CAs out",
        Scope::Partition(_) if !named => "it does not say which part of the certificates that is",
        Scope::Full if user || ca => "it says that it is about some of them only",
        _ => return,
    };
    found.error(rule, format!("a CRL of the scope {scope}, and {problem}"));
}

/// RFC 5280 §6.3.3 (b) (2) (i): a certificate is looked up in a CRL that bears one of its own
/// names, octet for octet.
fn found_by_certificates(case: Case<'_>, uris: &[&[u8]], found: &mut Findings) {
    let rule = Rule("E17", "RFC 5280 §6.3.3");
    let expected = case.context.distribution_points;
    let missing: Vec<&String> =
        expected.iter().filter(|uri| !uris.contains(&uri.as_bytes())).collect();
    if !missing.is_empty() && missing.len() == expected.len() {
        let what = "its certificates do not find it: none of its URIs is one of theirs";
        found.error(rule, format!("{what}, {missing:?}"));
    } else if !missing.is_empty() {
        let what = "certificates that name nothing else do not find it: it lacks the URIs";
        found.warning(rule, format!("{what} {missing:?}"));
    }
}
