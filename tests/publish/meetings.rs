//! Two publishers at once, on one store and one sink: whatever moment of the one's work the other
//! does all of its own at, one of them wins, nothing goes back, and one more call finishes the job.

use super::{issue, listed, revocation, revoke, root, serials, week, with_leaves};
use crate::toy::{ToyClock, authority, day, serial};
use annul::{
    Authority, CertificateList, CrlNumber, CrlPlace, Current, Issue, MemorySink, MemoryStore,
    Outgoing, PublishError, Released, Retry, Revision, Scope, Serial, Sink, SinkError, StoreError,
    store::{Batch, Record, Snapshot, Space, Store, Visit},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, atomic::AtomicU64},
    thread,
};

/// The life of a publisher. It passes a moment before each operation of its store and each call
/// of its sink takes effect, and one after.
#[derive(Clone, Default)]
struct Life(Arc<Mutex<Moments>>);

#[derive(Default)]
struct Moments {
    passed: u64,
    /// What happens at which moment.
    meeting: Option<(u64, Box<dyn FnOnce() + Send>)>,
    /// How many more moments before or after a write it lives. To die at a read is to die before
    /// the next write.
    left: Option<u64>,
}

impl Life {
    fn meet(&self, at: u64, other: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().meeting = Some((at, Box::new(other)));
    }

    /// Dies at this moment of those that are before or after a write, 1 for the next one.
    fn die(&self, at: u64) {
        self.0.lock().unwrap().left = Some(at);
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap().left == Some(0)
    }

    /// Passes a moment; answers whether it is alive after it.
    fn pass(&self, is_write: bool) -> bool {
        let mut moments = self.0.lock().unwrap();
        if moments.left == Some(0) {
            return false;
        }
        moments.passed += 1;
        let now = moments.passed;
        if let Some((_, other)) = moments.meeting.take_if(|(at, _)| *at == now) {
            drop(moments);
            other();
            moments = self.0.lock().unwrap();
        }
        moments.left = moments.left.map(|left| left - u64::from(is_write));
        moments.left != Some(0)
    }

    fn live<T, E: From<Dead>>(
        &self,
        is_write: bool,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if !self.pass(is_write) {
            return Err(Dead.into());
        }
        let answer = act();
        if self.pass(is_write) { answer } else { Err(Dead.into()) }
    }

    fn read<T, E: From<Dead>>(&self, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.live(false, act)
    }

    fn write<T, E: From<Dead>>(&self, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.live(true, act)
    }
}

/// What the calls of a publisher that is no more come to.
struct Dead;

impl From<Dead> for StoreError {
    fn from(Dead: Dead) -> Self {
        Self::Backend("the process is gone".into())
    }
}

impl From<Dead> for SinkError {
    fn from(Dead: Dead) -> Self {
        Self::Unavailable { sink: "sink".to_owned(), source: "the process is gone".into() }
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Life")
    }
}

/// A store or a sink, as one publisher uses it.
#[derive(Clone, Debug)]
struct Lived<T> {
    inner: T,
    life: Life,
}

impl Store for Lived<Arc<MemoryStore>> {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.life.write(|| self.inner.apply(batch))
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let inner = self.life.read(|| self.inner.snapshot())?;
        Ok(Box::new(Lived { inner, life: self.life.clone() }))
    }
}

impl Snapshot for Lived<Box<dyn Snapshot + '_>> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.life.read(|| self.inner.get(space, key))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.life.read(|| self.inner.scan(space, from, to, visit))
    }
}

impl Sink for Lived<Arc<Witness>> {
    fn name(&self) -> &str {
        self.inner.sink.name()
    }

    fn check(&self) -> Result<(), SinkError> {
        self.life.write(|| self.inner.sink.check())
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        self.life.read(|| self.inner.sink.current(place))
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        self.life.write(|| self.inner.put(outgoing, replaces))
    }

    fn compares(&self) -> bool {
        true
    }
}

/// A sink, and everything that it ever showed.
#[derive(Debug)]
struct Witness {
    sink: MemorySink,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    last: BTreeMap<CrlPlace, CrlNumber>,
    contents: BTreeMap<(CrlPlace, CrlNumber), Vec<u8>>,
    listed: BTreeSet<Serial>,
}

impl Witness {
    fn new() -> Arc<Self> {
        Arc::new(Self { sink: MemorySink::new("sink"), shown: Mutex::default() })
    }

