//! What signatures in an `authorization` header have in common.

use super::{ApiRequest, Credential, Credentials, Unauthenticated};
use crate::{request::Principal, time::Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::{fmt::Write, time::Duration};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const MOST_HEADERS: usize = 128;
const LONGEST_HEADERS: usize = 64 * 1024;

/// The content of an `authorization` header: `ALGORITHM Credential=…,SignedHeaders=…,Signature=…`.
pub(super) struct Authorization<'a> {
    pub(super) credential: &'a str,
    /// In order, in lower case, none twice.
    pub(super) signed_headers: &'a str,
    signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    pub(super) fn of(
        request: &ApiRequest<'a>,
        algorithm: &'static str,
    ) -> Result<Self, Unauthenticated> {
        check_headers(request)?;
        let content = text(request, "authorization")?.ok_or(Unauthenticated::Unsigned)?;
        let parts = content.strip_prefix(algorithm).and_then(|rest| rest.strip_prefix(' '));
        let parts =
            parts.ok_or(Unauthenticated::Unsupported { what: "this kind of authorization" })?;
        let [mut credential, mut signed_headers, mut signature] = [None; 3];
        for part in parts.split(',') {
            let (slot, value) = match part.trim_matches(' ').split_once('=') {
                Some(("Credential", value)) => (&mut credential, value),
                Some(("SignedHeaders", value)) => (&mut signed_headers, value),
                Some(("Signature", value)) => (&mut signature, value),
                _ => return Err(AUTHORIZATION),
            };
            if slot.replace(value).is_some() {
                return Err(AUTHORIZATION);
            }
        }
        let signed_headers = signed_headers.ok_or(AUTHORIZATION)?;
        let is_list = signed_headers.split(';').count() <= MOST_HEADERS
            && signed_headers.split(';').is_sorted_by(|one, next| one < next);
        if !is_list {
            return Err(Unauthenticated::Malformed { what: "SignedHeaders" });
        }
        Ok(Self {
            credential: credential.ok_or(AUTHORIZATION)?,
            signed_headers,
            signature: signature.and_then(from_hex).ok_or(AUTHORIZATION)?,
        })
    }

    /// Refuses a request with one of these headers that is not signed.
    pub(super) fn must_cover(
        &self,
        request: &ApiRequest<'_>,
        must: impl Fn(&str) -> bool,
    ) -> Result<(), Unauthenticated> {
        for (name, _) in request.headers {
            let name = name.to_ascii_lowercase();
            if must(&name) && !self.signed_headers.split(';').any(|signed| signed == name) {
                return Err(Unauthenticated::NotCovered { header: name });
            }
        }
        Ok(())
    }

    /// The signed headers, a line each, with an empty line and the list of their names behind: the
    /// part of a canonical request that is the same everywhere.
    pub(super) fn canonical_headers(
        &self,
        request: &ApiRequest<'_>,
        canonical: fn(&[u8], &mut Vec<u8>),
    ) -> Result<Vec<u8>, Unauthenticated> {
        let mut lines = Vec::new();
        for name in self.signed_headers.split(';') {
            let mut values = request.values(name);
            let value =
                values.next().ok_or(Unauthenticated::Malformed { what: "SignedHeaders" })?;
            if values.next().is_some() {
                return Err(Unauthenticated::Twice { name: name.to_owned() });
            }
            lines.extend_from_slice(name.as_bytes());
            lines.push(b':');
            canonical(value, &mut lines);
            lines.push(b'\n');
        }
        lines.push(b'\n');
        lines.extend_from_slice(self.signed_headers.as_bytes());
        Ok(lines)
    }

    /// Whether this is the signature of a text.
    pub(super) fn is_of(&self, key: &[u8], signed: &[u8]) -> bool {
        hmac_sha256(key, signed).ct_eq(&self.signature).into()
    }
}

const AUTHORIZATION: Unauthenticated = Unauthenticated::Malformed { what: "Authorization" };

