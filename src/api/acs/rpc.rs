//! The RPC style: the signature among the parameters, with HMAC-SHA1.

use super::{Signed, read_date};
use crate::api::{Parameters, Unauthenticated, query::encode};
use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

type Signature = [u8; 20];

pub(super) fn signed(parameters: &Parameters) -> Result<(Signed<'_>, Signature), Unauthenticated> {
    let required = |what| parameters.get(what).ok_or(Unauthenticated::Malformed { what });
    let signature = parameters.get("Signature").ok_or(Unauthenticated::Unsigned)?;
    let mut octets = Signature::default();
    let decoded = Base64::decode(signature, &mut octets).map(<[u8]>::len);
    if decoded != Ok(octets.len()) {
        return Err(Unauthenticated::Malformed { what: "Signature" });
    }
    if required("SignatureMethod")? != "HMAC-SHA1" {
        return Err(Unauthenticated::Unsupported { what: "this SignatureMethod" });
    }
    if required("SignatureVersion")? != "1.0" {
        return Err(Unauthenticated::Unsupported { what: "this SignatureVersion" });
    }
    let date = required("Timestamp")?;
    let signed = Signed {
        access_key_id: required("AccessKeyId")?,
        token: parameters.get("SecurityToken"),
        date: read_date(date).ok_or(Unauthenticated::Malformed { what: "Timestamp" })?,
        nonce: required("SignatureNonce")?,
    };
    Ok((signed, octets))
}

/// What the signature is of.
pub(super) fn to_sign(method: &str, parameters: &Parameters) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| format!("{}={}", encode(name.as_bytes()), encode(value.as_bytes())))
        .collect();
    format!("{method}&%2F&{}", encode(pairs.join("&").as_bytes()))
}

pub(super) fn is_signature(signature: &Signature, secret: &str, signed: &[u8]) -> bool {
    let key = Zeroizing::new(format!("{secret}&"));
    // A key of any length is one.
    Hmac::<Sha1>::new_from_slice(key.as_bytes()).is_ok_and(|mac| {
        let of_text: Signature = mac.chain_update(signed).finalize().into_bytes().into();
        of_text.ct_eq(signature).into()
    })
}
