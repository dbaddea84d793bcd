//! CRLs from the record: what can come between a revocation and the CRL that lists it.

mod support {
    pub mod toy;
}

use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, CrlError, CrlNumber, CrlRequest,
    Distribution, Error, IssuedCrl, IssuerId, MemoryStore, PreparedCrl, Refusal, Registration,
    Release, RevocationDetails, Revoke, Scope, Signer, SigningError, Store, StoreError, Target,
    Timestamp, ToSign,
    store::{Batch, Record, Snapshot, Space, Visit},
};
use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use support::toy::{Ca, ToyClock, authority, day, in_memory, serial};

const WEEK: CrlRequest = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));

fn root() -> Ca {
    Ca::new("root")
}

/// Adds the root, and certificates 1 to `count`.
fn issue<S: Store>(authority: &Authority<S>, count: u64) -> IssuerId {
    let root = root();
    let id = authority.add_issuer(&AddIssuer::new(root.certifies(&root, 0x7fff).ca())).unwrap();
    for number in 1..=count {
        let leaf = root.leaf(number).certificate();
        authority.register(&Registration::of_certificate(leaf)).unwrap();
    }
    id.issuer
}

fn revoke(issuer: IssuerId, number: u64) -> Revoke {
    Revoke::new(Target::Serial { issuer, serial: serial(number) })
}

fn crl<S: Store>(authority: &Authority<S>) -> Result<(IssuedCrl, Vec<u8>), Error> {
    let mut der = Vec::new();
    let issued = authority.crl(root().id(), &WEEK, &root(), &mut der)?;
    Ok((issued, der))
}

/// A key that is out of reach.
struct Unreachable(Ca);

impl Signer for Unreachable {
    fn algorithm(&self) -> annul::SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.0.public_key()
    }

    fn sign(&self, _: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        Err(SigningError::MessageChanged)
    }
}

#[test]
fn e14_numbers_rise_through_failures_restarts_clock_steps_and_two_writers() {
    let (clock, store) = (ToyClock::at(day(1)), Arc::new(MemoryStore::new()));
    let start = || authority(Arc::clone(&store), &clock, Arc::default());
    let first = start();
    issue(&first, 1);
    assert_eq!(crl(&first).unwrap().0.crl.number, CrlNumber::from_u64(1));

    let mut der = vec![7];
    let failed = first.crl(root().id(), &WEEK, &Unreachable(root()), &mut der);
    assert!(matches!(failed, Err(Error::Crl(CrlError::Signing { .. }))));
    assert_eq!(der, [0; 0], "nothing is left of what was not signed");

    let second = start();
    clock.set(day(1).saturating_sub(Duration::from_secs(60)));
    let (issued, _) = crl(&second).unwrap();
    assert_eq!(issued.crl.number, CrlNumber::from_u64(3), "2 is used up");
    assert_eq!(issued.crl.this_update, day(1), "thisUpdate never goes back");
    clock.set(day(0));
    assert!(matches!(crl(&second), Err(Error::ClockBehind { .. })));

    clock.set(day(2));
    let numbers: BTreeSet<CrlNumber> = thread::scope(|scope| {
        let make =
            |authority| move || (0..20).map(|_| crl(authority).unwrap().0.crl.number).collect();
        let writers: [_; 2] = [&first, &second].map(|authority| scope.spawn(make(authority)));
        writers
            .into_iter()
            .flat_map(|writer| -> Vec<CrlNumber> { writer.join().unwrap() })
            .collect()
    });
    assert_eq!(numbers.len(), 40);
}

#[test]
fn e14_a_new_key_begins_above_the_numbers_that_the_old_one_has_under_the_same_name() {
    let (authority, _) = in_memory();
    issue(&authority, 1);
    for _ in 0..3 {
        crl(&authority).unwrap();
    }
    let first_number = |ca: &Ca| {
        authority.add_issuer(&AddIssuer::new(ca.certifies(ca, 1).ca())).unwrap();
        authority.crl(ca.id(), &WEEK, ca, &mut Vec::new()).unwrap().crl.number
    };
    assert_eq!(first_number(&Ca::with_key("root", "new key")), CrlNumber::from_u64(4));
    assert_eq!(first_number(&Ca::new("other name")), CrlNumber::from_u64(1));
    // From there on each goes its own way.
    assert_eq!(crl(&authority).unwrap().0.crl.number, CrlNumber::from_u64(4));
}

