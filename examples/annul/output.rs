//! How answers are shown: tables for people, JSON for machines.

use crate::failure::Failure;
use annul::{CertificateStatus, Revocation, Standing, Timestamp};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::{self, BufWriter, StdoutLock, Write as _},
};

#[derive(Clone, Copy)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// Answers, with a text or with one line of JSON.
    pub fn answer(
        self,
        text: impl AsRef<str>,
        json: impl FnOnce() -> Value,
    ) -> Result<(), Failure> {
        let text = if self.json { json().to_string() } else { text.as_ref().trim_end().to_owned() };
        print(&text)
    }
}

/// Prints to standard output. Who reads it may have seen enough and gone: see [`Failure::report`].
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Many lines to standard output.
pub struct Lines(BufWriter<StdoutLock<'static>>);

impl Lines {
    pub fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.0, "{text}").map_err(Failure::Output)
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        self.0.flush().map_err(Failure::Output)
    }
}

/// Lines of a name and a value, the values in one column.
pub fn fields(fields: &[(&str, String)]) -> String {
    table(fields.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect())
}

/// Columns as wide as their widest cell.
pub fn table(rows: Vec<Vec<String>>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The cells of a row.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A Name in DER, as RFC 4514 writes it; in hexadecimal where it is none.
pub fn name(der: &[u8]) -> String {
    use x509_cert::{der::Decode, name::Name};
    Name::from_der(der).map_or_else(|_| hexadecimal(der), |name| name.to_string())
}

pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

pub fn time(time: Option<Timestamp>) -> Value {
    time.map(|time| time.to_string()).into()
}

pub fn revocation(revocation: &Revocation) -> Value {
    json!({
        "revocation_date": revocation.date.to_string(),
        "reason": revocation.reason.map(|reason| reason.name()),
        "invalidity_date": time(revocation.invalidity_date),
        "recorded_at": revocation.recorded_at.to_string(),
    })
}

pub fn revocation_text(revocation: &Revocation) -> String {
    let mut text = revocation.date.to_string();
    if let Some(reason) = revocation.reason {
        text = format!("{text}, {reason}");
    }
    match revocation.invalidity_date {
        Some(date) => format!("{text}, invalid since {date}"),
        None => text,
    }
}

pub fn standing(standing: &Standing) -> Value {
    match standing {
        Standing::Stands => json!({ "standing": "stands" }),
        Standing::Fallen(fall) => json!({
            "standing": "fallen",
            "date": fall.date.to_string(),
            "reason": fall.reason.map(|reason| reason.name()),
        }),
        Standing::Invalidated(by) => json!({
            "standing": "invalidated",
            "date": by.at.to_string(),
            "reason": by.reason.map(|reason| reason.name()),
            "by": by.by.to_string(),
            "path": by.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Standing::Expired { not_after } => {
            json!({ "standing": "expired", "not_after": not_after.to_string() })
        }
        Standing::Unanchored => json!({ "standing": "unanchored" }),
        // More may come to be.
        other => json!({ "standing": other.to_string() }),
    }
}

pub fn status(status: &CertificateStatus) -> Value {
    match status {
        CertificateStatus::NotIssued => json!({ "status": "notIssued" }),
        CertificateStatus::Reserved => json!({ "status": "reserved" }),
        CertificateStatus::Good => json!({ "status": "good" }),
        CertificateStatus::Expired { not_after } => {
            json!({ "status": "expired", "not_after": not_after.to_string() })
        }
        CertificateStatus::Invalidated(by) => json!({
            "status": "invalidated",
            "date": by.at.to_string(),
            "reason": by.reason.map(|reason| reason.name()),
            "by": by.by.to_string(),
            "path": by.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        CertificateStatus::Revoked(history) => json!({
            "status": "revoked",
            "revocation": revocation(&history.current),
            "replaced": history.replaced.iter().map(revocation).collect::<Vec<_>>(),
        }),
        // More may come to be.
        other => json!({ "status": format!("{other:?}") }),
    }
}

pub fn status_text(status: &CertificateStatus) -> String {
    match status {
        CertificateStatus::NotIssued => "not issued: nobody recorded it".to_owned(),
        CertificateStatus::Reserved => "reserved".to_owned(),
        CertificateStatus::Good => "good".to_owned(),
        CertificateStatus::Expired { not_after } => format!("expired at {not_after}"),
        CertificateStatus::Invalidated(by) => {
            let path: Vec<_> = by.path.iter().map(|id| short(&id.to_string())).collect();
            format!("INVALIDATED with its issuer on {} (path {})", by.at, path.join(" < "))
        }
        CertificateStatus::Revoked(history) => {
            format!("REVOKED on {}", revocation_text(&history.current))
        }
        // More may come to be.
        other => format!("{other:?}"),
    }
}

/// Enough of an issuer id to name it on the command line.
pub fn short(id: &str) -> String {
    id.chars().take(16).collect()
}
