//! Serial numbers: RFC 5280 §4.1.2.2.

mod hash;

pub(crate) use self::hash::{NumberHash, StatedHash};

use std::{cmp::Ordering, fmt, str::FromStr};

/// The most content octets that a serial number may have (RFC 5280 §4.1.2.2).
const MAX_OCTETS: usize = 20;

/// The serial number of a certificate that can be issued and revoked.
///
/// It holds the content octets of the DER INTEGER, 1 to 20 of them, positive and minimal, the
/// leading zero kept that DER puts before a set top bit. So it compares equal to the octets in a
/// certificate and on a CRL, whatever text it came from. The order is that of the numbers.
///
/// ```
/// use annul::Serial;
///
/// let serial: Serial = "e8:cb:d2".parse()?;
/// assert_eq!(serial.as_octets(), [0x00, 0xe8, 0xcb, 0xd2]);
/// assert_eq!(serial, "0xE8CBD2".parse()?);
/// assert_eq!(serial, Serial::from_decimal("15256530")?);
/// assert_eq!(serial.to_string(), "e8:cb:d2");
/// # Ok::<(), annul::SerialError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial {
    length: u8,
    // The number: the content octets at the end, zeros before them.
    octets: [u8; MAX_OCTETS],
}

/// The number that a serial number is, as words that compare as it does.
pub(crate) type Number = (u64, u64, u32);

/// Why something is not a serial number that can be issued or revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialError {
    /// There is nothing.
    #[error("an empty serial number")]
    Empty,
    /// RFC 5280 §4.1.2.2 demands a positive integer.
    #[error("serial number zero: it must be positive (RFC 5280 §4.1.2.2)")]
    Zero,
    /// RFC 5280 §4.1.2.2 demands a positive integer.
    #[error("a negative serial number: it must be positive (RFC 5280 §4.1.2.2)")]
    Negative,
    /// The DER INTEGER has a needless leading octet.
    #[error("a serial number with a needless leading zero octet (X.690 §8.3.2)")]
    NotMinimal,
    /// More than 20 content octets.
    #[error("a serial number of {octets} octets: at most 20 are allowed (RFC 5280 §4.1.2.2)")]
    TooLong {
        /// How many there are, the sign octet included.
        octets: usize,
    },
    /// A character that the form of the text does not allow.
    #[error("a serial number with {character:?} at character {index}: {expected} expected")]
    Character {
        /// The character.
        character: char,
        /// Its place, counted in characters from 0.
        index: usize,
        /// What may stand there.
        expected: &'static str,
    },
    /// Hexadecimal digits that do not make whole octets; only the `0x` form may leave the first
    /// digit out.
    #[error("a serial number of {digits} hexadecimal digits: an even number expected")]
    OddDigits {
        /// How many digits were given.
        digits: usize,
    },
}

impl Serial {
    /// The highest, of 20 octets.
    pub(crate) const MAX: Self = {
        let mut octets = [0xff; MAX_OCTETS];
        octets[0] = 0x7f;
        Self { length: MAX_OCTETS as u8, octets }
    };

    /// Takes the content octets of a DER INTEGER as they stand in a certificate.
    ///
    /// # Errors
    /// Where they are empty, zero, negative, not minimal, or more than 20.
    pub fn from_octets(octets: &[u8]) -> Result<Self, SerialError> {
        match octets {
            [] => Err(SerialError::Empty),
            [0] => Err(SerialError::Zero),
            [0x80..=0xff, ..] => Err(SerialError::Negative),
            [0, 0..=0x7f, ..] => Err(SerialError::NotMinimal),
            _ => {
                let mut serial = Self { length: 0, octets: [0; MAX_OCTETS] };
                MAX_OCTETS
                    .checked_sub(octets.len())
                    .and_then(|zeros| serial.octets.get_mut(zeros..))
                    .ok_or(SerialError::TooLong { octets: octets.len() })?
                    .copy_from_slice(octets);
                serial.length = octets.len() as u8;
                Ok(serial)
            }
        }
    }

    /// Takes an unsigned big-endian number of any length; leading zeros do not matter.
    ///
    /// # Errors
    /// Where it is empty, zero, or takes more than 20 octets as a DER INTEGER.
    pub fn from_unsigned(magnitude: &[u8]) -> Result<Self, SerialError> {
        let zeros = magnitude.iter().take_while(|&&octet| octet == 0).count();
        match magnitude.get(zeros..) {
            None | Some([]) if magnitude.is_empty() => Err(SerialError::Empty),
            None | Some([]) => Err(SerialError::Zero),
            Some(significant @ [first, ..]) if *first >= 0x80 => {
                let mut octets = Vec::with_capacity(significant.len() + 1);
                octets.push(0);
                octets.extend_from_slice(significant);
                Self::from_octets(&octets)
            }
            Some(significant) => Self::from_octets(significant),
        }
    }

