//! The audit: what was asked for, in chains that tell what was changed in them.

mod chains;
mod exports;
mod writing;

use annul::{
    Audit, AuditEvent, AuditHead, AuditOutcome, AuditWriter, IssuerId, Rate, Reason, Store,
    Timestamp,
};
use std::{num::NonZeroU32, time::Duration};

const WRITERS: [AuditWriter; 3] =
    [AuditWriter([1; 16]), AuditWriter([2; 16]), AuditWriter([3; 16])];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
}

/// An event that has all there is, and differs from those with other numbers.
fn event(number: u32) -> AuditEvent {
    let outcome = match number % 8 {
        0 => AuditOutcome::Done,
        4 => AuditOutcome::Accepted,
        1 | 5 => AuditOutcome::Repeated,
        2 | 6 => AuditOutcome::Refused { code: "InvalidStateException".to_owned() },
        _ => AuditOutcome::Failed { code: "RequestFailedException".to_owned() },
    };
    let mut event = AuditEvent::new(at(number.into()), "RevokeCertificate", outcome);
    event.account = format!("account {number}");
    event.principal = "=HYPERLINK(\"evil\")\r\n\u{1b}[2J, \u{202e}é".to_owned();
    event.target.issuer = Some(issuer(number));
    event.target.serial = Some(annul::Serial::from_unsigned(&[0xe8, number as u8]).unwrap());
    event.target.named = format!("arn:aws:acm-pca:{number}");
    event.reason = Some(Reason::KeyCompromise);
    event.request_id = number.to_string();
    event.with_token(&"token".parse().unwrap())
}

fn issuer(number: u32) -> IssuerId {
    IssuerId::of(b"name", &[(number % 2) as u8])
}

fn rate(calls: u32) -> Rate {
    Rate { calls: NonZeroU32::new(calls).unwrap(), period: Duration::from_secs(60) }
}

/// The audit as a writer goes on with it, who leaves nothing out.
fn audit<S: Store>(store: S, writer: usize) -> Audit<S> {
    Audit::new(store, WRITERS[writer]).with_refused_rate(rate(1_000_000))
}

fn only(head: &AuditHead) -> annul::AuditPoint {
    assert_eq!(head.points.len(), 1, "{head}");
    head.points[0]
}
