//! What was published and what is recorded, compared, and nothing written.

use super::{
    Import,
    claim::Claim,
    discrepancy::{Difference, Discrepancy, NotListed},
    fence::{self, Fence},
    is_own,
    legacy::LegacyEntry,
    sources::Sources,
};
use crate::{
    authority::{
        Authority, Error,
        ahead::Rows,
        view::{KnownIssuer, View, check_tally, fold_rows},
    },
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, CertificateRecord, Known, Revocation, Standing},
    log::Tally,
    scope::Scope,
    serial::{Serial, SerialRef},
    store::Store,
    time::Timestamp,
};
use std::{collections::BTreeMap, mem, ops::ControlFlow};

/// How a record compares with what was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// How many serial numbers say the same on both sides.
    pub agreed: u64,
    /// How many revocations an import would record: [`Difference::Missing`].
    pub missing: u64,
    /// How many it would amend: [`Difference::RecordSaysLess`].
    pub less: u64,
    /// How many certificates it would register: [`Difference::Unregistered`].
    pub unregistered: u64,
    /// How many revocations the next CRL will be the first to show as they stand, because they were
    /// recorded or amended since: [`NotListed::Due`], [`Difference::RecordSaysMore`].
    pub due: u64,
    /// How many the newest CRL does not list, because they had expired: [`NotListed::Retired`].
    pub retired: u64,
    /// How many the newest CRL does not list, and nothing explains it: [`NotListed::Omitted`].
    pub omitted: u64,
    /// How many revocations no CRL was given for, since those that were are about other certificates.
    pub not_covered: u64,
    /// How many other findings there were.
    pub others: u64,
    /// The scopes of the CRLs, and how far their numbers are here and there.
    pub fences: Vec<Fence>,
}

impl Reconciled {
    /// Whether the record lacks what was published: an older copy of it was restored, or somebody
    /// else made these CRLs. An [import](Authority::import) closes the gap, and must come before the
    /// next CRL is made.
    pub fn is_behind(&self) -> bool {
        self.missing > 0 || self.less > 0 || self.fences.iter().any(|fence| fence.raised)
    }
}

impl<S: Store> Authority<S> {
    /// Compares what was published of the certificates of an issuer with what is recorded, in both
    /// directions, and writes nothing. `visit` is shown every difference, in the order of the serial
    /// numbers; shorter ones come first.
    ///
    /// [`Difference`] says of each what an [import](Authority::import) would do. A revocation is
    /// looked for on the CRLs only where one of them is complete and about such certificates.
    ///
    /// It reads all certificates of the issuer. Memory does not grow with sources that are in the
    /// order of the serial numbers.
    ///
    /// # Errors
    /// As [`Authority::import`]. Where the record is damaged, in the end: what `visit` was shown
    /// before stands.
    pub fn reconcile(
        &self,
        issuer: IssuerId,
        import: &Import<'_>,
        visit: &mut dyn FnMut(Discrepancy),
    ) -> Result<Reconciled, Error> {
        let sources = self.check_import(issuer, import)?;
        let view = self.view()?;
        let now = self.clock.now();
        let known = view.require_issuer(issuer)?;
        let standing = view.graph_above(issuer)?.standing(issuer, now);
        let legacy = view.legacy_entries(issuer)?.into_iter();
        let legacy = legacy.map(|entry| (place(entry.serial()), entry)).collect();
        let covered = sources.covered();
        let standing = standing.unwrap_or(Standing::Unanchored);
        let report = Reconciled::default();
        let mut comparing = Comparing { known, standing, now, covered, legacy, visit, report };
        for serial in sources.of_other_issuers() {
            comparing.tell(serial, Difference::OtherIssuer);
        }
        comparing.compare(&view, &sources)?;
        comparing.report.fences = fence::compare(&view, issuer, &sources.highest())?;
        Ok(comparing.report)
    }
}

/// A comparison under way.
struct Comparing<'a> {
    known: KnownIssuer,
    standing: Standing,
    now: Timestamp,
    /// When the newest complete CRL of each scope was made.
    covered: BTreeMap<Scope, Timestamp>,
    /// Legacy entries of which no source has spoken yet.
    legacy: BTreeMap<(usize, Vec<u8>), LegacyEntry>,
    visit: &'a mut dyn FnMut(Discrepancy),
    report: Reconciled,
}

