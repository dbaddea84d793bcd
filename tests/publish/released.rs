//! What counts as released, and what may leave a CRL.

use super::{
    DAY, issue, later, listed, place, release, revocation, revoke, root, serials, shown, week,
    with_leaves,
};
use crate::toy::{Ca, day, in_memory, serial};
use annul::{
    AddIssuer, Amend, Amendment, CannotSign, CertificateList, Compact, CrlNumber, CrlRequest,
    Distribution, Error, Issue, LintProfile, MemorySink, NotPlaced, Policy, PublishError,
    Published, Registration, RevokeCa, Scope, SinkError, Target, Timestamp, Waive, Waiver,
};
use std::{thread, time::Duration};

#[test]
fn a_revocation_is_pending_until_every_sink_shows_it() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 2);
    let [one, other] = ["one", "other"].map(MemorySink::new);
    revoke(&authority, 1);
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    assert_eq!(publication.published(Scope::Full), None);
    assert_eq!(authority.pending(issuer).unwrap()[0].entries, 1);
    assert_eq!(authority.publication(issuer, serial(2)).unwrap(), None);

    other.fail_with(Some(|| SinkError::Misconfigured {
        sink: "other".to_owned(),
        problem: "no such bucket".to_owned(),
        source: None,
    }));
    let sinks: [&dyn annul::Sink; 2] = [&one, &other];
    // The other one is not to wait for it, but it does not count yet.
    let incomplete = issue(&authority, &Issue::new(week()), &sinks).unwrap_err();
    assert!(matches!(incomplete, PublishError::Incomplete { .. }), "{incomplete:?}");
    assert_eq!(listed(&shown(&one, &place())), serials([1]));
    assert_eq!(authority.pending(issuer).unwrap()[0].entries, 1);
    let blind = issue(&authority, &Issue::new(week()), &[&other]).unwrap_err();
    assert!(matches!(blind, PublishError::Unreadable { .. }), "{blind:?}");
    other.fail_with(None);
    clock.set(day(1));
    let released = issue(&authority, &Issue::new(week()), &sinks).unwrap();
    let release = released.complete.unwrap();
    assert_eq!(release.out_since(), Some(day(1)));
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    assert_eq!(publication.published(Scope::Full), Some(&release));
    assert_eq!(publication.recorded_at, day(0));
    assert!(authority.pending(issuer).unwrap().is_empty());

    // Who asks again is told what there is, and where it is.
    let Err(Error::AlreadyRevoked { publication: again, .. }) = authority.revoke(&revocation(1))
    else {
        panic!()
    };
    assert_eq!(*again, publication);
}

#[test]
fn what_one_sink_lacks_is_shown_apart_and_the_next_call_goes_on() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let (good, bad) = (MemorySink::new("good"), WritesFail(MemorySink::new("bad")));
    revoke(&authority, 1);
    let failed = issue(&authority, &Issue::new(week()), &[&good, &bad]).unwrap_err();
    let PublishError::Incomplete { released, failed } = failed else { panic!("{failed:?}") };
    assert!(matches!(&failed[..], [NotPlaced { sink, .. }] if sink == "bad"));
    assert_eq!(released.complete.as_ref().unwrap().out_since(), None);
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    assert_eq!(publication.scopes[0].state, Published::Pending);
    assert_eq!(publication.scopes[0].incomplete.as_deref(), released.complete.as_ref());

    let both: [&dyn annul::Sink; 2] = [&good, &bad.0];
    issue(&authority, &Issue::new(week()), &both).unwrap();
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    let number = publication.published(Scope::Full).unwrap().number;
    assert_eq!(number, CrlNumber::from_u64(2));
}

#[derive(Debug)]
struct WritesFail(MemorySink);

impl annul::Sink for WritesFail {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn check(&self) -> Result<(), SinkError> {
        self.0.check()
    }

    fn current(&self, place: &annul::CrlPlace) -> Result<Option<annul::Current>, SinkError> {
        self.0.current(place)
    }

    fn put(&self, _: &annul::Outgoing<'_>, _: Option<&annul::Revision>) -> Result<(), SinkError> {
        Err(SinkError::Overtaken { found: None })
    }

