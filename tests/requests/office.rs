//! A desk, an authority behind it, and certificates of two accounts and some classes.
#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use crate::toy::{Ca, ToyClock, authority, day, serial};
use annul::{
    AddIssuer, Authority, Certificate, CertificateId, Desk, Handling, IssuerId, Labels,
    MemoryStore, Quorum, Registration, Store,
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub type Shared<S> = Arc<S>;

pub struct Office<S: Store = MemoryStore> {
    pub authority: Arc<Authority<Shared<S>>>,
    pub desk: Desk<Shared<S>>,
    pub clock: ToyClock,
    pub ca: Ca,
}

/// The classes: DV at once, OV by a contact, EV by two of three, QV by both, PRIVATE never withheld.
pub fn desk<S: Store>(authority: &Arc<Authority<S>>) -> Desk<S> {
    let two_of_three = || Quorum::new(2, ["ada", "grace", "joan"]).unwrap();
    Desk::new(Arc::clone(authority))
        .with_class("DV", Handling::at_once())
        .with_class("OV", Handling::confirmed(3 * DAY))
        .with_class("EV", Handling::approved(two_of_three(), 3 * DAY))
        .with_class("QV", Handling::approved(two_of_three(), 3 * DAY).and_confirmed())
        .with_class("PRIVATE", Handling::at_once().without_withholding())
}

/// On day 10, with no certificate yet.
pub fn office() -> Office {
    office_on(Arc::default())
}

pub fn office_on<S: Store>(store: Arc<S>) -> Office<S> {
    let clock = ToyClock::at(day(10));
    let authority = Arc::new(authority(store, &clock, Arc::new(AtomicU64::new(1))));
    let ca = Ca::new("root");
    authority.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1).ca())).unwrap();
    Office { desk: desk(&authority), authority, clock, ca }
}

impl<S: Store> Office<S> {
    pub fn issuer(&self) -> IssuerId {
        self.ca.id()
    }

    pub fn id(&self, number: u64) -> CertificateId {
        CertificateId::Issued { issuer: self.issuer(), serial: serial(number) }
    }

    /// Registers a certificate and deposits it.
    pub fn sell(&self, number: u64, account: &str, class: &str) -> CertificateId {
        let certificate = self.certificate(number);
        let registration = Registration::of_certificate(certificate.clone()).with_labels(Labels {
            account: Some(account.to_owned()),
            class: Some(class.to_owned()),
            external_identifier: None,
        });
        self.authority.register(&registration).unwrap();
        self.desk.deposit(&certificate).unwrap()
    }

    pub fn certificate(&self, number: u64) -> Certificate {
        self.ca.leaf(number).certificate()
    }

    pub fn is_revoked(&self, number: u64) -> bool {
        self.authority.revocation(self.issuer(), serial(number)).unwrap().revocation.is_some()
    }
}
