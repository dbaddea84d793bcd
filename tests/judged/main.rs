//! CRLs that an authority released, and certificates that carry what it bound them to, before those
//! who rely on them: `openssl verify`, rustls-webpki and this crate. They agree on each.
//!
//! Where `ANNUL_CRL_DIR` is set, those for the public are written there for other linters, in DER:
//! as `*.br-subscriber.crl` and `*.br-ca.crl`.
#![cfg(feature = "p256")]

#[path = "../support/ca.rs"]
mod ca;
mod deltas;
#[path = "../support/openssl.rs"]
mod openssl;
mod partitions;
mod public;
#[path = "../support/relying.rs"]
mod relying;
mod scopes;
#[path = "../support/toy.rs"]
mod toy;
mod world;

use annul::{CrlRequest, Issue, Scope};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn week(scope: Scope) -> CrlRequest {
    CrlRequest::new(7 * DAY).of(scope)
}

/// A complete CRL of this scope.
fn complete(scope: Scope) -> Issue {
    Issue::new(week(scope))
}

/// A delta CRL of this scope.
fn delta(scope: Scope) -> Issue {
    Issue::new(week(scope).delta())
}
