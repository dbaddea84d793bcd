//! Many serial numbers looked up together.
//!
//! A look-up spends nearly all its time waiting for memory: for a line, and then perhaps for a record.
//! A processor waits for some ten places at once, if it comes upon them soon enough. So all of a group
//! are hashed first, then the lines of all are fetched, then the records that these name.

use super::view::Snapshot;
use crate::{lifecycle::Revocation, serial::Serial};
use std::{array, hint::black_box};

/// How many are looked up together: more than a processor waits for at once, and few enough that
/// what was fetched for the first is still at hand after the last.
const GROUP: usize = 32;

impl Snapshot<'_> {
    /// The revocations of these serial numbers, of those that are revoked.
    pub(crate) fn find_all(&self, serials: &[Serial]) -> Vec<Option<Revocation>> {
        let mut found = Vec::with_capacity(serials.len());
        for group in serials.chunks(GROUP) {
            let mut group = group.iter().copied();
            let asked: [Option<(Serial, u64)>; GROUP] = array::from_fn(|_| {
                let serial = group.next()?;
                Some((serial, self.view.hash(serial)))
            });
            let asked = asked.iter().flatten();
            asked.clone().for_each(|(_, hash)| {
                black_box(self.view.touch_line(*hash));
            });
            asked.clone().for_each(|(_, hash)| {
                black_box(self.view.touch_record(*hash));
            });
            found.extend(asked.map(|(serial, hash)| self.find_hashed(*serial, *hash)));
        }
        found
    }
}
