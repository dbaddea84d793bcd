//! How issuers hang together, as it is recorded.

use super::{KnownIssuer, View, corrupt};
use crate::{
    authority::{Error, record::ca_certificate_counts},
    certificate::Certificate,
    issuer_id::IssuerId,
    lifecycle::{CaCertificateFacts, Graph, IssuerFacts, Known, Parent},
    log::AsOf,
    serial::Serial,
    store::{Space, StoreError, Table, Version, key},
    time::Timestamp,
};
use std::{collections::BTreeSet, ops::ControlFlow};

/// A certificate of a CA that was recorded under its parent and not added to the CA.
pub(in crate::authority) struct Unlinked {
    pub(in crate::authority) parent: IssuerId,
    pub(in crate::authority) serial: Serial,
    /// Whether it was there before the CA was added, and so is one of its chains.
    pub(in crate::authority) counts: bool,
    pub(in crate::authority) facts: CaCertificateFacts,
}

impl View<'_> {
    /// The graph of an issuer and all its ancestors.
    pub(in crate::authority) fn graph_above(&self, issuer: IssuerId) -> Result<Graph, Error> {
        let mut graph = Graph::default();
        let mut next = vec![self.require_issuer(issuer)?];
        let mut seen = BTreeSet::from([issuer]);
        while let Some(known) = next.pop() {
            let (id, facts) = (known.issuer.id(), self.facts(&known)?);
            for certificate in &facts.certificates {
                if let Parent::Issuer(parent) = certificate.parent
                    && seen.insert(parent)
                {
                    next.push(self.require_issuer(parent)?);
                }
            }
            graph.0.insert(id, facts);
        }
        Ok(graph)
    }

    /// The graph of all issuers.
    pub(in crate::authority) fn graph(&self) -> Result<Graph, StoreError> {
        let mut graph = Graph::default();
        for known in self.issuers()? {
            graph.0.insert(known.issuer.id(), self.facts(known)?);
        }
        Ok(graph)
    }

    fn facts(&self, known: &KnownIssuer) -> Result<IssuerFacts, StoreError> {
        let (version, fall) = self.fall(known.issuer.id())?;
        if version == Version::ABSENT {
            // Every issuer has one from the day it is added: without it, none ever fell.
            return Err(corrupt(Table::Standings, known.issuer.id().as_octets(), "it is gone"));
        }
        let mut certificates = known
            .links()
            .map(|(certificate, parent)| self.ca_certificate_facts(certificate, parent))
            .collect::<Result<Vec<_>, _>>()?;
        let unlinked =
            self.unlinked(known.issuer.id(), |parent, serial| known.has(parent, serial))?;
        certificates.extend(unlinked.into_iter().filter(|u| u.counts).map(|u| u.facts));
        Ok(IssuerFacts { fall, certificates })
    }

    /// The certificates of a CA that were recorded under a parent and are not `linked` to it.
    pub(in crate::authority) fn unlinked(
        &self,
        ca: IssuerId,
        linked: impl Fn(IssuerId, Serial) -> bool,
    ) -> Result<Vec<Unlinked>, StoreError> {
        let table = Table::CaCertificates;
        let mut keys = Vec::new();
        self.scan(Space::Table(table), ca.as_octets(), key::past(ca.as_octets()), |key, value| {
            let read = || {
                let (parent, serial) = key.get(32..)?.split_first_chunk()?;
                let serial = Serial::from_octets(serial.get(1..)?).ok()?;
                Some((IssuerId::from_octets(*parent), serial))
            };
            let (parent, serial) = read().ok_or_else(|| corrupt(table, key, "a bad key"))?;
            let counts = ca_certificate_counts(value).map_err(|e| corrupt(table, key, e))?;
            keys.push((parent, serial, counts));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        let mut unlinked = Vec::new();
        for (parent, serial, counts) in keys {
            if !linked(parent, serial) {
                let (_, Known { record, revocation }) = self.known(parent, serial)?;
                let facts = CaCertificateFacts {
                    parent: Parent::Issuer(parent),
                    serial: Some(serial),
                    not_after: record.and_then(|r| r.not_after).unwrap_or(Timestamp::MAX),
                    revocation: revocation.map(|history| history.current),
                };
                unlinked.push(Unlinked { parent, serial, counts, facts });
            }
        }
        Ok(unlinked)
    }

    /// What matters of a CA certificate of this parent.
    pub(in crate::authority) fn ca_certificate_facts(
        &self,
        certificate: &Certificate,
        parent: Parent,
    ) -> Result<CaCertificateFacts, StoreError> {
        let serial = certificate.serial().to_serial().ok();
        let revocation = match (parent, serial) {
            (Parent::Issuer(parent), Some(serial)) => {
                self.known(parent, serial)?.1.revocation.map(|history| history.current)
            }
            _ => None,
        };
        let not_after = certificate.not_after();
        Ok(CaCertificateFacts { parent, serial, not_after, revocation })
    }

    /// The positions of the logs of all issuers of a graph.
    pub(in crate::authority) fn as_of(&self, graph: &Graph) -> Result<AsOf, StoreError> {
        let mut as_of = AsOf::default();
        for &issuer in graph.0.keys() {
            as_of.positions.insert(issuer, self.head(issuer)?.position);
        }
        Ok(as_of)
    }
}
