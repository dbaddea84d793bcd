//! Copies of the last CRLs of a place, under names with their numbers.

use crate::crl::CrlNumber;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The copies beside one CRL.
pub(super) struct Kept<'a> {
    directory: &'a Path,
    /// The name of its file, up to the extension.
    stem: &'a str,
}

/// The extension of all of them.
const EXTENSION: &str = ".crl";

impl<'a> Kept<'a> {
    /// The copies beside the CRL in the file of this name.
    pub(super) fn new(directory: &'a Path, name: &'a str) -> Self {
        Self { directory, stem: name.strip_suffix(EXTENSION).unwrap_or(name) }
    }

    /// Where the CRL with this number is kept.
    pub(super) fn path(&self, number: CrlNumber) -> PathBuf {
        self.directory.join(format!("{}.{number}{EXTENSION}", self.stem))
    }

    /// Removes all but so many with the highest numbers. One that cannot be removed stays: it is
    /// one too many, which is not worth failing for when the CRL is out.
    pub(super) fn prune(&self, keep: usize) {
        let Ok(entries) = fs::read_dir(self.directory) else { return };
        let mut kept: Vec<(Rank, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((self.rank(entry.file_name().to_str()?)?, entry.path())))
            .collect();
        kept.sort_unstable_by(|one, other| other.cmp(one));
        for (_, path) in kept.iter().skip(keep) {
            let _ = fs::remove_file(path);
        }
    }

    /// Where a name stands in the order of numbers, if it is that of a copy.
    fn rank(&self, name: &str) -> Option<Rank> {
        let number = name.strip_prefix(self.stem)?.strip_prefix('.')?.strip_suffix(EXTENSION)?;
        let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
        is_number.then(|| (number.len(), number.to_owned()))
    }
}

/// A number is as we write it, without leading zeros: the longer one is higher.
type Rank = (usize, String);
