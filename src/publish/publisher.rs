//! Publishing what is due: the schedule, joined with the record.

use super::{
    Failure, Issue, Job, JobKind, LastRelease, Overdue, PublishError, Released, Schedule,
    ScopeState, Sink, observe,
};
use crate::{
    authority::{Authority, CrlRequest, Error, Release, ScopeStatus},
    crl::LintProfile,
    issuer_id::IssuerId,
    retry::Retry,
    scope::Scope,
    signing::Signer,
    store::Store,
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

/// How the CRLs of one issuer are published.
pub struct Publishing {
    issuer: IssuerId,
    schedule: Schedule,
    signer: Box<dyn Signer>,
    sinks: Vec<Box<dyn Sink>>,
    profile: LintProfile,
    ca_issuers: Vec<String>,
}

impl Publishing {
    /// The CRLs of this issuer, by this schedule, signed by this key. [`Publishing::to`] says where
    /// they go.
    pub fn new(issuer: IssuerId, schedule: Schedule, signer: impl Signer + 'static) -> Self {
        Self {
            issuer,
            schedule,
            signer: Box::new(signer),
            sinks: Vec::new(),
            profile: LintProfile::Private,
            ca_issuers: Vec::new(),
        }
    }

    /// Into this sink too.
    #[must_use]
    pub fn to(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// By the rules of this profile.
    #[must_use]
    pub fn with_profile(self, profile: LintProfile) -> Self {
        Self { profile, ..self }
    }

    /// Saying that certificates of the issuer are found there (RFC 5280 §5.2.7).
    #[must_use]
    pub fn with_ca_issuers(mut self, uri: impl Into<String>) -> Self {
        self.ca_issuers.push(uri.into());
        self
    }

    fn issue(&self, job: &Job, kind: JobKind) -> Issue {
        let complete = self.schedule.complete().validity;
        let delta = self.schedule.deltas().map_or(complete, |rhythm| rhythm.validity);
        let request = CrlRequest::new(complete).of(job.scope).with_delta_validity(delta);
        let request = request.ending_with_issuer();
        let request = self.ca_issuers.iter().fold(request, CrlRequest::with_ca_issuers);
        let issue = match kind {
            JobKind::Complete => Issue::new(request),
            JobKind::Delta => Issue::new(request.delta()),
            JobKind::CompleteAndDelta => Issue::new(request).with_delta(),
        };
        issue.with_profile(self.profile)
    }
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing")
            .field("issuer", &self.issuer)
            .field("schedule", &self.schedule)
            .field("sinks", &self.sinks)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// Publishes the CRLs of some issuers as they become due.
///
/// It has no thread and no timer: call [`Publisher::run_due`] now and then, or when
/// [`Publisher::next_due`] says. What failed is tried again as the schedule says; it is all that a
/// publisher remembers, and a new one starts without it.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// # let root_pem = include_str!("../authority/example-root.pem");
/// # let key_pem = include_str!("../authority/example-root.key");
/// use annul::*;
/// use std::sync::Arc;
///
/// let authority = Arc::new(Authority::new(MemoryStore::new()));
/// let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
/// let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
///
/// let sink = Arc::new(MemorySink::new("memory"));
/// let key = SigningKey::from_pem(key_pem)?;
/// let publishing = Publishing::new(issuer, Schedule::private(), key).to(Arc::clone(&sink));
/// let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
/// let done = publisher.run_due()?;
/// assert!(done.iter().all(|attempt| attempt.result.is_ok()));
/// assert!(publisher.overdue()?.is_empty());
/// assert_eq!(sink.places().len(), 1);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Publisher<S> {
    authority: Arc<Authority<S>>,
    publishings: Vec<Publishing>,
    threads: NonZeroUsize,
    failures: Mutex<BTreeMap<(IssuerId, Scope), Failure>>,
}

impl<S> fmt::Debug for Publisher<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("publishings", &self.publishings).finish_non_exhaustive()
    }
}

/// A job that was tried.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The job.
    pub job: Job,
    /// What came of it.
    pub result: Result<Released, PublishError>,
}

