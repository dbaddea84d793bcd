//! Carrying out a batch.

use super::{
    PostgresStore,
    backoff::Backoff,
    connection::{Session, together},
    fault::Fault,
    plan::{Plan, Rows},
    pool::{Deadline, Lease, Purpose},
    sql,
    token::Token,
};
use crate::store::{Batch, StoreError};
use std::{cell::Cell, sync::Arc};
use tokio_postgres::types::ToSql;

/// How often a batch is tried that others get in the way of.
const TRIES: u32 = 20;

/// What became of a transaction.
enum Outcome {
    Committed,
    /// A condition did not hold, and nothing was changed.
    Refused,
    /// The commit was sent, and no answer came.
    Unknown(Fault),
}

impl PostgresStore {
    /// As [`Store::apply`](crate::store::Store::apply), of a batch that passed its check.
    pub(super) fn carry_out(&self, batch: &Batch) -> Result<(), StoreError> {
        let plan = Arc::new(Plan::of(batch));
        let until = self.pool.deadline();
        let mut backoff = Backoff::contending();
        let mut is_alone = false;
        for _ in 0..TRIES {
            match self.attempt(batch, &plan, is_alone, until) {
                Ok(Some(answer)) => return answer,
                Ok(None) => {}
                Err(fault) if fault.is_of_a_long_wait() => is_alone = !is_alone,
                Err(fault) if is_alone && fault.is_of_an_unknown_statement() => is_alone = false,
                Err(fault) if fault.is_of_contention() => {}
                Err(fault) if fault.is_of_the_connection() && until.left().is_some() => {}
                Err(fault) => return Err(self.fault(fault)),
            }
            backoff.pause(until).map_err(|fault| self.fault(fault))?;
        }
        Err(self.fault(Fault::Contended(TRIES)))
    }

    /// One transaction, and what to answer; `None` where it may be tried again. After a fault
    /// nothing was committed.
    fn attempt(
        &self,
        batch: &Batch,
        plan: &Arc<Plan>,
        is_alone: bool,
        until: Deadline,
    ) -> Result<Option<Result<(), StoreError>>, Fault> {
        let token = Token::new()?;
        let begin = match is_alone {
            true => sql::begin_alone(self.begin, &token),
            false => sql::begin_among_others(self.begin, plan.patience(), &token),
        };
        let lease = self.pool.lend(Purpose::Write, until)?;
        let plan = Arc::clone(plan);
        match lease.run(async move |session| transact(session, &begin, &plan, token).await)? {
            Outcome::Committed => {
                tidy(&lease, token);
                Ok(Some(Ok(())))
            }
            Outcome::Refused => Ok(self.refusal(&lease, batch)?.map(Err)),
            Outcome::Unknown(fault) => {
                drop(lease);
                match self.was_committed(token) {
                    Ok(true) => Ok(Some(Ok(()))),
                    Ok(false) => Ok(None),
                    // What went wrong first is what whoever looks into it wants to know.
                    Err(_) => Ok(Some(Err(self.fault(fault)))),
                }
            }
        }
    }

    /// The answer where a condition does not hold; `None` where all of them do by now.
    fn refusal(&self, lease: &Lease<'_>, batch: &Batch) -> Result<Option<StoreError>, Fault> {
        let rows = Rows::expected_by(batch);
        let missed = lease.run(async move |session| first_missed(session, &rows).await)?;
        Ok(missed.and_then(|number| batch.steps().nth(number)).map(|step| step.refusal()))
    }

    /// Whether the transaction with this token was carried out. If not, it never will be.
    fn was_committed(&self, token: Token) -> Result<bool, Fault> {
        let until = self.pool.deadline();
        let mut backoff = Backoff::reconnecting();
        loop {
            let lease = self.pool.lend(Purpose::Write, until)?;
            match lease.run(async move |session| claim(session, token).await) {
                Err(fault)
                    if until.left().is_some()
                        && (fault.is_of_the_connection() || fault.is_of_contention()) => {}
                claimed => return claimed,
            }
            drop(lease);
            backoff.pause(until)?;
        }
    }
}

