//! Entries of imported CRLs whose serial numbers no certificate may have.
//!
//! They stand in a table of their own: key (issuer, content octets of the serial number). At the key
//! of the issuer alone stand a count and a sum, so that a row which is lost or hidden is noticed.

use super::{View, corrupt};
use crate::{
    authority::{
        import::LegacyEntry,
        record::{legacy_from_octets, legacy_tally_from_octets},
    },
    issuer_id::IssuerId,
    log::Tally,
    serial::SerialRef,
    store::{Space, StoreError, Table, Version, key},
};
use std::ops::ControlFlow;

const TABLE: Table = Table::LegacyEntries;

impl View<'_> {
    /// The legacy entries of an issuer, shorter serial numbers first.
    pub(in crate::authority) fn legacy_entries(
        &self,
        issuer: IssuerId,
    ) -> Result<Vec<LegacyEntry>, StoreError> {
        let expected = self.legacy_tally(issuer)?.1;
        let (mut entries, mut found) = (Vec::new(), Tally::default());
        let prefix = issuer.as_octets();
        self.scan(Space::Table(TABLE), prefix, key::past(prefix), |key, value| {
            let octets = key.get(prefix.len()..).unwrap_or_default();
            if let Ok(serial) = SerialRef::from_octets(octets) {
                let entry =
                    legacy_from_octets(serial, value).map_err(|e| corrupt(TABLE, key, e))?;
                entries.push(entry);
                found.add(&legacy_row(octets, value));
            }
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        if found != expected {
            return Err(StoreError::Corrupt {
                what: format!("legacy entries of issuer {issuer}"),
                problem: format!(
                    "{} are recorded, a scan found {} or others",
                    expected.count, found.count
                ),
            });
        }
        entries.sort_by(|one, other| one.serial().order().cmp(&other.serial().order()));
        Ok(entries)
    }

    /// One legacy entry.
    pub(in crate::authority) fn legacy_entry(
        &self,
        issuer: IssuerId,
        serial: SerialRef<'_>,
    ) -> Result<(Version, Option<LegacyEntry>), StoreError> {
        let key = legacy_key(issuer, serial);
        self.read(TABLE, &key, |value| legacy_from_octets(serial, value))
    }

    /// What a scan of the legacy entries must find.
    pub(in crate::authority) fn legacy_tally(
        &self,
        issuer: IssuerId,
    ) -> Result<(Version, Tally), StoreError> {
        let (version, tally) = self.read(TABLE, issuer.as_octets(), legacy_tally_from_octets)?;
        Ok((version, tally.unwrap_or_default()))
    }
}

pub(in crate::authority) fn legacy_key(issuer: IssuerId, serial: SerialRef<'_>) -> Vec<u8> {
    [issuer.as_octets(), serial.as_octets()].concat()
}

/// What is counted of an entry: its serial number too, so that no two rows can change places.
pub(in crate::authority) fn legacy_row(serial: &[u8], value: &[u8]) -> Vec<u8> {
    [serial, value].concat()
}
