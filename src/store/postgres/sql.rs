//! Every statement that is sent.

use super::token::Token;

/// What a session is, before anything else. A server that is set to answer before a commit is on
/// its disk is told to wait for it; one that waits for more is left to it.
pub(super) const SETTINGS: &str = "
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')";

/// Says how PostgreSQL is to look things up: by the primary key, whatever it knows of a table that
/// was empty a moment ago. Other engines may not know these settings, and plan by themselves.
pub(super) const PLANNING: &str = "
    SET plan_cache_mode = force_generic_plan;
    SET jit = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_material = off;
    SET enable_mergejoin = off;
    SET enable_seqscan = off;
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3";

/// The number of the latest migration that was carried out.
pub(super) const FORMAT: &str = "SELECT max(number) FROM annul_migrations";

/// Notes that a migration was carried out.
pub(super) const MIGRATED: &str = "INSERT INTO annul_migrations (number) VALUES ";

/// What makes each format of the one before it. What is in this list has been carried out
/// somewhere, and is never edited.
pub(super) const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE annul_migrations (
        number integer PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE annul_records (
        space smallint NOT NULL,
        key bytea NOT NULL,
        version bigint NOT NULL CHECK (version > 0),
        value bytea NOT NULL,
        PRIMARY KEY (space, key)
    );
    CREATE TABLE annul_commits (
        token bytea PRIMARY KEY,
        carried_out boolean NOT NULL
    );"];

/// Begins a snapshot. The moment that is frozen is that of the first question, so it asks one. It
/// may do nothing for as long as its reader takes, which other transactions may not.
pub(super) const BEGIN_SNAPSHOT: &str = "
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SELECT 1";

/// The record at a key.
pub(super) const GET: &str =
    "SELECT version, value FROM annul_records WHERE space = $1 AND key = $2";

/// The records at many keys, in their order. The limit has each looked up by itself: a join may go
/// through the whole space for each key.
pub(super) const GET_ALL: &str = "
    SELECT r.version, r.value
    FROM unnest($2::bytea[]) WITH ORDINALITY AS asked (key, number)
    LEFT JOIN LATERAL (
        SELECT version, value FROM annul_records
        WHERE space = $1 AND key = asked.key
        LIMIT 1
    ) AS r ON true
    ORDER BY asked.number";

/// From one key on and before another. The bounds are on the key alone, with the space given:
/// PostgreSQL does not stop at the end of a range of rows.
pub(super) const SCAN: &str = "
    SELECT key, value FROM annul_records
    WHERE space = $1 AND key >= $2 AND key < $3
    ORDER BY key LIMIT $4";

/// From one key on to the end of the space.
pub(super) const SCAN_TO_END: &str = "
    SELECT key, value FROM annul_records
    WHERE space = $1 AND key >= $2
    ORDER BY key LIMIT $3";

/// As [`SCAN`], for many ranges one after the other.
pub(super) const SCAN_RANGES: &str = "
    SELECT r.key, r.value
    FROM unnest($2::bytea[], $3::bytea[]) WITH ORDINALITY AS asked (first, past, number)
    CROSS JOIN LATERAL (
        SELECT key, value FROM annul_records
        WHERE space = $1 AND key >= asked.first AND key < asked.past
        ORDER BY key
    ) AS r
    ORDER BY asked.number, r.key";

/// What begins a transaction that writes among others. It waits for them only so many milliseconds:
/// those who only look at a row hold it together, and there may never be a moment when nobody does.
pub(super) fn begin_among_others(begin: &str, milliseconds: usize, token: &Token) -> String {
    format!("{begin}; SET LOCAL statement_timeout = {milliseconds}; {}", name(token))
}

/// What begins a transaction that writes alone. It waits in turn until nobody else writes, and then
/// nobody does; readers go on. It does not wait for long: all who come later wait for it.
pub(super) fn begin_alone(begin: &str, token: &Token) -> String {
    let lock = "SET LOCAL lock_timeout = '2s'; LOCK TABLE annul_records IN EXCLUSIVE MODE";
    format!("{begin}; {lock}; {}", name(token))
}

fn name(token: &Token) -> String {
    format!("INSERT INTO annul_commits (token, carried_out) VALUES ('\\x{token:x}', true)")
}

/// A whole batch. Each part waits for those before it and does nothing unless they found all that
/// they expected, so a batch that is late holds few locks and leaves few dead rows. Whether all
/// did is the answer: who is told no, rolls back. Where there is a row already that is to be added,
/// the answer is a violation of the unique key, for to look first costs as much again as to add.
///
/// Without the token nothing is done. It is sent together with what begins the transaction: should
/// that be refused, this must not be carried out alone.
///
/// The parts see the tables as they were when the statement began. That is enough, because each
/// condition is on the row as it is once it is locked, or on the unique key.
pub(super) const WRITE: &str = "
    WITH kept AS MATERIALIZED (
        SELECT r.version = asked.version AS holds
        FROM unnest($2::smallint[], $3::bytea[], $4::bigint[]) AS asked (space, key, version)
        JOIN annul_records AS r ON r.space = asked.space AND r.key = asked.key
        ORDER BY asked.space, asked.key
        FOR SHARE OF r
    ), ready AS MATERIALIZED (
        SELECT EXISTS (SELECT 1 FROM annul_commits WHERE token = $1)
            AND (SELECT count(*) FROM kept WHERE holds) = cardinality($3::bytea[]) AS it
    ), replaced AS (
        UPDATE annul_records AS r SET version = asked.next, value = asked.value
        FROM unnest($5::smallint[], $6::bytea[], $7::bigint[], $8::bigint[], $9::bytea[])
            AS asked (space, key, version, next, value)
        WHERE r.space = asked.space AND r.key = asked.key AND r.version = asked.version
            AND (SELECT it FROM ready)
        RETURNING 1
    ), open AS MATERIALIZED (
        SELECT (SELECT it FROM ready)
            AND (SELECT count(*) FROM replaced) = cardinality($6::bytea[]) AS it
    ), added AS (
        INSERT INTO annul_records (space, key, version, value)
        SELECT asked.space, asked.key, asked.version, asked.value
        FROM unnest($10::smallint[], $11::bytea[], $12::bigint[], $13::bytea[])
            AS asked (space, key, version, value)
        WHERE (SELECT it FROM open)
        RETURNING 1
    ), removed AS (
        DELETE FROM annul_records AS r
        USING unnest($14::smallint[], $15::bytea[], $16::bigint[]) AS asked (space, key, version)
        WHERE r.space = asked.space AND r.key = asked.key AND r.version = asked.version
            AND (SELECT it FROM open)
        RETURNING 1
    )
    SELECT (SELECT it FROM open)
        AND (SELECT count(*) FROM added) = cardinality($11::bytea[])
        AND (SELECT count(*) FROM removed) = cardinality($15::bytea[])";

/// Takes back the records that stood for absent ones; with the token, as in [`WRITE`].
pub(super) const VACATE: &str = "
    DELETE FROM annul_records AS r
    USING unnest($2::smallint[], $3::bytea[]) AS asked (space, key)
    WHERE r.space = asked.space AND r.key = asked.key
        AND EXISTS (SELECT 1 FROM annul_commits WHERE token = $1)";

/// The first place, by number from 1 on, where the version is not what is expected.
pub(super) const FIRST_MISSED: &str = "
    SELECT asked.number
    FROM unnest($1::smallint[], $2::bytea[], $3::bigint[]) WITH ORDINALITY
        AS asked (space, key, version, number)
    LEFT JOIN annul_records AS r ON r.space = asked.space AND r.key = asked.key
    WHERE coalesce(r.version, 0) <> asked.version
    ORDER BY asked.number LIMIT 1";

/// Claims the token of a commit whose answer got lost: it waits for that transaction if it is
/// still under way, and forbids it if it has not come so far. Where it was carried out, the row is
/// written as it is: so the claim, like the commit before it, waits for a synchronous replica.
pub(super) const CLAIM: &str = "
    INSERT INTO annul_commits AS it (token, carried_out) VALUES ($1, false)
    ON CONFLICT (token) DO UPDATE SET carried_out = it.carried_out";

/// Whether it was the transaction that came first.
pub(super) const CLAIMED: &str = "SELECT carried_out FROM annul_commits WHERE token = $1";

/// Forgets tokens below this one, some at a time.
pub(super) const FORGET: &str = "
    DELETE FROM annul_commits WHERE token IN (
        SELECT token FROM annul_commits WHERE token < $1
        ORDER BY token LIMIT 1000 FOR UPDATE SKIP LOCKED
    )";
