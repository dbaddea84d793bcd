//! What must hold after every command.

use super::{
    command::{Cert, Command, SERIALS},
    execute::Outcome,
    graph::{Class, Kind, Record},
    naive::Naive,
};
use crate::support::toy::{Ca, ToyVerifier, log, serial};
use annul::{
    AsOf, Authority, CertificateKind, CertificateList, CertificateRecord, CertificateState,
    CertificateStatus, CrlNumber, Entry, Event, Fall, Invalidation, IssuedCrl, IssuerId, Origin,
    Position, Reason, RevocationHistory, Standing, Store, Timestamp,
};
use std::collections::BTreeMap;

/// What was seen so far.
#[derive(Default)]
pub struct Checker {
    steps: u64,
    logs: BTreeMap<IssuerId, Vec<Entry>>,
    falls: BTreeMap<IssuerId, Fall>,
    as_ofs: BTreeMap<IssuerId, AsOf>,
}

impl Checker {
    /// Reads what a command added to the logs: every entry goes one way.
    pub fn follow_logs<S: Store>(
        &mut self,
        authority: &Authority<S>,
        cas: &[Ca],
        naive: &mut Naive,
    ) {
        self.steps += 1;
        for (ca, issuer) in &mut naive.graph.issuers {
            let id = cas[*ca].id();
            let log = self.logs.entry(id).or_default();
            let seen = authority.token_at(id, Position(log.len() as u64)).unwrap();
            for logged in authority.changes(&seen, usize::MAX).unwrap().entries {
                assert_eq!(logged.position, Position(log.len() as u64 + 1), "no gap");
                check_one_way(log, &logged.entry.event);
                if let Event::IssuerFell(fall) = logged.entry.event {
                    self.falls.insert(id, fall);
                    issuer.fell = Some(fall.date);
                }
                log.push(logged.entry);
            }
        }
    }

    /// Compares the standing of every issuer, and one of them in full.
    pub fn check_standings<S: Store>(
        &mut self,
        authority: &Authority<S>,
        cas: &[Ca],
        naive: &Naive,
    ) {
        let issuers = authority.issuers().unwrap();
        assert_eq!(issuers.len(), naive.graph.issuers.len());
        let standing = naive.graph.standing(naive.now);
        for (ca, issuer) in &naive.graph.issuers {
            let summary = issuers.iter().find(|it| it.issuer.id() == issuer.id).unwrap();
            let found = match &summary.standing {
                Standing::Stands => Class::Stands,
                Standing::Expired { .. } => Class::Expired,
                Standing::Fallen(fall) => {
                    assert_eq!(self.falls.get(&issuer.id), Some(fall));
                    Class::Down
                }
                Standing::Invalidated(by) => {
                    check_path(cas, naive, issuer.id, by);
                    Class::Down
                }
                other => panic!("{ca}: {other:?}"),
            };
            let expected = match (issuer.down, standing.contains(ca)) {
                (true, _) => Class::Down,
                (false, true) => Class::Stands,
                (false, false) => Class::Expired,
            };
            assert_eq!(found, expected, "standing of {ca}: {:?}", summary.standing);
            assert_eq!(
                summary.position,
                Position(self.logs.get(&issuer.id).map_or(0, Vec::len) as u64)
            );
        }
        let turn = self.steps as usize;
        if let Some(ca) = naive.graph.issuers.keys().nth(turn % naive.graph.issuers.len().max(1)) {
            self.check_status(authority, cas, naive, *ca, turn as u64 % SERIALS + 1);
        }
    }

