//! Where a CRL is laid out before anyone may see it.

mod file;
mod pem;

pub use self::{file::FileStage, pem::PemStage};

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
    /// Where that fails. What was visible before still is, unless the error says otherwise.
    fn commit(&mut self) -> io::Result<()>;

    /// Throws away what was written since the last commit. Does nothing after a commit.
    fn abort(&mut self);
}

/// In memory: the buffer is emptied, filled, and emptied again if there is nothing to show for it.
/// Its capacity is kept, so one buffer serves many CRLs.
impl Stage for Vec<u8> {
    fn begin(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.extend_from_slice(octets);
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
        self.stage.commit()?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.committed {
            self.stage.abort();
        }
    }
}
