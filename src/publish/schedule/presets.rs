//! Schedules for those who must follow somebody's rules, and for those who need not.

use super::{Rhythm, Schedule};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// 10 days, which no CRL for subscribers may exceed (Baseline Requirements §7.2), without the
/// second that is lost where somebody counts both ends.
const TEN_DAYS: Duration = Duration::from_secs(10 * 24 * 60 * 60 - 1);

/// 12 months, which no CRL for CAs may exceed (Baseline Requirements §7.2), without that second. A
/// year may have no more than 365 days.
const TWELVE_MONTHS: Duration = Duration::from_secs(365 * 24 * 60 * 60 - 1);

impl Schedule {
    /// What suits a private PKI.
    ///
    /// | | | because |
    /// |---|---|---|
    /// | a CRL after a revocation | 10 minutes | a person waits for it |
    /// | overdue | 1 hour | three more attempts |
    /// | a CRL at least every | 24 hours | a lapse shows in a day, with six left to mend it |
    /// | due before that | 1 hour | three more attempts |
    /// | nextUpdate after | 7 days | an outage over a long weekend harms nobody |
    /// | the first CRL within | 24 hours | as [`Schedule::cabf_subscriber`] |
    /// | next attempt after | 15 minutes | as [`Schedule::aws`] |
    /// | jitter | 10 percent | |
    pub fn private() -> Self {
        Self::of(Rhythm {
            validity: 7 * DAY,
            period: DAY,
            overlap: HOUR,
            gather: 10 * MINUTE,
            within: HOUR,
        })
    }

    /// What suits a private PKI with long CRLs, and relying parties that take delta CRLs.
    ///
    /// As [`Schedule::private`], but for these:
    ///
    /// | | complete | delta | because |
    /// |---|---|---|---|
    /// | a CRL after a revocation | 12 hours | 10 minutes | the delta CRL is the short one |
    /// | overdue | 24 hours | 1 hour | |
    /// | a CRL at least every | 24 hours | 12 hours | |
    /// | nextUpdate after | 7 days | 24 hours | who misses it goes on with the complete one |
    pub fn private_with_deltas() -> Self {
        let private = Self::private();
        let deltas = Rhythm { validity: DAY, period: 12 * HOUR, ..private.complete };
        let complete = Rhythm { gather: 12 * HOUR, within: DAY, ..private.complete };
        Self { complete, deltas: Some(deltas), ..private }
    }

    /// What the user of AWS Private CA is used to.
    ///
    /// | | | because |
    /// |---|---|---|
    /// | a CRL after a revocation | 30 minutes | "approximately 30 minutes" (S35) |
    /// | overdue | 1 hour | two attempts more |
    /// | next attempt after | 15 minutes | "every 15 minutes" (S36) |
    /// | all else | | as [`Schedule::private`] |
    pub fn aws() -> Self {
        Self::of(Rhythm { gather: 30 * MINUTE, ..Self::private().complete })
    }

    /// What the CA/Browser Forum asks of CRLs for the certificates of subscribers (Baseline
    /// Requirements §4.9.7 and §7.2), where some have no OCSP responder to ask.
    ///
    /// | | | because |
    /// |---|---|---|
    /// | a CRL after a revocation | 1 hour | the clock of §4.9.1.1 runs from the report on |
    /// | overdue | 24 hours | §4.9.7 |
    /// | a CRL at least every | 4 days | §4.9.7 |
    /// | due before that | 1 day | a day to mend what is broken |
    /// | nextUpdate after | 10 days less a second | §7.2 |
    /// | the first CRL within | 24 hours | §4.9.7 |
    /// | next attempt after | 15 minutes | as [`Schedule::aws`] |
    /// | jitter | 10 percent | |
    pub fn cabf_subscriber() -> Self {
        Self::of(Rhythm {
            validity: TEN_DAYS,
            period: 4 * DAY,
            overlap: DAY,
            gather: HOUR,
            within: DAY,
        })
    }

    /// As [`Schedule::cabf_subscriber`], where every certificate names an OCSP responder: a CRL at
    /// least every 7 days (Baseline Requirements §4.9.7).
    pub fn cabf_subscriber_with_ocsp() -> Self {
        Self::of(Rhythm { period: 7 * DAY, ..Self::cabf_subscriber().complete })
    }

    /// What the CA/Browser Forum asks of CRLs for the certificates of CAs (Baseline Requirements
    /// §4.9.7 and §7.2).
    ///
    /// | | | because |
    /// |---|---|---|
    /// | a CRL after a revocation | 1 hour | the clock of §4.9.1.2 runs from the report on |
    /// | overdue | 24 hours | §4.9.7 |
    /// | a CRL at least every | 12 months less a second | §4.9.7; 365 days |
    /// | due before that | 30 days | a key that is offline takes a ceremony |
    /// | nextUpdate after | 12 months less a second | §7.2 |
    /// | all else | | as [`Schedule::cabf_subscriber`] |
    pub fn cabf_ca() -> Self {
        Self::of(Rhythm {
            validity: TWELVE_MONTHS,
            period: TWELVE_MONTHS,
            overlap: 30 * DAY,
            gather: HOUR,
            within: DAY,
        })
    }

    const fn of(complete: Rhythm) -> Self {
        let retry = Duration::from_secs(15 * 60);
        Self { complete, deltas: None, first_within: DAY, retry, jitter_percent: 10 }
    }
}

/// [`Schedule::private`].
impl Default for Schedule {
    fn default() -> Self {
        Self::private()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_holds_together() {
        for preset in [
            Schedule::private(),
            Schedule::private_with_deltas(),
            Schedule::aws(),
            Schedule::cabf_subscriber(),
            Schedule::cabf_subscriber_with_ocsp(),
            Schedule::cabf_ca(),
        ] {
            assert_eq!(preset.checked(), Ok(preset));
        }
    }
}
