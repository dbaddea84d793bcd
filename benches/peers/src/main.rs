//! annul beside its peers: making CRLs, and asking whether a serial number is revoked.
//!
//! README.md says what is compared, and what each figure includes.

mod ca;
mod check;
mod crl;
mod entries;
mod error;
mod lookup;
mod plot;
mod samples;
mod script;
mod stopwatch;
mod table;
mod version;

use clap::{Parser, ValueEnum};
use error::Error;
use std::{collections::BTreeSet, path::PathBuf};

/// Measures annul beside its peers, and prints the tables in Markdown.
#[derive(Parser)]
pub struct Arguments {
    /// What to measure; both, if not given
    jobs: Vec<Job>,

    /// How many revoked certificates, separated by commas
    #[arg(long, value_delimiter = ',')]
    counts: Vec<usize>,

    /// Who takes part, separated by commas; all, if not given
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,

    /// How often all is measured anew
    #[arg(long, default_value_t = 1)]
    runs: usize,

    /// Where to write the plot of the CRLs
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Job {
    /// Making a CRL
    Crl,
    /// Asking whether a serial number is revoked
    Lookup,
}

impl Arguments {
    /// The counts to measure at, in ascending order.
    fn counts_or(&self, default: &[usize]) -> Vec<usize> {
        let counts = if self.counts.is_empty() { default } else { &self.counts };
        counts
            .iter()
            .copied()
            .filter(|count| *count > 0)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn does(&self, job: Job) -> bool {
        self.jobs.is_empty() || self.jobs.contains(&job)
    }

    fn wants(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|wanted| wanted == peer)
    }
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let makers = crl::PEERS.iter().map(|peer| peer.name);
    let known: BTreeSet<&str> = makers.chain(lookup::PEERS.iter().map(|peer| peer.name)).collect();
    if let Some(unknown) = arguments.peers.iter().find(|peer| !known.contains(peer.as_str())) {
        return Err(format!("no peer is called {unknown}; there are {known:?}").into());
    }
    println!("{}\n", version::machine());
    if arguments.does(Job::Crl) {
        crl::run(&arguments)?;
    }
    if arguments.does(Job::Lookup) {
        lookup::run(&arguments)?;
    }
    Ok(())
}
