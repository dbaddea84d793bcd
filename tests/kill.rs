//! A writer that is killed at any moment takes nothing with it that was acknowledged.
//!
//! `ANNUL_KILLS` says how often it is killed: 25 times by default, 500 times in `.ci/run`. Killing
//! a process loses nothing that it gave to the operating system, so it shows what a crash of the
//! process leaves; `tests/redb.rs` has the losses of power.
#![cfg(feature = "redb")]

mod support {
    pub mod random;
    pub mod toy;
    pub mod kill {
        pub mod cas;
        pub mod ledger;
        pub mod writer;
    }
}

use annul::{RedbStore, Store};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use support::{
    kill::{
        cas::add_cas,
        ledger::Ledger,
        writer::{self, Told},
    },
    random::Random,
};

/// How many writers work on a store, one after the other, before a new one is begun: what is
/// looked at after each grows with them.
const LIVES: u64 = 20;

/// Where the writer finds its store.
const STORE: &str = "ANNUL_TEST_STORE";
/// Which writer it is.
const LIFE: &str = "ANNUL_TEST_LIFE";

/// How often the writer is killed.
fn kills() -> u64 {
    env::var("ANNUL_KILLS").map_or(25, |kills| kills.parse().unwrap())
}

/// Opens the store that an address names.
fn open(address: &str) -> Box<dyn Store> {
    match address.split_once(':') {
        Some(("redb", path)) => Box::new(RedbStore::open(path).unwrap()),
        _ => panic!("no store: {address}"),
    }
}

/// A place for stores that a writer in another process can open.
trait Place {
    /// Whether a strike takes the store away from the writer, which ends by itself then.
    const TAKES_THE_STORE: bool = false;

    /// The address of a new store with nothing in it.
    fn fresh(&mut self) -> String;

    /// Ends the writer in the middle of what it does.
    fn strike(&mut self, writer: &mut Child) {
        writer.kill().unwrap();
    }
}

/// A file.
struct OnFile;

impl Place for OnFile {
    fn fresh(&mut self) -> String {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("killed.store");
        let _ = fs::remove_file(&path);
        RedbStore::open_or_create(&path).unwrap();
        format!("redb:{}", path.display())
    }
}

/// Lets one writer after the other work and be struck down, and looks at what they leave.
fn survive(mut place: impl Place, strikes: u64) {
    let (mut address, mut ledger) = (String::new(), Ledger::default());
    let (mut told, mut left_open) = (0, 0);
    for life in 0..strikes {
        if life % LIVES == 0 {
            address = place.fresh();
            ledger = Ledger::default();
            add_cas(open(&address));
        }
        let news = live_and_die(&mut place, &address, life);
        told += news.len();
        news.into_iter().for_each(|news| ledger.note(news));
        left_open += ledger.compare(open(&address), life);
    }
    eprintln!("{told} answers in {strikes} lives, {left_open} done without an answer");
    assert!(told as u64 >= strikes, "{told}");
}

/// What a writer tells until it is struck down, some answers and an instant after it began.
fn live_and_die<P: Place>(place: &mut P, address: &str, life: u64) -> Vec<Told> {
    let mut random = Random(life);
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_writer", "--nocapture"])
        .envs([(STORE, address), (LIFE, &life.to_string())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    // A line without an end was cut off.
    let mut told = std::iter::from_fn(|| {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.ends_with('\n').then_some(line)
    })
    .filter_map(|line| line.parse().ok());
    // Now and then so early that it may still be opening the store.
    let (answers, instant) =
        if life.is_multiple_of(8) { (0, 20_000) } else { (random.below(16), 2_000) };
    let mut news: Vec<_> = told.by_ref().take(answers).collect();
    thread::sleep(Duration::from_micros(random.below(instant) as u64));
    place.strike(&mut writer);
    news.extend(told);
    let status = writer.wait().unwrap();
    assert!(P::TAKES_THE_STORE || status.code().is_none(), "the writer ended by itself");
    news
}

#[test]
fn a_killed_writer_takes_nothing_with_it_that_was_acknowledged() {
    survive(OnFile, kills());
}

/// What [`live_and_die`] runs; on its own it does nothing.
#[test]
fn the_writer() {
    if let Ok(address) = env::var(STORE) {
        println!();
        let error = writer::write(open(&address), env::var(LIFE).unwrap().parse().unwrap());
        eprintln!("the writer ends: {error:?}");
    }
}
