//! Places for stores on PostgreSQL, on the server that `ANNUL_POSTGRES` names: the URL of a
//! superuser, as `.ci/postgres start` prints it.
#![allow(dead_code, reason = "every test that includes this file uses a part of it")]

use annul::store::{PostgresOptions, PostgresStore};
use postgres::{Client, NoTls};
use std::{
    env, fs,
    io::{self, Write},
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The URL of the server; `None` where there is none, which is said to whoever runs the tests.
pub fn server() -> Option<String> {
    let server = env::var("ANNUL_POSTGRES").ok();
    if server.is_none() {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        // Past the harness, which keeps back what a test that passes prints.
        let line = format!("{test} was skipped: ANNUL_POSTGRES names no server\n");
        let _ = io::stderr().write_all(line.as_bytes());
    }
    server
}

/// A schema of its own, dropped in the end.
pub struct Place {
    name: String,
    url: String,
    server: String,
}

impl Place {
    /// An empty place; `None` where there is no server.
    pub fn fresh() -> Option<Self> {
        server().map(Self::on)
    }

    /// An empty place on the server with this URL.
    pub fn on(server: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("annul_{}_{count}", process::id());
        let separator = if server.contains('?') { '&' } else { '?' };
        let url =
            format!("{server}{separator}application_name={name}&options=-c%20search_path%3D{name}");
        let place = Self { name, url, server };
        place.sql(&format!("CREATE SCHEMA {}", place.name));
        place
    }

    /// Names the place to whoever connects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the schema, and of every connection by the URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Another node on the same place.
    pub fn open(&self) -> Arc<PostgresStore> {
        Arc::new(PostgresOptions::new().connect(&self.url).unwrap())
    }

    /// Connects without the store.
    pub fn client(&self) -> Client {
        let mut config: postgres::Config = self.url.parse().unwrap();
        config.application_name("test").connect(NoTls).unwrap()
    }

    /// Has the server do something.
    pub fn sql(&self, text: &str) {
        self.client().batch_execute(text).unwrap();
    }

    /// The root that the server's certificate leads to, PEM, if it is known.
    pub fn root(&self) -> Option<Vec<u8>> {
        fs::read(env::var_os("ANNUL_POSTGRES_ROOT")?).ok()
    }

    /// A number that the server is asked for.
    pub fn number(&self, query: &str) -> i64 {
        self.client().query_one(query, &[]).unwrap().get(0)
    }

    /// Waits until the server has ended the session of every node.
    pub fn wait_for_the_end(&self) {
        let mut client = self.client();
        let sessions = "SELECT FROM pg_stat_activity WHERE application_name = $1";
        let end = Instant::now() + Duration::from_secs(60);
        while !client.query(sessions, &[&self.name]).unwrap().is_empty() {
            assert!(Instant::now() < end, "the sessions of {} last", self.name);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Cuts the connections of all nodes. Answers how many there were.
    pub fn cut(&self) -> i64 {
        self.number(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = '{}'",
            self.name
        ))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that failed may have left the server in any state.
        if let Ok(mut client) = Client::connect(&self.server, NoTls) {
            let _ = client.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name));
        }
    }
}
