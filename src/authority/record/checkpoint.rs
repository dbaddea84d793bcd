//! The record that names the chunks of a checkpoint.

use crate::{
    codec::{Damaged, Reader, Writer, sealed, unsealed},
    issuer_id::IssuerId,
    log::{FreshnessToken, Position, Tally},
    time::Timestamp,
};

/// Which chunks hold what CRLs must know of at a position of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::authority) struct CheckpointRecord {
    pub(in crate::authority) incarnation: [u8; 16],
    pub(in crate::authority) position: Position,
    pub(in crate::authority) chain: [u8; 32],
    /// What the entries were of which it was made.
    pub(in crate::authority) tally: Tally,
    /// Tells its chunks from those of others. Drawn.
    pub(in crate::authority) generation: [u8; 16],
    /// What a scan of its chunks must find.
    pub(in crate::authority) chunks: Tally,
    /// No certificate expires before.
    pub(in crate::authority) earliest_not_after: Option<Timestamp>,
}

impl CheckpointRecord {
    const FORMAT: u8 = 1;

    pub(in crate::authority) fn token(&self, issuer: IssuerId) -> FreshnessToken {
        let Self { incarnation, position, chain, .. } = *self;
        FreshnessToken { issuer, incarnation, position, chain }
    }

    pub(in crate::authority) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.fixed(&self.incarnation);
        out.u64(self.position.0);
        out.fixed(&self.chain);
        self.tally.write(&mut out);
        out.fixed(&self.generation);
        self.chunks.write(&mut out);
        out.optional(self.earliest_not_after, Writer::timestamp);
        sealed(out.finish())
    }

    pub(in crate::authority) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let problem = "octets of another sum";
        let (octets, _) = unsealed(octets).ok_or(Damaged { problem, offset: 0 })?;
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let record = Self {
            incarnation: input.fixed()?,
            position: Position(input.u64()?),
            chain: input.fixed()?,
            tally: Tally::read(&mut input)?,
            generation: input.fixed()?,
            chunks: Tally::read(&mut input)?,
            earliest_not_after: input.optional(Reader::timestamp)?,
        };
        input.finish()?;
        Ok(record)
    }
}