/// The value of a header that may be there once, as text without spaces around.
pub(super) fn text<'a>(
    request: &ApiRequest<'a>,
    name: &'static str,
) -> Result<Option<&'a str>, Unauthenticated> {
    let mut values = request.values(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Unauthenticated::Twice { name: name.to_owned() });
    }
    let text = str::from_utf8(value).map_err(|_| Unauthenticated::Malformed { what: name })?;
    Ok(Some(text.trim_ascii()))
}

/// As [`text`], of a header that must be there.
pub(super) fn required<'a>(
    request: &ApiRequest<'a>,
    name: &'static str,
) -> Result<&'a str, Unauthenticated> {
    text(request, name)?.ok_or(Unauthenticated::Malformed { what: name })
}

/// Who has an access key, if what they signed and the token they brought are right.
///
/// An unknown key is tried with a secret that nobody has, so that it takes as long.
pub(super) fn authenticate(
    credentials: &dyn Credentials,
    access_key_id: &str,
    token: Option<&str>,
    is_signed: impl FnOnce(&str) -> bool,
) -> Result<Principal, Unauthenticated> {
    let found = credentials.find(access_key_id).map_err(Unauthenticated::Credentials)?;
    let secret = found.as_ref().map_or("nobody's, and as long as those are", Credential::secret);
    let is_signed = is_signed(secret);
    let credential = found.ok_or(Unauthenticated::UnknownKey)?;
    if !is_signed {
        return Err(Unauthenticated::Mismatch);
    }
    let is_token = match (credential.token(), token) {
        (Some(known), Some(token)) => known.as_bytes().ct_eq(token.as_bytes()).into(),
        (known, token) => known.is_none() && token.is_none(),
    };
    if is_token { Ok(credential.principal().clone()) } else { Err(Unauthenticated::AnotherToken) }
}

/// Refuses what was signed longer ago than the clocks may differ, or will be.
pub(super) fn check_date(
    date: Timestamp,
    now: Timestamp,
    skew: Duration,
) -> Result<(), Unauthenticated> {
    let apart = date.saturating_since(now).max(now.saturating_since(date));
    if apart <= skew { Ok(()) } else { Err(Unauthenticated::Expired { date, skew }) }
}

pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> Zeroizing<[u8; 32]> {
    // A key of any length is one.
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text));
    mac.map_or_else(
        |_| Zeroizing::default(),
        |mac| Zeroizing::new(mac.finalize().into_bytes().into()),
    )
}

/// The digest of some octets, in hexadecimal.
pub(super) fn sha256_hex(octets: &[u8]) -> String {
    Sha256::digest(octets).iter().fold(String::with_capacity(64), |mut hex, octet| {
        // A String takes all that is written.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

fn from_hex(hex: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (octet, digits) in octets.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *octet = digits.iter().try_fold(0, |octet, digit| match digit {
            b'0'..=b'9' => Some(octet << 4 | (digit - b'0')),
            b'a'..=b'f' => Some(octet << 4 | (digit - b'a' + 10)),
            _ => None,
        })?;
    }
    Some(octets)
}

fn check_headers(request: &ApiRequest<'_>) -> Result<(), Unauthenticated> {
    if request.headers.len() > MOST_HEADERS {
        return Err(Unauthenticated::TooLarge { what: "headers", most: MOST_HEADERS });
    }
    let length: usize =
        request.headers.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    if length > LONGEST_HEADERS {
        return Err(Unauthenticated::TooLarge { what: "octets of headers", most: LONGEST_HEADERS });
    }
    // Or what is signed as one header might be read as two.
    let is_line =
        |value: &[u8]| !value.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t');
    let are_lines =
        request.headers.iter().all(|(name, value)| is_line(name.as_bytes()) && is_line(value));
    if are_lines { Ok(()) } else { Err(Unauthenticated::Malformed { what: "a header" }) }
}
