/*!
What every store must do, as tests that run on any: the conformance suite.

Whoever writes a [`Store`](crate::Store) runs these cases on it. Each is a promise of the contract,
and says what is lost where a store breaks it. The suite is exempt from semantic versioning: any
version may add a case that your store fails, or change what is in this module.

```
use annul::{
    Store,
    conformance::{Fault, Faults, FaultyPlace, Place},
};
use std::{env, fs, path::PathBuf, process, sync::Arc};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file of its own for each case.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}.store", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(env::temp_dir().join(name))
    }
}

impl Place for Scratch {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(MyStore::open_or_create(&self.0).unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// `None` skips the cases where what they need is not there.
fn scratch() -> Option<Scratch> {
    let is_there = env::var_os("NO_SCRATCH").is_none();
    if !is_there {
        eprintln!("skipped: NO_SCRATCH is set");
    }
    is_there.then(Scratch::new)
}

// A module of tests, one for each case.
annul::conformance!(my_store, scratch);
// And once more, on a store that fails now and then.
annul::conformance!(my_faulty_store, || {
    FaultyPlace::new(Scratch::new(), Faults::one_in(50, [Fault::Before, Fault::After]))
});
# struct MyStore;
# impl MyStore {
#     fn open_or_create(_: &std::path::Path) -> Result<annul::MemoryStore, annul::StoreError> {
#         Ok(annul::MemoryStore::new())
#     }
# }
# fn main() {
#     annul::conformance::run(annul::conformance::positions_have_no_gap, scratch());
# }
```

The case that scans many records takes their number from the environment variable
`ANNUL_CONFORMANCE_ROWS`: 1,000,000 by default, 100,000 with debug assertions. It does not run beside
others, since it looks at how much memory the process takes: open the store with a small cache.

A case asks again where a store answers [`StoreError::Backend`](crate::StoreError::Backend): whether
a batch took effect is not known then, so it reads to find out. That is why the whole suite also
passes on a store behind [`Faulty`], and why it is worth running there.
*/
// Its cases are tests, which fail by a panic.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod authorities;
mod batches;
mod durability;
mod faulty;
mod hiding;
mod logs;
mod model;
mod patient;
mod place;
mod races;
mod random;
mod samples;
mod scans;
mod size;
mod snapshots;
mod stale;
pub mod toy;

pub use self::{
    authorities::*,
    batches::*,
    durability::*,
    faulty::{Fault, Faults, Faulty, FaultyPlace},
    hiding::Hiding,
    logs::*,
    model::*,
    place::{Case, MaybePlace, MemoryPlace, Place, run},
    races::*,
    scans::*,
    size::*,
    snapshots::*,
    stale::Stale,
};

/// Every case, and its name.
pub const CASES: &[(&str, Case)] = crate::conformance!(@cases table);

/// Makes a module of this name with a `#[test]` for each case of the suite.
///
/// `$place` is called for each case. It returns a [`Place`] or an
/// `Option` of one: with `None` the case is skipped. See the [module](mod@crate::conformance).
#[macro_export]
macro_rules! conformance {
    (@cases $then:ident) => {
        $crate::conformance! { @$then
            a_batch_takes_effect_as_a_whole
            a_condition_that_does_not_hold_changes_nothing
            a_version_counts_how_often_a_record_was_put
            a_retired_record_is_gone_and_can_be_put_again
            what_no_batch_may_ask_changes_nothing
            tables_and_keys_are_not_mixed_up
            positions_have_no_gap
            a_refused_append_takes_no_position
            entries_are_found_by_position_and_by_serial_number
            no_batch_replaces_an_entry_of_a_log
            a_pruned_entry_stays_in_the_log
            pruning_what_is_not_there_changes_nothing
            the_order_of_keys_is_that_of_serial_numbers
            a_snapshot_is_frozen_while_writers_write
            two_passes_over_one_snapshot_agree_while_writers_write
            a_batch_is_seen_by_every_later_snapshot
            get_all_answers_as_get_does
            scan_prefixes_answers_as_scan_does
            a_scan_keeps_to_its_space_its_bounds_and_its_visitor
            a_scan_shows_every_record_once_and_in_order
            a_scan_meets_each_batch_as_a_whole
            a_long_scan_keeps_nobody_waiting
            of_racing_puts_one_wins_each_version
            who_reads_again_after_a_conflict_gets_through
            of_racing_appends_one_wins_each_position
            of_two_who_assert_what_the_other_puts_one_wins
            of_two_who_assert_that_the_other_puts_nothing_one_wins
            who_sees_a_position_finds_every_entry_up_to_it
            what_was_acknowledged_is_there_after_reopening
            what_was_refused_is_not_there_after_reopening
            versions_and_positions_go_on_after_reopening
            any_batches_are_answered_as_in_memory
            a_batch_may_have_ten_thousand_puts
            an_append_may_have_a_thousand_entries
            a_value_may_have_a_mebibyte
            a_scan_of_many_records_takes_little_memory
            crl_numbers_only_rise
            a_revocation_that_was_acknowledged_is_listed_after_reopening
            what_is_registered_while_its_ca_falls_is_never_good
            a_hidden_entry_is_an_error_and_not_a_short_crl
            a_restored_older_copy_is_told_from_what_was_known
        }
    };
    (@table $($case:ident)+) => {
        &[$((stringify!($case), $case as Case)),+]
    };
    (@tests $($case:ident)+) => {
        $(#[test]
        fn $case() {
            $crate::conformance::run($crate::conformance::$case, place());
        })+
    };
    ($name:ident, $place:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn place() -> impl $crate::conformance::MaybePlace {
                ($place)()
            }

            $crate::conformance!(@cases tests);
        }
    };
}
