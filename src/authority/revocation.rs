//! Whether a serial number is revoked, asked of an index in memory that follows the log.

use super::{
    Authority, Error, Freshness,
    record::CheckpointRecord,
    view::{View, entry},
};
use crate::{
    index::{Full, Indexes, Live, Snapshot, Update},
    issuer_id::IssuerId,
    lifecycle::Revocation,
    log::{FreshnessToken, Head, Position},
    serial::Serial,
    store::{Batch, Space, Store, StoreError, key},
};
use std::ops::ControlFlow;

const TOO_MANY: &str = "more certificates are revoked than an index can name";

/// What the index says of a serial number: revoked or not, never "good".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationAnswer {
    /// The revocation, if the certificate was revoked itself.
    pub revocation: Option<Revocation>,
    /// The position of the issuer's log that the answer was made from.
    pub position: Position,
}

impl RevocationAnswer {
    #[inline]
    fn of(known: Snapshot<'_>, serial: Serial) -> Self {
        Self { revocation: known.find(serial), position: known.position() }
    }
}

impl<S: Store> Authority<S> {
    /// Whether a certificate was revoked itself, from the index in memory.
    ///
    /// The first call for an issuer reads what its CRLs must know of; from then on the index follows
    /// what this authority records. What other processes record is seen after
    /// [`Authority::refresh`], or on demand with [`Authority::revocation_with`]. A revocation that
    /// no CRL must list any more is in the index only if it was pruned after it was read.
    ///
    /// # Errors
    /// As [`Authority::refresh`].
    #[inline]
    pub fn revocation(&self, issuer: IssuerId, serial: Serial) -> Result<RevocationAnswer, Error> {
        self.read(issuer, Freshness::View, |known| RevocationAnswer::of(known, serial))
    }

    /// As [`Authority::revocation`], from no less than what is demanded.
    ///
    /// # Errors
    /// As [`Authority::refresh`], and [`Error::Behind`] and [`Error::Forked`] where the store does
    /// not show what the token names.
    pub fn revocation_with(
        &self,
        issuer: IssuerId,
        serial: Serial,
        freshness: Freshness,
    ) -> Result<RevocationAnswer, Error> {
        self.read(issuer, freshness, |known| RevocationAnswer::of(known, serial))
    }

    /// As [`Authority::revocation`] of each of these serial numbers, all from one position of the log.
    ///
    /// Of many revoked certificates it is faster than asking one by one: it waits for the memory of
    /// some together.
    ///
    /// # Errors
    /// As [`Authority::refresh`].
    pub fn revocations(
        &self,
        issuer: IssuerId,
        serials: &[Serial],
    ) -> Result<Vec<RevocationAnswer>, Error> {
        self.read(issuer, Freshness::View, |known| {
            let position = known.position();
            let mut answers = Vec::with_capacity(serials.len());
            known.find_all(serials, |revocation| {
                answers.push(RevocationAnswer { revocation, position });
            });
            answers
        })
    }

    /// Brings the index of an issuer up to the head of its log; answers the position.
    ///
    /// It costs what was added since, or what CRLs must know of if that is less.
    ///
    /// # Errors
    /// [`Refusal::UnknownIssuer`](crate::Refusal::UnknownIssuer), or a failure of the store.
    /// Where the store went back, [`Error::Behind`] if it shows less than the index knows, and
    /// [`Error::Forked`] if it went on from there another way: that ends when a new authority is
    /// made on the store.
    pub fn refresh(&self, issuer: IssuerId) -> Result<Position, Error> {
        self.falls.forget();
        self.catch_up(issuer, &Freshness::Head).map(|known| known.position())
    }

