//! Operations that take effect together.

use super::{Space, StoreError, Table, Version, key};
use crate::{
    issuer_id::IssuerId,
    log::{NewEntry, Position},
    partition::Partition,
    serial::Serial,
};
use std::borrow::Cow;

/// Operations that take effect together.
///
/// No two operations of a batch may concern the same record or the same log.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Records that must not have changed.
    pub asserts: Vec<Assert>,
    /// Records to write.
    pub puts: Vec<Put>,
    /// Records to remove.
    pub retires: Vec<Retire>,
    /// Logs to extend.
    pub appends: Vec<Append>,
}

/// Demands that a record has this version when the batch takes effect.
#[derive(Clone, Debug)]
pub struct Assert {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: Vec<u8>,
    /// The version that it must have, [`Version::ABSENT`] for none.
    pub expected: Version,
}

/// Writes a record, whose version becomes `expected` + 1.
#[derive(Clone, Debug)]
pub struct Put {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: Vec<u8>,
    /// The version that it must have, [`Version::ABSENT`] for none.
    pub expected: Version,
    /// What to write.
    pub value: Vec<u8>,
}

/// Removes a record of a table.
#[derive(Clone, Debug)]
pub struct Retire {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: Vec<u8>,
    /// The version that it must have; not [`Version::ABSENT`].
    pub expected: Version,
}

/// Extends the log of one issuer.
#[derive(Clone, Debug)]
pub struct Append {
    /// Whose log.
    pub issuer: IssuerId,
    /// The position that the log must have, 0 for an empty one.
    pub expected: Position,
    /// The entries, which take the positions `expected` + 1 and on. At least one.
    pub entries: Vec<NewEntry>,
    /// What replaces the value of the head.
    pub head: Vec<u8>,
    /// Entries that leave [`Space::Entries`] because every duty to list them is past. They stay in
    /// the log.
    pub prunes: Vec<Prune>,
}

/// An entry that leaves [`Space::Entries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prune {
    /// The partition that it is in.
    pub partition: Partition,
    /// The serial number that it is about.
    pub serial: Serial,
    /// Its position in the log.
    pub position: Position,
}

/// What a batch asks of one key: a condition, and an effect.
///
/// A store carries out a batch by checking [`Step::expected`] of every [step](Batch::steps) and
/// bringing about [`Step::effect`] of each, all or none.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The space.
    pub space: Space,
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The version that the record must have, [`Version::ABSENT`] for none.
    pub expected: Version,
    /// What becomes of the record.
    pub effect: Effect<'a>,
}

/// What becomes of a record: a closed set, because a store must know every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// It stays as it is.
    Keep,
    /// It has this version and this value.
    Write(Version, &'a [u8]),
    /// It is gone.
    Remove,
}

impl Batch {
    /// Finds out whether this is a batch that can be carried out, whatever the store holds.
    ///
    /// # Errors
    /// [`StoreError::BadBatch`] where two operations concern one record or one log, where an
    /// append has no entries or prunes an entry twice or one that it adds, where what is to be
    /// removed is expected to be absent, and where a
    /// version or a position would pass [`Version::LAST`].
    pub fn check(&self) -> Result<(), StoreError> {
        let bad = |problem| Err(StoreError::BadBatch { problem });
        if self.appends.iter().any(|append| append.entries.is_empty()) {
            return bad("an append without entries");
        }
        if self.retires.iter().any(|retire| retire.expected == Version::ABSENT) {
            return bad("the removal of a record that is expected to be absent");
        }
        if self.puts.iter().any(|put| put.expected >= Version::LAST)
            || self.appends.iter().any(|append| append.last().is_none())
        {
            return bad("a version or a position past the last");
        }
        let mut concerned: Vec<_> = (self.asserts.iter().map(|it| (it.table, &it.key)))
            .chain(self.puts.iter().map(|it| (it.table, &it.key)))
            .chain(self.retires.iter().map(|it| (it.table, &it.key)))
            .collect();
        let records = concerned.len();
        concerned.sort_unstable();
        concerned.dedup();
        if concerned.len() < records {
            return bad("two operations on one record");
        }
        let mut logs: Vec<_> = self.appends.iter().map(|append| append.issuer).collect();
        logs.sort_unstable();
        logs.dedup();
        if logs.len() < self.appends.len() {
            return bad("two appends to one log");
        }
        if self.appends.iter().any(Append::prunes_badly) {
            return bad("an entry to prune twice, or before it is there");
        }
        Ok(())
    }

