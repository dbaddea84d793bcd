//! The command line of what concerns relying parties: what is released, where to, and what came back.

use super::{IssuerPrefix, Profile, parse_duration};
use annul::{BadScope, Schedule, Scope, Waive};
use clap::Args;
use std::{path::PathBuf, str::FromStr, time::Duration};

#[derive(Args)]
pub struct Distribution {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// What the URIs of its CRLs begin with, as certificates carry them: http://...
    #[arg(long, value_name = "URL")]
    pub base: String,
    /// Also a CRL about the certificates of CAs
    #[arg(long)]
    pub ca: bool,
    /// Also a CRL about the certificates of end entities
    #[arg(long)]
    pub user: bool,
    /// Say on each complete CRL where delta CRLs are
    #[arg(long)]
    pub deltas: bool,
}

/// Whose CRLs, signed how, and where they go.
#[derive(Args)]
pub struct Release {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// Its private key: PKCS #8, SEC 1 or PKCS #1, in PEM
    #[arg(long, value_name = "KEY.pem")]
    pub key: PathBuf,
    /// Where it goes: a directory, or with the features of object stores a URL such as
    /// s3://bucket/prefix; several times for several places
    #[arg(long, value_name = "DIR|URL", required = true)]
    pub sink: Vec<String>,
    /// Whose rules it is to keep: private is RFC 5280, which the others build on
    #[arg(long, default_value = "private")]
    pub profile: Profile,
    /// Say where certificates of the issuer are found
    #[arg(long, value_name = "URL")]
    pub ca_issuers: Vec<String>,
    /// In a directory, write PEM beside DER
    #[arg(long)]
    pub pem: bool,
    /// In a directory, also keep so many CRLs under names with their numbers
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub keep: usize,
    /// Derive the key identifier from the key where the issuer's certificates have none
    #[arg(long)]
    pub derive_key_identifier: bool,
    /// Set a rule aside, on the record: clock-behind, this-update, next-update, missing-entries,
    /// issuing-distribution-point, unreadable-sink, lint
    #[arg(long, value_name = "RULE", requires_all = ["by", "why"])]
    pub waive: Vec<Waived>,
    /// Who takes the responsibility for it
    #[arg(long)]
    pub by: Option<String>,
    /// Why
    #[arg(long)]
    pub why: Option<String>,
}

#[derive(Args)]
pub struct Issue {
    #[command(flatten)]
    pub release: Release,
    /// Which certificates: full, ca, user, partition:N, or all that the issuer publishes
    #[arg(long, default_value = "full")]
    pub scope: Scopes,
    /// The time to nextUpdate: 7d, 12h, 90m, or seconds
    #[arg(long, default_value = "7d", value_parser = parse_duration)]
    pub validity: Duration,
    /// With it a delta CRL, to the complete one before
    #[arg(long)]
    pub with_delta: bool,
    /// The last CRL of all: it lists what has expired too, and has no end
    #[arg(long, conflicts_with = "with_delta")]
    pub last: bool,
    /// Keep what has expired, and say so; from then on for good
    #[arg(long)]
    pub keep_expired: bool,
}

#[derive(Args)]
pub struct Delta {
    #[command(flatten)]
    pub release: Release,
    /// Which certificates: full, ca, user, partition:N, or all that the issuer publishes
    #[arg(long, default_value = "full")]
    pub scope: Scopes,
    /// The time to nextUpdate: 24h, 90m, or seconds
    #[arg(long, default_value = "24h", value_parser = parse_duration)]
    pub validity: Duration,
}

#[derive(Args)]
pub struct Overdue {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// By which schedule: private, private-with-deltas, aws, cabf-subscriber,
    /// cabf-subscriber-with-ocsp, cabf-ca
    #[arg(long, default_value = "private")]
    pub schedule: Preset,
}

#[derive(Args)]
pub struct Import {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// CRLs that were published, PEM or DER
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "openssl_index")]
    pub crl: Vec<PathBuf>,
    /// The database of `openssl ca`: index.txt
    #[arg(long, value_name = "FILE")]
    pub openssl_index: Option<PathBuf>,
    /// Vouch for CRLs whose signatures are not the issuer's
    #[arg(long)]
    pub vouched: bool,
    /// Only say what the record and what was published have and lack
    #[arg(long)]
    pub dry_run: bool,
}

/// One scope, or all that an issuer publishes.
#[derive(Clone, Copy)]
pub enum Scopes {
    All,
    One(Scope),
}

impl FromStr for Scopes {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// A rule to set aside.
#[derive(Clone, Copy)]
pub struct Waived(pub Waive);

impl FromStr for Waived {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Waive::ALL.map(Waive::name).join(", ");
        let found = Waive::ALL.into_iter().find(|what| what.name() == text);
        found.map(Self).ok_or_else(|| format!("one of {} expected", names()))
    }
}

/// A schedule by its name.
#[derive(Clone, Copy)]
pub struct Preset(pub Schedule);

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "private" => Schedule::private(),
            "private-with-deltas" => Schedule::private_with_deltas(),
            "aws" => Schedule::aws(),
            "cabf-subscriber" => Schedule::cabf_subscriber(),
            "cabf-subscriber-with-ocsp" => Schedule::cabf_subscriber_with_ocsp(),
            "cabf-ca" => Schedule::cabf_ca(),
            _ => return Err(format!("{text:?} is no schedule")),
        }))
    }
}