    /// Parses decimal digits. Decimal is never guessed: plain digits given to
    /// [`str::parse`] are hexadecimal.
    ///
    /// # Errors
    /// Where a character is no digit, or the number is zero or too long.
    pub fn from_decimal(text: &str) -> Result<Self, SerialError> {
        let mut magnitude = [0u8; MAX_OCTETS + 1];
        for (index, character) in text.chars().enumerate() {
            let digit = character.to_digit(10).ok_or(SerialError::Character {
                character,
                index,
                expected: "a decimal digit",
            })?;
            let mut carry = digit;
            for octet in magnitude.iter_mut().rev() {
                carry += u32::from(*octet) * 10;
                *octet = carry as u8;
                carry >>= 8;
            }
            if carry != 0 {
                return Err(SerialError::TooLong { octets: magnitude.len() + 1 });
            }
        }
        if text.is_empty() { Err(SerialError::Empty) } else { Self::from_unsigned(&magnitude) }
    }

    /// The content octets of the DER INTEGER, sign octet kept: 1 to 20.
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(MAX_OCTETS - usize::from(self.length)..).unwrap_or(&self.octets)
    }

    /// The serial number with this number.
    #[inline]
    pub(crate) fn from_words(number: Number) -> Self {
        let (high, middle, end) = number;
        let mut octets = [0; MAX_OCTETS];
        if let Some(first) = octets.first_chunk_mut() {
            *first = (u128::from(high) << 64 | u128::from(middle)).to_be_bytes();
        }
        if let Some(last) = octets.last_chunk_mut() {
            *last = end.to_be_bytes();
        }
        Self { length: length(number), octets }
    }

    /// How many content octets the DER INTEGER has: 1 to 20.
    #[inline]
    pub(crate) fn length(&self) -> u8 {
        self.length
    }

    /// Its number.
    #[inline]
    pub(crate) fn words(&self) -> Number {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, rest @ ..] = self.octets;
        let high = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let middle = u64::from_be_bytes([i, j, k, l, m, n, o, p]);
        (high, middle, u32::from_be_bytes(rest))
    }

    /// The same number for look-ups in what others made.
    pub fn as_ref(&self) -> SerialRef<'_> {
        SerialRef(self.as_octets())
    }
}

/// How many content octets the DER INTEGER of a number has.
#[inline]
fn length(number: Number) -> u8 {
    let bits = match number {
        (0, 0, end) => u32::BITS - end.leading_zeros(),
        (0, middle, _) => u32::BITS + u64::BITS - middle.leading_zeros(),
        // That of no serial number has the highest bit set, so that there are 20 octets at most.
        (high, ..) => u32::BITS + 2 * u64::BITS - (high & i64::MAX as u64).leading_zeros(),
    };
    // With room for the sign.
    (bits / 8 + 1) as u8
}

/// Writes the content octets of the DER INTEGER of a number after four others, and says how many
/// they are. What is before and behind them in `place` is of no meaning.
#[inline]
pub(crate) fn write_after_four(number: Number, place: &mut [u8; 4 + MAX_OCTETS]) -> Option<u8> {
    let (length, (high, middle, end)) = (length(number), number);
    match length.checked_sub(16) {
        // With all zeros before it, it begins no later than these four.
        Some(start) => {
            let place = place.get_mut(usize::from(start)..)?.first_chunk_mut::<MAX_OCTETS>()?;
            *place.first_chunk_mut()? = high.to_be_bytes();
            *place.get_mut(8..)?.first_chunk_mut()? = middle.to_be_bytes();
            *place.last_chunk_mut()? = end.to_be_bytes();
        }
        None => {
            let number = u128::from(high) << 96 | u128::from(middle) << 32 | u128::from(end);
            let shifted = number << (8 * (16 - u32::from(length)));
            *place.get_mut(4..)?.first_chunk_mut()? = shifted.to_be_bytes();
        }
    }
    Some(length)
}

