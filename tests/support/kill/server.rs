//! A PostgreSQL server for one test alone.

use std::{
    env,
    path::{Path, PathBuf},
    process::{self, Command},
};

/// A server, stopped and removed in the end.
pub struct Server(PathBuf);

impl Server {
    /// Starts a server, in a directory with this in its name, and answers its URL too.
    pub fn start(name: &str) -> (Self, String) {
        // Where the user that the server runs as can get at it.
        let place = env::temp_dir().join(format!("annul-{name}-{}", process::id()));
        let server = Self(place);
        let url = server.told("start").unwrap();
        (server, url)
    }

    /// Ends it at once, and starts it again.
    pub fn crash(&self) {
        self.told("crash").unwrap();
    }

    /// What the script answers; what it complains of where it fails.
    fn told(&self, command: &str) -> Result<String, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/postgres");
        let done = Command::new(script)
            .arg(command)
            .env("ANNUL_POSTGRES_PLACE", &self.0)
            .output()
            .map_err(|error| error.to_string())?;
        match done.status.success() {
            true => Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(complaint) = self.told("stop") {
            eprintln!("the server goes on: {complaint}");
        }
    }
}
