//! The log of an issuer: entries that are only ever added, and what a prefix of it is called.
//!
//! Each entry is complete by itself and carries the digest of the chain up to it, so that two logs
//! with the same digest at a position are the same up to there. The [`Head`] says how far the log
//! goes, and counts and sums what a scan must find.

mod entry;
mod head;
mod position;
mod token;

pub use self::{
    entry::{CommandId, Compaction, Entry, Event, NewEntry, Subject},
    head::Head,
    position::{AsOf, Position},
    token::{BadFreshnessToken, FreshnessToken},
};
pub(crate) use self::{
    entry::{
        fold, listed, read_fall, read_kind, read_revocation, read_subject, write_fall, write_kind,
        write_revocation, write_subject,
    },
    head::Tally,
};
