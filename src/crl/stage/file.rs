//! A file that appears whole or not at all.

use super::{NotDurable, Stage};
use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// A file, written beside its place under another name, and renamed once it is whole and on disk.
///
/// Readers of the file see the old octets or the new, never a part. The unfinished file is called
/// `.annul-PID-N.partial`; it is removed when the stage is aborted or dropped, and is left behind
/// by a crash only.
///
/// What is in the file's place already must be a regular file: a device or a directory is an error
/// at [`Stage::begin`], before anything is signed. Its permissions are kept, its owner is not. A
/// symbolic link to a regular file, or to nothing, is replaced, not followed.
#[derive(Debug)]
pub struct FileStage {
    target: PathBuf,
    /// What the name of the unfinished file begins with.
    prefix: &'static str,
    unfinished: Option<(PathBuf, File)>,
}

impl FileStage {
    /// A stage for the file with this path; its directory must exist.
    pub fn new(target: impl Into<PathBuf>) -> Self {
        Self::with_prefix(target, ".annul")
    }

    /// The same, with another beginning of the names of unfinished files: they can be told from
    /// those of others, and removed by who knows that nobody else writes them.
    pub(crate) fn with_prefix(target: impl Into<PathBuf>, prefix: &'static str) -> Self {
        Self { target: target.into(), prefix, unfinished: None }
    }

    /// The path of the file.
    pub fn target(&self) -> &Path {
        &self.target
    }

    fn directory(&self) -> &Path {
        match self.target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// The permissions of the file that is to be replaced, if there is one.
    fn permissions(&self) -> io::Result<Option<Permissions>> {
        match fs::metadata(&self.target) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.permissions())),
            // A rename would put a file where a device was.
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} is not a regular file", self.target.display()),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A new file beside the target, under a name that nothing else has.
    fn create(&self) -> io::Result<(PathBuf, File)> {
        let mut count = 0u64;
        loop {
            // The name of the target is not part of it: it may be as long as names can be.
            let name = format!("{}-{}-{count}.partial", self.prefix, std::process::id());
            let path = self.directory().join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                // In a container every process may have the same id: crashes leave many behind.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.unfinished {
            Some((_, file)) => Ok(file),
            None => Err(io::Error::other("write before begin")),
        }
    }
}

impl Stage for FileStage {
    fn begin(&mut self) -> io::Result<()> {
        self.abort();
        let permissions = self.permissions()?;
        let (_, file) = self.unfinished.insert(self.create()?);
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file()?.write_all(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(first)?;
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        // On disk before it gets its name: else a crash could leave the name with nothing in it.
        self.file()?.sync_all()?;
        if let Some((path, file)) = self.unfinished.take() {
            // Closed first: Windows does not rename an open file.
            drop(file);
            fs::rename(&path, &self.target).inspect_err(|_| drop(fs::remove_file(&path)))?;
        }
        sync_directory(self.directory())
            .map_err(|error| io::Error::new(error.kind(), NotDurable(error)))
    }

    fn abort(&mut self) {
        if let Some((path, file)) = self.unfinished.take() {
            drop(file);
            // Nothing more can be done about a file that cannot be removed; it is not the target.
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for FileStage {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Makes the rename durable.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Other systems do not open directories as files, and order their renames themselves.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}
