//! By the schedule, with sinks and signers that fail: nothing stays unpublished.

use super::{
    distribute, histories, issue, listed, place, release, revocation, revoke, root, serials, shown,
    week, with_leaves,
};
use crate::toy::{Ca, ToyClock, day, in_memory};
use annul::{
    AddIssuer, CertificateList, CrlPlace, Distribution, Error, Import, Issue, MemorySink,
    MemoryStore, PublishError, Publisher, Publishing, Registration, RevokeCa, Schedule, Scope,
    Signer, SigningError, SinkError, Store, Timestamp, ToSign,
};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    panic,
    sync::{
        Arc, Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A key that is sometimes out of reach, and once panics.
#[derive(Clone)]
struct Moody {
    ca: Ca,
    fails: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

impl Signer for Moody {
    fn algorithm(&self) -> annul::SignatureAlgorithm {
        self.ca.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.ca.public_key()
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        assert!(!self.panics.load(Ordering::Relaxed), "{KEY_PANICS}");
        if self.fails.load(Ordering::Relaxed) {
            return Err(SigningError::MessageChanged);
        }
        self.ca.sign(to_sign)
    }
}

const KEY_PANICS: &str = "the key panics";

/// Keeps them from being printed, and no other test's.
fn expect_panics_of_the_key() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let text = panic.payload().downcast_ref::<String>();
            if text.is_none_or(|text| text != KEY_PANICS) {
                usual(panic);
            }
        }));
    });
}

#[derive(Clone, Debug)]
enum Step {
    Revoke(u64),
    Wait(u64),
    SinkFails(bool),
    KeyFails(bool),
    KeyPanics(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..25u64).prop_map(Step::Revoke),
        3 => (1..2_000u64).prop_map(Step::Wait),
        2 => (1..50_000u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::SinkFails),
        1 => any::<bool>().prop_map(Step::KeyFails),
        1 => any::<bool>().prop_map(Step::KeyPanics),
    ]
}

proptest! {
    #![proptest_config(histories(1000))]

    /// S35, S36: a revocation is on a released CRL within the delay, counted from when the last
    /// fault was mended, and nothing is overdue in the end.
    #[test]
    fn s35_s36_each_revocation_is_out_in_time_once_faults_end(
        steps in proptest::collection::vec(step(), 1..25),
        deltas in any::<bool>(),
    ) {
        expect_panics_of_the_key();
        let (authority, clock) = in_memory();
        let issuer = with_leaves(&authority, 24);
        if deltas {
            let distribution = Distribution::new("http://crl.example").with_deltas();
            authority.set_distribution(issuer, &distribution).unwrap();
        }
        let authority = Arc::new(authority);
        let sink = Arc::new(MemorySink::new("sink"));
        let key = Moody { ca: root(), fails: Arc::default(), panics: Arc::default() };
        let schedule = if deltas { Schedule::private_with_deltas() } else { Schedule::aws() };
        let publishing = Publishing::new(issuer, schedule, key.clone()).to(Arc::clone(&sink));
        let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
        let (mut healthy_since, mut recorded) = (Some(publisher.now()), BTreeMap::new());
        let mut is_sink_broken = false;
        let mut steps: Vec<_> = steps;
        steps.extend([Step::SinkFails(false), Step::KeyFails(false), Step::KeyPanics(false)]);
        steps.push(Step::Wait(3 * 86_400));
        for step in steps {
            match step {
                Step::Revoke(number) => {
                    if authority.revoke(&revocation(number)).is_ok() {
                        recorded.insert(number, publisher.now());
                    }
                }
                Step::Wait(seconds) => {
                    let end = publisher.now().saturating_add(Duration::from_secs(seconds));
                    loop {
                        publisher.run_due().unwrap();
                        let next = publisher.next_due().unwrap();
                        match next.filter(|next| *next <= end) {
                            Some(next) => {
                                // As the runner does, it pauses where something fails again and again.
                                let pause = Duration::from_secs(60);
                                clock.set(next.max(publisher.now().saturating_add(pause)));
                            }
                            None => break,
                        }
                    }
                    clock.set(end.max(publisher.now()));
                }
                Step::SinkFails(fails) => {
                    is_sink_broken = fails;
                    let fault = || SinkError::Unavailable {
                        sink: "sink".to_owned(),
                        source: "down".into(),
                    };
                    sink.fail_with(fails.then_some(fault));
                }
                Step::KeyFails(fails) => key.fails.store(fails, Ordering::Relaxed),
                Step::KeyPanics(panics) => key.panics.store(panics, Ordering::Relaxed),
            }
            let is_healthy = !is_sink_broken
                && !key.fails.load(Ordering::Relaxed)
                && !key.panics.load(Ordering::Relaxed);
            healthy_since = match (is_healthy, healthy_since) {
                (true, None) => Some(publisher.now()),
                (true, since) => since,
                (false, _) => None,
            };
        }
        prop_assert_eq!(publisher.overdue().unwrap(), vec![]);
        prop_assert_eq!(authority.pending(issuer).unwrap(), vec![]);
        let within = schedule.complete().within + Duration::from_secs(60 * 60);
        let mended = healthy_since.unwrap();
        for (number, at) in recorded {
            let publication =
                authority.publication(issuer, crate::toy::serial(number)).unwrap().unwrap();
            let release = publication.published(Scope::Full).unwrap();
            let out = release.out_since().unwrap();
            prop_assert!(out.saturating_since(at.max(mended)) <= within, "{number}: {at} {out}");
        }
        prop_assert_eq!(sink.places().contains(&place()), true);
    }
}

