//! The octets of stored records: a format octet, then fields in a fixed order.
//!
//! Numbers are big-endian, optional fields have an octet 0 or 1 before them, runs of octets their
//! length in 4. A record that does not read to its end is damaged, never half understood.

use crate::{issuer_id::IssuerId, reason::Reason, serial::Serial, time::Timestamp};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// A record that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at octet {offset}")]
#[non_exhaustive]
pub struct Damaged {
    /// What is wrong.
    pub problem: &'static str,
    /// Where, in octets from the start of the record.
    pub offset: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(format: u8) -> Self {
        Self(vec![format])
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// What was written so far.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.fixed(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.fixed(&value.to_be_bytes());
    }

    /// Octets whose number the format fixes.
    pub(crate) fn fixed(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    /// Octets of any number.
    pub(crate) fn octet_string(&mut self, octets: &[u8]) {
        // Nothing that is stored comes near 4 GiB.
        self.u32(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        self.fixed(octets);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.octet_string(text.as_bytes());
    }

    pub(crate) fn timestamp(&mut self, timestamp: Timestamp) {
        self.fixed(&timestamp.unix().to_be_bytes());
    }

    pub(crate) fn serial(&mut self, serial: Serial) {
        self.octet_string(serial.as_octets());
    }

    pub(crate) fn issuer(&mut self, issuer: IssuerId) {
        self.fixed(issuer.as_octets());
    }

    pub(crate) fn reason(&mut self, reason: Reason) {
        self.u8(reason.code());
    }

    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            write(self, item);
        }
    }
}

/// Octets, and their sum after them, by which they are known again.
pub(crate) fn sealed(mut octets: Vec<u8>) -> Vec<u8> {
    let sum = sum(&octets);
    octets.extend_from_slice(&sum.to_be_bytes());
    octets
}

/// The octets that were [sealed], and their sum; nothing where it is another.
pub(crate) fn unsealed(octets: &[u8]) -> Option<(&[u8], u128)> {
    let (octets, stated) = octets.split_last_chunk()?;
    let sum = sum(octets);
    (*stated == sum.to_be_bytes()).then_some((octets, sum))
}

/// A sum of octets that finds what was changed by accident. It is stored, so it must never change.
pub(crate) fn sum(octets: &[u8]) -> u128 {
    let mut hasher = SipHasher13::new();
    hasher.write(octets);
    hasher.finish128().as_u128()
}

#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts on a record, which must have this format.
    pub(crate) fn new(record: &'a [u8], format: u8) -> Result<Self, Damaged> {
        let mut reader = Self { rest: record, offset: 0 };
        if reader.u8()? == format {
            Ok(reader)
        } else {
            Err(Damaged { problem: "an unknown format", offset: 0 })
        }
    }

    pub(crate) fn damaged(&self, problem: &'static str) -> Damaged {
        Damaged { problem, offset: self.offset }
    }

    pub(crate) fn finish(self) -> Result<(), Damaged> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.damaged("octets left over")) }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.damaged("cut short"))?;
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    /// The octets of so many fields, each of this many.
    pub(crate) fn run(&mut self, fields: usize, octets: usize) -> Result<&'a [u8], Damaged> {
        let all = fields.checked_mul(octets);
        self.take(all.ok_or_else(|| self.damaged("a length past any address"))?)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let mut octets = [0; N];
        octets.copy_from_slice(self.take(N)?);
        Ok(octets)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Damaged> {
        let [octet] = self.fixed()?;
        Ok(octet)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Damaged> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged("neither true nor false")),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Damaged> {
        self.fixed().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Damaged> {
        self.fixed().map(u64::from_be_bytes)
    }

    pub(crate) fn octet_string(&mut self) -> Result<&'a [u8], Damaged> {
        let count = self.u32()?;
        self.take(usize::try_from(count).map_err(|_| self.damaged("a length past any address"))?)
    }

    pub(crate) fn text(&mut self) -> Result<String, Damaged> {
        String::from_utf8(self.octet_string()?.to_vec()).map_err(|_| self.damaged("not UTF-8"))
    }

    pub(crate) fn timestamp(&mut self) -> Result<Timestamp, Damaged> {
        let seconds = self.fixed().map(i64::from_be_bytes)?;
        Timestamp::from_unix(seconds).map_err(|_| self.damaged("a time out of range"))
    }

    pub(crate) fn serial(&mut self) -> Result<Serial, Damaged> {
        Serial::from_octets(self.octet_string()?).map_err(|_| self.damaged("no serial number"))
    }

    pub(crate) fn issuer(&mut self) -> Result<IssuerId, Damaged> {
        self.fixed().map(IssuerId::from_octets)
    }

    pub(crate) fn reason(&mut self) -> Result<Reason, Damaged> {
        let code = self.u8()?;
        Reason::from_code(code).ok_or_else(|| self.damaged("no reason that can be recorded"))
    }

    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Option<T>, Damaged> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Vec<T>, Damaged> {
        (0..self.u32()?).map(|_| read(self)).collect()
    }
}
