//! CAs for tests: certificates laid out by hand, so that every octet can be chosen, and signed with
//! keys of this crate.
#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use annul::{CaCertificate, Certificate, IssuerId, Signer, SigningKey, Timestamp, sign_message};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// A name and a key that sign certificates.
pub struct Ca {
    /// The Name in DER.
    pub name: Vec<u8>,
    pub key: SigningKey,
}

/// What goes into a certificate besides what its CA puts there.
#[derive(Clone)]
pub struct Template {
    /// The content octets of the serial number.
    pub serial: Vec<u8>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// The Name in DER.
    pub subject: Vec<u8>,
    /// The SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// Each an Extension in DER.
    pub extensions: Vec<Vec<u8>>,
}

impl Ca {
    /// The CA with this commonName and this key.
    pub fn with_key(name: &str, key: SigningKey) -> Self {
        Self { name: common_name(name), key }
    }

    /// The CA with this commonName and a P-256 key of its own.
    #[cfg(feature = "p256")]
    pub fn new(name: &str) -> Self {
        Self::with_key(name, p256_key(name))
    }

    pub fn id(&self) -> IssuerId {
        IssuerId::of(&self.name, self.key.public_key())
    }

    /// A certificate of this CA, to be signed by itself or by another.
    pub fn template(&self, serial: &str) -> Template {
        Template {
            subject: self.name.clone(),
            public_key: self.key.public_key().to_vec(),
            extensions: vec![
                ca_constraints(),
                key_usage(KEY_CERT_SIGN | CRL_SIGN),
                self.subject_key_identifier(),
            ],
            ..leaf(serial)
        }
    }

    /// Names its key: the last 20 octets of it.
    pub fn key_identifier(&self) -> &[u8] {
        let key = self.key.public_key();
        &key[key.len() - 20..]
    }

    fn subject_key_identifier(&self) -> Vec<u8> {
        extension(14, false, &element(OCTET_STRING, &[self.key_identifier()]))
    }

    /// Signs the certificate.
    pub fn sign(&self, template: &Template) -> Certificate {
        let algorithm = self.key.algorithm().identifier();
        let validity = [time(template.not_before), time(template.not_after)].concat();
        let extensions = element(SEQUENCE, &[&template.extensions.concat()]);
        let to_be_signed = element(
            SEQUENCE,
            &[
                &element(0xa0, &[&[INTEGER, 1, 2]]),
                &element(INTEGER, &[&template.serial]),
                algorithm,
                &self.name,
                &element(SEQUENCE, &[&validity]),
                &template.subject,
                &template.public_key,
                &element(0xa3, &[&extensions]),
            ],
        );
        let signature = sign_message(&self.key, &to_be_signed.as_slice()).unwrap();
        let signature = element(BIT_STRING, &[&[0], &signature]);
        let der = element(SEQUENCE, &[&to_be_signed, algorithm, &signature]);
        Certificate::from_der(&der).unwrap()
    }

    /// Signs the certificate of a CA.
    pub fn sign_ca(&self, template: &Template) -> CaCertificate {
        CaCertificate::new(self.sign(template)).unwrap()
    }

    /// Its self-signed certificate.
    pub fn root(&self) -> CaCertificate {
        self.sign_ca(&self.template("01"))
    }

    /// Issues the certificate of an end entity.
    pub fn issue(&self, serial: &str) -> Certificate {
        self.sign(&leaf(serial))
    }

    /// Issues a certificate to another CA.
    pub fn certify(&self, ca: &Ca, serial: &str) -> CaCertificate {
        self.sign_ca(&ca.template(serial))
    }
}

/// A public key that is there with every feature off: the generator of the curve P-256.
const GENERATOR_OF_P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
    \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04\
    \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\
    \x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
    \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\
    \x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/// An end entity, valid in 2026.
