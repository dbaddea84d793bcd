//! Signing in two steps: a CRL is prepared here, signed elsewhere, and assembled by whoever holds
//! the prepared CRL and the signature.

use super::{
    appendix::AppendedEntry,
    distribution_point::DistributionPoint,
    encode::TbsCertList,
    entry::CrlEntry,
    error::{CrlError, PreparedCrlError},
    extension::Extension,
    layout::{Entries, Layout},
    number::CrlNumber,
    read::{IssuingDistributionPoint, RevokedCertificates, Tbs},
    sign::{Digests, write_signature},
    stage::Stage,
    uri,
};
use crate::{
    asn1::{self, OCTET_STRING, Reader, SEQUENCE},
    reason::ReasonCode,
    signing::{self, Message, SignatureAlgorithm, ToSign, Verifier},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::io;

/// The format that is written. The octet is the first of all.
const FORMAT: u8 = 1;

/// A CRL that lacks nothing but its signature.
///
/// For keys that no program holds: an HSM behind a ceremony, a KMS, a root that is offline. It is
/// complete by itself, so [`PreparedCrl::to_bytes`] may travel to the key and back, and be
/// assembled days later. It is in memory as a whole.
///
/// ```text
/// octet     format, 1
/// 32 octets SHA-256 of all that follows
/// SEQUENCE  tbsCertList
/// SEQUENCE  SubjectPublicKeyInfo of the issuer
/// OCTET STRING  what the caller wants to find again
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedCrl {
    tbs: Vec<u8>,
    public_key: Vec<u8>,
    context: Vec<u8>,
    // All below is found in the tbsCertList.
    algorithm: SignatureAlgorithm,
    number: CrlNumber,
    this_update: Timestamp,
    next_update: Timestamp,
    entries: u64,
    digests: Digests,
}

impl TbsCertList<'_> {
    /// Lays out the CRL for a signature that is made elsewhere, with `algorithm`.
    ///
    /// `public_key` is the issuer's SubjectPublicKeyInfo in DER, that the signature will have to
    /// verify with. `context` is kept for the caller as it is.
    ///
    /// # Errors
    /// Where the entries break a rule, or the public key is none, or known to be one that makes no
    /// signatures of this algorithm.
    pub fn prepare(
        &self,
        entries: &dyn Entries,
        public_key: &[u8],
        algorithm: SignatureAlgorithm,
        context: Vec<u8>,
    ) -> Result<PreparedCrl, CrlError> {
        asn1::single(public_key, SEQUENCE, "SubjectPublicKeyInfo").map_err(CrlError::PublicKey)?;
        // Said now, not after a ceremony.
        if !signing::may_sign(public_key, algorithm) {
            return Err(CrlError::OtherAlgorithm { algorithm });
        }
        let layout = Layout::measure(*self, algorithm, entries)?;
        self.check_length(layout.length())?;
        let mut tbs = Vec::with_capacity(usize::try_from(layout.length()).unwrap_or(0));
        let piece = Stage::piece(&tbs);
        let digests = Digests::lay_out(&layout, algorithm, piece, &mut |octets| {
            tbs.extend_from_slice(octets);
            Ok(())
        })?;
        Ok(PreparedCrl {
            tbs,
            public_key: public_key.to_vec(),
            context,
            algorithm,
            number: self.number(),
            this_update: self.this_update(),
            next_update: self.next_update(),
            entries: layout.count(),
            digests,
        })
    }
}

