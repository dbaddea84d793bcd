//! Octets on their way out, hashed while they are written.
//!
//! SHA-256 waits for itself: each round needs the one before, and most of a core is idle meanwhile.
//! So entries are written in that time. The processor sees a few hundred instructions ahead, a third
//! of which are those of a block: hence there must be no more than a few entries between two blocks and
//! the next two, each made and written with as few instructions as can be. They are hashed two by two,
//! for to begin and to end takes as long as an eighth of a block; with more at once, there would be
//! more to write between them than the processor sees. And they are hashed only some time after they
//! were written, when nothing waits for their stores any more.
//!
//! ```text
//! buffer  | handed on | hashed | written, LAG octets or more |  room for an entry  |
//!         0        handed    hashed                         end
//! ```

use super::{
    entry::{CrlEntry, LONGEST, ShortEntry},
    error::CrlError,
};
use sha2::block_api::compress256;
use std::{io, mem};

/// Octets in a block of SHA-256.
const BLOCK: usize = 64;
/// Octets that are hashed at once.
const STEP: usize = 2 * BLOCK;
/// How far the hash stays behind, at least.
const LAG: usize = 256;
/// What is written ahead of the hash, at most: the last entry may have begun within the lag. Two steps
/// more are hashed before it shows that nothing is taken any more.
const AHEAD: usize = LAG + STEP + LONGEST + 2 * STEP;
/// From here on, what is left in the buffer when a piece was handed on is moved to its start. So a
/// piece may end at most `TURN + piece` octets after the start.
const TURN: usize = 4 << 10;
const _: () = assert!(TURN.is_multiple_of(STEP));

/// Where octets are handed to, piece by piece.
pub(super) type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), CrlError>;

/// Gathers octets, hashes them and hands them on.
pub(super) struct Outlet<'a> {
    take: Take<'a>,
    /// How many octets are handed on together, or a few more.
    piece: usize,
    buffer: Vec<u8>,
    handed: usize,
    hashed: usize,
    end: usize,
    state: State,
    /// How many octets have left the buffer.
    gone: u64,
    /// Whether octets were handed on, and it is not known that they were taken.
    is_broken: bool,
}

/// The state of SHA-256. It is read as soon as it was written, which is slow across cache lines.
#[repr(align(32))]
struct State([u32; 8]);

/// FIPS 180-4 §5.3.3.
const INITIAL: State = State([
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
]);

impl State {
    #[inline]
    fn update(&mut self, octets: &[u8]) {
        compress256(&mut self.0, octets.as_chunks().0);
    }
}

impl<'a> Outlet<'a> {
    /// Hands octets to `take`, about `piece` at once.
    pub(super) fn new(piece: usize, take: Take<'a>) -> Self {
        let piece = piece.clamp(STEP, 1 << 20);
        let buffer = vec![0; TURN + piece + AHEAD];
        Self {
            take,
            piece,
            buffer,
            handed: 0,
            hashed: 0,
            end: 0,
            state: INITIAL,
            gone: 0,
            is_broken: false,
        }
    }

    /// How many octets were written.
    pub(super) fn written(&self) -> u64 {
        self.gone + self.end as u64
    }

    /// Writes an entry.
    #[inline(always)]
    pub(super) fn write_short(&mut self, entry: ShortEntry) -> Result<(), CrlError> {
        match entry.write(self.room()) {
            Some(length) => self.end += length,
            None => return self.write_entry(&entry.entry()),
        }
        self.catch_up()
    }

    /// Writes an entry of any form.
    pub(super) fn write_entry(&mut self, entry: &CrlEntry) -> Result<(), CrlError> {
        self.end += entry.write(self.room());
        self.catch_up()
    }

    /// Writes octets, any number of them.
    pub(super) fn write(&mut self, octets: &[u8]) -> Result<(), CrlError> {
        for part in octets.chunks(LONGEST) {
            self.room().iter_mut().zip(part).for_each(|(room, octet)| *room = *octet);
            self.end += part.len();
            self.catch_up()?;
        }
        Ok(())
    }

    /// Hands on what is left, and says the SHA-256 of all.
    pub(super) fn finish(mut self) -> Result<[u8; 32], CrlError> {
        let bits = 8 * self.written();
        self.hand_on_to(self.end)?;
        let (_, left) = self.buffer.split_at(self.handed);
        let (left, _) = left.split_at(self.end - self.handed);
        let (_, unhashed) = left.split_at(self.hashed - self.handed);
        // FIPS 180-4 §5.1.1: a one, zeros, and how many bits there were.
        let mut last = unhashed.to_vec();
        last.push(0x80);
        last.resize((last.len() + size_of_val(&bits)).next_multiple_of(BLOCK), 0);
        last.truncate(last.len() - size_of_val(&bits));
        last.extend_from_slice(&bits.to_be_bytes());
        self.state.update(&last);
        let mut digest = [0; 32];
        for (octets, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state.0) {
            *octets = word.to_be_bytes();
        }
        Ok(digest)
    }

    /// Where the next entry goes.
    #[inline]
    fn room(&mut self) -> &mut [u8; LONGEST] {
        match self.buffer.split_at_mut(self.end).1.first_chunk_mut() {
            Some(room) => room,
            // What was handed on ends before TURN, what is hashed less than a piece after that, or a
            // step more where handing on failed.
            None => unreachable!("no room beyond the lag"),
        }
    }