    /// Compares the status of one certificate, and what the index says.
    pub fn check_status<S: Store>(
        &mut self,
        authority: &Authority<S>,
        cas: &[Ca],
        naive: &Naive,
        ca: usize,
        number: u64,
    ) {
        let (id, serial) = (cas[ca].id(), serial(number));
        let status = authority.status(id, serial).unwrap();
        let record = naive.graph.record(ca, number);
        let history = record.and_then(history);
        let own = match (record, &history) {
            (_, Some(history)) => CertificateStatus::Revoked(history.clone()),
            (None, None) => CertificateStatus::NotIssued,
            (Some(Record { not_after: Some(not_after), .. }), _) if *not_after < naive.now => {
                CertificateStatus::Expired { not_after: *not_after }
            }
            (Some(record), _) if record.issued => CertificateStatus::Good,
            (Some(_), _) => CertificateStatus::Reserved,
        };
        assert_eq!(status.own, own);
        assert_eq!(status.record.is_some(), record.is_some());
        if let (Some(found), Some(expected)) = (&status.record, record) {
            check_record(cas, found, expected);
        }
        let down = |ca: &usize| naive.graph.issuers.get(ca).is_some_and(|issuer| issuer.down);
        let subject = record.and_then(|record| match record.kind {
            Kind::Ca(subject) => Some(subject),
            _ => None,
        });
        match (&own, &status.effective) {
            (CertificateStatus::NotIssued | CertificateStatus::Revoked(_), effective) => {
                assert_eq!(own, *effective);
            }
            (_, CertificateStatus::Invalidated(by)) => {
                let fallen = Some(ca).filter(down).or(subject.filter(down)).unwrap();
                check_path(cas, naive, cas[fallen].id(), by);
                assert_eq!(Some(by.at), naive.graph.cut(fallen));
            }
            (_, effective) => {
                assert!(!down(&ca), "good under an issuer that is down");
                assert!(!subject.is_some_and(|ca| down(&ca)), "good for an issuer that is down");
                assert_eq!(own, *effective);
            }
        }
        let index = authority.revocation(id, serial).unwrap();
        assert_eq!(index.revocation, history.map(|history| history.current));
        assert_eq!(index.position, status.as_of.position(id), "the index follows the log");
        let effective = authority.effective_revocation(id, serial).unwrap();
        assert_eq!((effective.revocation, effective.position), (index.revocation, index.position));
        match (&own, &status.effective) {
            (CertificateStatus::NotIssued, _) => {
                assert_eq!(effective.invalidation.is_some(), down(&ca));
            }
            (_, CertificateStatus::Invalidated(by)) => {
                assert_eq!(effective.invalidation.as_deref(), Some(by));
            }
            _ => assert_eq!(effective.invalidation, None),
        }
        let seen = self.as_ofs.insert(id, status.as_of.clone()).unwrap_or_default();
        for (ancestor, position) in seen.positions {
            let now = status.as_of.positions.get(&ancestor);
            assert!(now >= Some(&position), "what answers are made from only grows");
        }
    }

    /// Compares what a command answered with what it did.
    pub fn check_outcome<S: Store>(
        &mut self,
        authority: &Authority<S>,
        cas: &[Ca],
        naive: &Naive,
        command: &Command,
        outcome: &Outcome,
    ) {
        match (command, outcome) {
            (_, Outcome::Revoked(revoked)) => {
                let log = &self.logs[&revoked.issuer];
                let entry = log[revoked.position.0 as usize - 1].event;
                assert_eq!(entry.subject().map(|subject| subject.serial), Some(revoked.serial));
                assert_eq!(entry.revocation(), Some(&revoked.revocation));
                if let Some(fallen) = revoked.fallen {
                    assert!(self.falls.contains_key(&fallen));
                }
            }
            (Command::RevokeCa { ca, .. }, Outcome::CaRevoked(revoked)) => {
                assert_eq!(self.falls.get(&revoked.issuer), Some(&revoked.fall));
                for issuer in revoked.invalidated.iter().chain([&cas[*ca].id()]) {
                    let standing = authority.standing(*issuer).unwrap().0;
                    assert!(standing.is_down(), "{issuer}: {standing:?}");
                }
            }
            (Command::Crl { ca }, Outcome::Crl(issued, der)) => {
                self.check_crl(authority, cas, naive, *ca, issued, der);
            }
            _ => {}
        }
        if let Command::Add { cert, .. }
        | Command::Reserve { cert }
        | Command::Register { cert, .. }
        | Command::Revoke { cert, .. }
        | Command::Amend { cert, .. } = command
            && let Cert { issuer, serial, .. } = *cert
            && naive.graph.issuers.contains_key(&issuer)
        {
            self.check_status(authority, cas, naive, issuer, serial);
        }
    }

