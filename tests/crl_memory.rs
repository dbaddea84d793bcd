//! The memory that a CRL takes on its way to a stage does not grow with what it lists.

use allocation_counter::AllocationInfo;
use annul::{
    CrlEntry, CrlNumber, Reason, Serial, SignatureAlgorithm, Signer, SigningError, Stage,
    TbsCertList, Timestamp, ToSign, Verifier, VerifyError,
};
use std::io;

#[cfg(feature = "redb")]
#[path = "support/directory.rs"]
mod directory;
#[cfg(feature = "redb")]
#[path = "support/toy.rs"]
mod toy;

/// A Name, and a SubjectPublicKeyInfo with a key that is none.
const NAME: &[u8] = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
const PUBLIC_KEY: &[u8] = b"\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\
    \x48\xce\x3d\x03\x01\x07\x03\x02\0\x02";

/// Makes signatures of one length, that say nothing.
struct Key {
    length: usize,
    whole_message: bool,
}

impl Signer for Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaWithSha256
    }

    fn public_key(&self) -> &[u8] {
        PUBLIC_KEY
    }

    fn sign(&self, to_sign: ToSign<'_>) -> Result<Vec<u8>, SigningError> {
        if let ToSign::Message(message) = to_sign {
            message.read(&mut |_| ())?;
        }
        Ok(vec![0x55; self.length])
    }

    fn wants_message(&self) -> bool {
        self.whole_message
    }
}

struct Trusting;

impl Verifier for Trusting {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        Ok(())
    }
}

/// Counts octets and keeps none.
struct Sink(u64);

impl Stage for Sink {
    fn begin(&mut self) -> io::Result<()> {
        self.0 = 0;
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0 += octets.len() as u64;
        Ok(())
    }

    fn overwrite(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self) {}
}

/// Of every form that entries have.
fn entries(count: u64) -> Vec<CrlEntry> {
    let late = "2060-01-01T00:00:00Z".parse().unwrap();
    let entry = |n: u64| CrlEntry {
        serial: Serial::from_unsigned(&n.to_be_bytes()).unwrap(),
        revocation_date: if n.is_multiple_of(3) { late } else { Timestamp::MIN },
        reason: n.is_multiple_of(2).then_some(Reason::Superseded),
        invalidity_date: n.is_multiple_of(5).then_some(Timestamp::UNIX_EPOCH),
    };
    (1..=count).map(entry).collect()
}

/// What a CRL takes that goes to a sink.
fn memory_for(count: u64, key: &Key) -> AllocationInfo {
    let entries = entries(count);
    let this_update = "9999-01-01T00:00:00Z".parse().unwrap();
    let tbs = TbsCertList::new(NAME, &[7; 20], CrlNumber::MIN, this_update, Timestamp::MAX);
    let (tbs, mut sink) = (tbs.unwrap(), Sink(0));
    let info = allocation_counter::measure(|| {
        tbs.sign(&entries, PUBLIC_KEY, key, &Trusting, &mut sink).unwrap();
    });
    assert!(sink.0 > 20 * count);
    info
}

#[test]
fn streaming_takes_no_more_memory_for_a_million_entries_than_for_ten_thousand() {
    // With the digest signed, and with the message, that is laid out once more for it; with a
    // signature of the usual length, and one that has the header written over.
    for key in [
        Key { length: 71, whole_message: false },
        Key { length: 70, whole_message: false },
        Key { length: 72, whole_message: true },
    ] {
        let (few, many) = (memory_for(10_000, &key), memory_for(1_000_000, &key));
        assert_eq!(many.count_total, few.count_total);
        assert!(many.bytes_max < 64 << 10, "{} octets at once", many.bytes_max);
        assert!(many.bytes_total < 128 << 10, "{} octets in all", many.bytes_total);
    }
}

#[cfg(feature = "redb")]
mod from_a_store {
    use super::*;
    use crate::{
        directory::Directory,
        toy::{Ca, ToyClock, authority, day},
    };
    use annul::{
        AddIssuer, Authority, CrlRequest, Policy, Revoke, Target,
        store::{RedbStore, RedbStoreOptions},
    };
    use std::{sync::Arc, time::Duration};

    /// What the store may keep of its file in memory.
    const CACHE: usize = 1 << 20;

    /// An authority that remembers nothing.
    fn stranger(store: RedbStore, drawn: u64) -> Authority<RedbStore> {
        let mut policy = Policy::default();
        policy.unknown_serials = true;
        authority(store, &ToyClock::at(day(0)), Arc::new(drawn.into())).with_policy(policy)
    }

    /// Serial numbers of 16 octets, in no order.
    fn serial(n: u64) -> Serial {
        let number = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Serial::from_unsigned(&(number >> 1).to_be_bytes()).unwrap()
    }

    /// What a CRL takes that is made from a file, what the index takes, and what a CRL takes that is
    /// made from it.
    fn memory_for(count: u64) -> [AllocationInfo; 3] {
        let (directory, ca) = (Directory::new(), Ca::new("root"));
        let path = directory.path("ca.redb");
        let writer = stranger(RedbStoreOptions::new().open_or_create(&path).unwrap(), 0);
        let issuer = writer.add_issuer(&AddIssuer::new(ca.certifies(&ca, 1).ca())).unwrap().issuer;
        let revoke = |n| {
            let revoke = Revoke::new(Target::Serial { issuer, serial: serial(n) });
            revoke.with_reason(Reason::Superseded)
        };
        for first in (0..count).step_by(10_000) {
            let revokes: Vec<Revoke> = (first..first + 10_000).map(revoke).collect();
            assert!(writer.revoke_all(&revokes).iter().all(Result::is_ok));
        }
        drop(writer);
        let options = RedbStoreOptions::new().cache_size(CACHE).check_on_open(false);
        let authority = stranger(options.open(&path).unwrap(), 1 << 40);
        let week = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
        let make = || {
            let mut sink = Sink(0);
            let made = authority.crl(issuer, &week, &ca, &mut sink).unwrap();
            assert_eq!(made.crl.entries, count);
        };
        // The first sees to what is done once.
        let measure = || {
            make();
            allocation_counter::measure(make)
        };
        let cold = measure();
        let index = allocation_counter::measure(|| _ = authority.refresh(issuer).unwrap());
        [cold, index, measure()]
    }

    #[test]
    fn a_crl_takes_no_more_memory_for_a_hundred_thousand_entries_than_for_ten_thousand() {
        let [few, few_index, few_known] = memory_for(10_000);
        let [many, many_index, many_known] = memory_for(100_000);
        assert!(many.bytes_max < few.bytes_max + (64 << 10), "{few:?} {many:?}");
        assert!(many.bytes_max < CACHE as u64 + (1 << 20), "{many:?}");
        // Nothing stays, but for what the store keeps.
        assert!(many.bytes_current < CACHE as i64, "{many:?}");
        // Of the entries in memory, where each thousand of them is.
        assert!(few_known.bytes_max < 1 << 20, "{few_known:?}");
        assert!(many_known.bytes_max < 1 << 20, "{many_known:?}");
        assert!(many_index.bytes_current > 5 * few_index.bytes_current, "or it was there before");
    }
}
