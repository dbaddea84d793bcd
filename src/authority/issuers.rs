//! Adding issuers: each CA certificate finds its parent, and falls if it must.

use super::{
    Authority, Error,
    change::Change,
    record::{IssuerRecord, StoredCaCertificate},
    view::{KnownIssuer, View},
};
use crate::{
    certificate::Certificate,
    issuer::CaCertificate,
    issuer_id::IssuerId,
    lifecycle::{Fall, FallCause, Graph, Labels, Parent, Refusal, Registration, Standing},
    signing::{Verifier, VerifyError},
    store::{Store, Version},
    time::Timestamp,
};

/// What the caller knows of the parent of a CA certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeclaredParent {
    /// The certificate is self-signed, or its parent was added before. Else it is an error.
    #[default]
    Recorded,
    /// The parent is this issuer. Else it is an error.
    Issuer(IssuerId),
    /// If its parent was not added, it is elsewhere, and trusted from here on. Should it be added
    /// later, the certificate is joined to it.
    External,
}

/// A CA certificate to add.
#[derive(Clone, Debug)]
pub struct AddIssuer {
    certificate: CaCertificate,
    parent: DeclaredParent,
    lists_invalidated: bool,
}

impl AddIssuer {
    /// Adds the issuer of this certificate, or this certificate to its issuer.
    pub fn new(certificate: CaCertificate) -> Self {
        Self { certificate, parent: DeclaredParent::default(), lists_invalidated: true }
    }

    /// Says what is known of its parent.
    #[must_use]
    pub fn with_parent(mut self, parent: DeclaredParent) -> Self {
        self.parent = parent;
        self
    }

    /// Keeps off the CRL of a new issuer, should it not stand one day, what its fall invalidates.
    /// Relying parties who check only the leaf then do not see the fall.
    /// [`Authority::list_invalidated`] puts it there, for good.
    #[must_use]
    pub fn without_listing_invalidated(mut self) -> Self {
        self.lists_invalidated = false;
        self
    }
}

/// What came of adding a CA certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerAdded {
    /// The issuer that it is a certificate of.
    pub issuer: IssuerId,
    /// Whether anything was new.
    pub added: bool,
    /// How the issuer stands now. One whose certificate was revoked before has fallen.
    pub standing: Standing,
    /// Issuers with a parent declared external that turned out to be this one.
    pub joined: Vec<IssuerId>,
}

