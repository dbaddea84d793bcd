//! A crash at any step of a release: the same call again finishes the job.

use super::{listed, place, revoke, root, serials, shown, week, with_leaves};
use crate::toy::{ToyClock, authority, day, serial};
use annul::{
    Authority, CertificateList, Clock, CrlNumber, CrlPlace, Current, Issue, MemorySink,
    MemoryStore, Outgoing, Retry, Revision, Scope, Sink, SinkError, Store, Timestamp,
    conformance::{Fault, Faults, Faulty},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// A sink of which one call is lost, before or after it took effect.
#[derive(Debug)]
struct Losing<'a> {
    sink: &'a MemorySink,
    calls: AtomicU64,
    lost: u64,
    after: bool,
}

impl Losing<'_> {
    fn meet<T>(&self, act: impl FnOnce() -> Result<T, SinkError>) -> Result<T, SinkError> {
        let lost = self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.lost;
        if lost && !self.after {
            return Err(crash());
        }
        let answer = act();
        if lost { Err(crash()) } else { answer }
    }
}

fn crash() -> SinkError {
    SinkError::Unavailable { sink: "sink".to_owned(), source: "a crash".into() }
}

impl Sink for Losing<'_> {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn check(&self) -> Result<(), SinkError> {
        self.sink.check()
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        self.meet(|| self.sink.current(place))
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        self.meet(|| self.sink.put(outgoing, replaces))
    }

    fn compares(&self) -> bool {
        true
    }
}

/// Never two CRLs with one number.
#[derive(Default)]
struct Seen(BTreeMap<CrlNumber, Vec<u8>>);

impl Seen {
    fn see(&mut self, sink: &MemorySink) {
        let Some(Current { der, .. }) = sink.current(&place()).unwrap() else { return };
        let number = CertificateList::from_der(&der).unwrap().number().unwrap();
        assert!(
            self.0.last_key_value().is_none_or(|(last, _)| *last <= number),
            "back to {number}"
        );
        assert_eq!(*self.0.entry(number).or_insert_with(|| der.clone()), der, "{number} twice");
    }
}

fn finish<S: Store>(authority: &Authority<S>, sinks: &[&MemorySink], seen: &mut Seen) {
    let all: Vec<&dyn Sink> = sinks.iter().map(|sink| *sink as &dyn Sink).collect();
    authority.issue(root().id(), &Issue::new(week()), &root(), &all).unwrap();
    let publication = authority.publication(root().id(), serial(2)).unwrap().unwrap();
    assert!(publication.published(Scope::Full).is_some());
    assert!(authority.pending(root().id()).unwrap().is_empty());
    sinks.iter().for_each(|sink| seen.see(sink));
}

#[test]
fn a_crash_at_any_operation_of_the_store_is_mended_by_the_same_call() {
    for fault in [Fault::Before, Fault::After] {
        for n in 1.. {
            let (clock, drawn) = (ToyClock::at(day(0)), Arc::new(AtomicU64::new(0)));
            let (store, faults) = (Arc::new(MemoryStore::new()), Faults::none());
            let start = || {
                let store = Faulty::new(Arc::clone(&store), faults.clone());
                authority(store, &clock, Arc::clone(&drawn))
            };
            let (first, sink) = (start(), MemorySink::new("sink"));
            with_leaves(&first, 3);
            let mut seen = Seen::default();
            revoke(&first, 1);
            first.issue(root().id(), &Issue::new(week()), &root(), &[&sink]).unwrap();
            seen.see(&sink);
            revoke(&first, 2);
            let before = faults.operations();
            faults.fail_at(n, fault);
            let crashed = first.issue(root().id(), &Issue::new(week()), &root(), &[&sink]);
            let operations = faults.operations() - before;
            seen.see(&sink);
            faults.end();
            // Another process, perhaps with a clock that is a day behind until somebody looks.
            let second = start();
            clock.set(day(-1));
            let answer = second.issue(root().id(), &Issue::new(week()), &root(), &[&sink]);
            assert!(answer.is_err(), "the clock went back");
            clock.set(day(0));
            finish(&second, &[&sink], &mut seen);
            assert_eq!(listed(&shown(&sink, &place())), serials([1, 2]));
            if crashed.is_ok() && n > operations {
                break;
            }
        }
    }
}

