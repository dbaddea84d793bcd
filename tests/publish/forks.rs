//! Records that went back, and stores that hide something: never a shorter CRL, never an older one.

use super::{issue, listed, place, release, revoke, root, serials, shown, week, with_leaves};
use crate::toy::{ToyClock, authority, day, in_memory, serial};
use annul::{
    CertificateList, Error, GateRefusal, Import, Issue, MemorySink, MemoryStore, Outgoing,
    PublishError, RevokeCa, Signer, Sink, StoreError, Waive, Waiver,
    conformance::Hiding,
    store::{Space, Table, copy, key},
};
use std::sync::Arc;

#[test]
fn a_backup_that_is_restored_is_noticed_before_a_number_is_used_twice() {
    let clock = ToyClock::at(day(0));
    let store = MemoryStore::new();
    let now = authority(&store, &clock, Arc::default());
    with_leaves(&now, 3);
    let sink = MemorySink::new("sink");
    revoke(&now, 1);
    release(&now, &sink);
    let backup = MemoryStore::new();
    copy(&store, &backup).unwrap();
    revoke(&now, 2);
    release(&now, &sink);
    let out = shown(&sink, &place());

    let restored = authority(&backup, &clock, Arc::default());
    for _ in 0..3 {
        let refused = issue(&restored, &Issue::new(week()), &[&sink]).unwrap_err();
        assert!(matches!(refused, PublishError::Forked { .. }), "{refused:?}");
    }
    // Not even where it went on by itself, past the numbers that were used.
    revoke(&restored, 3);
    let elsewhere = MemorySink::new("elsewhere");
    for _ in 0..3 {
        release(&restored, &elsewhere);
    }
    let refused = issue(&restored, &Issue::new(week()), &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Forked { .. }), "{refused:?}");
    assert_eq!(shown(&sink, &place()), out);

    // What was published comes back, and the next CRL lists all that anybody knows.
    let published = CertificateList::from_der(&out).unwrap();
    restored.import(root().id(), &Import::new().with_crl(published)).unwrap();
    let release = issue(&restored, &Issue::new(week()), &[&sink]).unwrap().complete.unwrap();
    assert!(release.number > CertificateList::from_der(&out).unwrap().number().unwrap());
    assert_eq!(listed(&shown(&sink, &place())), serials([1, 2, 3]));
}

#[test]
fn an_empty_store_and_the_last_crls_lead_to_a_superset_with_a_higher_number() {
    let (lost, _) = in_memory();
    with_leaves(&lost, 4);
    let sink = MemorySink::new("sink");
    for number in [1, 4] {
        revoke(&lost, number);
        release(&lost, &sink);
    }
    revoke(&lost, 2);
    let delta = Issue::new(week().delta());
    issue(&lost, &delta, &[&sink]).unwrap();
    let delta_place = annul::CrlPlace::delta(root().id(), annul::Scope::Full);
    let ders = [shown(&sink, &place()), shown(&sink, &delta_place)];

    let (empty, _) = in_memory();
    let issuer = with_leaves(&empty, 0);
    let crls = ders.each_ref().map(|der| CertificateList::from_der(der).unwrap());
    let [complete, delta_crl] = crls.clone();
    // Some of it is not enough: the gate sees what the delta CRL lists.
    empty.import(issuer, &Import::new().with_crl(complete)).unwrap();
    let refused = issue(&empty, &delta, &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Forked { .. }), "{refused:?}");
    let [complete, _] = crls.clone();
    let both = Import::new().with_crl(complete).with_crl(delta_crl);
    empty.import(issuer, &both).unwrap();
    let release = issue(&empty, &Issue::new(week()), &[&sink]).unwrap().complete.unwrap();
    assert!(crls.iter().all(|crl| crl.number() < Some(release.number)));
    assert_eq!(listed(&shown(&sink, &place())), serials([1, 2, 4]));
    issue(&empty, &delta, &[&sink]).unwrap();
}

#[test]
fn what_nobody_released_here_is_not_replaced() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let sink = MemorySink::new("sink");
    let mut der = Vec::new();
    authority.crl(issuer, &week(), &root(), &mut der).unwrap();
    let crl = CertificateList::from_der(&der).unwrap();
    let outgoing = Outgoing {
        place: place(),
        der: &der,
        number: crl.number().unwrap(),
        this_update: day(0),
        next_update: day(7),
        now: day(0),
        trusts_record: false,
    };
    sink.put(&outgoing, None).unwrap();
    let refused = issue(&authority, &Issue::new(week()), &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Forked { .. }), "{refused:?}");

    let odd = MemorySink::new("odd");
    odd.put(&Outgoing { der: b"no CRL", ..outgoing }, None).unwrap();
    let refused = issue(&authority, &Issue::new(week()), &[&odd]).unwrap_err();
    assert!(matches!(refused, PublishError::NoCrl { .. }), "{refused:?}");
}

