//! A disk that can run full and lose power, for stores on redb.
#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use redb::StorageBackend;
use std::{
    fmt, io, mem,
    sync::{Arc, Mutex, MutexGuard},
};

/// What a disk writes as a whole or not at all, in octets.
const SECTOR: usize = 512;

/// One file on a disk, in memory. Clones are the same file.
///
/// What was written is seen at once, but survives [`Disk::after_power_loss`] for certain only if
/// it was synced.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// How many more changes and syncs succeed; `None` for all.
    left: Option<u64>,
}

enum Change {
    Length(usize),
    Sector(usize, Vec<u8>),
}

impl Disk {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file that holds these octets.
    pub fn holding(octets: Vec<u8>) -> Self {
        let state = State { live: octets.clone(), durable: octets, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// What the file holds now, synced or not.
    pub fn octets(&self) -> Vec<u8> {
        self.state().live.clone()
    }

    /// Lets this many more writes, changes of length and syncs succeed. All after them fail for
    /// want of space; of a write that fails the first half is written.
    pub fn fail_after(&self, operations: u64) {
        self.state().left = Some(operations);
    }

    /// The same octets on a disk that does not fail.
    pub fn mended(&self) -> Self {
        Self::holding(self.octets())
    }

    /// What a loss of power leaves: everything that was synced, and of what was not, those
    /// sectors and lengths of which `survives` says so. Who still has the file open goes on with
    /// the old one.
    pub fn after_power_loss(&self, mut survives: impl FnMut() -> bool) -> Self {
        let state = self.state();
        let mut octets = state.durable.clone();
        state.unsynced.iter().filter(|_| survives()).for_each(|change| change.make(&mut octets));
        Self::holding(octets)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Change {
    fn make(&self, file: &mut Vec<u8>) {
        match self {
            Self::Length(length) => file.resize(*length, 0),
            Self::Sector(offset, octets) => {
                let end = offset + octets.len();
                file.resize(file.len().max(end), 0);
                file[*offset..end].copy_from_slice(octets);
            }
        }
    }
}

impl State {
    /// Whether one more operation succeeds.
    fn permit(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        change.make(&mut self.live);
        self.unsynced.push(change);
    }

    fn write(&mut self, mut offset: usize, mut octets: &[u8]) {
        while !octets.is_empty() {
            let (sector, rest) = octets.split_at(octets.len().min(SECTOR - offset % SECTOR));
            self.change(Change::Sector(offset, sector.to_vec()));
            offset += sector.len();
            octets = rest;
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("disk")
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let found = usize::try_from(offset)
            .ok()
            .and_then(|offset| state.live.get(offset..)?.get(..out.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.permit()?;
        state.change(Change::Length(usize::try_from(length).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.permit()?;
        let unsynced = mem::take(&mut state.unsynced);
        unsynced.iter().for_each(|change| change.make(&mut state.durable));
        Ok(())
    }

    fn write(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let offset = usize::try_from(offset).unwrap();
        let permit = state.permit();
        let written = if permit.is_ok() { octets.len() } else { octets.len() / 2 };
        state.write(offset, &octets[..written]);
        permit
    }
}
