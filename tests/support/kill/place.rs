//! Places for stores that a writer in another process can open.

#[cfg(feature = "postgres")]
use super::server::Server;
#[cfg(feature = "postgres")]
use crate::support::postgres;
use annul::{Store, store::StoreError};
#[cfg(feature = "redb")]
use std::{fs, path::PathBuf, thread, time::Duration};

/// Opens the store that an address names.
pub fn open(address: &str) -> Result<Box<dyn Store>, StoreError> {
    match address.split_once(':') {
        #[cfg(feature = "redb")]
        Some(("redb", path)) => open_file(path),
        #[cfg(feature = "postgres")]
        Some(("postgres", _)) => Ok(Box::new(annul::store::PostgresStore::connect(address)?)),
        _ => panic!("no store: {address}"),
    }
}

/// Opens a file that a writer of another test may hold on to while it is being started.
#[cfg(feature = "redb")]
fn open_file(path: &str) -> Result<Box<dyn Store>, StoreError> {
    for _ in 0..100 {
        match annul::RedbStore::open(path) {
            Err(StoreError::Locked { .. }) => thread::sleep(Duration::from_millis(10)),
            opened => return Ok(Box::new(opened?)),
        }
    }
    Ok(Box::new(annul::RedbStore::open(path)?))
}

/// Where stores are, and what befalls them.
pub trait Place {
    /// What one command of the writer takes at most in most cases, in microseconds.
    const COMMAND: usize;

    /// How many answers to wait for after a strike, at most. The writer may end by itself then.
    const ANSWERS_AFTER_A_STRIKE: usize = 0;

    /// The address of a new store with nothing in it.
    fn fresh(&mut self) -> String;

    /// What befalls the store before the writer is killed.
    fn strike(&mut self) {}

    /// Waits until nothing that a dead writer began is under way.
    fn settle(&mut self) {}
}

/// A file.
#[cfg(feature = "redb")]
pub struct File;

#[cfg(feature = "redb")]
impl Place for File {
    const COMMAND: usize = 2_000;

    fn fresh(&mut self) -> String {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("killed.store");
        let _ = fs::remove_file(&path);
        annul::RedbStore::open_or_create(&path).unwrap();
        format!("redb:{}", path.display())
    }
}

/// A schema on a server.
#[cfg(feature = "postgres")]
pub struct Schema {
    server: String,
    latest: Option<postgres::Place>,
}

#[cfg(feature = "postgres")]
impl Schema {
    /// On the server with this URL.
    pub fn on(server: String) -> Self {
        Self { server, latest: None }
    }
}

#[cfg(feature = "postgres")]
impl Place for Schema {
    const COMMAND: usize = 10_000;

    fn fresh(&mut self) -> String {
        let place = postgres::Place::on(self.server.clone());
        self.latest.insert(place).url().to_owned()
    }

    fn settle(&mut self) {
        // What the server was asked to commit it may still commit.
        self.latest.as_ref().unwrap().wait_for_the_end();
    }
}

/// A schema on a server that crashes.
#[cfg(feature = "postgres")]
pub struct CrashingServer {
    // Dropped before the server ends.
    schema: Schema,
    server: Server,
}

#[cfg(feature = "postgres")]
impl CrashingServer {
    /// On a server of its own.
    pub fn start() -> Self {
        let (server, url) = Server::start("crashing");
        Self { schema: Schema::on(url), server }
    }
}

#[cfg(feature = "postgres")]
impl Place for CrashingServer {
    const COMMAND: usize = Schema::COMMAND;
    const ANSWERS_AFTER_A_STRIKE: usize = 100;

    fn fresh(&mut self) -> String {
        self.schema.fresh()
    }

    fn strike(&mut self) {
        self.server.crash();
    }

    fn settle(&mut self) {
        self.schema.settle();
    }
}