    fn compares(&self) -> bool {
        true
    }
}

#[test]
fn e36_entry_leaves_only_after_one_crl_past_expiry() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 0);
    let sink = MemorySink::new("sink");
    for (number, until) in [(1, 10), (2, 30)] {
        let leaf = root().leaf(number).valid(-1, until).certificate();
        authority.register(&Registration::of_certificate(leaf)).unwrap();
        revoke(&authority, number);
    }
    // thisUpdate is at notAfter, not past it.
    for (at, expected) in [
        (day(0), vec![1, 2]),
        (day(10), vec![1, 2]),
        (later(day(10), DAY / 2), vec![1, 2]),
        (day(11), vec![2]),
        (day(40), vec![2]),
        (day(41), vec![]),
    ] {
        clock.set(at);
        release(&authority, &sink);
        assert_eq!(listed(&shown(&sink, &place())), serials(expected), "{at}");
    }
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    let number = publication.published(Scope::Full).unwrap().number;
    assert_eq!(number, CrlNumber::from_u64(1));

    // An amendment of what has left is on no CRL, and says so.
    let target = Target::Serial { issuer, serial: serial(1) };
    let graver = Amendment { key_compromise: true, ..Amendment::default() };
    authority.amend(&Amend::new(target, graver)).unwrap();
    release(&authority, &sink);
    assert!(listed(&shown(&sink, &place())).is_empty());
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    assert_eq!(publication.scopes[0].state, Published::NotListed);
    assert!(publication.is_complete() && authority.pending(issuer).unwrap().is_empty());
}

#[test]
fn e36_without_a_known_not_after_an_entry_stays_and_is_counted() {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let (authority, clock) = in_memory();
    let authority = authority.with_policy(policy);
    with_leaves(&authority, 0);
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    for number in [0, 300, 900] {
        clock.set(day(number));
        release(&authority, &sink);
        assert_eq!(listed(&shown(&sink, &place())), serials([1]));
    }
    let made = authority.crl(root().id(), &week(), &root(), &mut Vec::new()).unwrap();
    assert_eq!(made.without_not_after, 1);
}

#[test]
fn a_cascade_is_published_with_the_crl_of_the_ca_below() {
    let (authority, clock) = in_memory();
    let root_id = with_leaves(&authority, 0);
    let below = Ca::new("below");
    let ca =
        authority.add_issuer(&AddIssuer::new(root().certifies(&below, 5).ca())).unwrap().issuer;
    let leaf = below.leaf(1).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    let sink = MemorySink::new("sink");
    let all = Issue::new(week());
    authority.issue(ca, &all, &below, &[&sink]).unwrap();
    assert_eq!(authority.publication(ca, serial(1)).unwrap(), None);

    clock.set(day(1));
    authority.revoke_ca(&RevokeCa::new(root_id)).unwrap();
    let publication = authority.publication(ca, serial(1)).unwrap().unwrap();
    assert_eq!((publication.recorded_at, publication.position), (day(1), None));
    assert!(!publication.is_complete());
    assert!(authority.pending(ca).unwrap()[0].fall);
    clock.set(day(2));
    authority.issue(ca, &all, &below, &[&sink]).unwrap();
    let publication = authority.publication(ca, serial(1)).unwrap().unwrap();
    assert!(publication.is_complete());
    assert!(authority.pending(ca).unwrap().is_empty());
}

