//! Where CRLs are found, and which there are.

use super::View;
use crate::{
    authority::record::DistributionRecord,
    issuer_id::IssuerId,
    scope::{CrlPlace, Scope},
    store::{StoreError, Table, Version},
};

impl View<'_> {
    /// How the CRLs of an issuer are distributed, if that was ever said.
    pub(in crate::authority) fn distribution(
        &self,
        issuer: IssuerId,
    ) -> Result<(Version, Option<DistributionRecord>), StoreError> {
        let key = issuer.as_octets();
        self.read(Table::Distributions, key, DistributionRecord::from_octets)
    }

    /// What the CRLs that an issuer must publish are about.
    pub(in crate::authority) fn scopes(&self, issuer: IssuerId) -> Result<Vec<Scope>, StoreError> {
        let (_, Some(record)) = self.distribution(issuer)? else { return Ok(vec![Scope::Full]) };
        let settings = &record.current;
        let mut scopes = Vec::new();
        scopes.extend(settings.full.then_some(Scope::Full));
        scopes.extend(settings.ca_certificates.then_some(Scope::CaCertificates));
        scopes.extend(settings.user_certificates.then_some(Scope::UserCertificates));
        Ok(scopes)
    }

    /// Whether complete CRLs of an issuer say where its delta CRLs are.
    pub(in crate::authority) fn offers_deltas(&self, issuer: IssuerId) -> Result<bool, StoreError> {
        Ok(self.distribution(issuer)?.1.is_some_and(|record| record.current.deltas))
    }

    /// The URIs of a place, the one in force first: it is served below every base that ever was.
    pub(in crate::authority) fn uris(&self, place: &CrlPlace) -> Result<Vec<String>, StoreError> {
        let record = self.distribution(place.issuer)?.1;
        let bases = record.iter().flat_map(DistributionRecord::bases);
        Ok(bases.map(|base| uri(base, place)).collect())
    }
}

/// The URI of a place below a base.
fn uri(base: &str, place: &CrlPlace) -> String {
    format!("{base}/{}", place.file_name())
}
