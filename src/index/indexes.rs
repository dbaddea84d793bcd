//! The indexes of all issuers that were asked about.

use super::SerialIndex;
use crate::{issuer_id::IssuerId, log::FreshnessToken};
use std::sync::OnceLock;

/// The indexes of all issuers that were asked about, in a tree of which nothing ever leaves, so that
/// whoever reads it needs no lock.
///
/// Four bits of its id say where below another an issuer is; an id is a digest, so the tree is flat.
#[derive(Default)]
pub(crate) struct Indexes(Place);

type Place = OnceLock<Box<Node>>;

struct Node {
    issuer: IssuerId,
    index: SerialIndex,
    below: [Place; 16],
}

impl Indexes {
    /// The index of an issuer, if there is one.
    #[inline]
    pub(crate) fn of(&self, issuer: IssuerId) -> Option<&SerialIndex> {
        let first = self.0.get()?;
        if first.issuer == issuer { Some(&first.index) } else { first.index_below(issuer) }
    }

    /// The index of an issuer. If it is a new one, the token is that of the start of its log, and the
    /// key a secret.
    pub(crate) fn of_or_new(&self, start: FreshnessToken, key: [u8; 16]) -> &SerialIndex {
        let issuer = start.issuer;
        let (mut place, mut depth) = (&self.0, 0);
        loop {
            let node = place.get_or_init(|| {
                let index = SerialIndex::new(start, key);
                Box::new(Node { issuer, index, below: Default::default() })
            });
            if node.issuer == issuer {
                return &node.index;
            }
            place = node.below(issuer, depth);
            depth += 1;
        }
    }
}

impl Node {
    /// The index of an issuer, if there is one below this first node.
    #[inline(never)]
    fn index_below(&self, issuer: IssuerId) -> Option<&SerialIndex> {
        let (mut node, mut depth) = (self, 0);
        while node.issuer != issuer {
            node = node.below(issuer, depth).get()?;
            depth += 1;
        }
        Some(&node.index)
    }

    /// Where an issuer is of whose id this many times four bits led here.
    fn below(&self, issuer: IssuerId, depth: usize) -> &Place {
        let octet = issuer.as_octets().get(depth / 2).copied().unwrap_or_default();
        let [first, ..] = &self.below;
        self.below.get(usize::from(octet >> (depth % 2 * 4) & 0xf)).unwrap_or(first)
    }
}
