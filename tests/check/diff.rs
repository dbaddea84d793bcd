//! What changed from one CRL to another.

use crate::support::*;
use annul::{CertificateList, CrlDiff, EntryChange, Removal};

/// The changes of the entries in a few words.
fn diff(old: &Crl, new: &Crl) -> Vec<String> {
    let key = p256_key("CA");
    let [old, new] = [old, new].map(|crl| crl.sign(&key));
    let [old, new] = [&old, &new].map(|der| CertificateList::from_der(der).unwrap());
    let diff = CrlDiff::new(&old, &new).unwrap();
    let shown = |change: EntryChange<'_>| {
        let serial = change.serial();
        match change {
            EntryChange::Added(_) => format!("+{serial}"),
            EntryChange::Removed { why, .. } => format!("-{serial} {why:?}"),
            EntryChange::Changed { old, new } => {
                let [old, new] = [old, new].map(|e| e.reason().map_or(0, |reason| reason.code()));
                format!("~{serial} {old}>{new}")
            }
        }
    };
    diff.entries().map(shown).collect()
}

fn listing(entries: &[Vec<u8>]) -> Crl {
    entries.iter().fold(Crl::new(&Ca::new("CA"), 1), |crl, entry| crl.lists(entry.clone()))
}

#[test]
fn entries_are_added_removed_and_changed_whatever_their_order() {
    let mut old = vec![
        entry(1, &[]),
        entry(2, &[reason(6)]),
        entry(3, &[]),
        entry(4, &[reason(1)]),
        entry(5, &[reason(4)]),
    ];
    let mut new = vec![
        entry(3, &[]),
        entry(4, &[]),
        entry(5, &[reason(1)]),
        entry(6, &[]),
        entry(0x7f, &[reason(1)]),
    ];
    let expected = ["-01 Unknown", "-02 Hold", "~04 1>0", "~05 4>1", "+06", "+7f"];
    for turn in 0..5 {
        assert_eq!(diff(&listing(&old), &listing(&new)), expected, "{turn}");
        old.rotate_left(1);
        assert_eq!(diff(&listing(&old), &listing(&new)), expected, "{turn}");
        new.rotate_left(2);
    }
    assert_eq!(diff(&listing(&old), &listing(&old)), [""; 0]);
    assert_eq!(diff(&listing(&[]), &listing(&[])), [""; 0]);
    assert_eq!(diff(&listing(&[]), &listing(&new)).len(), 5);
}

#[test]
fn dates_and_unknown_extensions_are_changes_and_their_order_is_none() {
    let unknown = |value| extension(UNKNOWN, false, &[4, 1, value]);
    let with = |extensions: &[Vec<u8>]| listing(&[entry(1, extensions)]);
    let one = with(&[reason(1), unknown(1)]);
    assert_eq!(diff(&one, &with(&[unknown(1), reason(1)])), [""; 0]);
    assert_eq!(diff(&one, &with(&[reason(1), unknown(2)])), ["~01 1>1"]);
    let mut dated = entry(1, &[reason(1), unknown(1)]);
    let digits = dated.windows(6).position(|digits| digits == b"260501").unwrap();
    dated[digits + 5] = b'2';
    assert_eq!(diff(&one, &listing(&[dated])), ["~01 1>1"]);
}

#[test]
fn numbers_are_told_apart_and_sorted_by_their_octets() {
    // 00 80, which is 128, and 80, which is -128, among others.
    let long = |octets: &[u8]| element(0x30, &[&element(2, &[octets]), b"\x17\x0d260501000000Z"]);
    let old = listing(&[long(&[0x80]), long(&[0, 0x80]), long(&[1, 0])]);
    let new = listing(&[long(&[1, 0]), long(&[1, 0, 0])]);
    assert_eq!(diff(&old, &new), ["-80 Unknown", "-80 Unknown", "+01:00:00"]);
}

