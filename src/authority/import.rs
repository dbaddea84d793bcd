//! Taking over what others know of the certificates of an issuer: published CRLs, and the database
//! of `openssl ca`.
//!
//! It is the way back where the record is lost or older than what was published, and the way in for
//! a CA that moves here. What was published is a fact: no policy has a say. An import only adds, and
//! repeats without doing anything twice.
//!
//! | file | holds |
//! |---|---|
//! | `sources` | what is imported: checked, then read in the order of the serial numbers |
//! | `scope` | which certificates a published CRL is about |
//! | `claim` | what the sources say together of one serial number, and what the record makes of it |
//! | `finding` | what is worth telling of one serial number |
//! | `legacy` | entries of which no record can have the serial number |
//! | `fence` | keeping CRL numbers above those that were published |
//! | `partitions` | going on with the partitions that were published |
//! | `reconcile` | both sides compared, and nothing written |

mod claim;
mod discrepancy;
mod fence;
mod legacy;
mod partitions;
mod reconcile;
mod scope;
mod sources;

pub use self::{
    discrepancy::{Difference, Discrepancy, NotListed},
    fence::Fence,
    legacy::LegacyEntry,
    reconcile::Reconciled,
    sources::CannotImport,
};

use self::{
    claim::{Claim, Decision, Judgement},
    sources::Sources,
};
use super::{
    AT_ONCE, Authority, Error,
    change::Change,
    partitions::take_slot_if_left,
    view::{KnownIssuer, View},
};
use crate::{
    crl::CertificateList,
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, Graph, Known, Parent, Revocation, Standing},
    log::{Event, Subject},
    openssl_index::OpenSslIndex,
    scope::{CrlPlace, Scope},
    serial::{Serial, SerialRef},
    store::{Store, Version},
    time::Timestamp,
};
use std::slice;

/// How many findings a report holds.
const FINDINGS: usize = 10_000;

/// What is to be imported: any number of CRLs of one issuer, and the database of its `openssl ca`.
///
/// The signature of each CRL is checked against the issuer's key, and its name must be the issuer's,
/// octet for octet. It may be of any [scope](Scope), complete or a delta, current or long stale.
///
/// ```no_run
/// use annul::{Authority, CertificateList, Import, IssuerId, MemoryStore};
///
/// # let issuer: IssuerId = "00".repeat(32).parse()?;
/// let authority = Authority::new(MemoryStore::new());
/// let der = std::fs::read("last-published.crl")?;
/// let import = Import::new().with_crl(CertificateList::from_der(&der)?);
/// // What would it do?
/// let compared = authority.reconcile(issuer, &import, &mut |finding| println!("{finding}"))?;
/// if compared.is_behind() {
///     let imported = authority.import(issuer, &import)?;
///     println!("{} revocations were missing", imported.revoked);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Import<'a> {
    crls: Vec<(CertificateList<'a>, Option<Scope>)>,
    index: Option<OpenSslIndex<'a>>,
    is_vouched: bool,
}

impl<'a> Import<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also this CRL. What it is about is told from its issuing distribution point: none for all
    /// certificates, or one that says users or CAs only, or names a CRL that was made here.
    #[must_use]
    pub fn with_crl(mut self, crl: CertificateList<'a>) -> Self {
        self.crls.push((crl, None));
        self
    }

    /// Also this CRL, which is about these certificates whatever it says itself. Its number counts
    /// among those of this scope.
    #[must_use]
    pub fn with_crl_of(mut self, scope: Scope, crl: CertificateList<'a>) -> Self {
        self.crls.push((crl, Some(scope)));
        self
    }

    /// Also this database. It knows when certificates expire, which CRLs do not say: without it, what
    /// is imported stays on the CRL for ever.
    #[must_use]
    pub fn with_openssl_index(mut self, index: OpenSslIndex<'a>) -> Self {
        self.index = Some(index);
        self
    }

    /// The caller vouches that the issuer made these CRLs: their signatures are not checked. For
    /// those with an algorithm that no verifier knows any more.
    #[must_use]
    pub fn vouched(mut self) -> Self {
        self.is_vouched = true;
        self
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// How many certificates were revoked that the record did not know to be.
    pub revoked: u64,
    /// How many revocations became earlier, or graver.
    pub amended: u64,
    /// How many certificates the database let record, or complete a record.
    pub registered: u64,
    /// How many entries with serial numbers that no record can have are kept as they stand, or were
    /// amended. [`Authority::legacy_entries`] lists them.
    pub legacy: u64,
    /// At how many serial numbers there was nothing to do.
    pub unchanged: u64,
    /// The CAs that fell, because the last of their certificates was revoked.
    pub fallen: Vec<IssuerId>,
    /// The scopes whose CRLs were imported, and how far their numbers were.
    pub fences: Vec<Fence>,
    /// What is worth a look: what was not taken over as it stands, and where the record says
    /// something else and keeps it. The first ten thousand.
    pub findings: Vec<Discrepancy>,
    /// How many there were besides.
    pub further_findings: u64,
}

