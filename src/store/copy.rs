//! Copying a store into another one, of any kind.

mod logs;
mod pages;
mod tallies;

use self::pages::{each_page, keys, next, page};
use super::{
    Batch, Put, Record, Retire, Snapshot, Space, Store, StoreError, Table, Version,
    digest::{Digests, of_space},
};
use crate::{issuer_id::IssuerId, log::Position, retry::Retry};
use std::mem;

/// How many records are read and written together.
const PAGE: usize = 1000;

/// A copy that is as its source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// How many records of tables were written or removed.
    pub records: u64,
    /// How many entries were added to logs.
    pub entries: u64,
    /// The positions of the logs, in both stores.
    pub positions: Vec<(IssuerId, Position)>,
    /// The [digest](super::digest()) of both stores.
    pub digest: [u8; 32],
}

/// Why a store is not copied, or not yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The store to copy could not be read, or is damaged.
    #[error("the store to copy failed")]
    Source(#[source] StoreError),
    /// The store to copy into failed, or somebody else wrote to it.
    #[error("the store to copy into failed")]
    Target(#[source] StoreError),
    /// The store to copy into has an issuer that the store to copy has not, or another log of it,
    /// or a longer one: it is no earlier copy.
    #[error("what the store to copy into records of issuer {issuer} is no earlier copy")]
    Forked {
        /// Whose log.
        issuer: IssuerId,
    },
    /// The store to copy into has reserved CRL numbers by itself, which would be used twice.
    #[error("the store to copy into has reserved CRL numbers by itself")]
    OwnNumbers {
        /// The key of the numbering.
        key: Vec<u8>,
    },
    /// All was copied, and the copy is not as its source: one of the two is damaged, or somebody
    /// else writes to the copy.
    #[error("the copy is not as its source in {space:?}")]
    Differs {
        /// Where.
        space: Space,
    },
}

impl CopyError {
    /// Whether the same call may succeed later. It goes on where this one stopped.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Source(error) | Self::Target(error) => error.retry(),
            Self::Forked { .. } | Self::OwnNumbers { .. } | Self::Differs { .. } => Retry::Never,
        }
    }
}

/// Makes `to` a copy of `from` as it is now, and verifies that it is.
///
/// `to` is empty, or an earlier copy that is brought up to date. Where the copying was interrupted,
/// repeating the call goes on. `from` may be in use: what is copied is one moment of it. Memory
/// does not grow with the number of certificates.
///
/// A copy that was empty names no issuer before all else is there and verified, so nobody can take
/// it for a whole one. An earlier copy can be read while it is brought up to date. It must not be
/// written to by others: where its logs or CRL numbers went on, that is an error; what else it
/// recorded by itself is lost.
///
/// ```
/// use annul::store::{MemoryStore, Store, copy, digest};
///
/// let (from, to) = (MemoryStore::new(), MemoryStore::new());
/// let copied = copy(&from, &to)?;
/// assert_eq!(digest(&*to.snapshot()?)?, copied.digest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`CopyError`]. Nothing has changed with [`CopyError::Forked`] and [`CopyError::OwnNumbers`].
pub fn copy(from: &dyn Store, to: &dyn Store) -> Result<Copied, CopyError> {
    let from = from.snapshot().map_err(CopyError::Source)?;
    let mut copying = Copying { from: &*from, to, records: 0, entries: 0 };
    copying.must_be_earlier()?;
    let tables = Table::ALL.into_iter().filter(|table| *table != Table::Issuers);
    // A certificate is recorded before the entries about it, and its record goes after them.
    tables
        .clone()
        // They change with the logs that they count.
        .filter(|table| *table != Table::PartitionTallies)
        .try_for_each(|table| copying.put_all(table, PAGE))?;
    let positions = copying.logs()?;
    // Of a partition whose entries have all left, the target may not have heard.
    copying.put_all(Table::PartitionTallies, PAGE)?;
    tables.clone().try_for_each(|table| copying.retire_all(table))?;
    let mut digests = Digests::default();
    for space in Space::OF_LOGS.into_iter().chain(tables.map(Space::Table)) {
        digests.insert(space, copying.verified(space)?);
    }
    // All issuers at once: what is not named there is of no use to anybody.
    copying.put_all(Table::Issuers, usize::MAX)?;
    let issuers = Space::Table(Table::Issuers);
    digests.insert(issuers, copying.verified(issuers)?);
    let Copying { records, entries, .. } = copying;
    Ok(Copied { records, entries, positions, digest: digests.whole() })
}

