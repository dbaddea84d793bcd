//! Writing checkpoints, so that who opens a store need not read all entries one by one.
//!
//! ```text
//! entries, in order ──▶ chunks of a new generation ──▶ the record that names it ──▶ old chunks go
//! ```
//!
//! Only the record, which is written last, puts chunks in force. After a crash the checkpoint before is
//! in force, and the next one removes what was left behind.

use super::{
    Authority, Error,
    record::CheckpointRecord,
    view::{Folded, MOST, check_tally},
};
use crate::{
    index::{Chunk, RevokedSubject},
    issuer_id::IssuerId,
    log::{Head, Position, Tally},
    store::{Assert, Batch, Put, Retire, Space, Store, StoreError, Table, Version, key},
    time::Timestamp,
};
use std::{mem, ops::ControlFlow};

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
        let incarnation = view.require_issuer(issuer)?.record.incarnation;
        let head = view.head(issuer)?;
        let (version, _) = view.checkpoint_record(issuer)?;
        if let Some(known) = view.checkpoint(issuer, &head)
            && known.record.position == head.position
            && view.chunks(&known, &mut |_| {}).is_ok()
        {
            return Ok(Checkpointed { position: head.position, is_new: false });
        }
        let generation = self.draw()?;
        let mut chunks = Chunks::new(&self.store, issuer, generation);
        let mut folded = Folded::default();
        view.live_by_page(issuer, |key, value| {
            if let Some(done) = folded.add(key, value)? {
                chunks.push(done)?;
            }
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        let (last, tally) = folded.finish();
        check_tally(issuer, head.position, &head.tally, &tally)?;
        last.map_or(Ok(()), |last| chunks.push(last))?;
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
        let put = Put {
            table: TABLE,
            key: issuer.as_octets().to_vec(),
            expected: version,
            value: record.to_octets(),
        };
        match self.store.apply(&Batch { puts: vec![put], ..Batch::default() }) {
            // The chunks of the one that was not as quick go with the next one.
            Err(StoreError::Conflict { .. }) => return Err(Error::Contended { attempts: 1 }),
            applied => applied?,
        }
        self.remove_chunks(issuer, &generation, Version(version.0.saturating_add(1)))?;
        Ok(Checkpointed { position, is_new: true })
    }

    /// Writes a checkpoint where that saves more than it costs: where there is none of many entries, or
    /// an eighth was added since.
    pub(crate) fn checkpoint_if_worth_it(&self, issuer: IssuerId) -> Result<(), Error> {
        let view = self.view()?;
        let head = view.head(issuer)?;
        let since = match view.checkpoint(issuer, &head) {
            Some(known) => head.position.0.saturating_sub(known.record.position.0),
            None => head.tally.count,
        };
        drop(view);
        if since >= (head.tally.count / 8).clamp(FEW, MOST / 2) {
            self.checkpoint(issuer)?;
        }
        Ok(())
    }

    /// Removes all chunks but those of this generation, as long as it is in force: its record has this
    /// version.
    fn remove_chunks(
        &self,
        issuer: IssuerId,
        generation: &[u8; 16],
        version: Version,
    ) -> Result<(), StoreError> {
        let (first, kept) = (key::chunks(issuer, &[0; 16]), key::chunks(issuer, generation));
        let ranges =
            [(Some(first), Some(kept.clone())), (key::past(&kept), key::past(issuer.as_octets()))];
        for (from, to) in ranges {
            let Some(from) = from else { continue };
            loop {
                let mut retires = Vec::new();
                self.store.snapshot()?.scan(
                    Space::Table(TABLE),
                    &from,
                    to.as_deref(),
                    &mut |key, _| {
                        let key = key.to_vec();
                        retires.push(Retire { table: TABLE, key, expected: Version(1) });
                        let is_full = retires.len() == AT_ONCE;
                        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    },
                )?;
                if retires.is_empty() {
                    break;
                }
                let key = issuer.as_octets().to_vec();
                let asserts = vec![Assert { table: TABLE, key, expected: version }];
                match self.store.apply(&Batch { asserts, retires, ..Batch::default() }) {
                    // Another checkpoint is in force, or somebody else removes them.
                    Err(StoreError::Conflict { .. }) => return Ok(()),
                    applied => applied?,
                }
            }
        }
        Ok(())
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

    fn push(&mut self, certificate: RevokedSubject) -> Result<(), StoreError> {
        let dates = [self.earliest_not_after, certificate.subject.not_after];
        // Of one of which it is not known, nothing is earlier.
        self.earliest_not_after = dates.into_iter().flatten().min();
        self.certificates.push(certificate);
        if self.certificates.len() == Chunk::CERTIFICATES { self.pack() } else { Ok(()) }
    }

    fn pack(&mut self) -> Result<(), StoreError> {
        let value = Chunk::to_octets(&self.certificates);
        self.certificates.clear();
        // A log ends before there are so many.
        let number = u32::try_from(self.tally.count).unwrap_or(u32::MAX);
        self.tally.add(&value);
        let key = key::chunk(self.issuer, &self.generation, number);
        self.puts.push(Put { table: TABLE, key, expected: Version::ABSENT, value });
        if self.puts.len() == AT_ONCE { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let puts = mem::take(&mut self.puts);
        if puts.is_empty() {
            return Ok(());
        }
        self.store.apply(&Batch { puts, ..Batch::default() })
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
