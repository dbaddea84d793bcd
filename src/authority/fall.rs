//! The fall of a CA, through whichever door, and what it would take with it.

use super::{
    Authority, Error,
    change::Change,
    view::{KnownIssuer, View},
};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{
        CertificateKind, CertificateRecord, Fall, FallCause, Graph, Known, Parent, Refusal,
        Revocation, RevocationDetails, Standing,
    },
    log::{CommandId, Event, Position, Subject},
    reason::Reason,
    serial::Serial,
    store::{Store, StoreError, Version},
    time::Timestamp,
};
use std::ops::ControlFlow;

/// A CA to revoke, or, where it is self-signed, to distrust.
#[derive(Clone, Debug)]
pub struct RevokeCa {
    issuer: IssuerId,
    details: RevocationDetails,
    command: Option<CommandId>,
}

impl RevokeCa {
    /// Revokes this CA, as of now, without a reason.
    pub fn new(issuer: IssuerId) -> Self {
        Self { issuer, details: RevocationDetails::default(), command: None }
    }

    /// Says why.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.details.reason = Some(reason);
        self
    }

    /// Sets the reason and the dates.
    #[must_use]
    pub fn with_details(mut self, details: RevocationDetails) -> Self {
        self.details = details;
        self
    }

    /// Names the command, so that repeating it after a lost answer finds what it did instead of
    /// [`Refusal::AlreadyFallen`]. That reads the log of the CA up to its fall.
    #[must_use]
    pub fn with_command(mut self, command: CommandId) -> Self {
        self.command = Some(command);
        self
    }
}

/// A CA that fell, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaRevoked {
    /// The CA.
    pub issuer: IssuerId,
    /// Its fall.
    pub fall: Fall,
    /// Its certificates that were revoked: of which parent, and with which serial number. Each of
    /// these parents is due a new CRL.
    pub revoked: Vec<(IssuerId, Serial)>,
    /// How many of its certificates have a parent outside the record: that parent must be asked to
    /// revoke them.
    pub external: usize,
    /// The issuers below that are invalidated by it. They, and the CA itself, are due a new CRL.
    pub invalidated: Vec<IssuerId>,
    /// Whether this command had been carried out before, and nothing was done now. Then the fall is
    /// the one that was recorded, and all else is as it is known by now: no certificate is told whose
    /// revocation a compaction has taken since, and every issuer that is down because of it, be it
    /// recorded since.
    pub repeated: bool,
}

/// What revoking a CA would invalidate at one issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WouldInvalidate {
    /// The issuer: the CA itself, or one below it.
    pub issuer: IssuerId,
    /// How many certificates it has that are not revoked themselves.
    pub certificates: u64,
    /// How many of them have not expired, or may not have.
    pub unexpired: u64,
}

impl<S: Store> Authority<S> {
    /// Revokes a CA with all its certificates, or distrusts it where it is self-signed, and
    /// invalidates everything below it. There is no way back.
    ///
    /// It costs about what revoking one certificate does: nothing is written for what is below.
    ///
    /// # Errors
    /// [`Refusal::AlreadyFallen`], [`Refusal::Expired`], [`Refusal::UnknownIssuer`], and as
    /// [`Authority::revoke`](Authority::revoke).
    pub fn revoke_ca(&self, revoke: &RevokeCa) -> Result<CaRevoked, Error> {
        let now = self.clock.now();
        let issuer = revoke.issuer;
        self.decide(|view, change| {
            let before = view.graph()?;
            if let Some(done) = done_by(view, &before, revoke)? {
                return Ok(done);
            }
            change.renew_graph(view.graph_version()?);
            let plan = self.plan_fall(view, &before, issuer, revoke.details, now)?;
            let mut after = before.clone();
            for Planned { parent, serial, version, record, revocation } in &plan.revocations {
                change.put_certificate(*parent, *serial, *version, record);
                let kind = CertificateKind::Ca(issuer);
                let subject = Subject { kind, ..Subject::new(*serial, record) };
                change.push(*parent, Event::Revoked { subject, revocation: *revocation });
            }
            fall(view, change, &before, &mut after, issuer, plan.fall)?;
            let mut invalidated = after.down();
            for down in before.down() {
                invalidated.remove(&down);
            }
            invalidated.remove(&issuer);
            if let Some(command) = revoke.command {
                change.name(command);
            }
            Ok(CaRevoked {
                issuer,
                fall: plan.fall,
                revoked: plan.revocations.iter().map(|it| (it.parent, it.serial)).collect(),
                external: plan.external,
                invalidated: invalidated.into_iter().collect(),
                repeated: false,
            })
        })
    }

