//! What leaves the store, and whether it is still that.

use crate::{WRITERS, at, audit, event, issuer};
use allocation_counter::measure;
use annul::{
    Audit, AuditExportError, AuditFilter, AuditHead, AuditProblem, AuditVerified, MemoryStore,
    verify_audit_export,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{io::Cursor, time::Instant};

/// Two writers that hold each other.
fn filled(events: u32) -> MemoryStore {
    let store = MemoryStore::new();
    let audits = [0, 1].map(|writer| audit(&store, writer));
    for number in 0..events {
        let mut event = event(number);
        event.at = at(i64::from(number) * 30);
        audits[(number % 2) as usize].record(&event, Instant::now()).unwrap();
    }
    store
}

fn json(store: &MemoryStore) -> Vec<u8> {
    let mut lines = Vec::new();
    audit(store, 2).export_json(&AuditFilter::default(), &mut lines).unwrap();
    lines
}

fn verify(lines: &[u8]) -> Result<AuditVerified, AuditExportError> {
    verify_audit_export(Cursor::new(lines), &[])
}

/// The lines, each with its end.
fn split(lines: &[u8]) -> Vec<&[u8]> {
    lines.split_inclusive(|octet| *octet == b'\n').collect()
}

/// The number of the line where something is wrong.
fn line(result: Result<AuditVerified, AuditExportError>) -> Option<u64> {
    match result.unwrap_err() {
        AuditExportError::Event { line, .. } | AuditExportError::Line { line, .. } => Some(line),
        AuditExportError::Elsewhere(_) => None,
        other => panic!("{other}"),
    }
}

#[test]
fn an_export_is_verified_and_says_what_the_store_does() {
    let store = filled(20);
    assert_eq!(verify(&json(&store)).unwrap(), audit(&store, 0).verify(&[]).unwrap());
    assert_eq!(verify(&json(&MemoryStore::new())).unwrap().events, 0);
}

#[test]
fn a_change_of_any_octet_of_an_export_is_found_and_located() {
    let lines = json(&filled(6));
    let (mut changed, mut number) = (lines.clone(), 1);
    for at in 0..lines.len() {
        for bit in [0, 5] {
            changed[at] ^= 1 << bit;
            // Where a line ends no more, the next one is part of it.
            assert_eq!(line(verify(&changed)), Some(number), "octet {at}, bit {bit}");
            changed[at] = lines[at];
        }
        number += u64::from(lines[at] == b'\n');
    }
}

#[test]
fn a_line_that_is_left_out_moved_or_added_is_found_and_located() {
    let export = json(&filled(20));
    let lines = split(&export);
    for at in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(at);
        let wrong = line(verify(&dropped.concat())).unwrap();
        // The line after it, or the last one where it was the end of a chain.
        assert!(wrong > at as u64 && wrong <= lines.len() as u64, "{at} {wrong}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(line(verify(&doubled.concat())).unwrap() > at as u64, "{at}");
        assert!(verify(&lines[..at].concat()).is_err(), "cut after {at}");
        for other in at + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            assert!(line(verify(&swapped.concat())).unwrap() > at as u64, "{at} {other}");
        }
    }
}

/// Where whoever cuts a chain also makes the last line anew.
#[test]
fn a_chain_without_its_end_is_found_by_the_others_and_by_a_published_head() {
    let store = filled(20);
    let before = audit(&store, 0).head().unwrap();
    // A store that never had more than this: its export is without fault.
    let cut = json(&filled(18));
    verify(&cut).unwrap();
    let error = verify_audit_export(Cursor::new(&cut), &[before]).unwrap_err();
    let AuditExportError::Elsewhere(tampering) = error else { panic!("{error}") };
    assert_eq!(tampering.problem, AuditProblem::Missing);
    let later: AuditHead = audit(&filled(18), 0).head().unwrap().to_string().parse().unwrap();
    verify_audit_export(Cursor::new(json(&store)), &[later]).unwrap();
}

#[test]
fn an_export_of_some_events_says_so_and_is_not_verified() {
    let store = filled(20);
    for (filter, events) in [
        (AuditFilter { from: Some(at(300)), ..Default::default() }, 10),
        (AuditFilter { to: Some(at(300)), ..Default::default() }, 10),
        (AuditFilter { issuer: Some(issuer(1)), ..Default::default() }, 10),
        (AuditFilter { from: Some(at(0)), to: Some(at(600)), issuer: None }, 20),
    ] {
        let mut lines = Vec::new();
        let exported = audit(&store, 2).export_json(&filter, &mut lines).unwrap();
        assert_eq!(exported.events, events, "{filter:?}");
        assert!(lines.starts_with(b"{\"type\":\"audit\",\"format\":1,\"whole\":false,"));
        assert!(matches!(verify(&lines), Err(AuditExportError::Filtered)));
        let mut rows = Vec::new();
        assert_eq!(audit(&store, 2).export_csv(&filter, &mut rows).unwrap().events, events);
        assert_eq!(
            String::from_utf8(rows).unwrap().matches("RevokeCertificate").count(),
            events as usize
        );
    }
}

