//! What a command changes, gathered while it is decided.

use super::{
    ends::Ends,
    record::{
        Discovered, DistributionRecord, IssuerRecord, PartitionRecord, ca_certificate_to_octets,
        certificate_to_octets, standing_to_octets,
    },
    view::{View, corrupt},
};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, Fall, Graph},
    log::{CommandId, Event, Head, NewEntry, Position},
    partition::Partition,
    serial::Serial,
    store::{Append, Assert, Batch, Prune, Put, Retire, StoreError, Table, Version, key},
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// The record whose version counts the changes of the graph of the issuers.
pub(super) const GRAPH_KEY: &[u8] = &[];

/// Where it stands when a certificate of an issuer that is down was last recorded.
pub(super) fn discovered_key(issuer: IssuerId) -> Vec<u8> {
    [issuer.as_octets(), &[0][..]].concat()
}

/// What is written of a member of a partition: a format, and nothing else.
const MEMBER: &[u8] = &[1];

/// Where a record stands.
pub(super) type Place = (Table, Vec<u8>);

/// What commands change, and what must not have changed meanwhile.
///
/// An event about a certificate goes with a put of the certificate's record, changed or not. So
/// the record's version tells whether what is known of the certificate still holds, and where the
/// event stands in the log need not be known when it is decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    asserts: BTreeMap<Place, Version>,
    puts: BTreeMap<Place, (Version, Vec<u8>)>,
    retires: BTreeMap<Place, Version>,
    prunes: BTreeMap<IssuerId, Vec<(Prune, Vec<u8>)>>,
    events: BTreeMap<IssuerId, Vec<(Option<CommandId>, Event)>>,
    ends: Ends,
}

