//! Where CRLs go out to relying parties.

mod sink;

#[cfg(feature = "object-store")]
pub use self::sink::ObjectStoreSink;
pub use self::sink::{Current, DirectorySink, MemorySink, Outgoing, Revision, Sink, SinkError};
