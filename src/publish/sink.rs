//! Where relying parties are shown CRLs: a small trait, and sinks that implement it.

mod directory;
mod error;
mod memory;
#[cfg(feature = "object-store")]
mod object_store;

#[cfg(feature = "object-store")]
pub use self::object_store::ObjectStoreSink;
pub use self::{directory::DirectorySink, error::SinkError, memory::MemorySink};

use crate::{
    crl::{CertificateList, CrlNumber},
    scope::CrlPlace,
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{
    fmt::{self, Debug, Write},
    sync::Arc,
};

/// A place that shows CRLs to relying parties: a directory that a web server serves, a bucket.
///
/// Methods block, and are called from many threads at once. A sink shows one CRL at each
/// [`CrlPlace`], under its [file name](CrlPlace::file_name), as DER.
///
/// # What is relevant to security
///
/// A sink holds no secret, and everything in it is signed. What it can still do wrong is to show
/// an older CRL than it showed before:
///
/// | a sink that | leads to |
/// |---|---|
/// | replaces a CRL that the caller has not seen | the CRL of a slower publisher over that of a faster one: who was revoked in between is good again |
/// | shows a part of a CRL, or nothing for a while | relying parties that cannot tell, and take everybody for good |
/// | answers `Ok` before it shows the CRL | a revocation that counts as published, and is not |
pub trait Sink: Debug + Send + Sync {
    /// What it is called. It is recorded with every release, so it stays the same for ever, and is
    /// not that of another sink.
    fn name(&self) -> &str;

    /// Finds out whether CRLs may be written and read there, by trying.
    ///
    /// Ask when a sink is configured: better then than when the first revocation waits. It shows
    /// relying parties nothing that they look for.
    ///
    /// # Errors
    /// [`SinkError::Misconfigured`] where somebody must change something first, and
    /// [`SinkError::WriteOnly`] where only reading is refused. [`SinkError::Unavailable`] says that
    /// nobody knows.
    fn check(&self) -> Result<(), SinkError>;

    /// What relying parties are shown at this place; `None` where they are shown nothing.
    ///
    /// It answers the octets that are there, whoever put them there, and whether or not they are a
    /// CRL. Caches between the sink and relying parties are not asked, and may show older ones.
    ///
    /// # Errors
    /// [`SinkError::WriteOnly`] where it may not be read; the others as they are named.
    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError>;

    /// Shows a CRL at its place.
    ///
    /// - **Whole.** Whoever looks sees what was there before or the new CRL: never a part of one,
    ///   never nothing. This holds after a crash at any moment too.
    /// - **Durable.** On `Ok` no crash brings back what was there before.
    /// - **Conditional.** What is there must be what `replaces` says, a revision that
    ///   [`Sink::current`] answered, or nothing for `None`; and it must not be a CRL whose number
    ///   is as high or higher, whatever `replaces` says. Else the answer is
    ///   [`SinkError::Overtaken`] and nothing has changed. [`Sink::compares`] says whether somebody
    ///   else can get in between.
    ///   Only where it may not be read and the CRL [trusts the record](Outgoing::trusts_record) there is
    ///   no condition.
    /// - **Repeatable.** Where the same octets are there already the answer is `Ok`, so a call that
    ///   failed can be made again.
    ///
    /// After any other error the caller does not know whether it took effect, and asks for what is
    /// there.
    ///
    /// # Errors
    /// [`SinkError::Overtaken`] where the condition does not hold; the others as they are named.
    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError>;

    /// Whether comparing and replacing is one step, as far as is known by now.
    ///
    /// Where it is not, a slower publisher can replace the CRL of a faster one in the instant
    /// between the two: have only one publish there.
    fn compares(&self) -> bool;
}

/// What a sink shows at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Current {
    /// The octets: those of a CRL, unless somebody put something else there.
    pub der: Vec<u8>,
    /// What [`Sink::put`] needs to be told to replace them.
    pub revision: Revision,
}

impl Current {
    /// These octets, with the revision that the sink gives them.
    pub fn new(der: Vec<u8>, revision: Revision) -> Self {
        Self { der, revision }
    }

    /// The number of the CRL; `None` where it is no CRL, or has none.
    pub fn number(&self) -> Option<CrlNumber> {
        CertificateList::from_der(&self.der).ok()?.number()
    }
}

/// What was at a place at one moment, as its sink names it. It means nothing to another sink.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// A revision that a sink names so.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The digest of the octets, for a sink that has nothing else to tell them apart.
    pub fn of(der: &[u8]) -> Self {
        let mut name = String::new();
        for octet in Sha256::digest(der) {
            // Writing to a String does not fail.
            let _ = write!(name, "{octet:02x}");
        }
        Self(name)
    }

    /// What its sink calls it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As its sink calls it.
impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A CRL on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Where it goes.
    pub place: CrlPlace,
    /// The whole CRL, signed.
    pub der: &'a [u8],
    /// Its number.
    pub number: CrlNumber,
    /// When it was issued.
    pub this_update: Timestamp,
    /// By when the next one is issued. Nobody may keep it in a cache for longer.
    pub next_update: Timestamp,
    /// The time now.
    pub now: Timestamp,
    /// Whether it may replace what cannot be read there: somebody vouched that nothing newer can be
    /// there than what was released from the record ([`Waive::UnreadableSink`]).
    ///
    /// [`Waive::UnreadableSink`]: crate::Waive::UnreadableSink
    pub trusts_record: bool,
}

impl Outgoing<'_> {
    /// What every sink has to ask before it writes: may this CRL replace what was found at its
    /// place? `false` says that it is there already.
    ///
    /// # Errors
    /// [`SinkError::Overtaken`] where what was found is not what `replaces` says, or is a CRL whose
    /// number is not lower.
    pub fn is_due(
        &self,
        found: Option<&Current>,
        replaces: Option<&Revision>,
    ) -> Result<bool, SinkError> {
        if found.is_some_and(|found| found.der == self.der) {
            return Ok(false);
        }
        let number = found.and_then(Current::number);
        // The number is asked whatever the caller knows: it is all that a relying party sees.
        let is_lower = number.is_none_or(|number| number < self.number);
        if is_lower && found.map(|found| &found.revision) == replaces {
            Ok(true)
        } else {
            Err(SinkError::Overtaken { found: number })
        }
    }
}

/// What points to a sink is one.
macro_rules! forward {
    ($pointer:ty) => {
        impl<S: Sink + ?Sized> Sink for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn check(&self) -> Result<(), SinkError> {
                (**self).check()
            }

            fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
                (**self).current(place)
            }

            fn put(
                &self,
                outgoing: &Outgoing<'_>,
                replaces: Option<&Revision>,
            ) -> Result<(), SinkError> {
                (**self).put(outgoing, replaces)
            }

            fn compares(&self) -> bool {
                (**self).compares()
            }
        }
    };
}

forward!(&S);
forward!(Box<S>);
forward!(Arc<S>);