    /// What revoking a CA would invalidate, without doing it: the CA first, then each issuer below.
    /// It counts certificates one by one.
    ///
    /// # Errors
    /// As [`Authority::revoke_ca`].
    pub fn preview_revoke_ca(&self, revoke: &RevokeCa) -> Result<Vec<WouldInvalidate>, Error> {
        let now = self.clock.now();
        let view = self.view()?;
        let before = view.graph()?;
        let plan = self.plan_fall(&view, &before, revoke.issuer, revoke.details, now)?;
        let mut after = before.clone();
        set_fall(&mut after, revoke.issuer, plan.fall);
        after.settle_revocation(&before, left_by(revoke.issuer, plan.fall));
        let mut down = after.down();
        down.remove(&revoke.issuer);
        let below = down.difference(&before.down()).copied().collect::<Vec<_>>();
        [revoke.issuer].into_iter().chain(below).map(|issuer| count(&view, issuer, now)).collect()
    }

    /// What the fall of a CA records.
    fn plan_fall(
        &self,
        view: &View<'_>,
        before: &Graph,
        issuer: IssuerId,
        details: RevocationDetails,
        now: Timestamp,
    ) -> Result<FallPlan, Error> {
        let known = view.require_issuer(issuer)?;
        if let Some(Standing::Fallen(fall)) = before.standing(issuer, now) {
            return Err(Refusal::AlreadyFallen { issuer, fall }.into());
        }
        let not_after = known.issuer.not_after();
        if not_after < now && !self.policy.expired_certificates {
            return Err(Refusal::Expired { not_after, now }.into());
        }
        let not_before = known.issuer.certificates().map(|c| c.not_before()).min();
        let own = details.decide(not_before, &self.policy, now)?;
        let Certificates { recorded, external, distrusted } = Certificates::of(view, &known)?;
        let mut revocations = Vec::new();
        for (parent, serial) in recorded {
            let (version, Known { record, revocation }) = view.known(parent, serial)?;
            let record = record.ok_or_else(|| StoreError::Corrupt {
                what: format!("record of certificate {serial} of issuer {parent}"),
                problem: "it is gone, and a CA hangs on it".to_owned(),
            })?;
            let expired = record.not_after.is_some_and(|not_after| not_after < now);
            if revocation.is_some() || (expired && !self.policy.expired_certificates) {
                continue;
            }
            // A cross-certificate may be younger than the date of the fall.
            let date = own.date.max(record.not_before.unwrap_or(own.date)).min(now);
            let revocation = Revocation { date, ..own };
            revocations.push(Planned { parent, serial, version, record, revocation });
        }
        let cause = if distrusted && revocations.is_empty() {
            FallCause::Distrusted
        } else {
            FallCause::Revoked
        };
        let Revocation { date, reason, recorded_at, .. } = own;
        let fall = Fall { date, reason, recorded_at, cause };
        Ok(FallPlan { fall, revocations, external })
    }

    /// Lets a CA fall if the revocation of this certificate leaves it none that is live, or no
    /// chain. Answers whether it did.
    pub(super) fn fall_with_certificate(
        &self,
        view: &View<'_>,
        change: &mut Change,
        ca: IssuerId,
        parent: IssuerId,
        serial: Serial,
        revocation: Revocation,
    ) -> Result<Option<IssuerId>, Error> {
        change.renew_graph(view.graph_version()?);
        let Some(known) = view.issuer(ca)? else { return Ok(None) };
        let now = revocation.recorded_at;
        let before = view.graph()?;
        let mut after = before.clone();
        let own = after.0.entry(ca).or_default();
        // One that was declared external, and kept so for it would have lost its anchor, is this
        // parent's all the same.
        let signer = view.require_issuer(parent)?.issuer;
        let mut record = known.record.clone();
        let links = known.issuer.certificates().zip(&mut record.certificates);
        for ((certificate, stored), facts) in links.zip(&mut own.certificates) {
            if stored.parent == Parent::External
                && certificate.serial() == serial.as_ref()
                && certificate.issuer_name() == signer.name()
                && certificate.verify(signer.public_key(), &*self.verifier).is_ok()
            {
                stored.parent = Parent::Issuer(parent);
                facts.parent = stored.parent;
            }
        }
        if record != known.record {
            change.put_issuer(ca, known.version, &record);
        }
        for facts in &mut own.certificates {
            if facts.parent == Parent::Issuer(parent) && facts.serial == Some(serial) {
                facts.revocation = Some(revocation);
            }
        }
        let stood = before.standing(ca, now) == Some(Standing::Stands);
        let stands = after.standing(ca, now) == Some(Standing::Stands);
        let live = after.0.get(&ca).is_some_and(|facts| facts.has_live_certificate(now));
        let Revocation { date, reason, recorded_at, .. } = revocation;
        let own = Fall { date, reason, recorded_at, cause: FallCause::Revoked };
        if before.0.get(&ca).is_some_and(|facts| facts.fall.is_none())
            && (!live || (stood && !stands))
        {
            fall(view, change, &before, &mut after, ca, own)?;
            return Ok(Some(ca));
        }
        settle(view, change, &before, &mut after, ca, own)?;
        Ok(None)
    }
}

