//! A batch as columns, which is how a statement takes any number of rows.

use crate::store::{Batch, Effect, Space, Step, Version};

/// What a batch asks, by what is to be done.
#[derive(Default)]
pub(super) struct Plan {
    /// Rows that must be as they are.
    pub(super) kept: Rows,
    pub(super) replaced: Rows,
    pub(super) added: Rows,
    /// Places that must be empty and stay so: a row is added there and removed again, so that
    /// whoever else adds one waits.
    pub(super) vacant: Rows,
    pub(super) removed: Rows,
}

/// Rows, column by column. Not every column is filled.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) spaces: Vec<i16>,
    pub(super) keys: Vec<Vec<u8>>,
    /// The versions that are expected; of rows to add, the ones that they get.
    pub(super) versions: Vec<i64>,
    pub(super) nexts: Vec<i64>,
    pub(super) values: Vec<Vec<u8>>,
}

impl Plan {
    /// What a batch asks. It must have passed [`Batch::check`].
    ///
    /// Rows come in one order in every batch, that batches which meet wait rather than lock each
    /// other out: by place, and heads last, because many wait for a head.
    pub(super) fn of(batch: &Batch) -> Self {
        let mut steps: Vec<_> = batch.steps().collect();
        steps.sort_unstable_by(|a, b| {
            let place = |step: &Step<'_>| (step.space == Space::Heads, step.space);
            place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key))
        });
        let mut plan = Self::default();
        for step in steps {
            let key = step.key.into_owned();
            let (space, expected) = (step.space, step.expected);
            match (step.effect, expected) {
                (Effect::Keep, Version::ABSENT) => {
                    plan.added.add(space, key.clone(), Version(1), &[]);
                    plan.vacant.place(space, key);
                }
                (Effect::Keep, _) => plan.kept.find(space, key, expected),
                (Effect::Write(next, value), Version::ABSENT) => {
                    plan.added.add(space, key, next, value);
                }
                (Effect::Write(next, value), _) => {
                    plan.replaced.nexts.push(number(next));
                    plan.replaced.add(space, key, expected, value);
                }
                (Effect::Remove, _) => plan.removed.find(space, key, expected),
            }
        }
        plan
    }

    /// How long it may take, in milliseconds: much longer than it does where nobody is in the way.
    pub(super) fn patience(&self) -> usize {
        let rows = [&self.kept, &self.replaced, &self.added, &self.removed];
        2_000 + rows.into_iter().map(|rows| rows.keys.len()).sum::<usize>()
    }
}

impl Rows {
    /// Every condition of a batch, in the order of its steps.
    pub(super) fn expected_by(batch: &Batch) -> Self {
        let mut rows = Self::default();
        batch.steps().for_each(|it| rows.find(it.space, it.key.into_owned(), it.expected));
        rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn place(&mut self, space: Space, key: Vec<u8>) {
        self.spaces.push(code(space));
        self.keys.push(key);
    }

    fn find(&mut self, space: Space, key: Vec<u8>, version: Version) {
        self.place(space, key);
        self.versions.push(number(version));
    }

    fn add(&mut self, space: Space, key: Vec<u8>, version: Version, value: &[u8]) {
        self.find(space, key, version);
        self.values.push(value.to_vec());
    }
}

/// A space as the database has it.
pub(super) fn code(space: Space) -> i16 {
    // Codes are below 512.
    i16::try_from(space.code()).unwrap_or(i16::MAX)
}

/// A version as the database has it.
fn number(version: Version) -> i64 {
    // A batch that passed its check has none past the last.
    i64::try_from(version.0).unwrap_or(i64::MAX)
}
