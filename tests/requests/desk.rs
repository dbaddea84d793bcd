//! The rules of a revocation desk, one by one.

use crate::{
    office::{desk, office},
    toy::{Ca, day, serial},
};
use annul::{
    CertificateId, CompletionWindow, DeskError, Eligibility, ListCertificates, ListedStatus,
    Reason, Refusal, RequestRefusal, RequestStage, Retry, Revoke, Submit, Target, WorkingWeek,
};
use time::UtcOffset;

fn is_refused(error: &DeskError, is_it: impl Fn(&Refusal) -> bool) -> bool {
    matches!(error, DeskError::Authority(error) if error.refusal().is_some_and(is_it))
}

#[test]
fn s1_revocation_is_a_request_with_a_time_for_each_step() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    let submitted = office.desk.submit(&Submit::new(id, "a").with_reason(Reason::Superseded));
    let submitted = submitted.unwrap();
    assert_eq!(submitted.request.submitted_at, day(10));
    assert_eq!(submitted.request.stage, RequestStage::Waiting { until: day(13) });
    assert!(!office.is_revoked(2));
    office.clock.set(day(11));
    let request = office.desk.confirm(id, &submitted.token.unwrap()).unwrap();
    assert_eq!(request.confirmed_at, Some(day(11)));
    assert_eq!(request.completed_at(), Some(day(11)));
    assert!(office.is_revoked(2));
    let publication = office.desk.publication(id).unwrap().unwrap();
    assert!(!publication.is_complete(), "no CRL lists it yet");
    assert_eq!(office.desk.request(id).unwrap(), Some(request));
}

#[test]
fn s3_only_what_was_issued_here_is_revoked_here() {
    let office = office();
    let error = office.desk.submit(&Submit::new(office.id(2), "a")).unwrap_err();
    assert!(is_refused(&error, |it| matches!(it, Refusal::UnknownCertificate { .. })));
}

#[test]
fn s4_an_uploaded_certificate_is_listed_and_managed_and_never_revoked() {
    let office = office();
    let foreign = Ca::new("another").leaf(7).certificate();
    let id = office.desk.upload("a", &foreign).unwrap();
    assert_eq!(office.desk.upload("a", &foreign).unwrap(), id, "again");
    let page = office.desk.list(&ListCertificates::of_account("a")).unwrap();
    assert_eq!(page.certificates[0].id, id);
    assert_eq!(page.certificates[0].status, ListedStatus::Uploaded);
    assert_eq!(office.desk.certificate(id, "a").unwrap(), foreign.der());
    assert!(matches!(office.desk.certificate(id, "b"), Err(DeskError::NotKept)));

    let error = office.desk.submit(&Submit::new(id, "a")).unwrap_err();
    assert!(is_refused(&error, |it| matches!(it, Refusal::ForeignCertificate { .. })));
    office.desk.delete(id, "a").unwrap();
    assert!(office.desk.list(&ListCertificates::of_account("a")).unwrap().certificates.is_empty());

    let own = office.certificate(3);
    assert!(matches!(office.desk.upload("a", &own), Err(DeskError::NotForeign)));
}

#[test]
fn s4_a_certificate_of_another_account_is_not_touched() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    let is_anothers = |error| matches!(error, DeskError::AnothersCertificate);
    assert!(is_anothers(office.desk.submit(&Submit::new(id, "b")).unwrap_err()));
    assert!(is_anothers(office.desk.certificate(id, "b").unwrap_err()));
    assert!(is_anothers(office.desk.delete(id, "b").unwrap_err()));
    assert!(is_anothers(office.desk.consequences(&Submit::new(id, "b")).unwrap_err()));
    office.desk.submit(&Submit::new(id, "a")).unwrap();
    assert!(is_anothers(office.desk.withdraw(id, "b").unwrap_err()));
    assert!(is_anothers(office.desk.renew_confirmation(id, "b").unwrap_err()));
}

#[test]
fn s6_a_request_after_the_certificate_expired_is_refused() {
    let office = office();
    let (first, second) = (office.sell(2, "a", "DV"), office.sell(3, "a", "OV"));
    office.clock.set(day(999));
    let token = office.desk.submit(&Submit::new(second, "a")).unwrap().token.unwrap();
    office.clock.set(day(1001));
    let error = office.desk.submit(&Submit::new(first, "a")).unwrap_err();
    assert!(is_refused(&error, |it| matches!(it, Refusal::Expired { .. })));
    // Expired while it waited: what is confirmed too late is refused too, for good.
    let error = office.desk.confirm(second, &token).unwrap_err();
    assert!(is_refused(&error, |it| matches!(it, Refusal::Expired { .. })));
    let request = office.desk.request(second).unwrap().unwrap();
    assert!(matches!(request.stage, RequestStage::Refused { .. }));
    assert_eq!(error.retry(), Retry::Never);
}

