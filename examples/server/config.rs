//! What the server is told, in TOML. Paths are relative to the file.

use crate::Failure;
use serde::Deserialize;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The file of the record, or `postgres://…`.
    pub store: PathBuf,
    /// Where CRLs are kept to be served.
    pub crls: PathBuf,
    /// Where clients reach the server, if that is not where it listens. AWS and Alibaba clients sign the
    /// path and the host, so a proxy has to pass both on as they are; a path that it takes off is for
    /// ACME and CRLs only.
    pub url: Option<String>,
    /// Where audit reports go: each directory in it is a bucket. No reports are made if it is not told.
    pub reports: Option<PathBuf>,
    /// The region that AWS clients sign for.
    pub region: String,
    /// How often an account may call an operation; 10 a second if it is not told.
    pub calls_per_second: Option<u32>,
    /// Whether accounts may request no more revocations than they bought certificates.
    pub quota: bool,
    pub tls: Option<Tls>,
    #[serde(rename = "issuer")]
    pub issuers: Vec<Issuer>,
    #[serde(rename = "authority")]
    pub authorities: Vec<Authority>,
    #[serde(rename = "class")]
    pub classes: Vec<Class>,
    #[serde(rename = "certificate")]
    pub certificates: Vec<Certificate>,
    #[serde(rename = "credential")]
    pub credentials: Vec<Credential>,
    #[serde(rename = "account")]
    pub accounts: Vec<Account>,
    #[serde(rename = "acme_account")]
    pub acme_accounts: Vec<AcmeAccount>,
    /// Whether `POST /demo/trouble/KIND` makes the record fail.
    pub troubles: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A CA whose CRLs are made here. Parents come before those below them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    pub name: String,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What clients call an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// The name of the issuer.
    pub issuer: String,
    pub account: String,
    /// For AWS clients; made from the issuer if it is not told.
    pub arn: Option<String>,
    /// For Alibaba clients; the id of the issuer if it is not told.
    pub identifier: Option<String>,
}

/// How revocations of a class of certificates are handled: at once if nothing is told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Class {
    pub name: String,
    /// A contact has to confirm within so many hours.
    pub confirmed_within_hours: Option<u64>,
    /// So many of these have to approve within three days.
    pub approvals: Option<u32>,
    pub approvers: Vec<String>,
    /// Whether certificates can be viewed though their revocation was requested.
    pub shown: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    pub file: PathBuf,
    pub account: String,
    pub class: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub access_key_id: String,
    pub secret: String,
    pub account: String,
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub name: String,
    /// How many certificates it bought.
    pub purchases: u64,
}

/// An ACME account that is there before its client comes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeAccount {
    /// Its key, of P-256 or RSA: PKCS #8, in PEM.
    pub key: PathBuf,
    pub account: String,
}

impl Config {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)?;
        let mut config: Self = toml::from_str(&text)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let fix = |path: &mut PathBuf| *path = base.join(&*path);
        if !config.store.to_string_lossy().contains("://") {
            fix(&mut config.store);
        }
        fix(&mut config.crls);
        config.reports.iter_mut().for_each(fix);
        for issuer in &mut config.issuers {
            fix(&mut issuer.certificate);
            fix(&mut issuer.key);
        }
        config.certificates.iter_mut().for_each(|it| fix(&mut it.file));
        config.acme_accounts.iter_mut().for_each(|it| fix(&mut it.key));
        if let Some(tls) = &mut config.tls {
            fix(&mut tls.certificate);
            fix(&mut tls.key);
        }
        Ok(config)
    }

    /// Where clients reach a server that listens there, without a `/` at the end.
    pub fn url(&self, address: SocketAddr) -> Result<String, Failure> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let Some(url) = &self.url else { return Ok(format!("{scheme}://{address}")) };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("{url} is no URL of HTTP").into());
        }
        Ok(url.trim_end_matches('/').to_owned())
    }
}
