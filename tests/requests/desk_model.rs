//! Random steps at a desk: accounts, classes, tokens, clocks that step, and crashes.
//!
//! After each step the store is read by a desk that nothing disturbs, and held against what was done
//! from outside: which calls were made, with what, and when. So a rule is broken where the store
//! says more than the calls allow, whatever failed in between.

use crate::{
    office::{Office, desk, office_on},
    toy::{authority, day, serial},
};
use annul::{
    CertificateId, ClientToken, CommandId, Desk, DeskError, Idempotency, IdempotencyError,
    ListCertificates, MemoryStore, Reason, RequestRefusal, RequestStage, RevocationRequest, Revoke,
    Submit, Target, Timestamp,
    conformance::{Fault, Faults, Faulty},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

/// What crashes: a process on a store that others read meanwhile.
type Disk = Faulty<Arc<MemoryStore>>;

const ACCOUNTS: [&str; 3] = ["a", "b", "c"];
const CLASSES: [&str; 5] = ["DV", "OV", "EV", "QV", "PRIVATE"];
const PEOPLE: [&str; 4] = ["ada", "grace", "joan", "eve"];
const CERTIFICATES: u64 = 20;
const STEPS: usize = 500;

#[derive(Clone, Debug)]
enum Step {
    Submit { certificate: u64, account: usize, by: usize },
    Once { token: u8, certificate: u64, account: usize, reason: bool },
    Confirm { certificate: u64, token: usize },
    Renew { certificate: u64, account: usize },
    Approve { certificate: u64, who: usize },
    Withdraw { certificate: u64, account: usize },
    View { certificate: u64, account: usize },
    Delete { certificate: u64, account: usize },
    Purchases { account: usize, number: u64 },
    RevokedByTheCa { certificate: u64 },
    GoOn,
    Clock { seconds: i64 },
    Crash { operation: u64, after: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let certificate = || 2..2 + CERTIFICATES;
    // Mostly whose it is.
    let account = || prop_oneof![4 => Just(usize::MAX), 1 => 0..ACCOUNTS.len()];
    prop_oneof![
        6 => (certificate(), account(), 0..PEOPLE.len())
            .prop_map(|(certificate, account, by)| Step::Submit { certificate, account, by }),
        3 => (0..6u8, certificate(), account(), any::<bool>()).prop_map(
            |(token, certificate, account, reason)| Step::Once { token, certificate, account, reason }
        ),
        4 => (certificate(), prop_oneof![3 => Just(0), 1 => 0..5usize])
            .prop_map(|(certificate, token)| Step::Confirm { certificate, token }),
        1 => (certificate(), account())
            .prop_map(|(certificate, account)| Step::Renew { certificate, account }),
        6 => (certificate(), 0..PEOPLE.len())
            .prop_map(|(certificate, who)| Step::Approve { certificate, who }),
        1 => (certificate(), account())
            .prop_map(|(certificate, account)| Step::Withdraw { certificate, account }),
        3 => (certificate(), account())
            .prop_map(|(certificate, account)| Step::View { certificate, account }),
        1 => (certificate(), account())
            .prop_map(|(certificate, account)| Step::Delete { certificate, account }),
        1 => (0..ACCOUNTS.len(), 0..9u64)
            .prop_map(|(account, number)| Step::Purchases { account, number }),
        1 => certificate().prop_map(|certificate| Step::RevokedByTheCa { certificate }),
        1 => Just(Step::GoOn),
        2 => (-20_000..60_000i64).prop_map(|seconds| Step::Clock { seconds }),
        6 => (1..25u64, any::<bool>())
            .prop_map(|(operation, after)| Step::Crash { operation, after }),
    ]
}

/// What was asked from outside about one request.
#[derive(Default)]
struct Asked {
    /// Whether a contact gave back a token that was theirs at the time.
    confirmed: bool,
    approvals: BTreeSet<&'static str>,
}

/// What a client's token was sent for, and what it was answered.
type Answer = (Vec<u8>, Vec<u8>);

struct Model {
    office: Office<Disk>,
    /// Reads the same store, and nothing disturbs it.
    calm: Desk<Arc<MemoryStore>>,
    faults: Faults,
    will_fail: bool,
    /// The requests as they were last seen, by certificate.
    requests: BTreeMap<u64, RevocationRequest>,
    /// The certificates that every request was for.
    known: BTreeMap<CommandId, u64>,
    asked: BTreeMap<CommandId, Asked>,
    /// All tokens of a certificate, the last one first.
    tokens: BTreeMap<u64, Vec<(CommandId, String)>>,
    used: BTreeSet<String>,
    by_the_ca: BTreeSet<u64>,
    revoked: BTreeSet<u64>,
    /// They are listed no more, so how far their requests have come is not seen.
    deleted: BTreeSet<u64>,
    most_purchases: BTreeMap<&'static str, u64>,
    /// What clients' tokens were answered, and for what.
    answers: BTreeMap<(u8, &'static str), Answer>,
    drawn: Arc<AtomicU64>,
    now: Timestamp,
}

#[derive(Debug)]
#[allow(dead_code, reason = "what a test prints when it fails")]
enum Failure {
    Idempotency(IdempotencyError),
    Desk(DeskError),
}

impl From<IdempotencyError> for Failure {
    fn from(error: IdempotencyError) -> Self {
        Self::Idempotency(error)
    }
}

fn account_of(number: u64) -> &'static str {
    ACCOUNTS[number as usize % ACCOUNTS.len()]
}

fn class_of(number: u64) -> &'static str {
    CLASSES[number as usize % CLASSES.len()]
}

fn named(account: usize, certificate: u64) -> &'static str {
    ACCOUNTS.get(account).copied().unwrap_or_else(|| account_of(certificate))
}

