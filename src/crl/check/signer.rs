//! Who signed a CRL: RFC 5280 §6.3.3 (f), (g) and (h).

use super::{NotUsed, RevocationCheck};
use crate::{certificate::Certificate, crl::read::CertificateList, name, signing::Verifier};
use std::iter;

impl RevocationCheck<'_> {
    /// The certificate at hand whose key signed this CRL, and may sign it.
    pub(super) fn signer(
        &self,
        crl: &CertificateList<'_>,
        verifier: &dyn Verifier,
    ) -> Result<&Certificate, NotUsed> {
        let mut failure = NotUsed::NoSigner;
        for candidate in iter::once(self.issuer).chain(self.crl_issuers.iter().copied()) {
            if !name::is_same(candidate.subject(), crl.issuer(), "issuer")? {
                continue;
            }
            match has_signed(candidate, crl, verifier) {
                Ok(()) => return Ok(candidate),
                Err(other) => failure = failure.or_later(other),
            }
        }
        Err(failure)
    }
}

fn has_signed(
    candidate: &Certificate,
    crl: &CertificateList<'_>,
    verifier: &dyn Verifier,
) -> Result<(), NotUsed> {
    let [named, own] = [crl.authority_key_identifier(), candidate.subject_key_identifier()];
    // Where one of them says nothing, the signature alone tells.
    if named.zip(own).is_some_and(|(named, own)| named != own) {
        return Err(NotUsed::OtherKey);
    }
    if candidate.key_usage().is_some_and(|usage| !usage.crl_sign()) {
        return Err(NotUsed::MayNotSign);
    }
    crl.verify(candidate.public_key(), verifier).map_err(NotUsed::Signature)
}
