//! Where the records of serial numbers are: a hash table in lines of 64 octets, one of which the
//! processor fetches at once.
//!
//! ```text
//! word    0              1                          2        3        …  7
//!         ┌──────────────┬───────────┬───────┬───┐  ┌────┬────┬────┬────┬ … ┬────┬────┐
//!         │ tags 0 … 7   │ tags 8…11 │ reach │   │  │id 0│id 1│id 2│id 3│   │id10│id11│
//!         └──────────────┴───────────┴───────┴───┘  └────┴────┴────┴────┴ … ┴────┴────┘
//! octets  8              4           1              4    4
//! ```
//!
//! The high bits of a hash name the line that is an id's home, the low ones its tag (0: the slot is
//! vacant). Where the home is full, the id goes to the next line that is not; the *reach* of a line
//! says how many lines after it hold ids whose home it is. So a serial number that is not revoked
//! costs one line, rarely two, and one that is costs its record besides.
//!
//! **Growing** stretches the table in place, an eighth at a time and line by line from its end, while
//! it is read:
//!
//! ```text
//!            0                  m                n        n + n/8
//! before     ████████████████████████████████████            n lines
//! meanwhile  ████████████████████  ░░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    a hash below m/n of all has its home
//! after      ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓    among n lines, others among n + n/8
//! ```
//!
//! Hashes stay in order, so a line's ids move to lines behind it, which were emptied before. Each is
//! copied, then m is lowered, then the old copy is taken away: a reader who finds nothing looks again
//! if m has changed meanwhile. One thread writes at a time; none of those that read ever waits.
//!
//! The hash is under a secret key. Whoever chooses serial numbers can't choose the lines.

use super::pages::Pages;
use prefetch_index::prefetch_index;
use std::{
    slice,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

const SLOTS: usize = 12;

/// At most this many ids for ten lines; a tenth to a fifth of the slots stays vacant.
const PER_TEN_LINES: u64 = 96;

/// How many lines are stretched for each id that is added while the table grows.
const LINES_AT_ONCE: usize = 2;

/// The table of ids.
pub(super) struct Lines {
    lines: Pages<Line>,
    shape: AtomicU64,
}

/// No place is left for another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// How many lines there are.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// The lines at the beginning that are not stretched yet; all, where the table does not grow.
    left: u32,
    /// The lines that the table had before it began to grow.
    before: u32,
}

impl Shape {
    const fn whole(lines: u32) -> Self {
        Self { left: lines, before: lines }
    }

    #[inline]
    const fn unpack(word: u64) -> Self {
        Self { left: (word >> 32) as u32, before: word as u32 }
    }

    const fn pack(self) -> u64 {
        (self.left as u64) << 32 | self.before as u64
    }

    /// The lines that the table has when it has grown.
    #[inline]
    const fn after(self) -> u32 {
        self.before.saturating_add(self.before / 8 + 1)
    }

    /// The line where an id with this hash belongs.
    #[inline]
    const fn home(self, hash: u64) -> u32 {
        let before = scaled(hash, self.before);
        if before < self.left { before } else { scaled(hash, self.after()) }
    }
}

/// The hash as a fraction of all hashes, of so many lines.
#[inline]
const fn scaled(hash: u64, lines: u32) -> u32 {
    ((hash as u128 * lines as u128) >> 64) as u32
}

/// The tag of a hash: its low octet, for which the scaling has no use; never that of a vacant slot.
#[inline]
const fn tag(hash: u64) -> u8 {
    let octet = hash as u8;
    if octet == 0 { 1 } else { octet }
}

impl Lines {
    /// A table that need not grow for so many ids.
    pub(super) fn with_room_for(ids: u64) -> Self {
        let lines = u32::try_from(ids / 9 + 1).unwrap_or(u32::MAX);
        Self { lines: Pages::default(), shape: AtomicU64::new(Shape::whole(lines).pack()) }
    }

    /// What `look` finds at one of the ids with this hash.
    #[inline]
    pub(super) fn find<T>(&self, hash: u64, look: impl Fn(u32) -> Option<T>) -> Option<T> {
        let mut shape = self.shape.load(Acquire);
        loop {
            let found = self.search(Shape::unpack(shape).home(hash), tag(hash), &look);
            let now = self.shape.load(Acquire);
            if found.is_some() || now == shape {
                return found;
            }
            shape = now;
        }
    }

    #[inline]
    fn search<T>(&self, home: u32, tag: u8, look: impl Fn(u32) -> Option<T>) -> Option<T> {
        let mut line = self.lines.get(home)?;
        let (mut at, last) = (home, home + line.reach());
        loop {
            let found = line.ids(tag).find_map(&look);
            if found.is_some() || at == last {
                return found;
            }
            at += 1;
            line = self.lines.get(at)?;
        }
    }

    /// How many lines are searched for this hash, at most.
    #[cfg(test)]
    pub(super) fn searched(&self, hash: u64) -> u32 {
        let home = Shape::unpack(self.shape.load(Acquire)).home(hash);
        self.lines.get(home).map_or(1, |line| 1 + line.reach())
    }

