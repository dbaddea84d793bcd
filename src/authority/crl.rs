//! Making the CRL of an issuer from the record.

use super::{
    Authority, CannotSign, Error,
    record::NumberRecord,
    view::{KnownIssuer, View, check_tally, entry, fold_rows},
};
use crate::{
    crl::{CrlEntry, CrlError, CrlNumber, Entries, PreparedCrl, SignedCrl, Stage, TbsCertList},
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, CertificateRecord, Invalidation, Revocation},
    log::{AsOf, FreshnessToken, Head, Tally},
    reason::Reason,
    scope::Scope,
    serial::Serial,
    signing::{self, SignatureAlgorithm, Signer},
    store::{Space, Store, StoreError, Table},
    time::Timestamp,
};
use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

/// The longest CRL that the widespread verifiers read: OpenSSL's lengths end at 2 GiB.
const LONGEST: u64 = i32::MAX as u64;

/// How many entries are handed on together.
const RUN: usize = 1024;

/// How often a number is reserved anew because a revocation dated later came in meanwhile.
const ATTEMPTS: u32 = 10;

/// What is wanted of a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlRequest {
    /// The time from thisUpdate to nextUpdate.
    pub validity: Duration,
    /// What the CRL must have been made from at least.
    pub at_least: Vec<FreshnessToken>,
}

impl CrlRequest {
    /// A CRL that is to be replaced within this time.
    pub const fn new(validity: Duration) -> Self {
        Self { validity, at_least: Vec::new() }
    }

    /// Demands that the CRL is made from at least what this token names. It may be of the issuer, or
    /// of one above it whose fall is to be seen.
    #[must_use]
    pub fn at_least(mut self, token: FreshnessToken) -> Self {
        self.at_least.push(token);
        self
    }

    fn check(&self, view: &View<'_>) -> Result<(), Error> {
        self.at_least.iter().try_for_each(|token| view.covers(token).map(drop))
    }
}

/// A CRL that was made, and what from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuedCrl {
    /// Its number, dates and size.
    pub crl: SignedCrl,
    /// The positions that it was made from: it lists every revocation up to them.
    pub as_of: AsOf,
}

impl<S: Store> Authority<S> {
    /// Makes the full CRL of an issuer: signed, verified, and committed to the stage.
    ///
    /// Its number is reserved on disk before anything is signed, so no two CRLs ever share one. It
    /// lists what the log revokes; for an issuer that is down, by default also what its fall
    /// invalidates. Memory does not grow with the number of entries.
    ///
    /// Where two CRLs of one issuer are made at once, the one with the higher number knows at least
    /// as much; see to it that it is also the one that stays in place.
    ///
    /// A revoked CA should go on making CRLs until all its certificates have expired.
    ///
    /// # Errors
    /// [`Error::CannotSignCrls`], [`Error::NextUpdateTooLate`], [`Error::ClockBehind`], and
    /// [`Error::Crl`]: nothing became visible then, except with [`CrlError::NotDurable`].
    /// [`Error::Behind`] and [`Error::Forked`] where the store does not show what the request
    /// demands: never a shorter list.
    pub fn crl(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        signer: &dyn Signer,
        stage: &mut dyn Stage,
    ) -> Result<IssuedCrl, Error> {
        self.make_crl(issuer, request, signer.public_key(), |tbs, entries, known, as_of| {
            let public_key = known.issuer.public_key();
            let crl = tbs.sign(entries, public_key, signer, &*self.verifier, stage)?;
            Ok(IssuedCrl { crl, as_of })
        })
    }

    /// Prepares the full CRL of an issuer whose key is elsewhere: an HSM behind a ceremony, an
    /// offline root. [`Authority::assemble_crl`] needs only what this returns, as
    /// octets if need be, and the signature.
    ///
    /// # Errors
    /// As [`Authority::crl`].
    pub fn prepare_crl(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        algorithm: SignatureAlgorithm,
    ) -> Result<PreparedCrl, Error> {
        let view = self.view()?;
        request.check(&view)?;
        let public_key = view.require_issuer(issuer)?.issuer.public_key().to_vec();
        drop(view);
        self.make_crl(issuer, request, &public_key, |tbs, entries, _, as_of| {
            Ok(tbs.prepare(entries, &public_key, algorithm, as_of.to_octets())?)
        })
    }

    /// Puts a signature to a prepared CRL of this issuer and verifies it; the answer is the CRL in
    /// DER.
    ///
    /// # Errors
    /// [`Error::Crl`] where the CRL was prepared for another key, its nextUpdate has passed, or the
    /// signature is not the issuer's over this CRL.
    pub fn assemble_crl(
        &self,
        issuer: IssuerId,
        prepared: &PreparedCrl,
        signature: &[u8],
    ) -> Result<Vec<u8>, Error> {
        // What it says of its own key is only what its maker said.
        if self.view()?.require_issuer(issuer)?.issuer.public_key() != prepared.public_key() {
            return Err(CrlError::WrongKey.into());
        }
        let (now, next_update) = (self.clock.now(), prepared.next_update());
        if next_update <= now {
            return Err(CrlError::NextUpdate { this_update: now, next_update }.into());
        }
        Ok(prepared.assemble(signature, &*self.verifier)?)
    }

