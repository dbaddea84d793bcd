//! As much of the validation of a path as the suites need to have their CRLs checked: signatures,
//! dates, CAs, and the revocation of every certificate on the way. Not for anything but tests.

use annul::{
    Certificate, CertificateList, CheckOutcome, LocalVerifier, RevocationCheck, Timestamp,
};

/// What a suite hands out for one of its tests.
pub struct World<'a> {
    pub anchors: Vec<Certificate>,
    pub others: Vec<Certificate>,
    pub crls: Vec<CertificateList<'a>>,
    pub at: Timestamp,
}

impl World<'_> {
    /// Why this certificate is not to be relied on.
    pub fn validate(&self, certificate: &Certificate) -> Result<(), String> {
        self.validate_below(certificate, &[])
    }

    /// `below` holds what is being validated already: a CRL may be about its own signer.
    fn validate_below(
        &self,
        certificate: &Certificate,
        below: &[&Certificate],
    ) -> Result<(), String> {
        if self.anchors.contains(certificate) || below.contains(&certificate) {
            return Ok(());
        }
        let below = [below, &[certificate]].concat();
        if self.at < certificate.not_before() || certificate.not_after() < self.at {
            return Err("not valid at this time".to_owned());
        }
        let mut problem = "no issuer".to_owned();
        for issuer in
            self.all().filter(|issuer| *issuer != certificate && issued(issuer, certificate))
        {
            let checked = match self.validate_below(issuer, &below) {
                Ok(()) => self.check(certificate, issuer, &below),
                Err(error) => Err(error),
            };
            match checked {
                Ok(()) => return Ok(()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    fn all(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.iter().chain(&self.others)
    }

    fn check(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        below: &[&Certificate],
    ) -> Result<(), String> {
        let mut check = RevocationCheck::new(issuer);
        let is_named = |other: &&Certificate| {
            self.crls.iter().any(|crl| crl.issuer() == other.subject()) && *other != issuer
        };
        for other in self.all().filter(is_named) {
            if self.validate_below(other, below).is_ok() {
                check = check.with_crl_issuer(other);
            }
        }
        match check.check(certificate, &self.crls, self.at, &LocalVerifier) {
            CheckOutcome::Good => Ok(()),
            CheckOutcome::Revoked(listed) => Err(format!("revoked: {listed:?}")),
            CheckOutcome::Undetermined(why) => Err(format!("undetermined: {why}")),
        }
    }
}

fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    issuer.is_ca()
        && issuer.key_usage().is_none_or(|usage| usage.key_cert_sign())
        && certificate.verify(issuer.public_key(), &LocalVerifier).is_ok()
}
