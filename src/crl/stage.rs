//! Where a CRL is laid out before anyone may see it.

mod file;
mod pem;

pub use self::{file::FileStage, pem::PemStage};

use prefetch_index::prefetch_index;
use std::io;

/// An output that shows nothing before it is told to.
///
/// A CRL is written before it is signed, and its first octets hold its length, which the
/// signature's length is part of. So a stage takes all octets, then perhaps other first octets,
/// and makes the whole visible at [`Stage::commit`]; without that call nothing ever was.
pub trait Stage {
    /// Begins, with nothing in it. What was written since the last commit is thrown away.
    ///
    /// # Errors
    /// Where there is no room to write.
    fn begin(&mut self) -> io::Result<()>;

    /// About how many octets it wants to be handed at once; it takes any number. Where that costs
    /// little, as in memory, few are better: handing on happens while the next are hashed. Between
    /// 128 octets and 1 MiB; 16 KiB unless it says so.
    fn piece(&self) -> usize {
        16 << 10
    }

    /// Appends octets.
    ///
    /// # Errors
    /// Where they cannot be written. The caller gives up then.
    fn write(&mut self, octets: &[u8]) -> io::Result<()>;

    /// Writes over the first octets, of which there were at least as many.
    ///
    /// # Errors
    /// Where they cannot be written. The caller gives up then.
    fn overwrite(&mut self, first: &[u8]) -> io::Result<()>;

    /// Makes the whole visible, at once and for good.
    ///
    /// # Errors
    /// Where that fails: what was visible before still is. A [`NotDurable`] inside the error says
    /// that the new octets are visible all the same.
    fn commit(&mut self) -> io::Result<()>;

    /// Throws away what was written since the last commit. Does nothing after a commit.
    fn abort(&mut self);
}

/// What the [`io::Error`] of [`Stage::commit`] holds where the CRL became visible, but a crash may
/// undo that: the file has its name, and its directory could not be synced.
///
/// ```
/// use annul::NotDurable;
/// use std::io;
///
/// let error = io::Error::other(NotDurable(io::ErrorKind::Other.into()));
/// assert!(NotDurable::is_in(&error));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("it is in its place, but may not survive a crash")]
pub struct NotDurable(#[source] pub io::Error);

impl NotDurable {
    /// Whether that is what an error says.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// The stage that it points to.
impl<S: Stage + ?Sized> Stage for &mut S {
    fn begin(&mut self) -> io::Result<()> {
        (**self).begin()
    }

    fn piece(&self) -> usize {
        (**self).piece()
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        (**self).write(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        (**self).overwrite(first)
    }

    fn commit(&mut self) -> io::Result<()> {
        (**self).commit()
    }

    fn abort(&mut self) {
        (**self).abort();
    }
}

/// The stage in it.
impl<S: Stage + ?Sized> Stage for Box<S> {
    fn begin(&mut self) -> io::Result<()> {
        (**self).begin()
    }

    fn piece(&self) -> usize {
        (**self).piece()
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        (**self).write(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        (**self).overwrite(first)
    }

    fn commit(&mut self) -> io::Result<()> {
        (**self).commit()
    }

    fn abort(&mut self) {
        (**self).abort();
    }
}

/// How many octets are handed to a vector at once.
const VEC_PIECE: usize = 1024;

/// Octets that a processor fetches together, or a multiple of these.
const CACHE_LINE: usize = 64;

/// In memory: the buffer is emptied, filled, and emptied again if there is nothing to show for it.
/// Its capacity is kept, so one buffer serves many CRLs.
impl Stage for Vec<u8> {
    fn begin(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn piece(&self) -> usize {
        VEC_PIECE
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.extend_from_slice(octets);
        // What comes after the next belongs here: it takes long to come from memory.
        for line in (0..VEC_PIECE).step_by(CACHE_LINE) {
            prefetch_index(self.as_slice(), self.len().saturating_add(VEC_PIECE + line));
        }
        Ok(())
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        let place = self.get_mut(..first.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        place.copy_from_slice(first);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self) {
        self.clear();
    }
}

/// A stage that is aborted unless it was committed: on an error, and in a panic.
pub(super) struct Staging<'a> {
    stage: &'a mut dyn Stage,
    committed: bool,
}

impl<'a> Staging<'a> {
    pub(super) fn new(stage: &'a mut dyn Stage) -> Self {
        Self { stage, committed: false }
    }

    /// The stage to write to.
    pub(super) fn stage(&mut self) -> &mut dyn Stage {
        self.stage
    }

    pub(super) fn commit(mut self) -> io::Result<()> {
        let committed = self.stage.commit();
        self.committed = committed.as_ref().err().is_none_or(NotDurable::is_in);
        committed
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.committed {
            self.stage.abort();
        }
    }
}
