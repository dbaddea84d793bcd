//! Signing a CRL: RFC 5280 §5.1.1.
//!
//! ```text
//! begin      SEQUENCE header, its length guessed from the usual length of a signature
//!            TBSCertList                 -> digested while it is laid out
//! sign       the digest, or the TBSCertList laid out once more
//! verify     with the issuer's key: nothing has left yet
//! finish     signatureAlgorithm, BIT STRING, and the SEQUENCE header put right
//! commit     now it is visible
//! ```

use super::{
    encode::TbsCertList,
    error::CrlError,
    layout::{Entries, Layout},
    number::CrlNumber,
    outlet::Take,
    stage::{NotDurable, Stage, Staging},
};
use crate::{
    asn1::{self, BIT_STRING, SEQUENCE},
    signing::{
        self, DigestAlgorithm, Hasher, Message, SignatureAlgorithm, Signer, ToSign, Verifier,
    },
    time::Timestamp,
};
use std::io;

/// A CRL that was signed, verified and committed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedCrl {
    /// Its number.
    pub number: CrlNumber,
    /// When it was issued.
    pub this_update: Timestamp,
    /// By when the next one will be issued.
    pub next_update: Timestamp,
    /// How many certificates it lists.
    pub entries: u64,
    /// How many octets it takes, in DER.
    pub octets: u64,
    /// The SHA-256 of its tbsCertList: two CRLs that share it say the same, octet for octet.
    pub tbs_sha256: [u8; 32],
}

impl TbsCertList<'_> {
    /// Makes the CRL: lays it out, signs it, verifies the signature with `public_key`, which is
    /// the issuer's SubjectPublicKeyInfo in DER, and commits the stage.
    ///
    /// Memory does not grow with the number of entries; `entries` are read once, before that if
    /// [`Entries::extent`] does, and once more each time that the signer or the verifier reads the
    /// message (Ed25519: two and one). Only
    /// this is checked of the issuer's right to sign: that the key is its own (RFC 5280 §4.2.1.3
    /// and the issuer's validity are for the caller).
    ///
    /// ```
    /// # #[cfg(feature = "p256")] {
    /// use annul::{
    ///     CertificateList, CrlEntry, CrlNumber, LocalVerifier, Reason, Signer, SigningKey,
    ///     TbsCertList,
    /// };
    ///
    /// # let pem = "-----BEGIN EC PRIVATE KEY-----\n\
    /// #     MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEntcpFx1JK+voAoGCCqGSM49\n\
    /// #     AwEH\n-----END EC PRIVATE KEY-----";
    /// let key = SigningKey::from_pem(pem)?;
    /// let name = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
    /// let now = "2026-11-21T08:00:00Z".parse()?;
    /// let next = "2026-11-28T08:00:00Z".parse()?;
    /// let tbs = TbsCertList::new(name, &[7; 20], CrlNumber::from_u64(1), now, next)?;
    /// let entries = [CrlEntry {
    ///     serial: "e8:cb:d2".parse()?,
    ///     revocation_date: now,
    ///     reason: Some(Reason::Superseded),
    ///     invalidity_date: None,
    /// }];
    ///
    /// let mut der = Vec::new();
    /// let signed = tbs.sign(&entries, key.public_key(), &key, &LocalVerifier, &mut der)?;
    /// assert_eq!(signed.entries, 1);
    /// let crl = CertificateList::from_der(&der)?;
    /// assert!(crl.find(entries[0].serial.as_ref())?.is_some());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where the signer has another key, the entries break a rule or change between two readings,
    /// the signer or the stage fails, or the signature does not verify, be it only that the
    /// verifier does not know the algorithm. The stage is aborted then. After
    /// [`CrlError::NotDurable`] the CRL is there all the same.
    pub fn sign(
        &self,
        entries: &dyn Entries,
        public_key: &[u8],
        signer: &dyn Signer,
        verifier: &dyn Verifier,
        stage: &mut dyn Stage,
    ) -> Result<SignedCrl, CrlError> {
        // An ECDSA or RSA key of another issuer makes signatures that look like any other.
        if !signing::is_same_key(signer.public_key(), public_key) {
            return Err(CrlError::WrongKey);
        }
        let number = self.number();
        let algorithm = signer.algorithm();
        let layout = Layout::measure(*self, algorithm, entries)?;
        let guessed = Envelope::new(&layout, algorithm, usual_signature_length(algorithm));
        self.check_length(guessed.length())?;

        let mut staging = Staging::new(stage);
        let digests = guessed.lay_out(&layout, algorithm, staging.stage())?;
        let replay = Replay { layout: &layout, tbs_sha256: digests.tbs_sha256 };
        let signature = signer
            .sign(digests.to_sign(&replay, signer.wants_message()))
            .map_err(|source| CrlError::Signing { number, source })?;
        let signed = digests.to_sign(&replay, verifier.wants_message());
        verifier
            .verify(public_key, algorithm.identifier(), signed, &signature)
            .map_err(|source| CrlError::Verify { number, source })?;

        let envelope = Envelope::new(&layout, algorithm, signature.len() as u64);
        self.check_length(envelope.length())?;
        if envelope.header.len() != guessed.header.len() {
            // The TBSCertList starts elsewhere: lay it out again, to the octet as it was signed.
            if envelope.lay_out(&layout, algorithm, staging.stage())? != digests {
                return Err(layout.changed());
            }
        } else if envelope.header != guessed.header {
            staging.stage().overwrite(&envelope.header).map_err(CrlError::Stage)?;
        }
        let mut end = algorithm.identifier().to_vec();
        write_signature(&mut end, &signature);
        staging.stage().write(&end).map_err(CrlError::Stage)?;
        staging.commit().map_err(|source| match NotDurable::is_in(&source) {
            true => CrlError::NotDurable { number, source },
            false => CrlError::Stage(source),
        })?;
        Ok(SignedCrl {
            number,
            this_update: self.this_update(),
            next_update: self.next_update(),
            entries: layout.count(),
            octets: envelope.length(),
            tbs_sha256: digests.tbs_sha256,
        })
    }
}

