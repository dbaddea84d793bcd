//! Compaction: what every duty has left leaves the live set, and the log keeps it.

use super::{
    AT_ONCE, Authority, Error,
    ahead::Rows,
    change::Change,
    publication::is_about,
    release::{Retention, ScopeRecord, scope_key},
    view::{View, entry, fold_rows},
};
use crate::{
    crl::{CertificateList, CrlNumber, CrlReadError, RevokedCertificate, RevokedCertificates},
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, CertificateRecord, Revocation},
    log::{Compaction, Event, Position},
    partition::Partition,
    reason::{Reason, ReasonCode},
    scope::{CrlPlace, Scope},
    serial::Serial,
    signing::VerifyError,
    store::{Prune, Space, Store, Table, key},
    time::Timestamp,
};
use std::{collections::BTreeSet, iter::Peekable, ops::ControlFlow, time::Duration};

/// What may leave the live set of an issuer.
#[derive(Clone, Debug)]
pub struct Compact<'a> {
    issuer: IssuerId,
    released: Option<CertificateList<'a>>,
    keep_for: Duration,
    limit: usize,
    after: Option<Serial>,
}

impl<'a> Compact<'a> {
    /// The certificates of this issuer that have expired and that no CRL must list.
    pub const fn new(issuer: IssuerId) -> Self {
        Self { issuer, released: None, keep_for: Duration::ZERO, limit: usize::MAX, after: None }
    }

    /// Also those that this CRL lists, if it was issued after they had expired. It must have been
    /// released to relying parties.
    #[must_use]
    pub fn with_released(mut self, crl: CertificateList<'a>) -> Self {
        self.released = Some(crl);
        self
    }

    /// Nothing that expired less than this ago, because somebody may still ask for it. It also
    /// guards against a clock that is ahead by as much, to which all certificates seem expired.
    #[must_use]
    pub const fn keep_for(mut self, keep_for: Duration) -> Self {
        self.keep_for = keep_for;
        self
    }

    /// At most so many certificates, and at least one.
    #[must_use]
    pub const fn limit(mut self, certificates: usize) -> Self {
        self.limit = certificates;
        self
    }

    /// Only those after this serial number: where [another call](Compacted::next) left off.
    #[must_use]
    pub const fn after(mut self, serial: Serial) -> Self {
        self.after = Some(serial);
        self
    }
}

/// What left the live set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// How many entries no CRL lists any more.
    pub entries: u64,
    /// Of how many certificates the record is gone.
    pub certificates: u64,
    /// Where the limit was reached: what is [after](Compact::after) it was not looked at. `None`
    /// where all was.
    pub next: Option<Serial>,
}

