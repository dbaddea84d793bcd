//! What is told to who watches: metrics through the facade `metrics`, spans and events through
//! `tracing`. Without those features nothing is told, and nothing is measured.

use super::SinkError;
use crate::{
    authority::{Error, Release},
    issuer_id::IssuerId,
    scope::CrlPlace,
};

/// A release in the making.
pub(super) struct Watch {
    #[cfg(feature = "metrics")]
    started: std::time::Instant,
    #[cfg(feature = "tracing")]
    _span: tracing::span::EnteredSpan,
}

impl Watch {
    /// Begins to watch one release of these places.
    pub(super) fn begin(place: &CrlPlace) -> Self {
        let _ = place;
        Self {
            #[cfg(feature = "metrics")]
            started: std::time::Instant::now(),
            #[cfg(feature = "tracing")]
            _span: tracing::info_span!(
                "issue",
                issuer = %place.issuer,
                scope = %place.scope
            )
            .entered(),
        }
    }

    /// Tells of a CRL that every sink shows (S37: `CRLGenerated`).
    pub(super) fn generated(&self, place: &CrlPlace, release: &Release) {
        let _ = (place, release);
        #[cfg(feature = "metrics")]
        {
            let labels = [
                ("issuer", place.issuer.to_string()),
                ("scope", place.scope.to_string()),
                ("kind", if place.delta { "delta" } else { "complete" }.to_owned()),
            ];
            metrics::counter!("CRLGenerated", &labels).increment(1);
            metrics::histogram!("annul_crl_bytes", &labels).record(release.octets as f64);
            metrics::histogram!("annul_crl_entries", &labels).record(release.entries as f64);
            let seconds = self.started.elapsed().as_secs_f64();
            metrics::histogram!("annul_crl_seconds", &labels).record(seconds);
        }
        #[cfg(feature = "tracing")]
        tracing::info!(
            number = %release.number,
            delta = place.delta,
            entries = release.entries,
            octets = release.octets,
            "released"
        );
    }
}

/// Tells that no checkpoint was written.
pub(super) fn checkpoint_failed(issuer: IssuerId, error: &Error) {
    let _ = (issuer, error);
    #[cfg(feature = "tracing")]
    tracing::warn!(%issuer, %error, "no checkpoint");
}

/// Tells that a sink failed (S37: `MisconfiguredCRLBucket` where somebody must mend it).
pub(super) fn sink_failed(sink: &str, place: &CrlPlace, error: &SinkError) {
    let _ = (sink, place, error);
    #[cfg(feature = "metrics")]
    if matches!(error, SinkError::Misconfigured { .. }) {
        let labels = [("sink", sink.to_owned()), ("issuer", place.issuer.to_string())];
        metrics::counter!("MisconfiguredCRLBucket", &labels).increment(1);
    }
    #[cfg(feature = "tracing")]
    tracing::warn!(sink, place = %place, error = %error, "a sink failed");
}

/// Tells how many scopes wait for a CRL, and how many for too long.
pub(super) fn backlog(pending: usize, overdue: usize) {
    let _ = (pending, overdue);
    #[cfg(feature = "metrics")]
    {
        metrics::gauge!("annul_pending").set(pending as f64);
        metrics::gauge!("annul_overdue").set(overdue as f64);
    }
    #[cfg(feature = "tracing")]
    tracing::debug!(pending, overdue, "backlog");
}
