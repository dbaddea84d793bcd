//! A UTCTime told from what is none, without working out its seconds.
//!
//! Who passes over a million entries of a CRL needs no dates, but must refuse those that are none.

use crate::asn1::UTC_TIME;

/// Whether all these octets are a UTCTime as RFC 5280 §4.1.2.5.1 has it, of a day that exists.
#[inline]
pub(crate) fn is_utc_time(octets: &[u8; 15]) -> bool {
    let &[UTC_TIME, 13, y, yy, m, mm, d, dd, h, hh, n, nn, s, ss, b'Z'] = octets else {
        return false;
    };
    let [year, month, day, hour] = two_digits([y, yy, m, mm, d, dd, h, hh]);
    let [_, _, minute, second] = two_digits([y, yy, m, mm, n, nn, s, ss]);
    let days = match month {
        // From 1950 to 2049 every fourth year is a leap year.
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year < 100 && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60
}

/// The numbers that pairs of digits are; 100 or more where one is no digit.
#[inline]
fn two_digits(octets: [u8; 8]) -> [u8; 4] {
    let [a, b, c, d, e, f, g, h] = octets.map(|octet| octet.wrapping_sub(b'0'));
    [(a, b), (c, d), (e, f), (g, h)].map(|(ten, one)| match (ten, one) {
        (..=9, ..=9) => 10 * ten + one,
        _ => u8::MAX,
    })
}
