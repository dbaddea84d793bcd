//! How often an account may call an operation.

use super::pair;
use crate::retry::Retry;
use std::{
    collections::{HashMap, VecDeque},
    fmt, mem,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many calls in any span of time of that length; any number where that is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many calls.
    pub calls: NonZeroU32,
    /// How long the span is.
    pub period: Duration,
}

impl Default for Rate {
    /// Ten calls a second, as certificate services allow.
    fn default() -> Self {
        const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
        Self { calls: TEN, period: Duration::from_secs(1) }
    }
}

/// A bucket of tokens for each account and operation.
///
/// A call takes a token, and the token comes back one period after it was taken. So there is no
/// span of that length with more calls than the [`Rate`] says, wherever it begins: a bucket that is
/// filled up steadily would let nearly twice as many through in the first one.
///
/// Calls that are refused take nothing. Accounts that have not called for a while are forgotten as
/// others call: of two generations, each a period long at least, the older one is dropped.
///
/// It is one process that counts, from when it was started: of three nodes each lets as many
/// through.
///
/// ```
/// use annul::{Rate, Throttle};
/// use std::time::{Duration, Instant};
///
/// let throttle = Throttle::new(Rate::default());
/// let now = Instant::now();
/// for _ in 0..10 {
///     throttle.admit("account", "RevokeCertificate", now)?;
/// }
/// let later = now + Duration::from_millis(250);
/// let throttled = throttle.admit("account", "RevokeCertificate", later).unwrap_err();
/// assert_eq!(throttled.retry_after, Duration::from_millis(750));
/// throttle.admit("another", "RevokeCertificate", later)?;
/// # Ok::<(), annul::Throttled>(())
/// ```
pub struct Throttle {
    usual: Buckets,
    /// Those of operations with a rate of their own.
    others: HashMap<String, Buckets>,
    most_buckets: usize,
}

/// A call too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("called too often, try again in {retry_after:?}")]
#[non_exhaustive]
pub struct Throttled {
    /// Not before then will the same call be admitted.
    pub retry_after: Duration,
}

impl Throttled {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        Retry::After(self.retry_after)
    }
}

impl Throttle {
    /// As many calls of each operation for each account.
    pub fn new(rate: Rate) -> Self {
        Self { usual: Buckets::new(rate), others: HashMap::new(), most_buckets: 1 << 20 }
    }

    /// Another rate for one operation.
    #[must_use]
    pub fn with_rate(mut self, operation: impl Into<String>, rate: Rate) -> Self {
        self.others.insert(operation.into(), Buckets::new(rate));
        self
    }

    /// Remembers at most so many pairs of an account and an operation for a period, and as many for
    /// each operation with a rate of its own; others are refused meanwhile. 1,048,576 if it is not
    /// told. Each takes some 300 octets at ten calls, and there may be twice as many in memory.
    #[must_use]
    pub fn with_most_buckets(mut self, most_buckets: usize) -> Self {
        self.most_buckets = most_buckets;
        self
    }

    /// Takes a token, if the account has one left for the operation.
    ///
    /// `now` is of the same clock for all calls, and read just before. Of two threads, the one that
    /// comes later may bring the earlier time: then the later one counts for both.
    ///
    /// # Errors
    /// [`Throttled`] where there is no token left.
    pub fn admit(&self, account: &str, operation: &str, now: Instant) -> Result<(), Throttled> {
        let buckets = self.others.get(operation).unwrap_or(&self.usual);
        buckets.take(pair(account, operation.as_bytes()), self.most_buckets, now)
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Rate::default())
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("rate", &self.usual.rate).finish_non_exhaustive()
    }
}

/// Of an account and an operation, of the same length whatever their names are.
type Key = [u8; 32];

/// When the tokens were taken that are not back yet, in order, in nanoseconds.
type Bucket = VecDeque<u64>;

struct Buckets {
    rate: Rate,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    /// The first time that anyone brought.
    origin: Option<Instant>,
    /// The latest one, in nanoseconds since then.
    now: u64,
    /// When the younger generation began.
    since: u64,
    young: HashMap<Key, Bucket>,
    /// Nobody called any of these since then.
    old: HashMap<Key, Bucket>,
}

impl Buckets {
    fn new(rate: Rate) -> Self {
        Self { rate, generations: Mutex::default() }
    }

    fn take(&self, key: Key, most_buckets: usize, now: Instant) -> Result<(), Throttled> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = *generations.origin.get_or_insert(now);
        let now = nanoseconds(now.saturating_duration_since(origin));
        generations.now = generations.now.max(now);
        let left = generations.turn(self.rate);
        let taken = generations.take(key, self.rate, most_buckets);
        drop(generations);
        // It may be a million of them, which nobody should wait for.
        drop(left);
        taken
    }
}

impl Generations {
    /// Begins a new generation where it is time to. Whatever is in the one that is dropped was taken
    /// before the one after it began, which is a period ago.
    fn turn(&mut self, rate: Rate) -> HashMap<Key, Bucket> {
        if self.now < rate.after(self.since) {
            return HashMap::new();
        }
        self.since = self.now;
        let young = mem::take(&mut self.young);
        mem::replace(&mut self.old, young)
    }