/// The certificates of a CA, by what becomes of them when it falls.
struct Certificates {
    /// Those with a parent in the record, which revokes them.
    recorded: Vec<(IssuerId, Serial)>,
    external: usize,
    /// Whether there is one that is self-signed.
    distrusted: bool,
}

impl Certificates {
    fn of(view: &View<'_>, known: &KnownIssuer) -> Result<Self, Error> {
        let mut all = Self { recorded: Vec::new(), external: 0, distrusted: false };
        for (certificate, link) in known.links() {
            match link {
                Parent::Issuer(parent) => {
                    all.recorded.push((parent, certificate.serial().to_serial()?));
                }
                Parent::External => all.external += 1,
                Parent::SelfSigned => all.distrusted = true,
            }
        }
        let issuer = known.issuer.id();
        let unlinked = view.unlinked(issuer, |parent, serial| known.has(parent, serial))?;
        all.recorded.extend(unlinked.iter().map(|unlinked| (unlinked.parent, unlinked.serial)));
        Ok(all)
    }
}

/// What this command did when it was carried out before, if it was.
fn done_by(view: &View<'_>, graph: &Graph, revoke: &RevokeCa) -> Result<Option<CaRevoked>, Error> {
    let issuer = revoke.issuer;
    let (Some(command), Some(fall)) = (revoke.command, view.fall(issuer)?.1) else {
        return Ok(None);
    };
    let RevocationDetails { reason, date, .. } = revoke.details;
    let is_same = fall.reason == reason && date.is_none_or(|date| fall.date == date);
    // Others fall with it, under the same name, and nobody asked for that.
    if !is_same || matches!(fall.cause, FallCause::LeftBy(_)) {
        return Ok(None);
    }
    let mut named = None;
    view.log(&view.token(issuer, Position(0))?, &view.head(issuer)?, |_, entry, _| {
        match entry.event {
            Event::IssuerFell(_) => {
                named = Some(entry.command);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    })?;
    if named != Some(command) {
        return Ok(None);
    }
    let Certificates { recorded, external, .. } =
        Certificates::of(view, &view.require_issuer(issuer)?)?;
    let mut revoked = Vec::new();
    for (parent, serial) in recorded {
        let partition = view.known(parent, serial)?.1.record.map(|record| record.partition);
        let entries = view.entries_of(parent, partition.unwrap_or_default(), serial)?;
        if entries.first().is_some_and(|(_, entry)| entry.command == command) {
            revoked.push((parent, serial));
        }
    }
    let left = FallCause::LeftBy(issuer);
    let is_by_it = |id: &IssuerId| {
        graph.invalidation(*id).is_some_and(|it| it.by == issuer)
            || graph.0.get(id).and_then(|facts| facts.fall).is_some_and(|it| it.cause == left)
    };
    let down = graph.down().into_iter();
    let invalidated = down.filter(|id| *id != issuer && is_by_it(id)).collect();
    Ok(Some(CaRevoked { issuer, fall, revoked, external, invalidated, repeated: true }))
}

struct FallPlan {
    fall: Fall,
    revocations: Vec<Planned>,
    external: usize,
}

/// A certificate of a CA that falls, to be revoked with it.
struct Planned {
    parent: IssuerId,
    serial: Serial,
    version: Version,
    record: CertificateRecord,
    revocation: Revocation,
}

fn set_fall(graph: &mut Graph, issuer: IssuerId, fall: Fall) {
    graph.0.entry(issuer).or_default().fall = Some(fall);
}

fn left_by(issuer: IssuerId, fall: Fall) -> Fall {
    Fall { cause: FallCause::LeftBy(issuer), ..fall }
}

/// Records the fall of an issuer, and of those whose only other chains have expired.
fn fall(
    view: &View<'_>,
    change: &mut Change,
    before: &Graph,
    after: &mut Graph,
    issuer: IssuerId,
    own: Fall,
) -> Result<(), Error> {
    set_fall(after, issuer, own);
    change.put_fall(issuer, view.fall(issuer)?.0, &own);
    settle(view, change, before, after, issuer, own)
}

fn settle(
    view: &View<'_>,
    change: &mut Change,
    before: &Graph,
    after: &mut Graph,
    by: IssuerId,
    own: Fall,
) -> Result<(), Error> {
    let left = left_by(by, own);
    for issuer in after.settle_revocation(before, left) {
        change.put_fall(issuer, view.fall(issuer)?.0, &left);
    }
    Ok(())
}

/// Counts the certificates of an issuer that are not revoked themselves.
fn count(view: &View<'_>, issuer: IssuerId, now: Timestamp) -> Result<WouldInvalidate, Error> {
    let mut counted = WouldInvalidate { issuer, certificates: 0, unexpired: 0 };
    view.certificates_with_entries(issuer, None, None, |_, record, rows| {
        if rows.is_empty() {
            counted.certificates += 1;
            if record.not_after.is_none_or(|not_after| not_after >= now) {
                counted.unexpired += 1;
            }
        }
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    Ok(counted)
}
