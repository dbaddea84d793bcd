//! The record of what was released to relying parties.
//!
//! A CRL that passed the gate is recorded before any sink is written, so a crash in between never
//! leaves a CRL that nobody knows of: what a sink shows is either in this record, or was made by
//! another history. Once all sinks have it, the record says so, and only then it counts as
//! released.
//!
//! ```text
//! issuer ‖ scope                   -> how many there are, and which is the last that counts
//! issuer ‖ scope ‖ kind ‖ ordinal  -> one release; ordinals count from 1
//! issuer ‖ scope ‖ 2 + kind ‖ SHA-256 of the tbsCertList -> the number of a CRL that was adopted
//! ```

use super::{Authority, Error, crl::Origin, view::View, waiver::Waiver};
use crate::{
    codec::{Damaged, Reader, Writer},
    crl::{CrlNumber, PreparedCrl},
    issuer_id::IssuerId,
    log::{AsOf, FreshnessToken, Position},
    scope::{CrlPlace, Scope},
    store::{Store, StoreError, Table, Version},
    time::Timestamp,
};

/// A CRL that was released, or is being released.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// Its number.
    pub number: CrlNumber,
    /// For a delta CRL, the number of the complete CRL that it adds to (RFC 5280 §5.2.4).
    pub base: Option<CrlNumber>,
    /// When it was issued.
    pub this_update: Timestamp,
    /// By when the next one will be issued.
    pub next_update: Timestamp,
    /// How many certificates it lists.
    pub entries: u64,
    /// How many octets it takes, in DER.
    pub octets: u64,
    /// The SHA-256 of its tbsCertList.
    pub tbs_sha256: [u8; 32],
    /// What it was made from: it lists every revocation up to these positions that retention does
    /// not let go.
    pub as_of: AsOf,
    /// What it need not list.
    pub retention: Option<Retention>,
    /// Whether the issuer was down when it was made, and it lists what that invalidates.
    pub lists_invalidated: bool,
    /// When the record was read for it, by the clock of whoever made it.
    pub made_at: Timestamp,
    /// Whether it is the last of its scope, for ever.
    pub last: bool,
    /// What was set aside for it.
    pub waivers: Vec<Waiver>,
    /// The sinks that must show it.
    pub sinks: Vec<Placed>,
    /// The history that it belongs to.
    pub(crate) token: Option<FreshnessToken>,
}

/// A sink that a release is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// The name of the sink.
    pub sink: String,
    /// Since when it shows the release; `None` where it is not known to.
    pub at: Option<Timestamp>,
}

/// What may leave a CRL: what was revoked before the complete CRL of the same scope that was
/// released last, if it had expired by then. For that CRL lists it, or one before it did (RFC 5280
/// §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Retention {
    /// The thisUpdate of that CRL: the certificate's notAfter must be before it.
    pub expired_before: Timestamp,
    /// The position that it was made from: the certificate must have been revoked up to there.
    pub revoked_up_to: Position,
    /// Where that CRL listed what the fall of its issuer invalidates: what is not revoked itself must
    /// have been recorded before this time.
    pub recorded_before: Option<Timestamp>,
}

impl Retention {
    /// Whether a certificate that was revoked at this position may leave.
    pub(super) fn lets_go(&self, revoked_at: Position, not_after: Timestamp) -> bool {
        not_after < self.expired_before && revoked_at <= self.revoked_up_to
    }
}

impl Release {
    const FORMAT: u8 = 1;

    /// What will be recorded of a CRL that was [prepared](Authority::prepare_crl) once it is
    /// released.
    ///
    /// # Errors
    /// Where it was not prepared by an authority.
    pub fn of(prepared: &PreparedCrl) -> Result<Self, Damaged> {
        Ok(Origin::of(prepared)?.release)
    }

