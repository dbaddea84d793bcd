//! What keeps the record: a small trait, and stores that implement it.
//!
//! A store compares and swaps; it knows no rule of revocation. It holds two things: tables of
//! versioned records, and for each issuer a log that only grows. There is no operation that
//! changes or removes an entry of a log, so a revocation cannot be taken back by any of them.
//!
//! # Write your own
//!
//! Two traits, four methods: [`Store::apply`], [`Store::snapshot`], [`Snapshot::get`] and
//! [`Snapshot::scan`]. `examples/journal.rs` is a whole store in one short file, which shows them in
//! this order:
//!
//! 1. **Records.** Keep version and value by ([`Space::code`], key), in the order of the keys'
//!    octets. Never look into a key or a value, and keep records of a space that you do not know:
//!    later versions of this crate add some. There is no other kind of state.
//! 2. **Conditions.** Begin [`Store::apply`] with [`Batch::check`]. Then look at the version of each
//!    of [`Batch::steps`]; where it is not [`Step::expected`], answer [`Step::refusal`]. That is
//!    the only conflict there is. Look at those with [`Effect::Keep`] too: they hold the batch to
//!    what it was decided on. From the first look until the effects are there, nobody else may
//!    change these records; where transactions do not see to that by themselves, take a lock.
//! 3. **Effects.** Bring about [`Step::effect`] of each step, all or none. The new version is in it.
//! 4. **Durability.** Show the batch to snapshots and answer `Ok` only when it is synced, not when
//!    it is written. A new file is not durable before its directory is synced as well. After a
//!    failed sync nobody knows what is on the disk, and a second one that succeeds does not tell:
//!    refuse further writes, or undo. What is half written is cut off when the store is opened, but
//!    only where nothing that was acknowledged can follow it; everything else that is damaged is
//!    [`StoreError::Corrupt`], never a record less.
//! 5. **Snapshots.** Freeze all spaces at one moment, heads with logs and logs with tables. A scan
//!    that reads page by page must ask the same frozen state for each page, and writers go on
//!    meanwhile.
//! 6. **One or many.** A store that only one process may open takes a lock, and tells the second
//!    [`StoreError::Locked`].
//!
//! Override [`Snapshot::get_all`] and [`Snapshot::scan_prefixes`] where a question is a journey, and
//! [`Store::snapshots_freely`] where a snapshot costs nothing.
//! Then have the store pass the tests of the feature `conformance`, and write your own for what they
//! cannot know: damage to what is stored, and a loss of power.

mod batch;
mod copy;
mod digest;
mod error;
pub mod key;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redb")]
mod redb;

#[cfg(feature = "postgres")]
pub use self::postgres::{Isolation, PostgresOptions, PostgresStore};
#[cfg(feature = "redb")]
pub use self::redb::{RedbStore, RedbStoreOptions};
pub use self::{
    batch::{Append, Assert, Batch, Effect, Prune, Put, Retire, Step},
    copy::{Copied, CopyError, copy},
    digest::digest,
    error::StoreError,
    memory::MemoryStore,
};

pub use crate::{log::NewEntry, partition::Partition};

use std::{fmt::Debug, ops::ControlFlow};

