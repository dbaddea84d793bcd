//! Engines without us: they compare no versions and decide nothing.

use annul::store::{Batch, Effect, Space, Version};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::{collections::BTreeMap, hint::black_box, ops::Range};

/// A record that a batch writes.
pub struct Row {
    pub space: u16,
    pub key: Vec<u8>,
    pub version: u64,
    pub value: Vec<u8>,
    /// Whether there was one before.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "only COPY must know"))]
    pub replaces: bool,
}

/// What a batch writes. None of those measured removes anything.
pub fn rows(batch: &Batch) -> Vec<Row> {
    let written = batch.steps().filter_map(|step| {
        let Effect::Write(version, value) = step.effect else { return None };
        Some(Row {
            space: step.space.code(),
            key: step.key.to_vec(),
            version: version.0,
            value: value.to_vec(),
            replaces: step.expected != Version::ABSENT,
        })
    });
    written.collect()
}

impl Row {
    /// The key where all spaces share a table.
    fn whole_key(&self) -> Vec<u8> {
        [&self.space.to_be_bytes(), &*self.key].concat()
    }

    /// The value where the version goes before it.
    fn whole_value(&self) -> Vec<u8> {
        [&self.version.to_be_bytes(), &*self.value].concat()
    }
}

/// An engine without us.
pub trait Engine {
    /// Writes all rows by one transaction, as durably as the engine can.
    fn write(&mut self, rows: &[Row]);

    /// Reads the revoked entries, and says how many octets they have.
    fn scan(&mut self) -> u64;
}

/// Where the keys of the revoked entries are.
fn entries() -> Range<Vec<u8>> {
    let code = Space::Entries.code();
    code.to_be_bytes().to_vec()..(code + 1).to_be_bytes().to_vec()
}

impl Engine for BTreeMap<Vec<u8>, Vec<u8>> {
    fn write(&mut self, rows: &[Row]) {
        for row in rows {
            self.insert(row.whole_key(), row.whole_value());
        }
    }

    fn scan(&mut self) -> u64 {
        let rows = self.range(entries());
        rows.map(|(key, value)| black_box(key.len() + value.len()) as u64).sum()
    }
}

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

impl Engine for Database {
    fn write(&mut self, rows: &[Row]) {
        let transaction = self.begin_write().unwrap();
        let mut table = transaction.open_table(TABLE).unwrap();
        for row in rows {
            table.insert(&*row.whole_key(), &*row.whole_value()).unwrap();
        }
        drop(table);
        transaction.commit().unwrap();
    }

    fn scan(&mut self) -> u64 {
        let table = self.begin_read().unwrap().open_table(TABLE).unwrap();
        let Range { start, end } = entries();
        let rows = table.range(&*start..&*end).unwrap().map(Result::unwrap);
        rows.map(|(key, value)| black_box(key.value().len() + value.value().len()) as u64).sum()
    }
}
