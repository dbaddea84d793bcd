//! Issuers: adding, listing, revoking a CA.

use crate::{
    arguments,
    failure::Failure,
    files,
    output::{self, fields, name, row, short, table},
    session::{AnyAuthority, Session, find_issuer},
};
use annul::{
    AddIssuer, CaCertificate, CaRevoked, DeclaredParent, Error, FallCause, IssuerAdded, RevokeCa,
    WouldInvalidate,
};
use serde_json::{Value, json};
use std::io::{self, Write as _};

pub fn add(session: &Session, command: &arguments::AddIssuer) -> Result<(), Failure> {
    let certificates = files::ca_certificates(&command.file)?;
    let first = certificates.first().map(|certificate| certificate.id().to_string());
    let authority = session.open_or_create()?;
    let added = match &command.parent_issuer {
        Some(parent) => {
            let parent = DeclaredParent::Issuer(find_issuer(&authority, parent)?);
            let add = |certificate| add_one(&authority, certificate, parent);
            certificates.into_iter().map(add).collect::<Result<_, _>>()?
        }
        None => add_parents_first(&authority, certificates)?,
    };
    let ids: Vec<_> = added.iter().map(|added| added.answer.issuer.to_string()).collect();
    // The ids alone, for who asks in a script; the rest is for the eye.
    session.output.answer(
        ids.join("\n"),
        || json!({ "issuer": first, "issuers": added.iter().map(Added::json).collect::<Vec<_>>() }),
    )?;
    if !session.output.json {
        let text: Vec<_> = added.iter().map(Added::text).collect();
        // Nobody may be there to read it.
        let _ = write!(io::stderr(), "{}", text.join("\n"));
    }
    Ok(())
}

/// A CA certificate that was added.
struct Added {
    certificate: CaCertificate,
    answer: IssuerAdded,
    external: bool,
}

fn add_one(
    authority: &AnyAuthority,
    certificate: CaCertificate,
    parent: DeclaredParent,
) -> Result<Added, Error> {
    let answer = authority.add_issuer(&AddIssuer::new(certificate.clone()).with_parent(parent))?;
    let external = answer.added && parent == DeclaredParent::External;
    Ok(Added { certificate, answer, external })
}

/// Adds the certificates of a file, in which a chain may come leaf first. Only those whose parent
/// is neither recorded nor in the file have an external one.
fn add_parents_first(
    authority: &AnyAuthority,
    mut waiting: Vec<CaCertificate>,
) -> Result<Vec<Added>, Error> {
    let mut added = Vec::new();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut orphans = Vec::new();
        for certificate in waiting {
            match add_one(authority, certificate.clone(), DeclaredParent::Recorded) {
                Err(Error::NoParent) => orphans.push(certificate),
                answer => added.push(answer?),
            }
        }
        if orphans.len() == before {
            added.push(add_one(authority, orphans.remove(0), DeclaredParent::External)?);
        }
        waiting = orphans;
    }
    Ok(added)
}

