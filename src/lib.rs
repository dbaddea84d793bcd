/*!
**annul** is a certificate revocation authority in a crate. It keeps the record of what a CA issued,
moves certificates and CAs from issued to revoked and never back, and turns that record into answers
that relying parties trust: status look-ups and signed CRLs. Embed it in a CA, an ACME server, a
device fleet or a VPN. It opens no socket, leaves no thread behind (but for the connections of a store in
a database), and reads no clock but the one it is given.

# A tour

Everything goes through the front door, an [`Authority`] over a [`Store`].

```
# #[cfg(feature = "p256")] {
# let root_pem = include_str!("authority/example-root.pem");
# let key_pem = include_str!("authority/example-root.key");
use annul::*;
use std::time::Duration;

// A store: in memory here, one file with `RedbStore`. An issuer: its CA certificate.
let authority = Authority::new(MemoryStore::new());
let root = CaCertificate::new(Certificate::from_pem(root_pem)?)?;
let issuer = authority.add_issuer(&AddIssuer::new(root))?.issuer;

// Claim the serial number before the CA signs; register the certificate when it did.
let serial: Serial = "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8".parse()?;
authority.reserve(&ReserveSerial::new(issuer, serial))?;
authority.register(&Registration::of_serial(issuer, serial, Timestamp::MAX))?;

// Revoke it. Once this returns no crash loses it, and nothing takes it back.
let target = Target::Serial { issuer, serial };
let revoke = Revoke::new(target).with_reason(Reason::KeyCompromise);
let revoked = authority.revoke(&revoke)?;
assert!(matches!(
    authority.revoke(&revoke),
    Err(Error::AlreadyRevoked { .. })
));

// Make the CRL that says so. Its number is on disk before the key is used, its signature is
// verified before anyone can see it.
let key = SigningKey::from_pem(key_pem)?;
let mut der = Vec::new();
let week = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
let issued = authority.crl(issuer, &week, &key, &mut der)?;
assert!(issued.as_of.position(issuer) >= revoked.position);

// Read a CRL, this one or anybody's.
let crl = CertificateList::from_der(&der)?;
assert!(crl.find(serial.as_ref())?.is_some());
# }
# Ok::<(), Box<dyn std::error::Error>>(())
```

# Where to look

| you want to | look at |
|---|---|
| add CAs: renewed, cross-certified, with a parent elsewhere | [`Authority::add_issuer`] |
| record what is issued, one by one or by the hundred thousand | [`Authority::reserve`], [`Authority::register`], [`Authority::register_all`] |
| record what should not exist but does | [`Authority::record_discovered`] |
| revoke, one by one or by the hundred thousand | [`Authority::revoke`], [`Authority::revoke_all`] |
| make a revocation graver or earlier | [`Authority::amend`] |
| revoke a CA and all below it; see first what that does | [`Authority::revoke_ca`], [`Authority::preview_revoke_ca`] |
| ask: revoked or not? | [`Authority::revocation`], [`Authority::revocations`], from memory |
| ask: what is this certificate worth, and why? | [`Authority::status`], from the record |
| follow a log from another process or machine | [`Authority::changes`] |
| be answered from no less than you know, on a replica too | [`FreshnessToken`], [`Freshness`], [`CrlRequest::at_least`] |
| make a CRL, in one step or with a key that is elsewhere | [`Authority::crl`], [`Authority::prepare_crl`] |
| find out from CRLs, anybody's, whether a certificate is revoked | [`RevocationCheck`] |
| look up serial numbers by the million in a CRL that was received | [`CrlIndex`] |
| see what changed from one CRL to the next | [`CrlDiff`] |
| see what is wrong with a CRL, before it is signed or after | [`lint()`], [`LintProfile`] |
| sign with an HSM or a KMS | [`Signer`], [`Verifier`] |
| keep the record somewhere else | [`store`] |
| move it there, whole and verified | [`store::copy()`], [`store::digest()`] |
| let go of what has expired and was listed once more | [`Authority::compact`] |
| release a CRL: gated, recorded, shown by every sink | [`Authority::issue`], [`Sink`] |
| release what a key elsewhere signed | [`Authority::release`] |
| say where CRLs are found, and which there are | [`Authority::set_distribution`] |
| ask: can relying parties see it? | [`Authority::publication`], [`Authority::pending`], [`Authority::releases`] |
| publish what is due, by a schedule | [`Publisher`], [`Schedule`] |
| set a rule aside, on the record | [`Waiver`] |
| take requests for revocation, have them confirmed, withhold and delete | [`Desk`] |
| carry out a request once, however often it is sent | [`Idempotency`] |
| keep an account from asking too often | [`Throttle`] |
| say who may do what | [`Authorizer`], [`Grants`] |
| say until when a revocation pays | [`CompletionWindow`] |
| keep who asked for what, in chains that show what was changed | [`Audit`] |
| come back where the record is lost or older than what was published | [`Authority::reconcile`], [`Authority::import`] |
| move a CA here, from `openssl ca` or with its CRLs | [`Authority::import`], [`OpenSslIndex`], [`Authority::fence`] |
| change what the rules leave open | [`Policy`] |

# The one idea

What is known about revocation is, for each issuer, a log that only grows. An [`Entry`] revokes a
certificate, amends a revocation in the one legal direction, or says that the issuer fell. Nothing is
un-revoked, and no operation of a store can overwrite an entry. So a [`Position`] in a log names a
snapshot for ever; all else is a view of the log and can be rebuilt: a status, an index, a CRL. An
answer hangs on an issuer's ancestors too, so it is stamped [`AsOf`] with all their positions.

# Features

| feature | default | brings |
|---|---|---|
| `p256` | yes | ECDSA with P-256 |
| `redb` | yes | `RedbStore`, a [`Store`] in one file |
| `p384` | | ECDSA with P-384 |
| `ed25519` | | Ed25519 |
| `rsa` | | RSA PKCS#1 v1.5; the `rsa` crate is a release candidate with an open timing advisory |
| `postgres` | | `PostgresStore`, a [`Store`] in PostgreSQL for many nodes |
| `postgres-tls` | | the same, with TLS |
| `object-store` | | `ObjectStoreSink`, a [`Sink`] in a bucket; `object-store-aws`, `-gcp`, `-azure` and `-http` bring the providers |
| `runner` | | `Runner`, a thread that publishes what is due |
| `metrics` | | `CRLGenerated`, `MisconfiguredCRLBucket`, octets, entries, seconds, pending and overdue, through the facade `metrics` |
| `tracing` | | spans and events of releases |
| `api-aws` | | module `annul::api`: the API of AWS Private CA, with audit reports, signed with AWS Signature Version 4 |
| `api-alibaba` | | module `annul::api`: Alibaba Cloud's certificate service (CAS) for clients that revoke, with ACS3-HMAC-SHA256 or RPC signatures |
| `api-acme` | | module `annul::api`: revokeCert of an ACME server, once the JWS is verified |
| `conformance` | | the tests that every [`Store`] must pass, for those who write one |

Features only add. Without any, all is there but the file store and the software keys.
*/