    /// Hashes what is far enough behind.
    #[inline]
    fn catch_up(&mut self) -> Result<(), CrlError> {
        while self.end - self.hashed >= STEP + LAG {
            self.hash_step()?;
        }
        Ok(())
    }

    #[inline]
    fn hash_step(&mut self) -> Result<(), CrlError> {
        self.state.update(self.buffer.split_at(self.hashed).1.split_at(STEP).0);
        self.hashed += STEP;
        if self.hashed - self.handed >= self.piece { self.hand_on() } else { Ok(()) }
    }

    fn hand_on_to(&mut self, end: usize) -> Result<(), CrlError> {
        // Who takes them may panic, and be called again: nobody knows then what was taken.
        if mem::replace(&mut self.is_broken, true) {
            return Err(CrlError::Stage(io::Error::other("octets were lost before")));
        }
        let (_, octets) = self.buffer.split_at(self.handed);
        (self.take)(octets.split_at(end - self.handed).0)?;
        self.is_broken = false;
        Ok(())
    }

    #[inline(never)]
    fn hand_on(&mut self) -> Result<(), CrlError> {
        self.hand_on_to(self.hashed)?;
        self.handed = self.hashed;
        if self.hashed >= TURN {
            self.buffer.copy_within(self.hashed..self.end, 0);
            self.gone += self.hashed as u64;
            self.end -= self.hashed;
            (self.handed, self.hashed) = (0, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::Reason, time::Timestamp};
    use proptest::{collection::vec, prelude::*, sample::select};
    use sha2::{Digest, Sha256};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// What was handed on of what was written, in which pieces, and the digest.
    fn through(
        piece: usize,
        write: impl FnOnce(&mut Outlet<'_>) -> Result<(), CrlError>,
    ) -> (Vec<u8>, Vec<usize>, [u8; 32]) {
        let (mut handed, mut pieces) = (Vec::new(), Vec::new());
        let mut take = |octets: &[u8]| {
            handed.extend_from_slice(octets);
            pieces.push(octets.len());
            Ok(())
        };
        let mut outlet = Outlet::new(piece, &mut take);
        write(&mut outlet).unwrap();
        let written = outlet.written();
        let digest = outlet.finish().unwrap();
        assert_eq!(written, handed.len() as u64);
        (handed, pieces, digest)
    }

    #[test]
    fn the_digest_is_right_for_every_length_around_a_block() {
        let octets: Vec<u8> = (0..1024u32).map(|n| (n * 7) as u8).collect();
        for length in 0..=octets.len() {
            let octets = &octets[..length];
            let (handed, _, digest) = through(STEP, |outlet| outlet.write(octets));
            assert_eq!(handed, octets);
            assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(octets)), "{length}");
        }
    }

    #[test]
    fn nothing_is_handed_on_after_who_takes_it_panicked() {
        let mut taken = 0;
        let mut take = |_: &[u8]| {
            taken += 1;
            assert!(taken > 1, "as if the disk were gone");
            Ok(())
        };
        let mut outlet = Outlet::new(STEP, &mut take);
        let written = catch_unwind(AssertUnwindSafe(|| outlet.write(&[7; 2000])));
        assert!(written.is_err());
        assert!(matches!(outlet.write(&[7; 2000]), Err(CrlError::Stage(_))));
        assert!(matches!(outlet.finish(), Err(CrlError::Stage(_))));
        assert_eq!(taken, 1);
    }

    proptest! {
        #[test]
        fn octets_pass_as_they_are_and_are_digested(
            parts in vec((any::<u8>(), 0..3000usize), 0..30),
            piece in prop_oneof![Just(0), STEP..20_000usize],
        ) {
            let parts: Vec<Vec<u8>> =
                parts.into_iter().map(|(octet, length)| vec![octet; length]).collect();
            let (handed, pieces, digest) =
                through(piece, |outlet| parts.iter().try_for_each(|part| outlet.write(part)));
            let whole = parts.concat();
            prop_assert_eq!(&handed, &whole);
            prop_assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(&whole)));
            let (_, all_but_last) = pieces.split_last().unwrap();
            prop_assert!(all_but_last.iter().all(|length| (piece..piece + STEP).contains(length)
                || piece < STEP && *length == STEP));
        }

        #[test]
        fn entries_pass_as_if_each_were_written_alone(
            lengths in vec((1..=20usize, any::<bool>(), any::<bool>(), any::<bool>()), 0..500),
            piece in select(&[STEP, 256, 1024, 5000][..]),
        ) {
            let entries: Vec<CrlEntry> = lengths
                .into_iter()
                .map(|(length, reason, late, invalid)| CrlEntry {
                    serial: crate::serial::Serial::from_octets(&vec![7; length]).unwrap(),
                    revocation_date: if late { Timestamp::MAX } else { Timestamp::MIN },
                    reason: reason.then_some(Reason::Superseded),
                    invalidity_date: invalid.then_some(Timestamp::UNIX_EPOCH),
                })
                .collect();
            let (handed, _, digest) =
                through(piece, |outlet| entries.iter().try_for_each(|it| match it.short() {
                    Some(short) => outlet.write_short(short),
                    None => outlet.write_entry(it),
                }));
            let mut whole = Vec::new();
            for entry in &entries {
                let mut place = [0; LONGEST];
                let length = entry.write(&mut place);
                whole.extend_from_slice(&place[..length]);
            }
            prop_assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(&whole)));
            prop_assert_eq!(handed, whole);
        }
    }
}
