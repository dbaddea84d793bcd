//! What many threads want to have written, written by one of them.
//!
//! The first that finds nobody writing takes all that has been handed in and writes it; meanwhile the
//! next gather. No thread is kept for it, and who is alone waits for nobody.

use std::{
    collections::HashMap,
    iter, mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Work that waits to be written, and what became of it.
#[derive(Debug)]
pub(crate) struct Together<W, O> {
    state: Mutex<State<W, O>>,
    turned: Condvar,
}

#[derive(Debug)]
struct State<W, O> {
    is_writing: bool,
    next_ticket: u64,
    waiting: Vec<(u64, W)>,
    /// By ticket; nothing where whoever wrote panicked.
    outcomes: HashMap<u64, Option<O>>,
}

impl<W, O> Together<W, O> {
    /// Has work written, by this thread or another that writes already. `write` answers with an
    /// outcome for each that it is given, in their order.
    ///
    /// There is no outcome where the thread that wrote panicked: whether it was written is not known.
    pub(crate) fn hand_in(&self, work: W, write: impl Fn(&[W]) -> Vec<O>) -> Option<O> {
        let mut state = lock(&self.state);
        let ticket = state.next_ticket;
        state.next_ticket = ticket.wrapping_add(1);
        state.waiting.push((ticket, work));
        loop {
            if let Some(outcome) = state.outcomes.remove(&ticket) {
                return outcome;
            }
            if state.is_writing {
                state = self.turned.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.is_writing = true;
            let (tickets, work): (Vec<_>, Vec<_>) =
                mem::take(&mut state.waiting).into_iter().unzip();
            drop(state);
            let mut turn = Turn { together: self, tickets, outcomes: Vec::new() };
            turn.outcomes = write(&work);
            drop(turn);
            state = lock(&self.state);
        }
    }
}

impl<W, O> Default for Together<W, O> {
    fn default() -> Self {
        let state = State {
            is_writing: false,
            next_ticket: 0,
            waiting: Vec::new(),
            outcomes: HashMap::new(),
        };
        Self { state: Mutex::new(state), turned: Condvar::new() }
    }
}

/// The turn of a thread to write. It ends in any case, also where the store panics: others wait.
struct Turn<'a, W, O> {
    together: &'a Together<W, O>,
    tickets: Vec<u64>,
    outcomes: Vec<O>,
}

impl<W, O> Drop for Turn<'_, W, O> {
    fn drop(&mut self) {
        let outcomes = mem::take(&mut self.outcomes).into_iter().map(Some);
        let outcomes = outcomes.chain(iter::repeat_with(|| None));
        let mut state = lock(&self.together.state);
        state.outcomes.extend(self.tickets.drain(..).zip(outcomes));
        state.is_writing = false;
        drop(state);
        self.together.turned.notify_all();
    }
}

/// A lock is poisoned by a panic of whoever held it, which nobody who uses this does half-way.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