#[test]
fn s8_from_submission_on_view_and_download_are_blocked() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    assert_eq!(office.desk.certificate(id, "a").unwrap(), office.certificate(2).der());
    office.desk.submit(&Submit::new(id, "a")).unwrap();
    office.clock.set(day(11));
    let is_withheld = || match office.desk.certificate(id, "a") {
        Err(DeskError::Withheld { since }) => Some(since),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(is_withheld(), Some(day(10)), "of submission, not of completion");
    office.desk.withdraw(id, "a").unwrap();
    assert_eq!(is_withheld(), None);
    let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    office.desk.confirm(id, &token).unwrap();
    assert_eq!(is_withheld(), Some(day(11)));

    // What the CA revoked without being asked is withheld as well.
    let id = office.sell(3, "a", "OV");
    let target = Target::Serial { issuer: office.issuer(), serial: serial(3) };
    office.authority.revoke(&Revoke::new(target)).unwrap();
    assert!(matches!(office.desk.certificate(id, "a"), Err(DeskError::Withheld { .. })));
    // And where the class says so, nothing is.
    let id = office.sell(4, "a", "PRIVATE");
    office.desk.submit(&Submit::new(id, "a")).unwrap();
    assert!(office.desk.certificate(id, "a").is_ok());
}

#[test]
fn s9_s28_delete_comes_after_revocation_and_takes_no_entry_off_the_crl() {
    let office = office();
    let id = office.sell(2, "a", "DV");
    office.desk.submit(&Submit::new(id, "a")).unwrap();
    office.desk.delete(id, "a").unwrap();
    office.desk.delete(id, "a").expect("again");
    assert!(office.is_revoked(2));
    assert!(matches!(office.desk.certificate(id, "a"), Err(DeskError::Deleted { .. })));
    assert!(office.desk.list(&ListCertificates::of_account("a")).unwrap().certificates.is_empty());
    // Its serial number stays taken, and the certificate itself cannot come back.
    assert!(matches!(office.desk.deposit(&office.certificate(2)), Err(DeskError::Deleted { .. })));
}

#[test]
fn s10_delete_needs_revoked_or_expired() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    assert!(matches!(office.desk.delete(id, "a"), Err(DeskError::DeleteForbidden)));
    office.desk.submit(&Submit::new(id, "a")).unwrap();
    assert!(matches!(office.desk.delete(id, "a"), Err(DeskError::DeleteForbidden)));
    office.clock.set(day(1001));
    office.desk.delete(id, "a").unwrap();
}

#[test]
fn s11_one_request_a_purchase() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    let first = office.desk.submit(&Submit::new(id, "a")).unwrap();
    // The same again is the same request; another is refused.
    let again = office.desk.submit(&Submit::new(id, "a")).unwrap();
    assert!(again.repeated && again.token.is_none());
    assert_eq!(again.request.id, first.request.id);
    let other = Submit::new(id, "a").with_reason(Reason::Superseded);
    assert!(matches!(office.desk.submit(&other), Err(DeskError::InProgress { .. })));
    office.desk.confirm(id, &first.token.unwrap()).unwrap();
    let error = office.desk.submit(&Submit::new(id, "a")).unwrap_err();
    assert!(is_refused(&error, |it| matches!(it, Refusal::AlreadyRevoked { .. })));
}

#[test]
fn s12_no_more_requests_than_certificates_were_bought() {
    let office = office();
    let desk = desk(&office.authority).with_quota();
    let ids: Vec<_> = (2..8).map(|number| office.sell(number, "a", "OV")).collect();
    desk.set_purchases("a", 5).unwrap();
    for &id in &ids[..5] {
        desk.submit(&Submit::new(id, "a")).unwrap();
    }
    let is_over = |id| {
        matches!(desk.submit(&Submit::new(id, "a")), Err(DeskError::QuotaExceeded { purchases: 5 }))
    };
    assert!(is_over(ids[5]));
    assert!(desk.request(ids[5]).unwrap().is_none(), "nothing was kept of it");
    assert_eq!(desk.requests_and_purchases("a").unwrap(), (5, 5));
    // One that comes to nothing does not count.
    desk.withdraw(ids[0], "a").unwrap();
    assert_eq!(desk.requests_and_purchases("a").unwrap(), (4, 5));
    desk.submit(&Submit::new(ids[5], "a")).unwrap();
    assert!(is_over(ids[0]));
    office.clock.set(day(14));
    assert_eq!(desk.go_on().0, 5, "all that wait have expired");
    assert_eq!(desk.requests_and_purchases("a").unwrap(), (0, 5));
}

