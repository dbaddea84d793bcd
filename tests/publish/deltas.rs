//! Delta CRLs: with its base, one says what the next complete CRL says.

use super::{
    DAY, distribute, issue, listed, place, release, revoke, root, serials, shown, week, with_leaves,
};
use crate::toy::{Ca, day, in_memory, serial};
use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, Compact, CrlNumber, CrlPlace,
    CrlRequest, Distribution, Error, Issue, MemorySink, MemoryStore, NeedsBase, PublishError,
    ReasonCode, Registration, RevokeCa, Scope, Serial, SignatureAlgorithm, Signer, SigningError,
    Target, Timestamp, ToSign,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Once};

type Entries = BTreeMap<Serial, (Timestamp, Option<ReasonCode>, Option<Timestamp>)>;

fn entries(der: &[u8]) -> Entries {
    let crl = CertificateList::from_der(der).unwrap();
    let entry = |entry: Result<annul::RevokedCertificate<'_>, _>| {
        let entry = entry.unwrap();
        let says = (entry.revocation_date(), entry.reason(), entry.invalidity_date());
        (entry.serial().to_serial().unwrap(), says)
    };
    crl.entries().map(entry).collect()
}

/// RFC 5280 §5.2.4: the delta CRL applied to its base.
fn combined(mut base: Entries, delta: Entries) -> Entries {
    for (serial, says) in delta {
        match says.1 {
            Some(ReasonCode::RemoveFromCrl) => drop(base.remove(&serial)),
            _ => drop(base.insert(serial, says)),
        }
    }
    base
}

fn delta_place() -> CrlPlace {
    CrlPlace::delta(root().id(), Scope::Full)
}

