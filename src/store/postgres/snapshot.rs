//! A frozen view: a connection within a transaction that reads.

use super::{PostgresStore, connection::Session, fault::Fault, plan, pool::Lease, sql};
use crate::store::{Record, Snapshot, Space, StoreError, Version, Visit, key, place};
use futures_util::{StreamExt, TryStreamExt, stream::Fuse};
use std::{
    pin::{Pin, pin},
    sync::mpsc::{SyncSender, sync_channel},
};
use tokio_postgres::{Row, RowStream, Statement, types::ToSql};

/// How many records the first page of a scan has, and how many a page has at most.
const FIRST_PAGE: i64 = 128;
const LAST_PAGE: i64 = 16_384;
/// How many octets of records are handed over at once, but for a record that has more.
const CHUNK: usize = 128 << 10;
/// How many records are handed over at once.
const CHUNK_ROWS: usize = 1024;
/// How many chunks wait for who visits them.
const AHEAD: usize = 4;
/// How many keys or prefixes one question has.
const GROUP: usize = 1000;

/// Keeps the connection until it is dropped.
pub(super) struct PostgresSnapshot<'a> {
    store: &'a PostgresStore,
    lease: Lease<'a>,
}

/// Begins the transaction.
pub(super) async fn begin(session: &Session) -> Result<(), Fault> {
    let begun = session.answer(session.client().batch_execute(sql::BEGIN_SNAPSHOT)).await;
    if begun.is_err() {
        // It may have begun all the same, and nobody would end it.
        session.give_up();
    }
    begun
}

impl<'a> PostgresSnapshot<'a> {
    /// Over a connection on which the transaction began.
    pub(super) fn new(store: &'a PostgresStore, lease: Lease<'a>) -> Self {
        Self { store, lease }
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl AsyncFnOnce(&Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.lease.run(question).map_err(|fault| self.store.fault(fault))
    }

    /// Visits what the thread of the connection sends, which goes on reading meanwhile. Answers
    /// whether the visitor went to the end.
    fn stream(
        &self,
        visit: &mut Visit<'_>,
        read: impl AsyncFnOnce(&Session, &Sink) -> Result<(), Fault> + Send + 'static,
    ) -> Result<bool, StoreError> {
        let (sink, chunks) = sync_channel(AHEAD);
        let sink = Sink(sink);
        let started = self.lease.start(async move |session| {
            let read = read(session, &sink).await;
            // An empty chunk is the end. Who visits may have left.
            let _ = sink.0.send(read.map(|()| Vec::new()));
        });
        started.map_err(|fault| self.store.fault(fault))?;
        loop {
            // Where the end is missing, the thread ended before its work.
            let chunk = chunks.recv().unwrap_or(Err(Fault::Gone));
            let chunk = chunk.map_err(|fault| self.store.fault(fault))?;
            if chunk.is_empty() {
                return Ok(true);
            }
            for row in chunk {
                let record = columns(&row).map_err(|fault| self.store.fault(fault))?;
                if visit(record.0, record.1).is_break() {
                    return Ok(false);
                }
            }
        }
    }
}

impl Drop for PostgresSnapshot<'_> {
    fn drop(&mut self) {
        // Whoever has the connection next waits for this, not who drops the snapshot.
        let _ = self.lease.start(async |session| {
            if session.answer(session.client().batch_execute("ROLLBACK")).await.is_err() {
                session.give_up();
            }
        });
    }
}

