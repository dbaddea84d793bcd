//! The log of an issuer.

use crate::{
    arguments::OfIssuer,
    failure::Failure,
    output::{self, Lines, hexadecimal, revocation_text},
    session::{Session, find_issuer},
};
use annul::{Event, FallCause, LoggedEntry, Position};
use serde_json::{Value, json};

/// How many entries are read at once.
const PAGE: usize = 1000;

pub fn show(session: &Session, command: &OfIssuer) -> Result<(), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    let mut lines = Lines::new();
    let mut after = authority.token_at(issuer, Position(0))?;
    loop {
        let page = authority.changes(&after, PAGE)?;
        after = page.token;
        for entry in &page.entries {
            let text = if session.output.json { line_json(entry).to_string() } else { line(entry) };
            lines.print(&text)?;
        }
        if page.is_caught_up() {
            return lines.finish();
        }
    }
}

fn line(entry: &LoggedEntry) -> String {
    let what = match &entry.entry.event {
        Event::Revoked { subject, revocation } => {
            format!("revoked  {}  {}", subject.serial, revocation_text(revocation))
        }
        Event::Amended { subject, revocation, replaced } => format!(
            "amended  {}  {} (was {})",
            subject.serial,
            revocation_text(revocation),
            revocation_text(replaced)
        ),
        Event::IssuerFell(fall) => {
            let reason = fall.reason.map_or_else(String::new, |reason| format!(", {reason}"));
            match fall.cause {
                FallCause::Distrusted => format!("FELL     distrusted on {}{reason}", fall.date),
                FallCause::Revoked => format!("FELL     revoked on {}{reason}", fall.date),
                FallCause::LeftBy(other) => {
                    format!("FELL     with {other} on {}{reason}", fall.date)
                }
            }
        }
        Event::Compacted(it) => format!(
            "compacted  {} entries and {} certificates left{}",
            it.entries,
            it.certificates,
            it.released.map_or_else(String::new, |crl| format!(", listed on CRL {crl}"))
        ),
        // More may come to be.
        other => format!("{other:?}"),
    };
    format!("{:>8}  {}  {what}", entry.position.0, entry.entry.event.recorded_at())
}

fn line_json(entry: &LoggedEntry) -> Value {
    let mut line = json!({
        "position": entry.position.0,
        "recorded_at": entry.entry.event.recorded_at().to_string(),
        "command": entry.entry.command.to_string(),
        "chain": hexadecimal(&entry.entry.chain),
    });
    match &entry.entry.event {
        Event::Revoked { subject, revocation } => {
            line["event"] = json!("revoked");
            line["serial"] = json!(subject.serial.to_string());
            line["revocation"] = output::revocation(revocation);
        }
        Event::Amended { subject, revocation, replaced } => {
            line["event"] = json!("amended");
            line["serial"] = json!(subject.serial.to_string());
            line["revocation"] = output::revocation(revocation);
            line["replaced"] = output::revocation(replaced);
        }
        Event::IssuerFell(fall) => {
            line["event"] = json!("issuerFell");
            line["date"] = json!(fall.date.to_string());
            line["reason"] = json!(fall.reason.map(|reason| reason.name()));
            line["distrusted"] = json!(fall.cause == FallCause::Distrusted);
        }
        Event::Compacted(compaction) => {
            line["event"] = json!("compacted");
            line["entries"] = json!(compaction.entries);
            line["certificates"] = json!(compaction.certificates);
            line["released"] = json!(compaction.released.map(|number| number.to_string()));
        }
        // More may come to be.
        other => line["event"] = json!(format!("{other:?}")),
    }
    line
}
