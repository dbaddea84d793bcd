//! The entries of a CRL in one order, whatever order they are in.

use crate::{
    asn1::Malformed,
    crl::read::{CertificateList, RevokedCertificate, RevokedCertificates},
};
use std::{cmp::Ordering, sync::Arc};

/// The entries, sorted by issuer and serial number, each as often as it is there.
#[derive(Clone, Debug)]
pub(super) enum Sorted<'a> {
    /// As they stand: they were all read once, and found in order.
    InPlace(RevokedCertificates<'a>),
    Collected(Arc<[RevokedCertificate<'a>]>, usize),
}

impl<'a> Sorted<'a> {
    pub(super) fn entries_of(crl: &CertificateList<'a>) -> Result<Self, Malformed> {
        let mut previous: Option<RevokedCertificate<'a>> = None;
        let mut is_sorted = true;
        for entry in crl.entries() {
            let entry = entry?;
            is_sorted &= previous.is_none_or(|previous| order(&previous, &entry).is_le());
            previous = Some(entry);
        }
        if is_sorted {
            return Ok(Self::InPlace(crl.entries()));
        }
        let mut entries: Vec<_> = crl.entries().collect::<Result<_, _>>()?;
        // Stable: of several for one certificate, the first stays the first.
        entries.sort_by(order);
        Ok(Self::Collected(entries.into(), 0))
    }
}

impl<'a> Iterator for Sorted<'a> {
    type Item = RevokedCertificate<'a>;

    fn next(&mut self) -> Option<RevokedCertificate<'a>> {
        match self {
            Self::InPlace(entries) => entries.next()?.ok(),
            Self::Collected(entries, place) => {
                let entry = entries.get(*place).copied();
                *place += 1;
                entry
            }
        }
    }
}

/// By the issuer that the entry names, then by the serial number: a longer INTEGER is a larger one.
pub(super) fn order(one: &RevokedCertificate<'_>, other: &RevokedCertificate<'_>) -> Ordering {
    let [one, other] = [one, other].map(|entry| {
        let serial = entry.serial().as_octets();
        (entry.certificate_issuer(), serial.len(), serial)
    });
    one.cmp(&other)
}