#[test]
fn a_shorter_next_update_needs_a_reason() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 1);
    let sink = MemorySink::new("sink");
    release(&authority, &sink);
    let day = annul::CrlRequest::new(super::DAY);
    let refused = issue(&authority, &Issue::new(day.clone()), &[&sink]).unwrap_err();
    let PublishError::Gate { problem, .. } = refused else { panic!() };
    assert!(matches!(*problem, GateRefusal::NextUpdate { .. }));
    let waiver = Waiver::new(Waive::NextUpdate, "j.doe", "a day from now on");
    issue(&authority, &Issue::new(day.waive(waiver)), &[&sink]).unwrap();
}

#[test]
fn rows_that_a_store_hides_never_make_a_crl_shorter() {
    let clock = ToyClock::at(day(0));
    let store = MemoryStore::new();
    let whole = authority(&store, &clock, Arc::default());
    let issuer = with_leaves(&whole, 6);
    let sink = MemorySink::new("sink");
    for number in 1..=4 {
        revoke(&whole, number);
    }
    release(&whole, &sink);
    revoke(&whole, 5);
    // Every record there is, one after the other.
    let mut rows = Vec::new();
    let snapshot = annul::Store::snapshot(&store).unwrap();
    for space in Space::all() {
        let mut visit = |key: &[u8], _: &[u8]| {
            rows.push((space, key.to_vec()));
            std::ops::ControlFlow::Continue(())
        };
        snapshot.scan(space, &[], None, &mut visit).unwrap();
    }
    drop(snapshot);
    assert!(rows.len() > 20);
    for (space, key) in rows {
        let copied = MemoryStore::new();
        copy(&store, &copied).unwrap();
        let own = MemorySink::new("sink");
        let der = shown(&sink, &place());
        let number = CertificateList::from_der(&der).unwrap().number().unwrap();
        let (this_update, next_update, now) = (day(0), day(7), day(0));
        let place = place();
        let trusts_record = false;
        let outgoing =
            Outgoing { place, der: &der, number, this_update, next_update, now, trusts_record };
        own.put(&outgoing, None).unwrap();
        let hiding = authority(Hiding::new(copied, space, key.clone()), &clock, Arc::default());
        let answer = issue(&hiding, &Issue::new(week()), &[&own]);
        let listed = listed(&shown(&own, &place));
        assert!(listed.is_superset(&serials(1..=4)), "{space:?} {key:02x?}");
        if answer.is_ok() {
            assert_eq!(listed, serials(1..=5), "{space:?} {key:02x?}");
        }
    }
    let entry = key::entry(issuer, annul::Partition(0), serial(1), annul::Position(1));
    let hiding = authority(Hiding::new(&store, Space::Entries, entry), &clock, Arc::default());
    let refused = issue(&hiding, &Issue::new(week()), &[&sink]).unwrap_err();
    let PublishError::Authority(Error::Crl(annul::CrlError::Entries(problem))) = refused else {
        panic!("{refused:?}")
    };
    assert!(matches!(problem.downcast_ref(), Some(StoreError::Corrupt { .. })));
}

fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Store(StoreError::Corrupt { .. }))
}

#[test]
fn a_ca_whose_standing_is_hidden_does_not_stand_again() {
    let clock = ToyClock::at(day(0));
    let store = MemoryStore::new();
    let whole = authority(&store, &clock, Arc::default());
    let issuer = with_leaves(&whole, 3);
    let sink = MemorySink::new("sink");
    release(&whole, &sink);
    // It is self-signed: nothing else says so where its CRLs are made.
    whole.revoke_ca(&RevokeCa::new(issuer)).unwrap();
    let standings = Space::Table(Table::Standings);
    let hiding = Hiding::new(&store, standings, issuer.as_octets().to_vec());
    let hiding = authority(hiding, &clock, Arc::default());
    let refused = issue(&hiding, &Issue::new(week()), &[&sink]).unwrap_err();
    assert!(matches!(&refused, PublishError::Authority(error) if is_damage(error)), "{refused:?}");
    let status = hiding.status(issuer, serial(1)).unwrap_err();
    assert!(is_damage(&status), "{status:?}");
    assert!(listed(&shown(&sink, &place())).is_empty());
}

#[test]
fn a_head_that_is_hidden_with_what_it_counts_is_not_that_of_an_empty_log() {
    let clock = ToyClock::at(day(0));
    let store = MemoryStore::new();
    let whole = authority(&store, &clock, Arc::default());
    let issuer = with_leaves(&whole, 3);
    let sink = MemorySink::new("sink");
    release(&whole, &sink);
    revoke(&whole, 1);
    let entry = key::entry(issuer, annul::Partition(0), serial(1), annul::Position(1));
    let hiding = Hiding::new(&store, Space::Entries, entry);
    let hiding = Hiding::new(hiding, Space::Heads, key::head(issuer));
    let hiding = authority(hiding, &clock, Arc::default());
    let refused = issue(&hiding, &Issue::new(week()), &[&sink]).unwrap_err();
    assert!(matches!(&refused, PublishError::Authority(error) if is_damage(error)), "{refused:?}");
}

