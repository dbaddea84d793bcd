//! What the store on PostgreSQL promises beyond every store: its server, its network, its nodes.
#![cfg(feature = "postgres")]

mod support {
    pub mod postgres;
    pub mod proxy;
}

use annul::{
    IssuerId, Position, Serial,
    store::{
        Append, Assert, Batch, Isolation, NewEntry, Partition, PostgresOptions, PostgresStore, Put,
        Record, Snapshot, Space, Store, StoreError, Table, Version, key,
    },
};
use std::{
    error::Error,
    mem,
    ops::ControlFlow,
    panic,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use support::{
    postgres::Place,
    proxy::{Mishap, Proxy},
};

const TABLE: Table = Table::Certificates;
const SPACE: Space = Space::Table(TABLE);

/// The place, unless there is no server.
macro_rules! place {
    () => {
        match Place::fresh() {
            Some(place) => place,
            None => return,
        }
    };
}

fn put(key: &[u8], expected: u64) -> Put {
    Put { table: TABLE, key: key.to_vec(), expected: Version(expected), value: key.to_vec() }
}

fn assert(key: &[u8], expected: u64) -> Assert {
    Assert { table: TABLE, key: key.to_vec(), expected: Version(expected) }
}

fn puts(puts: impl Into<Vec<Put>>) -> Batch {
    Batch { puts: puts.into(), ..Batch::default() }
}

fn issuer() -> IssuerId {
    IssuerId::from_octets([1; 32])
}

/// One entry, after this many.
fn append(expected: u64) -> Batch {
    let serial = Serial::from_unsigned(&(expected + 1).to_be_bytes()).unwrap();
    let append = Append {
        issuer: issuer(),
        expected: Position(expected),
        entries: vec![NewEntry { subject: Some((Partition(0), serial)), value: vec![1] }],
        head: vec![1],
        prunes: Vec::new(),
    };
    Batch { appends: vec![append], ..Batch::default() }
}

fn count(store: &dyn Store, space: Space) -> usize {
    scan(&*store.snapshot().unwrap(), space).len()
}

fn scan(snapshot: &dyn Snapshot, space: Space) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    };
    snapshot.scan(space, &[], None, visit).unwrap();
    keys
}

/// All that an error says.
fn said(error: &dyn Error) -> String {
    let source = error.source().map(|source| format!(": {}", said(source)));
    format!("{error}{}", source.unwrap_or_default())
}

/// A store behind a network that fails, which is impatient.
fn behind(place: &Place) -> (Proxy, PostgresStore) {
    let server = place.url().split_once('@').unwrap().1.split_once('/').unwrap().0;
    let proxy = Proxy::to(server);
    let options = PostgresOptions::new().answer_timeout(Duration::from_secs(2));
    let store = options.connect(&place.url().replace(server, &proxy.address())).unwrap();
    (proxy, store)
}

#[test]
fn nodes_that_make_the_tables_at_once_all_get_them() {
    let place = place!();
    for schema in [place.name().to_owned(), format!("{} \"of its own\"", place.name())] {
        let options = PostgresOptions::new().schema(&schema);
        let stores: Vec<_> = thread::scope(|scope| {
            let node = |_| scope.spawn(|| options.connect(place.url()).unwrap());
            let nodes: Vec<_> = (0..8).map(node).collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        stores[0].apply(&puts([put(b"a", 0)])).unwrap();
        stores.iter().for_each(|store| assert_eq!(count(store, SPACE), 1));
        if schema != place.name() {
            place.sql(&format!("DROP SCHEMA \"{}\" CASCADE", schema.replace('"', "\"\"")));
        }
    }
}

#[test]
fn tables_of_a_later_version_are_left_alone() {
    let place = place!();
    drop(place.open());
    place.sql("INSERT INTO annul_migrations (number) VALUES (2)");
    let answer = PostgresStore::connect(place.url());
    let Err(StoreError::FromTheFuture { found: 2, supported: 1 }) = answer else {
        panic!("{answer:?}")
    };
}

#[test]
fn who_may_only_read_connects_and_reads() {
    let place = place!();
    let url = format!("{}%20-c%20default_transaction_read_only%3Don", place.url());
    PostgresStore::connect(&url).unwrap_err();
    place.open().apply(&puts([put(b"a", 0)])).unwrap();
    let reader = PostgresStore::connect(&url).unwrap();
    assert_eq!(count(&reader, SPACE), 1);
    assert!(matches!(reader.apply(&puts([put(b"b", 0)])), Err(StoreError::Backend(_))));
    assert_eq!(count(&reader, SPACE), 1);
}

#[test]
fn a_worker_of_an_async_runtime_may_call() {
    let place = place!();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let store = place.open();
        store.apply(&puts([put(b"a", 0)])).unwrap();
        assert_eq!(count(&store, SPACE), 1);
    });
}

