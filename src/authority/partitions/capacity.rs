//! How many certificates a partition can hold, so that its CRL never outgrows its size.

use crate::{crl::CrlEntry, issuer::Issuer, reason::Reason, serial::Serial, time::Timestamp};

/// What a CRL takes besides its entries, its issuer's name, its URIs and its signature: the headers
/// of what goes around those, the dates, the number, the algorithms, and the extensions that say
/// little. It comes to less than half of this.
const FIXED: u64 = 1024;

/// The longest key identifier that an issuer without one is likely to get.
const KEY_IDENTIFIER: u64 = 64;

/// A signature made with ECDSA is longer than the key; no other is.
const ECDSA_SIGNATURE: u64 = 144;

/// How many certificates a CRL of at most so many octets can list at this URI, whatever becomes of
/// them: each revoked, with all that an entry can say, under the longest serial number.
pub(in crate::authority) fn capacity(issuer: &Issuer, uri: &str, size: u64) -> u64 {
    size.saturating_sub(overhead(issuer, uri)) / longest_entry()
}

/// The size that has room for one certificate.
pub(in crate::authority) fn least_size(issuer: &Issuer, uri: &str) -> u64 {
    overhead(issuer, uri).saturating_add(longest_entry())
}

/// What a CRL takes that lists nothing, at most.
fn overhead(issuer: &Issuer, uri: &str) -> u64 {
    let length = |octets: usize| octets as u64;
    let key_identifier = issuer.subject_key_identifier().map_or(0, <[u8]>::len);
    // The URI is there twice: the place of delta CRLs, which is a little longer, beside its own.
    let uris = length(uri.len()).saturating_mul(2);
    let parts = [
        length(issuer.name().len()),
        length(key_identifier).max(KEY_IDENTIFIER),
        uris,
        length(issuer.public_key().len()).max(ECDSA_SIGNATURE),
    ];
    parts.into_iter().fold(FIXED, u64::saturating_add)
}

fn longest_entry() -> u64 {
    CrlEntry {
        serial: Serial::MAX,
        // A GeneralizedTime, from 2050 on (RFC 5280 §5.1.2.6).
        revocation_date: Timestamp::MAX,
        reason: Some(Reason::KeyCompromise),
        invalidity_date: Some(Timestamp::MAX),
    }
    .encoded_length()
}
