//! A hash of the number of a certificate, under a secret key.
//!
//! ```text
//! NH      (high + k0)(middle + k1) + (end + k2) k3          mod 2^128, the sums in brackets mod 2^64
//! folded  (low half ^ k4)(high half ^ k5)                   its halves, one XOR the other
//! ```
//!
//! These are the words of a number as its octets lie in memory, so the machine's order is in the hash,
//! which never leaves it. Any two numbers that somebody chose who does not know the key agree in the 128 bits of NH with a
//! probability of 2^−64: that is proven (UMAC rests on it, RFC 4418 §5.2). The fold makes 64 bits of
//! them that look random. Three multiplications take a fraction of the time of a hash that also hides
//! its key from who sees what it answers; nobody does, but by how long a look-up takes.

use super::{MAX_OCTETS, Number, SerialRef};
use sha2::{Digest, Sha512};
use siphasher::sip::SipHasher13;

/// The words that a key leads to.
#[derive(Clone)]
pub(crate) struct NumberHash([u64; 6]);

impl NumberHash {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let octets = Sha512::digest(key);
        let mut words = octets.as_chunks().0.iter().copied().map(u64::from_le_bytes);
        Self([(); 6].map(|()| words.next().unwrap_or_default()))
    }

    /// The hash of a number.
    #[inline]
    pub(crate) const fn of(&self, (high, middle, end): Number) -> u64 {
        // As the octets are in memory: nothing has to be turned round to be hashed.
        self.of_words(high.to_be(), middle.to_be(), end.to_be() as u64)
    }

    #[inline]
    const fn of_words(&self, high: u64, middle: u64, end: u64) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        let first = product(high.wrapping_add(a), middle.wrapping_add(b));
        let nh = first.wrapping_add(product(end.wrapping_add(c), d));
        let folded = product(nh as u64 ^ e, (nh >> 64) as u64 ^ f);
        folded as u64 ^ (folded >> 64) as u64
    }
}

/// The hash of a serial number as it is stated, which may be one that no certificate has.
#[derive(Clone)]
pub(crate) struct StatedHash {
    usual: NumberHash,
    long: SipHasher13,
}

impl StatedHash {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self { usual: NumberHash::new(key), long: SipHasher13::new_with_key(key) }
    }

    /// The hash of the octets.
    #[inline]
    pub(crate) fn of(&self, serial: SerialRef<'_>) -> u64 {
        let octets = serial.as_octets();
        match words(octets) {
            // With their number, for words may be of more octets or of fewer.
            Some((high, middle, end)) => {
                let length = (octets.len() as u64) << u32::BITS;
                self.usual.of_words(high, middle, length | u64::from(end))
            }
            None => self.long.hash(octets),
        }
    }
}

/// Up to 20 octets as words, in which some of them may be twice.
#[inline]
fn words(octets: &[u8]) -> Option<Number> {
    if octets.len() > MAX_OCTETS {
        return None;
    }
    let high = octets.first_chunk().copied().map(u64::from_le_bytes);
    let Some(high) = high else {
        // Fewer than eight.
        return Some((octets.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet)), 0, 0));
    };
    let middle = octets.get(8..).and_then(|rest| rest.first_chunk());
    let (Some(middle), Some(end)) = (middle, octets.last_chunk()) else {
        // Fewer than sixteen.
        return Some((high, octets.last_chunk().copied().map_or(0, u64::from_le_bytes), 0));
    };
    Some((high, u64::from_le_bytes(*middle), u32::from_le_bytes(*end)))
}

#[inline]
const fn product(one: u64, other: u64) -> u128 {
    one as u128 * other as u128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> impl Iterator<Item = NumberHash> {
        (0..2000_u128).map(|key| NumberHash::new(&key.to_le_bytes()))
    }

    #[test]
    fn no_two_serial_numbers_of_one_length_have_the_same_words() {
        for length in 1..=MAX_OCTETS {
            let octets = vec![0x55; length];
            for at in 0..length {
                let mut other = octets.clone();
                other[at] ^= 0x10;
                assert_ne!(words(&octets).unwrap(), words(&other).unwrap(), "{at} of {length}");
            }
        }
        assert_eq!(words(&[1; MAX_OCTETS + 1]), None);
        let hash = StatedHash::new(&[7; 16]);
        let of = |octets| hash.of(SerialRef::from_octets(octets).unwrap());
        assert_ne!(of(&[0, 1]), of(&[0, 0, 1]));
    }

    #[test]
    fn each_bit_of_a_number_changes_each_bit_of_the_hash_half_the_time() {
        for number in [(0, 0, 1), (0, 0x1234_5678_9abc_def0, 0x1111_2222), (u64::MAX >> 1, 0, 0)] {
            for bit in 0..160 {
                let (high, middle, end) = number;
                let changed = match bit {
                    0..32 => (high, middle, end ^ 1 << bit),
                    32..96 => (high, middle ^ 1 << (bit - 32), end),
                    _ => (high ^ 1 << (bit - 96), middle, end),
                };
                let mut changes = [0_u32; 64];
                for hash in keys() {
                    let difference = hash.of(number) ^ hash.of(changed);
                    for (at, changes) in changes.iter_mut().enumerate() {
                        *changes += (difference >> at & 1) as u32;
                    }
                }
                for (at, changes) in changes.into_iter().enumerate() {
                    assert!((850..1150).contains(&changes), "bit {bit} of {at}: {changes} of 2000");
                }
            }
        }
    }

    #[test]
    fn numbers_in_a_row_spread_as_random_ones_do() {
        const LINES: u64 = 1 << 10;
        for step in [1, 1 << 16, 1 << 32, (1 << 32) + 1, 1 << 48] {
            for hash in keys().take(20) {
                let mut loads = [0_u32; LINES as usize];
                for number in 0..8 * LINES {
                    let number = (0, number.wrapping_mul(step), 0);
                    let line = (u128::from(hash.of(number)) * u128::from(LINES)) >> 64;
                    loads[line as usize] += 1;
                }
                // Where 8 are expected, 32 random ones come together less than once in 10^9 times.
                let most = loads.iter().max().copied();
                assert!(most < Some(32), "steps of {step}: {most:?} in one place");
            }
        }
    }
}
