//! What was answered to a request that may come again.
//!
//! ```text
//! nothing ──▶ begun ──▶ answered ──▶ nothing, when it was kept for long enough
//!               │  ▲
//!               └──┘ after a crash, the same command again
//! ```
//!
//! The record is written before anything is done, and names the command by which it is to be done.
//! So whoever comes after a crash does not do it twice: the authority finds the command in its log.
//!
//! A record that was let go of and made anew has the same version as before. So there is one more
//! record, the fence, which changes whenever any is let go of, and whoever writes one holds on to the
//! fence that they saw.

use super::pair;
use crate::{
    codec::{Damaged, Reader, Writer},
    log::CommandId,
    retry::Retry,
    store::{
        Assert, Batch, Put, Record, Retire, Snapshot, Space, Store, StoreError, Table, Version,
    },
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{fmt, ops::ControlFlow, str::FromStr, time::Duration};

/// The text by which a client names a request that it may send again.
///
/// 1 to 128 ASCII characters, all visible: a UUID mostly. The client sees to it that no two of its
/// requests have the same.
///
/// ```
/// use annul::ClientToken;
///
/// let token: ClientToken = "0c593ea1-3bea-11e9-b96b-88e9fe637760".parse()?;
/// assert!("".parse::<ClientToken>().is_err());
/// assert!("schlüssel".parse::<ClientToken>().is_err());
/// # Ok::<(), annul::BadClientToken>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientToken(String);

/// A text that is no [`ClientToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no client token: 1 to 128 visible ASCII characters are one")]
#[non_exhaustive]
pub struct BadClientToken;

impl FromStr for ClientToken {
    type Err = BadClientToken;

    fn from_str(text: &str) -> Result<Self, BadClientToken> {
        const LONGEST: usize = 128;
        let is_token = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|octet| octet.is_ascii_graphic());
        if is_token { Ok(Self(text.to_owned())) } else { Err(BadClientToken) }
    }
}

impl ClientToken {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Does each request once, however often it is sent.
///
/// A token is bound to the account that sent it, to the operation and to the arguments. Sent again
/// with the same ones it is answered as before; with others it is refused. After the time that
/// answers are kept, a token is as good as new: that should be longer than the clocks of several
/// nodes may differ.
///
/// ```
/// use annul::{IdempotencyError, Idempotency, MemoryStore, Timestamp};
/// use std::time::Duration;
///
/// let idempotency = Idempotency::new(MemoryStore::new(), Duration::from_secs(24 * 60 * 60));
/// let (token, now) = ("0c593ea1".parse()?, Timestamp::UNIX_EPOCH);
/// let ask = |arguments: &[u8]| {
///     idempotency.once("account", "Revoke", &token, arguments, now, |command| {
///         // Here `Revoke::with_command(command)` is carried out.
///         Ok::<_, IdempotencyError>(command.0.to_vec())
///     })
/// };
/// let first = ask(b"leaf-1")?;
/// let second = ask(b"leaf-1")?;
/// assert!(second.repeated && second.octets == first.octets);
/// assert!(matches!(ask(b"leaf-2"), Err(IdempotencyError::OtherArguments { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Idempotency<S> {
    store: S,
    keep: Duration,
}

/// What a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptAnswer {
    /// The answer, as the work gave it.
    pub octets: Vec<u8>,
    /// Whether it is that of an earlier call.
    pub repeated: bool,
}

/// Why a request with a token was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdempotencyError {
    /// The token was sent with other arguments before. Nothing was done.
    #[error("the client token was sent with other arguments at {since}")]
    OtherArguments {
        /// When that was.
        since: Timestamp,
    },
    /// Others that wrote what is kept were faster, again and again. What the request asks for may
    /// have been done.
    #[error("others that wrote answers were faster {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The work ended after the time that answers are kept, and the token is another request's by
    /// now. What the request asks for was done.
    #[error("the client token is another request's by now")]
    Overtaken,
    /// The store failed. What the request asks for may have been done; to send it again is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdempotencyError {
    /// Whether trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::OtherArguments { .. } | Self::Overtaken => Retry::Never,
            Self::Contended { .. } => Retry::Now,
            Self::Store(error) => error.retry(),
        }
    }
}

const ATTEMPTS: u32 = 100;

impl<S: Store> Idempotency<S> {
    /// Keeps each answer for so long after the request came first, in seconds and at least one. The
    /// store may be that of an [`Authority`](crate::Authority).
    pub fn new(store: S, keep: Duration) -> Self {
        let fraction = u64::from(keep.subsec_nanos() > 0);
        let seconds = keep.as_secs().saturating_add(fraction).max(1);
        Self { store, keep: Duration::from_secs(seconds) }
    }