/// Whether something left the record since the base was made.
fn is_compacted(authority: &Authority<MemoryStore>) -> bool {
    let delta = authority.crl(root().id(), &week().delta(), &root(), &mut Vec::new());
    match delta {
        Ok(_) => false,
        Err(Error::NeedsBase { problem: NeedsBase::Compacted, .. }) => true,
        Err(error) => panic!("{error:?}"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Revoke(u64),
    Amend(u64),
    Wait(i64),
    Compact,
    Delta,
    Complete,
    Both,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20u64).prop_map(Step::Revoke),
        2 => (1..20u64).prop_map(Step::Amend),
        2 => (1..9i64).prop_map(Step::Wait),
        1 => Just(Step::Compact),
        2 => Just(Step::Delta),
        1 => Just(Step::Complete),
        1 => Just(Step::Both),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// base ⊕ delta is what a complete CRL of the same moment lists, also after other deltas.
    #[test]
    fn e22_base_and_delta_say_what_a_complete_crl_says(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let (authority, clock) = in_memory();
        let issuer = with_leaves(&authority, 0);
        for number in 1..20 {
            let leaf = root().leaf(number).valid(-9, 4 * number as i64).certificate();
            authority.register(&Registration::of_certificate(leaf)).unwrap();
        }
        distribute(&authority);
        let sink = MemorySink::new("sink");
        release(&authority, &sink);
        let (mut today, mut base) = (0, entries(&shown(&sink, &place())));
        let mut deltas = Vec::new();
        for step in steps {
            let target = |number| Target::Serial { issuer, serial: serial(number) };
            match step {
                Step::Revoke(number) => drop(authority.revoke(&annul::Revoke::new(target(number)))),
                Step::Amend(number) => {
                    let graver = Amendment { key_compromise: true, ..Amendment::default() };
                    drop(authority.amend(&Amend::new(target(number), graver)));
                }
                Step::Wait(days) => {
                    today += days;
                    clock.set(day(today));
                }
                Step::Compact => {
                    let der = shown(&sink, &place());
                    let crl = CertificateList::from_der(&der).unwrap();
                    authority.compact(&Compact::new(issuer).with_released(crl)).unwrap();
                }
                // What was compacted since could not be said to have left.
                Step::Delta | Step::Both if is_compacted(&authority) => {}
                Step::Delta => {
                    issue(&authority, &Issue::new(week().delta()), &[&sink]).unwrap();
                    let delta = entries(&shown(&sink, &delta_place()));
                    let mut der = Vec::new();
                    authority.crl(issuer, &week(), &root(), &mut der).unwrap();
                    prop_assert_eq!(combined(base.clone(), delta.clone()), entries(&der));
                    // Whoever applied earlier deltas before comes to the same.
                    deltas.push(delta);
                    let by_all = deltas.iter().cloned().fold(base.clone(), combined);
                    prop_assert_eq!(by_all, entries(&der));
                }
                Step::Complete => {
                    release(&authority, &sink);
                    base = entries(&shown(&sink, &place()));
                    deltas.clear();
                }
                Step::Both => {
                    let both = issue(&authority, &Issue::new(week()).with_delta(), &[&sink]);
                    let both = both.unwrap();
                    // RFC 5280 §5.2.3: one number, and the same is said.
                    let (complete, delta) = (both.complete.unwrap(), both.delta.unwrap());
                    prop_assert_eq!(complete.number, delta.number);
                    let next = entries(&shown(&sink, &place()));
                    let delta = entries(&shown(&sink, &delta_place()));
                    prop_assert_eq!(combined(base, delta), next.clone());
                    base = next;
                    deltas.clear();
                }
            }
        }
    }
}

/// RFC 5280 §5.2.3.
#[test]
fn e15_complete_and_delta_crls_of_a_scope_share_one_sequence_of_numbers() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 9);
    let distribution =
        Distribution::new("http://crl.example").with_user_certificates().with_deltas();
    authority.set_distribution(issuer, &distribution).unwrap();
    let sink = MemorySink::new("sink");
    for scope in [Scope::Full, Scope::UserCertificates] {
        let of = week().of(scope);
        let (complete, delta) = (Issue::new(of.clone()), Issue::new(of.clone().delta()));
        let both = Issue::new(of).with_delta();
        // What is issued, its number, and that of the base of the delta CRL.
        for (to_issue, number, base) in [
            (&complete, 1, None),
            (&delta, 2, Some(1)),
            (&delta, 3, Some(1)),
            (&complete, 4, None),
            (&both, 5, Some(4)),
            (&delta, 6, Some(5)),
            (&both, 7, Some(5)),
        ] {
            let released = issue(&authority, to_issue, &[&sink]).unwrap();
            for (release, is_delta) in [(released.complete, false), (released.delta, true)] {
                let Some(release) = release else { continue };
                let der = shown(&sink, &CrlPlace { issuer, scope, delta: is_delta });
                let crl = CertificateList::from_der(&der).unwrap();
                assert_eq!(crl.number(), Some(CrlNumber::from_u64(number)), "{scope}");
                let base = base.filter(|_| is_delta).map(CrlNumber::from_u64);
                assert_eq!((crl.base_number(), release.base), (base, base), "{scope}");
            }
        }
    }
}

#[test]
fn e22_what_expires_stays_on_deltas_until_a_complete_crl_had_it() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 0);
    for number in [1, 2] {
        let leaf = root().leaf(number).valid(-1, 10).certificate();
        authority.register(&Registration::of_certificate(leaf)).unwrap();
    }
    distribute(&authority);
    let sink = MemorySink::new("sink");
    let month = CrlRequest::new(30 * DAY);
    let complete = |on| {
        clock.set(day(on));
        issue(&authority, &Issue::new(month.clone()), &[&sink]).unwrap();
        listed(&shown(&sink, &place()))
    };
    let delta = |on| {
        clock.set(day(on));
        issue(&authority, &Issue::new(month.clone().delta()), &[&sink]).unwrap();
        let entries = entries(&shown(&sink, &delta_place())).into_iter();
        entries.map(|(serial, says)| (serial, says.1)).collect::<Vec<_>>()
    };
    revoke(&authority, 1);
    assert_eq!(complete(0), serials([1]));
    clock.set(day(1));
    revoke(&authority, 2);
    for on in [2, 9, 11, 20] {
        assert_eq!(delta(on), [(serial(2), None)], "{on}");
    }
    // What was on one after it expired may go, and so a delta CRL says that it went.
    assert_eq!(complete(21), serials([1, 2]));
    let gone = Some(ReasonCode::RemoveFromCrl);
    assert_eq!(delta(22), [(serial(1), gone), (serial(2), gone)]);
    assert_eq!(complete(23), serials([]));
    assert_eq!(delta(24), []);
    assert!(authority.pending(issuer).unwrap().is_empty());
}

