//! What goes wrong, what to say about it, and the exit code that scripts see.

use crate::output::{self, Output};
use annul::{
    CertificateError, CrlError, CrlReadError, Error, IssuerError, KeyError, OpenSslIndexError,
    PublishError, Refusal, Retry, SinkError, StoreError, store::CopyError,
};
use serde_json::{Value, json};
use std::{error, io, iter, path::PathBuf, process::ExitCode};

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Authority(Box<Error>),
    #[error("{message}")]
    Usage { message: String },
    #[error("no issuer id begins with {prefix}")]
    NoIssuer { prefix: String },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("no certificate in {}", path.display())]
    Certificate { path: PathBuf, source: CertificateError },
    #[error("no CA certificate in {}", path.display())]
    CaCertificate { path: PathBuf, source: IssuerError },
    #[error("no CRL in {}", path.display())]
    Crl { path: PathBuf, source: CrlReadError },
    #[error("no usable private key in {}", path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("line {line} of {}: {problem}", path.display())]
    Line { path: PathBuf, line: u64, problem: String },
    #[error("stopped at line {line} of {}; {done} before it are recorded", path.display())]
    Stopped { path: PathBuf, line: u64, done: u64, source: Box<Error> },
    #[error("{count} refused, the first at {first}")]
    SomeRefused { count: u64, first: String },
    #[error("the CRL is not verified: {}", problems.join("; "))]
    NotVerified { problems: Vec<String> },
    #[error("the CRL breaks its rules {errors} times")]
    Linted { errors: usize },
    #[error(transparent)]
    Publish(Box<PublishError>),
    #[error("a sink cannot be used")]
    Sink(#[from] SinkError),
    #[error("the configuration {} cannot be used: {problem}", path.display())]
    Configuration { path: PathBuf, problem: String },
    #[error("line {line} of {} is none of the database of `openssl ca`", path.display())]
    Index { path: PathBuf, line: u64, source: Box<OpenSslIndexError> },
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
    #[error("the demo failed")]
    Demo(#[source] Box<dyn error::Error>),
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Authority(error) => error.into(),
            error => Self::Publish(Box::new(error)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Authority(Box::new(error))
    }
}

impl Failure {
    /// Says what went wrong, and answers the exit code.
    pub fn report(self, output: Output) -> ExitCode {
        if let Self::Output(error) = &self
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Who read the answer has seen enough of it.
            return ExitCode::SUCCESS;
        }
        let (kind, code) = self.kind();
        let message = self.message();
        eprintln!("error: {message}");
        if let Some(advice) = self.advice() {
            eprintln!("  {advice}");
        }
        let retry = self.retry();
        match retry {
            Retry::Now => eprintln!("  Trying again at once may help."),
            Retry::After(wait) => {
                eprintln!("  Trying again in {} seconds may help.", wait.as_secs().max(1));
            }
            _ => {}
        }
        if output.json {
            let mut error = json!({ "kind": kind, "message": message, "retry": retry_json(retry) });
            if let Some((name, facts)) = self.facts() {
                error[name] = facts;
            }
            // The exit code tells what can no longer be printed.
            let _ = output::print(&json!({ "error": error }).to_string());
        }
        ExitCode::from(code)
    }

    /// The error and all its sources.
    fn message(&self) -> String {
        let first: &dyn error::Error = self;
        let mut texts: Vec<String> = Vec::new();
        for error in iter::successors(Some(first), |error| error.source()) {
            let text = error.to_string();
            if texts.last() != Some(&text) {
                texts.push(text);
            }
        }
        texts.join(": ")
    }

    /// A name for machines, and the exit code.
    fn kind(&self) -> (&'static str, u8) {
        match self {
            Self::Authority(error) | Self::Stopped { source: error, .. } => kind(error),
            Self::Usage { .. } => ("usage", 2),
            Self::Read { .. } => ("unreadable-file", 2),
            Self::Line { .. } => ("bad-line", 2),
            Self::NoIssuer { .. } => ("unknown-issuer", 1),
            Self::Certificate { .. } => ("bad-certificate", 1),
            Self::CaCertificate { .. } => ("bad-ca-certificate", 1),
            Self::Crl { .. } => ("bad-crl", 1),
            Self::Key { .. } => ("bad-key", 1),
            Self::SomeRefused { .. } => ("some-refused", 1),
            Self::NotVerified { .. } => ("not-verified", 1),
            Self::Linted { .. } => ("lint-errors", 1),
            Self::Publish(error) => publish_kind(error),
            Self::Sink(_) => ("sink", 3),
            Self::Configuration { .. } => ("bad-configuration", 2),
            Self::Index { .. } => ("bad-index", 1),
            Self::Copy(CopyError::Source(error) | CopyError::Target(error)) => store_kind(error),
            Self::Copy(CopyError::Differs { .. }) => ("copy-differs", 3),
            Self::Copy(_) => ("not-a-copy", 1),
            Self::Write { .. } | Self::Output(_) => ("output", 3),
            Self::Demo(_) => ("demo", 3),
        }
    }

    /// What a machine may want to know beyond the message.
    fn facts(&self) -> Option<(&'static str, Value)> {
        match self {
            Self::Authority(error) => match error.refusal()? {
                Refusal::AlreadyRevoked { original, current } => Some((
                    "revocation",
                    json!({
                        "original": output::revocation(original),
                        "current": output::revocation(current),
                    }),
                )),
                Refusal::IssuerMayNotIssue { standing, .. }
                | Refusal::NoWayBack { standing, .. } => {
                    Some(("standing", output::standing(standing)))
                }
                _ => None,
            },
            Self::Stopped { done, .. } => Some(("recorded", json!(done))),
            _ => None,
        }
    }

    fn advice(&self) -> Option<&'static str> {
        let error = match self {
            Self::Authority(error) | Self::Stopped { source: error, .. } => error,
            Self::NoIssuer { .. } => return Some("`annul list-issuers` shows the ids."),
            Self::Line { .. } => return Some("Nothing was recorded: correct the file, run again."),
            _ => return None,
        };
        Some(match &**error {
            Error::Store(StoreError::Locked { .. }) => {
                "Another process has it open: wait for that to end, then repeat the command."
            }
            Error::Store(StoreError::Missing { .. }) => {
                "Name the file with --store; `annul add-issuer CA.pem` makes a new one."
            }
            Error::Store(StoreError::Corrupt { .. }) => {
                "Do not write over it: keep a copy, then restore the file from a backup."
            }
            Error::Store(_) => {
                "Whether it was recorded is not known: repeat it; \"already revoked\" means it was."
            }
            Error::Crl(_) => "No file was touched: the CRL that was there before still is.",
            _ => match error.refusal()? {
                Refusal::AlreadyRevoked { .. } => {
                    "Nothing to do, it stays revoked. `annul amend` makes it graver or earlier."
                }
                Refusal::UnknownCertificate { .. } => {
                    "Check the serial number; or present the certificate: `annul revoke --cert`."
                }
                Refusal::UnknownIssuer { .. } => "`annul list-issuers` shows the ids.",
                Refusal::WrongDistributionPoint { .. } => {
                    "It would be listed where nobody looks: let the CA sign it anew, or revoke it."
                }
                Refusal::SelfSigned { .. } => "`annul revoke-ca --issuer` distrusts a root.",
                Refusal::ForeignCertificate { .. } => {
                    "Only the CA that signed it can act on it: `annul add-issuer` adds a CA."
                }
                _ => return None,
            },
        })
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Authority(error) | Self::Stopped { source: error, .. } => error.retry(),
            Self::Key { source, .. } => source.retry(),
            Self::Copy(error) => error.retry(),
            _ => Retry::Never,
        }
    }
}

