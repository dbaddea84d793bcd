//! Which nonces were used before.

use super::Signed;
use crate::{api::Unauthenticated, request::pair, time::Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The nonces of requests that would still be accepted by their dates.
///
/// One is let go of when its date is too long ago, and from then on nothing with that date or an
/// earlier one is accepted: a clock that steps back makes no old request new.
pub(super) struct Nonces {
    most: usize,
    most_of_an_account: usize,
    seen: Mutex<Seen>,
}

/// Of an access key and a nonce, of the same length whatever they are.
type Digest = [u8; 32];

#[derive(Default)]
struct Seen {
    digests: HashSet<Digest>,
    /// By the date of the request, so that the oldest is the first; and whose each is.
    by_date: BTreeMap<(Timestamp, Digest), Arc<str>>,
    of_account: HashMap<Arc<str>, BTreeSet<(Timestamp, Digest)>>,
    /// Some of this date may have been let go of, and none later.
    forgotten: Option<Timestamp>,
}

impl Nonces {
    pub(super) fn new(most: usize, most_of_an_account: usize) -> Self {
        Self { most, most_of_an_account, seen: Mutex::default() }
    }

    pub(super) fn with_most(self, most: usize, most_of_an_account: usize) -> Self {
        Self { most, most_of_an_account, ..self }
    }

    pub(super) fn starting(self, at: Timestamp) -> Self {
        let forgotten = Some(at.saturating_sub(Duration::from_secs(1)));
        Self { seen: Mutex::new(Seen { forgotten, ..Seen::default() }), ..self }
    }

    /// Remembers a nonce that is new, in the share of an account: however many access keys it has, it
    /// leaves room for others.
    pub(super) fn remember(
        &self,
        account: &str,
        signed: &Signed<'_>,
        now: Timestamp,
        skew: Duration,
    ) -> Result<(), Unauthenticated> {
        let date = signed.date;
        let digest = pair(signed.access_key_id, signed.nonce.as_bytes());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(account, now, skew);
        if seen.forgotten.is_some_and(|forgotten| date <= forgotten) {
            return Err(Unauthenticated::Expired { date, skew });
        }
        if seen.digests.contains(&digest) {
            return Err(Unauthenticated::Replayed);
        }
        // Room is where the oldest one was: of the account, where that has its share already.
        let share = seen.of_account.get(account).filter(|own| own.len() >= self.most_of_an_account);
        let oldest = match share {
            Some(own) => own.first(),
            None if seen.digests.len() >= self.most => {
                seen.by_date.first_key_value().map(|(oldest, _)| oldest)
            }
            None => None,
        };
        if let Some((oldest, _)) = oldest {
            let last = oldest.saturating_add(skew);
            let retry_after = last.saturating_since(now).saturating_add(Duration::from_secs(1));
            return Err(Unauthenticated::TooManyNonces { retry_after });
        }
        seen.insert(account, date, digest);
        Ok(())
    }
}

impl Seen {
    /// Lets go of what is too old, of the account and of all, but of no more than a few at once: the next
    /// one does the rest.
    fn forget(&mut self, account: &str, now: Timestamp, skew: Duration) {
        const AT_ONCE: usize = 16;
        for _ in 0..AT_ONCE {
            let own = self.of_account.get(account).and_then(|own| own.first().copied());
            let any = self.by_date.first_key_value().map(|(oldest, _)| *oldest);
            for oldest in [own, any].into_iter().flatten() {
                if now.saturating_since(oldest.0) > skew {
                    self.remove(oldest);
                }
            }
        }
    }

    fn remove(&mut self, key: (Timestamp, Digest)) {
        let Some(account) = self.by_date.remove(&key) else { return };
        self.digests.remove(&key.1);
        self.forgotten = self.forgotten.max(Some(key.0));
        if let Some(own) = self.of_account.get_mut(&account) {
            own.remove(&key);
            if own.is_empty() {
                self.of_account.remove(&account);
            }
        }
    }

    fn insert(&mut self, account: &str, date: Timestamp, digest: Digest) {
        let known = self.of_account.get_key_value(account).map(|(known, _)| Arc::clone(known));
        let account = known.unwrap_or_else(|| Arc::from(account));
        self.of_account.entry(Arc::clone(&account)).or_default().insert((date, digest));
        self.digests.insert(digest);
        self.by_date.insert((date, digest), account);
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    const SKEW: Duration = Duration::from_secs(10);

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(second))
    }

    fn remember(
        nonces: &Nonces,
        key: &str,
        nonce: &str,
        date: u64,
        now: u64,
    ) -> Result<(), Unauthenticated> {
        let signed = Signed { access_key_id: key, token: None, date: at(date), nonce };
        crate::api::signature::check_date(signed.date, at(now), SKEW)?;
        // The keys `a` and `a/2` are of the account `a`.
        let account = key.split('/').next().unwrap();
        nonces.remember(account, &signed, at(now), SKEW)
    }

    #[test]
    fn whoever_fills_their_share_is_refused_and_nobody_else() {
        use Unauthenticated::TooManyNonces;
        let nonces = Nonces::new(5, 3);
        for nonce in ["1", "2", "3"] {
            remember(&nonces, "a", nonce, 100, 100).unwrap();
        }
        let refused = remember(&nonces, "a", "4", 100, 105);
        let Err(TooManyNonces { retry_after }) = refused else { panic!("{refused:?}") };
        assert_eq!(retry_after, Duration::from_secs(6));
        remember(&nonces, "b", "1", 101, 105).unwrap();
        remember(&nonces, "b", "2", 101, 105).unwrap();
        let refused = remember(&nonces, "b", "3", 101, 105);
        assert!(matches!(refused, Err(TooManyNonces { .. })));
        remember(&nonces, "a", "4", 111, 111).unwrap();
        let held = || {
            let seen = nonces.seen.lock().unwrap();
            let counts = seen.of_account.iter().map(|(it, own)| (it.to_string(), own.len()));
            (seen.digests.len(), seen.by_date.len(), counts.collect())
        };
        assert_eq!(held(), (3, 3, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)])));
        remember(&nonces, "c", "1", 200, 200).unwrap();
        assert_eq!(held(), (1, 1, HashMap::from([("c".to_owned(), 1)])));
    }

    #[test]
    fn whoever_has_their_share_is_told_when_they_have_room_again() {
        use Unauthenticated::TooManyNonces;
        let nonces = Nonces::new(10, 2);
        for nonce in 0..8 {
            remember(&nonces, &format!("b{nonce}"), "1", 100, 100).unwrap();
        }
        remember(&nonces, "a", "1", 109, 109).unwrap();
        remember(&nonces, "a", "2", 109, 109).unwrap();
        let refused = remember(&nonces, "a", "3", 109, 109);
        let Err(TooManyNonces { retry_after }) = refused else { panic!("{refused:?}") };
        assert_eq!(retry_after, Duration::from_secs(11));
        // And then they have, however many older ones of others are there.
        remember(&nonces, "a", "3", 120, 120).unwrap();
        remember(&nonces, "a", "4", 120, 120).unwrap();
    }

    #[test]
    fn another_access_key_brings_an_account_no_other_share() {
        let nonces = Nonces::new(10, 2);
        remember(&nonces, "a", "1", 100, 100).unwrap();
        remember(&nonces, "a/2", "1", 100, 100).unwrap();
        for key in ["a", "a/2", "a/3"] {
            let refused = remember(&nonces, key, "2", 100, 100);
            assert!(matches!(refused, Err(Unauthenticated::TooManyNonces { .. })), "{key}");
        }
        remember(&nonces, "b", "1", 100, 100).unwrap();
    }

    #[test]
    fn a_clock_that_was_a_year_ahead_for_a_while_shuts_nobody_out() {
        const YEAR: u64 = 365 * 86_400;
        let nonces = Nonces::new(100, 100);
        remember(&nonces, "a", "1", 100, 100).unwrap();
        remember(&nonces, "a", "2", YEAR, YEAR).unwrap();
        assert!(remember(&nonces, "a", "1", 100, 101).is_err());
        remember(&nonces, "a", "3", 101, 101).unwrap();
        assert!(remember(&nonces, "a", "2", YEAR, YEAR).is_err());
    }

    proptest! {
        /// Against a list of all that was ever accepted.
        #[test]
        fn no_request_is_accepted_twice_whatever_the_clock_does(
            steps in vec((-15..20_i64, 0..3_usize, 0..6_usize, -12..12_i64), 1..200),
            most in 1..30_usize,
        ) {
            let nonces = Nonces::new(most, most.div_ceil(2));
            let (mut now, mut accepted) = (1000_i64, HashMap::new());
            for (step, key, nonce, off) in steps {
                now += step;
                // A client that signs anew, or somebody who sends again what was sent.
                let (key, nonce) = (format!("k{key}"), nonce.to_string());
                let fresh = format!("{nonce}/{now}");
                for nonce in [nonce, fresh] {
                    let date = *accepted.get(&(key.clone(), nonce.clone())).unwrap_or(&(now + off));
                    let answer =
                        remember(&nonces, &key, &nonce, date as u64, now as u64);
                    if answer.is_ok() {
                        prop_assert_eq!(accepted.insert((key.clone(), nonce), date), None);
                    }
                }
                prop_assert!(nonces.seen.lock().unwrap().digests.len() <= most);
            }
        }

        #[test]
        fn with_a_clock_that_goes_on_all_that_is_new_is_accepted(
            steps in vec((0..20_u64, 0..3_usize, -10..=10_i64), 1..200),
        ) {
            let nonces = Nonces::new(1000, 1000);
            let mut now = 1000;
            for (place, (step, key, off)) in steps.into_iter().enumerate() {
                now += step;
                let date = now.saturating_add_signed(off);
                let key = format!("k{key}");
                prop_assert!(remember(&nonces, &key, &place.to_string(), date, now).is_ok());
                prop_assert!(remember(&nonces, &key, &place.to_string(), date, now).is_err());
            }
        }
    }
}
