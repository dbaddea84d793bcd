//! The record of what was released to relying parties.
//!
//! A CRL that passed the gate is recorded before any sink is written, so a crash in between never
//! leaves a CRL that nobody knows of: what a sink shows is either in this record, or was made by
//! another history. Once all sinks have it, the record says so, and only then it counts as
//! released.
//!
//! ```text
//! issuer ‖ scope                   -> how many there are, and which is the last that counts
//! issuer ‖ scope ‖ kind ‖ ordinal  -> one release; ordinals count from 1
//! issuer ‖ scope ‖ 2 + kind ‖ SHA-256 of the tbsCertList -> the number of a CRL that was adopted
//! ```

mod recording;
mod records;

pub(crate) use self::recording::Intent;
pub(super) use self::records::{ScopeRecord, Series, scope_key};

use super::{crl::Origin, waiver::Waiver};
use crate::{
    codec::{Damaged, Reader, Writer},
    crl::{CrlNumber, PreparedCrl},
    issuer_id::IssuerId,
    log::{AsOf, FreshnessToken, Position},
    time::Timestamp,
};
use std::time::Duration;

/// A CRL that was released, or is being released.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// Its number.
    pub number: CrlNumber,
    /// For a delta CRL, the number of the complete CRL that it adds to (RFC 5280 §5.2.4).
    pub base: Option<CrlNumber>,
    /// When it was issued.
    pub this_update: Timestamp,
    /// By when the next one will be issued.
    pub next_update: Timestamp,
    /// How many certificates it lists.
    pub entries: u64,
    /// How many octets it takes, in DER.
    pub octets: u64,
    /// The SHA-256 of its tbsCertList.
    pub tbs_sha256: [u8; 32],
    /// The URIs in its issuingDistributionPoint (RFC 5280 §5.2.5); none where it has no such
    /// extension.
    pub distribution_points: Vec<String>,
    /// What it was made from: it lists every revocation up to these positions that retention does
    /// not let go.
    pub as_of: AsOf,
    /// What it need not list.
    pub retention: Option<Retention>,
    /// Whether the issuer was down when it was made, and it lists what that invalidates.
    pub lists_invalidated: bool,
    /// When the record was read for it, by the clock of whoever made it.
    pub made_at: Timestamp,
    /// Whether it is the last of its scope, for ever.
    pub last: bool,
    /// What was set aside for it.
    pub waivers: Vec<Waiver>,
    /// The sinks that must show it.
    pub sinks: Vec<Placed>,
    /// The history that it belongs to.
    pub(crate) token: Option<FreshnessToken>,
    /// How often certificates had been recorded while the issuer was down.
    pub(crate) discovered: u64,
}

/// A sink that a release is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// The name of the sink.
    pub sink: String,
    /// Since when it shows the release; `None` where it is not known to.
    pub at: Option<Timestamp>,
}

/// What may leave a CRL: what was revoked before the complete CRL of the same scope that was
/// released last, if it had expired by then. For that CRL lists it, or one before it did (RFC 5280
/// §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Retention {
    /// The thisUpdate of that CRL, or that of the new one where it is earlier because a clock was set
    /// right: the certificate's notAfter must be before it.
    pub expired_before: Timestamp,
    /// The position that it was made from: the certificate must have been revoked up to there.
    pub revoked_up_to: Position,
    /// Where that CRL listed what the fall of its issuer invalidates: what is not revoked itself must
    /// have been recorded before this time.
    pub recorded_before: Option<Timestamp>,
}

impl Retention {
    /// What may leave the CRL after this one of an issuer, where the clocks of two nodes may be so far
    /// apart.
    pub(super) fn after(last: &Release, issuer: IssuerId, skew: Duration) -> Self {
        Self {
            expired_before: last.this_update,
            revoked_up_to: last.as_of.position(issuer),
            recorded_before: last.lists_invalidated.then(|| last.made_at.saturating_sub(skew)),
        }
    }

    /// Whether a certificate that was revoked at this position may leave.
    pub(super) fn lets_go(&self, revoked_at: Position, not_after: Timestamp) -> bool {
        not_after < self.expired_before && revoked_at <= self.revoked_up_to
    }

    /// Whether a certificate that is not revoked itself may leave: it was on the last CRL if it was
    /// recorded by then.
    pub(super) fn lets_go_invalidated(&self, recorded_at: Timestamp, not_after: Timestamp) -> bool {
        not_after < self.expired_before && self.recorded_before.is_some_and(|at| recorded_at < at)
    }
}

impl Release {
    const FORMAT: u8 = 2;

