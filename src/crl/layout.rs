//! A `TBSCertList` with its entries, laid out piece by piece.

use super::{
    appendix::Appendix,
    encode::TbsCertList,
    entry::CrlEntry,
    error::CrlError,
    outlet::{Outlet, Take},
};
use crate::{
    asn1::{self, SEQUENCE},
    serial::{Number, Serial},
    signing::SignatureAlgorithm,
    time::Timestamp,
};

/// The entries of a CRL, from wherever they come.
pub trait Entries {
    /// Hands all entries to `visit`, in runs of any length, strictly ascending by serial number.
    ///
    /// It is called up to five times for one CRL and must hand out the same entries each time: read
    /// them from something that stands still.
    ///
    /// # Errors
    /// What `visit` answers, at once; and [`CrlError::Entries`] where the entries cannot be read.
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError>;

    /// How much they come to, which a CRL says before it lists them.
    ///
    /// Unless this is implemented, all entries are read for it. Who keeps a running sum saves that
    /// reading, a tenth of the time that a CRL takes, or more where entries are slow to be had. A
    /// sum that is wrong is noticed: [`CrlError::EntriesChanged`].
    ///
    /// # Errors
    /// [`CrlError::Entries`] where the entries cannot be read.
    fn extent(&self) -> Result<Extent, CrlError> {
        Extent::read(self)
    }
}

/// How much entries come to.
///
/// ```
/// use annul::{CrlEntry, CrlError, Entries, Extent};
///
/// /// Entries of which the sum is known from before.
/// struct Summed<'a>(&'a [CrlEntry], Extent);
///
/// impl Entries for Summed<'_> {
///     fn for_each(
///         &self,
///         visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
///     ) -> Result<(), CrlError> {
///         visit(self.0)
///     }
///
///     fn extent(&self) -> Result<Extent, CrlError> {
///         Ok(self.1)
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many there are.
    pub entries: u64,
    /// The sum of [`CrlEntry::encoded_length`].
    pub octets: u64,
}

impl Extent {
    /// Reads all entries.
    ///
    /// # Errors
    /// [`CrlError::Entries`] where the entries cannot be read.
    pub fn read(entries: &(impl Entries + ?Sized)) -> Result<Self, CrlError> {
        let mut extent = Self::default();
        entries.for_each(&mut |run| {
            extent.add_all(run);
            Ok(())
        })?;
        Ok(extent)
    }

    /// Counts an entry in.
    pub(crate) fn add(&mut self, entry: &CrlEntry) {
        self.entries = self.entries.wrapping_add(1);
        self.octets = self.octets.wrapping_add(entry.encoded_length());
    }

    /// Takes away an entry that was counted in.
    pub(crate) fn remove(&mut self, entry: &CrlEntry) {
        self.entries = self.entries.wrapping_sub(1);
        self.octets = self.octets.wrapping_sub(entry.encoded_length());
    }

    /// Counts more entries in.
    pub fn add_all(&mut self, entries: &[CrlEntry]) {
        self.entries += entries.len() as u64;
        self.octets += entries.iter().map(CrlEntry::encoded_length).sum::<u64>();
    }
}

/// A slice, an array or a vector, in ascending order.
impl<T: AsRef<[CrlEntry]> + ?Sized> Entries for T {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        visit(self.as_ref())
    }
}

/// A TBSCertList with all lengths known: what it takes to lay it out, as often as needed.
///
/// ```text
/// head     SEQUENCE header, version … nextUpdate, header of revokedCertificates
/// entries  one after the other, read from their source each time
/// tail     the appended entries, crlExtensions
/// ```
pub(super) struct Layout<'a> {
    tbs: TbsCertList<'a>,
    entries: &'a dyn Entries,
    head: Vec<u8>,
    tail: Vec<u8>,
    extent: Extent,
    appendix: Appendix,
}

