//! SipHash-1-3 of the number of a certificate, under a secret key.
//!
//! All numbers are of 20 octets, so the hash takes three words in a row: nothing is buffered, and no
//! length is asked for.

use crate::serial::Number;

/// The length of what is hashed, where SipHash wants it: in the top octet of the last word.
const LENGTH: u64 = 20 << 56;

/// The state that a key leads to.
pub(super) struct NumberHash(State);

impl NumberHash {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let key = u128::from_le_bytes(*key);
        let (low, high) = (key as u64, (key >> 64) as u64);
        Self(State([
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ]))
    }

    /// The hash of the big-endian octets of a number.
    #[inline]
    pub(super) const fn of(&self, (high, middle, end): Number) -> u64 {
        // SipHash reads little-endian words.
        let last = LENGTH | end.swap_bytes() as u64;
        self.0.took(high.swap_bytes()).took(middle.swap_bytes()).took(last).finish()
    }
}

#[derive(Clone, Copy)]
struct State([u64; 4]);

impl State {
    #[inline]
    const fn took(self, word: u64) -> Self {
        let Self([a, b, c, d]) = self;
        let Self([a, b, c, d]) = Self([a, b, c, d ^ word]).mixed();
        Self([a ^ word, b, c, d])
    }

    #[inline]
    const fn finish(self) -> u64 {
        let Self([a, b, c, d]) = self;
        let Self([a, b, c, d]) = Self([a, b, c ^ 0xff, d]).mixed().mixed().mixed();
        a ^ b ^ c ^ d
    }

    /// SipRound.
    #[inline]
    const fn mixed(self) -> Self {
        let Self([mut a, mut b, mut c, mut d]) = self;
        a = a.wrapping_add(b);
        c = c.wrapping_add(d);
        b = b.rotate_left(13) ^ a;
        d = d.rotate_left(16) ^ c;
        a = a.rotate_left(32).wrapping_add(d);
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        d = d.rotate_left(21) ^ a;
        Self([a, b, c.rotate_left(32), d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serial::Serial;
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    proptest! {
        #[test]
        fn it_is_that_of_the_octets(key: [u8; 16], high: u64, middle: u64, end: u32) {
            let serial = Serial::from_words((high, middle, end));
            let octets = serial.as_octets();
            let mut number = [0; 20];
            number[20 - octets.len()..].copy_from_slice(octets);
            let expected = SipHasher13::new_with_key(&key).hash(&number);
            prop_assert_eq!(NumberHash::new(&key).of(serial.words()), expected);
        }
    }
}