impl PartialOrd for Serial {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Serial {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.words().cmp(&other.words())
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    /// Parses hexadecimal, upper or lower case: octets with colons or hyphens between them, bare
    /// digits, or digits after `0x` (where their number may be odd, as OpenSSL prints them).
    fn from_str(text: &str) -> Result<Self, SerialError> {
        let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let digits = match (prefixed, text.chars().find(|c| matches!(c, ':' | '-'))) {
            (Some(digits), _) => hexadecimal(digits, 2)?,
            (None, Some(separator)) => separated(text, separator)?,
            (None, None) => hexadecimal(text, 0)?,
        };
        if digits.is_empty() {
            return Err(SerialError::Empty);
        }
        if digits.len() % 2 == 1 && prefixed.is_none() {
            return Err(SerialError::OddDigits { digits: digits.len() });
        }
        let magnitude: Vec<u8> =
            digits.rchunks(2).rev().map(|pair| pair.iter().fold(0, |n, d| n << 4 | d)).collect();
        Self::from_unsigned(&magnitude)
    }
}

/// The values of a run of hexadecimal digits that starts at character `start` of the text.
fn hexadecimal(text: &str, start: usize) -> Result<Vec<u8>, SerialError> {
    let expected = "a hexadecimal digit";
    text.chars()
        .enumerate()
        .map(|(at, character)| match character.to_digit(16) {
            Some(digit) => Ok(digit as u8),
            None => Err(SerialError::Character { character, index: start + at, expected }),
        })
        .collect()
}

/// The values of the digits of octets of two digits each, one separator between any two.
fn separated(text: &str, separator: char) -> Result<Vec<u8>, SerialError> {
    let mut digits = Vec::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        match (index % 3, character.to_digit(16)) {
            (2, None) if character == separator => {}
            (0 | 1, Some(digit)) => digits.push(digit as u8),
            (place, _) => {
                let expected = if place == 2 { "the separator" } else { "a hexadecimal digit" };
                return Err(SerialError::Character { character, index, expected });
            }
        }
    }
    let whole = text.chars().count() % 3 == 2;
    if whole { Ok(digits) } else { Err(SerialError::OddDigits { digits: digits.len() }) }
}

impl fmt::Display for Serial {
    /// Lower-case octets with colons between them, without the sign octet, as `openssl` prints
    /// them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// A serial number as anyone may have written it: the content octets of any INTEGER.
///
/// RFC 5280 §4.1.2.2 asks those who read to cope with numbers that are negative, zero or too
/// long. Two are equal if their octets are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerialRef<'a>(
    // Never empty.
    pub(crate) &'a [u8],
);

impl<'a> SerialRef<'a> {
    /// Takes the content octets of an INTEGER.
    ///
    /// # Errors
    /// [`SerialError::Empty`] where there are none.
    pub fn from_octets(octets: &'a [u8]) -> Result<Self, SerialError> {
        if octets.is_empty() { Err(SerialError::Empty) } else { Ok(Self(octets)) }
    }

    /// The content octets, as they were written.
    pub fn as_octets(&self) -> &'a [u8] {
        self.0
    }

    /// What it is to be compared by where an order is needed: for those that a [`Serial`] can be, it
    /// is that of the numbers.
    pub(crate) fn order(&self) -> (usize, &'a [u8]) {
        (self.0.len(), self.0)
    }

    /// The number as one that can be issued and revoked.
    ///
    /// # Errors
    /// Where it is not positive, not minimal, or has more than 20 octets.
    pub fn to_serial(&self) -> Result<Serial, SerialError> {
        Serial::from_octets(self.0)
    }
}

