//! CRL numbers: RFC 5280 §5.2.3.

use std::fmt;

/// The most content octets that a CRL number may have (RFC 5280 §5.2.3).
const MAX_OCTETS: usize = 20;

/// The number of a CRL: 0 through 2^159 − 1, what a DER INTEGER of 20 octets can hold.
///
/// Of two CRLs for one scope, the one with the higher number was issued later (RFC 5280 §5.2.3).
///
/// ```
/// use annul::CrlNumber;
///
/// let number = CrlNumber::from_u64(0xff);
/// assert_eq!(number.to_string(), "255");
/// assert_eq!(number.next(), Some(CrlNumber::from_u64(0x100)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlNumber([u8; MAX_OCTETS]);

/// Why something is not the number of a CRL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlNumberError {
    /// There is nothing.
    #[error("an empty CRL number")]
    Empty,
    /// RFC 5280 §5.2.3 numbers from zero.
    #[error("a negative CRL number (RFC 5280 §5.2.3)")]
    Negative,
    /// The DER INTEGER has a needless leading octet.
    #[error("a CRL number with a needless leading zero octet (X.690 §8.3.2)")]
    NotMinimal,
    /// More than 20 content octets.
    #[error("a CRL number of {octets} octets: at most 20 are allowed (RFC 5280 §5.2.3)")]
    TooLong {
        /// How many there are, the sign octet included.
        octets: usize,
    },
}

impl CrlNumber {
    /// 0.
    pub const MIN: Self = Self([0; MAX_OCTETS]);

    /// 2^159 − 1.
    pub const MAX: Self = {
        let mut octets = [0xff; MAX_OCTETS];
        octets[0] = 0x7f;
        Self(octets)
    };

    /// The number with this value.
    pub const fn from_u64(value: u64) -> Self {
        let mut number = [0; MAX_OCTETS];
        if let Some((_, low)) = number.split_last_chunk_mut() {
            *low = value.to_be_bytes();
        }
        Self(number)
    }

    /// Takes the content octets of a DER INTEGER.
    ///
    /// # Errors
    /// Where they are empty, negative, not minimal, or more than 20.
    pub fn from_octets(octets: &[u8]) -> Result<Self, CrlNumberError> {
        match octets {
            [] => Err(CrlNumberError::Empty),
            [0x80..=0xff, ..] => Err(CrlNumberError::Negative),
            [0, 0..=0x7f, ..] => Err(CrlNumberError::NotMinimal),
            _ => {
                let too_long = CrlNumberError::TooLong { octets: octets.len() };
                let leading = MAX_OCTETS.checked_sub(octets.len()).ok_or(too_long)?;
                let mut number = [0; MAX_OCTETS];
                number.iter_mut().skip(leading).zip(octets).for_each(|(to, from)| *to = *from);
                Ok(Self(number))
            }
        }
    }

    /// The content octets of the DER INTEGER: 1 to 20.
    pub fn as_octets(&self) -> &[u8] {
        let needless = |pair: &&[u8]| matches!(pair, [0, 0..=0x7f]);
        self.0.get(self.0.windows(2).take_while(needless).count()..).unwrap_or(&self.0)
    }

    /// Takes 20 octets, big-endian.
    ///
    /// # Errors
    /// [`CrlNumberError::Negative`] where the top bit is set: it is 2^159 or more.
    pub const fn from_be_bytes(octets: [u8; MAX_OCTETS]) -> Result<Self, CrlNumberError> {
        if octets[0] < 0x80 { Ok(Self(octets)) } else { Err(CrlNumberError::Negative) }
    }

    /// 20 octets, big-endian.
    pub const fn to_be_bytes(self) -> [u8; MAX_OCTETS] {
        self.0
    }

    /// The number after this one; `None` after 2^159 − 1.
    pub fn next(self) -> Option<Self> {
        let mut number = self.0;
        for octet in number.iter_mut().rev() {
            *octet = octet.wrapping_add(1);
            if *octet != 0 {
                break;
            }
        }
        Self::from_be_bytes(number).ok()
    }
}

impl fmt::Display for CrlNumber {
    /// Decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quotient = self.0;
        let mut digits = Vec::new();
        loop {
            let mut remainder = 0u16;
            for octet in &mut quotient {
                let dividend = remainder << 8 | u16::from(*octet);
                *octet = (dividend / 10) as u8;
                remainder = dividend % 10;
            }
            digits.push(char::from(b'0' + remainder as u8));
            if quotient == [0; MAX_OCTETS] {
                return f.pad_integral(true, "", &digits.iter().rev().collect::<String>());
            }
        }
    }
}

impl fmt::Debug for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrlNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: &str = "730750818665451459101842416358141509827966271487";

    #[test]
    fn e13_a_number_is_minimal_not_negative_and_below_two_to_the_159() {
        assert_eq!(CrlNumber::from_octets(&[]), Err(CrlNumberError::Empty));
        assert_eq!(CrlNumber::from_octets(&[0x80]), Err(CrlNumberError::Negative));
        assert_eq!(CrlNumber::from_octets(&[0, 1]), Err(CrlNumberError::NotMinimal));
        let too_long = Err(CrlNumberError::TooLong { octets: 21 });
        assert_eq!(CrlNumber::from_octets(&[1; 21]), too_long);
        assert_eq!(CrlNumber::from_be_bytes([0x80; 20]), Err(CrlNumberError::Negative));
        for octets in [&[0][..], &[1], &[0x7f], &[0, 0x80], &[1, 0], &[0x7f; 20]] {
            assert_eq!(CrlNumber::from_octets(octets).unwrap().as_octets(), octets);
        }
        assert_eq!(CrlNumber::MAX.to_string(), LAST);
        assert_eq!(CrlNumber::MAX.next(), None);
        assert_eq!(CrlNumber::from_octets(CrlNumber::MAX.as_octets()), Ok(CrlNumber::MAX));
    }

    #[test]
    fn e14_the_next_number_is_one_more() {
        for value in [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x1234_5678_9abc_deff] {
            let number = CrlNumber::from_u64(value);
            assert_eq!(number.to_string(), value.to_string());
            assert_eq!(number.next(), Some(CrlNumber::from_u64(value + 1)));
            assert!(number < number.next().unwrap());
        }
        let past_64_bits = CrlNumber::from_u64(u64::MAX).next().unwrap();
        assert_eq!(past_64_bits.to_string(), "18446744073709551616");
    }
}