impl Imported {
    fn find(&mut self, serial: SerialRef<'_>, difference: Difference) {
        if self.findings.len() < FINDINGS {
            self.findings.push(Discrepancy::new(serial, difference));
        } else {
            self.further_findings += 1;
        }
    }

    /// Takes in what one write did.
    fn add(&mut self, other: Self) {
        self.revoked += other.revoked;
        self.amended += other.amended;
        self.registered += other.registered;
        self.legacy += other.legacy;
        self.unchanged += other.unchanged;
        self.fallen.extend(other.fallen);
        self.further_findings += other.further_findings;
        for finding in other.findings {
            self.find(finding.serial(), finding.difference);
        }
    }
}

impl<S: Store> Authority<S> {
    /// Takes over what was published of the certificates of an issuer, which must be
    /// [added](Authority::add_issuer) first.
    ///
    /// - **Every entry of a CRL** is a revocation as it stands there, with its own dates and reason;
    ///   a certificate that nobody recorded is recorded as discovered, with a notAfter that only an
    ///   `index.txt` tells. Its partition is that of the CRL.
    /// - **What is recorded** is amended where it says less: a later date, a lesser reason. Where it
    ///   contradicts otherwise, it stays, and is among the findings. Of sources that differ the
    ///   gravest and earliest counts, and then the newest.
    /// - **A hold** has no place in a record that goes one way. The certificate is revoked, without a
    ///   reason, and is among the findings: whoever trusts it again is told so by nothing. Where a
    ///   delta CRL among the sources ended the hold, nothing is recorded.
    /// - **Dates** that no CRL may have are moved: what is after its own CRL, or after now, to there;
    ///   what is before 1970 to 1970. They are among the findings.
    /// - **Serial numbers** that are zero, negative or too long are kept as they stand: see
    ///   [`Authority::legacy_entries`].
    /// - **The certificates** of an `index.txt` that are valid or expired are registered; recorded as
    ///   discovered where the issuer does not stand.
    /// - **Partitions** that the record does not know of, or that went on without it, are published
    ///   from now on, and get no new certificates: give the CRLs of all of them. Certificates that
    ///   carry their URIs can be registered.
    /// - **Numbers**, last of all, are [fenced](Authority::fence) above those of the CRLs. Until then
    ///   a CRL made from half an import cannot outrank what was published.
    ///
    /// Every source is checked to its end before anything is recorded. Then a thousand serial numbers
    /// are recorded by each durable write. After a failure, repeating the call goes on; after a
    /// success, it does nothing. Memory does not grow with sources that are in the order of the serial
    /// numbers, as the CRLs that are made here are.
    ///
    /// An old CRL brings back what was [compacted](Authority::compact) away since it was made.
    ///
    /// # Errors
    /// [`Error::CannotImport`] with the CRL and what is wrong with it; [`Error::ClockBehind`] where a
    /// CRL is from the future; [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure
    /// of the store.
    pub fn import(&self, issuer: IssuerId, import: &Import<'_>) -> Result<Imported, Error> {
        let sources = self.check_import(issuer, import)?;
        let mut report = Imported::default();
        for serial in sources.of_other_issuers() {
            report.find(serial, Difference::OtherIssuer);
        }
        self.close_partitions(issuer, &sources)?;
        let mut claims = sources.claims();
        loop {
            let chunk: Vec<_> = claims.by_ref().take(AT_ONCE).collect();
            if chunk.is_empty() {
                break;
            }
            self.import_at_once(issuer, &chunk, &mut report)?;
        }
        report.fences = self.raise_fences(issuer, &sources.highest())?;
        self.adopt_all(issuer, &sources, import.is_vouched)?;
        Ok(report)
    }

