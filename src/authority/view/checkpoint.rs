//! Checkpoints: what CRLs must know of, read from a few large records and the end of the log.
//!
//! A checkpoint spares time and decides nothing. Where there is none that comes to what the head of the
//! log says, or where a chunk is lost, the entries are read.

use super::View;
use crate::{
    authority::record::CheckpointRecord,
    codec::unsealed,
    index::{Changes, Chunk, Merge, RevokedSubject, Said},
    issuer_id::IssuerId,
    log::{Head, Tally},
    store::{Snapshot, Space, Store, StoreError, Table, Version, key},
    time::Timestamp,
};
use std::{ops::ControlFlow, sync::mpsc, thread};

const TABLE: Table = Table::Checkpoints;

/// How many entries after a checkpoint are read, and held, with it.
pub(in crate::authority) const MOST: u64 = 1 << 16;

/// How many chunks are read at once, and wait for who takes them.
const AHEAD: usize = 8;

/// A checkpoint, and what was said since.
pub(in crate::authority) struct Checkpoint {
    pub(in crate::authority) issuer: IssuerId,
    pub(in crate::authority) record: CheckpointRecord,
    changes: Vec<RevokedSubject>,
}

/// A chunk is lost or damaged: one that nobody needs any more may have been removed.
#[derive(Debug)]
pub(in crate::authority) struct Lost;

impl View<'_> {
    /// The record of the checkpoint in force. One that cannot be read is as good as none.
    pub(in crate::authority) fn checkpoint_record(
        &self,
        issuer: IssuerId,
    ) -> Result<(Version, Option<CheckpointRecord>), StoreError> {
        self.read(
            TABLE,
            issuer.as_octets(),
            |octets| Ok(CheckpointRecord::from_octets(octets).ok()),
        )
        .map(|(version, record)| (version, record.flatten()))
    }

    /// The checkpoint in force, if this log goes on from it, and not far.
    pub(in crate::authority) fn checkpoint(
        &self,
        issuer: IssuerId,
        head: &Head,
    ) -> Option<Checkpoint> {
        let (_, record) = self.checkpoint_record(issuer).ok()?;
        let record = record?;
        let token = record.token(issuer);
        self.covers(&token).ok()?;
        if head.position.0.saturating_sub(record.position.0) > MOST {
            return None;
        }
        let (mut tally, mut changes) = (record.tally, Changes::default());
        let read = self.log(&token, head, |position, entry, value| {
            if let Some(is) = RevokedSubject::of(&entry.event, position) {
                tally.add(value);
                changes.add(is);
            }
            ControlFlow::Continue(())
        });
        // Where it comes to something else, some was pruned since.
        let is_all = read.is_ok() && tally == head.tally;
        is_all.then(|| Checkpoint { issuer, record, changes: changes.finish() })
    }

    /// Visits the chunks of a checkpoint, in the order of the serial numbers.
    pub(in crate::authority) fn chunks(
        &self,
        checkpoint: &Checkpoint,
        visit: &mut dyn FnMut(&Chunk),
    ) -> Result<(), Lost> {
        checkpoint.read(&self.snapshot, &mut |chunk| {
            visit(&chunk);
            Ok(())
        })
    }
}

impl Checkpoint {
    /// Whether a certificate expires before this.
    pub(in crate::authority) fn expires_before(&self, before: Option<Timestamp>) -> bool {
        let since = self.changes.iter().filter_map(|is| is.subject.not_after).min();
        let earliest = [self.record.earliest_not_after, since].into_iter().flatten().min();
        before.is_some_and(|before| earliest.is_some_and(|it| it < before))
    }

    /// Visits what is said of each certificate, in the order of the serial numbers. Where the store
    /// gives another snapshot for nothing, it is read on another thread meanwhile.
    pub(in crate::authority) fn each<E: From<Lost>>(
        &self,
        view: &View<'_>,
        store: &dyn Store,
        mut visit: impl FnMut(Said<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut merge = Merge::new(&self.changes);
        if store.snapshots_freely() {
            self.each_chunk_beside(store, &mut |chunk| merge.take_in(chunk, &mut visit))?;
        } else {
            self.read(&view.snapshot, &mut |chunk| merge.take_in(&chunk, &mut visit))?;
        }
        merge.finish(&mut visit)
    }

    /// Visits the chunks, which another thread reads.
    fn each_chunk_beside<E: From<Lost>>(
        &self,
        store: &dyn Store,
        visit: &mut dyn FnMut(&Chunk) -> Result<(), E>,
    ) -> Result<(), E> {
        thread::scope(|scope| -> Result<(), E> {
            let (sender, chunks) = mpsc::sync_channel(AHEAD);
            let read = move || {
                // A later one than the view: it may lack a chunk, but shows no other in its place.
                let snapshot = store.snapshot().map_err(|_| Lost)?;
                // Where nobody takes them any more, nobody asks what became of them.
                self.read(&*snapshot, &mut |chunk| sender.send(chunk).map_err(|_| Lost))
            };
            // Where the operating system has no thread left, the entries are read.
            let reader = thread::Builder::new().spawn_scoped(scope, read).map_err(|_| Lost)?;
            for chunk in chunks {
                visit(&chunk)?;
            }
            Ok(reader.join().unwrap_or(Err(Lost))?)
        })
    }

    /// Reads the chunks, and hands on some at once: `take` may use the store.
    fn read<E: From<Lost>>(
        &self,
        snapshot: &dyn Snapshot,
        take: &mut dyn FnMut(Chunk) -> Result<(), E>,
    ) -> Result<(), E> {
        let prefix = key::chunks(self.issuer, &self.record.generation);
        let past = key::past(&prefix);
        let (mut found, mut last, mut from) = (Tally::default(), None, Some(prefix));
        while let Some(first) = from.take() {
            let mut some = Vec::with_capacity(AHEAD);
            let mut is_sound = true;
            let read =
                snapshot.scan(Space::Table(TABLE), &first, past.as_deref(), &mut |key, value| {
                    let chunk = unsealed(value).and_then(|(octets, sum)| {
                        found.add_sum(sum);
                        Chunk::from_octets(octets).ok()
                    });
                    let range = chunk.as_ref().and_then(Chunk::range);
                    let next = chunk.zip(range).filter(|(_, (first, _))| last < Some(*first));
                    is_sound = next.is_some();
                    if let Some((chunk, (_, end))) = next {
                        last = Some(end);
                        some.push(chunk);
                    }
                    if is_sound && some.len() < AHEAD {
                        return ControlFlow::Continue(());
                    }
                    // With one more octet it is the first key past this one.
                    from = Some([key, &[0][..]].concat());
                    ControlFlow::Break(())
                });
            if read.is_err() || !is_sound {
                return Err(Lost.into());
            }
            some.into_iter().try_for_each(&mut *take)?;
        }
        if found == self.record.chunks { Ok(()) } else { Err(Lost.into()) }
    }
}
