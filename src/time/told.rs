//! A UTCTime told from what is none, without working out its seconds.
//!
//! Who passes over a million entries of a CRL needs no dates, but must refuse those that are none.

use crate::asn1::UTC_TIME;

/// Whether all these octets are a UTCTime as RFC 5280 §4.1.2.5.1 has it, of a day that exists.
///
/// Its digits are looked at side by side in two words, in which those of the day are twice:
///
/// ```text
/// 17 0d  Y Y M M D D h h m m s s  Z
///        └─── date ────┘
///                └──── time ───┘
/// ```
#[inline(always)]
pub(crate) fn is_utc_time(octets: &[u8; 15]) -> bool {
    let &[UTC_TIME, 13, ref digits @ .., b'Z'] = octets else { return false };
    let (Some(date), Some(time)) = (digits.first_chunk(), digits.last_chunk()) else {
        return false;
    };
    // What is left of a digit is its number, below 10.
    let [date, time] = [date, time].map(|octets| u64::from_le_bytes(*octets) ^ (ONES * 0x30));
    let past_9 = date.wrapping_add(ONES * 6) | time.wrapping_add(ONES * 6);
    if (date | time | past_9) & (ONES * 0xf0) != 0 {
        return false;
    }
    // The even octets are the numbers; the odd ones are of two pairs, and nobody looks at them.
    let [date, time] = [date, time].map(|digits| digits * 10 + (digits >> 8));
    let [year, _, month, ..] = date.to_le_bytes();
    // From 1950 to 2049 every fourth year is a leap year.
    let leap_day = u8::from(year.is_multiple_of(4) & (month == 2));
    let days = DAYS.get(usize::from(month)).map_or(0, |days| days + leap_day);
    let [day, ..] = time.to_le_bytes();
    let is_late = (time & 0x00ff_00ff_00ff_0000) + PAST_THE_LAST;
    (day.wrapping_sub(1) < days) & (is_late & 0x8000_8000_8000_0000 == 0)
}

/// 1 in each octet.
const ONES: u64 = u64::MAX / 0xff;

/// Takes an hour past 23, a minute or a second past 59 to the top bit of its two octets.
const PAST_THE_LAST: u64 = (0x8000 - 60) << 48 | (0x8000 - 60) << 32 | (0x8000 - 24) << 16;

/// The days of each month, from 1; February of most years.
const DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
