//! Reserving the number of a CRL: on disk before anything is signed.

use super::CrlRequest;
use crate::{
    authority::{
        Authority, CannotSign, Error, Waive,
        record::NumberRecord,
        release::scope_key,
        view::{KnownIssuer, View},
    },
    crl::{CrlError, CrlNumber},
    index::RevokedSubject,
    issuer_id::IssuerId,
    scope::Scope,
    signing,
    store::{Store, StoreError, Table},
    time::Timestamp,
};
use std::collections::BTreeMap;

impl<S: Store> Authority<S> {
    /// Checks that the issuer can sign a CRL now, and reserves its number and thisUpdate on disk.
    pub(super) fn reserve_number(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        public_key: &[u8],
    ) -> Result<(CrlNumber, Timestamp), Error> {
        let now = self.clock.now();
        self.decide(|view, change| {
            request.check(view)?;
            let known = view.require_issuer(issuer)?;
            self.check_signing(&known, public_key, request, now)?;
            let scope = request.scope;
            if view.scope_record(issuer, scope)?.1.ended && !request.last {
                let problem = CannotSign::Ended { scope };
                return Err(Error::CannotSignCrls { issuer, problem });
            }
            let key = scope_key(issuer, scope);
            let (version, last) = view.crl_numbers(&key)?;
            let this_update = self.this_update(view, issuer, request, last, now)?;
            self.check_validity(&known, this_update, request)?;
            let highest = match last {
                Some(record) => Some(record.last),
                // The CRL of a partition names its URI, which is of one key alone.
                None if matches!(scope, Scope::Partition(_)) => None,
                None => highest_of_other_keys(view, &known, scope)?,
            };
            let number = match highest {
                None => CrlNumber::from_u64(1),
                Some(last) => last.next().ok_or(Error::NumbersExhausted { last })?,
            };
            let record = NumberRecord { last: number, this_update };
            change.put(Table::CrlNumbers, key, version, record.to_octets());
            Ok((number, this_update))
        })
    }

    /// Not before what was recorded, nor before an earlier CRL, unless somebody set that aside.
    fn this_update(
        &self,
        view: &View<'_>,
        issuer: IssuerId,
        request: &CrlRequest,
        last: Option<NumberRecord>,
        now: Timestamp,
    ) -> Result<Timestamp, Error> {
        if request.waives(Waive::ThisUpdate) {
            return Ok(now);
        }
        let recorded = [
            ("the thisUpdate of an earlier CRL", last.map(|last| last.this_update)),
            ("a recorded revocationDate", newest_date(view, issuer, now)?),
        ];
        let mut this_update = now;
        for (what, recorded) in recorded {
            let Some(recorded) = recorded else { continue };
            let latest = now.saturating_add(self.policy.clock_skew);
            if recorded > latest && !request.waives(Waive::ClockBehind) {
                return Err(Error::ClockBehind { now, what, recorded });
            }
            this_update = this_update.max(recorded);
        }
        Ok(this_update)
    }

    fn check_signing(
        &self,
        known: &KnownIssuer,
        public_key: &[u8],
        request: &CrlRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let issuer = &known.issuer;
        let cannot = |problem| Error::CannotSignCrls { issuer: issuer.id(), problem };
        let not_after = issuer.not_after();
        // ETSI EN 319 411-1: the last CRL is made when the CA ends, also by expiring.
        let at = if request.last { now.min(not_after) } else { now };
        if not_after < at {
            return Err(cannot(CannotSign::Expired { not_after }));
        }
        if issuer.crl_signing_not_after(at).is_none() {
            return Err(cannot(CannotSign::KeyUsage));
        }
        if !signing::is_same_key(public_key, issuer.public_key()) {
            return Err(CrlError::WrongKey.into());
        }
        self.key_identifier(known).map(drop)
    }

    fn check_validity(
        &self,
        known: &KnownIssuer,
        this_update: Timestamp,
        request: &CrlRequest,
    ) -> Result<(), Error> {
        if request.last {
            return Ok(());
        }
        for validity in [Some(request.validity), request.delta_validity].into_iter().flatten() {
            let next_update = request.next_update(&known.issuer, this_update, validity);
            if next_update <= this_update {
                return Err(CrlError::NextUpdate { this_update, next_update }.into());
            }
            // Without such a certificate at thisUpdate there is no time left.
            let signing_ends =
                known.issuer.crl_signing_not_after(this_update).unwrap_or(this_update);
            let longest = this_update.saturating_add(self.policy.longest_crl_validity);
            let limits = [
                (longest, "the policy's limit"),
                (signing_ends, "the certificate that lets it sign CRLs expires then"),
            ];
            if let Some((latest, problem)) =
                limits.into_iter().find(|(latest, _)| next_update > *latest)
            {
                return Err(Error::NextUpdateTooLate { next_update, latest, problem });
            }
        }
        Ok(())
    }

    pub(super) fn key_identifier(&self, known: &KnownIssuer) -> Result<Vec<u8>, Error> {
        match known.issuer.subject_key_identifier() {
            Some(identifier) => Ok(identifier.to_vec()),
            None if self.policy.derived_key_identifiers => {
                Ok(known.issuer.derived_key_identifier().to_vec())
            }
            None => Err(Error::CannotSignCrls {
                issuer: known.issuer.id(),
                problem: CannotSign::NoKeyIdentifier,
            }),
        }
    }
}

/// The highest number of a CRL of the same scope that another key under the same name has: a
/// relying party that has both, and looks at the name alone, takes the higher.
fn highest_of_other_keys(
    view: &View<'_>,
    known: &KnownIssuer,
    scope: Scope,
) -> Result<Option<CrlNumber>, StoreError> {
    let mut highest = None;
    let of_the_name = |other: &&KnownIssuer| other.issuer.name() == known.issuer.name();
    for other in view.issuers()?.iter().filter(of_the_name) {
        let (_, numbers) = view.crl_numbers(&scope_key(other.issuer.id(), scope))?;
        highest = highest.max(numbers.map(|numbers| numbers.last));
    }
    Ok(highest)
}

/// The latest revocationDate of an issuer's log as it stands, if it is after `now`; else it does
/// not matter.
pub(super) fn newest_date(
    view: &View<'_>,
    issuer: IssuerId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let head = view.head(issuer)?;
    if head.newest_date <= Some(now) {
        return Ok(None);
    }
    // A date from a clock that was ahead: an amendment may have corrected it since.
    let mut dates = BTreeMap::new();
    view.live(issuer, &head, |RevokedSubject { subject, revocation, .. }| {
        if revocation.date > now {
            dates.insert(subject.serial, revocation.date);
        } else {
            dates.remove(&subject.serial);
        }
    })?;
    Ok(dates.into_values().max())
}
