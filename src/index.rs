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
    /// How far the log is known to go.
    head: Position,
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

    /// Whether the log is known to go further.
    pub(crate) fn is_behind(&self) -> bool {
        self.position < self.head
    }

    /// Takes in the entry at this position, if it is the next one.
    pub(crate) fn advance(&mut self, position: Position, event: &Event) {
        self.head = self.head.max(position);
        if position.0 == self.position.0 + 1 {
            self.position = position;
            if let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) {
                self.revoked.insert(subject.serial, *revocation);
            }
        }
    }
}
