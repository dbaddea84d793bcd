//! A writer that is killed at any moment, or whose server crashes, takes nothing with it that was
//! acknowledged.
//!
//! `ANNUL_KILLS` says how often it is killed on each store: 25 times by default, 500 times in
//! `.ci/run deep`. `ANNUL_CRASHES` says how often its server crashes: 3 times by default, 20 times in
//! `.ci/run deep`. Killing a process loses nothing that it gave to the operating system, so it shows
//! what a crash of the process leaves; `tests/redb` has the losses of power.
#![cfg(any(feature = "redb", feature = "postgres"))]

mod support {
    #[cfg(feature = "postgres")]
    pub mod postgres;
    pub mod random;
    pub mod toy;
    pub mod kill {
        pub mod cas;
        pub mod ledger;
        pub mod place;
        #[cfg(feature = "postgres")]
        pub mod server;
        pub mod writer;
    }
}

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader},
    panic,
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};
use support::{
    kill::{
        cas::add_cas,
        ledger::Ledger,
        place::{self, Place},
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

/// How often the environment wants something to happen.
fn times(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |times| times.parse().unwrap())
}

/// Lets one writer after the other work and be struck down, and looks at what they leave.
fn survive(mut place: impl Place, strikes: u64) {
    let (mut address, mut ledger) = (String::new(), Ledger::default());
    let (mut told, mut left_open) = (0, 0);
    for life in 0..strikes {
        if life % LIVES == 0 {
            address = place.fresh();
            ledger = Ledger::default();
            add_cas(&*place::open(&address).unwrap());
        }
        let news = live_and_die(&mut place, &address, life);
        told += news.len();
        news.into_iter().for_each(|news| ledger.note(news));
        left_open += ledger.compare(place::open(&address).unwrap(), life);
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
        if life.is_multiple_of(8) { (0, 10 * P::COMMAND) } else { (random.below(16), P::COMMAND) };
    let mut news: Vec<_> = told.by_ref().take(answers).collect();
    thread::sleep(Duration::from_micros(random.below(instant) as u64));
    place.strike();
    // Who outlives it works on for a while.
    news.extend(told.by_ref().take(random.below(P::ANSWERS_AFTER_A_STRIKE + 1)));
    writer.kill().unwrap();
    news.extend(told);
    match writer.wait().unwrap().code() {
        None => {}
        Some(0) if P::ANSWERS_AFTER_A_STRIKE > 0 => {}
        _ => panic!("the writer ended by itself"),
    }
    place.settle();
    news
}

#[cfg(feature = "redb")]
#[test]
fn a_killed_writer_takes_nothing_with_it_that_was_acknowledged() {
    survive(place::File, times("ANNUL_KILLS", 25));
}

#[cfg(feature = "postgres")]
#[test]
fn a_killed_writer_takes_nothing_with_it_that_a_server_acknowledged() {
    if let Some(server) = support::postgres::server() {
        survive(place::Schema::on(server), times("ANNUL_KILLS", 25));
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_crash_of_the_server_takes_nothing_with_it_that_was_acknowledged() {
    // A server of its own, because it crashes; but only where there may be servers.
    if support::postgres::server().is_some() {
        survive(place::CrashingServer::start(), times("ANNUL_CRASHES", 3));
    }
}

/// What [`live_and_die`] runs; on its own it does nothing.
#[test]
fn the_writer() {
    if let Ok(address) = env::var(STORE) {
        println!();
        // On any of its threads.
        panic::set_hook(Box::new(|panicked| {
            eprintln!("{panicked}");
            process::exit(101);
        }));
        let life = env::var(LIFE).unwrap().parse().unwrap();
        let end: Box<dyn Error> = match place::open(&address) {
            Ok(store) => writer::write(store, life).into(),
            Err(error) => error.into(),
        };
        eprintln!("the writer ends: {end:?}");
    }
}
