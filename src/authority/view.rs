//! A frozen view of the store, read as what the records mean.

mod checkpoint;
mod graph;
mod legacy;
mod log;
mod merge;
mod partitions;

pub(super) use self::{
    checkpoint::{Checkpoint, Lost, MOST},
    legacy::{legacy_key, legacy_row},
    log::{Folded, check_tally},
    partitions::uri,
};

use super::{
    Error,
    ahead::{ReadAhead, Rows},
    change::{GRAPH_KEY, discovered_key},
    record::{
        Discovered, IssuerRecord, NumberRecord, certificate_from_octets, standing_from_octets,
    },
};
use crate::{
    certificate::Certificate,
    codec::Damaged,
    issuer::{CaCertificate, Issuer},
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, Fall, Known, Parent, Refusal, RevocationHistory},
    log::{Entry, Position, fold},
    partition::Partition,
    serial::Serial,
    store::{Snapshot, Space, StoreError, Table, Version, key},
};
use std::{cell::OnceCell, ops::ControlFlow};

/// A frozen view of the store.
pub(super) struct View<'a> {
    snapshot: ReadAhead<'a>,
    issuers: OnceCell<Vec<KnownIssuer>>,
}

/// An issuer as it is recorded.
#[derive(Clone, Debug)]
pub(super) struct KnownIssuer {
    pub(super) version: Version,
    pub(super) record: IssuerRecord,
    pub(super) issuer: Issuer,
}

impl<'a> View<'a> {
    pub(super) fn new(snapshot: Box<dyn Snapshot + 'a>) -> Self {
        Self { snapshot: ReadAhead::new(snapshot), issuers: OnceCell::new() }
    }
}

