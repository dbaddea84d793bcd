//! The conformance suite on our own stores, on stores that fail, and on stores that are broken.

#[cfg(feature = "redb")]
#[path = "../support/backend.rs"]
mod backend;
#[cfg(feature = "redb")]
mod files;
mod loose;
mod mutants;
#[cfg(feature = "postgres")]
mod nodes;
#[cfg(feature = "postgres")]
#[path = "../support/postgres.rs"]
mod postgres;
mod wrappers;

use annul::conformance::{Fault, Faults, FaultyPlace, MemoryPlace, Place};

annul::conformance!(memory, MemoryPlace::default);
annul::conformance!(faulty_memory, || faulty(MemoryPlace::default()));

#[cfg(feature = "redb")]
annul::conformance!(redb, files::OnDisk::default);
#[cfg(feature = "redb")]
annul::conformance!(faulty_redb, || faulty(files::OnDisk::default()));
#[cfg(feature = "redb")]
annul::conformance!(redb_file, files::OnFile::new);
#[cfg(feature = "redb")]
annul::conformance!(faulty_redb_file, || faulty(files::OnFile::new()));

#[cfg(feature = "postgres")]
annul::conformance!(postgres_read_committed, nodes::Nodes::read_committed);
#[cfg(feature = "postgres")]
annul::conformance!(postgres_serializable, nodes::Nodes::serializable);
#[cfg(feature = "postgres")]
annul::conformance!(faulty_postgres, || nodes::Nodes::read_committed().map(faulty));
#[cfg(feature = "postgres")]
annul::conformance!(faulty_postgres_serializable, || nodes::Nodes::serializable().map(faulty));

/// Fails now and then.
fn faulty<P: Place>(place: P) -> FaultyPlace<P> {
    FaultyPlace::new(place, Faults::one_in(40, [Fault::Before, Fault::After]))
}
