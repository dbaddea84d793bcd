//! The records that the authority keeps in the tables of a store, as octets.

mod checkpoint;
mod distribution;
mod legacy;

pub(super) use self::{
    checkpoint::CheckpointRecord,
    distribution::{DistributionRecord, PartitionRecord},
    legacy::{
        legacy_from_octets, legacy_tally_from_octets, legacy_tally_to_octets, legacy_to_octets,
    },
};

use crate::{
    codec::{Damaged, Reader, Writer},
    crl::CrlNumber,
    lifecycle::{CertificateRecord, CertificateState, Fall, Labels, Origin, Parent},
    log::{read_fall, read_kind, write_fall, write_kind},
    partition::Partition,
    time::Timestamp,
};

/// An issuer: its CA certificates and how it is to be treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IssuerRecord {
    pub(super) certificates: Vec<StoredCaCertificate>,
    /// Whether its CRL lists what is invalidated when it does not stand.
    pub(super) lists_invalidated: bool,
    /// Drawn when the issuer is added, so that two histories of one issuer can be told apart.
    pub(super) incarnation: [u8; 16],
    pub(super) added_at: Timestamp,
}

/// A CA certificate and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredCaCertificate {
    pub(super) der: Vec<u8>,
    pub(super) parent: Parent,
}

impl IssuerRecord {
    const FORMAT: u8 = 1;

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.list(&self.certificates, |out, certificate| {
            match certificate.parent {
                Parent::SelfSigned => out.u8(0),
                Parent::External => out.u8(1),
                Parent::Issuer(issuer) => {
                    out.u8(2);
                    out.issuer(issuer);
                }
            }
            out.octet_string(&certificate.der);
        });
        out.bool(self.lists_invalidated);
        out.fixed(&self.incarnation);
        out.timestamp(self.added_at);
        out.finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let certificates = input.list(|input| {
            let parent = match input.u8()? {
                0 => Parent::SelfSigned,
                1 => Parent::External,
                2 => Parent::Issuer(input.issuer()?),
                _ => return Err(input.damaged("an unknown kind of parent")),
            };
            Ok(StoredCaCertificate { der: input.octet_string()?.to_vec(), parent })
        })?;
        let record = Self {
            certificates,
            lists_invalidated: input.bool()?,
            incarnation: input.fixed()?,
            added_at: input.timestamp()?,
        };
        input.finish()?;
        Ok(record)
    }
}

const STANDING_FORMAT: u8 = 1;

/// The standing of an issuer by itself: its fall, if it fell.
pub(super) fn standing_to_octets(fall: Option<&Fall>) -> Vec<u8> {
    let mut out = Writer::new(STANDING_FORMAT);
    out.optional(fall, write_fall);
    out.finish()
}

pub(super) fn standing_from_octets(octets: &[u8]) -> Result<Option<Fall>, Damaged> {
    let mut input = Reader::new(octets, STANDING_FORMAT)?;
    let fall = input.optional(read_fall)?;
    input.finish()?;
    Ok(fall)
}

/// Certificates that were recorded while their issuer was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Discovered {
    /// How often that was.
    pub(super) count: u64,
    /// When it was last.
    pub(super) at: Timestamp,
}

impl Discovered {
    const FORMAT: u8 = 1;

    pub(super) fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.u64(self.count);
        out.timestamp(self.at);
        out.finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let discovered = Self { count: input.u64()?, at: input.timestamp()? };
        input.finish()?;
        Ok(discovered)
    }
}

const CERTIFICATE_FORMAT: u8 = 1;

pub(super) fn certificate_to_octets(record: &CertificateRecord) -> Vec<u8> {
    let mut out = Writer::new(CERTIFICATE_FORMAT);
    out.u8(match record.state {
        CertificateState::Reserved => 0,
        CertificateState::Issued => 1,
    });
    out.u8(match record.origin {
        Origin::Registered => 0,
        Origin::Discovered => 1,
    });
    write_kind(&mut out, record.kind);
    out.u32(record.partition.0);
    out.optional(record.not_before, Writer::timestamp);
    out.optional(record.not_after, Writer::timestamp);
    out.optional(record.identity, |out, identity| out.fixed(&identity));
    for label in [&record.labels.account, &record.labels.class, &record.labels.external_identifier]
    {
        out.optional(label.as_deref(), Writer::text);
    }
    out.timestamp(record.recorded_at);
    out.finish()
}

pub(super) fn certificate_from_octets(octets: &[u8]) -> Result<CertificateRecord, Damaged> {
    let mut input = Reader::new(octets, CERTIFICATE_FORMAT)?;
    let record = CertificateRecord {
        state: match input.u8()? {
            0 => CertificateState::Reserved,
            1 => CertificateState::Issued,
            _ => return Err(input.damaged("an unknown state")),
        },
        origin: match input.u8()? {
            0 => Origin::Registered,
            1 => Origin::Discovered,
            _ => return Err(input.damaged("an unknown origin")),
        },
        kind: read_kind(&mut input)?,
        partition: Partition(input.u32()?),
        not_before: input.optional(Reader::timestamp)?,
        not_after: input.optional(Reader::timestamp)?,
        identity: input.optional(Reader::fixed)?,
        labels: Labels {
            account: input.optional(Reader::text)?,
            class: input.optional(Reader::text)?,
            external_identifier: input.optional(Reader::text)?,
        },
        recorded_at: input.timestamp()?,
    };
    input.finish()?;
    Ok(record)
}

const CA_CERTIFICATE_FORMAT: u8 = 1;

/// Whether a certificate of a CA was recorded before the CA was, and so is one of its chains.
pub(super) fn ca_certificate_to_octets(counts: bool) -> Vec<u8> {
    let mut out = Writer::new(CA_CERTIFICATE_FORMAT);
    out.bool(counts);
    out.finish()
}

pub(super) fn ca_certificate_counts(octets: &[u8]) -> Result<bool, Damaged> {
    let mut input = Reader::new(octets, CA_CERTIFICATE_FORMAT)?;
    let counts = input.bool()?;
    input.finish()?;
    Ok(counts)
}

/// The numbering of the CRLs of one issuer and scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberRecord {
    /// The last number that was reserved, used or not.
    pub(super) last: CrlNumber,
    /// The latest thisUpdate that a number was reserved for.
    pub(super) this_update: Timestamp,
}

impl NumberRecord {
    const FORMAT: u8 = 1;

    pub(super) fn to_octets(self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.fixed(&self.last.to_be_bytes());
        out.timestamp(self.this_update);
        out.finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let last =
            CrlNumber::from_be_bytes(input.fixed()?).map_err(|_| input.damaged("no CRL number"))?;
        let record = Self { last, this_update: input.timestamp()? };
        input.finish()?;
        Ok(record)
    }
}
