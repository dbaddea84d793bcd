//! Who reads a log from elsewhere knows when it is shown less than there is, or another log.

mod support {
    pub mod random;
    pub mod replica;
    pub mod toy;
}

use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, CertificateStatus, CrlRequest, Entry,
    Error, Freshness, FreshnessToken, IssuerId, Position, Refusal, Registration, Release, Retry,
    Revocation, Revoke, RevokeCa, Serial, Signer, Standing, Store, StoreError, Target,
    store::{Batch, Prune, Space},
};
use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{
    random::Random,
    replica::{Hiding, Remembering, Unsteady, replayed},
    toy::{Ca, ToyClock, authority, day, log, serial},
};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn root() -> Ca {
    Ca::new("root")
}

fn ca() -> Ca {
    Ca::new("ca")
}

/// An authority on a store, whose random numbers are its own.
fn on<S: Store>(store: S) -> Authority<S> {
    static STARTED: Mutex<u64> = Mutex::new(0);
    let mut started = STARTED.lock().unwrap();
    *started += 1;
    authority(store, &ToyClock::at(day(0)), Arc::new((*started << 32).into()))
}

/// A root, a CA below it, and certificates 1 to 20 of the CA.
fn ready() -> (Arc<Remembering>, Authority<Arc<Remembering>>) {
    let store = Remembering::new();
    let authority = on(Arc::clone(&store));
    add(&authority);
    (store, authority)
}

fn add<S: Store>(authority: &Authority<S>) {
    for certificate in [root().certifies(&root(), 1), root().certifies(&ca(), 2)] {
        authority.add_issuer(&AddIssuer::new(certificate.ca())).unwrap();
    }
    for number in 1..=20 {
        let registration = Registration::of_certificate(ca().leaf(number).certificate());
        authority.register(&registration).unwrap();
    }
}

fn target(number: u64) -> Target {
    Target::Serial { issuer: ca().id(), serial: serial(number) }
}

/// Revokes certificates of the CA, and answers the token of the last of these revocations.
fn revoke<S: Store>(
    authority: &Authority<S>,
    numbers: impl IntoIterator<Item = u64>,
) -> FreshnessToken {
    let revoke = |number| authority.revoke(&Revoke::new(target(number))).unwrap().position;
    let last = numbers.into_iter().map(revoke).last().unwrap();
    authority.token_at(ca().id(), last).unwrap()
}

fn is_revoked<S: Store>(authority: &Authority<S>, number: u64) -> Result<bool, Error> {
    let answer = authority.revocation(ca().id(), serial(number))?;
    Ok(answer.revocation.is_some())
}

/// All certificates of the CA that the index knows to be revoked.
fn revoked<S: Store>(authority: &Authority<S>) -> Vec<u64> {
    (1..=20).filter(|&number| is_revoked(authority, number).unwrap()).collect()
}

const QUESTIONS: usize = 6;

/// Whatever can be asked with a token, asked about the CA or its certificate 1, which was revoked
/// or invalidated by what the token names.
fn question<S: Store>(
    authority: &Authority<S>,
    token: FreshnessToken,
    number: usize,
) -> Result<(), Error> {
    let (issuer, least) = (ca().id(), Freshness::AtLeast(token));
    let crl = CrlRequest::new(WEEK).at_least(token);
    match number {
        0 => authority.status_with(issuer, serial(1), least).map(|answer| {
            assert!(!matches!(answer.effective, CertificateStatus::Good));
        }),
        1 => authority.standing_with(issuer, least).map(|(_, as_of)| {
            assert!(as_of.position(token.issuer) >= token.position);
        }),
        2 => authority.revocation_with(issuer, serial(1), least).map(|answer| {
            assert!(answer.revocation.is_some() || token.issuer != issuer);
        }),
        3 => {
            let mut der = Vec::new();
            authority.crl(issuer, &crl, &ca(), &mut der).map(|issued| {
                assert!(issued.as_of.position(token.issuer) >= token.position);
                let list = CertificateList::from_der(&der).unwrap();
                assert!(list.find(serial(1).as_ref()).unwrap().is_some());
            })
        }
        4 => authority.prepare_crl(issuer, &crl, ca().algorithm()).map(|prepared| {
            let as_of = Release::of(&prepared).unwrap().as_of;
            assert!(as_of.position(token.issuer) >= token.position);
        }),
        _ => authority.changes(&token, 1).map(|changes| assert!(changes.head >= token.position)),
    }
}

