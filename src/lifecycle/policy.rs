//! What an embedder may decide for itself.

use super::Refusal;
use crate::reason::Reason;
use std::time::Duration;

/// The choices that the rules leave open.
///
/// ```
/// use annul::{Policy, Reason};
///
/// // Every revocation must say why, and subscribers cannot claim a CA's compromise.
/// let mut policy = Policy::default();
/// policy.reason_required = true;
/// policy.reasons.retain(|&reason| reason != Reason::CaCompromise);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Whether a certificate can be revoked after its notAfter. Off by default: no relying party
    /// accepts it any more.
    pub expired_certificates: bool,
    /// Whether a serial number that nobody registered can be revoked. Off by default. The
    /// certificate itself, signed by the issuer, can always be revoked.
    pub unknown_serials: bool,
    /// Whether a revocation must name a reason. Off by default.
    pub reason_required: bool,
    /// The reasons that may be given. All by default.
    pub reasons: Vec<Reason>,
    /// Whether a revocationDate may lie before the certificate's notBefore. Off by default.
    pub early_dates: bool,
    /// Whether the key identifier of an issuer whose certificates have no
    /// subjectKeyIdentifier is derived from its key (RFC 7093 §2 method 1). Off by default: a CRL
    /// of such an issuer is refused, since relying parties may look for another identifier.
    pub derived_key_identifiers: bool,
    /// The longest time from thisUpdate to nextUpdate. 366 days by default.
    pub longest_crl_validity: Duration,
    /// How far thisUpdate may be carried ahead of the clock, because an earlier CRL or a listed
    /// revocation is later than it. 5 minutes by default.
    pub clock_skew: Duration,
    /// How many slots of a partition an authority takes by one durable write, for the serial numbers
    /// that are reserved next. Those that are left when the process ends are never used. 256 by
    /// default.
    pub slots_at_once: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            expired_certificates: false,
            unknown_serials: false,
            reason_required: false,
            reasons: Reason::ALL.to_vec(),
            early_dates: false,
            derived_key_identifiers: false,
            longest_crl_validity: Duration::from_secs(366 * 24 * 60 * 60),
            clock_skew: Duration::from_secs(5 * 60),
            slots_at_once: 256,
        }
    }
}

impl Policy {
    pub(crate) fn admit_reason(&self, reason: Option<Reason>) -> Result<(), Refusal> {
        match reason {
            None if self.reason_required => Err(Refusal::ReasonRequired),
            Some(reason) if !self.reasons.contains(&reason) => {
                Err(Refusal::ReasonNotAllowed { reason })
            }
            _ => Ok(()),
        }
    }
}
