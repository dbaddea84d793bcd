//! Until when it pays to have a certificate revoked.

use super::calendar::Calendar;
use crate::time::Timestamp;
use time::Date;

/// The days after issuance within which a revocation must be complete for money or quota to be
/// returned, and how long it may take from the request on.
///
/// It is the completion that counts: who asks on the last day has mostly lost it already. So
/// [`CompletionWindow::submit_by`] says when to ask.
///
/// ```
/// use annul::{Eligibility, CompletionWindow, WorkingWeek};
/// use time::{UtcOffset, macros::date};
///
/// let (window, calendar) = (CompletionWindow::default(), WorkingWeek::new(UtcOffset::UTC));
/// let issued = "2026-12-01T09:00:00Z".parse()?;
/// assert_eq!(window.last_day(&calendar, issued), date!(2026 - 12 - 29));
/// assert_eq!(window.submit_by(&calendar, issued), Some(date!(2026 - 12 - 22)));
///
/// let now = "2026-12-30T00:00:00Z".parse()?;
/// let last_day = date!(2026 - 12 - 29);
/// let eligibility = window.eligibility(&calendar, issued, None, now);
/// assert_eq!(eligibility, Eligibility::Forfeited { last_day });
/// # Ok::<(), annul::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionWindow {
    /// In calendar days after the day of issuance.
    pub days: u16,
    /// What a request takes at most, in business days after the day of submission.
    pub handling: u16,
}

impl Default for CompletionWindow {
    /// 28 calendar days, and five business days for a CA to handle a request.
    fn default() -> Self {
        Self { days: 28, handling: 5 }
    }
}

/// Whether what was paid comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eligibility {
    /// The revocation was complete in time.
    Due,
    /// It is not complete, and in time if it is by the end of the last day.
    Open {
        /// The last day on which it may become complete.
        last_day: Date,
        /// The last day on which to ask for it safely; `None` where no day is early enough.
        submit_by: Option<Date>,
    },
    /// It was complete too late, or is not yet and it is too late now.
    Forfeited {
        /// The day on which it should have been, at last.
        last_day: Date,
    },
}

impl CompletionWindow {
    /// The last day on which a revocation may become complete.
    pub fn last_day(&self, calendar: &dyn Calendar, issued: Timestamp) -> Date {
        calendar.day(issued).saturating_add(time::Duration::days(self.days.into()))
    }

    /// The last day on which to ask for a revocation, so that it is complete in time though it may
    /// take as long as it may. `None` where even on the day of issuance it was too late.
    pub fn submit_by(&self, calendar: &dyn Calendar, issued: Timestamp) -> Option<Date> {
        let (first, mut day) = (calendar.day(issued), self.last_day(calendar, issued));
        let mut left = self.handling;
        while left > 0 {
            if day <= first {
                return None;
            }
            left -= u16::from(calendar.is_business_day(day));
            day = day.previous_day()?;
        }
        Some(day)
    }

    /// Whether what was paid comes back for a revocation that is complete since then, or not yet.
    pub fn eligibility(
        &self,
        calendar: &dyn Calendar,
        issued: Timestamp,
        completed: Option<Timestamp>,
        now: Timestamp,
    ) -> Eligibility {
        let last_day = self.last_day(calendar, issued);
        if calendar.day(completed.unwrap_or(now)) > last_day {
            return Eligibility::Forfeited { last_day };
        }
        match completed {
            Some(_) => Eligibility::Due,
            None => Eligibility::Open { last_day, submit_by: self.submit_by(calendar, issued) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::calendar::WorkingWeek;
    use proptest::prelude::*;
    use std::time::Duration;
    use time::{
        UtcOffset,
        macros::{date, offset},
    };

    const DAY: u64 = 24 * 60 * 60;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn s13_s14_quota_comes_back_until_the_end_of_day_28_where_the_service_is() {
        let (window, china) = (CompletionWindow::default(), WorkingWeek::new(offset!(+8)));
        // It is the second of December there.
        let issued = at("2026-12-01T16:00:00Z");
        let last_day = date!(2026 - 12 - 30);
        let complete = |at| window.eligibility(&china, issued, Some(at), Timestamp::MAX);
        assert_eq!(complete(issued), Eligibility::Due);
        assert_eq!(complete(at("2026-12-30T15:59:59Z")), Eligibility::Due);
        assert_eq!(complete(at("2026-12-30T16:00:00Z")), Eligibility::Forfeited { last_day });
    }

    #[test]
    fn s15_s16_no_refund_without_a_complete_revocation() {
        let (window, calendar) = (CompletionWindow::default(), WorkingWeek::new(UtcOffset::UTC));
        let issued = at("2026-12-01T09:00:00Z");
        let on = |now| window.eligibility(&calendar, issued, None, at(now));
        let (last_day, submit_by) = (date!(2026 - 12 - 29), Some(date!(2026 - 12 - 22)));
        assert_eq!(on("2026-12-29T23:59:59Z"), Eligibility::Open { last_day, submit_by });
        assert_eq!(on("2026-12-30T00:00:00Z"), Eligibility::Forfeited { last_day });
    }

    #[test]
    fn s18_who_asks_by_the_safe_day_is_in_time_though_five_business_days_pass() {
        let calendar = WorkingWeek::new(UtcOffset::UTC).with_holidays([date!(2026 - 12 - 25)]);
        let submit_by =
            |window: CompletionWindow| window.submit_by(&calendar, at("2026-12-01T09:00:00Z"));
        // Before the 29th, a Tuesday, people work on the 28th, 24th, 23rd and 22nd.
        assert_eq!(submit_by(CompletionWindow::default()), Some(date!(2026 - 12 - 21)));
        assert_eq!(
            submit_by(CompletionWindow { days: 28, handling: 0 }),
            Some(date!(2026 - 12 - 29))
        );
        assert_eq!(
            submit_by(CompletionWindow { days: 1, handling: 1 }),
            Some(date!(2026 - 12 - 01))
        );
        assert_eq!(submit_by(CompletionWindow { days: 1, handling: 2 }), None);
        assert_eq!(submit_by(CompletionWindow { days: 0, handling: 1 }), None);
    }

    /// The day on which a CA is done that takes as many business days as it may.
    fn done(calendar: &dyn Calendar, submitted: Date, handling: u16) -> Date {
        let days = (1..).filter_map(|n| submitted.checked_add(time::Duration::days(n)));
        let mut worked = days.filter(|day| calendar.is_business_day(*day));
        worked.nth(usize::from(handling) - 1).unwrap()
    }

    proptest! {
        #[test]
        fn s18_the_safe_day_is_the_last_one_that_is_safe(
            start in 0..20_000_u64,
            days in 0..60_u16,
            handling in 1..8_u16,
            hours in -12..=14_i8,
            holidays in proptest::collection::vec(0..60_i64, 0..20),
        ) {
            let issued = Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(start * DAY));
            let offset = UtcOffset::from_hms(hours, 0, 0).unwrap();
            let first = WorkingWeek::new(offset).day(issued);
            let holidays = holidays.into_iter().map(|n| first + time::Duration::days(n));
            let calendar = WorkingWeek::new(offset).with_holidays(holidays);
            let window = CompletionWindow { days, handling };
            let last_day = window.last_day(&calendar, issued);
            let is_safe = |day: &Date| done(&calendar, *day, handling) <= last_day;
            let mut safe = (0..=days).map(|n| first + time::Duration::days(n.into())).filter(is_safe);
            prop_assert_eq!(window.submit_by(&calendar, issued), safe.next_back());
        }
    }
}
