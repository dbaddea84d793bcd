//! As much of an ACME server as a client needs to revoke: nonces, accounts, and JWS with ES256
//! (RFC 8555 §6, RFC 7515). Whoever embeds annul has an ACME server already, and gives
//! [`AcmeApi`](annul::api::AcmeApi) what it verified.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::{
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    pkcs8::EncodePublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

/// What the front knows: who has an account, and which nonces are out.
pub struct Front {
    /// Where it is, without a `/` at the end.
    base: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nonces: VecDeque<String>,
    /// The accounts of this service, by the thumbprint of their key.
    accounts: BTreeMap<String, Account>,
}

#[derive(Clone)]
struct Account {
    name: String,
    key: VerifyingKey,
}

/// A request whose signature was verified.
pub struct Verified {
    pub signer: Signer,
    pub payload: Vec<u8>,
}

/// Whose key it was.
pub enum Signer {
    /// That of an account, by its name.
    Account(String),
    /// One that the request brought with it.
    Key { public_key: Vec<u8>, thumbprint: String, key: VerifyingKey },
}

/// An error of RFC 8555 §6.7.
pub struct Problem {
    pub status: u16,
    pub kind: &'static str,
    pub detail: &'static str,
}

const fn malformed(detail: &'static str) -> Problem {
    Problem { status: 400, kind: "malformed", detail }
}

/// In these words, which some clients look for.
const BAD_NONCE: &str = "JWS has an invalid anti-replay nonce";

const MOST_NONCES: usize = 10_000;

impl Front {
    pub fn new(base: String) -> Self {
        Self { base, state: Mutex::default() }
    }

    pub fn directory(&self) -> Value {
        let url = |path: &str| format!("{}/{path}", self.base);
        json!({
            "newNonce": url("new-nonce"),
            "newAccount": url("new-account"),
            "newOrder": url("new-order"),
            "revokeCert": url("revoke-cert"),
            "keyChange": url("key-change"),
        })
    }

    pub fn nonce(&self) -> String {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets).expect("the operating system has random numbers");
        let nonce = Base64UrlUnpadded::encode_string(&octets);
        let mut state = self.state();
        if state.nonces.len() == MOST_NONCES {
            state.nonces.pop_front();
        }
        state.nonces.push_back(nonce.clone());
        nonce
    }

    /// Knows the account of a key before its client comes.
    pub fn admit(&self, key: VerifyingKey, name: &str) {
        let account = Account { name: name.to_owned(), key };
        self.state().accounts.insert(thumbprint(&key), account);
    }

    /// The URL of the account of a key, and whether it is a new one.
    pub fn account(&self, signer: &Signer) -> Result<(String, bool), Problem> {
        let Signer::Key { thumbprint, key, .. } = signer else {
            return Err(malformed("a new account comes with its key"));
        };
        let mut state = self.state();
        let is_new = !state.accounts.contains_key(thumbprint);
        if is_new {
            let account = Account { name: format!("acme:{thumbprint}"), key: *key };
            state.accounts.insert(thumbprint.clone(), account);
        }
        Ok((format!("{}/account/{thumbprint}", self.base), is_new))
    }

    /// Who signed a request that was posted to a path, and for what.
    pub fn verify(&self, path: &str, body: &[u8]) -> Result<Verified, Problem> {
        let jws: Value = serde_json::from_slice(body).map_err(|_| malformed("no JSON"))?;
        let text = |name: &str| jws[name].as_str().ok_or(malformed("no flattened JWS"));
        let (protected, payload) = (text("protected")?, text("payload")?);
        let decode =
            |text: &str| Base64UrlUnpadded::decode_vec(text).map_err(|_| malformed("no base64url"));
        let header: Value = serde_json::from_slice(&decode(protected)?)
            .map_err(|_| malformed("the header is no JSON"))?;
        if header["alg"] != "ES256" {
            return Err(Problem {
                status: 400,
                kind: "badSignatureAlgorithm",
                detail: "ES256 is accepted",
            });
        }
        if header["url"] != format!("{}/{path}", self.base) {
            let detail = "the url is another one";
            return Err(Problem { status: 401, kind: "unauthorized", detail });
        }
        let (key, signer) = match (&header["jwk"], &header["kid"]) {
            (jwk, Value::Null) => {
                let key = public_key(jwk)?;
                let document = key.to_public_key_der().map_err(|_| malformed("no key"))?;
                let public_key = document.into_vec();
                (key, Signer::Key { public_key, thumbprint: thumbprint(&key), key })
            }
            (Value::Null, Value::String(kid)) => {
                let account = kid.strip_prefix(&format!("{}/account/", self.base));
                let account = account.and_then(|it| self.state().accounts.get(it).cloned());
                let account = account.ok_or(Problem {
                    status: 400,
                    kind: "accountDoesNotExist",
                    detail: "nobody has this account",
                })?;
                (account.key, Signer::Account(account.name))
            }
            _ => return Err(malformed("either jwk or kid")),
        };
        let signature = decode(text("signature")?)?;
        let signature = Signature::from_slice(&signature).map_err(|_| malformed("no signature"))?;
        key.verify(format!("{protected}.{payload}").as_bytes(), &signature)
            .map_err(|_| malformed("the signature is not that of the key"))?;
        // Last, so that nobody uses up another's nonce.
        let mut state = self.state();
        let place = state.nonces.iter().position(|nonce| header["nonce"] == **nonce);
        let place = place.ok_or(Problem { status: 400, kind: "badNonce", detail: BAD_NONCE })?;
        state.nonces.remove(place);
        drop(state);
        Ok(Verified { signer, payload: decode(payload)? })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a JWK (RFC 7518 §6.2).
fn public_key(jwk: &Value) -> Result<VerifyingKey, Problem> {
    let bad = || malformed("the jwk is no key of P-256");
    if jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
        return Err(bad());
    }
    let coordinate = |name: &str| {
        let text = jwk[name].as_str().ok_or_else(bad)?;
        Base64UrlUnpadded::decode_vec(text).map_err(|_| bad())
    };
    let octets = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    VerifyingKey::from_sec1_bytes(&octets).map_err(|_| bad())
}

/// The thumbprint of a key (RFC 7638).
pub fn thumbprint(key: &VerifyingKey) -> String {
    let octets = key.to_sec1_point(false);
    let part = |range| {
        let part = octets.as_bytes().get(range).unwrap_or_default();
        Base64UrlUnpadded::encode_string(part)
    };
    let (x, y) = (part(1..33), part(33..65));
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Base64UrlUnpadded::encode_string(&Sha256::digest(canonical))
}