#[test]
fn a_long_scan_does_not_hold_up_who_writes() {
    let place = place!();
    let store = PostgresOptions::new().connections(2).connect(place.url()).unwrap();
    store.apply(&puts([put(b"a", 0), put(b"b", 0)])).unwrap();
    let (reached, at_first) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let store = &store;
        let reader = scope.spawn(move || {
            let mut seen = 0;
            let snapshot = store.snapshot().unwrap();
            let visit = &mut |_: &[u8], _: &[u8]| {
                reached.send(()).unwrap();
                // Until the writer is done and hangs up.
                let _ = wait.recv();
                seen += 1;
                ControlFlow::Continue(())
            };
            snapshot.scan(SPACE, &[], None, visit).unwrap();
            seen
        });
        at_first.recv().unwrap();
        let start = Instant::now();
        (1..20).for_each(|version| store.apply(&puts([put(b"a", version)])).unwrap());
        store.apply(&puts([put(b"c", 0)])).unwrap();
        assert!(start.elapsed() < Duration::from_secs(5));
        drop(go_on);
        assert_eq!(reader.join().unwrap(), 2);
    });
}

#[test]
fn a_snapshot_too_many_is_refused_in_time() {
    let place = place!();
    let time = Duration::from_millis(300);
    let options = PostgresOptions::new().connections(3).wait_timeout(time);
    let store = options.connect(place.url()).unwrap();
    let held = [store.snapshot().unwrap(), store.snapshot().unwrap()];
    let start = Instant::now();
    assert!(matches!(store.snapshot().err(), Some(StoreError::Backend(_))));
    assert!((time..time * 5).contains(&start.elapsed()));
    store.apply(&puts([put(b"a", 0)])).unwrap();
    drop(held);
    assert_eq!(count(&store, SPACE), 1);
}

#[test]
fn a_snapshot_is_of_the_moment_when_it_was_taken() {
    let place = place!();
    let store = place.open();
    let snapshot = store.snapshot().unwrap();
    store.apply(&puts([put(b"a", 0)])).unwrap();
    assert_eq!(snapshot.get(SPACE, b"a").unwrap(), None);
    assert!(scan(&*snapshot, SPACE).is_empty());
}

#[test]
fn a_connection_that_was_cut_is_replaced() {
    let place = place!();
    let store = place.open();
    let snapshot = store.snapshot().unwrap();
    for version in 0..5 {
        store.apply(&puts([put(b"a", version)])).unwrap();
        assert!(place.cut() > 0);
    }
    assert_eq!(count(&store, SPACE), 1);
    assert!(matches!(snapshot.get(SPACE, b"a"), Err(StoreError::Backend(_))));
    drop(snapshot);
    let read = store.snapshot().unwrap().get(SPACE, b"a").unwrap();
    assert_eq!(read, Some(Record { version: Version(5), value: b"a".to_vec() }));
}

#[test]
fn the_thread_of_a_connection_that_was_cut_ends_in_peace() {
    static PANICS: AtomicU32 = AtomicU32::new(0);
    let place = place!();
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let is_ours = thread::current().name() == Some("annul-postgres");
        PANICS.fetch_add(u32::from(is_ours), Ordering::Relaxed);
        report(panic);
    }));
    let store = place.open();
    assert!(place.cut() > 0);
    // It notices without being asked anything.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    assert_eq!(count(&store, SPACE), 0);
}