    /// Since when every sink that must show it does; `None` where one is missing, or there is none.
    pub fn out_since(&self) -> Option<Timestamp> {
        let placed: Option<Vec<_>> = self.sinks.iter().map(|sink| sink.at).collect();
        placed.and_then(|placed| placed.into_iter().max())
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.fixed(&self.number.to_be_bytes());
        out.optional(self.base, |out, base| out.fixed(&base.to_be_bytes()));
        out.timestamp(self.this_update);
        out.timestamp(self.next_update);
        out.u64(self.entries);
        out.u64(self.octets);
        out.fixed(&self.tbs_sha256);
        self.write_origin(&mut out);
        out.list(&self.sinks, |out, placed| {
            out.text(&placed.sink);
            out.optional(placed.at, Writer::timestamp);
        });
        out.finish()
    }

    /// What a prepared CRL carries along of the release that it will be.
    pub(super) fn write_origin(&self, out: &mut Writer) {
        out.octet_string(&self.as_of.to_octets());
        out.optional(self.retention, |out, retention| {
            out.timestamp(retention.expired_before);
            out.u64(retention.revoked_up_to.0);
            out.optional(retention.recorded_before, Writer::timestamp);
        });
        out.bool(self.lists_invalidated);
        out.timestamp(self.made_at);
        out.bool(self.last);
        out.list(&self.waivers, Waiver::write);
        out.optional(self.token.as_ref(), |out, token| out.octet_string(&token.to_octets()));
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let release = Self {
            number: read_number(&mut input)?,
            base: input.optional(read_number)?,
            this_update: input.timestamp()?,
            next_update: input.timestamp()?,
            entries: input.u64()?,
            octets: input.u64()?,
            tbs_sha256: input.fixed()?,
            sinks: Vec::new(),
            ..Self::read_origin(&mut input)?
        };
        let sinks = input.list(|input| {
            Ok(Placed { sink: input.text()?, at: input.optional(Reader::timestamp)? })
        })?;
        input.finish()?;
        Ok(Self { sinks, ..release })
    }

    /// Reads what [`Release::write_origin`] wrote; the rest is blank.
    pub(super) fn read_origin(input: &mut Reader<'_>) -> Result<Self, Damaged> {
        let as_of = AsOf::from_octets(input.octet_string()?)?;
        let retention = input.optional(|input| {
            Ok(Retention {
                expired_before: input.timestamp()?,
                revoked_up_to: Position(input.u64()?),
                recorded_before: input.optional(Reader::timestamp)?,
            })
        })?;
        let lists_invalidated = input.bool()?;
        let made_at = input.timestamp()?;
        let last = input.bool()?;
        let waivers = input.list(Waiver::read)?;
        let token = input.optional(|input| {
            FreshnessToken::from_octets(input.octet_string()?)
                .map_err(|_| input.damaged("no freshness token"))
        })?;
        Ok(Self {
            as_of,
            retention,
            lists_invalidated,
            made_at,
            last,
            waivers,
            token,
            ..Self::blank()
        })
    }

    /// A release that nothing is known of yet.
    pub(super) fn blank() -> Self {
        Self {
            number: CrlNumber::MIN,
            base: None,
            this_update: Timestamp::MIN,
            next_update: Timestamp::MIN,
            entries: 0,
            octets: 0,
            tbs_sha256: [0; 32],
            as_of: AsOf::default(),
            retention: None,
            lists_invalidated: false,
            made_at: Timestamp::MIN,
            last: false,
            waivers: Vec::new(),
            sinks: Vec::new(),
            token: None,
        }
    }
}

fn read_number(input: &mut Reader<'_>) -> Result<CrlNumber, Damaged> {
    CrlNumber::from_be_bytes(input.fixed()?).map_err(|_| input.damaged("no CRL number"))
}

/// How far the releases of a scope have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScopeRecord {
    pub(super) complete: Series,
    pub(super) delta: Series,
    /// Whether the last CRL of all went out.
    pub(super) ended: bool,
    /// From when on nothing is dropped, where a CRL said so (expiredCertsOnCRL).
    pub(super) keeps_expired_since: Option<Timestamp>,
}

/// The releases of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    /// How many there are: the ordinal of the last.
    pub(super) count: u64,
    /// The ordinal of the last that all its sinks show; 0 for none.
    pub(super) out: u64,
}