#[test]
fn a_signer_that_panics_is_a_failure_and_no_more() {
    expect_panics_of_the_key();
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let authority = Arc::new(authority);
    let key = Moody { ca: root(), fails: Arc::default(), panics: Arc::new(true.into()) };
    let sink = MemorySink::new("sink");
    let publishing = Publishing::new(issuer, Schedule::private(), key.clone()).to(sink);
    let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
    let attempts = publisher.run_due().unwrap();
    assert!(matches!(attempts[0].result, Err(PublishError::Panicked)));
    assert!(publisher.run_due().unwrap().is_empty(), "not at once again");
    let unknown = Publishing::new(annul::IssuerId::of(b"a", b"b"), Schedule::private(), key);
    let publisher = publisher.with(unknown);
    assert!(matches!(publisher.run_due(), Err(Error::Refused(_))));
}

#[cfg(feature = "runner")]
#[test]
fn the_runner_publishes_what_is_due_wakes_and_stops() {
    use annul::{Authority, Runner, SystemClock, Turn};
    use std::sync::mpsc;
    let (memory, _) = in_memory();
    let issuer = with_leaves(&memory, 1);
    let (store, copied) = (annul::MemoryStore::new(), memory.store());
    annul::store::copy(copied, &store).unwrap();
    let authority = Arc::new(
        Authority::new(store)
            .with_clock(SystemClock)
            .with_verifier(annul::conformance::toy::ToyVerifier),
    );
    let sink = Arc::new(MemorySink::new("sink"));
    let publishing = Publishing::new(issuer, Schedule::private(), root()).to(Arc::clone(&sink));
    let (send, turns) = mpsc::channel();
    let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
    let runner = Runner::start(publisher, move |turn| drop(send.send(turn))).unwrap();
    let wait = Duration::from_secs(30);
    assert!(matches!(turns.recv_timeout(wait), Ok(Turn::Tried(attempt)) if attempt.result.is_ok()));
    assert!(matches!(turns.recv_timeout(wait), Ok(Turn::Idle(Some(_)))));
    assert_eq!(sink.places(), [place()]);
    runner.wake();
    assert!(matches!(turns.recv_timeout(wait), Ok(Turn::Idle(_))));
    runner.stop();
    assert!(turns.recv_timeout(wait).is_err(), "it is gone");
}

/// Runs what is due up to a moment, as a runner would.
fn run_until<S: Store>(
    publisher: &Publisher<S>,
    clock: &ToyClock,
    end: Timestamp,
) -> Vec<annul::Attempt> {
    let mut attempts = Vec::new();
    loop {
        attempts.extend(publisher.run_due().unwrap());
        let Some(next) = publisher.next_due().unwrap().filter(|next| *next <= end) else { break };
        clock.set(next.max(publisher.now().saturating_add(Duration::from_secs(60))));
    }
    clock.set(end.max(publisher.now()));
    attempts
}

