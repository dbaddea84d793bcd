//! CRLs that nobody signed, laid out by hand: what a sink looks at, and as long as one likes.
#![allow(dead_code, reason = "each test uses a part of it")]

use annul::{CrlNumber, CrlPlace, IssuerId, Outgoing, Scope, Timestamp};

const SEQUENCE: u8 = 0x30;

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|octet| **octet == 0).count()..];
    let mut octets = vec![tag];
    match length {
        [] => octets.push(0),
        [short @ ..=0x7f] => octets.push(*short),
        long => {
            octets.push(0x80 | long.len() as u8);
            octets.extend(long);
        }
    }
    octets.extend(content);
    octets
}

/// A CRL with this number, about as long as its signature, which has so many octets.
pub fn crl(number: u64, length: usize) -> Vec<u8> {
    // id-ce-cRLNumber (RFC 5280 §5.2.3).
    let number = CrlNumber::from_u64(number);
    let value = tlv(0x04, &tlv(0x02, number.as_octets()));
    let extension = tlv(SEQUENCE, &[&[0x06, 3, 0x55, 0x1d, 20][..], &value].concat());
    let extensions = tlv(0xa0, &tlv(SEQUENCE, &extension));
    // ecdsa-with-SHA256.
    let algorithm = tlv(SEQUENCE, b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
    let name = tlv(SEQUENCE, b"\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03one");
    let tbs = [
        &[0x02, 1, 1][..],
        &algorithm,
        &name,
        &tlv(0x17, b"261121083000Z"),
        &tlv(0x17, b"261128083000Z"),
        &extensions,
    ];
    let mut signature = vec![number.as_octets().last().copied().unwrap_or(0); length + 1];
    signature[0] = 0;
    let list = [tlv(SEQUENCE, &tbs.concat()), algorithm.clone(), tlv(0x03, &signature)];
    tlv(SEQUENCE, &list.concat())
}

/// A place for complete CRLs.
pub fn place() -> CrlPlace {
    let issuer: IssuerId = "00112233445566778899aabbccddeeff".repeat(2).parse().unwrap();
    CrlPlace::complete(issuer, Scope::Full)
}

/// A CRL of this number on its way out.
pub fn outgoing(place: CrlPlace, number: u64, der: &[u8]) -> Outgoing<'_> {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (this_update, next_update) = (at("2026-11-21T08:30:00Z"), at("2026-11-28T08:30:00Z"));
    let number = CrlNumber::from_u64(number);
    let (now, trusts_record) = (this_update, false);
    Outgoing { place, der, number, this_update, next_update, now, trusts_record }
}
