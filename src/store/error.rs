//! What can go wrong with a store.

use super::Space;
use crate::retry::Retry;
use std::time::Duration;

/// What a store could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A condition of the batch did not hold; nothing was changed. Read again and retry.
    #[error("a record of {space:?} was changed by somebody else meanwhile")]
    Conflict {
        /// Where the condition did not hold.
        space: Space,
        /// The key of the record.
        key: Vec<u8>,
    },
    /// The batch asks for what no batch may; nothing was changed.
    #[error("a batch that cannot be carried out: {problem}")]
    BadBatch {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What is stored is damaged.
    #[error("the stored {what} is damaged: {problem}")]
    Corrupt {
        /// What, and where.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The store was written by a later version of this crate.
    #[error("the store has format {found}, this version of annul reads up to {supported}")]
    FromTheFuture {
        /// The format of the store.
        found: u32,
        /// The latest format that can be read.
        supported: u32,
    },
    /// There is no store.
    #[error("there is no store at {place}")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// Somebody else holds the store: another process, or another opener in this one.
    #[error("the store {place} is in use by somebody else")]
    Locked {
        /// Which store.
        place: String,
    },
    /// The store was opened for reading only.
    #[error("the store {place} was opened for reading only")]
    ReadOnly {
        /// Which store.
        place: String,
    },
    /// The engine below failed before, and does nothing more until it is opened again. Whether the
    /// operation took effect is not known.
    #[error("the store {place} failed before, and does nothing until it is opened again")]
    Stopped {
        /// Which store.
        place: String,
    },
    /// The engine below failed. Whether the operation took effect is not known.
    #[error("the store failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Conflict { .. } => Retry::Now,
            Self::Locked { .. } | Self::Backend(_) => Retry::After(Duration::from_secs(1)),
            Self::BadBatch { .. }
            | Self::Corrupt { .. }
            | Self::FromTheFuture { .. }
            | Self::Missing { .. }
            | Self::ReadOnly { .. }
            | Self::Stopped { .. } => Retry::Never,
        }
    }
}
