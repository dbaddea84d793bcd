//! What a relying party asks of CRLs: is a certificate revoked, and what changed between two.

use crate::{
    arguments,
    crl::{entry_json, entry_text},
    failure::Failure,
    files::{self, CrlFile},
    output::{Lines, fields, hexadecimal, name, time},
    session::Session,
};
use annul::{
    CertificateList, CheckOutcome, CrlDiff, EntryChange, HeaderChanges, IssuingDistributionPoint,
    ListedRevocation, LocalVerifier, RevocationCheck, Timestamp, Undetermined,
};
use serde_json::{Map, Value, json};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What scripts see where a certificate is not good.
const REVOKED: u8 = 10;
const UNDETERMINED: u8 = 11;

pub fn check(session: &Session, command: &arguments::Check) -> Result<ExitCode, Failure> {
    let certificate = files::certificate(&command.cert)?;
    let issuer = files::certificate(&command.issuer_cert)?;
    let others: Vec<_> = command
        .crl_issuer_cert
        .iter()
        .map(|path| files::certificate(path))
        .collect::<Result<_, _>>()?;
    let crl_files: Vec<_> =
        command.crl.iter().map(|path| CrlFile::read(path)).collect::<Result<_, _>>()?;
    let crls: Vec<_> = crl_files.iter().map(CrlFile::list).collect::<Result<_, _>>()?;
    let mut check = others
        .iter()
        .fold(RevocationCheck::new(&issuer), |check, other| check.with_crl_issuer(other));
    if command.no_deltas {
        check = check.without_deltas();
    }
    let (text, json, code) = match check.check(&certificate, &crls, session.now(), &LocalVerifier) {
        CheckOutcome::Good => ("good".to_owned(), json!({ "status": "good" }), 0),
        CheckOutcome::Revoked(listed) => {
            let (text, json) = revoked(&listed, &command.crl);
            (text, json, REVOKED)
        }
        CheckOutcome::Undetermined(why) => {
            let (text, json) = undetermined(&why, &command.crl);
            (text, json, UNDETERMINED)
        }
    };
    session.output.answer(text, || json)?;
    Ok(ExitCode::from(code))
}

fn file(crls: &[PathBuf], place: usize) -> String {
    crls.get(place).map_or_else(String::new, |path| path.display().to_string())
}

fn revoked(listed: &ListedRevocation, crls: &[PathBuf]) -> (String, Value) {
    let reason = listed.reason.map(|reason| reason.to_string());
    // RFC 5280 §5.3.1: where there is no reason, it is this one.
    let shown = reason.clone().unwrap_or_else(|| "unspecified".to_owned());
    let json = json!({
        "status": "revoked",
        "revocation_date": listed.revocation_date.to_string(),
        "reason": reason,
        "invalidity_date": time(listed.invalidity_date),
        "crl": file(crls, listed.crl),
        "number": listed.number.to_string(),
    });
    (format!("revoked {shown} {}", listed.revocation_date), json)
}

fn undetermined(why: &Undetermined, crls: &[PathBuf]) -> (String, Value) {
    let certificate = why.certificate.as_ref().map(ToString::to_string);
    let not_used: Vec<_> =
        why.not_used.iter().map(|each| (file(crls, each.crl), each.why.to_string())).collect();
    let missing = why.missing.to_string();
    let mut parts: Vec<String> = certificate.iter().cloned().collect();
    parts.extend(not_used.iter().map(|(file, why)| format!("{file}: {why}")));
    if parts.is_empty() {
        parts.push(format!("no CRL is about {missing}"));
    }
    let not_used: Vec<_> =
        not_used.iter().map(|(file, why)| json!({ "crl": file, "why": why })).collect();
    let json = json!({
        "status": "undetermined",
        "certificate": certificate,
        "not_used": not_used,
        "missing_reasons": missing.split_whitespace().collect::<Vec<_>>(),
    });
    (format!("undetermined {}", parts.join("; ")), json)
}

