//! What may leave a CRL, asked of the record serial number by serial number.

use super::{
    Authority, Error,
    publication::is_about,
    release::Retention,
    view::{View, entry},
};
use crate::{
    issuer_id::IssuerId,
    log::Position,
    scope::Scope,
    serial::Serial,
    store::{Space, Store, key},
    time::Timestamp,
};
use std::ops::ControlFlow;

impl<S: Store> Authority<S> {
    /// Of these certificates of an issuer, those that a CRL of a place must go on listing, though
    /// the CRL that it replaces, which has this thisUpdate, lists them: each of which nobody knows
    /// that it had expired by then (RFC 5280 §3.3), nor, for a delta, that its base lists it or let
    /// it go. What was only invalidated may leave a CRL that turned out not to be about certificates
    /// of its kind.
    pub(crate) fn must_stay(
        &self,
        issuer: IssuerId,
        scope: Scope,
        serials: &[Serial],
        replaced_at: Timestamp,
        base: Option<Retention>,
    ) -> Result<Vec<Serial>, Error> {
        let view = self.view()?;
        let (mut stay, mut gone) = (Vec::new(), Vec::new());
        for &serial in serials {
            let (_, record) = view.certificate(issuer, serial)?;
            let Some(record) = record else {
                gone.push(serial);
                continue;
            };
            let rows = view.rows_of(issuer, record.partition, serial)?;
            let mut not_after = record.not_after;
            let (mut first, mut last) = (None, None);
            for (key, value) in &rows {
                let event = entry(Space::Entries, key, value)?.event;
                not_after = not_after.max(event.subject().and_then(|subject| subject.not_after));
                last = Some(key::position(key));
                first = first.or(last);
            }
            let has_expired = not_after.is_some_and(|at| at < replaced_at);
            let is_settled = |base: Retention| {
                last.is_some_and(|last| last <= base.revoked_up_to)
                    || first.zip(not_after).is_some_and(|(first, at)| base.lets_go(first, at))
            };
            let is_on_base = base.is_some_and(is_settled);
            let is_about_it = matches!(scope, Scope::Partition(_))
                || is_about(scope, record.kind, record.partition);
            if !has_expired && !is_on_base && (is_about_it || !rows.is_empty()) {
                stay.push(serial);
            }
        }
        stay.extend(self.still_valid(&view, issuer, gone, replaced_at, base)?);
        Ok(stay)
    }

    /// Of certificates that left the live set, those that the log does not know to have expired.
    fn still_valid(
        &self,
        view: &View<'_>,
        issuer: IssuerId,
        mut gone: Vec<Serial>,
        replaced_at: Timestamp,
        base: Option<Retention>,
    ) -> Result<Vec<Serial>, Error> {
        if gone.is_empty() {
            return Ok(gone);
        }
        gone.sort_unstable();
        let head = view.head(issuer)?;
        let mut expired = vec![false; gone.len()];
        view.log(&view.token(issuer, Position(0))?, &head, |position, entry, _| {
            if let Some(subject) = entry.event.subject()
                && let Ok(place) = gone.binary_search(&subject.serial)
                && let Some(expired) = expired.get_mut(place)
            {
                *expired |= subject.not_after.is_some_and(|at| {
                    at < replaced_at || base.is_some_and(|base| base.lets_go(position, at))
                });
            }
            ControlFlow::Continue(())
        })?;
        let kept = gone.into_iter().zip(expired).filter(|(_, expired)| !expired);
        Ok(kept.map(|(serial, _)| serial).collect())
    }
}
