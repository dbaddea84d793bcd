//! Publishing: what is due, what may go out, where to, and the record of it.

mod error;
mod gate;
mod issue;
mod observe;
mod publisher;
#[cfg(feature = "runner")]
mod runner;
mod schedule;
mod sink;

#[cfg(feature = "runner")]
pub use self::runner::{Runner, Turn};
#[cfg(feature = "object-store")]
pub use self::sink::ObjectStoreSink;
pub use self::{
    error::{NotPlaced, PublishError},
    gate::GateRefusal,
    issue::{Issue, Released},
    publisher::{Attempt, Publisher, Publishing},
    schedule::{
        Failure, Job, JobKind, LastRelease, Overdue, Rhythm, Schedule, ScheduleError, ScopeState,
        Why,
    },
    sink::{Current, DirectorySink, MemorySink, Outgoing, Revision, Sink, SinkError},
};
