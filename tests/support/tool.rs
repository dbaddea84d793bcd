//! The command-line tool, as a script runs it.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::openssl::directory::Directory;
use serde_json::Value;
use std::{
    env,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
};

/// The tool, working in a directory of its own.
pub struct Tool {
    program: PathBuf,
    directory: Directory,
}

impl Deref for Tool {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

/// What one run of it came to.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub error: String,
}

impl Tool {
    /// `None`, and a word on stderr, where it was not built: `cargo test --test tool` alone does
    /// not, `cargo test` and `cargo build --example annul` do.
    pub fn new() -> Option<Self> {
        let test = env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let program =
            profile.join("examples").join("annul").with_extension(env::consts::EXE_EXTENSION);
        if !program.exists() {
            eprintln!("skipped: {} is not built", program.display());
            return None;
        }
        Some(Self { program, directory: Directory::new() })
    }

    /// Where the command is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs it with a line of arguments that have no spaces in them.
    pub fn run(&self, line: &str) -> Run {
        let mut command = Command::new(&self.program);
        command.env_remove("ANNUL_STORE").current_dir(self.path("."));
        let output = command.args(line.split_whitespace()).output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
        Run { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }

    /// What it prints; it must succeed.
    pub fn must(&self, line: &str) -> String {
        let run = self.run(line);
        assert_eq!(run.code, Some(0), "annul {line}: {run:?}");
        run.out
    }

    /// The one line of JSON that it answers with; it must succeed.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.must(&format!("--json {line}"))).unwrap()
    }

    /// The error that it answers with in JSON, which must be of this kind; it must end with this
    /// code, and say the same on stderr.
    pub fn refused(&self, line: &str, code: i32, kind: &str) -> Value {
        let run = self.run(&format!("--json {line}"));
        assert_eq!(run.code, Some(code), "annul {line}: {run:?}");
        let answer: Value = serde_json::from_str(run.out.lines().last().unwrap()).unwrap();
        let error = &answer["error"];
        assert_eq!(error["kind"], kind, "annul {line}: {run:?}");
        assert!(run.error.contains(error["message"].as_str().unwrap()), "annul {line}: {run:?}");
        error.clone()
    }

    /// All that the store says: issuers, certificates, logs.
    pub fn record(&self, store: &str) -> String {
        let issuers = self.must(&format!("--store {store} --json list-issuers"));
        let of_each = issuers.lines().map(|line| {
            let summary: Value = serde_json::from_str(line).unwrap();
            let id = summary["issuer"].as_str().unwrap();
            let list = self.must(&format!("--store {store} --json list --issuer {id}"));
            list + &self.must(&format!("--store {store} --json log --issuer {id}"))
        });
        issuers.clone() + &of_each.collect::<String>()
    }

    /// The demo in this directory; answers the ids of the root and the intermediate.
    pub fn demo(&self, directory: &str) -> [String; 2] {
        let demo = self.json(&format!("demo {directory}"));
        ["root", "intermediate"].map(|ca| demo[ca].as_str().unwrap().to_owned())
    }
}
