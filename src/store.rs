//! What keeps the record: a small trait, and stores that implement it.
//!
//! A store compares and swaps; it knows no rule of revocation. It holds two things: tables of
//! versioned records, and for each issuer a log that only grows. There is no operation that
//! changes or removes an entry of a log, so a revocation cannot be taken back by any of them.

mod batch;
mod error;
pub mod key;
mod memory;
#[cfg(feature = "redb")]
mod redb;

#[cfg(feature = "redb")]
pub use self::redb::{RedbStore, RedbStoreOptions};
pub use self::{
    batch::{Append, Assert, Batch, Effect, Put, Retire, Step},
    error::StoreError,
    memory::MemoryStore,
};

pub use crate::{log::NewEntry, partition::Partition};

use std::{fmt::Debug, ops::ControlFlow};

/// A place that keeps records and logs.
///
/// Methods block, and may be called from many threads at once. What they promise is what keeps
/// revocations from being lost, so an implementation must keep each promise, not most of them.
pub trait Store: Debug + Send + Sync {
    /// Carries out all operations of the batch, or none.
    ///
    /// Either every condition in the batch holds at one moment and everything takes effect at that
    /// moment, or nothing does and the answer is [`StoreError::Conflict`]. On `Ok` it is durable:
    /// it survives a crash of the process and of the machine. On any error but a conflict and a
    /// bad batch the caller does not know whether it took effect, and reads again.
    ///
    /// An implementation has the batch checked by [`Batch::check`] and carries out its
    /// [steps](Batch::steps).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a condition does not hold, [`StoreError::BadBatch`] where
    /// the batch fails its check; the others as they are named.
    fn apply(&self, batch: &Batch) -> Result<(), StoreError>;

    /// A frozen view of everything that was durable at one moment.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError>;
}

/// A frozen view of a store: whatever writers do meanwhile, it answers the same.
pub trait Snapshot {
    /// The record at this key.
    ///
    /// # Errors
    /// Where the store cannot be read, or what it holds there is damaged.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError>;

    /// Shows `visit` the key and the value of every record from key `from` on (inclusive) and
    /// below key `to` (exclusive; `None`: to the end), in the order of the keys' octets, until it
    /// breaks.
    ///
    /// Memory does not grow with the number of records.
    ///
    /// # Errors
    /// Where the store cannot be read, or what it holds there is damaged. A record is never
    /// skipped.
    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;
}

/// Is shown the key and the value of one record, and says whether to go on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Where records are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Space {
    /// The head of each issuer's log: key [`key::head`], version the position of the log. Written
    /// by [`Append`] alone.
    Heads,
    /// The entries of each log in the order of their positions: key [`key::log`]. Written by
    /// [`Append`] alone.
    Log,
    /// The entries that concern a serial number, in the order (issuer, partition, serial number,
    /// position): key [`key::entry`]. Written by [`Append`] alone.
    Entries,
    /// The records of a table, written by [`Put`].
    Table(Table),
}

/// A table of records that are put and replaced as a whole.
///
/// A store treats it as a number, [`Table::code`]: later versions of this crate add tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Table {
    /// CA certificates and settings of an issuer: key [`IssuerId`](crate::IssuerId).
    Issuers = 1,
    /// Whether an issuer fell: key [`IssuerId`](crate::IssuerId). It changes only on a fall, so that registering
    /// can hold on to it without meeting revocations.
    Standings = 2,
    /// What is known of a certificate: key [`key::certificate`].
    Certificates = 3,
    /// The DER of a certificate, which may be withheld or deleted: key as `Certificates`.
    CertificateDer = 4,
    /// CRL numbers: key (issuer, scope).
    CrlNumbers = 5,
    /// Which certificates make a CA: key [`key::ca_certificate`].
    CaCertificates = 6,
}

impl Table {
    /// The number of the table, never given to another.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The version of a record: 0 where there is none, 1 when it is put there, one more each time it
/// is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version of a record that is not there.
    pub const ABSENT: Self = Self(0);
}

/// A record as a snapshot shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its version; for a head, the position of the log; for an entry of a log, 1.
    pub version: Version,
    /// Its octets, the first of which names their format.
    pub value: Vec<u8>,
}

/// Names a record for people.
fn place(space: Space, key: &[u8]) -> String {
    use std::fmt::Write;
    let mut place = format!("record of {space:?} at key ");
    for octet in key {
        // Writing to a String does not fail.
        let _ = write!(place, "{octet:02x}");
    }
    place
}

impl<S: Store + ?Sized> Store for &S {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        (**self).snapshot()
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        (**self).snapshot()
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        (**self).snapshot()
    }
}
