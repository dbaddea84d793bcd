//! Two publishers that are killed at any moment leave a whole CRL, the old one or the new one.
//!
//! `ANNUL_KILLS` says how often: 25 times by default, 500 times in `.ci/run deep`.

use crate::{
    put, shown,
    support::{
        crl::{crl, outgoing, place},
        directory::Directory,
        random::Random,
    },
};
use annul::{CertificateList, CrlNumber, DirectorySink, Sink, SinkError};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Where the publisher publishes.
const DIRECTORY: &str = "ANNUL_TEST_DIRECTORY";

/// Long enough to be caught in the middle of.
const LENGTH: usize = 300_000;

fn sink(directory: impl Into<std::path::PathBuf>) -> DirectorySink {
    DirectorySink::new("web", directory).with_pem().keep_last(3)
}

/// One that publishes until it is killed, and says which numbers are out.
fn publisher(directory: &Directory) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::the_publisher", "--nocapture"])
        .env(DIRECTORY, directory.path(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What [`publisher`] runs; on its own it does nothing.
#[test]
fn the_publisher() {
    let Ok(directory) = env::var(DIRECTORY) else { return };
    let sink = sink(directory);
    println!();
    loop {
        let current = sink.current(&place()).unwrap();
        let last = current.as_ref().and_then(|current| current.number());
        let number: u64 = last.map_or(0, |number| number.to_string().parse::<u64>().unwrap() + 1);
        let replaces = current.map(|current| current.revision);
        match sink.put(&outgoing(place(), number, &crl(number, LENGTH)), replaces.as_ref()) {
            Ok(()) => println!("{number}"),
            Err(SinkError::Overtaken { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn two_publishers_that_are_killed_leave_a_whole_crl_and_never_an_older_one() {
    let kills = env::var("ANNUL_KILLS").map_or(25, |kills| kills.parse().unwrap());
    let directory = Directory::new();
    let mut told = 0;
    for life in 0..kills {
        let mut random = Random(life);
        let mut both = [publisher(&directory), publisher(&directory)];
        let mut said = both.each_mut().map(|one| {
            let lines = BufReader::new(one.stdout.take().unwrap()).lines();
            lines.filter_map(|line| line.ok()?.parse::<u64>().ok())
        });
        // Now and then before they published anything.
        let first = if life % 8 == 0 { None } else { said[0].next() };
        thread::sleep(Duration::from_micros(random.below(20_000) as u64));
        for one in &mut both {
            one.kill().unwrap();
            assert_eq!(one.wait().unwrap().code(), None, "a publisher ended by itself");
        }
        // A line that was cut off is lower than the number it was.
        let highest = said.into_iter().flatten().chain(first).max();
        told += u64::from(highest.is_some());
        look(&directory, highest);
    }
    assert!(told > kills / 2, "{told}");
    // Whoever comes next cleans up.
    let sink = sink(directory.path(""));
    sink.check().unwrap();
    assert!(directory.names().iter().all(|name| !name.ends_with(".partial")));
    put(&sink, u64::MAX).unwrap();
}

/// Looks at what is there, when one of this number is known to be out.
fn look(directory: &Directory, highest: Option<u64>) {
    let Some(current) = sink(directory.path("")).current(&place()).unwrap() else {
        assert_eq!(highest, None);
        return;
    };
    let number = shown(&sink(directory.path(""))).unwrap();
    assert!(highest.is_none_or(|highest| number >= CrlNumber::from_u64(highest)));
    let number: u64 = number.to_string().parse().unwrap();
    assert_eq!(current.der, crl(number, LENGTH));
    // The text may be one ahead, and so may be the copy: they are written first.
    let name = place().file_name();
    let text = fs::read(directory.path(format!("{name}.pem"))).unwrap();
    let der = CertificateList::pem_to_der(&text).unwrap();
    assert!([number, number + 1].iter().any(|number| der == crl(*number, LENGTH)));
    let copy = name.replace(".crl", &format!(".{number}.crl"));
    assert_eq!(fs::read(directory.path(copy)).unwrap(), current.der);
}
