//! Whether relying parties can see it: derived from positions, never from a flag.

use super::{
    Authority, Error, Freshness,
    release::{Release, Series},
    view::View,
};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, Graph, Invalidation},
    log::{Event, Position},
    partition::Partition,
    scope::{CrlPlace, Scope},
    serial::Serial,
    store::{Store, StoreError},
    time::Timestamp,
};
use std::{fmt, ops::ControlFlow};

/// How far what is recorded against a certificate has come.
///
/// It is recorded, for good, since [`recorded_at`](Self::recorded_at); it counts where relying
/// parties can see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publication {
    /// The issuer of the certificate.
    pub issuer: IssuerId,
    /// Its serial number.
    pub serial: Serial,
    /// When it was last recorded that it is revoked, amended, or invalidated by a fall above it.
    pub recorded_at: Timestamp,
    /// Where the log of the issuer says so; `None` where a fall above it does.
    pub position: Option<Position>,
    /// The state in each scope that the issuer publishes and that the certificate belongs to.
    pub scopes: Vec<ScopePublication>,
}

/// How far it has come in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopePublication {
    /// The scope.
    pub scope: Scope,
    /// Where it is.
    pub state: Published,
    /// The first delta CRL that lists it and that all sinks show. By itself it does not count:
    /// many relying parties never look at one.
    pub delta: Option<Box<Release>>,
    /// The complete CRL that lists it but that only some sinks are known to show.
    pub incomplete: Option<Box<Release>>,
}

/// Whether it is on a complete CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Published {
    /// On this one, the first of those that all sinks showed.
    On(Box<Release>),
    /// On none yet.
    Pending,
    /// The certificate had expired and left the CRL before it was amended: no CRL will list the
    /// amendment (RFC 5280 §3.3).
    NotListed,
}

impl Publication {
    /// The complete CRL of this scope that made it known, if one did.
    pub fn published(&self, scope: Scope) -> Option<&Release> {
        self.scopes.iter().find(|it| it.scope == scope).and_then(ScopePublication::release)
    }

    /// Whether every scope that it belongs to has made it known, or never has to.
    pub fn is_complete(&self) -> bool {
        self.scopes.iter().all(|it| it.state != Published::Pending)
    }
}

impl ScopePublication {
    /// The complete CRL that made it known, if one did.
    pub fn release(&self) -> Option<&Release> {
        match &self.state {
            Published::On(release) => Some(release),
            Published::Pending | Published::NotListed => None,
        }
    }
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recorded at {}", self.recorded_at)?;
        for ScopePublication { scope, state, .. } in &self.scopes {
            match state {
                Published::On(release) => write!(f, ", on CRL {} ({scope})", release.number)?,
                Published::Pending => write!(f, ", on no CRL yet ({scope})")?,
                Published::NotListed => write!(f, ", not to be listed ({scope})")?,
            }
        }
        Ok(())
    }
}

/// What is recorded and on no complete CRL of a scope yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The issuer.
    pub issuer: IssuerId,
    /// The scope.
    pub scope: Scope,
    /// When the first of it was recorded.
    pub since: Timestamp,
    /// How many entries of the log that are about certificates of the scope.
    pub entries: u64,
    /// Whether the issuer is down, and no CRL lists yet all that that invalidates.
    pub fall: bool,
    /// How far the log was released.
    pub released: Position,
    /// How far it goes.
    pub head: Position,
}

