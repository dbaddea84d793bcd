//! Whether an issuer may issue: its own fall, and what its ancestors did to it.
//!
//! CA certificates make a graph: an issuer may have several, of several parents, renewed and
//! cross-certified, in cycles even. An issuer is *anchored* if a chain of unrevoked certificates
//! of issuers that have not fallen leads from it to a self-signed certificate or to a parent that
//! was declared external. It *stands* if such a chain is also unexpired. One that would be anchored
//! if nothing had ever been revoked, and is not, is *invalidated*.
//!
//! Being anchored does not hang on the time, so a clock that steps cannot bring an issuer back. Two
//! things could: a chain that was left out because it had expired, and a certificate that is added
//! later. [`Graph::settle`] finds the issuers for which they would, and they fall.

use crate::{
    issuer_id::IssuerId, lifecycle::Revocation, reason::Reason, serial::Serial, time::Timestamp,
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

/// How an issuer fell, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fall {
    /// When it was revoked or distrusted.
    pub date: Timestamp,
    /// Why, if a reason was given.
    pub reason: Option<Reason>,
    /// When it was written into the log.
    pub recorded_at: Timestamp,
    /// What made it fall.
    pub cause: FallCause,
}

/// What makes an issuer fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FallCause {
    /// It was revoked as a CA, or the last of its certificates was.
    Revoked,
    /// It is self-signed and was distrusted.
    Distrusted,
    /// The fall of this other issuer left it no chain but expired ones.
    LeftBy(IssuerId),
}

/// How an issuer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It may issue.
    Stands,
    /// It was revoked or distrusted itself.
    Fallen(Fall),
    /// A revocation above it left it no chain to an anchor.
    Invalidated(Invalidation),
    /// Every chain to an anchor has expired.
    Expired {
        /// The latest notAfter of its own certificates.
        not_after: Timestamp,
    },
    /// No chain leads to an anchor, and none ever did.
    Unanchored,
}

/// What invalidated an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// The issuers on the way up, the invalidated one first, the one that fell or whose
    /// certificate was revoked last.
    pub path: Vec<IssuerId>,
    /// The issuer that fell or whose certificate was revoked.
    pub by: IssuerId,
    /// The date of that revocation.
    pub at: Timestamp,
    /// Its reason, if one was given.
    pub reason: Option<Reason>,
}

impl Standing {
    /// Whether the issuer fell or was invalidated: for good.
    pub const fn is_down(&self) -> bool {
        matches!(self, Self::Fallen(_) | Self::Invalidated(_))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stands => f.write_str("it stands"),
            Self::Fallen(fall) => write!(f, "it fell on {}", fall.date),
            Self::Invalidated(by) => write!(f, "{} was revoked on {}", by.by, by.at),
            Self::Expired { not_after } => write!(f, "it expired at {not_after}"),
            Self::Unanchored => f.write_str("no chain leads to an anchor"),
        }
    }
}

/// Where a CA certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Parent {
    /// It is self-signed: an anchor.
    SelfSigned,
    /// Its issuer is declared to be elsewhere: an anchor.
    External,
    /// Another issuer of the record.
    Issuer(IssuerId),
}

/// What matters of one CA certificate.
#[derive(Clone, Debug)]
pub(crate) struct CaCertificateFacts {
    pub(crate) parent: Parent,
    /// `None` if it is none that could be revoked.
    pub(crate) serial: Option<Serial>,
    pub(crate) not_after: Timestamp,
    pub(crate) revocation: Option<Revocation>,
}

/// What matters of one issuer.
#[derive(Clone, Debug, Default)]
pub(crate) struct IssuerFacts {
    pub(crate) fall: Option<Fall>,
    pub(crate) certificates: Vec<CaCertificateFacts>,
}

impl IssuerFacts {
    fn not_after(&self) -> Timestamp {
        self.certificates.iter().map(|c| c.not_after).max().unwrap_or(Timestamp::MIN)
    }

    /// The end of the issuer's longest chain, as far as those of its parents are known.
    fn end(&self, id: IssuerId, ends: &BTreeMap<IssuerId, End>) -> Option<End> {
        let own = |at, reason| End::Cut(Cut { at, by: id, reason, through: None });
        let through = |certificate: &CaCertificateFacts| {
            let above = match certificate.parent {
                Parent::SelfSigned | Parent::External => End::Open,
                Parent::Issuer(parent) => match ends.get(&parent)? {
                    End::Open => End::Open,
                    End::Cut(cut) => End::Cut(Cut { through: Some(parent), ..*cut }),
                },
            };
            let cut = certificate.revocation.map(|cut| own(cut.date, cut.reason));
            Some(cut.map_or(above, |cut| above.min(cut)))
        };
        let end = self.certificates.iter().filter_map(through).max()?;
        Some(self.fall.map_or(end, |fall| end.min(own(fall.date, fall.reason))))
    }

