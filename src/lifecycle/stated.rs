//! What others published of a revocation, and what the record is to make of it.
//!
//! It is a fact: no policy has a say, and the record takes over whatever moves it in the direction
//! in which a revocation may move. It never moves in the other.

use super::Revocation;
use crate::{reason::Reason, time::Timestamp};
use std::fmt;

/// A revocation as a CRL, or the database of a CA, says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stated {
    /// The revocationDate.
    pub date: Timestamp,
    /// Why, if it says so.
    pub reason: Option<Reason>,
    /// The invalidityDate, if it has one.
    pub invalidity_date: Option<Timestamp>,
}

/// How what was published and what is recorded stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// What the record is to say instead, where it says less.
    pub(crate) better: Option<Revocation>,
    /// What is left then.
    pub(crate) remainder: Remainder,
}

/// How a record that took over what it may still differs from what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remainder {
    /// It does not.
    Same,
    /// It says more: the next CRL will.
    More,
    /// It gives another reason, and neither is graver.
    Contradiction,
}

impl Stated {
    /// With dates that a CRL can have: from 1970, since some relying parties refuse a whole CRL for
    /// an earlier one, to `latest`. Nothing was revoked before the one or after the other.
    pub(crate) fn within(self, latest: Timestamp) -> Self {
        let within = |date: Timestamp| date.min(latest).max(Timestamp::UNIX_EPOCH);
        let invalidity_date = self.invalidity_date.map(within);
        Self { date: within(self.date), invalidity_date, ..self }
    }

    /// The gravest and earliest of both. Where neither reason is graver, it is this one's.
    pub(crate) fn and(self, other: Self) -> Self {
        let own = self.recorded(self.date);
        Self::from(&other.compare(&own, self.date).better.unwrap_or(own))
    }

    /// As it is to be recorded now.
    pub(crate) const fn recorded(&self, now: Timestamp) -> Revocation {
        let Self { date, reason, invalidity_date } = *self;
        Revocation { date, reason, invalidity_date, recorded_at: now }
    }

    /// What it means for a revocation that is recorded.
    pub(crate) fn compare(&self, current: &Revocation, now: Timestamp) -> Comparison {
        let earlier = |current: Option<Timestamp>| match (current, self.invalidity_date) {
            (Some(current), Some(published)) => Some(current.min(published)),
            (current, published) => current.or(published),
        };
        let raises = is_compromise(self.reason) && !is_compromise(current.reason);
        let taken = Revocation {
            date: current.date.min(self.date),
            reason: if raises { self.reason } else { current.reason },
            invalidity_date: earlier(current.invalidity_date),
            recorded_at: current.recorded_at,
        };
        let better = (taken != *current).then_some(Revocation { recorded_at: now, ..taken });
        let graver = is_compromise(taken.reason) && !is_compromise(self.reason);
        let remainder = if stated(taken.reason) != stated(self.reason) && !graver {
            Remainder::Contradiction
        } else if graver || taken.date < self.date || taken.invalidity_date != self.invalidity_date
        {
            Remainder::More
        } else {
            Remainder::Same
        };
        Comparison { better, remainder }
    }
}

impl From<&Revocation> for Stated {
    fn from(revocation: &Revocation) -> Self {
        let Revocation { date, reason, invalidity_date, .. } = *revocation;
        Self { date, reason, invalidity_date }
    }
}

/// Date, reason and since when.
impl fmt::Display for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.fmt(f)?;
        if let Some(reason) = self.reason {
            write!(f, " for {reason}")?;
        }
        match self.invalidity_date {
            Some(date) => write!(f, ", invalid since {date}"),
            None => Ok(()),
        }
    }
}

const fn is_compromise(reason: Option<Reason>) -> bool {
    matches!(reason, Some(Reason::KeyCompromise | Reason::CaCompromise | Reason::AaCompromise))
}

/// RFC 5280 §5.3.1: no reason says the same as the reason unspecified.
fn stated(reason: Option<Reason>) -> Option<Reason> {
    reason.filter(|reason| *reason != Reason::Unspecified)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_unix(1_700_000_000 + number * 86_400).unwrap()
    }

    fn published(date: i64, reason: Option<Reason>, since: Option<i64>) -> Stated {
        Stated { date: day(date), reason, invalidity_date: since.map(day) }
    }

    const NOW: i64 = 100;

    fn compared(recorded: Stated, published: Stated) -> (Option<Stated>, Remainder) {
        let current = recorded.recorded(day(50));
        let Comparison { better, remainder } = published.compare(&current, day(NOW));
        assert!(better.is_none_or(|better| better.recorded_at == day(NOW)));
        (better.as_ref().map(Stated::from), remainder)
    }

    #[test]
    fn a_record_that_says_less_takes_over_what_was_published() {
        use Reason::{CaCompromise, KeyCompromise, Superseded};
        let plain = published(10, Some(Superseded), None);
        for (said, expected) in [
            (published(9, Some(Superseded), None), published(9, Some(Superseded), None)),
            (published(10, Some(KeyCompromise), None), published(10, Some(KeyCompromise), None)),
            (published(10, Some(CaCompromise), None), published(10, Some(CaCompromise), None)),
            (published(10, Some(Superseded), Some(5)), published(10, Some(Superseded), Some(5))),
        ] {
            assert_eq!(compared(plain, said), (Some(expected), Remainder::Same));
            assert_eq!(compared(expected, plain), (None, Remainder::More));
        }
    }

    #[test]
    fn what_contradicts_is_left_as_it_is_recorded() {
        use Reason::{CaCompromise, CessationOfOperation, KeyCompromise, Superseded, Unspecified};
        for (recorded, said) in [
            (Some(Superseded), Some(CessationOfOperation)),
            (Some(Superseded), None),
            (None, Some(Superseded)),
            (Some(KeyCompromise), Some(CaCompromise)),
        ] {
            let answer = compared(published(10, recorded, None), published(10, said, None));
            assert_eq!(answer, (None, Remainder::Contradiction), "{recorded:?} {said:?}");
        }
        let earlier = published(9, Some(CessationOfOperation), None);
        let answer = compared(published(10, Some(Superseded), None), earlier);
        assert_eq!(answer.0, Some(published(9, Some(Superseded), None)));
        assert_eq!(answer.1, Remainder::Contradiction);
        let same = compared(published(10, None, None), published(10, Some(Unspecified), None));
        assert_eq!(same, (None, Remainder::Same));
    }

    #[test]
    fn dates_are_kept_between_1970_and_the_latest() {
        let odd = Stated {
            date: day(200),
            reason: None,
            invalidity_date: Some("1960-01-01T00:00:00Z".parse().unwrap()),
        };
        let within = odd.within(day(NOW));
        assert_eq!((within.date, within.invalidity_date), (day(NOW), Some(Timestamp::UNIX_EPOCH)));
        let usual = published(10, None, Some(5));
        assert_eq!(usual.within(day(NOW)), usual);
    }

    #[test]
    fn of_two_the_gravest_and_earliest_counts_whichever_comes_first() {
        use Reason::{KeyCompromise, Superseded};
        let (one, other) =
            (published(10, Some(KeyCompromise), None), published(9, Some(Superseded), Some(5)));
        let both = published(9, Some(KeyCompromise), Some(5));
        assert_eq!((one.and(other), other.and(one)), (both, both));
    }
}
