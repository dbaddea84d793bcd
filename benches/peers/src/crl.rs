//! Making a CRL: from entries in memory to signed DER.

mod annul;
mod aws_lc;
mod limit;
mod openssl;
mod openssl_ca;
mod rcgen;
mod scripts;
mod x509_cert;

use crate::{
    Arguments,
    ca::Ca,
    check::check,
    entries,
    error::{Absent, Error},
    plot,
    samples::{self, Measure, Samples},
    table::{Row, Table, grouped},
};
use ::annul::CrlEntry;
use std::{fs, path::Path};

const COUNTS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// As many entries has the CRL that is checked.
const CHECKED: usize = 1_000;

/// What a CRL is made from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    ca: &'a Ca,
    /// In the order of the serial numbers.
    entries: &'a [CrlEntry],
    /// A directory for files.
    place: &'a Path,
}

/// Who makes CRLs.
trait Maker {
    fn label(&self) -> String;

    /// Makes one; answers how many seconds that took.
    fn make(&mut self) -> Result<f64, Error>;

    /// The one that was made last, in DER.
    fn der(&mut self) -> Result<Vec<u8>, Error>;
}

/// One who takes part.
pub struct Peer {
    /// What the command line calls it.
    pub name: &'static str,
    start: for<'a> fn(Input<'a>) -> Result<Box<dyn Maker + 'a>, Error>,
}

/// What the peers are compared to.
static LIMIT: Peer = Peer { name: "limit", start: limit::start };

pub static PEERS: &[Peer] = &[
    Peer { name: "annul", start: annul::with_p256 },
    Peer { name: "annul-aws-lc", start: annul::with_aws_lc },
    Peer { name: "annul-unverified", start: annul::unverified },
    Peer { name: "rcgen", start: rcgen::start },
    Peer { name: "x509-cert", start: x509_cert::start },
    Peer { name: "openssl", start: openssl::start },
    Peer { name: "openssl-ca", start: openssl_ca::start },
    Peer { name: "go", start: scripts::go },
    Peer { name: "python", start: scripts::python },
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let ca = Ca::new()?;
    let directory = tempfile::tempdir()?;
    let place = directory.path();
    let present = present(arguments, &ca, place)?;
    let counts = arguments.counts_or(&COUNTS);
    let mut rows: Vec<Row> = Vec::new();
    for run in 1..=arguments.runs {
        for (column, count) in counts.iter().enumerate() {
            eprintln!("CRL, run {run}: {} entries", grouped(*count));
            let entries = entries::make(&ca, *count)?;
            let input = Input { ca: &ca, entries: &entries, place };
            let mut makers = Vec::new();
            for peer in &present {
                makers.push((peer.start)(input)?);
            }
            if rows.is_empty() {
                let rows_of = present.iter().zip(&makers).map(|(peer, maker)| Row {
                    name: peer.name,
                    label: maker.label(),
                    cells: vec![None; counts.len()],
                });
                rows = rows_of.collect();
            }
            let mut measures: Vec<Measure<'_>> = Vec::new();
            for maker in &mut makers {
                measures.push(Box::new(|| maker.make()));
            }
            for (row, taken) in rows.iter_mut().zip(samples::take(&mut measures)?) {
                row.cells[column].get_or_insert_with(Samples::default).runs.push(taken);
            }
        }
    }
    let title = "CRL: from entries in memory to signed DER, P-256";
    if let Some(file) = &arguments.svg {
        fs::write(file, plot::draw(title, &counts, &rows).ok_or("there is nothing to draw")?)?;
    }
    println!("### {title}\n");
    Table { heads: counts.into_iter().map(grouped).collect(), rows }.print();
    Ok(())
}

/// A CRL, made by annul.
pub fn a_crl(ca: &Ca, entries: &[CrlEntry], place: &Path) -> Result<Vec<u8>, Error> {
    let mut maker = annul::unverified(Input { ca, entries, place })?;
    maker.make()?;
    maker.der()
}

/// The limit, and those who are wanted and installed, after each has made a CRL that is right.
fn present(arguments: &Arguments, ca: &Ca, place: &Path) -> Result<Vec<&'static Peer>, Error> {
    let entries = entries::make(ca, CHECKED)?;
    let input = Input { ca, entries: &entries, place };
    let mut present = vec![&LIMIT];
    for peer in PEERS.iter().filter(|peer| arguments.wants(peer.name)) {
        let checked = (peer.start)(input).and_then(|mut maker| {
            maker.make()?;
            check(&maker.der()?, &entries, place)
        });
        match checked {
            Ok(()) => present.push(peer),
            Err(error) if error.is::<Absent>() => eprintln!("skipped {}: {error}", peer.name),
            Err(error) => return Err(format!("{}: {error}", peer.name).into()),
        }
    }
    Ok(present)
}
