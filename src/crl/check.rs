//! Is a certificate revoked? What a relying party does with the CRLs it has: RFC 5280 §6.3.3.
//!
//! | file | holds | step of §6.3.3 |
//! |---|---|---|
//! | `outcome` | the answers | |
//! | `scope` | which certificates and reasons a CRL is about | (b), (d), (e) |
//! | `signer` | who may have signed it | (f), (g), (h) |
//! | `listed` | what it says of the certificate | (i), (j) |
//! | `combine` | what they say together | (c), (k), (l) |

mod combine;
mod listed;
mod outcome;
mod scope;
mod signer;

pub use self::outcome::{
    CannotCheck, CheckOutcome, CrlNotUsed, ListedRevocation, NotUsed, Undetermined,
};

use self::{combine::Combined, scope::Scope};
use super::{
    extension::Oid,
    number::CrlNumber,
    read::{CertificateList, RevokedCertificate},
};
use crate::{
    certificate::Certificate, name, reason::ReasonFlags, signing::Verifier, time::Timestamp,
};

/// Asks CRLs whether a certificate is revoked, as RFC 5280 §6.3.3 has it.
///
/// All CRLs that it is given are looked at, in any order, and all distribution points of the
/// certificate. What one of them lists is revoked. The certificate is good only where CRLs that can
/// be used are about all reasons to revoke it, and none lists it; all else is undetermined, and the
/// answer says of each CRL why it was not used.
///
/// Two things are for who validates the path to say: that the certificate of the issuer is to be
/// trusted, and so are those of [other issuers of CRLs](Self::with_crl_issuer). That the issuer
/// signed the certificate is checked here once more, for what it did not issue is not good.
///
/// ```no_run
/// use annul::{
///     Certificate, CertificateList, CheckOutcome, Clock, LocalVerifier, RevocationCheck,
///     SystemClock,
/// };
///
/// let issuer = Certificate::from_pem_or_der(&std::fs::read("ca.pem")?)?;
/// let certificate = Certificate::from_pem_or_der(&std::fs::read("leaf.pem")?)?;
/// let der = std::fs::read("ca.crl")?;
/// let crls = [CertificateList::from_der(&der)?];
/// let check = RevocationCheck::new(&issuer);
/// match check.check(&certificate, &crls, SystemClock.now(), &LocalVerifier) {
///     CheckOutcome::Good => println!("not revoked"),
///     CheckOutcome::Revoked(listed) => println!("revoked at {}", listed.revocation_date),
///     CheckOutcome::Undetermined(why) => println!("do not rely on it: {why}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RevocationCheck<'a> {
    issuer: &'a Certificate,
    crl_issuers: Vec<&'a Certificate>,
    uses_deltas: bool,
}

/// A CRL that can be used, and what it says.
struct Usable<'c, 'a> {
    /// Its place among those that were given.
    index: usize,
    crl: &'c CertificateList<'a>,
    number: CrlNumber,
    /// The reasons that it is about.
    reasons: ReasonFlags,
    signer: &'c Certificate,
    entry: Option<RevokedCertificate<'a>>,
}

impl<'a> RevocationCheck<'a> {
    /// For certificates of this issuer, whose certificate the caller vouches for.
    pub fn new(issuer: &'a Certificate) -> Self {
        Self { issuer, crl_issuers: Vec::new(), uses_deltas: true }
    }

    /// Takes CRLs that are signed with the key of this certificate too: that of the issuer of
    /// indirect CRLs, or another key of the issuer itself.
    ///
    /// The caller vouches for it. RFC 5280 §6.3.3 (f) asks for a valid path to it from the same
    /// trust anchor as for the certificate that is checked.
    #[must_use]
    pub fn with_crl_issuer(mut self, certificate: &'a Certificate) -> Self {
        self.crl_issuers.push(certificate);
        self
    }

    /// Does not use delta CRLs.
    #[must_use]
    pub fn without_deltas(mut self) -> Self {
        self.uses_deltas = false;
        self
    }

    /// Asks these CRLs, as it is at this time.
    pub fn check(
        &self,
        certificate: &Certificate,
        crls: &[CertificateList<'_>],
        at: Timestamp,
        verifier: &dyn Verifier,
    ) -> CheckOutcome {
        let mut why = Undetermined::default();
        if let Err(problem) = self.is_issuer_of(certificate, verifier) {
            why.certificate = Some(problem);
            return CheckOutcome::Undetermined(why);
        }
        let scope = Scope::of(certificate).unwrap_or_else(|malformed| {
            why.certificate = Some(CannotCheck::DistributionPoints(malformed));
            Scope::without_points(certificate)
        });
        let not_after = certificate.not_after();
        if not_after < at {
            // RFC 5280 §3.3: it may have left the CRLs, revoked or not.
            why.certificate.get_or_insert(CannotCheck::Expired { not_after });
        }
        let mut combined = Combined::default();
        for (index, crl) in crls.iter().enumerate() {
            match self.examine(index, crl, certificate, &scope, at, verifier) {
                Ok(usable) => combined.add(usable),
                Err(problem) => why.not_used.push(CrlNotUsed { crl: index, why: problem }),
            }
        }
        combined.conclude(at, why)
    }

    fn is_issuer_of(
        &self,
        certificate: &Certificate,
        verifier: &dyn Verifier,
    ) -> Result<(), CannotCheck> {
        let same = name::is_same(self.issuer.subject(), certificate.issuer_name(), "issuer");
        if !same.unwrap_or(false) {
            return Err(CannotCheck::OtherIssuer);
        }
        certificate.verify(self.issuer.public_key(), verifier).map_err(CannotCheck::Signature)
    }

    fn examine<'c, 'l>(
        &'c self,
        index: usize,
        crl: &'c CertificateList<'l>,
        certificate: &Certificate,
        scope: &Scope<'_>,
        at: Timestamp,
        verifier: &dyn Verifier,
    ) -> Result<Usable<'c, 'l>, NotUsed> {
        if crl.base_number().is_some() && !self.uses_deltas {
            return Err(NotUsed::Delta);
        }
        let reasons = scope.of_crl(crl)?;
        if let Some(unknown) = crl.unknown_critical_extensions().next() {
            return Err(NotUsed::UnknownCriticalExtension { oid: unknown.oid.to_string() });
        }
        let number = number(crl)?;
        if crl.this_update() > at {
            return Err(NotUsed::FromTheFuture { this_update: crl.this_update() });
        }
        let next_update = crl.next_update().ok_or(NotUsed::NoNextUpdate)?;
        // A complete CRL may be older than that: a delta CRL can bring it up to date.
        if crl.base_number().is_some() && next_update < at {
            return Err(NotUsed::Expired { next_update });
        }
        let signer = self.signer(crl, verifier)?;
        let entry = listed::find(crl, certificate)?;
        Ok(Usable { index, crl, number, reasons, signer, entry })
    }
}

/// RFC 5280 §5.2.3 has every CRL bear a number, not critical. Without it nobody can tell which of
/// two CRLs is newer, or what a delta CRL adds to.
fn number(crl: &CertificateList<'_>) -> Result<CrlNumber, NotUsed> {
    let extension = crl.extensions().iter().find(|extension| extension.oid == Oid::CRL_NUMBER);
    match crl.number() {
        Some(number) if extension.is_some_and(|extension| !extension.critical) => Ok(number),
        Some(_) => Err(NotUsed::CriticalNumber),
        None => Err(NotUsed::NoNumber),
    }
}