/// How far a scope of an issuer has come: what a schedule goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeStatus {
    /// The issuer.
    pub issuer: IssuerId,
    /// The scope.
    pub scope: Scope,
    /// When the issuer was added, which wants a first CRL, be it empty.
    pub needed_since: Timestamp,
    /// The complete CRL that all sinks show.
    pub complete: Option<Release>,
    /// The delta CRL that all sinks show.
    pub delta: Option<Release>,
    /// What waits for a complete CRL.
    pub pending: Option<Pending>,
    /// Since when something is on no delta CRL, whatever a later complete one lists.
    pub delta_pending_since: Option<Timestamp>,
    /// Whether the issuer publishes delta CRLs: it says so, and is not down.
    pub offers_deltas: bool,
    /// Whether the issuer is down: no delta CRL can be made of it any more.
    pub is_down: bool,
    /// Since when a delta CRL does not do, and a complete one is wanted: after a fall or a
    /// compaction none can be made, and where CRLs are served elsewhere too, certificates name a
    /// place that only the next complete one does.
    pub needs_base_since: Option<Timestamp>,
    /// Whether the last CRL of all was released, or all certificates of the issuer have expired.
    pub ended: bool,
}

impl<S: Store> Authority<S> {
    /// How far what is recorded against a certificate has come; `None` where nothing is: it was not
    /// revoked, and no fall above invalidates it.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn publication(
        &self,
        issuer: IssuerId,
        serial: Serial,
    ) -> Result<Option<Publication>, Error> {
        let view = self.view_with(&Freshness::Head)?;
        self.publication_in(&view, issuer, serial)
    }

    pub(super) fn publication_in(
        &self,
        view: &View<'_>,
        issuer: IssuerId,
        serial: Serial,
    ) -> Result<Option<Publication>, Error> {
        let known = view.require_issuer(issuer)?;
        let (_, Some(record)) = view.certificate(issuer, serial)? else { return Ok(None) };
        let entries = view.entries_of(issuer, record.partition, serial)?;
        let what = if let (Some((first, _)), Some((last, entry))) =
            (entries.first(), entries.last())
        {
            let recorded_at = entry
                .event
                .revocation()
                .map_or(Timestamp::MIN, |revocation| revocation.recorded_at);
            let ends = entries.iter().map(|(_, it)| it.event.subject().and_then(|s| s.not_after));
            let ends: Option<Vec<_>> = ends.collect();
            let not_after = ends.and_then(|ends| ends.into_iter().chain(record.not_after).max());
            What::Revoked { first: *first, last: *last, not_after, recorded_at }
        } else {
            let graph = view.graph_above(issuer)?;
            match graph.invalidation(issuer) {
                Some(by) if known.record.lists_invalidated => {
                    let fallen_at = fallen_at(&graph, &by);
                    let recorded_at = fallen_at.max(record.recorded_at);
                    let known_before = record.recorded_at.saturating_add(self.policy.clock_skew);
                    What::Invalidated { recorded_at, known_before }
                }
                _ => return Ok(None),
            }
        };
        let mut scopes = Vec::new();
        for scope in view.scopes(issuer)? {
            if is_about(scope, record.kind, record.partition) {
                scopes.push(what.in_scope(view, issuer, scope)?);
            }
        }
        let (recorded_at, position) = match what {
            What::Revoked { last, recorded_at, .. } => (recorded_at, Some(last)),
            What::Invalidated { recorded_at, .. } => (recorded_at, None),
        };
        Ok(Some(Publication { issuer, serial, recorded_at, position, scopes }))
    }

    /// What is recorded and on no complete CRL yet, of each scope that has something.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn pending(&self, issuer: IssuerId) -> Result<Vec<Pending>, Error> {
        let statuses = self.scope_statuses(issuer)?;
        Ok(statuses.into_iter().filter_map(|status| status.pending).collect())
    }

    /// How far each scope that an issuer publishes has come.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn scope_statuses(&self, issuer: IssuerId) -> Result<Vec<ScopeStatus>, Error> {
        let view = self.view()?;
        let known = view.require_issuer(issuer)?;
        let graph = view.graph_above(issuer)?;
        let invalidation = graph.invalidation(issuer);
        let is_down = invalidation.is_some();
        let invalidation = invalidation.filter(|_| known.record.lists_invalidated);
        let offers_deltas = view.offers_deltas(issuer)? && !is_down;
        let (_, discovered) = view.discovered(issuer)?;
        let moved_at = view.distribution(issuer)?.1.map(|distribution| distribution.moved_at);
        let has_expired = known.issuer.not_after() < self.now();
        let head = view.head(issuer)?;
        let mut waiting = Vec::new();
        for scope in view.scopes(issuer)? {
            let complete = view.last_out(&CrlPlace::complete(issuer, scope))?;
            let delta = view.last_out(&CrlPlace::delta(issuer, scope))?;
            let (_, record) = view.scope_record(issuer, scope)?;
            let uris = view.point_uris(issuer, scope)?;
            let moved = complete.as_ref().filter(|complete| complete.distribution_points != uris);
            let needs_base_since = moved.map(|complete| moved_at.unwrap_or(complete.made_at));
            let released = |release: &Release| release.as_of.position(issuer);
            let complete_at = complete.as_ref().map_or(Position(0), released);
            // Before there was any delta nobody waits for one that says what the complete CRL says.
            let delta_at = delta.as_ref().map_or(complete_at, released);
            let fallen_since = invalidation.as_ref().and_then(|by| match &complete {
                Some(complete) if complete.lists_invalidated => {
                    discovered.filter(|it| complete.discovered < it.count).map(|it| it.at)
                }
                _ => Some(fallen_at(&graph, by)),
            });
            waiting.push(Waiting {
                scope,
                released: complete_at,
                delta_released: delta_at,
                since: fallen_since,
                delta_since: None,
                entries: 0,
                fall: fallen_since.is_some(),
                is_down,
                needs_base_since,
                ended: record.ended || has_expired,
                complete,
                delta,
            });
        }
        let lowest = waiting.iter().map(|it| match offers_deltas {
            true => it.released.min(it.delta_released),
            false => it.released,
        });
        let lowest = lowest.min().unwrap_or(head.position);
        view.log(&view.token(issuer, lowest)?, &head, |position, entry, _| {
            for waiting in &mut waiting {
                waiting.see(position, &entry.event);
            }
            ControlFlow::Continue(())
        })?;
        let done = waiting
            .into_iter()
            .map(|it| it.into_status(issuer, known.record.added_at, head.position, offers_deltas));
        Ok(done.collect())
    }
}

