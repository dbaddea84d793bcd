//! A store in PostgreSQL, for many nodes at once.
//!
//! One table holds every record, its version beside its value. A batch is one transaction that
//! takes two journeys: one statement for all of it, and the commit. No node keeps anything in
//! memory that another could make untrue.
//!
//! **Why READ COMMITTED is enough.** Each condition of a batch is on a row that the transaction
//! locks and looks at once it has the lock (`FOR SHARE`, `UPDATE` or `DELETE` with the version),
//! or on a row that it adds under the unique key. A place that must stay empty gets a row for the
//! time of the transaction. So from each look on until the commit nobody else changes what was
//! looked at: at the moment of the commit every condition holds. The head of a log is such a row,
//! so its positions are taken one after the other, and commit together with their entries: a
//! snapshot that shows a head shows all entries up to it. Nothing is decided on what a query did
//! not find, so there are no phantoms to fear. At SERIALIZABLE the same locks are taken, and the
//! engine watches besides.
//!
//! **Why REPEATABLE READ is enough to read.** The contract asks for everything that was durable at
//! one moment, and that is what it shows on PostgreSQL. What SERIALIZABLE adds for readers is an
//! order of transactions other than that of their commits; nobody here decides on it, because
//! each batch states what it was decided on.
//!
//! **A commit without an answer.** Each transaction adds a random token. When the connection dies
//! at the commit, another one adds the same token with the mark that it was not carried out. The
//! unique key has it wait for a transaction that is still under way. Whichever token is there then
//! says what happened, and for good.

mod apply;
mod backoff;
mod connection;
mod fault;
mod plan;
mod pool;
mod schema;
mod snapshot;
mod sql;
#[cfg(feature = "postgres-tls")]
mod tls;
mod token;

use self::{
    backoff::Backoff,
    connection::{Target, Tls},
    fault::Fault,
    pool::{Deadline, Lease, Pool, Purpose},
    snapshot::PostgresSnapshot,
};
use super::{Batch, Snapshot, Store, StoreError};
use std::{fmt, fmt::Write, time::Duration};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// A store in a PostgreSQL database, which any number of nodes may share.
///
/// It brings its tables with it: connecting makes them, or brings them up to date, and several
/// nodes may do so at once. Where they are up to date nothing is written, so a read-only replica
/// can be connected to and read from. (It lags: see [`Store::snapshot`].)
///
/// Connections are opened when they are needed, each on a thread of its own, so calls are allowed
/// on a worker of an async runtime, but they block it. A connection that breaks is replaced, with
/// pauses that grow. When it breaks at the commit, the store finds out whether the batch took
/// effect, and answers `Ok` or tries again. It needs a direct connection, or a pooler that keeps
/// to one server connection for a session.
///
/// # Durability
///
/// Where the server is set to answer before a commit is on its disk (`synchronous_commit`), the
/// store's own connections are told to wait for the disk, and for a synchronous replica if there
/// is one. With `fsync = off` no server keeps what this store promises.
///
/// # Engines
///
/// It is tested on PostgreSQL. It is designed for engines that speak its protocol and distribute
/// the data as well, such as CockroachDB, YugabyteDB and Aurora: it needs no sequences, no advisory
/// locks and no `LISTEN`, tries again what they give up for the sake of another transaction, and
/// can be set to [`Isolation::Serializable`], which some of them prefer.
///
/// # TLS
///
/// With the feature `postgres-tls` a connection is secret where the server offers it, and always
/// with `sslmode=require` or `sslmode=verify-full` in the URL. The server's certificate is then
/// always verified, and its name. `sslmode=disable` does without.
///
/// ```no_run
/// use annul::store::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://ca@db.example/annul")?;
/// # Ok::<(), annul::store::StoreError>(())
/// ```
pub struct PostgresStore {
    pool: Pool,
    /// The database, as errors name it.
    place: String,
    /// The statement that begins a transaction.
    begin: &'static str,
}

/// How to connect to a [`PostgresStore`].
///
/// ```no_run
/// use annul::store::{Isolation, PostgresOptions};
///
/// let options = PostgresOptions::new().connections(16).isolation(Isolation::Serializable);
/// let store = options.schema("annul").connect("postgres://ca@db.example/annul")?;
/// # Ok::<(), annul::store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    connections: usize,
    isolation: Isolation,
    schema: Option<String>,
    answer_timeout: Duration,
    wait_timeout: Duration,
    #[cfg(feature = "postgres-tls")]
    tls_roots: Option<Vec<u8>>,
}

/// How the transactions that write are kept apart. Both are safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Each condition rests on a lock. The fastest on PostgreSQL.
    #[default]
    ReadCommitted,
    /// The engine looks for conflicts besides, and gives up more transactions, which are tried
    /// again. For engines that know nothing else.
    Serializable,
}

impl PostgresStore {
    /// Connects to the database with this URL (`postgres://user:password@host:port/database`) or
    /// in the form `key=value`, with the default options.
    ///
    /// # Errors
    /// As [`PostgresOptions::connect`].
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        PostgresOptions::new().connect(url)
    }

    fn fault(&self, fault: Fault) -> StoreError {
        fault.at(&self.place)
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 8,
            isolation: Isolation::default(),
            schema: None,
            answer_timeout: Duration::from_secs(60),
            wait_timeout: Duration::from_secs(30),
            #[cfg(feature = "postgres-tls")]
            tls_roots: None,
        }
    }
}

