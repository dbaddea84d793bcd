//! Why a CRL was not released, or not everywhere.

use super::{GateRefusal, Released, SinkError};
use crate::{
    authority::Error,
    codec::Damaged,
    crl::{CrlNumber, CrlReadError, Finding, Severity},
    retry::Retry,
    scope::CrlPlace,
};
use std::time::Duration;

/// A sink that does not show a CRL.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotPlaced {
    /// The name of the sink.
    pub sink: String,
    /// The place.
    pub place: CrlPlace,
    /// Why not.
    pub error: SinkError,
}

/// Why a CRL was not released, or not everywhere. Whatever was recorded stays recorded: the same
/// call again goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It could not be made, or the store failed.
    #[error(transparent)]
    Authority(#[from] Error),
    /// Nobody would see it.
    #[error("there is no sink to release it to")]
    NoSinks,
    /// The record tells sinks apart by their names. Nothing was made.
    #[error("two sinks are called {sink}")]
    SameName {
        /// The name.
        sink: String,
    },
    /// No sink can be asked what it shows, this one among them. Nothing was made.
    #[error("sink {sink} cannot be asked what it shows at {place}")]
    Unreadable {
        /// The name of the sink.
        sink: String,
        /// The place.
        place: CrlPlace,
        /// Why not.
        #[source]
        source: Box<SinkError>,
    },
    /// The linter objects to it: it was not signed.
    #[error("the linter objects to CRL {number}: {}", texts(findings))]
    Lint {
        /// Its number, which is used up.
        number: CrlNumber,
        /// All that was found, errors and lesser things.
        findings: Vec<Finding>,
    },
    /// A sink shows a CRL that this record never released: the record is an older copy that was
    /// restored, or another history of it, or somebody else publishes there. What that CRL lists
    /// may be missing here.
    #[error(
        "sink {sink} shows a CRL at {place} that this record did not release, number {found:?}; \
         the last that it knows of is {last:?}: the record was restored from an older copy, or \
         somebody else publishes there"
    )]
    Forked {
        /// The name of the sink.
        sink: String,
        /// The place.
        place: CrlPlace,
        /// The number of the CRL that it shows.
        found: Option<CrlNumber>,
        /// The number of the last CRL that was released from this record.
        last: Option<CrlNumber>,
    },
    /// Every sink that can be asked shows something that is no CRL, this one among them.
    #[error("sink {sink} shows something at {place} that is no CRL")]
    NoCrl {
        /// The name of the sink.
        sink: String,
        /// The place.
        place: CrlPlace,
        /// What is wrong with it.
        #[source]
        source: CrlReadError,
    },
    /// It may not take the place of what a sink shows. Nothing went out.
    #[error("CRL {number} may not replace what sink {sink} shows at {place}: {problem}")]
    Gate {
        /// Its number, which is used up.
        number: CrlNumber,
        /// The name of the sink.
        sink: String,
        /// The place.
        place: CrlPlace,
        /// Why not.
        #[source]
        problem: Box<GateRefusal>,
    },
    /// The signer or a sink panicked.
    #[error("the signer or a sink panicked")]
    Panicked,
    /// The prepared CRL carries nothing that tells what it was made from.
    #[error("a prepared CRL that no authority prepared for release")]
    NotOurs(#[from] Damaged),
    /// Some sinks show it, or none: it does not count as released yet.
    #[error("{} of the sinks do not show what was released, such as {}", failed.len(), first(failed))]
    Incomplete {
        /// What was recorded.
        released: Box<Released>,
        /// The sinks that do not show it.
        failed: Vec<NotPlaced>,
    },
}

/// How long it wants to be waited for; `Never` the longest.
fn wait(retry: &Retry) -> Duration {
    match *retry {
        Retry::Now => Duration::ZERO,
        Retry::After(wait) => wait,
        Retry::Never => Duration::MAX,
    }
}

fn first(failed: &[NotPlaced]) -> String {
    let first = failed.first().map(|it| format!("{} at {}: {}", it.sink, it.place, it.error));
    first.unwrap_or_default()
}

fn texts(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|it| it.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl PublishError {
    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Authority(error) => error.retry(),
            Self::Unreadable { source, .. } => source.retry(),
            // What helps one sink is worth the call, whatever another one waits for.
            Self::Incomplete { failed, .. } => {
                let retries = failed.iter().map(|it| it.error.retry());
                retries.min_by_key(wait).unwrap_or(Retry::Now)
            }
            _ => Retry::Never,
        }
    }
}
