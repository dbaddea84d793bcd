//! A sink in memory: for tests, and for servers that hand CRLs out themselves.

use super::{Current, Outgoing, Revision, Sink, SinkError};
use crate::scope::CrlPlace;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A sink in memory.
#[derive(Debug)]
pub struct MemorySink {
    name: String,
    places: Mutex<BTreeMap<CrlPlace, Vec<u8>>>,
}

impl MemorySink {
    /// An empty sink with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), places: Mutex::default() }
    }

    /// The CRL at a place, in DER.
    pub fn der(&self, place: &CrlPlace) -> Option<Vec<u8>> {
        self.places().get(place).cloned()
    }

    /// Puts anything there, whatever was there before.
    pub fn replace(&self, place: CrlPlace, der: Option<Vec<u8>>) {
        match der {
            Some(der) => drop(self.places().insert(place, der)),
            None => drop(self.places().remove(&place)),
        }
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<CrlPlace, Vec<u8>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The revision of octets: their digest.
pub(super) fn revision_of(der: &[u8]) -> Revision {
    Revision(Sha256::digest(der).iter().map(|octet| format!("{octet:02x}")).collect())
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), SinkError> {
        Ok(())
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        let current = |der: Vec<u8>| Current { revision: revision_of(&der), der };
        Ok(self.der(place).map(current))
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        let mut places = self.places();
        let found = places.get(&outgoing.place);
        super::directory::check_replaced(found.map(Vec::as_slice), outgoing, replaces)?;
        places.insert(outgoing.place, outgoing.der.to_vec());
        Ok(())
    }

    fn compares(&self) -> bool {
        true
    }
}
