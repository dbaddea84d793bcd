//! The serial numbers that a prefix of a log revokes, laid out for look-up.

use crate::{
    lifecycle::Revocation,
    log::{Event, Position},
    serial::Serial,
};
use std::collections::HashMap;

/// The revoked serial numbers of one issuer, up to a position of its log.
#[derive(Debug, Default)]
pub(crate) struct SerialIndex {
    position: Position,
    revoked: HashMap<Serial, Revocation>,
}

impl SerialIndex {
    /// The position up to which the log was read.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// The revocation of this serial number, if it is revoked.
    pub(crate) fn find(&self, serial: Serial) -> Option<Revocation> {
        self.revoked.get(&serial).copied()
    }

    /// Takes the entry at this position in; an entry that it has seen or that is not the next one
    /// is not, and the answer says so.
    pub(crate) fn advance(&mut self, position: Position, event: &Event) -> bool {
        if position.0 != self.position.0 + 1 {
            return false;
        }
        self.position = position;
        if let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) {
            self.revoked.insert(subject.serial, *revocation);
        }
        true
    }
}
