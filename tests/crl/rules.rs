//! The rules of a correct CRL, as far as a full CRL and its octets are concerned.

use crate::support::*;
use annul::{
    CertificateList, CrlEntry, CrlError, CrlNumber, CrlReadError, Reason, ReasonCode, Serial,
    SerialRef, SignatureAlgorithm, TbsCertList, Timestamp,
};
use x509_cert::der::{Decode, Encode, Tag, Tagged, oid::ObjectIdentifier};

type Decoded = x509_cert::crl::CertificateList;

fn decode(der: &[u8]) -> Decoded {
    Decoded::from_der(der).unwrap()
}

/// Entries that take just so many octets.
fn entries_of(octets: usize) -> Vec<CrlEntry> {
    // With a serial number of n octets and a UTCTime an entry takes 19 + n.
    let (count, rest) = (octets / 30, octets % 30);
    let mut entries: Vec<CrlEntry> = (0..count).map(|n| entry(serial(n, 11))).collect();
    let last = 11 + rest.min(9);
    entries[count - 1] = entry(serial(count - 1, last));
    let one_before = 11 + rest.saturating_sub(9).min(9);
    entries[count - 2] = entry(serial(count - 2, one_before));
    let two_before = 11 + rest.saturating_sub(18);
    entries[count - 3] = entry(serial(count - 3, two_before));
    entries.sort_by_key(|entry| entry.serial);
    assert_eq!(entries.iter().map(|e| e.encoded_length()).sum::<u64>(), octets as u64);
    entries
}

#[test]
fn e1_every_length_is_minimal_and_a_parse_encodes_to_the_same_octets() {
    for octets in [127, 128, 255, 256, 65_535, 65_536] {
        let entries = entries_of(octets);
        let der = make(tbs(), &entries).unwrap();
        assert_eq!(decode(&der).to_der().unwrap(), der, "{octets}");
        let serials: Vec<Serial> = entries.iter().map(|entry| entry.serial).collect();
        let read = CertificateList::from_der(&der).unwrap();
        let found = read.entries().map(|entry| entry.unwrap().serial().to_serial().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), serials, "{octets}");
    }
    // The lengths of everything around them, octet by octet.
    for length in 1..300 {
        let identifier = vec![0x5a; length];
        let der = make(tbs_of(NAME, &identifier), &[]).unwrap();
        assert_eq!(decode(&der).to_der().unwrap(), der, "{length}");
    }
}

#[test]
fn e1_lengths_past_16_mib() {
    let openssl = OpenSsl::new();
    for octets in [16_777_215, 16_777_216] {
        let entries = entries_of(octets);
        let der = make(tbs(), &entries).unwrap();
        let read = CertificateList::from_der(&der).unwrap();
        assert_eq!(read.entries().filter(Result::is_ok).count(), entries.len());
        if let Some(openssl) = &openssl {
            openssl.write("large.crl", &der);
            openssl.must("crl -inform DER -in large.crl -noout");
        }
    }
}

#[test]
fn e2_the_version_is_2() {
    let der = make(tbs(), &[]).unwrap();
    assert_eq!(decode(&der).tbs_cert_list.version, x509_cert::Version::V2);
    assert_eq!(CertificateList::from_der(&der).unwrap().version(), 2);
}

#[test]
fn e3_both_signature_algorithms_are_the_same_octets() {
    let mut der = make(tbs(), &entries(3)).unwrap();
    let decoded = decode(&der);
    assert_eq!(decoded.tbs_cert_list.signature, decoded.signature_algorithm);
    let identifier = SignatureAlgorithm::EcdsaWithSha256.identifier();
    let outer = der.windows(identifier.len()).rposition(|octets| octets == identifier).unwrap();
    der[outer + identifier.len() - 1] ^= 1;
    let error = CertificateList::from_der(&der).unwrap_err();
    assert!(matches!(error, CrlReadError::AlgorithmsDiffer));
}

