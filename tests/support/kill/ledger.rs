//! What was acknowledged, and how a store is held to it.

use super::{
    cas::{CAS, authority_of, below, certificate_of, middle, roots},
    writer::{Told, crl, number_of},
};
use crate::support::toy::{Ca, log, serial};
use annul::{
    Authority, CertificateKind, CertificateList, Event, FreshnessToken, Position, Serial, Standing,
    Store,
    store::{MemoryStore, copy},
};
use std::collections::{BTreeMap, BTreeSet};

type Opened = Authority<Box<dyn Store>>;

/// Everything that the writers were answered so far.
#[derive(Default)]
pub struct Ledger {
    /// The position at which each certificate was revoked.
    revoked: BTreeMap<(usize, Serial), u64>,
    fallen: BTreeSet<usize>,
    /// The number of the last CRL of each CA.
    numbers: BTreeMap<usize, u64>,
    /// How each log was last seen.
    tokens: Vec<FreshnessToken>,
}

impl Ledger {
    /// Takes note of an answer.
    pub fn note(&mut self, told: Told) {
        match told {
            Told::Revoked(ca, number, position) => {
                let before = self.revoked.insert((ca, serial(number)), position);
                assert_eq!(before, None, "revoked once");
            }
            Told::Fell(ca) => assert!(self.fallen.insert(ca), "fell once"),
            Told::Crl(ca, number) => {
                let last = self.numbers.insert(ca, number);
                assert!(last < Some(number), "CRL number {number} of {ca} after {last:?}");
            }
        }
    }

    /// Panics unless the store holds everything that was acknowledged, and beyond it at most one
    /// command, whole. Takes note of that too; answers how many it was.
    pub fn compare(&mut self, store: Box<dyn Store>, life: u64) -> usize {
        // Many questions follow, which a server would take its time to answer.
        let copied = MemoryStore::new();
        copy(&*store, &copied).unwrap();
        let authority = authority_of(Box::new(copied), !life);
        for token in &self.tokens {
            authority.changes(token, 0).unwrap();
        }
        let cas = roots().into_iter().chain((0..CAS).map(middle));
        self.tokens = cas.map(|ca| authority.token(ca.id()).unwrap()).collect();
        let certified = roots().map(|root| revoked(&authority, &root));
        let (mut found, mut fallen) = (BTreeMap::new(), BTreeSet::new());
        for ca in 0..CAS {
            let leaves = revoked(&authority, &middle(ca));
            let listed = authority.certificates(middle(ca).id(), None, usize::MAX).unwrap();
            let recorded = listed.iter().filter(|it| it.record.kind == CertificateKind::Unknown);
            assert_eq!(recorded.count(), leaves.len(), "each is recorded with its revocation");
            found.extend(leaves.into_iter().map(|(serial, position)| ((ca, serial), position)));
            if fell_whole(&authority, ca, &certified) {
                fallen.insert(ca);
            }
        }
        for (certificate, position) in &self.revoked {
            assert_eq!(found.get(certificate), Some(position), "{certificate:?}");
        }
        assert!(fallen.is_superset(&self.fallen), "{:?} fell, found {fallen:?}", self.fallen);
        let unanswered = found.len() - self.revoked.len() + fallen.len() - self.fallen.len();
        assert!(unanswered <= 1, "{unanswered} commands that nobody was told of");
        (self.revoked, self.fallen) = (found, fallen);
        self.compare_crl(&authority_of(store, !life), life as usize % CAS);
        unanswered
    }

    /// Makes the CRL of a CA, which must list what was revoked under a number that is new.
    fn compare_crl(&mut self, authority: &Opened, ca: usize) {
        crl(authority, &middle(ca), |octets| {
            let list = CertificateList::from_der(octets).unwrap();
            let listed: BTreeSet<_> =
                list.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap()).collect();
            let mut expected: BTreeSet<_> =
                self.revoked.keys().filter(|it| it.0 == ca).map(|it| it.1).collect();
            if self.fallen.contains(&ca) {
                expected.insert(serial(certificate_of(ca)));
            }
            assert_eq!(listed, expected);
            self.note(Told::Crl(ca, number_of(octets)));
        })
        .unwrap();
        for root in roots() {
            crl(authority, &root, |_| {}).unwrap();
        }
    }
}

/// The certificates that the log of a CA revokes, and where. Panics unless its entries make a
/// chain without a gap, up to the head.
fn revoked(authority: &Opened, ca: &Ca) -> BTreeMap<Serial, u64> {
    let begin = authority.token_at(ca.id(), Position(0)).unwrap();
    let changes = authority.changes(&begin, usize::MAX).unwrap();
    assert_eq!(changes.token, authority.token(ca.id()).unwrap());
    let mut revoked = BTreeMap::new();
    for (logged, position) in changes.entries.iter().zip(1..) {
        assert_eq!(logged.position.0, position, "no gap");
        if let Event::Revoked { subject, .. } = &logged.entry.event {
            assert_eq!(revoked.insert(subject.serial, position), None, "revoked once");
        }
    }
    revoked
}

/// Whether a CA fell, which every trace of a fall must say.
fn fell_whole(authority: &Opened, ca: usize, certified: &[BTreeMap<Serial, u64>; 2]) -> bool {
    let (id, certificate) = (middle(ca).id(), serial(certificate_of(ca)));
    let is_down = |id| authority.standing(id).unwrap().0.is_down();
    let log = log(authority, id);
    let falls = log.iter().filter(|logged| matches!(logged.entry.event, Event::IssuerFell(_)));
    let traces = [
        matches!(authority.standing(id).unwrap().0, Standing::Fallen(_)),
        certified[0].contains_key(&certificate),
        certified[1].contains_key(&certificate),
        falls.count() == 1,
        is_down(below(ca).id()),
    ];
    assert!(traces.iter().all(|trace| *trace == traces[0]), "half a fall of {ca}: {traces:?}");
    traces[0]
}