#[test]
fn a_crash_at_any_call_of_a_sink_is_mended_by_the_same_call() {
    for after in [false, true] {
        for lost in 1..=4 {
            let (authority, _) = crate::toy::in_memory();
            with_leaves(&authority, 3);
            let sinks = ["one", "other"].map(MemorySink::new);
            let mut seen = Seen::default();
            revoke(&authority, 1);
            let both: [&dyn Sink; 2] = [&sinks[0], &sinks[1]];
            authority.issue(root().id(), &Issue::new(week()), &root(), &both).unwrap();
            sinks.iter().for_each(|sink| seen.see(sink));
            revoke(&authority, 2);
            let losing = Losing { sink: &sinks[0], calls: 0.into(), lost, after };
            let both: [&dyn Sink; 2] = [&losing, &sinks[1]];
            let crashed = authority.issue(root().id(), &Issue::new(week()), &root(), &both);
            // It is asked for both kinds of CRLs, then given one.
            assert_eq!(crashed.is_err(), lost <= 3);
            finish(&authority, &[&sinks[0], &sinks[1]], &mut seen);
            let [one, other] = sinks.each_ref().map(|sink| shown(sink, &place()));
            assert_eq!(one, other);
            assert_eq!(listed(&one), serials([1, 2]));
        }
    }
}

/// A clock that steps back a day once it was asked so often.
struct SteppingBack(AtomicI64);

impl Clock for SteppingBack {
    fn now(&self) -> Timestamp {
        day((self.0.fetch_sub(1, Ordering::Relaxed) > 0).into())
    }
}

#[test]
fn a_clock_that_steps_back_at_any_moment_is_something_to_wait_for() {
    let mut waits = 0;
    for asked in 1.. {
        let (authority, clock) = crate::toy::in_memory();
        with_leaves(&authority, 2);
        let sink = MemorySink::new("sink");
        revoke(&authority, 1);
        clock.set(day(1));
        let authority = authority.with_clock(SteppingBack(asked.into()));
        match authority.issue(root().id(), &Issue::new(week()), &root(), &[&sink]) {
            Ok(_) => break,
            Err(error) => {
                assert!(matches!(error.retry(), Retry::After(_)), "{asked}: {error:?}");
                waits += 1;
            }
        }
        let authority = authority.with_clock(clock);
        authority.issue(root().id(), &Issue::new(week()), &root(), &[&sink]).unwrap();
        assert_eq!(listed(&shown(&sink, &place())), serials([1]));
    }
    assert!(waits > 2, "{waits}");
}

#[test]
fn a_restored_record_uses_no_number_of_a_delta_that_cannot_be_read_for_a_moment() {
    let (authority, clock) = crate::toy::in_memory();
    with_leaves(&authority, 3);
    let sink = MemorySink::new("sink");
    authority.issue(root().id(), &Issue::new(week()), &root(), &[&sink]).unwrap();
    let backup = MemoryStore::new();
    annul::store::copy(authority.store(), &backup).unwrap();
    revoke(&authority, 1);
    let delta = Issue::new(week().delta());
    authority.issue(root().id(), &delta, &root(), &[&sink]).unwrap();

    let restored = crate::toy::authority(&backup, &clock, Arc::default());
    for lost in 1..=2 {
        let losing = Losing { sink: &sink, calls: 0.into(), lost, after: false };
        let answer = restored.issue(root().id(), &Issue::new(week()), &root(), &[&losing]);
        assert!(answer.is_err());
        let shown = CertificateList::from_der(&shown(&sink, &place())).unwrap().number();
        assert_eq!(shown, Some(CrlNumber::from_u64(1)), "2 is that of the delta CRL");
    }
}
