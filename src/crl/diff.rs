//! What changed from one CRL to another.

mod header;
mod sorted;

pub use self::header::{HeaderChange, HeaderChanges};

use self::sorted::Sorted;
use super::{
    extension::{Extension, Oid},
    read::{CertificateList, RevokedCertificate},
};
use crate::{asn1::Malformed, reason::ReasonCode, serial::SerialRef};
use std::{cmp::Ordering, iter};

/// What changed from an old CRL to a new one: in its header, and entry by entry.
///
/// The order of the entries does not matter. Where both CRLs are sorted by serial number, as those
/// of this crate are, they are read side by side in flat memory; of one that is not, the entries
/// are collected first.
///
/// A new delta CRL is compared as what it is: what it does not list is as it was.
///
/// ```no_run
/// use annul::{CertificateList, CrlDiff, EntryChange};
///
/// let (old, new) = (std::fs::read("old.crl")?, std::fs::read("new.crl")?);
/// let (old, new) = (CertificateList::from_der(&old)?, CertificateList::from_der(&new)?);
/// let diff = CrlDiff::new(&old, &new)?;
/// if let Some(number) = diff.header().number {
///     println!("number {:?}, it was {:?}", number.new, number.old);
/// }
/// for change in diff.entries() {
///     match change {
///         EntryChange::Added(entry) => println!("+ {}", entry.serial()),
///         EntryChange::Removed { was, why } => println!("- {}: {why}", was.serial()),
///         EntryChange::Changed { new, .. } => println!("~ {}", new.serial()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CrlDiff<'a> {
    header: HeaderChanges<'a>,
    old: Sorted<'a>,
    new: Sorted<'a>,
    /// Whether the new one adds to the old one, rather than to stand for itself.
    adds: bool,
}

/// What changed about one certificate.
#[derive(Clone, Copy, Debug)]
pub enum EntryChange<'a> {
    /// Only the new CRL lists it.
    Added(RevokedCertificate<'a>),
    /// Only the old CRL lists it.
    Removed {
        /// What the old CRL says.
        was: RevokedCertificate<'a>,
        /// Why it is gone, as far as the two CRLs tell.
        why: Removal,
    },
    /// Both list it, and say different things.
    Changed {
        /// What the old CRL says.
        old: RevokedCertificate<'a>,
        /// What the new CRL says.
        new: RevokedCertificate<'a>,
    },
}

/// Why an entry is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Removal {
    /// The new CRL is a delta CRL and says removeFromCRL: the certificate was on hold, or expired.
    RemoveFromCrl,
    /// The certificate was on hold: it may have been released, or have expired.
    Hold,
    /// The CRLs do not tell. Only a certificate that has expired may leave, once it was listed
    /// after that (RFC 5280 §3.3).
    Unknown,
}

impl std::fmt::Display for Removal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RemoveFromCrl => "the delta CRL removes it",
            Self::Hold => "it was on hold",
            Self::Unknown => "only an expired certificate may leave a CRL",
        })
    }
}

impl<'a> CrlDiff<'a> {
    /// Compares two CRLs.
    ///
    /// Whether they are about the same certificates, [`CrlDiff::header`] tells.
    ///
    /// # Errors
    /// Where an entry of one of them is malformed.
    pub fn new(old: &CertificateList<'a>, new: &CertificateList<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            header: HeaderChanges::between(old, new),
            old: Sorted::entries_of(old)?,
            new: Sorted::entries_of(new)?,
            adds: new.base_number().is_some() && old.base_number().is_none(),
        })
    }

    /// What changed besides the entries.
    pub fn header(&self) -> &HeaderChanges<'a> {
        &self.header
    }

    /// What changed in the entries, in the order of the serial numbers.
    pub fn entries(&self) -> impl Iterator<Item = EntryChange<'a>> {
        let (mut old, mut new) = (self.old.clone().peekable(), self.new.clone().peekable());
        let adds = self.adds;
        iter::from_fn(move || {
            loop {
                let order = match (old.peek(), new.peek()) {
                    (None, None) => return None,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(old), Some(new)) => sorted::order(old, new),
                };
                let was = if order.is_le() { old.next() } else { None };
                let is = if order.is_ge() { new.next() } else { None };
                if let Some(change) = change(was, is, adds) {
                    return Some(change);
                }
            }
        })
    }
}

impl<'a> EntryChange<'a> {
    /// The serial number of the certificate.
    pub fn serial(&self) -> SerialRef<'a> {
        match self {
            Self::Added(entry) | Self::Removed { was: entry, .. } => entry.serial(),
            Self::Changed { new, .. } => new.serial(),
        }
    }
}

fn change<'a>(
    was: Option<RevokedCertificate<'a>>,
    is: Option<RevokedCertificate<'a>>,
    adds: bool,
) -> Option<EntryChange<'a>> {
    let removes =
        |entry: &RevokedCertificate<'_>| adds && entry.reason() == Some(ReasonCode::RemoveFromCrl);
    match (was, is) {
        (Some(was), Some(is)) if removes(&is) => {
            Some(EntryChange::Removed { was, why: Removal::RemoveFromCrl })
        }
        (Some(old), Some(new)) => {
            (!says_the_same(&old, &new)).then_some(EntryChange::Changed { old, new })
        }
        (Some(was), None) if !adds => {
            let on_hold = was.reason() == Some(ReasonCode::CertificateHold);
            let why = if on_hold { Removal::Hold } else { Removal::Unknown };
            Some(EntryChange::Removed { was, why })
        }
        // What a delta CRL removes may have been on another CRL in between (RFC 5280 §5.2.4).
        (None, Some(is)) => (!removes(&is)).then_some(EntryChange::Added(is)),
        _ => None,
    }
}

fn says_the_same(old: &RevokedCertificate<'_>, new: &RevokedCertificate<'_>) -> bool {
    old.revocation_date() == new.revocation_date() && extensions(old) == extensions(new)
}

/// All extensions, in an order of their own. The issuer is that of both, and one of them may have
/// it from an entry before.
fn extensions<'a>(entry: &RevokedCertificate<'a>) -> Vec<(Oid<'a>, bool, &'a [u8])> {
    let others = entry.extensions().filter(|extension| extension.oid != Oid::CERTIFICATE_ISSUER);
    let mut extensions: Vec<_> =
        others.map(|Extension { oid, critical, value, .. }| (oid, critical, value)).collect();
    extensions.sort_unstable();
    extensions
}
