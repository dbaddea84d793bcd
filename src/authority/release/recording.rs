//! Recording what goes out, before and after it does.

use super::{
    Placed, Release, Retention,
    records::{adopted_key, release_key, scope_key},
};
use crate::{
    authority::{Authority, Error, change::Change, crl::Origin, view::View},
    codec::Writer,
    crl::CrlNumber,
    issuer_id::IssuerId,
    scope::{CrlPlace, Scope},
    store::{Store, Table, Version},
    time::Timestamp,
};

const ADOPTED_FORMAT: u8 = 1;

/// A release to record, and how many of its kind there were when it was compared with them.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) place: CrlPlace,
    pub(crate) release: Release,
    pub(crate) expired_since: Option<Timestamp>,
}

impl<S: Store> Authority<S> {
    /// Records CRLs of one scope that are about to go out; answers their ordinals.
    ///
    /// # Errors
    /// [`Error::Overtaken`] where a later one was recorded meanwhile, or one that knows more.
    pub(crate) fn record_releases(&self, intents: &[Intent]) -> Result<Vec<u64>, Error> {
        let Some(first) = intents.first() else { return Ok(Vec::new()) };
        let CrlPlace { issuer, scope, .. } = first.place;
        self.decide(|view, change| {
            let (version, mut record) = view.scope_record(issuer, scope)?;
            let mut ordinals = Vec::with_capacity(intents.len());
            for Intent { place, release, expired_since } in intents {
                for delta in [false, true] {
                    let before = view.last_recorded(&CrlPlace { delta, ..*place })?;
                    if let Some(before) = before
                        && (before.number >= release.number || !release.knows_all_of(&before))
                    {
                        let (number, by) = (release.number, before.number);
                        return Err(Error::Overtaken { issuer, scope, number, by });
                    }
                }
                let series = record.series_mut(place.delta);
                series.count = series.count.saturating_add(1);
                ordinals.push(series.count);
                let key = release_key(place, series.count);
                change.put(Table::Releases, key, Version::ABSENT, release.to_octets());
                if let (None, Some(since)) = (record.keeps_expired_since, *expired_since) {
                    let taken = taken_since(view, change, issuer, release)?;
                    record.keeps_expired_since = taken.max(Some(since));
                }
            }
            let key = scope_key(issuer, scope);
            change.put(Table::Releases, key, version, record.to_octets());
            Ok(ordinals)
        })
    }

    /// Records since when sinks show a release.
    pub(crate) fn record_placed(
        &self,
        place: &CrlPlace,
        ordinal: u64,
        sinks: &[Placed],
    ) -> Result<Release, Error> {
        let CrlPlace { issuer, scope, .. } = *place;
        self.decide(|view, change| {
            let (version, mut record) = view.scope_record(issuer, scope)?;
            let Some((own, before)) = view.release(place, ordinal)? else {
                return Ok(Release::blank());
            };
            let mut release = before.clone();
            for placed in sinks {
                match release.sinks.iter_mut().find(|known| known.sink == placed.sink) {
                    Some(known) => known.at = known.at.or(placed.at),
                    None => release.sinks.push(placed.clone()),
                }
            }
            if release != before {
                change.put(Table::Releases, release_key(place, ordinal), own, release.to_octets());
            }
            let series = record.series_mut(place.delta);
            if release.out_since().is_some() && series.out < ordinal {
                series.out = ordinal;
                record.ended |= release.last;
                let key = scope_key(issuer, scope);
                change.put(Table::Releases, key, version, record.to_octets());
            }
            Ok(release)
        })
    }

    /// The release of a place with this number and these contents, and its ordinal, if this record
    /// knows of it.
    pub(crate) fn find_release(
        &self,
        place: &CrlPlace,
        number: CrlNumber,
        tbs_sha256: [u8; 32],
    ) -> Result<Option<(u64, Release)>, Error> {
        let view = self.view()?;
        let (_, record) = view.scope_record(place.issuer, place.scope)?;
        let count = record.series(place.delta).count;
        let found = view.first_release(place, count, |release| release.number >= number)?;
        Ok(found.filter(|(_, it)| it.number == number && it.tbs_sha256 == tbs_sha256))
    }

