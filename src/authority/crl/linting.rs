//! Linting a CRL before it is signed, with all that the record knows of it.

use super::Origin;
use crate::{
    authority::{Authority, Error},
    crl::{Finding, LintContext, LintProfile, PreparedCrl, lint},
    lifecycle::CertificateKind,
    scope::CrlPlace,
    serial::SerialRef,
    store::Store,
};

impl<S: Store> Authority<S> {
    /// What the linter finds in a prepared CRL.
    pub(crate) fn lint(
        &self,
        origin: &Origin,
        prepared: &PreparedCrl,
        profile: LintProfile,
    ) -> Result<Vec<Finding>, Error> {
        let CrlPlace { issuer, scope, .. } = origin.place;
        let view = self.view()?;
        let known = view.require_issuer(issuer)?;
        let points = view.uris(&CrlPlace::complete(issuer, scope))?;
        let is_ca = |serial: SerialRef<'_>| {
            let (_, record) = view.certificate(issuer, serial.to_serial().ok()?).ok()?;
            match record?.kind {
                CertificateKind::Unknown => None,
                kind => Some(matches!(kind, CertificateKind::Ca(_))),
            }
        };
        let this_update = origin.release.this_update;
        self.check_clock(this_update, &origin.release.waivers)?;
        // It may be ahead of the clock, but only as far as was settled when its number was reserved.
        let mut context = LintContext::at(self.clock.now().max(this_update))
            .with_issuer(&known.issuer)
            .with_scope(scope)
            .with_distribution_points(&points);
        if matches!(profile, LintProfile::CabfSubscriber | LintProfile::CabfCa) {
            // Each is looked up, which nobody else asks for.
            context = context.with_kinds(&is_ca);
        }
        if origin.release.last {
            context = context.with_last();
        }
        Ok(lint(prepared.tbs(), profile, &context))
    }
}
