//! One digest over all that a store holds.

use super::{Snapshot, Space, StoreError};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, ops::ControlFlow};

/// SHA-256 over all that a store holds: every key and value and the positions of the logs. Two
/// stores of any kinds that agree in it hold the same. Versions do not count, as they say how often
/// a record was written in one store.
///
/// It reads everything, in flat memory.
///
/// # Errors
/// Where the store cannot be read.
pub fn digest(snapshot: &dyn Snapshot) -> Result<[u8; 32], StoreError> {
    let mut digests = Digests::default();
    Space::all().try_for_each(|space| {
        digests.insert(space, of_space(snapshot, space)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(digests.whole())
}

/// The digests of the spaces that hold anything, by their [codes](Space::code).
#[derive(Debug, Default)]
pub(super) struct Digests(BTreeMap<u16, [u8; 32]>);

impl Digests {
    pub(super) fn insert(&mut self, space: Space, digest: Option<[u8; 32]>) {
        self.0.extend(digest.map(|digest| (space.code(), digest)));
    }

    pub(super) fn whole(&self) -> [u8; 32] {
        let mut whole = Sha256::new();
        for (code, digest) in &self.0 {
            whole.update(code.to_be_bytes());
            whole.update(digest);
        }
        whole.finalize().into()
    }
}

/// The digest of a space; `None` where there is nothing in it, as in one that was added later.
pub(super) fn of_space(
    snapshot: &dyn Snapshot,
    space: Space,
) -> Result<Option<[u8; 32]>, StoreError> {
    let mut digest = Sha256::new();
    let (mut is_empty, mut heads) = (true, Vec::new());
    snapshot.scan(space, &[], None, &mut |key, value| {
        is_empty = false;
        for octets in [key, value] {
            digest.update((octets.len() as u64).to_be_bytes());
            digest.update(octets);
        }
        if space == Space::Heads {
            heads.push(key.to_vec());
        }
        ControlFlow::Continue(())
    })?;
    for head in snapshot.get_all(Space::Heads, &heads)?.into_iter().flatten() {
        digest.update(head.version.0.to_be_bytes());
    }
    Ok((!is_empty).then(|| digest.finalize().into()))
}