impl<S: Store> Publisher<S> {
    /// A publisher of nothing yet.
    pub fn new(authority: Arc<Authority<S>>) -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { authority, publishings: Vec::new(), threads, failures: Mutex::default() }
    }

    /// Makes at most so many CRLs of one issuer at once, each on a thread of its own: of as many
    /// partitions, say. As many as the machine has cores unless this is said.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }

    /// Also publishes the CRLs of this issuer.
    #[must_use]
    pub fn with(mut self, publishing: Publishing) -> Self {
        self.publishings.push(publishing);
        self
    }

    /// Takes over what [failed](Publisher::failures) with a publisher before.
    #[must_use]
    pub fn with_failures(
        self,
        failures: impl IntoIterator<Item = (IssuerId, Scope, Failure)>,
    ) -> Self {
        let failures = failures.into_iter().map(|(issuer, scope, it)| ((issuer, scope), it));
        self.remembered().extend(failures);
        self
    }

    /// What failed and was not done since.
    pub fn failures(&self) -> Vec<(IssuerId, Scope, Failure)> {
        let failures = self.remembered();
        failures.iter().map(|(&(issuer, scope), failure)| (issuer, scope, *failure)).collect()
    }

    /// Makes and releases what is due now, the most urgent first, on
    /// [some threads](Publisher::with_threads) that have ended when it returns. A signer or a sink
    /// that panics has failed. Where it saves time, a [checkpoint](Authority::checkpoint) is written
    /// afterwards, and what becomes due meanwhile waits.
    ///
    /// # Errors
    /// Where the record of an issuer cannot be read: what is due for the others is done all the same.
    /// Of each job, the attempt says what came of it.
    pub fn run_due(&self) -> Result<Vec<Attempt>, Error> {
        let mut attempts = Vec::new();
        self.run_while(&|| true, &mut |attempt| attempts.push(attempt))?;
        Ok(attempts)
    }

    /// As [`Publisher::run_due`], as long as it `goes_on`; `tell` is told of each attempt at once.
    pub(super) fn run_while(
        &self,
        goes_on: &(dyn Fn() -> bool + Sync),
        tell: &mut dyn FnMut(Attempt),
    ) -> Result<(), Error> {
        let (mut unread, mut had_jobs) = (None, BTreeSet::new());
        for publishing in &self.publishings {
            let jobs = match self.states_of(publishing) {
                Ok(states) => publishing.schedule.due_all(self.authority.now(), &states),
                Err(error) => {
                    unread = unread.or(Some(error));
                    continue;
                }
            };
            if !jobs.is_empty() {
                had_jobs.insert(publishing.issuer);
            }
            self.run_all(publishing, jobs, goes_on, tell);
        }
        self.tell_backlog();
        // Nothing that is published hangs on them: they make the next one quicker.
        for issuer in had_jobs.into_iter().take_while(|_| goes_on()) {
            if let Err(error) = self.authority.checkpoint_if_worth_it(issuer, goes_on) {
                observe::checkpoint_failed(issuer, &error);
            }
        }
        unread.map_or(Ok(()), Err)
    }

    /// Runs these jobs in their order, some at once.
    fn run_all(
        &self,
        publishing: &Publishing,
        jobs: Vec<Job>,
        goes_on: &(dyn Fn() -> bool + Sync),
        tell: &mut dyn FnMut(Attempt),
    ) {
        let threads = self.threads.get().min(jobs.len());
        let jobs = Mutex::new(jobs.into_iter());
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run_next = || next().filter(|_| goes_on()).map(|job| self.run(publishing, job));
        if threads < 2 {
            std::iter::from_fn(run_next).for_each(tell);
            return;
        }
        let (told, attempts) = mpsc::channel();
        thread::scope(|scope| {
            let spawned = (0..threads).filter(|_| {
                let told = told.clone();
                // Who would be told is there until all have ended.
                let run = move || std::iter::from_fn(run_next).for_each(|it| drop(told.send(it)));
                thread::Builder::new().spawn_scoped(scope, run).is_ok()
            });
            // Where the operating system has no thread left, this one is still there.
            if spawned.count() == 0 {
                std::iter::from_fn(run_next).for_each(tell);
                return;
            }
            drop(told);
            attempts.into_iter().for_each(tell);
        });
    }

    /// Tells how much waits. An issuer whose record cannot be read counts as one scope that is overdue:
    /// what is not known must calm nobody.
    fn tell_backlog(&self) {
        let (mut pending, mut overdue, now) = (0, 0, self.authority.now());
        for publishing in &self.publishings {
            let Ok(states) = self.states_of(publishing) else {
                overdue += 1;
                continue;
            };
            pending += states.iter().filter(|state| state.pending_since.is_some()).count();
            let is_overdue =
                |state: &&ScopeState| publishing.schedule.overdue(now, state).is_some();
            overdue += states.iter().filter(is_overdue).count();
        }
        observe::backlog(pending, overdue);
    }

    /// What the clock of the authority says.
    pub fn now(&self) -> Timestamp {
        self.authority.now()
    }

    /// When something is due next; in the past too.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.over_states(|schedule, state| schedule.next_due(state))
            .map(|all| all.into_iter().min())
    }

    /// What should be out and is not.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn overdue(&self) -> Result<Vec<Overdue>, Error> {
        let now = self.authority.now();
        self.over_states(|schedule, state| schedule.overdue(now, state))
    }

    fn over_states<T>(
        &self,
        ask: impl Fn(&Schedule, &ScopeState) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let mut answers = Vec::new();
        for publishing in &self.publishings {
            let states = self.states_of(publishing)?;
            answers.extend(states.iter().filter_map(|state| ask(&publishing.schedule, state)));
        }
        Ok(answers)
    }

    fn states_of(&self, publishing: &Publishing) -> Result<Vec<ScopeState>, Error> {
        let failures = self.remembered();
        let statuses = self.authority.scope_statuses(publishing.issuer)?;
        let state = |status: &ScopeStatus| {
            let failed = failures.get(&(status.issuer, status.scope)).copied();
            ScopeState { failed, ..ScopeState::of(status) }
        };
        Ok(statuses.iter().map(state).collect())
    }

    fn run(&self, publishing: &Publishing, job: Job) -> Attempt {
        let sinks: Vec<&dyn Sink> = publishing.sinks.iter().map(|sink| &**sink).collect();
        let run = |kind| {
            let issue = publishing.issue(&job, kind);
            let run =
                || self.authority.issue(publishing.issuer, &issue, &*publishing.signer, &sinks);
            // What a panic interrupts is as it is after a crash, which every call copes with.
            catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(PublishError::Panicked))
        };
        let mut result = run(job.kind);
        // What stands in the way of the delta CRL is not to keep back the complete one.
        if job.kind == JobKind::CompleteAndDelta && result.as_ref().is_err_and(is_about_delta) {
            result = run(JobKind::Complete);
        }
        let key = (job.issuer, job.scope);
        let mut failures = self.remembered();
        match &result {
            Ok(_) => drop(failures.remove(&key)),
            Err(error) => {
                let attempts = failures.get(&key).map_or(0, |failure| failure.attempts);
                // Whatever is in the way, somebody may take it out: S36.
                let retry = match error.retry() {
                    Retry::Never => Retry::Now,
                    retry => retry,
                };
                let at = self.authority.now();
                let failure = Failure { at, attempts: attempts.saturating_add(1), retry };
                failures.insert(key, failure);
            }
        }
        Attempt { job, result }
    }

    fn remembered(&self) -> MutexGuard<'_, BTreeMap<(IssuerId, Scope), Failure>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it was the delta CRL that could not go out, and the complete one did not for its sake.
fn is_about_delta(error: &PublishError) -> bool {
    match error {
        PublishError::Gate { place, .. }
        | PublishError::Unreadable { place, .. }
        | PublishError::NoCrl { place, .. } => place.delta,
        PublishError::Authority(error) => matches!(error, Error::NeedsBase { .. }),
        _ => false,
    }
}

impl ScopeState {
    /// What a schedule needs to know of a scope, but for what failed.
    pub fn of(status: &ScopeStatus) -> Self {
        let last = |release: &Release| LastRelease {
            number: release.number,
            this_update: release.this_update,
            next_update: release.next_update,
        };
        let mut state = Self::new(status.issuer, status.scope);
        state.first_needed_at = Some(status.needed_since);
        state.last = status.complete.as_ref().map(last);
        state.last_delta = status.delta.as_ref().map(last);
        state.pending_since = status.pending.map(|pending| pending.since);
        state.pending_delta_since = status.delta_pending_since;
        state.needs_base_since = status.needs_base_since;
        state.is_down = status.is_down;
        state.ended = status.ended;
        state
    }
}
