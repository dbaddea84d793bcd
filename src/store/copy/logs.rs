//! Copying logs, entry by entry.

use super::{
    CopyError, Copying, PAGE,
    pages::{Rows, each_page, keys, next, page},
};
use crate::{
    issuer_id::IssuerId,
    log::{Entry, Head, NewEntry, Position},
    partition::Partition,
    serial::Serial,
    store::{Append, Batch, Prune, Snapshot, Space, StoreError, key, place},
};

impl Copying<'_> {
    /// Brings every log up to date; answers the positions.
    pub(super) fn logs(&mut self) -> Result<Vec<(IssuerId, Position)>, CopyError> {
        let mut positions = Vec::new();
        each_page(self.from, Space::Heads, CopyError::Source, |heads| {
            heads.iter().try_for_each(|(key, _)| {
                positions.push(self.log(key)?);
                Ok(())
            })
        })?;
        Ok(positions)
    }

    /// The heads of a log, in the source and in the target, where it is a prefix of the other.
    pub(super) fn heads(
        &self,
        target: &dyn Snapshot,
        key: &[u8],
    ) -> Result<(Head, Head), CopyError> {
        let copied = head(target, key).map_err(CopyError::Target)?;
        let issuer = issuer(key).map_err(CopyError::Target)?;
        let source = head(self.from, key).map_err(CopyError::Source)?;
        let mut chain = Head::EMPTY.chain;
        if copied.position > Position(0) {
            let key = key::log(issuer, copied.position);
            let record = self.from.get(Space::Log, &key).map_err(CopyError::Source)?;
            let Some(record) = record else { return Err(CopyError::Forked { issuer }) };
            chain = entry(Space::Log, &key, &record.value).map_err(CopyError::Source)?.chain;
        }
        if copied.position <= source.position && copied.chain == chain {
            Ok((source, copied))
        } else {
            Err(CopyError::Forked { issuer })
        }
    }

    /// Brings the log with this head up to date.
    ///
    /// Each write leaves a head that fits what stands there, so that a copy that is in use can be
    /// read at any time. What was pruned in the source goes with the next entries; there are some,
    /// because no store prunes without an append.
    fn log(&mut self, key: &[u8]) -> Result<(IssuerId, Position), CopyError> {
        let issuer = issuer(key).map_err(CopyError::Source)?;
        let (source, mut head) = self.heads(&*self.target()?, key)?;
        let mut looked_at = Some(issuer.as_octets().to_vec());
        while head.position < source.position {
            let left = source.position.0.saturating_sub(head.position.0);
            // One entry carries a page of prunes, and the last one all that are left.
            let prunes = if left > 1 { PAGE } else { usize::MAX };
            let prunes = self.pruned(issuer, &mut looked_at, prunes)?;
            let entries = if looked_at.is_none() { PAGE as u64 } else { 1 };
            self.append(issuer, &mut head, &source, entries.min(left), prunes)?;
        }
        Ok((issuer, source.position))
    }

    /// The next entries that are live in the target and not in the source, about as many as are
    /// wanted. The target is looked at from `from` on, `None` for the end.
    fn pruned(
        &self,
        issuer: IssuerId,
        from: &mut Option<Vec<u8>>,
        wanted: usize,
    ) -> Result<Rows, CopyError> {
        let mut pruned = Rows::new();
        let past = key::past(issuer.as_octets());
        let target = self.target()?;
        while let Some(start) = from.take_if(|_| pruned.len() < wanted) {
            let rows = page(&*target, Space::Entries, &start, past.as_deref(), PAGE)
                .map_err(CopyError::Target)?;
            *from = next(&rows, PAGE);
            let live = self.sources(Space::Entries, &keys(&rows))?;
            let gone = rows.into_iter().zip(live).filter(|(_, live)| live.is_none());
            pruned.extend(gone.map(|(row, _)| row));
        }
        Ok(pruned)
    }

    /// Appends the next entries of the source and prunes others, and moves the head on.
    fn append(
        &mut self,
        issuer: IssuerId,
        head: &mut Head,
        source: &Head,
        count: u64,
        pruned: Rows,
    ) -> Result<(), CopyError> {
        let expected = head.position;
        let mut prunes = Vec::with_capacity(pruned.len());
        for (key, value) in &pruned {
            let (partition, serial) = subject(Space::Entries, key, value)
                .map_err(CopyError::Target)?
                .ok_or_else(|| {
                    let problem = "an entry that is not about a certificate";
                    CopyError::Target(corrupt(Space::Entries, key, problem))
                })?;
            prunes.push(Prune { partition, serial, position: key::position(key) });
            head.prune(value);
        }
        let entries = self.entries(issuer, head, count)?;
        if head.position == source.position && head != source {
            return Err(CopyError::Differs { space: Space::Heads });
        }
        let count = entries.len() as u64;
        let values = pruned.iter().map(|(_, value)| value);
        let puts = self.tallies(issuer, &entries, prunes.iter().zip(values))?;
        let append = Append { issuer, expected, entries, head: head.to_octets(), prunes };
        self.apply(&Batch { puts, appends: vec![append], ..Batch::default() })?;
        self.entries += count;
        Ok(())
    }

    /// The entries of the source after this head, which moves past them. Only those that are still
    /// live there are about a certificate.
    fn entries(
        &self,
        issuer: IssuerId,
        head: &mut Head,
        count: u64,
    ) -> Result<Vec<NewEntry>, CopyError> {
        let positions = (head.position.0.saturating_add(1)..).map(Position);
        let places = positions.take(usize::try_from(count).unwrap_or(PAGE));
        let places: Vec<_> =
            places.map(|position| (position, key::log(issuer, position))).collect();
        let keys: Vec<_> = places.iter().map(|(_, key)| key.clone()).collect();
        let mut entries = Vec::with_capacity(places.len());
        let mut live = Vec::new();
        for ((position, key), record) in places.iter().zip(self.sources(Space::Log, &keys)?) {
            let Some(record) = record else {
                return Err(CopyError::Source(corrupt(Space::Log, key, "it is gone")));
            };
            let subject = subject(Space::Log, key, &record.value).map_err(CopyError::Source)?;
            if let Some((partition, serial)) = subject {
                live.push(key::entry(issuer, partition, serial, *position));
            }
            entries.push(NewEntry { subject, value: record.value });
        }
        let mut live = self.sources(Space::Entries, &live)?.into_iter();
        for (entry, (_, key)) in entries.iter_mut().zip(&places) {
            entry.subject = entry.subject.filter(|_| live.next().flatten().is_some());
            head.replay(&entry.value, entry.subject.is_some())
                .map_err(|error| CopyError::Source(corrupt(Space::Log, key, error)))?;
        }
        Ok(entries)
    }
}

/// The issuer that the key of a head or of an issuer's record names.
pub(super) fn issuer(key: &[u8]) -> Result<IssuerId, StoreError> {
    let octets = key.try_into().map_err(|_| corrupt(Space::Heads, key, "not 32 octets"))?;
    Ok(IssuerId::from_octets(octets))
}

fn head(snapshot: &dyn Snapshot, key: &[u8]) -> Result<Head, StoreError> {
    match snapshot.get(Space::Heads, key)? {
        None => Ok(Head::EMPTY),
        Some(record) => Head::from_octets(Position(record.version.0), &record.value)
            .map_err(|error| corrupt(Space::Heads, key, error)),
    }
}

fn entry(space: Space, key: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
    Entry::from_octets(value).map_err(|error| corrupt(space, key, error))
}

/// The certificate that an entry is about.
fn subject(
    space: Space,
    key: &[u8],
    value: &[u8],
) -> Result<Option<(Partition, Serial)>, StoreError> {
    let event = entry(space, key, value)?.event;
    Ok(event.subject().map(|subject| (subject.partition, subject.serial)))
}

fn corrupt(space: Space, key: &[u8], problem: impl ToString) -> StoreError {
    StoreError::Corrupt { what: place(space, key), problem: problem.to_string() }
}
