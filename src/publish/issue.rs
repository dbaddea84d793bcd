//! Releasing a CRL: made, compared with what it replaces, recorded, shown.
//!
//! ```text
//! look      what do the sinks show? Is it what this record released?
//! reserve   a number, on disk
//! make      on one frozen view, linted, signed, verified
//! gate      against what each sink shows
//! record    that it is about to go out
//! put       into each sink
//! record    since when each shows it: from now on it counts
//! ```
//!
//! After a crash at any step, the same call again finishes the job: with the CRL that was on its
//! way where a sink shows it already, and with a new one in any case.

use super::{
    GateRefusal, NotPlaced, PublishError, gate,
    observe::{self, Watch},
    sink::{Current, Outgoing, Sink, SinkError},
};
use crate::{
    authority::{
        Authority, CrlRequest, Error, Intent, Kinds, Origin, Placed, Release, Retention, Waive,
    },
    crl::{CertificateList, CrlError, CrlNumber, Finding, LintProfile, PreparedCrl, Severity},
    issuer_id::IssuerId,
    scope::CrlPlace,
    serial::{Serial, SerialRef},
    signing::{Signer, ToSign},
    store::Store,
    time::Timestamp,
};
use std::collections::BTreeSet;

/// How often a CRL is made anew because another publisher was faster.
const ATTEMPTS: u32 = 3;

/// What is to be released.
///
/// ```
/// use annul::{CrlRequest, Issue};
/// use std::time::Duration;
///
/// let week = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
/// let issue = Issue::new(week).with_delta();
/// ```
#[derive(Clone, Debug)]
pub struct Issue {
    request: CrlRequest,
    kinds: Kinds,
    profile: LintProfile,
}

impl Issue {
    /// This CRL: a complete one, or a delta CRL where the request says so.
    pub fn new(request: CrlRequest) -> Self {
        let kinds = if request.delta { Kinds::Delta } else { Kinds::Complete };
        Self { request, kinds, profile: LintProfile::Private }
    }

    /// With a complete CRL also the delta CRL to the complete one before it: both have one number
    /// and say the same (RFC 5280 §5.2.3).
    #[must_use]
    pub fn with_delta(self) -> Self {
        Self { kinds: if self.request.delta { Kinds::Delta } else { Kinds::Both }, ..self }
    }

    /// Keeps the rules of this profile: what breaks one is not signed. RFC 5280's unless this is
    /// said.
    #[must_use]
    pub fn with_profile(self, profile: LintProfile) -> Self {
        Self { profile, ..self }
    }

    fn places(&self, issuer: IssuerId) -> Vec<CrlPlace> {
        let place = |delta| CrlPlace { issuer, scope: self.request.scope, delta };
        let complete = self.kinds.includes_complete().then(|| place(false));
        complete.into_iter().chain(self.kinds.includes_delta().then(|| place(true))).collect()
    }
}

/// What was released: every sink shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Released {
    /// The complete CRL, if one was made.
    pub complete: Option<Release>,
    /// The delta CRL, if one was made.
    pub delta: Option<Release>,
    /// What the linter found before they were signed.
    pub findings: Vec<Finding>,
}

/// What a sink shows at a place.
struct Shown<'a> {
    sink: &'a dyn Sink,
    place: CrlPlace,
    current: Option<Current>,
    /// Whether it cannot be read, and the record is trusted instead.
    is_blind: bool,
}

/// What the sinks show, and those that do not say.
struct Looked<'a> {
    shown: Vec<Shown<'a>>,
    failed: Vec<NotPlaced>,
}

fn is_write_only(error: &SinkError) -> bool {
    matches!(error, SinkError::WriteOnly)
}

/// By what the record knows a CRL.
struct Identity {
    number: Option<CrlNumber>,
    tbs_sha256: [u8; 32],
}

/// What a sink shows at a place, if that is a CRL.
fn look_at(sink: &dyn Sink, place: &CrlPlace) -> Result<Option<(Current, Identity)>, SinkError> {
    let Some(current) = sink.current(place)? else { return Ok(None) };
    let crl = CertificateList::from_der(&current.der).map_err(SinkError::NoCrl)?;
    let identity = Identity { number: crl.number(), tbs_sha256: crl.tbs_sha256() };
    Ok(Some((current, identity)))
}

