//! Where CA certificates come from: finding their parents, and joining what was declared external.

use super::{
    Authority, DeclaredParent, Error,
    change::Change,
    partitions::{bind, take_slot_if_left},
    view::{KnownIssuer, View},
};
use crate::{
    certificate::Certificate,
    issuer::CaCertificate,
    issuer_id::IssuerId,
    lifecycle::{Graph, Labels, Parent, Refusal, Registration, Standing},
    serial::Serial,
    signing::{Verifier, VerifyError},
    store::{Store, StoreError, Version},
    time::Timestamp,
};

impl<S: Store> Authority<S> {
    /// The parent of a CA certificate, in line with what its caller declared.
    pub(super) fn find_parent(
        &self,
        certificate: &CaCertificate,
        declared: DeclaredParent,
        issuers: &[KnownIssuer],
    ) -> Result<Parent, Error> {
        if certificate.is_self_issued()
            && is_signed_by(certificate, certificate.public_key(), &*self.verifier)?
        {
            return match declared {
                DeclaredParent::Issuer(expected) => Err(Error::WrongParent { expected }),
                _ => Ok(Parent::SelfSigned),
            };
        }
        let found = self.signer_among(certificate, issuers)?;
        match (found, declared) {
            (found, DeclaredParent::Issuer(expected)) if found != Some(expected) => {
                Err(Error::WrongParent { expected })
            }
            (Some(parent), _) => {
                // Its parent must be able to revoke it.
                certificate.serial().to_serial()?;
                Ok(Parent::Issuer(parent))
            }
            (None, DeclaredParent::External) => Ok(Parent::External),
            (None, _) => Err(Error::NoParent),
        }
    }

    /// Joins to their parent the certificates whose parent was declared external and is this one,
    /// but for those that would then have no anchor, or that the parent itself hangs on.
    pub(super) fn join_children(
        &self,
        view: &View<'_>,
        change: &mut Change,
        issuers: &[KnownIssuer],
        after: &mut Graph,
        parent: &CaCertificate,
        now: Timestamp,
    ) -> Result<Vec<IssuerId>, Error> {
        let mut joined = Vec::new();
        for known in issuers.iter().filter(|known| known.issuer.id() != parent.id()) {
            let child = known.issuer.id();
            let mut record = known.record.clone();
            let links = known.issuer.certificates().zip(&mut record.certificates).enumerate();
            for (place, (certificate, stored)) in links {
                if stored.parent != Parent::External
                    || certificate.issuer_name() != parent.subject()
                    || !is_signed_by(certificate, parent.public_key(), &*self.verifier)?
                    || certificate.serial().to_serial().is_err()
                {
                    continue;
                }
                let link = Parent::Issuer(parent.id());
                let mut tried = after.clone();
                let facts = tried.0.get_mut(&child);
                if let Some(facts) = facts.and_then(|facts| facts.certificates.get_mut(place)) {
                    *facts = view.ca_certificate_facts(certificate, link)?;
                }
                record_under_parent(view, change, after, parent.id(), certificate, now)?;
                // Two that certify each other would lose the anchor that was declared.
                let is_up = |graph: &Graph, issuer| {
                    let standing = graph.standing(issuer, now);
                    standing.is_some_and(|it| !it.is_down() && it != Standing::Unanchored)
                };
                let holds_up = is_up(after, child) && is_up(after, parent.id());
                let is_lost = tried.standing(child, now) == Some(Standing::Unanchored);
                if is_up(&tried, child) || (!holds_up && !is_lost) {
                    *after = tried;
                    stored.parent = link;
                    joined.push(child);
                }
            }
            if record != known.record {
                change.put_issuer(child, known.version, &record);
            }
        }
        Ok(joined)
    }