fn ask<S: Store>(authority: &Authority<S>, token: FreshnessToken) -> Vec<Result<(), Error>> {
    (0..QUESTIONS).map(|number| question(authority, token, number)).collect()
}

fn assert_behind(answer: Result<(), Error>, token: &FreshnessToken, shown: Position) {
    let error = answer.unwrap_err();
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(1)));
    let Error::Behind { issuer, at, wanted } = error else { panic!("{error:?}") };
    assert_eq!((issuer, at, wanted), (token.issuer, shown, token.position));
}

fn assert_forked(answer: Result<(), Error>, token: &FreshnessToken) {
    let error = answer.unwrap_err();
    assert_eq!(error.retry(), Retry::Never);
    let Error::Forked { issuer, position } = error else { panic!("{error:?}") };
    assert_eq!((issuer, position), (token.issuer, token.position));
}

#[test]
fn a_token_names_every_prefix_of_a_log_and_no_other() {
    let (_, authority) = ready();
    let issuer = ca().id();
    let named = (0..5).map(|number| match number {
        0 => authority.token(issuer).unwrap(),
        _ => revoke(&authority, [number]),
    });
    let named: Vec<FreshnessToken> = named.collect();
    for (position, token) in (0..).map(Position).zip(&named) {
        assert_eq!(token.position, position);
        assert_eq!(authority.token_at(issuer, position).unwrap(), *token);
        assert_eq!(token.to_string().parse(), Ok(*token));
        authority.changes(token, 0).unwrap();
        for other in named.iter().filter(|other| *other != token) {
            let mixed = FreshnessToken { chain: other.chain, ..*token };
            assert_forked(authority.changes(&mixed, 0).map(drop), &mixed);
        }
    }
    assert_eq!(authority.token(issuer).unwrap(), named[4]);
    let next = FreshnessToken { position: Position(5), ..named[4] };
    assert_behind(authority.token_at(issuer, Position(5)).map(drop), &next, Position(4));
    let unknown = IssuerId::of(b"name", b"key");
    let refused = authority.token(unknown).unwrap_err();
    assert!(matches!(refused.refusal(), Some(Refusal::UnknownIssuer { .. })));
}

#[test]
fn a_replica_that_lags_says_so_and_never_answers_from_less() {
    let (store, authority) = ready();
    let before = store.written();
    let token = revoke(&authority, 1..=3);
    revoke(&authority, 4..=4);
    for batches in 0..=store.written() {
        let replica = on(store.copy(batches));
        let shown = Position(batches.saturating_sub(before) as u64);
        for answer in ask(&replica, token) {
            match shown < token.position {
                true => assert_behind(answer, &token, shown),
                false => answer.unwrap(),
            }
        }
    }
}

#[test]
fn a_replica_that_lags_uses_no_crl_number() {
    let (store, authority) = ready();
    let token = revoke(&authority, [1]);
    let replica = on(store.copy(store.written() - 1));
    ask(&replica, token).into_iter().for_each(|answer| assert!(answer.is_err()));
    let issued = replica.crl(ca().id(), &CrlRequest::new(WEEK), &ca(), &mut Vec::new()).unwrap();
    assert_eq!(issued.crl.number, annul::CrlNumber::from_u64(1));
}

