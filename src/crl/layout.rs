//! A `TBSCertList` with its entries, laid out piece by piece.

use super::{
    appendix::Appendix,
    encode::TbsCertList,
    entry::{CrlEntry, LONGEST},
    error::CrlError,
};
use crate::{
    asn1::{self, SEQUENCE},
    serial::Serial,
    signing::SignatureAlgorithm,
    time::Timestamp,
};

/// At most about this many octets are held back before they are handed on.
const PIECE: usize = 16 << 10;

/// The entries of a CRL, from wherever they come.
pub trait Entries {
    /// Hands all entries to `visit`, in runs of any length, strictly ascending by serial number.
    ///
    /// It is called two to five times for one CRL and must hand out the same entries each time:
    /// read them from something that stands still.
    ///
    /// # Errors
    /// What `visit` answers, at once; and [`CrlError::Entries`] where the entries cannot be read.
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError>;
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
    measured: Tally,
    appendix: Appendix,
}

/// What is known of the entries after all were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    octets: u64,
}

impl<'a> Layout<'a> {
    /// Reads all entries once, checks them, and adds up their lengths.
    pub(super) fn measure(
        tbs: TbsCertList<'a>,
        algorithm: SignatureAlgorithm,
        entries: &'a dyn Entries,
    ) -> Result<Self, CrlError> {
        let appendix = tbs.check()?;
        let mut order = Order::new(tbs.this_update(), &appendix);
        let mut measured = Tally::default();
        entries.for_each(&mut |run| {
            for entry in run {
                order.check(entry)?;
                measured.count += 1;
                measured.octets += entry.encoded_length();
            }
            Ok(())
        })?;
        let (mut fields, mut tail) = (Vec::new(), appendix.octets.clone());
        tbs.write_fields(algorithm, &mut fields);
        // RFC 5280 §5.1.2.6: the list must be absent when there is nothing to list.
        let list = measured.octets + appendix.octets.len() as u64;
        if list > 0 {
            asn1::write_header(&mut fields, SEQUENCE, list);
        }
        tbs.write_extensions(&mut tail);
        let mut head = Vec::with_capacity(fields.len() + 10);
        let length = fields.len() as u64 + measured.octets + tail.len() as u64;
        asn1::write_header(&mut head, SEQUENCE, length);
        head.append(&mut fields);
        Ok(Self { tbs, entries, head, tail, measured, appendix })
    }

    /// How many entries it lists.
    pub(super) fn count(&self) -> u64 {
        self.measured.count + self.appendix.count
    }

    /// How many octets it takes.
    pub(super) fn length(&self) -> u64 {
        self.head.len() as u64 + self.measured.octets + self.tail.len() as u64
    }

    /// Lays it out, and hands it to `take` piece by piece.
    ///
    /// The entries are checked again: what is signed is what is laid out here, and a source that
    /// changed since it was measured must not get past the rules.
    pub(super) fn emit(
        &self,
        take: &mut dyn FnMut(&[u8]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        let mut order = Order::new(self.tbs.this_update(), &self.appendix);
        let mut emitted = Tally::default();
        let mut place = [0; LONGEST];
        let mut piece = Vec::with_capacity(PIECE + LONGEST);
        piece.extend_from_slice(&self.head);
        self.entries.for_each(&mut |run| {
            for entry in run {
                order.check(entry)?;
                let length = entry.write(&mut place);
                piece.extend(place.iter().take(length));
                emitted.count += 1;
                emitted.octets += length as u64;
                if piece.len() >= PIECE {
                    take(&piece)?;
                    piece.clear();
                }
            }
            Ok(())
        })?;
        if emitted != self.measured {
            return Err(self.changed());
        }
        piece.extend_from_slice(&self.tail);
        take(&piece)
    }

    /// The complaint about entries that are not the same each time.
    pub(super) fn changed(&self) -> CrlError {
        CrlError::EntriesChanged { number: self.tbs.number() }
    }
}

/// The rules between an entry, the one before it, and the CRL.
struct Order<'a> {
    this_update: Timestamp,
    appendix: &'a Appendix,
    previous: Option<Serial>,
}

impl<'a> Order<'a> {
    fn new(this_update: Timestamp, appendix: &'a Appendix) -> Self {
        Self { this_update, appendix, previous: None }
    }

    fn check(&mut self, entry: &CrlEntry) -> Result<(), CrlError> {
        let CrlEntry { serial, revocation_date, .. } = *entry;
        match self.previous.replace(serial) {
            Some(previous) if previous == serial => return Err(CrlError::Duplicate { serial }),
            Some(previous) if previous > serial => {
                return Err(CrlError::OutOfOrder { serial, previous });
            }
            _ if self.appendix.lists(&serial) => return Err(CrlError::Duplicate { serial }),
            _ => {}
        }
        let this_update = self.this_update;
        if revocation_date > this_update {
            return Err(CrlError::RevokedAfterThisUpdate { serial, revocation_date, this_update });
        }
        Ok(())
    }
}
