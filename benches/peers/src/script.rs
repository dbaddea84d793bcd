//! A peer in another language: a process that does what it is told, line by line, and answers how long
//! that took.

use crate::error::{Absent, Error};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

pub struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts it, and waits for the line with which it says that it is ready: its version.
    pub fn start(command: &mut Command) -> Result<(Self, String), Error> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".into());
        };
        let mut script = Self { child, input, output: BufReader::new(output) };
        let version = script.read()?;
        Ok((script, version))
    }

    /// Tells it something in one line; answers what it answers.
    pub fn ask(&mut self, line: &str) -> Result<String, Error> {
        writeln!(self.input, "{line}")?;
        self.read()
    }

    fn read(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(format!("it ended: {}", self.child.wait()?).into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It holds the entries in memory; whether it is there any more says `wait`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An interpreter, named by an environment variable, or else found on the PATH.
pub fn interpreter(variable: &str, default: &str) -> std::ffi::OsString {
    std::env::var_os(variable).unwrap_or_else(|| default.into())
}

/// Python, after it was seen to have the package.
pub fn python_with_cryptography() -> Result<Command, Error> {
    let python = interpreter("PYTHON", "python3");
    let absent = |what| Absent {
        what,
        install: "python3 -m venv /tmp/peers && /tmp/peers/bin/pip install cryptography, \
                  then PYTHON=/tmp/peers/bin/python",
    };
    let output = Command::new(&python).args(["-c", "import cryptography"]).output();
    let output = output.map_err(|error| absent(format!("{}: {error}", python.display())))?;
    if output.status.success() {
        Ok(Command::new(python))
    } else {
        Err(absent(format!("{} lacks the package cryptography", python.display())).into())
    }
}
