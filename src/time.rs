//! Time as RFC 5280 knows it: UTC, whole seconds, 1950 to 9999.

mod told;
mod written;

pub(crate) use self::told::is_utc_time;

use crate::asn1::{self, GENERALIZED_TIME, Malformed, UTC_TIME};
use std::{fmt, num::NonZeroU64, str::FromStr, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::datetime};

const FIRST: i64 = datetime!(1950-01-01 00:00:00 UTC).unix_timestamp();
const LAST: i64 = datetime!(9999-12-31 23:59:59 UTC).unix_timestamp();
const FIRST_GENERALIZED: i64 = datetime!(2050-01-01 00:00:00 UTC).unix_timestamp();

/// A moment in UTC, in whole seconds, from 1950-01-01T00:00:00Z through 9999-12-31T23:59:59Z:
/// what an RFC 5280 §4.1.2.5 `Time` can say.
///
/// ```
/// use annul::Timestamp;
///
/// let at: Timestamp = "2026-11-21T08:30:00.999+01:00".parse()?;
/// assert_eq!(at.to_string(), "2026-11-21T07:30:00Z");
/// # Ok::<(), annul::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    // Seconds since the last one of 1949: never zero, so that an `Option` of it is no larger.
    NonZeroU64,
);

/// Why something is no [`Timestamp`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Before 1950 or after 9999.
    #[error("{seconds} seconds from 1970 is outside the years 1950 to 9999")]
    OutOfRange {
        /// Seconds since 1970-01-01T00:00:00Z.
        seconds: i64,
    },
    /// A text that RFC 3339 does not allow.
    #[error("{text:?} is no RFC 3339 date and time such as 2026-11-21T08:30:00Z")]
    Text {
        /// What was given.
        text: String,
    },
}

impl Timestamp {
    /// 1950-01-01T00:00:00Z.
    pub const MIN: Self = Self::nearest(FIRST);

    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self::nearest(0);

    /// 9999-12-31T23:59:59Z, which RFC 5280 §4.1.2.5 uses for "no well-defined expiration date".
    pub const MAX: Self = Self::nearest(LAST);

