//! Whoever chooses the serial numbers on a CRL, or those that are looked for, gains nothing by it.

use super::*;
use crate::asn1::{BIT_STRING, INTEGER, SEQUENCE, element};
use crate::signing::{SignatureAlgorithm, ToSign, VerifyError};
use siphasher::sip::SipHasher13;

const COUNT: u64 = 20_000;
const TIME: &[u8] = b"\x17\x0d260101000000Z";

/// A CRL of these serial numbers, in this order, which nobody signed.
fn crl(serials: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let algorithm = SignatureAlgorithm::EcdsaWithSha256.identifier();
    let entry = |serial: Vec<u8>| element(SEQUENCE, &[&element(INTEGER, &serial), TIME].concat());
    let entries: Vec<Vec<u8>> = serials.map(entry).collect();
    let name = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
    let fields = [&[INTEGER, 1, 1], algorithm, name, TIME, TIME].concat();
    let tbs = [fields, element(SEQUENCE, &entries.concat())].concat();
    let parts = [&element(SEQUENCE, &tbs), algorithm, &element(BIT_STRING, &[0, 1])];
    element(SEQUENCE, &parts.concat())
}

/// How many lines are searched for all that are on a CRL and as many others, and the most for one.
fn lines_searched(serial: &dyn Fn(u64) -> Vec<u8>) -> (u32, u32) {
    let der = crl((0..COUNT).map(serial));
    let crl = CertificateList::from_der(&der).unwrap();
    let index = CrlIndex::new(&crl, *b"nobody knows it!").unwrap();
    let lines = (0..2 * COUNT).map(|n| {
        let octets = serial(n);
        let serial = SerialRef::from_octets(&octets).unwrap();
        assert_eq!(index.find(serial).is_some(), n < COUNT, "{n}");
        index.lines.searched(index.hash.of(serial))
    });
    lines.fold((0, 0), |(sum, most), lines| (sum + lines, most.max(lines)))
}

#[test]
fn chosen_serial_numbers_cost_no_more_than_random_ones() {
    let random = |n: u64| {
        let mut hasher = SipHasher13::new_with_keys(n, 0);
        let mut word = || {
            let word = hasher.hash(b"random");
            hasher = SipHasher13::new_with_keys(n, word);
            word.to_be_bytes()
        };
        [&[0x7f][..], &word(), &word()].concat()
    };
    let (sum, most) = lines_searched(&random);
    assert!(sum < 2 * COUNT as u32 * 2 && most < 20, "{sum} {most}");
    let chosen: [&dyn Fn(u64) -> Vec<u8>; 7] = [
        // In a row, at either end of the octets.
        &|n| [&[1][..], &n.to_be_bytes()].concat(),
        &|n| [&[1][..], &n.to_be_bytes(), &[0; 11]].concat(),
        // With a word that is hashed, or two of them that cancel out, the same.
        &|n| [&[0x7f; 8][..], &n.to_be_bytes()].concat(),
        &|n| [n.to_be_bytes(), n.to_be_bytes()].concat(),
        &|n| [n.to_be_bytes(), (!n).to_be_bytes()].concat(),
        // Such as no certificate has: long, negative, and as many zeros as make the difference.
        &|n| [&[0xff; 100][..], &n.to_be_bytes()].concat(),
        &|n| [&vec![0; n as usize % 200][..], &[1], &(n / 200).to_be_bytes()].concat(),
    ];
    for (number, serial) in chosen.into_iter().enumerate() {
        let (chosen, longest) = lines_searched(serial);
        assert!(chosen < sum * 5 / 4 && longest < 20, "{number}: {chosen} {longest}");
    }
}

#[test]
fn entries_are_found_where_the_first_ones_are_longer_than_the_rest() {
    let serial = |n: u64| match n {
        0..300 => [&[1; 100][..], &n.to_be_bytes()].concat(),
        _ => n.to_be_bytes()[4..].to_vec(),
    };
    let der = crl((0..COUNT).map(serial));
    let crl = CertificateList::from_der(&der).unwrap();
    assert!(crl.entries().estimate() < COUNT as usize, "or it says nothing");
    let index = CrlIndex::new(&crl, *b"nobody knows it!").unwrap();
    for n in 0..2 * COUNT {
        let octets = serial(n);
        let serial = SerialRef::from_octets(&octets).unwrap();
        assert_eq!(index.find(serial).is_some(), n < COUNT, "{n}");
    }
}

#[test]
fn a_crl_that_ends_in_what_is_no_entry_makes_no_larger_table() {
    let long = (0..256).map(|n: u32| [&[1; 110][..], &n.to_be_bytes()].concat());
    let mut der = crl(long.chain((0..COUNT).map(|n| n.to_be_bytes()[4..].to_vec())));
    let sound = CertificateList::from_der(&der).unwrap().entries().octets().len();
    let entries = CertificateList::from_der(&der).unwrap().entries().count_readable();
    assert_eq!(entries, 256 + COUNT as usize);
    // As if all after the long ones were entries of two octets.
    let place = der.windows(7).rposition(|it| it[..3] == [0x30, 0x15, 2]).unwrap();
    let first = der.windows(3).position(|it| it == [0x30, 0x15, 2]).unwrap();
    der[first..place].iter_mut().zip([5, 0].into_iter().cycle()).for_each(|(it, no)| *it = no);
    let crl = CertificateList::from_der(&der).unwrap();
    assert!(crl.entries().count_readable() <= sound / 20);
    assert!(CrlIndex::new(&crl, [7; 16]).is_err());
}

/// Takes a signature for good or not, as it is told.
struct Judge(bool);

impl Verifier for Judge {
    fn verify(&self, _: &[u8], _: &[u8], _: ToSign<'_>, _: &[u8]) -> Result<(), VerifyError> {
        if self.0 { Ok(()) } else { Err(VerifyError::BadSignature) }
    }
}

#[test]
fn no_index_says_verified_of_a_crl_whose_signature_is_not_that_of_the_key() {
    let twice = |n: u64| n.to_be_bytes()[..4].to_vec();
    let verified = |der: &[u8], judge| {
        let crl = CertificateList::from_der(der).unwrap();
        CrlIndex::verified(&crl, &[], &Judge(judge), [7; 16]).map(drop)
    };
    // On one thread, and on two.
    for count in [1, COUNT] {
        let sound = crl((0..count).map(twice));
        verified(&sound, true).unwrap();
        assert!(matches!(verified(&sound, false), Err(CrlReadError::Signature(_))));

        let unsound = crl((0..count).map(twice).chain([Vec::new()]));
        assert!(matches!(verified(&unsound, true), Err(CrlReadError::Malformed(_))));
        assert!(matches!(verified(&unsound, false), Err(CrlReadError::Signature(_))));
    }
}
