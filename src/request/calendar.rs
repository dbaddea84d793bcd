//! Days as a service counts them.

use crate::time::Timestamp;
use std::collections::BTreeSet;
use time::{Date, OffsetDateTime, UtcOffset, Weekday};

/// The days of a service: in which time zone they begin, and on which of them people work.
///
/// [`WorkingWeek`] is one for most. Write another where the offset from UTC changes in summer.
pub trait Calendar: Send + Sync {
    /// The day that it is then, where the service is.
    fn day(&self, at: Timestamp) -> Date;

    /// Whether people work there on that day.
    fn is_business_day(&self, day: Date) -> bool;
}

/// Monday to Friday but for holidays, at a fixed offset from UTC.
///
/// ```
/// use annul::{Calendar, WorkingWeek};
/// use time::macros::{date, offset};
///
/// let china = WorkingWeek::new(offset!(+8))
///     .with_holidays([date!(2026 - 10 - 01)])
///     .with_workdays([date!(2026 - 10 - 10)]);
/// assert!(!china.is_business_day(date!(2026 - 10 - 01)));
/// assert!(china.is_business_day(date!(2026 - 10 - 10)), "a Saturday that makes up for it");
/// assert_eq!(china.day("2026-09-30T16:00:00Z".parse()?), date!(2026 - 10 - 01));
/// # Ok::<(), annul::TimestampError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorkingWeek {
    offset: UtcOffset,
    holidays: BTreeSet<Date>,
    workdays: BTreeSet<Date>,
}

impl WorkingWeek {
    /// Where it is so much later than in UTC.
    pub fn new(offset: UtcOffset) -> Self {
        Self { offset, holidays: BTreeSet::new(), workdays: BTreeSet::new() }
    }

    /// On these days nobody works, whatever day of the week it is.
    #[must_use]
    pub fn with_holidays(mut self, holidays: impl IntoIterator<Item = Date>) -> Self {
        self.holidays.extend(holidays);
        self
    }

    /// On these days people work though it is a Saturday or a Sunday.
    #[must_use]
    pub fn with_workdays(mut self, workdays: impl IntoIterator<Item = Date>) -> Self {
        self.workdays.extend(workdays);
        self
    }
}

impl Calendar for WorkingWeek {
    fn day(&self, at: Timestamp) -> Date {
        let utc = OffsetDateTime::from_unix_timestamp(at.unix());
        let there = utc.ok().and_then(|utc| utc.checked_to_offset(self.offset));
        // It is the year 10000 there already.
        there.map_or(Date::MAX, OffsetDateTime::date)
    }

    fn is_business_day(&self, day: Date) -> bool {
        let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        !self.holidays.contains(&day) && (!is_weekend || self.workdays.contains(&day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, offset};

    #[test]
    fn a_day_begins_at_midnight_where_the_service_is() {
        let at = |text: &str| text.parse().unwrap();
        let (east, west) = (WorkingWeek::new(offset!(+8)), WorkingWeek::new(offset!(-8)));
        assert_eq!(east.day(at("2026-02-28T15:59:59Z")), date!(2026 - 02 - 28));
        assert_eq!(east.day(at("2026-02-28T16:00:00Z")), date!(2026 - 03 - 01));
        assert_eq!(west.day(at("2026-03-01T07:59:59Z")), date!(2026 - 02 - 28));
        assert_eq!(west.day(at("2026-03-01T08:00:00Z")), date!(2026 - 03 - 01));
        assert_eq!(east.day(Timestamp::MAX), Date::MAX);
        assert_eq!(west.day(Timestamp::MIN), date!(1949 - 12 - 31));
    }

    #[test]
    fn s17_business_days_are_those_on_which_people_work() {
        let week = WorkingWeek::new(UtcOffset::UTC)
            .with_holidays([date!(2026 - 12 - 25)])
            .with_workdays([date!(2026 - 12 - 26)]);
        let worked = (21..=27)
            .filter(|day| week.is_business_day(date!(2026 - 12 - 01).replace_day(*day).unwrap()));
        assert_eq!(worked.collect::<Vec<u8>>(), [21, 22, 23, 24, 26]);
    }
}