    /// What the batch asks of each key, in the order in which the conditions are looked at.
    ///
    /// The batch must have passed [`Batch::check`]. Then no two steps concern the same key.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let asserts = self.asserts.iter().map(|assert| Step {
            space: Space::Table(assert.table),
            key: Cow::from(&assert.key),
            expected: assert.expected,
            effect: Effect::Keep,
        });
        let puts = self.puts.iter().map(|put| Step {
            space: Space::Table(put.table),
            key: Cow::from(&put.key),
            expected: put.expected,
            effect: Effect::Write(Version(put.expected.0.saturating_add(1)), &put.value),
        });
        let retires = self.retires.iter().map(|retire| Step {
            space: Space::Table(retire.table),
            key: Cow::from(&retire.key),
            expected: retire.expected,
            effect: Effect::Remove,
        });
        asserts.chain(puts).chain(retires).chain(self.appends.iter().flat_map(Append::steps))
    }
}

impl Append {
    /// The position of the last entry; `None` where there are not that many positions.
    fn last(&self) -> Option<Position> {
        let count = u64::try_from(self.entries.len()).ok()?;
        let last = self.expected.0.checked_add(count)?;
        (last <= Version::LAST.0).then_some(Position(last))
    }

    fn prunes_badly(&self) -> bool {
        let mut positions: Vec<_> = self.prunes.iter().map(|prune| prune.position).collect();
        positions.sort_unstable();
        positions.dedup();
        positions.len() < self.prunes.len() || positions.last() > Some(&self.expected)
    }

    fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let head = Step {
            space: Space::Heads,
            key: Cow::from(key::head(self.issuer)),
            expected: Version(self.expected.0),
            effect: Effect::Write(Version(self.last().unwrap_or(self.expected).0), &self.head),
        };
        let places = (self.expected.0..).skip(1).map(Position);
        let entries = places.zip(&self.entries).flat_map(|(position, entry)| {
            let add = |space, key| Step {
                space,
                key: Cow::Owned(key),
                // Nothing may stand there: an entry is never replaced.
                expected: Version::ABSENT,
                effect: Effect::Write(Version(1), &entry.value),
            };
            let in_log = add(Space::Log, key::log(self.issuer, position));
            let in_entries = entry.subject.map(|(partition, serial)| {
                add(Space::Entries, key::entry(self.issuer, partition, serial, position))
            });
            [Some(in_log), in_entries].into_iter().flatten()
        });
        let prunes = self.prunes.iter().map(|prune| {
            let Prune { partition, serial, position } = *prune;
            Step {
                space: Space::Entries,
                key: Cow::Owned(key::entry(self.issuer, partition, serial, position)),
                expected: Version(1),
                effect: Effect::Remove,
            }
        });
        [head].into_iter().chain(entries).chain(prunes)
    }
}

impl Step<'_> {
    /// The answer where the record has another version than [`Step::expected`].
    pub fn refusal(&self) -> StoreError {
        match self.space {
            // The head had the position that was expected, so nothing may follow it, and whoever
            // pruned an entry would have moved it.
            Space::Log | Space::Entries => StoreError::Corrupt {
                what: super::place(self.space, &self.key),
                problem: match self.effect {
                    Effect::Remove => "it is gone".to_owned(),
                    _ => "it stands past the end of its log".to_owned(),
                },
            },
            space => StoreError::Conflict { space, key: self.key.to_vec() },
        }
    }
}