/// Carries out one transaction in two journeys: all up to the commit, and the commit.
async fn transact(
    session: &Session,
    begin: &str,
    plan: &Plan,
    token: Token,
) -> Result<Outcome, Fault> {
    let write = session.statement(sql::WRITE).await?;
    let vacate = match plan.vacant.is_empty() {
        true => None,
        false => Some(session.statement(sql::VACATE).await?),
    };
    let client = session.client();
    let Plan { kept, replaced, added, vacant, removed } = plan;
    let octets = token.octets();
    let rows: [&(dyn ToSql + Sync); 16] = [
        &octets,
        &kept.spaces,
        &kept.keys,
        &kept.versions,
        &replaced.spaces,
        &replaced.keys,
        &replaced.versions,
        &replaced.nexts,
        &replaced.values,
        &added.spaces,
        &added.keys,
        &added.versions,
        &added.values,
        &removed.spaces,
        &removed.keys,
        &removed.versions,
    ];
    let holds = Cell::new(false);
    let done = together([
        Box::pin(client.batch_execute(begin)),
        Box::pin(async {
            holds.set(client.query_one(&write, &rows).await?.try_get(0)?);
            Ok(())
        }),
        Box::pin(async {
            if let Some(vacate) = &vacate {
                client.execute(vacate, &[&octets, &vacant.spaces, &vacant.keys]).await?;
            }
            Ok(())
        }),
    ]);
    let done = session.answer(done).await;
    if done.is_err() || !holds.get() {
        // Where this fails, so does the connection, and with it the transaction.
        if session.answer(client.batch_execute("ROLLBACK")).await.is_err() {
            session.give_up();
        }
        return match done {
            Err(fault) if !fault.is_of_a_row_in_the_way() => Err(fault),
            _ => Ok(Outcome::Refused),
        };
    }
    match session.answer(client.batch_execute("COMMIT")).await {
        Ok(()) => Ok(Outcome::Committed),
        Err(fault) if fault.is_of_contention() => Err(fault),
        Err(fault) => {
            session.give_up();
            Ok(Outcome::Unknown(fault))
        }
    }
}

/// The number of the first row that has another version than expected.
async fn first_missed(session: &Session, rows: &Rows) -> Result<Option<usize>, Fault> {
    let find = session.statement(sql::FIRST_MISSED).await?;
    let rows: [&(dyn ToSql + Sync); 3] = [&rows.spaces, &rows.keys, &rows.versions];
    let Some(row) = session.answer(session.client().query_opt(&find, &rows)).await? else {
        return Ok(None);
    };
    // They are counted from 1 on.
    let number: i64 = row.try_get(0)?;
    Ok(usize::try_from(number).ok().and_then(|number| number.checked_sub(1)))
}

/// Puts an end to a transaction that may be under way, and answers whether it came first.
async fn claim(session: &Session, token: Token) -> Result<bool, Fault> {
    let claim = session.statement(sql::CLAIM).await?;
    session.answer(session.client().execute(&claim, &[&token.octets()])).await?;
    let ask = session.statement(sql::CLAIMED).await?;
    let row = session.answer(session.client().query_one(&ask, &[&token.octets()])).await?;
    Ok(row.try_get(0)?)
}

/// Now and then forgets what nobody will ask any more, after the answer was given.
fn tidy(lease: &Lease<'_>, token: Token) {
    if !token.is_one_to_tidy_after() {
        return;
    }
    // Where it fails, another will.
    let _ = lease.start(async |session| {
        if let Ok(forget) = session.statement(sql::FORGET).await {
            let oldest = Token::oldest_kept();
            let _ = session.answer(session.client().execute(&forget, &[&oldest.octets()])).await;
        }
    });
}
