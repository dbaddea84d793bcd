//! Certificates: reserving, registering, revoking, asking.

use crate::{
    arguments, bulk,
    distribution::{self, partition_text},
    failure::Failure,
    files,
    output::{self, Lines, fields, short, time},
    session::{Session, find_issuer, issuer_and_serial, target},
};
use annul::{
    Amend, Amendment, CertificateKind, CertificateRecord, CertificateState, CertificateSummary,
    Origin, Registered, Registration, ReserveSerial, RevocationDetails, Revoke, Revoked,
};
use serde_json::{Map, Value, json};

/// How many certificates are read at once for a list.
const PAGE: usize = 1000;

pub fn reserve(session: &Session, command: arguments::Reserve) -> Result<(), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    let reserve = ReserveSerial {
        not_after: command.not_after,
        ..ReserveSerial::new(issuer, command.serial)
    };
    let reserved = authority.reserve(&reserve)?;
    let point = reserved.distribution_point.as_deref();
    let text = fields(&[
        ("issuer", reserved.issuer.to_string()),
        ("serial", reserved.serial.to_string()),
        ("partition", partition_text(reserved.partition, point)),
        ("now", "reserved: the CA may sign it, then `annul register`".to_owned()),
    ]);
    session.output.answer(text, || {
        json!({
            "issuer": reserved.issuer.to_string(),
            "serial": reserved.serial.to_string(),
            "partition": reserved.partition.0,
            "distribution_point": reserved.distribution_point,
        })
    })
}

pub fn register(session: &Session, command: &arguments::Register) -> Result<(), Failure> {
    if let (Some(issuer), Some(file)) = (&command.issuer, &command.serials) {
        return bulk::register(session, issuer, file);
    }
    let mut registrations = Vec::new();
    for file in &command.cert {
        let certificates = files::certificates(file)?;
        registrations.extend(certificates.into_iter().map(Registration::of_certificate));
    }
    let authority = session.open()?;
    // One is refused with its own error; of many, the first refusal, after the others.
    let (mut text, mut registered, mut refused) = (String::new(), Vec::new(), Vec::new());
    for answer in authority.register_all(&registrations) {
        match answer {
            Ok(answer) => {
                let point = distribution::point(&authority, answer.issuer, answer.partition)?;
                text += &registered_text(&answer, point.as_deref());
                registered.push(registered_json(&answer, point.as_deref()));
            }
            Err(error) => refused.push(error),
        }
    }
    if !registered.is_empty() {
        session.output.answer(text, || json!({ "registered": registered }))?;
    }
    match refused.len() {
        0 => Ok(()),
        1 => Err(refused.remove(0).into()),
        count => {
            let first = refused.remove(0).to_string();
            Err(Failure::SomeRefused { count: count as u64, first })
        }
    }
}

fn registered_text(registered: &Registered, point: Option<&str>) -> String {
    let now = match (registered.recorded, registered.revoked) {
        (true, _) => "registered",
        (false, false) => "registered before",
        (false, true) => "registered before, and revoked",
    };
    let issuer = short(&registered.issuer.to_string());
    let partition = match point {
        Some(_) => format!("  partition {}", partition_text(registered.partition, point)),
        None => String::new(),
    };
    format!("{}  of issuer {issuer}  {now}{partition}\n", registered.serial)
}

fn registered_json(registered: &Registered, point: Option<&str>) -> Value {
    json!({
        "issuer": registered.issuer.to_string(),
        "serial": registered.serial.to_string(),
        "partition": registered.partition.0,
        "distribution_point": point,
        "recorded": registered.recorded,
        "revoked": registered.revoked,
    })
}

pub fn revoke(session: &Session, command: &arguments::Revoke) -> Result<(), Failure> {
    let details = RevocationDetails {
        reason: command.reason,
        date: None,
        invalidity_date: command.invalidity_date,
    };
    if let (Some(issuer), Some(file)) = (&command.issuer, &command.serials) {
        return bulk::revoke(session, issuer, file, details);
    }
    let authority = session.open()?;
    let which = arguments::OneCertificate {
        cert: command.cert.clone(),
        issuer: command.issuer.clone(),
        serial: command.serial,
    };
    let revoked =
        authority.revoke(&Revoke::new(target(&authority, &which)?).with_details(details))?;
    session.output.answer(revoked_text(&revoked), || revoked_json(&revoked))
}

fn revoked_text(revoked: &Revoked) -> String {
    let mut text = fields(&[
        ("issuer", revoked.issuer.to_string()),
        ("serial", revoked.serial.to_string()),
        ("now", format!("REVOKED on {}", output::revocation_text(&revoked.revocation))),
        ("recorded", format!("on disk, log position {}", revoked.position)),
    ]);
    if revoked.discovered {
        text += "NOTE      it had not been registered: it is now, as discovered\n";
    }
    if let Some(fallen) = revoked.fallen {
        text += &format!("NOTE      it was the last live certificate of CA {fallen}, which fell\n");
        text += "          with it, and so did all below: see `annul list-issuers`\n";
    }
    text += "STILL TO DO  no CRL lists it yet:\n";
    let issuer = short(&revoked.issuer.to_string());
    text + &format!("  annul crl --issuer {issuer} --key KEY.pem --out FILE\n")
}

