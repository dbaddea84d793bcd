//! What every sink promises.

use crate::{
    put, shown,
    support::{
        crl::{crl, outgoing, place},
        directory::Directory,
    },
};
use annul::{CrlNumber, CrlPlace, DirectorySink, MemorySink, Revision, Scope, Sink, SinkError};
use std::thread;

/// Every kind of sink, empty.
fn each(test: impl Fn(&dyn Sink)) {
    test(&MemorySink::new("memory"));
    let directory = Directory::new();
    test(&DirectorySink::new("directory", directory.path("")));
    let directory = Directory::new();
    test(&DirectorySink::new("directory", directory.path("")).with_pem().keep_last(2));
    #[cfg(feature = "object-store")]
    {
        test(&crate::bucket::in_memory());
        let directory = Directory::new();
        test(&crate::bucket::local(&directory.path("")));
    }
}

fn overtaken_by(put: Result<(), SinkError>, number: Option<u64>) {
    match put {
        Err(SinkError::Overtaken { found }) => assert_eq!(found, number.map(CrlNumber::from_u64)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_put_is_what_is_shown() {
    each(|sink| {
        sink.check().unwrap();
        assert_eq!(sink.current(&place()).unwrap(), None);
        let der = crl(7, 100_000);
        sink.put(&outgoing(place(), 7, &der), None).unwrap();
        let current = sink.current(&place()).unwrap().unwrap();
        assert_eq!(current.der, der);
        assert_eq!(current.number(), Some(CrlNumber::from_u64(7)));
        // Asking changes nothing.
        sink.check().unwrap();
        assert_eq!(sink.current(&place()).unwrap(), Some(current));
    });
}

#[test]
fn each_place_shows_its_own() {
    each(|sink| {
        let issuer = place().issuer;
        let places = [
            CrlPlace::complete(issuer, Scope::Full),
            CrlPlace::delta(issuer, Scope::Full),
            CrlPlace::complete(issuer, Scope::UserCertificates),
        ];
        for (number, place) in (1..).zip(places) {
            sink.put(&outgoing(place, number, &crl(number, 10)), None).unwrap();
        }
        for (number, place) in (1..).zip(places) {
            let current = sink.current(&place).unwrap().unwrap();
            assert_eq!(current.der, crl(number, 10));
        }
    });
}

#[test]
fn what_the_caller_has_not_seen_is_not_replaced() {
    each(|sink| {
        overtaken_by(
            sink.put(&outgoing(place(), 1, &crl(1, 10)), Some(&Revision::of(b"nothing"))),
            None,
        );
        assert_eq!(sink.current(&place()).unwrap(), None);
        put(sink, 1).unwrap();
        let first = sink.current(&place()).unwrap().unwrap();
        overtaken_by(sink.put(&outgoing(place(), 2, &crl(2, 10)), None), Some(1));
        put(sink, 3).unwrap();
        let stale = Some(&first.revision);
        overtaken_by(sink.put(&outgoing(place(), 4, &crl(4, 10)), stale), Some(3));
        assert_eq!(shown(sink), Some(CrlNumber::from_u64(3)));
    });
}

#[test]
fn an_older_crl_never_replaces_a_newer_one_whatever_the_caller_says() {
    each(|sink| {
        put(sink, 5).unwrap();
        overtaken_by(put(sink, 4), Some(5));
        let current = sink.current(&place()).unwrap().unwrap();
        let twin = crl(5, 11);
        overtaken_by(sink.put(&outgoing(place(), 5, &twin), Some(&current.revision)), Some(5));
        assert_eq!(sink.current(&place()).unwrap(), Some(current));
        put(sink, 6).unwrap();
    });
}

#[test]
fn a_put_can_be_repeated() {
    each(|sink| {
        put(sink, 1).unwrap();
        let first = sink.current(&place()).unwrap().unwrap();
        let der = crl(2, 10);
        for replaces in [Some(&first.revision), Some(&first.revision), None] {
            sink.put(&outgoing(place(), 2, &der), replaces).unwrap();
        }
        assert_eq!(sink.current(&place()).unwrap().unwrap().der, der);
    });
}

#[test]
fn of_many_who_publish_none_goes_back() {
    each(|sink| {
        sink.check().unwrap();
        if !sink.compares() {
            return;
        }
        put(sink, 0).unwrap();
        thread::scope(|scope| {
            for publisher in 0..4 {
                scope.spawn(move || {
                    for round in 1..12 {
                        match put(sink, 4 * round + publisher) {
                            Ok(()) | Err(SinkError::Overtaken { .. }) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                });
            }
            scope.spawn(|| {
                let mut last = None;
                for _ in 0..50 {
                    let now = shown(sink);
                    assert!(now >= last && now.is_some(), "{now:?} after {last:?}");
                    last = now;
                }
            });
        });
        // Nobody overtakes the highest number but one who has it.
        let last = shown(sink).unwrap();
        assert!(last >= CrlNumber::from_u64(44), "{last}");
    });
}
