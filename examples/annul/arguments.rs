//! The command line.

mod publishing;

pub use self::publishing::{Delta, Distribution, Import, Issue, Overdue, Preset, Release, Scopes};

use annul::{LintProfile, Reason, Serial, Timestamp};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, str::FromStr, time::Duration};

/// Records what a CA issued, revokes it for good, and makes signed CRLs.
///
/// Exit codes: 0 done, 1 refused (nothing was recorded), 2 wrong usage, 3 the store or the signing
/// key failed. `check` ends with 0 for good, 10 for revoked, 11 for undetermined.
#[derive(Parser)]
#[command(name = "annul", version)]
pub struct Arguments {
    /// The file that holds the record, or with the feature `postgres` the URL of its database
    #[arg(
        long,
        global = true,
        env = "ANNUL_STORE",
        default_value = "annul.redb",
        hide_env_values = true
    )]
    pub store: String,
    /// The time to act at, instead of now
    #[arg(long, global = true, value_name = "RFC3339")]
    pub at: Option<Timestamp>,
    /// Answer in JSON, errors too
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Add the issuers of CA certificates, or renewed and cross-certified certificates of them
    AddIssuer(AddIssuer),
    /// Divide the certificates of an issuer among CRLs of a limited size
    Partition(Partition),
    /// Claim a serial number before the CA signs a certificate with it
    Reserve(Reserve),
    /// Record certificates that a CA issued
    Register(Register),
    /// Revoke certificates, for good
    Revoke(Revoke),
    /// Make a revocation graver or earlier, the only ways in which it can change
    #[command(override_usage = "annul amend [OPTIONS] --cert LEAF.pem\n       \
                                annul amend [OPTIONS] --issuer ID --serial HEX")]
    Amend(Amend),
    /// Revoke a CA, or distrust a root, and with it everything below it, for good
    RevokeCa(RevokeCa),
    /// What the record says of a certificate
    #[command(override_usage = "annul status [OPTIONS] --cert LEAF.pem\n       \
                                annul status [OPTIONS] --issuer ID --serial HEX")]
    Status(OneCertificate),
    /// All issuers
    ListIssuers,
    /// The certificates of an issuer
    List(OfIssuer),
    /// Make the CRL of an issuer
    Crl(Crl),
    /// What a CRL says, whoever made it
    ShowCrl {
        /// The CRL, PEM or DER
        file: PathBuf,
    },
    /// Check that a CRL is signed by this issuer, and current
    VerifyCrl {
        /// The CRL, PEM or DER
        file: PathBuf,
        /// The certificate of its issuer, PEM or DER
        #[arg(long, value_name = "CA.pem")]
        issuer_cert: PathBuf,
    },
    /// Ask CRLs, whoever made them, whether a certificate is revoked
    Check(Check),
    /// What changed from one CRL to another
    Diff {
        /// The old CRL, PEM or DER
        old: PathBuf,
        /// The new CRL, PEM or DER
        new: PathBuf,
    },
    /// What is wrong with a CRL, whoever made it
    Lint(Lint),
    /// Say where the CRLs of an issuer are served, and which there are
    Distribution(Distribution),
    /// Release CRLs: made, compared with what they replace, recorded, and shown
    Issue(Issue),
    /// Release a delta CRL to the complete one that was released last
    Delta(Delta),
    /// What is recorded and on no released CRL yet
    Pending(OfIssuer),
    /// What should be on a released CRL by now and is not
    Overdue(Overdue),
    /// What was released
    Releases(OfIssuer),
    /// Take over what was published: after a loss, or from another CA software
    Import(Import),
    /// Release CRLs as they become due, until SIGTERM or SIGINT
    Watch {
        /// Which issuers, with which keys, where to: TOML
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// What happened to the certificates of an issuer, and to itself
    Log(OfIssuer),
    /// Let go of what every duty has left: expired, and listed once more if it was revoked
    Compact(Compact),
    /// Copy the record into another store, or bring such a copy up to date, and verify it
    Copy {
        /// The file to copy into, or the URL of a database
        to: String,
    },
    /// A root, an intermediate, leaves: revoke, cascade, make CRLs and verify them
    Demo {
        /// Where to put the files [default: a new directory for temporary files]
        directory: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct AddIssuer {
    /// CA certificates, PEM (all in the file) or DER; a parent that is not recorded, nor in the
    /// file, is declared external
    #[arg(value_name = "CA.pem")]
    pub file: PathBuf,
    /// The issuer that must have issued them
    #[arg(long, value_name = "ID")]
    pub parent_issuer: Option<IssuerPrefix>,
}

#[derive(Args)]
pub struct Partition {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// How long the CRL of a partition may become at most: octets, kB or MB
    #[arg(long, default_value = "1MB", value_parser = parse_size)]
    pub size: u64,
    /// What the URIs of its CRLs begin with, as certificates carry them: http://...
    #[arg(long, value_name = "URL")]
    pub cdp_base: Option<String>,
    /// Divide no more; what was divided stays so
    #[arg(long, conflicts_with = "size")]
    pub stop: bool,
}

#[derive(Args)]
pub struct Reserve {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// The serial number, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub serial: Serial,
    /// The notAfter that the certificate is to have
    #[arg(long, value_name = "RFC3339")]
    pub not_after: Option<Timestamp>,
}

#[derive(Args)]
#[command(override_usage = "annul register [OPTIONS] --cert LEAF.pem...\n       \
                            annul register [OPTIONS] --issuer ID --serials FILE")]
pub struct Register {
    /// The certificates, PEM (all in a file) or DER
    #[arg(long, value_name = "LEAF.pem", num_args = 1.., required_unless_present = "serials",
        conflicts_with_all = ["issuer", "serials"])]
    pub cert: Vec<PathBuf>,
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID", requires = "serials")]
    pub issuer: Option<IssuerPrefix>,
    /// Lines of a hexadecimal serial number and a notAfter in RFC 3339, or `-` where that is not
    /// known; empty lines and those that begin with `#` are skipped
    #[arg(long, value_name = "FILE", requires = "issuer")]
    pub serials: Option<PathBuf>,
}

