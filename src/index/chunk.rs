//! Some of what CRLs must know of, as a store keeps it beside the log: records as they are in memory,
//! in the order of their serial numbers.
//!
//! ```text
//! 1 │ records, u32 │ 40 octets each │ exceptions, u32 │ what each says, in its fields
//! ```
//!
//! Words are big-endian. An exception is named by its place among those of the chunk.

use super::{
    record::{Exception, OCTETS, Packed, Record, Said},
    revoked::RevokedSubject,
};
use crate::{
    codec::{Damaged, Reader, Writer},
    log::{Position, read_revocation, read_subject, write_revocation, write_subject},
    serial::Number,
};

/// Certificates of which CRLs must know, in the order of their serial numbers.
pub(crate) struct Chunk {
    records: Vec<Record>,
    exceptions: Vec<Exception>,
}

const FORMAT: u8 = 1;

impl Chunk {
    /// How many certificates a chunk is best of: redb gives it a place of 16 KiB, which it fills.
    pub(crate) const CERTIFICATES: usize = 400;

    /// Octets that [`Chunk::from_octets`] reads, of certificates in the order of their serial numbers.
    pub(crate) fn to_octets(certificates: &[RevokedSubject]) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        let mut exceptions = Vec::new();
        // One fits into an array, and so does what a chunk holds into its octets.
        out.u32(certificates.len() as u32);
        for is in certificates {
            let packed = Packed::of(is).unwrap_or_else(|| {
                exceptions.push(*is);
                Packed::exception(exceptions.len() as u32 - 1)
            });
            let record = Record::default();
            record.write(is, packed);
            out.fixed(&record.to_octets());
        }
        out.list(&exceptions, |out, is| {
            write_subject(out, &is.subject);
            out.u64(is.first.0);
            out.u64(is.last.0);
            write_revocation(out, &is.revocation);
        });
        out.finish()
    }

    /// Reads a chunk.
    ///
    /// # Errors
    /// Where it is none, or its certificates are in another order.
    pub(crate) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, FORMAT)?;
        let count = input.u32()?;
        let records = input.run(count as usize, OCTETS)?;
        let (records, _) = records.as_chunks();
        let records: Option<Vec<_>> = records.iter().map(Record::from_octets).collect();
        let records = records.ok_or_else(|| input.damaged("no record of a revoked certificate"))?;
        let exceptions = input.list(|input| {
            let is = RevokedSubject {
                subject: read_subject(input)?,
                first: Position(input.u64()?),
                last: Position(input.u64()?),
                revocation: read_revocation(input)?,
            };
            Ok(Exception { is, before: None, left: None })
        })?;
        let is_ordered = records.is_sorted_by(|one, next| one.number() < next.number());
        let is_said = |record: &Record| match record.exception() {
            None => true,
            Some(exception) => exceptions
                .get(exception as usize)
                .is_some_and(|exception| record.is_about(exception.is.subject.serial.words())),
        };
        if !is_ordered || !records.iter().all(is_said) {
            return Err(input.damaged("records that do not belong together"));
        }
        input.finish()?;
        Ok(Self { records, exceptions })
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The numbers of its first certificate and its last.
    pub(crate) fn range(&self) -> Option<(Number, Number)> {
        Some((self.records.first()?.number(), self.records.last()?.number()))
    }

    /// What a record of it says.
    #[inline]
    pub(super) fn said<'a>(&'a self, record: &'a Record) -> Option<Said<'a>> {
        match record.exception() {
            None => Some(Said::Record(record, record.version())),
            Some(exception) => Some(Said::Exception(self.exceptions.get(exception as usize)?)),
        }
    }
}
