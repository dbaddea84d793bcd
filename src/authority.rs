//! The front door: what joins the lifecycle, the log, a store and the CRLs.

mod ahead;
mod change;
mod checkpoint;
mod commit;
mod compact;
mod crl;
mod distribution;
mod effective;
mod ends;
mod error;
mod fall;
mod follow;
mod import;
mod intake;
mod issuers;
mod leaving;
mod list;
mod parents;
mod partitions;
mod publication;
mod record;
mod release;
mod revocation;
mod revoke;
mod status;
mod view;
mod waiver;

pub use self::{
    checkpoint::Checkpointed,
    compact::{Compact, Compacted, NoProof},
    crl::{CrlRequest, IssuedCrl},
    distribution::{Distribution, DistributionError},
    effective::EffectiveAnswer,
    error::{CannotSign, Error, NeedsBase},
    fall::{CaRevoked, RevokeCa, WouldInvalidate},
    follow::{Changes, Freshness, LoggedEntry},
    import::{
        CannotImport, Difference, Discrepancy, Fence, Import, Imported, LegacyEntry, NotListed,
        Reconciled,
    },
    intake::{Evidence, Registered, Registration, ReserveSerial, Reserved},
    issuers::{AddIssuer, DeclaredParent, IssuerAdded},
    list::{CertificateSummary, IssuerSummary},
    publication::{Pending, Publication, Published, ScopePublication, ScopeStatus},
    release::{Placed, Release, Retention},
    revocation::RevocationAnswer,
    revoke::{Amend, Amended, Revoke, Revoked, Target},
    status::{CertificateStatus, Status},
    waiver::{Waive, Waiver},
};
pub(crate) use self::{
    crl::{Kinds, Origin},
    release::Intent,
};

use self::{commit::Queue, effective::KnownFalls, partitions::Leases, view::View};
use crate::{
    index::Indexes,
    issuer_id::IssuerId,
    lifecycle::Policy,
    signing::{LocalVerifier, Verifier},
    store::{Store, StoreError},
    time::{Clock, SystemClock, Timestamp},
};
use std::{collections::BTreeMap, sync::Mutex};

/// How many certificates are recorded or revoked by one durable write.
const AT_ONCE: usize = 1000;

/// How often a command is decided anew because others changed what it was decided on.
const ATTEMPTS: u32 = 100;

/// A certificate revocation authority over a store.
///
/// Share it behind an `Arc`: every method takes `&self`, blocks, and may be called from any thread.
/// Several authorities, in several processes, can work on one store.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// # let root_pem = include_str!("authority/example-root.pem");
/// use annul::{
///     AddIssuer, Authority, CaCertificate, Certificate, CertificateStatus, MemoryStore, Reason,
///     Registration, Revoke, Target, Timestamp,
/// };
///
/// let authority = Authority::new(MemoryStore::new());
/// let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
/// let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
///
/// let serial = "e8:cb:d2".parse()?;
/// authority.register(&Registration::of_serial(issuer, serial, Timestamp::MAX))?;
/// let target = Target::Serial { issuer, serial };
/// authority.revoke(&Revoke::new(target).with_reason(Reason::KeyCompromise))?;
/// let status = authority.status(issuer, serial)?;
/// assert!(matches!(status.effective, CertificateStatus::Revoked(_)));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Authority<S> {
    store: S,
    clock: Box<dyn Clock>,
    policy: Policy,
    verifier: Box<dyn Verifier>,
    random: Box<Random>,
    indexes: Indexes,
    falls: KnownFalls,
    queue: Queue,
    leases: Leases,
    /// The generations of checkpoints that lack something.
    lost_checkpoints: Mutex<BTreeMap<IssuerId, [u8; 16]>>,
}

/// Fills octets with random ones.
type Random =
    dyn Fn(&mut [u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync;

impl<S: Store> Authority<S> {
    /// An authority over this store, with the default [`Policy`], the clock and the random numbers
    /// of the operating system, and [`LocalVerifier`].
    pub fn new(store: S) -> Self {
        Self {
            store,
            clock: Box::new(SystemClock),
            policy: Policy::default(),
            verifier: Box::new(LocalVerifier),
            random: Box::new(|octets| getrandom::fill(octets).map_err(|error| error.into())),
            indexes: Indexes::default(),
            falls: KnownFalls::default(),
            queue: Queue::default(),
            leases: Leases::default(),
            lost_checkpoints: Mutex::default(),
        }
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Decides by this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Checks signatures with this verifier: those of certificates, and of its own CRLs.
    #[must_use]
    pub fn with_verifier(mut self, verifier: impl Verifier + 'static) -> Self {
        self.verifier = Box::new(verifier);
        self
    }

    /// Draws random numbers from this function, which fills the octets that it is given. They name
    /// commands and histories, and key the indexes in memory: whoever can guess them and choose
    /// serial numbers can make look-ups slow. At a [`Desk`](crate::Desk) they are the tokens by which
    /// revocations are confirmed, which whoever can guess them confirms.
    #[must_use]
    pub fn with_random(
        mut self,
        random: impl Fn(&mut [u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn view(&self) -> Result<View<'_>, StoreError> {
        self.store.snapshot().map(View::new)
    }

    /// Fills octets with random ones.
    pub(crate) fn fill(&self, octets: &mut [u8]) -> Result<(), Error> {
        (self.random)(octets).map_err(Error::Random)
    }

    fn draw(&self) -> Result<[u8; 16], Error> {
        let mut octets = [0; 16];
        self.fill(&mut octets)?;
        Ok(octets)
    }
}

impl<S: Store> std::fmt::Debug for Authority<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("store", &self.store)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