/// It was on a complete CRL past its expiry: then its absence from a delta CRL says nothing.
#[test]
fn e22_what_left_holds_up_no_delta_whatever_became_of_it() {
    for is_compacted in [false, true] {
        let (authority, clock) = in_memory();
        let issuer = with_leaves(&authority, 0);
        let leaf = root().leaf(1).valid(-1, 10).certificate();
        authority.register(&Registration::of_certificate(leaf)).unwrap();
        distribute(&authority);
        let sink = MemorySink::new("sink");
        release(&authority, &sink);
        clock.set(day(5));
        revoke(&authority, 1);
        let delta = || issue(&authority, &Issue::new(week().delta()), &[&sink]).unwrap();
        delta();
        clock.set(day(11));
        release(&authority, &sink);
        if is_compacted {
            let der = shown(&sink, &place());
            let crl = CertificateList::from_der(&der).unwrap();
            let compacted = authority.compact(&Compact::new(issuer).with_released(crl)).unwrap();
            assert_eq!(compacted.entries, 1);
        }
        release(&authority, &sink);
        assert_eq!(listed(&shown(&sink, &place())), serials([]));
        if !is_compacted {
            let graver = Amendment { key_compromise: true, ..Amendment::default() };
            let target = Target::Serial { issuer, serial: serial(1) };
            authority.amend(&Amend::new(target, graver)).unwrap();
        }
        delta();
        assert_eq!(listed(&shown(&sink, &delta_place())), serials([]));
    }
}

#[test]
fn e20_a_delta_needs_a_released_base_and_spans_no_fall() {
    let (authority, _) = in_memory();
    let root_id = with_leaves(&authority, 1);
    let below = Ca::new("below");
    let ca =
        authority.add_issuer(&AddIssuer::new(root().certifies(&below, 5).ca())).unwrap().issuer;
    let sink = MemorySink::new("sink");
    let delta = Issue::new(week().delta());
    let needs = |answer: Result<_, PublishError>| match answer.map(drop) {
        Err(PublishError::Authority(Error::NeedsBase { problem, .. })) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(needs(issue(&authority, &delta, &[&sink])), NeedsBase::NothingReleased);
    // One that was made and never released is no base.
    authority.crl(root_id, &week(), &root(), &mut Vec::new()).unwrap();
    assert_eq!(needs(issue(&authority, &delta, &[&sink])), NeedsBase::NothingReleased);

    let of_ca = |issue: &Issue| authority.issue(ca, issue, &below, &[&sink]);
    of_ca(&Issue::new(week())).unwrap();
    of_ca(&delta).unwrap();
    authority.revoke_ca(&RevokeCa::new(root_id)).unwrap();
    assert_eq!(needs(of_ca(&delta)), NeedsBase::Fallen);
    of_ca(&Issue::new(week())).unwrap();
    assert_eq!(needs(of_ca(&delta)), NeedsBase::Fallen);
}

#[test]
fn e21_the_base_says_where_deltas_are_and_a_delta_does_not() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let sink = MemorySink::new("sink");
    release(&authority, &sink);
    let crl = shown(&sink, &place());
    assert!(CertificateList::from_der(&crl).unwrap().freshest_crl().is_empty(), "not asked for");
    distribute(&authority);
    release(&authority, &sink);
    revoke(&authority, 1);
    issue(&authority, &Issue::new(week().delta()), &[&sink]).unwrap();
    let (base, delta) = (shown(&sink, &place()), shown(&sink, &delta_place()));
    let [base, delta] = [&base, &delta].map(|der| CertificateList::from_der(der).unwrap());
    let uri = format!("http://crl.example/{}", delta_place().file_name());
    assert_eq!(base.freshest_crl(), [uri]);
    assert!(delta.freshest_crl().is_empty());
    assert_eq!(delta.base_number(), base.number());
    assert!(delta.number() > base.number());

    // On a delta alone, nothing counts as published.
    let publication = authority.publication(issuer, serial(1)).unwrap().unwrap();
    assert!(!publication.is_complete() && publication.scopes[0].delta.is_some());
}

