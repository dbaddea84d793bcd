//! The file as redb opened it: to write, or only to read.

use super::fault::At;
use crate::store::StoreError;
use ::redb::{
    Database, Durability, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, TransactionError,
    WriteTransaction,
};
use std::fmt;

pub(super) enum Engine {
    Writer(Database),
    Reader(ReadOnlyDatabase),
}

impl Engine {
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        match self {
            Self::Writer(database) => database.begin_read(),
            Self::Reader(database) => database.begin_read(),
        }
    }

    pub(super) fn begin_write(&self, place: &str) -> Result<WriteTransaction, StoreError> {
        let Self::Writer(database) = self else { return Err(read_only(place)) };
        let mut transaction = database.begin_write().at(place)?;
        // The default of redb, and what `Store::apply` promises.
        transaction.set_durability(Durability::Immediate).at(place)?;
        Ok(transaction)
    }

    pub(super) fn writer_mut(&mut self, place: &str) -> Result<&mut Database, StoreError> {
        match self {
            Self::Writer(database) => Ok(database),
            Self::Reader(_) => Err(read_only(place)),
        }
    }
}

fn read_only(place: &str) -> StoreError {
    StoreError::ReadOnly { place: place.to_owned() }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writer(_) => "Writer",
            Self::Reader(_) => "Reader",
        })
    }
}
