//! CRLs: making, showing, verifying.

use crate::{
    arguments,
    failure::Failure,
    files::{self, CrlFile},
    output::{Lines, fields, hexadecimal, name, print, time},
    session::{self, Session, find_issuer},
};
use annul::{
    CertificateList, CrlRequest, FileStage, IssuedCrl, LocalVerifier, PemStage, RevokedCertificate,
    Stage,
};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

pub fn make(session: &Session, command: &arguments::Crl) -> Result<(), Failure> {
    if command.out.is_none() {
        let message = if session.output.json {
            "--json needs --out: standard output cannot take the CRL and the answer"
        } else if !command.pem && io::stdout().is_terminal() {
            "a CRL in DER is not for a terminal: add --pem, or --out FILE"
        } else {
            ""
        };
        if !message.is_empty() {
            return Err(Failure::Usage { message: message.to_owned() });
        }
    }
    let key = files::signing_key(&command.key)?;
    let mut policy = session::policy();
    policy.derived_key_identifiers = command.derive_key_identifier;
    let authority = session.open()?.with_policy(policy);
    let issuer = find_issuer(&authority, &command.issuer)?;
    let request = CrlRequest::new(command.validity);
    let make = |stage: &mut dyn Stage| {
        let progress = ProgressBar::new_spinner();
        let mut stage = Watched { stage, progress: progress.clone(), octets: 0 };
        let issued = authority.crl(issuer, &request, &key, &mut stage);
        progress.finish_and_clear();
        issued
    };
    let Some(out) = &command.out else {
        let mut octets = Vec::new();
        let issued = if command.pem {
            let mut stage = PemStage::new(octets);
            let issued = make(&mut stage)?;
            octets = stage.into_inner();
            issued
        } else {
            make(&mut octets)?
        };
        io::stdout().lock().write_all(&octets).map_err(Failure::Output)?;
        eprint!("{}", issued_text(&issued, "standard output"));
        return Ok(());
    };
    let issued = if command.pem {
        make(&mut PemStage::new(FileStage::new(out)))?
    } else {
        make(&mut FileStage::new(out))?
    };
    let place = out.display().to_string();
    session.output.answer(issued_text(&issued, &place), || {
        json!({
            "issuer": issuer.to_string(),
            "file": place,
            "number": issued.crl.number.to_string(),
            "this_update": issued.crl.this_update.to_string(),
            "next_update": issued.crl.next_update.to_string(),
            "entries": issued.crl.entries,
            "octets": issued.crl.octets,
            "position": issued.as_of.position(issuer).0,
        })
    })
}

fn issued_text(issued: &IssuedCrl, place: &str) -> String {
    fields(&[
        ("crl number", issued.crl.number.to_string()),
        ("entries", issued.crl.entries.to_string()),
        ("thisUpdate", issued.crl.this_update.to_string()),
        ("nextUpdate", format!("{} (make the next one before)", issued.crl.next_update)),
        ("written to", format!("{place}, {} octets of DER", issued.crl.octets)),
    ])
}

/// Shows how far a stage has come.
struct Watched<'a> {
    stage: &'a mut dyn Stage,
    progress: ProgressBar,
    octets: u64,
}

impl Stage for Watched<'_> {
    fn begin(&mut self) -> io::Result<()> {
        self.stage.begin()
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.octets += octets.len() as u64;
        self.progress.set_message(format!("{} octets", self.octets));
        self.progress.tick();
        self.stage.write(octets)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.stage.overwrite(first)
    }

    fn commit(&mut self) -> io::Result<()> {
        self.stage.commit()
    }

    fn abort(&mut self) {
        self.stage.abort();
    }
}

pub fn show(session: &Session, path: &Path) -> Result<(), Failure> {
    let file = CrlFile::read(path)?;
    let crl = file.list()?;
    // Counted before anything is shown: a CRL that breaks off is an error and nothing else.
    let mut count = 0u64;
    for entry in crl.entries() {
        entry.map_err(|error| bad_entry(path, error))?;
        count += 1;
    }
    if session.output.json {
        let entries: Vec<_> = crl.entries().flatten().map(|entry| entry_json(&entry)).collect();
        let mut shown = crl_json(&crl);
        shown["entries"] = entries.into();
        return print(&shown.to_string());
    }
    print(crl_text(&crl, count).trim_end())?;
    let mut lines = Lines::new();
    crl.entries().flatten().try_for_each(|entry| lines.print(&entry_text(&entry)))?;
    lines.finish()
}

fn bad_entry(path: &Path, error: annul::Malformed) -> Failure {
    Failure::Crl { path: path.to_owned(), source: error.into() }
}

