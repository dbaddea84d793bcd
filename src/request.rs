//! What stands between whoever asks for a revocation and the authority that records it: who may, how
//! often an account may ask, until when it pays to, and what a request that comes again is answered.

mod authorizer;
mod calendar;
mod confirmation;
mod desk;
mod handling;
mod idempotency;
mod identifier;
mod life;
mod throttle;
mod window;

pub use self::{
    authorizer::{
        AccessLevel, Action, Authorizer, AuthorizerError, Grantee, Grants, Principal, Resource,
    },
    calendar::{Calendar, WorkingWeek},
    confirmation::{BadConfirmationToken, ConfirmationToken},
    desk::{
        BadListCursor, Consent, Consequences, Desk, DeskError, ListCertificates, ListCursor,
        ListedCertificate, ListedStatus, Page, Submit, Submitted,
    },
    handling::{BadQuorum, Handling, Quorum},
    idempotency::{BadClientToken, ClientToken, Idempotency, IdempotencyError, KeptAnswer},
    identifier::{BadCertificateId, CertificateId},
    life::{RequestRefusal, RequestStage, RevocationRequest},
    throttle::{Rate, Throttle, Throttled},
    window::{CompletionWindow, Eligibility},
};

use sha2::{Digest, Sha256};

/// A digest of two texts: of the same length whatever they are, and telling neither.
pub(crate) fn pair(one: &str, other: &[u8]) -> [u8; 32] {
    // The length first, or two pairs might be the same octets.
    let length = (one.len() as u64).to_be_bytes();
    Sha256::new().chain_update(length).chain_update(one).chain_update(other).finalize().into()
}
