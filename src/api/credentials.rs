//! The secrets that requests are signed with.

use crate::request::Principal;
use std::{
    collections::BTreeMap,
    error::Error,
    fmt::{self, Debug},
};
use zeroize::Zeroizing;

/// Knows whose an access key is.
///
/// It is asked for every request, by many threads at once.
pub trait Credentials: Debug + Send + Sync {
    /// What belongs to an access key; `None` where it is unknown, expired or switched off.
    ///
    /// The identifier is whatever a client sent. One that is unknown takes as long as one that is
    /// known, but for what passes in here.
    ///
    /// # Errors
    /// Where nobody can tell. The request is refused then.
    fn find(&self, access_key_id: &str) -> Result<Option<Credential>, CredentialsError>;
}

/// Why [`Credentials`] cannot tell.
pub type CredentialsError = Box<dyn Error + Send + Sync>;

/// What belongs to an access key.
#[derive(Clone)]
pub struct Credential {
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
    principal: Principal,
}

impl Credential {
    /// A secret, and whose it is. It is wiped from memory when it is dropped.
    pub fn new(secret: impl Into<String>, principal: Principal) -> Self {
        Self { secret: Zeroizing::new(secret.into()), token: None, principal }
    }

    /// Temporary: good only together with this session token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Zeroizing::new(token.into()));
        self
    }

    /// Whose it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }
}

impl Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// Access keys that do not change while the process runs.
#[derive(Clone, Default)]
pub struct StaticCredentials(BTreeMap<String, Credential>);

impl StaticCredentials {
    /// Without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// One access key more, or another credential for one.
    #[must_use]
    pub fn with(mut self, access_key_id: impl Into<String>, credential: Credential) -> Self {
        self.0.insert(access_key_id.into(), credential);
        self
    }
}

impl Credentials for StaticCredentials {
    fn find(&self, access_key_id: &str) -> Result<Option<Credential>, CredentialsError> {
        Ok(self.0.get(access_key_id).cloned())
    }
}

impl Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").field("keys", &self.0.len()).finish()
    }
}