#[test]
fn s13_s14_s15_s16_it_is_the_completion_that_counts() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    let (window, calendar) = (CompletionWindow::default(), WorkingWeek::new(UtcOffset::UTC));
    let issued = day(10);
    office.clock.set(day(37));
    let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    let eligibility = |now| {
        let completed = office.desk.request(id).unwrap().and_then(|it| it.completed_at());
        window.eligibility(&calendar, issued, completed, now)
    };
    assert!(matches!(eligibility(day(37)), Eligibility::Open { .. }));
    office.clock.set(day(39));
    office.desk.confirm(id, &token).unwrap();
    assert!(matches!(eligibility(day(39)), Eligibility::Forfeited { .. }), "submitted in time");
}

#[test]
fn s19_s20_what_is_confirmed_a_second_time_is_what_was_shown() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    let submit = Submit::new(id, "a").with_reason(Reason::CessationOfOperation);
    let consequences = office.desk.consequences(&submit).unwrap();
    assert!(consequences.handling.waits());
    assert!(office.desk.request(id).unwrap().is_none(), "asked only");
    let other = Submit::new(id, "a").with_consent(consequences.consent);
    assert!(matches!(office.desk.submit(&other), Err(DeskError::ConsentOutdated)));
    office.desk.submit(&submit.with_consent(consequences.consent)).unwrap();
}

#[test]
fn s19_s30_s57_lists_are_filtered_and_their_cursors_stay_good() {
    let office = office();
    for number in 2..12 {
        office.sell(number, if number % 2 == 0 { "a" } else { "b" }, "DV");
    }
    office.desk.submit(&Submit::new(office.id(4), "a")).unwrap();
    let of_a = ListCertificates::of_account("a");
    let numbers = |list: &ListCertificates| -> Vec<_> {
        let page = office.desk.list(list).unwrap();
        page.certificates.iter().map(|it| it.id).collect()
    };
    let ids = |numbers: &[u64]| numbers.iter().map(|&it| office.id(it)).collect::<Vec<_>>();
    assert_eq!(numbers(&of_a), ids(&[2, 4, 6, 8, 10]));
    assert_eq!(numbers(&of_a.clone().with_status(ListedStatus::Issued)), ids(&[2, 6, 8, 10]));
    assert_eq!(numbers(&of_a.clone().with_status(ListedStatus::Revoked)), ids(&[4]));
    assert_eq!(numbers(&ListCertificates::of_all()).len(), 10);

    let page = office.desk.list(&of_a.clone().with_limit(2)).unwrap();
    let cursor = page.next.unwrap().to_string().parse().unwrap();
    // Before the cursor one goes, and one comes.
    office.desk.delete(office.id(4), "a").unwrap();
    office.sell(14, "a", "DV");
    assert_eq!(numbers(&of_a.clone().after(cursor)), ids(&[6, 8, 10, 14]));
}

#[test]
fn s21_domain_validated_is_revoked_when_the_request_is_submitted() {
    let office = office();
    let id = office.sell(2, "a", "DV");
    let submitted = office.desk.submit(&Submit::new(id, "a")).unwrap();
    assert_eq!(submitted.request.completed_at(), Some(day(10)));
    assert!(submitted.token.is_none() && office.is_revoked(2));
}

#[test]
fn s22_s23_s24_organization_validated_waits_for_a_contact_with_the_token() {
    let office = office();
    let (id, other) = (office.sell(2, "a", "OV"), office.sell(3, "a", "OV"));
    let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    let others = office.desk.submit(&Submit::new(other, "a")).unwrap().token.unwrap();
    let is_wrong = |token| {
        let confirmed = office.desk.confirm(id, token);
        matches!(confirmed, Err(DeskError::Request(RequestRefusal::WrongToken)))
    };
    assert!(is_wrong(&others));
    let renewed = office.desk.renew_confirmation(id, "a").unwrap();
    assert!(is_wrong(&token), "a later one replaced it");
    assert!(!office.is_revoked(2));
    office.desk.confirm(id, &renewed).unwrap();
    assert!(office.is_revoked(2) && !office.is_revoked(3));
    // It counts once.
    let again = office.desk.confirm(id, &renewed).unwrap_err();
    assert!(matches!(again, DeskError::Request(RequestRefusal::NotWaiting { .. })));
}