    fn make_crl<T>(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        public_key: &[u8],
        mut make: impl FnMut(&TbsCertList<'_>, &dyn Entries, &KnownIssuer, AsOf) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..ATTEMPTS {
            let (number, this_update) = self.reserve_number(issuer, request, public_key)?;
            let view = self.view()?;
            request.check(&view)?;
            let head = view.head(issuer)?;
            // Of two CRLs, the one with the higher number must not know less. So a view is taken
            // only while the number is still the last one, and only if thisUpdate covers it.
            let last = view.crl_numbers(&full_scope(issuer))?.1.map(|record| record.last);
            if last != Some(number) || newest_date(&view, issuer, this_update)? > Some(this_update)
            {
                continue;
            }
            let known = view.require_issuer(issuer)?;
            let graph = view.graph_above(issuer)?;
            let invalidation =
                graph.invalidation(issuer).filter(|_| known.record.lists_invalidated);
            let key_identifier = self.key_identifier(&known)?;
            let next_update = this_update.saturating_add(request.validity);
            let name = known.issuer.name();
            let tbs = TbsCertList::new(name, &key_identifier, number, this_update, next_update)?
                .with_limit(LONGEST);
            let entries = Listed { view: &view, issuer, head, this_update, invalidation };
            return make(&tbs, &entries, &known, view.as_of(&graph)?);
        }
        Err(Error::Contended { attempts: ATTEMPTS })
    }

    /// Checks that the issuer can sign a CRL now, and reserves its number and thisUpdate on disk.
    fn reserve_number(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        public_key: &[u8],
    ) -> Result<(CrlNumber, Timestamp), Error> {
        let now = self.clock.now();
        self.decide(|view, change| {
            request.check(view)?;
            let known = view.require_issuer(issuer)?;
            self.check_signing(&known, public_key, now)?;
            let key = full_scope(issuer);
            let (version, last) = view.crl_numbers(&key)?;
            let newest = newest_date(view, issuer, now)?;
            let recorded = [
                ("the thisUpdate of an earlier CRL", last.map(|last| last.this_update)),
                ("a recorded revocationDate", newest),
            ];
            let mut this_update = now;
            for (what, recorded) in recorded {
                let Some(recorded) = recorded else { continue };
                if recorded > now.saturating_add(self.policy.clock_skew) {
                    return Err(Error::ClockBehind { now, what, recorded });
                }
                this_update = this_update.max(recorded);
            }
            self.check_validity(&known, this_update, request)?;
            let number = match last {
                None => CrlNumber::from_u64(1),
                Some(NumberRecord { last, .. }) => {
                    last.next().ok_or(Error::NumbersExhausted { last })?
                }
            };
            let record = NumberRecord { last: number, this_update };
            change.put(Table::CrlNumbers, key, version, record.to_octets());
            Ok((number, this_update))
        })
    }

    fn check_signing(
        &self,
        known: &KnownIssuer,
        public_key: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        let issuer = &known.issuer;
        let cannot = |problem| Error::CannotSignCrls { issuer: issuer.id(), problem };
        let not_after = issuer.not_after();
        if not_after < now {
            return Err(cannot(CannotSign::Expired { not_after }));
        }
        if issuer.crl_signing_not_after(now).is_none() {
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
        let next_update = this_update.saturating_add(request.validity);
        if next_update <= this_update {
            return Err(CrlError::NextUpdate { this_update, next_update }.into());
        }
        // Without such a certificate at thisUpdate there is no time left.
        let signing_ends = known.issuer.crl_signing_not_after(this_update).unwrap_or(this_update);
        let limits = [
            (this_update.saturating_add(self.policy.longest_crl_validity), "the policy's limit"),
            (signing_ends, "the certificate that lets it sign CRLs expires then"),
        ];
        match limits.into_iter().find(|(latest, _)| next_update > *latest) {
            Some((latest, problem)) => {
                Err(Error::NextUpdateTooLate { next_update, latest, problem })
            }
            None => Ok(()),
        }
    }

    fn key_identifier(&self, known: &KnownIssuer) -> Result<Vec<u8>, Error> {
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

/// The latest revocationDate of an issuer's log as it stands, if it is after `now`; else it does
/// not matter.
fn newest_date(
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
    view.live(issuer, &head, |event| {
        if let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) {
            if revocation.date > now {
                dates.insert(subject.serial, revocation.date);
            } else {
                dates.remove(&subject.serial);
            }
        }
    })?;
    Ok(dates.into_values().max())
}

/// The key of the numbering of an issuer's full CRLs.
pub(super) fn full_scope(issuer: IssuerId) -> Vec<u8> {
    [&issuer.as_octets()[..], &[0]].concat()
}

/// The entries of a full CRL, read from a frozen view each time.
struct Listed<'a> {
    view: &'a View<'a>,
    issuer: IssuerId,
    head: Head,
    this_update: Timestamp,
    /// What brought the issuer down, where its CRL lists what that invalidates.
    invalidation: Option<Invalidation>,
}

impl Entries for Listed<'_> {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        let mut run = Run { entries: Vec::with_capacity(RUN), visit };
        let tally = match &self.invalidation {
            None => self.each_revoked(&mut run)?,
            Some(invalidation) => self.each_certificate(invalidation, &mut run)?,
        };
        check_tally(self.issuer, &self.head, &tally).map_err(CrlError::entries)?;
        run.flush()
    }
}

