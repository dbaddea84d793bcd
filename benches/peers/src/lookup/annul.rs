//! annul: `Authority::revocation`, the public call, on a store in memory.

use super::{InProcess, Input, Lookup};
use crate::{error::Error, version};
use annul::{AddIssuer, Authority, CertificateList, DeclaredParent, Import, MemoryStore, Policy};
use std::hint::black_box;

pub fn start(input: Input<'_>) -> Result<Box<dyn Lookup + '_>, Error> {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    // A clock that stands still at thisUpdate: the CRL is of today, whenever this runs.
    let authority =
        Authority::new(MemoryStore::new()).with_policy(policy).with_clock(input.ca.this_update());
    let add = AddIssuer::new(input.ca.certificate.clone()).with_parent(DeclaredParent::Recorded);
    let issuer = authority.add_issuer(&add)?.issuer;
    let import = Import::new().with_crl(CertificateList::from_der(input.crl)?);
    authority.import(issuer, &import)?;
    authority.refresh(issuer)?;
    let label = format!("annul {}, `Authority::revocation`", version::of("annul"));
    Ok(Box::new(InProcess::new(
        label,
        |serial| Ok(*serial),
        move |serial| {
            let answer = black_box(authority.revocation(issuer, *serial));
            answer.is_ok_and(|answer| answer.revocation.is_some())
        },
    )))
}
