//! A CRL is, octet for octet, what another makes of the same, whichever way it goes.

use crate::{
    random::Random,
    reference::Said,
    support::*,
    toy::{self, Ca, ToyClock, day},
};
use annul::{
    AddIssuer, Amend, Amendment, Authority, CertificateList, CrlEntry, CrlError, CrlNumber,
    CrlRequest, Entries, EntryWriter, MemoryStore, Only, Policy, Reason, RevocationDetails, Revoke,
    Serial, Stage, Target, Timestamp,
};
use proptest::{option, prelude::*, sample::select};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, io, slice, sync::Arc, time::Duration};

fn first_of_2050() -> Timestamp {
    at("2050-01-01T00:00:00Z")
}

/// From 1970 to a last time, often about the end of 2049.
fn date(random: &mut Random, last: Timestamp) -> Timestamp {
    let edge = first_of_2050().unix() - 2 + random.below(4) as i64;
    let any = random.below(usize::try_from(last.unix()).unwrap()) as i64;
    let unix = if random.below(4) == 0 { edge } else { any };
    Timestamp::from_unix(unix).unwrap().min(last)
}

/// The octets of numbers, of 1 to 20 as content of an INTEGER, with what is hard to write: a sign
/// octet or nearly one, zeros, and the beginning or the end of the one before.
fn number(random: &mut Random, before: &[u8]) -> Vec<u8> {
    let length = 1 + random.below(20);
    let mut octets: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    let shared = random.below(length + 1).min(before.len());
    match random.below(4) {
        0 => octets[..shared].copy_from_slice(&before[..shared]),
        1 => octets[length - shared..].copy_from_slice(&before[before.len() - shared..]),
        2 => octets[length - shared..].fill([0, 0xff][random.below(2)]),
        _ => {}
    }
    if random.below(2) == 0 {
        octets[0] = [0x01, 0x7f, 0x80, 0xff][random.below(4)];
    }
    octets[0] = octets[0].max(1);
    if length == 20 {
        octets[0] = (octets[0] & 0x7f).max(1);
    }
    octets
}

/// So many entries, or a few less, in the order of their numbers.
fn any_entries(random: &mut Random, count: usize, last: Timestamp) -> Vec<CrlEntry> {
    let mut entries = BTreeMap::new();
    let mut octets = Vec::new();
    for _ in 0..count {
        octets = number(random, &octets);
        let reasons = Reason::ALL.map(Some);
        let reason = reasons.get(random.below(reasons.len() + 2)).copied().flatten();
        let invalidity_date = (random.below(5) == 0).then(|| date(random, Timestamp::MAX));
        let (serial, revocation_date) =
            (Serial::from_unsigned(&octets).unwrap(), date(random, last));
        let entry = CrlEntry { serial, revocation_date, reason, invalidity_date };
        entries.insert((octets.len(), octets.clone()), entry);
    }
    entries.into_values().collect()
}

/// Hands entries out in runs of some length, as a store would.
struct Runs<'a>(&'a [CrlEntry], usize);

impl Entries for Runs<'_> {
    fn for_each(
        &self,
        visit: &mut dyn FnMut(&[CrlEntry]) -> Result<(), CrlError>,
    ) -> Result<(), CrlError> {
        self.0.chunks(self.1).try_for_each(visit)
    }

    fn write(&self, writer: &mut EntryWriter<'_>) -> Result<(), CrlError> {
        self.0.iter().try_for_each(|entry| writer.write(slice::from_ref(entry)))
    }
}

/// A stage that wants to be handed so many octets at once.
struct Streamed(Vec<u8>, usize);

impl Stage for Streamed {
    fn begin(&mut self) -> io::Result<()> {
        self.0.begin()
    }

    fn piece(&self) -> usize {
        self.1
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.0.overwrite(first)
    }

    fn commit(&mut self) -> io::Result<()> {
        self.0.commit()
    }

    fn abort(&mut self) {
        self.0.abort();
    }
}

/// From 1970 on, not the last of all.
fn updates() -> impl Strategy<Value = Timestamp> {
    let edge = first_of_2050().unix();
    let last = Timestamp::MAX.unix() - 1;
    prop_oneof![edge - 2..edge + 2, edge - 1_000_000_000..edge, edge..last]
        .prop_map(|unix| Timestamp::from_unix(unix).unwrap())
}

fn numbers() -> impl Strategy<Value = CrlNumber> {
    prop_oneof![
        select(vec![0, 1, 0x7f, 0x80, u64::MAX]).prop_map(CrlNumber::from_u64),
        any::<u64>().prop_map(CrlNumber::from_u64),
        Just(CrlNumber::MAX),
    ]
}

