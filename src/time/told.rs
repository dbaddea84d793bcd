//! A UTCTime told from what is none, without working out its seconds.
//!
//! Who passes over a million entries of a CRL needs no dates, but must refuse those that are none.

use crate::asn1::UTC_TIME;

/// Whether all these octets are a UTCTime as RFC 5280 §4.1.2.5.1 has it, of a day that exists.
#[inline]
pub(crate) fn is_utc_time(octets: &[u8; 15]) -> bool {
    let &[UTC_TIME, 13, ref digits @ .., b'Z'] = octets else { return false };
    let (Some(date), Some(time)) = (digits.first_chunk(), digits.last_chunk()) else {
        return false;
    };
    let (Some([year, month, ..]), Some([day, hour, minute, second])) =
        (two_digits(*date), two_digits(*time))
    else {
        return false;
    };
    // From 1950 to 2049 every fourth year is a leap year.
    let is_leap = year.is_multiple_of(4);
    let days =
        DAYS.get(usize::from(month)).map_or(0, |days| days + u8::from(is_leap && month == 2));
    (1..=days).contains(&day) & (hour < 24) & (minute < 60) & (second < 60)
}

/// The days of each month, from 1; February of most years.
const DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The four numbers that these digits are, worked out side by side in one word.
#[inline]
fn two_digits(octets: [u8; 8]) -> Option<[u8; 4]> {
    const ONES: u64 = u64::MAX / 0xff;
    let word = u64::from_le_bytes(octets);
    // 6 more takes an octet past '9' out of the row of the digits.
    let row = |word: u64| word & (ONES * 0xf0);
    let is_digits = row(word) == ONES * 0x30 && row(word.wrapping_add(ONES * 6)) == ONES * 0x30;
    let digits = word & (ONES * 0x0f);
    let [a, _, b, _, c, _, d, _] = (digits * 10 + (digits >> 8)).to_le_bytes();
    is_digits.then_some([a, b, c, d])
}
