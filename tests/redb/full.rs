//! Real files that cannot grow any more.
#![cfg(unix)]

use crate::history::{fresh, history, next_batch, process, told_of};
use annul::store::{RedbStore, Store, StoreError};
use std::{fs, path::Path, process::Command};

/// Runs [`the_filler`] by these words: the last, in the language of the shell, come before it.
/// Answers what it said.
fn fill_under(words: &[&str], before: &str, path: &Path) -> String {
    let filler = process("full::the_filler", path);
    let mut shell = Command::new(words[0]);
    shell.args(&words[1..]).args(["-c", &format!("{before} && exec \"$0\" \"$@\"")]);
    shell.arg(filler.get_program()).args(filler.get_args());
    shell.envs(filler.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn a_file_that_may_not_grow_loses_nothing_acknowledged() {
    let path = fresh("limited.store");
    // Writing past the limit is an error instead of a signal.
    let said = fill_under(&["sh"], "ulimit -f 3000 && trap '' XFSZ", &path);
    assert!(said.contains("filler: done"), "{said}");
    let store = RedbStore::open(&path).unwrap();
    store.apply(&next_batch(history(&store))).unwrap();
}

#[test]
fn a_full_file_system_loses_nothing_acknowledged() {
    let directory = fresh("full");
    fs::create_dir_all(&directory).unwrap();
    let words = ["unshare", "--map-root-user", "--mount", "sh"];
    let mount = format!("mount -t tmpfs -o size=3m none '{}'", directory.display());
    let said = fill_under(&words, &mount, &directory.join("full.store"));
    if said.contains("filler: begins") {
        assert!(said.contains("filler: done"), "{said}");
    } else {
        eprintln!("Nothing can be mounted, so no full file system was tested: {said}");
    }
}

/// Fills a file until that fails, and opens it again; on its own it does nothing.
#[test]
fn the_filler() {
    let Some(path) = told_of() else { return };
    println!("\nfiller: begins");
    drop(RedbStore::open_or_create(&path).unwrap());
    let mut acknowledged = 0;
    for round in 0..3 {
        let store = RedbStore::open(&path).unwrap();
        let found = history(&store);
        assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} in round {round}");
        acknowledged = found;
        let error = loop {
            match store.apply(&next_batch(acknowledged)) {
                Ok(()) => acknowledged += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
        let error = store.apply(&next_batch(acknowledged)).unwrap_err();
        assert!(matches!(error, StoreError::Stopped { .. }), "{error:?}");
    }
    assert!(acknowledged > 50, "{acknowledged}");
    println!("filler: done after {acknowledged}");
}
