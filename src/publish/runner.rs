//! A thread that publishes what is due.

use super::{Attempt, Publisher};
use crate::{authority::Error, store::Store, time::Timestamp};
use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// A thread that publishes what is due until it is stopped.
///
/// It sleeps until something is due, and at most [`Runner::LONGEST_SLEEP`]: so it also sees what
/// other processes recorded. Failures of sinks, signers and stores do not end it. Dropping it stops
/// it as [`Runner::stop`] does.
///
/// ```no_run
/// # fn example(publisher: annul::Publisher<annul::MemoryStore>) -> std::io::Result<()> {
/// use annul::{Runner, Turn};
///
/// let runner = Runner::start(publisher, |turn| match turn {
///     Turn::Tried(attempt) => println!("{:?}: {:?}", attempt.job.scope, attempt.result),
///     Turn::Failed(error) => eprintln!("the record cannot be read: {error}"),
///     _ => {}
/// })?;
/// runner.wake(); // after a revocation that is urgent
/// runner.stop();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Runner {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a [`Runner`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum Turn {
    /// A job was tried.
    Tried(Box<Attempt>),
    /// The record could not be read.
    Failed(Error),
    /// It is about to sleep; something is due at that time.
    Idle(Option<Timestamp>),
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stops: bool,
    wakes: bool,
}

impl Runner {
    /// How long it sleeps at most.
    pub const LONGEST_SLEEP: Duration = Duration::from_secs(60);

    /// Starts the thread, which tells `tell` what it does.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn start<S: Store + 'static>(
        publisher: Publisher<S>,
        tell: impl FnMut(Turn) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("annul-runner".to_owned())
            .spawn(move || own.run(&publisher, tell))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has it look at once, instead of when it wakes by itself.
    pub fn wake(&self) {
        self.shared.state().wakes = true;
        self.shared.changed.notify_all();
    }

    /// Waits until the jobs in hand are done, and ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.state().stops = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of `tell` was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn run<S: Store>(&self, publisher: &Publisher<S>, mut tell: impl FnMut(Turn)) {
        while !self.state().stops {
            let goes_on = || !self.state().stops;
            let ran = publisher.run_while(&goes_on, &mut |it| tell(Turn::Tried(Box::new(it))));
            if let Err(error) = ran {
                tell(Turn::Failed(error));
            }
            let next = publisher.next_due().ok().flatten();
            tell(Turn::Idle(next));
            let now = publisher.now();
            let wait = next.map_or(Runner::LONGEST_SLEEP, |next| next.saturating_since(now));
            // What is due again at once has just failed: it is not tried without a pause.
            self.sleep(wait.clamp(Duration::from_secs(1), Runner::LONGEST_SLEEP));
        }
    }

    fn sleep(&self, wait: Duration) {
        let state = self.state();
        let waited = self.changed.wait_timeout_while(state, wait, |it| !it.stops && !it.wakes);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.wakes = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