/// A place that keeps records and logs.
///
/// Methods block, and are called from many threads at once. An implementation needs to know
/// nothing of revocation: it compares versions and writes octets. [`Batch::check`] and
/// [`Batch::steps`] turn a batch into plain conditions and effects on keys. The
/// [module](self#write-your-own) says how to write one; the feature `conformance` has the tests that
/// it must pass.
///
/// # What is relevant to security
///
/// Every promise below is one that somebody's revocation hangs on. A store that breaks it seems to
/// work, until a relying party trusts a certificate that was revoked:
///
/// | a store that | leads to |
/// |---|---|
/// | returns before a batch is durable, or carries out part of it | an acknowledged revocation that is gone; half a cascade |
/// | writes though a condition does not hold | two entries in one place, a CRL number twice, a certificate registered under a CA that fell |
/// | replaces or removes what an append wrote | a certificate that is no longer revoked |
/// | shows a head before the entries up to it, or skips a record in a scan | a CRL that is short |
/// | lets a snapshot change while it is read | a CRL whose two passes disagree |
pub trait Store: Debug + Send + Sync {
    /// Carries out all operations of the batch, or none.
    ///
    /// - **Atomic.** Everything takes effect at one moment, for readers and after a crash, or
    ///   nothing does. Whatever error it is, there is never a part of a batch.
    /// - **Durable.** On `Ok` it survives a crash of the process and of the machine. Nothing that
    ///   was acknowledged before is lost by what fails later.
    /// - **Conditional.** At that same moment every [condition](Step::expected) holds, those on
    ///   records that the batch does not write too. Where one does not, the answer is
    ///   [`StoreError::Conflict`] with the key, and nothing has changed. A conflict is never
    ///   answered where all conditions hold for good: who reads again and retries gets through.
    /// - **In order.** The positions of a log have no gap, and they take effect in their order: who
    ///   sees a head at position P finds every entry up to P.
    ///
    /// On an error other than a conflict and a bad batch the caller does not know whether it took
    /// effect, and reads again. An implementation that can find out does, and answers `Ok` or
    /// tries again itself.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a condition does not hold, [`StoreError::BadBatch`] where
    /// the batch fails its [check](Batch::check); the others as they are named.
    fn apply(&self, batch: &Batch) -> Result<(), StoreError>;

    /// A frozen view of everything that was durable at one moment.
    ///
    /// That moment is not before the call: who applied a batch sees it in every later snapshot,
    /// and so does everybody who was told. (A replica that lags breaks this; whoever must not be
    /// shown less than what he knows asks with a [`FreshnessToken`](crate::FreshnessToken).) Take
    /// one when it is needed and drop it soon: some stores hold on to a connection or to old data
    /// meanwhile.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError>;

    /// Whether somebody who holds a snapshot may take another on another thread, and neither waits for
    /// anybody nor makes anybody wait. What is in few large records is then read there meanwhile.
    ///
    /// `false` unless it is implemented: a pool of connections has an end.
    fn snapshots_freely(&self) -> bool {
        false
    }
}

/// A frozen view of a store: whatever writers do meanwhile, each method answers the same each time,
/// and all of them from the same moment.
pub trait Snapshot {
    /// The record at this key.
    ///
    /// # Errors
    /// Where the store cannot be read, or what it holds there is damaged.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError>;

