//! The rows of an export for spreadsheets.

use super::record::{Hex, Record};
use crate::csv::{maybe, row};
use std::fmt::{self, Display};

pub(super) const HEADER: &str = "at,account,principal,method,issuer,serial,target,reason,\
    tokenDigest,requestId,outcome,code,suppressed,writer,sequence,hash\r\n";

/// The row of an event.
pub(super) struct Row<'a> {
    pub(super) record: &'a Record,
    pub(super) hash: &'a [u8; 32],
}

impl Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.record.event;
        let cells = [
            event.at.to_string(),
            event.account.clone(),
            event.principal.clone(),
            event.method.clone(),
            maybe(event.target.issuer),
            maybe(event.target.serial),
            event.target.named.clone(),
            maybe(event.reason),
            maybe(event.token_digest.as_ref().map(|digest| Hex(digest))),
            event.request_id.clone(),
            event.outcome.name().to_owned(),
            maybe(event.outcome.code()),
            self.record.suppressed.to_string(),
            self.record.writer.to_string(),
            self.record.sequence.to_string(),
            Hex(self.hash).to_string(),
        ];
        row(f, &cells)
    }
}
