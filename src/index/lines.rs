//! Where the records of serial numbers are: a hash table in lines of 64 octets, one of which the
//! processor fetches at once.
//!
//! ```text
//! word    0              1                                2        3        …  7
//!         ┌──────────────┬───────────┬───────┬────────┐  ┌────┬────┬────┬────┬ … ┬────┬────┐
//!         │ tags 0 … 7   │ tags 8…11 │ reach │ strays │  │id 0│id 1│id 2│id 3│   │id10│id11│
//!         └──────────────┴───────────┴───────┴────────┘  └────┴────┴────┴────┴ … ┴────┴────┘
//! bits    64             32          8 of 16 16           32   32
//! ```
//!
//! The high bits of a hash name the line that is an id's home, the low ones its tag. Where the home is
//! full, the id *strays* to the next line that is not. The *reach* of a line says how many lines after
//! it hold strays whose home it is, and its *strays* of which sixteenths of all hashes these are. So a
//! serial number that is not revoked costs one line, nearly always, and one that is costs its record
//! besides.
//!
//! **Reading** (one line, in most cases):
//!
//! ```text
//! shape ─▶ home ─▶ words 0 and 1 ─▶ none has the tag, none of its sixteenth strays
//!                                   ─▶ the shape is still the same ─▶ it is not there
//! ```
//!
//! An id is written before its tag, and what a stray leaves at its home last. Whoever looks something
//! up after it was added sees all of that; who does so at the same time sees a tag whose id is the
//! right one, another one or none (0), and asks the record which.
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
//! copied, then m is lowered, then the old copy and its trace at the old home are taken away. Whoever
//! reads takes every word with *acquire*, and all are stored with *release*: who has seen anything of
//! what follows a lower m sees that m too. So a reader who finds nothing looks at m once more, and
//! begins anew if it has changed; it never comes back to what it was. One thread writes at a time;
//! none of those that read ever waits.
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

/// Where the reach begins in word 1.
const REACH: u32 = 32;

/// Where the strays begin in word 1.
const STRAYS: u32 = 48;

/// At most this many ids for ten lines; a fifth to a quarter of the slots stays vacant.
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

/// The tag of a hash: its low octet, for which the scaling has no use.
#[inline]
const fn tag(hash: u64) -> u8 {
    hash as u8
}

