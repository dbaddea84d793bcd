//! `openssl ca -gencrl`: the whole process, which reads its database and writes PEM.

use super::{Input, Maker};
use crate::{
    ca,
    entries::{reason, unsigned},
    error::{Absent, Error},
    stopwatch::Stopwatch,
};
use annul::{CertificateList, CrlEntry, Reason};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
    process::Command,
};

const CONFIGURATION: &str = "\
[ca]
default_ca = peers
[peers]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 7
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid
";

struct OpenSslCa {
    version: String,
    place: PathBuf,
}

pub fn start(input: Input<'_>) -> Result<Box<dyn Maker + '_>, Error> {
    let output = Command::new("openssl").arg("version").output().map_err(|error| Absent {
        what: format!("the command openssl: {error}"),
        install: "apt-get install openssl",
    })?;
    let place = input.place.join("openssl-ca");
    fs::create_dir_all(&place)?;
    fs::write(place.join("ca.cnf"), CONFIGURATION)?;
    fs::write(place.join("ca.pem"), ca::PEM)?;
    fs::write(place.join("ca.key"), ca::KEY_PEM)?;
    fs::write(place.join("crlnumber"), format!("{:04X}\n", ca::CRL_NUMBER))?;
    let mut database = BufWriter::new(File::create(place.join("index.txt"))?);
    for entry in input.entries {
        write_row(&mut database, entry)?;
    }
    database.flush()?;
    let version = String::from_utf8_lossy(&output.stdout);
    let version = version.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Ok(Box::new(OpenSslCa { version, place }))
}

/// A row of index.txt: status, notAfter, revocation date and reason, serial number, file, name.
fn write_row(out: &mut impl Write, entry: &CrlEntry) -> Result<(), Error> {
    let mut digits: String = unsigned(&entry.serial).iter().map(|it| format!("{it:02X}")).collect();
    while digits.starts_with("00") {
        digits.drain(..2);
    }
    // 2026-11-21T22:27:06Z -> 261121222706Z
    let date: String = entry.revocation_date.to_string().split(['-', 'T', ':']).collect();
    let reason = Reason::from_code(reason(entry)).ok_or("an entry without a reason")?;
    let (date, reason) = (date.get(2..).ok_or("a date before year 1000")?, reason.name());
    Ok(writeln!(out, "R\t391231235959Z\t{date},{reason}\t{digits}\tunknown\t/CN={digits}")?)
}

impl Maker for OpenSslCa {
    fn label(&self) -> String {
        format!("`openssl ca -gencrl`, {}", self.version)
    }

    fn make(&mut self) -> Result<f64, Error> {
        let mut command = Command::new("openssl");
        command.args(["ca", "-gencrl", "-config", "ca.cnf", "-cert", "ca.pem"]);
        command.args(["-keyfile", "ca.key", "-out", "ca.crl"]).current_dir(&self.place);
        let start = Stopwatch::start_for_children()?;
        let output = command.output()?;
        let took = start.seconds()?;
        if output.status.success() {
            Ok(took)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
        }
    }

    fn der(&mut self) -> Result<Vec<u8>, Error> {
        Ok(CertificateList::pem_to_der(&fs::read(self.place.join("ca.crl"))?)?)
    }
}
