mod growing;

use super::{
    Changes, Chunk, Merge, Said,
    revoked::RevokedSubject,
    view::{End, Snapshot, View},
};
use crate::{
    crl::Extent,
    issuer_id::IssuerId,
    lifecycle::{CertificateKind, Revocation},
    log::{Position, Subject},
    partition::Partition,
    reason::Reason,
    serial::Serial,
    time::Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

const KEY: [u8; 16] = *b"nobody knows it!";

fn at(view: &View, position: u64) -> Snapshot<'_> {
    Snapshot { view, position: Position(position) }
}

/// All that a snapshot knows, in its order.
fn in_order(snapshot: Snapshot<'_>) -> Vec<RevokedSubject> {
    let mut listed = Vec::new();
    let taken = snapshot.each(|is| {
        listed.push(is);
        Ok::<_, Infallible>(())
    });
    assert_eq!(taken, Ok(()));
    listed
}

/// What the log says at this position of a certificate of which nothing is out of the ordinary.
fn plain(serial: Serial, position: u64) -> RevokedSubject {
    let date = Timestamp::from_unix_u32(1_700_000_000 + position as u32 % 1000);
    let revocation = Revocation { date, reason: None, invalidity_date: None, recorded_at: date };
    let (kind, partition) = (CertificateKind::EndEntity, Partition(0));
    let subject = Subject { serial, kind, partition, not_after: Some(Timestamp::MAX) };
    let (first, last) = (Position(position), Position(position));
    RevokedSubject { subject, first, last, revocation }
}

