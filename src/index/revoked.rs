//! What the entries of a log about one certificate come to.

use crate::{
    crl::CrlEntry,
    lifecycle::{CertificateKind, Revocation},
    log::{Event, Position, Subject, listed},
};

/// What the entries of a log about one certificate come to, as far as a CRL needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RevokedSubject {
    /// The certificate. Its notAfter is the latest that any entry knows.
    pub(crate) subject: Subject,
    /// Where it was revoked.
    pub(crate) first: Position,
    /// Where anything was last said of it.
    pub(crate) last: Position,
    /// The revocation as it stands.
    pub(crate) revocation: Revocation,
}

impl RevokedSubject {
    /// What one entry says, if it is about a certificate.
    pub(crate) fn of(event: &Event, position: Position) -> Option<Self> {
        let (subject, revocation) = (*event.subject()?, *event.revocation()?);
        Some(Self { subject, first: position, last: position, revocation })
    }

    /// How a CRL lists it.
    #[inline]
    pub(crate) const fn entry(&self) -> CrlEntry {
        listed(self.subject.serial, &self.revocation)
    }

    /// As a later entry leaves it.
    #[must_use]
    pub(crate) fn amended(self, later: Self) -> Self {
        let (known, said) = (self.subject, later.subject);
        // Whoever was told that nobody knows goes on listing it.
        let not_after = known.not_after.zip(said.not_after).map(|(one, other)| one.max(other));
        // Nor does what it is turn out so late that it leaves a CRL on which it was.
        let kind = match known.kind {
            CertificateKind::Unknown => CertificateKind::Unknown,
            _ => said.kind,
        };
        Self { subject: Subject { kind, not_after, ..said }, first: self.first, ..later }
    }
}