#[test]
fn whatever_the_network_loses_a_batch_takes_effect_once() {
    let place = place!();
    let (proxy, store) = behind(&place);
    // The texts of messages, which end with a zero.
    let (commit, claim, ask) =
        ("COMMIT\0", "SET carried_out = it.carried_out\0", "SELECT carried_out");
    let cases: [&[(&str, Mishap)]; 10] = [
        &[("BEGIN", Mishap::CutBefore)],
        &[("BEGIN", Mishap::CutAfter)],
        &[("BEGIN", Mishap::Silence)],
        &[(commit, Mishap::CutBefore)],
        &[(commit, Mishap::CutAfter)],
        &[(commit, Mishap::Silence)],
        &[(commit, Mishap::CutBefore), (commit, Mishap::CutAfter)],
        &[(commit, Mishap::CutAfter), (claim, Mishap::CutBefore)],
        &[(commit, Mishap::CutAfter), (ask, Mishap::CutBefore)],
        &[(commit, Mishap::CutBefore), (ask, Mishap::CutAfter)],
    ];
    for (number, mishaps) in cases.into_iter().enumerate() {
        proxy.plan(mishaps);
        store.apply(&append(number as u64)).unwrap_or_else(|error| {
            panic!("{mishaps:?}: {}", said(&error));
        });
        assert!(proxy.is_done(), "{mishaps:?}");
        assert_eq!(count(&store, Space::Log), number + 1, "{mishaps:?}");
    }
    assert!(matches!(store.apply(&append(0)), Err(StoreError::Conflict { .. })));
}