#[test]
fn e18_crls_of_cas_and_of_users_name_a_uri_and_share_the_unknown() {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let (authority, _) = in_memory();
    let authority = authority.with_policy(policy);
    let issuer = with_leaves(&authority, 1);
    let below = Ca::new("below");
    authority.add_issuer(&AddIssuer::new(root().certifies(&below, 5).ca())).unwrap();
    let sink = MemorySink::new("sink");
    let of = |scope| Issue::new(week().of(scope));
    assert!(matches!(
        issue(&authority, &of(Scope::CaCertificates), &[&sink]),
        Err(PublishError::Authority(Error::NoDistributionPoint { .. }))
    ));
    let distribution =
        Distribution::new("http://crl.example").with_ca_certificates().with_user_certificates();
    authority.set_distribution(issuer, &distribution).unwrap();
    for number in [1, 5, 9] {
        revoke(&authority, number);
    }
    for (scope, expected) in [(Scope::CaCertificates, [5, 9]), (Scope::UserCertificates, [1, 9])] {
        issue(&authority, &of(scope), &[&sink]).unwrap();
        let der = shown(&sink, &annul::CrlPlace::complete(issuer, scope));
        assert_eq!(listed(&der), serials(expected));
        let crl = CertificateList::from_der(&der).unwrap();
        let point = crl.issuing_distribution_point().unwrap();
        let uris = authority.distribution_points(issuer, scope).unwrap();
        assert_eq!(point.uris(), uris);
    }
    // The full one was never released.
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    assert!(publication.published(Scope::UserCertificates).is_some());
    assert!(publication.published(Scope::Full).is_none() && !publication.is_complete());
}

#[test]
fn e43_the_last_crl_lists_all_has_no_end_and_is_the_last() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 0);
    let leaf = root().leaf(1).valid(-1, 10).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    for number in [0, 20, 21] {
        clock.set(day(number));
        release(&authority, &sink);
    }
    assert!(listed(&shown(&sink, &place())).is_empty());
    let last = Issue::new(week().last()).with_profile(LintProfile::Archive);
    issue(&authority, &last, &[&sink]).unwrap();
    let der = shown(&sink, &place());
    let crl = CertificateList::from_der(&der).unwrap();
    assert_eq!(crl.next_update(), Some(Timestamp::MAX));
    // The CA is older than the record of it, which cannot know what expired before.
    assert_eq!(crl.expired_certificates_since(), Some(day(0)));
    assert_eq!(listed(&der), serials([1]), "what had expired too");
    let after = issue(&authority, &Issue::new(week()), &[&sink]).unwrap_err();
    let PublishError::Authority(Error::CannotSignCrls { problem, .. }) = after else { panic!() };
    assert_eq!(problem, CannotSign::Ended { scope: Scope::Full });
    issue(&authority, &last, &[&sink]).unwrap();
    assert_eq!(authority.releases(issuer, Scope::Full, 9).unwrap().len(), 5);
}

#[test]
fn e41_a_clock_that_was_wrong_is_set_aside_by_name() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let sink = MemorySink::new("sink");
    clock.set(day(5));
    release(&authority, &sink);
    clock.set(day(1));
    revoke(&authority, 1);
    let issued = issue(&authority, &Issue::new(week()), &[&sink]);
    assert!(matches!(issued, Err(PublishError::Authority(Error::ClockBehind { .. }))));

    let waiver = |what| Waiver::new(what, "j.doe", "the clock was four days behind");
    let behind = Issue::new(week().waive(waiver(Waive::ClockBehind)));
    let release = issue(&authority, &behind, &[&sink]).unwrap().complete.unwrap();
    assert_eq!((release.this_update, release.waivers.len()), (day(5), 1));
    // Or it was ahead before: then thisUpdate goes back, and the gate is told.
    let ahead = Issue::new(week().waive(waiver(Waive::ThisUpdate)));
    let refused = issue(&authority, &ahead, &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Gate { .. }), "{refused:?}");
    let ahead =
        Issue::new(week().waive(waiver(Waive::ThisUpdate)).waive(waiver(Waive::NextUpdate)));
    let release = issue(&authority, &ahead, &[&sink]).unwrap().complete.unwrap();
    assert_eq!(release.this_update, day(1));
    assert_eq!(authority.releases(issuer, Scope::Full, 1).unwrap(), [release]);
}

