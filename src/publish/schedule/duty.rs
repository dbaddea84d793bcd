//! Why a CRL must be made: each reason with the moment from which and the one by which.

use super::{LastRelease, Rhythm, Schedule, ScopeState, Why};
use crate::time::Timestamp;

/// One reason to make a CRL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duty {
    pub(super) why: Why,
    /// From then on the CRL is due.
    pub(super) due: Timestamp,
    /// By then it must be out.
    pub(super) deadline: Timestamp,
}

/// The CRLs of one kind that a scope has, and how often they should come.
#[derive(Clone, Copy)]
struct Series<'a> {
    schedule: &'a Schedule,
    state: &'a ScopeState,
    rhythm: Rhythm,
    last: Option<LastRelease>,
}

impl Schedule {
    /// What asks for a complete CRL.
    ///
    /// Nothing here asks whether the issuer stands: relying parties need CRLs of a CA that fell
    /// until all its certificates are past (E40).
    pub(super) fn complete_duties(&self, state: &ScopeState) -> impl Iterator<Item = Duty> {
        let first = state.first_needed_at.filter(|_| state.last.is_none()).map(|at| Duty {
            why: Why::First,
            due: at,
            deadline: at.saturating_add(self.first_within()),
        });
        let rhythm = self.complete();
        let complete = Series { schedule: self, state, rhythm, last: state.last };
        // What no delta CRL can say must not wait longer than what one can.
        let soonest = Series { rhythm: self.deltas().unwrap_or(rhythm), ..complete };
        let pending = if state.is_down { soonest } else { complete };
        let duties = [
            first,
            pending.listing(Why::Pending, state.pending_since),
            soonest.listing(Why::NeedsBase, state.needs_base_since),
            complete.renewal(),
        ];
        duties.into_iter().flatten().filter(|_| !state.ended)
    }

    /// What asks for a delta CRL: nothing before there is a complete one, or once none can be made.
    pub(super) fn delta_duties(&self, state: &ScopeState) -> impl Iterator<Item = Duty> {
        let base = state.last.filter(|_| !state.is_down);
        let duties = self.deltas().zip(base).map(|(rhythm, base)| {
            // The base says where its delta CRLs are (RFC 5280 §5.2.6), so one should be there.
            let first = state.last_delta.is_none().then_some(Duty {
                why: Why::First,
                due: base.this_update,
                deadline: base.next_update,
            });
            let delta = Series { schedule: self, state, rhythm, last: state.last_delta };
            [first, delta.listing(Why::Pending, state.pending_delta_since), delta.renewal()]
        });
        duties.into_iter().flatten().flatten().filter(|_| !state.ended)
    }
}

impl Series<'_> {
    /// What was recorded waits for others to go onto the same CRL, and not for longer.
    fn listing(&self, why: Why, since: Option<Timestamp>) -> Option<Duty> {
        let since = since?;
        let due = self.early(since, since.saturating_add(self.rhythm.gather));
        Some(Duty { why, due, deadline: since.saturating_add(self.rhythm.within) })
    }

    /// A CRL is replaced before it is too old, even where nothing was revoked (D4).
    fn renewal(&self) -> Option<Duty> {
        let Rhythm { period, overlap, .. } = self.rhythm;
        let LastRelease { this_update, next_update, .. } = self.last?;
        let too_old = this_update.saturating_add(period);
        let (why, deadline) = if next_update <= too_old {
            (Why::NextUpdateNear, next_update)
        } else {
            (Why::Period, too_old)
        };
        // The issuer's notAfter may have cut nextUpdate short, and will again: that must not make
        // one CRL after the other.
        let half = deadline.saturating_since(this_update) / 2;
        let pace = period.saturating_sub(overlap).min(half.max(self.schedule.retry()));
        let due = deadline.saturating_sub(overlap).max(this_update.saturating_add(pace));
        // A nextUpdate that is nearer than one attempt to the next is no leave to be late.
        let due = due.min(deadline);
        Some(Duty { why, due: self.early(this_update, due), deadline })
    }

    fn early(&self, from: Timestamp, due: Timestamp) -> Timestamp {
        self.schedule.early(self.state, self.last, 0, from, due)
    }
}
