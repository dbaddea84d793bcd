//! PostgreSQL without us: rows go in and out by COPY.

use super::{
    engine::{Engine, Row},
    place::Place,
};
use annul::store::Space;
use postgres::{
    Client, Statement,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use std::io;

const TABLE: &str = "
    CREATE TABLE bare (
        space smallint NOT NULL,
        key bytea NOT NULL,
        version bigint NOT NULL CHECK (version > 0),
        value bytea NOT NULL,
        PRIMARY KEY (space, key)
    )";

/// Replaces rows and adds others, without a journey more.
const WRITE: &str = "
    WITH replaced AS (
        UPDATE bare AS r SET version = new.version, value = new.value
        FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[])
            AS new (space, key, version, value)
        WHERE r.space = new.space AND r.key = new.key
    )
    INSERT INTO bare SELECT * FROM unnest($5::smallint[], $6::bytea[], $7::bigint[], $8::bytea[])";

const COLUMNS: [Type; 4] = [Type::INT2, Type::BYTEA, Type::INT8, Type::BYTEA];

/// How many rows are worth a COPY.
const MANY: usize = 100;

/// A table of the shape of ours, beside ours.
pub struct Copying {
    client: Client,
    write: Statement,
    copy: Statement,
    /// Dropped last.
    _place: Place,
}

impl Copying {
    pub fn new(place: Place) -> Self {
        let mut client = place.client();
        client.batch_execute(TABLE).unwrap();
        // As ours does: what PostgreSQL knows of a table that was empty a moment ago misleads it.
        let settings = "SET plan_cache_mode = force_generic_plan; SET jit = off;
            SET enable_seqscan = off; SET enable_bitmapscan = off;
            SET enable_hashjoin = off; SET enable_mergejoin = off";
        client.batch_execute(settings).unwrap();
        let write = client.prepare(WRITE).unwrap();
        let copy = client.prepare("COPY bare FROM STDIN BINARY").unwrap();
        Self { client, write, copy, _place: place }
    }
}

/// Rows, column by column.
#[derive(Default)]
struct Columns<'a> {
    spaces: Vec<i16>,
    keys: Vec<&'a [u8]>,
    versions: Vec<i64>,
    values: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.spaces.push(row.space as i16);
            columns.keys.push(&row.key);
            columns.versions.push(row.version as i64);
            columns.values.push(&row.value);
        }
        columns
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.spaces, &self.keys, &self.versions, &self.values]
    }
}

impl Engine for Copying {
    fn write(&mut self, rows: &[Row]) {
        let replaced = Columns::of(rows.iter().filter(|row| row.replaces));
        let added = || rows.iter().filter(|row| !row.replaces);
        if rows.len() < MANY {
            let added = Columns::of(added());
            let parameters = [replaced.parameters(), added.parameters()].concat();
            self.client.execute(&self.write, &parameters).unwrap();
            return;
        }
        let mut transaction = self.client.transaction().unwrap();
        if !replaced.keys.is_empty() {
            let none = Columns::default();
            let parameters = [replaced.parameters(), none.parameters()].concat();
            transaction.execute(&self.write, &parameters).unwrap();
        }
        let sink = transaction.copy_in(&self.copy).unwrap();
        let mut writer = BinaryCopyInWriter::new(sink, &COLUMNS);
        for row in added() {
            let (space, version) = (row.space as i16, row.version as i64);
            writer.write(&[&space, &row.key, &version, &row.value]).unwrap();
        }
        writer.finish().unwrap();
        transaction.commit().unwrap();
    }

    fn scan(&mut self) -> u64 {
        let code = Space::Entries.code();
        let query = format!(
            "COPY (SELECT key, value FROM bare WHERE space = {code} ORDER BY key)
             TO STDOUT BINARY"
        );
        let mut rows = self.client.copy_out(&query).unwrap();
        io::copy(&mut rows, &mut io::sink()).unwrap()
    }
}
