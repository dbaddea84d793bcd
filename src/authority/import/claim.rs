//! What the sources say together of one serial number, and what the record makes of it.

use super::{discrepancy::Difference, legacy::LegacyEntry};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{
        CertificateKind, CertificateRecord, Comparison, Known, Labels, Registration, Remainder,
        Revocation, Standing, Stated,
    },
    partition::Partition,
    serial::{Serial, SerialRef},
    time::Timestamp,
};
use std::borrow::Cow;

/// What one source says of one serial number.
#[derive(Clone, Debug)]
pub(super) struct Statement<'a> {
    pub(super) serial: Cow<'a, [u8]>,
    pub(super) said: Said,
    /// The notAfter, which only the database of a CA knows.
    pub(super) not_after: Option<Timestamp>,
    /// What had to be altered so that a CRL can have it.
    pub(super) altered: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    /// It was not revoked: only the database of a CA says so.
    Valid,
    Revoked(Stated),
    /// On hold, or said to be removed where that has no meaning.
    Held(Stated),
    /// No longer on hold: only a delta CRL says so.
    Removed,
}

/// What the sources say together of one serial number.
#[derive(Clone, Debug)]
pub(super) struct Claim<'a> {
    pub(super) serial: Cow<'a, [u8]>,
    /// How it was revoked, if it was.
    pub(super) published: Option<Stated>,
    /// Whether a CRL lists it.
    pub(super) is_listed: bool,
    not_after: Option<Timestamp>,
    is_valid: bool,
    /// The partition whose CRL it stands on.
    pub(super) partition: Option<Partition>,
    pub(super) differences: Vec<Difference>,
}

impl<'a> Claim<'a> {
    /// Joins statements about one serial number, the newest first. Each comes with the partition
    /// whose CRL it stands on, and whether it is a CRL.
    pub(super) fn of(statements: Vec<(Statement<'a>, bool, Option<Partition>)>) -> Option<Self> {
        let serial = statements.first()?.0.serial.clone();
        let mut claim = Self {
            serial,
            published: None,
            is_listed: false,
            not_after: None,
            is_valid: false,
            partition: None,
            differences: Vec::new(),
        };
        let (mut is_held, mut is_revoked, mut is_removed) = (false, false, false);
        for (statement, is_crl, partition) in statements {
            let Statement { said, not_after, altered, .. } = statement;
            claim.not_after = claim.not_after.max(not_after);
            claim.differences.extend(altered.map(|problem| Difference::Altered { problem }));
            let published = match said {
                Said::Valid => {
                    claim.is_valid = true;
                    continue;
                }
                Said::Removed => {
                    is_removed = true;
                    continue;
                }
                // What ended the hold is newer.
                Said::Held(_) if is_removed => continue,
                Said::Held(published) => {
                    is_held = true;
                    published
                }
                Said::Revoked(published) => {
                    is_revoked = true;
                    published
                }
            };
            claim.partition = claim.partition.or(partition);
            claim.is_listed |= is_crl;
            claim.published = Some(match claim.published {
                Some(newer) => newer.and(published),
                None => published,
            });
        }
        if is_held && !is_revoked {
            claim.differences.push(Difference::Held);
        }
        if is_removed {
            claim.differences.push(Difference::Released);
        }
        Some(claim)
    }

    pub(super) fn serial_ref(&self) -> SerialRef<'_> {
        SerialRef(&self.serial)
    }

    /// The serial number, if it is one that a record can have.
    pub(super) fn serial(&self) -> Option<Serial> {
        self.serial_ref().to_serial().ok()
    }
}

/// What the record makes of a claim.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    /// The certificate's record as it is to be, where it is to change.
    pub(super) record: Option<CertificateRecord>,
    pub(super) decision: Decision,
    /// What is worth telling, in the words of a reconciliation.
    pub(super) differences: Vec<Difference>,
}

/// What is to be recorded of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Nothing,
    Revoke(Revocation),
    Amend { revocation: Revocation, replaced: Revocation },
}

