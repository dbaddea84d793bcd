//! Records read page by page, so that the store can be used between them.

use super::{CopyError, PAGE};
use crate::store::{Snapshot, Space, StoreError};
use std::ops::ControlFlow;

/// Keys and values.
pub(super) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// At most `limit` records from this key on and below `to`.
pub(super) fn page(
    snapshot: &dyn Snapshot,
    space: Space,
    from: &[u8],
    to: Option<&[u8]>,
    limit: usize,
) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    snapshot.scan(space, from, to, &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        if rows.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}

/// Where the page after this one begins; `None` where it was the last.
pub(super) fn next(rows: &Rows, limit: usize) -> Option<Vec<u8>> {
    // With one more octet it is the first key past the last.
    rows.last().filter(|_| rows.len() == limit).map(|(key, _)| [key, &[0][..]].concat())
}

pub(super) fn keys(rows: &Rows) -> Vec<Vec<u8>> {
    rows.iter().map(|(key, _)| key.clone()).collect()
}

/// All records of a space, page by page.
pub(super) fn each_page(
    snapshot: &dyn Snapshot,
    space: Space,
    failed: fn(StoreError) -> CopyError,
    mut visit: impl FnMut(Rows) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let mut from = Some(Vec::new());
    while let Some(start) = from {
        let rows = page(snapshot, space, &start, None, PAGE).map_err(failed)?;
        from = next(&rows, PAGE);
        visit(rows)?;
    }
    Ok(())
}