/// How long the signatures of an algorithm most often are, in octets. A wrong guess costs little:
/// the header is written over.
fn usual_signature_length(algorithm: SignatureAlgorithm) -> u64 {
    match algorithm {
        // Two INTEGERs, of which every other one has a sign octet.
        SignatureAlgorithm::EcdsaWithSha256 => 71,
        SignatureAlgorithm::EcdsaWithSha384 => 103,
        SignatureAlgorithm::EcdsaWithSha512 => 139,
        SignatureAlgorithm::Ed25519 => 64,
        SignatureAlgorithm::RsaWithSha256
        | SignatureAlgorithm::RsaWithSha384
        | SignatureAlgorithm::RsaWithSha512 => 256,
    }
}

/// The outermost SEQUENCE for a signature of some length.
struct Envelope {
    header: Vec<u8>,
    content: u64,
}

impl Envelope {
    fn new(layout: &Layout<'_>, algorithm: SignatureAlgorithm, signature: u64) -> Self {
        let identifier = algorithm.identifier().len() as u64;
        let content = layout.length() + identifier + asn1::element_length(1 + signature);
        let mut header = Vec::with_capacity(10);
        asn1::write_header(&mut header, SEQUENCE, content);
        Self { header, content }
    }

    fn length(&self) -> u64 {
        self.header.len() as u64 + self.content
    }

    /// Begins the stage, and writes the header and the TBSCertList.
    fn lay_out(
        &self,
        layout: &Layout<'_>,
        algorithm: SignatureAlgorithm,
        stage: &mut dyn Stage,
    ) -> Result<Digests, CrlError> {
        stage.begin().map_err(CrlError::Stage)?;
        stage.write(&self.header).map_err(CrlError::Stage)?;
        let piece = stage.piece();
        Digests::lay_out(layout, algorithm, piece, &mut |octets| {
            stage.write(octets).map_err(CrlError::Stage)
        })
    }
}

/// Appends the BIT STRING that holds a signature.
pub(super) fn write_signature(out: &mut Vec<u8>, signature: &[u8]) {
    asn1::write_header(out, BIT_STRING, 1 + signature.len() as u64);
    // No unused bits.
    out.push(0);
    out.extend_from_slice(signature);
}

/// The digests of a TBSCertList.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) tbs_sha256: [u8; 32],
    /// That of the signature algorithm, if it signs one.
    signed: Option<Vec<u8>>,
}

impl Digests {
    /// Lays out a TBSCertList and hands it to `take`, about `piece` octets at once.
    pub(super) fn lay_out(
        layout: &Layout<'_>,
        algorithm: SignatureAlgorithm,
        piece: usize,
        take: Take<'_>,
    ) -> Result<Self, CrlError> {
        let digest = algorithm.digest();
        // SHA-256 is at hand in any case.
        let other = digest.filter(|digest| *digest != DigestAlgorithm::Sha256);
        let Some(mut other) = other.map(Hasher::new) else {
            let tbs_sha256 = layout.emit(piece, take)?;
            return Ok(Self { tbs_sha256, signed: digest.map(|_| tbs_sha256.to_vec()) });
        };
        let tbs_sha256 = layout.emit(piece, &mut |octets| {
            other.update(octets);
            take(octets)
        })?;
        Ok(Self { tbs_sha256, signed: Some(other.finish()) })
    }

    /// The digest to sign, or the message where there is none or `whole` is set.
    pub(super) fn to_sign<'a>(&'a self, message: &'a dyn Message, whole: bool) -> ToSign<'a> {
        match &self.signed {
            Some(digest) if !whole => ToSign::Digest(digest),
            _ => ToSign::Message(message),
        }
    }
}

/// How many octets are handed at once to who reads a message.
const PIECE: usize = 16 << 10;

/// The TBSCertList as a message, laid out anew each time that it is read.
struct Replay<'a> {
    layout: &'a Layout<'a>,
    tbs_sha256: [u8; 32],
}

impl Message for Replay<'_> {
    /// Fails if it is not what went to the stage: that, and nothing else, may be signed.
    fn read(&self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let digest = self.layout.emit(PIECE, &mut |octets| {
            take(octets);
            Ok(())
        });
        let digest = digest.map_err(io::Error::other)?;
        let changed = || io::Error::other(self.layout.changed());
        if digest == self.tbs_sha256 { Ok(()) } else { Err(changed()) }
    }
}
