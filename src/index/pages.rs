//! A list that grows without moving what it holds, so that whoever reads needs no lock.
//!
//! ```text
//! level     0    1    2       …  7          8            9
//! items     32   64   128     …  4096       8192         16384
//! pages     █    ██   ████    …  ████████   ████████ ×2  ████████ ×4     4096 items at most
//! ```
//!
//! A page is made when the first of its items is asked for, all of them at their default. So growing
//! costs no more than filling one page, however long the list is.

use std::sync::OnceLock;

/// The items of the first level.
const FIRST: u64 = 32;

/// The most items of a page.
const LARGEST: u64 = 4096;

/// Enough for all indexes of 32 bits.
const LEVELS: usize = 28;

/// A list of items that are changed in place, if at all.
pub(super) struct Pages<T> {
    levels: [OnceLock<Level<T>>; LEVELS],
}

type Level<T> = Box<[OnceLock<Box<[T]>>]>;

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { levels: [const { OnceLock::new() }; LEVELS] }
    }
}

/// Where an item is.
struct Place {
    level: usize,
    page: usize,
    item: usize,
}

impl Place {
    #[inline]
    const fn of(index: u32) -> Self {
        // Item 0 of a level has, counted from −FIRST, one bit set.
        let shifted = index as u64 + FIRST;
        let top = shifted.ilog2();
        let offset = shifted ^ (1 << top);
        Self {
            level: (top - FIRST.ilog2()) as usize,
            page: (offset / LARGEST) as usize,
            item: (offset % LARGEST) as usize,
        }
    }
}

impl<T> Pages<T> {
    /// The item at this index, if anyone asked for it, or for another of its page, to be made.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let place = Place::of(index);
        self.levels.get(place.level)?.get()?.get(place.page)?.get()?.get(place.item)
    }
}

impl<T> Pages<T> {
    /// The list as it is now, for whoever reads most of it.
    pub(super) fn flat(&self) -> Flat<'_, T> {
        // Of two levels that are being made, the later one may be seen alone: what is behind one that
        // is not there has no place here.
        let levels = self.levels.iter().map_while(OnceLock::get);
        let pages = levels.flatten().map(|page| page.get().map_or(&[][..], AsRef::as_ref));
        let small = (LARGEST / FIRST).ilog2() as usize;
        let large = [&[][..]].into_iter().chain(pages.skip(small)).collect();
        Flat { pages: self, large }
    }
}

/// A list of which all pages but the smallest are at hand.
pub(super) struct Flat<'a, T> {
    pages: &'a Pages<T>,
    /// None, and then all of `LARGEST` items.
    large: Vec<&'a [T]>,
}

impl<'a, T> Flat<'a, T> {
    /// As [`Pages::get`].
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&'a T> {
        let shifted = u64::from(index) + FIRST;
        let page = self.large.get((shifted / LARGEST) as usize);
        match page.and_then(|page| page.get((shifted % LARGEST) as usize)) {
            Some(item) => Some(item),
            None => self.pages.get(index),
        }
    }
}

impl<T: Default> Pages<T> {
    /// The item at this index, made if need be.
    ///
    /// There is one at every index that has a place, and an index without one is past 2^32 − 32.
    pub(super) fn get_or_make(&self, index: u32) -> Option<&T> {
        let place = Place::of(index);
        let items = FIRST << place.level;
        let make_level = || (0..items.div_ceil(LARGEST)).map(|_| OnceLock::new()).collect();
        let make_page = || (0..items.min(LARGEST)).map(|_| T::default()).collect();
        let level = self.levels.get(place.level)?.get_or_init(make_level);
        level.get(place.page)?.get_or_init(make_page).get(place.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    #[test]
    fn every_index_has_an_item_of_its_own_that_never_moves() {
        let pages: Pages<AtomicU32> = Pages::default();
        assert!(pages.get(0).is_none());
        for index in 0..40_000 {
            pages.get_or_make(index).unwrap().store(index + 1, Relaxed);
        }
        let at = |index| std::ptr::from_ref(pages.get(index).unwrap());
        let first = at(5);
        for index in (0..40_000).chain([u32::MAX - 40]) {
            let item = pages.get_or_make(index).unwrap();
            assert_eq!(item.load(Relaxed), if index < 40_000 { index + 1 } else { 0 });
        }
        assert_eq!(first, at(5));
        let flat = pages.flat();
        for index in (0..40_000).chain([u32::MAX - 40, 1 << 20, 1 << 30, 2_147_549_143]) {
            let read = |item: Option<&AtomicU32>| item.map(|item| item.load(Relaxed));
            assert_eq!(read(flat.get(index)), read(pages.get(index)), "{index}");
        }
        assert!(pages.get(1 << 30).is_none());
    }
}