    /// What will be recorded of a CRL that was [prepared](crate::Authority::prepare_crl) once it is
    /// released.
    ///
    /// # Errors
    /// Where it was not prepared by an authority.
    pub fn of(prepared: &PreparedCrl) -> Result<Self, Damaged> {
        Ok(Origin::of(prepared)?.release)
    }

    /// Since when every sink that must show it does; `None` where one is missing, or there is none.
    pub fn out_since(&self) -> Option<Timestamp> {
        let placed: Option<Vec<_>> = self.sinks.iter().map(|sink| sink.at).collect();
        placed.and_then(|placed| placed.into_iter().max())
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.fixed(&self.number.to_be_bytes());
        out.optional(self.base, |out, base| out.fixed(&base.to_be_bytes()));
        out.timestamp(self.this_update);
        out.timestamp(self.next_update);
        out.u64(self.entries);
        out.u64(self.octets);
        out.fixed(&self.tbs_sha256);
        self.write_origin(&mut out);
        out.list(&self.sinks, |out, placed| {
            out.text(&placed.sink);
            out.optional(placed.at, Writer::timestamp);
        });
        out.finish()
    }

    /// What a prepared CRL carries along of the release that it will be.
    pub(super) fn write_origin(&self, out: &mut Writer) {
        out.list(&self.distribution_points, |out, uri| out.text(uri));
        out.octet_string(&self.as_of.to_octets());
        out.optional(self.retention, |out, retention| {
            out.timestamp(retention.expired_before);
            out.u64(retention.revoked_up_to.0);
            out.optional(retention.recorded_before, Writer::timestamp);
        });
        out.bool(self.lists_invalidated);
        out.timestamp(self.made_at);
        out.bool(self.last);
        out.list(&self.waivers, Waiver::write);
        out.optional(self.token.as_ref(), |out, token| out.octet_string(&token.to_octets()));
        out.u64(self.discovered);
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Damaged> {
        let mut input = Reader::new(octets, Self::FORMAT)?;
        let release = Self {
            number: read_number(&mut input)?,
            base: input.optional(read_number)?,
            this_update: input.timestamp()?,
            next_update: input.timestamp()?,
            entries: input.u64()?,
            octets: input.u64()?,
            tbs_sha256: input.fixed()?,
            sinks: Vec::new(),
            ..Self::read_origin(&mut input)?
        };
        let sinks = input.list(|input| {
            Ok(Placed { sink: input.text()?, at: input.optional(Reader::timestamp)? })
        })?;
        input.finish()?;
        Ok(Self { sinks, ..release })
    }

    /// Reads what [`Release::write_origin`] wrote; the rest is blank.
    pub(super) fn read_origin(input: &mut Reader<'_>) -> Result<Self, Damaged> {
        let distribution_points = input.list(Reader::text)?;
        let as_of = AsOf::from_octets(input.octet_string()?)?;
        let retention = input.optional(|input| {
            Ok(Retention {
                expired_before: input.timestamp()?,
                revoked_up_to: Position(input.u64()?),
                recorded_before: input.optional(Reader::timestamp)?,
            })
        })?;
        let lists_invalidated = input.bool()?;
        let made_at = input.timestamp()?;
        let last = input.bool()?;
        let waivers = input.list(Waiver::read)?;
        let token = input.optional(|input| {
            FreshnessToken::from_octets(input.octet_string()?)
                .map_err(|_| input.damaged("no freshness token"))
        })?;
        let discovered = input.u64()?;
        Ok(Self {
            distribution_points,
            as_of,
            retention,
            lists_invalidated,
            made_at,
            last,
            waivers,
            token,
            discovered,
            ..Self::blank()
        })
    }

    /// A release that nothing is known of yet.
    pub(super) fn blank() -> Self {
        Self {
            number: CrlNumber::MIN,
            base: None,
            this_update: Timestamp::MIN,
            next_update: Timestamp::MIN,
            entries: 0,
            octets: 0,
            tbs_sha256: [0; 32],
            distribution_points: Vec::new(),
            as_of: AsOf::default(),
            retention: None,
            lists_invalidated: false,
            made_at: Timestamp::MIN,
            last: false,
            waivers: Vec::new(),
            sinks: Vec::new(),
            token: None,
            discovered: 0,
        }
    }
}

fn read_number(input: &mut Reader<'_>) -> Result<CrlNumber, Damaged> {
    CrlNumber::from_be_bytes(input.fixed()?).map_err(|_| input.damaged("no CRL number"))
}

impl Release {
    /// Whether it was made from at least as much as another.
    fn knows_all_of(&self, other: &Self) -> bool {
        // Ancestors may leave the graph; of those that are in both, none may go back.
        other.as_of.positions.iter().all(|(issuer, position)| {
            self.as_of.positions.get(issuer).is_none_or(|own| own >= position)
        })
    }
}
