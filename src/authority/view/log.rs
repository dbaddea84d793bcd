//! Reading logs, and noticing that one is short, damaged, or not the one that was known.

use super::{View, corrupt, entry};
use crate::{
    authority::Error,
    index::RevokedSubject,
    issuer_id::IssuerId,
    log::{Entry, Event, FreshnessToken, Head, Position, Tally},
    store::{Snapshot, Space, StoreError, key},
    time::Timestamp,
};
use std::ops::ControlFlow;

impl View<'_> {
    pub(in crate::authority) fn head(&self, issuer: IssuerId) -> Result<Head, StoreError> {
        let key = key::head(issuer);
        match self.snapshot.get(Space::Heads, &key)? {
            // A head that is lost must not make a log that has entries an empty one.
            None if self.snapshot.get(Space::Log, &key::log(issuer, Position(1)))?.is_some() => {
                Err(corrupt(Space::Heads, &key, "it is gone"))
            }
            None => Ok(Head::EMPTY),
            Some(record) => Head::from_octets(Position(record.version.0), &record.value)
                .map_err(|error| corrupt(Space::Heads, &key, error)),
        }
    }

    /// Names the log of an issuer up to this position, which it must have reached.
    pub(in crate::authority) fn token(
        &self,
        issuer: IssuerId,
        position: Position,
    ) -> Result<FreshnessToken, Error> {
        let incarnation = self.require_issuer(issuer)?.record.incarnation;
        let head = self.head(issuer)?;
        let chain = self.chain_at(issuer, &head, position)?;
        Ok(FreshnessToken { issuer, incarnation, position, chain })
    }

    /// Checks that the log which the token names goes at least as far, in the same history; answers
    /// its head.
    pub(in crate::authority) fn covers(&self, token: &FreshnessToken) -> Result<Head, Error> {
        let &FreshnessToken { issuer, incarnation, position, chain } = token;
        let Some(known) = self.issuer(issuer)? else {
            // Whoever made the token knew the issuer: a replica may not have heard of it yet.
            return Err(Error::Behind { issuer, at: Position(0), wanted: position });
        };
        let head = self.head(issuer)?;
        if known.record.incarnation != incarnation
            || self.chain_at(issuer, &head, position)? != chain
        {
            return Err(Error::Forked { issuer, position });
        }
        Ok(head)
    }

    /// The chain digest at a position of a log with this head.
    fn chain_at(
        &self,
        issuer: IssuerId,
        head: &Head,
        position: Position,
    ) -> Result<[u8; 32], Error> {
        if position > head.position {
            return Err(Error::Behind { issuer, at: head.position, wanted: position });
        }
        if position == head.position {
            return Ok(head.chain);
        }
        if position == Head::EMPTY.position {
            return Ok(Head::EMPTY.chain);
        }
        let key = key::log(issuer, position);
        let record = self.snapshot.get(Space::Log, &key)?.ok_or_else(|| gap(issuer, position))?;
        Ok(entry(Space::Log, &key, &record.value)?.chain)
    }

    /// The entries of a log after this token, which it [covers](View::covers), up to its head, as
    /// far as `visit` wants them. One that is lost, or does not follow from the one before, is an
    /// error.
    pub(in crate::authority) fn log(
        &self,
        after: &FreshnessToken,
        head: &Head,
        mut visit: impl FnMut(Position, Entry, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if after.position == head.position {
            return Ok(());
        }
        let issuer = after.issuer;
        let (mut last, mut chain) = (after.position, after.chain);
        let mut flow = ControlFlow::Continue(());
        let (from, to) = (key::log(issuer, next(last)), key::log(issuer, next(head.position)));
        self.scan(Space::Log, &from, Some(to), |key, value| {
            let position = key::position(key);
            if position != next(last) {
                return Err(gap(issuer, next(last)));
            }
            let entry = entry(Space::Log, key, value)?;
            if !entry.follows(&chain) {
                let problem = "it does not follow from the entry before it";
                return Err(corrupt(Space::Log, key, problem));
            }
            (last, chain) = (position, entry.chain);
            flow = visit(position, entry, value);
            Ok(flow)
        })?;
        if flow.is_break() {
            return Ok(());
        }
        if (last, chain) != (head.position, head.chain) {
            return Err(StoreError::Corrupt {
                what: format!("log of issuer {issuer}"),
                problem: format!("it ends at position {last}, not where and how its head says"),
            });
        }
        Ok(())
    }

    /// The entries about certificates that CRLs must still know of, those about one certificate
    /// in the order of the log. Where they are others than the head counted, it is an error in the
    /// end.
    pub(in crate::authority) fn live(
        &self,
        issuer: IssuerId,
        head: &Head,
        mut visit: impl FnMut(RevokedSubject),
    ) -> Result<(), StoreError> {
        let mut tally = Tally::default();
        let prefix = issuer.as_octets();
        self.scan(Space::Entries, prefix, key::past(prefix), |key, value| {
            tally.add(value);
            let entry = entry(Space::Entries, key, value)?;
            RevokedSubject::of(&entry.event, key::position(key)).map(&mut visit);
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        check_tally(issuer, head.position, &head.tally, &tally)
    }

    /// When a compaction last took something, after this token.
    pub(in crate::authority) fn last_compaction(
        &self,
        after: &FreshnessToken,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut last = None;
        self.log(after, &self.head(after.issuer)?, |_, entry, _| {
            if let Event::Compacted(compaction) = entry.event {
                last = last.max(Some(compaction.recorded_at));
            }
            ControlFlow::Continue(())
        })?;
        Ok(last)
    }
}

/// What entries come to that are visited in the order of the serial numbers, those about one
/// certificate in the order of the log.
#[derive(Default)]
pub(in crate::authority) struct Folded {
    current: Option<RevokedSubject>,
    tally: Tally,
}

impl Folded {
    /// Takes in the next entry; answers what is known of the certificate before, if it was the last
    /// about that.
    pub(in crate::authority) fn add(
        &mut self,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<RevokedSubject>, StoreError> {
        self.tally.add(value);
        let entry = entry(Space::Entries, key, value)?;
        let Some(next) = RevokedSubject::of(&entry.event, key::position(key)) else {
            return Ok(None);
        };
        let known = self.current.filter(|known| known.subject.serial == next.subject.serial);
        // An amendment replaces what was before it.
        let is = known.map_or(next, |known| known.amended(next));
        Ok(self.current.replace(is).filter(|_| known.is_none()))
    }

    /// What is known of the last certificate, and what all entries were.
    pub(in crate::authority) fn finish(self) -> (Option<RevokedSubject>, Tally) {
        (self.current, self.tally)
    }
}

/// Checks that a scan of the entries about certificates found those that were counted.
pub(in crate::authority) fn check_tally(
    issuer: IssuerId,
    position: Position,
    counted: &Tally,
    found: &Tally,
) -> Result<(), StoreError> {
    if found == counted {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        what: format!("log of issuer {issuer} at position {position}"),
        problem: format!(
            "{} entries about certificates are recorded, a scan found {} or others",
            counted.count, found.count
        ),
    })
}

fn next(position: Position) -> Position {
    Position(position.0.saturating_add(1))
}

fn gap(issuer: IssuerId, at: Position) -> StoreError {
    StoreError::Corrupt {
        what: format!("log of issuer {issuer}"),
        problem: format!("no entry stands at position {at}"),
    }
}