pub fn leaf(serial: &str) -> Template {
    Template {
        serial: serial.parse::<annul::Serial>().unwrap().as_octets().to_vec(),
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2026-12-31T23:59:59Z"),
        subject: common_name("device"),
        public_key: GENERATOR_OF_P256.to_vec(),
        extensions: vec![key_usage(DIGITAL_SIGNATURE)],
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Name with this commonName.
pub fn common_name(text: &str) -> Vec<u8> {
    let value = element(0x0c, &[text.as_bytes()]);
    let attribute = element(SEQUENCE, &[b"\x06\x03\x55\x04\x03", &value]);
    element(SEQUENCE, &[&element(0x31, &[&attribute])])
}

/// basicConstraints with cA TRUE.
pub fn ca_constraints() -> Vec<u8> {
    extension(19, true, b"\x30\x03\x01\x01\xff")
}

pub const DIGITAL_SIGNATURE: u8 = 0x80;
pub const KEY_CERT_SIGN: u8 = 0x04;
pub const CRL_SIGN: u8 = 0x02;

/// keyUsage with these bits.
pub fn key_usage(bits: u8) -> Vec<u8> {
    let unused = u8::try_from(bits.trailing_zeros()).unwrap();
    extension(15, true, &element(BIT_STRING, &[&[unused, bits]]))
}

/// cRLDistributionPoints with this URI.
pub fn distribution_points(uri: &str) -> Vec<u8> {
    let name = element(0xa0, &[&element(0x86, &[uri.as_bytes()])]);
    let point = element(SEQUENCE, &[&element(0xa0, &[&name])]);
    extension(31, false, &element(SEQUENCE, &[&point]))
}

/// The extension of the standard arc id-ce with this number.
pub fn extension(id: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let id = [0x06, 3, 0x55, 0x1d, id];
    let critical: &[u8] = if critical { b"\x01\x01\xff" } else { b"" };
    element(SEQUENCE, &[&id, critical, &element(OCTET_STRING, &[value])])
}

/// One element of these parts, in DER.
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

/// RFC 5280 §4.1.2.5.
pub fn time(time: Timestamp) -> Vec<u8> {
    let digits: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    let (tag, digits) =
        if time < at("2050-01-01T00:00:00Z") { (0x17, &digits[2..]) } else { (0x18, &digits[..]) };
    element(tag, &[digits.as_bytes(), b"Z"])
}

/// The P-256 key with a scalar made of this name.
#[cfg(feature = "p256")]
pub fn p256_key(name: &str) -> SigningKey {
    const PRIME256V1: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    ec_key(PRIME256V1, &scalar(name, 32))
}

/// The P-384 key with a scalar made of this name.
#[cfg(feature = "p384")]
pub fn p384_key(name: &str) -> SigningKey {
    ec_key(b"\x06\x05\x2b\x81\x04\x00\x22", &scalar(name, 48))
}

/// The Ed25519 key with a seed made of this name.
#[cfg(feature = "ed25519")]
pub fn ed25519_key(name: &str) -> SigningKey {
    let key = element(OCTET_STRING, &[&element(OCTET_STRING, &[&scalar(name, 32)])]);
    pkcs8(b"\x06\x03\x2b\x65\x70", &key)
}

/// `length` octets made of this name: not zero, and below the order of every curve.
#[cfg(any(feature = "p256", feature = "p384", feature = "ed25519"))]
fn scalar(name: &str, length: usize) -> Vec<u8> {
    name.bytes().chain([0]).cycle().take(length).collect()
}

#[cfg(any(feature = "p256", feature = "p384"))]
fn ec_key(curve: &[u8], scalar: &[u8]) -> SigningKey {
    const ID_EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    let key = element(SEQUENCE, &[&[INTEGER, 1, 1], &element(OCTET_STRING, &[scalar])]);
    pkcs8(&[ID_EC_PUBLIC_KEY, curve].concat(), &element(OCTET_STRING, &[&key]))
}

/// PrivateKeyInfo (RFC 5958 §2).
#[cfg(any(feature = "p256", feature = "p384", feature = "ed25519"))]
fn pkcs8(algorithm: &[u8], key: &[u8]) -> SigningKey {
    let algorithm = element(SEQUENCE, &[algorithm]);
    let der = element(SEQUENCE, &[&[INTEGER, 1, 0], &algorithm, key]);
    SigningKey::from_pkcs8_der(&der).unwrap()
}