/// A copy on its way.
struct Copying<'a> {
    from: &'a dyn Snapshot,
    to: &'a dyn Store,
    records: u64,
    entries: u64,
}

impl Copying<'_> {
    /// The target as it is. It is to be dropped before the next write: a store may have to copy
    /// what a snapshot still shows.
    fn target(&self) -> Result<Box<dyn Snapshot + '_>, CopyError> {
        self.to.snapshot().map_err(CopyError::Target)
    }

    fn apply(&self, batch: &Batch) -> Result<(), CopyError> {
        self.to.apply(batch).map_err(CopyError::Target)
    }

    fn sources(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, CopyError> {
        self.from.get_all(space, keys).map_err(CopyError::Source)
    }

    /// Refuses a target that is neither empty nor an earlier copy, before anything is changed.
    fn must_be_earlier(&self) -> Result<(), CopyError> {
        let target = self.target()?;
        each_page(&*target, Space::Heads, CopyError::Target, |heads| {
            heads.iter().try_for_each(|(key, _)| self.heads(&*target, key).map(drop))
        })?;
        let issuers = Space::Table(Table::Issuers);
        each_page(&*target, issuers, CopyError::Target, |rows| {
            let keys = keys(&rows);
            for (key, record) in keys.iter().zip(self.sources(issuers, &keys)?) {
                // One record there has an empty key, and is not about an issuer.
                if let (Ok(issuer), None) = (logs::issuer(key), record) {
                    return Err(CopyError::Forked { issuer });
                }
            }
            Ok(())
        })?;
        let numbers = Space::Table(Table::CrlNumbers);
        each_page(&*target, numbers, CopyError::Target, |rows| {
            let found = self.sources(numbers, &keys(&rows))?;
            for ((key, value), record) in rows.into_iter().zip(found) {
                // The octets of these records have the order of the numbers.
                if record.is_none_or(|record| record.value < value) {
                    return Err(CopyError::OwnNumbers { key });
                }
            }
            Ok(())
        })
    }

    /// Puts what the target lacks of a table or has otherwise.
    fn put_all(&mut self, table: Table, at_once: usize) -> Result<(), CopyError> {
        let space = Space::Table(table);
        let mut puts = Vec::new();
        each_page(self.from, space, CopyError::Source, |rows| {
            let copied = self.target()?.get_all(space, &keys(&rows)).map_err(CopyError::Target)?;
            for ((key, value), copied) in rows.into_iter().zip(copied) {
                let expected = copied.as_ref().map_or(Version::ABSENT, |copied| copied.version);
                if copied.is_none_or(|copied| copied.value != value) {
                    puts.push(Put { table, key, expected, value });
                }
            }
            if puts.len() < at_once { Ok(()) } else { self.put(&mut puts) }
        })?;
        self.put(&mut puts)
    }

    fn put(&mut self, puts: &mut Vec<Put>) -> Result<(), CopyError> {
        if puts.is_empty() {
            return Ok(());
        }
        let batch = Batch { puts: mem::take(puts), ..Batch::default() };
        self.apply(&batch)?;
        self.records += batch.puts.len() as u64;
        Ok(())
    }

    /// Removes what the target has of a table and the source has not.
    fn retire_all(&mut self, table: Table) -> Result<(), CopyError> {
        let space = Space::Table(table);
        let mut from = Some(Vec::new());
        while let Some(start) = from {
            let target = self.target()?;
            let rows = page(&*target, space, &start, None, PAGE).map_err(CopyError::Target)?;
            from = next(&rows, PAGE);
            let keys = keys(&rows);
            let found = self.sources(space, &keys)?;
            let mut gone = keys;
            let mut found = found.into_iter();
            gone.retain(|_| found.next().flatten().is_none());
            let records = target.get_all(space, &gone).map_err(CopyError::Target)?;
            drop(target);
            let retires = gone.into_iter().zip(records).filter_map(|(key, record)| {
                record.map(|record| Retire { table, key, expected: record.version })
            });
            let retires: Vec<_> = retires.collect();
            if !retires.is_empty() {
                self.records += retires.len() as u64;
                self.apply(&Batch { retires, ..Batch::default() })?;
            }
        }
        Ok(())
    }

    /// The digest of a space, which is the same in both stores.
    fn verified(&self, space: Space) -> Result<Option<[u8; 32]>, CopyError> {
        let expected = of_space(self.from, space).map_err(CopyError::Source)?;
        let found = of_space(&*self.target()?, space).map_err(CopyError::Target)?;
        if found == expected { Ok(found) } else { Err(CopyError::Differs { space }) }
    }
}