impl<'a> Layout<'a> {
    /// Asks how long the entries are; reads none of them, if they know.
    pub(super) fn measure(
        tbs: TbsCertList<'a>,
        algorithm: SignatureAlgorithm,
        entries: &'a dyn Entries,
    ) -> Result<Self, CrlError> {
        let appendix = tbs.check()?;
        let extent = entries.extent()?;
        let (mut fields, mut tail) = (Vec::new(), appendix.octets.clone());
        tbs.write_fields(algorithm, &mut fields);
        // RFC 5280 §5.1.2.6: the list must be absent when there is nothing to list.
        let list = extent.octets + appendix.octets.len() as u64;
        if list > 0 {
            asn1::write_header(&mut fields, SEQUENCE, list);
        }
        tbs.write_extensions(&mut tail);
        let mut head = Vec::with_capacity(fields.len() + 10);
        let length = fields.len() as u64 + extent.octets + tail.len() as u64;
        asn1::write_header(&mut head, SEQUENCE, length);
        head.append(&mut fields);
        Ok(Self { tbs, entries, head, tail, extent, appendix })
    }

    /// How many entries it lists.
    pub(super) fn count(&self) -> u64 {
        self.extent.entries + self.appendix.count
    }

    /// How many octets it takes.
    pub(super) fn length(&self) -> u64 {
        self.head.len() as u64 + self.extent.octets + self.tail.len() as u64
    }

    /// Lays it out, hands it to `take`, about `piece` octets at once, and says its SHA-256.
    ///
    /// The entries are checked here, each time: what is signed is what is laid out, and a source
    /// that changed since it was measured must not get past the rules.
    pub(super) fn emit(&self, piece: usize, take: Take<'_>) -> Result<[u8; 32], CrlError> {
        let mut rules =
            Rules { this_update: self.tbs.this_update(), appendix: &self.appendix, previous: None };
        let mut emitted = Extent::default();
        let mut outlet = Outlet::new(piece, take);
        outlet.write(&self.head)?;
        // Whoever hands out entries may overlook that something failed, and hand out more.
        let mut has_failed = false;
        self.entries.for_each(&mut |run| {
            if std::mem::replace(&mut has_failed, true) {
                return Err(self.changed());
            }
            outlet.write_entries(run, |entry| rules.check(entry))?;
            emitted.entries += run.len() as u64;
            has_failed = false;
            Ok(())
        })?;
        emitted.octets = outlet.written() - self.head.len() as u64;
        if has_failed || emitted != self.extent {
            return Err(self.changed());
        }
        outlet.write(&self.tail)?;
        outlet.finish()
    }

    /// The complaint about entries that are not the same each time.
    pub(super) fn changed(&self) -> CrlError {
        CrlError::EntriesChanged { number: self.tbs.number() }
    }
}

/// The rules between an entry, the one before it, and the CRL.
struct Rules<'a> {
    this_update: Timestamp,
    appendix: &'a Appendix,
    /// The number of the entry before.
    previous: Option<Number>,
}

impl Rules<'_> {
    #[inline]
    fn check(&mut self, entry: &CrlEntry) -> Result<(), CrlError> {
        let number = entry.serial.words();
        let ascends = self.previous.is_none_or(|previous| previous < number);
        if ascends
            && entry.revocation_date <= self.this_update
            && !self.appendix.lists(&entry.serial)
        {
            self.previous = Some(number);
            Ok(())
        } else {
            Err(self.complaint(entry))
        }
    }

    #[cold]
    fn complaint(&self, entry: &CrlEntry) -> CrlError {
        let CrlEntry { serial, revocation_date, .. } = *entry;
        match self.previous.map(Serial::from_words) {
            Some(previous) if previous == serial => CrlError::Duplicate { serial },
            Some(previous) if previous > serial => CrlError::OutOfOrder { serial, previous },
            _ if self.appendix.lists(&serial) => CrlError::Duplicate { serial },
            _ => {
                let this_update = self.this_update;
                CrlError::RevokedAfterThisUpdate { serial, revocation_date, this_update }
            }
        }
    }
}