    fn is_below(&self, issuers: &BTreeSet<IssuerId>) -> bool {
        let parents = self.certificates.iter().map(|certificate| certificate.parent);
        parents.into_iter().any(|parent| match parent {
            Parent::Issuer(parent) => issuers.contains(&parent),
            Parent::SelfSigned | Parent::External => false,
        })
    }

    /// Its fall, where a certificate was revoked and none is left that is live.
    pub(crate) fn lost_all(&self, now: Timestamp) -> Option<Fall> {
        let dates = self.certificates.iter().filter_map(|c| c.revocation);
        let last = dates.max_by_key(|revocation| revocation.date)?;
        let (date, reason) = (last.date, last.reason);
        let fall = Fall { date, reason, recorded_at: now, cause: FallCause::Revoked };
        (self.fall.is_none() && !self.has_live_certificate(now)).then_some(fall)
    }

    /// Whether a certificate is left that is neither revoked nor expired.
    pub(crate) fn has_live_certificate(&self, now: Timestamp) -> bool {
        self.certificates.iter().any(|c| c.is_live(now))
    }
}

impl CaCertificateFacts {
    /// Neither revoked nor, at this time, expired.
    fn is_live(&self, now: Timestamp) -> bool {
        self.revocation.is_none() && self.not_after >= now
    }
}

/// How far the chains of an issuer reach. The later end is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The last one is cut.
    Cut(Cut),
    /// One is not.
    Open,
}

/// What cut a chain. The later is the greater.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: Timestamp,
    /// The issuer that fell or whose certificate was revoked.
    by: IssuerId,
    reason: Option<Reason>,
    /// The parent that the chain leads through; `None` at `by` itself.
    through: Option<IssuerId>,
}

impl Cut {
    /// Where the chain leads through is no part of it: of two ways that end alike, the one that was
    /// found first stays, for two issuers must not lead through each other.
    const fn rank(&self) -> (Timestamp, IssuerId, Option<Reason>) {
        (self.at, self.by, self.reason)
    }

    fn invalidation(&self, issuer: IssuerId, ends: &BTreeMap<IssuerId, End>) -> Invalidation {
        let mut path = vec![issuer];
        let mut cut = *self;
        while let Some(parent) = cut.through.filter(|parent| !path.contains(parent)) {
            path.push(parent);
            match ends.get(&parent) {
                Some(End::Cut(above)) => cut = *above,
                _ => break,
            }
        }
        Invalidation { path, by: self.by, at: self.at, reason: self.reason }
    }
}

impl Ord for Cut {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Cut {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cut {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Cut {}

/// Issuers and the certificates between them.
///
/// It holds all ancestors of every issuer that it is asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph(pub(crate) BTreeMap<IssuerId, IssuerFacts>);

impl Graph {
    /// How an issuer stands; `None` if the graph does not hold it.
    pub(crate) fn standing(&self, issuer: IssuerId, now: Timestamp) -> Option<Standing> {
        self.standings(now).remove(&issuer)
    }

    /// How each issuer stands.
    pub(crate) fn standings(&self, now: Timestamp) -> BTreeMap<IssuerId, Standing> {
        let (stands, ends) = (self.standing_issuers(now), self.ends());
        let standing = |(&id, facts): (&IssuerId, &IssuerFacts)| {
            let standing = match (facts.fall, ends.get(&id)) {
                (Some(fall), _) => Standing::Fallen(fall),
                (None, None) => Standing::Unanchored,
                (None, Some(End::Cut(cut))) => Standing::Invalidated(cut.invalidation(id, &ends)),
                (None, Some(End::Open)) if stands.contains(&id) => Standing::Stands,
                (None, Some(End::Open)) => Standing::Expired { not_after: facts.not_after() },
            };
            (id, standing)
        };
        self.0.iter().map(standing).collect()
    }

    /// What makes the certificates of an issuer worthless, if it is down: its own fall, or what cut
    /// its last chain, whichever came first.
    pub(crate) fn invalidation(&self, issuer: IssuerId) -> Option<Invalidation> {
        let ends = self.ends();
        match ends.get(&issuer) {
            Some(End::Cut(cut)) => Some(cut.invalidation(issuer, &ends)),
            _ => None,
        }
    }

