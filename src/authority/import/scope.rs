//! Which certificates a published CRL is about.

use crate::{
    asn1::{self, Reader},
    crl::{CertificateList, IssuingDistributionPoint},
    issuer_id::IssuerId,
    partition::Partition,
    scope::{CrlPlace, Scope},
};

/// The scope of a CRL of this issuer, as it says itself; `None` where it does not say.
///
/// One that was made here names itself, whatever was lost besides: its issuing distribution point
/// has a URI that ends with the name of its file.
pub(super) fn scope_of(issuer: IssuerId, crl: &CertificateList<'_>) -> Option<Scope> {
    let Some(point) = crl.issuing_distribution_point() else { return Some(Scope::Full) };
    let named = uris(point).find_map(|uri| scope_of_uri(issuer, uri));
    let some_only = point.only_some_reasons.is_some() || point.indirect_crl;
    named.or(match (point.only_contains_user_certs, point.only_contains_ca_certs) {
        (true, false) if !some_only => Some(Scope::UserCertificates),
        (false, true) if !some_only => Some(Scope::CaCertificates),
        // One part of several, or all with a URI: the CRL does not tell.
        _ => None,
    })
}

/// The URI by which a CRL of this scope names itself, if it does.
pub(super) fn uri_of(issuer: IssuerId, scope: Scope, crl: &CertificateList<'_>) -> Option<String> {
    let name = CrlPlace::complete(issuer, scope).file_name();
    let texts =
        uris(crl.issuing_distribution_point()?).filter_map(|uri| std::str::from_utf8(uri).ok());
    let mut named = texts.filter(|uri| uri.rsplit('/').next() == Some(&name));
    named.next().map(str::to_owned)
}

/// What a URI names that ends with the [name of a file](CrlPlace::file_name) of this issuer.
fn scope_of_uri(issuer: IssuerId, uri: &[u8]) -> Option<Scope> {
    let name = std::str::from_utf8(uri.rsplit(|octet| *octet == b'/').next()?).ok()?;
    let is_named = |scope| {
        [CrlPlace::complete(issuer, scope), CrlPlace::delta(issuer, scope)]
            .iter()
            .any(|place| place.file_name() == name)
    };
    let partition = || {
        let (_, number) = name.rsplit_once("-p")?;
        let number = number.split(['-', '.']).next()?.parse().ok()?;
        Some(Scope::Partition(Partition(number)))
    };
    [Scope::Full, Scope::CaCertificates, Scope::UserCertificates]
        .into_iter()
        .chain(partition())
        .find(|scope| is_named(*scope))
}

/// The URIs of its fullName. What cannot be read has none.
fn uris<'a>(point: &IssuingDistributionPoint<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    // RFC 5280 §4.2.1.13: DistributionPointName is a CHOICE, in it `fullName [0] GeneralNames`, and
    // `uniformResourceIdentifier [6]` is one of those.
    let mut name = Reader::new(point.distribution_point.unwrap_or_default());
    let full_name = name.optional(asn1::context_constructed(0), "fullName").ok().flatten();
    let mut names = full_name.map(|names| names.reader());
    std::iter::from_fn(move || names.as_mut()?.any("fullName").ok())
        .filter(|name| name.tag == asn1::context(6))
        .map(|name| name.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crl_that_was_made_here_is_known_by_the_name_of_its_file() {
        let (issuer, other) = (IssuerId::of(b"name", b"key"), IssuerId::of(b"name", b"other"));
        let partitions = [0, 7, u32::MAX].map(|number| Scope::Partition(Partition(number)));
        let scopes = [Scope::Full, Scope::CaCertificates, Scope::UserCertificates];
        for scope in scopes.into_iter().chain(partitions) {
            for place in [CrlPlace::complete(issuer, scope), CrlPlace::delta(issuer, scope)] {
                let uri = format!("http://crl.example/below/{}", place.file_name());
                assert_eq!(scope_of_uri(issuer, uri.as_bytes()), Some(scope), "{uri}");
                assert_eq!(scope_of_uri(other, uri.as_bytes()), None, "{uri}");
            }
        }
        for uri in ["", "http://crl.example/ca.crl", "x-p7.crl", "-p.crl", "/-p4294967296.crl"] {
            assert_eq!(scope_of_uri(issuer, uri.as_bytes()), None, "{uri}");
        }
    }
}
