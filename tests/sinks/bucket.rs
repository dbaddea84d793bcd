//! A bucket, on the stores that need no server.

use crate::{
    put, shown,
    support::crl::{crl, outgoing, place},
};
use annul::{CrlNumber, ObjectStoreSink, Sink, SinkError, Timestamp};
use object_store::{
    Attribute, ObjectStore, ObjectStoreExt, local::LocalFileSystem, memory::InMemory, path::Path,
};
use std::{sync::Arc, time::Duration};

pub fn in_memory() -> ObjectStoreSink {
    ObjectStoreSink::new("bucket", Arc::new(InMemory::new()), "crl").unwrap()
}

/// A store that has neither conditions nor headers.
pub fn local(directory: &std::path::Path) -> ObjectStoreSink {
    let store = LocalFileSystem::new_with_prefix(directory).unwrap().with_fsync(true);
    ObjectStoreSink::new("files", Arc::new(store), "").unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// What is there, with the headers that it is sent with.
fn sent(store: &InMemory, path: &str) -> (Vec<u8>, String, String) {
    block_on(async {
        let answer = store.get(&Path::from(path)).await.unwrap();
        let header = |name| answer.attributes.get(&name).unwrap().as_ref().to_owned();
        let (kind, cache) = (header(Attribute::ContentType), header(Attribute::CacheControl));
        (answer.bytes().await.unwrap().to_vec(), kind, cache)
    })
}

#[test]
fn e44_an_object_is_der_and_says_so() {
    let store = Arc::new(InMemory::new());
    let sink = ObjectStoreSink::new("bucket", store.clone(), "crl/root").unwrap();
    put(&sink, 1).unwrap();
    let (octets, kind, _) = sent(&store, &format!("crl/root/{}", place().file_name()));
    assert_eq!((octets, kind.as_str()), (crl(1, 100), "application/pkix-crl"));
}

#[test]
fn no_cache_keeps_a_crl_past_its_next_update_by_what_it_was_told() {
    let store = Arc::new(InMemory::new());
    let week = 7 * 24 * 60 * 60;
    let hour = 60 * 60;
    let cases = [
        (hour, 0, hour),
        (2 * week, 0, week - 300),
        (hour, week - 1000, 700),
        (hour, week - 300, 0),
        (hour, week - 299, 0),
        (hour, week + 299, 0),
        (0, 0, 0),
    ];
    for (number, (max_age, passed, expected)) in (1..).zip(cases) {
        let sink = ObjectStoreSink::new("bucket", store.clone(), "").unwrap();
        let sink = sink.max_age(Duration::from_secs(max_age));
        let der = crl(number, 10);
        let mut outgoing = outgoing(place(), number, &der);
        outgoing.now = outgoing.now.saturating_add(Duration::from_secs(passed));
        let current = sink.current(&place()).unwrap();
        sink.put(&outgoing, current.map(|current| current.revision).as_ref()).unwrap();
        let (_, _, cache) = sent(&store, &place().file_name());
        assert_eq!(cache, format!("public, max-age={expected}"));
    }
    let sink = ObjectStoreSink::new("bucket", store.clone(), "x").unwrap();
    let der = crl(1, 10);
    let mut outgoing = outgoing(place(), 1, &der);
    outgoing.next_update = Timestamp::MAX;
    sink.max_age(Duration::MAX).put(&outgoing, None).unwrap();
}

#[test]
fn a_probe_leaves_nothing_behind_and_says_whether_the_store_compares() {
    let store = Arc::new(InMemory::new());
    let sink = ObjectStoreSink::new("bucket", store.clone(), "crl").unwrap();
    assert!(!sink.compares(), "nobody knows yet");
    sink.check().unwrap();
    assert!(sink.compares());
    assert!(block_on(store.get(&Path::from("crl/.annul-probe"))).is_err());

    let directory = crate::support::directory::Directory::new();
    let sink = local(&directory.path(""));
    sink.check().unwrap();
    assert!(!sink.compares());
    assert_eq!(directory.names(), [""; 0]);
}

#[test]
fn another_publisher_on_the_same_bucket_is_noticed() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let [one, other] = [(); 2].map(|()| ObjectStoreSink::new("bucket", store.clone(), "").unwrap());
    put(&one, 1).unwrap();
    let seen = one.current(&place()).unwrap().unwrap();
    put(&other, 3).unwrap();
    let late = one.put(&outgoing(place(), 2, &crl(2, 10)), Some(&seen.revision));
    assert!(
        matches!(late, Err(SinkError::Overtaken { found: Some(n) }) if n == CrlNumber::from_u64(3))
    );
    assert_eq!(shown(&one), Some(CrlNumber::from_u64(3)));
}

#[test]
fn calls_are_allowed_on_a_worker_of_an_async_runtime() {
    block_on(async {
        let sink = in_memory();
        sink.check().unwrap();
        put(&sink, 1).unwrap();
        assert_eq!(shown(&sink), Some(CrlNumber::from_u64(1)));
        // Its runtime ends on its own thread.
        drop(sink);
    });
}

#[test]
fn s38_an_address_that_cannot_be_used_says_so_at_once() {
    let none: [(&str, &str); 0] = [];
    for url in ["no url", "ftp://host/crl", "memory:///a//b", "gopher:crl"] {
        let error = ObjectStoreSink::from_url("bucket", url, none).unwrap_err();
        assert!(matches!(error, SinkError::Misconfigured { .. }), "{url}: {error:?}");
    }
    let error = ObjectStoreSink::new("bucket", Arc::new(InMemory::new()), "a//b").unwrap_err();
    assert!(matches!(error, SinkError::Misconfigured { .. }), "{error:?}");
}

#[test]
fn what_it_is_shown_as_names_the_store() {
    let text = format!("{:?}", in_memory());
    assert!(text.contains("bucket") && text.contains("InMemory"), "{text}");
}