    /// All that the CRLs list is recorded: what replaces them loses nothing. Those that the issuer
    /// did not sign are left to whoever vouched for them.
    fn adopt_all(
        &self,
        issuer: IssuerId,
        sources: &Sources<'_>,
        is_vouched: bool,
    ) -> Result<(), Error> {
        let known = self.view()?.require_issuer(issuer)?;
        let public_key = known.issuer.public_key();
        for (scope, crl) in sources.crls() {
            let is_signed = !is_vouched || crl.verify(public_key, &*self.verifier).is_ok();
            if let Some(number) = crl.number().filter(|_| is_signed) {
                let place = CrlPlace { issuer, scope, delta: crl.base_number().is_some() };
                self.adopt(&place, number, crl.tbs_sha256())?;
            }
        }
        Ok(())
    }

    fn check_import<'a>(
        &self,
        issuer: IssuerId,
        import: &'a Import<'_>,
    ) -> Result<Sources<'a>, Error> {
        let now = self.clock.now();
        let known = self.view()?.require_issuer(issuer)?;
        let latest = now.saturating_add(self.policy.clock_skew);
        if let Some((crl, _)) = import.crls.iter().find(|(crl, _)| crl.this_update() > latest) {
            let what = "the thisUpdate of a published CRL";
            return Err(Error::ClockBehind { now, what, recorded: crl.this_update() });
        }
        Sources::check(import, &known.issuer, &*self.verifier, now)
    }

    /// Records what these claims say by one write, and after it one by one those that may let a CA
    /// fall.
    fn import_at_once(
        &self,
        issuer: IssuerId,
        claims: &[Claim<'_>],
        report: &mut Imported,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let (done, alone) = self.decide(|view, change| {
            view.read_ahead(claims.iter().filter_map(|claim| Some((issuer, claim.serial()?))))?;
            let mut taking = Taking::new(view, issuer, now)?;
            let mut alone = Vec::new();
            for claim in claims {
                let Some(serial) = claim.serial() else {
                    taking.take_legacy(claim, change)?;
                    continue;
                };
                let judged = taking.judge(claim, serial)?;
                match judged.ca_to_revoke() {
                    Some(_) if claims.len() > 1 => alone.push(claim),
                    Some((ca, revocation)) => {
                        taking.take(claim, serial, judged, change)?;
                        let fallen = self
                            .fall_with_certificate(view, change, ca, issuer, serial, revocation)?;
                        taking.done.fallen.extend(fallen);
                    }
                    None => taking.take(claim, serial, judged, change)?,
                }
            }
            Ok((taking.finish(change), alone))
        })?;
        report.add(done);
        alone
            .into_iter()
            .try_for_each(|claim| self.import_at_once(issuer, slice::from_ref(claim), report))
    }
}

/// One durable write of an import, being decided.
struct Taking<'a, 'v> {
    view: &'a View<'v>,
    now: Timestamp,
    known: KnownIssuer,
    graph: Graph,
    standing: Standing,
    legacy: legacy::Changing,
    done: Imported,
}

/// A claim, and what is known of its certificate.
struct Judged {
    version: Version,
    known: Known,
    judgement: Judgement,
}

impl Judged {
    /// The CA that may fall with this certificate, and the revocation.
    fn ca_to_revoke(&self) -> Option<(IssuerId, Revocation)> {
        match (self.known.record.as_ref()?.kind, self.judgement.decision) {
            (CertificateKind::Ca(ca), Decision::Revoke(revocation)) => Some((ca, revocation)),
            _ => None,
        }
    }
}