#[test]
fn a_date_from_a_clock_that_was_ahead_can_be_amended_and_blocks_no_crl_then() {
    let (authority, clock) = in_memory();
    let issuer = issue(&authority, 1);
    clock.set(day(100));
    authority.revoke(&revoke(issuer, 1)).unwrap();
    clock.set(day(3));
    let blocked = crl(&authority).unwrap_err();
    assert!(matches!(blocked, Error::ClockBehind { recorded, .. } if recorded == day(100)));

    let target = Target::Serial { issuer, serial: serial(1) };
    let amendment = Amendment { date: Some(day(2)), ..Amendment::default() };
    authority.amend(&Amend::new(target, amendment)).unwrap();
    let (issued, der) = crl(&authority).unwrap();
    assert_eq!(issued.crl.this_update, day(3));
    let list = CertificateList::from_der(&der).unwrap();
    assert_eq!(list.find(serial(1).as_ref()).unwrap().unwrap().revocation_date(), day(2));
}

#[test]
fn a_prepared_crl_is_assembled_for_its_own_issuer_and_while_it_is_current() {
    let (authority, clock) = in_memory();
    let issuer = issue(&authority, 3);
    authority.revoke(&revoke(issuer, 2)).unwrap();
    let other = Ca::new("other");
    authority.add_issuer(&AddIssuer::new(other.certifies(&other, 1).ca())).unwrap();

    let prepared = authority.prepare_crl(issuer, &WEEK, root().algorithm()).unwrap();
    let prepared = PreparedCrl::from_bytes(&prepared.to_bytes()).unwrap();
    let as_of = Release::of(&prepared).unwrap().as_of;
    assert_eq!(as_of.position(issuer).0, 1);
    let signature = root().sign(prepared.to_sign()).unwrap();
    let der = authority.assemble_crl(issuer, &prepared, &signature).unwrap();
    assert!(CertificateList::from_der(&der).unwrap().find(serial(2).as_ref()).unwrap().is_some());

    let wrong = authority.assemble_crl(other.id(), &prepared, &signature).unwrap_err();
    assert!(matches!(wrong, Error::Crl(CrlError::WrongKey)));
    let forged = authority.assemble_crl(issuer, &prepared, &[1]).unwrap_err();
    assert!(matches!(forged, Error::Crl(CrlError::Verify { .. })));
    clock.set(day(7));
    let late = authority.assemble_crl(issuer, &prepared, &signature).unwrap_err();
    assert!(matches!(late, Error::Crl(CrlError::NextUpdate { .. })));
}

#[test]
fn many_are_revoked_by_few_writes_and_each_has_an_answer() {
    let writes = Arc::new(AtomicU64::default());
    let store = Watched { writes: Arc::clone(&writes), ..Watched::default() };
    let authority = authority(store, &ToyClock::at(day(0)), Arc::default());
    let issuer = issue(&authority, 0);
    let ca = Ca::new("ca");
    authority.add_issuer(&AddIssuer::new(root().certifies(&ca, 3000).ca())).unwrap();
    let registrations: Vec<_> =
        (1..=2500).map(|n| Registration::of_serial(issuer, serial(n), Timestamp::MAX)).collect();
    assert!(authority.register_all(&registrations).iter().all(Result::is_ok));

    let before = writes.load(Ordering::SeqCst);
    let numbers = (1..=2500).chain([7, 2999, 3000]);
    let revokes: Vec<_> = numbers.map(|number| revoke(issuer, number)).collect();
    let mut answers = authority.revoke_all(&revokes);
    assert_eq!(writes.load(Ordering::SeqCst) - before, 4, "three, and one for the fall");
    let fallen = answers.pop().unwrap().unwrap().fallen;
    assert_eq!(fallen, Some(ca.id()));
    let unknown = answers.pop().unwrap().unwrap_err();
    assert!(matches!(unknown.refusal(), Some(Refusal::UnknownCertificate { .. })));
    let again = answers.pop().unwrap().unwrap_err();
    assert!(matches!(again.refusal(), Some(Refusal::AlreadyRevoked { .. })));
    let positions: Vec<u64> = answers.iter().map(|it| it.as_ref().unwrap().position.0).collect();
    assert_eq!(positions, (1..=2500).collect::<Vec<_>>());
    assert_eq!(crl(&authority).unwrap().0.crl.entries, 2501);

    let late = RevocationDetails { date: Some(day(9)), ..RevocationDetails::default() };
    let refused = authority.revoke_all(&[revoke(issuer, 2501).with_details(late)]);
    assert!(refused.iter().all(Result::is_err));
}

