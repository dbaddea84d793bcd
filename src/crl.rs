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
//! | `number`, `entry`, `extension` | the values |
//! | `encode` | the TBSCertList and its rules |
//! | `stage` | where a CRL waits for its signature: memory, a file, PEM |
//! | `sign`, `prepared` | the signature, in one step and in two |
//! | `read` | CRLs that anyone may have made |
//! | `lint` | what is wrong with a CRL, before it is signed |

mod encode;
mod entry;
mod error;
mod extension;
mod lint;
mod number;
mod prepared;
mod read;
mod sign;
mod stage;

pub use self::{
    encode::{Entries, TbsCertList},
    entry::CrlEntry,
    error::{CrlError, PreparedCrlError},
    extension::{Extension, Oid},
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
