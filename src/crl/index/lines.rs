//! Where the entries are: a hash table in lines of 64 octets, one of which the processor fetches at
//! once.
//!
//! ```text
//!         ┌──────────────────────────┬───────┐  ┌───────┬───────┬ … ┬────────┐
//!         │ tags 0 … 11              │ reach │  │place 0│place 1│   │place 11│
//!         └──────────────────────────┴───────┘  └───────┴───────┴ … ┴────────┘
//! octets  12                         4          4       4
//! ```
//!
//! The high bits of a hash name the line that is its home, the low ones its tag (0: the slot is
//! vacant). Where the home is full, a place goes to the next line that is not, after the last to the
//! first; the *reach* of a line says how many lines after it hold places whose home it is.
//!
//! The view of a log has a table of the same shape, which others read while it grows. This one is
//! made once.

use prefetch_index::prefetch_index;

const SLOTS: usize = 12;

/// So many places for ten lines: a fifth of the slots stays vacant.
const PER_TEN_LINES: usize = 96;

/// The table of places.
#[derive(Clone)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// For so many more places there is room.
    room: usize,
}

#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Line {
    tags: [u8; SLOTS],
    reach: u32,
    places: [u32; SLOTS],
}

impl Lines {
    /// A table for at most so many places.
    pub(super) fn with_room_for(places: usize) -> Self {
        let lines = places.saturating_mul(10) / PER_TEN_LINES + 1;
        Self { lines: vec![Line::default(); lines], room: places }
    }

    /// The line where a place with this hash belongs: the hash as a fraction of all hashes.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.lines.len() as u128) >> 64) as usize
    }

    /// The line that follows, in a circle.
    #[inline]
    fn next(&self, at: usize) -> usize {
        if at + 1 < self.lines.len() { at + 1 } else { 0 }
    }

    /// The first place with this hash that is the right one.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_right: impl Fn(&u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        let mut line = self.lines.get(at)?;
        for _ in 0..line.reach {
            if let Some(place) = line.places(tag(hash)).find(&is_right) {
                return Some(place);
            }
            at = self.next(at);
            line = self.lines.get(at)?;
        }
        line.places(tag(hash)).find(&is_right)
    }

    /// How many lines are searched for this hash, at most.
    #[cfg(test)]
    pub(super) fn searched(&self, hash: u64) -> u32 {
        self.lines.get(self.home(hash)).map_or(0, |line| 1 + line.reach)
    }

    /// Has the processor fetch what a search for this hash starts with.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch_index(&self.lines, self.home(hash));
    }

    /// Adds a place unless the right one is there already. Says whether there was room for it.
    #[inline]
    pub(super) fn insert(
        &mut self,
        hash: u64,
        place: u32,
        is_right: impl Fn(&u32) -> bool,
    ) -> bool {
        let home = self.home(hash);
        let Some(line) = self.lines.get_mut(home) else { return false };
        if line.places(tag(hash)).any(|place| is_right(&place)) {
            return true;
        }
        // Where none of its places had to go elsewhere, no other line needs to be searched.
        if self.room > 0 && line.reach == 0 && line.put(tag(hash), place) {
            self.room -= 1;
            return true;
        }
        self.insert_beyond(hash, place, is_right)
    }

    #[cold]
    fn insert_beyond(&mut self, hash: u64, place: u32, is_right: impl Fn(&u32) -> bool) -> bool {
        if self.find(hash, is_right).is_some() {
            return true;
        }
        let Some(room) = self.room.checked_sub(1) else { return false };
        self.room = room;
        let home = self.home(hash);
        let mut at = home;
        for distance in 0..self.lines.len() {
            if self.lines.get_mut(at).is_some_and(|line| line.put(tag(hash), place)) {
                if let Some(home) = self.lines.get_mut(home).filter(|_| distance > 0) {
                    home.reach = home.reach.max(distance as u32);
                }
                return true;
            }
            at = self.next(at);
        }
        false
    }
}

/// The low octet of a hash, for which the home has no use; never that of a vacant slot.
#[inline]
const fn tag(hash: u64) -> u8 {
    let octet = hash as u8;
    if octet == 0 { 1 } else { octet }
}

/// 1 in each octet.
const ONES: u64 = u64::MAX / 0xff;

/// The octets of a word that are 0, each as its top bit; of others none.
#[inline]
const fn zeros(word: u64) -> u64 {
    const LOW: u64 = ONES * 0x7f;
    !(((word & LOW) + LOW) | word | LOW)
}

impl Line {
    /// The slots with this tag.
    #[inline]
    fn slots(&self, tag: u8) -> Slots {
        let [a, b, c, d, e, f, g, h, last @ ..] = self.tags;
        let sought = ONES * u64::from(tag);
        let first = zeros(u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ sought);
        let last = zeros(u64::from(u32::from_le_bytes(last)) ^ sought) & u64::from(u32::MAX);
        Slots(first >> 7 | last >> 3)
    }

    #[inline]
    fn places(&self, tag: u8) -> impl Iterator<Item = u32> {
        self.slots(tag).filter_map(|slot| self.places.get(slot).copied())
    }

    /// Fills a vacant slot, if there is one.
    #[inline]
    fn put(&mut self, tag: u8, place: u32) -> bool {
        let Some(slot) = self.slots(0).next() else { return false };
        let (tags, places) = (self.tags.get_mut(slot), self.places.get_mut(slot));
        let (Some(vacant), Some(free)) = (tags, places) else { return false };
        (*vacant, *free) = (tag, place);
        true
    }
}

/// Slots of a line, in any order: of the octet n, bit 0 is slot n and bit 4 is slot n + 8. One word
/// holds all, so that no branch hangs on which it is.
struct Slots(u64);

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (bit < 64).then_some(bit / 8 + bit % 8 * 2)
    }
}
