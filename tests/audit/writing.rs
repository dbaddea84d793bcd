//! What is written of what is handed over.

use crate::{WRITERS, at, audit, event, only, rate};
use annul::{
    Audit, AuditError, AuditEvent, AuditOutcome, MemoryStore, Retry, Store, StoreError,
    conformance::{Fault, Faults, Faulty},
    store::{Batch, Snapshot},
};
use std::{
    collections::HashSet,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

#[test]
fn refused_attempts_above_the_rate_are_counted_by_the_next_event() {
    let audit = Audit::new(MemoryStore::new(), WRITERS[0]).with_refused_rate(rate(3));
    let (start, mut written) = (Instant::now(), 0);
    let mut refused = AuditEvent::new(
        at(0),
        "RevokeCertificate",
        AuditOutcome::Refused { code: "LimitExceededException".to_owned() },
    );
    for account in ["a", "b"] {
        refused.account = account.to_owned();
        for _ in 0..100 {
            written += audit.record(&refused, start).unwrap().written;
        }
    }
    assert_eq!(written, 6);
    // What was not refused is never left out.
    for number in 0..10 {
        assert_eq!(audit.record(&event(4 * number), start).unwrap().written, 1);
    }
    let verified = audit.verify(&[]).unwrap();
    assert_eq!((verified.events, verified.suppressed), (16, 194));
    // And after the period it begins anew.
    let later = start + Duration::from_secs(60);
    let audited = audit.record_all(&vec![refused; 5], later).unwrap();
    assert_eq!((audited.written, audited.suppressed), (3, 2));
    audit.record(&event(0), later).unwrap();
    assert_eq!(audit.verify(&[]).unwrap().suppressed, 196);
}

#[test]
fn whenever_the_store_fails_an_event_is_there_once_and_acknowledged_ones_stay() {
    for fault in [Fault::Before, Fault::After] {
        for n in 1..40 {
            let (faults, store) = (Faults::none(), MemoryStore::new());
            let faulty = audit(Faulty::new(&store, faults.clone()), 0);
            let other = audit(&store, 1);
            faults.fail_at(n, fault);
            let mut acknowledged = HashSet::new();
            for number in 0..10 {
                other.record(&event(1000 + number), Instant::now()).unwrap();
                match faulty.record(&event(number), Instant::now()) {
                    Ok(_) => _ = acknowledged.insert(number.to_string()),
                    Err(error) => {
                        assert!(matches!(error, AuditError::Store(StoreError::Backend(_))));
                        assert_eq!(error.retry(), Retry::After(Duration::from_secs(1)));
                    }
                }
            }
            let mut csv = Vec::new();
            let reader = audit(&store, 2);
            reader.export_csv(&Default::default(), &mut csv).unwrap();
            let csv = String::from_utf8(csv).unwrap();
            for number in 0..10 {
                let times = csv.matches(&format!("arn:aws:acm-pca:{number},")).count();
                let is_acknowledged = acknowledged.contains(&number.to_string());
                assert!(times == 1 || times == 0 && !is_acknowledged, "{fault:?} {n} {number}");
            }
            reader.verify(&[]).unwrap();
        }
    }
}

#[test]
fn an_event_that_was_written_is_acknowledged_though_the_store_lost_its_answer() {
    let record = |faults: &Faults| {
        let audit = audit(Faulty::new(MemoryStore::new(), faults.clone()), 0);
        let answer = audit.record(&event(0), Instant::now()).map(|audited| audited.written);
        (answer.ok(), audit.verify(&[]).unwrap().events)
    };
    let writing = Faults::none();
    let store = Faulty::new(MemoryStore::new(), writing.clone());
    audit(store, 0).record(&event(0), Instant::now()).unwrap();
    // The last operation is the one that writes.
    for (fault, expected) in [(Fault::After, (Some(1), 1)), (Fault::Before, (None, 0))] {
        let faults = Faults::none();
        faults.fail_at(writing.operations(), fault);
        assert_eq!(record(&faults), expected, "{fault:?}");
    }
}

#[test]
fn writers_on_many_threads_neither_lose_an_event_nor_break_a_chain() {
    let store = MemoryStore::new();
    let shared = audit(&store, 0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (store, shared) = (&store, &shared);
            scope.spawn(move || {
                // Two on one writer; and two that have the same by mistake.
                let own = audit(store, 1);
                for number in 0..200 {
                    let audit = if thread < 2 { shared } else { &own };
                    // So that ends are held again and again.
                    let mut event = event(number);
                    event.at = at(i64::from(number) * 61);
                    // Two events that are alike in all are one, where two writers have one name.
                    event.request_id = format!("{thread}-{number}");
                    audit.record(&event, Instant::now()).unwrap();
                }
            });
        }
    });
    let verified = shared.verify(&[]).unwrap();
    assert_eq!((verified.events, verified.writers), (800, 2));
}