    /// The records at these keys, in the order of the keys, one answer for each.
    ///
    /// It answers what [`Snapshot::get`] would. A store to which each question is a journey asks
    /// them together.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    fn get_all(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, StoreError> {
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    /// Shows `visit` the key and the value of every record from key `from` on (inclusive) and
    /// below key `to` (exclusive; `None`: to the end), in the order of the keys' octets, until it
    /// breaks.
    ///
    /// Memory does not grow with the number of records, and writers do not wait for it. A record
    /// is never skipped, shown twice, or shown as another batch left it than the one before it.
    /// `visit` may take its time, and may not use the store.
    ///
    /// # Errors
    /// Where the store cannot be read, or what it holds there is damaged.
    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// Shows `visit` every record whose key starts with one of these prefixes, prefix by prefix,
    /// until it breaks.
    ///
    /// It shows what [`Snapshot::scan`] would for one after the other. A store to which each
    /// question is a journey asks them together; they are meant to be a thousand or so with few
    /// records each.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    fn scan_prefixes(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let mut flow = ControlFlow::Continue(());
        for prefix in prefixes {
            if flow.is_break() {
                break;
            }
            self.scan(space, prefix, key::past(prefix).as_deref(), &mut |key, value| {
                flow = visit(key, value);
                flow
            })?;
        }
        Ok(())
    }
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
    /// position), as long as CRLs must know of them: key [`key::entry`]. Written by [`Append`]
    /// alone, which also prunes what every duty has left. What is pruned here stays in the log.
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
    /// What was released to relying parties: key (issuer, scope), and after it (complete or delta,
    /// ordinal).
    Releases = 7,
    /// Counts that rise: quotas, throttles. The key is theirs.
    Counters = 8,
    /// What was answered to a request that may come again: key the SHA-256 of the account and the
    /// client's token. One more changes whenever any is removed.
    IdempotencyTokens = 9,
    /// Where the CRLs of an issuer are found, and into which parts they are divided: key
    /// [`IssuerId`](crate::IssuerId).
    Distributions = 10,
    /// The parts of an issuer's certificates: key (issuer, partition).
    Partitions = 11,
    /// Which certificates a part holds: key (issuer, partition, serial number).
    PartitionMembers = 12,
    /// What a scan of the entries of a part must find: key (issuer, partition).
    PartitionTallies = 13,
    /// Entries of imported CRLs whose serial numbers no certificate may have: key (issuer, content
    /// octets of the serial number).
    LegacyEntries = 14,
    /// What CRLs must know of at a position of a log, for whoever begins to read there: key
    /// [`IssuerId`](crate::IssuerId), and [`key::chunk`]. Nothing is lost with it but time.
    Checkpoints = 15,
    /// What a [`Desk`](crate::Desk) keeps of a certificate, above all the request that it be revoked:
    /// key [`key::certificate`].
    Requests = 16,
    /// What was asked for and what came of it: key 1, the writer in 16 octets, the number of the event
    /// in 8. And the ends of writers' chains that no other chain holds yet: key 0, the writer.
    AuditEvents = 17,
    /// Certificates of others that were uploaded: key the SHA-256 of the account, and that of the DER.
    Uploads = 18,
}

impl Space {
    /// The spaces that [`Append`] writes.
    pub const OF_LOGS: [Self; 3] = [Self::Heads, Self::Log, Self::Entries];

    /// Every space.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OF_LOGS.into_iter().chain(Table::ALL.into_iter().map(Self::Table))
    }

    /// The number of the space, never given to another: below 256 for those of logs, then 256 and
    /// the [code](Table::code) of the table.
    pub const fn code(self) -> u16 {
        match self {
            Self::Heads => 1,
            Self::Log => 2,
            Self::Entries => 3,
            Self::Table(table) => u16::from_be_bytes([1, table.code()]),
        }
    }
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 18] = [
        Self::Issuers,
        Self::Standings,
        Self::Certificates,
        Self::CertificateDer,
        Self::CrlNumbers,
        Self::CaCertificates,
        Self::Releases,
        Self::Counters,
        Self::IdempotencyTokens,
        Self::Distributions,
        Self::Partitions,
        Self::PartitionMembers,
        Self::PartitionTallies,
        Self::LegacyEntries,
        Self::Checkpoints,
        Self::Requests,
        Self::AuditEvents,
        Self::Uploads,
    ];

    /// The number of the table, never given to another.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The version of a record: 0 where there is none, 1 when it is put there, one more each time it
/// is replaced, and at most [`Version::LAST`].
///
/// It begins anew when a record is retired and put again. So whoever retires a record must know
/// that nobody still decides on what it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version of a record that is not there.
    pub const ABSENT: Self = Self(0);
    /// The last version, 2⁶³ − 1, and the last position of a log: databases count to there.
    pub const LAST: Self = Self(i64::MAX as u64);
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

    fn snapshots_freely(&self) -> bool {
        (**self).snapshots_freely()
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        (**self).snapshot()
    }

    fn snapshots_freely(&self) -> bool {
        (**self).snapshots_freely()
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        (**self).apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        (**self).snapshot()
    }

    fn snapshots_freely(&self) -> bool {
        (**self).snapshots_freely()
    }
}
