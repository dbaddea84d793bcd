//! Look-ups in a received CRL without a scan.
//!
//! One pass over the entries checks each and notes where it stands, in a table that takes 7 octets
//! for each. What is found is read then, from the octets of the CRL:
//!
//! ```text
//! serial ─ hash ─▶ lines ─ place ─▶ entries of the CRL ─▶ RevokedCertificate
//!                                    ▲
//!       the nearest before it ─ named ┘   whose certificates they are, in an indirect CRL
//! ```

mod lines;
#[cfg(test)]
mod tests;

use self::lines::Lines;
use super::read::{CertificateList, CrlReadError, RevokedCertificate, RevokedCertificates};
use crate::{
    serial::{SerialRef, StatedHash},
    signing::Verifier,
};
use std::{fmt, panic::resume_unwind, thread};

/// The lines of so many entries are fetched together, for the processor waits for several at once.
const TOGETHER: usize = 64;

/// An entry that goes into the table.
struct Found<'a> {
    hash: u64,
    serial: SerialRef<'a>,
    place: u32,
}

/// Finds the entries of one CRL by serial number, by a hash table.
///
/// It answers as [`CertificateList::find`] does, which reads all entries up to the one it looks
/// for. To build it takes about twice as long as to verify the signature, and memory for 7 octets
/// an entry; more of either where the first entries are longer than the others or shorter, but never
/// more memory than a third of the CRL. The CRL itself is borrowed. [`CrlIndex::verified`] checks the signature beside it on
/// another thread; [`CrlIndex::new`] says nothing about trust.
///
/// All entries are checked when it is built, so that a look-up can't fail: a CRL on which any entry
/// is malformed or must not be used has no index. `find` would notice only when it gets there.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// # use annul::*;
/// # let authority = Authority::new(MemoryStore::new());
/// # let root = Certificate::from_pem(include_str!("../authority/example-root.pem"))?;
/// # let issuer_public_key = root.public_key().to_vec();
/// # let issuer = authority.add_issuer(&AddIssuer::new(CaCertificate::new(root)?))?.issuer;
/// # let revoked: Serial = "e8:cb:d2".parse()?;
/// # authority.register(&Registration::of_serial(issuer, revoked, Timestamp::MAX))?;
/// # authority.revoke(&Revoke::new(Target::Serial { issuer, serial: revoked }))?;
/// # let key = SigningKey::from_pem(include_str!("../authority/example-root.key"))?;
/// # let mut der = Vec::new();
/// # let week = CrlRequest::new(std::time::Duration::from_secs(7 * 24 * 60 * 60));
/// # authority.crl(issuer, &week, &key, &mut der)?;
/// use annul::{CertificateList, CrlIndex, LocalVerifier, Serial};
///
/// let crl = CertificateList::from_der(&der)?;
/// assert!(crl.is_full(), "else what is not on it may be revoked all the same");
///
/// let mut random = [0; 16];
/// getrandom::fill(&mut random)?;
/// let index = CrlIndex::verified(&crl, &issuer_public_key, &LocalVerifier, random)?;
/// let serial: Serial = "e8:cb:d2".parse()?;
/// assert!(index.find(serial.as_ref()).is_some());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CrlIndex<'a> {
    entries: RevokedCertificates<'a>,
    lines: Lines,
    /// The places of the entries that name an issuer for themselves and those that follow.
    named: Vec<u32>,
    hash: StatedHash,
}

impl<'a> CrlIndex<'a> {
    /// Reads all entries of a CRL once.
    ///
    /// `random` is the key of the hash. It must be random and stay secret, or whoever chooses serial
    /// numbers can choose such as are slow to look up.
    ///
    /// # Errors
    /// Where any entry is malformed; [`CrlReadError::UnknownCriticalExtension`] where any, or the
    /// CRL, must not be used; and [`CrlReadError::TooLong`] where the entries take 4 GiB or more.
    pub fn new(crl: &CertificateList<'a>, random: [u8; 16]) -> Result<Self, CrlReadError> {
        crl.refuse_unknown_critical_extensions()?;
        let entries = crl.entries();
        // So no place is too high.
        let octets = entries.octets().len();
        if u32::try_from(octets).is_err() {
            return Err(CrlReadError::TooLong { octets });
        }
        let hash = StatedHash::new(&random);
        let with_room = |places| Self {
            lines: Lines::with_room_for(places),
            entries: entries.clone(),
            named: Vec::new(),
            hash: hash.clone(),
        };
        let mut index = with_room(entries.estimate());
        if !index.add_all(crl.issuer())? {
            // The first entries are longer than most. No two tables at once.
            drop(index);
            index = with_room(entries.count_readable());
            // There is room for all. Were there not, what is left out would look as if it were good.
            if !index.add_all(crl.issuer())? {
                return Err(CrlReadError::TooLong { octets });
            }
        }
        Ok(index)
    }

