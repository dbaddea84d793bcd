//! Asking whether a serial number is revoked, and how: back to back, on one thread.

mod annul;
mod hashbrown;
mod openssl;
mod python;
mod queries;
mod webpki;

use self::queries::Queries;
use crate::{
    Arguments,
    ca::Ca,
    crl::a_crl,
    entries,
    error::{Absent, Error},
    samples::{self, Measure, Samples},
    stopwatch::Stopwatch,
    table::{Row, Table, grouped},
};
use ::annul::{CrlEntry, Serial};
use std::{hint::black_box, ops::Range, path::Path, time::Instant};

const COUNTS: [usize; 2] = [1_000, 1_000_000];
/// Of a thousand queries, how many are for a revoked certificate.
const HITS: [u32; 2] = [10, 500];
/// How long queries are asked before the clock is read again, in seconds: much longer than reading it
/// takes, and less than the system lets a thread run before it has others go on.
const AT_ONCE: f64 = 0.001;
/// How many queries that are at least.
const FEWEST: usize = 8;

/// What is asked about.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    ca: &'a Ca,
    /// In the order of the serial numbers.
    entries: &'a [CrlEntry],
    /// A CRL with these entries, in DER.
    crl: &'a [u8],
    /// A directory for files.
    place: &'a Path,
}

/// Who answers.
trait Lookup {
    fn label(&self) -> String;

    /// Takes in what will be asked, in whatever form it is asked in.
    fn prepare(&mut self, serials: &[Serial]) -> Result<(), Error>;

    /// Answers some of it: how many seconds that took, and how many were revoked.
    fn ask(&mut self, queries: Range<usize>) -> Result<(f64, usize), Error>;
}

/// One who takes part.
pub struct Peer {
    /// What the command line calls it.
    pub name: &'static str,
    start: for<'a> fn(Input<'a>) -> Result<Box<dyn Lookup + 'a>, Error>,
}

/// One who has loaded what is revoked.
struct Started<'a> {
    name: &'static str,
    lookup: Box<dyn Lookup + 'a>,
}

/// The first is the yardstick.
pub static PEERS: &[Peer] = &[
    Peer { name: "hashbrown", start: hashbrown::start },
    Peer { name: "annul", start: annul::start },
    Peer { name: "webpki-owned", start: webpki::owned },
    Peer { name: "webpki-borrowed", start: webpki::borrowed },
    Peer { name: "openssl", start: openssl::start },
    Peer { name: "python", start: python::start },
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let ca = Ca::new()?;
    let directory = tempfile::tempdir()?;
    let counts = arguments.counts_or(&COUNTS);
    let mut rows: Vec<Row> = Vec::new();
    for run in 1..=arguments.runs {
        for (n, count) in counts.iter().enumerate() {
            eprintln!("look-up, run {run}: {} revoked", grouped(*count));
            let entries = entries::make(&ca, *count)?;
            let place = directory.path();
            let crl = a_crl(&ca, &entries, place)?;
            let input = Input { ca: &ca, entries: &entries, crl: &crl, place };
            let mut lookups = started(arguments, input)?;
            if rows.is_empty() {
                let cells = vec![None; counts.len() * HITS.len()];
                let rows_of = lookups.iter().map(|Started { name, lookup }| Row {
                    name,
                    label: lookup.label(),
                    cells: cells.clone(),
                });
                rows = rows_of.collect();
            }
            for (m, hits) in HITS.iter().enumerate() {
                let samples = measure(&mut lookups, &Queries::new(&entries, *hits)?)?;
                for (row, taken) in rows.iter_mut().zip(samples) {
                    let cell = &mut row.cells[n * HITS.len() + m];
                    cell.get_or_insert_with(Samples::default).runs.push(taken);
                }
            }
        }
    }
    let heads = counts.iter().flat_map(|count| {
        HITS.map(|hits| format!("{} revoked, {} % hits", grouped(*count), hits / 10))
    });
    println!("### Look-up: is this serial number revoked, when, and why?\n");
    Table { heads: heads.collect(), rows }.print();
    Ok(())
}

