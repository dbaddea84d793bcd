//! What can go wrong where relying parties are shown a CRL.

use crate::{
    crl::{CrlNumber, CrlReadError},
    retry::Retry,
};
use std::{error::Error, time::Duration};

/// What a sink could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// There is no such place, or we have no right to write there. It stays so until somebody
    /// changes something, there or here.
    #[error("{sink} is misconfigured: {problem}")]
    Misconfigured {
        /// The [name](crate::Sink::name) of the sink.
        sink: String,
        /// What is wrong.
        problem: String,
        /// What the system below says.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// What is there may not be read, so nobody knows whether it may be replaced. Nothing that is
    /// there is ever replaced then.
    #[error("what is there may not be read")]
    WriteOnly,
    /// What is there is no CRL, so nothing says what it may be replaced by. Somebody must look at it,
    /// and remove it.
    #[error("what is there is no CRL")]
    NoCrl(#[source] CrlReadError),
    /// There is something else than the caller knows, or a CRL whose number is not lower. Nothing
    /// was changed.
    #[error("somebody else put {} there", .found.map_or_else(
        || "something else".to_owned(),
        |number| format!("CRL {number}"),
    ))]
    Overtaken {
        /// The number of the CRL that is there, where there is one that has a number.
        found: Option<CrlNumber>,
    },
    /// It could not be reached, or is out of order for now. Whether the operation took effect is
    /// not known.
    #[error("{sink} is unavailable")]
    Unavailable {
        /// The [name](crate::Sink::name) of the sink.
        sink: String,
        /// What the system below says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Relying parties are shown the CRL; but a crash may bring back the one before it.
    #[error("the CRL is in its place in {sink}, but may not survive a crash")]
    NotDurable {
        /// The [name](crate::Sink::name) of the sink.
        sink: String,
        /// What the system below says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SinkError {
    /// Whether trying again can help. [`Retry::Now`] says to look first at what is there.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Overtaken { .. } => Retry::Now,
            Self::Unavailable { .. } | Self::NotDurable { .. } => {
                Retry::After(Duration::from_secs(10))
            }
            Self::Misconfigured { .. } | Self::WriteOnly | Self::NoCrl(_) => Retry::Never,
        }
    }
}
