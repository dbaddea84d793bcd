//! The extensions of the CRL, each by itself and next to the issuer.

use super::{
    Case,
    findings::{Findings, Rule, Severity},
    names::{Access, PointName, Points},
    written,
};
use crate::{
    asn1::{self, GENERALIZED_TIME, Malformed, SEQUENCE},
    crl::extension::{Extension, Oid},
    issuer::Issuer,
    time::Timestamp,
};
use std::fmt::Write;

/// `id-ce-freshestCRL`.
const FRESHEST: Oid<'_> = Oid::from_content(&[0x55, 0x1d, 0x2e]);
/// `id-ce-expiredCertsOnCRL`.
const EXPIRED: Oid<'_> = Oid::from_content(&[0x55, 0x1d, 0x3c]);
/// `id-pe-authorityInfoAccess`.
const ACCESS: Oid<'_> = Oid::from_content(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01]);

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    for (oid, name) in
        [(Oid::AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"), (Oid::CRL_NUMBER, "cRLNumber")]
    {
        if case.crl.extensions.find(oid).is_none() {
            found.error(Rule("E10", "RFC 5280 §5.2"), format!("there is no {name}"));
        }
    }
    let list = &case.crl.extensions;
    if let Some(malformed) = &list.malformed {
        found.error(Rule("E10", "RFC 5280 §5.2"), malformed.to_string());
    }
    if let Some(oid) = list.repeated() {
        found.error(Rule("E10", "RFC 5280 §5.2"), format!("the extension {oid} is there twice"));
    }
    if list.says_false {
        let what = "an extension says that it is not critical: in DER that is left out";
        found.error(Rule("E10", "X.690 §11.5"), what);
    }
    for extension in &list.all {
        let (rule, must_be_critical) = nature(extension.oid);
        criticality(extension, rule, must_be_critical, found);
        if let Err(malformed) = content(case, extension, rule, found) {
            found.error(rule, malformed.to_string());
        }
    }
}

/// The time from which on nothing that expired left the list, if the CRL says so.
pub(super) fn expired_since(case: Case<'_>) -> Option<Timestamp> {
    expired(case.crl.extensions.find(EXPIRED)?).ok()
}

fn expired(extension: &Extension<'_>) -> Result<Timestamp, Malformed> {
    let name = "expiredCertsOnCRL";
    Timestamp::from_element(&extension.single(GENERALIZED_TIME, name)?, name)
}

/// The rule of an extension, and whether it must be critical.
fn nature(oid: Oid<'_>) -> (Rule, Option<bool>) {
    match oid {
        Oid::AUTHORITY_KEY_IDENTIFIER => (Rule("E12", "RFC 5280 §5.2.1"), Some(false)),
        Oid::CRL_NUMBER => (Rule("E13", "RFC 5280 §5.2.3"), Some(false)),
        Oid::DELTA_CRL_INDICATOR => (Rule("E20", "RFC 5280 §5.2.4"), Some(true)),
        Oid::ISSUING_DISTRIBUTION_POINT => (Rule("E16", "RFC 5280 §5.2.5"), Some(true)),
        FRESHEST => (Rule("E21", "RFC 5280 §5.2.6"), Some(false)),
        ACCESS => (Rule("E24", "RFC 5280 §5.2.7"), Some(false)),
        EXPIRED => (Rule("E23", "X.509 §9.5.2.8"), Some(false)),
        _ => (Rule("E10", "RFC 5280 §5.2"), None),
    }
}

fn criticality(
    extension: &Extension<'_>,
    rule: Rule,
    must_be_critical: Option<bool>,
    found: &mut Findings,
) {
    match (must_be_critical, extension.critical) {
        (Some(true), false) => found.error(rule, "the extension is not critical: it must be"),
        (Some(false), true) => found.error(rule, "the extension is critical: it must not be"),
        (None, true) => {
            let oid = extension.oid;
            let what = format!("whoever does not know the critical extension {oid} drops the CRL");
            found.warning(rule, what);
        }
        _ => {}
    }
}

fn content(
    case: Case<'_>,
    extension: &Extension<'_>,
    rule: Rule,
    found: &mut Findings,
) -> Result<(), Malformed> {
    match extension.oid {
        Oid::AUTHORITY_KEY_IDENTIFIER => authority_key_identifier(case, extension, rule, found),
        Oid::CRL_NUMBER => written::number(extension, "cRLNumber").map(drop),
        Oid::DELTA_CRL_INDICATOR => base(case, extension, rule, found),
        FRESHEST => freshest(case, extension, rule, found),
        ACCESS => access(case, extension, rule, found),
        EXPIRED => expired(extension).map(drop),
        _ => Ok(()),
    }
}

/// ```asn1
/// AuthorityKeyIdentifier ::= SEQUENCE {
///      keyIdentifier              [0] KeyIdentifier OPTIONAL,
///      authorityCertIssuer        [1] GeneralNames OPTIONAL,
///      authorityCertSerialNumber  [2] CertificateSerialNumber OPTIONAL }
/// ```
fn authority_key_identifier(
    case: Case<'_>,
    extension: &Extension<'_>,
    rule: Rule,
    found: &mut Findings,
) -> Result<(), Malformed> {
    let name = "authorityKeyIdentifier";
    let mut fields = extension.single(SEQUENCE, name)?.reader();
    let identifier = fields.optional(asn1::context(0), name)?;
    match identifier.map(|element| element.content) {
        None | Some([]) => found.error(rule, "there is no keyIdentifier"),
        Some(identifier) => {
            if let Some(issuer) = case.context.issuer {
                whose_key(issuer, identifier, rule, found);
            }
        }
    }
    if !fields.is_empty() {
        let what = "it names a certificate, which a renewal replaces, and not the key alone";
        if case.profile.is_cabf() {
            found.error(Rule("E12", "BR 7.1.2.11.1"), what);
        } else {
            found.warning(rule, what);
        }
    }
    Ok(())
}

fn whose_key(issuer: &Issuer, identifier: &[u8], rule: Rule, found: &mut Findings) {
    let shown = hexadecimal(identifier);
    match issuer.subject_key_identifier() {
        Some(expected) if expected != identifier => {
            let expected = hexadecimal(expected);
            found.error(rule, format!("it names key {shown}: that of the issuer is {expected}"));
        }
        None if issuer.derived_key_identifier() != identifier => {
            let what = format!("it names key {shown}: no certificate of the issuer has one");
            found.warning(rule, what);
        }
        _ => {}
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn base(
    case: Case<'_>,
    extension: &Extension<'_>,
    rule: Rule,
    found: &mut Findings,
) -> Result<(), Malformed> {
    let base = written::number(extension, "deltaCRLIndicator")?;
    let number = case.crl.extensions.find(Oid::CRL_NUMBER);
    if let Some(Ok(number)) = number.map(|number| written::number(number, "cRLNumber"))
        && base >= number
    {
        found.error(rule, format!("delta CRL {number} adds to CRL {base}, which is not before it"));
    }
    Ok(())
}

fn freshest(
    case: Case<'_>,
    extension: &Extension<'_>,
    rule: Rule,
    found: &mut Findings,
) -> Result<(), Malformed> {
    let name = "freshestCRL";
    if case.crl.is_delta() {
        found.error(rule, "a delta CRL must not say where delta CRLs are");
    }
    let points = Points::read(extension.single(SEQUENCE, name)?, name)?;
    if points.has_other_fields {
        found.error(rule, "a distribution point has more, or less, than a distributionPoint");
    }
    for point in &points.names {
        if let PointName::Full(names) = point {
            schemes(case, name, &names.uris, found);
        }
    }
    Ok(())
}

fn access(
    case: Case<'_>,
    extension: &Extension<'_>,
    rule: Rule,
    found: &mut Findings,
) -> Result<(), Malformed> {
    let name = "authorityInfoAccess";
    let access = Access::read(extension.single(SEQUENCE, name)?, name)?;
    if access.has_other_methods {
        found.error(rule, "it has another access method than caIssuers");
    }
    if !access.locations.uris.iter().any(|uri| begins(uri, "http:") || begins(uri, "ldap:")) {
        found.warning(rule, "no place is an HTTP or LDAP URI");
    }
    schemes(case, name, &access.locations.uris, found);
    Ok(())
}

/// Where relying parties are sent must not take a connection that they cannot trust before they
/// have been there.
pub(super) fn schemes(case: Case<'_>, extension: &str, uris: &[&[u8]], found: &mut Findings) {
    for uri in uris {
        let shown = String::from_utf8_lossy(uri);
        let what = |problem| format!("{extension} has the URI {shown:?}: {problem}");
        if case.profile.is_cabf() {
            if !begins(uri, "http:") {
                let rule = Rule("E44", "BR 7.1.2.11.2");
                found.add(Severity::Error, rule, what("plain http is demanded"));
            }
        } else if begins(uri, "https:") || begins(uri, "ldaps:") {
            let rule = Rule("E44", "RFC 5280 §8");
            found.add(Severity::Warning, rule, what("its server may need this very CRL"));
        }
    }
}

/// The scheme of a URI may be in upper case (RFC 3986 §3.1).
fn begins(uri: &[u8], scheme: &str) -> bool {
    uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
}