#[test]
fn e4_rsa_has_null_parameters_and_the_others_have_none() {
    for algorithm in [
        SignatureAlgorithm::EcdsaWithSha256,
        SignatureAlgorithm::EcdsaWithSha384,
        SignatureAlgorithm::EcdsaWithSha512,
        SignatureAlgorithm::Ed25519,
        SignatureAlgorithm::RsaWithSha256,
        SignatureAlgorithm::RsaWithSha384,
        SignatureAlgorithm::RsaWithSha512,
    ] {
        let prepared = tbs().prepare(&[], PUBLIC_KEY, algorithm, Vec::new()).unwrap();
        let der = prepared.assemble(&[0x55; 64], &FakeVerifier(true)).unwrap();
        let parameters = decode(&der).signature_algorithm.parameters;
        let rsa = format!("{algorithm:?}").starts_with("Rsa");
        assert_eq!(parameters.map(|any| any.tag()), rsa.then_some(Tag::Null), "{algorithm:?}");
    }
}

#[test]
fn e5_the_issuer_is_the_subject_octet_for_octet() {
    for name in [
        NAME,
        // PrintableString, then a UTF8String with é.
        b"\x30\x1c\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02FR\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04Ab\xc3\xa9",
        // One RDN of two attributes, one of them a TeletexString of an unknown type.
        b"\x30\x17\x31\x15\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA\x30\x08\x06\x03\x2a\x03\x04\x14\x01\xe9",
    ] {
        let der = make(tbs_of(name, KEY_IDENTIFIER), &[]).unwrap();
        assert_eq!(CertificateList::from_der(&der).unwrap().issuer(), name);
    }
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    for no_name in [&b""[..], b"\x30\x00", b"\x31\x0b", b"\x30\x01\x05", b"\x30\x02\x31\x00"] {
        let refused = TbsCertList::new(no_name, KEY_IDENTIFIER, CrlNumber::MIN, from, to);
        assert!(matches!(refused, Err(CrlError::Issuer(_))), "{no_name:02x?}");
    }
}

#[test]
fn e6_times_are_utc_time_through_2049_and_generalized_time_from_2050() {
    let (last, first) = (at("2049-12-31T23:59:59Z"), at("2050-01-01T00:00:00Z"));
    let number = CrlNumber::from_u64(1);
    let tbs = TbsCertList::new(NAME, KEY_IDENTIFIER, number, last, first).unwrap();
    let revoked = CrlEntry { revocation_date: last, ..entry(serial(1, 16)) };
    let der = make(tbs, &[revoked]).unwrap();
    let generalized = b"\x18\x0f20500101000000Z";
    assert_eq!(occurrences(&der, b"\x17\x0d491231235959Z"), 2);
    assert_eq!(occurrences(&der, generalized), 1);

    let tbs = TbsCertList::new(NAME, KEY_IDENTIFIER, number, first, Timestamp::MAX).unwrap();
    let der = make(tbs, &[CrlEntry { revocation_date: first, ..revoked }]).unwrap();
    assert_eq!(occurrences(&der, generalized), 2);
    assert_eq!(occurrences(&der, b"\x18\x0f99991231235959Z"), 1);
}

#[test]
fn e7_next_update_is_there_and_after_this_update() {
    let now = at("2026-11-21T00:00:00Z");
    for next_update in [now, at("2026-11-20T23:59:59Z")] {
        let refused = TbsCertList::new(NAME, KEY_IDENTIFIER, CrlNumber::MIN, now, next_update);
        assert!(matches!(refused, Err(CrlError::NextUpdate { .. })), "{next_update}");
    }
    let der = make(tbs(), &[]).unwrap();
    assert!(decode(&der).tbs_cert_list.next_update.is_some());
}

#[test]
fn e8_without_entries_the_list_is_absent() {
    let der = make(tbs(), &[]).unwrap();
    assert!(decode(&der).tbs_cert_list.revoked_certificates.is_none());
    assert_eq!(CertificateList::from_der(&der).unwrap().entries().count(), 0);
    let der = make(tbs(), &entries(1)).unwrap();
    assert_eq!(decode(&der).tbs_cert_list.revoked_certificates.map(|list| list.len()), Some(1));
}

#[test]
fn e9_without_entry_extensions_the_field_is_absent() {
    let unspecified = CrlEntry { reason: Some(Reason::Unspecified), ..entry(serial(9, 16)) };
    let der = make(tbs(), &[entry(serial(1, 16)), unspecified]).unwrap();
    let revoked = decode(&der).tbs_cert_list.revoked_certificates.unwrap();
    assert!(revoked.iter().all(|entry| entry.crl_entry_extensions.is_none()));
}