/// The `n`-th of serial numbers that look random.
fn serial(n: u64) -> Serial {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut octets = [0; 16];
    for octet in &mut octets {
        state = (state ^ state >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        *octet = (state >> 56) as u8;
    }
    Serial::from_unsigned(&[&octets[..], &n.to_be_bytes()[5..]].concat()).unwrap()
}

prop_compose! {
    /// Of all lengths, many with the same octets at the beginning or at the end.
    fn serials()(
        random in any::<[u8; 20]>(),
        shared in 0..=20_usize,
        fill in select(vec![0x00, 0x01, 0x7f, 0xff]),
        from_start in any::<bool>(),
        length in 1..=20_usize,
    ) -> Serial {
        let mut octets = random.map(|octet| octet % 4);
        let range = if from_start { 0..shared } else { shared..20 };
        octets[range].fill(fill);
        octets[0] = octets[0] % 0x7f + 1;
        Serial::from_octets(&octets[..length]).unwrap()
    }
}

fn times() -> impl Strategy<Value = Timestamp> {
    let last = u64::from(u32::MAX);
    let edges = [0, 1, last - 1, last, last + 1].map(|at| i64::try_from(at).unwrap());
    prop_oneof![
        select(edges.map(|at| Timestamp::from_unix(at).unwrap()).to_vec()),
        select(vec![Timestamp::MIN, Timestamp::MAX]),
        any::<u32>().prop_map(Timestamp::from_unix_u32),
    ]
}

prop_compose! {
    fn revoked()(
        serial in serials(),
        kind in select(vec![
            CertificateKind::EndEntity,
            CertificateKind::EndEntity,
            CertificateKind::Unknown,
            CertificateKind::Ca(IssuerId::from_octets([7; 32])),
        ]),
        partition in select(vec![0, 1, (1 << 24) - 1, 1 << 24, u32::MAX]),
        not_after in option::of(times()),
        date in times(),
        recorded_at in times(),
        reason in option::of(select(Reason::ALL.to_vec())),
        invalidity_date in option::weighted(0.1, times()),
    ) -> RevokedSubject {
        let subject = Subject { serial, kind, partition: Partition(partition), not_after };
        let revocation = Revocation { date, reason, invalidity_date, recorded_at };
        RevokedSubject { subject, first: Position(0), last: Position(0), revocation }
    }
}

proptest! {
    #[test]
    fn every_position_shows_what_the_log_said_until_then(
        said in vec(revoked(), 1..200),
        start in select(vec![0, u64::from(u32::MAX) - 50]),
        asked in vec(serials(), 50),
    ) {
        let (view, mut end) = View::new(&KEY, 0);
        let mut model: BTreeMap<Serial, RevokedSubject> = BTreeMap::new();
        let mut models = vec![model.clone()];
        for (position, is) in (start + 1..).map(Position).zip(said) {
            let is = RevokedSubject { first: position, last: position, ..is };
            view.add(&mut end, is).unwrap();
            // Entries that it knows change nothing.
            view.add(&mut end, is).unwrap();
            let known = model.get(&is.subject.serial);
            let folded = known.map_or(is, |known| known.amended(is));
            model.insert(is.subject.serial, folded);
            models.push(model.clone());
        }
        // Asked in any order, the order itself has taken in all from the first time.
        for (position, model) in (start..).zip(&models).step_by(7) {
            let listed = in_order(at(&view, position));
            prop_assert_eq!(listed, model.values().copied().collect::<Vec<_>>());
        }
        let (copy, mut copied) = View::new(&KEY, 0);
        copy.absorb(&mut copied, &view, &end, Position(u64::MAX)).unwrap();
        let everyone: Vec<Serial> = model.keys().chain(&asked).copied().collect();
        for (position, model) in (start..).zip(&models) {
            let snapshot = at(&view, position);
            for serial in &everyone {
                let expected = model.get(serial);
                prop_assert_eq!(snapshot.find(*serial), expected.map(|is| is.revocation));
                prop_assert_eq!(snapshot.subject(*serial), expected.copied());
            }
            let expected: Vec<_> =
                everyone.iter().map(|it| model.get(it).map(|is| is.revocation)).collect();
            let mut found = Vec::new();
            snapshot.find_all(&everyone, |revocation| found.push(revocation));
            prop_assert_eq!(found, expected);
        }
        for (serial, is) in &model {
            prop_assert_eq!(at(&copy, u64::MAX).subject(*serial), Some(*is));
        }
    }
}

/// Takes in the next entry.
fn amend(model: &mut BTreeMap<Serial, RevokedSubject>, is: RevokedSubject) {
    let known = model.get(&is.subject.serial);
    model.insert(is.subject.serial, known.map_or(is, |known| known.amended(is)));
}

proptest! {
    #[test]
    fn chunks_and_what_was_said_since_come_to_all_that_was_said(
        said in vec(revoked(), 0..200),
        before in 0..200_usize,
        size in 1..60_usize,
    ) {
        let mut all = BTreeMap::new();
        let (mut packed, mut changes) = (BTreeMap::new(), Changes::default());
        for (number, is) in said.into_iter().enumerate() {
            let position = Position(number as u64 + 1);
            let is = RevokedSubject { first: position, last: position, ..is };
            amend(&mut all, is);
            if number < before { amend(&mut packed, is) } else { changes.add(is) }
        }
        let (packed, changes): (Vec<_>, _) = (packed.into_values().collect(), changes.finish());
        let (mut merge, mut merged) = (Merge::new(&changes), Vec::new());
        let mut visit = |said: Said<'_>| {
            let is = said.subject();
            assert_eq!(said.lacks_not_after(), is.subject.not_after.is_none());
            merged.push(is);
            Ok::<_, Infallible>(())
        };
        for some in packed.chunks(size) {
            let octets = Chunk::to_octets(some);
            let chunk = Chunk::from_octets(&octets).unwrap();
            let ends = [some.first(), some.last()].map(|is| is.unwrap().subject.serial.words());
            prop_assert_eq!(chunk.range(), Some((ends[0], ends[1])));
            let Ok(()) = merge.take_in(&chunk, &mut visit);
            for cut in [0, 1, 5, octets.len() / 2, octets.len() - 1] {
                prop_assert!(Chunk::from_octets(&octets[..cut]).is_err());
            }
        }
        let Ok(()) = merge.finish(&mut visit);
        prop_assert_eq!(merged, all.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_chunk_is_refused_or_read_and_nothing_panics(
        said in vec(revoked(), 1..20),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut packed = BTreeMap::new();
        said.into_iter().for_each(|is| amend(&mut packed, is));
        let mut octets = Chunk::to_octets(&packed.into_values().collect::<Vec<_>>());
        damage.iter().for_each(|(at, by)| *at.get_mut(&mut octets) ^= by);
        if let Ok(chunk) = Chunk::from_octets(&octets) {
            let mut serials = Vec::new();
            let Ok(()) = Merge::new(&[]).take_in(&chunk, &mut |said| {
                serials.push(said.subject().subject.serial);
                Ok::<_, Infallible>(())
            });
            prop_assert!(serials.is_sorted_by(|one, next| one < next));
        }
    }
}

#[test]
fn chunks_of_certificates_in_no_order_are_damaged() {
    let [one, other] = [1, 2].map(|n| plain(Serial::from_unsigned(&[n]).unwrap(), n.into()));
    assert!(Chunk::from_octets(&Chunk::to_octets(&[one, other])).is_ok());
    assert!(Chunk::from_octets(&Chunk::to_octets(&[other, one])).is_err());
    assert!(Chunk::from_octets(&Chunk::to_octets(&[one, one])).is_err());
}

/// What a CRL comes to that lists these.
fn extent(listed: &[RevokedSubject]) -> Option<Extent> {
    let mut extent = Extent::default();
    listed.iter().for_each(|is| extent.add(&is.entry()));
    Some(extent)
}

#[test]
fn what_was_pruned_is_found_as_before_and_not_listed_any_more() {
    let (view, mut end) = grown(100, serial);
    let all = in_order(at(&view, 100));
    // Every other one is gone at 120, and one of these was revoked anew meanwhile.
    let (other, mut known) = View::new(&KEY, 0);
    (0..100).step_by(2).for_each(|n| other.add(&mut known, plain(serial(n), n + 1)).unwrap());
    other.add(&mut known, plain(serial(7), 110)).unwrap();
    view.absorb(&mut end, &other, &known, Position(120)).unwrap();
    let listed = in_order(at(&view, 120));
    assert_eq!(listed, in_order(at(&other, 120)));
    assert_eq!(end.extent_if_none_expires(None), extent(&listed));
    assert_eq!(in_order(at(&view, 100)), all);
    for n in 0..100 {
        let position = if n == 7 { 110 } else { n + 1 };
        let expected = plain(serial(n), position).revocation;
        assert_eq!(at(&view, 120).find(serial(n)), Some(expected), "{n}");
        assert_eq!(at(&view, 100).find(serial(n)), Some(plain(serial(n), n + 1).revocation));
    }
    // To be told once more changes nothing, and who had left comes back by being revoked.
    view.absorb(&mut end, &other, &known, Position(121)).unwrap();
    assert_eq!(in_order(at(&view, 121)), listed);
    view.add(&mut end, plain(serial(9), 122)).unwrap();
    let listed = in_order(at(&view, 122));
    assert_eq!(listed.len(), 52);
    assert!(listed.contains(&plain(serial(9), 122)));
    assert_eq!(end.extent_if_none_expires(None), extent(&listed));
}

/// A view of so many certificates, each at the position after its number.
fn grown(count: u64, serial: impl Fn(u64) -> Serial) -> (View, End) {
    let (view, mut end) = View::new(&KEY, 0);
    (0..count).for_each(|n| view.add(&mut end, plain(serial(n), n + 1)).unwrap());
    (view, end)
}

#[test]
fn all_is_found_while_it_grows_and_nothing_else() {
    let (view, mut end) = View::new(&KEY, 0);
    for n in 0..30_000 {
        view.add(&mut end, plain(serial(n), n + 1)).unwrap();
        let known = (0..=n).rev().step_by(1 + n as usize / 7);
        assert!(known.clone().all(|n| at(&view, u64::MAX).find(serial(n)).is_some()), "{n}");
        assert!((n + 1..n + 8).all(|n| at(&view, u64::MAX).find(serial(n)).is_none()), "{n}");
    }
    assert!((0..30_000).all(|n| at(&view, n + 1).find(serial(n)).is_some()));
    assert!((0..30_000).all(|n| at(&view, n).find(serial(n)).is_none()));
}

#[test]
fn the_order_takes_in_what_comes_between_and_at_both_ends() {
    let (view, mut end) = View::new(&KEY, 0);
    let mut model = BTreeMap::new();
    for n in 0..20_000 {
        let is = plain(serial(n), n + 1);
        view.add(&mut end, is).unwrap();
        model.insert(is.subject.serial, is);
        // At first often, then rarely: little comes to a leaf, and more than it can hold.
        if n < 100 || n % 3000 == 0 {
            let listed = in_order(at(&view, n + 1));
            assert!(listed.iter().eq(model.values()), "{n}");
        }
    }
    assert!(in_order(at(&view, u64::MAX)).iter().eq(model.values()));
}

#[test]
fn readers_see_all_that_was_published_and_no_more_while_it_grows() {
    let count = if cfg!(debug_assertions) { 30_000 } else { 300_000 };
    let (view, mut end) = View::new(&KEY, 0);
    let published = AtomicU64::new(0);
    let (view, published) = (&view, &published);
    thread::scope(|scope| {
        for reader in 0..2 {
            scope.spawn(move || {
                let mut n = reader;
                loop {
                    let position = published.load(Ordering::Acquire);
                    let snapshot = at(view, position);
                    for _ in 0..100 {
                        n = (n * 7 + 13) % count;
                        let found = snapshot.find(serial(n)).is_some();
                        assert_eq!(found, n < position, "{n} at {position}");
                    }
                    if position == count {
                        break;
                    }
                }
            });
        }
        for n in 0..count {
            view.add(&mut end, plain(serial(n), n + 1)).unwrap();
            published.store(n + 1, Ordering::Release);
        }
    });
}

#[test]
fn readers_see_an_amendment_whole_or_not_at_all() {
    let (view, mut end) = View::new(&KEY, 0);
    let published = AtomicU64::new(0);
    let (view, published) = (&view, &published);
    let said = |position: u64| {
        let mut is = plain(serial(position % 10), position);
        is.revocation.date = Timestamp::from_unix_u32(position as u32);
        is.revocation.recorded_at = is.revocation.date;
        is
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                let position = published.load(Ordering::Acquire);
                for back in 0..10.min(position) {
                    let expected = said(position - back).revocation;
                    let found = at(view, position).find(serial((position - back) % 10));
                    assert_eq!(found, Some(expected), "{position}");
                }
                if position == 20_000 {
                    break;
                }
            }
        });
        for position in 1..=20_000 {
            view.add(&mut end, said(position)).unwrap();
            published.store(position, Ordering::Release);
        }
    });
}

