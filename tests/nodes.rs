//! Many nodes on one database revoke what others revoke too, and one follows them.
//!
//! `ANNUL_SERIALS` says how many certificates they fight for: 5,000 by default, 100,000 in
//! `.ci/run deep`.
#![cfg(feature = "postgres")]

mod support {
    pub mod postgres;
    pub mod toy;
}

use annul::{
    AddIssuer, Authority, Event, FreshnessToken, IssuerId, Position, Refusal, Registration,
    Revocation, RevocationDetails, Revoke, Serial, Store, Target, Timestamp, store::PostgresStore,
};
use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::Duration,
};
use support::{
    postgres::Place,
    toy::{Ca, ToyVerifier, day, serial},
};

const NODES: u64 = 2;
const THREADS: u64 = 8;
/// How many certificates a thread revokes together.
const TOGETHER: usize = 100;

/// Tells a process that it is a node: which, and on which database.
const NODE: &str = "ANNUL_TEST_NODE";
const URL: &str = "ANNUL_TEST_URL";

fn serials() -> u64 {
    env::var("ANNUL_SERIALS").map_or(5_000, |serials| serials.parse().unwrap())
}

fn ca() -> Ca {
    Ca::new("shared")
}

fn node<S: Store>(store: S) -> Authority<S> {
    Authority::new(store).with_verifier(ToyVerifier)
}

/// The mark that a thread leaves on what it revokes.
fn mark(thread: u64) -> Timestamp {
    day(-1 - i64::try_from(thread).unwrap())
}

/// Where a node notes its answers.
fn answers(node: u64) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("node-{node}.answers"))
}

/// One thread of one node: it goes through more than half of the certificates, from a start of its
/// own, and notes for each who revoked it.
fn work(authority: &Authority<PostgresStore>, thread: u64) -> String {
    let (issuer, serials) = (ca().id(), serials());
    let start = thread * serials / (NODES * THREADS);
    let numbers: Vec<_> = (start..start + serials * 5 / 8).map(|it| 1 + it % serials).collect();
    let details = RevocationDetails { invalidity_date: Some(mark(thread)), ..Default::default() };
    let revoke = |&number: &u64| {
        Revoke::new(Target::Serial { issuer, serial: serial(number) }).with_details(details)
    };
    let mut noted = String::new();
    for numbers in numbers.chunks(TOGETHER) {
        let revokes: Vec<_> = numbers.iter().map(revoke).collect();
        for (number, answer) in numbers.iter().zip(authority.revoke_all(&revokes)) {
            let (is_made, revocation) = match answer {
                Ok(revoked) => (true, revoked.revocation),
                Err(error) => match error.refusal() {
                    Some(Refusal::AlreadyRevoked { original, .. }) => (false, *original),
                    _ => panic!("{error:?}"),
                },
            };
            let by = revocation.invalidity_date.unwrap();
            noted += &format!("{number} {is_made} {}\n", by.unix());
        }
    }
    noted
}

/// What the other processes run; on its own it does nothing.
#[test]
fn a_node() {
    let Ok(number) = env::var(NODE) else { return };
    let number: u64 = number.parse().unwrap();
    let authority = node(PostgresStore::connect(&env::var(URL).unwrap()).unwrap());
    let noted: Vec<_> = thread::scope(|scope| {
        let start = |thread| {
            let authority = &authority;
            scope.spawn(move || work(authority, number * THREADS + thread))
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    fs::write(answers(number), noted.concat()).unwrap();
}

/// A view of what is revoked, kept current by what is added to the log.
struct Follower {
    token: FreshnessToken,
    view: BTreeMap<Serial, Revocation>,
}

impl Follower {
    fn new<S: Store>(authority: &Authority<S>, issuer: IssuerId) -> Self {
        let token = authority.token_at(issuer, Position(0)).unwrap();
        Self { token, view: BTreeMap::new() }
    }

    /// Takes in what was added since, up to this position.
    fn follow<S: Store>(&mut self, authority: &Authority<S>, until: Position, page: usize) {
        while self.token.position < until {
            let limit = page.min((until.0 - self.token.position.0) as usize);
            let changes = authority.changes(&self.token, limit).unwrap();
            for logged in changes.entries {
                let Event::Revoked { subject, revocation } = logged.entry.event else { panic!() };
                assert_eq!(self.view.insert(subject.serial, revocation), None, "revoked twice");
            }
            self.token = changes.token;
        }
    }
}

#[test]
fn nodes_that_share_a_database_revoke_each_certificate_once_and_all_learn_who_did() {
    let Some(place) = Place::fresh() else { return };
    let (ca, issuer, serials) = (ca(), ca().id(), serials());
    let authority = node(place.open());
    authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1 << 40).ca())).unwrap();
    let registrations: Vec<_> = (1..=serials)
        .map(|number| Registration::of_serial(issuer, serial(number), day(1000)))
        .collect();
    authority.register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));

    let mut nodes: Vec<Child> = (0..NODES)
        .map(|number| {
            let _ = fs::remove_file(answers(number));
            Command::new(env::current_exe().unwrap())
                .args(["--exact", "a_node"])
                .envs([(NODE, number.to_string()), (URL, place.url().to_owned())])
                .spawn()
                .unwrap()
        })
        .collect();

    // Meanwhile it follows, page by page, and now and then is held against a fresh reading.
    let (mut follower, mut checkpoints) = (Follower::new(&authority, issuer), 0);
    let mut next_checkpoint = 1;
    while follower.token.position.0 < serials {
        assert!(
            nodes
                .iter_mut()
                .all(|node| { node.try_wait().unwrap().is_none_or(|status| status.success()) })
        );
        follower.follow(&authority, authority.token(issuer).unwrap().position, 999);
        if follower.token.position.0 >= next_checkpoint {
            let mut fresh = Follower::new(&authority, issuer);
            fresh.follow(&node(place.open()), follower.token.position, usize::MAX);
            assert_eq!((fresh.token, &fresh.view), (follower.token, &follower.view));
            next_checkpoint += serials / 20;
            checkpoints += 1;
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert!(nodes.iter_mut().all(|node| node.wait().unwrap().success()));
    assert_eq!(authority.token(issuer).unwrap(), follower.token, "nothing more was added");
    assert_eq!(follower.view.len() as u64, serials);

    let (mut made, mut met) = (0, 0);
    for number in 0..NODES {
        for line in fs::read_to_string(answers(number)).unwrap().lines() {
            let [number, is_made, by] = line.split(' ').collect::<Vec<_>>()[..] else { panic!() };
            let revocation = follower.view[&serial(number.parse().unwrap())];
            let marked = revocation.invalidity_date.unwrap();
            assert_eq!(marked.unix().to_string(), by, "{number}");
            *(if is_made == "true" { &mut made } else { &mut met }) += 1u64;
        }
    }
    assert_eq!(made, serials, "each was revoked by one");
    assert_eq!(made + met, NODES * THREADS * (serials * 5 / 8), "everybody was answered");
    eprintln!("{made} revocations, {met} times met; {checkpoints} checkpoints of a follower");
}
