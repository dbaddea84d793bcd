//! Entries whose serial numbers no record of a certificate can have.

use crate::{
    authority::{
        Authority, Error,
        change::Change,
        record::{legacy_tally_to_octets, legacy_to_octets},
        view::{View, legacy_key, legacy_row},
    },
    issuer_id::IssuerId,
    lifecycle::Revocation,
    log::Tally,
    partition::Partition,
    serial::SerialRef,
    store::{Store, StoreError, Table, Version},
};

/// A revocation that was imported and whose serial number no certificate may have: it is zero,
/// negative, longer than 20 octets, or not minimal (RFC 5280 §4.1.2.2).
///
/// Nobody can register or revoke such a certificate here, but one was revoked, and relying parties
/// must go on to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LegacyEntry {
    serial: Box<[u8]>,
    /// The partition whose CRL it stood on; 0 where that was a CRL without parts.
    pub partition: Partition,
    /// The revocation.
    pub revocation: Revocation,
}

impl LegacyEntry {
    pub(in crate::authority) fn new(
        serial: SerialRef<'_>,
        partition: Partition,
        revocation: Revocation,
    ) -> Self {
        Self { serial: serial.as_octets().into(), partition, revocation }
    }

    /// Its serial number, octet for octet as it was imported.
    pub fn serial(&self) -> SerialRef<'_> {
        SerialRef(&self.serial)
    }
}

impl<S: Store> Authority<S> {
    /// What was [imported](Authority::import) of an issuer with serial numbers that no certificate
    /// may have, shorter ones first.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store; a row
    /// that is lost is one.
    pub fn legacy_entries(&self, issuer: IssuerId) -> Result<Vec<LegacyEntry>, Error> {
        let view = self.view()?;
        view.require_issuer(issuer)?;
        Ok(view.legacy_entries(issuer)?)
    }
}

/// The legacy entries that one write changes.
pub(super) struct Changing {
    issuer: IssuerId,
    version: Version,
    tally: Tally,
    is_changed: bool,
}

impl Changing {
    pub(super) fn new(view: &View<'_>, issuer: IssuerId) -> Result<Self, StoreError> {
        let (version, tally) = view.legacy_tally(issuer)?;
        Ok(Self { issuer, version, tally, is_changed: false })
    }

    /// Puts an entry in the place of the one that was there, if one was.
    pub(super) fn put(
        &mut self,
        change: &mut Change,
        (version, before): (Version, Option<&LegacyEntry>),
        entry: &LegacyEntry,
    ) {
        let value = legacy_to_octets(entry);
        if let Some(before) = before {
            self.tally.remove(&legacy_row(&before.serial, &legacy_to_octets(before)));
        }
        self.tally.add(&legacy_row(&entry.serial, &value));
        self.is_changed = true;
        change.put(Table::LegacyEntries, legacy_key(self.issuer, entry.serial()), version, value);
    }

    pub(super) fn finish(self, change: &mut Change) {
        if self.is_changed {
            let (key, value) =
                (self.issuer.as_octets().to_vec(), legacy_tally_to_octets(self.tally));
            change.put(Table::LegacyEntries, key, self.version, value);
        }
    }
}
