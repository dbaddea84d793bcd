//! CRLs in a bucket of a real S3 API, named by `ANNUL_S3`; without it, this is skipped.
#![cfg(all(feature = "object-store-aws", feature = "conformance"))]

mod support {
    pub mod toy;
}

use annul::{
    AddIssuer, Authority, CertificateList, CrlPlace, CrlRequest, Issue, IssuerId, MemoryStore,
    NotPlaced, ObjectStoreSink, Outgoing, PublishError, Publisher, Publishing, Registration,
    Revoke, Schedule, Scope, Sink, SinkError, Target,
};
use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};
use support::toy::{Ca, ToyClock, in_memory, serial};

/// The server, for requests that no sink makes.
struct S3 {
    url: String,
    bucket: &'static str,
}

impl S3 {
    fn new(bucket: &'static str) -> Option<Self> {
        let Ok(url) = env::var("ANNUL_S3") else {
            eprintln!("skipped: ANNUL_S3 names no server");
            return None;
        };
        Some(Self { url, bucket })
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=k/20261121/us-east-1/s3/aws4_request\r\n\
             Connection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn create_bucket(&self) {
        let answer = self.request("PUT", &format!("/{}", self.bucket), "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn sink(&self) -> ObjectStoreSink {
        let settings = [
            ("aws_endpoint", self.url.as_str()),
            ("aws_allow_http", "true"),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", "k"),
            ("aws_secret_access_key", "s"),
        ];
        let url = format!("s3://{}/crl", self.bucket);
        let sink = ObjectStoreSink::from_url("bucket", &url, settings).unwrap();
        sink.answer_timeout(Duration::from_secs(20))
    }
}

fn root() -> Ca {
    Ca::new("root")
}

fn with_revocation() -> (Arc<Authority<MemoryStore>>, ToyClock, IssuerId) {
    let (authority, clock) = in_memory();
    let ca = root().certifies(&root(), 0x7fff).ca();
    let issuer = authority.add_issuer(&AddIssuer::new(ca)).unwrap().issuer;
    let leaf = root().leaf(1).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    authority.revoke(&Revoke::new(Target::Serial { issuer, serial: serial(1) })).unwrap();
    (Arc::new(authority), clock, issuer)
}

fn week() -> Issue {
    Issue::new(CrlRequest::new(Duration::from_secs(7 * 86_400)))
}

#[test]
fn s36_s38_a_wrong_bucket_is_misconfigured_and_tried_again_until_it_is_mended() {
    let Some(s3) = S3::new("mended") else { return };
    let (authority, clock, issuer) = with_revocation();
    let sink = Arc::new(s3.sink());
    assert!(matches!(sink.check(), Err(SinkError::Misconfigured { .. })));
    let publishing = Publishing::new(issuer, Schedule::aws(), root()).to(Arc::clone(&sink));
    let publisher = Publisher::new(Arc::clone(&authority)).with(publishing);
    for _ in 0..3 {
        let attempts = publisher.run_due().unwrap();
        assert!(matches!(
            &attempts[0].result,
            Err(PublishError::Unreadable { source, .. })
                if matches!(**source, SinkError::Misconfigured { .. })
        ));
        // Recorded all along.
        assert_eq!(authority.pending(issuer).unwrap()[0].entries, 1);
        let next = publisher.next_due().unwrap().unwrap();
        assert!(next.saturating_since(publisher.now()) <= Duration::from_secs(15 * 60), "S36");
        clock.set(next);
    }
    s3.create_bucket();
    let attempts = publisher.run_due().unwrap();
    assert!(attempts[0].result.is_ok(), "{attempts:?}");
    assert!(authority.pending(issuer).unwrap().is_empty());
    sink.check().unwrap();

    // What everybody sees is the CRL, with what caches and browsers need to know.
    let place = CrlPlace::complete(issuer, Scope::Full);
    let path = format!("/{}/crl/{}", s3.bucket, place.file_name());
    let head = s3.request("HEAD", &path, "").to_lowercase();
    assert!(head.contains("content-type: application/pkix-crl"), "{head}");
    assert!(head.contains("cache-control: public, max-age="), "{head}");
    let der = sink.current(&place).unwrap().unwrap().der;
    assert_eq!(CertificateList::from_der(&der).unwrap().entries().count(), 1);
}

#[test]
fn an_older_crl_never_takes_the_place_of_a_newer() {
    let Some(s3) = S3::new("ordered") else { return };
    s3.create_bucket();
    let (authority, _, issuer) = with_revocation();
    let sink = s3.sink();
    let place = CrlPlace::complete(issuer, Scope::Full);
    authority.issue(issuer, &week(), &root(), &[&sink]).unwrap();
    let old = sink.current(&place).unwrap().unwrap();
    authority.issue(issuer, &week(), &root(), &[&sink]).unwrap();
    let new = sink.current(&place).unwrap().unwrap();
    let crl = CertificateList::from_der(&old.der).unwrap();
    let outgoing = Outgoing {
        place,
        der: &old.der,
        number: crl.number().unwrap(),
        this_update: crl.this_update(),
        next_update: crl.next_update().unwrap(),
        now: crl.this_update(),
        trusts_record: false,
    };
    for replaces in [None, Some(&old.revision), Some(&new.revision)] {
        let answer = sink.put(&outgoing, replaces);
        assert!(matches!(answer, Err(SinkError::Overtaken { .. })), "{replaces:?}: {answer:?}");
    }
    assert_eq!(sink.current(&place).unwrap().unwrap(), new);
}

#[test]
fn s38_a_missing_permission_is_misconfigured() {
    // In a process of its own, since the whole server asks for permissions then.
    let Some(s3) = S3::new("forbidden") else { return };
    if env::var_os("ANNUL_S3_FORBIDS").is_none() {
        eprintln!("skipped: ANNUL_S3_FORBIDS is not set");
        return;
    }
    s3.create_bucket();
    let (authority, _, issuer) = with_revocation();
    let sink = s3.sink();
    let forbidden = s3.request("POST", "/moto-api/reset-auth", "0");
    assert!(forbidden.contains("200"), "{forbidden}");
    let refused = authority.issue(issuer, &week(), &root(), &[&sink]).map(drop);
    let mended = s3.request("POST", "/moto-api/reset-auth", "1000000");
    assert!(mended.contains("200"), "{mended}");
    match refused {
        Err(PublishError::Unreadable { source, .. }) => {
            assert!(matches!(*source, SinkError::Misconfigured { .. }), "{source:?}");
        }
        Err(PublishError::Incomplete { failed, .. }) => {
            let [NotPlaced { error, .. }] = &failed[..] else { panic!("{failed:?}") };
            assert!(matches!(error, SinkError::Misconfigured { .. }), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(authority.pending(issuer).unwrap()[0].entries, 1);
    authority.issue(issuer, &week(), &root(), &[&sink]).unwrap();
    assert!(authority.pending(issuer).unwrap().is_empty());
}