    /// Seconds since 1970-01-01T00:00:00Z, which reach into 2106.
    #[inline]
    pub(crate) const fn from_unix_u32(seconds: u32) -> Self {
        Self::nearest(seconds as i64)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`] before 1950 or after 9999.
    pub const fn from_unix(seconds: i64) -> Result<Self, TimestampError> {
        if FIRST <= seconds && seconds <= LAST {
            Ok(Self::nearest(seconds))
        } else {
            Err(TimestampError::OutOfRange { seconds })
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> i64 {
        self.since_first() as i64 + FIRST
    }

    /// From seconds since 1970-01-01T00:00:00Z: the nearest that is none before 1950 or after 9999.
    #[inline]
    const fn nearest(seconds: i64) -> Self {
        let since_first = match seconds {
            ..FIRST => 0,
            FIRST..LAST => seconds - FIRST,
            LAST.. => LAST - FIRST,
        };
        Self(NonZeroU64::MIN.saturating_add(since_first as u64))
    }

    /// Seconds since 1950-01-01T00:00:00Z.
    const fn since_first(self) -> u64 {
        self.0.get() - 1
    }

    /// The moment `duration` later, fractions of a second cut off, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self::nearest(self.unix().saturating_add(seconds))
    }

    /// The moment `duration` earlier, fractions of a second cut off, at least
    /// [`Timestamp::MIN`].
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self::nearest(self.unix().saturating_sub(seconds))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// Reads an RFC 5280 §4.1.2.5 `Time`.
    pub(crate) fn from_element(
        element: &asn1::Element<'_>,
        name: &'static str,
    ) -> Result<Self, Malformed> {
        let problem = match element.tag {
            UTC_TIME => "not of the form YYMMDDHHMMSSZ",
            GENERALIZED_TIME => "not of the form YYYYMMDDHHMMSSZ",
            _ => "neither UTCTime nor GeneralizedTime",
        };
        seconds(element.tag, element.content)
            .and_then(|seconds| Self::from_unix(seconds).ok())
            .ok_or_else(|| element.malformed(name, problem))
    }

    /// Reads the `Time` of a certificate that needs revoking however sloppy it is: a UTCTime may
    /// lack its seconds, as X.509 had it before RFC 5280 §4.1.2.5.1, and a time before 1950 is
    /// [`Timestamp::MIN`].
    pub(crate) fn from_sloppy(
        element: &asn1::Element<'_>,
        name: &'static str,
    ) -> Result<Self, Malformed> {
        match (element.tag, element.content) {
            (UTC_TIME, [minutes @ .., b'Z']) if minutes.len() == 10 => {
                let content = &[minutes, b"00Z"].concat();
                Self::from_element(&asn1::Element { content, ..*element }, name)
            }
            (tag, content) => match seconds(tag, content) {
                Some(seconds) if seconds < FIRST => Ok(Self::MIN),
                _ => Self::from_element(element, name),
            },
        }
    }

    /// Reads a text as the content of a `Time`, of the one kind or the other by its length.
    pub(crate) fn from_digits_of_time(text: &[u8]) -> Option<Self> {
        let tag = if text.len() == "YYMMDDHHMMSSZ".len() { UTC_TIME } else { GENERALIZED_TIME };
        seconds(tag, text).and_then(|seconds| Self::from_unix(seconds).ok())
    }

    /// How many octets [`Timestamp::write_time`] appends.
    pub(crate) const fn time_length(self) -> u64 {
        if self.since_first() < (FIRST_GENERALIZED - FIRST) as u64 { 15 } else { 17 }
    }

    /// Appends an RFC 5280 §4.1.2.5 `Time`: UTCTime through 2049, GeneralizedTime from 2050.
    pub(crate) fn write_time(self, out: &mut Vec<u8>) {
        match self.utc_time() {
            Some(time) => out.extend_from_slice(&time),
            None => self.write_generalized_time(out),
        }
    }

    /// Appends a GeneralizedTime whatever the year, as invalidityDate (RFC 5280 §5.3.2) has it.
    pub(crate) fn write_generalized_time(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.generalized_time());
    }

    /// A UTCTime, header and all, through 2049.
    #[inline]
    pub(crate) fn utc_time(self) -> Option<[u8; 15]> {
        self.padded_utc_time()?.first_chunk().copied()
    }

    /// As [`Timestamp::utc_time`], with an octet of no meaning behind it: 16 are written at once.
    #[inline]
    pub(crate) fn padded_utc_time(self) -> Option<[u8; 16]> {
        written::utc_time(self.since_first())
    }

    /// A GeneralizedTime, header and all.
    pub(crate) fn generalized_time(self) -> [u8; 17] {
        let mut time = [b'Z'; 17];
        time[..2].copy_from_slice(&[GENERALIZED_TIME, 15]);
        time[2..16].copy_from_slice(&self.digits());
        time
    }

    /// `YYYYMMDDHHMMSS`.
    fn digits(self) -> [u8; 14] {
        let utc = OffsetDateTime::from(self);
        let year = u32::try_from(utc.year()).unwrap_or(0);
        let fields = [
            (year / 100) as u8,
            (year % 100) as u8,
            u8::from(utc.month()),
            utc.day(),
            utc.hour(),
            utc.minute(),
            utc.second(),
        ];
        let mut digits = [0; 14];
        for (pair, field) in digits.chunks_exact_mut(2).zip(fields) {
            pair.copy_from_slice(&[b'0' + field / 10, b'0' + field % 10]);
        }
        digits
    }
}

/// The seconds since 1970-01-01T00:00:00Z that the content of a `Time` says, of any year.
fn seconds(tag: u8, content: &[u8]) -> Option<i64> {
    match (tag, content) {
        (UTC_TIME, [digits @ .., b'Z']) if digits.len() == 12 => {
            // RFC 5280 §4.1.2.5.1: YY from 50 is 19YY, below it 20YY.
            let century = if digits.first() >= Some(&b'5') { b"19" } else { b"20" };
            from_digits(&[century, digits].concat())
        }
        (GENERALIZED_TIME, [digits @ .., b'Z']) if digits.len() == 14 => from_digits(digits),
        _ => None,
    }
}

/// Reads `YYYYMMDDHHMMSS`.
fn from_digits(digits: &[u8]) -> Option<i64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let field = |from: usize, count: usize| {
        let digits = digits.get(from..from + count)?;
        Some(digits.iter().fold(0u16, |n, d| n * 10 + u16::from(d - b'0')))
    };
    let two = |from| u8::try_from(field(from, 2)?).ok();
    let month = time::Month::try_from(two(4)?).ok()?;
    let date = time::Date::from_calendar_date(i32::from(field(0, 4)?), month, two(6)?).ok()?;
    let time = time::Time::from_hms(two(8)?, two(10)?, two(12)?).ok()?;
    Some(OffsetDateTime::new_utc(date, time).unix_timestamp())
}

impl From<Timestamp> for OffsetDateTime {
    fn from(timestamp: Timestamp) -> Self {
        // Every Timestamp is within the years 1950 to 9999, which this type can hold.
        Self::from_unix_timestamp(timestamp.unix()).unwrap_or(Self::UNIX_EPOCH)
    }
}

impl TryFrom<OffsetDateTime> for Timestamp {
    type Error = TimestampError;

    /// Cuts off fractions of a second.
    fn try_from(time: OffsetDateTime) -> Result<Self, TimestampError> {
        Self::from_unix(time.unix_timestamp())
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Parses RFC 3339; fractions of a second are cut off.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| TimestampError::Text { text: text.to_owned() })?
            .try_into()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, such as `2026-11-21T08:30:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = OffsetDateTime::from(*self);
        let (date, time) = (utc.date(), utc.time());
        let (year, month, day) = date.to_calendar_date();
        let (hour, minute, second) = time.as_hms();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// Where the time comes from.
///
/// Nothing in this crate reads a clock that was not handed to it; tests and replays hand in one
/// that stands still.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::UNIX_EPOCH.saturating_add(since_1970)
    }
}