#[test]
fn e36_a_clock_that_was_ahead_retires_nothing_that_is_still_valid() {
    let (authority, clock) = in_memory();
    with_leaves(&authority, 0);
    let leaf = root().leaf(1).valid(-1, 10).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    // By this clock the certificate has expired, and is on a CRL once more; then it is set right.
    clock.set(day(20));
    release(&authority, &sink);
    clock.set(day(1));
    let waiver = |what| Waiver::new(what, "j.doe", "the clock was ahead");
    let right =
        Issue::new(week().waive(waiver(Waive::ThisUpdate)).waive(waiver(Waive::NextUpdate)));
    issue(&authority, &right, &[&sink]).unwrap();
    assert_eq!(listed(&shown(&sink, &place())), serials([1]));
    for (number, lists) in [(9, true), (11, true), (12, false)] {
        clock.set(day(number));
        release(&authority, &sink);
        assert_eq!(listed(&shown(&sink, &place())).len(), usize::from(lists), "on day {number}");
    }
}

#[test]
fn e43_a_delta_crl_is_never_the_last_of_its_scope() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 1);
    let sink = MemorySink::new("sink");
    release(&authority, &sink);
    let delta = issue(&authority, &Issue::new(week().last().delta()), &[&sink]).unwrap();
    assert!(!delta.delta.unwrap().last);
    revoke(&authority, 1);
    release(&authority, &sink);
    assert_eq!(listed(&shown(&sink, &place())), serials([1]));
}

#[test]
fn two_sinks_of_one_name_are_refused() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 1);
    let [one, other] = ["sink", "sink"].map(MemorySink::new);
    let refused = issue(&authority, &Issue::new(week()), &[&one, &other]).unwrap_err();
    assert!(refused.to_string().contains("two sinks"), "{refused}");
    assert!(one.places().is_empty() && other.places().is_empty());
}

#[test]
fn a_call_is_worth_repeating_where_it_helps_one_of_the_sinks() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 1);
    let sinks = ["good", "misconfigured", "down"].map(MemorySink::new);
    let misconfigured = || SinkError::WriteOnly;
    let down = || SinkError::Unavailable { sink: "down".to_owned(), source: "down".into() };
    sinks[1].fail_with(Some(misconfigured));
    sinks[2].fail_with(Some(down));
    let all: [&dyn annul::Sink; 3] = [&sinks[0], &sinks[1], &sinks[2]];
    let incomplete = issue(&authority, &Issue::new(week()), &all).unwrap_err();
    assert_eq!(incomplete.retry(), down().retry());
}

#[test]
fn what_was_released_is_not_read_again_where_no_delta_ever_was() {
    let (store, clock) = (annul::MemoryStore::new(), crate::toy::ToyClock::at(day(0)));
    let authority = crate::toy::authority(&store, &clock, Default::default());
    let issuer = with_leaves(&authority, 3);
    super::distribute(&authority);
    let sink = MemorySink::new("sink");
    [1, 2].into_iter().for_each(|number| revoke(&authority, number));
    release(&authority, &sink);
    revoke(&authority, 3);
    // Who reads the log from its start finds that a row of it is hidden.
    let key = annul::store::key::log(issuer, annul::Position(1));
    let hiding = annul::conformance::Hiding::new(&store, annul::store::Space::Log, key);
    let hiding = crate::toy::authority(hiding, &clock, Default::default());
    assert_eq!(hiding.pending(issuer).unwrap()[0].entries, 1);
}

#[test]
fn e18_a_kind_that_is_learnt_later_keeps_no_crl_back() {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let (authority, _) = in_memory();
    let authority = authority.with_policy(policy);
    let root_id = with_leaves(&authority, 0);
    let below = Ca::new("below");
    let ca =
        authority.add_issuer(&AddIssuer::new(root().certifies(&below, 5).ca())).unwrap().issuer;
    let distribution =
        Distribution::new("http://crl.example").with_ca_certificates().with_user_certificates();
    let sink = MemorySink::new("sink");
    let scopes = [Scope::CaCertificates, Scope::UserCertificates];
    let all = |issuer, key: &Ca| {
        for scope in scopes {
            authority.issue(issuer, &Issue::new(week().of(scope)), key, &[&sink]).unwrap();
        }
        scopes.map(|scope| listed(&shown(&sink, &annul::CrlPlace::complete(issuer, scope))).len())
    };
    authority.set_distribution(root_id, &distribution).unwrap();
    authority.set_distribution(ca, &distribution).unwrap();

    // Revoked before anybody knew what it is, and amended after.
    revoke(&authority, 1);
    assert_eq!(all(root_id, &root()), [1, 1]);
    let leaf = root().leaf(1).certificate();
    authority.record_discovered(&Registration::of_certificate(leaf)).unwrap();
    let target = Target::Serial { issuer: root_id, serial: serial(1) };
    let graver = Amendment { key_compromise: true, ..Amendment::default() };
    authority.amend(&Amend::new(target, graver)).unwrap();
    assert_eq!(all(root_id, &root()), [1, 1]);

    // Invalidated before anybody knew.
    authority.reserve(&annul::ReserveSerial::new(ca, serial(1))).unwrap();
    authority.revoke_ca(&RevokeCa::new(root_id)).unwrap();
    assert_eq!(all(ca, &below), [1, 1]);
    let leaf = below.leaf(1).certificate();
    authority.record_discovered(&Registration::of_certificate(leaf)).unwrap();
    assert_eq!(all(ca, &below), [0, 1]);
}

