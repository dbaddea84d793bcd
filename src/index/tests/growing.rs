//! Readers and one who adds at the same time, with serial numbers that somebody chose.

use super::*;
use crate::serial::Number;

/// Numbers that share words, sums or products of words, or that follow each other.
fn chosen() -> impl Strategy<Value = Number> {
    let (high, middle, end) = (0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321, 0xdead_beef);
    let few = select(vec![0_u64, 1, u64::MAX, high, middle]);
    prop_oneof![
        any::<(u64, u64, u32)>(),
        // Of all lengths.
        (any::<u64>(), any::<u64>(), any::<u32>(), 0..160_u32).prop_map(|(a, b, c, bits)| {
            match bits {
                0..32 => (0, 0, c >> bits),
                32..96 => (0, b >> (bits - 32), c),
                _ => (a >> (bits - 96), b, c),
            }
        }),
        any::<u64>().prop_map(move |differs| (differs, middle, end)),
        any::<u64>().prop_map(move |differs| (high, differs, end)),
        any::<u32>().prop_map(move |differs| (high, middle, differs)),
        (0..5000_u64).prop_map(move |n| (high ^ n, middle ^ n, end)),
        (0..5000_u64).prop_map(move |n| (high + n, middle - n, end)),
        (0..5000_u64).prop_map(move |n| (high << 32 | n, n << 32 | high >> 32, end)),
        (0..5000_u64).prop_map(|n| (0, n >> 32, n as u32)),
        (0..5000_u64).prop_map(|n| (n << 32, 0, 0)),
        (few.clone(), few, 0..5000_u32),
    ]
    .prop_map(|(high, middle, end)| (high & u64::MAX >> 1, middle, end.max(1)))
}

/// What the log said until any of its positions.
#[derive(Default)]
struct Model(BTreeMap<Serial, Vec<RevokedSubject>>);

impl Model {
    fn at(&self, serial: Serial, position: u64) -> Option<Revocation> {
        let said = self.0.get(&serial)?;
        let said = said.iter().rev().find(|is| is.last <= Position(position))?;
        Some(said.revocation)
    }

    fn listed(&self, position: u64) -> impl Iterator<Item = Serial> {
        let listed = self.0.iter().filter(move |(serial, _)| self.at(**serial, position).is_some());
        listed.map(|(serial, _)| *serial)
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        // The threads take turns anew each time: what is smaller need not fail again.
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_acknowledged_is_found_and_listed_and_nothing_else_while_it_grows(
        numbers in vec(chosen(), 4000..8000),
    ) {
        let strangers = numbers.len() / 4;
        let asked: Vec<Serial> = numbers.into_iter().map(Serial::from_words).collect();
        let (mut model, mut said) = (Model::default(), Vec::new());
        // Some are there twice: those are amended.
        for (serial, position) in asked.iter().skip(strangers).zip(1..) {
            let is = plain(*serial, position);
            model.0.entry(*serial).or_default().push(is);
            said.push(is);
        }
        let count = said.len() as u64;
        let (view, mut end) = View::new(&KEY, 0);
        let published = AtomicU64::new(0);
        let (view, published, model, asked) = (&view, &published, &model, &asked);
        thread::scope(|scope| {
            for reader in 0..3_usize {
                scope.spawn(move || {
                    let mut next = asked.iter().copied().cycle().skip(reader * strangers);
                    loop {
                        let position = published.load(Ordering::Acquire);
                        let snapshot = at(view, position);
                        for serial in next.by_ref().take(300) {
                            let expected = model.at(serial, position);
                            assert_eq!(snapshot.find(serial), expected, "{serial} at {position}");
                        }
                        let together: Vec<Serial> = next.by_ref().take(100).collect();
                        let mut answers = Vec::new();
                        snapshot.find_all(&together, |found| answers.push(found));
                        let expected = together.iter().map(|it| model.at(*it, position));
                        assert!(expected.eq(answers), "together at {position}");
                        if reader == 0 {
                            let listed = in_order(snapshot).into_iter().map(|is| is.subject.serial);
                            assert!(model.listed(position).eq(listed), "listed at {position}");
                        }
                        if position == count {
                            break;
                        }
                    }
                });
            }
            for is in said {
                view.add(&mut end, is).unwrap();
                published.store(is.last.0, Ordering::Release);
            }
        });
        for serial in asked {
            prop_assert_eq!(at(view, count).find(*serial), model.at(*serial, count));
        }
    }
}
