//! A disk that can run full and lose power, for stores on redb.
#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use redb::{BackendError, StorageBackend};
use std::{
    fmt, io, mem,
    ops::Bound,
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
    platter: Platter,
    /// How many more changes and syncs succeed; `None` for all.
    left: Option<u64>,
    /// Counts what fails, from any number on.
    faults: u64,
    /// What was done, where that is wanted.
    journal: Option<Vec<Operation>>,
}

/// What is on the disk for good, and what may get there in any order.
#[derive(Clone, Default)]
struct Platter {
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Length(usize),
    Sector(usize, Vec<u8>),
}

/// What was done to a file.
#[derive(Clone)]
enum Operation {
    Change(Vec<Change>),
    Sync,
}

/// A file as it was after each operation on it, from the first on.
pub struct Replay {
    platter: Platter,
    operations: std::vec::IntoIter<Operation>,
}

impl Disk {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty file that remembers what is done to it, for [`Disk::replay`].
    pub fn remembering() -> Self {
        Self(Arc::new(Mutex::new(State { journal: Some(Vec::new()), ..State::default() })))
    }

    /// A file that holds these octets.
    pub fn holding(octets: Vec<u8>) -> Self {
        let platter = Platter { durable: octets.clone(), unsynced: Vec::new() };
        let state = State { live: octets, platter, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// What the file holds now, synced or not.
    pub fn octets(&self) -> Vec<u8> {
        self.state().live.clone()
    }

    /// Changes one bit, behind the back of whoever has the file open.
    pub fn flip(&self, at: usize, bit: u32) {
        let mut state = self.state();
        state.live[at] ^= 1 << bit;
        state.platter.durable = state.live.clone();
    }

    /// Lets this many more writes, changes of length and syncs succeed. All after them fail, for
    /// want of space or by a fault of the device in turn; of a write that fails the first half is
    /// written.
    pub fn fail_after(&self, operations: u64) {
        let mut state = self.state();
        (state.left, state.faults) = (Some(operations), operations);
    }

    /// The same octets on a disk that does not fail.
    pub fn mended(&self) -> Self {
        Self::holding(self.octets())
    }

    /// What a loss of power leaves: everything that was synced, and of what was not, those
    /// sectors and lengths of which `survives` says so. Who still has the file open goes on with
    /// the old one.
    pub fn after_power_loss(&self, survives: impl FnMut() -> bool) -> Self {
        self.state().platter.after_power_loss(survives)
    }

    /// How many operations changed or synced it.
    pub fn operations(&self) -> usize {
        self.state().journal.as_ref().unwrap().len()
    }

    /// Goes through it all again, from the empty file.
    pub fn replay(&self) -> Replay {
        let operations = self.state().journal.clone().unwrap().into_iter();
        Replay { platter: Platter::default(), operations }
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

impl Platter {
    fn carry_out(&mut self, operation: &Operation) {
        match operation {
            Operation::Change(changes) => self.unsynced.extend_from_slice(changes),
            Operation::Sync => {
                let unsynced = mem::take(&mut self.unsynced);
                unsynced.iter().for_each(|change| change.make(&mut self.durable));
            }
        }
    }

    fn after_power_loss(&self, mut survives: impl FnMut() -> bool) -> Disk {
        let mut octets = self.durable.clone();
        self.unsynced.iter().filter(|_| survives()).for_each(|change| change.make(&mut octets));
        Disk::holding(octets)
    }
}

impl Replay {
    /// Carries out the next operation; `false` where there is none.
    pub fn step(&mut self) -> bool {
        let operation = self.operations.next();
        operation.inspect(|operation| self.platter.carry_out(operation)).is_some()
    }

    /// As [`Disk::after_power_loss`].
    pub fn after_power_loss(&self, survives: impl FnMut() -> bool) -> Disk {
        self.platter.after_power_loss(survives)
    }
}

impl State {
    /// Whether one more operation succeeds.
    fn permit(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => {
                self.faults += 1;
                let (no_space, input_output) = (28, 5);
                let code = if self.faults.is_multiple_of(2) { no_space } else { input_output };
                Err(io::Error::from_raw_os_error(code))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn carry_out(&mut self, operation: Operation) {
        if let Operation::Change(changes) = &operation {
            changes.iter().for_each(|change| change.make(&mut self.live));
        }
        self.platter.carry_out(&operation);
        if let Some(journal) = &mut self.journal {
            journal.push(operation);
        }
    }

    fn write(&mut self, mut offset: usize, mut octets: &[u8]) {
        let mut changes = Vec::new();
        while !octets.is_empty() {
            let (sector, rest) = octets.split_at(octets.len().min(SECTOR - offset % SECTOR));
            changes.push(Change::Sector(offset, sector.to_vec()));
            offset += sector.len();
            octets = rest;
        }
        self.carry_out(Operation::Change(changes));
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
        state.carry_out(Operation::Change(vec![Change::Length(usize::try_from(length).unwrap())]));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.permit()?;
        state.carry_out(Operation::Sync);
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

    // Nobody else has it open.

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}