/// What is recorded against a certificate.
enum What {
    Revoked {
        first: Position,
        last: Position,
        not_after: Option<Timestamp>,
        recorded_at: Timestamp,
    },
    Invalidated {
        recorded_at: Timestamp,
        /// A CRL for which the record was read after this has the certificate.
        known_before: Timestamp,
    },
}

impl What {
    /// Whether a release was made from a record that says so.
    fn is_known_to(&self, issuer: IssuerId, release: &Release) -> bool {
        match *self {
            Self::Revoked { last, .. } => release.as_of.position(issuer) >= last,
            Self::Invalidated { known_before, .. } => {
                release.lists_invalidated && release.made_at > known_before
            }
        }
    }

    fn in_scope(
        &self,
        view: &View<'_>,
        issuer: IssuerId,
        scope: Scope,
    ) -> Result<ScopePublication, StoreError> {
        let (_, record) = view.scope_record(issuer, scope)?;
        let (complete, incomplete) =
            self.first_out(view, &CrlPlace::complete(issuer, scope), record.complete)?;
        let (delta, _) = self.first_out(view, &CrlPlace::delta(issuer, scope), record.delta)?;
        let state = match complete {
            None => Published::Pending,
            Some(release) if self.has_left(&release) => Published::NotListed,
            Some(release) => Published::On(Box::new(release)),
        };
        let (delta, incomplete) = (delta.map(Box::new), incomplete.map(Box::new));
        Ok(ScopePublication { scope, state, delta, incomplete })
    }

