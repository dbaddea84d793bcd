//! The memory that a CRL takes on its way to a stage does not grow with what it lists.

use allocation_counter::AllocationInfo;
use annul::{
    CrlEntry, CrlNumber, Reason, Serial, SignatureAlgorithm, Signer, SigningError, Stage,
    TbsCertList, Timestamp, ToSign, Verifier, VerifyError,
};
use std::io;

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