prop_compose! {
    fn said()(
        key_identifier in prop_oneof![Just(20), 1..200usize],
        number in numbers(),
        base in option::of(numbers()),
        one in updates(),
        other in updates(),
        point in option::of(select(
            vec![None, Some(Only::UserCertificates), Some(Only::CaCertificates)],
        )),
        freshest in 0..3usize,
        issuers in 0..3usize,
        expired_since in option::of(updates()),
    ) -> Said {
        let base = base.filter(|base| *base < number);
        let freshest = if base.is_some() { 0 } else { freshest };
        let next_update = one.max(other).saturating_add(Duration::from_secs(1));
        Said {
            key_identifier: vec![0x5a; key_identifier],
            number,
            this_update: one.min(other),
            next_update,
            base,
            point,
            freshest_crl: uris([DELTA, FULL])[..freshest].to_vec(),
            ca_issuers: uris([CERTIFICATE, FULL])[..issuers].to_vec(),
            expired_since,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn in_memory_and_streamed_a_crl_is_what_another_makes_of_it(
        said in said(),
        seed in any::<u64>(),
        count in prop_oneof![1 => 0..2usize, 4 => 0..40usize, 4 => 0..700usize, 1 => 4900..=5000usize],
        signature in prop_oneof![60..80usize, 0..400usize],
        run in 1..2000usize,
        piece in select(vec![0, 64, 1000, 16 << 10, 1 << 20]),
    ) {
        let entries = any_entries(&mut Random(seed), count, said.this_update);
        let [expected, expected_tbs] = said.reference(NAME, &entries, &vec![0x55; signature]);
        let point = said.point.map(point);
        let tbs = said.tbs(NAME, point.as_ref());
        let mut der = vec![7; 10];
        let signed = sign_into(tbs, &entries, signature, &mut der).unwrap();
        prop_assert!(der == expected, "{:02x?} is not {:02x?}", der, expected);
        prop_assert_eq!(signed.tbs_sha256, <[u8; 32]>::from(Sha256::digest(&expected_tbs)));
        let mut streamed = Streamed(Vec::new(), piece);
        let again = sign_into(tbs, &Runs(&entries, run), signature, &mut streamed).unwrap();
        prop_assert!(streamed.0 == expected && again == signed);
        let prepared = prepare(tbs, &entries);
        prop_assert!(prepared.tbs() == expected_tbs);
        let assembled = prepared.assemble(&vec![0x55; signature], &FakeVerifier(true)).unwrap();
        prop_assert!(assembled == expected);
    }
}

/// An authority of which no other draws the same random numbers.
fn authority(store: &MemoryStore, drawn: u64) -> Authority<&MemoryStore> {
    let mut policy = Policy::default();
    policy.unknown_serials = true;
    toy::authority(store, &ToyClock::at(now()), Arc::new(drawn.into())).with_policy(policy)
}

/// Late enough for dates after 2049.
fn now() -> Timestamp {
    day(15_000)
}

/// Revokes certificates in no order, and amends what was said of some.
fn record(authority: &Authority<&MemoryStore>, entries: &[CrlEntry], random: &mut Random) {
    let issuer = Ca::new("root").id();
    let target = |serial| Target::Serial { issuer, serial };
    let mut revokes = Vec::new();
    let mut amends = Vec::new();
    for entry in entries {
        let CrlEntry { serial, revocation_date, reason, invalidity_date } = *entry;
        let mut details =
            RevocationDetails { reason, date: Some(revocation_date), invalidity_date };
        if random.below(10) == 0 && revocation_date < now() {
            details.date = Some(now());
            let date = Some(revocation_date);
            amends.push(Amend::new(target(serial), Amendment { date, ..Amendment::default() }));
        }
        let place = random.below(revokes.len() + 1);
        revokes.insert(place, Revoke::new(target(serial)).with_details(details));
    }
    let (first, then) = revokes.split_at(random.below(revokes.len() + 1));
    assert!(authority.revoke_all(first).iter().all(Result::is_ok));
    // From here on it is known in memory too.
    authority.refresh(issuer).unwrap();
    assert!(authority.revoke_all(then).iter().all(Result::is_ok));
    for amend in &amends {
        authority.amend(amend).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn from_memory_and_from_a_store_a_crl_is_what_another_makes_of_the_record(
        seed in any::<u64>(),
        count in prop_oneof![0..40usize, 0..2500usize],
    ) {
        let (store, ca, mut random) = (MemoryStore::new(), Ca::new("root"), Random(seed));
        let mut entries = any_entries(&mut random, count, now());
        for entry in &mut entries {
            entry.invalidity_date = entry.invalidity_date.map(|date| date.min(now()));
        }
        let [node, stranger] = [0, 1 << 40].map(|drawn| authority(&store, drawn));
        let of_the_root = Serial::from_octets(&[0x77; 20]).unwrap();
        let certificate = ca.certifies(&ca, 1).with_serial(of_the_root).valid(-100, 20_000).ca();
        node.add_issuer(&AddIssuer::new(certificate)).unwrap();
        record(&node, &entries, &mut random);
        for authority in [&node, &stranger] {
            let mut der = Vec::new();
            let week = CrlRequest::new(Duration::from_secs(7 * 24 * 60 * 60));
            authority.crl(ca.id(), &week, &ca, &mut der).unwrap();
            let crl = CertificateList::from_der(&der).unwrap();
            let said = Said {
                key_identifier: crl.authority_key_identifier().unwrap().to_vec(),
                number: crl.number().unwrap(),
                this_update: crl.this_update(),
                next_update: crl.next_update().unwrap(),
                base: None,
                point: None,
                freshest_crl: Vec::new(),
                ca_issuers: Vec::new(),
                expired_since: None,
            };
            let [expected, _] = said.reference(crl.issuer(), &entries, crl.signature());
            prop_assert!(der == expected, "{:02x?} is not {:02x?}", der, expected);
        }
    }
}