#[test]
fn nothing_is_done_outside_of_a_transaction() {
    let place = place!();
    let (proxy, store) = behind(&place);
    store.apply(&puts([put(b"a", 0)])).unwrap();
    proxy.plan(&[("BEGIN", Mishap::Garble)]);
    let batch = Batch { asserts: vec![assert(b"b", 0)], ..puts([put(b"a", 1), put(b"c", 0)]) };
    assert!(matches!(store.apply(&batch), Err(StoreError::Backend(_))));
    assert!(proxy.is_done());
    assert_eq!(count(&store, SPACE), 1);
    store.apply(&batch).unwrap();
    assert_eq!(count(&store, SPACE), 2);
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for() {
    let place = place!();
    let (proxy, store) = behind(&place);
    store.apply(&puts([put(b"a", 0)])).unwrap();
    let snapshot = store.snapshot().unwrap();
    snapshot.get(SPACE, b"a").unwrap();
    proxy.plan(&[("sought", Mishap::Silence)]);
    let start = Instant::now();
    let error = snapshot.get(SPACE, b"sought").unwrap_err();
    assert!(said(&error).contains("no answer"), "{}", said(&error));
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(snapshot);
    assert_eq!(count(&store, SPACE), 1);
}

#[test]
fn who_is_given_up_to_end_a_deadlock_tries_again() {
    let place = place!();
    let store = place.open();
    store.apply(&puts([put(b"a", 0), put(b"b", 0)])).unwrap();
    let mut other = place.client();
    other.batch_execute("SET deadlock_timeout = '1h'").unwrap();
    let mut transaction = other.transaction().unwrap();
    transaction.execute("UPDATE annul_records SET value = 'x' WHERE key = 'b'", &[]).unwrap();
    thread::scope(|scope| {
        let node = scope.spawn(|| store.apply(&puts([put(b"a", 1), put(b"b", 1)])));
        // By then it has the one and waits for the other.
        thread::sleep(Duration::from_millis(200));
        transaction.execute("UPDATE annul_records SET value = 'x' WHERE key = 'a'", &[]).unwrap();
        transaction.commit().unwrap();
        node.join().unwrap().unwrap();
    });
    assert_eq!(store.snapshot().unwrap().get(SPACE, b"a").unwrap().unwrap().version, Version(2));
}

#[test]
fn who_is_not_serializable_tries_again() {
    let place = place!();
    let options = PostgresOptions::new().isolation(Isolation::Serializable);
    let store = options.connect(place.url()).unwrap();
    store.apply(&puts([put(b"a", 0)])).unwrap();
    let mut other = place.client();
    let mut transaction = other.transaction().unwrap();
    transaction.execute("UPDATE annul_records SET value = 'x'", &[]).unwrap();
    thread::scope(|scope| {
        let node = scope.spawn(|| store.apply(&puts([put(b"a", 1)])));
        thread::sleep(Duration::from_millis(200));
        transaction.commit().unwrap();
        node.join().unwrap().unwrap();
    });
}

#[test]
fn of_two_batches_that_each_rest_on_what_the_other_writes_one_wins() {
    let place = place!();
    // They wait for each other; one second each time would be long.
    let url = format!("{}%20-c%20deadlock_timeout%3D10ms", place.url());
    for isolation in [Isolation::ReadCommitted, Isolation::Serializable] {
        let store = PostgresOptions::new().isolation(isolation).connect(&url).unwrap();
        for round in 0..20 {
            let (one, other) = ([b'1', round], [b'2', round]);
            // Those that are absent must stay so; the others must stay at their version.
            let expected = u64::from(round % 2);
            if expected == 1 {
                store.apply(&puts([put(&one, 0), put(&other, 0)])).unwrap();
            }
            let batch = |kept: &[u8], written| Batch {
                asserts: vec![assert(kept, expected)],
                ..puts([put(written, expected)])
            };
            let batches = [batch(&one, &other), batch(&other, &one)];
            let store = &store;
            let wins = thread::scope(|scope| {
                let node = |batch| scope.spawn(move || store.apply(batch));
                let nodes: Vec<_> = batches.iter().map(node).collect();
                let answers = nodes.into_iter().map(|node| node.join().unwrap());
                answers
                    .filter(|answer| match answer {
                        Ok(()) => true,
                        Err(StoreError::Conflict { .. }) => false,
                        Err(error) => panic!("{}", said(error)),
                    })
                    .count()
            });
            assert_eq!(wins, 1, "{isolation:?}, round {round}");
        }
        place.sql("TRUNCATE annul_records");
    }
}

#[test]
fn a_flood_of_those_who_hold_on_to_a_record_does_not_keep_it_from_changing() {
    let place = place!();
    let store = place.open();
    store.apply(&puts([put(b"a", 0)])).unwrap();
    thread::scope(|scope| {
        // Before one lets go, the next one holds on to it.
        let (mut one, mut other) = (place.client(), place.client());
        let hold = "BEGIN; SELECT 1 FROM annul_records FOR SHARE";
        one.batch_execute(hold).unwrap();
        let node = scope.spawn(|| store.apply(&puts([put(b"a", 1)])));
        while !node.is_finished() {
            thread::sleep(Duration::from_millis(20));
            thread::scope(|scope| {
                let next = scope.spawn(|| other.batch_execute(hold).unwrap());
                let start = Instant::now();
                while !next.is_finished() && start.elapsed() < Duration::from_millis(100) {
                    thread::yield_now();
                }
                one.batch_execute("COMMIT").unwrap();
            });
            mem::swap(&mut one, &mut other);
        }
        node.join().unwrap().unwrap();
    });
}

#[test]
fn a_place_that_must_stay_empty_is_held_until_the_commit() {
    let place = place!();
    let store = place.open();
    for (end, is_taken) in [("ROLLBACK", false), ("COMMIT", true)] {
        let mut other = place.client();
        let space = SPACE.code();
        other.batch_execute("BEGIN").unwrap();
        let taken = format!("INSERT INTO annul_records VALUES ({space}, 'a', 1, '')");
        other.batch_execute(&taken).unwrap();
        let batch = Batch { asserts: vec![assert(b"a", 0)], ..puts([put(end.as_bytes(), 0)]) };
        thread::scope(|scope| {
            let node = scope.spawn(|| store.apply(&batch));
            thread::sleep(Duration::from_millis(100));
            assert!(!node.is_finished(), "it waits for who is adding the record");
            other.batch_execute(end).unwrap();
            match node.join().unwrap() {
                Ok(()) => assert!(!is_taken),
                Err(StoreError::Conflict { key, .. }) => assert!(is_taken && key == b"a"),
                Err(error) => panic!("{}", said(&error)),
            }
        });
        let held = store.snapshot().unwrap().get(SPACE, b"a").unwrap();
        assert_eq!(held.is_some(), is_taken);
    }
}

#[test]
fn many_records_are_read_in_order_whatever_the_question() {
    let place = place!();
    let store = place.open();
    // Among them large ones, and more than a page and a group have.
    let keys: Vec<_> = (0..30_000_u32).map(|number| number.to_be_bytes()).collect();
    for part in keys.chunks(5_000) {
        let put = |key: &[u8; 4]| {
            let octets = if key[3] == 0 { 40_000 } else { 10 };
            Put { value: vec![key[3]; octets], ..put(key, 0) }
        };
        store.apply(&puts(part.iter().map(put).collect::<Vec<_>>())).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    assert_eq!(scan(&*snapshot, SPACE), keys);
    for most in [1, 127, 128, 129, 20_000] {
        let mut seen = Vec::new();
        let visit = &mut |key: &[u8], _: &[u8]| {
            seen.push(key.to_vec());
            if seen.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        snapshot.scan(SPACE, &keys[5], None, visit).unwrap();
        assert_eq!(seen, keys[5..][..most]);
    }
    let sought: Vec<_> = keys.iter().step_by(7).map(|key| key.to_vec()).collect();
    let sought = [&sought[..], &[vec![9; 9]]].concat();
    let found = snapshot.get_all(SPACE, &sought).unwrap();
    let one_by_one = sought.iter().map(|key| snapshot.get(SPACE, key).unwrap());
    assert!(found.iter().cloned().eq(one_by_one));
    // The last octets of prefixes that nothing follows, too, and one prefix in another.
    let prefixes =
        (0..120_u8).rev().map(|high| vec![0, 0, high]).chain([vec![0xff], vec![0, 0, 5]]);
    let prefixes: Vec<_> =
        prefixes.chain((0..2000_u16).map(|it| it.to_be_bytes().to_vec())).collect();
    let (mut seen, mut expected) = (Vec::new(), Vec::new());
    let collect = |into: &mut Vec<Vec<u8>>, key: &[u8]| {
        into.push(key.to_vec());
        ControlFlow::Continue(())
    };
    snapshot.scan_prefixes(SPACE, &prefixes, &mut |key, _| collect(&mut seen, key)).unwrap();
    for prefix in &prefixes {
        let to = key::past(prefix);
        let visit = &mut |key: &[u8], _: &[u8]| collect(&mut expected, key);
        snapshot.scan(SPACE, prefix, to.as_deref(), visit).unwrap();
    }
    assert_eq!(seen, expected);
}

#[test]
fn a_damaged_version_is_called_damage() {
    let place = place!();
    let store = place.open();
    store.apply(&puts([put(b"a", 0)])).unwrap();
    place.sql(
        "ALTER TABLE annul_records DROP CONSTRAINT annul_records_version_check;
         UPDATE annul_records SET version = -1",
    );
    let answer = store.snapshot().unwrap().get(SPACE, b"a");
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
}

#[test]
fn nobody_reads_the_password_in_what_is_said() {
    let url = "postgres://ca:secret@127.0.0.1:1/annul?connect_timeout=1";
    let options = PostgresOptions::new().wait_timeout(Duration::from_millis(200));
    let start = Instant::now();
    let error = options.connect(url).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10));
    let text = format!("{} {error:?}", said(&error));
    assert!(text.contains("127.0.0.1:1/annul") && !text.contains("secret"), "{text}");
    let Some(place) = Place::fresh() else { return };
    let store = PostgresStore::connect(&place.url().replace("annul@", "annul:secret@")).unwrap();
    assert!(!format!("{store:?}").contains("secret"));
}

#[cfg(not(feature = "postgres-tls"))]
#[test]
fn who_asks_for_tls_without_the_feature_is_told() {
    for mode in ["require", "verify-full"] {
        let error = PostgresStore::connect(&format!("host=127.0.0.1 user=ca sslmode={mode}"));
        let text = said(&error.unwrap_err());
        assert!(text.contains("postgres-tls"), "{text}");
    }
}

#[cfg(feature = "postgres-tls")]
#[test]
fn the_server_proves_who_it_is() {
    let place = place!();
    let Some(root) = place.root() else { return };
    let url = place.url().replace("sslmode=disable", "sslmode=verify-full");
    let trusting = |root: &[u8]| PostgresOptions::new().tls_roots(root);
    for host in ["127.0.0.1", "localhost"] {
        let store = trusting(&root).connect(&url.replace("127.0.0.1", host)).unwrap();
        store.apply(&puts([put(host.as_bytes(), 0)])).unwrap();
    }
    let is_secret = "SELECT count(*) FROM pg_stat_ssl NATURAL JOIN pg_stat_activity WHERE ssl";
    let store = trusting(&root).connect(&url).unwrap();
    assert!(place.number(&format!("{is_secret} AND application_name = '{}'", place.name())) > 0);
    drop(store);
    // By a name that the certificate does not have, and by a root that it does not lead to.
    let stranger = url.replace("127.0.0.1", "stranger.test") + "&hostaddr=127.0.0.1";
    let answers = [trusting(&root).connect(&stranger), PostgresStore::connect(&url)];
    for error in answers.map(Result::unwrap_err) {
        assert!(said(&error).contains("certificate"), "{}", said(&error));
    }
}