impl Listed<'_> {
    /// Every certificate that the log revokes.
    fn each_revoked(&self, run: &mut Run<'_>) -> Result<Tally, CrlError> {
        let mut tally = Tally::default();
        let mut current: Option<(Serial, Revocation)> = None;
        self.view.live_by_serial(self.issuer, Scope::Full, |key, value| {
            let event = entry(Space::Entries, key, value).map_err(Failed::from)?.event;
            tally.add(value);
            let (Some(subject), Some(revocation)) = (event.subject(), event.revocation()) else {
                return Ok(ControlFlow::Continue(()));
            };
            // Entries about one certificate follow each other in the order of the log: an
            // amendment replaces what was before it.
            if let Some((serial, revocation)) = current.replace((subject.serial, *revocation))
                && serial != subject.serial
            {
                run.push(listed(serial, &revocation))?;
            }
            Ok::<_, Failed>(ControlFlow::Continue(()))
        })?;
        if let Some((serial, revocation)) = current {
            run.push(listed(serial, &revocation))?;
        }
        Ok(tally)
    }

    /// Every certificate, revoked itself or invalidated with its issuer.
    fn each_certificate(
        &self,
        invalidation: &Invalidation,
        run: &mut Run<'_>,
    ) -> Result<Tally, CrlError> {
        let mut tally = Tally::default();
        let issuer = self.issuer;
        self.view.certificates_with_entries(issuer, None, |serial, record, rows| {
            rows.iter().for_each(|(_, value)| tally.add(value));
            run.push(match fold_rows(&rows)? {
                Some(history) => listed(serial, &history.current),
                None => self.invalidated(serial, &record, invalidation),
            })?;
            Ok::<_, Failed>(ControlFlow::Continue(()))
        })?;
        Ok(tally)
    }

    /// The entry of a certificate whose issuer came down.
    fn invalidated(
        &self,
        serial: Serial,
        record: &CertificateRecord,
        by: &Invalidation,
    ) -> CrlEntry {
        let date = record.not_before.map_or(by.at, |not_before| by.at.max(not_before));
        let reason = match (record.kind, by.reason) {
            (CertificateKind::Unknown | CertificateKind::EndEntity, _) => None,
            // The key of the CA below is not known to be compromised, but what vouched for it is;
            // the entry of a CA must say something (CA/B forum baseline requirements §7.2.2).
            (CertificateKind::Ca(_), Some(Reason::KeyCompromise | Reason::CaCompromise)) => {
                Some(Reason::CaCompromise)
            }
            (CertificateKind::Ca(_), None | Some(Reason::Unspecified)) => {
                Some(Reason::CessationOfOperation)
            }
            (CertificateKind::Ca(_), reason) => reason,
        };
        CrlEntry {
            serial,
            revocation_date: date.min(self.this_update),
            reason,
            invalidity_date: None,
        }
    }
}

fn listed(serial: Serial, revocation: &Revocation) -> CrlEntry {
    CrlEntry {
        serial,
        revocation_date: revocation.date,
        reason: revocation.reason,
        invalidity_date: revocation.invalidity_date,
    }
}

/// Gathers entries into runs.
struct Run<'a> {
    entries: Vec<CrlEntry>,
    visit: &'a mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
}

impl Run<'_> {
    fn push(&mut self, entry: CrlEntry) -> Result<(), CrlError> {
        self.entries.push(entry);
        if self.entries.len() < RUN { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), CrlError> {
        (self.visit)(&self.entries)?;
        self.entries.clear();
        Ok(())
    }
}

/// What stopped a scan: the store, or who took the entries.
struct Failed(CrlError);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(CrlError::entries(error))
    }
}

impl From<CrlError> for Failed {
    fn from(error: CrlError) -> Self {
        Self(error)
    }
}

impl From<Failed> for CrlError {
    fn from(failed: Failed) -> Self {
        failed.0
    }
}
