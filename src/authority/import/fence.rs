//! Keeping the numbers of CRLs above those that were published.

use crate::{
    authority::{Authority, Error, change::Change, record::NumberRecord, view::View},
    crl::CrlNumber,
    issuer_id::IssuerId,
    scope::Scope,
    store::{Store, StoreError, Table},
    time::Timestamp,
};
use std::collections::BTreeMap;

/// How far the CRLs of a scope were, here and where they were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fence {
    /// The scope.
    pub scope: Scope,
    /// The highest number that was published; `None` where the CRLs have none.
    pub number: Option<CrlNumber>,
    /// The latest thisUpdate that was published.
    pub this_update: Timestamp,
    /// The highest number that was reserved here before, if one was.
    pub recorded: Option<CrlNumber>,
    /// Whether the record was behind what was published: an import raises it then.
    pub raised: bool,
}

/// The highest number and the latest thisUpdate of a scope.
pub(super) type Highest = BTreeMap<Scope, (Option<CrlNumber>, Timestamp)>;

impl<S: Store> Authority<S> {
    /// Sees to it that the next CRL of this scope has a higher number than this one, and a thisUpdate
    /// that is not earlier: for CRLs that were published elsewhere, or after the backup was made that
    /// was restored. Where the record is further already, nothing happens. Numbers are never lowered.
    ///
    /// [`Authority::import`] does it for the CRLs that it is given.
    ///
    /// # Errors
    /// [`Error::ClockBehind`] where thisUpdate is in the future by more than the policy's clock skew:
    /// no CRL could be made until then. [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or
    /// a failure of the store.
    pub fn fence(
        &self,
        issuer: IssuerId,
        scope: Scope,
        number: CrlNumber,
        this_update: Timestamp,
    ) -> Result<Fence, Error> {
        let now = self.clock.now();
        if this_update > now.saturating_add(self.policy.clock_skew) {
            let what = "the thisUpdate of a published CRL";
            return Err(Error::ClockBehind { now, what, recorded: this_update });
        }
        self.decide(|view, change| {
            view.require_issuer(issuer)?;
            Ok(raise(view, change, issuer, scope, (Some(number), this_update))?)
        })
    }

    pub(super) fn raise_fences(
        &self,
        issuer: IssuerId,
        highest: &Highest,
    ) -> Result<Vec<Fence>, Error> {
        self.decide(|view, change| {
            let raise = |(&scope, &last)| raise(view, change, issuer, scope, last);
            Ok(highest.iter().map(raise).collect::<Result<_, _>>()?)
        })
    }
}

/// How far the record of each scope is.
pub(super) fn compare(
    view: &View<'_>,
    issuer: IssuerId,
    highest: &Highest,
) -> Result<Vec<Fence>, StoreError> {
    // What is gathered here is not written.
    let mut nothing = Change::default();
    let compare = |(&scope, &last)| raise(view, &mut nothing, issuer, scope, last);
    highest.iter().map(compare).collect()
}

fn raise(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    scope: Scope,
    (number, this_update): (Option<CrlNumber>, Timestamp),
) -> Result<Fence, StoreError> {
    let key = [&issuer.as_octets()[..], &scope.to_octets()].concat();
    let (version, record) = view.crl_numbers(&key)?;
    let recorded = record.map(|record| record.last);
    let raised = NumberRecord {
        // The next one after 0 is the first that is ever given.
        last: recorded.max(number).unwrap_or(CrlNumber::MIN),
        this_update: record.map_or(this_update, |record| record.this_update.max(this_update)),
    };
    let is_raised = record != Some(raised);
    if is_raised {
        change.put(Table::CrlNumbers, key, version, raised.to_octets());
    }
    Ok(Fence { scope, number, this_update, recorded, raised: is_raised })
}
