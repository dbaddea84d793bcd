//! What is revoked: random, and the same in every run.

use crate::{ca::Ca, error::Error};
use annul::{CrlEntry, Reason, Serial};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::Duration,
};

/// The reasons that there are, each as often as the others.
const REASONS: [Reason; 4] = [
    Reason::KeyCompromise,
    Reason::AffiliationChanged,
    Reason::Superseded,
    Reason::CessationOfOperation,
];
/// Before thisUpdate, in seconds.
const OLDEST: u32 = 2 * 365 * 24 * 60 * 60;

/// Entries in the order of their serial numbers, which are 16 random octets.
pub fn make(ca: &Ca, count: usize) -> Result<Vec<CrlEntry>, Error> {
    let mut entries = (0..count as u64).map(|n| entry(ca, n)).collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable_by_key(|entry| entry.serial);
    Ok(entries)
}

fn entry(ca: &Ca, n: u64) -> Result<CrlEntry, Error> {
    let random = Sha256::digest(n.to_be_bytes());
    let age = u32::from_be_bytes([random[16], random[17], random[18], random[19]]) % OLDEST;
    Ok(CrlEntry {
        serial: Serial::from_unsigned(&random[..16])?,
        revocation_date: ca.this_update().saturating_sub(Duration::from_secs(age.into())),
        reason: Some(REASONS[usize::from(random[20]) % REASONS.len()]),
        invalidity_date: None,
    })
}

/// The 16 octets of a serial number.
pub fn unsigned(serial: &Serial) -> [u8; 16] {
    let mut unsigned = [0; 16];
    for (to, from) in unsigned.iter_mut().rev().zip(serial.as_octets().iter().rev()) {
        *to = *from;
    }
    unsigned
}

/// The code of the reason of an entry.
pub fn reason(entry: &CrlEntry) -> u8 {
    entry.reason.map_or(0, Reason::code)
}

/// Writes entries for those who read files: 16 octets of serial number, 4 of the date in seconds since
/// 1970, one of the reason; big-endian.
pub fn write(entries: &[CrlEntry], path: &Path) -> Result<(), Error> {
    let mut file = BufWriter::new(File::create(path)?);
    for entry in entries {
        file.write_all(&unsigned(&entry.serial))?;
        file.write_all(&u32::try_from(entry.revocation_date.unix())?.to_be_bytes())?;
        file.write_all(&[reason(entry)])?;
    }
    Ok(file.flush()?)
}
