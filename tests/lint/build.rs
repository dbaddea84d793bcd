//! CRLs laid out octet by octet, so that each can be wrong in one place.

use annul::Timestamp;

/// CN=CA
pub const NAME: &[u8] = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
pub const KEY_IDENTIFIER: &[u8] = &[0x5a; 20];
pub const TRUE: &[u8] = &[1, 1, 0xff];
pub const FALSE: &[u8] = &[1, 1, 0];

/// Wraps DER in a header.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let header = match (content.len() as u16).to_be_bytes() {
        [0, length @ ..0x80] => vec![tag, length],
        [0, length] => vec![tag, 0x81, length],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [header, content].concat()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A UTCTime, or a GeneralizedTime of 15 characters.
pub fn time(text: &str) -> Vec<u8> {
    tlv(if text.len() == 15 { 0x18 } else { 0x17 }, &[text.as_bytes()])
}

/// An extension of the arc 2.5.29.
pub fn extension(arc: u8, critical: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&[0x06, 3, 0x55, 0x1d, arc], critical, &tlv(0x04, &[value])])
}

pub fn authority_key_identifier() -> Vec<u8> {
    extension(35, b"", &tlv(0x30, &[&tlv(0x80, &[KEY_IDENTIFIER])]))
}

pub fn crl_number(octets: &[u8]) -> Vec<u8> {
    extension(20, b"", &tlv(0x02, &[octets]))
}

pub fn reason(code: u8) -> Vec<u8> {
    extension(21, b"", &[0x0a, 1, code])
}

/// A DistributionPointName with these URIs.
pub fn full_name(uris: &[&str]) -> Vec<u8> {
    let uris: Vec<u8> = uris.iter().flat_map(|uri| tlv(0x86, &[uri.as_bytes()])).collect();
    tlv(0xa0, &[&uris])
}

/// An issuingDistributionPoint with these fields.
pub fn scope(fields: &[&[u8]]) -> Vec<u8> {
    extension(28, TRUE, &tlv(0x30, fields))
}

/// An entry with this serial number and these extensions; the field is absent without any.
pub fn entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let list = if extensions.is_empty() { Vec::new() } else { tlv(0x30, &[&extensions.concat()]) };
    entry_of(serial, "261120123000Z", &list)
}

pub fn entry_of(serial: &[u8], date: &str, extensions: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x02, &[serial]), &time(date), extensions])
}

/// What a CRL is put together from. Each field is DER, or nothing where it is absent.
#[derive(Clone)]
pub struct Crl {
    pub version: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub this_update: Vec<u8>,
    pub next_update: Vec<u8>,
    pub revoked: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
}

impl Default for Crl {
    /// One that breaks no rule of RFC 5280, the Baseline Requirements or rustls-webpki.
    fn default() -> Self {
        Self {
            version: vec![2, 1, 1],
            algorithm: b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02".to_vec(),
            issuer: NAME.to_vec(),
            this_update: time("261121000000Z"),
            next_update: time("261128000000Z"),
            revoked: tlv(0x30, &[&entry(&[1], &[reason(4)])]),
            extensions: vec![authority_key_identifier(), crl_number(&[7])],
        }
    }
}

impl Crl {
    /// With this extension added.
    pub fn with(extension: Vec<u8>) -> Self {
        let mut crl = Self::default();
        crl.extensions.push(extension);
        crl
    }

    /// With these entries and no others.
    pub fn listing(entries: &[Vec<u8>]) -> Self {
        Self { revoked: tlv(0x30, &[&entries.concat()]), ..Self::default() }
    }

    pub fn tbs(&self) -> Vec<u8> {
        let extensions = match &self.extensions[..] {
            [] => Vec::new(),
            some => tlv(0xa0, &[&tlv(0x30, &[&some.concat()])]),
        };
        let fields: [&[u8]; 7] = [
            &self.version,
            &self.algorithm,
            &self.issuer,
            &self.this_update,
            &self.next_update,
            &self.revoked,
            &extensions,
        ];
        tlv(0x30, &fields)
    }

    /// With a signature that means nothing.
    pub fn der(&self) -> Vec<u8> {
        tlv(0x30, &[&self.tbs(), &self.algorithm, b"\x03\x02\x00\x55"])
    }
}
