//! What a desk keeps of a certificate, and of an account.

use super::{
    ATTEMPTS, Desk, DeskError,
    write::{Change, Counted, Outcome},
};
use crate::{
    authority::Error,
    codec::{Damaged, Reader, Writer},
    issuer_id::IssuerId,
    request::{life::RevocationRequest, pair},
    serial::Serial,
    store::{Batch, Put, Snapshot, Space, Store, StoreError, Table, Version, key},
    time::Timestamp,
};

/// What a desk keeps of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    /// The last request that it be revoked.
    pub(super) request: Option<RevocationRequest>,
    pub(super) deleted_at: Option<Timestamp>,
}

/// What a desk keeps of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// How many certificates it bought.
    pub(super) purchases: u64,
    /// How many requests it made that count: not those that came to nothing.
    pub(super) requests: u64,
}

impl File {
    const FORMAT: u8 = 1;

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.optional(self.request.as_ref(), |out, request| request.write(out));
        out.optional(self.deleted_at, Writer::timestamp);
        out.finish()
    }

    pub(super) fn from_octets(record: &[u8]) -> Result<Self, Damaged> {
        let mut fields = Reader::new(record, Self::FORMAT)?;
        let request = fields.optional(RevocationRequest::read)?;
        let deleted_at = fields.optional(Reader::timestamp)?;
        fields.finish()?;
        Ok(Self { request, deleted_at })
    }

    /// The request, if it counts against the quota of its account.
    fn counted(&self) -> Option<&RevocationRequest> {
        self.request.as_ref().filter(|it| it.counted && it.is_alive())
    }
}

impl Account {
    const FORMAT: u8 = 1;

    fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.u64(self.purchases);
        out.u64(self.requests);
        out.finish()
    }

    fn from_octets(record: &[u8]) -> Result<Self, Damaged> {
        let mut fields = Reader::new(record, Self::FORMAT)?;
        let account = Self { purchases: fields.u64()?, requests: fields.u64()? };
        fields.finish()?;
        Ok(account)
    }
}

impl Account {
    /// Counts a request, unless it is one too many.
    pub(super) fn count(&mut self, counted: &Counted) -> Result<(), DeskError> {
        if counted.begins && counted.is_new && self.requests >= self.purchases {
            return Err(DeskError::QuotaExceeded { purchases: self.purchases });
        }
        self.requests = match counted.begins {
            true => self.requests.saturating_add(1),
            false => self.requests.saturating_sub(1),
        };
        Ok(())
    }
}

impl<S: Store> Desk<S> {
    /// The file of a certificate as it is kept, expired requests and all.
    pub(super) fn file(&self, issuer: IssuerId, serial: Serial) -> Result<File, DeskError> {
        let snapshot = self.authority.store().snapshot()?;
        Ok(read_file(&*snapshot, &key::certificate(issuer, serial))?.1)
    }

    /// Changes the file of a certificate by what is decided on it, and tells the decision. What has
    /// expired is written down first, and nothing is where the file stays as it is.
    pub(super) fn change<T>(
        &self,
        (issuer, serial): (IssuerId, Serial),
        mut decide: impl FnMut(&mut File, Timestamp) -> Result<T, DeskError>,
    ) -> Result<T, DeskError> {
        let key = key::certificate(issuer, serial);
        for _ in 0..ATTEMPTS {
            let now = self.authority.now();
            let snapshot = self.authority.store().snapshot()?;
            let (version, before) = read_file(&*snapshot, &key)?;
            let mut file = before.clone();
            if let Some(request) = &mut file.request {
                request.expire(now);
            }
            // What is decided on what is recorded of the certificate holds on to that.
            let registered = snapshot.get(Space::Table(Table::Certificates), &key)?;
            let has_expired = file != before;
            let decided = if has_expired { None } else { Some(decide(&mut file, now)?) };
            if file == before
                && let Some(decided) = decided
            {
                return Ok(decided);
            }
            let der = match file.deleted_at.is_some() && before.deleted_at.is_none() {
                true => snapshot.get(Space::Table(Table::CertificateDer), &key)?,
                false => None,
            };
            drop(snapshot);
            let change = Change {
                key: key.clone(),
                registered: registered.map_or(Version::ABSENT, |record| record.version),
                expected: version,
                file: file.to_octets(),
                retired_der: der.map(|der| der.version),
                counted: counted(&before, &file),
            };
            match (self.write(change), decided) {
                (Outcome::Written, Some(decided)) => return Ok(decided),
                (Outcome::Written | Outcome::Stale, _) => {}
                (Outcome::Failed(error), _) => return Err(error),
            }
        }
        Err(DeskError::Contended { attempts: ATTEMPTS })
    }

