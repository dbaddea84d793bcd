//! Writing checkpoints, so that who opens a store need not read all entries one by one.
//!
//! ```text
//! entries, in order ──▶ chunks of a new generation ──▶ the record that names it ──▶ old chunks go
//! ```
//!
//! Only the record, which is written last, puts chunks in force. After a crash the checkpoint before is
//! in force, and the next one removes what was left behind. Chunks and record end with their sum: what
//! was damaged is not read.

use super::{
    Authority, Error,
    record::CheckpointRecord,
    view::{Folded, MOST, check_tally},
};
use crate::{
    codec::sealed,
    index::{Chunk, RevokedSubject},
    issuer_id::IssuerId,
    log::{Head, Position, Tally},
    scope::Scope,
    store::{Batch, Put, Retire, Space, Store, StoreError, Table, Version, key},
    time::Timestamp,
};
use std::{
    collections::BTreeMap,
    mem,
    ops::ControlFlow,
    sync::{MutexGuard, PoisonError},
};

const TABLE: Table = Table::Checkpoints;

/// How many chunks are written or removed at once: about a megabyte.
const AT_ONCE: usize = 64;

/// Reading this many entries is quick.
const FEW: u64 = 10_000;

/// What a checkpoint stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpointed {
    /// The position of the log that it was made at.
    pub position: Position,
    /// Whether it was written now; else it was there.
    pub is_new: bool,
}

impl<S: Store> Authority<S> {
    /// Writes beside the log of an issuer what its CRLs must know of, packed: 40 octets or so for
    /// each certificate. Who makes the next full CRL without an index in memory, or the first
    /// [look-up](Authority::revocation), reads that and the end of the log, some ten times as quickly as
    /// the entries.
    ///
    /// Nothing hangs on it: a checkpoint that is lost, damaged or old costs time. It can run beside
    /// everything else, reads all entries, and takes little memory however many there are. A
    /// [`Publisher`](crate::Publisher) does it when it is worth it; call it yourself, once a day say, where
    /// there is none.
    ///
    /// ```
    /// # let root_pem = include_str!("example-root.pem");
    /// use annul::{AddIssuer, Authority, CaCertificate, Certificate, MemoryStore};
    ///
    /// # #[cfg(feature = "p256")] {
    /// let authority = Authority::new(MemoryStore::new());
    /// let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
    /// let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;
    ///
    /// assert!(authority.checkpoint(issuer)?.is_new);
    /// assert!(!authority.checkpoint(issuer)?.is_new, "nothing was revoked since");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), [`Error::Contended`] where somebody
    /// else wrote one meanwhile, or a failure of the store.
    pub fn checkpoint(&self, issuer: IssuerId) -> Result<Checkpointed, Error> {
        let view = self.view()?;
        let head = view.head(issuer)?;
        if let Some(known) = view.checkpoint(issuer, &head)
            && known.record.position == head.position
            && view.chunks(&known, &mut |_| {}).is_ok()
        {
            return Ok(Checkpointed { position: head.position, is_new: false });
        }
        drop(view);
        let position = self.write_checkpoint(issuer, &|| true)?.unwrap_or(head.position);
        Ok(Checkpointed { position, is_new: true })
    }

    /// Writes a checkpoint where that saves more than it costs: where there is none of many entries, or
    /// an eighth was added since. It gives up as soon as nothing `goes_on`.
    pub(crate) fn checkpoint_if_worth_it(
        &self,
        issuer: IssuerId,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let view = self.view()?;
        let head = view.head(issuer)?;
        let lost = self.lost_checkpoints().get(&issuer).copied();
        let known = view.checkpoint(issuer, &head);
        let since = match known.filter(|known| lost != Some(known.record.generation)) {
            Some(known) => head.position.0.saturating_sub(known.record.position.0),
            None => head.tally.count,
        };
        drop(view);
        if since >= (head.tally.count / 8).clamp(FEW, MOST / 2) {
            self.write_checkpoint(issuer, goes_on)?;
        }
        Ok(())
    }

