//! Dividing the certificates of an issuer: each gets a slot of a partition, for ever.

mod capacity;

pub(super) use self::capacity::{capacity, least_size};

use super::{
    Authority, Error,
    change::Change,
    distribution::{Distribution, DistributionError},
    record::{DistributionRecord, PartitionRecord},
    view::{View, uri},
};
use crate::{
    issuer_id::IssuerId,
    lifecycle::{CertificateRecord, Refusal},
    partition::Partition,
    scope::{CrlPlace, Scope},
    store::{Store, StoreError, Version},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A slot of a partition.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) partition: Partition,
    pub(super) uri: String,
}

/// How many partitions may be found to exist at once. Of a number that is higher somebody else thought.
const MOST_LOST: u32 = 1 << 16;

/// Slots that are this authority's to hand out.
#[derive(Debug)]
struct Lease {
    slot: Slot,
    left: u64,
}

/// The slots that this authority took from partitions, so that those who reserve serial numbers do
/// not all write the same record. What is left of them in a crash is never used.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<IssuerId, Lease>>,
    /// Held by the thread that takes more.
    turn: Mutex<()>,
}

impl Leases {
    /// Hands out a slot, if one is left.
    pub(super) fn take(&self, issuer: IssuerId) -> Option<Slot> {
        let mut held = lock(&self.held);
        let lease = held.get_mut(&issuer)?;
        lease.left = lease.left.checked_sub(1)?;
        Some(lease.slot.clone())
    }

    /// Takes a slot back that no certificate was bound to.
    pub(super) fn give_back(&self, issuer: IssuerId, slot: &Slot) {
        if let Some(lease) = lock(&self.held).get_mut(&issuer)
            && lease.slot.partition == slot.partition
        {
            lease.left = lease.left.saturating_add(1);
        }
    }

    fn are_used_up(&self, issuer: IssuerId) -> bool {
        lock(&self.held).get(&issuer).is_none_or(|lease| lease.left == 0)
    }
}

impl<S: Store> Authority<S> {
    /// Takes slots to hand out, if none are left: of the partition that was opened last, or of a
    /// new one where that is full or was opened under other settings.
    pub(super) fn lease(&self, issuer: IssuerId) -> Result<(), Error> {
        let _turn = lock(&self.leases.turn);
        if !self.leases.are_used_up(issuer) {
            return Ok(());
        }
        let lease = self.decide(|view, change| {
            let Some((partition, version, mut record)) = next_partition(view, change, issuer)?
            else {
                return Ok(None);
            };
            let left = record.left().min(self.policy.slots_at_once.max(1));
            record.leased = record.leased.saturating_add(left);
            change.put_partition(issuer, partition, version, &record);
            Ok(Some(Lease { slot: Slot { partition, uri: record.uri }, left }))
        })?;
        if let Some(lease) = lease {
            lock(&self.leases.held).insert(issuer, lease);
        }
        Ok(())
    }
}

/// The partition that slots are to be taken from, and its version; `None` where certificates are
/// not divided.
fn next_partition(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
) -> Result<Option<(Partition, Version, PartitionRecord)>, Error> {
    let (version, distribution) = view.distribution(issuer)?;
    let Some(mut distribution) = distribution else { return Ok(None) };
    let Some(size) = distribution.current.partition_size else { return Ok(None) };
    let uri_of =
        |partition, base: &str| uri(base, &CrlPlace::complete(issuer, Scope::Partition(partition)));
    let last = distribution.opened.unwrap_or_default();
    let (last_version, record) = view.partition(issuer, last)?;
    if let Some(record) = record
        && !record.closed
        && record.left() > 0
        && record.size == size
        && record.uri == uri_of(last, &distribution.current.base)
    {
        return Ok(Some((last, last_version, record)));
    }
    let Some(next) = last.0.checked_add(1).map(Partition) else {
        return Err(DistributionError::PartitionsExhausted.into());
    };
    let known = view.require_issuer(issuer)?;
    let uri = uri_of(next, &distribution.current.base);
    let capacity = capacity(&known.issuer, &uri, size);
    if capacity == 0 {
        let least = least_size(&known.issuer, &uri);
        return Err(DistributionError::PartitionSize { size, least }.into());
    }
    distribution.opened = Some(next);
    change.put_distribution(issuer, version, &distribution);
    let record = PartitionRecord { uri, size, capacity, leased: 0, closed: false };
    Ok(Some((next, Version::ABSENT, record)))
}

