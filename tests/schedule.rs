//! When CRLs are due: the rules one by one, and laws that hold for every schedule.

mod support {
    pub mod scopes;
}

use annul::{
    CrlNumber, Failure, IssuerId, JobKind, LastRelease, Partition, Retry, Rhythm, Schedule,
    ScheduleError, Scope, ScopeState, Timestamp, Why,
};
use proptest::prelude::*;
use std::time::Duration;
use support::scopes::{ToyScope, at, cases, schedules, seconds};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn state() -> ScopeState {
    ScopeState::new(IssuerId::from_octets([7; 32]), Scope::Full)
}

/// A scope whose last complete CRL is of this time, and nothing happened since.
fn released(schedule: &Schedule, this_update: Timestamp) -> ScopeState {
    let next_update = this_update.saturating_add(schedule.complete().validity);
    let number = CrlNumber::from_u64(1);
    let mut state = state();
    state.last = Some(LastRelease { number, this_update, next_update });
    state
}

fn mended(state: &ScopeState) -> ScopeState {
    let mut state = *state;
    state.failed = None;
    state
}

fn without_jitter(schedule: Schedule) -> Schedule {
    schedule.with_jitter_percent(0).unwrap()
}

fn secs(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap()
}

#[test]
fn s35_a_crl_follows_about_30_minutes_after_a_revocation() {
    let schedule = Schedule::aws();
    let mut state = released(&schedule, at(0));
    state.pending_since = Some(at(HOUR));
    let due = schedule.next_due(&state).unwrap();
    assert!(at(HOUR + 27 * MINUTE) <= due && due <= at(HOUR + 30 * MINUTE), "{due}");
    let job = schedule.due(due, &state).unwrap();
    assert_eq!((job.kind, job.why, job.attempts), (JobKind::Complete, Why::Pending, 0));
    assert_eq!((job.issuer, job.scope), (state.place.issuer, Scope::Full));
    assert_eq!((job.not_before, job.deadline), (due, at(2 * HOUR)));
    // Many scopes do not all ask at once.
    let dues = (0..1000).map(|partition| {
        state.place.scope = Scope::Partition(Partition(partition));
        schedule.next_due(&state).unwrap()
    });
    let moments: std::collections::BTreeSet<_> = dues.collect();
    assert!(moments.len() > 100, "{}", moments.len());
}

#[test]
fn s36_what_failed_is_tried_every_15_minutes_until_it_is_mended() {
    let exact = without_jitter(Schedule::aws());
    let mut state = released(&exact, at(0));
    state.pending_since = Some(at(0));
    let mut now = exact.next_due(&state).unwrap();
    assert_eq!(now, at(30 * MINUTE));
    for attempts in 1..200 {
        // An error that says trying is useless does not see who mends meanwhile.
        let retry = [Retry::Never, Retry::Now, Retry::After(seconds(1))][attempts as usize % 3];
        state.failed = Some(Failure { at: now, attempts, retry });
        let next = exact.next_due(&state).unwrap();
        assert_eq!(next, now.saturating_add(seconds(15 * 60)));
        assert_eq!(exact.due(next.saturating_sub(seconds(1)), &state), None);
        assert_eq!(exact.due(next, &state).unwrap().attempts, attempts);
        now = next;
    }
    assert!(exact.overdue(now, &state).is_some());
}

#[test]
fn s36_an_error_gets_the_time_that_it_asks_for_before_the_deadline() {
    let schedule = Schedule::aws();
    let mut state = released(&schedule, at(0));
    state.pending_since = Some(at(0));
    let mut next = |failed, wait: u64| {
        let retry = Retry::After(Duration::from_secs(60 * wait));
        state.failed = Some(Failure { at: at(failed * MINUTE), attempts: 1, retry });
        schedule.next_due(&state).unwrap()
    };
    assert_eq!(next(30, 20), at(50 * MINUTE));
    assert_eq!(next(30, 15), at(45 * MINUTE));
    let spread = next(30, 14);
    assert!(at(44 * MINUTE) <= spread && spread <= at(45 * MINUTE));
    assert_eq!(next(30, 600), at(60 * MINUTE));
    let late = next(50, 600);
    assert_eq!(late, at(65 * MINUTE));
    let overdue = next(90, 5);
    assert!(at(103 * MINUTE) <= overdue && overdue <= at(105 * MINUTE));
}

