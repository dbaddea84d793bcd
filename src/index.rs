//! The serial numbers that a prefix of a log revokes, laid out for look-up.

mod batch;
mod changes;
mod chunk;
mod indexes;
mod lines;
mod order;
mod pages;
mod record;
mod revoked;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use self::{
    changes::{Changes, Merge},
    chunk::Chunk,
    indexes::Indexes,
    lines::Full,
    record::Said,
    revoked::RevokedSubject,
    view::Snapshot,
};

use self::view::{End, View};
use crate::{
    crl::{EntryWriter, Extent, Stopped},
    log::{Entry, Event, FreshnessToken, Head, Position, Tally},
    time::Timestamp,
};
use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{
        AtomicBool, AtomicU64,
        Ordering::{Acquire, Release},
    },
};

/// The revoked serial numbers of one issuer, up to a position of its log.
///
/// Any number of threads read it while one brings it up to date; none of them waits.
pub(crate) struct SerialIndex {
    /// A secret.
    key: [u8; 16],
    incarnation: [u8; 16],
    /// Nothing before the log was first read.
    view: OnceLock<View>,
    position: AtomicU64,
    /// The chain digest at the position, or a later one.
    chain: [AtomicU64; 4],
    /// Whether the log may be another than what was read of it.
    behind: AtomicBool,
    progress: Mutex<Progress>,
}

/// What only who brings the index up to date must know.
struct Progress {
    /// How far the log was read, and in which history.
    token: FreshnessToken,
    end: End,
    /// What the entries were of which the view was made.
    tally: Tally,
    /// Whether the end is that of the view: not after something was taken in only in part.
    is_whole: bool,
}

impl SerialIndex {
    /// The index of a log of which nothing was read yet. The token must be that of its start; the key
    /// keeps those who choose serial numbers from slowing it down, if they do not know it.
    pub(crate) fn new(start: FreshnessToken, key: [u8; 16]) -> Self {
        Self {
            key,
            incarnation: start.incarnation,
            view: OnceLock::new(),
            position: AtomicU64::new(start.position.0),
            chain: chain_words(&start.chain).map(AtomicU64::new),
            behind: AtomicBool::new(true),
            progress: Mutex::new(Progress {
                token: start,
                end: End::default(),
                tally: Tally::default(),
                is_whole: true,
            }),
        }
    }

    /// What is known of the log; nothing where the store must be asked what the log is.
    #[inline]
    pub(crate) fn current(&self) -> Option<Snapshot<'_>> {
        if self.behind.load(Acquire) { None } else { self.known() }
    }

    /// What is known of the log, if that is what the token names, or has just grown on from it.
    pub(crate) fn at(&self, token: &FreshnessToken) -> Option<Snapshot<'_>> {
        // A chain digest is of all entries up to it, and is written when they have been taken in.
        let known = self.chain.iter().map(|word| word.load(Acquire));
        let is_it = token.incarnation == self.incarnation && known.eq(chain_words(&token.chain));
        self.known().filter(|known| is_it && known.position() >= token.position)
    }

    #[inline]
    fn known(&self) -> Option<Snapshot<'_>> {
        let view = self.view.get()?;
        Some(Snapshot { view, position: Position(self.position.load(Acquire)) })
    }

    /// Brings the index up to date, when nobody else does.
    pub(crate) fn update(&self) -> Update<'_> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        Update { index: self, progress }
    }
}

/// Brings an index up to date.
pub(crate) struct Update<'a> {
    index: &'a SerialIndex,
    progress: MutexGuard<'a, Progress>,
}

impl<'a> Update<'a> {
    /// How far the log was read, and in which history.
    pub(crate) fn token(&self) -> &FreshnessToken {
        &self.progress.token
    }

