//! What is asked: in random order, the same in every run.

use crate::error::Error;
use annul::{CrlEntry, Serial};
use sha2::{Digest, Sha256};

const COUNT: u64 = 1 << 20;

pub struct Queries {
    pub serials: Vec<Serial>,
    /// Whether each is revoked.
    pub is_revoked: Vec<bool>,
}

impl Queries {
    /// Of a thousand, `hits` are revoked.
    pub fn new(entries: &[CrlEntry], hits: u32) -> Result<Self, Error> {
        let mut queries = Self { serials: Vec::new(), is_revoked: Vec::new() };
        for n in 0..COUNT {
            // Entries are made from eight octets, so that none of these is among them.
            let random = Sha256::digest([&hits.to_be_bytes()[..], &n.to_be_bytes()].concat());
            let (draw, place) = (number(&random[16..20]), number(&random[20..28]));
            let is_revoked = draw % 1000 < u64::from(hits);
            queries.is_revoked.push(is_revoked);
            queries.serials.push(match is_revoked {
                true => entries[(place % entries.len() as u64) as usize].serial,
                false => Serial::from_unsigned(&random[..16])?,
            });
        }
        Ok(queries)
    }
}

fn number(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}