#[test]
fn s39_each_line_is_json_with_all_that_an_auditor_asks_for() {
    let export = json(&filled(3));
    let lines: Vec<serde_json::Value> =
        split(&export).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["audit", "event", "event", "event", "head", "end"]);
    // The first and the third of the first writer, then the one of the other.
    let (written, line) = (event(2), &lines[2]);
    assert_eq!(line["at"], "2027-01-15T08:01:00Z");
    assert_eq!(line["account"], "account 2");
    assert_eq!(line["principal"], written.principal.as_str());
    assert_eq!(line["method"], "RevokeCertificate");
    assert_eq!(line["issuer"], issuer(2).to_string());
    assert_eq!(line["serial"], "e8:02");
    assert_eq!(line["target"], "arn:aws:acm-pca:2");
    assert_eq!(line["reason"], "keyCompromise");
    // printf token | sha256sum
    let digest = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";
    assert_eq!(line["tokenDigest"], digest);
    assert_eq!(line["requestId"], "2");
    assert_eq!(line["outcome"], "refused");
    assert_eq!(line["code"], "InvalidStateException");
    assert_eq!(line["suppressed"], 0);
    assert_eq!(line["writer"], WRITERS[0].to_string());
    assert_eq!(line["sequence"], 2);
    assert_eq!(line["previous"], lines[1]["hash"]);
    assert_eq!(lines[3]["anchors"][0]["hash"], lines[1]["hash"]);
    assert_eq!(lines[5]["events"], 3);
    // Nothing that a terminal obeys.
    assert!(export.iter().all(|octet| *octet == b'\n' || *octet >= b' '));
}

#[test]
fn the_table_has_a_row_for_each_event_and_no_formula() {
    let mut rows = Vec::new();
    let exported = audit(&filled(2), 2).export_csv(&AuditFilter::default(), &mut rows).unwrap();
    let rows = String::from_utf8(rows).unwrap();
    let digest = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";
    let (writer, id) = (WRITERS[0], issuer(0));
    assert!(rows.starts_with(&format!(
        "at,account,principal,method,issuer,serial,target,reason,tokenDigest,requestId,outcome,\
         code,suppressed,writer,sequence,hash\r\n2027-01-15T08:00:00Z,account 0,\
         \"'=HYPERLINK(\"\"evil\"\")\r\n\u{1b}[2J, \u{202e}é\",RevokeCertificate,{id},e8:00,\
         arn:aws:acm-pca:0,keyCompromise,{digest},0,done,,0,{writer},1,"
    )));
    assert_eq!(exported.events, 2);
}

#[test]
fn the_digest_of_an_export_is_that_of_the_file() {
    use sha2::{Digest, Sha256};
    let (store, mut lines) = (filled(3), Vec::new());
    let exported = audit(&store, 2).export_json(&AuditFilter::default(), &mut lines).unwrap();
    assert_eq!(exported.sha256, <[u8; 32]>::from(Sha256::digest(&lines)));
    assert_eq!(exported.head, audit(&store, 2).head().unwrap());
}

/// `ANNUL_AUDIT_EVENTS` tells how many the larger store has.
#[test]
fn exports_and_verifying_take_no_more_memory_of_more_events() {
    let many = std::env::var("ANNUL_AUDIT_EVENTS").map_or(20_000, |it| it.parse().unwrap());
    let peak = |events: u32| {
        let store = MemoryStore::new();
        let audits: [Audit<_>; 2] = [0, 1].map(|writer| audit(&store, writer));
        for first in (0..events).step_by(250) {
            // Of few accounts, so that none of the refused is one too many.
            let mut events: Vec<_> = (first..first + 250).map(event).collect();
            events.iter_mut().for_each(|event| event.account = "a".to_owned());
            audits[(first / 250 % 2) as usize].record_all(&events, Instant::now()).unwrap();
        }
        let mut count = 0;
        let exported = measure(|| {
            let all = AuditFilter::default();
            audits[0].export_json(&all, &mut std::io::sink()).unwrap();
            count = audits[0].export_csv(&all, &mut std::io::sink()).unwrap().events;
        });
        assert_eq!(count, u64::from(events));
        let verified = measure(|| assert_eq!(audits[0].verify(&[]).unwrap().events, count));
        (exported.bytes_max, verified.bytes_max)
    };
    let (few, more) = (peak(2_000), peak(many));
    assert!(more.0 < few.0 + (1 << 16), "{few:?} octets, then {more:?}");
    // The ends that events hold are looked for together, up to 65,536 of them: one in 250 events here.
    let held = u64::from(many / 250).min(1 << 16) * 128;
    assert!(more.1 < few.1 + held.max(1 << 16), "{few:?} octets, then {more:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was said, a line reads back as that; and whatever the octets, nothing panics.
    #[test]
    fn any_text_is_exported_and_verified(texts in vec(any::<String>(), 5), junk: Vec<u8>, at: Index) {
        let (store, mut event) = (MemoryStore::new(), event(2));
        let [account, principal, method, named, id] = texts.try_into().unwrap();
        event.target.named = named.repeat(30);
        (event.account, event.principal, event.method, event.request_id) =
            (account, principal, method, id);
        audit(&store, 0).record(&event, Instant::now()).unwrap();
        let mut lines = json(&store);
        verify(&lines).unwrap();
        let line: serde_json::Value = serde_json::from_slice(split(&lines)[1]).unwrap();
        prop_assert_eq!(&line["account"], &event.account);
        let at = at.index(lines.len());
        lines.splice(at..at, junk.iter().copied());
        prop_assert_eq!(verify(&lines).is_ok(), junk.is_empty());
    }
}