/// Why a CRL does not prove that entries may leave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoProof {
    /// It bears another name than the issuer.
    #[error("it is one of another issuer")]
    AnotherIssuer,
    /// It is not signed with the key of the issuer, or nobody could find out.
    #[error("its signature is not verified")]
    Signature(#[source] VerifyError),
    /// A delta CRL, or one about some certificates only.
    #[error("it is not a full CRL")]
    NotFull,
    /// It has no number, or one that was never reserved; or its thisUpdate is later than that of
    /// any CRL that was made.
    #[error("no such CRL was made from this record")]
    NotMadeHere {
        /// Its number, if it has one.
        number: Option<CrlNumber>,
    },
    /// It cannot be read to its end.
    #[error("it cannot be used")]
    Unreadable(#[source] CrlReadError),
}

impl<S: Store> Authority<S> {
    /// Takes from the live set what every duty has left: the entries that CRLs list, and the
    /// records of certificates.
    ///
    /// A certificate leaves when it has expired and the hold is over. What is revoked leaves only
    /// after it was listed, as it stands, on a CRL with a thisUpdate after its notAfter (RFC 5280
    /// §3.3); so does what is listed because the issuer is down. Where CRLs about parts of the
    /// certificates are [released](Authority::issue), it must have been on one of each that is about
    /// it; and it stays where a CRL said that it [keeps](crate::CrlRequest::keeping_expired) what
    /// has expired. Never do certificates of CAs leave, since the standing of issuers hangs on them,
    /// and those of which the notAfter is not known.
    ///
    /// The log keeps every entry and says what left when; positions, CRL numbers and digests stay
    /// valid. The serial number of a certificate that left is as one that was never issued. A CA
    /// must not use it again, and nothing here would keep it from doing so.
    ///
    /// It can run beside everything else. It writes a thousand records or so at once, each time
    /// for good: after a failure, repeating the call goes on.
    ///
    /// # Errors
    /// [`Error::NoProof`] where the CRL is not one that was made from this record, and is full;
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    pub fn compact(&self, compact: &Compact<'_>) -> Result<Compacted, Error> {
        let mut released = self.released(compact)?;
        let mut done = Compacted { next: compact.after, ..Compacted::default() };
        let limit = u64::try_from(compact.limit.max(1)).unwrap_or(u64::MAX);
        loop {
            let (step, listed) = self.decide(|view, change| {
                // Others may make this step be decided anew.
                let mut released = released.clone();
                let now = self.clock.now();
                let room = limit.saturating_sub(done.certificates);
                let skew = self.policy.clock_skew;
                let step = Step { compact, now, skew, room, view, change };
                Ok((step.take(done.next, &mut released)?, released))
            })?;
            released = listed;
            done.entries += step.entries;
            done.certificates += step.certificates;
            done.next = step.next;
            if done.next.is_none() || done.certificates >= limit {
                return Ok(done);
            }
        }
    }

    /// The CRL that was released, if it is one that proves something.
    fn released<'a>(&self, compact: &Compact<'a>) -> Result<Option<Released<'a>>, Error> {
        let Some(crl) = &compact.released else { return Ok(None) };
        let issuer = compact.issuer;
        let no_proof = |problem| Error::NoProof { issuer, problem };
        let view = self.view()?;
        let known = view.require_issuer(issuer)?;
        if crl.issuer() != known.issuer.name() {
            return Err(no_proof(NoProof::AnotherIssuer));
        }
        crl.verify(known.issuer.public_key(), &*self.verifier)
            .map_err(|error| no_proof(NoProof::Signature(error)))?;
        if !crl.is_full() {
            return Err(no_proof(NoProof::NotFull));
        }
        if let Some(extension) = crl.unknown_critical_extensions().next() {
            let oid = extension.oid.to_string();
            let error = CrlReadError::UnknownCriticalExtension { oid };
            return Err(no_proof(NoProof::Unreadable(error)));
        }
        let (number, this_update) = (crl.number(), crl.this_update());
        let reserved = view.crl_numbers(&scope_key(issuer, Scope::Full))?.1;
        let made_here =
            reserved.filter(|it| number <= Some(it.last) && this_update <= it.this_update);
        match (number, made_here) {
            (Some(number), Some(_)) => {
                let entries = crl.entries().peekable();
                Ok(Some(Released { issuer, number, this_update, entries }))
            }
            _ => Err(no_proof(NoProof::NotMadeHere { number })),
        }
    }
}

/// One durable write of a compaction, being decided.
struct Step<'a, 'v> {
    compact: &'a Compact<'a>,
    now: Timestamp,
    /// How far the clocks of two nodes may be apart.
    skew: Duration,
    /// How many certificates may leave.
    room: u64,
    view: &'a View<'v>,
    change: &'a mut Change,
}