#[derive(Args)]
#[command(override_usage = "annul revoke [OPTIONS] --cert LEAF.pem\n       \
                            annul revoke [OPTIONS] --issuer ID --serial HEX\n       \
                            annul revoke [OPTIONS] --issuer ID --serials FILE")]
pub struct Revoke {
    /// The certificate, PEM or DER; it need not be registered
    #[arg(long, value_name = "LEAF.pem", required_unless_present_any = ["serial", "serials"],
        conflicts_with_all = ["issuer", "serial", "serials"])]
    pub cert: Option<PathBuf>,
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: Option<IssuerPrefix>,
    /// The serial number, in hexadecimal
    #[arg(long, value_name = "HEX", requires = "issuer")]
    pub serial: Option<Serial>,
    /// Lines that begin with a hexadecimal serial number: revoke them all, each on its own
    #[arg(long, value_name = "FILE", requires = "issuer", conflicts_with = "serial")]
    pub serials: Option<PathBuf>,
    /// Why: an RFC 5280 name, such as keyCompromise
    #[arg(long)]
    pub reason: Option<Reason>,
    /// Since when the certificate was invalid, if that is known
    #[arg(long, value_name = "RFC3339")]
    pub invalidity_date: Option<Timestamp>,
}

#[derive(Args)]
pub struct Amend {
    #[command(flatten)]
    pub which: OneCertificate,
    /// Raise the reason to keyCompromise
    #[arg(long)]
    pub key_compromise: bool,
    /// An earlier revocationDate
    #[arg(long, value_name = "RFC3339")]
    pub date: Option<Timestamp>,
    /// An invalidityDate, or an earlier one
    #[arg(long, value_name = "RFC3339")]
    pub invalidity_date: Option<Timestamp>,
}

