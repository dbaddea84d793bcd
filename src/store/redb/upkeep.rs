//! What keeps a file sound: copies of it, room in it, and a look at all of it.

use super::{
    META, RECORDS, RedbStore, RedbStoreOptions,
    fault::{At, corrupt, named},
    options::make_name_durable,
};
use crate::store::StoreError;
use ::redb::{Builder, Error, ReadTransaction, ReadableTable};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

impl RedbStore {
    /// Copies what the store holds at this moment into a new file, which opens as a store.
    ///
    /// Writers go on meanwhile. The file gets its name once it is whole and on disk; until then it
    /// is called the same with `.partial` after it, and a crash leaves that behind.
    ///
    /// What is acknowledged later is not in the copy. So whoever puts one back loses revocations,
    /// and reserves CRL numbers again that were used since: relying parties may go on with the
    /// CRL that they have.
    ///
    /// # Errors
    /// [`StoreError::Backend`] where a file with that name, or that name and `.partial`, is there
    /// already, or where the copy cannot be written; as [`Store::snapshot`](super::Store::snapshot)
    /// where the store cannot be read.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), StoreError> {
        let (to, place) = named(&to);
        let from = self.engine.begin_read().at(&self.place)?;
        refuse_existing(to).at(&place)?;
        let partial = Partial::create(to).at(&place)?;
        self.copy(&from, &partial.0, &place)?;
        // redb syncs what it wrote, not what the file system says about the file.
        File::open(&partial.0).and_then(|file| file.sync_all()).map_err(Error::Io).at(&place)?;
        refuse_existing(to).at(&place)?;
        partial.become_whole(to).and_then(|()| make_name_durable(to)).map_err(Error::Io).at(&place)
    }

    fn copy(&self, from: &ReadTransaction, to: &Path, place: &str) -> Result<(), StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(RedbStoreOptions::CACHE_SIZE);
        let mut copy = builder.create(to).at(place)?;
        let transaction = copy.begin_write().at(place)?;
        let mut meta = transaction.open_table(META).at(place)?;
        for row in from.open_table(META).at(&self.place)?.iter().at(&self.place)? {
            let (key, value) = row.at(&self.place)?;
            meta.insert(key.value(), value.value()).at(place)?;
        }
        drop(meta);
        let mut records = transaction.open_table(RECORDS).at(place)?;
        for row in from.open_table(RECORDS).at(&self.place)?.iter().at(&self.place)? {
            let (key, value) = row.at(&self.place)?;
            records.insert(key.value(), value.value()).at(place)?;
        }
        drop(records);
        transaction.commit().at(place)?;
        // In the order of the keys, pages are left half full, and room is made in advance.
        copy.compact().at(place)?;
        copy.close().at(place)
    }

    /// Gives room that is no longer used back to the file system.
    ///
    /// A file does not shrink by itself when entries are pruned; what becomes free in it is used
    /// again. Nothing else can be done with the store meanwhile, and it takes about as long as
    /// writing the whole file. While it goes on, the file may grow by a part of what it holds. A
    /// crash in the middle of it loses nothing.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`] where the store was opened for reading only,
    /// [`StoreError::Backend`] where the file cannot be read and written, and while another process
    /// holds a snapshot of it.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        let database = self.engine.writer_mut(&self.place)?;
        database.compact().at(&self.place).map(drop)
    }

    /// Reads the whole file and compares it with its checksums, as opening it does.
    ///
    /// On an error, open it again or go back to a [backup](RedbStore::backup): it is not to be
    /// used as it is. Damage to what the last batch wrote may have been repaired by undoing that
    /// batch, which was acknowledged.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the file is or was damaged, [`StoreError::ReadOnly`] where
    /// the store was opened for reading only, [`StoreError::Backend`] where it cannot be read.
    pub fn check(&mut self) -> Result<(), StoreError> {
        let sound = self.engine.writer_mut(&self.place)?.check_integrity().at(&self.place)?;
        if sound {
            return Ok(());
        }
        Err(corrupt(&self.place, "it was repaired, perhaps by undoing the last batch"))
    }
}

fn refuse_existing(path: &Path) -> Result<(), Error> {
    // A link that leads nowhere would be replaced too.
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Error::Io(io::ErrorKind::AlreadyExists.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::Io(error)),
    }
}

/// A file that is not whole yet. It is removed when this is dropped.
struct Partial(PathBuf);

impl Partial {
    /// Beside the path that it is to have. No two are made there at once.
    fn create(to: &Path) -> Result<Self, Error> {
        let mut name = OsString::from(to);
        name.push(".partial");
        let path = PathBuf::from(name);
        OpenOptions::new().write(true).create_new(true).open(&path).map_err(Error::Io)?;
        Ok(Self(path))
    }

    fn become_whole(self, to: &Path) -> io::Result<()> {
        fs::rename(&self.0, to)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It is not there any more once it became whole; else nothing more can be done.
        let _ = fs::remove_file(&self.0);
    }
}
