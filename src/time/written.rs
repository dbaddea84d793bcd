//! Times as a `Time` of RFC 5280 §4.1.2.5 has them, put together from tables.
//!
//! A CRL of a million entries has as many dates, and these in no order: working each out from its
//! seconds would take longer than all else that is done for an entry. Of the tables few pages are
//! touched: revocations on one CRL are of a few years.

#![expect(clippy::indexing_slicing, reason = "while the tables are compiled, and nowhere else")]

use crate::asn1::UTC_TIME;

const SECONDS_A_DAY: u64 = 86_400;

/// From 1950 to 2049.
const UTC_TIME_DAYS: usize = 36_525;

/// What UTCTimes are made of. One place for all, so that the processor looks for it once.
struct Parts {
    /// What one begins with, header and all: `17 0d YYMMDD`, for all days from 1950-01-01 on.
    days: [[u8; 8]; UTC_TIME_DAYS],
    /// `HHMM`, for all minutes of a day.
    minutes: [[u8; 4]; 24 * 60],
    /// `SSZ` and 0, for all seconds of a minute.
    seconds: [[u8; 4]; 60],
}

static PARTS: Parts = Parts { days: days(), minutes: minutes(), seconds: seconds() };

const fn days() -> [[u8; 8]; UTC_TIME_DAYS] {
    let mut days = [[0; 8]; UTC_TIME_DAYS];
    let (mut day, mut year) = (0, 1950);
    while day < UTC_TIME_DAYS {
        let mut month = 1;
        while month <= 12 {
            let mut of_month = 1;
            while of_month <= last_of_month(year, month) {
                let ([y, yy], [m, mm], [d, dd]) =
                    (two_digits(year % 100), two_digits(month), two_digits(of_month));
                days[day] = [UTC_TIME, 13, y, yy, m, mm, d, dd];
                (day, of_month) = (day + 1, of_month + 1);
            }
            month += 1;
        }
        year += 1;
    }
    days
}

const fn minutes() -> [[u8; 4]; 24 * 60] {
    let mut minutes = [[0; 4]; 24 * 60];
    let mut minute = 0;
    while minute < minutes.len() {
        let ([h, hh], [m, mm]) = (two_digits(minute / 60), two_digits(minute % 60));
        minutes[minute] = [h, hh, m, mm];
        minute += 1;
    }
    minutes
}

const fn seconds() -> [[u8; 4]; 60] {
    let mut seconds = [[0; 4]; 60];
    let mut second = 0;
    while second < seconds.len() {
        let [s, ss] = two_digits(second);
        seconds[second] = [s, ss, b'Z', 0];
        second += 1;
    }
    seconds
}

/// The last day of a month, of the years 1950 to 2049.
const fn last_of_month(year: usize, month: usize) -> usize {
    match month {
        // 2000 is a leap year too.
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn two_digits(number: usize) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// A UTCTime, header and all, and an octet of no meaning, of a second since 1950-01-01T00:00:00Z;
/// nothing from 2050 on.
#[inline]
pub(super) fn utc_time(second: u64) -> Option<[u8; 16]> {
    let (day, second) = (second / SECONDS_A_DAY, (second % SECONDS_A_DAY) as usize);
    let mut written = [0; 16];
    *written.first_chunk_mut()? = *PARTS.days.get(day as usize)?;
    *written.get_mut(8..)?.first_chunk_mut()? = *PARTS.minutes.get(second / 60)?;
    *written.last_chunk_mut()? = *PARTS.seconds.get(second % 60)?;
    Some(written)
}
