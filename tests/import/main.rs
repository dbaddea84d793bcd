//! The recovery kit: what was published comes back into the record, and what is recorded never gets
//! lost on the way.

#[cfg(feature = "p256")]
#[path = "../support/openssl.rs"]
mod openssl;
#[path = "../support/toy.rs"]
mod toy;

mod faults;
mod index;
mod legacy;
mod made;
mod merging;
mod numbers;
mod reconciling;
mod recovery;
mod suites;

use annul::{
    AddIssuer, Authority, CertificateList, CrlRequest, Difference, Error, Import, Imported,
    IssuerId, MemoryStore, Reason, Registration, Revocation, Revoke, Store, Target, Timestamp,
};
use std::{collections::BTreeSet, time::Duration};
use toy::{Ca, ToyClock, authority, day, serial};

const WEEK: CrlRequest = CrlRequest::new(Duration::from_secs(7 * 86_400));

/// A CA, and an authority that knows it.
struct World<S = MemoryStore> {
    authority: Authority<S>,
    clock: ToyClock,
    ca: Ca,
}

/// Nothing is recorded but the CA.
fn empty() -> World {
    World::over(MemoryStore::new())
}

/// Certificates that are numbered from 1 and expire on day 100.
fn with_certificates(certificates: u64) -> World {
    let world = empty();
    world.register(1..=certificates);
    world
}

impl<S: Store> World<S> {
    fn over(store: S) -> Self {
        let clock = ToyClock::at(day(5));
        let world =
            Self { authority: authority(store, &clock, Default::default()), clock, ca: ca() };
        world.add();
        world
    }

    fn add(&self) {
        let root = self.ca.certifies(&self.ca, 1_000_000).ca();
        self.authority.add_issuer(&AddIssuer::new(root)).unwrap();
    }

    fn id(&self) -> IssuerId {
        self.ca.id()
    }

    fn register(&self, numbers: impl IntoIterator<Item = u64>) {
        let register = |number| Registration::of_serial(self.id(), serial(number), day(100));
        let registrations: Vec<_> = numbers.into_iter().map(register).collect();
        self.authority.register_all(&registrations).into_iter().for_each(|it| drop(it.unwrap()));
    }

    fn target(&self, number: u64) -> Target {
        Target::Serial { issuer: self.id(), serial: serial(number) }
    }

    fn revoke(&self, numbers: impl IntoIterator<Item = u64>, reason: Option<Reason>) {
        for number in numbers {
            let revoke = Revoke::new(self.target(number));
            let revoke = reason.into_iter().fold(revoke, |it, reason| it.with_reason(reason));
            self.authority.revoke(&revoke).unwrap();
        }
    }

    fn crl_at(&self, at: Timestamp) -> Vec<u8> {
        self.clock.set(at);
        let mut der = Vec::new();
        self.authority.crl(self.id(), &WEEK, &self.ca, &mut der).unwrap();
        der
    }

    fn import<'a>(&self, crls: impl IntoIterator<Item = &'a Vec<u8>>) -> Imported {
        self.try_import(&of(crls)).unwrap()
    }

    fn try_import(&self, import: &Import<'_>) -> Result<Imported, Error> {
        self.authority.import(self.id(), import)
    }

    /// The revocation as it is recorded.
    fn recorded(&self, number: u64) -> Option<Revocation> {
        let page = self.authority.certificates(self.id(), None, usize::MAX).unwrap();
        let found = page.into_iter().find(|summary| summary.serial == serial(number))?;
        found.revocation.map(|history| history.current)
    }

    fn digest(&self) -> [u8; 32] {
        annul::store::digest(&*self.authority.store().snapshot().unwrap()).unwrap()
    }
}

/// The one CA of all these tests.
fn ca() -> Ca {
    Ca::new("ca")
}

fn of<'a>(crls: impl IntoIterator<Item = &'a Vec<u8>>) -> Import<'a> {
    let lists = crls.into_iter().map(|der| CertificateList::from_der(der).unwrap());
    lists.fold(Import::new(), Import::with_crl)
}

/// The entries of a CRL, each as a text.
fn entries(der: &[u8]) -> BTreeSet<String> {
    let crl = CertificateList::from_der(der).unwrap();
    let text = |entry: annul::RevokedCertificate<'_>| {
        let (date, reason, since) =
            (entry.revocation_date(), entry.reason(), entry.invalidity_date());
        format!("{:02x?} {date} {reason:?} {since:?}", entry.serial().as_octets())
    };
    crl.entries().map(|entry| text(entry.unwrap())).collect()
}

/// What there is to tell, without what was said on either side.
fn names(imported: &Imported) -> Vec<(u64, &'static str)> {
    let number = |octets: &[u8]| octets.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
    let findings = imported.findings.iter();
    findings.map(|it| (number(it.serial().as_octets()), it.difference.name())).collect()
}

fn differences(imported: &Imported) -> Vec<Difference> {
    imported.findings.iter().map(|finding| finding.difference).collect()
}
