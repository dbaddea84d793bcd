//! A CRL in the making: what it says, settled on one frozen view.

use super::{
    CrlRequest,
    listing::{LONGEST, Listing},
    numbering::newest_date,
};
use crate::{
    authority::{
        Authority, Error, LegacyEntry, NeedsBase, Waive,
        publication::is_about,
        release::{Release, Retention, ScopeRecord, scope_key},
        view::{Checkpoint, KnownIssuer, View},
    },
    codec::{Damaged, Reader, Writer},
    crl::{
        AppendedEntry, CrlError, CrlNumber, DistributionPoint, Entries, Only, PreparedCrl,
        TbsCertList,
    },
    index::Live,
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, Invalidation, Revocation},
    log::{Event, Head, Position},
    reason::ReasonCode,
    scope::{CrlPlace, Scope},
    signing::SignatureAlgorithm,
    store::Store,
    time::Timestamp,
};
use std::{
    cell::{Cell, OnceCell},
    ops::ControlFlow,
    time::Duration,
};

/// How often a number is reserved anew because a revocation dated later came in meanwhile.
const ATTEMPTS: u32 = 10;

/// Which CRLs are made at once, of one scope and with one number (RFC 5280 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinds {
    Complete,
    Delta,
    Both,
}

impl Kinds {
    pub(super) fn of(request: &CrlRequest) -> Self {
        if request.delta { Self::Delta } else { Self::Complete }
    }

    pub(crate) fn includes_delta(self) -> bool {
        self != Self::Complete
    }

    pub(crate) fn includes_complete(self) -> bool {
        self != Self::Delta
    }
}

/// What a CRL says, but for the kind of it.
pub(super) struct Making<'a> {
    view: &'a View<'a>,
    live: Option<Live<'a>>,
    checkpoint: Option<Checkpoint>,
    store: &'a dyn Store,
    /// Whether a chunk of the checkpoint was lost.
    lost: Cell<bool>,
    pub(super) known: KnownIssuer,
    request: &'a CrlRequest,
    head: Head,
    invalidation: Option<Invalidation>,
    key_identifier: Vec<u8>,
    /// What may leave a complete CRL.
    retention: Option<Retention>,
    /// From when on nothing was ever dropped, if it says so.
    expired_since: Option<Timestamp>,
    /// The complete CRL that was released last.
    base: Option<Release>,
    /// How far the clocks of two nodes may be apart.
    skew: Duration,
    /// What is recorded of it if it is released.
    pub(super) release: Release,
}