#[test]
fn s23_a_token_that_comes_too_late_confirms_nothing() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    office.clock.set(day(13));
    assert!(office.desk.confirm(id, &token).is_err());
    let request = office.desk.request(id).unwrap().unwrap();
    assert_eq!(request.stage, RequestStage::Expired { at: day(13) });
    assert!(!office.is_revoked(2));
    // And whoever asks again gets another.
    let fresh = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    assert!(office.desk.confirm(id, &token).is_err());
    office.desk.confirm(id, &fresh).unwrap();
}

#[test]
fn approvals_come_from_others_than_who_asks() {
    let office = office();
    let id = office.sell(2, "a", "EV");
    office.desk.submit(&Submit::new(id, "a").by("ada")).unwrap();
    let is_no_approver = |who| {
        let approved = office.desk.approve(id, who);
        matches!(approved, Err(DeskError::Request(RequestRefusal::NotAnApprover { .. })))
    };
    assert!(is_no_approver("ada") && is_no_approver("eve"));
    assert_eq!(office.desk.approve(id, "joan").unwrap().awaits_approvals(), 1);
    assert_eq!(office.desk.approve(id, "joan").unwrap().awaits_approvals(), 1, "again");
    assert!(!office.is_revoked(2));
    office.desk.approve(id, "grace").unwrap();
    assert!(office.is_revoked(2));
}

#[test]
fn both_a_contact_and_a_quorum_can_be_wanted() {
    let office = office();
    let id = office.sell(2, "a", "QV");
    let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    office.desk.approve(id, "joan").unwrap();
    office.desk.confirm(id, &token).unwrap();
    assert!(!office.is_revoked(2));
    office.desk.approve(id, "ada").unwrap();
    assert!(office.is_revoked(2));
}

#[test]
fn what_was_cleared_before_a_crash_is_carried_out_by_whoever_comes_next() {
    use annul::{
        MemoryStore,
        conformance::{Fault, Faults, Faulty},
    };
    use std::sync::Arc;

    let mut crashes = 0;
    for operation in 1.. {
        for fault in [Fault::Before, Fault::After] {
            let faults = Faults::none();
            let store = Faulty::new(MemoryStore::new(), faults.clone());
            let office = crate::office::office_on(Arc::new(store));
            let id = office.sell(2, "a", "OV");
            let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
            faults.fail_at(operation, fault);
            let confirmed = office.desk.confirm(id, &token);
            faults.end();
            if confirmed.is_ok() {
                assert!(crashes > 10, "it was no test otherwise");
                return;
            }
            crashes += 1;
            let (_, failed) = office.desk.go_on();
            assert!(failed.is_none());
            let request = office.desk.request(id).unwrap().unwrap();
            let is_recorded = matches!(request.stage, RequestStage::Recorded { .. });
            assert_eq!(is_recorded, office.is_revoked(2), "after {fault:?} at {operation}");
            if !is_recorded {
                office.desk.confirm(id, &token).unwrap();
            }
            let log = crate::toy::log(&office.authority, office.issuer());
            assert_eq!(log.len(), 1, "recorded once");
        }
    }
}

#[test]
fn identifiers_are_read_as_they_are_written() {
    let office = office();
    for id in [office.id(2), CertificateId::Uploaded([0xab; 32])] {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    for bad in ["", "leaf-1", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66 + 40)] {
        assert!(bad.parse::<CertificateId>().is_err(), "{bad}");
    }
}

