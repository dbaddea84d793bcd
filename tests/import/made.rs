//! CRLs as anybody may have made them, laid out by hand and sealed by a toy CA.

use super::toy::{Ca, day};
use annul::{Certificate, Partition, Scope, Signer, Timestamp, sign_message};

pub const HOLD: u8 = 6;
pub const REMOVE: u8 = 8;

/// One entry, and what may be odd about it.
#[derive(Clone)]
pub struct Listed {
    pub serial: Vec<u8>,
    pub date: Timestamp,
    pub reason: Option<u8>,
    pub extensions: Vec<Vec<u8>>,
}

/// An entry without a reason, of day 1.
pub fn listed(serial: u8) -> Listed {
    octets(&[serial])
}

pub fn octets(serial: &[u8]) -> Listed {
    Listed { serial: serial.to_vec(), date: day(1), reason: None, extensions: Vec::new() }
}

impl Listed {
    pub fn on(self, date: Timestamp) -> Self {
        Self { date, ..self }
    }

    pub fn because(self, reason: u8) -> Self {
        Self { reason: Some(reason), ..self }
    }

    pub fn since(mut self, text: &str) -> Self {
        self.extensions.push(extension(24, false, &element(0x18, &[text.as_bytes()])));
        self
    }

    /// certificateIssuer: CN=other.
    pub fn of_another(mut self) -> Self {
        let name = element(0xa4, &[&common_name("other")]);
        self.extensions.push(extension(29, true, &element(0x30, &[&name])));
        self
    }

    fn der(&self) -> Vec<u8> {
        let reason = self.reason.map(|code| extension(21, false, &[0x0a, 1, code]));
        let extensions = [reason.unwrap_or_default(), self.extensions.concat()].concat();
        let list = if extensions.is_empty() { extensions } else { element(0x30, &[&extensions]) };
        element(0x30, &[&element(0x02, &[&self.serial]), &time(self.date), &list])
    }
}

/// A CRL to be.
pub struct Made {
    pub ca: Ca,
    pub number: Option<u64>,
    pub this_update: Timestamp,
    pub extensions: Vec<Vec<u8>>,
    pub listed: Vec<Listed>,
}

/// The CRL with this number, made on the day of it.
pub fn made(number: u64, listed: impl Into<Vec<Listed>>) -> Made {
    let this_update = day(i64::try_from(number).unwrap());
    let (ca, number, listed) = (super::ca(), Some(number), listed.into());
    Made { ca, number, this_update, extensions: Vec::new(), listed }
}

impl Made {
    pub fn at(self, this_update: Timestamp) -> Self {
        Self { this_update, ..self }
    }

    pub fn by(self, ca: Ca) -> Self {
        Self { ca, ..self }
    }

    pub fn numbered(self, number: u64) -> Self {
        Self { number: Some(number), ..self }
    }

    pub fn without_number(self) -> Self {
        Self { number: None, ..self }
    }

    /// deltaCRLIndicator.
    pub fn delta_to(mut self, base: u8) -> Self {
        self.extensions.push(extension(27, true, &[0x02, 1, base]));
        self
    }

    /// issuingDistributionPoint with this content.
    pub fn about(mut self, point: &[u8]) -> Self {
        self.extensions.push(extension(28, true, &element(0x30, &[point])));
        self
    }

    /// issuingDistributionPoint that names the CRL of a partition as it is made here.
    pub fn about_partition(self, number: u32) -> Self {
        let place = annul::CrlPlace::complete(self.ca.id(), Scope::Partition(Partition(number)))
            .file_name();
        self.about(&distribution_point(&format!("http://crl.example/{place}")))
    }

    pub fn der(&self) -> Vec<u8> {
        let algorithm = self.ca.algorithm().identifier();
        let number = self.number.map(|number| {
            let number = annul::CrlNumber::from_u64(number);
            extension(20, false, &element(0x02, &[number.as_octets()]))
        });
        let extensions = [number.unwrap_or_default(), self.extensions.concat()].concat();
        let extensions = if extensions.is_empty() {
            extensions
        } else {
            element(0xa0, &[&element(0x30, &[&extensions])])
        };
        let listed: Vec<u8> = self.listed.iter().flat_map(Listed::der).collect();
        let listed = if listed.is_empty() { listed } else { element(0x30, &[&listed]) };
        let name = self.ca.certifies(&self.ca, 1).certificate().subject().to_vec();
        let to_be_signed = element(
            0x30,
            &[&[0x02, 1, 1], algorithm, &name, &time(self.this_update), &listed, &extensions],
        );
        let signature = sign_message(&self.ca, &to_be_signed.as_slice()).unwrap();
        element(0x30, &[&to_be_signed, algorithm, &element(0x03, &[&[0], &signature])])
    }
}

/// A self-signed certificate with this Name, of a CA whose key nobody else has.
pub fn self_signed(name: &[u8]) -> Certificate {
    let key = Ca::new("nobody else's");
    let algorithm = key.algorithm().identifier();
    let validity = element(0x30, &[&time(day(-10_000)), &time(day(10_000))]);
    let extensions = extension(19, true, &[0x30, 3, 1, 1, 0xff]);
    let to_be_signed = element(
        0x30,
        &[
            &[0xa0, 3, 2, 1, 2, 2, 1, 1],
            algorithm,
            name,
            &validity,
            name,
            key.public_key(),
            &element(0xa3, &[&element(0x30, &[&extensions])]),
        ],
    );
    let signature = sign_message(&key, &to_be_signed.as_slice()).unwrap();
    let signature = element(0x03, &[&[0], &signature]);
    Certificate::from_der(&element(0x30, &[&to_be_signed, algorithm, &signature])).unwrap()
}

/// The content of an issuingDistributionPoint with a fullName.
pub fn distribution_point(uri: &str) -> Vec<u8> {
    element(0xa0, &[&element(0xa0, &[&element(0x86, &[uri.as_bytes()])])])
}

pub fn extension(id: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { b"\x01\x01\xff" } else { b"" };
    element(0x30, &[&[0x06, 3, 0x55, 0x1d, id], critical, &element(0x04, &[value])])
}

pub fn common_name(text: &str) -> Vec<u8> {
    let value = element(0x0c, &[text.as_bytes()]);
    element(0x30, &[&element(0x31, &[&element(0x30, &[&[0x06, 3, 0x55, 4, 3], &value])])])
}

fn time(at: Timestamp) -> Vec<u8> {
    element(0x18, &[at.to_string().replace(['-', ':', 'T'], "").as_bytes()])
}

pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|&&octet| octet == 0).count()..];
    let header = match significant {
        [] => vec![tag, 0],
        [short @ 0..=0x7f] => vec![tag, *short],
        long => [&[tag, 0x80 | long.len() as u8], long].concat(),
    };
    [header, content].concat()
}
