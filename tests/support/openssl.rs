//! The `openssl` command, as a judge of what this crate reads and writes.
#![allow(dead_code, reason = "each test uses a part of it")]

#[path = "directory.rs"]
pub mod directory;

use self::directory::Directory;
use annul::{ToSign, Verifier, VerifyError};
use std::{ffi::OsStr, ops::Deref, process::Command};

/// The command, working in a directory of its own.
pub struct OpenSsl(Directory);

impl Deref for OpenSsl {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

impl OpenSsl {
    /// `None`, and a word on stderr, where the command is not installed.
    pub fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("skipped: the openssl command is not installed");
            return None;
        }
        Some(Self(Directory::new()))
    }

    /// What it prints to stdout, if it succeeds; else what it prints to stderr.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String, String> {
        let (success, stdout, stderr) = self.output(arguments);
        if success { Ok(stdout) } else { Err(stderr) }
    }

    fn output<A: AsRef<OsStr>>(&self, arguments: &[A]) -> (bool, String, String) {
        let mut command = Command::new("openssl");
        let output = command.args(arguments).current_dir(self.path(".")).output().unwrap();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    /// Runs a line of arguments that have no spaces in them; it must succeed.
    pub fn must(&self, line: &str) -> String {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        self.run(&arguments).unwrap_or_else(|error| panic!("openssl {line}: {error}"))
    }

    /// Verifies the signature of a CRL: `openssl crl -verify` with these arguments. The exit code
    /// is the same whatever comes of it.
    pub fn must_verify(&self, arguments: &str) -> String {
        let line = format!("crl -verify {arguments}");
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let (_, stdout, stderr) = self.output(&arguments);
        assert!(stderr.contains("verify OK"), "openssl {line}: {stderr}");
        stdout
    }
}

/// Signatures of any algorithm that the command knows; Ed25519 and those with SHA-256.
impl Verifier for OpenSsl {
    fn verify(
        &self,
        public_key: &[u8],
        algorithm: &[u8],
        signed: ToSign<'_>,
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
        let ToSign::Message(message) = signed else { panic!("the message is wanted") };
        let mut octets = Vec::new();
        message.read(&mut |piece| octets.extend_from_slice(piece)).unwrap();
        self.write("verify.key", public_key);
        self.write("verify.message", octets);
        self.write("verify.signature", signature);
        let digest = if algorithm == ED25519 { "" } else { "-digest sha256" };
        let line = format!(
            "pkeyutl -verify -pubin -keyform DER -inkey verify.key -rawin {digest} \
             -in verify.message -sigfile verify.signature"
        );
        let arguments: Vec<&str> = line.split_whitespace().collect();
        self.run(&arguments).map(drop).map_err(|_| VerifyError::BadSignature)
    }
}
