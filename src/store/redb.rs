//! A store in one file, kept by the redb engine.
//!
//! One table of redb holds every record: the space goes before its key, and its version, in 8
//! octets, before its value. A second table holds the format of the file.

use super::{
    Batch, Effect, Record, Snapshot, Space, Store, StoreError, Version, Visit, key, place,
};
use ::redb::{
    Builder, Database, DatabaseError, Durability, Error, ReadOnlyTable, ReadableDatabase,
    ReadableTable, StorageBackend, TableDefinition, TableError, TableHandle, WriteTransaction,
};
use std::{fs::File, io, path::Path};

/// The latest format that this version reads, and the one that it writes.
const FORMAT: u32 = 1;
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
const FORMAT_KEY: &str = "format";
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// A store in one file.
///
/// The file is held by one opener at a time; another gets [`StoreError::Locked`]. A batch is on
/// the disk when [`Store::apply`] returns. After a fault of the disk everything that was
/// acknowledged is still there, but the store refuses to write until it is opened again.
///
/// Opening reads the whole file and checks it: about a quarter of a second for a million
/// certificates. A damaged file does not open, but damage to the batch that was written last,
/// before a crash, is taken for a batch that the crash cut off.
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
    database: Database,
    place: String,
}

/// How to open a [`RedbStore`].
///
/// ```no_run
/// use annul::store::RedbStoreOptions;
///
/// let store = RedbStoreOptions::new().cache_size(16 << 20).open("ca.store")?;
/// # Ok::<(), annul::store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedbStoreOptions {
    cache_size: usize,
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

impl Default for RedbStoreOptions {
    fn default() -> Self {
        Self { cache_size: 64 << 20 }
    }
}

impl RedbStoreOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much memory may hold copies of what is in the file, in octets; 64 MiB by default.
    #[must_use]
    pub fn cache_size(mut self, octets: usize) -> Self {
        self.cache_size = octets;
        self
    }

    /// Opens the store in a file that is there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no file, [`StoreError::Locked`] where somebody else
    /// has it open, [`StoreError::Corrupt`] where it is damaged or something else than a store,
    /// [`StoreError::FromTheFuture`] where a later version of this crate wrote it, and
    /// [`StoreError::Backend`] where it cannot be read and written.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<RedbStore, StoreError> {
        let (path, place) = named(&path);
        if !path.try_exists().map_err(Error::Io).at(&place)? {
            return Err(StoreError::Missing { place });
        }
        self.start(place, Some(path), |builder| builder.open(path))
    }

    /// Opens the store in a file, which it makes where there is none or an empty one.
    ///
    /// # Errors
    /// As [`RedbStoreOptions::open`], but for [`StoreError::Missing`]. A file whose making was
    /// interrupted by a loss of power may be [`StoreError::Corrupt`]: it has nothing in it.
    pub fn open_or_create(&self, path: impl AsRef<Path>) -> Result<RedbStore, StoreError> {
        let (path, place) = named(&path);
        self.start(place, Some(path), |builder| builder.create(path))
    }

    /// Opens the store in something else than a file, for tests of faults. Not part of the
    /// interface that versions of this crate keep.
    #[doc(hidden)]
    pub fn open_backend(&self, backend: impl StorageBackend) -> Result<RedbStore, StoreError> {
        let place = format!("{backend:?}");
        self.start(place, None, |builder| builder.create_with_backend(backend))
    }

    fn start(
        &self,
        place: String,
        path: Option<&Path>,
        open: impl FnOnce(&Builder) -> Result<Database, DatabaseError>,
    ) -> Result<RedbStore, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_size);
        // Without it, redb may panic over a damaged file, or answer from what is damaged: it
        // looks at the checksums of its pages only here.
        builder.set_check_integrity_on_open(true);
        let database = open(&builder).at(&place)?;
        let store = RedbStore { database, place };
        if !store.has_format()? {
            store.write_format()?;
        }
        // Each time: who made the file may have died before it came to this.
        path.map_or(Ok(()), make_name_durable).map_err(Error::Io).at(&store.place)?;
        Ok(store)
    }
}