#[test]
fn a_store_that_answers_from_a_replica_halfway_through_answers_from_no_less() {
    let (store, authority) = ready();
    let before = store.written();
    let token = revoke(&authority, [2, 1]);
    // Its CRL numbers are those of the store.
    let lagging = || {
        let replica = store.copy(before);
        on(replica).crl(ca().id(), &CrlRequest::new(WEEK), &ca(), &mut Vec::new()).unwrap();
        replica
    };
    let mut answered = [0; QUESTIONS];
    for snapshots in 0..8 {
        for (number, answered) in answered.iter_mut().enumerate() {
            let (store, replica) = (store.copy(store.written()), lagging());
            let unsteady = on(Unsteady { store, replica, snapshots: Mutex::new(snapshots) });
            match question(&unsteady, token, number) {
                Ok(()) => *answered += 1,
                behind => assert_behind(behind, &token, Position(0)),
            }
        }
    }
    assert!(answered.iter().all(|&answered| answered > 0), "{answered:?}");
}

#[test]
fn the_token_of_a_fall_above_is_one_for_all_below() {
    let (store, authority) = ready();
    authority.revoke_ca(&RevokeCa::new(root().id())).unwrap();
    let token = authority.token(root().id()).unwrap();
    for answer in ask(&on(store.copy(store.written() - 1)), token) {
        assert_behind(answer, &token, Position(0));
    }
    let replica = on(store.copy(store.written()));
    ask(&replica, token).into_iter().for_each(Result::unwrap);
    let (standing, _) = replica.standing_with(ca().id(), Freshness::AtLeast(token)).unwrap();
    assert!(matches!(standing, Standing::Invalidated(_)));
}

#[test]
fn an_older_copy_that_went_on_answers_forked_even_at_the_same_position() {
    let (store, authority) = ready();
    let shared = revoke(&authority, [1, 2]);
    let copied = store.written();
    let tokens: Vec<_> = (3..=6).map(|number| revoke(&authority, [number])).collect();
    let restored = on(store.copy(copied));
    for (went_on, number) in (13..=18).enumerate() {
        for (at, token) in tokens.iter().enumerate() {
            for answer in ask(&restored, *token) {
                match at < went_on {
                    true => assert_forked(answer, token),
                    false => assert_behind(answer, token, Position(2 + went_on as u64)),
                }
            }
        }
        ask(&restored, shared).into_iter().for_each(Result::unwrap);
        revoke(&restored, [number]);
    }
}

#[test]
fn another_record_of_the_same_ca_answers_forked() {
    let (_, authority) = ready();
    let (_, other) = ready();
    let start = authority.token(ca().id()).unwrap();
    revoke(&other, [1]);
    for answer in ask(&other, start) {
        assert_forked(answer, &start);
    }
}

#[test]
fn an_index_notices_that_its_store_went_back() {
    let (store, other) = ready();
    revoke(&other, [1]);
    let restore_to = store.written();
    let known = revoke(&other, [2, 3]);
    let authority = on(Arc::clone(&store));
    assert!(is_revoked(&authority, 3).unwrap());
    store.restore(restore_to);

    assert_behind(authority.refresh(ca().id()).map(drop), &known, Position(1));
    revoke(&authority, [11]);
    assert_behind(is_revoked(&authority, 11).map(drop), &known, Position(2));
    for number in 12..=13 {
        revoke(&authority, [number]);
        assert_forked(is_revoked(&authority, number).map(drop), &known);
        assert_forked(authority.refresh(ca().id()).map(drop), &known);
    }
    assert_eq!(revoked(&on(store)), [1, 11, 12, 13]);
}

#[test]
fn an_index_notices_that_its_issuer_is_gone() {
    let (store, authority) = ready();
    let known = revoke(&authority, [1]);
    assert!(is_revoked(&authority, 1).unwrap());
    store.restore(0);
    assert_behind(authority.refresh(ca().id()).map(drop), &known, Position(0));
}