impl fmt::Display for SerialRef<'_> {
    /// Like [`Serial`]: lower-case octets without a leading zero octet. So `00 ff`, which is 255, and
    /// `ff`, which is −1, are shown alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match self.0 {
            [0, rest @ ..] if !rest.is_empty() => rest,
            octets => octets,
        };
        for (index, octet) in shown.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SerialRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialRef({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8";

    #[test]
    fn s76_every_text_form_is_one_serial_with_its_sign_octet() {
        let serial: Serial = SAMPLE.parse().unwrap();
        assert_eq!(serial.as_octets().len(), 17);
        assert_eq!(serial.as_octets()[..2], [0x00, 0xe8]);
        let plain = SAMPLE.replace(':', "");
        for text in [
            SAMPLE.to_uppercase(),
            SAMPLE.replace(':', "-"),
            plain.clone(),
            format!("0x{plain}"),
            format!("00:{SAMPLE}"),
            format!("00{plain}"),
        ] {
            assert_eq!(text.parse(), Ok(serial), "{text}");
        }
        let decimal = u128::from_str_radix(&plain, 16).unwrap().to_string();
        assert_eq!(Serial::from_decimal(&decimal), Ok(serial));
        assert_eq!(serial.to_string(), SAMPLE);
        assert_eq!(Serial::from_octets(serial.as_octets()), Ok(serial));
    }

    #[test]
    fn e26_octets_are_positive_minimal_and_at_most_twenty() {
        assert_eq!(Serial::from_octets(&[]), Err(SerialError::Empty));
        assert_eq!(Serial::from_octets(&[0]), Err(SerialError::Zero));
        assert_eq!(Serial::from_octets(&[0x80]), Err(SerialError::Negative));
        assert_eq!(Serial::from_octets(&[0, 1]), Err(SerialError::NotMinimal));
        assert_eq!(Serial::from_octets(&[1; 21]), Err(SerialError::TooLong { octets: 21 }));
        assert_eq!(Serial::from_unsigned(&[0x80; 20]), Err(SerialError::TooLong { octets: 21 }));
        assert_eq!(Serial::from_octets(&[0x7f; 20]).unwrap().as_octets(), [0x7f; 20]);
        assert_eq!(Serial::from_octets(&[0, 0x80]).unwrap().as_octets(), [0, 0x80]);
    }

    #[test]
    fn text_that_is_no_serial_says_what_and_where() {
        let error = |text: &str| text.parse::<Serial>().unwrap_err();
        assert_eq!(error(""), SerialError::Empty);
        assert_eq!(error("0x"), SerialError::Empty);
        assert_eq!(error("00"), SerialError::Zero);
        assert_eq!(error("0x0"), SerialError::Zero);
        assert_eq!(error("abc"), SerialError::OddDigits { digits: 3 });
        assert_eq!(error("ab:c"), SerialError::OddDigits { digits: 3 });
        assert_eq!(error("ab:cd:"), SerialError::OddDigits { digits: 4 });
        let expected = "a hexadecimal digit";
        assert_eq!(error("abxd"), SerialError::Character { character: 'x', index: 2, expected });
        assert_eq!(error("0xag"), SerialError::Character { character: 'g', index: 3, expected });
        let expected = "the separator";
        assert_eq!(
            error("ab:cd-ef"),
            SerialError::Character { character: '-', index: 5, expected }
        );
        assert_eq!("0x1".parse(), Serial::from_octets(&[1]));
        let long = Serial::from_decimal(&"9".repeat(60)).unwrap_err();
        assert!(matches!(long, SerialError::TooLong { .. }));
    }

    #[test]
    fn the_number_is_all_there_is_to_it() {
        for length in 1..=MAX_OCTETS {
            for first in [[0x01, 0xff], [0x00, 0x80], [0x7f, 0x00]] {
                let octets = [&first[..], &[0; MAX_OCTETS]].concat();
                let Ok(serial) = Serial::from_octets(&octets[..length]) else { continue };
                assert_eq!(Serial::from_words(serial.words()), serial);
                assert_eq!(serial.as_octets(), &octets[..length]);
            }
        }
    }

    #[test]
    fn order_is_that_of_the_numbers() {
        let serials = ["01", "7f", "80", "ff", "0100", "7fff", "8000", "ffffff"];
        let parsed: Vec<Serial> = serials.iter().map(|s| s.parse().unwrap()).collect();
        assert!(parsed.is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn order_is_that_of_the_octets_among_serials_of_one_length(
            one in proptest::array::uniform20(0..3u8),
            other in proptest::array::uniform20(0..3u8),
            length in 2..=20usize,
        ) {
            let [one, other] = [one, other].map(|mut octets| {
                octets[0] = 1;
                Serial::from_octets(&octets[..length]).unwrap()
            });
            proptest::prop_assert_eq!(one.cmp(&other), one.as_octets().cmp(other.as_octets()));
        }
    }

    #[test]
    fn content_octets_are_written_after_four_others_whatever_their_number() {
        for length in 1..=MAX_OCTETS {
            for first in [0x01, 0x7f] {
                let mut octets = vec![first; length];
                octets.iter_mut().enumerate().skip(1).for_each(|(at, octet)| *octet = at as u8);
                let mut place = [0xee; 4 + MAX_OCTETS];
                let number = Serial::from_octets(&octets).unwrap().words();
                assert_eq!(write_after_four(number, &mut place), Some(length as u8));
                assert_eq!(place[4..][..length], octets);
            }
        }
        let mut place = [0xee; 4 + MAX_OCTETS];
        assert_eq!(write_after_four((0, 0x8000_0000, 0), &mut place), Some(9));
        assert_eq!(place[4..13], [0, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn foreign_serials_read_as_they_stand() {
        let negative = SerialRef::from_octets(&[0xff]).unwrap();
        assert_eq!(negative.to_serial(), Err(SerialError::Negative));
        assert_eq!(SerialRef::from_octets(&[0]).unwrap().to_string(), "00");
        assert!(SerialRef::from_octets(&[]).is_err());
    }
}
