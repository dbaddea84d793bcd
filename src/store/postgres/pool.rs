//! A bounded number of connections, lent to one caller at a time.

use super::{
    backoff::Backoff,
    connection::{Connection, Session, Target},
    fault::Fault,
};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Connections that are opened when they are needed, and kept.
pub(super) struct Pool {
    target: Arc<Target>,
    most: usize,
    /// How long to wait for a free connection, or for a server that can be reached.
    patience: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// How many there are, lent, idle and just being opened.
    open: usize,
    /// How many are lent to readers.
    reading: usize,
}

/// What a connection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It may take long. One connection is always left to who writes.
    Read,
    /// It takes as long as one transaction.
    Write,
}

/// A connection that is given back when this is dropped.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    purpose: Purpose,
    connection: Option<Connection>,
}

impl Pool {
    pub(super) fn new(target: Target, most: usize, patience: Duration) -> Self {
        let (target, state) = (Arc::new(target), Mutex::default());
        Self { target, most, patience, state, changed: Condvar::new() }
    }

    /// When a call that begins now has waited long enough.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline { patience: self.patience, from: Instant::now() }
    }

    /// Waits for a connection: for one that is free, and where one must be opened, for the server.
    pub(super) fn lend(&self, purpose: Purpose, until: Deadline) -> Result<Lease<'_>, Fault> {
        let mut state = self.state();
        loop {
            let before = state.idle.len();
            state.idle.retain(Connection::is_open);
            state.open -= before - state.idle.len();
            let is_permitted = match purpose {
                Purpose::Read => state.reading + 1 < self.most,
                Purpose::Write => true,
            };
            if is_permitted && (!state.idle.is_empty() || state.open < self.most) {
                break;
            }
            let left = until.left().ok_or(Fault::Busy(self.patience))?;
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.reading += usize::from(purpose == Purpose::Read);
        let idle = state.idle.pop();
        state.open += usize::from(idle.is_none());
        drop(state);
        let mut lease = Lease { pool: self, purpose, connection: idle };
        if lease.connection.is_none() {
            // Where this fails, dropping the lease makes room for another try.
            lease.connection = Some(self.open(until)?);
        }
        Ok(lease)
    }

    fn open(&self, until: Deadline) -> Result<Connection, Fault> {
        let mut backoff = Backoff::reconnecting();
        loop {
            match Connection::open(&self.target) {
                Err(fault) if fault.is_of_the_connection() && until.left().is_some() => {
                    backoff.pause(until)?;
                }
                opened => return opened,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// As [`Connection::run`].
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl AsyncFnOnce(&Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.connection.as_ref().ok_or(Fault::Gone)?.run(job)
    }

    /// As [`Connection::start`].
    pub(super) fn start(
        &self,
        job: impl AsyncFnOnce(&Session) + Send + 'static,
    ) -> Result<(), Fault> {
        self.connection.as_ref().ok_or(Fault::Gone)?.start(job)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.reading -= usize::from(self.purpose == Purpose::Read);
        match self.connection.take().filter(Connection::is_open) {
            Some(connection) => state.idle.push(connection),
            None => state.open -= 1,
        }
        drop(state);
        // All, because not everybody who waits may have what became free.
        self.pool.changed.notify_all();
    }
}

/// Until when a call may wait.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    from: Instant,
    patience: Duration,
}

impl Deadline {
    /// How much time is left; `None` where none is.
    pub(super) fn left(&self) -> Option<Duration> {
        self.patience.checked_sub(self.from.elapsed()).filter(|left| !left.is_zero())
    }
}