#[test]
fn s36_one_failure_makes_no_crl_late() {
    let hour = seconds(3600);
    let rhythm = Schedule::private().complete();
    let new = |rhythm| Schedule::new(rhythm, hour);
    let fits = Rhythm { overlap: seconds(3601), within: seconds(3601 + 600), ..rhythm };
    new(fits).unwrap();
    for tight in [Rhythm { overlap: hour, ..fits }, Rhythm { within: seconds(4200), ..fits }] {
        let no_room = ScheduleError::NoRoomToRetry { room: hour, retry: hour };
        assert_eq!(new(tight), Err(no_room));
    }
    let first = new(fits).unwrap().with_first_within(hour);
    assert_eq!(first, Err(ScheduleError::NoRoomToRetry { room: hour, retry: hour }));
}

#[test]
fn no_schedule_is_without_sense() {
    let private = Schedule::private();
    let rhythm = private.complete();
    let new = |rhythm| Schedule::new(rhythm, seconds(60));
    let Rhythm { validity, period, .. } = rhythm;
    assert_eq!(
        new(Rhythm { period: validity + seconds(1), ..rhythm }),
        Err(ScheduleError::PeriodTooLong { period: validity + seconds(1), validity })
    );
    assert_eq!(
        new(Rhythm { overlap: period, ..rhythm }),
        Err(ScheduleError::OverlapTooLong { overlap: period, period })
    );
    let blink = Duration::from_millis(999);
    assert_eq!(Schedule::new(rhythm, blink), Err(ScheduleError::RetryTooSoon));
    let jitter = private.with_jitter_percent(51);
    assert_eq!(jitter, Err(ScheduleError::TooMuchJitter { percent: 51 }));
    let (delta, complete) = (rhythm.gather, rhythm.gather);
    let deltas = private.with_deltas(rhythm);
    assert_eq!(deltas, Err(ScheduleError::DeltasTooLate { delta, complete }));
    let with_fractions = Rhythm { gather: rhythm.gather + blink, ..rhythm };
    assert_eq!(new(with_fractions).unwrap().complete(), rhythm);
}

#[test]
fn e37_no_preset_makes_crls_valid_for_longer_than_the_forum_allows() {
    for subscriber in [Schedule::cabf_subscriber(), Schedule::cabf_subscriber_with_ocsp()] {
        assert!(secs(subscriber.complete().validity) < 10 * DAY);
    }
    assert!(secs(Schedule::cabf_ca().complete().validity) < 365 * DAY);
}

#[test]
fn e38_a_crl_follows_within_24_hours_and_every_so_many_days_in_any_case() {
    for (schedule, days) in [
        (Schedule::cabf_subscriber(), 4),
        (Schedule::cabf_subscriber_with_ocsp(), 7),
        (Schedule::cabf_ca(), 365),
    ] {
        let mut state = released(&schedule, at(0));
        let by = |state: &_| {
            let due = schedule.next_due(state).unwrap();
            schedule.due(due, state).unwrap().deadline
        };
        assert!(by(&state) <= at(days * DAY));
        state.pending_since = Some(at(1000));
        assert_eq!(by(&state), at(1000 + DAY));
        assert_eq!(schedule.overdue(at(1000 + DAY - 1), &state), None);
        let overdue = schedule.overdue(at(1000 + DAY), &state).unwrap();
        assert_eq!((overdue.place, overdue.since), (state.place, at(1000 + DAY)));
        assert_eq!(overdue.why, Why::Pending);
    }
}

#[test]
fn e38_the_first_crl_is_due_at_once_and_overdue_after_24_hours() {
    let schedule = Schedule::cabf_subscriber();
    let mut state = state();
    assert_eq!(schedule.next_due(&state), None);
    assert_eq!(schedule.overdue(Timestamp::MAX, &state), None);
    state.first_needed_at = Some(at(0));
    let job = schedule.due(at(0), &state).unwrap();
    assert_eq!((job.why, job.kind, job.deadline), (Why::First, JobKind::Complete, at(DAY)));
    assert_eq!(schedule.overdue(at(DAY - 1), &state), None);
    assert!(schedule.overdue(at(DAY), &state).is_some());
    // An empty one counts.
    state.last = released(&schedule, at(0)).last;
    assert_eq!(schedule.due(at(0), &state), None);
}

