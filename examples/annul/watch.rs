//! Releasing CRLs as they become due.
//!
//! The store is open only while something is done: a file has one process at a time, and others
//! want to revoke meanwhile. A program that embeds annul has a `Runner` for this.

use crate::{
    arguments::{IssuerPrefix, Preset},
    failure::Failure,
    files,
    publish::sink,
    session::{Session, find_issuer},
};
use annul::{
    Attempt, Error, Failure as Failed, IssuerId, Publisher, Publishing, Scope, StoreError,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use toml::{Table, Value};

/// How long it sleeps at most: others may have revoked something.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// How often a sleep looks whether it is to end.
const GLANCE: Duration = Duration::from_millis(100);

/// An issuer as the configuration names it.
struct Watched {
    issuer: IssuerPrefix,
    key: String,
    sinks: Vec<String>,
    schedule: Preset,
}

pub fn run(session: &Session, config: &Path) -> Result<(), Failure> {
    let watched = read(config)?;
    let ends = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&ends)).map_err(Failure::Output)?;
    }
    let mut failures: Vec<(IssuerId, Scope, Failed)> = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let wait = match turn(session, &watched, &mut failures) {
            Ok(wait) => wait,
            // Somebody else has the file for a moment.
            Err(Failure::Authority(error)) if is_locked(&error) => GLANCE,
            Err(Failure::Authority(error)) => {
                eprintln!("error: {error}");
                LONGEST_SLEEP
            }
            Err(failure) => return Err(failure),
        };
        let until = Instant::now() + wait.clamp(GLANCE, LONGEST_SLEEP);
        while Instant::now() < until && !ends.load(Ordering::Relaxed) {
            thread::sleep(GLANCE);
        }
    }
    Ok(())
}

fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Store(StoreError::Locked { .. }))
}

/// Does what is due; answers how long nothing will be.
fn turn(
    session: &Session,
    watched: &[Watched],
    failures: &mut Vec<(IssuerId, Scope, Failed)>,
) -> Result<Duration, Failure> {
    let authority = Arc::new(session.open()?);
    let mut publisher = Publisher::new(Arc::clone(&authority)).with_failures(failures.drain(..));
    for Watched { issuer, key, sinks, schedule } in watched {
        let issuer = find_issuer(&authority, issuer)?;
        let mut publishing =
            Publishing::new(issuer, schedule.0, files::signing_key(Path::new(key))?);
        for place in sinks {
            publishing = publishing.to(sink(place, false, 0)?);
        }
        publisher = publisher.with(publishing);
    }
    let attempts = publisher.run_due();
    *failures = publisher.failures();
    for attempt in attempts? {
        tell(&attempt);
    }
    let next = publisher.next_due()?;
    Ok(next.map_or(LONGEST_SLEEP, |next| next.saturating_since(publisher.now())))
}

fn tell(Attempt { job, result, .. }: &Attempt) {
    match result {
        Ok(released) => {
            for release in released.complete.iter().chain(&released.delta) {
                let kind = if release.base.is_some() { "delta CRL" } else { "CRL" };
                let (number, scope, entries) = (release.number, job.scope, release.entries);
                println!("released {kind} {number} of {}, {scope}: {entries} entries", job.issuer);
            }
        }
        Err(error) => eprintln!("error: {}, {}: {error}", job.issuer, job.scope),
    }
}

/// ```toml
/// [[issuer]]
/// id = "8f3c…"            # the first 8 digits or more
/// key = "ca.key"
/// sinks = ["/srv/crl"]
/// schedule = "private"    # as `annul overdue` names them
/// ```
fn read(config: &Path) -> Result<Vec<Watched>, Failure> {
    let bad = |problem: &str| Failure::Configuration {
        path: config.to_owned(),
        problem: problem.to_owned(),
    };
    let text = String::from_utf8(files::read(config)?).map_err(|_| bad("it is not UTF-8"))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| bad(error.message()))?;
    let issuers = table.get("issuer").and_then(Value::as_array);
    let issuers = issuers.ok_or_else(|| bad("it has no [[issuer]]"))?;
    issuers
        .iter()
        .map(|issuer| {
            let text = |name: &str| issuer.get(name).and_then(Value::as_str);
            let needed =
                |name: &str| text(name).ok_or_else(|| bad(&format!("an issuer without {name}")));
            let sinks = issuer.get("sinks").and_then(Value::as_array).into_iter().flatten();
            let sinks: Vec<_> = sinks.filter_map(Value::as_str).map(str::to_owned).collect();
            if sinks.is_empty() {
                return Err(bad("an issuer without sinks"));
            }
            Ok(Watched {
                issuer: needed("id")?.parse().map_err(|error: String| bad(&error))?,
                key: needed("key")?.to_owned(),
                sinks,
                schedule: text("schedule")
                    .unwrap_or("private")
                    .parse()
                    .map_err(|error: String| bad(&error))?,
            })
        })
        .collect()
}
