//! Where the CRLs of an issuer are found, and how its certificates are divided among them.

use crate::{
    arguments,
    failure::Failure,
    output::{fields, row, table},
    session::{AnyAuthority, Session, find_issuer},
};
use annul::{Distribution, IssuerId, Partition, Scope};
use serde_json::{Value, json};

pub fn partition(session: &Session, command: &arguments::Partition) -> Result<(), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    let mut distribution = match (authority.distribution(issuer)?, &command.cdp_base) {
        (Some(mut before), base) => {
            before.base = base.clone().unwrap_or(before.base);
            before
        }
        (None, Some(base)) => Distribution::new(base),
        (None, None) => {
            let message = "--cdp-base needed: nobody said yet where its CRLs are served".to_owned();
            return Err(Failure::Usage { message });
        }
    };
    distribution.partition_size = (!command.stop).then_some(command.size);
    let distribution = authority.set_distribution(issuer, &distribution)?;
    let opened = authority.scopes(issuer)?.into_iter();
    let opened =
        opened.filter(|scope| matches!(scope, Scope::Partition(partition) if partition.0 > 0));
    let opened = opened.count();
    let size = match distribution.partition_size {
        Some(size) => format!("at most {size} octets each"),
        None => "none: what is reserved from now on is not divided".to_owned(),
    };
    let text = fields(&[
        ("issuer", issuer.to_string()),
        ("base", distribution.base.clone()),
        ("partitions", size),
        ("opened", opened.to_string()),
    ]);
    session.output.answer(text, || {
        json!({
            "issuer": issuer.to_string(),
            "base": distribution.base,
            "partition_size": distribution.partition_size,
            "opened": opened,
        })
    })
}

pub fn set(session: &Session, command: &arguments::Distribution) -> Result<(), Failure> {
    let authority = session.open()?;
    let issuer = find_issuer(&authority, &command.issuer)?;
    let mut distribution = Distribution::new(command.base.clone());
    distribution.ca_certificates = command.ca;
    distribution.user_certificates = command.user;
    distribution.deltas = command.deltas;
    let before = authority.distribution(issuer)?;
    distribution.partition_size = before.and_then(|before| before.partition_size);
    authority.set_distribution(issuer, &distribution)?;
    let mut points = Vec::new();
    for scope in authority.scopes(issuer)? {
        let uris = authority.distribution_points(issuer, scope)?;
        points.extend(uris.into_iter().next().map(|uri| (scope, uri)));
    }
    let rows = points.iter().map(|(scope, uri)| row([&scope.to_string(), uri]));
    session.output.answer(table(rows.collect()), || {
        let point = |(scope, uri): &(Scope, String)| (scope.to_string(), Value::from(uri.as_str()));
        json!({
            "issuer": issuer.to_string(),
            "distribution_points": points.iter().map(point).collect::<serde_json::Map<_, _>>(),
        })
    })
}

/// The URI that a certificate of this partition carries.
pub fn point(
    authority: &AnyAuthority,
    issuer: IssuerId,
    partition: Partition,
) -> Result<Option<String>, Failure> {
    if partition == Partition(0) {
        return Ok(None);
    }
    let uris = authority.distribution_points(issuer, Scope::Partition(partition))?;
    Ok(uris.into_iter().next())
}

/// A partition and its URI, for people.
pub fn partition_text(partition: Partition, point: Option<&str>) -> String {
    match point {
        Some(point) => format!("{partition}, at {point}"),
        None => "none".to_owned(),
    }
}
