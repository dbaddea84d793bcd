//! The list of the entries, read once; and a second time only where it is out of order.

use super::{
    Case, LintProfile, cabf, entry,
    findings::{Findings, Rule, Severity},
    webpki,
    written::WrittenEntry,
};
use crate::{
    asn1::{Malformed, Reader, SEQUENCE},
    serial::SerialRef,
};

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    let mut order = Order::default();
    let mut issuer = None;
    for written in written(case) {
        let written = match written {
            Ok(written) => written,
            Err(malformed) => {
                found.entry_without_serial(&malformed);
                continue;
            }
        };
        issuer = written.certificate_issuer().or(issuer);
        order.see(key(issuer, written.serial));
        let entry = entry::lint(case, written, found);
        match case.profile {
            LintProfile::CabfSubscriber | LintProfile::CabfCa => cabf::entry(case, &entry, found),
            LintProfile::Webpki => webpki::entry(&entry, found),
            LintProfile::Private | LintProfile::Archive => {}
        }
    }
    let Some((_, _, first)) = order.stragglers.first() else { return };
    if let (Ok(serial), false) = (SerialRef::from_octets(first), case.crl.is_indirect()) {
        let what = || "the list does not ascend by serial number from here on".to_owned();
        found.entry(Severity::Notice, Rule("E27", "practice"), serial, what);
    }
    duplicates(case, order.stragglers, found);
}

fn written<'a>(case: Case<'a>) -> impl Iterator<Item = Result<WrittenEntry<'a>, Malformed>> {
    let mut list = case.crl.revoked.as_ref().map_or(Reader::new(&[]), |list| list.reader());
    std::iter::from_fn(move || {
        if list.is_empty() {
            return None;
        }
        let entry = list.expect(SEQUENCE, "revokedCertificates entry");
        if entry.is_err() {
            // Where the next one begins cannot be known.
            list = Reader::new(&[]);
        }
        Some(entry.and_then(WrittenEntry::read))
    })
}

/// What tells an entry from all others: the issuer of the certificate, and its serial number. The
/// length comes first, so that the order of positive numbers is theirs.
type Key<'a> = (Option<&'a [u8]>, usize, &'a [u8]);

/// In an indirect CRL the issuer of an entry is that of the nearest before it that has one (RFC
/// 5280 §5.3.3).
fn key<'a>(issuer: Option<&'a [u8]>, serial: SerialRef<'a>) -> Key<'a> {
    let octets = serial.as_octets();
    (issuer, octets.len(), octets)
}

/// Entries that ascend are all different. Only those that fall behind are kept, to be compared
/// with all: so a list that is in order takes no memory, and one with an appendix little.
#[derive(Default)]
struct Order<'a> {
    highest: Option<Key<'a>>,
    stragglers: Vec<Key<'a>>,
}

impl<'a> Order<'a> {
    fn see(&mut self, key: Key<'a>) {
        if !self.ascends(key) {
            self.stragglers.push(key);
        }
    }

    /// Whether the entry is past all before it.
    fn ascends(&mut self, key: Key<'a>) -> bool {
        let ascends = self.highest.is_none_or(|highest| highest < key);
        if ascends {
            self.highest = Some(key);
        }
        ascends
    }
}

fn duplicates<'a>(case: Case<'a>, mut stragglers: Vec<Key<'a>>, found: &mut Findings) {
    stragglers.sort_unstable();
    let mut twice = |(_, _, serial): Key<'_>| {
        if let Ok(serial) = SerialRef::from_octets(serial) {
            let what = || "the serial number is listed twice".to_owned();
            found.entry(Severity::Error, Rule("E27", "RFC 5280 §5.1.2.6"), serial, what);
        }
    };
    for pair in stragglers.windows(2) {
        if let [one, next] = pair
            && one == next
        {
            twice(*one);
        }
    }
    let mut order = Order::default();
    let mut issuer = None;
    for entry in written(case).flatten() {
        issuer = entry.certificate_issuer().or(issuer);
        let key = key(issuer, entry.serial);
        if order.ascends(key) && stragglers.binary_search(&key).is_ok() {
            twice(key);
        }
    }
}
