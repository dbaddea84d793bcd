//! The store itself: letting go of what is past, and copying it.

use crate::{
    arguments,
    failure::Failure,
    files::CrlFile,
    output::{fields, hexadecimal},
    session::{self, Session, find_issuer},
};
use annul::{Compact, Error, store};
use serde_json::json;

pub fn compact(session: &Session, command: &arguments::Compact) -> Result<(), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    let released = command.released.as_deref().map(CrlFile::read).transpose()?;
    let mut compact = Compact::new(issuer).keep_for(command.keep_for);
    if let Some(released) = &released {
        compact = compact.with_released(released.list()?);
    }
    if let Some(limit) = command.limit {
        compact = compact.limit(limit);
    }
    let compacted = authority.compact(&compact)?;
    let text = fields(&[
        ("entries", format!("{} left the CRL, and stay in the log", compacted.entries)),
        ("certificates", format!("{} left the record", compacted.certificates)),
        ("more", if compacted.next.is_some() { "perhaps: run it again" } else { "no" }.to_owned()),
    ]);
    session.output.answer(text, || {
        json!({
            "issuer": issuer.to_string(),
            "entries": compacted.entries,
            "certificates": compacted.certificates,
            "next": compacted.next.map(|serial| serial.to_string()),
        })
    })
}

pub fn copy(session: &Session, to: &str) -> Result<(), Failure> {
    let from = session::open(&session.store).map_err(Error::from)?;
    let target = session::open_or_create(to).map_err(Error::from)?;
    let copied = store::copy(&from, &target)?;
    // A URL may have a password in it.
    let to = to.rsplit('@').next().unwrap_or(to);
    let digest = hexadecimal(&copied.digest);
    let text = fields(&[
        ("copied to", to.to_owned()),
        ("records", copied.records.to_string()),
        ("entries", copied.entries.to_string()),
        ("issuers", copied.positions.len().to_string()),
        ("verified", format!("SHA-256 {digest}")),
    ]);
    session.output.answer(text, || {
        let positions = copied.positions.iter();
        let position = |(issuer, position): &(annul::IssuerId, annul::Position)| {
            (issuer.to_string(), json!(position.0))
        };
        json!({
            "to": to,
            "records": copied.records,
            "entries": copied.entries,
            "positions": positions.map(position).collect::<serde_json::Map<_, _>>(),
            "digest": digest,
        })
    })
}