    /// Does the work of a request, unless it was answered before.
    ///
    /// `arguments` are all that the request says, in any form that is always the same. `work` is
    /// given the id of the command that it is to carry out: the same again where it was begun before
    /// and never answered, be it because of a crash or because another call is still at it, until
    /// that was [forgotten](Self::forget_expired). Where it fails, nothing is kept but that it was
    /// begun, so the request may come again.
    ///
    /// # Errors
    /// Those of the work, and [`IdempotencyError`].
    pub fn once<E: From<IdempotencyError>>(
        &self,
        account: &str,
        operation: &str,
        token: &ClientToken,
        arguments: &[u8],
        now: Timestamp,
        work: impl FnOnce(CommandId) -> Result<Vec<u8>, E>,
    ) -> Result<KeptAnswer, E> {
        let key = pair(account, token.as_str().as_bytes());
        let found = self.begin(key, pair(operation, arguments), now)?;
        if let Some(octets) = found.kept.answer {
            return Ok(KeptAnswer { octets, repeated: true });
        }
        let octets = work(found.kept.begun.command)?;
        Ok(self.answer(key, found, octets)?)
    }

    /// Lets go of what was kept twice as long as it had to be, so that a clock that is behind finds
    /// it still, and says of how many records.
    ///
    /// It may run beside anything else, but does so best when little else is done: whoever is at a
    /// request meanwhile has to look again, and in a database others may have to wait. Where it is
    /// never called, all is right, and the store grows.
    ///
    /// # Errors
    /// Where the store fails, and at last where a record is damaged, which is left.
    pub fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let (mut first, mut forgotten, mut damaged) = (Some(Vec::new()), 0, None);
        while let Some(from) = first.take() {
            // Where others go on writing, what is left on a page is for the next time.
            for attempt in 1.. {
                let snapshot = self.store.snapshot()?;
                let page = self.page(&*snapshot, &from, now)?;
                first = page.next;
                damaged = damaged.or(page.damaged);
                drop(snapshot);
                let count = page.expired.len() as u64;
                if count == 0 {
                    break;
                }
                let fence = write_fence(page.fence);
                let batch = Batch { retires: page.expired, puts: vec![fence], ..Batch::default() };
                match self.store.apply(&batch) {
                    Ok(()) => {
                        forgotten += count;
                        break;
                    }
                    Err(StoreError::Conflict { .. }) if attempt < ATTEMPTS => {}
                    Err(StoreError::Conflict { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
        }
        damaged.map_or(Ok(forgotten), Err)
    }

    /// What of the records from this key on is to be let go of.
    fn page(
        &self,
        snapshot: &dyn Snapshot,
        from: &[u8],
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        /// With the fence, as many as one transaction of any store should write.
        const LONGEST: usize = 999;
        let (mut keys, mut seen) = (Vec::new(), 0);
        let (mut next, mut damaged) = (None, None);
        snapshot.scan(SPACE, from, None, &mut |key, value| {
            match Kept::from_octets(value) {
                _ if key == FENCE => {}
                Ok(Kept { begun, .. }) => {
                    let as_long = begun.until.saturating_since(begun.at);
                    if begun.until.saturating_add(as_long) <= now {
                        keys.push(key.to_vec());
                    }
                }
                Err(problem) => damaged = Some(corrupt(&problem)),
            }
            seen += 1;
            if seen == LONGEST {
                next = Some([key, &[0]].concat());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let records = snapshot.get_all(SPACE, &keys)?;
        let version = snapshot.get(SPACE, FENCE)?.map(|fence| fence.version);
        let retire = |(key, record): (_, Option<Record>)| {
            record.map(|record| Retire { table: TABLE, key, expected: record.version })
        };
        let expired = keys.into_iter().zip(records).filter_map(retire).collect();
        Ok(Page { fence: version.unwrap_or_default(), expired, next, damaged })
    }

    /// What is kept of this request, which is begun now if there is nothing.
    fn begin(
        &self,
        key: Key,
        arguments: [u8; 32],
        now: Timestamp,
    ) -> Result<Found<Kept>, IdempotencyError> {
        for _ in 0..ATTEMPTS {
            let Found { fence, version, kept } = self.find(key)?;
            let is_over = |begun: &Begun| begun.until <= now;
            let until = now.saturating_add(self.keep);
            let begun = match kept {
                Some(Kept { begun, .. }) if begun.arguments != arguments && !is_over(&begun) => {
                    return Err(IdempotencyError::OtherArguments { since: begun.at });
                }
                Some(kept) if !is_over(&kept.begun) => return Ok(Found { fence, version, kept }),
                // Whoever began it may have done it before a crash.
                Some(Kept { begun, answer: None }) if begun.arguments == arguments => {
                    Begun { at: now, until, ..begun }
                }
                _ => {
                    let command = command(key, arguments, now, version, fence);
                    Begun { arguments, command, at: now, until }
                }
            };
            let kept = Kept { begun, answer: None };
            if let Some((fence, version)) = self.put(key, fence, version, &kept)? {
                return Ok(Found { fence, version, kept });
            }
        }
        Err(IdempotencyError::Contended { attempts: ATTEMPTS })
    }

    /// Keeps an answer, unless there is one: then that is the answer.
    fn answer(
        &self,
        key: Key,
        found: Found<Kept>,
        octets: Vec<u8>,
    ) -> Result<KeptAnswer, IdempotencyError> {
        let Found { mut fence, mut version, kept: Kept { begun, .. } } = found;
        let mut answered = Kept { answer: Some(octets), begun };
        for _ in 0..ATTEMPTS {
            if self.put(key, fence, version, &answered)?.is_some() {
                let octets = answered.answer.unwrap_or_default();
                return Ok(KeptAnswer { octets, repeated: false });
            }
            let found = self.find(key)?;
            (fence, version) = (found.fence, found.version);
            match found.kept {
                Some(Kept { begun, .. }) if begun.command != answered.begun.command => {
                    return Err(IdempotencyError::Overtaken);
                }
                Some(Kept { answer: Some(octets), .. }) => {
                    return Ok(KeptAnswer { octets, repeated: true });
                }
                // Somebody who found it over has begun it anew: it is kept from then on.
                Some(Kept { begun, answer: None }) => answered.begun = begun,
                // It was let go of.
                None => {}
            }
        }
        Err(IdempotencyError::Contended { attempts: ATTEMPTS })
    }

    fn find(&self, key: Key) -> Result<Found<Option<Kept>>, StoreError> {
        let keys = [FENCE.to_vec(), key.to_vec()];
        let mut records = self.store.snapshot()?.get_all(SPACE, &keys)?.into_iter();
        let (fence, record) = (records.next().flatten(), records.next().flatten());
        let version =
            |record: &Option<Record>| record.as_ref().map_or(Version::ABSENT, |it| it.version);
        let kept = record.as_ref().map(|it| Kept::from_octets(&it.value)).transpose();
        let kept = kept.map_err(|problem| corrupt(&problem))?;
        Ok(Found { fence: version(&fence), version: version(&record), kept })
    }

    /// Writes a record, and answers the versions of the fence and of the record then; nothing where
    /// somebody else was faster.
    fn put(
        &self,
        key: Key,
        fence: Version,
        expected: Version,
        kept: &Kept,
    ) -> Result<Option<(Version, Version)>, StoreError> {
        let put = Put { table: TABLE, key: key.to_vec(), expected, value: kept.to_octets() };
        let mut batch = Batch { puts: vec![put], ..Batch::default() };
        let mut fence = fence;
        if fence == Version::ABSENT {
            batch.puts.push(write_fence(fence));
            fence = Version(1);
        } else {
            let key = FENCE.to_vec();
            batch.asserts.push(Assert { table: TABLE, key, expected: fence });
        }
        match self.store.apply(&batch) {
            Ok(()) => Ok(Some((fence, Version(expected.0.saturating_add(1))))),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

const TABLE: Table = Table::IdempotencyTokens;
const SPACE: Space = Space::Table(TABLE);
/// Shorter than any other key.
const FENCE: &[u8] = b"fence";

fn write_fence(expected: Version) -> Put {
    Put { table: TABLE, key: FENCE.to_vec(), expected, value: vec![Kept::FORMAT] }
}

type Key = [u8; 32];

/// What is in the store, and at which versions of the fence and of the record.
struct Found<T> {
    fence: Version,
    version: Version,
    kept: T,
}

struct Page {
    fence: Version,
    expired: Vec<Retire>,
    /// Where the next page begins, if there may be one.
    next: Option<Vec<u8>>,
    damaged: Option<StoreError>,
}

/// A request that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Begun {
    /// Of the operation and its arguments.
    arguments: [u8; 32],
    command: CommandId,
    at: Timestamp,
    /// Until then it is kept, whatever is said of others later.
    until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    begun: Begun,
    answer: Option<Vec<u8>>,
}

/// A command that no other record ever had: none was made at both of these versions.
fn command(
    key: Key,
    arguments: [u8; 32],
    at: Timestamp,
    version: Version,
    fence: Version,
) -> CommandId {
    let digest = Sha256::new()
        .chain_update(b"annul: the command of a request\0")
        .chain_update(key)
        .chain_update(arguments)
        .chain_update(at.unix().to_be_bytes())
        .chain_update(version.0.to_be_bytes())
        .chain_update(fence.0.to_be_bytes())
        .finalize();
    CommandId(digest.first_chunk().copied().unwrap_or_default())
}

impl Kept {
    const FORMAT: u8 = 1;

    fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.fixed(&self.begun.arguments);
        out.fixed(&self.begun.command.0);
        out.timestamp(self.begun.at);
        out.timestamp(self.begun.until);
        out.optional(self.answer.as_deref(), Writer::octet_string);
        out.finish()
    }

    fn from_octets(record: &[u8]) -> Result<Self, Damaged> {
        let mut fields = Reader::new(record, Self::FORMAT)?;
        let (arguments, command) = (fields.fixed()?, CommandId(fields.fixed()?));
        let (at, until) = (fields.timestamp()?, fields.timestamp()?);
        let answer = fields.optional(|fields| fields.octet_string().map(<[u8]>::to_vec))?;
        fields.finish()?;
        Ok(Self { begun: Begun { arguments, command, at, until }, answer })
    }
}

fn corrupt(problem: &Damaged) -> StoreError {
    let (what, problem) = ("answer to a request".to_owned(), problem.to_string());
    StoreError::Corrupt { what, problem }
}

impl fmt::Display for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