impl Model {
    fn new() -> Self {
        let faults = Faults::none();
        let store = Arc::new(MemoryStore::new());
        let mut office = office_on(Arc::new(Faulty::new(Arc::clone(&store), faults.clone())));
        for number in 2..2 + CERTIFICATES {
            office.sell(number, account_of(number), class_of(number));
        }
        office.desk = desk(&office.authority).with_quota();
        for account in ACCOUNTS {
            office.desk.set_purchases(account, 4).unwrap();
        }
        let calm = desk(&Arc::new(authority(store, &office.clock, Arc::default())));
        Self {
            office,
            calm,
            faults,
            will_fail: false,
            requests: BTreeMap::new(),
            known: BTreeMap::new(),
            asked: BTreeMap::new(),
            tokens: BTreeMap::new(),
            used: BTreeSet::new(),
            by_the_ca: BTreeSet::new(),
            revoked: BTreeSet::new(),
            deleted: BTreeSet::new(),
            most_purchases: ACCOUNTS.map(|account| (account, 4)).into(),
            answers: BTreeMap::new(),
            drawn: Arc::new(AtomicU64::new(1 << 40)),
            now: day(10),
        }
    }

    fn id(&self, number: u64) -> CertificateId {
        self.office.id(number)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Submit { certificate, account, by } => {
                let submit = Submit::new(self.id(certificate), named(account, certificate));
                if let Ok(submitted) = self.office.desk.submit(&submit.by(PEOPLE[by])) {
                    let waits = ["OV", "QV"].contains(&class_of(certificate));
                    assert_eq!(submitted.token.is_some(), waits && !submitted.repeated);
                    let token = submitted.token.map(|token| token.to_string());
                    self.keep(certificate, submitted.request.id, token);
                }
            }
            Step::Once { token, certificate, account, reason } => {
                self.once(token, certificate, named(account, certificate), reason);
            }
            Step::Confirm { certificate, token } => self.confirm(certificate, token),
            Step::Renew { certificate, account } => {
                let account = named(account, certificate);
                let renewed = self.office.desk.renew_confirmation(self.id(certificate), account);
                if let Some(request) = self.requests.get_mut(&certificate) {
                    let token = renewed.ok().map(|token| token.to_string());
                    if token.is_some() && self.deleted.contains(&certificate) {
                        // It is listed no more: nothing else says for how long it waits.
                        let until = self.now.saturating_add(3 * crate::office::DAY);
                        request.stage = RequestStage::Waiting { until };
                    }
                    let id = request.id;
                    self.keep(certificate, id, token);
                }
            }
            Step::Approve { certificate, who } => {
                let who = PEOPLE[who];
                if let Some(request) = self.requests.get(&certificate)
                    && request.submitted_by != who
                    && who != "eve"
                {
                    // A call that fails may have counted.
                    self.asked.entry(request.id).or_default().approvals.insert(who);
                }
                let _ = self.office.desk.approve(self.id(certificate), who);
            }
            Step::Withdraw { certificate, account } => {
                let account = named(account, certificate);
                let _ = self.office.desk.withdraw(self.id(certificate), account);
            }
            Step::View { certificate, account } => {
                self.view(certificate, named(account, certificate));
            }
            Step::Delete { certificate, account } => {
                let account = named(account, certificate);
                if self.office.desk.delete(self.id(certificate), account).is_ok() {
                    assert!(self.revoked.contains(&certificate), "none of them expires");
                    assert_eq!(account, account_of(certificate));
                }
            }
            Step::Purchases { account, number } => {
                let most = self.most_purchases.entry(ACCOUNTS[account]).or_default();
                *most = number.max(*most);
                let _ = self.office.desk.set_purchases(ACCOUNTS[account], number);
            }
            Step::RevokedByTheCa { certificate } => {
                self.by_the_ca.insert(certificate);
                let (issuer, serial) = (self.office.issuer(), serial(certificate));
                let target = Target::Serial { issuer, serial };
                let _ = self.office.authority.revoke(&Revoke::new(target));
            }
            Step::GoOn => {
                let _ = self.office.desk.go_on();
            }
            Step::Clock { seconds } => {
                self.now = Timestamp::from_unix(self.now.unix() + seconds).unwrap();
                self.office.clock.set(self.now);
            }
            Step::Crash { operation, after } => {
                let fault = if after { Fault::After } else { Fault::Before };
                self.faults.fail_at(operation, fault);
                self.will_fail = true;
                return;
            }
        }
        if self.will_fail && !matches!(step, Step::Clock { .. }) {
            self.restart();
        }
        self.check();
    }

    /// The process that failed is another one afterwards.
    fn restart(&mut self) {
        self.faults.end();
        self.will_fail = false;
        let (store, clock) = (Arc::clone(self.office.authority.store()), &self.office.clock);
        self.office.authority = Arc::new(authority(store, clock, Arc::clone(&self.drawn)));
        self.office.desk = desk(&self.office.authority).with_quota();
    }

    fn keep(&mut self, certificate: u64, request: CommandId, token: Option<String>) {
        let tokens = self.tokens.entry(certificate).or_default();
        tokens.splice(0..0, token.map(|token| (request, token)));
    }

    fn once(&mut self, token: u8, certificate: u64, account: &'static str, reason: bool) {
        let ten_years = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        let store = Arc::clone(self.office.authority.store());
        let idempotency = Idempotency::new(store, ten_years);
        let text: ClientToken = format!("token-{token}").parse().unwrap();
        let arguments = vec![certificate as u8, u8::from(reason)];
        let mut submit = Submit::new(self.id(certificate), account);
        if reason {
            submit = submit.with_reason(Reason::KeyCompromise);
        }
        let desk = &self.office.desk;
        let answer = idempotency.once(account, "Revoke", &text, &arguments, self.now, |command| {
            let submitted = desk.submit(&submit.with_command(command)).map_err(Failure::Desk)?;
            Ok::<_, Failure>(submitted.request.id.0.to_vec())
        });
        match (answer, self.answers.get(&(token, account))) {
            (Ok(answer), None) => {
                self.answers.insert((token, account), (arguments, answer.octets));
            }
            (Ok(answer), Some((known, octets))) => {
                assert_eq!((known, octets), (&arguments, &answer.octets), "one token, one answer");
            }
            (Err(Failure::Idempotency(IdempotencyError::OtherArguments { .. })), known) => {
                // Or a call that failed has begun it.
                assert!(known.is_none_or(|(known, _)| *known != arguments));
            }
            (Err(_), Some((known, _))) if *known == arguments => assert!(self.will_fail),
            (Err(_), _) => {}
        }
    }

    fn confirm(&mut self, certificate: u64, which: usize) {
        let other = 2 + (certificate - 1) % CERTIFICATES;
        let own = self.tokens.get(&certificate).and_then(|tokens| tokens.get(which));
        let known = own.or_else(|| self.tokens.get(&other)?.first());
        let (of, text) = known.cloned().unwrap_or((CommandId([0; 16]), "1f".repeat(32)));
        let request = self.requests.get(&certificate);
        let is_due = request.is_some_and(|request| {
            let is_waiting =
                matches!(request.stage, RequestStage::Waiting { until } if self.now < until);
            // Where a later one was lost on its way to us, this one is refused, and is no fault.
            is_waiting && request.id == of && which == 0
        });
        if is_due {
            self.asked.entry(of).or_default().confirmed = true;
        }
        let token = text.parse().unwrap();
        match self.office.desk.confirm(self.id(certificate), &token) {
            Ok(_) => {
                assert!(is_due, "only the last token of a request that waits");
                assert!(self.used.insert(text), "a token counts once");
            }
            Err(DeskError::Request(RequestRefusal::WrongToken)) => {}
            Err(_) => {}
        }
    }

    fn view(&mut self, certificate: u64, account: &str) {
        let viewed = self.office.desk.certificate(self.id(certificate), account);
        let is_withheld = class_of(certificate) != "PRIVATE"
            && (self.revoked.contains(&certificate)
                || self.requests.get(&certificate).is_some_and(|it| is_alive(it, self.now)));
        let may = !is_withheld && account == account_of(certificate);
        match viewed {
            Ok(_) => assert!(may, "{certificate} is withheld from {account}"),
            Err(DeskError::Deleted { .. }) => assert!(self.revoked.contains(&certificate)),
            Err(error) => assert!(!may || self.will_fail, "{certificate}: {error}"),
        }
    }

    /// Holds what the store has against what was asked.
    fn check(&mut self) {
        self.deleted = (2..2 + CERTIFICATES).collect();
        for listed in self.calm.list(&ListCertificates::of_all()).unwrap().certificates {
            let number = (2..).find(|&number| self.id(number) == listed.id).unwrap();
            self.deleted.remove(&number);
            let Some(request) = listed.request else { continue };
            assert_eq!(*self.known.entry(request.id).or_insert(number), number);
            if let Some(before) = self.requests.get(&number).filter(|it| it.id == request.id) {
                assert!(follows(&before.stage, &request.stage), "{before:?}, then {request:?}");
            }
            self.requests.insert(number, request);
        }
        let entries = crate::toy::log(self.calm.authority(), self.office.issuer());
        let mut revoked = BTreeSet::new();
        for logged in entries {
            let subject = logged.entry.event.subject().unwrap();
            let number = (2..).find(|&number| serial(number) == subject.serial).unwrap();
            assert!(revoked.insert(number), "revoked once");
            match self.known.get(&logged.entry.command) {
                None => assert!(self.by_the_ca.contains(&number), "{number}: who asked?"),
                Some(of) => {
                    assert_eq!(*of, number);
                    let nothing = Asked::default();
                    let asked = self.asked.get(&logged.entry.command).unwrap_or(&nothing);
                    let class = class_of(number);
                    assert!(asked.confirmed || !["OV", "QV"].contains(&class), "no confirmation");
                    assert!(asked.approvals.len() >= 2 || !["EV", "QV"].contains(&class));
                }
            }
        }
        assert!(revoked.is_superset(&self.revoked), "no way back");
        self.revoked = revoked;
        for account in ACCOUNTS {
            let (requests, _) = self.calm.requests_and_purchases(account).unwrap();
            assert!(requests <= self.most_purchases[account], "quota of {account}");
            let alive = self.alive(account);
            assert!(alive <= requests, "{alive} of {account} count, and {requests} are counted");
        }
    }

    fn alive(&self, account: &str) -> u64 {
        let requests = self.requests.iter().filter(|(number, _)| !self.deleted.contains(number));
        requests.filter(|(_, it)| it.account == account && is_alive(it, self.now)).count() as u64
    }

    /// Nothing is left undone, and the counts are right, when somebody has gone on with it.
    fn end(&mut self) {
        self.restart();
        let (_, failed) = self.office.desk.go_on();
        assert!(failed.is_none(), "{failed:?}");
        self.check();
        for number in mem::take(&mut self.deleted) {
            let request = self.office.desk.request(self.id(number)).unwrap();
            self.requests.extend(request.map(|request| (number, request)));
        }
        for request in self.requests.values() {
            assert!(!matches!(request.stage, RequestStage::Cleared { .. }));
        }
        for account in ACCOUNTS {
            let (requests, _) = self.office.desk.requests_and_purchases(account).unwrap();
            assert_eq!(requests, self.alive(account), "{account}");
        }
    }
}