impl<'a, 'v> Taking<'a, 'v> {
    fn new(view: &'a View<'v>, issuer: IssuerId, now: Timestamp) -> Result<Self, Error> {
        let known = view.require_issuer(issuer)?;
        let graph = view.graph_above(issuer)?;
        let standing = graph.standing(issuer, now).unwrap_or(Standing::Unanchored);
        let legacy = legacy::Changing::new(view, issuer)?;
        Ok(Self { view, now, known, graph, standing, legacy, done: Imported::default() })
    }

    fn judge(&self, claim: &Claim<'_>, serial: Serial) -> Result<Judged, Error> {
        let issuer = self.known.issuer.id();
        let (version, known) = self.view.known(issuer, serial)?;
        let judgement = if is_own(&self.known, claim.serial_ref()) {
            claim.judge_own()
        } else {
            claim.judge(issuer, serial, &known, &self.standing, self.now)
        };
        Ok(Judged { version, known, judgement })
    }

    fn take(
        &mut self,
        claim: &Claim<'_>,
        serial: Serial,
        judged: Judged,
        change: &mut Change,
    ) -> Result<(), Error> {
        let Judged { version, known, judgement } = judged;
        let Judgement { record, decision, differences } = judgement;
        let issuer = self.known.issuer.id();
        let is_changed = record.is_some();
        if let Some(record) = record.or(known.record).filter(|_| is_changed || decision.records()) {
            change.assert_standing(self.view, &self.graph)?;
            change.put_certificate(issuer, serial, version, &record);
            if version == Version::ABSENT {
                take_slot_if_left(self.view, change, issuer, record.partition)?;
                if self.standing.is_down() {
                    change.note_discovered(self.view, issuer, self.now)?;
                }
            }
            let subject = Subject::new(serial, &record);
            match decision {
                Decision::Nothing => {}
                Decision::Revoke(revocation) => {
                    change.push(issuer, Event::Revoked { subject, revocation });
                }
                Decision::Amend { revocation, replaced } => {
                    change.push(issuer, Event::Amended { subject, revocation, replaced });
                }
            }
        }
        match decision {
            Decision::Revoke(_) => self.done.revoked += 1,
            Decision::Amend { .. } => self.done.amended += 1,
            Decision::Nothing if !is_changed => self.done.unchanged += 1,
            Decision::Nothing => {}
        }
        self.tell(claim, differences);
        Ok(())
    }

    fn take_legacy(&mut self, claim: &Claim<'_>, change: &mut Change) -> Result<(), Error> {
        let serial = claim.serial_ref();
        if is_own(&self.known, serial) {
            self.done.unchanged += 1;
            self.tell(claim, claim.judge_own().differences);
            return Ok(());
        }
        let (version, before) = self.view.legacy_entry(self.known.issuer.id(), serial)?;
        let (decision, differences) = claim.judge_legacy(before.as_ref(), self.now);
        match decision {
            Decision::Nothing => self.done.unchanged += 1,
            Decision::Revoke(revocation) | Decision::Amend { revocation, .. } => {
                let partition = before.as_ref().map(|before| before.partition);
                let partition = partition.or(claim.partition).unwrap_or_default();
                let entry = LegacyEntry::new(serial, partition, revocation);
                self.legacy.put(change, (version, before.as_ref()), &entry);
                self.done.legacy += 1;
            }
        }
        self.tell(claim, differences);
        Ok(())
    }

    /// Counts or tells what is worth telling: not what was just taken care of.
    fn tell(&mut self, claim: &Claim<'_>, differences: Vec<Difference>) {
        for difference in differences {
            match difference {
                Difference::Unregistered { .. } => self.done.registered += 1,
                Difference::Missing { .. } | Difference::RecordSaysLess { .. } => {}
                told => self.done.find(claim.serial_ref(), told),
            }
        }
    }

    fn finish(self, change: &mut Change) -> Imported {
        self.legacy.finish(change);
        self.done
    }
}

/// Whether this is the serial number of a self-signed certificate of the issuer.
fn is_own(known: &KnownIssuer, serial: SerialRef<'_>) -> bool {
    known.links().any(|(own, parent)| parent == Parent::SelfSigned && own.serial() == serial)
}
