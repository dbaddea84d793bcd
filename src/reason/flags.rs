//! Sets of reasons: RFC 5280 §4.2.1.13.

use crate::asn1::{Element, Malformed};
use std::fmt;

/// The reasons that a CRL, or a distribution point, is about.
///
/// ```asn1
/// ReasonFlags ::= BIT STRING {
///      unused (0), keyCompromise (1), cACompromise (2), affiliationChanged (3), superseded (4),
///      cessationOfOperation (5), certificateHold (6), privilegeWithdrawn (7), aACompromise (8) }
/// ```
///
/// `Display` writes their names, a space between any two.
///
/// ```
/// use annul::ReasonFlags;
///
/// assert!(ReasonFlags::NONE.is_empty());
/// assert_eq!(ReasonFlags::ALL.without(ReasonFlags::ALL), ReasonFlags::NONE);
/// assert!(ReasonFlags::ALL.to_string().starts_with("keyCompromise cACompromise"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReasonFlags(
    /// Bit n of the BIT STRING is 1 << n.
    u16,
);

const NAMES: [&str; 8] = [
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
];

impl ReasonFlags {
    /// No reason.
    pub const NONE: Self = Self(0);

    /// Every reason: the "all-reasons" of RFC 5280 §6.3.2.
    pub const ALL: Self = Self(0x1fe);

    /// Reads the content of a BIT STRING. Bits that name no reason are passed over.
    pub(crate) fn read(bits: &Element<'_>, field: &'static str) -> Result<Self, Malformed> {
        let (octets, unused) = match bits.content {
            [0] => (&[][..], 0),
            [unused @ 0..=7, octets @ ..] if !octets.is_empty() => (octets, *unused),
            _ => return Err(bits.malformed(field, "no BIT STRING")),
        };
        let count = octets.len() * 8 - usize::from(unused);
        let is_set = |bit: &usize| {
            let octet = octets.get(bit / 8).copied().unwrap_or(0);
            octet & (0x80 >> (bit % 8)) != 0
        };
        let flags = (1..=NAMES.len()).filter(|bit| *bit < count && is_set(bit));
        Ok(Self(flags.fold(0, |flags, bit| flags | 1 << bit)))
    }

    /// Whether there is none in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in one or the other.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for ReasonFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = (1..).zip(NAMES).filter(|(bit, _)| self.0 & 1 << bit != 0);
        let names: Vec<&str> = names.map(|(_, name)| name).collect();
        f.pad(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::{self, BIT_STRING};

    fn read(content: &[u8]) -> Result<ReasonFlags, Malformed> {
        let mut der = Vec::new();
        asn1::write_element(&mut der, BIT_STRING, content);
        ReasonFlags::read(&asn1::single(&der, BIT_STRING, "reasons")?, "reasons")
    }

    #[test]
    fn bits_are_read_from_the_left() {
        for (content, names) in [
            (&b"\x05\x60"[..], "keyCompromise cACompromise"),
            (b"\x07\x7f\x80", &ReasonFlags::ALL.to_string()),
            (b"\x00\xff\xff\xff", &ReasonFlags::ALL.to_string()),
            (b"\x07\x00\x80", "aACompromise"),
            (b"\x07\x80", ""),
            (b"\x06\xff", "keyCompromise"),
            // An empty one made a reader panic (RUSTSEC-2026-0104).
            (b"\x00", ""),
        ] {
            assert_eq!(read(content).unwrap().to_string(), names, "{content:02x?}");
        }
        for content in [&b""[..], b"\x01", b"\x08\x60"] {
            assert!(read(content).is_err(), "{content:02x?}");
        }
    }

    #[test]
    fn sets_are_sets() {
        let [one, other] = [read(b"\x05\x60").unwrap(), read(b"\x04\x30").unwrap()];
        assert_eq!(one.intersection(other).to_string(), "cACompromise");
        assert_eq!(one.without(other).to_string(), "keyCompromise");
        assert_eq!(one.union(other).without(other), one.without(other));
        assert!(!one.is_empty() && ReasonFlags::default().is_empty());
    }
}
