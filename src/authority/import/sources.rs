//! What is imported: checked to its end first, then read in the order of the serial numbers.

use super::{
    Import,
    claim::{Claim, Said, Statement},
    fence::Highest,
    scope::scope_of,
};
use crate::{
    authority::Error,
    crl::{CertificateList, CrlReadError, Oid, RevokedCertificate},
    issuer::Issuer,
    lifecycle::Stated,
    openssl_index::{OpenSslIndex, OpenSslRecord, OpenSslRevocation, OpenSslState},
    partition::Partition,
    reason::ReasonCode,
    scope::Scope,
    serial::SerialRef,
    signing::{Verifier, VerifyError},
    time::Timestamp,
};
use std::{
    borrow::Cow,
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap},
};

/// Why a CRL, or the database of a CA, is not imported. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotImport {
    /// It bears another name than the issuer, octet for octet.
    #[error("it is one of another issuer")]
    AnotherIssuer,
    /// It is not signed with the key of the issuer, or nobody could find out. The caller can
    /// [vouch](Import::vouched) for it.
    #[error("its signature is not verified")]
    Signature(#[source] VerifyError),
    /// It cannot be read to its end, or has a critical extension that nobody knows here.
    #[error("it cannot be used")]
    Unreadable(#[source] CrlReadError),
    /// It does not say which certificates it is about in a way that is known here. Say it with
    /// [`Import::with_crl_of`].
    #[error("it does not say which of the known scopes it is about: name one")]
    UnknownScope,
    /// It lists attribute certificates, whose serial numbers mean something else.
    #[error("it lists attribute certificates")]
    AttributeCertificates,
    /// A serial number that no store could keep.
    #[error("it has a serial number of {octets} octets")]
    SerialTooLong {
        /// How many octets it has.
        octets: usize,
    },
}

/// A longer key than this does not fit into every store.
const LONGEST_SERIAL: usize = 1024;

/// Sources that can be read to their end, those that say more recent things first.
pub(super) struct Sources<'a>(Vec<Source<'a>>);

struct Source<'a> {
    list: List<'a>,
    /// Where the list is not in the order of the serial numbers: what it says, in that order.
    sorted: Option<Vec<Statement<'a>>>,
}

#[derive(Clone, Copy)]
enum List<'a> {
    Index { index: OpenSslIndex<'a>, now: Timestamp },
    Crl { crl: &'a CertificateList<'a>, scope: Scope, latest: Timestamp },
}

impl<'a> Sources<'a> {
    /// Checks everything to its end.
    pub(super) fn check(
        import: &'a Import<'_>,
        issuer: &Issuer,
        verifier: &dyn Verifier,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut crls = Vec::with_capacity(import.crls.len());
        for (place, (crl, scope)) in import.crls.iter().enumerate() {
            let cannot =
                |problem| Error::CannotImport { issuer: issuer.id(), crl: Some(place), problem };
            let scope = check_frame(crl, *scope, issuer).map_err(cannot)?;
            if !import.is_vouched {
                crl.verify(issuer.public_key(), verifier)
                    .map_err(|error| cannot(CannotImport::Signature(error)))?;
            }
            check_entries(crl).map_err(cannot)?;
            // E28: what is listed was revoked when the CRL was made, at the latest.
            let latest = crl.this_update().min(now);
            crls.push(List::Crl { crl, scope, latest });
        }
        // The newest first. Of a complete CRL and a delta of one number, the complete one counts.
        crls.sort_by_key(|list| match list {
            List::Index { .. } => None,
            List::Crl { crl, .. } => {
                Some(Reverse((crl.this_update(), crl.number(), crl.base_number().is_none())))
            }
        });
        let index = import.index.map(|index| List::Index { index, now });
        if let Some(index) = import.index {
            let cannot = |problem| Error::CannotImport { issuer: issuer.id(), crl: None, problem };
            index.records().try_for_each(|it| check_serial(it.serial())).map_err(cannot)?;
        }
        Ok(Self(index.into_iter().chain(crls).map(Source::new).collect()))
    }