impl Decision {
    /// Whether an event goes into the log.
    pub(super) const fn records(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Claim<'_> {
    /// What to do with the issuer's own certificate. The database of its CA may well have it.
    pub(super) fn judge_own(&self) -> Judgement {
        let differences = self.published.map(|_| Difference::OwnCertificate).into_iter().collect();
        Judgement { record: None, decision: Decision::Nothing, differences }
    }

    /// What to do where no record can have the serial number.
    pub(super) fn judge_legacy(
        &self,
        before: Option<&LegacyEntry>,
        now: Timestamp,
    ) -> (Decision, Vec<Difference>) {
        let mut differences = self.differences.clone();
        let current = before.map(|before| &before.revocation);
        let decision = self.decide(current, now, &mut differences);
        if self.is_valid && self.published.is_none() {
            differences.push(Difference::Unrecordable);
        }
        (decision, differences)
    }

    /// What to do where a record can have the serial number.
    pub(super) fn judge(
        &self,
        issuer: IssuerId,
        serial: Serial,
        known: &Known,
        standing: &Standing,
        now: Timestamp,
    ) -> Judgement {
        let mut differences = self.differences.clone();
        let record = self.complete(issuer, serial, known, standing, now, &mut differences);
        if let (Some(record), Some(published)) = (&known.record, self.partition)
            && record.partition != published
        {
            let recorded = record.partition;
            differences.push(Difference::OtherPartition { published, recorded });
        }
        let current = known.revocation.as_ref().map(|history| &history.current);
        let decision = self.decide(current, now, &mut differences);
        Judgement { record, decision, differences }
    }

    /// What is to be recorded of the certificate itself.
    fn complete(
        &self,
        issuer: IssuerId,
        serial: Serial,
        known: &Known,
        standing: &Standing,
        now: Timestamp,
        differences: &mut Vec<Difference>,
    ) -> Option<CertificateRecord> {
        let is_needed = known.record.is_none() && self.published.is_some();
        if self.not_after.is_none() && !is_needed {
            return None;
        }
        let registration = Registration {
            issuer,
            serial,
            kind: CertificateKind::Unknown,
            not_before: None,
            not_after: self.not_after,
            identity: None,
            labels: Labels::default(),
        };
        // The database of a CA says that it issued the certificate; a CRL only that there is one.
        let completed = match (self.not_after, standing) {
            (Some(_), Standing::Stands) => registration.register(known, standing, now),
            _ => registration.discover(known, now),
        };
        let Ok(completed) = completed else {
            let recorded = known.record.as_ref().and_then(|record| record.not_after);
            let other = |published| Difference::OtherNotAfter { published, recorded };
            differences.extend(self.not_after.map(other));
            return None;
        };
        let mut record = completed?;
        if known.record.is_none() {
            record.partition = self.partition.unwrap_or_default();
        }
        differences.extend(self.not_after.map(|not_after| Difference::Unregistered { not_after }));
        Some(record)
    }

    /// What to do with the revocation.
    fn decide(
        &self,
        current: Option<&Revocation>,
        now: Timestamp,
        differences: &mut Vec<Difference>,
    ) -> Decision {
        match (self.published, current) {
            (Some(published), None) => {
                differences.push(Difference::Missing { published });
                Decision::Revoke(published.recorded(now))
            }
            (Some(published), Some(&recorded)) => {
                let Comparison { better, remainder } = published.compare(&recorded, now);
                if better.is_some() {
                    differences.push(Difference::RecordSaysLess { published, recorded });
                }
                match remainder {
                    Remainder::Same => {}
                    Remainder::More => {
                        differences.push(Difference::RecordSaysMore { published, recorded });
                    }
                    Remainder::Contradiction => {
                        differences.push(Difference::Contradiction { published, recorded });
                    }
                }
                better.map_or(Decision::Nothing, |revocation| Decision::Amend {
                    revocation,
                    replaced: recorded,
                })
            }
            (None, Some(&recorded)) => {
                if self.is_valid {
                    differences.push(Difference::ValidInIndex { recorded });
                }
                Decision::Nothing
            }
            (None, None) => Decision::Nothing,
        }
    }
}
