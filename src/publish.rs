//! Where CRLs go out to relying parties.

mod sink;

pub use self::sink::{Current, MemorySink, Outgoing, Revision, Sink, SinkError};
