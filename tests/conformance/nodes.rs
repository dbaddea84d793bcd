//! Places for stores on PostgreSQL, each of which many nodes may have open.

use crate::postgres;
use annul::{
    Store,
    conformance::Place,
    store::{Isolation, PostgresOptions},
};
use std::sync::Arc;

/// A schema of its own, and how to connect to it.
pub struct Nodes {
    place: postgres::Place,
    options: PostgresOptions,
}

impl Nodes {
    /// With the default isolation.
    pub fn read_committed() -> Option<Self> {
        Self::with(PostgresOptions::new())
    }

    /// With the strictest isolation.
    pub fn serializable() -> Option<Self> {
        Self::with(PostgresOptions::new().isolation(Isolation::Serializable))
    }

    fn with(options: PostgresOptions) -> Option<Self> {
        postgres::Place::fresh().map(|place| Self { place, options })
    }
}

impl Place for Nodes {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.options.connect(self.place.url()).unwrap())
    }

    fn is_shared(&self) -> bool {
        true
    }
}