#[test]
fn what_is_signed_elsewhere_passes_the_gate_as_it_is_then() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 2);
    let sink = MemorySink::new("sink");
    revoke(&authority, 1);
    let prepare = || authority.prepare_crl(issuer, &week(), root().algorithm()).unwrap();
    let (first, second) = (prepare(), prepare());
    let sign = |prepared: &annul::PreparedCrl| root().sign(prepared.to_sign()).unwrap();
    clock.set(day(1));
    authority.release(issuer, &second, &sign(&second), &[&sink]).unwrap();
    assert_eq!(listed(&shown(&sink, &place())), serials([1]));
    let late = authority.release(issuer, &first, &sign(&first), &[&sink]).unwrap_err();
    assert!(matches!(late, PublishError::Gate { .. }), "{late:?}");
    let empty = MemorySink::new("empty");
    let late = authority.release(issuer, &first, &sign(&first), &[&empty]).unwrap_err();
    assert!(matches!(late, PublishError::Authority(Error::Overtaken { .. })), "{late:?}");

    clock.set(day(-1));
    let ahead = prepare_at(&authority, issuer, &clock);
    let refused = authority.release(issuer, &ahead, &sign(&ahead), &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Authority(Error::ClockAhead { .. })), "{refused:?}");
}

/// Prepared on day 2 by a clock that is on day 1 again when it comes back.
fn prepare_at<S: annul::Store>(
    authority: &annul::Authority<S>,
    issuer: annul::IssuerId,
    clock: &ToyClock,
) -> annul::PreparedCrl {
    clock.set(day(2));
    let prepared = authority.prepare_crl(issuer, &week(), root().algorithm()).unwrap();
    clock.set(day(1));
    prepared
}

#[test]
fn e26_odd_serial_numbers_that_were_imported_stay_on_the_crls_as_they_stand() {
    let odd: [&[u8]; 3] = [&[0], &[0x80], &[0x7f; 21]];
    let key = root();
    let entries = odd.map(|octets| {
        let serial = annul::SerialRef::from_octets(octets).unwrap();
        annul::AppendedEntry::legacy(serial, day(-1), None, None)
    });
    let number = annul::CrlNumber::from_u64(7);
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 2);
    // A CRL that another system made of the same CA.
    let mut der = Vec::new();
    authority.crl(issuer, &week(), &key, &mut der).unwrap();
    let own = CertificateList::from_der(&der).unwrap();
    let (name, identifier) = (own.issuer(), own.authority_key_identifier().unwrap());
    let tbs = annul::TbsCertList::new(name, identifier, number, day(0), day(7)).unwrap();
    let tbs = tbs.with_appendix(&entries);
    let none: [annul::CrlEntry; 0] = [];
    let mut legacy = Vec::new();
    let verifier = annul::conformance::toy::ToyVerifier;
    tbs.sign(&none, key.public_key(), &key, &verifier, &mut legacy).unwrap();
    let crl = CertificateList::from_der(&legacy).unwrap();
    authority.import(issuer, &Import::new().with_crl(crl)).unwrap();
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    release(&authority, &sink);
    let der = shown(&sink, &place());
    let crl = CertificateList::from_der(&der).unwrap();
    assert!(crl.number() > Some(number));
    let found: Vec<_> = crl.entries().map(|entry| entry.unwrap().serial().as_octets()).collect();
    assert_eq!(found.len(), 4);
    assert!(odd.iter().all(|octets| found.contains(octets)));
}

#[test]
fn what_is_no_crl_holds_up_no_other_sink_and_no_other_kind() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 2);
    let [good, odd] = ["good", "odd"].map(MemorySink::new);
    let put = |place| {
        let (this_update, next_update) = (day(0), day(7));
        let number = annul::CrlNumber::from_u64(1);
        let der = b"<html>";
        let (now, trusts_record) = (day(0), false);
        let outgoing =
            Outgoing { place, der, number, this_update, next_update, now, trusts_record };
        odd.put(&outgoing, None).unwrap();
    };
    put(annul::CrlPlace::delta(issuer, annul::Scope::Full));
    let both: [&dyn Sink; 2] = [&good, &odd];
    revoke(&authority, 1);
    // Nobody asked for a delta CRL.
    issue(&authority, &Issue::new(week()), &both).unwrap();

    let elsewhere = annul::Scope::Partition(annul::Partition(0));
    let distribution = annul::Distribution::new("http://crl.example").with_partitions();
    authority.set_distribution(issuer, &distribution).unwrap();
    let place = annul::CrlPlace::complete(issuer, elsewhere);
    put(place);
    let incomplete = issue(&authority, &Issue::new(week().of(elsewhere)), &both).unwrap_err();
    let PublishError::Incomplete { failed, .. } = incomplete else { panic!("{incomplete:?}") };
    assert_eq!(failed.len(), 1);
    assert_eq!(listed(&shown(&good, &place)), serials([1]));
    assert_eq!(shown(&odd, &place), b"<html>");
}
