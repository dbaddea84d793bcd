//! The signatures of Alibaba Cloud.

mod acs3;
mod nonces;
mod rpc;

use super::{
    ApiRequest, Credentials, Parameters, Unauthenticated,
    signature::{authenticate, check_date},
};
use crate::{request::Principal, time::Timestamp};
use nonces::Nonces;
use std::time::Duration;

/// Finds out who sent a request that is signed as for Alibaba Cloud, in either style.
///
/// | style | the signature is in | and covers |
/// |---|---|---|
/// | ACS3-HMAC-SHA256 | the `authorization` header | the body, the query, `host`, `content-type`, whatever begins with `x-acs-` |
/// | RPC, HMAC-SHA1 | the parameter `Signature` | the method and all [`Parameters`], and no header |
///
/// So of an RPC request nothing counts that a header says.
///
/// Each request has a nonce, and of two with the same nonce and access key only the first is
/// accepted, whatever a clock does. It is one process that remembers them, from when it was started:
/// [`AcsSignature::started`] refuses what may have been sent before. Only requests whose signatures
/// are right are remembered.
///
/// ```
/// use annul::{Principal, api::*};
///
/// let verifier = AcsSignature::new();
/// let keys = StaticCredentials::new()
///     .with("LTAIexample", Credential::new("secret", Principal::new("5", "ann")));
/// let headers = [("host", &b"localhost"[..])];
/// let target = "/?Action=CreateRevokeClientCertificate&Identifier=1";
/// let request = ApiRequest { method: "POST", target, headers: &headers, body: b"" };
/// let parameters = Parameters::of(&request)?;
/// let now = "2026-11-30T19:11:22Z".parse()?;
/// let refused = verifier.verify(&request, &parameters, &keys, now).unwrap_err();
/// assert!(matches!(refused, Unauthenticated::Unsigned));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AcsSignature {
    skew: Duration,
    nonces: Nonces,
}

/// What a signature says about itself, whatever the style.
struct Signed<'a> {
    access_key_id: &'a str,
    token: Option<&'a str>,
    date: Timestamp,
    nonce: &'a str,
}

impl AcsSignature {
    /// Remembers 1,048,576 nonces, and 65,536 of them for an account.
    pub fn new() -> Self {
        Self { skew: Duration::from_secs(15 * 60), nonces: Nonces::new(1 << 20, 1 << 16) }
    }

    /// Another difference between the client's clock and ours than fifteen minutes is accepted.
    #[must_use]
    pub fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Remembers at most so many nonces, and so many for an account, for twice the skew at most;
    /// requests that come on top are refused meanwhile. Each takes some 150 octets.
    #[must_use]
    pub fn with_most_nonces(mut self, most: usize, most_of_an_account: usize) -> Self {
        self.nonces = self.nonces.with_most(most, most_of_an_account);
        self
    }

    /// Accepts nothing that is dated before a process was started, which another one may have
    /// accepted and cannot tell any more. One that was dated ahead of the clock then, within the skew, it
    /// does not know either.
    #[must_use]
    pub fn started(mut self, at: Timestamp) -> Self {
        self.nonces = self.nonces.starting(at);
        self
    }

    /// Says who signed a request, and remembers its nonce.
    ///
    /// `parameters` are those [of](Parameters::of) the request.
    ///
    /// # Errors
    /// Where nobody did who is known, or what they signed is another request or one that came before.
    pub fn verify(
        &self,
        request: &ApiRequest<'_>,
        parameters: &Parameters,
        credentials: &dyn Credentials,
        now: Timestamp,
    ) -> Result<Principal, Unauthenticated> {
        if request.header("authorization").is_none() {
            let (signed, signature) = rpc::signed(parameters)?;
            let to_sign = rpc::to_sign(request.method, parameters);
            return self.accept(&signed, credentials, now, |secret| {
                rpc::is_signature(&signature, secret, to_sign.as_bytes())
            });
        }
        let (signed, authorization) = acs3::signed(request)?;
        let to_sign = acs3::to_sign(request, &authorization)?;
        self.accept(&signed, credentials, now, |secret| {
            authorization.is_of(secret.as_bytes(), to_sign.as_bytes())
        })
    }

    fn accept(
        &self,
        signed: &Signed<'_>,
        credentials: &dyn Credentials,
        now: Timestamp,
        is_signed: impl FnOnce(&str) -> bool,
    ) -> Result<Principal, Unauthenticated> {
        check_date(signed.date, now, self.skew)?;
        let principal = authenticate(credentials, signed.access_key_id, signed.token, is_signed)?;
        self.nonces.remember(principal.account(), signed, now, self.skew)?;
        Ok(principal)
    }
}

impl Default for AcsSignature {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads `2026-11-30T12:00:00Z`.
fn read_date(text: &str) -> Option<Timestamp> {
    let is_utc = text.len() == "2026-11-30T12:00:00Z".len() && text.ends_with('Z');
    if is_utc { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
