//! Each flaw is found: what no case finds, no case promises.

use crate::loose::{Flaw, LoosePlace};
use annul::conformance::{self, CASES};
use std::{fmt::Write, fs, panic, path::Path, thread};

/// Cases that measure, and say nothing of a flaw.
const LONG: [&str; 1] = ["a_scan_of_many_records_takes_little_memory"];

/// The names of the cases that a store with this flaw fails.
fn failed(flaw: Flaw) -> Vec<&'static str> {
    let cases = CASES.iter().filter(|(name, _)| !LONG.contains(name));
    let fails =
        |case| panic::catch_unwind(|| conformance::run(case, LoosePlace::new(flaw))).is_err();
    cases.filter(|(_, case)| fails(*case)).map(|(name, _)| *name).collect()
}

#[test]
fn each_flaw_is_found_by_the_case_that_is_about_it() {
    let found: Vec<(Flaw, Vec<_>)> = thread::scope(|scope| {
        let found = Flaw::ALL.map(|flaw| scope.spawn(move || (flaw, failed(flaw))));
        found.map(|found| found.join().unwrap()).into()
    });
    let mut table = String::new();
    for (flaw, cases) in &found {
        writeln!(table, "{flaw:?} -> {}", cases.join(", ")).unwrap();
    }
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants.txt"), &table).unwrap();
    println!("{table}");
    for (flaw, cases) in found {
        assert!(cases.contains(&case_about(flaw)), "{flaw:?} is found by {cases:?}");
    }
}

#[test]
fn a_store_without_a_flaw_is_found_to_have_none() {
    assert_eq!(failed(Flaw::None), [""; 0]);
}

/// The case that must find this flaw.
fn case_about(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::None => "",
        Flaw::LosesTheLastBatch => "what_was_acknowledged_is_there_after_reopening",
        Flaw::LosesAllOfATableOnReopening => "crl_numbers_only_rise",
        Flaw::ForgetsVersionsOnReopening => "versions_and_positions_go_on_after_reopening",
        Flaw::WritesStepByStep => "a_batch_takes_effect_as_a_whole",
        Flaw::WritesUpToAConflict => "a_condition_that_does_not_hold_changes_nothing",
        Flaw::ShowsTheHeadFirst => "who_sees_a_position_finds_every_entry_up_to_it",
        Flaw::LeavesAGap => "positions_have_no_gap",
        Flaw::TakesAPositionWhenItRefuses => "a_refused_append_takes_no_position",
        Flaw::ReversesEntries => "positions_have_no_gap",
        Flaw::IgnoresConditions => "of_racing_puts_one_wins_each_version",
        Flaw::IgnoresAsserts => "of_two_who_assert_what_the_other_puts_one_wins",
        Flaw::IgnoresAbsence => "of_two_who_assert_that_the_other_puts_nothing_one_wins",
        Flaw::ChecksBeforeItLocks => "of_racing_puts_one_wins_each_version",
        Flaw::ReplacesEntries => "no_batch_replaces_an_entry_of_a_log",
        Flaw::PrunesTheLog => "a_pruned_entry_stays_in_the_log",
        Flaw::PrunesWhatIsNotThere => "pruning_what_is_not_there_changes_nothing",
        Flaw::KeepsWhatIsRetired => "a_retired_record_is_gone_and_can_be_put_again",
        Flaw::CountsNoVersions => "a_version_counts_how_often_a_record_was_put",
        Flaw::ShowsWhatComesLater => "a_snapshot_is_frozen_while_writers_write",
        Flaw::ShowsWhatWasBefore => "a_batch_is_seen_by_every_later_snapshot",
        Flaw::BlocksWhileItIsRead => "a_long_scan_keeps_nobody_waiting",
        Flaw::SkipsAtTheEndOfAPage => "a_scan_shows_every_record_once_and_in_order",
        Flaw::RepeatsAtTheEndOfAPage => "a_scan_shows_every_record_once_and_in_order",
        Flaw::EndsEarly => "a_scan_shows_every_record_once_and_in_order",
        Flaw::ScansPastTheEnd => "a_scan_keeps_to_its_space_its_bounds_and_its_visitor",
        Flaw::ScansBackwards => "the_order_of_keys_is_that_of_serial_numbers",
        Flaw::AnswersOutOfOrder => "get_all_answers_as_get_does",
        Flaw::CutsValues => "a_value_may_have_a_mebibyte",
        Flaw::CutsBatches => "a_batch_may_have_ten_thousand_puts",
        Flaw::MixesUpTables => "tables_and_keys_are_not_mixed_up",
        Flaw::TakesABadBatch => "what_no_batch_may_ask_changes_nothing",
    }
}
