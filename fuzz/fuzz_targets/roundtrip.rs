//! Whatever entries a CRL is made of, our reader and rustls-webpki read just those.
#![no_main]

use annul::{CertificateList, CrlEntry, CrlNumber, Reason, Serial, TbsCertList, Timestamp};
use annul_fuzz::Toy;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use std::collections::BTreeMap;
use webpki::{CertRevocationList, OwnedCertRevocationList};

#[derive(Arbitrary, Debug)]
struct Input {
    number: u64,
    this_update: u64,
    signature: Vec<u8>,
    entries: Vec<(Vec<u8>, u64, u8, Option<u64>)>,
}

const NAME: &[u8] = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";

fuzz_target!(|input: Input| {
    let (number, this_update) = (CrlNumber::from_u64(input.number), at(input.this_update));
    let entry = |(serial, revoked, reason, invalid): (Vec<u8>, u64, u8, Option<u64>)| {
        let serial = Serial::from_unsigned(&serial).ok()?;
        let revocation_date = at(revoked).min(this_update);
        let (reason, invalidity_date) = (Reason::from_code(reason), invalid.map(at));
        Some((serial, CrlEntry { serial, revocation_date, reason, invalidity_date }))
    };
    let entries: BTreeMap<_, _> = input.entries.into_iter().filter_map(entry).collect();
    let entries: Vec<CrlEntry> = entries.into_values().collect();

    let (toy, mut der) = (Toy(input.signature), Vec::new());
    TbsCertList::new(NAME, &[7; 20], number, this_update, Timestamp::MAX)
        .and_then(|tbs| tbs.sign(&entries, &[], &toy, &toy, &mut der))
        .unwrap();
    let ours = CertificateList::from_der(&der).unwrap();
    assert_eq!((ours.number(), ours.signature()), (Some(number), &*toy.0));
    assert_eq!((ours.this_update(), ours.entries().count()), (this_update, entries.len()));
    let theirs: CertRevocationList<'_> = OwnedCertRevocationList::from_der(&der).unwrap().into();
    for (entry, ours) in entries.iter().zip(ours.entries()) {
        let (serial, ours) = (entry.serial.as_octets(), ours.unwrap());
        let theirs = theirs.find_serial(serial).unwrap().unwrap();
        let unix = |at: Timestamp| at.unix() as u64;
        // RFC 5280 §5.3.1: the reason unspecified is left out.
        let reason = entry.reason.map(Reason::code).filter(|code| *code != 0);
        assert_eq!((serial, ours.serial().as_octets()), (theirs.serial_number, serial));
        assert_eq!(ours.revocation_date(), entry.revocation_date);
        assert_eq!(theirs.revocation_date.as_secs(), unix(entry.revocation_date));
        assert_eq!(ours.invalidity_date(), entry.invalidity_date);
        assert_eq!(theirs.invalidity_date.map(|at| at.as_secs()), entry.invalidity_date.map(unix));
        assert_eq!(ours.reason().map(|reason| reason.code()), reason);
        assert_eq!(theirs.reason_code.map(|reason| reason as u8), reason);
    }
});

/// From 1970 on, where the time of rustls-webpki begins, and never the last second.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix((seconds % Timestamp::MAX.unix() as u64) as i64).unwrap()
}
