//! A certificate revocation authority in a crate.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod asn1;
mod certificate;
mod codec;
mod convert;
mod crl;
mod issuer;
mod issuer_id;
mod lifecycle;
mod log;
mod partition;
mod pem;
mod reason;
mod retry;
mod serial;
mod signing;
pub mod store;
mod time;

#[cfg(feature = "redb")]
pub use crate::store::{RedbStore, RedbStoreOptions};
pub use crate::{
    asn1::Malformed,
    certificate::{Certificate, CertificateError, KeyUsage},
    codec::Damaged,
    crl::{
        CertificateList, CrlEntry, CrlError, CrlNumber, CrlNumberError, CrlReadError, Entries,
        Extension, FileStage, IssuingDistributionPoint, Oid, PemStage, PreparedCrl,
        PreparedCrlError, RevokedCertificate, RevokedCertificates, SignedCrl, Stage, TbsCertList,
    },
    issuer::{CaCertificate, Issuer, IssuerError},
    issuer_id::{BadIssuerId, IssuerId},
    lifecycle::{
        Amendment, CertificateKind, CertificateRecord, CertificateState, Fall, FallCause,
        Invalidation, Labels, Origin, Policy, Refusal, Revocation, RevocationDetails,
        RevocationHistory, Standing,
    },
    log::{AsOf, CommandId, Entry, Event, Position, Subject},
    partition::Partition,
    pem::PemError,
    reason::{Reason, ReasonCode, UnknownReason},
    retry::Retry,
    serial::{Serial, SerialError, SerialRef},
    signing::{
        DigestAlgorithm, KeyError, LocalVerifier, Message, SignatureAlgorithm, Signer,
        SigningError, SigningKey, ToSign, Verifier, VerifyError, sign_message,
    },
    store::{MemoryStore, Store, StoreError},
    time::{Clock, SystemClock, Timestamp, TimestampError},
};
