//! Where CRLs are found, and what is known of the partitions of an issuer.

use super::{View, corrupt};
use crate::{
    authority::{
        ends::Tallies,
        record::{DistributionRecord, PartitionRecord, certificate_from_octets},
    },
    issuer_id::IssuerId,
    lifecycle::CertificateRecord,
    log::{Head, Tally},
    partition::Partition,
    scope::{CrlPlace, Scope},
    serial::Serial,
    store::{Snapshot, Space, StoreError, Table, Version, key},
};
use std::ops::ControlFlow;

/// How many certificates are read together.
const PAGE: usize = 1000;

impl View<'_> {
    /// How the CRLs of an issuer are distributed, if that was ever said.
    pub(in crate::authority) fn distribution(
        &self,
        issuer: IssuerId,
    ) -> Result<(Version, Option<DistributionRecord>), StoreError> {
        let key = issuer.as_octets();
        self.read(Table::Distributions, key, DistributionRecord::from_octets)
    }

    /// Whether the certificates that are reserved go into partitions.
    pub(in crate::authority) fn is_divided(&self, issuer: IssuerId) -> Result<bool, StoreError> {
        let record = self.distribution(issuer)?.1;
        Ok(record.is_some_and(|record| record.current.partition_size.is_some()))
    }

    /// What is known of a partition, if it was opened. Partition 0 never is.
    pub(in crate::authority) fn partition(
        &self,
        issuer: IssuerId,
        partition: Partition,
    ) -> Result<(Version, Option<PartitionRecord>), StoreError> {
        let key = key::partition(issuer, partition);
        self.read(Table::Partitions, &key, PartitionRecord::from_octets)
    }

    /// The highest partition of which there is a record.
    pub(in crate::authority) fn last_partition(
        &self,
        issuer: IssuerId,
    ) -> Result<Option<Partition>, StoreError> {
        let (table, prefix) = (Table::Partitions, issuer.as_octets());
        let mut last = None;
        self.scan(Space::Table(table), prefix, key::past(prefix), |key, _| {
            let number = key.get(prefix.len()..).and_then(|octets| octets.try_into().ok());
            let number = number.ok_or_else(|| corrupt(table, key, "a bad key"))?;
            last = Some(Partition(u32::from_be_bytes(number)));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(last)
    }

    /// What the CRLs that an issuer must publish are about.
    pub(in crate::authority) fn scopes(&self, issuer: IssuerId) -> Result<Vec<Scope>, StoreError> {
        let (_, Some(record)) = self.distribution(issuer)? else { return Ok(vec![Scope::Full]) };
        let settings = &record.current;
        let mut scopes = Vec::new();
        scopes.extend(settings.full.then_some(Scope::Full));
        scopes.extend(settings.ca_certificates.then_some(Scope::CaCertificates));
        scopes.extend(settings.user_certificates.then_some(Scope::UserCertificates));
        if let Some(Partition(last)) = record.opened {
            scopes.extend((0..=last).map(|number| Scope::Partition(Partition(number))));
        }
        Ok(scopes)
    }

    /// Whether complete CRLs of an issuer say where its delta CRLs are.
    pub(in crate::authority) fn offers_deltas(&self, issuer: IssuerId) -> Result<bool, StoreError> {
        Ok(self.distribution(issuer)?.1.is_some_and(|record| record.current.deltas))
    }

    /// The URIs of a place, the one in force first. A partition that was opened has one, below the
    /// base that was in force then; everything else is served below every base that ever was.
    pub(in crate::authority) fn uris(&self, place: &CrlPlace) -> Result<Vec<String>, StoreError> {
        let &CrlPlace { issuer, scope, delta } = place;
        if let Scope::Partition(partition) = scope
            && let Some(record) = self.partition(issuer, partition)?.1
        {
            return Ok(vec![match record.uri.rsplit_once('/') {
                Some((base, _)) if delta => uri(base, place),
                _ => record.uri,
            }]);
        }
        let record = self.distribution(issuer)?.1;
        let bases = record.iter().flat_map(DistributionRecord::bases);
        Ok(bases.map(|base| uri(base, place)).collect())
    }

    /// The URIs of the issuing distribution point of the CRLs of a scope; none where it has none.
    pub(in crate::authority) fn point_uris(
        &self,
        issuer: IssuerId,
        scope: Scope,
    ) -> Result<Vec<String>, StoreError> {
        match scope {
            Scope::Full => Ok(Vec::new()),
            _ => self.uris(&CrlPlace::complete(issuer, scope)),
        }
    }

    /// The partition that was opened with this URI, if there is one.
    pub(in crate::authority) fn partition_at(
        &self,
        issuer: IssuerId,
        uri: &str,
    ) -> Result<Option<Partition>, StoreError> {
        // Its number is in the name of the file, and its record says whether it is this URI.
        let number = || uri.rsplit_once("-p")?.1.strip_suffix(".crl")?.parse().ok();
        let Some(partition) = number().map(Partition) else { return Ok(None) };
        let record = self.partition(issuer, partition)?.1;
        Ok(record.filter(|record| record.uri == uri).map(|_| partition))
    }

    /// What [`View::live_by_serial`] must find, in a log with this head.
    pub(in crate::authority) fn tally(
        &self,
        issuer: IssuerId,
        head: &Head,
        scope: Scope,
    ) -> Result<Tally, StoreError> {
        match scope {
            Scope::Partition(partition) => self.partition_tally(issuer, head, partition),
            Scope::Full | Scope::CaCertificates | Scope::UserCertificates => Ok(head.tally),
        }
    }

    /// What a scan of the entries of a partition must find, in a log with this head.
    pub(in crate::authority) fn partition_tally(
        &self,
        issuer: IssuerId,
        head: &Head,
        partition: Partition,
    ) -> Result<Tally, StoreError> {
        if partition != Partition(0) {
            let place = (issuer, partition);
            let tallies = self.tallies([place])?;
            return Ok(tallies.get(&place).map(|(_, tally)| *tally).unwrap_or_default());
        }
        // The head counts them all, and only the others are counted by themselves.
        let mut tally = head.tally;
        for (_, other) in self.recorded_tallies(issuer)? {
            tally.subtract(&other);
        }
        Ok(tally)
    }

    /// The tallies of these partitions, none of which is 0.
    pub(in crate::authority) fn tallies(
        &self,
        places: impl IntoIterator<Item = (IssuerId, Partition)>,
    ) -> Result<Tallies, StoreError> {
        let (table, places) = (Table::PartitionTallies, places.into_iter().collect::<Vec<_>>());
        let keys: Vec<_> =
            places.iter().map(|&(issuer, number)| key::partition(issuer, number)).collect();
        let mut tallies = Tallies::new();
        if keys.is_empty() {
            return Ok(tallies);
        }
        let records = self.snapshot.get_all(Space::Table(table), &keys)?;
        for ((place, key), record) in places.into_iter().zip(keys).zip(records) {
            let tally = record.map(|record| {
                let tally = Tally::from_octets(&record.value);
                Ok((record.version, tally.map_err(|error| corrupt(table, &key, error))?))
            });
            let none = (Version::ABSENT, Tally::default());
            tallies.insert(place, tally.transpose()?.unwrap_or(none));
        }
        Ok(tallies)
    }

    /// The tallies of all partitions that ever had an entry, but for 0.
    pub(in crate::authority) fn recorded_tallies(
        &self,
        issuer: IssuerId,
    ) -> Result<Vec<(Partition, Tally)>, StoreError> {
        let (table, prefix) = (Table::PartitionTallies, issuer.as_octets());
        let mut tallies = Vec::new();
        self.scan(Space::Table(table), prefix, key::past(prefix), |key, value| {
            let number = key.get(prefix.len()..).and_then(|octets| octets.try_into().ok());
            let number = number.ok_or_else(|| corrupt(table, key, "a bad key"))?;
            let tally = Tally::from_octets(value).map_err(|error| corrupt(table, key, error))?;
            tallies.push((Partition(u32::from_be_bytes(number)), tally));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(tallies)
    }

    /// The certificates of a partition in the order of their serial numbers, after this one if it
    /// is given, as far as `visit` wants them.
    pub(in crate::authority) fn members<E: From<StoreError>>(
        &self,
        issuer: IssuerId,
        partition: Partition,
        after: Option<Serial>,
        mut visit: impl FnMut(Serial, CertificateRecord) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        if partition == Partition(0) {
            // Nobody keeps a list of them: they are those that are in no other.
            return self.certificates(issuer, after, |serial, record| {
                if record.partition == partition {
                    visit(serial, record)
                } else {
                    Ok(ControlFlow::Continue(()))
                }
            });
        }
        let mut after = after;
        loop {
            let page = self.member_serials(issuer, partition, after)?;
            after = page.last().copied();
            let keys: Vec<_> =
                page.iter().map(|serial| key::certificate(issuer, *serial)).collect();
            let table = Table::Certificates;
            let records = self.snapshot.get_all(Space::Table(table), &keys)?;
            for ((serial, key), record) in page.iter().zip(&keys).zip(records) {
                let record = record.ok_or_else(|| corrupt(table, key, "it is gone"))?;
                let record = certificate_from_octets(&record.value)
                    .map_err(|error| corrupt(table, key, error))?;
                if visit(*serial, record)?.is_break() {
                    return Ok(());
                }
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// The next serial numbers of a partition.
    fn member_serials(
        &self,
        issuer: IssuerId,
        partition: Partition,
        after: Option<Serial>,
    ) -> Result<Vec<Serial>, StoreError> {
        let (table, prefix) = (Table::PartitionMembers, key::partition(issuer, partition));
        let from = match after {
            Some(serial) => key::past(&key::member(issuer, partition, serial)),
            None => Some(prefix.clone()),
        };
        let mut page = Vec::new();
        let from = from.unwrap_or_default();
        self.scan(Space::Table(table), &from, key::past(&prefix), |key, _| {
            let serial = key.get(prefix.len() + 1..).unwrap_or_default();
            page.push(Serial::from_octets(serial).map_err(|error| corrupt(table, key, error))?);
            let is_full = page.len() == PAGE;
            let flow = if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            Ok::<_, StoreError>(flow)
        })?;
        Ok(page)
    }
}

/// The URI of a place below a base.
pub(in crate::authority) fn uri(base: &str, place: &CrlPlace) -> String {
    format!("{base}/{}", place.file_name())
}
