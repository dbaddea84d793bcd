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

use crate::{issuer_id::IssuerId, lifecycle::Revocation, reason::Reason, time::Timestamp};
use std::{
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

    fn is_below(&self, issuers: &BTreeSet<IssuerId>) -> bool {
        let parents = self.certificates.iter().map(|certificate| certificate.parent);
        parents.into_iter().any(|parent| match parent {
            Parent::Issuer(parent) => issuers.contains(&parent),
            Parent::SelfSigned | Parent::External => false,
        })
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

/// Issuers and the certificates between them.
///
/// It holds all ancestors of every issuer that it is asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph(pub(crate) BTreeMap<IssuerId, IssuerFacts>);

impl Graph {
    /// How an issuer stands; `None` if the graph does not hold it.
    pub(crate) fn standing(&self, issuer: IssuerId, now: Timestamp) -> Option<Standing> {
        let facts = self.0.get(&issuer)?;
        Some(if let Some(fall) = facts.fall {
            Standing::Fallen(fall)
        } else if self.standing_issuers(now).contains(&issuer) {
            Standing::Stands
        } else if self.anchored().contains(&issuer) {
            Standing::Expired { not_after: facts.not_after() }
        } else {
            self.blame(issuer).map_or(Standing::Unanchored, Standing::Invalidated)
        })
    }

    /// The issuers that stand.
    pub(crate) fn standing_issuers(&self, now: Timestamp) -> BTreeSet<IssuerId> {
        self.chained(|c| c.is_live(now), true)
    }

    /// The issuers with an unrevoked chain to an anchor, expired or not.
    fn anchored(&self) -> BTreeSet<IssuerId> {
        self.chained(|c| c.revocation.is_none(), true)
    }

    /// The issuers that a revocation of themselves or above brought down.
    pub(crate) fn down(&self) -> BTreeSet<IssuerId> {
        let (ever, anchored) = (self.chained(|_| true, false), self.anchored());
        let fallen = self.0.iter().filter(|(_, facts)| facts.fall.is_some()).map(|(&id, _)| id);
        ever.difference(&anchored).copied().chain(fallen).collect()
    }

    /// The issuers that a chain of such certificates joins to an anchor.
    fn chained(
        &self,
        usable: impl Fn(&CaCertificateFacts) -> bool,
        falls_count: bool,
    ) -> BTreeSet<IssuerId> {
        let mut children: BTreeMap<IssuerId, Vec<IssuerId>> = BTreeMap::new();
        let mut reached = BTreeSet::new();
        let mut next = VecDeque::new();
        let candidates = self.0.iter().filter(|(_, facts)| !(falls_count && facts.fall.is_some()));
        for (&id, facts) in candidates {
            for certificate in facts.certificates.iter().filter(|c| usable(c)) {
                match certificate.parent {
                    Parent::Issuer(parent) => children.entry(parent).or_default().push(id),
                    Parent::SelfSigned | Parent::External => next.push_back(id),
                }
            }
        }
        while let Some(id) = next.pop_front() {
            if reached.insert(id) {
                next.extend(children.get(&id).into_iter().flatten());
            }
        }
        reached
    }

    /// The latest of the nearest revocations above an issuer: the one that cut its last chain.
    fn blame(&self, issuer: IssuerId) -> Option<Invalidation> {
        let mut found: Option<(Timestamp, Invalidation)> = None;
        let mut seen = BTreeSet::from([issuer]);
        let mut next = VecDeque::from([vec![issuer]]);
        while let Some(path) = next.pop_front() {
            let Some(&at) = path.last() else { continue };
            let Some(facts) = self.0.get(&at) else { continue };
            let own = facts.fall.map(|fall| (fall.recorded_at, fall.date, fall.reason));
            let certificates = facts.certificates.iter().filter_map(|c| c.revocation);
            let cuts = certificates.map(|r| (r.recorded_at, r.date, r.reason));
            for (recorded_at, date, reason) in own.into_iter().chain(cuts) {
                if found.as_ref().is_none_or(|(latest, _)| recorded_at > *latest) {
                    let invalidation =
                        Invalidation { path: path.clone(), by: at, at: date, reason };
                    found = Some((recorded_at, invalidation));
                }
            }
            if own.is_some() {
                continue;
            }
            for certificate in facts.certificates.iter().filter(|c| c.revocation.is_none()) {
                if let Parent::Issuer(parent) = certificate.parent
                    && seen.insert(parent)
                {
                    next.push_back(path.iter().copied().chain([parent]).collect());
                }
            }
        }
        found.map(|(_, invalidation)| invalidation)
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
            // The uppermost first: its fall invalidates those below it.
            let below = |id: &&IssuerId| self.0.get(id).is_some_and(|facts| facts.is_below(&lost));
            let uppermost = lost.iter().find(|id| !below(id));
            let Some(&id) = uppermost.or_else(|| lost.first()) else { return fell };
            self.0.entry(id).or_default().fall = Some(fall);
            fell.push(id);
        }
    }
}

#[cfg(test)]
mod tests;