    fn take(&mut self, key: Key, rate: Rate, most_buckets: usize) -> Result<(), Throttled> {
        let now = self.now;
        let throttled = |until: u64| {
            let retry_after = Duration::from_nanos(until.saturating_sub(now));
            Err(Throttled { retry_after })
        };
        if !self.young.contains_key(&key) && self.young.len() >= most_buckets {
            return throttled(rate.after(self.since));
        }
        let bucket = match self.old.remove(&key) {
            Some(bucket) => self.young.entry(key).or_insert(bucket),
            None => self.young.entry(key).or_default(),
        };
        while bucket.front().is_some_and(|taken| rate.after(*taken) <= now) {
            bucket.pop_front();
        }
        match bucket.front() {
            Some(first) if bucket.len() >= rate.calls.get() as usize => {
                throttled(rate.after(*first))
            }
            _ => {
                bucket.push_back(now);
                Ok(())
            }
        }
    }
}

impl Rate {
    /// When a token is back that was taken then.
    fn after(self, taken: u64) -> u64 {
        taken.saturating_add(nanoseconds(self.period))
    }
}

/// For some 500 years.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::{
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    };

    const MS: Duration = Duration::from_millis(1);

    fn rate(calls: u32, period: Duration) -> Rate {
        Rate { calls: NonZeroU32::new(calls).unwrap(), period }
    }

    #[test]
    fn s29_s53_the_eleventh_call_in_a_second_is_throttled_for_each_account_and_operation() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let at = |ms: u32| start + ms * MS;
        for ms in 0..10 {
            throttle.admit("a", "Revoke", at(100 * ms)).unwrap();
        }
        let refused = throttle.admit("a", "Revoke", at(999)).unwrap_err();
        assert_eq!(refused.retry_after, MS);
        assert_eq!(refused.retry(), Retry::After(MS));
        throttle.admit("b", "Revoke", at(999)).unwrap();
        throttle.admit("a", "Update", at(999)).unwrap();
        // What was refused took nothing, and only the first token is back.
        throttle.admit("a", "Revoke", at(1000)).unwrap();
        throttle.admit("a", "Revoke", at(1000)).unwrap_err();
    }

    #[test]
    fn a_name_that_ends_as_another_begins_is_another() {
        let throttle = Throttle::new(rate(1, MS));
        let now = Instant::now();
        throttle.admit("ab", "c", now).unwrap();
        throttle.admit("a", "bc", now).unwrap();
        throttle.admit("ab", "c", now).unwrap_err();
    }

    #[test]
    fn of_many_threads_no_more_are_admitted_than_of_one() {
        let throttle = Throttle::new(rate(1000, Duration::from_secs(3600)));
        let (admitted, now) = (AtomicUsize::new(0), Instant::now());
        thread::scope(|scope| {
            for thread in 0..8 {
                let (throttle, admitted) = (&throttle, &admitted);
                scope.spawn(move || {
                    for call in 0..500 {
                        let now = now + (call * 7 + thread) % 100 * MS;
                        let is_admitted = throttle.admit("a", "Revoke", now).is_ok();
                        admitted.fetch_add(is_admitted.into(), Relaxed);
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1000);
    }

    #[test]
    fn a_million_accounts_take_no_more_memory_than_was_allowed() {
        let throttle = Throttle::default().with_most_buckets(1000);
        let (mut refused, start) = (0, Instant::now());
        for account in 0..1_000_000_u32 {
            // A thousand a second, and two thousand at the end.
            let ms = account.min(950_000) + account.saturating_sub(950_000) / 2;
            let admitted = throttle.admit(&account.to_string(), "Revoke", start + ms * MS);
            refused += u32::from(admitted.is_err());
        }
        assert!((24_000..26_000).contains(&refused), "{refused}");
        let generations = throttle.usual.generations.lock().unwrap();
        assert!(generations.young.len() <= 1000 && generations.old.len() <= 1000);
    }

    proptest! {
        /// Against a list of all that was ever admitted.
        #[test]
        fn no_span_holds_more_calls_than_the_rate_says(
            calls in 1..5_u32,
            period in 1..50_u32,
            other in 1..200_u32,
            steps in vec((0..20_u32, 0..3_usize, any::<bool>()), 1..300),
        ) {
            let usual = rate(calls, period * MS);
            let throttle = Throttle::new(usual).with_rate("b", rate(1, other * MS));
            let mut admitted: HashMap<(usize, &str), Vec<u32>> = HashMap::new();
            let (mut now, start) = (0, Instant::now());
            for (later, account, is_other) in steps {
                now += later;
                let operation = if is_other { "b" } else { "a" };
                let (most, period) = if is_other { (1, other) } else { (calls, period) };
                let before = admitted.entry((account, operation)).or_default();
                let recent: Vec<u32> =
                    before.iter().copied().filter(|then| then + period > now).collect();
                let answer =
                    throttle.admit(&account.to_string(), operation, start + now * MS);
                if recent.len() < most as usize {
                    prop_assert_eq!(answer, Ok(()));
                    before.push(now);
                } else {
                    let retry_after = (recent[recent.len() - most as usize] + period - now) * MS;
                    prop_assert_eq!(answer, Err(Throttled { retry_after }));
                }
            }
        }
    }
}
