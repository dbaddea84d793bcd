//! When a CRL is due: arithmetic on what was released and what is pending, and nothing else.
//!
//! Every duty is a moment from which the CRL is due and one by which it must be out. Neither hangs
//! on the clock, so the same state has the same answer for ever, and what is due stays due until
//! the state changes. A clock that steps back takes back no more than its step.

mod duty;
mod error;
mod jitter;
mod job;
mod presets;
mod settings;
mod state;

pub use self::{
    error::ScheduleError,
    job::{Job, JobKind, Overdue, Why},
    settings::{Rhythm, Schedule},
    state::{Failure, LastRelease, ScopeState},
};

use self::duty::Duty;
use crate::{retry::Retry, scope::CrlPlace, time::Timestamp};

impl Schedule {
    /// The job that is due for a scope now, if one is.
    ///
    /// Once due, it stays due until the state changes. A complete CRL goes before a delta CRL: it
    /// says all that the delta would.
    pub fn due(&self, now: Timestamp, state: &ScopeState) -> Option<Job> {
        self.jobs(state).into_iter().flatten().find(|job| job.not_before <= now)
    }

    /// The jobs that are due now for any of these scopes, the most urgent first.
    pub fn due_all<'a>(
        &self,
        now: Timestamp,
        states: impl IntoIterator<Item = &'a ScopeState>,
    ) -> Vec<Job> {
        let mut jobs: Vec<_> = states.into_iter().filter_map(|s| self.due(now, s)).collect();
        jobs.sort_by_key(Job::urgency);
        jobs
    }

    /// When the next job of a scope is due, in the past too; `None` while nothing is to come.
    ///
    /// From then on, and not before, [`due`](Schedule::due) answers with a job.
    pub fn next_due(&self, state: &ScopeState) -> Option<Timestamp> {
        self.jobs(state).into_iter().flatten().map(|job| job.not_before).min()
    }

    /// What should be out by now and is not: the duty that was missed first.
    ///
    /// Whether something failed makes no difference to it.
    pub fn overdue(&self, now: Timestamp, state: &ScopeState) -> Option<Overdue> {
        let CrlPlace { issuer, scope, .. } = state.place;
        let complete = self.complete_duties(state).map(|duty| (duty, false));
        let delta = self.delta_duties(state).map(|duty| (duty, true));
        let missed = complete.chain(delta).filter(|(duty, _)| duty.deadline <= now);
        let (duty, delta) = missed.min_by_key(|(duty, _)| duty.deadline)?;
        let place = CrlPlace { issuer, scope, delta };
        Some(Overdue { place, since: duty.deadline, why: duty.why })
    }

    /// The complete CRL and the delta CRL that come next.
    fn jobs(&self, state: &ScopeState) -> [Option<Job>; 2] {
        let (complete, delta) = (self.complete_duties(state), self.delta_duties(state));
        match self.deltas() {
            None => [self.job(state, JobKind::Complete, complete), None],
            // There is nothing that a delta CRL could build on: it must wait for the complete one,
            // which must not let it wait.
            Some(_)
                if state.last.is_none() || state.needs_base_since.is_some() || state.is_down =>
            {
                [self.job(state, JobKind::Complete, complete.chain(delta)), None]
            }
            // Who holds the old base learns from the delta CRL what the new base says.
            Some(_) => [
                self.job(state, JobKind::CompleteAndDelta, complete),
                self.job(state, JobKind::Delta, delta),
            ],
        }
    }

    /// One job for all these duties, since one CRL fulfils them all.
    fn job(
        &self,
        state: &ScopeState,
        kind: JobKind,
        duties: impl Iterator<Item = Duty>,
    ) -> Option<Job> {
        let mut first: Option<Duty> = None;
        let mut deadline = Timestamp::MAX;
        for duty in duties {
            deadline = deadline.min(duty.deadline);
            first = first.filter(|first| first.due <= duty.due).or(Some(duty));
        }
        let Duty { why, due, .. } = first?;
        let retry = state.failed.map(|failure| self.retry_at(state, &failure, deadline));
        let not_before = retry.map_or(due, |retry| retry.max(due));
        let attempts = state.failed.map_or(0, |failure| failure.attempts);
        let CrlPlace { issuer, scope, .. } = state.place;
        Some(Job { issuer, scope, kind, why, attempts, not_before, deadline })
    }

    /// When to try again: after the usual interval, whatever the error says, since somebody may
    /// have mended meanwhile what would not mend by itself (S36). Where it asks for more time it
    /// gets it, but not past the deadline.
    fn retry_at(&self, state: &ScopeState, failure: &Failure, deadline: Timestamp) -> Timestamp {
        let usual = failure.at.saturating_add(self.retry());
        let spread = self.early(state, state.last, failure.attempts, failure.at, usual);
        match failure.retry {
            Retry::After(wait) => {
                spread.max(failure.at.saturating_add(wait).min(deadline.max(usual)))
            }
            Retry::Never | Retry::Now => spread,
        }
    }
}
