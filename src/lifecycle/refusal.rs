//! Why a command is not carried out.

use super::{Fall, Revocation, Standing};
use crate::{
    issuer_id::IssuerId, partition::Partition, reason::Reason, retry::Retry, serial::Serial,
    time::Timestamp,
};

/// A command that the rules do not allow. Nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is revoked, and stays so.
    #[error("already revoked on {}", original.date)]
    AlreadyRevoked {
        /// The revocation as it was first recorded.
        original: Revocation,
        /// The revocation as it stands, after amendments.
        current: Revocation,
    },
    /// Nobody registered this serial number, and the policy does not allow to revoke it unseen.
    /// Presenting the certificate itself will do.
    #[error("no certificate {serial} is known of issuer {issuer}")]
    UnknownCertificate {
        /// The issuer that was named.
        issuer: IssuerId,
        /// The serial number that was named.
        serial: Serial,
    },
    /// Nobody added this issuer.
    #[error("no issuer {issuer} is known")]
    UnknownIssuer {
        /// The issuer that was named.
        issuer: IssuerId,
    },
    /// None of the known issuers signed this certificate: only its own CA can revoke it.
    #[error("the certificate is foreign: {why}")]
    ForeignCertificate {
        /// What was found out.
        why: &'static str,
    },
    /// The certificate has expired.
    #[error("expired at {not_after}, and it is {now} now")]
    Expired {
        /// The certificate's notAfter.
        not_after: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// A self-signed certificate never stands on the CRL of its own issuer. Distrust the issuer
    /// instead, by revoking the CA.
    #[error("a self-signed certificate is never on its own CRL; distrust the CA instead")]
    SelfSigned {
        /// The issuer.
        issuer: IssuerId,
    },
    /// The issuer may not issue.
    #[error("issuer {issuer} may not issue: {standing}")]
    IssuerMayNotIssue {
        /// The issuer.
        issuer: IssuerId,
        /// How it stands.
        standing: Standing,
    },
    /// A certificate of a recorded CA is added to that CA, which it may keep standing.
    #[error("a certificate of issuer {issuer}: add it to that issuer instead")]
    AddToIssuer {
        /// The issuer that it is a certificate of.
        issuer: IssuerId,
    },
    /// A CA certificate cannot bring back an issuer that fell or was invalidated.
    #[error("no new certificate brings issuer {issuer} back: {standing}")]
    NoWayBack {
        /// The issuer.
        issuer: IssuerId,
        /// How it stands.
        standing: Standing,
    },
    /// The issuer fell before.
    #[error("issuer {issuer} fell already, on {}", fall.date)]
    AlreadyFallen {
        /// The issuer.
        issuer: IssuerId,
        /// Its fall.
        fall: Fall,
    },
    /// The revocation can move only towards keyCompromise and to earlier dates.
    #[error("an amendment that is not allowed: {problem}")]
    IllegalAmendment {
        /// The revocation as it stands.
        current: Revocation,
        /// Why not.
        problem: &'static str,
    },
    /// Only what is revoked can be amended.
    #[error("certificate {serial} is not revoked: there is nothing to amend")]
    NotRevoked {
        /// The serial number.
        serial: Serial,
    },
    /// The policy does not offer this reason.
    #[error("the policy does not allow the reason {reason}")]
    ReasonNotAllowed {
        /// The reason.
        reason: Reason,
    },
    /// The policy wants a reason.
    #[error("the policy demands a reason")]
    ReasonRequired,
    /// Nothing can be revoked from a later day on.
    #[error("{date} is in the future: it is {now} now")]
    DateInFuture {
        /// The date that was given.
        date: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// Nothing was revoked before there were certificates, and some relying parties refuse a whole
    /// CRL over one such date.
    #[error("{date} is before 1970")]
    DateBefore1970 {
        /// The date that was given.
        date: Timestamp,
    },
    /// A certificate cannot have been revoked before it was valid.
    #[error("{date} is before the certificate's notBefore, {not_before}")]
    DateBeforeNotBefore {
        /// The date that was given.
        date: Timestamp,
        /// The certificate's notBefore.
        not_before: Timestamp,
    },
    /// Another certificate has this serial number, or somebody reserved it.
    #[error("serial number {serial} is taken: {how}")]
    SerialTaken {
        /// The serial number.
        serial: Serial,
        /// By what.
        how: &'static str,
    },
    /// The certificate's cRLDistributionPoints send relying parties to another CRL than the one that
    /// will list it. Recording it as discovered will do, since it exists.
    #[error("its CRL distribution points are {found:?}, not {}", expected_points(expected.as_deref()))]
    WrongDistributionPoint {
        /// The only URI that it must carry, octet for octet; `None`: any but that of a partition.
        expected: Option<String>,
        /// The URIs that it carries.
        found: Vec<String>,
    },
    /// All slots of the partition were handed out: with one more certificate, its CRL could outgrow
    /// its size.
    #[error("partition {partition} is full: it holds {capacity} certificates")]
    PartitionFull {
        /// The partition whose URI the certificate carries.
        partition: Partition,
        /// How many certificates it can hold.
        capacity: u64,
    },
}

fn expected_points(expected: Option<&str>) -> String {
    match expected {
        Some(uri) => format!("the one of its partition, {uri:?}"),
        None => "ones of no partition".to_owned(),
    }
}

impl Refusal {
    /// Whether trying again can help: it cannot, until something else changes.
    pub const fn retry(&self) -> Retry {
        Retry::Never
    }
}
