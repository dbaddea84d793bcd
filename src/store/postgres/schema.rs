//! The tables, and how they come to be.

use super::{
    backoff::Backoff,
    connection::Session,
    fault::Fault,
    pool::{Deadline, Lease},
    sql,
};
use crate::store::StoreError;

/// The latest format that this version reads, and the one that it writes.
const FORMAT: u32 = sql::MIGRATIONS.len() as u32;

/// Sees to it that the tables are those of this version. Where they are, nothing is written.
///
/// Several nodes may do this at once: each migration is one transaction, of which the database
/// lets one succeed. Who was slower looks again.
pub(super) fn migrate(
    lease: &Lease<'_>,
    schema: Option<&str>,
    until: Deadline,
) -> Result<(), Fault> {
    let mut backoff = Backoff::contending();
    loop {
        let found = lease.run(async |session| format(session).await)?;
        if found > FORMAT {
            let answer = StoreError::FromTheFuture { found, supported: FORMAT };
            return Err(Fault::Store(answer));
        }
        if found == FORMAT {
            return Ok(());
        }
        let step = lease.run(async move |session| step(session, found).await);
        let step = match (step, schema) {
            // Only now, because whoever is given a schema may not be allowed to make any.
            (Err(fault), Some(schema)) if fault.is_of_missing_tables() => {
                let text = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema));
                lease.run(async move |session| execute(session, &text).await)
            }
            (step, _) => step,
        };
        match step {
            Err(fault) if fault.is_of_a_race_to_migrate() && until.left().is_some() => {
                backoff.pause(until)?;
            }
            step => step?,
        }
    }
}

/// The format of the tables; 0 where there are none.
async fn format(session: &Session) -> Result<u32, Fault> {
    match session.answer(session.client().query_one(sql::FORMAT, &[])).await {
        Err(fault) if fault.is_of_missing_tables() => Ok(0),
        row => {
            let found: Option<i32> = row?.try_get(0)?;
            // A number below 0 is none that any version wrote.
            Ok(found.map_or(0, |found| u32::try_from(found).unwrap_or(u32::MAX)))
        }
    }
}

/// Makes the next format of this one.
async fn step(session: &Session, from: u32) -> Result<(), Fault> {
    let number = usize::try_from(from).unwrap_or(usize::MAX);
    let Some(migration) = sql::MIGRATIONS.get(number) else { return Ok(()) };
    let next = from.saturating_add(1);
    let text = format!("BEGIN; {migration} {} ({next}); COMMIT", sql::MIGRATED);
    let done = execute(session, &text).await;
    if done.is_err() {
        execute(session, "ROLLBACK").await?;
    }
    done
}

async fn execute(session: &Session, text: &str) -> Result<(), Fault> {
    session.answer(session.client().batch_execute(text)).await
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