#[test]
fn e10_the_extensions_are_unique_not_critical_and_say_so_by_absence() {
    let der = make(tbs(), &all_reasons()).unwrap();
    let tbs_cert_list = decode(&der).tbs_cert_list;
    let extensions = tbs_cert_list.crl_extensions.unwrap();
    let oids: Vec<ObjectIdentifier> = extensions.iter().map(|e| e.extn_id).collect();
    assert_eq!(oids, ["2.5.29.35", "2.5.29.20"].map(ObjectIdentifier::new_unwrap));
    let entries = tbs_cert_list.revoked_certificates.unwrap();
    let of_entries = entries.iter().flat_map(|e| e.crl_entry_extensions.iter().flatten());
    assert!(extensions.iter().chain(of_entries).all(|extension| !extension.critical));
    assert_eq!(occurrences(&der, b"\x01\x01\x00"), 0);
}

#[test]
fn e11_only_the_issuers_key_signs() {
    let mut der = Vec::new();
    let other_key = b"\x30\x03\x02\x01\x08";
    let refused =
        tbs().sign(&[], other_key, &FakeKey::new(71), &FakeVerifier(true), &mut der).unwrap_err();
    assert!(matches!(refused, CrlError::WrongKey));
    let refused =
        tbs().sign(&[], PUBLIC_KEY, &FakeKey::new(71), &FakeVerifier(false), &mut der).unwrap_err();
    assert!(matches!(refused, CrlError::Verify { .. }));
    assert_eq!(der, [0; 0]);
}

#[test]
fn e12_the_authority_key_identifier_is_the_key_identifier_alone() {
    let der = make(tbs(), &[]).unwrap();
    let value = [&b"\x30\x16\x80\x14"[..], KEY_IDENTIFIER].concat();
    let extensions = decode(&der).tbs_cert_list.crl_extensions.unwrap();
    assert_eq!(extensions[0].extn_value.as_bytes(), value);
    let read = CertificateList::from_der(&der).unwrap();
    assert_eq!(read.authority_key_identifier(), Some(KEY_IDENTIFIER));
    let (from, to) = (tbs().this_update(), tbs().next_update());
    let refused = TbsCertList::new(NAME, &[], CrlNumber::MIN, from, to);
    assert!(matches!(refused, Err(CrlError::NoAuthorityKeyIdentifier)));
}

#[test]
fn e13_the_crl_number_is_a_minimal_integer() {
    let mut last = [0xff; 20];
    last[0] = 0x7f;
    for octets in [&[0][..], &[0x7f], &[0, 0x80], &[1, 0], &last] {
        let number = CrlNumber::from_octets(octets).unwrap();
        let (from, to) = (tbs().this_update(), tbs().next_update());
        let tbs = TbsCertList::new(NAME, KEY_IDENTIFIER, number, from, to).unwrap();
        let der = make(tbs, &[]).unwrap();
        let extensions = decode(&der).tbs_cert_list.crl_extensions.unwrap();
        let value = [&[0x02, octets.len() as u8], octets].concat();
        assert_eq!(extensions[1].extn_value.as_bytes(), value);
        assert_eq!(CertificateList::from_der(&der).unwrap().number(), Some(number));
    }
}

#[test]
fn e14_the_crl_has_the_number_that_was_reserved() {
    let mut der = Vec::new();
    let signed = sign_into(tbs(), &[], 71, &mut der).unwrap();
    assert_eq!(signed.number, tbs().number());
    assert_eq!(CertificateList::from_der(&der).unwrap().number(), Some(tbs().number()));
}

#[test]
fn e26_serial_octets_are_those_of_the_certificate() {
    let serials = ["7f", "80", "e8:cb:d2:de:db:12:23:29:f9:77:06:bc:fe:c9:90:f8"]
        .map(|text| text.parse::<Serial>().unwrap());
    let der = make(tbs(), &serials.map(entry)).unwrap();
    let revoked = decode(&der).tbs_cert_list.revoked_certificates.unwrap();
    for (entry, serial) in revoked.iter().zip(serials) {
        assert_eq!(entry.serial_number.as_bytes(), serial.as_octets());
    }
    let read = CertificateList::from_der(&der).unwrap();
    for serial in serials {
        assert!(read.find(serial.as_ref()).unwrap().is_some());
        // Without its sign octet it is another number.
        let trimmed = SerialRef::from_octets(&serial.as_octets()[1..]);
        assert!(trimmed.is_err() || read.find(trimmed.unwrap()).unwrap().is_none());
    }
}

