//! Sinks: what every one of them promises, and what each does besides.

#[cfg(feature = "object-store")]
mod blind;
#[cfg(feature = "object-store")]
mod bucket;
mod contract;
#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod killed;

#[path = "../support"]
mod support {
    pub mod crl;
    pub mod directory;
    pub mod random;
}

use annul::{CrlNumber, Sink, SinkError};
use support::crl::{crl, outgoing, place};

/// Puts a small CRL with this number in the place of what is there.
fn put(sink: &dyn Sink, number: u64) -> Result<(), SinkError> {
    let current = sink.current(&place())?;
    let der = crl(number, 100);
    sink.put(&outgoing(place(), number, &der), current.map(|current| current.revision).as_ref())
}

/// The number of the CRL that is there.
fn shown(sink: &dyn Sink) -> Option<CrlNumber> {
    sink.current(&place()).unwrap()?.number()
}