    /// The first release that knows and that all its sinks showed; where there is none, the last
    /// that knows.
    fn first_out(
        &self,
        view: &View<'_>,
        place: &CrlPlace,
        series: Series,
    ) -> Result<(Option<Release>, Option<Release>), StoreError> {
        let knows = |release: &Release| self.is_known_to(place.issuer, release);
        let Some((first, _)) = view.first_release(place, series.count, knows)? else {
            return Ok((None, None));
        };
        // After the last that all sinks showed there is none: as many as a broken sink lasts.
        for ordinal in first..=series.out {
            let release = view.release(place, ordinal)?.map(|(_, release)| release);
            if let Some(release) = release.filter(|release| release.out_since().is_some()) {
                return Ok((Some(release), None));
            }
        }
        Ok((None, view.release(place, series.count)?.map(|(_, release)| release)))
    }

    /// Whether the certificate had left the CRL when it was amended.
    fn has_left(&self, release: &Release) -> bool {
        match (self, release.retention) {
            (&Self::Revoked { first, not_after: Some(not_after), .. }, Some(retention)) => {
                retention.lets_go(first, not_after)
            }
            _ => false,
        }
    }
}

/// A scope, and what waits in it.
struct Waiting {
    scope: Scope,
    released: Position,
    delta_released: Position,
    since: Option<Timestamp>,
    delta_since: Option<Timestamp>,
    entries: u64,
    fall: bool,
    is_down: bool,
    needs_base_since: Option<Timestamp>,
    ended: bool,
    complete: Option<Release>,
    delta: Option<Release>,
}

impl Waiting {
    /// Takes in an entry of the log.
    fn see(&mut self, position: Position, event: &Event) {
        let is_new = position > self.released;
        let cut = match event {
            Event::IssuerFell(fall) => Some(fall.recorded_at),
            Event::Compacted(compaction) => Some(compaction.recorded_at),
            _ => None,
        };
        if is_new {
            self.needs_base_since = self.needs_base_since.or(cut);
        }
        let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) else {
            return;
        };
        if !is_about(self.scope, subject.kind, subject.partition) {
            return;
        }
        let at = revocation.recorded_at;
        if is_new {
            self.entries = self.entries.saturating_add(1);
            self.since = Some(self.since.map_or(at, |since| since.min(at)));
        }
        if position > self.delta_released {
            self.delta_since = Some(self.delta_since.map_or(at, |since| since.min(at)));
        }
    }

    fn into_status(
        self,
        issuer: IssuerId,
        needed_since: Timestamp,
        head: Position,
        offers_deltas: bool,
    ) -> ScopeStatus {
        let Self { scope, released, entries, fall, .. } = self;
        let pending =
            self.since.map(|since| Pending { issuer, scope, since, entries, fall, released, head });
        ScopeStatus {
            issuer,
            scope,
            needed_since,
            complete: self.complete,
            delta: self.delta,
            pending,
            delta_pending_since: self.delta_since.filter(|_| offers_deltas),
            offers_deltas,
            is_down: self.is_down,
            needs_base_since: self.needs_base_since,
            ended: self.ended,
        }
    }
}

/// Whether a certificate belongs to a scope. One of which the kind is not known belongs to both.
pub(super) fn is_about(scope: Scope, kind: CertificateKind, partition: Partition) -> bool {
    match scope {
        Scope::Full => true,
        Scope::CaCertificates => kind != CertificateKind::EndEntity,
        Scope::UserCertificates => !matches!(kind, CertificateKind::Ca(_)),
        Scope::Partition(own) => own == partition,
    }
}

/// When what brought an issuer down was recorded.
fn fallen_at(graph: &Graph, by: &Invalidation) -> Timestamp {
    let Some(facts) = graph.0.get(&by.by) else { return by.at };
    match facts.fall {
        Some(fall) => fall.recorded_at,
        None => {
            let revocations = facts.certificates.iter().filter_map(|it| it.revocation);
            revocations.map(|it| it.recorded_at).max().unwrap_or(by.at)
        }
    }
}