pub fn diff(session: &Session, old: &Path, new: &Path) -> Result<(), Failure> {
    let files = [CrlFile::read(old)?, CrlFile::read(new)?];
    let [old_crl, new_crl]: [CertificateList<'_>; 2] = [files[0].list()?, files[1].list()?];
    let diff = CrlDiff::new(&old_crl, &new_crl).map_err(|error| {
        // The one of the two that has it.
        let is_old = old_crl.entries().any(|entry| entry.is_err());
        let path = if is_old { old } else { new };
        Failure::Crl { path: path.to_owned(), source: error.into() }
    })?;
    let header = header(diff.header());
    if session.output.json {
        return session.output.answer("", || diff_json(&header, &diff));
    }
    let mut lines = Lines::new();
    let changes: Vec<_> = header
        .iter()
        .map(|(name, old, new)| (*name, format!("{} -> {}", shown(old), shown(new))))
        .collect();
    if !changes.is_empty() {
        lines.print(fields(&changes).trim_end())?;
    }
    let [mut added, mut removed, mut changed] = [0u64; 3];
    for change in diff.entries() {
        match change {
            EntryChange::Added(entry) => {
                added += 1;
                lines.print(&format!("+ {}", entry_text(&entry)))?;
            }
            EntryChange::Removed { was, why } => {
                removed += 1;
                lines.print(&format!("- {}  ({why})", entry_text(&was)))?;
            }
            EntryChange::Changed { old, new } => {
                changed += 1;
                lines.print(&format!("< {}", entry_text(&old)))?;
                lines.print(&format!("> {}", entry_text(&new)))?;
            }
        }
    }
    lines.print(&format!("{added} added, {removed} removed, {changed} changed"))?;
    lines.finish()
}

/// The name of each field that changed, what it was and what it is.
fn header(changes: &HeaderChanges<'_>) -> Vec<(&'static str, Value, Value)> {
    let mut fields = Vec::new();
    let mut add = |field, values: Option<(Value, Value)>| {
        fields.extend(values.map(|(old, new)| (field, old, new)));
    };
    let text = |value: Option<String>| Value::from(value);
    let at = |time: Timestamp| Value::from(time.to_string());
    let octets = |octets: Option<&[u8]>| text(octets.map(hexadecimal));
    let point = |point: &Option<IssuingDistributionPoint<'_>>| {
        octets(point.as_ref().map(|point| point.octets))
    };
    let number = |number: Option<annul::CrlNumber>| text(number.map(|number| number.to_string()));
    add("issuer", changes.issuer.map(|is| (name(is.old).into(), name(is.new).into())));
    add("number", changes.number.map(|is| (number(is.old), number(is.new))));
    add("this_update", changes.this_update.map(|is| (at(is.old), at(is.new))));
    add("next_update", changes.next_update.map(|is| (time(is.old), time(is.new))));
    add(
        "authority_key_identifier",
        changes.authority_key_identifier.map(|is| (octets(is.old), octets(is.new))),
    );
    add(
        "signature_algorithm",
        changes.signature_algorithm.map(|is| (octets(Some(is.old)), octets(Some(is.new)))),
    );
    add(
        "issuing_distribution_point",
        changes.issuing_distribution_point.as_ref().map(|is| (point(&is.old), point(&is.new))),
    );
    add("base_number", changes.base_number.map(|is| (number(is.old), number(is.new))));
    fields
}

fn shown(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn diff_json(header: &[(&str, Value, Value)], diff: &CrlDiff<'_>) -> Value {
    let fields: Map<String, Value> = header
        .iter()
        .map(|(name, old, new)| ((*name).to_owned(), json!({ "old": old, "new": new })))
        .collect();
    let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for change in diff.entries() {
        match change {
            EntryChange::Added(entry) => added.push(entry_json(&entry)),
            EntryChange::Removed { was, why } => {
                let mut entry = entry_json(&was);
                entry["why"] = why.to_string().into();
                removed.push(entry);
            }
            EntryChange::Changed { old, new } => {
                changed.push(json!({ "old": entry_json(&old), "new": entry_json(&new) }));
            }
        }
    }
    json!({ "header": fields, "added": added, "removed": removed, "changed": changed })
}
