//! What every command needs: the store, the clock, and where to answer.

use crate::{
    arguments::{Arguments, IssuerPrefix, OneCertificate},
    failure::Failure,
    files,
    output::Output,
};
use annul::{
    Authority, Clock, IssuerId, Policy, RedbStore, Serial, Store, StoreError, SystemClock, Target,
    Timestamp,
};

pub type AnyAuthority = Authority<Box<dyn Store>>;

pub struct Session {
    pub store: String,
    pub output: Output,
    at: Option<Timestamp>,
}

impl Session {
    pub fn new(arguments: &Arguments) -> Self {
        let output = Output { json: arguments.json };
        Self { store: arguments.store.clone(), output, at: arguments.at }
    }

    pub fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(|| SystemClock.now())
    }

    /// The authority over a store that is there.
    pub fn open(&self) -> Result<AnyAuthority, Failure> {
        self.over(open(&self.store))
    }

    /// The authority over the store, which is made where there is none.
    pub fn open_or_create(&self) -> Result<AnyAuthority, Failure> {
        self.over(open_or_create(&self.store))
    }

    fn over(&self, store: Result<Box<dyn Store>, StoreError>) -> Result<AnyAuthority, Failure> {
        let authority = Authority::new(store.map_err(annul::Error::from)?).with_policy(policy());
        Ok(match self.at {
            Some(at) => authority.with_clock(at),
            None => authority,
        })
    }
}

/// The policy of a process that carries out one command: what it does not need of a partition is
/// left for the next.
pub fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.slots_at_once = 1;
    policy
}

/// Opens the store in a file that is there, or in a database.
pub fn open(place: &str) -> Result<Box<dyn Store>, StoreError> {
    connect(place).unwrap_or_else(|| Ok(Box::new(RedbStore::open(place)?)))
}

/// Opens the store in a file, which is made where there is none, or in a database.
pub fn open_or_create(place: &str) -> Result<Box<dyn Store>, StoreError> {
    connect(place).unwrap_or_else(|| Ok(Box::new(RedbStore::open_or_create(place)?)))
}

/// Connects to the store if this is the URL of a database.
#[cfg(feature = "postgres")]
fn connect(place: &str) -> Option<Result<Box<dyn Store>, StoreError>> {
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| place.starts_with(scheme));
    let connect = || Ok(Box::new(annul::store::PostgresStore::connect(place)?) as Box<dyn Store>);
    is_url.then(connect)
}

#[cfg(not(feature = "postgres"))]
fn connect(_: &str) -> Option<Result<Box<dyn Store>, StoreError>> {
    None
}

/// The issuer whose id begins with these digits.
pub fn find_issuer(authority: &AnyAuthority, prefix: &IssuerPrefix) -> Result<IssuerId, Failure> {
    if let Ok(id) = prefix.0.parse() {
        return Ok(id);
    }
    let ids = authority.issuers()?.into_iter().map(|summary| summary.issuer.id());
    let mut found = ids.filter(|id| id.to_string().starts_with(&prefix.0));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(Failure::NoIssuer { prefix: prefix.0.clone() }),
        (Some(_), Some(_)) => Err(Failure::Usage {
            message: format!("several issuer ids begin with {}: give more digits", prefix.0),
        }),
    }
}

/// The certificate that the arguments name, for commands that take it whole.
pub fn target(authority: &AnyAuthority, which: &OneCertificate) -> Result<Target, Failure> {
    match (&which.cert, &which.issuer, which.serial) {
        (Some(file), ..) => Ok(files::certificate(file)?.into()),
        (None, Some(issuer), Some(serial)) => {
            Ok(Target::Serial { issuer: find_issuer(authority, issuer)?, serial })
        }
        _ => Err(Failure::Usage { message: "--cert or --issuer and --serial needed".to_owned() }),
    }
}

/// The certificate that the arguments name, by issuer and serial number.
pub fn issuer_and_serial(
    authority: &AnyAuthority,
    which: &OneCertificate,
) -> Result<(IssuerId, Serial), Failure> {
    match target(authority, which)? {
        Target::Serial { issuer, serial } => Ok((issuer, serial)),
        Target::Certificate(certificate) => {
            let issuer = authority.issuer_of(&certificate)?;
            Ok((issuer, certificate.serial().to_serial().map_err(annul::Error::from)?))
        }
    }
}
