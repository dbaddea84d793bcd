//! Releasing CRLs, and what is still due.

use crate::{
    arguments::{self, Scopes},
    failure::Failure,
    files,
    output::{fields, row, table},
    session::{AnyAuthority, Session, find_issuer, policy},
};
use annul::{
    CrlRequest, DirectorySink, Finding, Issue, IssuerId, Release, Released, Scope, ScopeState,
    Sink, Waiver,
};
use serde_json::{Value, json};

pub fn issue(session: &Session, command: &arguments::Issue) -> Result<(), Failure> {
    let mut request = CrlRequest::new(command.validity);
    request.last = command.last;
    request.keeps_expired = command.keep_expired;
    release(session, &command.release, command.scope, &request, command.with_delta)
}

pub fn delta(session: &Session, command: &arguments::Delta) -> Result<(), Failure> {
    let request = CrlRequest::new(command.validity).delta();
    release(session, &command.release, command.scope, &request, false)
}

fn release(
    session: &Session,
    command: &arguments::Release,
    scopes: Scopes,
    request: &CrlRequest,
    with_delta: bool,
) -> Result<(), Failure> {
    let key = files::signing_key(&command.key)?;
    let sinks = command.sink.iter().map(|place| sink(place, command.pem, command.keep));
    let sinks = sinks.collect::<Result<Vec<_>, _>>()?;
    let sinks: Vec<&dyn Sink> = sinks.iter().map(|sink| &**sink).collect();
    sinks.iter().try_for_each(|sink| sink.check())?;
    let mut policy = policy();
    policy.derived_key_identifiers = command.derive_key_identifier;
    let authority = session.open()?.with_policy(policy);
    let issuer = find_issuer(&authority, &command.issuer)?;
    let mut request = request.clone();
    request.ca_issuers.clone_from(&command.ca_issuers);
    for what in &command.waive {
        let (by, why) = (command.by.as_deref(), command.why.as_deref());
        let waiver = Waiver::new(what.0, by.unwrap_or_default(), why.unwrap_or_default());
        request = request.waive(waiver);
    }
    let scopes = match scopes {
        Scopes::One(scope) => vec![scope],
        Scopes::All => authority.scopes(issuer)?,
    };
    let (mut text, mut answers) = (String::new(), Vec::new());
    for scope in scopes {
        let mut issue = Issue::new(request.clone().of(scope)).with_profile(command.profile.into());
        if with_delta {
            issue = issue.with_delta();
        }
        let released = authority.issue(issuer, &issue, &key, &sinks)?;
        for release in released.complete.iter().chain(&released.delta) {
            text += &release_text(scope, release);
            answers.push(release_json(scope, release, &released));
        }
        text.extend(released.findings.iter().map(|finding| format!("{finding}\n")));
    }
    session.output.answer(text, || match answers.as_slice() {
        [one] => one.clone(),
        several => several.into(),
    })
}

/// The sink for a directory, or for the URL of an object store.
pub fn sink(place: &str, pem: bool, keep: usize) -> Result<Box<dyn Sink>, Failure> {
    if place.contains("://") {
        return object_store(place);
    }
    let mut sink = DirectorySink::new(format!("directory:{place}"), place);
    if pem {
        sink = sink.with_pem();
    }
    if keep > 0 {
        sink = sink.keep_last(keep);
    }
    Ok(Box::new(sink))
}

#[cfg(feature = "object-store")]
fn object_store(url: &str) -> Result<Box<dyn Sink>, Failure> {
    // The settings of the providers, such as AWS_ACCESS_KEY_ID; others are passed over.
    let settings = std::env::vars().map(|(name, value)| (name.to_lowercase(), value));
    Ok(Box::new(annul::ObjectStoreSink::from_url(url, url, settings)?))
}

#[cfg(not(feature = "object-store"))]
fn object_store(url: &str) -> Result<Box<dyn Sink>, Failure> {
    let message = format!("{url}: this tool is built without the features of object stores");
    Err(Failure::Usage { message })
}

fn release_text(scope: Scope, release: &Release) -> String {
    let kind = match release.base {
        Some(base) => format!("delta CRL to {base}, {scope}"),
        None => format!("complete CRL, {scope}"),
    };
    let sinks: Vec<_> = release.sinks.iter().map(|placed| placed.sink.as_str()).collect();
    fields(&[
        ("released", kind),
        ("crl number", release.number.to_string()),
        ("entries", release.entries.to_string()),
        ("thisUpdate", release.this_update.to_string()),
        ("nextUpdate", format!("{} (release the next one before)", release.next_update)),
        ("shown by", sinks.join(", ")),
    ])
}