impl RedbStore {
    /// Whether there is a store in the file; `false` where there is nothing at all in it.
    fn has_format(&self) -> Result<bool, StoreError> {
        let transaction = self.database.begin_read().at(&self.place)?;
        let foreign =
            |problem| Err(StoreError::Corrupt { what: format!("file {}", self.place), problem });
        let meta = match transaction.open_table(META) {
            Err(TableError::TableDoesNotExist(_)) => {
                let table = transaction.list_tables().at(&self.place)?.next();
                return table.map_or(Ok(false), |table| {
                    foreign(format!("it has a table {:?}, but no format", table.name()))
                });
            }
            meta => meta.at(&self.place)?,
        };
        match meta.get(FORMAT_KEY).at(&self.place)?.map(|format| format.value()) {
            Some(FORMAT) => Ok(true),
            Some(found) if found > FORMAT => {
                Err(StoreError::FromTheFuture { found, supported: FORMAT })
            }
            Some(found) => foreign(format!("it has format {found}, which never was")),
            None => foreign("it has no format".to_owned()),
        }
    }

    fn write_format(&self) -> Result<(), StoreError> {
        let transaction = self.begin_write()?;
        transaction.open_table(RECORDS).at(&self.place)?;
        let mut meta = transaction.open_table(META).at(&self.place)?;
        meta.insert(FORMAT_KEY, FORMAT).at(&self.place)?;
        drop(meta);
        transaction.commit().at(&self.place)
    }

    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write().at(&self.place)?;
        // The default of redb, and what `Store::apply` promises.
        transaction.set_durability(Durability::Immediate).at(&self.place)?;
        Ok(transaction)
    }
}

impl Store for RedbStore {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        // Whatever returns early drops the transaction, which undoes it.
        let transaction = self.begin_write()?;
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
        let transaction = self.database.begin_read().at(&self.place)?;
        let records = transaction.open_table(RECORDS).at(&self.place)?;
        Ok(Box::new(RedbSnapshot { records, place: &self.place }))
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

/// The path, and how errors name it.
fn named(path: &impl AsRef<Path>) -> (&Path, String) {
    (path.as_ref(), path.as_ref().display().to_string())
}

/// Has the directory remember a new file: syncing the file itself does not promise that.
fn make_name_durable(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Elsewhere a directory cannot be opened as a file.
    if cfg!(unix) { File::open(directory.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

/// What redb says, and of which file.
#[derive(Debug, thiserror::Error)]
#[error("{place}")]
struct Fault {
    place: String,
    #[source]
    source: Error,
}

/// Turns an error of redb into one of ours.
trait At<T> {
    /// `place` is the file.
    fn at(self, place: &str) -> Result<T, StoreError>;
}

impl<T, E: Into<Error>> At<T> for Result<T, E> {
    fn at(self, place: &str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let corrupt = |problem| StoreError::Corrupt { what: format!("file {place}"), problem };
            match error.into() {
                Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch => {
                    StoreError::Locked { place: place.to_owned() }
                }
                Error::Corrupted(problem) => corrupt(problem),
                error @ (Error::UpgradeRequired(_)
                | Error::TableTypeMismatch { .. }
                | Error::TypeDefinitionChanged { .. }
                | Error::TableDoesNotExist(_)
                | Error::TableIsMultimap(_)) => corrupt(error.to_string()),
                Error::Io(error) => match error.kind() {
                    // Not written by redb, or shorter than it says.
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                        corrupt(error.to_string())
                    }
                    _ => backend(place, Error::Io(error)),
                },
                source => backend(place, source),
            }
        })
    }
}

fn backend(place: &str, source: Error) -> StoreError {
    StoreError::Backend(Box::new(Fault { place: place.to_owned(), source }))
}
