//! A publisher that is killed at any moment takes nothing back that it said, and whoever comes next
//! finishes its job.
//!
//! `ANNUL_KILLS` says how often: 25 times by default, 500 times in `.ci/run deep`.

use super::{listed, revocation, root, week};
use crate::{
    support::{directory::Directory, random::Random},
    toy::{ToyClock, authority, day, serial},
};
use annul::{
    AddIssuer, Authority, CertificateList, CrlNumber, CrlPlace, DirectorySink, Issue, Policy,
    RedbStore, Release, Released, Scope, Serial, Sink,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Duration,
};

/// How many publishers work on a store, one after the other, before a new one is begun: what is
/// looked at after each grows with them.
const LIVES: u64 = 20;

/// What one release takes at most in most cases, in microseconds.
const RELEASE: usize = 20_000;

/// Where the publisher finds its store and its sinks.
const HOME: &str = "ANNUL_TEST_HOME";
/// Which publisher it is.
const LIFE: &str = "ANNUL_TEST_LIFE";

/// The authority on the store in this directory. Each `life` draws random numbers of its own.
fn open(home: &Path, life: u64) -> Authority<RedbStore> {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let store = RedbStore::open_or_create(home.join("store")).unwrap();
    let drawn = Arc::new(AtomicU64::new(life << 32));
    authority(store, &ToyClock::at(day(0)), drawn).with_policy(policy)
}

fn sinks(home: &Path) -> [DirectorySink; 2] {
    ["one", "other"].map(|name| DirectorySink::new(name, home.join(name)).keep_last(5))
}

fn release(authority: &Authority<RedbStore>, home: &Path, issue: &Issue) -> Released {
    let sinks = sinks(home);
    authority.issue(root().id(), issue, &root(), &[&sinks[0], &sinks[1]]).unwrap()
}

/// A store that was released from once, and its sinks.
fn begin(home: &Path) {
    for name in ["one", "other"] {
        fs::create_dir(home.join(name)).unwrap();
    }
    let authority = open(home, u32::MAX.into());
    authority.add_issuer(&AddIssuer::new(root().certifies(&root(), 0x7fff).ca())).unwrap();
    release(&authority, home, &Issue::new(week()));
}

/// What [`live_and_die`] runs; on its own it does nothing.
#[test]
fn the_publisher() {
    let Ok(home) = env::var(HOME) else { return };
    let (home, life) = (Path::new(&home), env::var(LIFE).unwrap().parse().unwrap());
    println!();
    let (authority, mut random) = (open(home, life), Random(life));
    let mut number = (life + 1) << 32;
    loop {
        for _ in 0..random.below(3) {
            number += 1;
            authority.revoke(&revocation(number)).unwrap();
            println!("revoked {number}");
        }
        let issue = match random.below(4) {
            0 => Issue::new(week().delta()),
            1 => Issue::new(week()).with_delta(),
            _ => Issue::new(week()),
        };
        let Released { complete, delta, .. } = release(&authority, home, &issue);
        if let Some(Release { number, .. }) = complete {
            println!("complete {number}");
        }
        if let Some(Release { number, .. }) = delta {
            println!("delta {number}");
        }
    }
}

/// What a publisher says until it is killed, some answers and an instant after it began.
fn live_and_die(home: &Path, life: u64) -> Vec<(String, u64)> {
    let mut random = Random(life);
    let mut publisher = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::the_publisher", "--nocapture"])
        .env(HOME, home)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(publisher.stdout.take().unwrap());
    // A line without an end was cut off.
    let mut said = std::iter::from_fn(|| {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.ends_with('\n').then_some(line)
    })
    .filter_map(|line| {
        let (what, number) = line.trim_end().split_once(' ')?;
        Some((what.to_owned(), number.parse().ok()?))
    });
    // Now and then so early that it may still be opening the store.
    let answers = if life.is_multiple_of(8) { 0 } else { random.below(6) };
    let mut all: Vec<_> = said.by_ref().take(answers).collect();
    thread::sleep(Duration::from_micros(random.below(RELEASE) as u64));
    publisher.kill().unwrap();
    all.extend(said);
    assert_eq!(publisher.wait().unwrap().code(), None, "the publisher ended by itself");
    all
}

/// What publishers said, and what relying parties saw.
#[derive(Default)]
struct Ledger {
    revoked: BTreeSet<Serial>,
    /// Those that were revoked before a complete CRL went out.
    out: BTreeSet<Serial>,
    /// The contents of each CRL, by kind and number.
    contents: BTreeMap<(bool, CrlNumber), [u8; 32]>,
    /// The last that each sink is known to have shown.
    shown: BTreeMap<(usize, bool), CrlNumber>,
    listed: [BTreeSet<Serial>; 2],
}

impl Ledger {
    /// Takes note of what a publisher said.
    fn note(&mut self, what: &str, number: u64) {
        match what {
            "revoked" => assert!(self.revoked.insert(serial(number)), "revoked once"),
            "complete" => {
                self.out.clone_from(&self.revoked);
                self.is_out(false, CrlNumber::from_u64(number));
            }
            "delta" => self.is_out(true, CrlNumber::from_u64(number)),
            _ => panic!("{what}"),
        }
    }

