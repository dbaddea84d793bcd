//! CRLs: made, signed and read; RFC 5280 §5.
//!
//! ```asn1
//! CertificateList ::= SEQUENCE {
//!      tbsCertList          TBSCertList,
//!      signatureAlgorithm   AlgorithmIdentifier,
//!      signatureValue       BIT STRING }
//!
//! TBSCertList ::= SEQUENCE {
//!      version              Version OPTIONAL,  -- if present, MUST be v2
//!      signature            AlgorithmIdentifier,
//!      issuer               Name,
//!      thisUpdate           Time,
//!      nextUpdate           Time OPTIONAL,
//!      revokedCertificates  SEQUENCE OF SEQUENCE {
//!           userCertificate     CertificateSerialNumber,
//!           revocationDate      Time,
//!           crlEntryExtensions  Extensions OPTIONAL } OPTIONAL,
//!      crlExtensions        [0] EXPLICIT Extensions OPTIONAL }
//! ```
//!
//! In octets that is header ‖ entries ‖ extensions, and then the signature. Only the entries are
//! many. So everything else is laid out in memory, and the entries pass through: read from their
//! source, checked, encoded, digested and handed to a [`Stage`], a piece at a time.
//!
//! | file | holds |
//! |---|---|
//! | `number`, `entry`, `appendix`, `distribution_point`, `uri`, `extension` | the values |
//! | `encode` | the TBSCertList and its rules, but for the entries |
//! | `layout` | the TBSCertList with its entries, piece by piece |
//! | `outlet` | its octets, hashed while they are written |
//! | `capacity` | how long a CRL can become |
//! | `stage` | where a CRL waits for its signature: memory, a file, PEM |
//! | `sign`, `prepared` | the signature, in one step and in two |
//! | `read` | CRLs that anyone may have made |
//! | `index` | look-ups in them by serial number |
//! | `check` | what they say of a certificate |
//! | `diff` | what changed from one to another |
//! | `lint` | what is wrong with a CRL, before it is signed |

mod appendix;
mod capacity;
mod check;
mod diff;
mod distribution_point;
mod encode;
mod entry;
mod error;
mod extension;
mod index;
mod layout;
mod lint;
mod number;
mod outlet;
mod prepared;
mod read;
mod sign;
mod stage;
mod uri;

pub use self::{
    appendix::AppendedEntry,
    check::{
        CannotCheck, CheckOutcome, CrlNotUsed, ListedRevocation, NotUsed, RevocationCheck,
        Undetermined,
    },
    diff::{CrlDiff, EntryChange, HeaderChange, HeaderChanges, Removal},
    distribution_point::{DistributionPoint, Only},
    encode::TbsCertList,
    entry::CrlEntry,
    error::{CrlError, PreparedCrlError},
    extension::{Extension, Oid},
    index::CrlIndex,
    layout::{Entries, EntryWriter, Extent},
    lint::{Finding, LintContext, LintProfile, Severity, lint, lint_der},
    number::{CrlNumber, CrlNumberError},
    prepared::PreparedCrl,
    read::{
        CertificateList, CrlReadError, IssuingDistributionPoint, RevokedCertificate,
        RevokedCertificates,
    },
    sign::SignedCrl,
    stage::{FileStage, NotDurable, PemStage, Stage},
};
pub(crate) use self::{entry::ShortEntry, error::is_lasting, layout::Stopped};
