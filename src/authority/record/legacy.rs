//! Entries of imported CRLs whose serial numbers no certificate may have, as octets.

use crate::{
    authority::import::LegacyEntry,
    codec::{Damaged, Reader, Writer},
    lifecycle::Revocation,
    log::Tally,
    partition::Partition,
    serial::SerialRef,
};

const ENTRY_FORMAT: u8 = 1;

/// All but the serial number, which is in the key.
pub(in crate::authority) fn legacy_to_octets(entry: &LegacyEntry) -> Vec<u8> {
    let Revocation { date, reason, invalidity_date, recorded_at } = entry.revocation;
    let mut out = Writer::new(ENTRY_FORMAT);
    out.u32(entry.partition.0);
    out.timestamp(date);
    out.optional(reason, Writer::reason);
    out.optional(invalidity_date, Writer::timestamp);
    out.timestamp(recorded_at);
    out.finish()
}

pub(in crate::authority) fn legacy_from_octets(
    serial: SerialRef<'_>,
    octets: &[u8],
) -> Result<LegacyEntry, Damaged> {
    let mut input = Reader::new(octets, ENTRY_FORMAT)?;
    let partition = Partition(input.u32()?);
    let revocation = Revocation {
        date: input.timestamp()?,
        reason: input.optional(Reader::reason)?,
        invalidity_date: input.optional(Reader::timestamp)?,
        recorded_at: input.timestamp()?,
    };
    input.finish()?;
    Ok(LegacyEntry::new(serial, partition, revocation))
}

const TALLY_FORMAT: u8 = 1;

/// What a scan of the legacy entries of an issuer must find.
pub(in crate::authority) fn legacy_tally_to_octets(tally: Tally) -> Vec<u8> {
    let mut out = Writer::new(TALLY_FORMAT);
    out.u64(tally.count);
    out.fixed(&tally.sum.to_be_bytes());
    out.finish()
}

pub(in crate::authority) fn legacy_tally_from_octets(octets: &[u8]) -> Result<Tally, Damaged> {
    let mut input = Reader::new(octets, TALLY_FORMAT)?;
    let tally = Tally { count: input.u64()?, sum: u128::from_be_bytes(input.fixed()?) };
    input.finish()?;
    Ok(tally)
}