    /// Panics where an older CRL takes the place of a newer, a number names two, or somebody who
    /// was revoked is good again.
    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        let mut shown = self.shown.lock().unwrap();
        self.sink.put(outgoing, replaces)?;
        let Outgoing { place, der, number, .. } = *outgoing;
        assert_eq!(CertificateList::from_der(der).unwrap().number(), Some(number));
        let last = shown.last.insert(place, number);
        assert!(last <= Some(number), "back from {last:?} to {number}");
        let known = shown.contents.entry((place, number)).or_insert_with(|| der.to_vec());
        assert_eq!(*known, der, "CRL {number} twice");
        if !place.delta {
            let list = listed(der);
            assert!(list.is_superset(&shown.listed), "{number} lacks what was listed");
            shown.listed = list;
        }
        Ok(())
    }

    fn listed(&self) -> BTreeSet<Serial> {
        self.shown.lock().unwrap().listed.clone()
    }
}

/// A process that publishes.
struct Publisher {
    authority: Authority<Lived<Arc<MemoryStore>>>,
    sink: Lived<Arc<Witness>>,
    clock: ToyClock,
    life: Life,
}

impl Publisher {
    fn issue(&self, kind: Kind) -> Result<Released, PublishError> {
        issue(&self.authority, &kind.issue(), &[&self.sink])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Complete,
    Delta,
    Both,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Complete, Self::Delta, Self::Both];

    fn issue(self) -> Issue {
        match self {
            Self::Complete => Issue::new(week()),
            Self::Delta => Issue::new(week().delta()),
            Self::Both => Issue::new(week()).with_delta(),
        }
    }
}

/// What the clocks of the two publishers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clocks {
    Right,
    /// That of the first is a day behind.
    FirstBehind,
    /// That of the second is.
    SecondBehind,
    /// That of the first steps back a day when they meet.
    FirstStepsBack,
}

impl Clocks {
    const ALL: [Self; 4] =
        [Self::Right, Self::FirstBehind, Self::SecondBehind, Self::FirstStepsBack];
}

/// Who dies once they have met, and at which of its moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Nobody,
    First(u64),
    Second(u64),
}

/// How two publishers meet.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    /// The moment of the first at which the second does all its work.
    at: u64,
    kinds: [Kind; 2],
    clocks: Clocks,
    death: Death,
}

/// What came of it.
struct Met {
    /// Whether the first lived to the moment.
    they_met: bool,
    /// Whether somebody died of it.
    somebody_died: bool,
}

/// One store and one sink, and all who ever publish there.
struct World {
    store: Arc<MemoryStore>,
    witness: Arc<Witness>,
    drawn: Arc<AtomicU64>,
}

impl World {
    /// So many certificates, of which 1 is revoked and on a CRL, and 2 is revoked.
    fn new(certificates: u64) -> Self {
        let world = Self { store: Arc::default(), witness: Witness::new(), drawn: Arc::default() };
        let first = world.publisher();
        with_leaves(&first.authority, certificates);
        first.issue(Kind::Complete).unwrap();
        revoke(&first.authority, 1);
        first.issue(Kind::Both).unwrap();
        revoke(&first.authority, 2);
        world
    }

    fn publisher(&self) -> Publisher {
        let (clock, life) = (ToyClock::at(day(0)), Life::default());
        let store = Lived { inner: Arc::clone(&self.store), life: life.clone() };
        let sink = Lived { inner: Arc::clone(&self.witness), life: life.clone() };
        let authority = authority(store, &clock, Arc::clone(&self.drawn));
        Publisher { authority, sink, clock, life }
    }

    /// Somebody else calls once more, whose clock is right.
    fn finish(&self, revoked: impl IntoIterator<Item = u64>) {
        let publisher = self.publisher();
        publisher.issue(Kind::Complete).unwrap();
        assert_eq!(publisher.authority.pending(root().id()).unwrap(), []);
        let revoked = serials(revoked);
        for &serial in &revoked {
            let publication = publisher.authority.publication(root().id(), serial);
            assert!(publication.unwrap().unwrap().published(Scope::Full).is_some());
        }
        assert_eq!(self.witness.listed(), revoked);
    }
}

/// Whether a publisher whose call ends so need not fear for anything: the same call again may do.
fn is_fine(answer: &Result<Released, PublishError>) -> bool {
    answer.as_ref().err().is_none_or(|error| error.retry() != Retry::Never)
}

