//! A sink that may be written and not read: only an explicit trust in the record gets past it.

use super::{issue, listed, place, revoke, serials, shown, week, with_leaves};
use crate::toy::in_memory;
use annul::{
    Authority, CrlPlace, Current, Issue, MemorySink, MemoryStore, Outgoing, PublishError, Revision,
    Scope, Sink, SinkError, Waive, Waiver,
};

/// What nobody may read.
#[derive(Debug)]
struct WriteOnly(MemorySink);

impl Sink for WriteOnly {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn check(&self) -> Result<(), SinkError> {
        Err(SinkError::WriteOnly)
    }

    fn current(&self, _: &CrlPlace) -> Result<Option<Current>, SinkError> {
        Err(SinkError::WriteOnly)
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        assert_eq!(replaces, None);
        let there = self.0.current(&outgoing.place)?.filter(|_| outgoing.trusts_record);
        self.0.put(outgoing, there.map(|there| there.revision).as_ref())
    }

    fn compares(&self) -> bool {
        false
    }
}

fn trusting() -> Issue {
    let why = "the bucket is for putting only";
    Issue::new(week().waive(Waiver::new(Waive::UnreadableSink, "j.doe", why)))
}

fn is_out(authority: &Authority<MemoryStore>) -> bool {
    let issuer = super::root().id();
    let releases = authority.releases(issuer, Scope::Full, 1).unwrap();
    releases.first().is_some_and(|release| release.out_since().is_some())
}

#[test]
fn what_cannot_be_read_is_written_only_where_the_record_is_trusted() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 3);
    let sink = WriteOnly(MemorySink::new("blind"));
    let refused = issue(&authority, &Issue::new(week()), &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Unreadable { .. }), "{refused:?}");
    assert!(sink.0.places().is_empty() && !is_out(&authority));
    for number in 1..=3 {
        revoke(&authority, number);
        issue(&authority, &trusting(), &[&sink]).unwrap();
        assert_eq!(listed(&shown(&sink.0, &place())), serials(1..=number));
        assert!(is_out(&authority));
    }
}

#[test]
fn what_can_be_read_is_compared_though_the_record_is_trusted() {
    let (authority, _) = in_memory();
    with_leaves(&authority, 1);
    let (sink, other) = (MemorySink::new("sink"), in_memory().0);
    with_leaves(&other, 1);
    issue(&other, &Issue::new(week()), &[&sink]).unwrap();
    let refused = issue(&authority, &trusting(), &[&sink]).unwrap_err();
    assert!(matches!(refused, PublishError::Forked { .. }), "{refused:?}");
}