#[derive(Args)]
pub struct OneCertificate {
    /// The certificate, PEM or DER
    #[arg(long, value_name = "LEAF.pem", required_unless_present = "serial",
        conflicts_with_all = ["issuer", "serial"])]
    pub cert: Option<PathBuf>,
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID", requires = "serial")]
    pub issuer: Option<IssuerPrefix>,
    /// The serial number, in hexadecimal
    #[arg(long, value_name = "HEX", requires = "issuer")]
    pub serial: Option<Serial>,
}

#[derive(Args)]
pub struct RevokeCa {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// Why: an RFC 5280 name, such as cACompromise
    #[arg(long)]
    pub reason: Option<Reason>,
    /// Only count what it would invalidate
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct OfIssuer {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
}

#[derive(Args)]
pub struct Crl {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// Its private key: PKCS #8, SEC 1 or PKCS #1, in PEM
    #[arg(long, value_name = "KEY.pem")]
    pub key: PathBuf,
    /// The time to nextUpdate: 7d, 12h, 90m, or seconds
    #[arg(long, default_value = "7d", value_parser = parse_duration)]
    pub validity: Duration,
    /// The file to replace, at once and only by a whole CRL [default: standard output]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// PEM instead of DER
    #[arg(long)]
    pub pem: bool,
    /// Derive the key identifier from the key where the issuer's certificates have none
    #[arg(long)]
    pub derive_key_identifier: bool,
}

#[derive(Args)]
pub struct Check {
    /// The certificate, PEM or DER
    #[arg(long, value_name = "LEAF.pem")]
    pub cert: PathBuf,
    /// The certificate of its issuer, which must be trusted already
    #[arg(long, value_name = "CA.pem")]
    pub issuer_cert: PathBuf,
    /// CRLs, PEM or DER: complete and delta CRLs, of all distribution points
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub crl: Vec<PathBuf>,
    /// Certificates of others who sign CRLs for it, which must be trusted already
    #[arg(long, value_name = "CA.pem", num_args = 1..)]
    pub crl_issuer_cert: Vec<PathBuf>,
    /// Take no notice of delta CRLs
    #[arg(long)]
    pub no_deltas: bool,
}

#[derive(Args)]
pub struct Lint {
    /// The CRL, PEM or DER
    pub file: PathBuf,
    /// Whose rules it is to keep: private is RFC 5280, which the others build on
    #[arg(long, default_value = "private")]
    pub profile: Profile,
    /// The certificate of its issuer, PEM or DER
    #[arg(long, value_name = "CA.pem")]
    pub issuer_cert: Option<PathBuf>,
}

/// What [`LintProfile`] is called on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum Profile {
    Private,
    CabfSubscriber,
    CabfCa,
    Webpki,
    Archive,
}

impl From<Profile> for LintProfile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Private => Self::Private,
            Profile::CabfSubscriber => Self::CabfSubscriber,
            Profile::CabfCa => Self::CabfCa,
            Profile::Webpki => Self::Webpki,
            Profile::Archive => Self::Archive,
        }
    }
}

#[derive(Args)]
pub struct Compact {
    /// The issuer: its id, or the first 8 digits of it or more
    #[arg(long, value_name = "ID")]
    pub issuer: IssuerPrefix,
    /// A CRL of it that was released, PEM or DER: what it lists may leave if it had expired by then
    #[arg(long, value_name = "FILE")]
    pub released: Option<PathBuf>,
    /// What expired less than this ago stays: 90d, 12h
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub keep_for: Duration,
    /// At most so many certificates
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,
}

/// An issuer id, or the first digits of one.
#[derive(Clone, Debug)]
pub struct IssuerPrefix(pub String);

impl FromStr for IssuerPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !(8..=64).contains(&text.len()) || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err("8 to 64 hexadecimal digits of an issuer id expected".to_owned());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (count, unit) = [("MB", 1_000_000), ("kB", 1000)]
        .into_iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .unwrap_or((text, 1));
    let size = count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    size.ok_or_else(|| "1MB, 500kB or octets expected".to_owned())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (count, unit) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 60 * 60),
        Some((end, 'd')) => (&text[..end], 24 * 60 * 60),
        _ => (text, 1),
    };
    let seconds = count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(|| "7d, 12h, 90m or seconds expected".to_owned())
}
