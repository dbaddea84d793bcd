//! The serial numbers that a prefix of a log revokes, laid out for look-up.

use crate::{
    lifecycle::Revocation,
    log::{Event, Position},
    serial::Serial,
};
use std::collections::HashMap;

/// The revoked serial numbers of one issuer, up to a position of its log.
#[derive(Debug)]
pub(crate) struct SerialIndex {
    position: Position,
    /// Whether the log may go further than what was read of it.
    behind: bool,
    revoked: HashMap<Serial, Revocation>,
}

impl Default for SerialIndex {
    /// Nothing was read yet.
    fn default() -> Self {
        Self { position: Position(0), behind: true, revoked: HashMap::new() }
    }
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

    /// Whether the log may go further.
    pub(crate) const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Says that all entries were taken in.
    pub(crate) const fn caught_up(&mut self) {
        self.behind = false;
    }

    /// Says that the log may go further.
    pub(crate) const fn fall_behind(&mut self) {
        self.behind = true;
    }

    /// Takes in the entry at this position, if it is the next one.
    pub(crate) fn advance(&mut self, position: Position, event: &Event) {
        if position.0 == self.position.0.saturating_add(1) {
            self.position = position;
            if let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) {
                self.revoked.insert(subject.serial, *revocation);
            }
        }
        self.behind |= self.position < position;
    }
}