fn crl_text(crl: &CertificateList<'_>, entries: u64) -> String {
    let unknown = || "-".to_owned();
    let mut lines = vec![
        ("version", crl.version().to_string()),
        ("issuer", name(crl.issuer())),
        ("crl number", crl.number().map_or_else(unknown, |number| number.to_string())),
        ("thisUpdate", crl.this_update().to_string()),
        ("nextUpdate", crl.next_update().map_or_else(unknown, |at| at.to_string())),
        ("key identifier", crl.authority_key_identifier().map_or_else(unknown, hexadecimal)),
        ("entries", entries.to_string()),
    ];
    if let Some(base) = crl.base_number() {
        lines.push(("DELTA to", base.to_string()));
    }
    if crl.issuing_distribution_point().is_some() {
        lines.push(("NOTE", "it is about some certificates of the issuer only".to_owned()));
    }
    for extension in crl.unknown_critical_extensions() {
        lines.push(("UNKNOWN CRITICAL", extension.oid.to_string()));
    }
    fields(&lines)
}

fn crl_json(crl: &CertificateList<'_>) -> Value {
    let unknown = crl.unknown_critical_extensions().map(|extension| extension.oid.to_string());
    json!({
        "version": crl.version(),
        "issuer": name(crl.issuer()),
        "number": crl.number().map(|number| number.to_string()),
        "base_number": crl.base_number().map(|number| number.to_string()),
        "this_update": crl.this_update().to_string(),
        "next_update": time(crl.next_update()),
        "authority_key_identifier": crl.authority_key_identifier().map(hexadecimal),
        "partial": crl.issuing_distribution_point().is_some(),
        "unknown_critical_extensions": unknown.collect::<Vec<_>>(),
    })
}

fn reason_name(entry: &RevokedCertificate<'_>) -> Option<String> {
    entry.reason().map(|code| code.to_string())
}

pub fn entry_text(entry: &RevokedCertificate<'_>) -> String {
    let reason = reason_name(entry).unwrap_or_default();
    let since = match entry.invalidity_date() {
        Some(date) => format!("invalid since {date}"),
        None => String::new(),
    };
    let serial = entry.serial().to_string();
    format!("{serial:59}  {}  {reason}  {since}", entry.revocation_date()).trim_end().to_owned()
}

pub fn entry_json(entry: &RevokedCertificate<'_>) -> Value {
    json!({
        "serial": entry.serial().to_string(),
        "revocation_date": entry.revocation_date().to_string(),
        "reason": reason_name(entry),
        "invalidity_date": time(entry.invalidity_date()),
    })
}

pub fn verify(session: &Session, path: &Path, issuer: &Path) -> Result<(), Failure> {
    let file = CrlFile::read(path)?;
    let crl = file.list()?;
    let issuer = files::ca_certificate(issuer)?;
    let now = session.now();
    let mut problems = Vec::new();
    if crl.issuer() != issuer.subject() {
        problems.push(format!("its issuer is {}", name(crl.issuer())));
    }
    if let Err(error) = crl.verify(issuer.public_key(), &LocalVerifier) {
        problems.push(error.to_string());
    }
    if issuer.key_usage().is_some_and(|usage| !usage.crl_sign()) {
        problems.push("the keyUsage of the issuer lacks cRLSign".to_owned());
    }
    if crl.this_update() > now {
        problems.push(format!("thisUpdate is {}, and it is {now} now", crl.this_update()));
    }
    if let Some(next_update) = crl.next_update().filter(|&next_update| next_update < now) {
        problems.push(format!("stale since {next_update}, and it is {now} now"));
    }
    let unknown = crl.unknown_critical_extensions().map(|extension| extension.oid.to_string());
    problems.extend(unknown.map(|oid| format!("critical extension {oid} is not known")));
    let mut entries = 0u64;
    for entry in crl.entries() {
        let entry = entry.map_err(|error| bad_entry(path, error))?;
        let unknown = entry.unknown_critical_extensions().next();
        problems.extend(unknown.map(|extension| {
            format!("entry {} has the unknown critical extension {}", entry.serial(), extension.oid)
        }));
        entries += 1;
    }
    if !problems.is_empty() {
        return Err(Failure::NotVerified { problems });
    }
    let text = format!("VERIFIED: signature, issuer and dates\n{}", crl_text(&crl, entries));
    session.output.answer(text, || {
        let mut verified = crl_json(&crl);
        verified["verified"] = json!(true);
        verified["entries"] = json!(entries);
        verified
    })
}
