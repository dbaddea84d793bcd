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

/// How many levels are of one page.
const SMALL: usize = (LARGEST / FIRST).ilog2() as usize + 1;

/// How many others are enough for all indexes of 32 bits.
const LARGE: usize = 20;

/// A list of items that are changed in place, if at all.
pub(super) struct Pages<T> {
    /// The levels of one page.
    small: [OnceLock<Page<T>>; SMALL],
    /// The levels of pages of `LARGEST` items.
    large: [OnceLock<Level<T>>; LARGE],
}

type Level<T> = Box<[OnceLock<Page<T>>]>;

type Page<T> = Box<[T]>;

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            small: [const { OnceLock::new() }; SMALL],
            large: [const { OnceLock::new() }; LARGE],
        }
    }
}

/// Where an item is: in which level, and in which of its pages.
enum Place {
    Small { level: usize, item: usize },
    Large { level: usize, page: usize, item: usize },
}

impl Place {
    #[inline]
    const fn of(index: u32) -> Self {
        // Item 0 of a level has, counted from −FIRST, one bit set; so has its page, if they are many.
        let shifted = index as u64 + FIRST;
        let (pages, item) = (shifted / LARGEST, shifted % LARGEST);
        if pages < 2 {
            let top = shifted.ilog2() as usize;
            let level = top - FIRST.ilog2() as usize;
            return Self::Small { level, item: (shifted ^ 1 << top) as usize };
        }
        let top = pages.ilog2() as usize;
        let page = pages ^ 1 << top;
        Self::Large { level: top - 1, page: page as usize, item: item as usize }
    }
}

impl<T> Pages<T> {
    /// The item at this index, if anyone asked for it, or for another of its page, to be made.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        match Place::of(index) {
            Place::Small { level, item } => self.small.get(level)?.get()?.get(item),
            Place::Large { level, page, item } => {
                self.large.get(level)?.get()?.get(page)?.get()?.get(item)
            }
        }
    }
}

impl<T> Pages<T> {
    /// The list as it is now, for whoever reads most of it.
    pub(super) fn flat(&self) -> Flat<'_, T> {
        // Of two levels that are being made, the later one may be seen alone: what is behind one that
        // is not there has no place here.
        let levels = self.large.iter().map_while(OnceLock::get).flatten();
        let last = self.small.last().into_iter();
        let pages = last.chain(levels).map(|page| page.get().map_or(&[][..], AsRef::as_ref));
        Flat { pages: self, large: [&[][..]].into_iter().chain(pages).collect() }
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

    /// As many items as are asked for from this index on, if they lie together.
    #[inline]
    pub(super) fn run(&self, index: u32, count: usize) -> Option<&'a [T]> {
        let shifted = u64::from(index) + FIRST;
        let (page, item) = ((shifted / LARGEST) as usize, (shifted % LARGEST) as usize);
        self.large.get(page)?.get(item..item.checked_add(count)?)
    }
}

impl<T: Default> Pages<T> {
    /// The item at this index, made if need be.
    ///
    /// There is one at every index.
    pub(super) fn get_or_make(&self, index: u32) -> Option<&T> {
        let make = |items| (0..items).map(|_| T::default()).collect();
        match Place::of(index) {
            Place::Small { level, item } => {
                self.small.get(level)?.get_or_init(|| make(FIRST << level)).get(item)
            }
            Place::Large { level, page, item } => {
                let make_level = || (0..2_u64 << level).map(|_| OnceLock::new()).collect();
                let pages = self.large.get(level)?.get_or_init(make_level);
                pages.get(page)?.get_or_init(|| make(LARGEST)).get(item)
            }
        }
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
        // Of the smallest pages it has no runs; nor where a page ends.
        for index in 0..40_000 - 16 {
            let run = flat.run(index, 16).map(|run| run.iter().map(|item| item.load(Relaxed)));
            let lies_together = index >= 4064 && (index + 32) % 4096 <= 4096 - 16;
            assert_eq!(run.is_some(), lies_together, "{index}");
            assert!(run.is_none_or(|run| run.eq(index + 1..index + 17)), "{index}");
        }
    }
}
