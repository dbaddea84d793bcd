//! How the issuers stand, found out the slow and obvious way.

use super::command::Cert;
use annul::{IssuerId, Revocation, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What the model knows of an issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub id: IssuerId,
    pub links: Vec<Link>,
    /// Whether it ever fell or was invalidated. Nothing clears it.
    pub down: bool,
    /// Whether its log says that it fell, as of when.
    pub fell: Option<Timestamp>,
    pub lists_invalidated: bool,
    pub records: BTreeMap<u64, Record>,
    /// The number of its last CRL, and the thisUpdate.
    pub crl: Option<(u64, Timestamp)>,
}

/// A CA certificate that was added.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub cert: Cert,
    /// Whether it is trusted as it is: self-signed, or its parent declared to be elsewhere.
    pub anchor: bool,
}

/// A CA certificate that was recorded under its parent, added or not.
#[derive(Clone, Copy, Debug)]
pub struct Noted {
    pub ca: usize,
    pub parent: usize,
    pub serial: u64,
    /// Whether it is one of the CA's, though nobody added it.
    pub counts: bool,
}

/// What an issuer may hang on.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// `None`: an anchor.
    pub parent: Option<usize>,
    pub not_after: Timestamp,
    pub revoked: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub issued: bool,
    pub discovered: bool,
    pub kind: Kind,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// Which certificate it is, where its DER was seen.
    pub cert: Option<Cert>,
    /// What was said of its revocation, the latest last.
    pub history: Vec<Revocation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unknown,
    EndEntity,
    Ca(usize),
}

/// How an issuer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Stands,
    Down,
    Expired,
}

#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub issuers: BTreeMap<usize, Issuer>,
    pub noted: Vec<Noted>,
}

impl Chain {
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.not_after >= now
    }
}

impl Graph {
    pub fn class(&self, ca: usize, now: Timestamp) -> Class {
        if self.issuers[&ca].down {
            Class::Down
        } else if self.standing(now).contains(&ca) {
            Class::Stands
        } else {
            Class::Expired
        }
    }

    /// All that an issuer may hang on: the certificates that were added, and those that its parents
    /// recorded before it was.
    pub fn chains(&self, ca: usize) -> Vec<Chain> {
        let issuer = &self.issuers[&ca];
        let linked = issuer.links.iter().map(|link| Chain {
            parent: (!link.anchor).then_some(link.cert.issuer),
            not_after: link.cert.not_after(),
            revoked: self.revoked(link),
        });
        let unlinked = self.noted.iter().filter(|noted| {
            noted.ca == ca && noted.counts && !issuer.is_linked(noted.parent, noted.serial)
        });
        let unlinked = unlinked.map(|noted| {
            let record = &self.issuers[&noted.parent].records[&noted.serial];
            Chain {
                parent: Some(noted.parent),
                not_after: record.not_after.unwrap_or(Timestamp::MAX),
                revoked: record.history.last().map(|revocation| revocation.date),
            }
        });
        linked.chain(unlinked).collect()
    }

    /// When the certificate was revoked, if its parent is known and did.
    fn revoked(&self, link: &Link) -> Option<Timestamp> {
        let Cert { issuer, serial, .. } = link.cert;
        if link.anchor {
            return None;
        }
        Some(self.issuers[&issuer].records[&serial].history.last()?.date)
    }

    pub fn has_live(&self, ca: usize, now: Timestamp) -> bool {
        self.chains(ca).iter().any(|chain| chain.is_live(now))
    }

    /// The issuers that stand.
    pub fn standing(&self, now: Timestamp) -> BTreeSet<usize> {
        self.reached(|chain| chain.is_live(now))
    }

    /// The issuers that would stand if nothing ever expired.
    pub fn anchored(&self) -> BTreeSet<usize> {
        self.reached(|chain| chain.revoked.is_none())
    }

    fn reached(&self, usable: impl Fn(&Chain) -> bool) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        loop {
            let is_next = |ca: &usize| {
                let mut chains = self.chains(*ca).into_iter().filter(&usable);
                !self.issuers[ca].down
                    && !reached.contains(ca)
                    && chains.any(|chain| chain.parent.is_none_or(|it| reached.contains(&it)))
            };
            match self.issuers.keys().copied().find(is_next) {
                Some(ca) => reached.insert(ca),
                None => return reached,
            };
        }
    }

    /// When the last chain of an issuer was cut: a chain is when the first revocation in it says,
    /// on every way up to an anchor that visits no issuer twice. Where none leads to an anchor, a
    /// way that comes back to where it was is taken for a chain.
    pub fn cut(&self, ca: usize) -> Option<Timestamp> {
        let anchored = self.end(ca, &mut Vec::new(), None);
        let end = anchored.or_else(|| self.end(ca, &mut Vec::new(), Some(Timestamp::MAX)));
        end.filter(|end| *end < Timestamp::MAX)
    }

    /// Whether it hangs on an anchor, or was cut from something.
    pub fn has_end(&self, ca: usize) -> bool {
        self.end(ca, &mut Vec::new(), None).is_some() || self.cut(ca).is_some()
    }

    fn end(
        &self,
        ca: usize,
        below: &mut Vec<usize>,
        of_cycle: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let mut ends = Vec::new();
        below.push(ca);
        for Chain { parent, revoked, .. } in self.chains(ca) {
            let above = match parent {
                None => Some(Timestamp::MAX),
                Some(parent) if below.contains(&parent) => of_cycle,
                Some(parent) => self.end(parent, below, of_cycle),
            };
            let own = [revoked, self.issuers[&ca].fell].into_iter().flatten().min();
            ends.extend(above.map(|end| end.min(own.unwrap_or(end))));
        }
        below.pop();
        ends.into_iter().max()
    }

    /// Marks for good what a command brought down: what has no chain any more, expired or not, and
    /// what stood and does not.
    pub fn settle(&mut self, stood: &BTreeSet<usize>, now: Timestamp) {
        loop {
            let (anchored, standing) = (self.anchored(), self.standing(now));
            let down = self.issuers.iter_mut().find(|(ca, issuer)| {
                let cut = !anchored.contains(ca) || stood.contains(ca) && !standing.contains(ca);
                !issuer.down && cut
            });
            match down {
                Some((_, issuer)) => issuer.down = true,
                None => return,
            }
        }
    }

    pub fn record(&self, ca: usize, serial: u64) -> Option<&Record> {
        self.issuers.get(&ca)?.records.get(&serial)
    }

    /// Notes a certificate of a CA under its parent, once.
    pub fn note(&mut self, noted: Noted) {
        let same =
            |it: &Noted| (it.ca, it.parent, it.serial) == (noted.ca, noted.parent, noted.serial);
        if !self.noted.iter().any(same) {
            self.noted.push(noted);
        }
    }
}

impl Issuer {
    /// Whether this is the serial number of a self-signed certificate of it.
    pub fn owns(&self, serial: u64) -> bool {
        let own = |link: &Link| link.cert.is_self_signed() && link.cert.serial == serial;
        self.links.iter().any(own)
    }

    /// Whether a certificate of it with this serial number was added, and hangs on this parent.
    pub fn is_linked(&self, parent: usize, serial: u64) -> bool {
        let linked =
            |link: &Link| !link.anchor && (link.cert.issuer, link.cert.serial) == (parent, serial);
        self.links.iter().any(linked)
    }
}