#[test]
fn e27_no_serial_is_listed_twice_or_out_of_order() {
    let [one, two] = [1, 2].map(|n| entry(serial(n, 16)));
    let refused = make(tbs(), &[one, two, two]).unwrap_err();
    assert!(matches!(refused, CrlError::Duplicate { serial } if serial == two.serial));
    let refused = make(tbs(), &[two, one]).unwrap_err();
    assert!(matches!(refused, CrlError::OutOfOrder { serial, previous }
        if serial == one.serial && previous == two.serial));
}

#[test]
fn e28_nothing_is_revoked_after_this_update() {
    let this_update = tbs().this_update();
    let just = CrlEntry { revocation_date: this_update, ..entry(serial(1, 16)) };
    make(tbs(), &[just]).unwrap();
    let revocation_date = at("2026-11-21T00:00:01Z");
    let refused = make(tbs(), &[CrlEntry { revocation_date, ..just }]).unwrap_err();
    assert!(matches!(refused, CrlError::RevokedAfterThisUpdate { revocation_date: date, .. }
        if date == revocation_date));
}

/// One entry for each reason, and one without.
fn all_reasons() -> Vec<CrlEntry> {
    let reasons = Reason::ALL.map(Some).into_iter().chain([None]);
    let number = |(n, reason)| CrlEntry { reason, ..entry(serial(n, 16)) };
    reasons.enumerate().map(number).collect()
}

#[test]
fn e29_the_reason_is_an_enumerated_and_unspecified_is_its_absence() {
    let der = make(tbs(), &all_reasons()).unwrap();
    let revoked = decode(&der).tbs_cert_list.revoked_certificates.unwrap();
    let read = CertificateList::from_der(&der).unwrap();
    for ((ours, theirs), read) in all_reasons().iter().zip(&revoked).zip(read.entries()) {
        let stated = ours.reason.filter(|reason| *reason != Reason::Unspecified);
        let extensions = theirs.crl_entry_extensions.as_deref().unwrap_or_default();
        let values: Vec<&[u8]> = extensions.iter().map(|e| e.extn_value.as_bytes()).collect();
        match stated {
            Some(reason) => assert_eq!(values, [[0x0a, 1, reason.code()]]),
            None => assert_eq!(values, [[0; 3]; 0]),
        }
        assert_eq!(read.unwrap().reason(), stated.map(ReasonCode::Reason));
    }
}

#[test]
fn e30_neither_hold_nor_removal_can_be_written() {
    let der = make(tbs(), &all_reasons()).unwrap();
    for code in [0, 6, 7, 8] {
        assert_eq!(occurrences(&der, &[0x04, 3, 0x0a, 1, code]), 0, "{code}");
    }
}

#[test]
fn e34_the_invalidity_date_is_a_generalized_time_even_before_2050() {
    let since = at("2026-11-01T00:00:00Z");
    let compromised = CrlEntry {
        reason: Some(Reason::KeyCompromise),
        invalidity_date: Some(since),
        ..entry(serial(1, 16))
    };
    let der = make(tbs(), &[compromised]).unwrap();
    assert_eq!(occurrences(&der, b"\x06\x03\x55\x1d\x18\x04\x11\x18\x0f20261101000000Z"), 1);
    let read = CertificateList::from_der(&der).unwrap().entries().next().unwrap().unwrap();
    assert_eq!(read.invalidity_date(), Some(since));
    assert_eq!(read.reason(), Some(ReasonCode::Reason(Reason::KeyCompromise)));
}

#[test]
fn webpki_reads_what_we_write() {
    for entries in [all_reasons(), entries(1000)] {
        let der = make(tbs(), &entries).unwrap();
        let crl = webpki::OwnedCertRevocationList::from_der(&der).unwrap();
        let crl = webpki::CertRevocationList::from(crl);
        for entry in &entries {
            let found = crl.find_serial(entry.serial.as_octets()).unwrap().unwrap();
            assert_eq!(found.revocation_date.as_secs() as i64, entry.revocation_date.unix());
        }
    }
}