#[test]
fn what_is_not_revoked_is_looked_for_in_one_line_nearly_always() {
    let (view, _) = grown(20_000, serial);
    let lines: u32 = (20_000..60_000).map(|n| view.lines_searched(serial(n))).sum();
    assert!(lines < 40_000 * 6 / 5, "{lines}");
}

/// Numbers that somebody chose so that their octets, or those of a hash without a secret, are alike.
#[test]
fn chosen_serial_numbers_cost_no_more_than_random_ones() {
    let count = 20_000;
    let lines = |serial: &dyn Fn(u64) -> Serial| {
        let (view, _) = grown(count, serial);
        (0..2 * count)
            .map(|n| view.lines_searched(serial(n)))
            .fold((0, 0), |(sum, most), lines| (sum + lines, most.max(lines)))
    };
    let (random, most) = lines(&serial);
    assert!(random < 2 * count as u32 * 2 && most < 20, "{random} {most}");
    let chosen: [&dyn Fn(u64) -> Serial; 4] = [
        &|n| Serial::from_unsigned(&(n + 1).to_be_bytes()).unwrap(),
        &|n| Serial::from_unsigned(&(u128::from(n + 1) << 96).to_be_bytes()).unwrap(),
        &|n| Serial::from_unsigned(&((n + 1) << 32 | 0xdead_beef).to_be_bytes()).unwrap(),
        &|n| {
            let octets = [&[0x7f; 8][..], &n.to_be_bytes(), &n.to_be_bytes()[4..]].concat();
            Serial::from_octets(&octets).unwrap()
        },
    ];
    for (number, serial) in chosen.iter().enumerate() {
        let (sum, longest) = lines(serial);
        assert!(sum < random * 5 / 4 && longest < 20, "{number}: {sum} {longest}");
    }
}