impl PostgresOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections there may be at once, at least 2; 8 by default. A snapshot holds on to
    /// one; the last one is left to who writes.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// How the transactions that write are kept apart; [`Isolation::ReadCommitted`] by default.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// The schema that the tables are in, which is made where there is none. By default the one
    /// that the database gives to the user, mostly `public`.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// How long to wait for one answer of the server; a minute by default. A batch of a
    /// hundred thousand records is one question. The server ends a transaction that does nothing
    /// for so long, so that a node which dies does not hold up the others for longer.
    #[must_use]
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.answer_timeout = time;
        self
    }

    /// How long a call waits for a free connection, or for a server that can be reached; half a
    /// minute by default.
    #[must_use]
    pub fn wait_timeout(mut self, time: Duration) -> Self {
        self.wait_timeout = time;
        self
    }

    /// The certificates that the server's one must lead to, PEM. By default those that the
    /// platform trusts.
    #[cfg(feature = "postgres-tls")]
    #[must_use]
    pub fn tls_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls_roots = Some(pem.into());
        self
    }

    /// Connects to the database with this URL, and makes the tables or brings them up to date.
    ///
    /// # Errors
    /// [`StoreError::FromTheFuture`] where a later version of this crate made the tables, and
    /// [`StoreError::Backend`] where the URL is not understood, the database cannot be reached or
    /// does not allow it.
    pub fn connect(&self, url: &str) -> Result<PostgresStore, StoreError> {
        let mut config = self.config(url).map_err(|fault| fault.at("the database"))?;
        let place = named(&config);
        config.connect_timeout(*config.get_connect_timeout().unwrap_or(&CONNECT_TIMEOUT));
        let target = self.target(config).map_err(|fault| fault.at(&place))?;
        let pool = Pool::new(target, self.connections.max(2), self.wait_timeout);
        let begin = match self.isolation {
            Isolation::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Isolation::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        };
        let store = PostgresStore { pool, place, begin };
        let until = store.pool.deadline();
        let lease = store.lend(Purpose::Write, until)?;
        let migrated = schema::migrate(&lease, self.schema.as_deref(), until);
        migrated.map_err(|fault| store.fault(fault))?;
        drop(lease);
        Ok(store)
    }

    fn config(&self, url: &str) -> Result<Config, Fault> {
        // The driver has no name for it, and all that it verifies it verifies in full.
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let mut config: Config = url.parse()?;
        if cfg!(not(feature = "postgres-tls")) && config.get_ssl_mode() == SslMode::Require {
            return Err(Fault::NoTls);
        }
        // A connection that lies idle may be forgotten by what is between.
        if config.get_keepalives_interval().is_none() {
            config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        }
        if config.get_application_name().is_none() {
            config.application_name("annul");
        }
        Ok(config)
    }

    fn target(&self, config: Config) -> Result<Target, Fault> {
        let mut settings = format!(
            "{}; SET idle_in_transaction_session_timeout = {}",
            sql::SETTINGS,
            self.answer_timeout.as_millis().clamp(1, i32::MAX as u128)
        );
        if let Some(schema) = &self.schema {
            settings.push_str("; SET search_path = ");
            settings.push_str(&schema::quoted(schema));
        }
        #[cfg(feature = "postgres-tls")]
        let tls = Tls::new(self.tls_roots.as_deref())?;
        #[cfg(not(feature = "postgres-tls"))]
        let tls: Tls = tokio_postgres::NoTls;
        Ok(Target { config, settings, patience: self.answer_timeout, tls })
    }
}

/// How long it may take to reach a server, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often to see whether a server is still there, unless the URL says otherwise.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How errors name a database: without the user and the password.
fn named(config: &Config) -> String {
    let mut place = "PostgreSQL at ".to_owned();
    let ports = config.get_ports();
    for (number, host) in config.get_hosts().iter().enumerate() {
        let port = ports.get(number).or(ports.first()).unwrap_or(&5432);
        let separator = if number == 0 { "" } else { "," };
        // Writing to a String does not fail.
        let _ = match host {
            Host::Tcp(name) => write!(place, "{separator}{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => write!(place, "{separator}{}:{port}", path.display()),
        };
    }
    if let Some(database) = config.get_dbname() {
        place.push('/');
        place.push_str(database);
    }
    place
}

impl PostgresStore {
    fn lend(&self, purpose: Purpose, until: Deadline) -> Result<Lease<'_>, StoreError> {
        self.pool.lend(purpose, until).map_err(|fault| self.fault(fault))
    }
}

impl Store for PostgresStore {
    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        if batch.steps().next().is_none() {
            return Ok(());
        }
        self.carry_out(batch)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let until = self.pool.deadline();
        let mut backoff = Backoff::reconnecting();
        loop {
            let lease = self.lend(Purpose::Read, until)?;
            match lease.run(snapshot::begin) {
                Ok(()) => return Ok(Box::new(PostgresSnapshot::new(self, lease))),
                // A connection that was kept may have died unseen.
                Err(fault) if fault.is_of_the_connection() && until.left().is_some() => {}
                Err(fault) => return Err(self.fault(fault)),
            }
            drop(lease);
            backoff.pause(until).map_err(|fault| self.fault(fault))?;
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.place).finish_non_exhaustive()
    }
}