#[test]
fn e38_a_crl_is_renewed_where_nobody_revokes_anything() {
    let schedule = without_jitter(Schedule::private());
    let state = released(&schedule, at(0));
    assert_eq!(schedule.next_due(&state), Some(at(23 * HOUR)));
    let job = schedule.due(at(23 * HOUR), &state).unwrap();
    assert_eq!((job.why, job.deadline), (Why::Period, at(DAY)));
    let lapsed = schedule.overdue(at(DAY), &state).unwrap();
    assert_eq!((lapsed.since, lapsed.why), (at(DAY), Why::Period));

    let schedule = without_jitter(Schedule::cabf_ca());
    let state = released(&schedule, at(0));
    let job = schedule.due(at(335 * DAY - 1), &state).unwrap();
    assert_eq!((job.why, job.not_before), (Why::NextUpdateNear, at(335 * DAY - 1)));
}

#[test]
fn e39_the_clock_runs_from_the_record_to_the_release() {
    let schedule = Schedule::cabf_subscriber();
    let mut scope = ToyScope::new(schedule, 1, Scope::Full);
    scope.record(at(0), false);
    // A CRL that was made and not released is a failure, whoever made it.
    scope.state.failed = Some(Failure { at: at(DAY), attempts: 90, retry: Retry::Never });
    assert!(schedule.overdue(at(DAY), &scope.state).is_some());
    let job = schedule.due(at(2 * DAY), &scope.state).unwrap();
    scope.release(at(2 * DAY), &job);
    assert_eq!(schedule.overdue(at(2 * DAY), &scope.state), None);
}

#[test]
fn e40_crls_of_an_issuer_that_fell_go_on_until_its_last() {
    let schedule = Schedule::private();
    let mut scope = ToyScope::new(schedule, 1, Scope::Full);
    scope.record(at(0), true);
    let mut now = at(0);
    for _ in 0..1000 {
        now = schedule.next_due(&scope.state).unwrap();
        let job = schedule.due(now, &scope.state).unwrap();
        scope.release(now, &job);
    }
    assert!(now > at(800 * DAY));
    scope.state.ended = true;
    scope.state.pending_since = Some(now);
    assert_eq!(schedule.next_due(&scope.state), None);
    assert_eq!(schedule.due(Timestamp::MAX, &scope.state), None);
    assert_eq!(schedule.overdue(Timestamp::MAX, &scope.state), None);
}

#[test]
fn e41_what_was_recorded_before_the_last_crl_and_is_not_on_it_is_due() {
    let schedule = without_jitter(Schedule::private());
    for recorded in [-100, 0, 100] {
        let mut state = released(&schedule, at(0));
        state.pending_since = Some(at(recorded));
        assert_eq!(schedule.next_due(&state), Some(at(recorded + 10 * MINUTE)));
    }
}

#[test]
fn e42_a_next_update_that_is_cut_short_does_not_make_crl_after_crl() {
    for schedule in [Schedule::private(), Schedule::cabf_ca()] {
        let not_after = at(100 * DAY);
        let mut state = released(&schedule, at(100 * DAY - 20 * HOUR));
        let (mut now, mut crls) = (at(0), 0);
        while now < not_after {
            if let Some(last) = &mut state.last {
                last.next_update = not_after;
                last.number = last.number.next().unwrap();
                assert!(now <= last.this_update || crls == 0);
            }
            now = schedule.next_due(&state).unwrap();
            if let Some(last) = &mut state.last {
                assert!(now > last.this_update);
                last.this_update = now;
            }
            crls += 1;
        }
        assert!(crls < 15, "{crls}");
    }
}

#[test]
fn e42_a_next_update_nearer_than_the_next_attempt_is_kept_too() {
    let schedule = without_jitter(Schedule::private());
    let mut state = released(&schedule, at(0));
    // The issuer's notAfter is near, and the CRL cannot be valid for longer.
    state.last = state.last.map(|last| LastRelease { next_update: at(5 * MINUTE), ..last });
    assert_eq!(schedule.next_due(&state), Some(at(5 * MINUTE)));
    assert_eq!(schedule.overdue(at(5 * MINUTE), &state).unwrap().why, Why::NextUpdateNear);
}

