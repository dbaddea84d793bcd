//! S37: what alarms are set on.
#![cfg(all(feature = "metrics", feature = "conformance"))]

mod support {
    pub mod toy;
}

use annul::{
    AddIssuer, CrlRequest, Issue, MemorySink, Publisher, Publishing, Schedule, Sink, SinkError,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use support::toy::{Ca, in_memory};

#[test]
fn s37_crls_and_misconfigured_buckets_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let (authority, _) = in_memory();
        let root = Ca::new("root");
        let ca = root.certifies(&root, 1).ca();
        let issuer = authority.add_issuer(&AddIssuer::new(ca)).unwrap().issuer;
        let sink = Arc::new(MemorySink::new("bucket"));
        let week = Issue::new(CrlRequest::new(Duration::from_secs(7 * 86_400)));
        let sinks: [&dyn Sink; 1] = [&sink];
        authority.issue(issuer, &week, &root, &sinks).unwrap();
        sink.fail_with(Some(|| SinkError::Misconfigured {
            sink: "bucket".to_owned(),
            problem: "no such bucket".to_owned(),
            source: None,
        }));
        authority.issue(issuer, &week, &root, &sinks).unwrap_err();
        sink.fail_with(None);
        let publishing = Publishing::new(issuer, Schedule::private(), root).to(Arc::clone(&sink));
        Publisher::new(Arc::new(authority)).with(publishing).run_due().unwrap();
    });
    let mut seen = BTreeMap::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        seen.insert(key.key().name().to_owned(), value);
    }
    assert_eq!(seen["CRLGenerated"], DebugValue::Counter(1));
    assert_eq!(seen["MisconfiguredCRLBucket"], DebugValue::Counter(1));
    assert_eq!(seen["annul_overdue"], DebugValue::Gauge(0.0.into()));
    assert_eq!(seen["annul_pending"], DebugValue::Gauge(0.0.into()));
    for name in ["annul_crl_bytes", "annul_crl_entries", "annul_crl_seconds"] {
        assert!(
            matches!(&seen[name], DebugValue::Histogram(values) if values.len() == 1),
            "{name}"
        );
    }
}