    fn is_out(&mut self, delta: bool, number: CrlNumber) {
        for sink in 0..2 {
            let last = self.shown.insert((sink, delta), number);
            assert!(last < Some(number), "CRL {number} after {last:?}");
        }
    }

    /// Looks at everything that the sinks show or keep: nothing is older than what was there
    /// before, and no number names two CRLs.
    fn look(&mut self, home: &Path) {
        for (place, sink) in sinks(home).iter().enumerate() {
            for entry in fs::read_dir(sink.directory()).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name.ends_with(".crl") && !name.starts_with('.') {
                    let der = fs::read(sink.directory().join(&name)).unwrap();
                    self.see(name.contains("-delta"), &der);
                }
            }
            for delta in [false, true] {
                let Some(der) = current(sink, delta) else {
                    assert!(!self.shown.contains_key(&(place, delta)), "it is gone");
                    continue;
                };
                let number = self.see(delta, &der);
                let last = self.shown.insert((place, delta), number);
                assert!(last <= Some(number), "back from {last:?} to {number}");
                if !delta {
                    let list = listed(&der);
                    assert!(list.is_superset(&self.listed[place]));
                    self.listed[place] = list;
                }
            }
        }
    }

    fn see(&mut self, delta: bool, der: &[u8]) -> CrlNumber {
        let crl = CertificateList::from_der(der).unwrap();
        let number = crl.number().unwrap();
        let contents = *self.contents.entry((delta, number)).or_insert(crl.tbs_sha256());
        assert_eq!(crl.tbs_sha256(), contents, "CRL {number} twice");
        number
    }

    /// Holds the record to what is shown, then finishes the job by one call. Answers how the
    /// publisher left it.
    fn finish(&mut self, home: &Path, life: u64) -> Left {
        let authority = open(home, !life & 0xffff_ffff);
        let issuer = root().id();
        let recorded = authority.releases(issuer, Scope::Full, usize::MAX).unwrap();
        for (&(sink, delta), number) in &self.shown {
            let release =
                recorded.iter().find(|it| it.base.is_some() == delta && it.number == *number);
            let contents = release.map(|release| release.tbs_sha256);
            assert_eq!(contents.as_ref(), self.contents.get(&(delta, *number)), "{number} {sink}");
        }
        let published = |serial| {
            let publication = authority.publication(issuer, serial).unwrap().unwrap();
            publication.published(Scope::Full).is_some()
        };
        assert!(self.out.iter().all(|serial| published(*serial)), "it counted once");
        let last = recorded.iter().max_by_key(|release| release.number).unwrap();
        let shows = |place: usize, delta| self.shown.get(&(place, delta)) == Some(&last.number);
        let placed = (0..2).filter(|place| shows(*place, last.base.is_some())).count();
        let noted = last.out_since().is_some();

        let released = release(&authority, home, &Issue::new(week())).complete.unwrap();
        assert!(recorded.iter().all(|before| before.number < released.number));
        self.look(home);
        for list in self.listed.clone() {
            assert!(list.is_superset(&self.revoked));
            // One may be recorded of which it had no time to say so.
            assert!(list.len() <= self.revoked.len() + 1);
            self.revoked.extend(list);
        }
        assert_eq!(self.listed[0], self.listed[1]);
        self.out.clone_from(&self.revoked);
        assert!(self.out.iter().all(|serial| published(*serial)));
        assert_eq!(authority.pending(issuer).unwrap(), []);
        match (noted, placed) {
            (true, _) if last.number.next() < Some(released.number) => Left::Reserved,
            (true, _) => Left::Nothing,
            (false, 0) => Left::Recorded,
            (false, 1) => Left::HalfShown,
            (false, _) => Left::Shown,
        }
    }
}

fn current(sink: &DirectorySink, delta: bool) -> Option<Vec<u8>> {
    let place = CrlPlace { issuer: root().id(), scope: Scope::Full, delta };
    sink.current(&place).unwrap().map(|current| current.der)
}

/// How far a release had come that nobody finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Nothing,
    /// Its number is used up.
    Reserved,
    /// It is recorded, and no sink shows it.
    Recorded,
    /// One of two sinks shows it.
    HalfShown,
    /// Both show it, and the record does not say so.
    Shown,
}

#[test]
fn a_killed_publisher_takes_nothing_back_and_the_same_call_finishes_its_job() {
    let kills = env::var("ANNUL_KILLS").map_or(25, |kills| kills.parse().unwrap());
    let (mut directory, mut ledger) = (Directory::new(), Ledger::default());
    let (mut told, mut left) = (0, BTreeMap::<Left, u64>::new());
    for life in 0..kills {
        if life % LIVES == 0 {
            (directory, ledger) = (Directory::new(), Ledger::default());
            begin(&directory.path(""));
            ledger.look(&directory.path(""));
        }
        let home = directory.path("");
        let said = live_and_die(&home, life);
        told += said.len() as u64;
        said.iter().for_each(|(what, number)| ledger.note(what, *number));
        ledger.look(&home);
        *left.entry(ledger.finish(&home, life)).or_default() += 1;
    }
    eprintln!("{told} answers in {kills} lives, which left {left:?}");
    assert!(told >= kills, "{told}");
    assert!(left.keys().any(|left| *left != Left::Nothing), "never in the midst: {left:?}");
}