    /// A CRL lists what is revoked, and where its issuer is down, all of its certificates.
    fn check_crl<S: Store>(
        &self,
        authority: &Authority<S>,
        cas: &[Ca],
        naive: &Naive,
        ca: usize,
        issued: &IssuedCrl,
        der: &[u8],
    ) {
        let issuer = &naive.graph.issuers[&ca];
        let (number, this_update) = issuer.crl.unwrap();
        let crl = CertificateList::from_der(der).unwrap();
        crl.verify(annul::Signer::public_key(&cas[ca]), &ToyVerifier).unwrap();
        assert_eq!(crl.number(), Some(CrlNumber::from_u64(number)));
        assert_eq!(crl.this_update(), this_update);
        let (standing, as_of) = authority.standing(issuer.id).unwrap();
        assert_eq!(issued.as_of, as_of);
        assert_eq!(standing.is_down(), issuer.down);
        // Why all of them are listed, as any of them says that was not revoked itself.
        let fell = issuer.records.keys().find_map(|number| {
            match authority.status(issuer.id, serial(*number)).unwrap().effective {
                CertificateStatus::Invalidated(by) if issuer.down => Some((by.at, by.reason)),
                _ => None,
            }
        });
        let mut expected = Vec::new();
        for (number, record) in &issuer.records {
            expected.extend(match (record.history.last(), fell) {
                (Some(own), _) => {
                    Some((serial(*number), own.date, own.reason, own.invalidity_date))
                }
                (None, Some((date, reason))) if issuer.lists_invalidated => {
                    let date = date.max(record.not_before.unwrap_or(date)).min(this_update);
                    Some((serial(*number), date, invalidated(record.kind, reason), None))
                }
                _ => None,
            });
        }
        let listed = crl.entries().map(|entry| {
            let entry = entry.unwrap();
            let reason = entry.reason().map(|code| code.to_string().parse::<Reason>().unwrap());
            let serial = entry.serial().to_serial().unwrap();
            (serial, entry.revocation_date(), reason, entry.invalidity_date())
        });
        let stated = |reason: Option<Reason>| reason.filter(|it| *it != Reason::Unspecified);
        let expected = expected.into_iter().map(|(s, d, r, i)| (s, d, stated(r), i));
        assert_eq!(listed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    /// Compares everything there is, with the logs as they were when they were written.
    pub fn check_all<S: Store>(&mut self, authority: &Authority<S>, cas: &[Ca], naive: &Naive) {
        self.check_standings(authority, cas, naive);
        for ca in naive.graph.issuers.keys() {
            let id = cas[*ca].id();
            let log: Vec<Entry> =
                log(authority, id).into_iter().map(|logged| logged.entry).collect();
            assert_eq!(Some(&log), self.logs.get(&id), "entries never change");
            (1..=SERIALS).for_each(|number| self.check_status(authority, cas, naive, *ca, number));
        }
    }
}

/// An entry may follow these only if it revokes what was not revoked, or makes a revocation graver
/// or earlier, or says for the first time that the issuer fell.
fn check_one_way(log: &[Entry], next: &Event) {
    let of_same = |entry: &&Entry| {
        entry.event.subject().map(|it| it.serial) == next.subject().map(|it| it.serial)
    };
    let last = log.iter().rev().find(of_same).map(|entry| entry.event);
    match (last, next) {
        (None, Event::Revoked { .. } | Event::IssuerFell(_)) => {}
        (Some(last), Event::Amended { revocation, replaced, .. }) => {
            assert_eq!(last.revocation(), Some(replaced));
            assert!(revocation.date <= replaced.date);
            let reason = revocation.reason;
            assert!(reason == replaced.reason || reason == Some(Reason::KeyCompromise));
            if let Some(date) = replaced.invalidity_date {
                assert!(revocation.invalidity_date.unwrap() <= date);
            }
        }
        other => panic!("not one way: {other:?}"),
    }
}

/// The path to blame leads up from the issuer, link by link, to one that fell or whose certificate
/// was revoked.
fn check_path(cas: &[Ca], naive: &Naive, issuer: IssuerId, by: &Invalidation) {
    let number = |id: &IssuerId| cas.iter().position(|ca| ca.id() == *id).unwrap();
    assert_eq!(by.path.first(), Some(&issuer));
    assert_eq!(by.path.last(), Some(&by.by));
    for pair in by.path.windows(2) {
        let chains = naive.graph.chains(number(&pair[0]));
        assert!(chains.iter().any(|chain| chain.parent == Some(number(&pair[1]))));
    }
    let last = &naive.graph.issuers[&number(&by.by)];
    let revoked = naive.graph.chains(number(&by.by)).iter().any(|chain| chain.revoked.is_some());
    assert!(last.fell.is_some() || revoked);
}

fn check_record(cas: &[Ca], found: &CertificateRecord, expected: &Record) {
    let kind = match expected.kind {
        Kind::Unknown => CertificateKind::Unknown,
        Kind::EndEntity => CertificateKind::EndEntity,
        Kind::Ca(ca) => CertificateKind::Ca(cas[ca].id()),
    };
    let state = if expected.issued { CertificateState::Issued } else { CertificateState::Reserved };
    let origin = if expected.discovered { Origin::Discovered } else { Origin::Registered };
    assert_eq!((found.kind, found.state, found.origin), (kind, state, origin));
    let dates: [Option<Timestamp>; 2] = [expected.not_before, expected.not_after];
    assert_eq!([found.not_before, found.not_after], dates);
}

fn history(record: &Record) -> Option<RevocationHistory> {
    let (current, replaced) = record.history.split_last()?;
    Some(RevocationHistory { current: *current, replaced: replaced.to_vec() })
}

/// The reason on the CRL of an issuer that is down, for a certificate that was not revoked.
fn invalidated(kind: Kind, reason: Option<Reason>) -> Option<Reason> {
    match (kind, reason) {
        (Kind::Unknown | Kind::EndEntity, _) => None,
        (Kind::Ca(_), Some(Reason::KeyCompromise)) => Some(Reason::CaCompromise),
        (Kind::Ca(_), None | Some(Reason::Unspecified)) => Some(Reason::CessationOfOperation),
        (Kind::Ca(_), reason) => reason,
    }
}
