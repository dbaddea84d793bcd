//! A CA without a store, and the judges.

use annul::{
    CrlEntry, CrlError, CrlNumber, DistributionPoint, Entries, Only, PreparedCrl, Serial,
    SignatureAlgorithm, Signer, SigningError, Stage, TbsCertList, Timestamp, ToSign, Verifier,
    VerifyError,
};

pub use crate::openssl::{OpenSsl, directory::Directory};

/// CN=CA
pub const NAME: &[u8] = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
pub const KEY_IDENTIFIER: &[u8] = &[0x5a; 20];
/// What stands for a SubjectPublicKeyInfo where no key is needed.
pub const PUBLIC_KEY: &[u8] = b"\x30\x03\x02\x01\x07";

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

pub fn tbs() -> TbsCertList<'static> {
    tbs_of(NAME, KEY_IDENTIFIER)
}

pub fn tbs_of<'a>(name: &'a [u8], key_identifier: &'a [u8]) -> TbsCertList<'a> {
    let number = CrlNumber::from_u64(4096);
    let (this_update, next_update) = (at("2026-11-21T00:00:00Z"), at("2026-11-28T00:00:00Z"));
    TbsCertList::new(name, key_identifier, number, this_update, next_update).unwrap()
}

/// Where a CRL is, the delta CRLs that add to it, and the certificate of its issuer.
pub const FULL: &str = "http://crl.example/ca.crl";
pub const DELTA: &str = "http://crl.example/ca-delta.crl";
pub const CERTIFICATE: &str = "http://crl.example/ca.crt";

pub fn uris<const N: usize>(uris: [&str; N]) -> Vec<String> {
    uris.map(str::to_owned).into()
}

pub fn point(only: Option<Only>) -> DistributionPoint {
    DistributionPoint::new(uris([FULL]), only).unwrap()
}

/// A prepared CRL that went the way of all octets.
pub fn prepare(tbs: TbsCertList<'_>, entries: &dyn Entries) -> PreparedCrl {
    let algorithm = SignatureAlgorithm::EcdsaWithSha256;
    let prepared = tbs.prepare(entries, PUBLIC_KEY, algorithm, Vec::new()).unwrap();
    assert_eq!(PreparedCrl::from_bytes(&prepared.to_bytes()).unwrap(), prepared);
    prepared
}

/// How often a part is in it.
pub fn occurrences(der: &[u8], part: &[u8]) -> usize {
    der.windows(part.len()).filter(|octets| *octets == part).count()
}

pub fn entry(serial: Serial) -> CrlEntry {
    let revocation_date = at("2026-11-20T12:30:00Z");
    CrlEntry { serial, revocation_date, reason: None, invalidity_date: None }
}

/// The octets of the `n`-th serial number of `length` octets, 4 or more.
pub fn serial(n: usize, length: usize) -> Serial {
    let mut octets = vec![0x11; length];
    octets[length - 3..].copy_from_slice(&n.to_be_bytes()[5..]);
    Serial::from_octets(&octets).unwrap()
}

pub fn entries(count: usize) -> Vec<CrlEntry> {
    (0..count).map(|n| entry(serial(n, 16))).collect()
}

/// Signs with a signature of some length that means nothing.
pub struct FakeKey {
    pub length: usize,
    pub whole_message: bool,
}

impl FakeKey {
    pub const fn new(length: usize) -> Self {
        Self { length, whole_message: false }
    }
}

impl Signer for FakeKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaWithSha256
    }

    fn public_key(&self) -> &[u8] {
        PUBLIC_KEY
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        match to_sign {
            ToSign::Message(message) => message.read(&mut |_| ())?,
            _ => assert!(!self.whole_message),
        }
        Ok(vec![0x55; self.length])
    }

    fn wants_message(&self) -> bool {
        self.whole_message
    }
}

/// Takes every signature for valid, or none.
pub struct FakeVerifier(pub bool);

impl Verifier for FakeVerifier {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        if self.0 { Ok(()) } else { Err(VerifyError::BadSignature) }
    }
}

pub fn sign_into(
    tbs: TbsCertList<'_>,
    entries: &dyn Entries,
    signature: usize,
    stage: &mut dyn Stage,
) -> Result<annul::SignedCrl, CrlError> {
    tbs.sign(entries, PUBLIC_KEY, &FakeKey::new(signature), &FakeVerifier(true), stage)
}

/// The DER of a CRL with a fake signature.
pub fn make(tbs: TbsCertList<'_>, entries: &dyn Entries) -> Result<Vec<u8>, CrlError> {
    let mut der = Vec::new();
    sign_into(tbs, entries, 71, &mut der).map(|_| der)
}
