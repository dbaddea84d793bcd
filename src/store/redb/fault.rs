//! Errors of redb, turned into ours.

use crate::store::StoreError;
use ::redb::Error;
use std::{io, path::Path};

/// What redb says, and of which file.
#[derive(Debug, thiserror::Error)]
#[error("{place}")]
struct Fault {
    place: String,
    #[source]
    source: Error,
}

/// Turns an error of redb into one of ours.
pub(super) trait At<T> {
    /// `place` is the file.
    fn at(self, place: &str) -> Result<T, StoreError>;
}

impl<T, E: Into<Error>> At<T> for Result<T, E> {
    fn at(self, place: &str) -> Result<T, StoreError> {
        self.map_err(|error| match error.into() {
            Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch => {
                StoreError::Locked { place: place.to_owned() }
            }
            Error::PreviousIo => StoreError::Stopped { place: place.to_owned() },
            Error::Corrupted(problem) => corrupt(place, problem),
            error @ (Error::UpgradeRequired(_)
            | Error::TableTypeMismatch { .. }
            | Error::TypeDefinitionChanged { .. }
            | Error::TableDoesNotExist(_)
            | Error::TableIsMultimap(_)) => corrupt(place, error.to_string()),
            Error::Io(error) => match error.kind() {
                // Not written by redb, or shorter than it says.
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    corrupt(place, error.to_string())
                }
                _ => backend(place, Error::Io(error)),
            },
            source => backend(place, source),
        })
    }
}

/// The file is damaged, or something else than a store.
pub(super) fn corrupt(place: &str, problem: impl Into<String>) -> StoreError {
    StoreError::Corrupt { what: format!("file {place}"), problem: problem.into() }
}

fn backend(place: &str, source: Error) -> StoreError {
    StoreError::Backend(Box::new(Fault { place: place.to_owned(), source }))
}

/// The path, and how errors name it.
pub(super) fn named(path: &impl AsRef<Path>) -> (&Path, String) {
    (path.as_ref(), path.as_ref().display().to_string())
}