#[test]
fn a_writer_that_begins_holds_all_that_was_there_and_an_end_is_held_once() {
    let store = MemoryStore::new();
    // More than one event can hold.
    for writer in 0..200_u8 {
        let audit = Audit::new(&store, annul::AuditWriter([writer; 16]));
        let head = audit.head().unwrap();
        assert!(head.points.len() <= 1);
        audit.record(&event(0), Instant::now()).unwrap();
        assert_eq!(only(&audit.head().unwrap()).writer.0, [writer; 16]);
    }
    assert_eq!(audit(&store, 0).verify(&[]).unwrap().writers, 200);
}

#[test]
fn another_chain_is_held_after_64_events_or_a_minute() {
    for (events, seconds, held) in [(63, 0, false), (64, 0, true), (1, 59, false), (1, 60, true)] {
        let store = MemoryStore::new();
        let (one, other) = (audit(&store, 0), audit(&store, 1));
        let mut event = event(0);
        one.record(&event, Instant::now()).unwrap();
        other.record(&event, Instant::now()).unwrap();
        assert_eq!(only(&one.head().unwrap()).writer, WRITERS[1]);
        event.at = at(seconds);
        for _ in 0..events - 1 {
            one.record(&event, Instant::now()).unwrap();
        }
        assert_eq!(one.head().unwrap().points.len(), if events == 1 { 1 } else { 2 });
        one.record(&event, Instant::now()).unwrap();
        // It holds the other chain now, and is the only end.
        let is_held = one.head().unwrap().points.len() == 1;
        assert_eq!(is_held, held, "{events} events, {seconds} seconds");
    }
}

#[test]
fn events_that_are_written_together_hold_another_chain_no_later_than_their_number_wants() {
    for (events, is_held) in [(63, false), (64, true)] {
        let store = MemoryStore::new();
        let (one, other) = (audit(&store, 0), audit(&store, 1));
        one.record(&event(0), Instant::now()).unwrap();
        other.record(&event(0), Instant::now()).unwrap();
        one.record_all(&vec![event(0); events], Instant::now()).unwrap();
        let points = one.head().unwrap().points.len();
        assert_eq!(points, if is_held { 1 } else { 2 }, "{events}");
    }
}

/// A store that takes its time to write, counts how often it did, and fails from then on.
#[derive(Debug)]
struct Slow {
    store: MemoryStore,
    writes: AtomicU64,
    fails_from: u64,
}

impl Slow {
    fn failing_from(fails_from: u64) -> Self {
        Self { store: MemoryStore::new(), writes: AtomicU64::new(0), fails_from }
    }
}

impl Store for Slow {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        thread::sleep(Duration::from_millis(20));
        match self.writes.fetch_add(1, Ordering::Relaxed) < self.fails_from {
            true => self.store.apply(batch),
            false => Err(StoreError::Backend("told to".into())),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.store.snapshot()
    }
}

/// What 64 threads are told that begin at once, the first event aside.
fn at_once(audit: &Audit<&Slow>) -> Vec<Result<u64, AuditError>> {
    let barrier = Barrier::new(64);
    thread::scope(|scope| {
        let record = |number| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                audit.record(&event(number), Instant::now()).map(|audited| audited.written)
            })
        };
        let threads: Vec<_> = (0..64).map(record).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn events_of_many_threads_share_durable_writes() {
    let store = Slow::failing_from(u64::MAX);
    let audit = audit(&store, 0);
    assert!(at_once(&audit).into_iter().all(|it| it.is_ok_and(|written| written == 1)));
    assert_eq!(audit.verify(&[]).unwrap().events, 64);
    let writes = store.writes.load(Ordering::Relaxed);
    assert!(writes < 16, "{writes} writes of 64 events");
}

#[test]
fn each_thread_is_told_that_what_it_handed_in_was_not_written() {
    let store = Slow::failing_from(0);
    let audit = audit(&store, 0);
    for outcome in at_once(&audit) {
        let error = outcome.unwrap_err();
        assert!(matches!(error, AuditError::Store(_) | AuditError::WholeBatch(_)), "{error}");
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(1)));
    }
    assert_eq!(audit.verify(&[]).unwrap().events, 0);
}