/// A clock that stands still is a clock too.
impl Clock for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn encoded(timestamp: Timestamp) -> Vec<u8> {
        let mut out = Vec::new();
        timestamp.write_time(&mut out);
        assert_eq!(out.len() as u64, timestamp.time_length());
        out
    }

    fn decoded(der: &[u8]) -> Result<Timestamp, Malformed> {
        Timestamp::from_element(&asn1::Reader::new(der).any("time")?, "time")
    }

    #[test]
    fn e6_utc_time_through_2049_and_generalized_time_from_2050() {
        for (text, der) in [
            ("1950-01-01T00:00:00Z", &b"\x17\x0d500101000000Z"[..]),
            ("1999-12-31T23:59:59Z", b"\x17\x0d991231235959Z"),
            ("2000-02-29T12:00:00Z", b"\x17\x0d000229120000Z"),
            ("2049-12-31T23:59:59Z", b"\x17\x0d491231235959Z"),
            ("2050-01-01T00:00:00Z", b"\x18\x0f20500101000000Z"),
            ("9999-12-31T23:59:59Z", b"\x18\x0f99991231235959Z"),
        ] {
            assert_eq!(encoded(at(text)), der);
            assert_eq!(decoded(der), Ok(at(text)));
            assert_eq!(at(text).to_string(), text);
        }
    }

    #[test]
    fn e6_all_days_and_all_seconds_are_written_as_the_calendar_has_them() {
        // A number that has no divisor in common with those that make up a day.
        let days = (0..).map(|day| FIRST + day * 86_400 + day * 7_919 % 86_400);
        let seconds = FIRST_GENERALIZED - 86_400..FIRST_GENERALIZED;
        for unix in days.take_while(|unix| *unix <= LAST).chain(seconds) {
            let time = OffsetDateTime::from_unix_timestamp(unix).unwrap();
            let (year, month, day) = time.to_calendar_date();
            let (hour, minute, second) = time.to_hms();
            let month = u8::from(month);
            let digits = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
            let der = match year {
                ..2050 => [b"\x17\x0d", &digits.as_bytes()[2..]].concat(),
                _ => [b"\x18\x0f", digits.as_bytes()].concat(),
            };
            assert_eq!(encoded(Timestamp::from_unix(unix).unwrap()), der);
        }
    }

    #[test]
    fn seconds_since_1970_are_kept_as_they_are() {
        for seconds in [FIRST, FIRST + 1, -1, 0, 1, FIRST_GENERALIZED, LAST - 1, LAST] {
            let timestamp = Timestamp::from_unix(seconds).unwrap();
            assert_eq!(timestamp.unix(), seconds);
            let since = timestamp.saturating_since(Timestamp::MIN).as_secs();
            assert_eq!(i64::try_from(since), Ok(seconds - FIRST));
        }
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn e6_only_seconds_and_z_are_read() {
        for der in [
            &b"\x17\x0b5001010000Z"[..],
            b"\x17\x11500101000000+0000",
            b"\x17\x0d501301000000Z",
            b"\x17\x0d500230000000Z",
            b"\x17\x0d500101006000Z",
            b"\x17\x0d50010100000 Z",
            b"\x18\x1120500101000000.5Z",
            b"\x18\x0f19491231235959Z",
            b"\x02\x01\x05",
        ] {
            assert!(decoded(der).is_err(), "{der:02x?}");
        }
    }

    #[test]
    fn e6_a_utc_time_is_told_as_it_is_read() {
        let agree = |text: &str| {
            let der = format!("\x17\x0d{text}");
            let told = is_utc_time(der.as_bytes().first_chunk().unwrap());
            assert_eq!(told, decoded(der.as_bytes()).is_ok(), "{text}");
            told
        };
        let mut days = 0;
        for (year, month, day) in
            (0..100).flat_map(|y| (0..=13).flat_map(move |m| (0..=32).map(move |d| (y, m, d))))
        {
            days += u32::from(agree(&format!("{year:02}{month:02}{day:02}235959Z")));
        }
        assert_eq!(days, 36_525);
        for (at, octet) in (0..13).flat_map(|at| (0..0x80).map(move |octet| (at, octet))) {
            let mut text = *b"200120123020Z";
            text[at] = octet;
            agree(std::str::from_utf8(&text).unwrap());
        }
        for two in 0..100 {
            for text in [format!("{two:02}0000"), format!("00{two:02}00"), format!("0000{two:02}")]
            {
                agree(&format!("200131{text}Z"));
            }
        }
        assert!(!is_utc_time(b"\x18\x0d200131000000Z") && !is_utc_time(b"\x17\x0c200131000000Z"));
    }

    #[test]
    fn certificates_may_leave_out_seconds_and_be_from_before_1950() {
        let sloppy = |der: &[u8]| {
            Timestamp::from_sloppy(&asn1::Reader::new(der).any("time").unwrap(), "time")
        };
        assert_eq!(sloppy(b"\x17\x0b5001010203Z"), Ok(at("1950-01-01T02:03:00Z")));
        assert_eq!(sloppy(b"\x17\x0d500101000001Z"), Ok(at("1950-01-01T00:00:01Z")));
        assert_eq!(sloppy(b"\x18\x0f19491231235959Z"), Ok(Timestamp::MIN));
        assert_eq!(sloppy(b"\x18\x0f00000101000000Z"), Ok(Timestamp::MIN));
        for der in [&b"\x17\x0b5013010000Z"[..], b"\x18\x0f19491331235959Z", b"\x02\x01\x05"] {
            assert!(sloppy(der).is_err(), "{der:02x?}");
        }
    }

    #[test]
    fn e6_fractions_are_cut_off_never_rounded() {
        assert_eq!(at("2026-01-01T00:00:00.999999Z"), at("2026-01-01T00:00:00Z"));
        assert_eq!(at("1969-12-31T23:59:58.5Z").unix(), -2);
        assert_eq!(at("2026-01-01T01:00:00+01:00"), at("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn the_years_are_1950_to_9999() {
        assert!("1949-12-31T23:59:59Z".parse::<Timestamp>().is_err());
        assert!(Timestamp::from_unix(LAST + 1).is_err());
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.saturating_sub(Duration::MAX), Timestamp::MIN);
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
