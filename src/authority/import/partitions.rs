//! Partitions whose CRLs were published, and of which this record knows less, or nothing.

use super::{scope::uri_of, sources::Sources};
use crate::{
    authority::{Authority, Error, partitions::close},
    issuer_id::IssuerId,
    partition::Partition,
    scope::{CrlPlace, Scope},
    store::Store,
};

impl<S: Store> Authority<S> {
    /// Sees to it that the CRLs of these partitions go on, and that no certificate is bound to them
    /// any more when its serial number is reserved: what is lost may have used all their slots.
    ///
    /// A CRL that was released from this record, or taken over before, says nothing new.
    pub(super) fn close_partitions(
        &self,
        issuer: IssuerId,
        sources: &Sources<'_>,
    ) -> Result<(), Error> {
        for (scope, crl) in sources.crls() {
            let Scope::Partition(partition) = scope else { continue };
            if partition == Partition(0) {
                continue;
            }
            let place = CrlPlace { issuer, scope, delta: crl.base_number().is_some() };
            let sha256 = crl.tbs_sha256();
            let released = match crl.number() {
                Some(number) => self.find_release(&place, number, sha256)?.is_some(),
                None => false,
            };
            if !released && !self.is_adopted(&place, sha256)? {
                let uri = uri_of(issuer, scope, crl);
                self.decide(|view, change| close(view, change, issuer, partition, uri.as_deref()))?;
            }
        }
        Ok(())
    }
}