#[test]
fn a_fall_waits_no_longer_than_a_delta_crl_would() {
    let schedule = without_jitter(Schedule::private_with_deltas());
    let mut state = released(&schedule, at(0));
    let number = CrlNumber::from_u64(2);
    state.last_delta = state.last.map(|last| LastRelease { number, ..last });
    state.pending_since = Some(at(0));
    state.pending_delta_since = Some(at(0));
    let delta = schedule.due(at(10 * MINUTE), &state).unwrap();
    assert_eq!((delta.kind, delta.why), (JobKind::Delta, Why::Pending));
    let both = schedule.due(at(12 * HOUR), &state).unwrap();
    assert_eq!((both.kind, both.why), (JobKind::CompleteAndDelta, Why::Pending));

    state.pending_delta_since = None;
    state.needs_base_since = Some(at(HOUR));
    assert_eq!(schedule.next_due(&state), Some(at(HOUR + 10 * MINUTE)));
    let base = schedule.due(at(HOUR + 10 * MINUTE), &state).unwrap();
    assert_eq!((base.kind, base.why), (JobKind::Complete, Why::NeedsBase));
    assert_eq!(base.deadline, at(2 * HOUR));
}

#[test]
fn the_first_delta_crl_follows_the_first_complete_one() {
    let schedule = Schedule::private_with_deltas();
    let mut state = state();
    state.first_needed_at = Some(at(0));
    assert_eq!(schedule.due(at(0), &state).unwrap().kind, JobKind::Complete);
    state.last = released(&schedule, at(5)).last;
    let delta = schedule.due(at(5), &state).unwrap();
    assert_eq!((delta.kind, delta.why), (JobKind::Delta, Why::First));
}

#[test]
fn the_most_urgent_job_comes_first() {
    let schedule = Schedule::private();
    let states: Vec<_> = [3, 1, 2, 500]
        .map(|hours| {
            let mut state = released(&schedule, at(0));
            state.place.scope = Scope::Partition(Partition(hours));
            state.pending_since = Some(at(i64::from(hours) * HOUR));
            state
        })
        .into();
    let jobs = schedule.due_all(at(10 * HOUR), &states);
    let scopes: Vec<_> = jobs.iter().map(|job| job.scope.to_string()).collect();
    assert_eq!(scopes, ["p1", "p2", "p3"]);
}

fn moments() -> impl Strategy<Value = Timestamp> {
    prop_oneof![0..100i64, 0..10_000i64, 0..500_000i64].prop_map(at)
}

fn releases() -> impl Strategy<Value = LastRelease> {
    (0..100u64, moments(), 0..300_000u64).prop_map(|(number, this_update, validity)| LastRelease {
        number: CrlNumber::from_u64(number),
        this_update,
        next_update: this_update.saturating_add(seconds(validity)),
    })
}

fn failures() -> impl Strategy<Value = Failure> {
    let wait = prop_oneof![0..10u64, 0..100_000u64];
    let retry = prop_oneof![
        Just(Retry::Never),
        Just(Retry::Now),
        wait.prop_map(|wait| Retry::After(seconds(wait)))
    ];
    (moments(), 1..9u32, retry).prop_map(|(at, attempts, retry)| Failure { at, attempts, retry })
}

fn states() -> impl Strategy<Value = ScopeState> {
    let moment = || prop::option::of(moments());
    let release = || prop::option::of(releases());
    let pending = (moment(), moment(), prop::option::weighted(0.2, moments()));
    let failed = prop::option::of(failures());
    let ends = (prop::bool::weighted(0.1), prop::bool::weighted(0.05));
    let some = (moment(), release(), release(), pending, failed, ends);
    some.prop_map(|(first_needed_at, last, last_delta, pending, failed, (is_down, ended))| {
        let mut state = state();
        state.first_needed_at = first_needed_at;
        state.last = last;
        state.last_delta = last_delta;
        (state.pending_since, state.pending_delta_since, state.needs_base_since) = pending;
        state.failed = failed;
        state.is_down = is_down;
        state.ended = ended;
        state
    })
}