fn revoked_json(revoked: &Revoked) -> Value {
    json!({
        "issuer": revoked.issuer.to_string(),
        "serial": revoked.serial.to_string(),
        "revocation": output::revocation(&revoked.revocation),
        "position": revoked.position.0,
        "discovered": revoked.discovered,
        "fallen": revoked.fallen.map(|issuer| issuer.to_string()),
        "crls_due": [revoked.issuer.to_string()],
    })
}

pub fn amend(session: &Session, command: &arguments::Amend) -> Result<(), Failure> {
    let authority = session.open()?;
    let amendment = Amendment {
        key_compromise: command.key_compromise,
        date: command.date,
        invalidity_date: command.invalidity_date,
    };
    let amended = authority.amend(&Amend::new(target(&authority, &command.which)?, amendment))?;
    let text = fields(&[
        ("issuer", amended.issuer.to_string()),
        ("serial", amended.serial.to_string()),
        ("was", format!("revoked on {}", output::revocation_text(&amended.replaced))),
        ("now", format!("REVOKED on {}", output::revocation_text(&amended.revocation))),
        ("STILL TO DO", "no CRL says it yet: annul crl".to_owned()),
    ]);
    session.output.answer(text, || {
        json!({
            "issuer": amended.issuer.to_string(),
            "serial": amended.serial.to_string(),
            "revocation": output::revocation(&amended.revocation),
            "replaced": output::revocation(&amended.replaced),
            "position": amended.position.0,
            "crls_due": [amended.issuer.to_string()],
        })
    })
}

pub fn status(session: &Session, which: &arguments::OneCertificate) -> Result<(), Failure> {
    let authority = session.open()?;
    let (issuer, serial) = issuer_and_serial(&authority, which)?;
    let status = authority.status(issuer, serial)?;
    let mut lines = vec![
        ("issuer", issuer.to_string()),
        ("serial", serial.to_string()),
        ("status", output::status_text(&status.effective)),
    ];
    if status.own != status.effective {
        lines.push(("by itself", output::status_text(&status.own)));
    }
    if let Some(record) = &status.record {
        lines.push(("recorded", record_text(record)));
    }
    lines.push(("its issuer", status.standing.to_string()));
    session.output.answer(fields(&lines), || {
        let positions = status.as_of.positions.iter();
        let as_of: Map<_, _> = positions.map(|(id, at)| (id.to_string(), at.0.into())).collect();
        json!({
            "issuer": issuer.to_string(),
            "serial": serial.to_string(),
            "own": output::status(&status.own),
            "effective": output::status(&status.effective),
            "record": status.record.as_ref().map(record_json),
            "issuer_standing": output::standing(&status.standing),
            "as_of": as_of,
        })
    })
}

fn record_text(record: &CertificateRecord) -> String {
    let state = match (record.state, record.origin) {
        (CertificateState::Reserved, _) => "reserved",
        (CertificateState::Issued, Origin::Registered) => "registered",
        (CertificateState::Issued, Origin::Discovered) => "discovered",
    };
    let not_after = record.not_after.map_or_else(|| "not known".to_owned(), |at| at.to_string());
    format!("{state} at {}, notAfter {not_after}", record.recorded_at)
}

fn record_json(record: &CertificateRecord) -> Value {
    json!({
        "state": match record.state {
            CertificateState::Reserved => "reserved",
            CertificateState::Issued => "issued",
        },
        "origin": match record.origin {
            Origin::Registered => "registered",
            Origin::Discovered => "discovered",
        },
        "kind": match record.kind {
            CertificateKind::Unknown => "unknown".to_owned(),
            CertificateKind::EndEntity => "endEntity".to_owned(),
            CertificateKind::Ca(id) => format!("ca {id}"),
        },
        "partition": record.partition.0,
        "not_before": time(record.not_before),
        "not_after": time(record.not_after),
        "recorded_at": record.recorded_at.to_string(),
    })
}

pub fn list(session: &Session, command: &arguments::OfIssuer) -> Result<(), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    let mut lines = Lines::new();
    let mut after = None;
    loop {
        let page = authority.certificates(issuer, after, PAGE)?;
        let Some(last) = page.last() else { return lines.finish() };
        after = Some(last.serial);
        for certificate in &page {
            lines.print(&listed(certificate, session.output.json))?;
        }
    }
}

fn listed(certificate: &CertificateSummary, as_json: bool) -> String {
    let CertificateSummary { serial, record, revocation, .. } = certificate;
    if as_json {
        let revocation = revocation.as_ref().map(|history| output::revocation(&history.current));
        let record = record_json(record);
        return json!({ "serial": serial.to_string(), "record": record, "revocation": revocation })
            .to_string();
    }
    let revocation = match revocation {
        Some(history) => format!("REVOKED on {}", output::revocation_text(&history.current)),
        None => "-".to_owned(),
    };
    format!("{:59}  {}  {revocation}", serial.to_string(), record_text(record))
}
