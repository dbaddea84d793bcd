//! Entries as nearly all are, told by their first octets.
//!
//! ```text
//! 30 LL  02 NN serial  17 0d YYMMDDHHMMSSZ  [ 30 0c 30 0a 06 03 55 1d 15 04 03 0a 01 reason ]
//! ```
//!
//! Of a million entries nearly all are of this form, and who only wants to know where they stand
//! needs no more than to be sure of it. What this refuses may be good all the same; what it takes,
//! the reader of entries takes too.

use crate::{asn1, serial::SerialRef, time};

pub(super) struct Plain<'a> {
    pub(super) serial: SerialRef<'a>,
    /// In octets, header and all.
    pub(super) length: usize,
}

/// All of a crlEntryExtensions with a reason alone, but for the reason.
const REASON_CODE: [u8; 13] =
    [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01];

/// The first entry of these octets, if it is a plain one.
#[inline(always)]
pub(super) fn read(octets: &[u8]) -> Option<Plain<'_>> {
    let (length, serial, rest) = begin(octets)?;
    let (date, rest) = rest.split_first_chunk()?;
    let extensions = match usize::from(length).checked_sub(serial.as_octets().len() + 2 + 15)? {
        0 => true,
        14 => matches!(rest.split_first_chunk(), Some((&REASON_CODE, &[..0x80, ..]))),
        _ => false,
    };
    let length = 2 + usize::from(length);
    (extensions && time::is_utc_time(date)).then_some(Plain { serial, length })
}

/// The serial number of the first entry of these octets, which was a good one when it was read
/// before; nothing where it is too long to be told at once.
#[inline]
pub(super) fn serial(octets: &[u8]) -> Option<SerialRef<'_>> {
    begin(octets).map(|(_, serial, _)| serial)
}

/// The length of the first entry, its serial number, and what follows that.
#[inline(always)]
fn begin(octets: &[u8]) -> Option<(u8, SerialRef<'_>, &[u8])> {
    let (header, rest) = octets.split_first_chunk()?;
    let &[asn1::SEQUENCE, length @ ..0x80, asn1::INTEGER, serial_length @ ..0x80] = header else {
        return None;
    };
    let (serial, rest) = rest.split_at_checked(serial_length.into())?;
    Some((length, SerialRef::from_octets(serial).ok()?, rest))
}