impl Change {
    /// Whether nothing is to be written. What must not have changed does not matter then.
    pub(super) fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.retires.is_empty() && self.events.is_empty()
    }

    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, expected: Version, value: Vec<u8>) {
        self.puts.insert((table, key), (expected, value));
    }

    pub(super) fn put_issuer(&mut self, id: IssuerId, expected: Version, record: &IssuerRecord) {
        self.put(Table::Issuers, id.as_octets().to_vec(), expected, record.to_octets());
    }

    pub(super) fn put_distribution(
        &mut self,
        issuer: IssuerId,
        expected: Version,
        record: &DistributionRecord,
    ) {
        let key = issuer.as_octets().to_vec();
        self.put(Table::Distributions, key, expected, record.to_octets());
    }

    pub(super) fn put_partition(
        &mut self,
        issuer: IssuerId,
        partition: Partition,
        expected: Version,
        record: &PartitionRecord,
    ) {
        let key = key::partition(issuer, partition);
        self.put(Table::Partitions, key, expected, record.to_octets());
    }

    /// The record of a partition as this change puts it, if it does, and the version that it
    /// replaces.
    pub(super) fn pending_partition(
        &self,
        issuer: IssuerId,
        partition: Partition,
    ) -> Result<Option<(Version, PartitionRecord)>, StoreError> {
        let place = (Table::Partitions, key::partition(issuer, partition));
        let Some((version, value)) = self.puts.get(&place) else { return Ok(None) };
        let record = PartitionRecord::from_octets(value);
        let record = record.map_err(|error| corrupt(place.0, &place.1, error))?;
        Ok(Some((*version, record)))
    }

    /// Records what is known of a certificate; of one that is new, also in which partition it is.
    pub(super) fn put_certificate(
        &mut self,
        issuer: IssuerId,
        serial: Serial,
        expected: Version,
        record: &CertificateRecord,
    ) {
        let key = key::certificate(issuer, serial);
        self.put(Table::Certificates, key, expected, certificate_to_octets(record));
        if expected == Version::ABSENT && record.partition != Partition(0) {
            let key = key::member(issuer, record.partition, serial);
            self.put(Table::PartitionMembers, key, Version::ABSENT, MEMBER.to_vec());
        }
    }

    /// Removes what is known of a certificate, and its place in its partition.
    pub(super) fn retire_certificate(
        &mut self,
        issuer: IssuerId,
        serial: Serial,
        expected: Version,
        record: &CertificateRecord,
    ) {
        self.retire(Table::Certificates, key::certificate(issuer, serial), expected);
        if record.partition != Partition(0) {
            let key = key::member(issuer, record.partition, serial);
            // It is put once, and never replaced.
            self.retire(Table::PartitionMembers, key, Version(1));
        }
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
            // Whoever lets the CA fall, or adds it, reads all its certificates.
            self.renew_standing(ca, view.fall(ca)?);
        }
        Ok(())
    }

    /// Demands that this issuer is as it was: neither added, nor given another certificate.
    pub(super) fn assert_issuer(&mut self, id: IssuerId, is: Version) {
        self.asserts.insert((Table::Issuers, id.as_octets().to_vec()), is);
    }

    /// Demands that nothing was released meanwhile of the scope with this key.
    pub(super) fn assert_releases(&mut self, scope: Vec<u8>, is: Version) {
        self.asserts.insert((Table::Releases, scope), is);
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

    /// Notes that a certificate of an issuer that is down became known: its next CRL must list it, and
    /// the log says nothing of it.
    pub(super) fn note_discovered(
        &mut self,
        view: &View<'_>,
        issuer: IssuerId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (version, before) = view.discovered(issuer)?;
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        let value = Discovered { count, at }.to_octets();
        self.put(Table::Standings, discovered_key(issuer), version, value);
        Ok(())
    }

    /// Removes a record.
    pub(super) fn retire(&mut self, table: Table, key: Vec<u8>, expected: Version) {
        self.retires.insert((table, key), expected);
    }

    /// Takes an entry, which has this value, from those that CRLs list. The certificate's record
    /// must go with it, so that nobody else has taken it already; and an event, so that the log
    /// says so.
    pub(super) fn prune(&mut self, issuer: IssuerId, prune: Prune, value: Vec<u8>) {
        self.prunes.entry(issuer).or_default().push((prune, value));
    }

    /// Adds an entry to the log of an issuer.
    pub(super) fn push(&mut self, issuer: IssuerId, event: Event) {
        self.push_as(None, issuer, event);
    }

    /// As [`Change::push`], under the name of this command.
    pub(super) fn push_as(&mut self, command: Option<CommandId>, issuer: IssuerId, event: Event) {
        self.events.entry(issuer).or_default().push((command, event));
    }

    /// Names what has no name yet after this command.
    pub(super) fn name(&mut self, command: CommandId) {
        for (own, _) in self.events.values_mut().flatten() {
            own.get_or_insert(command);
        }
    }

    /// Takes in another change, which this one [admits](Self::admits).
    pub(super) fn merge(&mut self, other: Self) {
        self.asserts.extend(other.asserts);
        self.puts.extend(other.puts);
        self.retires.extend(other.retires);
        for (issuer, prunes) in other.prunes {
            self.prunes.entry(issuer).or_default().extend(prunes);
        }
        self.ends.merge(&other.ends);
        for (issuer, events) in other.events {
            self.events.entry(issuer).or_default().extend(events);
        }
    }

    /// Where the entry that was added last to the log of an issuer stands among those that this
    /// change adds there; [`Placed::position`] says where that is in the log.
    pub(super) fn place_of_last(&self, issuer: IssuerId) -> Position {
        Position(self.events.get(&issuer).map_or(0, Vec::len) as u64)
    }

    /// Names what has no name after this command, and notes the ends of the logs as the view that it
    /// was decided on shows them.
    pub(super) fn complete(
        &mut self,
        view: &View<'_>,
        command: CommandId,
    ) -> Result<(), StoreError> {
        self.name(command);
        self.ends = Ends::read(view, self)?;
        Ok(())
    }

    /// The ends of the logs that it adds to, as they were when it was decided.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// The issuers whose logs it adds to.
    pub(super) fn issuers(&self) -> impl Iterator<Item = IssuerId> {
        self.events.keys().copied()
    }

    /// The partitions whose entries it adds to or takes from, but for partition 0.
    pub(super) fn partitions(&self) -> BTreeSet<(IssuerId, Partition)> {
        let added = self.events.iter().flat_map(|(&issuer, events)| {
            let subjects = events.iter().filter_map(|(_, event)| event.subject());
            subjects.map(move |subject| (issuer, subject.partition))
        });
        let pruned = self.prunes.iter().flat_map(|(&issuer, prunes)| {
            prunes.iter().map(move |(prune, _)| (issuer, prune.partition))
        });
        added.chain(pruned).filter(|(_, partition)| *partition != Partition(0)).collect()
    }

    /// How many records and entries it writes or removes.
    pub(super) fn size(&self) -> usize {
        self.puts.len()
            + self.retires.len()
            + self.prunes.values().map(Vec::len).sum::<usize>()
            + self.events.values().map(Vec::len).sum::<usize>()
    }

    /// Whether it writes this record or demands that it has not changed.
    pub(super) fn hangs_on(&self, place: &Place) -> bool {
        self.writes(place) || self.asserts.contains_key(place)
    }

    fn writes(&self, place: &Place) -> bool {
        self.puts.contains_key(place) || self.retires.contains_key(place)
    }

    /// Whether `later`, decided by another command, can take effect right after this one: what it
    /// was decided on is not changed by this one.
    pub(super) fn admits(&self, later: &Self) -> bool {
        let asserted = later.asserts.iter().map(|(place, version)| (place, *version));
        let put = later.puts.iter().map(|(place, (version, _))| (place, *version));
        let retired = later.retires.iter().map(|(place, version)| (place, *version));
        asserted.chain(put).chain(retired).all(|(place, version)| {
            !self.writes(place)
                && self.asserts.get(place).is_none_or(|asserted| *asserted == version)
        })
    }

    /// The batch that does it, on top of these ends, and the ends after it.
    pub(super) fn to_batch(&self, ends: &Ends) -> (Batch, Ends) {
        let (mut batch, mut after) = (Batch::default(), ends.clone());
        for (place, &expected) in &self.asserts {
            // What is written demands its version itself.
            if !self.writes(place) {
                let (table, key) = place.clone();
                batch.asserts.push(Assert { table, key, expected });
            }
        }
        for ((table, key), (expected, value)) in &self.puts {
            let (expected, value) = (*expected, value.clone());
            batch.puts.push(Put { table: *table, key: key.clone(), expected, value });
        }
        for ((table, key), &expected) in &self.retires {
            batch.retires.push(Retire { table: *table, key: key.clone(), expected });
        }
        for (&issuer, events) in &self.events {
            let before = ends.heads.get(&issuer).copied().unwrap_or(Head::EMPTY);
            // All are named by now.
            let named =
                events.iter().map(|(own, event)| (own.unwrap_or(CommandId([0; 16])), *event));
            let (mut head, entries) = before.extended(named);
            let expected = before.position;
            for NewEntry { subject, value } in &entries {
                if let Some(tally) = subject.and_then(|(it, _)| after.tally(issuer, it)) {
                    tally.add(value);
                }
            }
            let pruned = self.prunes.get(&issuer).into_iter().flatten();
            let prunes = pruned.map(|(prune, value)| {
                head.prune(value);
                if let Some(tally) = after.tally(issuer, prune.partition) {
                    tally.remove(value);
                }
                *prune
            });
            let prunes = prunes.collect();
            batch.appends.push(Append {
                issuer,
                expected,
                entries,
                head: head.to_octets(),
                prunes,
            });
            after.heads.insert(issuer, head);
        }
        batch.puts.extend(after.put_tallies());
        (batch, after)
    }
}