impl Step<'_, '_> {
    /// Lets what may leave after this serial number go, as far as one write can take it.
    fn take(
        self,
        after: Option<Serial>,
        released: &mut Option<Released<'_>>,
    ) -> Result<Compacted, Error> {
        let (view, issuer) = (self.view, self.compact.issuer);
        let known = view.require_issuer(issuer)?;
        let graph = view.graph_above(issuer)?;
        // An issuer that comes down meanwhile may have to list what is about to leave.
        self.change.assert_standing(view, &graph)?;
        let lists_all = known.record.lists_invalidated && graph.invalidation(issuer).is_some();
        let mut taken = Compacted::default();
        let expired = self.expired(after)?;
        taken.next = expired.last().filter(|_| expired.len() == AT_ONCE).map(|(serial, _)| *serial);
        view.read_ahead(expired.iter().map(|(serial, _)| (issuer, *serial)))?;
        let partitions = expired.iter().map(|(_, record)| record.partition).collect();
        let published = published(view, self.change, issuer, &partitions, self.skew)?;
        let keys: Vec<_> =
            expired.iter().map(|(serial, _)| key::certificate(issuer, *serial)).collect();
        let ders = view.versions(Table::CertificateDer, &keys)?;
        for ((serial, record), (key, der)) in expired.iter().zip(keys.into_iter().zip(ders)) {
            let leaving =
                self.entries_to_leave(*serial, record, released, lists_all, &published)?;
            let Some(entries) = leaving else { continue };
            let (version, _) = view.certificate(issuer, *serial)?;
            // Versions begin anew if the certificate is recorded again. A command decided on what
            // is retired here may then take effect, but only to revoke it once more; not another
            // compaction, since each renews the issuer. And whoever writes the DER holds on to the
            // record, which goes with it.
            if let Some(der) = der {
                self.change.retire(Table::CertificateDer, key, der);
            }
            self.change.retire_certificate(issuer, *serial, version, record);
            taken.certificates += 1;
            for (key, value) in entries {
                let (partition, serial) = (record.partition, *serial);
                let prune = Prune { partition, serial, position: key::position(&key) };
                self.change.prune(issuer, prune, value);
                taken.entries += 1;
            }
            if self.change.size() >= AT_ONCE || taken.certificates >= self.room {
                taken.next = Some(*serial);
                break;
            }
        }
        if taken.certificates > 0 {
            let Compacted { entries, certificates, .. } = taken;
            let (released, recorded_at) = (released.as_ref().map(|it| it.number), self.now);
            let compaction = Compaction { entries, certificates, released, recorded_at };
            self.change.push(issuer, Event::Compacted(compaction));
            // Nor may the issuer's CRLs begin meanwhile to list what leaves.
            self.change.put_issuer(issuer, known.version, &known.record);
        }
        Ok(taken)
    }