    /// The issuer among these whose key signed the certificate; its name must be the certificate's
    /// issuer, octet for octet.
    pub(super) fn signer_among<'a>(
        &self,
        certificate: &Certificate,
        issuers: impl IntoIterator<Item = &'a KnownIssuer>,
    ) -> Result<Option<IssuerId>, Error> {
        let mut unverified = None;
        for KnownIssuer { issuer, .. } in issuers {
            if issuer.name() == certificate.issuer_name() {
                match is_signed_by(certificate, issuer.public_key(), &*self.verifier) {
                    Ok(true) => return Ok(Some(issuer.id())),
                    Ok(false) => {}
                    // It may be the key of another with the same name.
                    Err(error) => unverified = Some(error),
                }
            }
        }
        unverified.map_or(Ok(None), Err)
    }
}

/// Records a CA certificate among those of its parent.
pub(super) fn record_under_parent(
    view: &View<'_>,
    change: &mut Change,
    graph: &Graph,
    parent: IssuerId,
    certificate: &CaCertificate,
    now: Timestamp,
) -> Result<(), Error> {
    let serial = certificate.serial().to_serial()?;
    let owned = view.issuer(parent)?.is_some_and(|known| known.owns(serial));
    if owned || change.has_certificate(parent, serial) {
        let how = "another CA certificate of this parent, or the parent's own, has it";
        return Err(Refusal::SerialTaken { serial, how }.into());
    }
    let registration = Registration::of_certificate(parent, serial, certificate, Labels::default());
    let (version, known) = view.known(parent, serial)?;
    let standing = graph.standing(parent, now);
    let mut record = match &standing {
        Some(Standing::Stands) => registration.register(&known, &Standing::Stands, now)?,
        _ => registration.discover(&known, now)?,
    };
    if let (None, Some(record)) = (&known.record, &mut record) {
        bind(view, parent, certificate.crl_distribution_points(), record)?;
        take_slot_if_left(view, change, parent, record.partition)?;
        if standing.is_some_and(|standing| standing.is_down()) {
            change.note_discovered(view, parent, now)?;
        }
    }
    if let Some(record) = record {
        change.put_certificate(parent, serial, version, &record);
    }
    Ok(change.note_ca_certificate(view, certificate.id(), parent, serial, true)?)
}

/// Notes a certificate of a CA that nobody adds to it now. It is one of the CA's chains only if the
/// CA is not recorded yet: else it could bring the CA back.
pub(super) fn note_ca_certificate(
    view: &View<'_>,
    change: &mut Change,
    ca: IssuerId,
    parent: IssuerId,
    serial: Serial,
) -> Result<(), StoreError> {
    let known = view.issuer(ca)?;
    change.assert_issuer(ca, known.as_ref().map_or(Version::ABSENT, |known| known.version));
    change.note_ca_certificate(view, ca, parent, serial, known.is_none())
}

/// Keeps the serial number of a self-signed certificate from being that of another certificate of
/// the issuer: one of the two could not be revoked.
pub(super) fn claim_own_serial(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    certificate: &CaCertificate,
) -> Result<(), Error> {
    // A number that no record can have collides with none.
    let Ok(serial) = certificate.serial().to_serial() else { return Ok(()) };
    if view.certificate(issuer, serial)?.1.is_some() {
        let how = "another certificate of the issuer has it";
        return Err(Refusal::SerialTaken { serial, how }.into());
    }
    change.assert_certificate(issuer, serial, Version::ABSENT);
    Ok(())
}

/// Whether this is a certificate of the issuer itself: of its name and its key.
pub(super) fn is_its_own(issuer: IssuerId, certificate: &Certificate) -> bool {
    IssuerId::of(certificate.subject(), certificate.public_key()) == issuer
}

/// Whether this key made the certificate's signature. An algorithm that the verifier does not know
/// is an error: it proves nothing either way.
fn is_signed_by(
    certificate: &Certificate,
    public_key: &[u8],
    verifier: &dyn Verifier,
) -> Result<bool, Error> {
    match certificate.verify(public_key, verifier) {
        Ok(()) => Ok(true),
        // A key of another kind cannot have made it.
        Err(VerifyError::BadSignature | VerifyError::OtherKey { .. }) => Ok(false),
        Err(error) => Err(Error::Unverified(error)),
    }
}
