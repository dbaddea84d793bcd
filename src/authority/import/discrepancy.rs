//! What is worth telling of one serial number.

use crate::{
    lifecycle::{Revocation, Stated},
    partition::Partition,
    serial::SerialRef,
    time::Timestamp,
};
use std::fmt;

/// Something that an import or a reconciliation met at one serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discrepancy {
    serial: Box<[u8]>,
    /// What.
    pub difference: Difference,
}

/// How what was published, or the database of a CA, and the record differ at one serial number, or
/// what could not be taken over as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Revoked by what was published, and not in the record. An import revokes it.
    Missing {
        /// What was published.
        published: Stated,
    },
    /// The record says less: a later date, or a lesser reason. An import amends it.
    RecordSaysLess {
        /// What was published.
        published: Stated,
        /// What is recorded.
        recorded: Revocation,
    },
    /// The record says more: an earlier date, or a graver reason. The next CRL will say so.
    RecordSaysMore {
        /// What was published.
        published: Stated,
        /// What is recorded.
        recorded: Revocation,
    },
    /// Another reason is recorded, and neither is graver. The record stays as it is.
    Contradiction {
        /// What was published.
        published: Stated,
        /// What is recorded.
        recorded: Revocation,
    },
    /// Revoked in the record, and none of the CRLs lists it.
    NotListed {
        /// What is recorded.
        recorded: Revocation,
        /// Why that may be.
        why: NotListed,
    },
    /// certificateHold, or removeFromCRL where only a delta CRL may say that. An import revokes it,
    /// without a reason and for good.
    Held,
    /// A delta CRL says that a hold ended. An import records nothing of it; where the certificate is
    /// revoked besides, it stays so.
    Released,
    /// A part of an entry is none that a CRL may have, and is taken over in another way.
    Altered {
        /// Which, and how.
        problem: &'static str,
    },
    /// It is a self-signed certificate of the issuer itself, which its own CRL never lists. An import
    /// passes it over: distrust the issuer instead, by revoking the CA.
    OwnCertificate,
    /// An indirect CRL lists it for another issuer. An import passes it over.
    OtherIssuer,
    /// The database has it, and the record does not, or not its notAfter. An import records it.
    Unregistered {
        /// Its notAfter.
        not_after: Timestamp,
    },
    /// The database and the record disagree about its notAfter. The record stays as it is.
    OtherNotAfter {
        /// What the database says.
        published: Timestamp,
        /// What is recorded.
        recorded: Option<Timestamp>,
    },
    /// It stands on the CRL of one partition, and belongs to another. The record stays as it is.
    OtherPartition {
        /// The one on whose CRL it stands.
        published: Partition,
        /// The one that it belongs to.
        recorded: Partition,
    },
    /// Revoked in the record, and valid in the database. It stays revoked.
    ValidInIndex {
        /// What is recorded.
        recorded: Revocation,
    },
    /// The database has it, not revoked, with a serial number that no record can have. An import
    /// passes it over.
    Unrecordable,
}

/// Why no CRL may list what is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotListed {
    /// It was recorded when the newest CRL had been made: the next one will list it.
    Due,
    /// It had expired before the newest CRL was made: it may have been retired (RFC 5280 §3.3).
    Retired,
    /// The newest CRL should list it.
    Omitted,
}

impl Discrepancy {
    pub(super) fn new(serial: SerialRef<'_>, difference: Difference) -> Self {
        Self { serial: serial.as_octets().into(), difference }
    }

    /// The serial number, as it was written.
    pub fn serial(&self) -> SerialRef<'_> {
        SerialRef(&self.serial)
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.serial(), self.difference)
    }
}

impl Difference {
    /// A name for machines, such as `record-says-less`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::RecordSaysLess { .. } => "record-says-less",
            Self::RecordSaysMore { .. } => "record-says-more",
            Self::Contradiction { .. } => "contradiction",
            Self::NotListed { why: NotListed::Due, .. } => "due",
            Self::NotListed { why: NotListed::Retired, .. } => "retired",
            Self::NotListed { why: NotListed::Omitted, .. } => "omitted",
            Self::Held => "held",
            Self::Released => "released",
            Self::Altered { .. } => "altered",
            Self::OwnCertificate => "own-certificate",
            Self::OtherIssuer => "other-issuer",
            Self::Unregistered { .. } => "unregistered",
            Self::OtherNotAfter { .. } => "other-not-after",
            Self::OtherPartition { .. } => "other-partition",
            Self::ValidInIndex { .. } => "valid-in-index",
            Self::Unrecordable => "unrecordable",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { published } => {
                write!(f, "revoked on {}, which is not recorded", published.date)
            }
            Self::RecordSaysLess { published, recorded } => {
                write!(f, "published is {}, recorded only {}", published, Stated::from(recorded))
            }
            Self::RecordSaysMore { published, recorded } => {
                write!(f, "recorded is {}, published only {}", Stated::from(recorded), published)
            }
            Self::Contradiction { published, recorded } => {
                write!(f, "published is {}, recorded {}", published, Stated::from(recorded))
            }
            Self::NotListed { recorded, why } => {
                let why = match why {
                    NotListed::Due => "since the newest CRL was made",
                    NotListed::Retired => "and expired before the newest CRL was made",
                    NotListed::Omitted => "and the newest CRL omits it",
                };
                write!(f, "revoked on {} {why}", recorded.date)
            }
            Self::Held => f.write_str("on hold, which is taken as revoked for good"),
            Self::Released => f.write_str("no longer on hold, says a delta CRL"),
            Self::Altered { problem } => f.write_str(problem),
            Self::OwnCertificate => {
                f.write_str("the issuer's own certificate, which its CRL cannot list")
            }
            Self::OtherIssuer => f.write_str("listed for another issuer"),
            Self::Unregistered { not_after } => {
                write!(f, "expires at {not_after}, which is not recorded")
            }
            Self::OtherNotAfter { published, recorded: None } => {
                write!(f, "expires at {published} in the index, and the record does not agree")
            }
            Self::OtherNotAfter { published, recorded: Some(recorded) } => {
                write!(f, "expires at {published} in the index, at {recorded} in the record")
            }
            Self::OtherPartition { published, recorded } => {
                write!(f, "on the CRL of partition {published}, recorded in {recorded}")
            }
            Self::ValidInIndex { recorded } => {
                write!(f, "valid in the index, recorded as revoked on {}", recorded.date)
            }
            Self::Unrecordable => f.write_str("a serial number that no record can have"),
        }
    }
}
