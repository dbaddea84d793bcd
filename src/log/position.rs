//! Names for prefixes of logs.

use crate::{
    codec::{Damaged, Reader, Writer},
    issuer_id::IssuerId,
};
use std::{collections::BTreeMap, fmt};

/// How many entries a log holds, and so the name of one prefix of it; also the place of an entry,
/// counted from 1.
///
/// A log changes nowhere but at its end, so a position names the same entries for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an answer was made from: the position of an issuer's log, and of every issuer above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// The positions. An issuer whose log is empty is there too, at 0.
    pub positions: BTreeMap<IssuerId, Position>,
}

impl AsOf {
    const FORMAT: u8 = 1;

    /// The position of this issuer's log; 0 if the answer did not look at it.
    pub fn position(&self, issuer: IssuerId) -> Position {
        self.positions.get(&issuer).copied().unwrap_or_default()
    }

    /// Octets that [`AsOf::from_octets`] reads.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        let positions: Vec<_> = self.positions.iter().collect();
        out.list(&positions, |out, (issuer, position)| {
            out.issuer(**issuer);
            out.u64(position.0);
        });
        out.finish()
    }

    /// Reads what [`AsOf::to_octets`] wrote.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let positions = input.list(|input| Ok((input.issuer()?, Position(input.u64()?))))?;
        input.finish()?;
        Ok(Self { positions: positions.into_iter().collect() })
    }
}