#![forbid(unsafe_code)]
#![deny(missing_docs)]
// No input may make this crate panic; clippy.toml excepts the tests.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[cfg(any(feature = "api-aws", feature = "api-alibaba", feature = "api-acme"))]
pub mod api;
mod asn1;
mod audit;
mod authority;
mod certificate;
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod convert;
mod crl;
mod csv;
mod index;
mod issuer;
mod issuer_id;
mod lifecycle;
mod log;
mod name;
mod openssl_index;
mod partition;
mod pem;
mod publish;
mod reason;
mod request;
mod retry;
mod scope;
mod serial;
mod signing;
pub mod store;
mod time;
mod together;

#[cfg(feature = "object-store")]
pub use crate::publish::ObjectStoreSink;
#[cfg(feature = "runner")]
pub use crate::publish::{Runner, Turn};
#[cfg(feature = "postgres")]
pub use crate::store::{Isolation, PostgresOptions, PostgresStore};
#[cfg(feature = "redb")]
pub use crate::store::{RedbStore, RedbStoreOptions};
pub use crate::{
    asn1::Malformed,
    audit::{
        Audit, AuditError, AuditEvent, AuditExportError, AuditExported, AuditFilter, AuditHead,
        AuditOutcome, AuditPoint, AuditProblem, AuditTampering, AuditTarget, AuditVerified,
        AuditWriter, Audited, BadAuditHead, verify_audit_export,
    },
    authority::{
        AddIssuer, Amend, Amended, Authority, CaRevoked, CannotImport, CannotSign,
        CertificateStatus, CertificateSummary, Changes, Checkpointed, Compact, Compacted,
        CrlRequest, DeclaredParent, Difference, Discrepancy, Distribution, DistributionError,
        EffectiveAnswer, Error, Evidence, Fence, Freshness, Import, Imported, IssuedCrl,
        IssuerAdded, IssuerSummary, LegacyEntry, LoggedEntry, NeedsBase, NoProof, NotListed,
        Pending, Placed, Publication, Published, Reconciled, Registered, Registration, Release,
        ReserveSerial, Reserved, Retention, RevocationAnswer, Revoke, RevokeCa, Revoked,
        ScopePublication, ScopeStatus, Status, Target, Waive, Waiver, WouldInvalidate,
    },
    certificate::{Certificate, CertificateError, CrlDistributionPoint, KeyUsage},
    codec::Damaged,
    crl::{
        AppendedEntry, CannotCheck, CertificateList, CheckOutcome, CrlDiff, CrlEntry, CrlError,
        CrlIndex, CrlNotUsed, CrlNumber, CrlNumberError, CrlReadError, DistributionPoint, Entries,
        EntryChange, EntryWriter, Extension, Extent, FileStage, Finding, HeaderChange,
        HeaderChanges, IssuingDistributionPoint, LintContext, LintProfile, ListedRevocation,
        NotDurable, NotUsed, Oid, Only, PemStage, PreparedCrl, PreparedCrlError, Removal,
        RevocationCheck, RevokedCertificate, RevokedCertificates, Severity, SignedCrl, Stage,
        TbsCertList, Undetermined, lint, lint_der,
    },
    issuer::{CaCertificate, Issuer, IssuerError},
    issuer_id::{BadIssuerId, IssuerId},
    lifecycle::{
        Amendment, CertificateKind, CertificateRecord, CertificateState, Fall, FallCause,
        Invalidation, Labels, Origin, Policy, Refusal, Revocation, RevocationDetails,
        RevocationHistory, Standing, Stated,
    },
    log::{
        AsOf, BadFreshnessToken, CommandId, Compaction, Entry, Event, FreshnessToken, Position,
        Subject,
    },
    name::{DistributionPointName, GeneralName},
    openssl_index::{
        OpenSslIndex, OpenSslIndexError, OpenSslIndexProblem, OpenSslRecord, OpenSslRevocation,
        OpenSslState,
    },
    partition::Partition,
    pem::PemError,
    publish::{
        Attempt, Current, DirectorySink, Failure, GateRefusal, Issue, Job, JobKind, LastRelease,
        MemorySink, NotPlaced, Outgoing, Overdue, PublishError, Publisher, Publishing, Released,
        Revision, Rhythm, Schedule, ScheduleError, ScopeState, Sink, SinkError, Why,
    },
    reason::{Reason, ReasonCode, ReasonFlags, UnknownReason},
    request::{
        AccessLevel, Action, Authorizer, AuthorizerError, BadCertificateId, BadClientToken,
        BadConfirmationToken, BadListCursor, BadQuorum, Calendar, CertificateId, ClientToken,
        CompletionWindow, ConfirmationToken, Consent, Consequences, Desk, DeskError, Eligibility,
        Grantee, Grants, Handling, Idempotency, IdempotencyError, KeptAnswer, ListCertificates,
        ListCursor, ListedCertificate, ListedStatus, Page, Principal, Quorum, Rate, RequestRefusal,
        RequestStage, Resource, RevocationRequest, Submit, Submitted, Throttle, Throttled,
        WorkingWeek,
    },
    retry::Retry,
    scope::{BadScope, CrlPlace, Scope},
    serial::{Serial, SerialError, SerialRef},
    signing::{
        DigestAlgorithm, KeyError, LocalVerifier, Message, SignatureAlgorithm, Signer,
        SigningError, SigningKey, ToSign, Verifier, VerifyError, sign_message,
    },
    store::{MemoryStore, Store, StoreError},
    time::{Clock, SystemClock, Timestamp, TimestampError},
};

/// Keeps the example of the README compiling.
#[cfg(all(doctest, feature = "redb"))]
#[doc = include_str!("../README.md")]
struct Readme;