/// A view that somebody keeps of a log from its entries alone.
struct Follower {
    token: FreshnessToken,
    revoked: BTreeMap<Serial, Revocation>,
    has_fallen: bool,
}

impl Follower {
    fn of(token: FreshnessToken) -> Self {
        Self { token, revoked: BTreeMap::new(), has_fallen: false }
    }

    fn fold(&mut self, entry: &Entry) {
        match (entry.event.subject(), entry.event.revocation()) {
            (Some(subject), Some(revocation)) => {
                self.revoked.insert(subject.serial, *revocation);
            }
            _ => self.has_fallen = true,
        }
    }

    /// Reads one page; answers whether there is more.
    fn follow<S: Store>(&mut self, authority: &Authority<S>, limit: usize) -> bool {
        let changes = authority.changes(&self.token, limit).unwrap();
        let is_full = changes.entries.len() == limit;
        for logged in &changes.entries {
            assert!(logged.entry.follows(&self.token.chain));
            let position = Position(self.token.position.0 + 1);
            assert_eq!(logged.position, position, "no gap");
            self.token = FreshnessToken { position, chain: logged.entry.chain, ..self.token };
            self.fold(&logged.entry);
        }
        assert_eq!(changes.token, self.token);
        assert!(is_full || changes.is_caught_up());
        !changes.is_caught_up()
    }
}

/// One random command of an authority, which may be refused.
fn command<S: Store>(authority: &Authority<S>, random: &mut Random, step: usize) {
    let target = target(1 + random.below(20) as u64);
    let back = Duration::from_secs(random.below(1000) as u64);
    let answer = match random.below(60) {
        0 if step > 150 => authority.revoke_ca(&RevokeCa::new(ca().id())).map(drop),
        0..30 => authority.revoke(&Revoke::new(target)).map(drop),
        _ => {
            let date = Some(day(0).saturating_sub(back));
            let amendment = Amendment { date, ..Amendment::default() };
            authority.amend(&Amend::new(target, amendment)).map(drop)
        }
    };
    assert!(answer.err().is_none_or(|error| error.refusal().is_some()));
}

#[test]
fn a_view_that_follows_page_by_page_is_at_every_step_what_reading_all_says() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let (store, first) = ready();
        let second = on(Arc::clone(&store));
        let watching = on(Arc::clone(&store));
        let start = first.token(ca().id()).unwrap();
        let mut follower = Follower::of(start);
        for step in 0..200 {
            command([&first, &second][random.below(2)], &mut random, step);
            let mut left = random.below(4);
            while left > 0 && follower.follow(&watching, 1 + random.below(5)) {
                left -= 1;
            }
            let mut whole = Follower::of(start);
            let entries = log(&first, ca().id());
            let read = entries.iter().take(follower.token.position.0 as usize);
            read.for_each(|logged| whole.fold(&logged.entry));
            assert_eq!(follower.revoked, whole.revoked);
            assert_eq!(follower.has_fallen, whole.has_fallen);
            compare(&watching, &follower, &mut random);
        }
    }
}

/// Compares the index of another authority on the store, asked for at least what the follower
/// knows, with what the follower knows.
fn compare<S: Store>(authority: &Authority<S>, follower: &Follower, random: &mut Random) {
    let serial = serial(1 + random.below(20) as u64);
    let least = Freshness::AtLeast(follower.token);
    let answer = authority.revocation_with(ca().id(), serial, least).unwrap();
    assert!(answer.position >= follower.token.position);
    if answer.position == follower.token.position {
        assert_eq!(answer.revocation.as_ref(), follower.revoked.get(&serial));
    }
    let newest = authority.revocation_with(ca().id(), serial, Freshness::Head).unwrap();
    let status = authority.status(ca().id(), serial).unwrap();
    assert_eq!(newest.position, status.as_of.position(ca().id()));
    let current = match status.own {
        CertificateStatus::Revoked(history) => Some(history.current),
        _ => None,
    };
    assert_eq!(newest.revocation, current);
}

