//! How often CRLs are made.

use super::ScheduleError;
use std::time::Duration;

/// How often CRLs of one kind are made. Fractions of a second are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// From thisUpdate to nextUpdate.
    pub validity: Duration,
    /// The longest time from one CRL to the next, even where nothing was revoked. At most the
    /// validity.
    pub period: Duration,
    /// How long before its period ends, or its nextUpdate comes, the next CRL is due. Less than
    /// the period.
    pub overlap: Duration,
    /// How long after a revocation a CRL is due. Others that follow meanwhile go onto the same, so
    /// this also bounds how many are made.
    pub gather: Duration,
    /// How long after a revocation it must be on a released CRL.
    pub within: Duration,
}

/// When CRLs are due.
///
/// It is arithmetic: it reads no clock, does nothing, and has the same answer for the same
/// question for ever. There is none that makes no sense: where one attempt fails there is time for
/// another before a CRL is late.
///
/// ```
/// use annul::{Rhythm, Schedule};
/// use std::time::Duration;
///
/// // A CRL two minutes after a revocation, tried again every minute.
/// let complete = Rhythm {
///     gather: Duration::from_secs(2 * 60),
///     within: Duration::from_secs(10 * 60),
///     ..Schedule::private().complete()
/// };
/// let schedule = Schedule::new(complete, Duration::from_secs(60))?;
/// assert_eq!(schedule.complete().validity, Duration::from_secs(7 * 24 * 60 * 60));
/// # Ok::<(), annul::ScheduleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub(super) complete: Rhythm,
    pub(super) deltas: Option<Rhythm>,
    pub(super) first_within: Duration,
    pub(super) retry: Duration,
    pub(super) jitter_percent: u8,
}

impl Schedule {
    /// The most jitter: half the wait.
    const MOST_JITTER: u8 = 50;

    /// Complete CRLs in this rhythm, the first one within 24 hours; where an attempt fails, the
    /// next comes after `retry`. There are no delta CRLs and there is no jitter.
    ///
    /// # Errors
    /// Where the numbers do not fit together, or leave no time for a second attempt.
    pub fn new(complete: Rhythm, retry: Duration) -> Result<Self, ScheduleError> {
        let first_within = Duration::from_secs(24 * 60 * 60);
        let retry = whole_seconds(retry);
        let complete = complete.whole_seconds();
        Self { complete, deltas: None, first_within, retry, jitter_percent: 0 }.checked()
    }

    /// Also delta CRLs, in a rhythm of their own.
    ///
    /// The [`gather`](Rhythm::gather) and [`within`](Rhythm::within) of complete CRLs hold all the
    /// same, since not every relying party takes delta CRLs.
    ///
    /// # Errors
    /// Where the numbers do not fit together, or complete CRLs follow a revocation as soon.
    pub fn with_deltas(self, deltas: Rhythm) -> Result<Self, ScheduleError> {
        Self { deltas: Some(deltas.whole_seconds()), ..self }.checked()
    }

    /// The first CRL of a scope is due at once, and overdue after this.
    ///
    /// # Errors
    /// Where it leaves no time for a second attempt.
    pub fn with_first_within(self, first_within: Duration) -> Result<Self, ScheduleError> {
        Self { first_within: whole_seconds(first_within), ..self }.checked()
    }

    /// Jobs come up to so many percent of their wait earlier, never later, so that those of many
    /// scopes do not all come at once. How much earlier hangs on the issuer, the scope and the
    /// number of the last CRL only.
    ///
    /// # Errors
    /// [`ScheduleError::TooMuchJitter`] above 50 percent.
    pub fn with_jitter_percent(self, percent: u8) -> Result<Self, ScheduleError> {
        Self { jitter_percent: percent, ..self }.checked()
    }

    /// How often complete CRLs are made.
    pub const fn complete(&self) -> Rhythm {
        self.complete
    }

    /// How often delta CRLs are made, where they are.
    pub const fn deltas(&self) -> Option<Rhythm> {
        self.deltas
    }

    /// How long after it is first needed the first CRL is overdue.
    pub const fn first_within(&self) -> Duration {
        self.first_within
    }

    /// From one attempt to the next.
    pub const fn retry(&self) -> Duration {
        self.retry
    }

    /// How much of their wait jobs may come earlier.
    pub const fn jitter_percent(&self) -> u8 {
        self.jitter_percent
    }

    pub(super) fn checked(self) -> Result<Self, ScheduleError> {
        let Self { complete, deltas, first_within, retry, jitter_percent } = self;
        if retry.is_zero() {
            return Err(ScheduleError::RetryTooSoon);
        }
        if jitter_percent > Self::MOST_JITTER {
            return Err(ScheduleError::TooMuchJitter { percent: jitter_percent });
        }
        room_to_retry(first_within, retry)?;
        complete.check(retry)?;
        if let Some(deltas) = deltas {
            deltas.check(retry)?;
            let (delta, complete) = (deltas.gather, complete.gather);
            if complete <= delta {
                return Err(ScheduleError::DeltasTooLate { delta, complete });
            }
        }
        Ok(self)
    }
}

impl Rhythm {
    fn check(&self, retry: Duration) -> Result<(), ScheduleError> {
        let Self { validity, period, overlap, gather, within } = *self;
        if validity < period {
            return Err(ScheduleError::PeriodTooLong { period, validity });
        }
        if period <= overlap {
            return Err(ScheduleError::OverlapTooLong { overlap, period });
        }
        room_to_retry(overlap, retry)?;
        room_to_retry(within.saturating_sub(gather), retry)
    }

    fn whole_seconds(self) -> Self {
        Self {
            validity: whole_seconds(self.validity),
            period: whole_seconds(self.period),
            overlap: whole_seconds(self.overlap),
            gather: whole_seconds(self.gather),
            within: whole_seconds(self.within),
        }
    }
}

/// From the moment a CRL is due until it is overdue, time for one more attempt than the first. That
/// attempt takes time too.
fn room_to_retry(room: Duration, retry: Duration) -> Result<(), ScheduleError> {
    if room <= retry { Err(ScheduleError::NoRoomToRetry { room, retry }) } else { Ok(()) }
}

/// [`Timestamp`](crate::Timestamp)s have nothing smaller.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}
