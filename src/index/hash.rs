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

use crate::serial::Number;
use sha2::{Digest, Sha512};

/// The words that a key leads to.
pub(super) struct NumberHash([u64; 6]);

impl NumberHash {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let octets = Sha512::digest(key);
        let mut words = octets.as_chunks().0.iter().copied().map(u64::from_le_bytes);
        Self([(); 6].map(|()| words.next().unwrap_or_default()))
    }

    /// The hash of a number.
    #[inline]
    pub(super) const fn of(&self, (high, middle, end): Number) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        // As the octets are in memory: nothing has to be turned round to be hashed.
        let (high, middle, end) = (high.to_be(), middle.to_be(), end.to_be());
        let first = product(high.wrapping_add(a), middle.wrapping_add(b));
        let nh = first.wrapping_add(product((end as u64).wrapping_add(c), d));
        let folded = product(nh as u64 ^ e, (nh >> 64) as u64 ^ f);
        folded as u64 ^ (folded >> 64) as u64
    }
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
