//! What stands between a CRL and those who rely on it: when one is due.

mod schedule;

pub use self::schedule::{
    Failure, Job, JobKind, LastRelease, Overdue, Rhythm, Schedule, ScheduleError, ScopeState, Why,
};