/// Exit code 1 where something must be looked at first, 3 where the same command goes on later.
fn publish_kind(error: &PublishError) -> (&'static str, u8) {
    match error {
        PublishError::Forked { .. } => ("forked", 1),
        PublishError::Gate { .. } => ("gate", 1),
        PublishError::Lint { .. } => ("lint-errors", 1),
        PublishError::NoCrl { .. } => ("no-crl", 1),
        PublishError::Incomplete { .. } => ("incomplete", 3),
        PublishError::Unreadable { .. } => ("sink", 3),
        _ => ("publish", 3),
    }
}

fn kind(error: &Error) -> (&'static str, u8) {
    match error {
        Error::Refused(refusal) => (refusal_kind(refusal), 1),
        Error::AlreadyRevoked { refusal, .. } => (refusal_kind(refusal), 1),
        Error::WholeBatch(error) => kind(error),
        Error::Issuer(_) => ("bad-ca-certificate", 1),
        Error::Serial(_) => ("bad-serial", 1),
        Error::Unverified(_) => ("unverified", 1),
        Error::WrongParent { .. } => ("wrong-parent", 1),
        Error::NoParent => ("no-parent", 1),
        Error::CannotSignCrls { .. } => ("cannot-sign-crls", 1),
        Error::NextUpdateTooLate { .. } | Error::Crl(CrlError::NextUpdate { .. }) => {
            ("bad-validity", 1)
        }
        Error::Crl(CrlError::WrongKey) => ("wrong-key", 1),
        Error::ClockBehind { .. } => ("clock-behind", 1),
        Error::ClockAhead { .. } => ("clock-ahead", 1),
        Error::NoProof { .. } => ("no-proof", 1),
        Error::NeedsBase { .. } => ("needs-base", 1),
        Error::NoDistributionPoint { .. } => ("no-distribution-point", 1),
        Error::CannotImport { .. } => ("cannot-import", 1),
        Error::Overtaken { .. } => ("overtaken", 3),
        Error::Distribution(_) => ("bad-distribution", 1),
        Error::Store(error) => store_kind(error),
        Error::Contended { .. } => ("contended", 3),
        Error::Behind { .. } => ("behind", 3),
        Error::Forked { .. } => ("forked", 3),
        Error::Crl(_) => ("crl", 3),
        _ => ("fault", 3),
    }
}