#[test]
fn of_several_entries_for_one_certificate_each_counts() {
    let twice = listing(&[entry(1, &[]), entry(1, &[reason(1)]), entry(2, &[])]);
    let once = listing(&[entry(1, &[]), entry(2, &[])]);
    assert_eq!(diff(&twice, &once), ["-01 Unknown"]);
    assert_eq!(diff(&once, &twice), ["+01"]);
}

#[test]
fn a_delta_is_compared_as_what_it_adds() {
    let base = listing(&[entry(1, &[]), entry(2, &[reason(6)]), entry(3, &[reason(6)])]);
    let delta =
        [entry(2, &[reason(8)]), entry(3, &[reason(1)]), entry(4, &[]), entry(5, &[reason(8)])];
    let delta =
        delta.into_iter().fold(Crl::delta(&Ca::new("CA"), 1, 2), |crl, entry| crl.lists(entry));
    assert_eq!(diff(&base, &delta), ["-02 RemoveFromCrl", "~03 6>1", "+04"]);
    // Two of them are compared list by list.
    let next = Crl::delta(&Ca::new("CA"), 1, 3).lists(entry(4, &[]));
    assert_eq!(diff(&delta, &next), ["-02 Unknown", "-03 Unknown", "-05 Unknown"]);
    assert_eq!(Removal::RemoveFromCrl.to_string(), "the delta CRL removes it");
}

#[test]
fn certificates_of_another_issuer_are_others() {
    let by = |name: &str| certificate_issuer(&[directory(&common_name(name))]);
    let indirect = |entries: &[Vec<u8>]| listing(entries).with(issuing_point(&[flag(4)]));
    let old = indirect(&[entry(1, &[]), entry(1, &[by("A")]), entry(2, &[])]);
    let new = indirect(&[entry(2, &[by("A")]), entry(1, &[by("B")]), entry(1, &[by("A")])]);
    assert_eq!(diff(&old, &new), ["-01 Unknown", "+01"]);
}

#[test]
fn the_header_is_compared_field_by_field() {
    let (one, other) = (Ca::new("CA"), Ca::new("other"));
    let old = Crl::new(&one, 1);
    let new = Crl {
        this_update: at("2026-06-02T00:00:00Z"),
        next_update: None,
        ..Crl::delta(&other, 1, 2).with(issuing_point(&[flag(1)]))
    };
    let key = p256_key("CA");
    let [old, new] = [old, new].map(|crl| crl.sign(&key));
    let [old, new] = [&old, &new].map(|der| CertificateList::from_der(der).unwrap());
    let diff = CrlDiff::new(&old, &new).unwrap();
    let header = diff.header();
    let issuer = header.issuer.unwrap();
    assert_eq!((issuer.old, issuer.new), (&one.name[..], &other.name[..]));
    let number = header.number.unwrap();
    assert_eq!((number.old, number.new), (old.number(), new.number()));
    assert_eq!(header.this_update.unwrap().new, at("2026-06-02T00:00:00Z"));
    let next_update = header.next_update.unwrap();
    assert_eq!((next_update.old, next_update.new), (Some(at("2026-06-30T00:00:00Z")), None));
    assert_eq!(header.authority_key_identifier.unwrap().old, Some(one.key_identifier()));
    let point = header.issuing_distribution_point.as_ref().unwrap();
    assert!(point.old.is_none() && point.new.as_ref().unwrap().only_contains_user_certs);
    assert_eq!(header.base_number.unwrap().old, None);
    assert_eq!(header.signature_algorithm, None);
    let same = CrlDiff::new(&old, &old).unwrap().header().clone();
    assert_eq!((same.issuer, same.number, same.this_update), (None, None, None));
}

#[test]
fn a_malformed_entry_is_an_error_before_anything_is_compared() {
    let good = listing(&[entry(1, &[])]).sign(&p256_key("CA"));
    let bad = listing(&[entry(1, &[]), element(0x30, &[&[2, 1, 3]])]).sign(&p256_key("CA"));
    let [good, bad] = [&good, &bad].map(|der| CertificateList::from_der(der).unwrap());
    assert!(CrlDiff::new(&good, &bad).is_err() && CrlDiff::new(&bad, &good).is_err());
}