    /// The issuers that stand.
    pub(crate) fn standing_issuers(&self, now: Timestamp) -> BTreeSet<IssuerId> {
        let mut children: BTreeMap<IssuerId, Vec<IssuerId>> = BTreeMap::new();
        let mut stands = BTreeSet::new();
        let mut next = VecDeque::new();
        for (&id, facts) in self.0.iter().filter(|(_, facts)| facts.fall.is_none()) {
            for certificate in facts.certificates.iter().filter(|c| c.is_live(now)) {
                match certificate.parent {
                    Parent::Issuer(parent) => children.entry(parent).or_default().push(id),
                    Parent::SelfSigned | Parent::External => next.push_back(id),
                }
            }
        }
        while let Some(id) = next.pop_front() {
            if stands.insert(id) {
                next.extend(children.get(&id).into_iter().flatten());
            }
        }
        stands
    }

    /// The issuers that a revocation of themselves or above brought down.
    pub(crate) fn down(&self) -> BTreeSet<IssuerId> {
        let fallen = self.0.iter().filter(|(_, facts)| facts.fall.is_some()).map(|(&id, _)| id);
        let cut = self.ends().into_iter().filter(|(_, end)| matches!(end, End::Cut(_)));
        cut.map(|(id, _)| id).chain(fallen).collect()
    }

    /// How the chains of each issuer end, whether or not they have expired; nothing for one that no
    /// chain joins to an anchor, and that nothing cut either.
    ///
    /// A chain is cut on the earliest date of a revocation in it, and an issuer when its last chain
    /// is. So whatever is revoked besides, the date never moves to a later one.
    fn ends(&self) -> BTreeMap<IssuerId, End> {
        // Upwards from no chain at all, so that a cycle of certificates is no anchor to itself.
        let mut ends = BTreeMap::new();
        self.improve(&mut ends, |_| true, |new, old| old.is_none_or(|old| new > old));
        // Those without an anchor can be cut all the same: downwards from chains that are whole.
        let joined: BTreeSet<_> = ends.keys().copied().collect();
        ends.extend(self.0.keys().filter(|id| !joined.contains(id)).map(|&id| (id, End::Open)));
        let loose = |id| !joined.contains(&id);
        self.improve(&mut ends, loose, |new, old| old.is_none_or(|old| new < old));
        ends.retain(|id, end| joined.contains(id) || *end != End::Open);
        ends
    }

    /// Recomputes ends of these issuers until none is `better`. They move in one direction, and there
    /// are no more of them than cuts, so that comes about.
    fn improve(
        &self,
        ends: &mut BTreeMap<IssuerId, End>,
        of: impl Fn(IssuerId) -> bool,
        better: impl Fn(End, Option<End>) -> bool,
    ) {
        let mut changed = true;
        while changed {
            changed = false;
            for (&id, facts) in self.0.iter().filter(|(id, _)| of(**id)) {
                if let Some(end) = facts.end(id, ends)
                    && better(end, ends.get(&id).copied())
                {
                    ends.insert(id, end);
                    changed = true;
                }
            }
        }
    }

    /// Makes fall what the revocation that led here from `before` cut off, where an expired chain
    /// hides that it did; answers which.
    pub(crate) fn settle_revocation(&mut self, before: &Self, fall: Fall) -> Vec<IssuerId> {
        let now = fall.recorded_at;
        let (stood, was_down) = (before.standing_issuers(now), before.down());
        self.settle(fall, |graph| {
            stood.difference(&graph.standing_issuers(now)).chain(&was_down).copied().collect()
        })
    }

    /// Makes fall what the CA certificate that was added since `before` would let come back;
    /// answers which.
    pub(crate) fn settle_addition(&mut self, before: &Self, fall: Fall) -> Vec<IssuerId> {
        let was_down = before.down();
        self.settle(fall, |_| was_down.clone())
    }

    fn settle(
        &mut self,
        fall: Fall,
        belongs_down: impl Fn(&Self) -> BTreeSet<IssuerId>,
    ) -> Vec<IssuerId> {
        let mut fell = Vec::new();
        loop {
            let lost: BTreeSet<_> = &belongs_down(self) - &self.down();
            // The uppermost first: their fall invalidates those below them.
            let mut falls: Vec<_> =
                lost.iter().copied().filter(|id| !self.is_below(id, &lost)).collect();
            if falls.is_empty() {
                falls.extend(lost.first());
            }
            if falls.is_empty() {
                return fell;
            }
            for id in falls {
                self.0.entry(id).or_default().fall = Some(fall);
                fell.push(id);
            }
        }
    }

    fn is_below(&self, issuer: &IssuerId, others: &BTreeSet<IssuerId>) -> bool {
        self.0.get(issuer).is_some_and(|facts| facts.is_below(others))
    }
}

#[cfg(test)]
mod tests;