impl Meeting {
    fn hold(self) -> Met {
        let world = World::new(3);
        let (first, second) = (world.publisher(), world.publisher());
        match (self.clocks, &first.clock, &second.clock) {
            (Clocks::FirstBehind, clock, _) | (Clocks::SecondBehind, _, clock) => {
                clock.set(day(-1));
            }
            (Clocks::Right | Clocks::FirstStepsBack, ..) => {}
        }
        let answer = Arc::new(Mutex::new(None));
        let (said, clock) = (Arc::clone(&answer), first.clock.clone());
        let lives = [&first, &second].map(|publisher| publisher.life.clone());
        let [own_life, other_life] = lives.clone();
        first.life.meet(self.at, move || {
            if self.clocks == Clocks::FirstStepsBack {
                clock.set(day(-1));
            }
            match self.death {
                Death::Nobody => {}
                Death::First(at) => own_life.die(at),
                Death::Second(at) => other_life.die(at),
            }
            let revoked = second.authority.revoke(&revocation(3)).is_ok();
            let issued = second.issue(self.kinds[1]);
            *said.lock().unwrap() = Some((revoked, issued));
        });
        let own = first.issue(self.kinds[0]);
        let other = answer.lock().unwrap().take();
        let they_met = other.is_some();
        let [first_died, second_died] = lives.map(|life| life.is_over());
        assert!(first_died || is_fine(&own), "{self:?}: {own:?}");
        // A revocation may be recorded of which nobody was told.
        let mut revoked = BTreeSet::from([1, 2]);
        if let Some((is_revoked, issued)) = other {
            assert!(second_died || is_revoked && is_fine(&issued), "{self:?}: {issued:?}");
            let one_won = own.is_ok() || issued.is_ok();
            assert!(one_won || first_died || second_died, "{self:?}: {own:?}, {issued:?}");
            let record = world.publisher().authority;
            let publication = record.publication(root().id(), serial(3)).unwrap();
            assert!(publication.is_some() || !is_revoked, "{self:?}");
            revoked.extend(publication.map(|_| 3));
        }
        world.finish(revoked);
        Met { they_met, somebody_died: first_died || second_died }
    }
}

fn all_kinds() -> impl Iterator<Item = [Kind; 2]> {
    Kind::ALL.into_iter().flat_map(|first| Kind::ALL.map(|second| [first, second]))
}

#[test]
fn whatever_moment_two_publishers_meet_at_one_wins_and_nothing_goes_back() {
    let mut meetings = 0;
    for kinds in all_kinds() {
        for clocks in Clocks::ALL {
            let meets = |at| Meeting { at, kinds, clocks, death: Death::Nobody }.hold().they_met;
            meetings += (1..).take_while(|at| meets(*at)).count();
        }
    }
    eprintln!("{meetings} meetings");
}

#[test]
fn a_publisher_that_dies_when_it_meets_another_leaves_what_one_more_call_finishes() {
    let mut deaths = 0;
    for clocks in Clocks::ALL {
        for kinds in [[Kind::Complete; 2], [Kind::Both, Kind::Complete]] {
            let meeting = |at, death| Meeting { at, kinds, clocks, death }.hold();
            let moments = (1..).take_while(|at| meeting(*at, Death::Nobody).they_met);
            for at in moments {
                for whose in [Death::First, Death::Second] {
                    let dies = |moment| meeting(at, whose(moment)).somebody_died;
                    deaths += (1..).take_while(|moment| dies(*moment)).count();
                }
            }
        }
    }
    eprintln!("{deaths} deaths");
}

#[test]
fn of_publishers_that_race_each_is_told_what_to_do_and_nothing_goes_back() {
    for _ in 0..20 {
        let world = World::new(40);
        thread::scope(|scope| {
            for worker in 0..4 {
                let publisher = world.publisher();
                scope.spawn(move || {
                    for step in 0..8 {
                        // The clock of one of them is wrong now and then.
                        let is_behind = worker == 0 && step % 3 == 1;
                        publisher.clock.set(day(if is_behind { -1 } else { 0 }));
                        revoke(&publisher.authority, 3 + worker * 8 + step);
                        let answer = publisher.issue(Kind::ALL[step as usize % 3]);
                        assert!(is_fine(&answer), "{answer:?}");
                    }
                });
            }
        });
        world.finish(1..35);
    }
}
