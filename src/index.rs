//! The serial numbers that a prefix of a log revokes, laid out for look-up.

use crate::{
    lifecycle::Revocation,
    log::{Entry, Event, FreshnessToken, Position},
    serial::Serial,
};
use std::collections::HashMap;

/// The revoked serial numbers of one issuer, up to a position of its log.
#[derive(Debug)]
pub(crate) struct SerialIndex {
    /// How far the log was read, and in which history.
    token: FreshnessToken,
    /// Whether the log may be another than what was read of it.
    behind: bool,
    revoked: HashMap<Serial, Revocation>,
}

impl SerialIndex {
    /// The index of a log of which nothing was read yet. The token must be that of its start.
    pub(crate) fn new(start: FreshnessToken) -> Self {
        Self { token: start, behind: true, revoked: HashMap::new() }
    }

    /// The index at a token, from the entries about certificates up to there, which `read` shows:
    /// those about one certificate in the order of the log.
    ///
    /// # Errors
    /// Where `read` fails.
    pub(crate) fn build<E>(
        token: FreshnessToken,
        read: impl FnOnce(&mut dyn FnMut(&Event)) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut index = Self { token, behind: false, revoked: HashMap::new() };
        read(&mut |event| index.fold(event))?;
        Ok(index)
    }

    /// How far the log was read, and in which history.
    pub(crate) const fn token(&self) -> &FreshnessToken {
        &self.token
    }

    /// The revocation of this serial number, if it is revoked.
    pub(crate) fn find(&self, serial: Serial) -> Option<Revocation> {
        self.revoked.get(&serial).copied()
    }

    /// Whether the store must be asked what the log is.
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

    /// Takes in the entry at this position, if it is the next one. Where it is any other than the
    /// last one, it may be of a history that parted from this one.
    pub(crate) fn advance(&mut self, position: Position, entry: &Entry) {
        let next = self.token.position.0.saturating_add(1);
        if position.0 == next && entry.follows(&self.token.chain) {
            (self.token.position, self.token.chain) = (position, entry.chain);
            self.fold(&entry.event);
        }
        self.behind |= (position, entry.chain) != (self.token.position, self.token.chain);
    }

    fn fold(&mut self, event: &Event) {
        if let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) {
            self.revoked.insert(subject.serial, *revocation);
        }
    }
}