/// A signed CRL, and what it was made from.
struct Signed {
    origin: Origin,
    der: Vec<u8>,
}

impl<S: Store> Authority<S> {
    /// Releases a CRL of an issuer: makes it, compares it with what each sink shows, records it, and
    /// hands it to the sinks. Once it returns, every one of them shows it.
    ///
    /// It holds the CRL in memory, and what it replaces.
    ///
    /// # Errors
    /// [`PublishError::Forked`], [`PublishError::Gate`]: nothing went out, and nothing does until
    /// somebody looked. [`PublishError::Incomplete`]: the same call again goes on. The errors of
    /// [`Authority::crl`].
    pub fn issue(
        &self,
        issuer: IssuerId,
        issue: &Issue,
        signer: &dyn Signer,
        sinks: &[&dyn Sink],
    ) -> Result<Released, PublishError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.issue_once(issuer, issue, signer, sinks) {
                Err(PublishError::Authority(Error::Overtaken { .. })) if attempts < ATTEMPTS => {}
                answer => return answer,
            }
        }
    }

    fn issue_once(
        &self,
        issuer: IssuerId,
        issue: &Issue,
        signer: &dyn Signer,
        sinks: &[&dyn Sink],
    ) -> Result<Released, PublishError> {
        let request = &issue.request;
        // Before a number is reserved: a record that was restored must not use one twice.
        let watch = Watch::begin(&CrlPlace::complete(issuer, request.scope));
        let looked = self.look(&issue.places(issuer), request, sinks)?;
        let (key, algorithm) = (signer.public_key(), signer.algorithm());
        let prepared = self.prepare(issuer, request, issue.kinds, key, algorithm)?;
        let (mut signed, mut findings) = (Vec::new(), Vec::new());
        for prepared in prepared.complete.iter().chain(&prepared.delta) {
            let number = prepared.number();
            let origin = Origin::of(prepared)?;
            findings.extend(self.check_lint(&origin, prepared, issue.profile, request)?);
            let to_sign = match signer.wants_message() {
                true => ToSign::Message(prepared),
                false => prepared.to_sign(),
            };
            let signature = signer
                .sign(to_sign)
                .map_err(|source| Error::from(CrlError::Signing { number, source }))?;
            let der = self.assemble_crl(issuer, prepared, &signature)?;
            signed.push(Signed { origin, der });
        }
        self.send(signed, looked, request, findings, &watch)
    }

    fn check_lint(
        &self,
        origin: &Origin,
        prepared: &PreparedCrl,
        profile: LintProfile,
        request: &CrlRequest,
    ) -> Result<Vec<Finding>, PublishError> {
        let findings = self.lint(origin, prepared, profile)?;
        let is_refused = findings.iter().any(|it| it.severity == Severity::Error);
        if is_refused && !request.waives(Waive::Lint) {
            return Err(PublishError::Lint { number: prepared.number(), findings });
        }
        Ok(findings)
    }

    /// Releases a CRL that was [prepared](Authority::prepare_crl) and signed elsewhere: it is
    /// assembled, and has to pass the gate as it is now.
    ///
    /// # Errors
    /// As [`Authority::issue`] and [`Authority::assemble_crl`]; [`Error::Overtaken`] where another
    /// CRL was released since it was prepared, and [`Error::Forked`] where the record is another.
    pub fn release(
        &self,
        issuer: IssuerId,
        prepared: &PreparedCrl,
        signature: &[u8],
        sinks: &[&dyn Sink],
    ) -> Result<Released, PublishError> {
        let origin = Origin::of(prepared)?;
        if origin.place.issuer != issuer {
            return Err(Error::from(CrlError::WrongKey).into());
        }
        self.check_origin(&origin)?;
        let mut request = CrlRequest::new(std::time::Duration::ZERO).of(origin.place.scope);
        request.waivers.clone_from(&origin.release.waivers);
        let watch = Watch::begin(&origin.place);
        let looked = self.look(&[origin.place], &request, sinks)?;
        let der = self.assemble_crl(issuer, prepared, signature)?;
        let findings = self.check_lint(&origin, prepared, LintProfile::Private, &request)?;
        self.send(vec![Signed { origin, der }], looked, &request, findings, &watch)
    }

    /// What the sinks show at these places of one scope, each of it released from this record.
    ///
    /// Complete and delta CRLs share their numbers, so both are looked at whichever is made: a record
    /// that was restored may know the one and not the other. A sink that cannot be asked for one of
    /// them has failed.
    fn look<'a>(
        &self,
        places: &[CrlPlace],
        request: &CrlRequest,
        sinks: &[&'a dyn Sink],
    ) -> Result<Looked<'a>, PublishError> {
        if sinks.is_empty() {
            return Err(PublishError::NoSinks);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = sinks.iter().map(|sink| sink.name()).find(|name| !names.insert(*name))
        {
            return Err(PublishError::SameName { sink: twice.to_owned() });
        }
        let (mut shown, mut failed) = (Vec::new(), Vec::new());
        let Some(&first) = places.first() else { return Ok(Looked { shown, failed }) };
        let mut kinds = [false, true].map(|delta| CrlPlace { delta, ..first });
        // That which is not made comes first: it may keep a sink from being given the other.
        kinds.sort_by_key(|place| places.contains(place));
        for place in kinds {
            let is_asked = places.contains(&place);
            for &sink in sinks {
                let has_failed = |it: &NotPlaced| it.sink == sink.name() && it.place == place;
                if failed.iter().any(has_failed) {
                    continue;
                }
                let (current, is_blind) = match look_at(sink, &place) {
                    Ok(current) => (current, false),
                    Err(error)
                        if is_write_only(&error) && request.waives(Waive::UnreadableSink) =>
                    {
                        (None, true)
                    }
                    // It may never have been there, or says nothing.
                    Err(SinkError::WriteOnly | SinkError::NoCrl(_)) if !is_asked => (None, true),
                    // The others are not to wait for it.
                    Err(error) => {
                        observe::sink_failed(sink.name(), &place, &error);
                        let (sink, place) =
                            (sink.name().to_owned(), if is_asked { place } else { first });
                        failed.push(NotPlaced { sink, place, error });
                        continue;
                    }
                };
                if let Some((_, identity)) = &current {
                    self.recognize(sink, &place, identity)?;
                }
                if is_asked {
                    let current = current.map(|(current, _)| current);
                    shown.push(Shown { sink, place, current, is_blind });
                }
            }
        }
        let is_blind = |place: &&CrlPlace| !shown.iter().any(|it: &Shown<'_>| it.place == **place);
        if let Some(&place) = places.iter().find(is_blind)
            && let Some(at) = failed.iter().position(|it| it.place == place)
        {
            let NotPlaced { sink, place, error } = failed.swap_remove(at);
            return Err(match error {
                SinkError::NoCrl(source) => PublishError::NoCrl { sink, place, source },
                error => PublishError::Unreadable { sink, place, source: error.into() },
            });
        }
        Ok(Looked { shown, failed })
    }

    /// Finds what a sink shows in the record, and notes that it does where a crash came between.
    fn recognize(
        &self,
        sink: &dyn Sink,
        place: &CrlPlace,
        &Identity { number: found, tbs_sha256 }: &Identity,
    ) -> Result<(), PublishError> {
        let (name, place) = (sink.name().to_owned(), *place);
        let known = match found {
            Some(number) => self.find_release(&place, number, tbs_sha256)?,
            None => None,
        };
        let Some((ordinal, release)) = known else {
            if self.is_adopted(&place, tbs_sha256)? {
                return Ok(());
            }
            let last = self.last_number(&place)?;
            return Err(PublishError::Forked { sink: name, place, found, last });
        };
        let is_noted = release.sinks.iter().any(|it| it.sink == name && it.at.is_some());
        if !is_noted && release.sinks.iter().any(|it| it.sink == name) {
            let placed = Placed { sink: name, at: Some(self.now()) };
            self.record_placed(&place, ordinal, &[placed])?;
        }
        Ok(())
    }

    /// Has each CRL pass the gate, records them, and hands them to the sinks.
    fn send(
        &self,
        signed: Vec<Signed>,
        Looked { shown, mut failed }: Looked<'_>,
        request: &CrlRequest,
        findings: Vec<Finding>,
        watch: &Watch,
    ) -> Result<Released, PublishError> {
        let mut intents = Vec::new();
        for Signed { origin, der } in &signed {
            let place = origin.place;
            for shown in shown.iter().filter(|shown| shown.place == place) {
                self.pass(origin, der, shown, request)?;
            }
            let asked = shown.iter().filter(|it| it.place == place).map(|it| it.sink.name());
            let names =
                asked.chain(failed.iter().filter(|it| it.place == place).map(|it| &*it.sink));
            let sinks = names.map(|sink| Placed { sink: sink.to_owned(), at: None });
            let octets = u64::try_from(der.len()).unwrap_or(u64::MAX);
            let release = Release { octets, sinks: sinks.collect(), ..origin.release.clone() };
            intents.push(Intent { place, release, expired_since: origin.expired_since });
        }
        let ordinals = self.record_releases(&intents)?;
        let mut released = Released { complete: None, delta: None, findings };
        for (Signed { origin, der }, ordinal) in signed.iter().zip(ordinals) {
            let place = origin.place;
            let mut placed = Vec::new();
            for shown in shown.iter().filter(|shown| shown.place == place) {
                let now = self.now();
                let Release { number, this_update, next_update, .. } = origin.release;
                let trusts_record = shown.is_blind;
                let outgoing =
                    Outgoing { place, der, number, this_update, next_update, now, trusts_record };
                let replaces = shown.current.as_ref().map(|current| &current.revision);
                let sink = shown.sink.name().to_owned();
                match shown.sink.put(&outgoing, replaces) {
                    Ok(()) => placed.push(Placed { sink, at: Some(self.now()) }),
                    Err(error) => {
                        observe::sink_failed(&sink, &place, &error);
                        failed.push(NotPlaced { sink, place, error });
                    }
                }
            }
            let release = self.record_placed(&place, ordinal, &placed)?;
            if release.out_since().is_some() {
                watch.generated(&place, &release);
            }
            let kind = if place.delta { &mut released.delta } else { &mut released.complete };
            *kind = Some(release);
        }
        if failed.is_empty() {
            return Ok(released);
        }
        Err(PublishError::Incomplete { released: Box::new(released), failed })
    }

    /// Whether a CRL may take the place of what a sink shows.
    fn pass(
        &self,
        origin: &Origin,
        der: &[u8],
        shown: &Shown<'_>,
        request: &CrlRequest,
    ) -> Result<(), PublishError> {
        let Some(current) = &shown.current else { return Ok(()) };
        let (place, number) = (origin.place, origin.release.number);
        let refuse = |problem| PublishError::Gate {
            number,
            sink: shown.sink.name().to_owned(),
            place,
            problem: Box::new(problem),
        };
        let unreadable = |error| refuse(GateRefusal::Unreadable(error));
        let old = CertificateList::from_der(&current.der).map_err(unreadable)?;
        let new = CertificateList::from_der(der).map_err(unreadable)?;
        let base = match origin.release.base {
            Some(base) => self.retention_after(&place, base)?,
            None => None,
        };
        // The clock may have been ahead when the old one was made.
        let replaced_at = old.this_update().min(new.this_update());
        let compared = gate::compare(&old, &new, &request.waivers, |missing| {
            self.still_needed(&place, missing, replaced_at, base).map_err(Failure::Else)
        });
        compared.map_err(|failure| match failure {
            Failure::Gate(problem) => refuse(problem),
            Failure::Else(error) => error.into(),
        })
    }

    /// Of certificates that a new CRL lacks, those that it must have, as texts.
    fn still_needed(
        &self,
        place: &CrlPlace,
        missing: Vec<SerialRef<'_>>,
        replaced_at: Timestamp,
        base: Option<Retention>,
    ) -> Result<Vec<String>, Error> {
        let (mut serials, mut needed) = (Vec::<Serial>::new(), Vec::new());
        for serial in missing {
            match serial.to_serial() {
                Ok(serial) => serials.push(serial),
                // Of a number that no certificate can have, nothing is known: it stays.
                Err(_) => needed.push(serial.to_string()),
            }
        }
        let stay = self.must_stay(place.issuer, place.scope, &serials, replaced_at, base)?;
        needed.extend(stay.iter().map(ToString::to_string));
        Ok(needed)
    }
}

/// What stopped a comparison.
enum Failure {
    Gate(GateRefusal),
    Else(Error),
}

impl From<GateRefusal> for Failure {
    fn from(refusal: GateRefusal) -> Self {
        Self::Gate(refusal)
    }
}