fn is_alive(request: &RevocationRequest, now: Timestamp) -> bool {
    match request.stage {
        RequestStage::Waiting { until } => now < until,
        _ => request.is_alive(),
    }
}

/// Whether a request may come from one stage to the other. One that has expired by the clock, and of
/// which nobody wrote that down, waits again when the clock steps back.
fn follows(before: &RequestStage, after: &RequestStage) -> bool {
    use RequestStage::{Cleared, Expired, Recorded, Refused, Waiting};
    match (before, after) {
        (Waiting { .. } | Expired { .. }, _) => true,
        (Cleared { .. }, Recorded { .. } | Refused { .. }) => true,
        (before, after) => before == after,
    }
}

#[test]
fn what_was_deleted_while_it_waits_can_be_given_longer_and_confirmed() {
    let own = usize::MAX;
    let mut steps = vec![
        Step::Submit { certificate: 3, account: own, by: 3 },
        Step::RevokedByTheCa { certificate: 3 },
        Step::Delete { certificate: 3, account: own },
        Step::Clock { seconds: 59_999 },
        Step::Renew { certificate: 3, account: own },
    ];
    steps.extend(vec![Step::Clock { seconds: 59_999 }; 4]);
    steps.push(Step::Confirm { certificate: 3, token: 0 });
    let mut model = Model::new();
    steps.iter().for_each(|step| model.take(step));
    assert_eq!(model.used.len(), 1, "it was no test otherwise");
    model.end();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_path_records_without_its_confirmations(
        steps in prop::collection::vec(step(), STEPS..=STEPS)
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.take(step);
        }
        model.end();
    }
}
