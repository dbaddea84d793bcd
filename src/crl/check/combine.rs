//! What CRLs say together: RFC 5280 §6.3.3 (c), (k) and (l), §5.2.4.

use super::{
    CheckOutcome, CrlNotUsed, ListedRevocation, NotUsed, Undetermined, Usable, listed::gravity,
};
use crate::{
    crl::{extension::Oid, number::CrlNumber, read::CertificateList},
    reason::{ReasonCode, ReasonFlags},
    time::Timestamp,
};
use std::cmp::Reverse;

/// The CRLs that can be used.
#[derive(Default)]
pub(super) struct Combined<'c, 'a> {
    complete: Vec<Usable<'c, 'a>>,
    deltas: Vec<Usable<'c, 'a>>,
}

/// What a complete CRL and the newest delta CRL to it say.
struct Verdict<'v, 'c, 'a> {
    base: &'v Usable<'c, 'a>,
    /// The newer one of the two.
    newest: &'v Usable<'c, 'a>,
    /// The one that lists the certificate.
    lists: Option<&'v Usable<'c, 'a>>,
}

impl<'c, 'a> Combined<'c, 'a> {
    pub(super) fn add(&mut self, usable: Usable<'c, 'a>) {
        let list = match usable.crl.base_number() {
            Some(_) => &mut self.deltas,
            None => &mut self.complete,
        };
        list.push(usable);
    }

    /// `why` holds what speaks against an answer so far.
    pub(super) fn conclude(&self, at: Timestamp, mut why: Undetermined) -> CheckOutcome {
        let mut not_used = |usable: &Usable<'_, '_>, problem| {
            why.not_used.push(CrlNotUsed { crl: usable.index, why: problem });
        };
        let mut verdicts = Vec::new();
        for base in &self.complete {
            match self.verdict(base, at) {
                Ok(verdict) => verdicts.push(verdict),
                Err(problem) => not_used(base, problem),
            }
        }
        for delta in &self.deltas {
            if !verdicts.iter().any(|verdict| adds_to(delta, verdict.base)) {
                not_used(delta, NotUsed::NoBase);
            }
        }
        let listed = verdicts
            .iter()
            .filter(|verdict| !verdict.is_released(&verdicts))
            .filter_map(Verdict::listed)
            // The newest CRL that lists it says best why and since when.
            .max_by_key(|(gravity, issued, listed)| (*gravity, *issued, Reverse(listed.crl)));
        if let Some((_, _, listed)) = listed {
            return CheckOutcome::Revoked(listed);
        }
        let covered = verdicts.iter().map(|verdict| verdict.base.reasons);
        why.missing = ReasonFlags::ALL.without(covered.fold(ReasonFlags::NONE, ReasonFlags::union));
        if why.missing.is_empty() && why.certificate.is_none() {
            return CheckOutcome::Good;
        }
        why.not_used.sort_by_key(|not_used| not_used.crl);
        CheckOutcome::Undetermined(why)
    }

    fn verdict<'v>(
        &'v self,
        base: &'v Usable<'c, 'a>,
        at: Timestamp,
    ) -> Result<Verdict<'v, 'c, 'a>, NotUsed> {
        if base.entry.is_some_and(|entry| gravity(&entry) == 0) {
            return Err(NotUsed::RemovedFromComplete);
        }
        let of_base = base.entry.map(|_| base);
        let deltas = self.deltas.iter().filter(|delta| adds_to(delta, base));
        match deltas.max_by_key(|delta| delta.number) {
            // RFC 5280 §6.3.3 (a)(1)(i): with it, the complete CRL is as new as the delta CRL.
            Some(delta) => {
                let lists = match &delta.entry {
                    // RFC 5280 §6.3.3 (k): it takes away what the complete CRL says.
                    Some(entry) if gravity(entry) == 0 => None,
                    Some(_) => Some(delta),
                    None => of_base,
                };
                Ok(Verdict { base, newest: delta, lists })
            }
            None => match base.crl.next_update() {
                Some(next_update) if next_update < at => Err(NotUsed::Expired { next_update }),
                _ => Ok(Verdict { base, newest: base, lists: of_base }),
            },
        }
    }
}

impl Verdict<'_, '_, '_> {
    /// Whether it lists the certificate as on hold, and a newer CRL for the same certificates
    /// knows better. No other revocation ends, so no newer CRL takes one back by leaving it out.
    fn is_released(&self, all: &[Self]) -> bool {
        let entry = self.lists.and_then(|usable| usable.entry);
        entry.is_some_and(|entry| entry.reason() == Some(ReasonCode::CertificateHold))
            && all.iter().any(|other| {
                other.newest.number > self.newest.number && has_same_scope(other.base, self.base)
            })
    }

    /// How grave it is, and by when.
    fn listed(&self) -> Option<(u8, (Timestamp, CrlNumber), ListedRevocation)> {
        let usable = self.lists?;
        let entry = usable.entry?;
        let listed = ListedRevocation {
            crl: usable.index,
            number: usable.number,
            revocation_date: entry.revocation_date(),
            reason: entry.reason(),
            invalidity_date: entry.invalidity_date(),
        };
        // Two of one second are told apart by their numbers.
        let issued = (self.newest.crl.this_update(), self.newest.number);
        Some((gravity(&entry), issued, listed))
    }
}

/// RFC 5280 §5.2.4: the complete CRL is at least as new as the one that the delta CRL was made for,
/// and older than the delta CRL; both have the same scope and are signed with the same key.
fn adds_to(delta: &Usable<'_, '_>, base: &Usable<'_, '_>) -> bool {
    let made_for = |number: CrlNumber| delta.crl.base_number().is_some_and(|base| base <= number);
    made_for(base.number) && base.number < delta.number && has_same_scope(delta, base)
}

fn has_same_scope(one: &Usable<'_, '_>, other: &Usable<'_, '_>) -> bool {
    let extensions = [Oid::ISSUING_DISTRIBUTION_POINT, Oid::AUTHORITY_KEY_IDENTIFIER];
    one.crl.issuer() == other.crl.issuer()
        && one.signer.public_key() == other.signer.public_key()
        && extensions.iter().all(|&oid| value(one.crl, oid) == value(other.crl, oid))
}

fn value<'a>(crl: &CertificateList<'a>, oid: Oid<'_>) -> Option<&'a [u8]> {
    crl.extensions().iter().find(|extension| extension.oid == oid).map(|extension| extension.value)
}
