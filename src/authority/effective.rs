//! Whether a serial number counts as revoked with all that happened above it, asked of memory.
//!
//! Which CAs are down changes seldom, and does not hang on the time. So it is worked out once from
//! the record and remembered until something is written that may change it. A look-up costs the
//! same whether a CA that fell has ten certificates or ten million.

use super::{
    Authority, Error,
    view::{View, entry},
};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, Invalidation, Parent, Revocation},
    log::{Event, Position},
    serial::Serial,
    store::{Batch, Space, Store, StoreError, Table},
};
use arc_swap::ArcSwapOption;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
};

/// What is known in memory of a serial number, with all that happened above it. As
/// [`RevocationAnswer`](super::RevocationAnswer), it never says "good".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectiveAnswer {
    /// The revocation, if the certificate was revoked itself.
    pub revocation: Option<Revocation>,
    /// Else what brought its issuer down, or the CA that it is a certificate of: it is worth nothing
    /// then, though it was not revoked itself.
    pub invalidation: Option<Arc<Invalidation>>,
    /// The position of the issuer's log that the answer was made from.
    pub position: Position,
}

impl EffectiveAnswer {
    /// Whether a relying party must refuse it: it was revoked, or what vouches for it was.
    pub const fn is_revoked(&self) -> bool {
        self.revocation.is_some() || self.invalidation.is_some()
    }
}

impl<S: Store> Authority<S> {
    /// Whether a certificate was revoked, itself or with a CA above it, from memory.
    ///
    /// As [`Authority::revocation`], it follows what this authority records, and what other processes
    /// record after [`Authority::refresh`] of any issuer. The first call after something happened to a
    /// CA reads what is recorded of all CAs; the others cost little more than that look-up.
    ///
    /// ```
    /// # #[cfg(feature = "p256")] {
    /// # let root_pem = include_str!("example-root.pem");
    /// use annul::{
    ///     AddIssuer, Authority, CaCertificate, Certificate, MemoryStore, RevokeCa,
    /// };
    ///
    /// let authority = Authority::new(MemoryStore::new());
    /// let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
    /// let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
    ///
    /// let serial = "e8:cb:d2".parse()?;
    /// assert!(!authority.effective_revocation(issuer, serial)?.is_revoked());
    /// authority.revoke_ca(&RevokeCa::new(issuer))?;
    /// assert!(authority.effective_revocation(issuer, serial)?.is_revoked());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Authority::refresh`].
    #[inline]
    pub fn effective_revocation(
        &self,
        issuer: IssuerId,
        serial: Serial,
    ) -> Result<EffectiveAnswer, Error> {
        let own = self.revocation(issuer, serial)?;
        let invalidation = match own.revocation {
            Some(_) => None,
            None => self.falls.with(|falls| falls.of(issuer, serial), || self.read_falls())?,
        };
        Ok(EffectiveAnswer { revocation: own.revocation, invalidation, position: own.position })
    }

    #[cold]
    fn read_falls(&self) -> Result<Falls, StoreError> {
        self.view()?.falls()
    }
}

/// The CAs that are down.
#[derive(Debug, Default)]
struct Falls {
    issuers: HashMap<IssuerId, Arc<Invalidation>>,
    /// The certificates of those CAs, by who issued them.
    certificates: HashMap<(IssuerId, Serial), Arc<Invalidation>>,
}

impl Falls {
    /// What a serial number of an issuer loses its worth by.
    #[inline]
    fn of(&self, issuer: IssuerId, serial: Serial) -> Option<Arc<Invalidation>> {
        if self.issuers.is_empty() {
            return None;
        }
        self.issuers.get(&issuer).or_else(|| self.certificates.get(&(issuer, serial))).cloned()
    }
}

impl View<'_> {
    fn falls(&self) -> Result<Falls, StoreError> {
        let graph = self.graph()?;
        let mut falls = Falls::default();
        for ca in graph.down() {
            let Some(invalidation) = graph.invalidation(ca).map(Arc::new) else { continue };
            if let Some(known) = self.issuer(ca)? {
                let links = known.links().filter_map(|(certificate, parent)| match parent {
                    Parent::Issuer(parent) => {
                        Some((parent, certificate.serial().to_serial().ok()?))
                    }
                    _ => None,
                });
                let linked: Vec<_> = links.collect();
                let unlinked = self.unlinked(ca, |_, _| false)?;
                let unlinked = unlinked.into_iter().map(|it| (it.parent, it.serial));
                for certificate in linked.into_iter().chain(unlinked) {
                    falls.certificates.insert(certificate, Arc::clone(&invalidation));
                }
            }
            falls.issuers.insert(ca, invalidation);
        }
        Ok(falls)
    }
}

/// The CAs that are down, as they were last read, and whether they may be others by now.
#[derive(Debug, Default)]
pub(super) struct KnownFalls {
    /// How often something was written that may have changed them.
    changes: AtomicU64,
    known: ArcSwapOption<AsOf>,
}

/// What was read after so many changes.
#[derive(Debug)]
struct AsOf {
    changes: u64,
    falls: Falls,
}

impl KnownFalls {
    /// Asks those that are known, or are read by this if they may have changed.
    #[inline]
    fn with<T>(
        &self,
        ask: impl Fn(&Falls) -> T,
        read: impl FnOnce() -> Result<Falls, StoreError>,
    ) -> Result<T, StoreError> {
        // Before they are read: what is written meanwhile makes them old at once.
        let changes = self.changes.load(Acquire);
        if let Some(known) = &*self.known.load()
            && known.changes == changes
        {
            return Ok(ask(&known.falls));
        }
        let falls = read()?;
        let answer = ask(&falls);
        self.known.store(Some(Arc::new(AsOf { changes, falls })));
        Ok(answer)
    }

    /// Says that others may have written.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Release);
    }

    /// Takes note of a batch that was written, or may have been.
    pub(super) fn note(&self, batch: &Batch) {
        // Issuers: whatever changes who stands renews the record of the graph, which is there too.
        let tables = [Table::Issuers, Table::CaCertificates];
        let is_about_cas = batch.puts.iter().any(|put| tables.contains(&put.table));
        let entries = || batch.appends.iter().flat_map(|append| &append.entries);
        let may_be_about_a_ca = |value: &[u8]| match entry(Space::Log, &[], value) {
            Ok(entry) => match entry.event {
                Event::IssuerFell(_) => true,
                event => {
                    event.subject().is_some_and(|it| matches!(it.kind, CertificateKind::Ca(_)))
                }
            },
            Err(_) => true,
        };
        if is_about_cas || entries().any(|new| may_be_about_a_ca(&new.value)) {
            self.forget();
        }
    }
}