/// Those who are wanted and installed, and the yardstick.
fn started<'a>(arguments: &Arguments, input: Input<'a>) -> Result<Vec<Started<'a>>, Error> {
    let mut started = Vec::new();
    for (n, peer) in PEERS.iter().enumerate() {
        if n > 0 && !arguments.wants(peer.name) {
            continue;
        }
        let start = Instant::now();
        match (peer.start)(input) {
            Ok(lookup) => {
                started.push(Started { name: peer.name, lookup });
                eprintln!("  {} is loaded after {:.1?}", peer.name, start.elapsed());
            }
            Err(error) if error.is::<Absent>() => eprintln!("skipped {}: {error}", peer.name),
            Err(error) => return Err(format!("{}: {error}", peer.name).into()),
        }
    }
    Ok(started)
}

/// Samples, in seconds for one query.
fn measure(lookups: &mut [Started<'_>], queries: &Queries) -> Result<Vec<Vec<f64>>, Error> {
    let mut measures: Vec<Measure<'_>> = Vec::new();
    for Started { lookup, .. } in lookups {
        lookup.prepare(&queries.serials)?;
        let mut asked = Asked { queries, next: 0 };
        let at_once = asked.enough(&mut **lookup)?;
        measures.push(Box::new(move || Ok(asked.ask(&mut **lookup, at_once)? / at_once as f64)));
    }
    samples::take(&mut measures)
}

/// Queries, asked one after the other, and from the start again.
struct Asked<'a> {
    queries: &'a Queries,
    next: usize,
}

impl Asked<'_> {
    /// How many queries take [`AT_ONCE`]. Warms up, too.
    fn enough(&mut self, lookup: &mut dyn Lookup) -> Result<usize, Error> {
        let mut count = FEWEST;
        while count < self.queries.serials.len() {
            // Others may have gone on meanwhile, but hardly five times.
            let took = (0..5).try_fold(f64::INFINITY, |least, _| {
                Ok::<_, Error>(self.ask(lookup, count)?.min(least))
            })?;
            if took >= AT_ONCE {
                break;
            }
            count *= 2;
        }
        Ok(count)
    }

    /// How many seconds it takes to ask so many more; that the answers are right is checked.
    fn ask(&mut self, lookup: &mut dyn Lookup, count: usize) -> Result<f64, Error> {
        let start = if self.next + count > self.queries.serials.len() { 0 } else { self.next };
        self.next = start + count;
        let (took, hits) = lookup.ask(start..self.next)?;
        let expected = self.queries.is_revoked[start..self.next].iter().filter(|it| **it).count();
        if hits == expected {
            Ok(took)
        } else {
            let label = lookup.label();
            Err(format!("{label} says of {hits} that they are revoked, but {expected} are").into())
        }
    }
}

/// Who answers in this process: `convert` makes a query, `answer` says whether it is revoked.
struct InProcess<Q, C, A> {
    label: String,
    queries: Vec<Q>,
    convert: C,
    answer: A,
}

impl<Q, C, A> InProcess<Q, C, A>
where
    C: Fn(&Serial) -> Result<Q, Error>,
    A: Fn(&Q) -> bool,
{
    fn new(label: String, convert: C, answer: A) -> Self {
        Self { label, queries: Vec::new(), convert, answer }
    }
}

impl<Q, C, A> Lookup for InProcess<Q, C, A>
where
    C: Fn(&Serial) -> Result<Q, Error>,
    A: Fn(&Q) -> bool,
{
    fn label(&self) -> String {
        self.label.clone()
    }

    fn prepare(&mut self, serials: &[Serial]) -> Result<(), Error> {
        self.queries = serials.iter().map(&self.convert).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn ask(&mut self, queries: Range<usize>) -> Result<(f64, usize), Error> {
        let start = Stopwatch::start()?;
        let hits = self.queries[queries].iter().filter(|query| (self.answer)(query)).count();
        let hits = black_box(hits);
        Ok((start.seconds()?, hits))
    }
}
