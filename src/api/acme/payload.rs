//! What a request to revoke says: `{"certificate": base64url(DER), "reason": code}`.

use super::problem::{Kind, Problem};
use crate::certificate::Certificate;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

pub(super) struct Payload {
    pub(super) certificate: Certificate,
    /// The reasonCode, whether or not there is such a one.
    pub(super) reason: Option<i128>,
}

/// Longer payloads than any client sends are not read.
const LONGEST: usize = 64 * 1024;

impl Payload {
    /// Reads a payload. Members that are not known say nothing, and nothing is nested deeper than the
    /// reader of JSON allows, which is 128 levels.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Problem> {
        let malformed = |why: &'static str| Kind::Malformed.with(why);
        if payload.len() > LONGEST {
            return Err(malformed("the payload is too long"));
        }
        let Ok(Value::Object(members)) = serde_json::from_slice(payload) else {
            return Err(malformed("the payload is no JSON object"));
        };
        let Some(Value::String(encoded)) = members.get("certificate") else {
            return Err(malformed("certificate is no text"));
        };
        let certificate =
            decode(encoded).and_then(|der| Certificate::from_der(&der).ok()).ok_or_else(|| {
                malformed("certificate is no base64url (RFC 7515 §2) of a certificate")
            })?;
        let reason = match members.get("reason") {
            None | Some(Value::Null) => None,
            Some(reason) => Some(integer(reason).ok_or_else(|| malformed("reason is no integer"))?),
        };
        Ok(Self { certificate, reason })
    }
}

/// Without padding, white space, or bits that mean nothing.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut octets = vec![0; text.len()];
    let length = Base64UrlUnpadded::decode(text, &mut octets).ok()?.len();
    octets.truncate(length);
    Some(octets)
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}
