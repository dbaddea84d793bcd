//! Has an authority carry out a command.

use super::command::{By, Cert, Command, Details};
use crate::support::toy::{Ca, serial};
use annul::{
    AddIssuer, Amend, Amended, Amendment, Authority, CaRevoked, CrlRequest, DeclaredParent, Error,
    Evidence, IssuedCrl, IssuerAdded, Position, Registered, Registration, ReserveSerial, Reserved,
    RevocationDetails, Revoke, RevokeCa, Revoked, Store, Target, Timestamp,
};
use std::time::Duration;

/// What came of it.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    Added(IssuerAdded),
    Reserved(Reserved),
    Registered(Registered),
    Revoked(Revoked),
    Amended(Amended),
    CaRevoked(CaRevoked),
    Listing,
    Crl(IssuedCrl, Vec<u8>),
    Checkpointed(Position),
    /// The name of the refusal or error, and all of it.
    Refused(&'static str, String),
    /// The store failed.
    Fault,
}

impl Outcome {
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Refused(name, _) => Some(name),
            _ => None,
        }
    }
}

/// The names of the errors that a command may meet.
const NAMES: [&str; 21] = [
    "AlreadyRevoked",
    "UnknownCertificate",
    "UnknownIssuer",
    "ForeignCertificate",
    "Expired",
    "SelfSigned",
    "IssuerMayNotIssue",
    "NoWayBack",
    "AlreadyFallen",
    "IllegalAmendment",
    "NotRevoked",
    "DateInFuture",
    "DateBeforeNotBefore",
    "SerialTaken",
    "AddToIssuer",
    "NoParent",
    "CannotSignCrls",
    "ClockBehind",
    "NextUpdateTooLate",
    "ReasonNotAllowed",
    "ReasonRequired",
];

fn outcome<T>(answer: Result<T, Error>, done: impl FnOnce(T) -> Outcome) -> Outcome {
    let error = match answer {
        Ok(answer) => return done(answer),
        Err(Error::WholeBatch(_) | Error::Store(_)) => return Outcome::Fault,
        Err(error) => error,
    };
    let text = match error.refusal() {
        Some(refusal) => format!("{refusal:?}"),
        None => format!("{error:?}"),
    };
    let name = NAMES.into_iter().find(|name| text.split([' ', '(']).next() == Some(*name));
    Outcome::Refused(name.unwrap_or("another error"), text)
}

/// Carries out a command at this time; the clock of the authority says the same.
pub fn execute<S: Store>(
    authority: &Authority<S>,
    cas: &[Ca],
    command: &Command,
    now: Timestamp,
) -> Outcome {
    match command {
        Command::Add { cert, external, quiet } => {
            let mut add = AddIssuer::new(cert.toy(cas).ca());
            if *external {
                add = add.with_parent(DeclaredParent::External);
            }
            if *quiet {
                add = add.without_listing_invalidated();
            }
            outcome(authority.add_issuer(&add), Outcome::Added)
        }
        Command::Reserve { cert } => {
            let mut reserve = ReserveSerial::new(cas[cert.issuer].id(), serial(cert.serial));
            reserve.not_after = Some(cert.not_after());
            outcome(authority.reserve(&reserve), Outcome::Reserved)
        }
        Command::Register { cert, by, discovered } => {
            let registration = Registration::new(evidence(cas, cert, *by));
            let answer = match (discovered, cert.serial % 2) {
                (true, _) => authority.record_discovered(&registration),
                (false, 0) => authority.register(&registration),
                (false, _) => authority.register_all(&[registration]).remove(0),
            };
            outcome(answer, Outcome::Registered)
        }
        Command::Revoke { cert, by, details } => {
            let revoke = Revoke::new(target(cas, cert, *by)).with_details(recorded(details, now));
            outcome(authority.revoke(&revoke), Outcome::Revoked)
        }
        Command::Amend { cert, key_compromise, details } => {
            let (date, invalidity_date) = details.dates(now);
            let key_compromise = *key_compromise;
            let amendment = Amendment { key_compromise, date, invalidity_date };
            let amend = Amend::new(target(cas, cert, By::Serial), amendment);
            outcome(authority.amend(&amend), Outcome::Amended)
        }
        Command::RevokeCa { ca, details } => {
            let revoke = RevokeCa::new(cas[*ca].id()).with_details(recorded(details, now));
            outcome(authority.revoke_ca(&revoke), Outcome::CaRevoked)
        }
        Command::ListInvalidated { ca } => {
            outcome(authority.list_invalidated(cas[*ca].id()), |()| Outcome::Listing)
        }
        Command::Crl { ca } => {
            let (mut der, request) = (Vec::new(), CrlRequest::new(Duration::from_secs(86_400)));
            let answer = authority.crl(cas[*ca].id(), &request, &cas[*ca], &mut der);
            outcome(answer, |crl| Outcome::Crl(crl, der))
        }
        Command::Checkpoint { ca } => {
            let answer = authority.checkpoint(cas[*ca].id());
            outcome(answer, |checkpointed| Outcome::Checkpointed(checkpointed.position))
        }
        Command::Clock { .. } | Command::PowerLoss { .. } | Command::Crash { .. } => {
            Outcome::Listing
        }
    }
}

fn evidence(cas: &[Ca], cert: &Cert, by: By) -> Evidence {
    let issuer = cas[cert.issuer].id();
    let certificate = || cert.toy(cas).certificate();
    match by {
        By::Der => Evidence::Certificate(certificate()),
        By::Vouched => Evidence::Vouched { issuer, certificate: certificate() },
        By::Serial => Evidence::Serial {
            issuer,
            serial: serial(cert.serial),
            not_after: Some(cert.not_after()),
        },
    }
}

fn target(cas: &[Ca], cert: &Cert, by: By) -> Target {
    match by {
        By::Der | By::Vouched => cert.toy(cas).certificate().into(),
        By::Serial => Target::Serial { issuer: cas[cert.issuer].id(), serial: serial(cert.serial) },
    }
}

fn recorded(details: &Details, now: Timestamp) -> RevocationDetails {
    let (date, invalidity_date) = details.dates(now);
    RevocationDetails { reason: details.reason, date, invalidity_date }
}
