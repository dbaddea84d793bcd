//! Where CRLs go: places that relying parties fetch them from.

mod directory;
mod memory;

pub use self::{directory::DirectorySink, memory::MemorySink};

use crate::{crl::CrlNumber, retry::Retry, scope::CrlPlace, time::Timestamp};
use std::{error::Error, fmt, io, time::Duration};

/// A place that relying parties fetch CRLs from.
///
/// Methods block, and are called from many threads.
///
/// # What is relevant to security
///
/// | a sink that | leads to |
/// |---|---|
/// | shows a part of a CRL, or none for a moment | relying parties that refuse everybody, or take everybody |
/// | lets an older CRL take the place of a newer | a revoked certificate that is trusted again |
/// | answers `Ok` before the CRL is there for good | a revocation that counts as published and is not |
/// | answers [`Sink::current`] from a cache | a gate that compares with the wrong CRL |
pub trait Sink: fmt::Debug + Send + Sync {
    /// Its name. It is kept with the record of what was released, so it never changes.
    fn name(&self) -> &str;

    /// Finds out whether CRLs can be put there, without putting one: so that what is missing is known
    /// when it is configured, and not when a key is compromised.
    ///
    /// # Errors
    /// [`SinkError::Misconfigured`], and [`SinkError::Unavailable`] where nobody can say.
    fn check(&self) -> Result<(), SinkError>;

    /// What relying parties are shown at a place now; `None` where nothing is.
    ///
    /// # Errors
    /// [`SinkError::WriteOnly`] where it can never be known, the others as they are named.
    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError>;

    /// Shows a CRL at its place, at once, as a whole and for good. `replaces` is what the place must
    /// show until then, nothing where it is `None`.
    ///
    /// # Errors
    /// [`SinkError::Overtaken`] where it shows something else; what was there stays then, as it does
    /// with every other error but [`SinkError::NotDurable`].
    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError>;

    /// Whether `replaces` holds at the very moment at which the CRL is put there. Without that, only
    /// one publisher may work on the place.
    fn compares(&self) -> bool;
}

/// What a sink shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The octets, which should be a CRL in DER.
    pub der: Vec<u8>,
    /// What tells it from what was there before and comes after.
    pub revision: Revision,
}

/// Names the contents of a place, in the sink's own way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(pub String);

/// A CRL on its way to relying parties.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// Where it goes.
    pub place: CrlPlace,
    /// The CRL, in DER.
    pub der: &'a [u8],
    /// Its number.
    pub number: CrlNumber,
    /// When it was issued.
    pub this_update: Timestamp,
    /// By when the next one will be issued: caches may keep it until then.
    pub next_update: Timestamp,
    /// What the clock says.
    pub now: Timestamp,
}

/// Why a sink did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Nothing will come of it until somebody changes something: no such directory or bucket, no
    /// permission, wrong credentials.
    #[error("the sink is misconfigured: {problem}")]
    Misconfigured {
        /// What is wrong.
        problem: String,
        /// What says so.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// It does not show what is there.
    #[error("the sink cannot be read")]
    WriteOnly,
    /// Somebody else put another CRL there.
    #[error("another CRL was put there meanwhile")]
    Overtaken {
        /// The number of the CRL that is there, if it has one.
        found: Option<CrlNumber>,
    },
    /// It cannot be reached, or is out of order.
    #[error("the sink cannot be used now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The CRL is there, but a crash may bring the one before it back.
    #[error("the CRL is in its place, but may not survive a crash")]
    NotDurable(#[source] Box<dyn Error + Send + Sync>),
}

impl SinkError {
    /// Whether the same call may succeed later.
    pub fn retry(&self) -> Retry {
        match self {
            // S36: every fifteen minutes, until somebody mended it.
            Self::Misconfigured { .. } => Retry::After(Duration::from_secs(15 * 60)),
            Self::WriteOnly => Retry::Never,
            Self::Overtaken { .. } => Retry::Now,
            Self::Unavailable(_) | Self::NotDurable(_) => Retry::After(Duration::from_secs(60)),
        }
    }

    fn of_io(error: io::Error) -> Self {
        use io::ErrorKind::*;
        match error.kind() {
            NotFound | PermissionDenied | NotADirectory | IsADirectory | ReadOnlyFilesystem
            | InvalidInput | InvalidFilename | Unsupported => {
                Self::Misconfigured { problem: error.to_string(), source: Some(error.into()) }
            }
            _ => Self::Unavailable(error.into()),
        }
    }
}

impl<S: Sink + ?Sized> Sink for &S {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn check(&self) -> Result<(), SinkError> {
        (**self).check()
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        (**self).current(place)
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        (**self).put(outgoing, replaces)
    }

    fn compares(&self) -> bool {
        (**self).compares()
    }
}