    /// Has the processor fetch what a search for this hash starts with.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        let shape = Shape::unpack(self.shape.load(Acquire));
        if let Some(line) = self.lines.get(shape.home(hash)) {
            prefetch_index(slice::from_ref(line), 0);
        }
    }

    /// The first id with this hash, if any, without looking whether it is the right one.
    #[inline]
    pub(super) fn candidate(&self, hash: u64) -> Option<u32> {
        let shape = Shape::unpack(self.shape.load(Acquire));
        self.lines.get(shape.home(hash))?.ids(tag(hash)).next()
    }

    /// Adds the id with this hash as the `count`-th. Only one thread may do that at a time.
    ///
    /// # Errors
    /// Where there is no place. The id is not added then.
    pub(super) fn insert(
        &self,
        hash: u64,
        id: u32,
        count: u64,
        hash_of: impl Fn(u32) -> u64,
    ) -> Result<(), Full> {
        let shape = Shape::unpack(self.shape.load(Acquire));
        self.place(shape.home(hash), tag(hash), id)?;
        let is_growing = shape.left < shape.before;
        if is_growing || count * 10 > u64::from(shape.before) * PER_TEN_LINES {
            for _ in 0..LINES_AT_ONCE {
                self.stretch(&hash_of)?;
            }
        }
        Ok(())
    }

    /// Puts an id into its home, or as near behind it as there is a vacant slot.
    fn place(&self, home: u32, tag: u8, id: u32) -> Result<(), Full> {
        for distance in 0..=u8::MAX {
            let at = home.checked_add(distance.into()).ok_or(Full)?;
            let line = self.lines.get_or_make(at).ok_or(Full)?;
            if let Some(slot) = line.vacant() {
                line.put(slot, tag, id);
                let line = self.lines.get_or_make(home).ok_or(Full)?;
                line.set_reach(line.reach().max(distance.into()));
                return Ok(());
            }
        }
        Err(Full)
    }

    /// Moves the ids of the last line that is not stretched yet.
    fn stretch(&self, hash_of: impl Fn(u32) -> u64) -> Result<(), Full> {
        let shape = Shape::unpack(self.shape.load(Acquire));
        let home = shape.left.saturating_sub(1);
        let shape_then = match home {
            0 => Shape::whole(shape.after()),
            left => Shape { left, ..shape },
        };
        let first = self.lines.get_or_make(home).ok_or(Full)?;
        let (mut left, mut reach) = (Vec::new(), 0);
        for (at, line) in
            (home..=home + first.reach()).filter_map(|at| Some((at, self.lines.get(at)?)))
        {
            for slot in 0..SLOTS {
                let Some((tag, id)) = line.slot(slot) else { continue };
                let hash = hash_of(id);
                if shape.home(hash) != home {
                    continue;
                }
                match shape_then.home(hash) {
                    stays if stays == home => reach = reach.max(at - home),
                    goes => left.push((line, slot, goes, tag, id)),
                }
            }
        }
        for &(_, _, goes, tag, id) in &left {
            self.place(goes, tag, id)?;
        }
        self.shape.store(shape_then.pack(), Release);
        left.into_iter().for_each(|(line, slot, ..)| line.clear(slot));
        first.set_reach(reach);
        Ok(())
    }
}

/// Tags, a reach and ids.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// 1 in each octet.
const ONES: u64 = u64::MAX / 0xff;

/// The octets of a word that are 0, each as its top bit; of others none.
#[inline]
const fn zeros(word: u64) -> u64 {
    const LOW: u64 = ONES * 0x7f;
    !(((word & LOW) + LOW) | word | LOW)
}

/// The bits of word 1 that are tags.
const TAGS: u64 = u32::MAX as u64;

impl Line {
    #[inline]
    fn word(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |word| word.load(Acquire))
    }

    fn set(&self, index: usize, mask: u64, bits: u64) {
        if let Some(word) = self.0.get(index) {
            word.store(word.load(Acquire) & !mask | bits, Release);
        }
    }

    /// The slots with this tag.
    #[inline]
    fn slots(&self, tag: u8) -> Slots {
        let sought = ONES * u64::from(tag);
        Slots { first: zeros(self.word(0) ^ sought), last: zeros(self.word(1) ^ sought) & TAGS }
    }

    /// The ids with this tag.
    #[inline]
    fn ids(&self, tag: u8) -> impl Iterator<Item = u32> {
        self.slots(tag).map(|slot| self.id(slot))
    }

    #[inline]
    fn id(&self, slot: usize) -> u32 {
        (self.word(2 + slot / 2) >> (slot % 2 * 32)) as u32
    }

    /// The tag and the id in a slot that is not vacant.
    fn slot(&self, slot: usize) -> Option<(u8, u32)> {
        let tag = (self.word(slot / 8) >> (slot % 8 * 8)) as u8;
        (tag != 0).then(|| (tag, self.id(slot)))
    }

    fn vacant(&self) -> Option<usize> {
        self.slots(0).next()
    }

    /// How many lines after this one hold ids whose home it is.
    #[inline]
    fn reach(&self) -> u32 {
        u32::from((self.word(1) >> 32) as u8)
    }

    fn set_reach(&self, reach: u32) {
        self.set(1, 0xff << 32, u64::from(reach & 0xff) << 32);
    }

    /// Fills a slot: the id first, for who sees the tag reads the id.
    fn put(&self, slot: usize, tag: u8, id: u32) {
        let (octet, half) = (slot % 8 * 8, slot % 2 * 32);
        self.set(2 + slot / 2, u64::from(u32::MAX) << half, u64::from(id) << half);
        self.set(slot / 8, 0xff << octet, u64::from(tag) << octet);
    }

    fn clear(&self, slot: usize) {
        self.set(slot / 8, 0xff << (slot % 8 * 8), 0);
    }
}

/// Slots of a line, as top bits of octets.
struct Slots {
    first: u64,
    last: u64,
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let (octets, start) =
            if self.first != 0 { (&mut self.first, 0) } else { (&mut self.last, 8) };
        let bit = octets.trailing_zeros();
        *octets &= octets.wrapping_sub(1);
        (bit < u64::BITS).then_some(start + bit as usize / 8)
    }
}