impl<S: Store> Authority<S> {
    /// Reserves a number and has `make` make CRLs with it.
    pub(super) fn make<T>(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        kinds: Kinds,
        public_key: &[u8],
        make: impl FnOnce(&Making<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..ATTEMPTS {
            // Before a number is used up for nothing.
            let view = self.view()?;
            request.check(&view)?;
            self.check_kinds(&view, issuer, request, kinds)?;
            drop(view);
            let (number, this_update) = self.reserve_number(issuer, request, public_key)?;
            let (view, live) = self.view_and_live(issuer)?;
            request.check(&view)?;
            // Of two CRLs, the one with the higher number must not know less. So a view is taken
            // only while the number is still the last one, and only if thisUpdate covers it.
            let last = view.crl_numbers(&scope_key(issuer, request.scope))?.1.map(|it| it.last);
            let is_covered = request.waives(Waive::ThisUpdate)
                || newest_date(&view, issuer, this_update)? <= Some(this_update);
            if last == Some(number) && is_covered {
                self.check_kinds(&view, issuer, request, kinds)?;
                let making = self.settle(&view, live, issuer, request, number, this_update)?;
                let made = make(&making);
                if let Some(checkpoint) = making.checkpoint.filter(|_| making.lost.get()) {
                    self.lost_checkpoints().insert(issuer, checkpoint.record.generation);
                }
                return made;
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// As [`Authority::make`], to be signed elsewhere.
    pub(crate) fn prepare(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        kinds: Kinds,
        public_key: &[u8],
        algorithm: SignatureAlgorithm,
    ) -> Result<Prepared, Error> {
        self.make(issuer, request, kinds, public_key, |making| {
            let prepare = |delta| making.prepare(delta, algorithm);
            let complete = kinds.includes_complete().then(|| prepare(false)).transpose()?;
            let delta = kinds.includes_delta().then(|| prepare(true)).transpose()?;
            Ok(Prepared { complete, delta })
        })
    }

    /// Whether such CRLs can be made.
    fn check_kinds(
        &self,
        view: &View<'_>,
        issuer: IssuerId,
        request: &CrlRequest,
        kinds: Kinds,
    ) -> Result<(), Error> {
        let scope = request.scope;
        view.require_issuer(issuer)?;
        view.covers_releases(issuer, scope)?;
        if scope != Scope::Full && view.point_uris(issuer, scope)?.is_empty() {
            return Err(Error::NoDistributionPoint { issuer, scope });
        }
        if !kinds.includes_delta() {
            return Ok(());
        }
        let needs_base = |problem| Err(Error::NeedsBase { issuer, scope, problem });
        let Some(base) = view.last_out(&CrlPlace::complete(issuer, scope))? else {
            return needs_base(NeedsBase::NothingReleased);
        };
        if view.graph_above(issuer)?.invalidation(issuer).is_some() || base.lists_invalidated {
            return needs_base(NeedsBase::Fallen);
        }
        let Some(token) = base.token else { return needs_base(NeedsBase::NothingReleased) };
        let head = view.covers(&token)?;
        let mut problem = None;
        view.log(&token, &head, |_, entry, _| {
            problem = match entry.event {
                Event::IssuerFell(_) => Some(NeedsBase::Fallen),
                Event::Compacted(_) => Some(NeedsBase::Compacted),
                _ => return ControlFlow::Continue(()),
            };
            ControlFlow::Break(())
        })?;
        problem.map_or(Ok(()), needs_base)
    }

    fn settle<'a>(
        &'a self,
        view: &'a View<'a>,
        live: Option<Live<'a>>,
        issuer: IssuerId,
        request: &'a CrlRequest,
        number: CrlNumber,
        this_update: Timestamp,
    ) -> Result<Making<'a>, Error> {
        let known = view.require_issuer(issuer)?;
        let head = view.head(issuer)?;
        let graph = view.graph_above(issuer)?;
        let invalidation = graph.invalidation(issuer).filter(|_| known.record.lists_invalidated);
        let base = view.last_out(&CrlPlace::complete(issuer, request.scope))?;
        let (_, scope) = view.scope_record(issuer, request.scope)?;
        let expired_since = self.expired_since(view, &known, request, &scope)?;
        let now = self.clock.now();
        let skew = self.policy.clock_skew;
        let retention = base.as_ref().filter(|_| expired_since.is_none());
        let retention = retention.map(|base| Retention::after(base, issuer, skew)).map(|it| {
            // The clock may have been ahead then: what is valid by this one stays.
            Retention { expired_before: it.expired_before.min(this_update), ..it }
        });
        let release = Release {
            number,
            this_update,
            as_of: view.as_of(&graph)?,
            retention,
            lists_invalidated: invalidation.is_some(),
            made_at: now,
            last: request.last,
            waivers: request.waivers.clone(),
            token: Some(view.token(issuer, head.position)?),
            discovered: view.discovered(issuer)?.1.map_or(0, |discovered| discovered.count),
            distribution_points: view.point_uris(issuer, request.scope)?,
            ..Release::blank()
        };
        let reads_all = live.is_none() && invalidation.is_none();
        let reads_all = reads_all && !matches!(request.scope, Scope::Partition(_));
        let checkpoint = reads_all.then(|| view.checkpoint(issuer, &head)).flatten();
        Ok(Making {
            view,
            live,
            checkpoint,
            store: &self.store,
            lost: Cell::new(false),
            key_identifier: self.key_identifier(&known)?,
            known,
            request,
            head,
            invalidation,
            retention,
            expired_since,
            base,
            skew,
            release,
        })
    }

    /// From when on a CRL that keeps what has expired does so: it has what expired since.
    fn expired_since(
        &self,
        view: &View<'_>,
        known: &KnownIssuer,
        request: &CrlRequest,
        scope: &ScopeRecord,
    ) -> Result<Option<Timestamp>, Error> {
        if !request.last && !request.keeps_expired {
            return Ok(scope.keeps_expired_since);
        }
        if scope.keeps_expired_since.is_some() {
            return Ok(scope.keeps_expired_since);
        }
        // All that is left is listed; what compaction took had expired before it ran. Of what expired
        // before the issuer was added nobody here may ever have known.
        let issuer = known.issuer.id();
        let earliest = known.issuer.certificates().map(|certificate| certificate.not_before());
        let since = earliest.min().unwrap_or(Timestamp::MIN).max(known.record.added_at);
        let start = view.token(issuer, Position(0))?;
        Ok(Some(view.last_compaction(&start)?.map_or(since, |taken| since.max(taken))))
    }
}

impl Making<'_> {
    /// Hands what is to be laid out to `make`. Answers also how many entries have no end.
    pub(super) fn lay_out<T>(
        &self,
        delta: bool,
        mut make: impl FnMut(&TbsCertList<'_>, &dyn Entries) -> Result<T, CrlError>,
    ) -> Result<(T, u64), Error> {
        let Release { number, this_update, .. } = self.release;
        let issuer = self.known.issuer.id();
        let scope = self.request.scope;
        let base = self.base.as_ref().filter(|_| delta);
        let mut listing = Listing {
            view: self.view,
            live: self.live,
            checkpoint: self.checkpoint.as_ref(),
            store: self.store,
            lost: &self.lost,
            issuer,
            scope,
            head: self.head,
            this_update,
            number,
            invalidation: self.invalidation.clone(),
            retention: self.retention,
            base,
            without_not_after: Cell::new(0),
            guess: None,
            held: OnceCell::new(),
        }
        .guessing();
        let name = self.known.issuer.name();
        let next_update = self.next_update(delta);
        let mut tbs =
            TbsCertList::new(name, &self.key_identifier, number, this_update, next_update)?
                .with_limit(LONGEST);
        let point = self.distribution_point(delta)?;
        if let Some(point) = &point {
            tbs = tbs.with_issuing_distribution_point(point);
        }
        let mut freshest = Vec::new();
        if base.is_none() && self.view.offers_deltas(issuer)? {
            let uris = self.view.uris(&CrlPlace::delta(issuer, scope))?;
            freshest.extend(uris.into_iter().next());
        }
        tbs = tbs.with_freshest_crl(&freshest);
        if let Some(base) = base {
            tbs = tbs.with_base(base.number)?;
        }
        if !self.request.ca_issuers.is_empty() {
            tbs = tbs.with_ca_issuers(&self.request.ca_issuers);
        }
        if let Some(since) = self.expired_since {
            tbs = tbs.with_expired_certificates_since(since);
        }
        let mut appendix = self.legacy(base)?;
        appendix.extend(listing.try_to(Listing::removed)?);
        let tbs = tbs.with_appendix(&appendix);
        let made = listing.try_to(|listing| make(&tbs, listing))?;
        Ok((made, listing.without_not_after.get()))
    }

    /// What was imported with serial numbers that no certificate may have. For a delta CRL: since
    /// its base was made.
    fn legacy(&self, base: Option<&Release>) -> Result<Vec<AppendedEntry>, Error> {
        let scope = self.request.scope;
        let is_new = |entry: &LegacyEntry| {
            let at_latest = entry.revocation.recorded_at.saturating_add(self.skew);
            base.is_none_or(|base| at_latest >= base.made_at)
        };
        let mut appendix = Vec::new();
        for entry in self.view.legacy_entries(self.known.issuer.id())? {
            let Revocation { date, reason, invalidity_date, .. } = entry.revocation;
            if is_about(scope, CertificateKind::Unknown, entry.partition) && is_new(&entry) {
                let date = date.min(self.release.this_update);
                let reason = reason.map(ReasonCode::Reason);
                appendix.push(AppendedEntry::legacy(entry.serial(), date, reason, invalidity_date));
            }
        }
        Ok(appendix)
    }

    /// A CRL to be signed elsewhere, with what will be recorded of it.
    pub(super) fn prepare(
        &self,
        delta: bool,
        algorithm: SignatureAlgorithm,
    ) -> Result<PreparedCrl, Error> {
        let public_key = self.known.issuer.public_key();
        let origin = Origin {
            place: CrlPlace { issuer: self.known.issuer.id(), scope: self.request.scope, delta },
            expired_since: self.expired_since,
            release: Release {
                // A delta CRL ends nothing: many relying parties never look at one.
                last: self.release.last && !delta,
                distribution_points: self.uris(delta).to_vec(),
                ..self.release.clone()
            },
        };
        let (prepared, _) = self.lay_out(delta, |tbs, entries| {
            tbs.prepare(entries, public_key, algorithm, origin.to_octets())
        })?;
        Ok(prepared)
    }

    fn next_update(&self, delta: bool) -> Timestamp {
        if self.request.last && !delta {
            // ETSI EN 319 411-2, CSS-6.3.9: the value that says that there is no next one.
            return Timestamp::MAX;
        }
        let validity = self.request.delta_validity.filter(|_| delta);
        let validity = validity.unwrap_or(self.request.validity);
        self.request.next_update(&self.known.issuer, self.release.this_update, validity)
    }

    /// The URIs that it names. RFC 5280 §5.2.4: a delta CRL names those of its base, though others
    /// may have been added since.
    fn uris(&self, delta: bool) -> &[String] {
        let base = self.base.as_ref().filter(|_| delta);
        &base.unwrap_or(&self.release).distribution_points
    }

    fn distribution_point(&self, delta: bool) -> Result<Option<DistributionPoint>, Error> {
        let only = match self.request.scope {
            Scope::Full => return Ok(None),
            Scope::CaCertificates => Some(Only::CaCertificates),
            Scope::UserCertificates => Some(Only::UserCertificates),
            Scope::Partition(_) => None,
        };
        Ok(Some(DistributionPoint::new(self.uris(delta).to_vec(), only)?))
    }
}

/// CRLs that lack nothing but their signatures.
pub(crate) struct Prepared {
    pub(crate) complete: Option<PreparedCrl>,
    pub(crate) delta: Option<PreparedCrl>,
}

/// What a prepared CRL carries along, so that it can be released days later by who knows no more
/// of it: its context.
pub(crate) struct Origin {
    pub(crate) place: CrlPlace,
    pub(crate) expired_since: Option<Timestamp>,
    /// What is not in the CRL itself.
    pub(crate) release: Release,
}

impl Origin {
    const FORMAT: u8 = 2;

    fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.issuer(self.place.issuer);
        out.octet_string(&self.place.scope.to_octets());
        out.bool(self.place.delta);
        out.optional(self.expired_since, Writer::timestamp);
        self.release.write_origin(&mut out);
        out.finish()
    }

    /// Reads the context of a prepared CRL.
    pub(crate) fn of(prepared: &PreparedCrl) -> Result<Self, Damaged> {
        let mut input = Reader::new(prepared.context(), Self::FORMAT)?;
        let issuer = input.issuer()?;
        let scope = Scope::from_octets(input.octet_string()?);
        let scope = scope.ok_or_else(|| input.damaged("an unknown scope"))?;
        let place = CrlPlace { issuer, scope, delta: input.bool()? };
        let expired_since = input.optional(Reader::timestamp)?;
        let release = Release {
            number: prepared.number(),
            base: prepared.base_number(),
            this_update: prepared.this_update(),
            next_update: prepared.next_update(),
            entries: prepared.entries(),
            tbs_sha256: prepared.tbs_sha256(),
            ..Release::read_origin(&mut input)?
        };
        input.finish()?;
        Ok(Self { place, expired_since, release })
    }
}