#[cfg(feature = "p256")]
#[test]
fn e12_a_key_identifier_that_a_renewed_certificate_brings_passes_by_name() {
    let ca = crate::ca::Ca::new("ca");
    let mut bare = ca.template("01");
    bare.extensions.pop();
    let mut policy = Policy::default();
    policy.derived_key_identifiers = true;
    let authority = annul::Authority::new(annul::MemoryStore::new())
        .with_clock(crate::toy::ToyClock::at(day(100)))
        .with_policy(policy);
    let issuer = authority.add_issuer(&AddIssuer::new(ca.sign_ca(&bare))).unwrap().issuer;
    let sink = MemorySink::new("sink");
    let issue = |request| authority.issue(issuer, &Issue::new(request), &ca.key, &[&sink]);
    issue(week()).unwrap();
    authority.add_issuer(&AddIssuer::new(ca.sign_ca(&ca.template("02")))).unwrap();
    let PublishError::Gate { problem, .. } = issue(week()).unwrap_err() else { panic!() };
    let what = problem.waived_by().expect("it can be set aside");
    issue(week().waive(Waiver::new(what, "j.doe", "the certificate was renewed"))).unwrap();
    issue(week()).unwrap();
}

#[test]
fn e23_what_a_scope_keeps_for_good_is_not_compacted() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 0);
    let leaf = root().leaf(1).valid(-1, 10).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    clock.set(day(12));
    issue(&authority, &Issue::new(week().keeping_expired()), &[&sink]).unwrap();
    clock.set(day(13));
    let der = shown(&sink, &place());
    let compact = Compact::new(issuer).with_released(CertificateList::from_der(&der).unwrap());
    authority.compact(&compact).unwrap();
    release(&authority, &sink);
    let der = shown(&sink, &place());
    let since = CertificateList::from_der(&der).unwrap().expired_certificates_since();
    assert!(since < Some(day(10)));
    assert_eq!(listed(&der), serials([1]));
}

#[test]
fn attempts_that_reached_no_one_are_not_all_read() {
    let (store, clock) = (annul::MemoryStore::new(), crate::toy::ToyClock::at(day(0)));
    let authority = crate::toy::authority(&store, &clock, Default::default());
    let issuer = with_leaves(&authority, 1);
    let (good, bad) = (MemorySink::new("good"), WritesFail(MemorySink::new("bad")));
    revoke(&authority, 1);
    let both: [&dyn annul::Sink; 2] = [&good, &bad];
    for _ in 0..9 {
        issue(&authority, &Issue::new(week()), &both).unwrap_err();
    }
    let mut keys = Vec::new();
    let snapshot = annul::Store::snapshot(&store).unwrap();
    let space = annul::store::Space::Table(annul::store::Table::Releases);
    let mut visit = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    };
    snapshot.scan(space, &[], None, &mut visit).unwrap();
    drop(snapshot);
    // The last but one: no search by halves for the first asks for it.
    let hiding = annul::conformance::Hiding::new(&store, space, keys[keys.len() - 2].clone());
    let hiding = crate::toy::authority(hiding, &clock, Default::default());
    let publication = hiding.publication(issuer, serial(1)).unwrap().unwrap();
    let last = publication.scopes[0].incomplete.as_ref().unwrap();
    assert_eq!(last.number, CrlNumber::from_u64(9));
}