impl ScopeRecord {
    const FORMAT: u8 = 1;

    pub(super) fn series(&self, delta: bool) -> Series {
        if delta { self.delta } else { self.complete }
    }

    pub(super) fn series_mut(&mut self, delta: bool) -> &mut Series {
        if delta { &mut self.delta } else { &mut self.complete }
    }

    pub(super) fn to_octets(self) -> Vec<u8> {
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
pub(super) fn scope_key(issuer: IssuerId, scope: Scope) -> Vec<u8> {
    [&issuer.as_octets()[..], &scope.to_octets()].concat()
}

/// The key of one release.
pub(super) fn release_key(place: &CrlPlace, ordinal: u64) -> Vec<u8> {
    let mut key = scope_key(place.issuer, place.scope);
    key.push(u8::from(place.delta));
    key.extend_from_slice(&ordinal.to_be_bytes());
    key
}

/// The key of a CRL that was made elsewhere and taken over.
fn adopted_key(place: &CrlPlace, tbs_sha256: [u8; 32]) -> Vec<u8> {
    let mut key = scope_key(place.issuer, place.scope);
    key.push(2 + u8::from(place.delta));
    key.extend_from_slice(&tbs_sha256);
    key
}

const ADOPTED_FORMAT: u8 = 1;

impl View<'_> {
    pub(super) fn scope_record(
        &self,
        issuer: IssuerId,
        scope: Scope,
    ) -> Result<(Version, ScopeRecord), StoreError> {
        let key = scope_key(issuer, scope);
        let (version, record) = self.read(Table::Releases, &key, ScopeRecord::from_octets)?;
        Ok((version, record.unwrap_or_default()))
    }

    /// The release with this ordinal; `None` for 0, which stands for none.
    pub(super) fn release(
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
            (_, None) => Err(super::view::corrupt(Table::Releases, &key, "it is gone")),
        }
    }

    /// The release of a place that its sinks show, if there is one.
    pub(super) fn last_out(&self, place: &CrlPlace) -> Result<Option<Release>, StoreError> {
        let (_, record) = self.scope_record(place.issuer, place.scope)?;
        let out = record.series(place.delta).out;
        Ok(self.release(place, out)?.map(|(_, release)| release))
    }

    /// The release that was recorded last for a place, shown or not.
    pub(super) fn last_recorded(&self, place: &CrlPlace) -> Result<Option<Release>, StoreError> {
        let (_, record) = self.scope_record(place.issuer, place.scope)?;
        let last = record.series(place.delta).count;
        Ok(self.release(place, last)?.map(|(_, release)| release))
    }

    /// The first release of a place for which this holds, and its ordinal. If it holds for one, it
    /// must hold for all after it.
    pub(super) fn first_release(
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
    pub(super) fn covers_releases(&self, issuer: IssuerId, scope: Scope) -> Result<(), Error> {
        for delta in [false, true] {
            let place = CrlPlace { issuer, scope, delta };
            if let Some(token) = self.last_recorded(&place)?.and_then(|release| release.token) {
                self.covers(&token)?;
            }
        }
        Ok(())
    }
}

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
                record.keeps_expired_since = record.keeps_expired_since.or(*expired_since);
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
    pub(super) fn adopt(
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

    /// What the base of a delta CRL was made from, if it is the complete CRL that counts.
    pub(crate) fn position_of_base(
        &self,
        delta: &CrlPlace,
        base: CrlNumber,
    ) -> Result<Option<Position>, Error> {
        let place = CrlPlace::complete(delta.issuer, delta.scope);
        let found = self.view()?.last_out(&place)?.filter(|release| release.number == base);
        Ok(found.map(|release| release.as_of.position(delta.issuer)))
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

impl Release {
    /// Whether it was made from at least as much as another.
    fn knows_all_of(&self, other: &Self) -> bool {
        // Ancestors may leave the graph; of those that are in both, none may go back.
        other.as_of.positions.iter().all(|(issuer, position)| {
            self.as_of.positions.get(issuer).is_none_or(|own| own >= position)
        })
    }
}
