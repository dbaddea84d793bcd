//! A sink in memory: for tests and examples, and the measure of what the others must answer.

use super::{Current, Outgoing, Revision, Sink, SinkError};
use crate::scope::CrlPlace;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A sink that shows CRLs to whoever holds it, and nothing when it is dropped.
///
/// ```
/// use annul::{CrlNumber, CrlPlace, IssuerId, MemorySink, Outgoing, Scope, Sink, SinkError};
/// use annul::Timestamp;
///
/// let issuer: IssuerId = "00112233445566778899aabbccddeeff".repeat(2).parse()?;
/// let place = CrlPlace::complete(issuer, Scope::Full);
/// let now: Timestamp = "2026-11-21T08:30:00Z".parse()?;
/// let next_update: Timestamp = "2026-11-28T08:30:00Z".parse()?;
/// let number = CrlNumber::from_u64(1);
/// let der = b"a CRL";
/// let outgoing = Outgoing { place, der, number, this_update: now, next_update, now, trusts_record: false };
///
/// let sink = MemorySink::new("memory");
/// sink.put(&outgoing, None)?;
/// let shown = sink.current(&place)?.expect("we just put it there");
/// assert_eq!(shown.der, der);
///
/// // Another publisher does not know that it is there.
/// let other = Outgoing { der: b"another CRL", ..outgoing };
/// assert!(matches!(sink.put(&other, None), Err(SinkError::Overtaken { .. })));
/// sink.put(&other, Some(&shown.revision))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MemorySink {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shown: BTreeMap<CrlPlace, Vec<u8>>,
    fault: Option<fn() -> SinkError>,
}

impl MemorySink {
    /// A sink of this name that shows nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Has it do nothing but answer this error from now on, until `None` mends it.
    ///
    /// ```
    /// use annul::{MemorySink, Sink, SinkError};
    ///
    /// let sink = MemorySink::new("memory");
    /// sink.fail_with(Some(|| SinkError::WriteOnly));
    /// assert!(sink.check().is_err());
    /// sink.fail_with(None);
    /// assert!(sink.check().is_ok());
    /// ```
    pub fn fail_with(&self, fault: Option<fn() -> SinkError>) {
        self.lock().fault = fault;
    }

    /// Where it shows something.
    pub fn places(&self) -> Vec<CrlPlace> {
        self.lock().shown.keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, SinkError> {
        let state = self.lock();
        state.fault.map_or(Ok(state), |fault| Err(fault()))
    }
}

impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), SinkError> {
        self.state().map(drop)
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        Ok(self.state()?.current(place))
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        let mut state = self.state()?;
        if outgoing.is_due(state.current(&outgoing.place).as_ref(), replaces)? {
            state.shown.insert(outgoing.place, outgoing.der.to_vec());
        }
        Ok(())
    }

    fn compares(&self) -> bool {
        true
    }
}

impl State {
    fn current(&self, place: &CrlPlace) -> Option<Current> {
        let der = self.shown.get(place)?;
        Some(Current::new(der.clone(), Revision::of(der)))
    }
}
