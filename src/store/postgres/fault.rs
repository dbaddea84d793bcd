//! What can go wrong between here and the server.

use crate::store::StoreError;
use std::{error::Error as _, io, time::Duration};
use tokio_postgres::{Error, error::SqlState};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("PostgreSQL refused, or could not be reached")]
    Postgres(#[from] Error),
    #[error("no answer from PostgreSQL within {0:?}")]
    Silent(Duration),
    #[error("the connection to PostgreSQL is gone")]
    Gone,
    #[error("all connections to PostgreSQL were in use for {0:?}")]
    Busy(Duration),
    #[error("tried {0} times, others were faster each time")]
    Contended(u32),
    #[error("no thread for a connection to PostgreSQL")]
    Thread(#[source] io::Error),
    #[error("no random numbers")]
    Random(#[from] getrandom::Error),
    #[error("the URL asks for TLS, for which this program was built without: `postgres-tls`")]
    NoTls,
    #[cfg(feature = "postgres-tls")]
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Store(StoreError),
}

/// A fault, and of which server.
#[derive(Debug, thiserror::Error)]
#[error("{place}")]
struct Placed {
    place: String,
    #[source]
    fault: Fault,
}

impl Fault {
    /// The answer to who called, about the server at `place`.
    pub(super) fn at(self, place: &str) -> StoreError {
        match self {
            Self::Store(answer) => answer,
            Self::Postgres(error) if error.code().is_some_and(says_damage) => {
                let problem = error.as_db_error().map(|it| it.message().to_owned());
                StoreError::Corrupt {
                    what: format!("database {place}"),
                    problem: problem.unwrap_or_default(),
                }
            }
            fault => StoreError::Backend(Box::new(Placed { place: place.to_owned(), fault })),
        }
    }

    /// Whether another connection may fare better.
    pub(super) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Silent(_) | Self::Gone => true,
            Self::Postgres(error) => match error.code() {
                Some(code) => ends_connections(code),
                None => error.is_closed() || error.source().is_some_and(is_of_the_network),
            },
            _ => false,
        }
    }

    /// Whether nobody knows what the server still does on this connection: unless it answers with
    /// an error of its own.
    pub(super) fn spoils_the_connection(&self) -> bool {
        let refused = matches!(self, Self::Postgres(error) if error.code().is_some());
        !refused || self.is_of_the_connection()
    }

    /// Whether the server gave up this transaction for the sake of another one.
    pub(super) fn is_of_contention(&self) -> bool {
        self.is_one_of(&[SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED])
            || self.is_of_a_long_wait()
    }

    /// Whether a row is where one was to be added.
    pub(super) fn is_of_a_row_in_the_way(&self) -> bool {
        self.is_one_of(&[SqlState::UNIQUE_VIOLATION])
    }

    /// Whether it took too long, mostly because others held what was waited for.
    pub(super) fn is_of_a_long_wait(&self) -> bool {
        self.is_one_of(&[SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED])
    }

    /// Whether this engine does not know such a statement.
    pub(super) fn is_of_an_unknown_statement(&self) -> bool {
        self.is_one_of(&[SqlState::SYNTAX_ERROR, SqlState::FEATURE_NOT_SUPPORTED])
    }

    /// Whether somebody else is making the same tables just now.
    pub(super) fn is_of_a_race_to_migrate(&self) -> bool {
        self.is_of_contention()
            || self.is_one_of(&[
                SqlState::DUPLICATE_TABLE,
                SqlState::DUPLICATE_SCHEMA,
                SqlState::DUPLICATE_OBJECT,
                SqlState::UNIQUE_VIOLATION,
                // What PostgreSQL says where two change its own tables at once.
                SqlState::INTERNAL_ERROR,
            ])
    }

    /// Whether there are no tables yet.
    pub(super) fn is_of_missing_tables(&self) -> bool {
        self.is_one_of(&[SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME])
    }

    fn is_one_of(&self, codes: &[SqlState]) -> bool {
        let code = if let Self::Postgres(error) = self { error.code() } else { None };
        code.is_some_and(|code| codes.contains(code))
    }
}

fn ends_connections(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code)
        // Idle for too long; older versions of the driver have no name for it.
        || code.code() == "57P05"
}

fn says_damage(code: &SqlState) -> bool {
    [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code)
}

/// A failed handshake is an error of I/O too, but of what was sent.
fn is_of_the_network(source: &(dyn std::error::Error + 'static)) -> bool {
    source
        .downcast_ref::<io::Error>()
        .is_some_and(|error| !matches!(error.kind(), io::ErrorKind::InvalidData))
}