    /// Takes a CRL over that was made elsewhere, or by a part of this history that is lost: one of
    /// which all that it lists is recorded here. From then on it may be replaced like a release.
    pub(in crate::authority) fn adopt(
        &self,
        place: &CrlPlace,
        number: CrlNumber,
        tbs_sha256: [u8; 32],
    ) -> Result<(), Error> {
        self.decide(|view, change| {
            let key = adopted_key(place, tbs_sha256);
            if !view.has(Table::Releases, &key)? {
                let mut out = Writer::new(ADOPTED_FORMAT);
                out.fixed(&number.to_be_bytes());
                change.put(Table::Releases, key, Version::ABSENT, out.finish());
            }
            Ok(())
        })
    }

    /// Whether a CRL with these contents was taken over.
    pub(crate) fn is_adopted(&self, place: &CrlPlace, tbs_sha256: [u8; 32]) -> Result<bool, Error> {
        Ok(self.view()?.has(Table::Releases, &adopted_key(place, tbs_sha256))?)
    }

    /// The number of the last CRL that was recorded for a place.
    pub(crate) fn last_number(&self, place: &CrlPlace) -> Result<Option<CrlNumber>, Error> {
        Ok(self.view()?.last_recorded(place)?.map(|release| release.number))
    }

    /// What need not be listed after the base of a delta CRL, if it went out. Another complete CRL
    /// may have since.
    pub(crate) fn retention_after(
        &self,
        delta: &CrlPlace,
        base: CrlNumber,
    ) -> Result<Option<Retention>, Error> {
        let place = CrlPlace::complete(delta.issuer, delta.scope);
        let view = self.view()?;
        let (_, record) = view.scope_record(place.issuer, place.scope)?;
        let found = view.first_release(&place, record.complete.out, |it| it.number >= base)?;
        let found = found.map(|(_, release)| release);
        let found = found.filter(|it| it.number == base && it.out_since().is_some());
        Ok(found.map(|release| Retention {
            expired_before: release.this_update,
            revoked_up_to: release.as_of.position(delta.issuer),
            recorded_before: None,
        }))
    }

    /// Whether what a CRL was prepared from is still of this record.
    pub(crate) fn check_origin(&self, origin: &Origin) -> Result<(), Error> {
        match &origin.release.token {
            Some(token) => self.view()?.covers(token).map(drop),
            None => Ok(()),
        }
    }

    /// What was released of an issuer and scope, the latest first, at most `limit` complete CRLs and
    /// as many deltas.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn releases(
        &self,
        issuer: IssuerId,
        scope: Scope,
        limit: usize,
    ) -> Result<Vec<Release>, Error> {
        let view = self.view()?;
        view.require_issuer(issuer)?;
        let (_, record) = view.scope_record(issuer, scope)?;
        let mut releases = Vec::new();
        for delta in [false, true] {
            let place = CrlPlace { issuer, scope, delta };
            let count = record.series(delta).count;
            for ordinal in (1..=count).rev().take(limit) {
                releases.extend(view.release(&place, ordinal)?.map(|(_, release)| release));
            }
        }
        releases.sort_by_key(|release| std::cmp::Reverse((release.number, release.base)));
        Ok(releases)
    }
}

/// When a compaction last took what this CRL lists. It is on that CRL, and on none that follows.
fn taken_since(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    release: &Release,
) -> Result<Option<Timestamp>, Error> {
    // Each compaction renews the issuer.
    change.assert_issuer(issuer, view.require_issuer(issuer)?.version);
    let taken = release.token.as_ref().map(|token| view.last_compaction(token)).transpose()?;
    Ok(taken.flatten())
}
