//! The records of a view in the order of their serial numbers, for CRLs.
//!
//! ```text
//! leaves      [ 17 │ 4 │ 250 │ … ]   [ 3 │ 88 │ … ]   [ … ]       ids of records, sorted by number
//! ```
//!
//! Nobody who revokes or looks up pays for the order: it takes in what has come since when somebody
//! asks for it, and of the leaves only those are written anew into which something new belongs. Whoever
//! reads keeps the leaves as they were.

use crate::serial::Number;
use std::sync::{Arc, Mutex, PoisonError};

/// The most ids of a leaf.
const LARGEST: usize = 1024;

/// The ids of all records up to one of them.
#[derive(Default)]
pub(super) struct Order(Mutex<Sorted>);

#[derive(Default)]
struct Sorted {
    count: u32,
    leaves: Vec<Leaf>,
}

/// Some ids, and the number of the first, which is asked for without a look at its record.
#[derive(Clone)]
pub(super) struct Leaf {
    first: Number,
    pub(super) ids: Arc<[u32]>,
}

impl Order {
    /// The ids below `count`, or more, sorted by their numbers.
    pub(super) fn of(&self, count: u32, number: impl Fn(u32) -> Number) -> Vec<Leaf> {
        let mut sorted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sorted.count < count {
            let mut new: Vec<u32> = (sorted.count..count).collect();
            // Those that were read from a checkpoint are.
            if !new.is_sorted_by_key(|&id| number(id)) {
                new.sort_by_cached_key(|&id| number(id));
            }
            sorted.take_in(&new, number);
            sorted.count = count;
        }
        sorted.leaves.clone()
    }
}

impl Sorted {
    fn take_in(&mut self, mut new: &[u32], number: impl Fn(u32) -> Number) {
        let mut leaves = Vec::with_capacity(self.leaves.len() + new.len() / LARGEST + 1);
        let known = std::mem::take(&mut self.leaves);
        let mut known = known.into_iter().peekable();
        while let Some(leaf) = known.next() {
            let next = known.peek().map(|next| next.first);
            let here = next.map_or(new.len(), |next| new.partition_point(|&id| number(id) < next));
            let (added, rest) = new.split_at(here);
            new = rest;
            if added.is_empty() {
                leaves.push(leaf);
            } else {
                leaves.extend(split(&merged(&leaf.ids, added, &number), &number));
            }
        }
        leaves.extend(split(new, &number));
        self.leaves = leaves;
    }
}

/// Sorted ids and sorted others, together.
fn merged(mut leaf: &[u32], added: &[u32], number: impl Fn(u32) -> Number) -> Vec<u32> {
    let mut merged = Vec::with_capacity(leaf.len() + added.len());
    for &id in added {
        let at = number(id);
        let (before, after) = leaf.split_at(leaf.partition_point(|&known| number(known) < at));
        merged.extend_from_slice(before);
        merged.push(id);
        leaf = after;
    }
    merged.extend_from_slice(leaf);
    merged
}

/// Leaves of about the same size.
fn split(ids: &[u32], number: impl Fn(u32) -> Number) -> impl Iterator<Item = Leaf> {
    let leaves = ids.len().div_ceil(LARGEST).max(1);
    let parts = ids.chunks(ids.len().div_ceil(leaves).max(1));
    parts.filter_map(move |ids| Some(Leaf { first: number(*ids.first()?), ids: ids.into() }))
}