impl Comparing<'_> {
    /// Goes through both sides together: both are in the order of the serial numbers.
    fn compare(&mut self, view: &View<'_>, sources: &Sources<'_>) -> Result<(), Error> {
        let issuer = self.known.issuer.id();
        let head = view.head(issuer)?;
        let mut tally = Tally::default();
        let mut claims = sources.claims().peekable();
        view.certificates_with_entries(issuer, None, None, |serial, record, rows| {
            rows.iter().for_each(|(_, value)| tally.add(value));
            let place = serial.as_ref().order();
            while let Some(claim) = claims.next_if(|it| it.serial_ref().order() < place) {
                self.of_source(&claim);
            }
            let claim = claims.next_if(|claim| claim.serial_ref().order() == place);
            self.of_record(serial, record, &rows, claim)?;
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        claims.for_each(|claim| self.of_source(&claim));
        for entry in mem::take(&mut self.legacy).into_values() {
            self.legacy_not_listed(&entry);
        }
        Ok(check_tally(issuer, head.position, &head.tally, &tally)?)
    }

    /// What the sources say of a serial number that no certificate in the record has.
    fn of_source(&mut self, claim: &Claim<'_>) {
        let serial = claim.serial_ref();
        if is_own(&self.known, serial) {
            return self.tell_all(serial, claim.judge_own().differences);
        }
        if let Some(serial) = claim.serial() {
            return self.judge(claim, serial, &Known::default());
        }
        let before = self.legacy.remove(&place(serial));
        self.tell_all(serial, claim.judge_legacy(before.as_ref(), self.now).1);
        if let Some(before) = before.filter(|_| !claim.is_listed) {
            self.legacy_not_listed(&before);
        }
    }

    /// A certificate in the record, and what the sources say of it, if they do.
    fn of_record(
        &mut self,
        serial: Serial,
        record: CertificateRecord,
        rows: &Rows,
        claim: Option<Claim<'_>>,
    ) -> Result<(), Error> {
        let known = Known { record: Some(record.clone()), revocation: fold_rows(rows)? };
        if let Some(claim) = &claim {
            self.judge(claim, serial, &known);
        }
        if let Some(history) = &known.revocation
            && !claim.is_some_and(|claim| claim.is_listed)
        {
            let since = history.original().recorded_at;
            let covers = |scope: &Scope| covers(*scope, &record);
            self.not_listed(serial.as_ref(), &history.current, since, record.not_after, covers);
        }
        Ok(())
    }

    fn judge(&mut self, claim: &Claim<'_>, serial: Serial, known: &Known) {
        let issuer = self.known.issuer.id();
        let judgement = claim.judge(issuer, serial, known, &self.standing, self.now);
        self.tell_all(serial.as_ref(), judgement.differences);
    }

    fn legacy_not_listed(&mut self, entry: &LegacyEntry) {
        let LegacyEntry { partition, revocation, .. } = entry;
        let covers = |scope: &Scope| match scope {
            Scope::Partition(other) => other == partition,
            _ => true,
        };
        self.not_listed(entry.serial(), revocation, revocation.recorded_at, None, covers);
    }

    /// A revocation that none of the CRLs lists, recorded at `since`.
    fn not_listed(
        &mut self,
        serial: SerialRef<'_>,
        recorded: &Revocation,
        since: Timestamp,
        not_after: Option<Timestamp>,
        covers: impl Fn(&Scope) -> bool,
    ) {
        let covering = self.covered.iter().filter(|(scope, _)| covers(scope));
        let Some(&newest) = covering.map(|(_, this_update)| this_update).max() else {
            self.report.not_covered += 1;
            return;
        };
        let why = if not_after.is_some_and(|not_after| not_after < newest) {
            NotListed::Retired
        } else if since < newest {
            NotListed::Omitted
        } else {
            NotListed::Due
        };
        self.tell(serial, Difference::NotListed { recorded: *recorded, why });
    }

    fn tell_all(&mut self, serial: SerialRef<'_>, differences: Vec<Difference>) {
        if differences.is_empty() {
            self.report.agreed += 1;
        }
        differences.into_iter().for_each(|difference| self.tell(serial, difference));
    }

    fn tell(&mut self, serial: SerialRef<'_>, difference: Difference) {
        let report = &mut self.report;
        *match difference {
            Difference::Missing { .. } => &mut report.missing,
            Difference::RecordSaysLess { .. } => &mut report.less,
            Difference::Unregistered { .. } => &mut report.unregistered,
            Difference::RecordSaysMore { .. }
            | Difference::NotListed { why: NotListed::Due, .. } => &mut report.due,
            Difference::NotListed { why: NotListed::Retired, .. } => &mut report.retired,
            Difference::NotListed { why: NotListed::Omitted, .. } => &mut report.omitted,
            _ => &mut report.others,
        } += 1;
        (self.visit)(Discrepancy::new(serial, difference));
    }
}

fn place(serial: SerialRef<'_>) -> (usize, Vec<u8>) {
    let (length, octets) = serial.order();
    (length, octets.to_vec())
}

/// Whether a CRL of this scope is about a certificate.
fn covers(scope: Scope, record: &CertificateRecord) -> bool {
    match scope {
        Scope::Full => true,
        Scope::CaCertificates => record.kind != CertificateKind::EndEntity,
        Scope::UserCertificates => !matches!(record.kind, CertificateKind::Ca(_)),
        Scope::Partition(partition) => record.partition == partition,
    }
}