impl Snapshot for PostgresSnapshot<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        let (code, sought) = (plan::code(space), key.to_vec());
        let row = self.ask(async move |session| {
            let get = session.statement(sql::GET).await?;
            session.answer(session.client().query_opt(&get, &[&code, &sought])).await
        })?;
        row.map(|row| self.record(&row, space, key)).transpose().map(Option::flatten)
    }

    fn get_all(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Record>>, StoreError> {
        let code = plan::code(space);
        let mut records = Vec::with_capacity(keys.len());
        for group in keys.chunks(GROUP) {
            let sought = group.to_vec();
            let rows = self.ask(async move |session| {
                let get = session.statement(sql::GET_ALL).await?;
                session.answer(session.client().query(&get, &[&code, &sought])).await
            })?;
            for (row, key) in rows.iter().zip(group) {
                records.push(self.record(row, space, key)?);
            }
        }
        Ok(records)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: Option<&[u8]>,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let (code, from) = (plan::code(space), from.to_vec());
        let to = to.map(<[u8]>::to_vec);
        self.stream(visit, async move |session, sink| {
            let text = if to.is_some() { sql::SCAN } else { sql::SCAN_TO_END };
            let scan = session.statement(text).await?;
            let (mut from, mut limit) = (from, FIRST_PAGE);
            loop {
                let mut page: Vec<&(dyn ToSql + Sync)> = vec![&code, &from];
                page.extend(to.as_ref().map(|to| to as &(dyn ToSql + Sync)));
                page.push(&limit);
                let (count, last) = sink.page(session, &scan, &page).await?;
                let Some(last) = last.filter(|_| count >= limit) else { return Ok(()) };
                from = last;
                // The first key after it.
                from.push(0);
                limit = (limit * 4).min(LAST_PAGE);
            }
        })?;
        Ok(())
    }

    fn scan_prefixes(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let code = plan::code(space);
        for group in prefixes.chunks(GROUP) {
            let first = group.to_vec();
            let past: Option<Vec<_>> = group.iter().map(|prefix| key::past(prefix)).collect();
            let goes_on = match past {
                Some(past) => self.stream(visit, async move |session, sink| {
                    let scan = session.statement(sql::SCAN_RANGES).await?;
                    sink.page(session, &scan, &[&code, &first, &past]).await?;
                    Ok(())
                })?,
                // One of them has no end but that of the space.
                None => {
                    let mut goes_on = true;
                    for prefix in first {
                        let past = key::past(&prefix);
                        self.scan(space, &prefix, past.as_deref(), &mut |key, value| {
                            let flow = visit(key, value);
                            goes_on = flow.is_continue();
                            flow
                        })?;
                        if !goes_on {
                            break;
                        }
                    }
                    goes_on
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}

impl PostgresSnapshot<'_> {
    /// The record in a row of version and value; `None` where the row is empty.
    fn record(&self, row: &Row, space: Space, key: &[u8]) -> Result<Option<Record>, StoreError> {
        let columns = || Ok::<_, Fault>((row.try_get(0)?, row.try_get(1)?));
        let (version, value): (Option<i64>, Option<Vec<u8>>) =
            columns().map_err(|fault| self.store.fault(fault))?;
        let Some(version) = version else { return Ok(None) };
        let damaged = || StoreError::Corrupt {
            what: place(space, key),
            problem: format!("version {version}, at least 1 expected"),
        };
        let positive = u64::try_from(version).ok().filter(|&version| version > 0);
        let version = Version(positive.ok_or_else(damaged)?);
        Ok(Some(Record { version, value: value.unwrap_or_default() }))
    }
}

/// The key and the value in a row.
fn columns(row: &Row) -> Result<(&[u8], &[u8]), Fault> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

type Chunk = Result<Vec<Row>, Fault>;

/// Where the thread of a connection puts what it reads. It waits there for the visitor, so memory
/// does not grow.
struct Sink(SyncSender<Chunk>);

impl Sink {
    /// Hands over what one question finds. Answers how many records that were, and the key of the
    /// last one; `None` where there was none, or nobody visits them any more.
    async fn page(
        &self,
        session: &Session,
        statement: &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<(i64, Option<Vec<u8>>), Fault> {
        let asked = session.client().query_raw(statement, parameters.iter().copied());
        let mut rows = pin!(session.answer(asked).await?.fuse());
        let (mut count, mut last) = (0, None);
        loop {
            let chunk = session.answer(next_chunk(rows.as_mut())).await?;
            let Some(row) = chunk.last() else { return Ok((count, last)) };
            last = Some(columns(row)?.0.to_vec());
            count += chunk.len() as i64;
            if self.0.send(Ok(chunk)).is_err() {
                return Ok((count, None));
            }
        }
    }
}

/// The next rows; none at the end.
async fn next_chunk(mut rows: Pin<&mut Fuse<RowStream>>) -> Result<Vec<Row>, Fault> {
    let (mut chunk, mut octets) = (Vec::new(), 0);
    while octets < CHUNK
        && chunk.len() < CHUNK_ROWS
        && let Some(row) = rows.try_next().await?
    {
        octets += row.raw_size_bytes();
        chunk.push(row);
    }
    Ok(chunk)
}
