//! Many serial numbers looked up together.
//!
//! A look-up spends nearly all its time waiting for memory: for a line, and then perhaps for a record.
//! A processor waits for some ten places at once, if it comes upon them soon enough. So all of a group
//! are hashed first, then the lines of all are fetched, then the records that these name.

use super::view::Snapshot;
use crate::{lifecycle::Revocation, serial::Serial};
use std::array;

/// How many are looked up together: more than a processor waits for at once, and few enough that
/// what was fetched for the first is still at hand after the last.
const GROUP: usize = 32;

impl Snapshot<'_> {
    /// Visits the revocation of each of these serial numbers, or nothing where one is not revoked.
    pub(crate) fn find_all(&self, serials: &[Serial], mut visit: impl FnMut(Option<Revocation>)) {
        for group in serials.chunks(GROUP) {
            let mut group = group.iter().copied();
            let asked: [Option<(Serial, u64)>; GROUP] = array::from_fn(|_| {
                let serial = group.next()?;
                Some((serial, self.view.hash(serial)))
            });
            let asked = asked.iter().flatten();
            asked.clone().for_each(|(_, hash)| self.view.prefetch_line(*hash));
            asked.clone().for_each(|(_, hash)| self.view.prefetch_record(*hash));
            asked.for_each(|(serial, hash)| visit(self.find_hashed(*serial, *hash)));
        }
    }
}