#[test]
fn e40_an_issuer_that_is_down_gets_its_crls_without_deltas() {
    let (authority, clock) = in_memory();
    let root_id = with_leaves(&authority, 3);
    let below = Ca::new("below");
    let added = authority.add_issuer(&AddIssuer::new(root().certifies(&below, 5).ca())).unwrap();
    let ca = added.issuer;
    let leaf = below.leaf(1).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    let authority = Arc::new(authority);
    let sink = Arc::new(MemorySink::new("sink"));
    let mut publisher = Publisher::new(Arc::clone(&authority));
    for (issuer, key) in [(root_id, root()), (ca, below)] {
        let distribution = Distribution::new("http://crl.example").with_deltas();
        authority.set_distribution(issuer, &distribution).unwrap();
        let publishing = Publishing::new(issuer, Schedule::private_with_deltas(), key);
        publisher = publisher.with(publishing.to(Arc::clone(&sink)));
    }
    run_until(&publisher, &clock, day(1));
    authority.revoke_ca(&RevokeCa::new(root_id)).unwrap();
    let attempts = run_until(&publisher, &clock, day(2));
    assert!(attempts.iter().all(|attempt| attempt.result.is_ok()), "{attempts:?}");
    let place = annul::CrlPlace::complete(ca, Scope::Full);
    assert_eq!(listed(&shown(&sink, &place)), serials([1]));
    assert!(publisher.overdue().unwrap().is_empty());
    // Its CRLs go on, no more often than they must, and a revocation waits no longer than for a delta.
    let attempts = run_until(&publisher, &clock, day(20));
    assert!(attempts.iter().all(|attempt| attempt.result.is_ok()), "{attempts:?}");
    assert!((36..=44).contains(&attempts.len()), "{}", attempts.len());
    revoke(&authority, 2);
    run_until(&publisher, &clock, day(20).saturating_add(Duration::from_secs(3600)));
    assert!(authority.pending(root_id).unwrap().is_empty());
    assert!(publisher.overdue().unwrap().is_empty());
}

#[test]
fn e42_crls_go_out_until_the_issuer_ends_and_none_is_due_after() {
    let (authority, clock) = in_memory();
    let root = root();
    let ends = root.certifies(&root, 0x7fff).valid(-100, 10).ca();
    let issuer = authority.add_issuer(&AddIssuer::new(ends)).unwrap().issuer;
    for number in 0..10 {
        let serial = crate::toy::serial(number + 1);
        authority.register(&Registration::of_serial(issuer, serial, day(10))).unwrap();
    }
    let authority = Arc::new(authority);
    let sink = Arc::new(MemorySink::new("sink"));
    let publishing = Publishing::new(issuer, Schedule::private(), root).to(Arc::clone(&sink));
    let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
    for number in 0..10 {
        revoke(&authority, number + 1);
        let end = day(number as i64).saturating_add(Duration::from_secs(86_399));
        let attempts = run_until(&publisher, &clock, end);
        assert!(attempts.iter().all(|attempt| attempt.result.is_ok()), "{attempts:?}");
        assert!(publisher.overdue().unwrap().is_empty(), "on day {number}");
        assert_eq!(listed(&shown(&sink, &place())), serials(1..=number + 1));
        clock.set(day(number as i64 + 1));
    }
    clock.set(day(11));
    assert!(publisher.run_due().unwrap().is_empty());
    assert!(publisher.overdue().unwrap().is_empty());
}

