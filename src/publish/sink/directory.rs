//! A directory that a web server serves.

mod kept;
mod lock;

use self::{kept::Kept, lock::Lock};
use super::{Current, Outgoing, Revision, Sink, SinkError};
use crate::{
    crl::{FileStage, NotDurable, PemStage, Stage, is_lasting},
    scope::CrlPlace,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// What the names of unfinished files begin with. No other [`FileStage`] uses it.
const UNFINISHED: &str = ".annul-sink";

/// A directory, for a web server to serve: each CRL is a file with its
/// [name](CrlPlace::file_name).
///
/// A file is written under another name and synced, then renamed, and the directory is synced. So
/// readers see the old CRL or the new one, and a crash at any moment leaves the one or the other.
/// What stands in a file's place must be a regular file, or a symbolic link, which is replaced and
/// not followed. The permissions of a file are kept.
///
/// Who writes holds a lock on the file `.annul.lock`, so that comparing and replacing is one step
/// for all processes, on every file system that keeps `flock` (NFS does so since Linux 2.6.12). The
/// file stays there. Who holds the lock first removes what a crash left unfinished.
///
/// ```no_run
/// use annul::{DirectorySink, Sink};
///
/// let sink = DirectorySink::new("web", "/var/www/crl").with_pem().keep_last(10);
/// sink.check()?;
/// # Ok::<(), annul::SinkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DirectorySink {
    name: String,
    directory: PathBuf,
    pem: bool,
    keep: usize,
    patience: Duration,
}

impl DirectorySink {
    /// A sink of this name in this directory, which must exist.
    pub fn new(name: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        let (name, directory) = (name.into(), directory.into());
        Self { name, directory, pem: false, keep: 0, patience: Duration::from_secs(30) }
    }

    /// Writes each CRL as text too (RFC 7468 §6), to a file whose name has `.pem` added. The text
    /// is written first: there is none that is older than its CRL.
    #[must_use]
    pub fn with_pem(mut self) -> Self {
        self.pem = true;
        self
    }

    /// Keeps copies of the last so many CRLs of each place, the one that is shown among them. CRL
    /// 17 of `ca.crl` is kept as `ca.17.crl`. None are kept unless this is said.
    #[must_use]
    pub fn keep_last(mut self, crls: usize) -> Self {
        self.keep = crls;
        self
    }

    /// How long to wait for another process that writes there: 30 seconds unless this is said.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.patience = timeout;
        self
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is wrong, by what the operating system says of a path.
    fn fault(&self, path: &Path, error: io::Error) -> SinkError {
        let sink = self.name.clone();
        if NotDurable::is_in(&error) {
            SinkError::NotDurable { sink, source: error.into() }
        } else if is_lasting(error.kind()) {
            let problem = format!("{} cannot be used", path.display());
            SinkError::Misconfigured { sink, problem, source: Some(error.into()) }
        } else {
            SinkError::Unavailable { sink, source: error.into() }
        }
    }

    /// Has nobody else write there until the lock is dropped, and nothing unfinished there.
    fn lock(&self) -> Result<Lock, SinkError> {
        let lock = Lock::take(&self.directory, self.patience);
        lock.and_then(|lock| lock.sweep(&self.directory).map(|()| lock))
            .map_err(|error| self.fault(&self.directory, error))
    }

    fn stage(&self, path: &Path) -> FileStage {
        FileStage::with_prefix(path, UNFINISHED)
    }

    fn write(&self, path: &Path, der: &[u8]) -> Result<(), SinkError> {
        write(&mut self.stage(path), der).map_err(|error| self.fault(path, error))
    }
}

/// The CRL becomes visible at once, or nothing does.
fn write(stage: &mut dyn Stage, der: &[u8]) -> io::Result<()> {
    stage.begin()?;
    stage.write(der)?;
    stage.commit()
}

impl Sink for DirectorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), SinkError> {
        let _lock = self.lock()?;
        let mut stage = self.stage(&self.directory.join(format!("{UNFINISHED}.probe")));
        let tried = stage.begin().and_then(|()| stage.write(&[0]));
        stage.abort();
        tried.map_err(|error| self.fault(&self.directory, error))
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        let path = self.directory.join(place.file_name());
        match read(&path) {
            Ok(der) => {
                let revision = Revision::of(&der);
                Ok(Some(Current::new(der, revision)))
            }
            // So it is when there is no such directory, too.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.directory.is_dir() => {
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(SinkError::WriteOnly)
            }
            Err(error) => Err(self.fault(&path, error)),
        }
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        let _lock = self.lock()?;
        let found = match self.current(&outgoing.place) {
            Err(SinkError::WriteOnly) if outgoing.trusts_record => None,
            found => found?,
        };
        // What is there already is written again: it may be what a crash would undo, or its text
        // and its copy may be missing.
        outgoing.is_due(found.as_ref(), replaces)?;
        let name = outgoing.place.file_name();
        let path = self.directory.join(&name);
        let kept = Kept::new(&self.directory, &name);
        if self.keep > 0 {
            self.write(&kept.path(outgoing.number), outgoing.der)?;
        }
        if self.pem {
            let path = self.directory.join(format!("{name}.pem"));
            write(&mut PemStage::new(self.stage(&path)), outgoing.der)
                .map_err(|error| self.fault(&path, error))?;
        }
        // The last: once it is there the CRL counts as published, and nobody looks after the others.
        self.write(&path, outgoing.der)?;
        if self.keep > 0 {
            kept.prune(self.keep);
        }
        Ok(())
    }

    fn compares(&self) -> bool {
        true
    }
}

/// Reads a regular file. Anything else might keep us waiting for ever.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}