/// The bit of word 1 for the strays that share a sixteenth with this hash: the four bits after its tag
/// say which.
#[inline]
const fn stray(hash: u64) -> u64 {
    1 << ((hash >> 8) as u32 & 0xf | STRAYS)
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
        let shape = self.shape.load(Acquire);
        if let Some(line) = self.lines.get(Shape::unpack(shape).home(hash)) {
            let tags = line.tags();
            for slot in tags.slots(tag(hash)) {
                if let Some(found) = line.id(slot).and_then(&look) {
                    return Some(found);
                }
            }
            if !tags.has_stray(hash) && self.shape.load(Acquire) == shape {
                return None;
            }
        }
        self.find_further(hash, look)
    }

    /// As [`Lines::find`], of an id that may have strayed or moved.
    #[cold]
    #[inline(never)]
    fn find_further<T>(&self, hash: u64, look: impl Fn(u32) -> Option<T>) -> Option<T> {
        let mut shape = self.shape.load(Acquire);
        loop {
            let found = self.search(Shape::unpack(shape).home(hash), hash, &look);
            let now = self.shape.load(Acquire);
            if found.is_some() || now == shape {
                return found;
            }
            shape = now;
        }
    }

    fn search<T>(&self, home: u32, hash: u64, look: impl Fn(u32) -> Option<T>) -> Option<T> {
        let mut line = self.lines.get(home)?;
        let (mut at, last) = (home, home + line.tags().searched(hash));
        loop {
            let found = line.ids(tag(hash)).find_map(&look);
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
        self.lines.get(home).map_or(1, |line| 1 + line.tags().searched(hash))
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
        for _ in 0..LINES_AT_ONCE {
            let Shape { left, before } = Shape::unpack(self.shape.load(Acquire));
            if left == before && count * 10 <= u64::from(before) * PER_TEN_LINES {
                break;
            }
            self.stretch(&hash_of)?;
        }
        let shape = Shape::unpack(self.shape.load(Acquire));
        self.place(shape.home(hash), hash, id)
    }

    /// Puts an id into its home, or as near behind it as there is a vacant slot.
    fn place(&self, home: u32, hash: u64, id: u32) -> Result<(), Full> {
        for distance in 0..=u8::MAX {
            let at = home.checked_add(distance.into()).ok_or(Full)?;
            let line = self.lines.get_or_make(at).ok_or(Full)?;
            if let Some(slot) = line.vacant() {
                line.put(slot, tag(hash), id)?;
                let line = self.lines.get_or_make(home).ok_or(Full)?;
                line.set_strays(line.tags().strays().with(distance.into(), hash));
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
        let (mut left, mut strays) = (Vec::new(), Strays::default());
        for distance in 0..=first.tags().strays().reach() {
            let Some(line) = self.lines.get(home + distance) else { continue };
            for slot in 0..SLOTS {
                let Some(id) = line.id(slot) else { continue };
                let hash = hash_of(id);
                if shape.home(hash) != home {
                    continue;
                }
                match shape_then.home(hash) {
                    stays if stays == home => strays = strays.with(distance, hash),
                    goes => left.push((line, slot, goes, hash, id)),
                }
            }
        }
        for &(_, _, goes, hash, id) in &left {
            self.place(goes, hash, id)?;
        }
        self.shape.store(shape_then.pack(), Release);
        left.into_iter().for_each(|(line, slot, ..)| line.clear(slot));
        first.set_strays(strays);
        Ok(())
    }
}

/// Tags, what is known of strays, and ids.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// 1 in each octet.
const ONES: u64 = u64::MAX / 0xff;

/// The top bit of each octet.
const TOPS: u64 = ONES << 7;

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

    #[inline]
    fn tags(&self) -> Tags {
        let [first, last, ..] = &self.0;
        Tags { first: first.load(Acquire), last: last.load(Acquire) }
    }

    /// The ids with this tag.
    #[inline]
    fn ids(&self, tag: u8) -> impl Iterator<Item = u32> {
        self.tags().slots(tag).filter_map(|slot| self.id(slot))
    }

    /// The id in a slot that is not vacant.
    #[inline]
    fn id(&self, slot: usize) -> Option<u32> {
        let half = self.word(2 + slot / 2) >> (slot % 2 * 32);
        (half as u32).checked_sub(1)
    }

    fn vacant(&self) -> Option<usize> {
        (0..SLOTS).find(|&slot| self.id(slot).is_none())
    }

    fn set_strays(&self, strays: Strays) {
        self.set(1, !TAGS, strays.0);
    }

    /// Fills a slot: the id first, for who sees the tag reads the id.
    fn put(&self, slot: usize, tag: u8, id: u32) -> Result<(), Full> {
        self.set_id(slot, id.checked_add(1).ok_or(Full)?);
        let octet = slot % 8 * 8;
        self.set(slot / 8, 0xff << octet, u64::from(tag) << octet);
        Ok(())
    }

    /// Makes a slot vacant. Its tag is left, and names no id.
    fn clear(&self, slot: usize) {
        self.set_id(slot, 0);
    }

    fn set_id(&self, slot: usize, bits: u32) {
        let half = slot % 2 * 32;
        self.set(2 + slot / 2, u64::from(u32::MAX) << half, u64::from(bits) << half);
    }
}

/// Words 0 and 1 of a line.
#[derive(Clone, Copy)]
struct Tags {
    first: u64,
    last: u64,
}

impl Tags {
    /// The slots with this tag, and seldom others.
    #[inline]
    fn slots(self, tag: u8) -> Slots {
        let sought = ONES * u64::from(tag);
        Slots(zeros(self.first ^ sought) | (zeros(self.last ^ sought) & TAGS) >> 1)
    }

    /// Whether an id strayed from here that has this hash, or another one of its sixteenth.
    #[inline]
    const fn has_stray(self, hash: u64) -> bool {
        self.last & stray(hash) != 0
    }

    /// How many lines after this one may hold an id with this hash.
    fn searched(self, hash: u64) -> u32 {
        if self.has_stray(hash) { self.strays().reach() } else { 0 }
    }

    const fn strays(self) -> Strays {
        Strays(self.last & !TAGS)
    }
}

/// The octets of a word that are 0, each as its top bit; also a 1 above one of them.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

/// What a line knows of the ids that strayed from it, in the bits of word 1.
#[derive(Clone, Copy, Default)]
struct Strays(u64);

impl Strays {
    /// With one more, so many lines away; at home it is none.
    fn with(self, distance: u32, hash: u64) -> Self {
        if distance == 0 {
            return self;
        }
        let reach = self.reach().max(distance);
        Self(self.0 & !(0xff << REACH) | u64::from(reach) << REACH | stray(hash))
    }

    /// How many lines after this one hold ids whose home it is.
    const fn reach(self) -> u32 {
        (self.0 >> REACH) as u8 as u32
    }
}

/// Slots of a line: the first eight as top bits of octets, the others each as the bit below.
struct Slots(u64);

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        let start = if bit % 8 == 7 { 0 } else { 8 };
        Some(start + bit as usize / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_moves_while_somebody_looks_for_it_is_found() {
        // Two of one home and one tag, and others anywhere.
        let hash_of = |id: u32| match id {
            0 | 1 => u64::MAX,
            _ => u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        let lines = Lines::with_room_for(0);
        let insert = |id| lines.insert(hash_of(id), id, u64::from(id) + 1, hash_of).unwrap();
        (0..2).for_each(insert);
        let has_grown = Cell::new(false);
        let found = lines.find(hash_of(1), |id| {
            if !has_grown.replace(true) {
                assert_eq!(id, 0);
                (2..1000).for_each(insert);
            }
            (id == 1).then_some(id)
        });
        assert_eq!(found, Some(1));
    }

    #[test]
    fn it_grows_no_further_than_it_must() {
        let hash_of = |id: u32| u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for room in [0, 500, 1000, 1111, 3000] {
            let lines = Lines::with_room_for(room);
            for id in 0..40_000 {
                let count = u64::from(id) + 1;
                lines.insert(hash_of(id), id, count, hash_of).unwrap();
                let Shape { left, before } = Shape::unpack(lines.shape.load(Acquire));
                let least = (count * 10 / PER_TEN_LINES).max(room / 9);
                // An eighth more than was needed when it began to grow, or where it ends.
                assert!(u64::from(before) <= least * 9 / 8 + 2, "{before} for {count} from {room}");
                assert!(left <= before);
            }
        }
    }

    #[test]
    fn strays_are_found_and_only_for_their_sixteenth_other_lines_are_searched() {
        let lines = Lines::with_room_for(1000);
        let hash_of = |sixteenth: u64, tag: u64| 1 << 63 | sixteenth << 8 | tag;
        for id in 0..40 {
            let hash = hash_of(u64::from(id) % 4, id.into());
            lines.insert(hash, id, u64::from(id) + 1, |_| unreachable!()).unwrap();
        }
        for id in 0..40 {
            let hash = hash_of(u64::from(id) % 4, id.into());
            assert_eq!(lines.find(hash, |it| (it == id).then_some(it)), Some(id));
            assert_eq!(lines.searched(hash), 4);
            assert_eq!(lines.searched(hash_of(4 + u64::from(id) % 12, id.into())), 1);
        }
    }
}