#[test]
fn what_keeps_a_delta_back_does_not_keep_back_the_complete_crl() {
    let (clock, store, backup) = (ToyClock::at(day(0)), MemoryStore::new(), MemoryStore::new());
    let lost = crate::toy::authority(&store, &clock, Arc::default());
    let issuer = with_leaves(&lost, 3);
    distribute(&lost);
    let sink = Arc::new(MemorySink::new("sink"));
    release(&lost, &sink);
    annul::store::copy(&store, &backup).unwrap();
    clock.set(day(1));
    revoke(&lost, 1);
    let request = week().with_delta_validity(super::DAY);
    issue(&lost, &Issue::new(request.clone()).with_delta(), &[&sink]).unwrap();
    revoke(&lost, 2);
    issue(&lost, &Issue::new(request.delta()), &[&sink]).unwrap();

    // The last base that the restored record knows is older than that of the delta that is out.
    let restored = crate::toy::authority(backup, &clock, Arc::default());
    let ders = [CrlPlace::complete(issuer, Scope::Full), CrlPlace::delta(issuer, Scope::Full)]
        .map(|place| shown(&sink, &place));
    let crls = ders.iter().map(|der| CertificateList::from_der(der).unwrap());
    restored.import(issuer, &crls.fold(Import::new(), Import::with_crl)).unwrap();
    revoke(&restored, 3);
    let restored = Arc::new(restored);
    let publishing = Publishing::new(issuer, Schedule::private_with_deltas(), root());
    let publisher = Publisher::new(Arc::clone(&restored)).with(publishing.to(Arc::clone(&sink)));
    run_until(&publisher, &clock, day(3));
    assert!(restored.pending(issuer).unwrap().is_empty());
    assert!(publisher.overdue().unwrap().is_empty());
    assert_eq!(listed(&shown(&sink, &place())), serials([1, 2, 3]));
}

#[test]
fn a_record_that_cannot_be_read_holds_up_no_other() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let sink = Arc::new(MemorySink::new("sink"));
    let publish =
        |issuer| Publishing::new(issuer, Schedule::private(), root()).to(Arc::clone(&sink));
    let unknown = annul::IssuerId::of(b"a", b"b");
    let publisher =
        Publisher::new(Arc::new(authority)).with(publish(unknown)).with(publish(issuer));
    assert!(matches!(publisher.run_due(), Err(Error::Refused(_))));
    assert_eq!(sink.places(), [place()]);
}

/// A sink that says when it is given a CRL, and waits until it may go on.
#[cfg(feature = "runner")]
#[derive(Debug)]
struct Waiting {
    sink: Arc<MemorySink>,
    begun: std::sync::mpsc::SyncSender<()>,
    goes_on: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

#[cfg(feature = "runner")]
impl annul::Sink for Waiting {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn check(&self) -> Result<(), SinkError> {
        self.sink.check()
    }

    fn current(&self, place: &annul::CrlPlace) -> Result<Option<annul::Current>, SinkError> {
        self.sink.current(place)
    }

    fn put(
        &self,
        outgoing: &annul::Outgoing<'_>,
        replaces: Option<&annul::Revision>,
    ) -> Result<(), SinkError> {
        let _ = self.begun.send(());
        let _ = self.goes_on.lock().unwrap().recv();
        self.sink.put(outgoing, replaces)
    }

    fn compares(&self) -> bool {
        true
    }
}

#[cfg(feature = "runner")]
#[test]
fn the_runner_stops_after_the_job_in_hand() {
    use annul::Runner;
    use std::sync::{Mutex, mpsc};
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let distribution =
        Distribution::new("http://crl.example").with_ca_certificates().with_user_certificates();
    authority.set_distribution(issuer, &distribution).unwrap();
    let (begun, has_begun) = mpsc::sync_channel(9);
    let (go_on, goes_on) = mpsc::channel();
    let sink = Arc::new(MemorySink::new("sink"));
    let waiting = Waiting { sink: Arc::clone(&sink), begun, goes_on: Mutex::new(goes_on) };
    let publishing = Publishing::new(issuer, Schedule::private(), root()).to(waiting);
    let publisher = Publisher::new(Arc::new(authority)).with(publishing);
    let publisher = publisher.with_threads(std::num::NonZeroUsize::MIN);
    let runner = Runner::start(publisher, |_| {}).unwrap();
    has_begun.recv().unwrap();
    let stopping = std::thread::spawn(move || runner.stop());
    std::thread::sleep(Duration::from_millis(300));
    drop(go_on);
    stopping.join().unwrap();
    assert_eq!(sink.places().len(), 1, "three scopes are due");
}
