//! What a command changes, gathered while it is decided.

use super::{
    record::{IssuerRecord, ca_certificate_to_octets, certificate_to_octets, standing_to_octets},
    view::View,
};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, Fall, Graph},
    log::{CommandId, Event, Position},
    serial::Serial,
    store::{Append, Assert, Batch, Put, StoreError, Table, Version, key},
};
use std::collections::BTreeMap;

/// The record whose version counts the changes of the graph of the issuers.
pub(super) const GRAPH_KEY: &[u8] = &[];

type Place = (Table, Vec<u8>);

/// What a command changes, and what must not have changed meanwhile.
#[derive(Debug, Default)]
pub(super) struct Change {
    asserts: BTreeMap<Place, Version>,
    puts: BTreeMap<Place, (Version, Vec<u8>)>,
    events: BTreeMap<IssuerId, Vec<(Option<CommandId>, Event)>>,
}

impl Change {
    /// Whether nothing is to be written. What must not have changed does not matter then.
    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.events.is_empty()
    }

    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, expected: Version, value: Vec<u8>) {
        self.puts.insert((table, key), (expected, value));
    }

    pub(super) fn put_issuer(&mut self, id: IssuerId, expected: Version, record: &IssuerRecord) {
        self.put(Table::Issuers, id.as_octets().to_vec(), expected, record.to_octets());
    }

    pub(super) fn put_certificate(
        &mut self,
        issuer: IssuerId,
        serial: Serial,
        expected: Version,
        record: &CertificateRecord,
    ) {
        let key = key::certificate(issuer, serial);
        self.put(Table::Certificates, key, expected, certificate_to_octets(record));
    }

    /// Whether this command puts the record of this serial number, or demands that there is none.
    pub(super) fn has_certificate(&self, issuer: IssuerId, serial: Serial) -> bool {
        let place = (Table::Certificates, key::certificate(issuer, serial));
        self.puts.contains_key(&place) || self.asserts.contains_key(&place)
    }

    /// Demands that a certificate's record has not changed.
    pub(super) fn assert_certificate(&mut self, issuer: IssuerId, serial: Serial, is: Version) {
        self.asserts.insert((Table::Certificates, key::certificate(issuer, serial)), is);
    }

    /// Notes that this certificate makes a CA; `counts` as in the record.
    pub(super) fn note_ca_certificate(
        &mut self,
        view: &View<'_>,
        ca: IssuerId,
        parent: IssuerId,
        serial: Serial,
        counts: bool,
    ) -> Result<(), StoreError> {
        let key = key::ca_certificate(ca, parent, serial);
        if !view.has(Table::CaCertificates, &key)? {
            let value = ca_certificate_to_octets(counts);
            self.put(Table::CaCertificates, key, Version::ABSENT, value);
        }
        Ok(())
    }

    /// Demands that this issuer is as it was: neither added, nor given another certificate.
    pub(super) fn assert_issuer(&mut self, id: IssuerId, is: Version) {
        self.asserts.insert((Table::Issuers, id.as_octets().to_vec()), is);
    }

    /// Demands that none of these issuers has fallen meanwhile.
    pub(super) fn assert_standing(
        &mut self,
        view: &View<'_>,
        graph: &Graph,
    ) -> Result<(), StoreError> {
        graph.0.keys().try_for_each(|&issuer| self.assert_standing_of(view, issuer))
    }

    /// Demands that this issuer has not fallen meanwhile.
    pub(super) fn assert_standing_of(
        &mut self,
        view: &View<'_>,
        issuer: IssuerId,
    ) -> Result<(), StoreError> {
        let (version, _) = view.fall(issuer)?;
        self.asserts.insert((Table::Standings, issuer.as_octets().to_vec()), version);
        Ok(())
    }

    /// Says that the graph of the issuers changes. Such changes wait for each other: what falls
    /// with what is decided on the whole of it.
    pub(super) fn renew_graph(&mut self, is: Version) {
        self.put(Table::Issuers, GRAPH_KEY.to_vec(), is, vec![1]);
    }

    /// Records that an issuer fell, and adds the entry to its log.
    pub(super) fn put_fall(&mut self, issuer: IssuerId, is: Version, fall: &Fall) {
        self.renew_standing(issuer, (is, Some(*fall)));
        self.push(issuer, Event::IssuerFell(*fall));
    }

    /// Says that something changes for who holds on to the standing of an issuer.
    pub(super) fn renew_standing(&mut self, issuer: IssuerId, (is, fall): (Version, Option<Fall>)) {
        let key = issuer.as_octets().to_vec();
        self.put(Table::Standings, key, is, standing_to_octets(fall.as_ref()));
    }

    /// Adds an entry to the log of an issuer.
    pub(super) fn push(&mut self, issuer: IssuerId, event: Event) {
        self.push_as(None, issuer, event);
    }

    /// As [`Change::push`], under the name of this command.
    pub(super) fn push_as(&mut self, command: Option<CommandId>, issuer: IssuerId, event: Event) {
        self.events.entry(issuer).or_default().push((command, event));
    }

    /// Takes in another change that was decided on the same view.
    pub(super) fn merge(&mut self, other: Self) {
        self.asserts.extend(other.asserts);
        self.puts.extend(other.puts);
        for (issuer, events) in other.events {
            self.events.entry(issuer).or_default().extend(events);
        }
    }

    /// Where the last entry added to the log of an issuer will stand.
    pub(super) fn position_of_last(
        &self,
        view: &View<'_>,
        issuer: IssuerId,
    ) -> Result<Position, StoreError> {
        let added = self.events.get(&issuer).map_or(0, Vec::len);
        Ok(Position(view.head(issuer)?.position.0.saturating_add(added as u64)))
    }

    /// The batch that does it, on top of what the view shows. `command` names what has no name.
    pub(super) fn to_batch(
        &self,
        view: &View<'_>,
        command: CommandId,
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        for ((table, key), &expected) in &self.asserts {
            // A put demands its version itself.
            if !self.puts.contains_key(&(*table, key.clone())) {
                batch.asserts.push(Assert { table: *table, key: key.clone(), expected });
            }
        }
        for ((table, key), (expected, value)) in &self.puts {
            let (expected, value) = (*expected, value.clone());
            batch.puts.push(Put { table: *table, key: key.clone(), expected, value });
        }
        for (&issuer, events) in &self.events {
            let head = view.head(issuer)?;
            let events = events.iter().map(|(own, event)| (own.unwrap_or(command), *event));
            let (after, entries) = head.extended(events);
            let head_octets = after.to_octets();
            let expected = head.position;
            let head = head_octets;
            batch.appends.push(Append { issuer, expected, entries, head, prunes: Vec::new() });
        }
        Ok(batch)
    }
}
