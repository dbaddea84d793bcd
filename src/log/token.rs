//! A name for a prefix of one log that no other history of it has.

use super::Position;
use crate::{
    codec::{Damaged, Reader, Writer},
    issuer_id::IssuerId,
};
use std::{fmt, str::FromStr};

/// Names what somebody knows of an issuer's log: so far, in this history.
///
/// Hand it to whoever reads from another process, another node, a replica or a restored backup. An
/// answer that takes it was made from at least as much, or is an error: never a shorter list.
///
/// As text it is 178 hexadecimal digits. There is nothing secret in it, and nothing that proves
/// where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FreshnessToken {
    /// Whose log.
    pub issuer: IssuerId,
    /// Drawn at random when the issuer was added: it tells two records of one CA apart.
    pub incarnation: [u8; 16],
    /// How far the log was known.
    pub position: Position,
    /// The chain digest there; 32 zero octets at position 0.
    pub chain: [u8; 32],
}

/// Text or octets that are no freshness token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a freshness token")]
pub struct BadFreshnessToken;

impl FreshnessToken {
    const FORMAT: u8 = 1;

    /// 89 octets that [`FreshnessToken::from_octets`] reads.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.issuer(self.issuer);
        out.fixed(&self.incarnation);
        out.u64(self.position.0);
        out.fixed(&self.chain);
        out.finish()
    }

    /// Reads what [`FreshnessToken::to_octets`] wrote.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn from_octets(octets: &[u8]) -> Result<Self, BadFreshnessToken> {
        let read = || {
            let mut input = Reader::new(octets, Self::FORMAT)?;
            let token = Self {
                issuer: input.issuer()?,
                incarnation: input.fixed()?,
                position: Position(input.u64()?),
                chain: input.fixed()?,
            };
            input.finish()?;
            Ok(token)
        };
        read().map_err(|_: Damaged| BadFreshnessToken)
    }
}

impl fmt::Display for FreshnessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_octets().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for FreshnessToken {
    type Err = BadFreshnessToken;

    fn from_str(text: &str) -> Result<Self, BadFreshnessToken> {
        let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let octets = text.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        });
        let octets: Option<Vec<_>> = octets.collect();
        octets.ok_or(BadFreshnessToken).and_then(|octets| Self::from_octets(&octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_anything_else_is_none() {
        let issuer = IssuerId::of(b"name", b"key");
        let position = Position(7);
        let token = FreshnessToken { issuer, incarnation: [3; 16], position, chain: [5; 32] };
        let text = token.to_string();
        assert_eq!(text.len(), 178);
        assert_eq!(text.parse(), Ok(token));
        assert_eq!(text.to_uppercase().parse(), Ok(token));
        for other in [&text[1..], &text[2..], "", "zz", "é", &format!("{text}00")] {
            assert_eq!(other.parse::<FreshnessToken>(), Err(BadFreshnessToken), "{other}");
        }
    }
}
