//! AWS Signature Version 4, in the `authorization` header.

#[cfg(test)]
mod tests;

use super::{
    ApiRequest, Credentials, Unauthenticated,
    query::{check_line, encode, encode_path, pairs},
    signature::{Authorization, authenticate, check_date, hmac_sha256, required, sha256_hex, text},
};
use crate::{request::Principal, time::Timestamp};
use std::{fmt::Write, time::Duration};

/// Finds out who sent a request that AWS Signature Version 4 signs.
///
/// The signature is in the `authorization` header, and covers the body and at least `host` and whatever
/// begins with `x-amz-`. Some SDKs leave `content-type` out, so it says nothing that is proved. It has no
/// nonce: within the skew a request may be sent again, as it may to AWS.
///
/// ```
/// use annul::{Principal, api::*};
///
/// let verifier = SigV4::new("eu-central-1", "acm-pca");
/// let keys = StaticCredentials::new()
///     .with("AKIDEXAMPLE", Credential::new("secret", Principal::new("111122223333", "ann")));
/// let headers = [("host", &b"localhost"[..])];
/// let request = ApiRequest { method: "POST", target: "/", headers: &headers, body: b"{}" };
/// let now = "2026-11-30T19:11:22Z".parse()?;
/// let refused = verifier.verify(&request, &keys, now).unwrap_err();
/// assert!(matches!(refused, Unauthenticated::Unsigned));
/// # Ok::<(), annul::TimestampError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SigV4 {
    /// `REGION/SERVICE/aws4_request`.
    scope: String,
    skew: Duration,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl SigV4 {
    /// For requests to a service in a region.
    pub fn new(region: &str, service: &str) -> Self {
        let scope = format!("{region}/{service}/aws4_request");
        Self { scope, skew: Duration::from_secs(5 * 60) }
    }

    /// Another difference between the client's clock and ours than five minutes is accepted.
    #[must_use]
    pub fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Says who signed a request.
    ///
    /// # Errors
    /// Where nobody did who is known, or what they signed is another request.
    pub fn verify(
        &self,
        request: &ApiRequest<'_>,
        credentials: &dyn Credentials,
        now: Timestamp,
    ) -> Result<Principal, Unauthenticated> {
        check_line(request)?;
        if request.header("authorization").is_none() && is_presigned(request) {
            return Err(Unauthenticated::Unsupported { what: "a signature in the query" });
        }
        let authorization = Authorization::of(request, ALGORITHM)?;
        // Not content-type, which some SDKs leave out: it changes nothing of what is signed.
        authorization.must_cover(request, |name| name == "host" || name.starts_with("x-amz-"))?;
        required(request, "host")?;

        let dated = required(request, "x-amz-date")?;
        let malformed = Unauthenticated::Malformed { what: "x-amz-date" };
        let (day, date) = read_date(dated).ok_or(malformed)?;
        let (access_key_id, scope) = authorization
            .credential
            .split_once('/')
            .ok_or(Unauthenticated::Malformed { what: "Credential" })?;
        let expected = format!("{day}/{}", self.scope);
        if scope != expected {
            return Err(Unauthenticated::AnotherScope { expected });
        }
        check_date(date, now, self.skew)?;

        let payload = sha256_hex(request.body);
        check_payload(text(request, "x-amz-content-sha256")?, &payload)?;
        let canonical = canonical_request(request, &authorization, &payload)?;
        let to_sign = format!("{ALGORITHM}\n{dated}\n{scope}\n{}", sha256_hex(&canonical));
        let token = text(request, "x-amz-security-token")?;
        authenticate(credentials, access_key_id, token, |secret| {
            authorization.is_of(&*signing_key(secret, scope), to_sign.as_bytes())
        })
    }
}

/// The day in the text, and when it is: `YYYYMMDDTHHMMSSZ`.
fn read_date(text: &str) -> Option<(&str, Timestamp)> {
    let (day, time) = text.split_once('T')?;
    let digits = format!("{day}{time}");
    if day.len() != "YYYYMMDD".len() || digits.len() != "YYYYMMDDHHMMSSZ".len() {
        return None;
    }
    Some((day, Timestamp::from_digits_of_time(digits.as_bytes())?))
}

fn is_presigned(request: &ApiRequest<'_>) -> bool {
    pairs(request.query().as_bytes()).any(|(name, _)| name == b"X-Amz-Signature")
}

/// What the header says that the body is, against what it is.
fn check_payload(said: Option<&str>, payload: &str) -> Result<(), Unauthenticated> {
    match said {
        Some(said) if said.starts_with("UNSIGNED-") || said.starts_with("STREAMING-") => {
            Err(Unauthenticated::Unsupported { what: "a body that is not signed" })
        }
        Some(said) if said != payload => Err(Unauthenticated::AnotherBody),
        _ => Ok(()),
    }
}

fn canonical_request(
    request: &ApiRequest<'_>,
    authorization: &Authorization<'_>,
    payload: &str,
) -> Result<Vec<u8>, Unauthenticated> {
    let (path, query) = (canonical_path(request.path()), canonical_query(request.query()));
    let mut canonical = format!("{}\n{path}\n{query}\n", request.method).into_bytes();
    canonical.extend(authorization.canonical_headers(request, write_value)?);
    canonical.push(b'\n');
    canonical.extend_from_slice(payload.as_bytes());
    Ok(canonical)
}

/// Without `.`, `..` and empty segments, and encoded once more than it was sent.
fn canonical_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut canonical = String::from("/");
    let _ = write!(canonical, "{}", encode_path(segments.join("/").as_bytes()));
    if !segments.is_empty() && path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// By name and value, as they are encoded.
fn canonical_query(query: &str) -> String {
    let mut encoded: Vec<_> = pairs(query.as_bytes())
        .map(|(name, value)| (encode(&name).to_string(), encode(&value).to_string()))
        .collect();
    encoded.sort();
    let pairs: Vec<_> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Without white space around, and with one space for any in between.
fn write_value(value: &[u8], out: &mut Vec<u8>) {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (place, word) in words.enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The secret, bound to each part of the scope in turn.
fn signing_key(secret: &str, scope: &str) -> zeroize::Zeroizing<[u8; 32]> {
    let secret = zeroize::Zeroizing::new(format!("AWS4{secret}"));
    let mut parts = scope.split('/');
    let day = parts.next().unwrap_or_default();
    let first = hmac_sha256(secret.as_bytes(), day.as_bytes());
    parts.fold(first, |key, part| hmac_sha256(&*key, part.as_bytes()))
}
