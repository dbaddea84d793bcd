//! One writer at a time.

use super::UNFINISHED;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long to wait before the lock is asked for again.
const PAUSE: Duration = Duration::from_millis(5);

/// The right to write in a directory, until it is dropped. The end of the process ends it too.
pub(super) struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

impl Lock {
    /// Takes the lock of a directory, and waits for it.
    pub(super) fn take(directory: &Path, patience: Duration) -> io::Result<Self> {
        let path = directory.join(".annul.lock");
        // It is never removed: who waits for a file that is gone holds a lock that nobody sees.
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if begin.elapsed() >= patience => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "somebody else has been writing there for too long",
                    ));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            }
        }
    }

    /// Removes what those left unfinished who held the lock before.
    pub(super) fn sweep(&self, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(UNFINISHED) && name.ends_with(".partial") {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}