    /// Checks the signature (RFC 5280 §5.1.1.3), on another thread meanwhile, and reads all entries.
    ///
    /// `public_key` is the SubjectPublicKeyInfo of the issuer in DER, as for
    /// [`CertificateList::verify`], and `random` the key of the hash, as for [`CrlIndex::new`].
    ///
    /// # Errors
    /// [`CrlReadError::Signature`] where the signature is not that of the key, whatever else is
    /// wrong; otherwise as [`CrlIndex::new`].
    pub fn verified(
        crl: &CertificateList<'a>,
        public_key: &[u8],
        verifier: &dyn Verifier,
        random: [u8; 16],
    ) -> Result<Self, CrlReadError> {
        /// In octets: to start a thread takes as long as to hash some tens of thousands.
        const WORTH_A_THREAD: usize = 1 << 18;
        let verify = || crl.verify(public_key, verifier);
        if crl.entries().octets().len() < WORTH_A_THREAD {
            verify()?;
            return Self::new(crl, random);
        }
        thread::scope(|scope| {
            let verifying = thread::Builder::new().spawn_scoped(scope, verify);
            let index = Self::new(crl, random);
            match verifying {
                Ok(verifying) => verifying.join().unwrap_or_else(|panic| resume_unwind(panic))?,
                // The operating system has no thread left.
                Err(_) => verify()?,
            }
            index
        })
    }

    /// Adds all entries, and says whether there was room for them.
    fn add_all(&mut self, crl_issuer: &[u8]) -> Result<bool, CrlReadError> {
        let mut rest = self.entries.clone();
        let octets = rest.octets().len();
        let mut is_own = true;
        let mut found = Vec::with_capacity(TOGETHER);
        loop {
            let place = (octets - rest.octets().len()) as u32;
            let serial = match rest.pass_plain() {
                Some(serial) => serial,
                None => {
                    let before = rest.certificate_issuer_offset();
                    let Some(entry) = rest.next() else { break };
                    let entry = entry?;
                    entry.refuse_unknown_critical_extensions()?;
                    if rest.certificate_issuer_offset() != before {
                        self.named.push(place);
                        is_own = entry.is_issued_by(crl_issuer)?;
                    }
                    entry.serial()
                }
            };
            if is_own {
                let hash = self.hash.of(serial);
                self.lines.prefetch(hash);
                found.push(Found { hash, serial, place });
            }
            if found.len() == TOGETHER {
                if !self.add(&found) {
                    return Ok(false);
                }
                found.clear();
            }
        }
        Ok(self.add(&found))
    }

    /// Adds some, as long as there is room. Of entries with the same serial number, the first
    /// counts. So nobody can fill the table with what shares a hash.
    fn add(&mut self, found: &[Found<'a>]) -> bool {
        let (lines, entries) = (&mut self.lines, &self.entries);
        found.iter().all(|&Found { hash, serial, place }| {
            lines.insert(hash, place, |place| entries.serial_at(*place) == Some(serial))
        })
    }

    /// The entry for a certificate of the CRL's issuer, if there is one.
    ///
    /// In an indirect CRL, entries of other issuers are passed over. `None` says that the
    /// certificate is good only if the CRL [is full](CertificateList::is_full).
    pub fn find(&self, serial: SerialRef<'_>) -> Option<RevokedCertificate<'a>> {
        let is_same = |place: &u32| self.entries.serial_at(*place) == Some(serial);
        let place = self.lines.find(self.hash.of(serial), is_same)?;
        let named = self.named.partition_point(|named| *named <= place);
        let mut entries = self.entries.clone();
        if let Some(&named) = named.checked_sub(1).and_then(|last| self.named.get(last)) {
            entries.go_to(&self.entries, named);
            entries.next();
        }
        entries.go_to(&self.entries, place);
        // It was read once before.
        entries.next()?.ok()
    }
}

impl fmt::Debug for CrlIndex<'_> {
    /// Shows neither the secret key nor what would tell something of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrlIndex").finish_non_exhaustive()
    }
}