#[test]
fn a_row_that_is_hidden_is_an_error_and_never_a_shorter_crl() {
    let hides = Arc::new(AtomicBool::default());
    let store = Watched { hides: Arc::clone(&hides), ..Watched::default() };
    let authority = authority(store, &ToyClock::at(day(0)), Arc::default());
    let issuer = issue(&authority, 3);
    for number in 1..=3 {
        authority.revoke(&revoke(issuer, number)).unwrap();
    }
    assert_eq!(crl(&authority).unwrap().0.crl.entries, 3);
    hides.store(true, Ordering::SeqCst);
    let error = crl(&authority).unwrap_err();
    assert!(matches!(error, Error::Crl(CrlError::Entries(_))), "{error:?}");
    let error = authority.revocation(issuer, serial(3)).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error:?}");
}

#[test]
fn the_entries_are_read_once_for_their_length_is_known() {
    let readings = Arc::new(AtomicU64::default());
    let store = Watched { readings: Arc::clone(&readings), ..Watched::default() };
    let authority = authority(store, &ToyClock::at(day(0)), Arc::default());
    let issuer = issue(&authority, 9);
    // So many that a signature that is an octet longer moves nothing.
    for number in 1..=8 {
        authority.revoke(&revoke(issuer, number)).unwrap();
    }
    readings.store(0, Ordering::SeqCst);
    assert_eq!(crl(&authority).unwrap().0.crl.entries, 8);
    assert_eq!(readings.swap(0, Ordering::SeqCst), 1);
    // The entry of the second is another from here on, and longer.
    let amendment = Amendment { key_compromise: true, ..Amendment::default() };
    let target = Target::Serial { issuer, serial: serial(2) };
    authority.amend(&Amend::new(target, amendment)).unwrap();
    authority.revoke(&revoke(issuer, 9)).unwrap();
    readings.store(0, Ordering::SeqCst);
    assert_eq!(crl(&authority).unwrap().0.crl.entries, 9);
    assert_eq!(readings.swap(0, Ordering::SeqCst), 1);
}

#[test]
fn a_short_list_is_read_once_though_its_length_is_not_known() {
    let readings = Arc::new(AtomicU64::default());
    let store = Watched { readings: Arc::clone(&readings), ..Watched::default() };
    let authority = authority(store, &ToyClock::at(day(0)), Arc::default());
    let issuer = issue(&authority, 9);
    let distribution =
        Distribution::new("http://crl.example").with_ca_certificates().with_user_certificates();
    authority.set_distribution(issuer, &distribution).unwrap();
    for number in 1..=8 {
        authority.revoke(&revoke(issuer, number)).unwrap();
    }
    let request = CrlRequest::new(Duration::from_secs(3600));
    for (scope, entries) in [(Scope::UserCertificates, 8), (Scope::CaCertificates, 0)] {
        readings.store(0, Ordering::SeqCst);
        let request = request.clone().of(scope);
        let made = authority.crl(issuer, &request, &root(), &mut Vec::new()).unwrap();
        assert_eq!(made.crl.entries, entries, "{scope}");
        assert_eq!(readings.swap(0, Ordering::SeqCst), 1, "{scope}");
    }
}

/// A store that counts its writes and the readings of entries, and hides the second entry of every
/// log when it is told to.
#[derive(Debug, Default)]
struct Watched {
    store: MemoryStore,
    writes: Arc<AtomicU64>,
    readings: Arc<AtomicU64>,
    hides: Arc<AtomicBool>,
}

impl Store for Watched {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.store.apply(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let hides = self.hides.load(Ordering::SeqCst);
        Ok(Box::new(Watching { snapshot: self.store.snapshot()?, readings: &self.readings, hides }))
    }
}

struct Watching<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    readings: &'a AtomicU64,
    hides: bool,
}

impl Snapshot for Watching<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        self.snapshot.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if space == Space::Entries {
            self.readings.fetch_add(1, Ordering::SeqCst);
        }
        let hides = self.hides && matches!(space, Space::Log | Space::Entries);
        self.snapshot.scan(space, from, to, &mut |key, value| {
            if hides && key.ends_with(&2u64.to_be_bytes()) {
                return ControlFlow::Continue(());
            }
            visit(key, value)
        })
    }
}
