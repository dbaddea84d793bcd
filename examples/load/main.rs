//! A load run: how many certificates the example server revokes a second through the API of AWS, how
//! long a call takes, and whether its memory stays what it was.
//!
//! ```text
//! cargo build --release --all-features --example server --example load
//! target/release/examples/load target/release/examples/server
//! ```
//!
//! Each call revokes a certificate of its own, signed with SigV4 as the SDKs do, over connections that
//! are kept. The server is started with `MALLOC_ARENA_MAX=1` unless the environment says otherwise.

mod client;

use clap::Parser;
use client::Client;
use serde_json::{Value, json};
use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

type Failure = Box<dyn Error + Send + Sync>;

/// Revokes certificates of the example server's demo through the API of AWS, over many connections
#[derive(Parser)]
struct Arguments {
    /// The example `server`, as it was built
    server: PathBuf,
    /// How many connections there are, each with one call at a time
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How many certificates are revoked
    #[arg(long, default_value_t = 100_000)]
    calls: usize,
}

fn main() -> Result<(), Failure> {
    let Arguments { server, connections, calls } = Arguments::parse();
    let server = Server::start(&server, calls)?;
    let serials = server.serials()?;
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    println!("{calls} calls, {connections} connections");
    println!("{:>9} {:>9} {:>14}", "calls", "seconds", "memory in MiB");
    let took = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| revoke(&server, &serials, &next))).collect();
        for part in 0..=10 {
            let due = calls * part / 10;
            // A thread that fails ends, and so does this with the last of them.
            while next.load(Ordering::Relaxed) < due && !threads.iter().all(|it| it.is_finished()) {
                thread::sleep(Duration::from_millis(20));
            }
            println!("{due:>9} {:>9.1} {:>14.1}", start.elapsed().as_secs_f64(), server.memory()?);
        }
        let mut took = Vec::new();
        for thread in threads {
            took.extend(thread.join().map_err(|_| "a thread panicked")??);
        }
        Ok::<_, Failure>(took)
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut took = took?;
    took.sort_unstable();
    let at = |part: f64| {
        let place = (took.len() as f64 * part) as usize;
        took.get(place.min(took.len().saturating_sub(1))).map_or(0.0, |it| it.as_secs_f64() * 1e3)
    };
    println!("{} revoked, no error", took.len());
    println!("{:.0} calls a second", took.len() as f64 / seconds);
    println!("p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms", at(0.5), at(0.99), at(1.0));
    Ok(())
}

/// Revokes one certificate after the other until none is left, and says how long each took.
fn revoke(
    server: &Server,
    serials: &[String],
    next: &AtomicUsize,
) -> Result<Vec<Duration>, Failure> {
    let mut client = Client::connect(&server.told)?;
    let mut took = Vec::new();
    while let Some(serial) = serials.get(next.fetch_add(1, Ordering::Relaxed)) {
        let body = json!({
            "CertificateAuthorityArn": server.told["ca_arns"]["intermediate"],
            "CertificateSerial": serial,
            "RevocationReason": "SUPERSEDED",
        });
        let start = Instant::now();
        let (status, answer) = client.call("RevokeCertificate", &body.to_string())?;
        took.push(start.elapsed());
        if status != 200 {
            return Err(format!("{serial}: {status} {answer}").into());
        }
    }
    Ok(took)
}

/// The example server, until this is dropped.
struct Server {
    process: Child,
    told: Value,
}

impl Server {
    fn start(program: &Path, serials: usize) -> Result<Self, Failure> {
        let mut process = Command::new(program)
            .args(["--demo", "--calls-per-second", "1000000000", "--serials"])
            .arg(serials.to_string())
            // Of the many arenas that glibc has by default, each keeps what others could use.
            .env("MALLOC_ARENA_MAX", env::var_os("MALLOC_ARENA_MAX").unwrap_or_else(|| "1".into()))
            .stdout(Stdio::piped())
            .spawn()?;
        let told = process.stdout.take();
        // It ends with this, whatever it tells.
        let mut server = Self { process, told: Value::Null };
        let mut line = String::new();
        BufReader::new(told.ok_or("the server has no output")?).read_line(&mut line)?;
        server.told = serde_json::from_str(&line)?;
        Ok(server)
    }

    fn serials(&self) -> Result<Vec<String>, Failure> {
        let path = self.told["serials"].as_str().ok_or("no serial numbers")?;
        Ok(fs::read_to_string(path)?.lines().map(str::to_owned).collect())
    }

    /// What the server holds in memory, in MiB.
    fn memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kibibytes.ok_or("the system does not say")?.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(directory) = self.told["directory"].as_str() {
            let _ = fs::remove_dir_all(directory);
        }
    }
}