    /// Answers from what is known, if it is as fresh as demanded, else from what the store shows.
    #[inline]
    fn read<T>(
        &self,
        issuer: IssuerId,
        freshness: Freshness,
        answer: impl FnOnce(Snapshot<'_>) -> T,
    ) -> Result<T, Error> {
        let known = self.indexes.of(issuer).and_then(|index| match &freshness {
            Freshness::View => index.current(),
            // Whether a token of an earlier position is of the same history, the store must say.
            Freshness::AtLeast(token) if token.issuer == issuer => index.at(token),
            Freshness::AtLeast(_) | Freshness::Head => None,
        });
        // One place that answers: the compiler puts it in line.
        let known = match known {
            Some(known) => known,
            None => self.catch_up(issuer, &freshness)?,
        };
        Ok(answer(known))
    }

    /// Brings the index up to a view that shows what is demanded.
    #[cold]
    #[inline(never)]
    fn catch_up(&self, issuer: IssuerId, freshness: &Freshness) -> Result<Snapshot<'_>, Error> {
        let index = match self.indexes.of(issuer) {
            Some(index) => index,
            None => {
                let start = self.view_with(freshness)?.token(issuer, Position(0))?;
                self.indexes.of_or_new(start, self.draw()?)
            }
        };
        let mut update = index.update();
        // Only now: whoever writes after this view finds the index, and waits to advance it.
        let view = self.view_with(freshness)?;
        bring_up(&mut update, &view)?;
        Ok(update.snapshot().map_err(|Full| StoreError::Backend(TOO_MANY.into()))?)
    }

    /// A view, and what is in memory of all that a CRL which is made from it must know of, if that
    /// is there.
    pub(super) fn view_and_live(
        &self,
        issuer: IssuerId,
    ) -> Result<(View<'_>, Option<Live<'_>>), Error> {
        let Some(index) = self.indexes.of(issuer) else { return Ok((self.view()?, None)) };
        let mut update = index.update();
        let view = self.view()?;
        // Where it cannot, the store is read, and says why.
        let live = bring_up(&mut update, &view).ok().and_then(|head| {
            if update.live(&head).is_none() {
                // Some was pruned.
                read_all(&mut update, &view, &head).ok()?;
            }
            update.live(&head)
        });
        Ok((view, live))
    }
}

/// Brings an index up to a view; answers the head that the log has there.
fn bring_up(update: &mut Update<'_>, view: &View<'_>) -> Result<Head, Error> {
    let known = *update.token();
    let head = view.covers(&known)?;
    let new = head.position.0.saturating_sub(known.position.0);
    let reads_all = head.tally.count <= new && update.live(&head).is_none();
    if reads_all && !read_checkpoint(update, view, &head) {
        read_all(update, view, &head)?;
        return Ok(head);
    }
    let known = *update.token();
    view.log(&known, &head, |position, entry, value| {
        update.advance(position, &entry, value);
        ControlFlow::Continue(())
    })?;
    update.caught_up(head.position);
    Ok(head)
}

/// Brings an index up to a checkpoint, from which the rest of the log is little; answers whether there
/// is one.
fn read_checkpoint(update: &mut Update<'_>, view: &View<'_>, head: &Head) -> bool {
    let known = *update.token();
    let Some(checkpoint) = view.checkpoint(known.issuer, head) else { return false };
    let CheckpointRecord { position, tally, .. } = checkpoint.record;
    if position <= known.position {
        return false;
    }
    let token = checkpoint.record.token(known.issuer);
    let read = update.read(token, tally, |filling| {
        view.chunks(&checkpoint, &mut |chunk| filling.add_chunk(chunk))
    });
    read.is_ok()
}

/// Brings an index up to a head by reading all that CRLs must know of.
fn read_all(update: &mut Update<'_>, view: &View<'_>, head: &Head) -> Result<(), StoreError> {
    let known = *update.token();
    let token = FreshnessToken { position: head.position, chain: head.chain, ..known };
    update
        .read(token, head.tally, |filling| view.live(known.issuer, head, |is| filling.add(is)))?;
    update.caught_up(head.position);
    Ok(())
}

impl Indexes {
    /// Says that these logs may have been written to.
    pub(super) fn fall_behind(&self, batch: &Batch) {
        for index in batch.appends.iter().filter_map(|append| self.of(append.issuer)) {
            index.update().fall_behind();
        }
    }

    /// Takes in what was just written to the logs. Where another thread is faster, the index is
    /// behind until it is asked.
    pub(super) fn advance(&self, batch: &Batch) {
        for append in &batch.appends {
            let Some(index) = self.of(append.issuer) else { continue };
            let mut update = index.update();
            let positions = (append.expected.0.saturating_add(1)..).map(Position);
            for (position, new) in positions.zip(&append.entries) {
                let key = key::log(append.issuer, position);
                match entry(Space::Log, &key, &new.value) {
                    Ok(entry) => update.advance(position, &entry, &new.value),
                    Err(_) => update.fall_behind(),
                }
            }
        }
    }
}