    /// What all sources say of each serial number, in their [order](SerialRef::order).
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim<'_>> {
        let mut heads: BinaryHeap<_> =
            self.0.iter().enumerate().filter_map(|(rank, source)| Head::of(rank, source)).collect();
        std::iter::from_fn(move || {
            let serial = heads.peek()?.next.serial.clone();
            let mut statements = Vec::new();
            while heads.peek().is_some_and(|head| head.next.serial == serial) {
                let head = heads.pop()?;
                statements.push(head.take(&mut heads));
            }
            Claim::of(statements)
        })
    }

    /// The CRLs, and which certificates each is about.
    pub(super) fn crls(&self) -> impl Iterator<Item = (Scope, &CertificateList<'_>)> {
        self.0.iter().filter_map(|source| match source.list {
            List::Crl { crl, scope, .. } => Some((scope, crl)),
            List::Index { .. } => None,
        })
    }

    /// What indirect CRLs list for other issuers.
    pub(super) fn of_other_issuers(&self) -> impl Iterator<Item = SerialRef<'_>> {
        let crls = self.0.iter().filter_map(|source| source.list.crl());
        crls.flat_map(|crl| {
            let entries = crl.entries().flatten().filter(|entry| !is_own(crl, entry));
            entries.map(|entry| entry.serial())
        })
    }

    /// The highest number and the latest thisUpdate of each scope.
    pub(super) fn highest(&self) -> Highest {
        let mut highest = Highest::new();
        for source in &self.0 {
            let List::Crl { crl, scope, .. } = source.list else { continue };
            let (number, this_update) = (crl.number(), crl.this_update());
            let (last, latest) = highest.entry(scope).or_insert((number, this_update));
            *last = number.max(*last);
            *latest = this_update.max(*latest);
        }
        highest
    }

    /// When the newest complete CRL of each scope was made.
    pub(super) fn covered(&self) -> BTreeMap<Scope, Timestamp> {
        let mut covered = BTreeMap::new();
        for source in &self.0 {
            let List::Crl { crl, scope, .. } = source.list else { continue };
            if crl.base_number().is_none() {
                let latest = covered.entry(scope).or_insert(crl.this_update());
                *latest = crl.this_update().max(*latest);
            }
        }
        covered
    }
}

/// What must hold of a CRL before its entries are read; answers what it is about.
fn check_frame(
    crl: &CertificateList<'_>,
    scope: Option<Scope>,
    issuer: &Issuer,
) -> Result<Scope, CannotImport> {
    if crl.issuer() != issuer.name() {
        return Err(CannotImport::AnotherIssuer);
    }
    if let Some(extension) = crl.unknown_critical_extensions().next() {
        let oid = extension.oid.to_string();
        return Err(CannotImport::Unreadable(CrlReadError::UnknownCriticalExtension { oid }));
    }
    let point = crl.issuing_distribution_point();
    if point.is_some_and(|point| point.only_contains_attribute_certs) {
        return Err(CannotImport::AttributeCertificates);
    }
    scope.or_else(|| scope_of(issuer.id(), crl)).ok_or(CannotImport::UnknownScope)
}

fn check_entries(crl: &CertificateList<'_>) -> Result<(), CannotImport> {
    for entry in crl.entries() {
        let entry = entry.map_err(|error| CannotImport::Unreadable(error.into()))?;
        if let Some(extension) = entry.unknown_critical_extensions().next() {
            let oid = extension.oid.to_string();
            return Err(CannotImport::Unreadable(CrlReadError::UnknownCriticalExtension { oid }));
        }
        entry.is_issued_by(crl.issuer()).map_err(|error| CannotImport::Unreadable(error.into()))?;
        check_serial(entry.serial())?;
    }
    Ok(())
}

fn check_serial(serial: SerialRef<'_>) -> Result<(), CannotImport> {
    match serial.as_octets().len() {
        octets if octets > LONGEST_SERIAL => Err(CannotImport::SerialTooLong { octets }),
        _ => Ok(()),
    }
}

impl<'a> Source<'a> {
    fn new(list: List<'a>) -> Self {
        let mut last = None;
        let is_in_order = list.statements().all(|statement| {
            let before = last.replace(statement.serial.clone());
            before.is_none_or(|before| order(&before) <= order(&statement.serial))
        });
        let sorted = (!is_in_order).then(|| {
            let mut statements: Vec<_> = list.statements().collect();
            statements.sort_by(|one, other| order(&one.serial).cmp(&order(&other.serial)));
            statements
        });
        Self { list, sorted }
    }

    fn statements(&self) -> Box<dyn Iterator<Item = Statement<'a>> + '_> {
        match &self.sorted {
            Some(sorted) => Box::new(sorted.iter().cloned()),
            None => self.list.statements(),
        }
    }

    const fn is_crl(&self) -> bool {
        matches!(self.list, List::Crl { .. })
    }

    const fn partition(&self) -> Option<Partition> {
        match self.list {
            List::Crl { scope: Scope::Partition(partition), .. } => Some(partition),
            _ => None,
        }
    }
}

