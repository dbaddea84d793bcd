//! What no schedule can be.

use std::time::Duration;

/// Why settings are not those of a [`Schedule`](crate::Schedule).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The last CRL would lapse before the next one is due at the latest.
    #[error("CRLs made every {period:?} that are valid for {validity:?} only")]
    PeriodTooLong {
        /// The longest time from one CRL to the next.
        period: Duration,
        /// From thisUpdate to nextUpdate.
        validity: Duration,
    },
    /// The next CRL would be due as soon as the last one is made.
    #[error("the next CRL is due {overlap:?} before {period:?} have passed")]
    OverlapTooLong {
        /// How long before the period ends the next one is due.
        overlap: Duration,
        /// The longest time from one CRL to the next.
        period: Duration,
    },
    /// One failure would make a CRL late.
    #[error("{room:?} to make a CRL in, and the second attempt comes after {retry:?}")]
    NoRoomToRetry {
        /// How long there is from the moment a CRL is due until it is overdue.
        room: Duration,
        /// From one attempt to the next.
        retry: Duration,
    },
    /// It would be tried again at once, for ever.
    #[error("attempts must be a second apart, or more")]
    RetryTooSoon,
    /// Jobs would come in less than half their time.
    #[error("a jitter of {percent} percent: at most 50 are allowed")]
    TooMuchJitter {
        /// What was given.
        percent: u8,
    },
    /// Every revocation would be on a complete CRL before a delta CRL says it.
    #[error(
        "delta CRLs {delta:?} after a revocation, when a complete one follows after {complete:?}"
    )]
    DeltasTooLate {
        /// How long after a revocation a delta CRL is due.
        delta: Duration,
        /// How long after a revocation a complete CRL is due.
        complete: Duration,
    },
}