#[test]
fn e22_a_delta_lists_what_turned_out_to_be_valid_for_longer() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 0);
    distribute(&authority);
    let mut reserve = annul::ReserveSerial::new(issuer, serial(1));
    reserve.not_after = Some(day(10));
    authority.reserve(&reserve).unwrap();
    revoke(&authority, 1);
    let sink = MemorySink::new("sink");
    for number in [11, 12] {
        clock.set(day(number));
        release(&authority, &sink);
    }
    assert!(entries(&shown(&sink, &place())).is_empty());
    // The certificate is not the one that was announced.
    let leaf = root().leaf(1).valid(0, 30).certificate();
    authority.register(&Registration::of_certificate(leaf)).unwrap();
    issue(&authority, &Issue::new(week().delta()), &[&sink]).unwrap();
    let delta = entries(&shown(&sink, &delta_place()));
    let base = entries(&shown(&sink, &place()));
    let mut der = Vec::new();
    authority.crl(issuer, &week(), &root(), &mut der).unwrap();
    assert_eq!(entries(&der).len(), 1);
    assert_eq!(combined(base, delta), entries(&der));
}

#[test]
fn e20_a_delta_has_the_distribution_point_of_its_base() {
    let (authority, clock) = in_memory();
    let issuer = with_leaves(&authority, 1);
    let served = |base: &str| {
        let distribution = Distribution::new(base).with_deltas().with_user_certificates();
        authority.set_distribution(issuer, &distribution).unwrap();
    };
    let scope = Scope::UserCertificates;
    let (complete, delta) = (CrlPlace::complete(issuer, scope), CrlPlace::delta(issuer, scope));
    let sink = MemorySink::new("sink");
    served("http://one.example");
    issue(&authority, &Issue::new(week().of(scope)), &[&sink]).unwrap();
    let make = || issue(&authority, &Issue::new(week().of(scope).delta()), &[&sink]);
    make().unwrap();
    clock.set(day(1));
    served("http://other.example");
    let is_same = || {
        let [base, delta] = [complete, delta].map(|place| shown(&sink, &place));
        let [base, delta] = [&base, &delta].map(|der| CertificateList::from_der(der).unwrap());
        let points = [&base, &delta].map(|crl| crl.issuing_distribution_point().unwrap().octets);
        points[0] == points[1]
    };
    make().unwrap();
    assert!(is_same());
    // New certificates name the other place already.
    let wants_base = || {
        let statuses = authority.scope_statuses(issuer).unwrap();
        statuses.iter().find(|it| it.scope == scope).unwrap().needs_base_since
    };
    assert_eq!(wants_base(), Some(day(1)));
    issue(&authority, &Issue::new(week().of(scope)), &[&sink]).unwrap();
    make().unwrap();
    assert!(is_same() && wants_base().is_none());
}

/// A key that is so slow that something happens meanwhile.
struct Slow<F>(Ca, F);

impl<F: Fn() + Send + Sync> Signer for Slow<F> {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.0.public_key()
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        (self.1)();
        self.0.sign(to_sign)
    }
}

#[test]
fn a_delta_that_a_complete_crl_overtakes_is_made_anew() {
    let (authority, _) = in_memory();
    let issuer = with_leaves(&authority, 2);
    let sink = MemorySink::new("sink");
    release(&authority, &sink);
    revoke(&authority, 1);
    issue(&authority, &Issue::new(week()).with_delta(), &[&sink]).unwrap();
    revoke(&authority, 2);
    // The one that is being made lacks certificate 1, which its base lists; then it has another.
    let faster = Once::new();
    let slow = Slow(root(), || faster.call_once(|| drop(release(&authority, &sink))));
    let delta = Issue::new(week().delta());
    let released = authority.issue(issuer, &delta, &slow, &[&sink]).unwrap().delta.unwrap();
    let base = CertificateList::from_der(&shown(&sink, &place())).unwrap().number();
    assert_eq!(released.base, base);
}