/// Takes no more slots from a partition for serial numbers that are reserved, and goes on publishing
/// its CRL, also where nothing was known of it but its URI.
pub(super) fn close(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    partition: Partition,
    uri: Option<&str>,
) -> Result<(), Error> {
    let (version, distribution) = view.distribution(issuer)?;
    let size = distribution.as_ref().and_then(|it| it.current.partition_size);
    let opened = distribution.as_ref().and_then(|it| it.opened).unwrap_or_default();
    // All up to this one are published from now on.
    if partition.0.saturating_sub(opened.0) > MOST_LOST {
        return Err(DistributionError::PartitionTooHigh { partition, opened }.into());
    }
    if let Some(distribution) = distribution.filter(|it| it.opened < Some(partition)) {
        let opened = Some(partition);
        change.put_distribution(issuer, version, &DistributionRecord { opened, ..distribution });
    }
    let (version, record) = view.partition(issuer, partition)?;
    let record = match (record, uri) {
        (Some(record), _) if record.closed => return Ok(()),
        (Some(record), _) => PartitionRecord { closed: true, ..record },
        (None, Some(uri)) => {
            let size = size.unwrap_or(Distribution::PARTITION_SIZE);
            let capacity = capacity(&view.require_issuer(issuer)?.issuer, uri, size);
            PartitionRecord { uri: uri.to_owned(), size, capacity, leased: 0, closed: true }
        }
        (None, None) => return Ok(()),
    };
    change.put_partition(issuer, partition, version, &record);
    Ok(())
}

/// Finds the partition of a certificate that nobody reserved: the first whose URI it carries, else
/// 0.
pub(super) fn bind(
    view: &View<'_>,
    issuer: IssuerId,
    distribution_points: &[String],
    record: &mut CertificateRecord,
) -> Result<(), StoreError> {
    for uri in distribution_points {
        if let Some(partition) = view.partition_at(issuer, uri)? {
            record.partition = partition;
            break;
        }
    }
    Ok(())
}

/// Checks that relying parties look for a certificate where it is going to be listed: it carries the
/// URI of its partition and no other, or that of no partition at all.
pub(super) fn check_distribution_points(
    view: &View<'_>,
    issuer: IssuerId,
    partition: Partition,
    found: &[String],
) -> Result<(), Error> {
    let expected = view.partition(issuer, partition)?.1.map(|record| record.uri);
    let is_right = match &expected {
        Some(expected) => found == std::slice::from_ref(expected),
        None => {
            let mut named = found.iter().map(|uri| view.partition_at(issuer, uri));
            named.try_fold(true, |none, named| named.map(|named| none && named.is_none()))?
        }
    };
    if is_right {
        return Ok(());
    }
    Err(Refusal::WrongDistributionPoint { expected, found: found.to_vec() }.into())
}

/// Takes a slot for a certificate that nobody reserved, or says that its partition is full.
pub(super) fn take_slot(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    partition: Partition,
) -> Result<(), Error> {
    let (version, record) = match change.pending_partition(issuer, partition)? {
        Some((version, record)) => (version, Some(record)),
        None => view.partition(issuer, partition)?,
    };
    // Partition 0 has no size, and so no record.
    let Some(mut record) = record else { return Ok(()) };
    if record.left() == 0 {
        return Err(Refusal::PartitionFull { partition, capacity: record.capacity }.into());
    }
    record.leased = record.leased.saturating_add(1);
    change.put_partition(issuer, partition, version, &record);
    Ok(())
}

/// As [`take_slot`], for a certificate that exists, whether or not there is room for it: it must be
/// listed where relying parties look.
pub(super) fn take_slot_if_left(
    view: &View<'_>,
    change: &mut Change,
    issuer: IssuerId,
    partition: Partition,
) -> Result<(), Error> {
    match take_slot(view, change, issuer, partition) {
        Err(Error::Refused(Refusal::PartitionFull { .. })) => Ok(()),
        answer => answer,
    }
}

/// A lock is poisoned by a panic of whoever held it, which nothing here does half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
