//! Opening a store.

use super::{
    META, RECORDS, RedbStore,
    engine::Engine,
    fault::{At, corrupt, named},
};
use crate::store::StoreError;
use ::redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, Error, StorageBackend, TableError,
    TableHandle,
};
use std::{fs::File, io, path::Path};

/// The latest format that this version reads, and the one that it writes.
const FORMAT: u32 = 1;
const FORMAT_KEY: &str = "format";

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
    check_on_open: bool,
    shared: bool,
}

impl Default for RedbStoreOptions {
    fn default() -> Self {
        Self { cache_size: Self::CACHE_SIZE, check_on_open: true, shared: false }
    }
}

impl RedbStoreOptions {
    pub(super) const CACHE_SIZE: usize = 64 << 20;

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

    /// Whether opening reads the whole file and compares it with its checksums. On by default.
    ///
    /// Without it, a file that was closed in order opens at once, whatever its size. (After a
    /// crash it is read as a whole all the same.) But nothing compares it later either. Where a
    /// disk, a copy or somebody else changed it, most calls answer as if nothing were wrong, from
    /// what is damaged; some panic; and what is written on top makes the damage last. Turn it off
    /// only where something else looks after the octets, and call [`RedbStore::check`] when there
    /// is time.
    #[must_use]
    pub fn check_on_open(mut self, check: bool) -> Self {
        self.check_on_open = check;
        self
    }

    /// Whether other processes may read the file, by [`RedbStoreOptions::open_read_only`], while
    /// this one writes. Off by default. There is one writer at a time all the same.
    ///
    /// It works on Linux, the systems of Apple and Windows, on file systems of the machine itself:
    /// it needs locks on ranges of a file. All processes must use versions of this crate that have
    /// the same version of redb. An old snapshot of a reader keeps what it shows in the file, as
    /// one of the writer does.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.shared = shared;
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
        let (path, place) = existing(&path)?;
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

    /// Opens the store in a file for reading, beside others who read it and at most one who writes
    /// to it and opened it as [shared](RedbStoreOptions::shared).
    ///
    /// Each snapshot shows what was acknowledged to the writer by then. [`Store::apply`] is
    /// answered with [`StoreError::ReadOnly`]. The file is not checked as a whole.
    ///
    /// After a crash of the writer, a new reader has to wait until a writer opened the file; those
    /// who have it open go on.
    ///
    /// [`Store::apply`]: crate::Store::apply
    ///
    /// # Errors
    /// As [`RedbStoreOptions::open`]. [`StoreError::Locked`] where the writer did not open it as
    /// shared, [`StoreError::Backend`] after a crash of the writer.
    pub fn open_read_only(&self, path: impl AsRef<Path>) -> Result<RedbStore, StoreError> {
        let (path, place) = existing(&path)?;
        let database = match self.clone().shared(true).builder().open_read_only(path) {
            Err(DatabaseError::RepairAborted) => {
                let problem = "it was not closed in order: a writer must open it first";
                return Err(Error::Io(io::Error::other(problem))).at(&place);
            }
            database => database.at(&place)?,
        };
        let store = RedbStore { engine: Engine::Reader(database), place };
        if store.has_format()? {
            return Ok(store);
        }
        Err(corrupt(&store.place, "there is nothing in it"))
    }

    /// Opens the store in something else than a file, for tests of faults. Not part of the
    /// interface that versions of this crate keep.
    #[doc(hidden)]
    pub fn open_backend(&self, backend: impl StorageBackend) -> Result<RedbStore, StoreError> {
        let place = format!("{backend:?}");
        self.start(place, None, |builder| builder.create_with_backend(backend))
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_size);
        builder.set_check_integrity_on_open(self.check_on_open);
        if self.shared {
            builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
        }
        builder
    }

    fn start(
        &self,
        place: String,
        path: Option<&Path>,
        open: impl FnOnce(&Builder) -> Result<Database, DatabaseError>,
    ) -> Result<RedbStore, StoreError> {
        let database = open(&self.builder()).at(&place)?;
        let store = RedbStore { engine: Engine::Writer(database), place };
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
        let transaction = self.engine.begin_read().at(&self.place)?;
        let foreign = |problem: String| Err(corrupt(&self.place, problem));
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
        let transaction = self.engine.begin_write(&self.place)?;
        transaction.open_table(RECORDS).at(&self.place)?;
        let mut meta = transaction.open_table(META).at(&self.place)?;
        meta.insert(FORMAT_KEY, FORMAT).at(&self.place)?;
        drop(meta);
        transaction.commit().at(&self.place)
    }
}

/// The path of a file that is there, and how errors name it.
fn existing(path: &impl AsRef<Path>) -> Result<(&Path, String), StoreError> {
    let (path, place) = named(path);
    if path.try_exists().map_err(Error::Io).at(&place)? {
        Ok((path, place))
    } else {
        Err(StoreError::Missing { place })
    }
}

/// Has the directory remember a new file: syncing the file itself does not promise that.
pub(super) fn make_name_durable(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Elsewhere a directory cannot be opened as a file.
    if cfg!(unix) { File::open(directory.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}
