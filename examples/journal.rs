//! A whole store in one short file: a journal, to which every batch is appended.
//!
//! Each batch becomes one record at the end of the file, and is synced before it counts. What the
//! records add up to is kept in memory, and read from the file again when it is opened.
//!
//! | a record is | octets |
//! |---|---|
//! | the mark of the file: drawn at random, so that nothing in a batch looks like it | 16 |
//! | SHA-256 of the mark and the body | 32 |
//! | the length of the body | 8 |
//! | the body: for each key that changes its space, version, key and value | |
//!
//! The first record has another mark, which names the format, and the mark of the file as its body.
//! No record ever goes, so this is a store for a small CA; for more, write the state to a new file
//! now and then.

use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CertificateStatus, Reason, Registration,
    Revoke, Serial, Store, StoreError, Target, Timestamp,
    store::{Batch, Effect, Record, Snapshot, Space, Version, Visit},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt,
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    process,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// A store in one file that only grows.
pub struct Journal {
    end: Mutex<End>,
    state: RwLock<State>,
}

/// Where the file grows. Who holds this is the only one that writes.
struct End {
    file: File,
    mark: Mark,
    at: u64,
    /// Whether all before is synced, and nothing comes after.
    sound: bool,
}

/// Each record by the code of its space and its key. While a snapshot shares it, who writes copies it.
type State = Arc<BTreeMap<(u16, Vec<u8>), Record>>;

type Mark = [u8; 16];
const FORMAT: Mark = *b"annul journal 1\n";

impl Journal {
    /// Opens the journal in this file, which it makes where there is none or an empty one.
    ///
    /// A record at the very end that is not whole goes: it was being written when the machine
    /// stopped, and was not acknowledged.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where somebody else has it open, [`StoreError::Corrupt`] where it is
    /// no journal or damaged before its end, [`StoreError::Backend`] where the system refuses. A
    /// file whose making was interrupted may be no journal: it has nothing in it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let corrupt = |problem: &str| StoreError::Corrupt {
            what: format!("file {place}"),
            problem: problem.to_owned(),
        };
        let options = File::options().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { place }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(failed)?;
        if octets.is_empty() {
            let mut mark = Mark::default();
            getrandom::fill(&mut mark).map_err(|error| failed(error.into()))?;
            octets = record(&FORMAT, &mark);
            file.write_all(&octets).map_err(failed)?;
        }

        let mut rest = &octets[..];
        let first = take_record(&FORMAT, &mut rest);
        let mark = first.and_then(|mark| mark.try_into().ok()).ok_or_else(|| corrupt("no journal"));
        let (mark, mut state): (Mark, _) = (mark?, State::default());
        while let Some(body) = take_record(&mark, &mut rest) {
            replay(&mut state, body).ok_or_else(|| corrupt("a record that says nothing"))?;
        }
        // A record is begun only when the one before it is synced. So this one was, if there is
        // another after it; and its length cannot be asked, because it may be what is damaged.
        if rest.windows(mark.len()).skip(1).any(|octets| octets == mark) {
            return Err(corrupt(&format!("at octet {}", octets.len() - rest.len())));
        }
        let at = (octets.len() - rest.len()) as u64;
        file.set_len(at).map_err(failed)?;
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        // A process that was killed may have left a whole record that is only in the cache.
        file.sync_all().and_then(|()| sync_directory(path)).map_err(failed)?;
        Ok(Self { end: Mutex::new(End { file, mark, at, sound: true }), state: RwLock::new(state) })
    }
}

impl Store for Journal {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        for step in batch.steps() {
            let record = state.get(&(step.space.code(), step.key.to_vec()));
            if record.map_or(Version::ABSENT, |record| record.version) != step.expected {
                return Err(step.refusal());
            }
        }
        // Readers need not wait for the disk. Nobody else writes meanwhile.
        drop(state);
        let body = body(batch);
        end.append(&body).map_err(failed)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        replay(&mut state, &body).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(Frozen(self.state.read().unwrap_or_else(PoisonError::into_inner).clone())))
    }
}

impl End {
    fn append(&mut self, body: &[u8]) -> io::Result<()> {
        if !self.sound {
            return Err(io::Error::other("a write failed before; open the journal again"));
        }
        let record = record(&self.mark, body);
        self.sound = false;
        if let Err(error) = self.file.write_all(&record).and_then(|()| self.file.sync_data()) {
            // Else who opens the file next may read from the cache what is not on the disk. Should
            // this fail too, there is still no record that would bury half of another.
            let _ = self.file.set_len(self.at).and_then(|()| self.file.sync_data());
            return Err(error);
        }
        self.at += record.len() as u64;
        self.sound = true;
        Ok(())
    }
}