#[test]
fn an_index_is_made_from_what_is_live_and_followers_still_see_all() {
    let (store, authority) = ready();
    let start = authority.token(ca().id()).unwrap();
    revoke(&authority, 1..=6);
    let early = on(Arc::clone(&store));
    assert!(is_revoked(&early, 5).unwrap());
    let prune = |number| Prune {
        partition: annul::store::Partition::default(),
        serial: serial(number),
        position: Position(number),
    };
    *store.prunes.lock().unwrap() = (2..=5).map(prune).collect();
    revoke(&authority, [7]);
    let token = revoke(&authority, [8]);

    let never_reads_logs = |space, _: &[u8]| {
        assert_ne!(space, Space::Log);
        true
    };
    let fresh = on(Hiding { store: store.copy(store.written()), shows: never_reads_logs });
    assert_eq!(revoked(&fresh), [1, 6, 7, 8]);
    assert_eq!(fresh.refresh(ca().id()).unwrap(), token.position);
    assert!(fresh.revoke(&Revoke::new(target(9))).is_ok());
    assert_eq!(revoked(&fresh), [1, 6, 7, 8, 9]);

    assert_eq!(early.refresh(ca().id()).unwrap(), token.position);
    assert_eq!(revoked(&early), [1, 2, 3, 4, 5, 6, 7, 8]);
    let mut follower = Follower::of(start);
    while follower.follow(&early, 3) {}
    assert_eq!(follower.revoked.len(), 8);
    assert_eq!(follower.token, token);
    ask(&authority, token).into_iter().for_each(Result::unwrap);
}

fn assert_corrupt<T: Debug>(answer: Result<T, Error>) {
    let error = answer.unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error:?}");
}

#[test]
fn a_log_with_an_entry_or_a_head_that_was_changed_is_an_error() {
    let (store, authority) = ready();
    let start = authority.token(ca().id()).unwrap();
    let second = revoke(&authority, [1, 2]);
    let fourth = revoke(&authority, [3, 4]);
    let damaged = |damage: &dyn Fn(&mut [Batch])| {
        let mut batches = store.batches.lock().unwrap().clone();
        damage(batches.last_chunk_mut::<2>().unwrap());
        on(replayed(&batches))
    };
    // Just before the chain digest there is an octet of when the third entry was recorded.
    let entry = damaged(&|batches| {
        let value = &mut batches[0].appends[0].entries[0].value;
        let at = value.len() - 33;
        value[at] ^= 1;
    });
    assert_corrupt(entry.changes(&start, 9));
    assert_corrupt(entry.changes(&second, 9));
    assert_corrupt(is_revoked(&entry, 1));
    assert_eq!(entry.changes(&start, 1).unwrap().entries.len(), 1);
    assert!(entry.changes(&fourth, 9).unwrap().is_caught_up());

    let head = damaged(&|batches| batches[1].appends[0].head[32] ^= 1);
    assert_corrupt(head.changes(&start, 9));
    assert_forked(head.changes(&fourth, 9).map(drop), &fourth);
}

#[test]
fn a_log_with_an_entry_that_is_hidden_is_an_error() {
    let (store, authority) = ready();
    let start = authority.token(ca().id()).unwrap();
    revoke(&authority, 1..=3);
    let hides: [fn(Space, &[u8]) -> bool; 3] = [
        |_, key| !key.ends_with(&1_u64.to_be_bytes()),
        |_, key| !key.ends_with(&2_u64.to_be_bytes()),
        |_, key| !key.ends_with(&3_u64.to_be_bytes()),
    ];
    for shows in hides {
        let hiding = on(Hiding { store: store.copy(store.written()), shows });
        assert_corrupt(hiding.changes(&start, 9));
        assert_corrupt(is_revoked(&hiding, 1));
    }
}
