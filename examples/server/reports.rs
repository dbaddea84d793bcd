//! The buckets of audit reports: directories below one.

use annul::{
    Clock, SystemClock, Timestamp,
    api::{AuditReport, AuditReportStatus, AuditReports, AuditReportsError, FoundAuditReport},
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::UNIX_EPOCH,
};

/// Writes one report of a certificate authority at a time, on a thread. It has its name once it is
/// whole; what another name is left of was not finished by a process that is gone. So one process
/// writes there.
#[derive(Debug)]
pub struct Directories {
    path: PathBuf,
    /// The reports that are being written, by their certificate authorities.
    written: Arc<Mutex<BTreeMap<String, Written>>>,
}

#[derive(Debug)]
struct Written {
    bucket: String,
    key: String,
    since: Timestamp,
}

/// It is this certificate authority's turn until this is dropped, also where writing panics.
struct Turn {
    authority: String,
    others: Arc<Mutex<BTreeMap<String, Written>>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.others).remove(&self.authority);
    }
}

impl Directories {
    /// Buckets are the directories that there are.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), written: Arc::default() }
    }

    /// Has a report be the one that is written of its certificate authority.
    fn turn(&self, report: &AuditReport) -> Result<Turn, AuditReportsError> {
        let authority = report.authority().to_string();
        let mut written = lock(&self.written);
        if written.contains_key(&authority) {
            return Err(AuditReportsError::InProgress);
        }
        let (bucket, key) = (report.bucket().to_owned(), report.key().to_owned());
        let since = SystemClock.now();
        written.insert(authority.clone(), Written { bucket, key, since });
        Ok(Turn { authority, others: Arc::clone(&self.written) })
    }

    /// The names of the buckets.
    fn buckets(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }
}

impl AuditReports for Directories {
    fn create(&self, report: AuditReport) -> Result<(), AuditReportsError> {
        // No name of a bucket has a slash or two dots in a row, and no key leads out of it as long as no
        // certificate authority is called `..` in the configuration.
        let bucket = self.path.join(report.bucket());
        if !bucket.is_dir() {
            return Err(AuditReportsError::NoSuchBucket);
        }
        let (path, part) = (bucket.join(report.key()), bucket.join(part_of(report.key())));
        let turn = self.turn(&report)?;
        let directory = path.parent().unwrap_or(&bucket).to_owned();
        fs::create_dir_all(&directory)?;
        let out = File::create_new(&part)?;
        // What a client is told of is there after a crash, too.
        for directory in directory.ancestors().take_while(|it| it.starts_with(&bucket)) {
            File::open(directory)?.sync_all()?;
        }
        let write = move || {
            let _turn = turn;
            let done = write(&report, out)
                .and_then(|()| fs::rename(part, path))
                .and_then(|()| File::open(directory)?.sync_all());
            if let Err(error) = done {
                eprintln!("the audit report {} was not written: {error}", report.key());
            }
        };
        thread::Builder::new().name("report".to_owned()).spawn(write)?;
        Ok(())
    }

    fn find(&self, key: &str) -> Result<Option<FoundAuditReport>, AuditReportsError> {
        let found = |bucket: String, created_at, status| {
            Ok(Some(FoundAuditReport { bucket, created_at, status }))
        };
        if let Some(it) = lock(&self.written).values().find(|it| it.key == key) {
            return found(it.bucket.clone(), it.since, AuditReportStatus::Creating);
        }
        for bucket in self.buckets()? {
            let directory = self.path.join(&bucket);
            for (name, status) in [
                (key.to_owned(), AuditReportStatus::Success),
                (part_of(key), AuditReportStatus::Failed),
            ] {
                if let Some(at) = modified(&directory.join(name))? {
                    return found(bucket, at, status);
                }
            }
        }
        Ok(None)
    }
}

/// What a report is called until it is whole.
fn part_of(key: &str) -> String {
    format!("{key}.part")
}

fn write(report: &AuditReport, out: File) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    report.write_to(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()
}

/// When a file was last written to, if there is one.
fn modified(path: &Path) -> io::Result<Option<Timestamp>> {
    let modified = match fs::metadata(path) {
        Ok(metadata) => metadata.modified()?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).map_err(io::Error::other)?;
    Timestamp::from_unix(seconds).map(Some).map_err(io::Error::other)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
