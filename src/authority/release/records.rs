//! How far the releases of a scope have come, and where they are kept.

use super::Release;
use crate::{
    authority::{
        Error,
        view::{View, corrupt},
    },
    codec::{Damaged, Reader, Writer},
    issuer_id::IssuerId,
    scope::{CrlPlace, Scope},
    store::{StoreError, Table, Version},
    time::Timestamp,
};

/// How far the releases of a scope have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::authority) struct ScopeRecord {
    pub(in crate::authority) complete: Series,
    pub(in crate::authority) delta: Series,
    /// Whether the last CRL of all went out.
    pub(in crate::authority) ended: bool,
    /// From when on nothing is dropped, where a CRL said so (expiredCertsOnCRL).
    pub(in crate::authority) keeps_expired_since: Option<Timestamp>,
}

/// The releases of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::authority) struct Series {
    /// How many there are: the ordinal of the last.
    pub(in crate::authority) count: u64,
    /// The ordinal of the last that all its sinks show; 0 for none.
    pub(in crate::authority) out: u64,
}

impl ScopeRecord {
    const FORMAT: u8 = 1;

    pub(in crate::authority) fn series(&self, delta: bool) -> Series {
        if delta { self.delta } else { self.complete }
    }

    pub(in crate::authority) fn series_mut(&mut self, delta: bool) -> &mut Series {
        if delta { &mut self.delta } else { &mut self.complete }
    }

    pub(in crate::authority) fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        for series in [self.complete, self.delta] {
            out.u64(series.count);
            out.u64(series.out);
        }
        out.bool(self.ended);
        out.optional(self.keeps_expired_since, Writer::timestamp);
        out.finish()
    }

    fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let mut series = || Ok(Series { count: input.u64()?, out: input.u64()? });
        let (complete, delta) = (series()?, series()?);
        let (ended, keeps_expired_since) = (input.bool()?, input.optional(Reader::timestamp)?);
        input.finish()?;
        Ok(Self { complete, delta, ended, keeps_expired_since })
    }
}

/// The key of the records of a scope: its numbering, and how far its releases have come.
pub(in crate::authority) fn scope_key(issuer: IssuerId, scope: Scope) -> Vec<u8> {
    [&issuer.as_octets()[..], &scope.to_octets()].concat()
}

/// The key of one release.
pub(in crate::authority) fn release_key(place: &CrlPlace, ordinal: u64) -> Vec<u8> {
    let mut key = scope_key(place.issuer, place.scope);
    key.push(u8::from(place.delta));
    key.extend_from_slice(&ordinal.to_be_bytes());
    key
}

/// The key of a CRL that was made elsewhere and taken over.
pub(super) fn adopted_key(place: &CrlPlace, tbs_sha256: [u8; 32]) -> Vec<u8> {
    let mut key = scope_key(place.issuer, place.scope);
    key.push(2 + u8::from(place.delta));
    key.extend_from_slice(&tbs_sha256);
    key
}

impl View<'_> {
    pub(in crate::authority) fn scope_record(
        &self,
        issuer: IssuerId,
        scope: Scope,
    ) -> Result<(Version, ScopeRecord), StoreError> {
        let key = scope_key(issuer, scope);
        let (version, record) = self.read(Table::Releases, &key, ScopeRecord::from_octets)?;
        Ok((version, record.unwrap_or_default()))
    }

    /// The release with this ordinal; `None` for 0, which stands for none.
    pub(in crate::authority) fn release(
        &self,
        place: &CrlPlace,
        ordinal: u64,
    ) -> Result<Option<(Version, Release)>, StoreError> {
        if ordinal == 0 {
            return Ok(None);
        }
        let key = release_key(place, ordinal);
        match self.read(Table::Releases, &key, Release::from_octets)? {
            (version, Some(release)) => Ok(Some((version, release))),
            (_, None) => Err(corrupt(Table::Releases, &key, "it is gone")),
        }
    }

    /// The release of a place that its sinks show, if there is one.
    pub(in crate::authority) fn last_out(
        &self,
        place: &CrlPlace,
    ) -> Result<Option<Release>, StoreError> {
        let (_, record) = self.scope_record(place.issuer, place.scope)?;
        let out = record.series(place.delta).out;
        Ok(self.release(place, out)?.map(|(_, release)| release))
    }

    /// The release that was recorded last for a place, shown or not.
    pub(in crate::authority) fn last_recorded(
        &self,
        place: &CrlPlace,
    ) -> Result<Option<Release>, StoreError> {
        let (_, record) = self.scope_record(place.issuer, place.scope)?;
        let last = record.series(place.delta).count;
        Ok(self.release(place, last)?.map(|(_, release)| release))
    }

    /// The first release of a place for which this holds, and its ordinal. If it holds for one, it
    /// must hold for all after it.
    pub(in crate::authority) fn first_release(
        &self,
        place: &CrlPlace,
        count: u64,
        holds: impl Fn(&Release) -> bool,
    ) -> Result<Option<(u64, Release)>, StoreError> {
        let (mut low, mut high) = (1, count.saturating_add(1));
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.release(place, middle)? {
                Some((_, release)) if holds(&release) => {
                    found = Some((middle, release));
                    high = middle;
                }
                _ => low = middle + 1,
            }
        }
        Ok(found)
    }

    /// Checks that what was released before is of this history, and not more than the store shows:
    /// a replica that lags or a copy that was restored is an error, never a shorter CRL.
    pub(in crate::authority) fn covers_releases(
        &self,
        issuer: IssuerId,
        scope: Scope,
    ) -> Result<(), Error> {
        for delta in [false, true] {
            let place = CrlPlace { issuer, scope, delta };
            if let Some(token) = self.last_recorded(&place)?.and_then(|release| release.token) {
                self.covers(&token)?;
            }
        }
        Ok(())
    }
}