    /// The next certificates that have expired and that nothing holds.
    fn expired(&self, after: Option<Serial>) -> Result<Vec<(Serial, CertificateRecord)>, Error> {
        let mut expired = Vec::new();
        self.view.certificates(self.compact.issuer, after, |serial, record| {
            if record.not_after.is_some_and(|at| self.is_past(at)) && !is_ca(&record) {
                expired.push((serial, record));
            }
            let is_full = expired.len() == AT_ONCE;
            Ok::<_, Error>(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(expired)
    }

    fn is_past(&self, not_after: Timestamp) -> bool {
        not_after < self.now && not_after.saturating_add(self.compact.keep_for) <= self.now
    }

    /// The entries about an expired certificate, which leave with it; `None` where it must stay.
    fn entries_to_leave(
        &self,
        serial: Serial,
        record: &CertificateRecord,
        released: &mut Option<Released<'_>>,
        lists_all: bool,
        published: &[PublishedScope],
    ) -> Result<Option<Rows>, Error> {
        let rows = self.view.rows_of(self.compact.issuer, record.partition, serial)?;
        let mut last = record.not_after;
        for (key, value) in &rows {
            let Some(subject) = entry(Space::Entries, key, value)?.event.subject().copied() else {
                return Ok(None);
            };
            // Where it disagrees with the record, the later date counts. One that knows no notAfter
            // may have been told to others like that, and stays.
            if !subject.not_after.is_some_and(|at| self.is_past(at)) {
                return Ok(None);
            }
            last = last.max(subject.not_after);
        }
        let revoked = fold_rows(&rows)?.map(|history| history.current);
        if revoked.is_some() || lists_all {
            let listed = match released {
                Some(released) if last < Some(released.this_update) => released.find(serial)?,
                _ => None,
            };
            if !listed.is_some_and(|listed| revoked.is_none_or(|it| says(&listed, &it))) {
                return Ok(None);
            }
            let position = rows.last().map_or(Position(0), |(key, _)| key::position(key));
            let about = |it: &&PublishedScope| is_about(it.scope, record.kind, record.partition);
            if !published.iter().filter(about).all(|it| it.lets_go(record, last, position)) {
                return Ok(None);
            }
        }
        Ok(Some(rows))
    }
}

/// The CRLs that an issuer publishes about certificates of these partitions, where the clocks of two
/// nodes may be so far apart. None may come out meanwhile.
fn published(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    partitions: &BTreeSet<Partition>,
    skew: Duration,
) -> Result<Vec<PublishedScope>, Error> {
    let mut published = Vec::new();
    let is_concerned = |scope: &Scope| match scope {
        Scope::Partition(partition) => partitions.contains(partition),
        _ => true,
    };
    for scope in view.scopes(issuer)?.into_iter().filter(is_concerned) {
        let (version, record) = view.scope_record(issuer, scope)?;
        change.assert_releases(scope_key(issuer, scope), version);
        // Nothing was released from here: whoever published it has seen to it.
        if record == ScopeRecord::default() {
            continue;
        }
        let keeps_expired = record.keeps_expired_since.is_some();
        let last = view.last_out(&CrlPlace::complete(issuer, scope))?;
        let retention = last.map(|last| Retention::after(&last, issuer, skew));
        published.push(PublishedScope { scope, keeps_expired, retention });
    }
    Ok(published)
}

/// CRLs that an issuer publishes.
struct PublishedScope {
    scope: Scope,
    /// Whether they said that they keep what has expired (expiredCertsOnCRL).
    keeps_expired: bool,
    /// What may leave the next one; `None` where none was released.
    retention: Option<Retention>,
}

impl PublishedScope {
    /// Whether a certificate that expired then, and of which the log last says something at this
    /// position, if it does, need not be on the next CRL of this scope.
    fn lets_go(
        &self,
        record: &CertificateRecord,
        not_after: Option<Timestamp>,
        position: Position,
    ) -> bool {
        let lets_go = |retention: Retention| {
            not_after.is_some_and(|at| match position {
                Position(0) => retention.lets_go_invalidated(record.recorded_at, at),
                position => retention.lets_go(position, at),
            })
        };
        // That it was on one about all certificates is shown by the one that was handed in.
        !self.keeps_expired && (self.scope == Scope::Full || self.retention.is_some_and(lets_go))
    }
}

fn is_ca(record: &CertificateRecord) -> bool {
    matches!(record.kind, CertificateKind::Ca(_))
}

/// Whether an entry of a CRL shows a revocation as it stands, and not as it was before it was
/// amended.
fn says(listed: &RevokedCertificate<'_>, revocation: &Revocation) -> bool {
    let reason = revocation.reason.filter(|reason| *reason != Reason::Unspecified);
    listed.revocation_date() == revocation.date
        && listed.reason() == reason.map(ReasonCode::Reason)
        && listed.invalidity_date() == revocation.invalidity_date
}

/// A released CRL, read along with the certificates.
#[derive(Clone)]
struct Released<'a> {
    issuer: IssuerId,
    number: CrlNumber,
    this_update: Timestamp,
    entries: Peekable<RevokedCertificates<'a>>,
}

impl<'a> Released<'a> {
    /// The entry of this certificate. Serial numbers must be asked for in ascending order, as the
    /// CRLs that are made here list them; in any other order some are not found, and stay.
    fn find(&mut self, serial: Serial) -> Result<Option<RevokedCertificate<'a>>, Error> {
        let issuer = self.issuer;
        let unreadable = |error| Error::NoProof { issuer, problem: NoProof::Unreadable(error) };
        while let Some(next) = self.entries.peek() {
            let listed = next.clone().map_err(|error| unreadable(error.into()))?;
            if let Some(extension) = listed.unknown_critical_extensions().next() {
                let oid = extension.oid.to_string();
                return Err(unreadable(CrlReadError::UnknownCriticalExtension { oid }));
            }
            match listed.serial().to_serial() {
                Ok(found) if found > serial => return Ok(None),
                Ok(found) if found == serial => return Ok(Some(listed)),
                _ => self.entries.next(),
            };
        }
        Ok(None)
    }
}