    /// The generations of checkpoints that lack something.
    pub(super) fn lost_checkpoints(&self) -> MutexGuard<'_, BTreeMap<IssuerId, [u8; 16]>> {
        self.lost_checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a checkpoint; answers its position, or nothing where it was to go on no more.
    fn write_checkpoint(
        &self,
        issuer: IssuerId,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Position>, Error> {
        let generation = self.draw()?;
        let written = self.write_generation(issuer, generation, goes_on);
        let may_be_in_force = match &written {
            Ok(position) => position.is_some(),
            // Nobody knows what became of the last batch.
            Err(Error::Store(error)) => !matches!(error, StoreError::Corrupt { .. }),
            Err(_) => false,
        };
        if !may_be_in_force {
            let _ = self.remove_chunks(issuer, &generation);
        }
        written
    }

    /// Writes a checkpoint of this generation. Where it is not in force, its chunks are left.
    fn write_generation(
        &self,
        issuer: IssuerId,
        generation: [u8; 16],
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Position>, Error> {
        let view = self.view()?;
        let incarnation = view.require_issuer(issuer)?.record.incarnation;
        let head = view.head(issuer)?;
        let (version, _) = view.checkpoint_record(issuer)?;
        let mut chunks = Chunks::new(&self.store, issuer, generation);
        let (mut folded, mut is_given_up) = (Folded::default(), false);
        view.live_by_serial(issuer, Scope::Full, |key, value| {
            if let Some(done) = folded.add(key, value)?
                && chunks.push(done)?
            {
                is_given_up = !goes_on();
            }
            let go_on = ControlFlow::Continue(());
            Ok::<_, StoreError>(if is_given_up { ControlFlow::Break(()) } else { go_on })
        })?;
        if is_given_up {
            return Ok(None);
        }
        let (last, tally) = folded.finish();
        check_tally(issuer, head.position, &head.tally, &tally)?;
        last.map_or(Ok(false), |last| chunks.push(last))?;
        let (chunks, earliest_not_after) = chunks.finish()?;
        let Head { position, chain, .. } = head;
        let record = CheckpointRecord {
            incarnation,
            position,
            chain,
            tally,
            generation,
            chunks,
            earliest_not_after,
        };
        // A store may have to keep what a snapshot still shows.
        drop(view);
        // Whoever wrote these chunks began before, and can put them in force no more after this is.
        let others = self.generations(issuer)?.into_iter().filter(|other| *other != generation);
        let others: Vec<_> = others.collect();
        let (table, key, value) = (TABLE, issuer.as_octets().to_vec(), record.to_octets());
        let put = Put { table, key, expected: version, value };
        match self.store.apply(&Batch { puts: vec![put], ..Batch::default() }) {
            // Somebody else was quicker.
            Err(StoreError::Conflict { .. }) => return Err(Error::Contended { attempts: 1 }),
            applied => applied?,
        }
        self.lost_checkpoints().remove(&issuer);
        // What could not be removed goes with the next one, too.
        let _ = others.iter().try_for_each(|other| self.remove_chunks(issuer, other));
        Ok(Some(position))
    }

    /// The generations of which there are chunks.
    fn generations(&self, issuer: IssuerId) -> Result<Vec<[u8; 16]>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let past = key::past(issuer.as_octets());
        let mut generations = Vec::new();
        let mut from = Some(key::chunks(issuer, &[0; 16]));
        while let Some(first) = from.take() {
            snapshot.scan(Space::Table(TABLE), &first, past.as_deref(), &mut |key, _| {
                let generation = key.get(issuer.as_octets().len()..).and_then(<[u8]>::first_chunk);
                generations.extend(generation);
                from = generation.and_then(|it| key::past(&key::chunks(issuer, it)));
                ControlFlow::Break(())
            })?;
        }
        Ok(generations)
    }

    /// Removes the chunks of a generation that is not in force.
    fn remove_chunks(&self, issuer: IssuerId, generation: &[u8; 16]) -> Result<(), StoreError> {
        let prefix = key::chunks(issuer, generation);
        loop {
            let mut keys = Vec::new();
            let snapshot = self.store.snapshot()?;
            let past = key::past(&prefix);
            snapshot.scan(Space::Table(TABLE), &prefix, past.as_deref(), &mut |key, _| {
                keys.push(key.to_vec());
                if keys.len() == AT_ONCE {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            // Who copied a store over another may have replaced some.
            let versions = snapshot.get_all(Space::Table(TABLE), &keys)?;
            drop(snapshot);
            let retires = keys.into_iter().zip(versions).filter_map(|(key, record)| {
                Some(Retire { table: TABLE, key, expected: record?.version })
            });
            let retires: Vec<_> = retires.collect();
            if retires.is_empty() {
                return Ok(());
            }
            match self.store.apply(&Batch { retires, ..Batch::default() }) {
                // Somebody else removes them.
                Err(StoreError::Conflict { .. }) => return Ok(()),
                applied => applied?,
            }
        }
    }
}

/// Chunks on their way into a store.
struct Chunks<'a> {
    store: &'a dyn Store,
    issuer: IssuerId,
    generation: [u8; 16],
    certificates: Vec<RevokedSubject>,
    puts: Vec<Put>,
    /// What was packed so far.
    tally: Tally,
    earliest_not_after: Option<Timestamp>,
}

impl<'a> Chunks<'a> {
    fn new(store: &'a dyn Store, issuer: IssuerId, generation: [u8; 16]) -> Self {
        Self {
            store,
            issuer,
            generation,
            certificates: Vec::with_capacity(Chunk::CERTIFICATES),
            puts: Vec::with_capacity(AT_ONCE),
            tally: Tally::default(),
            earliest_not_after: None,
        }
    }

    /// Takes the next certificate; answers whether some were written.
    fn push(&mut self, certificate: RevokedSubject) -> Result<bool, StoreError> {
        let dates = [self.earliest_not_after, certificate.subject.not_after];
        // Of one of which it is not known, nothing is earlier.
        self.earliest_not_after = dates.into_iter().flatten().min();
        self.certificates.push(certificate);
        if self.certificates.len() == Chunk::CERTIFICATES { self.pack() } else { Ok(false) }
    }

    fn pack(&mut self) -> Result<bool, StoreError> {
        let octets = Chunk::to_octets(&self.certificates);
        self.certificates.clear();
        // A log ends before there are so many.
        let number = u32::try_from(self.tally.count).unwrap_or(u32::MAX);
        self.tally.add(&octets);
        let value = sealed(octets);
        let key = key::chunk(self.issuer, &self.generation, number);
        self.puts.push(Put { table: TABLE, key, expected: Version::ABSENT, value });
        if self.puts.len() == AT_ONCE { self.write() } else { Ok(false) }
    }

    fn write(&mut self) -> Result<bool, StoreError> {
        let puts = mem::take(&mut self.puts);
        if puts.is_empty() {
            return Ok(false);
        }
        self.store.apply(&Batch { puts, ..Batch::default() })?;
        Ok(true)
    }

    /// Writes the rest; answers what all chunks are.
    fn finish(mut self) -> Result<(Tally, Option<Timestamp>), StoreError> {
        if !self.certificates.is_empty() {
            self.pack()?;
        }
        self.write()?;
        Ok((self.tally, self.earliest_not_after))
    }
}
