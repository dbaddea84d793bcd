//! What was said since chunks were written, taken in where it belongs while they are read.

use super::{
    chunk::Chunk,
    record::{Exception, Said},
    revoked::RevokedSubject,
};
use crate::serial::Serial;
use std::collections::BTreeMap;

/// What the entries of a part of a log say, of each certificate together.
#[derive(Default)]
pub(crate) struct Changes(BTreeMap<Serial, RevokedSubject>);

impl Changes {
    /// Takes in what the next entry says.
    pub(crate) fn add(&mut self, later: RevokedSubject) {
        let said = self.0.entry(later.subject.serial);
        said.and_modify(|known| *known = known.amended(later)).or_insert(later);
    }

    /// What they say, in the order of the serial numbers.
    pub(crate) fn finish(self) -> Vec<RevokedSubject> {
        self.0.into_values().collect()
    }
}

/// Chunks in their order, and what was said since.
pub(crate) struct Merge<'a> {
    changes: &'a [RevokedSubject],
}

impl<'a> Merge<'a> {
    /// What was said since must be in the order of the serial numbers, once of each.
    pub(crate) const fn new(changes: &'a [RevokedSubject]) -> Self {
        Self { changes }
    }

    /// Visits what the next chunk comes to.
    ///
    /// # Errors
    /// Where `visit` fails.
    #[inline]
    pub(crate) fn take_in<E>(
        &mut self,
        chunk: &Chunk,
        visit: &mut impl FnMut(Said<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut records = chunk.records();
        let said = |record| chunk.said(record);
        while let Some((change, later)) = self.changes.split_first() {
            let number = change.subject.serial.words();
            let here = records.partition_point(|record| record.number() < number);
            let (before, rest) = records.split_at(here);
            before.iter().filter_map(said).try_for_each(&mut *visit)?;
            records = rest;
            let Some((next, after)) = rest.split_first() else { break };
            self.changes = later;
            let known = said(next).filter(|_| next.is_about(number));
            if known.is_some() {
                records = after;
            }
            visit_one(known.map_or(*change, |known| known.subject().amended(*change)), visit)?;
        }
        records.iter().filter_map(said).try_for_each(visit)
    }

    /// Visits what comes after all chunks.
    ///
    /// # Errors
    /// Where `visit` fails.
    pub(crate) fn finish<E>(
        self,
        visit: &mut impl FnMut(Said<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.changes.iter().try_for_each(|change| visit_one(*change, visit))
    }
}

fn visit_one<E>(
    is: RevokedSubject,
    visit: &mut impl FnMut(Said<'_>) -> Result<(), E>,
) -> Result<(), E> {
    visit(Said::Exception(&Exception { is, before: None, left: None }))
}
