//! Toy CAs: certificates of any shape in a few microseconds, sealed with a digest that anybody
//! could make.

use crate::{
    Authority, CaCertificate, Certificate, Clock, IssuerId, LoggedEntry, MemoryStore, Position,
    Serial, SignatureAlgorithm, Signer, SigningError, Store, Timestamp, ToSign, Verifier,
    VerifyError,
};
use sha2::{Digest, Sha256};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

const SEQUENCE: u8 = 0x30;
const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::EcdsaWithSha256;

/// Midnight of this day, counted from 1 January 2026.
pub fn day(number: i64) -> Timestamp {
    Timestamp::from_unix(1_767_225_600 + number * 86_400).unwrap()
}

/// A serial number.
pub fn serial(number: u64) -> Serial {
    Serial::from_unsigned(&number.to_be_bytes()).unwrap()
}

/// An authority that accepts the seals of toys, at the time of this clock. Its random numbers
/// count on from `drawn`.
pub fn authority<S: Store>(store: S, clock: &ToyClock, drawn: Arc<AtomicU64>) -> Authority<S> {
    Authority::new(store).with_clock(clock.clone()).with_verifier(ToyVerifier).with_random(
        move |octets| {
            let next = drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            octets.iter_mut().zip(next.iter().cycle()).for_each(|(to, from)| *to = *from);
            Ok(())
        },
    )
}

/// An authority in memory, and its clock at day 0.
pub fn in_memory() -> (Authority<MemoryStore>, ToyClock) {
    let clock = ToyClock::at(day(0));
    (authority(MemoryStore::new(), &clock, Arc::default()), clock)
}

/// All entries of the log of an issuer.
pub fn log<S: Store>(authority: &Authority<S>, issuer: IssuerId) -> Vec<LoggedEntry> {
    let start = authority.token_at(issuer, Position(0)).unwrap();
    authority.changes(&start, usize::MAX).unwrap().entries
}

/// A name and a key.
#[derive(Clone, Debug)]
pub struct Ca {
    name: Vec<u8>,
    public_key: Vec<u8>,
}

impl Ca {
    /// A CA of this name with a key of its own.
    pub fn new(name: &str) -> Self {
        Self::with_key(name, name)
    }

    /// A CA of this name with this key.
    pub fn with_key(name: &str, key: &str) -> Self {
        let value = element(0x0c, &[name.as_bytes()]);
        let common_name = element(SEQUENCE, &[&[0x06, 3, 0x55, 4, 3], &value]);
        let bits = element(0x03, &[&[0], key.as_bytes()]);
        Self {
            name: element(SEQUENCE, &[&element(0x31, &[&common_name])]),
            public_key: element(SEQUENCE, &[&element(SEQUENCE, &[&[0x06, 1, 0x2b]]), &bits]),
        }
    }

    /// The id of the issuer that it makes.
    pub fn id(&self) -> IssuerId {
        IssuerId::of(&self.name, &self.public_key)
    }

    /// A certificate that it signs for another CA, or for itself.
    pub fn certifies(&self, ca: &Self, serial: u64) -> Toy {
        Toy::new(self, ca.clone(), true, serial)
    }

    /// A certificate that it signs for an end entity.
    pub fn leaf(&self, serial: u64) -> Toy {
        Toy::new(self, Self::with_key("leaf", "leaf"), false, serial)
    }
}

/// A certificate to be, valid from day -100 through day 1000.
pub struct Toy {
    issuer: Ca,
    subject: Ca,
    is_ca: bool,
    serial: Serial,
    not_before: Timestamp,
    not_after: Timestamp,
    distribution_points: Vec<String>,
}

impl Toy {
    fn new(issuer: &Ca, subject: Ca, is_ca: bool, number: u64) -> Self {
        let (issuer, serial) = (issuer.clone(), serial(number));
        Self {
            issuer,
            subject,
            is_ca,
            serial,
            not_before: day(-100),
            not_after: day(1000),
            distribution_points: Vec::new(),
        }
    }

    /// Valid within these days.
    pub fn valid(mut self, from: i64, until: i64) -> Self {
        (self.not_before, self.not_after) = (day(from), day(until));
        self
    }

