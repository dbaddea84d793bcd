//! The keys of the spaces: octets whose order is the order that scans are promised.

use super::Partition;
use crate::{issuer_id::IssuerId, log::Position, serial::Serial};

/// The key of the head of an issuer's log: the 32 octets of its id.
pub fn head(issuer: IssuerId) -> Vec<u8> {
    issuer.as_octets().to_vec()
}

/// The key of an entry in [`Space::Log`](super::Space::Log): issuer, then the position in 8
/// octets, big-endian.
pub fn log(issuer: IssuerId, position: Position) -> Vec<u8> {
    [&issuer.as_octets()[..], &position.0.to_be_bytes()].concat()
}

/// The key of an entry in [`Space::Entries`](super::Space::Entries): issuer, partition in 4
/// octets, serial number as in [`serial`], position in 8 octets, numbers big-endian.
pub fn entry(issuer: IssuerId, partition: Partition, of: Serial, position: Position) -> Vec<u8> {
    let mut key = entries(issuer, partition);
    serial(&mut key, of);
    key.extend_from_slice(&position.0.to_be_bytes());
    key
}

/// What the keys of all entries of a partition start with.
pub fn entries(issuer: IssuerId, partition: Partition) -> Vec<u8> {
    [&issuer.as_octets()[..], &partition.0.to_be_bytes()].concat()
}

/// The key of a partition in [`Table::Partitions`](super::Table::Partitions) and
/// [`Table::PartitionTallies`](super::Table::PartitionTallies): as [`entries`].
pub fn partition(issuer: IssuerId, partition: Partition) -> Vec<u8> {
    entries(issuer, partition)
}

/// The key of a certificate in a partition: as [`partition`], then the serial number as in
/// [`serial`].
pub fn member(issuer: IssuerId, partition: Partition, of: Serial) -> Vec<u8> {
    let mut key = self::partition(issuer, partition);
    serial(&mut key, of);
    key
}

/// The key of a certificate: issuer, then the serial number as in [`serial`].
pub fn certificate(issuer: IssuerId, of: Serial) -> Vec<u8> {
    let mut key = issuer.as_octets().to_vec();
    serial(&mut key, of);
    key
}

/// The key of a CA certificate: the issuer that it makes, then its own key as in [`certificate`].
pub fn ca_certificate(ca: IssuerId, parent: IssuerId, of: Serial) -> Vec<u8> {
    [&ca.as_octets()[..], &certificate(parent, of)].concat()
}

/// What the keys of the chunks of a checkpoint start with: issuer, generation in 16 octets. The number
/// of the chunk follows in 4 octets, big-endian.
pub fn chunks(issuer: IssuerId, generation: &[u8; 16]) -> Vec<u8> {
    [&issuer.as_octets()[..], generation].concat()
}

/// The key of a chunk of a checkpoint.
pub fn chunk(issuer: IssuerId, generation: &[u8; 16], number: u32) -> Vec<u8> {
    [&chunks(issuer, generation)[..], &number.to_be_bytes()].concat()
}

/// Appends the number of content octets, then the octets: their order is that of the numbers.
pub fn serial(key: &mut Vec<u8>, serial: Serial) {
    // A serial number has at most 20 octets.
    key.push(serial.as_octets().len() as u8);
    key.extend_from_slice(serial.as_octets());
}

/// The position that a key in [`Space::Log`](super::Space::Log) or
/// [`Space::Entries`](super::Space::Entries) ends with; 0 if it is too short for one.
pub fn position(key: &[u8]) -> Position {
    Position(key.last_chunk().map_or(0, |octets| u64::from_be_bytes(*octets)))
}

/// The first key past all that start with `prefix`; `None` where there is none.
///
/// ```
/// use annul::store::key;
///
/// assert_eq!(key::past(&[1, 2]), Some(vec![1, 3]));
/// assert_eq!(key::past(&[1, 0xff]), Some(vec![2]));
/// assert_eq!(key::past(&[0xff]), None);
/// ```
pub fn past(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut past = prefix.to_vec();
    while let Some(last) = past.pop() {
        if let Some(next) = last.checked_add(1) {
            past.push(next);
            return Some(past);
        }
    }
    None
}