impl Added {
    fn text(&self) -> String {
        let IssuerAdded { issuer, added, standing, joined, .. } = &self.answer;
        let mut text = fields(&[
            ("issuer", short(&issuer.to_string())),
            ("name", name(self.certificate.subject())),
            ("recorded", if *added { "now" } else { "it was before" }.to_owned()),
            ("standing", standing.to_string()),
        ]);
        if self.external {
            text += "parent    EXTERNAL: nobody recorded it, so its CRL is not made here, and a\n";
            text += "          revocation of this CA has to be asked of it\n";
        }
        for joined in joined {
            text += &format!("joined    {joined}, whose parent turned out to be this one\n");
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "issuer": self.answer.issuer.to_string(),
            "name": name(self.certificate.subject()),
            "added": self.answer.added,
            "external_parent": self.external,
            "standing": output::standing(&self.answer.standing),
            "joined": self.answer.joined.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

pub fn list(session: &Session) -> Result<(), Failure> {
    let issuers = session.open()?.issuers()?;
    if session.output.json {
        return issuers.iter().try_for_each(|summary| {
            let line = json!({
                "issuer": summary.issuer.id().to_string(),
                "name": name(summary.issuer.name()),
                "not_after": summary.issuer.not_after().to_string(),
                "certificates": summary.issuer.certificates().count(),
                "standing": output::standing(&summary.standing),
                "position": summary.position.0,
            });
            output::print(&line.to_string())
        });
    }
    let mut rows = vec![row(["ISSUER", "NAME", "NOT AFTER", "LOG", "STANDING"])];
    rows.extend(issuers.iter().map(|summary| {
        row([
            &short(&summary.issuer.id().to_string()),
            &name(summary.issuer.name()),
            &summary.issuer.not_after().to_string(),
            &summary.position.to_string(),
            &summary.standing.to_string(),
        ])
    }));
    output::print(table(rows).trim_end())
}

pub fn revoke(session: &Session, command: &arguments::RevokeCa) -> Result<(), Failure> {
    let authority = session.open()?;
    let mut revoke = RevokeCa::new(find_issuer(&authority, &command.issuer)?);
    if let Some(reason) = command.reason {
        revoke = revoke.with_reason(reason);
    }
    if command.dry_run {
        return preview(session, &authority, &revoke);
    }
    let fallen = authority.revoke_ca(&revoke)?;
    session.output.answer(fallen_text(&fallen), || fallen_json(&fallen))
}

fn preview(session: &Session, authority: &AnyAuthority, revoke: &RevokeCa) -> Result<(), Failure> {
    let would = authority.preview_revoke_ca(revoke)?;
    let names = authority.issuers()?;
    let name_of = |id| {
        let summary = names.iter().find(|summary| summary.issuer.id() == id);
        summary.map_or_else(String::new, |summary| name(summary.issuer.name()))
    };
    let mut rows = vec![row(["ISSUER", "NAME", "CERTIFICATES", "UNEXPIRED"])];
    rows.extend(would.iter().map(|would| {
        row([
            &short(&would.issuer.to_string()),
            &name_of(would.issuer),
            &would.certificates.to_string(),
            &would.unexpired.to_string(),
        ])
    }));
    let text = format!("Dry run, nothing is recorded. It would invalidate:\n{}", table(rows));
    session.output.answer(text, || {
        let row = |would: &WouldInvalidate| {
            json!({
                "issuer": would.issuer.to_string(),
                "certificates": would.certificates,
                "unexpired": would.unexpired,
            })
        };
        json!({ "dry_run": true, "would_invalidate": would.iter().map(row).collect::<Vec<_>>() })
    })
}

/// The issuers whose CRLs must say it: the parents, the CA itself, and all below.
fn due(fallen: &CaRevoked) -> Vec<String> {
    let parents = fallen.revoked.iter().map(|(parent, _)| *parent);
    let mut due: Vec<String> = Vec::new();
    for issuer in parents.chain([fallen.issuer]).chain(fallen.invalidated.iter().copied()) {
        let issuer = issuer.to_string();
        if !due.contains(&issuer) {
            due.push(issuer);
        }
    }
    due
}

fn fallen_text(fallen: &CaRevoked) -> String {
    let what = match fallen.fall.cause {
        FallCause::Distrusted => "DISTRUSTED",
        FallCause::Revoked | FallCause::LeftBy(_) => "REVOKED",
    };
    let mut text = fields(&[
        ("issuer", fallen.issuer.to_string()),
        ("now", format!("{what} on {}, for good", fallen.fall.date)),
    ]);
    for (parent, serial) in &fallen.revoked {
        text += &format!("recorded  {serial} in the log of its parent {parent}\n");
    }
    if fallen.external > 0 {
        text += &format!(
            "STILL TO DO  {} of its certificates have an external parent: ask it to revoke them\n",
            fallen.external
        );
    }
    for issuer in &fallen.invalidated {
        text += &format!("invalidated  {issuer}\n");
    }
    text += "STILL TO DO  no CRL says it yet:\n";
    for issuer in due(fallen) {
        text += &format!("  annul crl --issuer {} --key KEY.pem --out FILE\n", short(&issuer));
    }
    text
}

fn fallen_json(fallen: &CaRevoked) -> Value {
    let mut revoked = Vec::new();
    for (parent, serial) in &fallen.revoked {
        revoked.push(json!({ "issuer": parent.to_string(), "serial": serial.to_string() }));
    }
    json!({
        "issuer": fallen.issuer.to_string(),
        "distrusted": fallen.fall.cause == FallCause::Distrusted,
        "date": fallen.fall.date.to_string(),
        "reason": fallen.fall.reason.map(|reason| reason.name()),
        "revoked": revoked,
        "external": fallen.external,
        "invalidated": fallen.invalidated.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "crls_due": due(fallen),
    })
}
