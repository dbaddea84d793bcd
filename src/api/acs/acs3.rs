//! ACS3-HMAC-SHA256: the signature in the `authorization` header.

use super::{Signed, read_date};
use crate::api::{
    ApiRequest, Parameters, Unauthenticated,
    query::encode,
    signature::{Authorization, required, sha256_hex, text},
};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

pub(super) fn signed<'a>(
    request: &ApiRequest<'a>,
) -> Result<(Signed<'a>, Authorization<'a>), Unauthenticated> {
    let authorization = Authorization::of(request, ALGORITHM)?;
    for name in ["host", "x-acs-action", "x-acs-version"] {
        required(request, name)?;
    }
    let date = required(request, "x-acs-date")?;
    let signed = Signed {
        access_key_id: authorization.credential,
        token: text(request, "x-acs-security-token")?,
        date: read_date(date).ok_or(Unauthenticated::Malformed { what: "x-acs-date" })?,
        nonce: required(request, "x-acs-signature-nonce")?,
    };
    authorization.must_cover(request, |name| {
        name == "host" || name == "content-type" || name.starts_with("x-acs-")
    })?;
    Ok((signed, authorization))
}

/// What the signature is of.
pub(super) fn to_sign(
    request: &ApiRequest<'_>,
    authorization: &Authorization<'_>,
) -> Result<String, Unauthenticated> {
    let payload = sha256_hex(request.body);
    if required(request, "x-acs-content-sha256")? != payload {
        return Err(Unauthenticated::AnotherBody);
    }
    let query: Vec<String> = Parameters::of_query(request)?
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name.as_bytes()), encode(value.as_bytes())))
        .collect();
    let (method, path, query) = (request.method, request.path(), query.join("&"));
    let mut canonical = format!("{method}\n{path}\n{query}\n").into_bytes();
    canonical.extend(authorization.canonical_headers(request, |value, out| {
        out.extend_from_slice(value.trim_ascii());
    })?);
    canonical.push(b'\n');
    canonical.extend_from_slice(payload.as_bytes());
    Ok(format!("{ALGORITHM}\n{}", sha256_hex(&canonical)))
}
