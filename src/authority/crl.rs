//! Making the CRLs of an issuer from the record.

mod linting;
mod listing;
mod making;
mod numbering;
mod request;

pub(crate) use self::making::{Kinds, Origin};
pub use self::request::{CrlRequest, IssuedCrl};

use super::{Authority, Error, Waive, Waiver};
use crate::{
    crl::{CrlError, PreparedCrl, Stage},
    issuer_id::IssuerId,
    signing::{SignatureAlgorithm, Signer},
    store::Store,
    time::Timestamp,
};

impl<S: Store> Authority<S> {
    /// Makes a CRL of an issuer: signed, verified, and committed to the stage. By itself it counts
    /// as released to nobody: [`Authority::issue`] makes one, sees to it that it may go out, hands
    /// it to sinks and records that.
    ///
    /// Its number is reserved on disk before anything is signed, so no two CRLs ever share one. It
    /// lists what the log revokes; for an issuer that is down, by default also what its fall
    /// invalidates. Memory does not grow with the number of entries.
    ///
    /// Where two CRLs of one issuer are made at once, the one with the higher number knows at least
    /// as much; see to it that it is also the one that stays in place.
    ///
    /// A revoked CA should go on making CRLs until all its certificates have expired.
    ///
    /// # Errors
    /// [`Error::CannotSignCrls`], [`Error::NextUpdateTooLate`], [`Error::ClockBehind`],
    /// [`Error::NeedsBase`] for a delta CRL, [`Error::NoDistributionPoint`], and [`Error::Crl`]:
    /// nothing became visible then, except with [`CrlError::NotDurable`]. [`Error::Behind`] and
    /// [`Error::Forked`] where the store does not show what the request demands, or what was
    /// released before: never a shorter list.
    pub fn crl(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        signer: &dyn Signer,
        stage: &mut dyn Stage,
    ) -> Result<IssuedCrl, Error> {
        self.make(issuer, request, Kinds::of(request), signer.public_key(), |making| {
            let public_key = making.known.issuer.public_key();
            let (crl, without_not_after) = making.lay_out(request.delta, |tbs, entries| {
                tbs.sign(entries, public_key, signer, &*self.verifier, stage)
            })?;
            let as_of = making.release.as_of.clone();
            Ok(IssuedCrl { crl, as_of, without_not_after })
        })
    }

    /// Prepares a CRL of an issuer whose key is elsewhere: an HSM behind a ceremony, an offline
    /// root. [`Authority::assemble_crl`] needs only what this returns, as octets if need be, and
    /// the signature; so does [`Authority::release`], which also hands it to sinks.
    ///
    /// # Errors
    /// As [`Authority::crl`].
    pub fn prepare_crl(
        &self,
        issuer: IssuerId,
        request: &CrlRequest,
        algorithm: SignatureAlgorithm,
    ) -> Result<PreparedCrl, Error> {
        let view = self.view()?;
        request.check(&view)?;
        let public_key = view.require_issuer(issuer)?.issuer.public_key().to_vec();
        drop(view);
        self.make(issuer, request, Kinds::of(request), &public_key, |making| {
            making.prepare(request.delta, algorithm)
        })
    }

    /// Puts a signature to a prepared CRL of this issuer and verifies it; the answer is the CRL in
    /// DER.
    ///
    /// # Errors
    /// [`Error::Crl`] where the CRL was prepared for another key, its nextUpdate has passed, or the
    /// signature is not the issuer's over this CRL. [`Error::ClockAhead`] where it was prepared by
    /// a clock that is ahead of this one.
    pub fn assemble_crl(
        &self,
        issuer: IssuerId,
        prepared: &PreparedCrl,
        signature: &[u8],
    ) -> Result<Vec<u8>, Error> {
        // What it says of its own key is only what its maker said.
        if self.view()?.require_issuer(issuer)?.issuer.public_key() != prepared.public_key() {
            return Err(CrlError::WrongKey.into());
        }
        let (now, next_update) = (self.clock.now(), prepared.next_update());
        if next_update <= now {
            return Err(CrlError::NextUpdate { this_update: now, next_update }.into());
        }
        let waivers = Origin::of(prepared).map(|origin| origin.release.waivers);
        self.check_clock(prepared.this_update(), &waivers.unwrap_or_default())?;
        Ok(prepared.assemble(signature, &*self.verifier)?)
    }

    /// Checks that the clock does not say that this thisUpdate is still to come: it may have been
    /// set back since that was settled, or it is another.
    fn check_clock(&self, this_update: Timestamp, waivers: &[Waiver]) -> Result<(), Error> {
        let now = self.clock.now();
        let is_waived = waivers.iter().any(|waiver| waiver.what == Waive::ClockBehind);
        if this_update > now.saturating_add(self.policy.clock_skew) && !is_waived {
            return Err(Error::ClockAhead { now, this_update });
        }
        Ok(())
    }
}
