//! Entries that are no [`CrlEntry`](super::CrlEntry), after all that are.

use super::{encode::TbsCertList, entry::Rest, error::CrlError};
use crate::{
    reason::{Reason, ReasonCode},
    serial::{Number, Serial, SerialRef},
    time::Timestamp,
};

/// An entry that stands after the sorted ones, one of a few that are held in memory.
///
/// There are two kinds. [`AppendedEntry::legacy`] goes on to list a certificate whose serial number
/// none of ours can have. [`AppendedEntry::removed`] tells, on a delta CRL, that a certificate is
/// not revoked any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppendedEntry {
    serial: Vec<u8>,
    revocation_date: Timestamp,
    reason: Option<ReasonCode>,
    invalidity_date: Option<Timestamp>,
}

impl AppendedEntry {
    /// The revocation of a certificate whose serial number no [`Serial`] can be: it is zero,
    /// negative, or longer than 20 octets. RFC 5280 §4.1.2.2 has those who read cope with that; it
    /// is written octet for octet.
    ///
    /// `reason` may be certificateHold. Of a code that RFC 5280 §5.3.1 does not assign nothing is
    /// written: rustls-webpki takes no CRL that has one. Nor is unspecified.
    ///
    /// That the CRL can carry the entry is checked when the CRL is made.
    pub fn legacy(
        serial: SerialRef<'_>,
        revocation_date: Timestamp,
        reason: Option<ReasonCode>,
        invalidity_date: Option<Timestamp>,
    ) -> Self {
        let reason = reason.filter(|reason| match reason {
            ReasonCode::Reason(reason) => *reason != Reason::Unspecified,
            ReasonCode::CertificateHold | ReasonCode::RemoveFromCrl => true,
            ReasonCode::Unassigned(_) => false,
        });
        Self { serial: serial.as_octets().to_vec(), revocation_date, reason, invalidity_date }
    }

    /// The certificate was on an earlier CRL of the scope, and is not revoked: removeFromCRL. Only
    /// a delta CRL may say so (RFC 5280 §5.3.1).
    pub fn removed(serial: Serial, date: Timestamp) -> Self {
        Self {
            serial: serial.as_octets().to_vec(),
            revocation_date: date,
            reason: Some(ReasonCode::RemoveFromCrl),
            invalidity_date: None,
        }
    }

    /// The serial number.
    pub fn serial(&self) -> SerialRef<'_> {
        SerialRef(&self.serial)
    }

    fn rest(&self) -> Rest {
        let Self { revocation_date, reason, invalidity_date, .. } = *self;
        Rest { revocation_date, reason: reason.map(ReasonCode::code), invalidity_date }
    }

    pub(super) fn encoded_length(&self) -> u64 {
        self.rest().entry_length(self.serial.len() as u64)
    }

    /// What keeps it off this CRL.
    fn problem(&self, tbs: &TbsCertList<'_>) -> Option<&'static str> {
        let is_removed = self.reason == Some(ReasonCode::RemoveFromCrl);
        match (self.serial.as_slice(), self.serial().to_serial()) {
            // X.690 §8.3.2: with one such INTEGER the whole CRL is no DER.
            ([0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..], _) => Some("its octets are not minimal"),
            (_, Ok(_)) if !is_removed => Some("its place is among the sorted entries"),
            (_, Err(_)) if is_removed => Some("no serial number that was ever on hold here"),
            _ if is_removed && tbs.base_number().is_none() => {
                Some("removeFromCRL on a complete CRL (RFC 5280 §5.3.1)")
            }
            _ if self.revocation_date > tbs.this_update() => Some("revoked after thisUpdate"),
            _ => None,
        }
    }
}

/// The entries to be appended to a CRL, checked.
pub(super) struct Appendix {
    pub(super) octets: Vec<u8>,
    pub(super) count: u64,
    /// The serial numbers that must not be among the sorted entries too, in order.
    serials: Vec<Serial>,
}

impl Appendix {
    pub(super) fn new(tbs: &TbsCertList<'_>, entries: &[AppendedEntry]) -> Result<Self, CrlError> {
        let refused = |entry: &AppendedEntry, problem| {
            Err(CrlError::Appended { serial: entry.serial.clone(), problem })
        };
        let mut octets = Vec::new();
        for entry in entries {
            if let Some(problem) = entry.problem(tbs) {
                return refused(entry, problem);
            }
            entry.rest().append_entry(&entry.serial, &mut octets);
        }
        let mut sorted: Vec<&AppendedEntry> = entries.iter().collect();
        sorted.sort_unstable_by_key(|entry| &entry.serial);
        for pair in sorted.windows(2) {
            if let [one, next] = pair
                && one.serial == next.serial
            {
                return refused(next, "it is to be listed twice");
            }
        }
        let mut serials: Vec<Serial> =
            entries.iter().filter_map(|entry| entry.serial().to_serial().ok()).collect();
        serials.sort_unstable();
        Ok(Self { octets, count: entries.len() as u64, serials })
    }

    #[inline]
    pub(super) fn lists(&self, number: Number) -> bool {
        // Nearly always there are none.
        !self.serials.is_empty() && self.serials.binary_search(&Serial::from_words(number)).is_ok()
    }
}
