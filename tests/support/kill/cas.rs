//! The CAs that a writer works on: two roots, CAs that both of them certify, and one below each.

use crate::support::toy::{Ca, ToyClock, authority, day};
use annul::{
    AddIssuer, Authority, Policy, Store,
    store::{MemoryStore, copy},
};
use std::sync::{Arc, atomic::AtomicU64};

/// How many CAs there are below the roots.
pub const CAS: usize = 24;

/// The two roots.
pub fn roots() -> [Ca; 2] {
    ["root a", "root b"].map(Ca::new)
}

/// One of the CAs that both roots certify.
pub fn middle(number: usize) -> Ca {
    Ca::new(&format!("middle {number}"))
}

/// The CA below it.
pub fn below(number: usize) -> Ca {
    Ca::new(&format!("below {number}"))
}

/// The number of the certificate that each root signs for a CA, and that CA for the one below.
pub fn certificate_of(number: usize) -> u64 {
    1 + number as u64
}

/// An authority that revokes serial numbers that nobody registered. Each `life` draws random
/// numbers of its own.
pub fn authority_of(store: Box<dyn Store>, life: u64) -> Authority<Box<dyn Store>> {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    let drawn = Arc::new(AtomicU64::new(life << 32));
    authority(store, &ToyClock::at(day(0)), drawn).with_policy(policy)
}

/// Adds all of them, to a store with nothing in it.
pub fn add_cas(store: &dyn Store) {
    let prepared = Arc::new(MemoryStore::new());
    let authority = authority_of(Box::new(Arc::clone(&prepared)), u32::MAX.into());
    let add = |ca| authority.add_issuer(&AddIssuer::new(ca)).unwrap();
    for root in roots() {
        add(root.certifies(&root, 1_000).ca());
    }
    for number in 0..CAS {
        for root in roots() {
            add(root.certifies(&middle(number), certificate_of(number)).ca());
        }
        add(middle(number).certifies(&below(number), certificate_of(number)).ca());
    }
    // A server takes its time for each command.
    copy(&*prepared, store).unwrap();
}
