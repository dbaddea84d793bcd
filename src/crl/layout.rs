//! A `TBSCertList` with its entries, laid out piece by piece.

use super::{
    appendix::Appendix,
    encode::TbsCertList,
    entry::{CrlEntry, ShortEntry},
    error::CrlError,
    number::CrlNumber,
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
    /// It and [`Entries::write`] are called up to five times for one CRL, and must hand out the same
    /// entries each time: read them from something that stands still.
    ///
    /// # Errors
    /// What `visit` answers, at once; and [`CrlError::Entries`] where the entries cannot be read.
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError>;

    /// Writes all entries, the same as [`Entries::for_each`] hands out, and in that order.
    ///
    /// Unless this is implemented, it is those that `for_each` hands out. Who has a million entries
    /// saves a good part of the time that a CRL takes by writing each as it is made: the processor
    /// goes on to the next while it still hashes the one before.
    ///
    /// # Errors
    /// What the writer answers, at once; and [`CrlError::Entries`] where the entries cannot be read.
    fn write(&self, writer: &mut EntryWriter<'_>) -> Result<(), CrlError> {
        self.for_each(&mut |run| writer.write(run))
    }

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
        let mut outlet = Outlet::new(piece, take);
        outlet.write(&self.head)?;
        let this_update = self.tbs.this_update();
        let (crl, appendix) = (self.tbs.number(), &self.appendix);
        let rules = Rules { crl, this_update, appendix, previous: Number::default() };
        let mut writer = EntryWriter { outlet, rules, entries: 0, failure: None };
        self.entries.write(&mut writer)?;
        let EntryWriter { mut outlet, entries, failure, .. } = writer;
        // Whoever writes entries may overlook that something failed.
        if let Some(failure) = failure {
            return Err(failure.unwrap_or_else(|| self.changed()));
        }
        let octets = outlet.written() - self.head.len() as u64;
        if (Extent { entries, octets }) != self.extent {
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

/// Writes the entries of one CRL, and checks each: RFC 5280 §5.1.2.6.
pub struct EntryWriter<'a> {
    outlet: Outlet<'a>,
    rules: Rules<'a>,
    entries: u64,
    /// What failed, until somebody took it. Nothing is written any more then.
    failure: Option<Option<CrlError>>,
}

/// Something failed, and the writer knows what.
pub(crate) struct Stopped;

impl EntryWriter<'_> {
    /// Writes entries.
    ///
    /// # Errors
    /// [`CrlError::Duplicate`] and [`CrlError::OutOfOrder`] where a serial number is not higher than
    /// the one before, [`CrlError::RevokedAfterThisUpdate`], and [`CrlError::Stage`]. No CRL is made
    /// then, and what is written after it is [`CrlError::EntriesChanged`].
    #[inline]
    pub fn write(&mut self, entries: &[CrlEntry]) -> Result<(), CrlError> {
        let written = entries.iter().try_for_each(|entry| match entry.short() {
            Some(short) => self.write_short(short),
            None => self.write_any(entry),
        });
        written.map_err(|stopped| self.failure(stopped))
    }

    /// Writes an entry.
    #[inline(always)]
    pub(crate) fn write_short(&mut self, entry: ShortEntry) -> Result<(), Stopped> {
        if !self.rules.allow(entry) {
            return Err(self.complain(entry.entry()));
        }
        self.entries += 1;
        self.outlet.write_short(entry).map_err(|error| self.fail(error))
    }

    /// Writes an entry of any form.
    pub(crate) fn write_any(&mut self, entry: &CrlEntry) -> Result<(), Stopped> {
        let (number, revocation_date) = (entry.serial.words(), entry.revocation_date);
        if !self.rules.allow(ShortEntry { number, revocation_date, code: 0 }) {
            return Err(self.complain(*entry));
        }
        self.entries += 1;
        self.outlet.write_entry(entry).map_err(|error| self.fail(error))
    }

    /// What it was that failed.
    pub(crate) fn failure(&mut self, Stopped: Stopped) -> CrlError {
        let failure = self.failure.replace(None).flatten();
        self.rules.previous = HIGHEST;
        failure.unwrap_or_else(|| CrlError::EntriesChanged { number: self.rules.crl })
    }

    #[cold]
    fn complain(&mut self, entry: CrlEntry) -> Stopped {
        if self.failure.is_some() {
            return Stopped;
        }
        self.fail(self.rules.complaint(&entry))
    }

    #[cold]
    fn fail(&mut self, error: CrlError) -> Stopped {
        self.failure = Some(Some(error));
        self.rules.previous = HIGHEST;
        Stopped
    }
}

/// The rules between an entry, the one before it, and the CRL.
struct Rules<'a> {
    /// The number of the CRL.
    crl: CrlNumber,
    this_update: Timestamp,
    appendix: &'a Appendix,
    /// The number of the entry before; at first 0, which is no serial number, and [`HIGHEST`] when
    /// something failed.
    previous: Number,
}

/// No serial number is as high: after it, nothing may be written.
const HIGHEST: Number = (u64::MAX, u64::MAX, u32::MAX);

impl Rules<'_> {
    #[inline(always)]
    fn allow(&mut self, entry: ShortEntry) -> bool {
        // Nearly always the first words differ.
        let ((first, ..), (previous, ..)) = (entry.number, self.previous);
        let ascends = previous < first || self.previous < entry.number;
        let allows = ascends
            && entry.revocation_date <= self.this_update
            && !self.appendix.lists(entry.number);
        if allows {
            self.previous = entry.number;
        }
        allows
    }

    #[cold]
    fn complaint(&self, entry: &CrlEntry) -> CrlError {
        let CrlEntry { serial, revocation_date, .. } = *entry;
        match Serial::from_words(self.previous) {
            previous if previous == serial => CrlError::Duplicate { serial },
            previous if previous > serial => CrlError::OutOfOrder { serial, previous },
            _ if self.appendix.lists(serial.words()) => CrlError::Duplicate { serial },
            _ => {
                let this_update = self.this_update;
                CrlError::RevokedAfterThisUpdate { serial, revocation_date, this_update }
            }
        }
    }
}
