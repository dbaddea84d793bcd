//! Writing what is decided on certificates, that of many threads by one durable write.
//!
//! What counts against a quota is counted here and not where it is decided: requests of one account
//! would always make each other decide anew, and of many that come at once some would never get
//! through.

use super::{
    ATTEMPTS, Desk, DeskError,
    file::{Account, put_account, read_account},
};
use crate::{
    authority::Error,
    store::{Assert, Batch, Put, Retire, Snapshot, Space, Store, StoreError, Table, Version},
};
use std::collections::{BTreeMap, HashSet, btree_map::Entry};

/// What was decided on a certificate.
#[derive(Debug)]
pub(super) struct Change {
    /// The certificate's, in all tables.
    pub(super) key: Vec<u8>,
    /// What is recorded of it, which the decision hangs on.
    pub(super) registered: Version,
    /// What the desk keeps of it.
    pub(super) expected: Version,
    pub(super) file: Vec<u8>,
    /// Its DER, where that is to go.
    pub(super) retired_der: Option<Version>,
    pub(super) counted: Option<Counted>,
}

/// A request that begins to count against the quota of its account, or that does so no more.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) account: String,
    pub(super) begins: bool,
    /// Whether it may be one too many: not where it went on from what counted before.
    pub(super) is_new: bool,
}

/// What became of a change.
#[derive(Debug)]
pub(super) enum Outcome {
    Written,
    /// What it was decided on does not hold any more. Nothing of it was written.
    Stale,
    Failed(DeskError),
}

/// How many certificates are written of together.
const TOGETHER: usize = 250;

impl<S: Store> Desk<S> {
    /// Has a change written, by this thread or another that writes already.
    pub(super) fn write(&self, change: Change) -> Outcome {
        self.changes.hand_in(change, |changes| self.write_all(changes)).unwrap_or_else(|| {
            let error = "the thread that wrote for several panicked".into();
            Outcome::Failed(StoreError::Backend(error).into())
        })
    }

    fn write_all(&self, changes: &[Change]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = changes.iter().map(|_| None).collect();
        let mut alone = false;
        for _ in 0..ATTEMPTS {
            if outcomes.iter().all(Option::is_some) {
                break;
            }
            let most = if alone { 1 } else { TOGETHER };
            let joined = match self.join(changes, &outcomes, most) {
                Ok(joined) => joined,
                Err(error) => {
                    let open = (0..changes.len()).filter(|&number| is_open(&outcomes, number));
                    let open: Vec<_> = open.collect();
                    fail(&mut outcomes, &open, error);
                    break;
                }
            };
            let Joined { batch, members, refused } = joined;
            let applied =
                if members.is_empty() { Ok(()) } else { self.authority.store().apply(&batch) };
            match applied {
                Ok(()) => {
                    settle(&mut outcomes, members.iter().map(|&number| (number, Outcome::Written)));
                    settle(&mut outcomes, refused.into_iter());
                }
                // Others have counted requests of the account, in another process: they are read anew.
                Err(StoreError::Conflict { space: Space::Table(Table::Counters), .. }) => {}
                Err(StoreError::Conflict { key, .. }) => {
                    let stale = |&number: &usize| {
                        changes.get(number).is_some_and(|change| change.key == key)
                    };
                    let stale = members.into_iter().filter(stale);
                    settle(&mut outcomes, stale.map(|number| (number, Outcome::Stale)));
                }
                // One of them may be to blame, and the others are not to suffer for it.
                Err(StoreError::BadBatch { .. } | StoreError::Corrupt { .. })
                    if members.len() > 1 =>
                {
                    alone = true;
                }
                Err(error) => fail(&mut outcomes, &members, error.into()),
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Stale)).collect()
    }

    /// As many of the changes without an outcome as one batch can write.
    fn join(
        &self,
        changes: &[Change],
        outcomes: &[Option<Outcome>],
        most: usize,
    ) -> Result<Joined, Error> {
        let snapshot = self.authority.store().snapshot()?;
        let mut accounts: BTreeMap<&str, (Version, Account, bool)> = BTreeMap::new();
        let mut keys = HashSet::new();
        let mut joined = Joined::default();
        for (number, change) in changes.iter().enumerate() {
            let is_due = is_open(outcomes, number) && joined.members.len() < most;
            // A second change of a certificate was decided on what the first one replaces.
            if !is_due || !keys.insert(&change.key) {
                continue;
            }
            if let Some(counted) = &change.counted {
                let known = match accounts.entry(&*counted.account) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => match read_account(&*snapshot, &counted.account) {
                        Ok((version, known)) => place.insert((version, known, false)),
                        // What is damaged of one account is nothing to the others.
                        Err(error @ Error::Store(StoreError::Corrupt { .. })) => {
                            joined.refused.push((number, Outcome::Failed(error.into())));
                            continue;
                        }
                        Err(error) => return Err(error),
                    },
                };
                let (_, account, is_changed) = known;
                match account.count(counted) {
                    Ok(()) => *is_changed = true,
                    // It may be the request that counts already, which another thread has written.
                    Err(_) if !change.holds(&*snapshot)? => {
                        joined.refused.push((number, Outcome::Stale));
                        continue;
                    }
                    Err(error) => {
                        joined.refused.push((number, Outcome::Failed(error)));
                        continue;
                    }
                }
            }
            joined.members.push(number);
            change.add_to(&mut joined.batch);
        }
        for (account, (version, known, is_changed)) in accounts {
            if is_changed {
                joined.batch.puts.push(put_account(account, version, known));
            }
        }
        Ok(joined)
    }
}

/// Changes that are written together.
#[derive(Debug, Default)]
struct Joined {
    batch: Batch,
    /// Their numbers.
    members: Vec<usize>,
    /// Those that are not, and why, if the others are: a request may be one too many.
    refused: Vec<(usize, Outcome)>,
}

impl Change {
    /// Whether it would be decided on the same today.
    fn holds(&self, snapshot: &dyn Snapshot) -> Result<bool, StoreError> {
        let is = |table, expected| {
            let record = snapshot.get(Space::Table(table), &self.key)?;
            Ok::<_, StoreError>(record.map_or(Version::ABSENT, |it| it.version) == expected)
        };
        Ok(is(Table::Certificates, self.registered)? && is(Table::Requests, self.expected)?)
    }

    fn add_to(&self, batch: &mut Batch) {
        let key = || self.key.clone();
        let (table, expected) = (Table::Certificates, self.registered);
        batch.asserts.push(Assert { table, key: key(), expected });
        if let Some(expected) = self.retired_der {
            let table = Table::CertificateDer;
            batch.retires.push(Retire { table, key: key(), expected });
        }
        let (table, expected, value) = (Table::Requests, self.expected, self.file.clone());
        batch.puts.push(Put { table, key: key(), expected, value });
    }
}

fn is_open(outcomes: &[Option<Outcome>], number: usize) -> bool {
    matches!(outcomes.get(number), Some(None))
}

fn settle(outcomes: &mut [Option<Outcome>], settled: impl Iterator<Item = (usize, Outcome)>) {
    for (number, outcome) in settled {
        if let Some(place) = outcomes.get_mut(number) {
            *place = Some(outcome);
        }
    }
}

fn fail(outcomes: &mut [Option<Outcome>], members: &[usize], error: Error) {
    let errors = Error::of_each(members.len(), error).into_iter();
    let failed = errors.map(|error| Outcome::Failed(error.into()));
    settle(outcomes, members.iter().copied().zip(failed));
}