#[test]
fn what_was_registered_meanwhile_is_what_a_request_is_handled_by() {
    use annul::{
        Labels, MemoryStore, Registration, Store, StoreError,
        store::{Batch, Snapshot},
    };
    use std::sync::{Arc, Mutex, OnceLock, Weak};

    /// Registers the certificate as OV, of another account, before the first request is written.
    #[derive(Debug, Default)]
    struct Slow(MemoryStore, Mutex<bool>, OnceLock<Weak<annul::Authority<Arc<Slow>>>>);
    impl Store for Slow {
        fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
            let is_request =
                batch.puts.iter().any(|put| put.table == annul::store::Table::Requests);
            if is_request && !std::mem::replace(&mut *self.1.lock().unwrap(), true) {
                let authority = self.2.get().unwrap().upgrade().unwrap();
                let labels = Labels {
                    account: Some("b".to_owned()),
                    class: Some("OV".to_owned()),
                    external_identifier: None,
                };
                let issuer = Ca::new("root").id();
                let registration = Registration::of_serial(issuer, serial(2), day(1000));
                authority.register(&registration.with_labels(labels)).unwrap();
            }
            self.0.apply(batch)
        }
        fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
            self.0.snapshot()
        }
    }
    let office = crate::office::office_on(Arc::new(Slow::default()));
    let weak = Arc::downgrade(&office.authority);
    office.authority.store().2.set(weak).unwrap();
    let reserve = annul::ReserveSerial::new(office.issuer(), serial(2));
    office.authority.reserve(&reserve).unwrap();
    let refused = office.desk.submit(&Submit::new(office.id(2), "a"));
    assert!(matches!(refused, Err(DeskError::AnothersCertificate)), "{refused:?}");
    assert!(!office.is_revoked(2));
}

#[test]
fn a_clearance_is_not_lost_to_a_clock_that_is_a_little_ahead() {
    let office = office();
    let id = office.sell(2, "a", "OV");
    office.clock.set(day(999));
    let token = office.desk.submit(&Submit::new(id, "a")).unwrap().token.unwrap();
    let skew = office.authority.policy().clock_skew;
    office.clock.set(day(1000).saturating_add(skew));
    let refused = office.desk.confirm(id, &token).unwrap_err();
    assert!(is_refused(&refused, |it| matches!(it, Refusal::Expired { .. })));
    office.clock.set(day(1000));
    let request = office.desk.request(id).unwrap().unwrap();
    assert!(matches!(request.stage, RequestStage::Recorded { .. }), "{request:?}");
}

#[test]
fn s12_of_many_threads_no_request_fails_for_the_others_and_none_is_one_too_many() {
    use annul::{
        Desk, MemoryStore, Store, StoreError,
        store::{Batch, Snapshot},
    };
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        thread,
        time::Duration,
    };

    /// A store that takes its time to write, and counts how often it did.
    #[derive(Debug, Default)]
    struct Slow {
        store: MemoryStore,
        writes: AtomicU64,
    }

    impl Store for Slow {
        fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
            thread::sleep(Duration::from_millis(5));
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.store.apply(batch)
        }

        fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
            self.store.snapshot()
        }
    }

    let mut office = crate::office::office_on(Arc::<Slow>::default());
    let ids: Vec<_> = (2..130).map(|number| office.sell(number, "a", "DV")).collect();
    office.desk = office.desk.with_quota();
    office.desk.set_purchases("a", 100).unwrap();
    // A second desk stands for another process.
    let another = crate::office::desk(&office.authority).with_quota();
    let writes = || office.authority.store().writes.load(Ordering::Relaxed);
    let before = writes();
    let taken: usize = thread::scope(|scope| {
        let submit = |(number, &id): (usize, &CertificateId)| {
            let desk: &Desk<Arc<Slow>> = if number % 2 == 0 { &office.desk } else { &another };
            scope.spawn(move || match desk.submit(&Submit::new(id, "a")) {
                Ok(_) => 1,
                Err(DeskError::QuotaExceeded { purchases: 100 }) => 0,
                Err(error) => panic!("{error}"),
            })
        };
        let threads: Vec<_> = ids.iter().enumerate().map(submit).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(taken, 100);
    // The same request from two threads is one, and not one too many.
    office.desk.set_purchases("a", 101).unwrap();
    let id = office.sell(130, "a", "OV");
    let repeated: Vec<bool> = thread::scope(|scope| {
        let submit = |_| {
            let desk = &office.desk;
            scope.spawn(move || desk.submit(&Submit::new(id, "a")).unwrap().repeated)
        };
        let threads: Vec<_> = (0..16).map(submit).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(repeated.iter().filter(|it| !**it).count(), 1);
    assert_eq!(office.desk.requests_and_purchases("a").unwrap(), (101, 101));
    let revoked = (2..130).filter(|&number| office.is_revoked(number)).count();
    assert_eq!(revoked, 100);
    let writes = writes() - before;
    assert!(writes < 100, "{writes} writes of 100 requests, three each");
}