fn store_kind(error: &StoreError) -> (&'static str, u8) {
    match error {
        StoreError::Missing { .. } => ("no-store", 2),
        StoreError::Locked { .. } => ("store-locked", 3),
        StoreError::Corrupt { .. } => ("store-corrupt", 3),
        StoreError::FromTheFuture { .. } => ("store-too-new", 3),
        _ => ("store", 3),
    }
}

fn refusal_kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AlreadyRevoked { .. } => "already-revoked",
        Refusal::UnknownCertificate { .. } => "unknown-certificate",
        Refusal::UnknownIssuer { .. } => "unknown-issuer",
        Refusal::ForeignCertificate { .. } => "foreign-certificate",
        Refusal::Expired { .. } => "expired",
        Refusal::SelfSigned { .. } => "self-signed",
        Refusal::IssuerMayNotIssue { .. } => "issuer-may-not-issue",
        Refusal::NoWayBack { .. } => "no-way-back",
        Refusal::AlreadyFallen { .. } => "already-fallen",
        Refusal::IllegalAmendment { .. } => "illegal-amendment",
        Refusal::NotRevoked { .. } => "not-revoked",
        Refusal::ReasonNotAllowed { .. } => "reason-not-allowed",
        Refusal::ReasonRequired => "reason-required",
        Refusal::DateInFuture { .. } => "date-in-future",
        Refusal::DateBeforeNotBefore { .. } => "date-before-not-before",
        Refusal::SerialTaken { .. } => "serial-taken",
        Refusal::WrongDistributionPoint { .. } => "wrong-distribution-point",
        Refusal::PartitionFull { .. } => "partition-full",
        _ => "refused",
    }
}

fn retry_json(retry: Retry) -> Value {
    match retry {
        Retry::Now => json!("now"),
        Retry::After(wait) => json!({ "after_seconds": wait.as_secs() }),
        _ => json!("never"),
    }
}
