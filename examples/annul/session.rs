//! What every command needs: the store, the clock, and where to answer.

use crate::{
    arguments::{Arguments, IssuerPrefix, OneCertificate},
    failure::Failure,
    files,
    output::Output,
};
use annul::{
    Authority, Clock, IssuerId, RedbStore, Serial, StoreError, SystemClock, Target, Timestamp,
};
use std::path::PathBuf;

pub struct Session {
    pub store: PathBuf,
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
    pub fn open(&self) -> Result<Authority<RedbStore>, Failure> {
        self.over(RedbStore::open(&self.store))
    }

    /// The authority over the store, which is made where there is none.
    pub fn open_or_create(&self) -> Result<Authority<RedbStore>, Failure> {
        self.over(RedbStore::open_or_create(&self.store))
    }

    fn over(&self, store: Result<RedbStore, StoreError>) -> Result<Authority<RedbStore>, Failure> {
        let authority = Authority::new(store.map_err(annul::Error::from)?);
        Ok(match self.at {
            Some(at) => authority.with_clock(at),
            None => authority,
        })
    }
}

/// The issuer whose id begins with these digits.
pub fn find_issuer(
    authority: &Authority<RedbStore>,
    prefix: &IssuerPrefix,
) -> Result<IssuerId, Failure> {
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
pub fn target(authority: &Authority<RedbStore>, which: &OneCertificate) -> Result<Target, Failure> {
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
    authority: &Authority<RedbStore>,
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
