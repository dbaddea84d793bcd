//! A directory that a web server serves.

use super::{Current, Outgoing, Revision, Sink, SinkError, memory::revision_of};
use crate::{
    crl::{CertificateList, FileStage, NotDurable, PemStage, Stage},
    scope::CrlPlace,
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A directory with one file for each place, called as [`CrlPlace::file_name`] says.
///
/// A file is replaced as a whole, by a rename, and is on disk before the call returns. Publishers on
/// one machine wait for each other by a lock on the file `.annul.lock`; an older CRL never takes the
/// place of a newer one. On a network file system, whether the lock holds is that system's to say.
#[derive(Debug)]
pub struct DirectorySink {
    directory: PathBuf,
    name: String,
    pem: bool,
    kept: usize,
}

impl DirectorySink {
    /// A sink for this directory, which must exist. Its name is the path as it is given.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let name = format!("directory:{}", directory.display());
        Self { directory, name, pem: false, kept: 0 }
    }

    /// Has another name.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Beside each file, writes the same in PEM: its name has `.pem` added.
    #[must_use]
    pub fn with_pem(self) -> Self {
        Self { pem: true, ..self }
    }

    /// Also keeps so many CRLs of each place, the newest included, under names with their numbers:
    /// `NAME.N.crl`.
    #[must_use]
    pub fn keep_last(self, crls: usize) -> Self {
        Self { kept: crls, ..self }
    }

    fn path(&self, place: &CrlPlace) -> PathBuf {
        self.directory.join(place.file_name())
    }

    /// Waits until no other publisher writes here. It ends when the file is closed.
    fn lock(&self) -> io::Result<File> {
        let path = self.directory.join(".annul.lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn write(&self, outgoing: &Outgoing<'_>) -> io::Result<()> {
        let path = self.path(&outgoing.place);
        if self.kept > 0 {
            write(
                FileStage::new(self.numbered(&path, &outgoing.number.to_string())),
                outgoing.der,
            )?;
        }
        if self.pem {
            let mut name = path.clone().into_os_string();
            name.push(".pem");
            write(PemStage::new(FileStage::new(name)), outgoing.der)?;
        }
        // Last: once it is there, all is.
        write(FileStage::new(&path), outgoing.der)?;
        if self.kept > 0 {
            self.remove_old(&path)?;
        }
        Ok(())
    }

    fn numbered(&self, path: &Path, number: &str) -> PathBuf {
        path.with_extension(format!("{number}.crl"))
    }

    /// Removes all but the last of the numbered files of a place.
    fn remove_old(&self, path: &Path) -> io::Result<()> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut numbers = Vec::new();
        for found in fs::read_dir(&self.directory)? {
            let name = found?.file_name().to_string_lossy().into_owned();
            let number = name
                .strip_prefix(&stem)
                .and_then(|rest| rest.strip_prefix('.'))
                .and_then(|rest| rest.strip_suffix(".crl"));
            if let Some(number) = number
                && !number.is_empty()
                && number.bytes().all(|octet| octet.is_ascii_digit())
            {
                numbers.push(number.to_owned());
            }
        }
        // Decimal numbers without leading zeros, of which no length is too much.
        numbers.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
        let excess = numbers.len().saturating_sub(self.kept);
        for number in numbers.iter().take(excess) {
            fs::remove_file(self.numbered(path, number))?;
        }
        Ok(())
    }
}

fn write(mut stage: impl Stage, der: &[u8]) -> io::Result<()> {
    let written = stage.begin().and_then(|()| stage.write(der)).and_then(|()| stage.commit());
    written.inspect_err(|_| stage.abort())
}

/// Whether what is found at a place is what is to be replaced, and older than what replaces it.
pub(super) fn check_replaced(
    found: Option<&[u8]>,
    outgoing: &Outgoing<'_>,
    replaces: Option<&Revision>,
) -> Result<(), SinkError> {
    let number = found.and_then(|der| CertificateList::from_der(der).ok()?.number());
    if found.map(revision_of).as_ref() != replaces
        || number.is_some_and(|number| number >= outgoing.number)
    {
        return Err(SinkError::Overtaken { found: number });
    }
    Ok(())
}

impl Sink for DirectorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), SinkError> {
        let probe = self.directory.join(format!(".annul-{}.probe", std::process::id()));
        let tried = self.lock().and_then(|_lock| {
            fs::write(&probe, b"annul")?;
            fs::remove_file(&probe)
        });
        tried.map_err(SinkError::of_io)
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        match fs::read(self.path(place)) {
            Ok(der) => Ok(Some(Current { revision: revision_of(&der), der })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A directory that is not there shows nothing either, but that is another matter.
                fs::metadata(&self.directory).map_err(SinkError::of_io).map(|_| None)
            }
            Err(error) => Err(SinkError::of_io(error)),
        }
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        let _lock = self.lock().map_err(SinkError::of_io)?;
        let found = self.current(&outgoing.place)?;
        check_replaced(found.as_ref().map(|it| it.der.as_slice()), outgoing, replaces)?;
        self.write(outgoing).map_err(|error| match NotDurable::is_in(&error) {
            true => SinkError::NotDurable(error.into()),
            false => SinkError::of_io(error),
        })
    }

    fn compares(&self) -> bool {
        true
    }
}
