//! What changed in a CRL besides its entries.

use crate::{
    crl::{CertificateList, CrlNumber, IssuingDistributionPoint},
    time::Timestamp,
};

/// What changed besides the entries; `None`: that did not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderChanges<'a> {
    /// The Name of the issuer in DER, octet for octet.
    pub issuer: Option<HeaderChange<&'a [u8]>>,
    /// The number.
    pub number: Option<HeaderChange<Option<CrlNumber>>>,
    /// When it was issued.
    pub this_update: Option<HeaderChange<Timestamp>>,
    /// By when the next one will be.
    pub next_update: Option<HeaderChange<Option<Timestamp>>>,
    /// The key identifier in the authority key identifier.
    pub authority_key_identifier: Option<HeaderChange<Option<&'a [u8]>>>,
    /// The AlgorithmIdentifier of the signature in DER.
    pub signature_algorithm: Option<HeaderChange<&'a [u8]>>,
    /// Which certificates it is about.
    pub issuing_distribution_point: Option<HeaderChange<Option<IssuingDistributionPoint<'a>>>>,
    /// Which complete CRL it adds to.
    pub base_number: Option<HeaderChange<Option<CrlNumber>>>,
}

/// Something that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderChange<T> {
    /// What it was.
    pub old: T,
    /// What it is.
    pub new: T,
}

impl<T: PartialEq> HeaderChange<T> {
    fn between(old: T, new: T) -> Option<Self> {
        (old != new).then_some(Self { old, new })
    }
}

impl<'a> HeaderChanges<'a> {
    pub(super) fn between(old: &CertificateList<'a>, new: &CertificateList<'a>) -> Self {
        Self {
            issuer: HeaderChange::between(old.issuer(), new.issuer()),
            number: HeaderChange::between(old.number(), new.number()),
            this_update: HeaderChange::between(old.this_update(), new.this_update()),
            next_update: HeaderChange::between(old.next_update(), new.next_update()),
            authority_key_identifier: HeaderChange::between(
                old.authority_key_identifier(),
                new.authority_key_identifier(),
            ),
            signature_algorithm: HeaderChange::between(
                old.signature_algorithm(),
                new.signature_algorithm(),
            ),
            issuing_distribution_point: HeaderChange::between(
                old.issuing_distribution_point().cloned(),
                new.issuing_distribution_point().cloned(),
            ),
            base_number: HeaderChange::between(old.base_number(), new.base_number()),
        }
    }
}
