//! A file that appears whole or not at all.

use super::Stage;
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// A file, written beside its place under another name, and renamed once it is whole and on disk.
///
/// Readers of the file see the old octets or the new, never a part. The unfinished file is called
/// `.NAME.PID.N.partial`; it is removed when the stage is aborted or dropped, and is left behind
/// by a crash only. A symbolic link in the file's place is replaced, not followed.
#[derive(Debug)]
pub struct FileStage {
    target: PathBuf,
    unfinished: Option<(PathBuf, File)>,
}

impl FileStage {
    /// A stage for the file with this path; its directory must exist.
    pub fn new(target: impl Into<PathBuf>) -> Self {
        Self { target: target.into(), unfinished: None }
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

    /// A new file beside the target, under a name that nothing else has.
    fn create(&self) -> io::Result<(PathBuf, File)> {
        let name = self.target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        for attempt in 0..1000 {
            let mut unfinished = OsString::from(".");
            unfinished.push(name);
            unfinished.push(format!(".{}.{attempt}.partial", std::process::id()));
            let path = self.directory().join(unfinished);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
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
        self.unfinished = Some(self.create()?);
        Ok(())
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
            .map_err(|error| io::Error::new(error.kind(), Visible(error)))
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

/// The rename was done; whether it survives a crash is not known.
#[derive(Debug, thiserror::Error)]
#[error("the file is in its place, but its directory could not be synced")]
struct Visible(#[source] io::Error);

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