fn release_json(scope: Scope, release: &Release, released: &Released) -> Value {
    let mut answer = of_release(scope, release);
    answer["findings"] = released.findings.iter().map(Finding::to_string).collect();
    answer
}

fn of_release(scope: Scope, release: &Release) -> Value {
    let waiver =
        |waiver: &Waiver| json!({"what": waiver.what.name(), "by": waiver.by, "why": waiver.why});
    json!({
        "scope": scope.to_string(),
        "number": release.number.to_string(),
        "base": release.base.map(|base| base.to_string()),
        "this_update": release.this_update.to_string(),
        "next_update": release.next_update.to_string(),
        "entries": release.entries,
        "octets": release.octets,
        "last": release.last,
        "out_since": release.out_since().map(|at| at.to_string()),
        "waivers": release.waivers.iter().map(waiver).collect::<Vec<_>>(),
        "sinks": release.sinks.iter().map(|placed| json!({
            "sink": placed.sink,
            "at": placed.at.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
    })
}

fn opened(
    session: &Session,
    issuer: &arguments::IssuerPrefix,
) -> Result<(AnyAuthority, IssuerId), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, issuer)?;
    Ok((authority, issuer))
}

pub fn pending(session: &Session, command: &arguments::OfIssuer) -> Result<(), Failure> {
    let (authority, issuer) = opened(session, &command.issuer)?;
    let pending = authority.pending(issuer)?;
    let text = match pending.as_slice() {
        [] => "nothing: all that is recorded is on released CRLs".to_owned(),
        pending => table(
            pending
                .iter()
                .map(|it| {
                    let fall = if it.fall { "the fall of the issuer, and " } else { "" };
                    let what = format!("{fall}{} entries", it.entries);
                    row([&it.scope.to_string(), &format!("since {}", it.since), &what])
                })
                .collect(),
        ),
    };
    session.output.answer(text, || {
        let pending = pending.iter().map(|it| {
            json!({
                "scope": it.scope.to_string(),
                "since": it.since.to_string(),
                "entries": it.entries,
                "fall": it.fall,
                "released": it.released.0,
                "head": it.head.0,
            })
        });
        pending.collect()
    })
}

pub fn overdue(session: &Session, command: &arguments::Overdue) -> Result<(), Failure> {
    let (authority, issuer) = opened(session, &command.issuer)?;
    let statuses = authority.scope_statuses(issuer)?;
    let now = session.now();
    let schedule = command.schedule.0;
    let overdue: Vec<_> = statuses
        .iter()
        .filter_map(|status| schedule.overdue(now, &ScopeState::of(status)))
        .collect();
    let text = match overdue.as_slice() {
        [] => "nothing".to_owned(),
        overdue => table(
            overdue
                .iter()
                .map(|it| {
                    row([
                        &it.place.to_string(),
                        &format!("since {}", it.since),
                        &it.why.to_string(),
                    ])
                })
                .collect(),
        ),
    };
    session.output.answer(text, || {
        let overdue = overdue.iter().map(|it| {
            json!({
                "scope": it.place.scope.to_string(),
                "delta": it.place.delta,
                "since": it.since.to_string(),
                "why": it.why.to_string(),
            })
        });
        overdue.collect()
    })
}

/// How many releases of each kind are shown.
const SHOWN: usize = 20;

pub fn releases(session: &Session, command: &arguments::OfIssuer) -> Result<(), Failure> {
    let (authority, issuer) = opened(session, &command.issuer)?;
    let (mut rows, mut answers) = (Vec::new(), Vec::new());
    for scope in authority.scopes(issuer)? {
        for release in authority.releases(issuer, scope, SHOWN)? {
            let kind = if release.base.is_some() { "delta" } else { "complete" };
            let out = match release.out_since() {
                Some(at) => format!("out since {at}"),
                None => "not shown by every sink".to_owned(),
            };
            let entries = format!("{} entries", release.entries);
            rows.push(row([&scope.to_string(), &release.number.to_string(), kind, &entries, &out]));
            answers.push(of_release(scope, &release));
        }
    }
    let text = if rows.is_empty() { "none".to_owned() } else { table(rows) };
    session.output.answer(text, || answers.into())
}