    /// Says how many certificates an account has bought by now, in all: as many requests may it make.
    ///
    /// # Errors
    /// Where the store fails, or others that write of the account are faster many times over.
    pub fn set_purchases(&self, account: &str, purchases: u64) -> Result<(), DeskError> {
        for _ in 0..ATTEMPTS {
            let (version, known) = read_account(&*self.authority.store().snapshot()?, account)?;
            let put = put_account(account, version, Account { purchases, ..known });
            let batch = Batch { puts: vec![put], ..Batch::default() };
            match self.authority.store().apply(&batch) {
                Err(StoreError::Conflict { .. }) => {}
                applied => return Ok(applied?),
            }
        }
        Err(DeskError::Contended { attempts: ATTEMPTS })
    }

    /// How many revocation requests an account has made, but for those that came to nothing, and how
    /// many certificates it bought.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn requests_and_purchases(&self, account: &str) -> Result<(u64, u64), DeskError> {
        let (_, known) = read_account(&*self.authority.store().snapshot()?, account)?;
        Ok((known.requests, known.purchases))
    }
}

/// What of a change counts: a request that begins to, or one that does so no more.
fn counted(before: &File, after: &File) -> Option<Counted> {
    let (was, is) = (before.counted(), after.counted());
    // One that was recorded counts for good, though another takes its place: that needs a record of
    // the certificate that was let go of.
    let is_same = was.map(|it| it.id) == is.map(|it| it.id);
    let (account, begins) = match (was, is) {
        (_, Some(is)) if !is_same => (&is.account, true),
        (Some(was), None) => (&was.account, false),
        _ => return None,
    };
    let is_new = before.request.as_ref().map(|it| it.id) != after.request.as_ref().map(|it| it.id);
    Some(Counted { account: account.clone(), begins, is_new })
}

pub(super) fn read_file(snapshot: &dyn Snapshot, key: &[u8]) -> Result<(Version, File), Error> {
    match snapshot.get(Space::Table(Table::Requests), key)? {
        None => Ok((Version::ABSENT, File::default())),
        Some(record) => {
            let file = File::from_octets(&record.value);
            Ok((record.version, file.map_err(|problem| corrupt("request", &problem))?))
        }
    }
}

pub(super) fn read_account(
    snapshot: &dyn Snapshot,
    account: &str,
) -> Result<(Version, Account), Error> {
    match snapshot.get(Space::Table(Table::Counters), &account_key(account))? {
        None => Ok((Version::ABSENT, Account::default())),
        Some(record) => {
            let known = Account::from_octets(&record.value);
            Ok((record.version, known.map_err(|problem| corrupt("account", &problem))?))
        }
    }
}

pub(super) fn put_account(account: &str, expected: Version, known: Account) -> Put {
    Put { table: Table::Counters, key: account_key(account), expected, value: known.to_octets() }
}

fn account_key(account: &str) -> Vec<u8> {
    pair("desk: requests and purchases of an account", account.as_bytes()).to_vec()
}

pub(super) fn corrupt(what: &str, problem: &Damaged) -> StoreError {
    StoreError::Corrupt { what: format!("{what} at the desk"), problem: problem.to_string() }
}
