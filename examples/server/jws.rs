//! As much of an ACME server as a client needs to revoke: nonces, accounts, and JWS (RFC 8555 §6,
//! RFC 7515). Whoever embeds annul has an ACME server already, and gives
//! [`AcmeApi`](annul::api::AcmeApi) what it verified.

use crate::key::{ALGORITHMS, Key};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
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
    key: Key,
}

/// A request whose signature was verified.
pub struct Verified {
    pub signer: Signer,
    pub payload: Vec<u8>,
}

/// Whose key it was.
pub enum Signer {
    /// That of an account.
    Account { name: String, thumbprint: String },
    /// One that the request brought with it.
    Key(Key),
}

/// An error of RFC 8555 §6.7.
pub struct Problem {
    pub status: u16,
    pub kind: &'static str,
    pub detail: &'static str,
}

pub const fn malformed(detail: &'static str) -> Problem {
    Problem { status: 400, kind: "malformed", detail }
}

const fn no_account() -> Problem {
    Problem { status: 400, kind: "accountDoesNotExist", detail: "nobody has this account" }
}

/// RFC 8555 §6.2: with a list of those that are accepted.
pub const BAD_ALGORITHM: &str = "badSignatureAlgorithm";

const BAD_KEY: Problem = Problem {
    status: 400,
    kind: "badPublicKey",
    detail: "the jwk is no key of P-256, and none of RSA with 2048 to 8192 bits",
};

/// In these words, which some clients look for.
const BAD_NONCE: &str = "JWS has an invalid anti-replay nonce";

const MOST_NONCES: usize = 10_000;
/// Anybody can make one.
const MOST_ACCOUNTS: usize = 10_000;

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
    pub fn admit(&self, key: Key, name: &str) {
        let (thumbprint, name) = (key.thumbprint(), name.to_owned());
        self.state().accounts.insert(thumbprint, Account { name, key });
    }

    /// The URL of the account of a key, and whether it is a new one (RFC 8555 §7.3).
    pub fn account(
        &self,
        Verified { signer, payload }: Verified,
    ) -> Result<(String, bool), Problem> {
        let Signer::Key(key) = signer else {
            return Err(malformed("a new account comes with its key"));
        };
        let Ok(Value::Object(payload)) = serde_json::from_slice(&payload) else {
            return Err(malformed("the payload is no JSON object"));
        };
        let only_existing = match payload.get("onlyReturnExisting") {
            None => false,
            Some(Value::Bool(only)) => *only,
            Some(_) => return Err(malformed("onlyReturnExisting is true or false")),
        };
        let thumbprint = key.thumbprint();
        let url = format!("{}/account/{thumbprint}", self.base);
        let mut state = self.state();
        let is_new = !state.accounts.contains_key(&thumbprint);
        if is_new && only_existing {
            return Err(no_account());
        }
        if is_new && state.accounts.len() >= MOST_ACCOUNTS {
            let detail = "there are as many accounts as this server keeps";
            return Err(Problem { status: 429, kind: "rateLimited", detail });
        }
        if is_new {
            let account = Account { name: format!("acme:{thumbprint}"), key };
            state.accounts.insert(thumbprint, account);
        }
        Ok((url, is_new))
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
        // RFC 8555 §6.2; and no extension is understood here (RFC 7515 §4.1.11).
        if !jws["header"].is_null() || !header["crit"].is_null() {
            return Err(malformed("an unprotected header, or an extension"));
        }
        let algorithm =
            header["alg"].as_str().filter(|it| ALGORITHMS.contains(it)).ok_or(Problem {
                status: 400,
                kind: BAD_ALGORITHM,
                detail: "another algorithm is accepted",
            })?;
        if header["url"] != format!("{}/{path}", self.base) {
            let detail = "the url is another one";
            return Err(Problem { status: 401, kind: "unauthorized", detail });
        }
        let (key, signer) = match (&header["jwk"], &header["kid"]) {
            (jwk, Value::Null) => {
                let key = Key::from_jwk(jwk).ok_or(BAD_KEY)?;
                (key.clone(), Signer::Key(key))
            }
            (Value::Null, Value::String(kid)) => {
                let thumbprint = kid.strip_prefix(&format!("{}/account/", self.base));
                let thumbprint = thumbprint.unwrap_or_default().to_owned();
                let account = self.state().accounts.get(&thumbprint).cloned();
                let Account { name, key } = account.ok_or_else(no_account)?;
                (key, Signer::Account { name, thumbprint })
            }
            _ => return Err(malformed("either jwk or kid")),
        };
        let signature = decode(text("signature")?)?;
        let signed = format!("{protected}.{payload}");
        if key.algorithm() != algorithm || !key.is_signature(signed.as_bytes(), &signature) {
            return Err(malformed("the signature is not that of the key"));
        }
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