/// Where the entries of a change went: the positions of the logs before them.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed(BTreeMap<IssuerId, Position>);

impl Placed {
    /// What is written on top of these ends.
    pub(super) fn at(ends: &Ends) -> Self {
        Self(ends.heads.iter().map(|(&issuer, head)| (issuer, head.position)).collect())
    }

    /// Where the entries of the next of the changes that were merged went.
    pub(super) fn take(&mut self, change: &Change) -> Self {
        let mut own = Self::default();
        for (issuer, events) in &change.events {
            if let Some(next) = self.0.get_mut(issuer) {
                own.0.insert(*issuer, *next);
                next.0 = next.0.saturating_add(events.len() as u64);
            }
        }
        own
    }

    /// The position in the log of what has this [place](Change::place_of_last) in the change.
    pub(super) fn position(&self, issuer: IssuerId, place: Position) -> Position {
        let before = self.0.get(&issuer).copied().unwrap_or_default();
        Position(before.0.saturating_add(place.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_removes_a_record_goes_with_nothing_that_hangs_on_it() {
        let place = (Table::Certificates, vec![1]);
        let change = |fill: &dyn Fn(&mut Change)| {
            let mut change = Change::default();
            fill(&mut change);
            change
        };
        let retire = change(&|it| it.retire(Table::Certificates, vec![1], Version(1)));
        let put = change(&|it| it.put(Table::Certificates, vec![1], Version(1), vec![]));
        let assert = change(&|it| it.asserts.extend([(place.clone(), Version(1))]));
        for (first, later, admits) in [
            (&retire, &retire, false),
            (&retire, &put, false),
            (&retire, &assert, false),
            (&put, &retire, false),
            (&assert, &retire, true),
        ] {
            assert_eq!(first.admits(later), admits, "{first:?} {later:?}");
            assert!(first.hangs_on(&place));
        }
    }
}