    /// What is known of the log.
    ///
    /// # Errors
    /// Where that is less than it should be, since there are too many certificates.
    pub(crate) fn snapshot(&self) -> Result<Snapshot<'a>, Full> {
        self.index.current().ok_or(Full)
    }

    /// All that a CRL which is made at this head must know of, if that is what is known here: what was
    /// pruned since it was read is still there.
    pub(crate) fn live(&self, head: &Head) -> Option<Live<'a>> {
        let Progress { token, tally, end, is_whole } = &*self.progress;
        let is_it = (token.position, token.chain) == (head.position, head.chain);
        let is_all = is_it && *is_whole && *tally == head.tally;
        let snapshot = self.index.known().filter(|_| is_all)?;
        Some(Live { snapshot, end: *end })
    }

    /// Takes in what the entries up to this token say of the certificates that CRLs must still know of,
    /// which `read` hands over: those about one certificate in the order of the log, which come to this
    /// tally. The token is of the same history as the one before, and may be before the head.
    ///
    /// # Errors
    /// Where `read` fails. Nothing was taken in then.
    pub(crate) fn read<E>(
        &mut self,
        token: FreshnessToken,
        tally: Tally,
        read: impl FnOnce(&mut Filling) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { index, progress } = self;
        let (view, end) = View::new(&index.key, tally.count);
        let mut filling = Filling { view, end, taken: Ok(()) };
        read(&mut filling)?;
        let Filling { view, end, mut taken } = filling;
        if taken.is_ok() {
            taken = match index.view.get() {
                Some(known) => known
                    .absorb(&mut progress.end, &view, &end, token.position)
                    .map(|()| progress.tally = tally),
                None => {
                    (progress.end, progress.tally) = (end, tally);
                    index.view.get_or_init(|| view);
                    Ok(())
                }
            };
        }
        progress.is_whole = taken.is_ok();
        if taken.is_ok() {
            self.reach(token);
        }
        Ok(())
    }

    /// Takes in the entry at this position, if it is the next one. Where it is any other than the
    /// last one, it may be of a history that parted from this one.
    pub(crate) fn advance(&mut self, position: Position, entry: &Entry, value: &[u8]) {
        let token = self.progress.token;
        let next = token.position.0.saturating_add(1);
        if position.0 == next && entry.follows(&token.chain) && self.take(position, &entry.event) {
            if entry.event.subject().is_some() {
                self.progress.tally.add(value);
            }
            self.reach(FreshnessToken { position, chain: entry.chain, ..token });
        }
        let token = self.token();
        if (position, entry.chain) != (token.position, token.chain) {
            self.fall_behind();
        }
    }

    /// Takes in an event; answers whether it could.
    fn take(&mut self, position: Position, event: &Event) -> bool {
        let Some(view) = self.index.view.get().filter(|_| self.progress.is_whole) else {
            return false;
        };
        match RevokedSubject::of(event, position) {
            Some(is) => view.add(&mut self.progress.end, is).is_ok(),
            None => true,
        }
    }

    /// Says that all entries up to the token were taken in.
    fn reach(&mut self, token: FreshnessToken) {
        self.progress.token = token;
        for (word, value) in self.index.chain.iter().zip(chain_words(&token.chain)) {
            word.store(value, Release);
        }
        self.index.position.store(token.position.0, Release);
    }

    /// Says that the log goes no further than this position.
    pub(crate) fn caught_up(&mut self, head: Position) {
        if self.token().position == head {
            self.index.behind.store(false, Release);
        }
    }

    /// Says that the log may go further.
    pub(crate) fn fall_behind(&mut self) {
        self.index.behind.store(true, Release);
    }
}

/// A view that nobody sees yet.
pub(crate) struct Filling {
    view: View,
    end: End,
    taken: Result<(), Full>,
}

impl Filling {
    /// Takes in what an entry says.
    pub(crate) fn add(&mut self, is: RevokedSubject) {
        self.taken = self.taken.and_then(|()| self.view.add(&mut self.end, is));
    }

    /// Takes in a chunk, of certificates that were in none before.
    pub(crate) fn add_chunk(&mut self, chunk: &Chunk) {
        self.taken = self.taken.and_then(|()| self.view.add_chunk(&mut self.end, chunk));
    }
}

/// What is known of a log at its head, where that is all that a CRL must know of.
#[derive(Clone, Copy)]
pub(crate) struct Live<'a> {
    snapshot: Snapshot<'a>,
    end: End,
}

impl Live<'_> {
    /// As [`Snapshot::each`].
    pub(crate) fn each<E>(
        &self,
        visit: impl FnMut(RevokedSubject) -> Result<(), E>,
    ) -> Result<(), E> {
        self.snapshot.each(visit)
    }

    /// As [`Snapshot::write_entries`].
    pub(crate) fn write_entries(&self, writer: &mut EntryWriter<'_>) -> Result<(), Stopped> {
        self.snapshot.write_entries(writer)
    }

    /// Of how many certificates it is not known when they expire.
    pub(crate) const fn without_not_after(&self) -> u64 {
        self.end.without_not_after() as u64
    }

    /// What a CRL comes to that lists all certificates, if none of them expires before this.
    pub(crate) fn extent_if_none_expires(&self, before: Option<Timestamp>) -> Option<Extent> {
        self.end.extent_if_none_expires(before)
    }
}

/// A chain digest as words.
fn chain_words(chain: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    let (octets, _) = chain.as_chunks();
    for (word, octets) in words.iter_mut().zip(octets) {
        *word = u64::from_le_bytes(*octets);
    }
    words
}