/// Once a job is due it stays due, whatever else becomes due: no clock takes it back but one that
/// is behind.
fn due_from_then_on(schedule: &Schedule, state: &ScopeState, now: Timestamp) {
    let Some(next) = schedule.next_due(state) else {
        return assert_eq!(schedule.due(Timestamp::MAX, state), None);
    };
    for now in [now, next, next.saturating_sub(seconds(1)), next.saturating_add(seconds(1))] {
        let job = schedule.due(now, state);
        assert_eq!(job.is_some(), next <= now);
        assert_eq!(job, schedule.due(now, state));
        if let Some(job) = job {
            assert!(next <= job.not_before && job.not_before <= now);
        }
    }
}

fn overdue_is_due(schedule: &Schedule, state: &ScopeState, now: Timestamp) {
    let later = now.saturating_add(seconds(1));
    if let Some(overdue) = schedule.overdue(now, state) {
        assert!(overdue.since <= now);
        assert_eq!(schedule.overdue(later, state), Some(overdue));
        assert!(schedule.due(now, &mended(state)).is_some());
    }
    let mended = mended(state);
    assert_eq!(schedule.overdue(now, &mended), schedule.overdue(now, state));
}

/// Jitter makes jobs earlier, by no more than its part, and changes nothing else.
fn jitter_is_only_early(schedule: &Schedule, state: &ScopeState) {
    let exact = without_jitter(*schedule);
    let next = schedule.next_due(state);
    assert!(next <= exact.next_due(state));
    for now in [Timestamp::MAX, at(1000)] {
        assert_eq!(schedule.overdue(now, state), exact.overdue(now, state));
    }
    let (job, exact) = (schedule.due(Timestamp::MAX, state), exact.due(Timestamp::MAX, state));
    assert_eq!(job.map(|job| (job.kind, job.deadline)), exact.map(|job| (job.kind, job.deadline)));
}

fn the_next_attempt_is_no_sooner(schedule: &Schedule, state: &ScopeState) {
    let (Some(failed), Some(next)) = (state.failed, schedule.next_due(state)) else {
        return;
    };
    let retry = schedule.retry();
    let spread = retry.as_secs() * u64::from(schedule.jitter_percent()) / 100;
    assert!(next >= failed.at.saturating_add(retry - seconds(spread)));
    let mended = mended(state);
    let wanted = schedule.next_due(&mended).unwrap();
    let job = schedule.due(next, state).unwrap();
    let usual = failed.at.saturating_add(retry);
    assert!(next <= wanted.max(usual).max(job.deadline), "{next}");
    if !matches!(failed.retry, Retry::After(_)) {
        assert!(next <= wanted.max(usual));
    }
}

/// Lets time pass and makes each CRL when it is due. Answers when it ended.
fn run(scope: &mut ToyScope, schedule: &Schedule, history: &[(u64, bool)]) -> Timestamp {
    let mut now = at(0);
    let mut pass = |scope: &mut ToyScope, until: Timestamp| {
        while let Some(due) = schedule.next_due(&scope.state).filter(|due| *due <= until) {
            assert!(due >= now, "due before it could be");
            now = due;
            assert_eq!(schedule.overdue(now, &scope.state), None);
            let job = schedule.due(now, &scope.state).unwrap();
            scope.release(now, &job);
        }
        now = until;
        assert_eq!(schedule.overdue(now, &scope.state), None);
    };
    let mut clock = at(0);
    for &(gap, fall) in history {
        clock = clock.saturating_add(seconds(gap));
        // What happens in one second happens in any order.
        pass(scope, clock.saturating_sub(seconds(u64::from(fall))));
        scope.record(clock, fall);
    }
    let end = clock.saturating_add(schedule.complete().within);
    pass(scope, end);
    end
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_schedule_obeys_the_laws(
        schedule in schedules(10_000), state in states(), now in moments()
    ) {
        due_from_then_on(&schedule, &state, now);
        overdue_is_due(&schedule, &state, now);
        jitter_is_only_early(&schedule, &state);
        the_next_attempt_is_no_sooner(&schedule, &state);
    }

    #[test]
    fn e39_whoever_does_what_is_due_is_never_late_and_makes_no_more_than_that(
        (schedule, histories) in cases(1)
    ) {
        let mut scope = ToyScope::new(schedule, 1, Scope::Full);
        let end = run(&mut scope, &schedule, &histories[0]);
        prop_assert_eq!(scope.complete.len(), scope.events.len());
        scope.assert_in_time(at(0));
        scope.assert_few(end);
    }
}
