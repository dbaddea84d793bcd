//! The certificates themselves, for who audits.

use super::Desk;
use crate::{
    issuer_id::IssuerId,
    serial::Serial,
    store::{Space, Store, StoreError, Table, key},
};

impl<S: Store> Desk<S> {
    /// The DER of certificates, in their order, as far as it is kept. It may be withheld, so no client
    /// views or downloads it.
    pub(crate) fn kept(
        &self,
        issuer: IssuerId,
        serials: &[Serial],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let keys: Vec<_> = serials.iter().map(|&serial| key::certificate(issuer, serial)).collect();
        let snapshot = self.authority.store().snapshot()?;
        let records = snapshot.get_all(Space::Table(Table::CertificateDer), &keys)?;
        Ok(records.into_iter().map(|record| Some(record?.value)).collect())
    }
}