    /// With this serial number, which may be longer.
    pub fn with_serial(self, serial: Serial) -> Self {
        Self { serial, ..self }
    }

    /// Its CRL is found here: one distribution point with all these URIs.
    pub fn with_distribution_points(self, uris: &[&str]) -> Self {
        let distribution_points = uris.iter().map(|&uri| uri.to_owned()).collect();
        Self { distribution_points, ..self }
    }

    /// Signed.
    pub fn certificate(&self) -> Certificate {
        let algorithm = ALGORITHM.identifier();
        let validity = [time(self.not_before), time(self.not_after)].concat();
        let to_be_signed = element(
            SEQUENCE,
            &[
                &[0xa0, 3, 0x02, 1, 2],
                &element(0x02, &[self.serial.as_octets()]),
                algorithm,
                &self.issuer.name,
                &element(SEQUENCE, &[&validity]),
                &self.subject.name,
                &self.subject.public_key,
                &element(0xa3, &[&element(SEQUENCE, &[&self.extensions()])]),
            ],
        );
        let digest = Sha256::digest(&to_be_signed);
        let signature = element(0x03, &[&[0], &seal(&self.issuer.public_key, &digest)]);
        let der = element(SEQUENCE, &[&to_be_signed, algorithm, &signature]);
        Certificate::from_der(&der).unwrap()
    }

    /// Signed, as a CA's.
    pub fn ca(&self) -> CaCertificate {
        CaCertificate::new(self.certificate()).unwrap()
    }

    fn extensions(&self) -> Vec<u8> {
        let distribution_points = self.distribution_points();
        if !self.is_ca {
            return [extension(14, b"\x04\x04leaf"), distribution_points].concat();
        }
        let identifier = element(0x04, &[&Sha256::digest(&self.subject.public_key)[..20]]);
        let (basic_constraints, key_usage) = (b"\x30\x03\x01\x01\xff", b"\x03\x02\x01\x06");
        [
            extension(14, &identifier),
            extension(15, key_usage),
            extension(19, basic_constraints),
            distribution_points,
        ]
        .concat()
    }

    fn distribution_points(&self) -> Vec<u8> {
        if self.distribution_points.is_empty() {
            return Vec::new();
        }
        let uris: Vec<_> =
            self.distribution_points.iter().map(|uri| element(0x86, &[uri.as_bytes()])).collect();
        let name = element(0xa0, &[&element(0xa0, &[&uris.concat()])]);
        extension(31, &element(SEQUENCE, &[&element(SEQUENCE, &[&name])]))
    }
}

/// An extension below id-ce.
fn extension(id: u8, value: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&[0x06, 3, 0x55, 0x1d, id], &element(0x04, &[value])])
}

fn time(at: Timestamp) -> Vec<u8> {
    element(0x18, &[at.to_string().replace(['-', ':', 'T'], "").as_bytes()])
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u16::try_from(length).unwrap().to_be_bytes() {
        [0, length @ ..0x80] => out.push(length),
        [0, length] => out.extend([0x81, length]),
        length => out.extend([0x82, length[0], length[1]]),
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

fn seal(public_key: &[u8], digest: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(public_key).chain_update(digest).finalize().into()
}

/// Accepts the seals of toys.
pub struct ToyVerifier;

impl Verifier for ToyVerifier {
    fn verify(
        &self,
        public_key: &[u8],
        algorithm: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        assert_eq!(algorithm, ALGORITHM.identifier());
        let sealed = signature == seal(public_key, &signed.digest(ALGORITHM)?);
        if sealed { Ok(()) } else { Err(VerifyError::BadSignature) }
    }
}

/// Every CA can sign: its key is no secret.
impl Signer for Ca {
    fn algorithm(&self) -> SignatureAlgorithm {
        ALGORITHM
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        let digest: io::Result<_> = to_sign.digest(ALGORITHM);
        Ok(seal(&self.public_key, &digest?).to_vec())
    }
}

/// A clock that can be set, even back.
#[derive(Clone, Debug)]
pub struct ToyClock(Arc<AtomicI64>);

impl ToyClock {
    /// A clock that stands at this time.
    pub fn at(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.unix())))
    }

    /// Sets it.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.unix(), Ordering::SeqCst);
    }
}

impl Clock for ToyClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst)).unwrap()
    }
}
