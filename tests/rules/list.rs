//! Every rule has a test of its name, or a line that says what stands for it; and no line names a test
//! that is not there.

use std::{fs, path::Path};

#[test]
fn every_rule_has_a_test_or_a_line() {
    let rules = include_str!("../rules.md");
    let mut sources = String::new();
    read(Path::new("tests"), &mut sources);
    read(Path::new("src"), &mut sources);
    for number in 1..=77 {
        let start = format!("| S{number} | ");
        let line = rules.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("no line for S{number}"));
        let named = line.split('`').filter(|name| name.starts_with('s') && name.contains('_'));
        for name in named.filter(|name| !name.ends_with('…')) {
            assert!(sources.contains(&format!("fn {name}(")), "S{number} names {name}");
        }
    }
}

fn read(directory: &Path, sources: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