impl<'a> List<'a> {
    const fn crl(&self) -> Option<&'a CertificateList<'a>> {
        match self {
            Self::Index { .. } => None,
            Self::Crl { crl, .. } => Some(crl),
        }
    }

    /// What it says, in its own order. All of it was read before.
    fn statements(self) -> Box<dyn Iterator<Item = Statement<'a>> + 'a> {
        match self {
            Self::Index { index, now } => {
                Box::new(index.records().map(move |record| of_record(&record, now)))
            }
            Self::Crl { crl, latest, .. } => {
                let is_delta = crl.base_number().is_some();
                let own = crl.entries().flatten().filter(move |entry| is_own(crl, entry));
                Box::new(own.map(move |entry| of_entry(&entry, is_delta, latest)))
            }
        }
    }
}

fn is_own(crl: &CertificateList<'_>, entry: &RevokedCertificate<'_>) -> bool {
    entry.is_issued_by(crl.issuer()).unwrap_or(false)
}

fn of_record<'a>(record: &OpenSslRecord<'_>, now: Timestamp) -> Statement<'a> {
    let (said, altered) = match record.state {
        OpenSslState::Valid | OpenSslState::Expired => (Said::Valid, None),
        OpenSslState::Revoked(OpenSslRevocation { date, reason, invalidity_date }) => {
            revoked(date, reason, invalidity_date, now)
        }
    };
    let serial = Cow::Owned(record.serial().as_octets().to_vec());
    Statement { serial, said, not_after: Some(record.not_after), altered }
}

fn of_entry<'a>(
    entry: &RevokedCertificate<'a>,
    is_delta: bool,
    latest: Timestamp,
) -> Statement<'a> {
    let reason = entry.reason();
    let (said, altered) = if is_delta && reason == Some(ReasonCode::RemoveFromCrl) {
        (Said::Removed, None)
    } else {
        revoked(entry.revocation_date(), reason, entry.invalidity_date(), latest)
    };
    let is_unread = entry.invalidity_date().is_none()
        && entry.extensions().any(|extension| extension.oid == Oid::INVALIDITY_DATE);
    let unread = is_unread.then_some("its invalidityDate cannot be read, and is left out");
    let serial = Cow::Borrowed(entry.serial().as_octets());
    Statement { serial, said, not_after: None, altered: altered.or(unread) }
}

/// A revocation as it can be recorded, and what had to be altered for that.
fn revoked(
    date: Timestamp,
    code: Option<ReasonCode>,
    invalidity_date: Option<Timestamp>,
    latest: Timestamp,
) -> (Said, Option<&'static str>) {
    let reason = match code {
        Some(ReasonCode::Reason(reason)) => Some(reason),
        _ => None,
    };
    let stated = Stated { date, reason, invalidity_date };
    let published = stated.within(latest);
    let mut altered = (published != stated)
        .then_some("a date before 1970, or after its list or now, is moved to there");
    if matches!(code, Some(ReasonCode::Unassigned(_))) {
        altered = altered.or(Some("a reason that has no meaning is left out"));
    }
    let said = match code {
        Some(ReasonCode::CertificateHold | ReasonCode::RemoveFromCrl) => Said::Held(published),
        _ => Said::Revoked(published),
    };
    (said, altered)
}

fn order(serial: &[u8]) -> (usize, &[u8]) {
    SerialRef(serial).order()
}

/// How far a source is read.
struct Head<'s, 'a> {
    next: Statement<'a>,
    rest: Box<dyn Iterator<Item = Statement<'a>> + 's>,
    source: &'s Source<'a>,
    rank: usize,
}

impl<'s, 'a> Head<'s, 'a> {
    fn of(rank: usize, source: &'s Source<'a>) -> Option<Self> {
        Self::at(rank, source, source.statements())
    }

    fn at(
        rank: usize,
        source: &'s Source<'a>,
        mut rest: Box<dyn Iterator<Item = Statement<'a>> + 's>,
    ) -> Option<Self> {
        Some(Self { next: rest.next()?, rest, source, rank })
    }

    /// What it says next, with whether a CRL says so, and which partition's; the head goes back to
    /// the others if there is more.
    fn take(self, heads: &mut BinaryHeap<Self>) -> (Statement<'a>, bool, Option<Partition>) {
        let Self { next, rest, source, rank } = self;
        heads.extend(Self::at(rank, source, rest));
        (next, source.is_crl(), source.partition())
    }

    fn key(&self) -> ((usize, &[u8]), usize) {
        (order(&self.next.serial), self.rank)
    }
}

/// The greatest is read next: that with the least serial number, of the source that comes first.
impl Ord for Head<'_, '_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl PartialOrd for Head<'_, '_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head<'_, '_> {}