impl<S: Store> Authority<S> {
    /// Adds an issuer, or another certificate of one: renewed, or cross-certified.
    ///
    /// The certificate is also recorded under its parent. It takes time proportional to the number
    /// of issuers.
    ///
    /// # Errors
    /// Where its parent is not known ([`Error::NoParent`], [`Error::WrongParent`]) or its signature
    /// cannot be checked, where it does not go with the issuer's other certificates, and
    /// [`Refusal::NoWayBack`] where the issuer fell or was invalidated.
    pub fn add_issuer(&self, add: &AddIssuer) -> Result<IssuerAdded, Error> {
        let certificate = &add.certificate;
        let id = certificate.id();
        let incarnation = self.draw()?;
        let now = self.clock.now();
        self.decide(None, |view, change| {
            let issuers = view.issuers()?;
            let before = view.graph()?;
            let known = issuers.iter().find(|known| known.issuer.id() == id);
            if let Some(known) = known
                && known.issuer.certificates().any(|present| present == certificate)
            {
                let standing = before.standing(id, now).unwrap_or(Standing::Unanchored);
                return Ok(IssuerAdded { issuer: id, added: false, standing, joined: Vec::new() });
            }
            match before.standing(id, now) {
                Some(standing) if standing.is_down() => {
                    return Err(Refusal::NoWayBack { issuer: id, standing }.into());
                }
                _ => {}
            }
            let link = self.find_parent(certificate, add.parent, &issuers)?;
            let mut record = match known {
                Some(known) => {
                    known.issuer.clone().add(certificate.clone())?;
                    known.record.clone()
                }
                None => IssuerRecord {
                    certificates: Vec::new(),
                    lists_invalidated: add.lists_invalidated,
                    incarnation,
                    added_at: now,
                },
            };
            let der = certificate.der().to_vec();
            record.certificates.push(StoredCaCertificate { der, parent: link });
            change.put_issuer(id, known.map_or(Version::ABSENT, |known| known.version), &record);
            // Parents and children that are added at once must see each other.
            change.renew_graph(view.graph_version()?);
            change.assert_standing(view, &before)?;

            let mut after = before.clone();
            let facts = view.ca_certificate_facts(certificate, link)?;
            let revocation = facts.revocation;
            after.0.entry(id).or_default().certificates.push(facts);
            match link {
                Parent::Issuer(parent) => {
                    record_under_parent(view, change, &before, parent, certificate, now)?;
                }
                Parent::SelfSigned => claim_own_serial(view, change, id, certificate)?,
                Parent::External => {}
            }
            let joined =
                self.join_children(view, change, &issuers, &mut after, certificate, now)?;

            let mut falls = Vec::new();
            if let (None, Some(revocation)) = (known, revocation) {
                // Its serial number was revoked before anyone said that it is a CA's.
                let (date, reason) = (revocation.date, revocation.reason);
                let fall = Fall { date, reason, recorded_at: now, cause: FallCause::Revoked };
                after.0.entry(id).or_default().fall = Some(fall);
                falls.push((id, fall));
            }
            let comes_back =
                Fall { date: now, reason: None, recorded_at: now, cause: FallCause::LeftBy(id) };
            let settled = after.settle_addition(&before, comes_back);
            falls.extend(settled.into_iter().map(|id| (id, comes_back)));
            // Who registers holds on to the standing, and must see which serial number is taken now.
            let noted = known.is_none() || link == Parent::SelfSigned;
            if noted && falls.iter().all(|(fallen, _)| *fallen != id) {
                change.put_standing(id, view.fall(id)?.0, None);
            }
            for (fallen, fall) in &falls {
                change.put_standing(*fallen, view.fall(*fallen)?.0, Some(fall));
            }
            let standing = after.standing(id, now).unwrap_or(Standing::Unanchored);
            Ok(IssuerAdded { issuer: id, added: true, standing, joined })
        })
    }

    /// From now on, has the CRL of this issuer list, when the issuer does not stand because of a
    /// revocation, every certificate that retention has not retired, so that relying parties who
    /// check only the leaf see the fall. It is the default, and there is no way back from it.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`], or a failure of the store.
    pub fn list_invalidated(&self, issuer: IssuerId) -> Result<(), Error> {
        self.decide(None, |view, change| {
            let known = view.require_issuer(issuer)?;
            if !known.record.lists_invalidated {
                let record = IssuerRecord { lists_invalidated: true, ..known.record };
                change.put_issuer(issuer, known.version, &record);
            }
            Ok(())
        })
    }

    fn find_parent(
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
        let mut found = None;
        for known in issuers.iter().filter(|k| k.issuer.name() == certificate.issuer_name()) {
            if is_signed_by(certificate, known.issuer.public_key(), &*self.verifier)? {
                found = Some(known.issuer.id());
                break;
            }
        }
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
    /// but for those that would then have no anchor, or only expired ones.
    fn join_children(
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
                    facts.parent = link;
                }
                let standing = tried.standing(child, now);
                if standing.is_some_and(|s| s == Standing::Stands || s.is_down()) {
                    *after = tried;
                    stored.parent = link;
                    record_under_parent(view, change, after, parent.id(), certificate, now)?;
                    joined.push(child);
                }
            }
            if record != known.record {
                change.put_issuer(child, known.version, &record);
            }
        }
        Ok(joined)
    }
}

/// Records a CA certificate among those of its parent.
fn record_under_parent(
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
    let record = match graph.standing(parent, now) {
        Some(Standing::Stands) => registration.register(&known, &Standing::Stands, now)?,
        _ => registration.discover(&known, now)?,
    };
    if let Some(record) = record {
        change.put_certificate(parent, serial, version, &record);
    }
    Ok(())
}

/// Keeps the serial number of a self-signed certificate from being that of another certificate of
/// the issuer: one of the two could not be revoked.
fn claim_own_serial(
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
pub(super) fn is_signed_by(
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