#[test]
fn what_is_discovered_under_an_issuer_that_is_down_is_pending_until_it_is_listed() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 1);
    authority.revoke_ca(&RevokeCa::new(issuer)).unwrap();
    let sink = MemorySink::new("sink");
    release(&authority, &sink);
    assert!(authority.pending(issuer).unwrap().is_empty());
    clock.set(day(1));
    let discover = || {
        let leaf = root().leaf(7).certificate();
        authority.record_discovered(&Registration::of_certificate(leaf)).unwrap();
    };
    discover();
    let pending = authority.pending(issuer).unwrap();
    assert_eq!((pending[0].since, pending[0].fall), (day(1), true));
    release(&authority, &sink);
    assert_eq!(listed(&shown(&sink, &place())), serials([1, 7]));
    assert!(authority.pending(issuer).unwrap().is_empty());
    discover();
    assert!(authority.pending(issuer).unwrap().is_empty(), "it was known");
    // So is the certificate of a CA that is added below.
    let below = root().certifies(&Ca::new("below"), 8).ca();
    authority.add_issuer(&AddIssuer::new(below)).unwrap();
    assert!(authority.pending(issuer).unwrap()[0].fall);
}

/// What is recorded while a CRL is made is on it or on the next one.
#[test]
fn e41_no_revocation_falls_between_two_crls() {
    const COUNT: u64 = 600;
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, COUNT);
    let sink = MemorySink::new("sink");
    let mut crls = Vec::new();
    let revoked: Vec<_> = thread::scope(|scope| {
        let revoke = |number| {
            thread::yield_now();
            (serial(number), authority.revoke(&revocation(number)).unwrap().position)
        };
        let halves = [1..=COUNT / 2, COUNT / 2 + 1..=COUNT];
        let desks = halves.map(|it| scope.spawn(move || it.map(revoke).collect::<Vec<_>>()));
        loop {
            let is_last = desks.iter().all(|desk| desk.is_finished());
            let position = release(&authority, &sink).complete.unwrap().as_of.position(issuer);
            crls.push((position, listed(&shown(&sink, &place()))));
            if is_last {
                break;
            }
        }
        desks.into_iter().flat_map(|desk| desk.join().unwrap()).collect()
    });
    for (position, found) in &crls {
        let up_to_it = revoked.iter().filter(|(_, at)| at <= position);
        assert_eq!(*found, up_to_it.map(|(serial, _)| *serial).collect());
    }
    assert_eq!(crls.last().unwrap().1.len() as u64, COUNT);
}

#[test]
fn e42_no_crl_outlives_its_issuer_but_the_last() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let sink = MemorySink::new("sink");
    let not_after = day(1000);
    let refused = |issued: Result<_, PublishError>| match issued.map(drop) {
        Err(PublishError::Authority(error)) => error,
        other => panic!("{other:?}"),
    };
    let of = |validity| Issue::new(CrlRequest::new(validity));
    clock.set(day(999));
    let too_long = issue(&authority, &of(DAY + Duration::from_secs(1)), &[&sink]);
    let refusal = refused(too_long);
    assert!(
        matches!(refusal, Error::NextUpdateTooLate { latest, .. } if latest == not_after),
        "{refusal:?}"
    );
    let released = issue(&authority, &of(DAY), &[&sink]).unwrap().complete.unwrap();
    assert_eq!(released.next_update, not_after);
    clock.set(day(1001));
    let Error::CannotSignCrls { problem, .. } = refused(issue(&authority, &of(DAY), &[&sink]))
    else {
        panic!()
    };
    assert_eq!(problem, CannotSign::Expired { not_after });
    let last = issue(&authority, &Issue::new(week().last()), &[&sink]).unwrap();
    let last = last.complete.unwrap();
    assert_eq!((last.this_update, last.next_update), (day(1001), Timestamp::MAX));
    assert_eq!(authority.releases(issuer, Scope::Full, 9).unwrap().len(), 2);
}