impl View<'_> {
    /// Reads a record of a table; version 0 and nothing where there is none.
    pub(super) fn read<T>(
        &self,
        table: Table,
        key: &[u8],
        parse: impl FnOnce(&[u8]) -> Result<T, Damaged>,
    ) -> Result<(Version, Option<T>), StoreError> {
        match self.snapshot.get(Space::Table(table), key)? {
            None => Ok((Version::ABSENT, None)),
            Some(record) => {
                let parsed = parse(&record.value).map_err(|e| corrupt(table, key, e))?;
                Ok((record.version, Some(parsed)))
            }
        }
    }

    /// Whether there is a record at this key.
    pub(super) fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.snapshot.get(Space::Table(table), key)?.is_some())
    }

    /// The versions of the records at these keys, where there is one.
    pub(super) fn versions(
        &self,
        table: Table,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Version>>, StoreError> {
        let records = self.snapshot.get_all(Space::Table(table), keys)?;
        Ok(records.into_iter().map(|record| record.map(|record| record.version)).collect())
    }

    pub(super) fn issuer(&self, id: IssuerId) -> Result<Option<KnownIssuer>, StoreError> {
        let (version, record) =
            self.read(Table::Issuers, id.as_octets(), IssuerRecord::from_octets)?;
        record.map(|record| known_issuer(id, version, record)).transpose()
    }

    /// The issuer, or the refusal that says that there is none.
    pub(super) fn require_issuer(&self, id: IssuerId) -> Result<KnownIssuer, Error> {
        Ok(self.issuer(id)?.ok_or(Refusal::UnknownIssuer { issuer: id })?)
    }

    /// All issuers, in the order of their ids.
    pub(super) fn issuers(&self) -> Result<&[KnownIssuer], StoreError> {
        match self.issuers.get() {
            Some(issuers) => Ok(issuers),
            None => self.read_issuers().map(|issuers| &**self.issuers.get_or_init(|| issuers)),
        }
    }

    fn read_issuers(&self) -> Result<Vec<KnownIssuer>, StoreError> {
        let mut ids = Vec::new();
        self.snapshot.scan(Space::Table(Table::Issuers), &[], None, &mut |key, _| {
            if key != GRAPH_KEY {
                ids.push(key.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        let mut issuers = Vec::with_capacity(ids.len());
        for key in ids {
            let id = key.as_slice().try_into().map(IssuerId::from_octets).map_err(|_| {
                StoreError::Corrupt {
                    what: format!("key of {:?}", Table::Issuers),
                    problem: "not 32 octets".to_owned(),
                }
            })?;
            issuers.extend(self.issuer(id)?);
        }
        Ok(issuers)
    }

    /// The version of the record that every change of the graph renews.
    pub(super) fn graph_version(&self) -> Result<Version, StoreError> {
        let record = self.snapshot.get(Space::Table(Table::Issuers), GRAPH_KEY)?;
        Ok(record.map_or(Version::ABSENT, |record| record.version))
    }

    /// The fall of an issuer, if it fell, and the version of the record that says so.
    pub(super) fn fall(&self, id: IssuerId) -> Result<(Version, Option<Fall>), StoreError> {
        let (version, fall) = self.read(Table::Standings, id.as_octets(), standing_from_octets)?;
        Ok((version, fall.flatten()))
    }

    /// How often certificates of an issuer were recorded while it was down, and when last.
    pub(super) fn discovered(
        &self,
        id: IssuerId,
    ) -> Result<(Version, Option<Discovered>), StoreError> {
        self.read(Table::Standings, &discovered_key(id), Discovered::from_octets)
    }

    pub(super) fn certificate(
        &self,
        issuer: IssuerId,
        serial: Serial,
    ) -> Result<(Version, Option<CertificateRecord>), StoreError> {
        self.read(Table::Certificates, &key::certificate(issuer, serial), certificate_from_octets)
    }

    /// Takes it that nothing is recorded of these certificates, for a command that writes them all.
    pub(super) fn suppose_unknown(
        &self,
        certificates: impl IntoIterator<Item = (IssuerId, Serial)>,
    ) {
        let keys = certificates.into_iter().map(|(issuer, it)| key::certificate(issuer, it));
        self.snapshot.suppose_none(Space::Table(Table::Certificates), keys.collect());
    }

    /// Reads ahead what [`View::known`] will be asked for of these certificates.
    pub(super) fn read_ahead(
        &self,
        certificates: impl IntoIterator<Item = (IssuerId, Serial)>,
    ) -> Result<(), StoreError> {
        let certificates: Vec<_> = certificates.into_iter().collect();
        let keys = certificates.iter().map(|&(issuer, serial)| key::certificate(issuer, serial));
        self.snapshot.read(Space::Table(Table::Certificates), keys.collect())?;
        let mut prefixes = Vec::new();
        for (issuer, serial) in certificates {
            // Of one that is damaged, who asks for it is told.
            if let Ok((_, Some(record))) = self.certificate(issuer, serial) {
                prefixes.push(entries_prefix(issuer, record.partition, serial));
            }
        }
        self.snapshot.read_prefixes(Space::Entries, &prefixes)
    }

    /// The record of a serial number, and its revocation.
    pub(super) fn known(
        &self,
        issuer: IssuerId,
        serial: Serial,
    ) -> Result<(Version, Known), StoreError> {
        let (version, record) = self.certificate(issuer, serial)?;
        // Whatever is revoked has a record: revoking what nobody registered makes one.
        let revocation = match &record {
            Some(record) => self.revocation(issuer, record.partition, serial)?,
            None => None,
        };
        Ok((version, Known { record, revocation }))
    }

    /// What the entries about one certificate come to.
    pub(super) fn revocation(
        &self,
        issuer: IssuerId,
        partition: Partition,
        serial: Serial,
    ) -> Result<Option<RevocationHistory>, StoreError> {
        let entries = self.entries_of(issuer, partition, serial)?;
        Ok(fold(entries.into_iter().map(|(_, entry)| entry.event)))
    }

    /// The entries about one certificate, in the order of the log.
    pub(super) fn entries_of(
        &self,
        issuer: IssuerId,
        partition: Partition,
        serial: Serial,
    ) -> Result<Vec<(Position, Entry)>, StoreError> {
        let rows = self.rows_of(issuer, partition, serial)?;
        let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
            Ok((key::position(key), entry(Space::Entries, key, value)?))
        };
        rows.iter().map(read).collect()
    }

    /// As [`View::entries_of`], as they are stored.
    pub(super) fn rows_of(
        &self,
        issuer: IssuerId,
        partition: Partition,
        serial: Serial,
    ) -> Result<Rows, StoreError> {
        let prefix = entries_prefix(issuer, partition, serial);
        let mut rows = Rows::new();
        self.scan(Space::Entries, &prefix, key::past(&prefix), |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// The certificates of an issuer in the order of their serial numbers, after this one if it is
    /// given, as far as `visit` wants them.
    pub(super) fn certificates<E: From<StoreError>>(
        &self,
        issuer: IssuerId,
        after: Option<Serial>,
        mut visit: impl FnMut(Serial, CertificateRecord) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let prefix = issuer.as_octets();
        let from = match after {
            Some(serial) => key::past(&key::certificate(issuer, serial)),
            None => Some(prefix.to_vec()),
        };
        let (table, from) = (Table::Certificates, from.unwrap_or_default());
        self.scan(Space::Table(table), &from, key::past(prefix), |key, value| {
            let serial = key.get(prefix.len() + 1..).unwrap_or_default();
            let serial = Serial::from_octets(serial).map_err(|error| corrupt(table, key, error))?;
            let record =
                certificate_from_octets(value).map_err(|error| corrupt(table, key, error))?;
            visit(serial, record)
        })
    }

    /// As [`View::certificates`], or of one partition as [`View::members`], each with the entries
    /// about it as they are stored: a thousand certificates by each journey to the store.
    pub(super) fn certificates_with_entries<E: From<StoreError>>(
        &self,
        issuer: IssuerId,
        partition: Option<Partition>,
        mut after: Option<Serial>,
        mut visit: impl FnMut(Serial, CertificateRecord, Rows) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        loop {
            let mut page = Vec::with_capacity(PAGE);
            let gather = |serial, record: CertificateRecord| {
                let prefix = entries_prefix(issuer, record.partition, serial);
                page.push((serial, record, prefix));
                let is_full = page.len() == PAGE;
                Ok::<_, E>(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            };
            match partition {
                Some(partition) => self.members(issuer, partition, after, gather)?,
                None => self.certificates(issuer, after, gather)?,
            }
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after = Some(*last);
            let prefixes: Vec<_> = page.iter().map(|(_, _, prefix)| prefix.clone()).collect();
            let mut entries = self.snapshot.by_prefix(Space::Entries, &prefixes)?;
            for (serial, record, prefix) in page {
                let rows = entries.remove(&prefix).unwrap_or_default();
                if visit(serial, record, rows)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// Scans until `visit` breaks or fails.
    pub(super) fn scan<E: From<StoreError>>(
        &self,
        space: Space,
        from: &[u8],
        to: Option<Vec<u8>>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut failed = None;
        self.snapshot.scan(space, from, to.as_deref(), &mut |key, value| {
            visit(key, value).unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            })
        })?;
        failed.map_or(Ok(()), Err)
    }

    pub(super) fn crl_numbers(
        &self,
        key: &[u8],
    ) -> Result<(Version, Option<NumberRecord>), StoreError> {
        self.read(Table::CrlNumbers, key, NumberRecord::from_octets)
    }
}

/// How many certificates are read together.
const PAGE: usize = 1000;

/// What a certificate's entries, as they are stored, come to.
pub(super) fn fold_rows(rows: &Rows) -> Result<Option<RevocationHistory>, StoreError> {
    let events = rows.iter().map(|(key, value)| Ok(entry(Space::Entries, key, value)?.event));
    Ok(fold(events.collect::<Result<Vec<_>, StoreError>>()?))
}

/// What the keys of all entries about one certificate start with.
fn entries_prefix(issuer: IssuerId, partition: Partition, serial: Serial) -> Vec<u8> {
    let mut prefix = key::entries(issuer, partition);
    key::serial(&mut prefix, serial);
    prefix
}

impl KnownIssuer {
    /// Whether this is the serial number of a self-signed certificate of it, which its own CRL can
    /// never list.
    pub(super) fn owns(&self, serial: Serial) -> bool {
        self.links()
            .any(|(own, parent)| parent == Parent::SelfSigned && own.serial() == serial.as_ref())
    }

    /// Whether the certificate with this serial number of this parent was added to it.
    pub(super) fn has(&self, parent: IssuerId, serial: Serial) -> bool {
        self.links().any(|(certificate, link)| {
            link == Parent::Issuer(parent) && certificate.serial() == serial.as_ref()
        })
    }

    /// Its CA certificates with their parents.
    pub(super) fn links(&self) -> impl Iterator<Item = (&CaCertificate, Parent)> {
        let parents = self.record.certificates.iter().map(|stored| stored.parent);
        self.issuer.certificates().zip(parents)
    }
}

fn known_issuer(
    id: IssuerId,
    version: Version,
    record: IssuerRecord,
) -> Result<KnownIssuer, StoreError> {
    let damaged =
        |problem: String| StoreError::Corrupt { what: format!("record of issuer {id}"), problem };
    let mut issuer: Option<Issuer> = None;
    for stored in &record.certificates {
        let certificate = Certificate::from_der(&stored.der)
            .map_err(|error| damaged(error.to_string()))
            .and_then(|c| CaCertificate::new(c).map_err(|error| damaged(error.to_string())))?;
        match &mut issuer {
            None => issuer = Some(Issuer::new(certificate)),
            Some(issuer) => {
                issuer.add(certificate).map_err(|error| damaged(error.to_string()))?;
            }
        }
    }
    let issuer = issuer.ok_or_else(|| damaged("no CA certificate".to_owned()))?;
    Ok(KnownIssuer { version, record, issuer })
}

/// Reads an entry of a log.
pub(super) fn entry(
    space: impl std::fmt::Debug,
    key: &[u8],
    octets: &[u8],
) -> Result<Entry, StoreError> {
    Entry::from_octets(octets).map_err(|error| corrupt(space, key, error))
}

pub(super) fn corrupt(
    space: impl std::fmt::Debug,
    key: &[u8],
    problem: impl std::fmt::Display,
) -> StoreError {
    let key: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    StoreError::Corrupt { what: format!("{space:?} record {key}"), problem: problem.to_string() }
}