impl PreparedCrl {
    /// What is to be signed: the digest, or the tbsCertList where the algorithm signs no digest.
    pub fn to_sign(&self) -> ToSign<'_> {
        self.digests.to_sign(self, false)
    }

    /// The octets that are to be signed.
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// The algorithm that it is to be signed with.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The issuer's SubjectPublicKeyInfo, in DER, that a signature is verified with. Whoever got
    /// the prepared CRL from elsewhere makes sure that it is the right one.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// What the caller wanted to find again.
    pub fn context(&self) -> &[u8] {
        &self.context
    }

    /// Its number.
    pub fn number(&self) -> CrlNumber {
        self.number
    }

    /// When it is issued.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// By when the next one will be issued.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// The Name of the issuer, in DER.
    pub fn issuer(&self) -> &[u8] {
        self.read().map_or(&[], |read| read.issuer)
    }

    /// For a delta CRL, the number of the complete CRL that it adds to (RFC 5280 §5.2.4).
    pub fn base_number(&self) -> Option<CrlNumber> {
        self.read().and_then(|read| read.base_number)
    }

    /// Where it is found and which certificates it is about, if not all of the issuer
    /// (RFC 5280 §5.2.5).
    pub fn issuing_distribution_point(&self) -> Option<IssuingDistributionPoint<'_>> {
        self.read().and_then(|read| read.issuing_distribution_point)
    }

    /// All its extensions, in the order in which they stand.
    pub fn extensions(&self) -> Vec<Extension<'_>> {
        self.read().map_or_else(Vec::new, |read| read.extensions)
    }

    /// The certificates that it lists, for whoever wants to see what the key is to sign.
    pub fn revoked(&self) -> RevokedCertificates<'_> {
        self.read().map_or_else(RevokedCertificates::none, |read| read.entries())
    }

    /// What it says. It was laid out here, so it can be read.
    pub(super) fn read(&self) -> Option<Tbs<'_>> {
        Tbs::read(asn1::single(&self.tbs, SEQUENCE, "tbsCertList").ok()?).ok()
    }

    /// How many certificates it lists.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The SHA-256 of the tbsCertList.
    pub fn tbs_sha256(&self) -> [u8; 32] {
        self.digests.tbs_sha256
    }

    /// The CRL, in DER, with a signature that was made elsewhere: what goes into the BIT STRING,
    /// for ECDSA an `Ecdsa-Sig-Value` in DER.
    ///
    /// # Errors
    /// [`CrlError::Verify`] where the signature is not that of the issuer's key over this CRL.
    pub fn assemble(&self, signature: &[u8], verifier: &dyn Verifier) -> Result<Vec<u8>, CrlError> {
        let (number, algorithm) = (self.number, self.algorithm.identifier());
        let signed = self.digests.to_sign(self, verifier.wants_message());
        verifier
            .verify(&self.public_key, algorithm, signed, signature)
            .map_err(|source| CrlError::Verify { number, source })?;
        let mut end = algorithm.to_vec();
        write_signature(&mut end, signature);
        let length = self.tbs.len() + end.len();
        let mut crl = Vec::with_capacity(length + 10);
        asn1::write_header(&mut crl, SEQUENCE, length as u64);
        crl.extend_from_slice(&self.tbs);
        crl.append(&mut end);
        Ok(crl)
    }

    /// All of it, to be kept or sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        let mut end = Vec::new();
        asn1::write_element(&mut end, OCTET_STRING, &self.context);
        let body = [&self.tbs[..], &self.public_key, &end];
        let sha256 = body.iter().fold(Sha256::new(), Sha256::chain_update).finalize();
        bytes.extend_from_slice(&sha256);
        body.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes
    }

    /// Reads what [`PreparedCrl::to_bytes`] wrote, and checks all of it: it is a CRL that
    /// [`TbsCertList::prepare`] makes, octet for octet. Who made it, no digest tells: look at
    /// [`PreparedCrl::issuer`] and [`PreparedCrl::revoked`] before you sign.
    ///
    /// # Errors
    /// Where the octets are of another format, damaged, or hold something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PreparedCrlError> {
        let (format, rest) = bytes.split_first().ok_or(PreparedCrlError::Damaged)?;
        if *format != FORMAT {
            return Err(PreparedCrlError::Format { format: *format, known: FORMAT });
        }
        let (digest, body) = rest.split_first_chunk().ok_or(PreparedCrlError::Damaged)?;
        if Sha256::digest(body) != *digest {
            return Err(PreparedCrlError::Damaged);
        }
        let mut fields = Reader::new(body);
        let tbs = fields.expect(SEQUENCE, "tbsCertList")?;
        let public_key = fields.expect(SEQUENCE, "SubjectPublicKeyInfo")?.octets;
        let context = fields.expect(OCTET_STRING, "context")?.content.to_vec();
        fields.finish("prepared CRL")?;

        let read = Tbs::read(tbs)?;
        let missing = |field: &'static str| tbs.malformed(field, "missing, or not one of ours");
        let algorithm = SignatureAlgorithm::from_identifier(read.algorithm)
            .ok_or_else(|| missing("signature"))?;
        let point = read.issuing_distribution_point.as_ref().map(DistributionPoint::like);
        let point = point.transpose()?;
        let (freshest_crl, ca_issuers) =
            (uri::to_owned(&read.freshest_crl), uri::to_owned(&read.ca_issuers));
        let appendix = appended(read.entries())?;
        let mut again = TbsCertList::new(
            read.issuer,
            read.authority_key_identifier.ok_or_else(|| missing("authorityKeyIdentifier"))?,
            read.number.ok_or_else(|| missing("cRLNumber"))?,
            read.this_update,
            read.next_update.ok_or_else(|| missing("nextUpdate"))?,
        )?
        .with_freshest_crl(&freshest_crl)
        .with_ca_issuers(&ca_issuers)
        .with_appendix(&appendix);
        if let Some(base) = read.base_number {
            again = again.with_base(base)?;
        }
        if let Some(point) = &point {
            again = again.with_issuing_distribution_point(point);
        }
        if let Some(since) = read.expired_certificates_since {
            again = again.with_expired_certificates_since(since);
        }
        let again = again.prepare(&Again(read.entries()), public_key, algorithm, context)?;
        if again.tbs == tbs.octets {
            Ok(again)
        } else {
            Err(tbs.malformed("tbsCertList", "not as it is written here").into())
        }
    }
}

/// Entries that were read, to be written again: what cannot be, is left out, and shows thereby.
struct Again<'a>(RevokedCertificates<'a>);

impl Entries for Again<'_> {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        for entry in self.0.clone() {
            let entry = entry.map_err(CrlError::entries)?;
            let reason = match entry.reason() {
                Some(ReasonCode::RemoveFromCrl) => continue,
                Some(ReasonCode::Reason(reason)) => Some(reason),
                _ => None,
            };
            let Ok(serial) = entry.serial().to_serial() else { continue };
            visit(&[CrlEntry {
                serial,
                revocation_date: entry.revocation_date(),
                reason,
                invalidity_date: entry.invalidity_date(),
            }])?;
        }
        Ok(())
    }
}

/// The entries that [`Again`] passes over.
fn appended(entries: RevokedCertificates<'_>) -> Result<Vec<AppendedEntry>, CrlError> {
    let mut appendix = Vec::new();
    for entry in entries {
        let entry = entry.map_err(CrlError::entries)?;
        let (serial, date) = (entry.serial(), entry.revocation_date());
        match (entry.reason(), serial.to_serial()) {
            (Some(ReasonCode::RemoveFromCrl), Ok(serial)) => {
                appendix.push(AppendedEntry::removed(serial, date));
            }
            (_, Ok(_)) => {}
            (reason, Err(_)) => {
                let invalidity_date = entry.invalidity_date();
                appendix.push(AppendedEntry::legacy(serial, date, reason, invalidity_date));
            }
        }
    }
    Ok(appendix)
}

/// Its message is the tbsCertList.
impl Message for PreparedCrl {
    fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        take(&self.tbs);
        Ok(())
    }
}
