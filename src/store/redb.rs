//! A store in one file, kept by the redb engine.
//!
//! One table of redb holds every record: the space goes before its key, and its version, in 8
//! octets, before its value. A second table holds the format of the file.

mod engine;
mod fault;
mod options;
mod upkeep;

pub use self::options::RedbStoreOptions;

use self::{engine::Engine, fault::At};
use super::{
    Batch, Effect, Record, Snapshot, Space, Store, StoreError, Version, Visit, key, place,
};
use ::redb::{ReadOnlyTable, ReadableTable, TableDefinition};
use std::path::Path;

const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// A store in one file.
///
/// The file is held by one opener at a time; another gets [`StoreError::Locked`]. Other processes
/// can read it if it is [shared](RedbStoreOptions::shared). A batch is on the disk when
/// [`Store::apply`] returns.
///
/// Opening reads the whole file and checks it: about a quarter of a second for a million
/// certificates. A damaged file does not open, but damage to the batch that was written last,
/// before a crash, is taken for a batch that the crash cut off.
///
/// # Faults of the disk
///
/// A full disk, or one that fails, loses nothing that was acknowledged. But after the first error
/// the store is [stopped](StoreError::Stopped) until it is dropped and opened again, which can be
/// done on a full disk too. It does not open itself again, for somebody should look first: where
/// syncing failed, an operating system may go on showing from memory what never reached the disk.
/// Open it then, [copy](RedbStore::backup) it to a sound disk, and go on with the copy.
///
/// ```
/// use annul::store::{RedbStore, Store, StoreError};
///
/// # let directory = std::env::temp_dir().join(format!("annul-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let path = directory.join("ca.store");
/// let store = RedbStore::open_or_create(&path)?;
/// assert!(matches!(RedbStore::open(&path), Err(StoreError::Locked { .. })));
/// # drop(store);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RedbStore {
    engine: Engine,
    place: String,
}

impl RedbStore {
    /// Opens the store in a file that is there.
    ///
    /// # Errors
    /// As [`RedbStoreOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        RedbStoreOptions::new().open(path)
    }

    /// Opens the store in a file, which it makes where there is none.
    ///
    /// # Errors
    /// As [`RedbStoreOptions::open_or_create`].
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        RedbStoreOptions::new().open_or_create(path)
    }
}

impl Store for RedbStore {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        // Whatever returns early drops the transaction, which undoes it.
        let transaction = self.engine.begin_write(&self.place)?;
        let mut records = transaction.open_table(RECORDS).at(&self.place)?;
        let (mut key, mut stored) = (Vec::new(), Vec::new());
        for step in batch.steps() {
            write_key(&mut key, step.space, &step.key);
            let before = match step.effect {
                Effect::Keep => records.get(&*key),
                Effect::Remove => records.remove(&*key),
                Effect::Write(version, value) => {
                    stored.clear();
                    stored.extend_from_slice(&version.0.to_be_bytes());
                    stored.extend_from_slice(value);
                    records.insert(&*key, &*stored)
                }
            };
            let version = match before.at(&self.place)? {
                Some(before) => split(step.space, &step.key, before.value())?.0,
                None => Version::ABSENT,
            };
            if version != step.expected {
                return Err(step.refusal());
            }
        }
        drop(records);
        transaction.commit().at(&self.place)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let transaction = self.engine.begin_read().at(&self.place)?;
        let records = transaction.open_table(RECORDS).at(&self.place)?;
        Ok(Box::new(RedbSnapshot { records, place: &self.place }))
    }

    fn snapshots_freely(&self) -> bool {
        true
    }
}

/// The table keeps its read transaction alive.
struct RedbSnapshot<'a> {
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
    place: &'a str,
}

impl Snapshot for RedbSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        let mut whole = Vec::with_capacity(PREFIX + key.len());
        write_key(&mut whole, space, key);
        let Some(stored) = self.records.get(&*whole).at(self.place)? else {
            return Ok(None);
        };
        let (version, value) = split(space, key, stored.value())?;
        Ok(Some(Record { version, value: value.to_vec() }))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let (mut first, mut past) = (Vec::new(), Vec::new());
        write_key(&mut first, space, from);
        write_key(&mut past, space, to.unwrap_or_default());
        if to.is_none() {
            past = key::past(&past).unwrap_or_default();
        }
        for row in self.records.range(&*first..&*past).at(self.place)? {
            let (whole, stored) = row.at(self.place)?;
            let key = whole.value().get(PREFIX..).unwrap_or_default();
            let (_, value) = split(space, key, stored.value())?;
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// How many octets go before a key.
const PREFIX: usize = size_of::<u16>();

/// Writes the key that a record has in the table.
fn write_key(whole: &mut Vec<u8>, space: Space, key: &[u8]) {
    whole.clear();
    whole.extend_from_slice(&space.code().to_be_bytes());
    whole.extend_from_slice(key);
}

/// The version and the value of what is stored.
fn split<'a>(
    space: Space,
    key: &[u8],
    stored: &'a [u8],
) -> Result<(Version, &'a [u8]), StoreError> {
    match stored.split_first_chunk() {
        Some((version, value)) => Ok((Version(u64::from_be_bytes(*version)), value)),
        None => Err(StoreError::Corrupt {
            what: place(space, key),
            problem: format!("{} octets, at least 8 expected", stored.len()),
        }),
    }
}
