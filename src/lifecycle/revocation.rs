//! What a revocation says, and the two directions in which it may still move.

use super::{Policy, Refusal};
use crate::{reason::Reason, time::Timestamp};

/// A revocation as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// The revocationDate of RFC 5280 §5.1.2.6: when the CA revoked it.
    pub date: Timestamp,
    /// Why, if a reason was given.
    pub reason: Option<Reason>,
    /// The invalidityDate of RFC 5280 §5.3.2: since when the key is known or suspected to be
    /// compromised, or the certificate was otherwise invalid. It may be before `date`.
    pub invalidity_date: Option<Timestamp>,
    /// When this was written into the log.
    pub recorded_at: Timestamp,
}

/// A revocation and all that was ever said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationHistory {
    /// As it stands.
    pub current: Revocation,
    /// What amendments replaced, the original first; empty if it was never amended.
    pub replaced: Vec<Revocation>,
}

impl RevocationHistory {
    /// The revocation as it was first recorded.
    pub fn original(&self) -> &Revocation {
        self.replaced.first().unwrap_or(&self.current)
    }
}

/// What is to be recorded of a revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RevocationDetails {
    /// Why, if a reason is given.
    pub reason: Option<Reason>,
    /// The revocationDate; `None` for now. It may lie in the past, not in the future.
    pub date: Option<Timestamp>,
    /// Since when the certificate was invalid, if that is known.
    pub invalidity_date: Option<Timestamp>,
}

impl RevocationDetails {
    /// The revocation of a certificate valid from `not_before`, or why there can be none.
    pub(crate) fn decide(
        self,
        not_before: Option<Timestamp>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Revocation, Refusal> {
        policy.admit_reason(self.reason)?;
        let date = self.date.unwrap_or(now);
        for date in [Some(date), self.invalidity_date].into_iter().flatten() {
            must_be_past(date, now)?;
        }
        match not_before {
            // Only a date that the caller chose can be too early: now is when it was revoked,
            // even if the certificate becomes valid later.
            Some(not_before) if self.date.is_some() && date < not_before && !policy.early_dates => {
                Err(Refusal::DateBeforeNotBefore { date, not_before })
            }
            _ => Ok(Revocation {
                date,
                reason: self.reason,
                invalidity_date: self.invalidity_date,
                recorded_at: now,
            }),
        }
    }
}

/// What may still be changed of a revocation: the reason up to keyCompromise, the dates down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// Raise the reason to keyCompromise.
    pub key_compromise: bool,
    /// An earlier revocationDate.
    pub date: Option<Timestamp>,
    /// An invalidityDate where there was none, or an earlier one.
    pub invalidity_date: Option<Timestamp>,
}

impl Amendment {
    /// The revocation that replaces `current`, or why it cannot.
    pub(crate) fn decide(
        self,
        current: &Revocation,
        not_before: Option<Timestamp>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Revocation, Refusal> {
        let refuse = |problem| Err(Refusal::IllegalAmendment { current: *current, problem });
        let mut amended = Revocation { recorded_at: now, ..*current };
        if self.key_compromise {
            match current.reason {
                Some(Reason::KeyCompromise | Reason::CaCompromise | Reason::AaCompromise) => {
                    return refuse("its reason is a compromise already");
                }
                _ => amended.reason = Some(Reason::KeyCompromise),
            }
            policy.admit_reason(amended.reason)?;
        }
        if let Some(date) = self.date {
            if date >= current.date {
                return refuse("its revocationDate can only move to an earlier one");
            }
            must_be_past(date, now)?;
            if let Some(not_before) = not_before.filter(|&n| date < n && !policy.early_dates) {
                return Err(Refusal::DateBeforeNotBefore { date, not_before });
            }
            amended.date = date;
        }
        if let Some(date) = self.invalidity_date {
            if current.invalidity_date.is_some_and(|current| date >= current) {
                return refuse("its invalidityDate can only move to an earlier one");
            }
            must_be_past(date, now)?;
            amended.invalidity_date = Some(date);
        }
        if self == Self::default() { refuse("nothing is to be amended") } else { Ok(amended) }
    }
}

/// Nothing was revoked before 1970, and a verifier that reads no earlier date would refuse the
/// whole CRL for it, for ever: rustls-webpki is one.
fn must_be_past(date: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if date > now {
        Err(Refusal::DateInFuture { date, now })
    } else if date < Timestamp::UNIX_EPOCH {
        Err(Refusal::DateBefore1970 { date })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOW: &str = "2026-11-21T08:30:00Z";

    fn recorded(details: RevocationDetails) -> Result<Revocation, Refusal> {
        details.decide(Some(at("2026-01-01T00:00:00Z")), &Policy::default(), at(NOW))
    }

    #[test]
    fn dates_lie_between_1970_and_now_and_not_before_the_certificate() {
        let dated = |text: &str| RevocationDetails { date: Some(at(text)), ..Default::default() };
        let invalid = |text: &str| RevocationDetails {
            invalidity_date: Some(at(text)),
            ..Default::default()
        };
        assert_eq!(recorded(RevocationDetails::default()).unwrap().date, at(NOW));
        assert!(recorded(dated(NOW)).is_ok());
        assert!(recorded(invalid("1970-01-01T00:00:00Z")).is_ok());
        let refused = |details| recorded(details).unwrap_err();
        assert!(matches!(refused(dated("2026-11-21T08:30:01Z")), Refusal::DateInFuture { .. }));
        assert!(matches!(refused(invalid("2027-01-01T00:00:00Z")), Refusal::DateInFuture { .. }));
        assert!(matches!(
            refused(dated("2025-12-31T23:59:59Z")),
            Refusal::DateBeforeNotBefore { .. }
        ));
        assert!(matches!(refused(dated("1969-12-31T23:59:59Z")), Refusal::DateBefore1970 { .. }));
        assert!(matches!(refused(invalid("1969-12-31T23:59:59Z")), Refusal::DateBefore1970 { .. }));
    }

    #[test]
    fn an_amendment_goes_one_way() {
        let current = Revocation {
            date: at("2026-06-01T00:00:00Z"),
            reason: Some(Reason::Superseded),
            invalidity_date: None,
            recorded_at: at("2026-06-01T00:00:00Z"),
        };
        let amend = |current: &Revocation, amendment: Amendment| {
            amendment.decide(current, Some(at("2026-01-01T00:00:00Z")), &Policy::default(), at(NOW))
        };
        let dated = |text: &str| Amendment { date: Some(at(text)), ..Amendment::default() };
        let worse = Amendment { key_compromise: true, ..Amendment::default() };
        let amended = amend(&current, worse).unwrap();
        assert_eq!((amended.reason, amended.date), (Some(Reason::KeyCompromise), current.date));
        assert_eq!(amended.recorded_at, at(NOW));
        let illegal = |current: &Revocation, amendment| {
            matches!(amend(current, amendment), Err(Refusal::IllegalAmendment { .. }))
        };
        assert!(illegal(&amended, worse), "it is one already");
        assert!(illegal(&current, Amendment::default()), "it says nothing");
        assert!(illegal(&current, dated("2026-06-01T00:00:00Z")), "not earlier");
        assert!(illegal(&current, dated("2026-06-02T00:00:00Z")), "later");
        assert!(amend(&current, dated("2026-05-01T00:00:00Z")).is_ok());
        let early = amend(&current, dated("2025-01-01T00:00:00Z"));
        assert!(matches!(early, Err(Refusal::DateBeforeNotBefore { .. })));
    }
}
