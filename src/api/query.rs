//! Names and values as a query or a form has them, and the line that a request begins with.

use super::{ApiRequest, Unauthenticated};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode, percent_encode};

/// Longer than any path and query that a client of these services sends.
const LONGEST_TARGET: usize = 8 * 1024;

/// What RFC 3986 §2.3 does not reserve stays as it is.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As both kinds of signatures write names and values.
pub(super) fn encode(text: &[u8]) -> PercentEncode<'_> {
    percent_encode(text, const { &RESERVED })
}

/// As SigV4 writes a path.
#[cfg(feature = "api-aws")]
pub(super) fn encode_path(path: &[u8]) -> PercentEncode<'_> {
    percent_encode(path, const { &RESERVED.remove(b'/') })
}

/// The pairs of a query or of a form, decoded: in both a `+` is a space.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let pairs = text.split(|octet| *octet == b'&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let mut halves = pair.splitn(2, |octet| *octet == b'=');
        let mut half = || decode(halves.next().unwrap_or_default());
        (half(), half())
    })
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> =
        text.iter().map(|octet| if *octet == b'+' { b' ' } else { *octet }).collect();
    percent_decode(&spaced).collect()
}

/// Refuses a method or a target that is none, or is too long to look at.
pub(super) fn check_line(request: &ApiRequest<'_>) -> Result<(), Unauthenticated> {
    if request.target.len() > LONGEST_TARGET {
        let what = "octets of path and query";
        return Err(Unauthenticated::TooLarge { what, most: LONGEST_TARGET });
    }
    let is_line = request.method.bytes().all(|octet| octet.is_ascii_alphabetic())
        && request.target.starts_with('/')
        && request.target.bytes().all(|octet| octet.is_ascii_graphic());
    if is_line { Ok(()) } else { Err(Unauthenticated::Malformed { what: "the request line" }) }
}
