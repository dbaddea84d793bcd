//! Publishing: what may go out, where to, and the record of it.

mod gate;
mod issue;
mod sink;

pub use self::{
    gate::GateRefusal,
    issue::{Issue, NotPlaced, PublishError, Released},
    sink::{Current, DirectorySink, MemorySink, Outgoing, Revision, Sink, SinkError},
};
