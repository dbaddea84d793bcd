//! Adding issuers: each CA certificate finds its parent, and falls if it must.

use super::{
    Authority, Error,
    parents::{claim_own_serial, record_under_parent},
    record::{IssuerRecord, StoredCaCertificate},
};
use crate::{
    issuer::CaCertificate,
    issuer_id::IssuerId,
    lifecycle::{Fall, FallCause, Parent, Refusal, Standing},
    store::{Store, Version},
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
        self.decide(|view, change| {
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
            let link = self.find_parent(certificate, add.parent, issuers)?;
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
            let own = after.0.entry(id).or_default();
            own.certificates.push(view.ca_certificate_facts(certificate, link)?);
            match link {
                Parent::Issuer(parent) => {
                    record_under_parent(view, change, &before, parent, certificate, now)?;
                }
                Parent::SelfSigned => claim_own_serial(view, change, id, certificate)?,
                Parent::External => {}
            }
            if known.is_none() {
                // What was recorded of it under its parents when nobody knew that it is a CA.
                let unlinked = view.unlinked(id, |parent, serial| {
                    link == Parent::Issuer(parent) && certificate.serial() == serial.as_ref()
                })?;
                own.certificates.extend(unlinked.into_iter().map(|unlinked| unlinked.facts));
            }
            let joined = self.join_children(view, change, issuers, &mut after, certificate, now)?;

            let mut falls = Vec::new();
            for &issuer in joined.iter().chain([&id]) {
                // Its serial number was revoked before anyone said whose it is.
                if let Some(fall) = after.0.get(&issuer).and_then(|facts| facts.lost_all(now)) {
                    after.0.entry(issuer).or_default().fall = Some(fall);
                    falls.push((issuer, fall));
                }
            }
            let left =
                Fall { date: now, reason: None, recorded_at: now, cause: FallCause::LeftBy(id) };
            // That a parent is down cuts what hangs on it; that one has expired revokes nothing.
            let settled = if after.down().contains(&id) {
                after.settle_revocation(&before, left)
            } else {
                after.settle_addition(&before, left)
            };
            falls.extend(settled.into_iter().map(|id| (id, left)));
            // Who registers holds on to the standing of the issuer, and must see what changed.
            for issuer in joined.iter().copied().chain([id]) {
                change.renew_standing(issuer, view.fall(issuer)?);
            }
            for (fallen, fall) in &falls {
                change.put_fall(*fallen, view.fall(*fallen)?.0, fall);
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
        self.decide(|view, change| {
            let known = view.require_issuer(issuer)?;
            if !known.record.lists_invalidated {
                let record = IssuerRecord { lists_invalidated: true, ..known.record };
                change.put_issuer(issuer, known.version, &record);
            }
            Ok(())
        })
    }
}
