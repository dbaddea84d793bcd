//! A revocation service: the APIs of AWS Private CA, of Alibaba Cloud and of ACME before one record,
//! and the CRLs that come of it.
//!
//! ```text
//! cargo run --all-features --example server -- --demo
//! cargo run --all-features --example server -- --listen 127.0.0.1:8443 --store ca.redb --config ca.toml
//! ```

mod config;
mod demo;
mod jws;
mod key;
#[path = "../support/mint.rs"]
mod mint;
mod office;
mod reports;
mod routes;
mod trouble;

use clap::Parser;
use config::Config;
use office::Office;
use std::{
    error::Error,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

type Failure = Box<dyn Error + Send + Sync>;

/// Serves revocation to clients of AWS Private CA, Alibaba Cloud and ACME
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 for any that is free
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where clients reach it, if that is not where it listens: http://… or https://…
    #[arg(long)]
    url: Option<String>,
    /// The record: a file, which is made if it is not there
    #[arg(long)]
    store: Option<PathBuf>,
    /// Issuers and their keys, names, credentials, policies
    #[arg(long, required_unless_present = "demo")]
    config: Option<PathBuf>,
    /// Makes a CA with twenty certificates, and says on one line of JSON how to talk to it
    #[arg(long, conflicts_with = "config")]
    demo: bool,
    /// Where the demo puts its files; a new directory among those for temporary files otherwise
    #[arg(long, requires = "demo")]
    directory: Option<PathBuf>,
    /// Has the demo record so many serial numbers more, and say in which file they are
    #[arg(long, requires = "demo", default_value_t = 0)]
    serials: u32,
    /// How often an account may call an operation, in calls a second
    #[arg(long)]
    calls_per_second: Option<u32>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (mut config, told) = match &arguments.config {
        Some(path) => (Config::read(path)?, None),
        None => {
            let reached = Config { url: arguments.url.clone(), ..Config::default() };
            let demo = demo::make(
                arguments.directory.as_deref(),
                &reached.url(address)?,
                arguments.serials,
            )?;
            (demo.config, Some(demo.told))
        }
    };
    config.url = arguments.url.or(config.url);
    if let Some(store) = arguments.store {
        config.store = store;
    }
    config.calls_per_second = arguments.calls_per_second.or(config.calls_per_second);
    let office = Arc::new(Office::open(&config, address)?);
    let routes = routes::of(Arc::clone(&office));

    let handle = axum_server::Handle::new();
    tokio::spawn(stop_on_signal(handle.clone()));
    match told {
        Some(told) => println!("{}", told(&office)?),
        None => println!("listening on {address}"),
    }
    let service = routes.into_make_service();
    match &config.tls {
        None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await?,
        Some(tls) => {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let config =
                axum_server::tls_rustls::RustlsConfig::from_pem_file(&tls.certificate, &tls.key);
            let server = axum_server::from_tcp_rustls(listener, config.await?)?;
            server.handle(handle).serve(service).await?;
        }
    }
    // Connections are closed: what was recorded is published before the process ends.
    tokio::task::spawn_blocking(move || office.close()).await?;
    Ok(())
}

/// Lets the requests in hand finish, for ten seconds at most.
async fn stop_on_signal(handle: axum_server::Handle<SocketAddr>) {
    let mut terminated =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminate = async {
        match &mut terminated {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate => {}
    }
    handle.graceful_shutdown(Some(Duration::from_secs(10)));
}