/// The state at one moment.
struct Frozen(State);

impl Snapshot for Frozen {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        Ok(self.0.get(&(space.code(), key.to_vec())).cloned())
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let from = (space.code(), from.to_vec());
        let past = to.map_or((space.code() + 1, Vec::new()), |to| (space.code(), to.to_vec()));
        for ((_, key), record) in self.0.range(from..).take_while(|(key, _)| **key < past) {
            if visit(key, &record.value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// What a batch does, for the journal. What is removed has the version of what is not there.
fn body(batch: &Batch) -> Vec<u8> {
    let mut body = Vec::new();
    for step in batch.steps() {
        let (version, value) = match step.effect {
            Effect::Keep => continue,
            Effect::Write(version, value) => (version, value),
            Effect::Remove => (Version::ABSENT, &[][..]),
        };
        body.extend(u64::from(step.space.code()).to_be_bytes());
        body.extend(version.0.to_be_bytes());
        put_field(&mut body, &step.key);
        put_field(&mut body, value);
    }
    body
}

/// Does to the state what a [`body`] says: when it is written, and when it is read again.
fn replay(state: &mut State, mut body: &[u8]) -> Option<()> {
    let state = Arc::make_mut(state);
    while !body.is_empty() {
        let space = u16::try_from(take_number(&mut body)?).ok()?;
        let version = Version(take_number(&mut body)?);
        let key = (space, take_field(&mut body)?.to_vec());
        let value = take_field(&mut body)?.to_vec();
        match version {
            Version::ABSENT => state.remove(&key),
            _ => state.insert(key, Record { version, value }),
        };
    }
    Some(())
}

fn record(mark: &Mark, body: &[u8]) -> Vec<u8> {
    let mut record = [&mark[..], &checksum(mark, body)].concat();
    put_field(&mut record, body);
    record
}

/// Takes the body of a record; `None`, and takes nothing, where there is no whole one.
fn take_record<'a>(mark: &Mark, octets: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = *octets;
    let (found, sum) = (rest.split_off(..16)?, rest.split_off(..32)?);
    let body = take_field(&mut rest)?;
    let whole = found == mark && sum == checksum(mark, body);
    whole.then(|| *octets = rest).map(|()| body)
}

fn checksum(mark: &Mark, body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(mark).chain_update(body).finalize().into()
}

fn put_field(octets: &mut Vec<u8>, field: &[u8]) {
    octets.extend((field.len() as u64).to_be_bytes());
    octets.extend(field);
}

fn take_field<'a>(octets: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(octets)?).ok()?;
    octets.split_off(..length)
}

fn take_number(octets: &mut &[u8]) -> Option<u64> {
    octets.split_off(..8)?.try_into().ok().map(u64::from_be_bytes)
}

/// Has the directory remember a new file: syncing the file itself does not promise that.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Elsewhere a directory cannot be opened as a file.
    if cfg!(unix) { File::open(directory.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

fn failed(error: io::Error) -> StoreError {
    StoreError::Backend(error.into())
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// Revokes a certificate, and asks for it again after the journal was closed.
///
/// The CA is one of this crate's examples; its key is good for nothing else.
fn main() -> Result<(), Box<dyn Error>> {
    let file = env::temp_dir().join(format!("annul-journal-{}", process::id()));
    let authority = Authority::new(Journal::open(&file)?);
    let certificate = CaCertificate::new(Certificate::from_pem(include_str!(
        "../src/authority/example-root.pem"
    ))?)?;
    let issuer = authority.add_issuer(&AddIssuer::new(certificate))?.issuer;
    let serial: Serial = "e8:cb:d2:de:db:12:23:29".parse()?;
    authority.register(&Registration::of_serial(issuer, serial, Timestamp::MAX))?;
    let target = Target::Serial { issuer, serial };
    authority.revoke(&Revoke::new(target).with_reason(Reason::KeyCompromise))?;
    drop(authority);

    let authority = Authority::new(Journal::open(&file)?);
    let status = authority.status(issuer, serial)?.effective;
    println!("{serial} is revoked: {}", matches!(status, CertificateStatus::Revoked(_)));
    println!("all that is known is in {} octets", fs::metadata(&file)?.len());
    Ok(fs::remove_file(file)?)
}
