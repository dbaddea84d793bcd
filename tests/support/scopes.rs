//! Scopes whose CRLs are released in no time and by nobody, to see when they are due.

use annul::{
    CrlNumber, IssuerId, Job, JobKind, LastRelease, Rhythm, Schedule, Scope, ScopeState, Timestamp,
};
use proptest::prelude::*;
use std::time::Duration;

/// A year that has nothing special.
pub const START: i64 = 1_700_000_000;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds).unwrap()
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What happens to a scope: after so many seconds something is recorded, a fall or not.
pub type History = Vec<(u64, bool)>;

/// What was recorded for a scope, and what was released.
#[derive(Clone, Debug)]
pub struct ToyScope {
    pub state: ScopeState,
    schedule: Schedule,
    number: u64,
    /// When each event was recorded, and whether it is a fall.
    pub events: Vec<(Timestamp, bool)>,
    /// When each event was on a complete CRL.
    pub complete: Vec<Timestamp>,
    /// When each event was on a delta CRL, or on the complete one with it.
    pub delta: Vec<Timestamp>,
    /// Each CRL that was made.
    pub released: Vec<(Timestamp, Job)>,
}

impl ToyScope {
    pub fn new(schedule: Schedule, issuer: u8, scope: Scope) -> Self {
        Self {
            state: ScopeState::new(IssuerId::from_octets([issuer; 32]), scope),
            schedule,
            number: 0,
            events: Vec::new(),
            complete: Vec::new(),
            delta: Vec::new(),
            released: Vec::new(),
        }
    }

    pub fn record(&mut self, now: Timestamp, fall: bool) {
        self.state.first_needed_at.get_or_insert(now);
        self.events.push((now, fall));
        self.look();
    }

    pub fn release(&mut self, now: Timestamp, job: &Job) {
        self.number += 1;
        let crl = |rhythm: Rhythm| LastRelease {
            number: CrlNumber::from_u64(self.number),
            this_update: now,
            next_update: now.saturating_add(rhythm.validity),
        };
        let (complete, delta) = (crl(self.schedule.complete()), self.schedule.deltas().map(crl));
        if job.kind != JobKind::Complete {
            assert!(delta.is_some(), "a delta CRL that nobody wants");
            assert!(self.state.last.is_some(), "a delta CRL without a base");
            assert_eq!(self.state.needs_base_since, None, "a delta CRL that spans a fall");
            self.state.last_delta = delta;
            self.delta.resize(self.events.len(), now);
        }
        if job.kind != JobKind::Delta {
            self.state.last = Some(complete);
            self.complete.resize(self.events.len(), now);
        }
        self.released.push((now, *job));
        self.look();
    }

    fn look(&mut self) {
        let pending = &self.events[self.complete.len()..];
        self.state.pending_since = pending.first().map(|event| event.0);
        self.state.needs_base_since = pending.iter().find(|event| event.1).map(|event| event.0);
        self.state.pending_delta_since = self.events.get(self.delta.len()).map(|event| event.0);
    }

    /// That nothing was late, but for what could not be released before `mended`.
    pub fn assert_in_time(&self, mended: Timestamp) {
        let in_time = |released: &[Timestamp], rhythm: Rhythm| {
            for ((recorded, _), released) in self.events.iter().zip(released) {
                let by = recorded.saturating_add(rhythm.within).max(mended);
                assert!(*released <= by, "recorded {recorded}, released {released}, not by {by}");
            }
        };
        in_time(&self.complete, self.schedule.complete());
        if let Some(deltas) = self.schedule.deltas() {
            in_time(&self.delta, deltas);
        }
    }

    /// That no more CRLs were made than events and the passing of time ask for.
    pub fn assert_few(&self, until: Timestamp) {
        let Some(first) = self.events.first() else {
            return assert!(self.released.is_empty());
        };
        let lived = until.saturating_since(first.0).as_secs();
        let most = |rhythm: Rhythm| {
            let early = |wait: Duration| {
                let jitter = u64::from(self.schedule.jitter_percent());
                (wait.as_secs() * (100 - jitter)).div_ceil(100).max(1)
            };
            let renewals = lived / early(rhythm.period - rhythm.overlap);
            let events = self.events.len() as u64;
            let gathered = match rhythm.gather.is_zero() {
                true => events,
                false => events.min(lived / early(rhythm.gather) + 1),
            };
            1 + renewals + gathered
        };
        let falls = self.events.iter().filter(|event| event.1).count() as u64;
        let count = |kinds: &[JobKind]| {
            self.released.iter().filter(|(_, job)| kinds.contains(&job.kind)).count() as u64
        };
        let complete = count(&[JobKind::Complete, JobKind::CompleteAndDelta]);
        assert!(complete <= most(self.schedule.complete()) + falls, "{complete} complete CRLs");
        if let Some(deltas) = self.schedule.deltas() {
            let alone = count(&[JobKind::Delta]);
            assert!(alone <= most(deltas) + falls, "{alone} delta CRLs");
        }
    }
}

/// A schedule, and histories in which about as much happens as it waits for.
pub fn cases(scopes: usize) -> impl Strategy<Value = (Schedule, Vec<History>)> {
    prop_oneof![Just(10u64), Just(1_000), Just(100_000)].prop_flat_map(move |scale| {
        let gap = prop_oneof![Just(0), 0..scale / 10, 0..scale * 3];
        let history = prop::collection::vec((gap, prop::bool::weighted(0.1)), 0..25);
        (schedules(scale), prop::collection::vec(history, scopes))
    })
}

pub fn schedules(scale: u64) -> impl Strategy<Value = Schedule> {
    let rhythms = (1..=scale / 5).prop_flat_map(move |retry| {
        let deltas = prop::option::of(rhythms(scale, retry));
        (Just(retry), rhythms(scale, retry), deltas, 0..=50u8)
    });
    rhythms.prop_map(|(retry, mut complete, deltas, jitter)| {
        if let Some(deltas) = deltas {
            complete.gather += deltas.gather + seconds(1);
            complete.within += deltas.gather + seconds(1);
        }
        let schedule = Schedule::new(complete, seconds(retry)).unwrap();
        let schedule = schedule.with_jitter_percent(jitter).unwrap();
        let schedule = schedule.with_first_within(seconds(retry + 1)).unwrap();
        deltas.map_or(schedule, |deltas| schedule.with_deltas(deltas).unwrap())
    })
}

fn rhythms(scale: u64, retry: u64) -> impl Strategy<Value = Rhythm> {
    let more = || prop_oneof![Just(0), 0..scale];
    (more(), more(), more(), more(), more()).prop_map(move |(a, b, c, d, e)| {
        let overlap = retry + 1 + a;
        let period = overlap + scale / 10 + b;
        Rhythm {
            overlap: seconds(overlap),
            period: seconds(period),
            validity: seconds(period + c),
            gather: seconds(d),
            within: seconds(d + retry + 1 + e),
        }
    })
}
