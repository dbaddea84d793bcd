//! The life of a request for revocation: what it waits for, and what may become of it.
//!
//! ```text
//!               ┌──▶ withdrawn
//! submitted ──▶ waiting ──▶ expired
//!     │         └──▶ cleared ──▶ recorded        (published: as the CRLs say)
//!     └───────────────▲  └─────▶ refused
//! ```
//!
//! Pure functions of what is recorded, a command and the time. A certificate is revoked when its
//! revocation is *recorded*; that it is *cleared* is written down before the authority is asked, so
//! that a crash between the two neither loses the clearance nor records without one.

use super::{
    confirmation::{ConfirmationToken, TokenDigest},
    handling::{Handling, Quorum},
};
use crate::{
    codec::{Damaged, Reader, Writer},
    lifecycle::RevocationDetails,
    log::{CommandId, Position},
    time::Timestamp,
};
use std::collections::BTreeMap;

/// A request that a certificate be revoked, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationRequest {
    /// Its id, which is that of the command by which the authority records the revocation.
    pub id: CommandId,
    /// The account that it is made for.
    pub account: String,
    /// Who asked.
    pub submitted_by: String,
    /// What is to be recorded of the revocation.
    pub details: RevocationDetails,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When a contact confirmed it, if it needed that.
    pub confirmed_at: Option<Timestamp>,
    /// Who approved it, and when.
    pub approvals: BTreeMap<String, Timestamp>,
    /// How far it has come.
    pub stage: RequestStage,
    /// Whether its token is known to have been [sent](crate::Desk::note_sent) to a contact.
    pub token_sent: bool,
    /// Whether the certificate is withheld because of it.
    pub(super) withholds: bool,
    /// Whether it counts against the quota of its account.
    pub(super) counted: bool,
    token: Option<TokenDigest>,
    quorum: Option<Quorum>,
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestStage {
    /// It waits for a confirmation or for approvals.
    Waiting {
        /// From then on it is expired.
        until: Timestamp,
    },
    /// It has all that it needs, and the authority is to record the revocation.
    Cleared {
        /// Since when.
        at: Timestamp,
    },
    /// The certificate is revoked.
    Recorded {
        /// When that was recorded.
        at: Timestamp,
        /// Where in the log of its issuer.
        position: Position,
    },
    /// Who submitted it has taken it back.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// What it needed did not come in time.
    Expired {
        /// When the time was over.
        at: Timestamp,
    },
    /// The authority did not record it, for good.
    Refused {
        /// When.
        at: Timestamp,
        /// Why, as the authority said it.
        why: String,
    },
}

/// Why a request does not go on as it was told to. It stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRefusal {
    /// It waits for nothing any more.
    #[error("the request waits for nothing: it is {stage:?}")]
    NotWaiting {
        /// How far it has come.
        stage: RequestStage,
    },
    /// It is not the token of this request, or one that a later one replaced.
    #[error("not the confirmation token of this request")]
    WrongToken,
    /// It waits, but for no token: it needs none, or was confirmed before.
    #[error("the request waits for no confirmation")]
    NoTokenNeeded,
    /// It waits, but not for the approval of this person.
    #[error("{who:?} is not among those who may approve this request")]
    NotAnApprover {
        /// Who it was.
        who: String,
    },
}

impl RevocationRequest {
    /// A new one; with a token where the handling wants a confirmation.
    pub(super) fn submit(
        id: CommandId,
        account: &str,
        submitted_by: &str,
        details: RevocationDetails,
        handling: &Handling,
        token: Option<TokenDigest>,
        now: Timestamp,
    ) -> Self {
        let until = now.saturating_add(handling.within);
        let stage = match handling.waits() {
            true => RequestStage::Waiting { until },
            false => RequestStage::Cleared { at: now },
        };
        Self {
            id,
            account: account.to_owned(),
            submitted_by: submitted_by.to_owned(),
            details,
            submitted_at: now,
            confirmed_at: None,
            approvals: BTreeMap::new(),
            stage,
            token_sent: false,
            withholds: handling.withholds,
            counted: false,
            token: token.filter(|_| handling.confirmation),
            quorum: handling.quorum.clone(),
        }
    }

    /// Whether the time is over in which it could wait.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if let RequestStage::Waiting { until } = self.stage
            && until <= now
        {
            self.stage = RequestStage::Expired { at: until };
        }
    }

    /// What a contact confirms.
    pub(super) fn confirm(
        &mut self,
        token: &ConfirmationToken,
        now: Timestamp,
    ) -> Result<(), RequestRefusal> {
        self.must_wait()?;
        let awaited = self.token.ok_or(RequestRefusal::NoTokenNeeded)?;
        if token.digest() != awaited {
            return Err(RequestRefusal::WrongToken);
        }
        (self.token, self.confirmed_at) = (None, Some(now));
        self.clear(now);
        Ok(())
    }

    /// Replaces the token that it waits for, and gives it as long again.
    pub(super) fn renew(
        &mut self,
        token: TokenDigest,
        within: std::time::Duration,
        now: Timestamp,
    ) -> Result<(), RequestRefusal> {
        self.must_wait()?;
        if self.token.is_none() {
            return Err(RequestRefusal::NoTokenNeeded);
        }
        (self.token, self.token_sent) = (Some(token), false);
        self.stage = RequestStage::Waiting { until: now.saturating_add(within) };
        Ok(())
    }

    /// That a token was sent, if it is the one that it waits for.
    pub(super) fn note_sent(&mut self, token: TokenDigest) {
        self.token_sent |= self.token == Some(token);
    }

    /// What somebody approves; again where they did before.
    pub(super) fn approve(&mut self, who: &str, now: Timestamp) -> Result<(), RequestRefusal> {
        self.must_wait()?;
        let may = |quorum: &Quorum| quorum.eligible(&self.submitted_by).any(|name| name == who);
        if !self.quorum.as_ref().is_some_and(may) {
            return Err(RequestRefusal::NotAnApprover { who: who.to_owned() });
        }
        self.approvals.entry(who.to_owned()).or_insert(now);
        self.clear(now);
        Ok(())
    }

    /// Takes it back; again where it was.
    pub(super) fn withdraw(&mut self, now: Timestamp) -> Result<(), RequestRefusal> {
        if !matches!(self.stage, RequestStage::Withdrawn { .. }) {
            self.must_wait()?;
            self.stage = RequestStage::Withdrawn { at: now };
        }
        Ok(())
    }

    /// What became of it at the authority, once it was cleared. That it was recorded stands, though
    /// somebody whose clock is another was refused.
    pub(super) fn end(&mut self, stage: RequestStage) {
        match (&self.stage, &stage) {
            (RequestStage::Cleared { .. }, _)
            | (RequestStage::Refused { .. }, RequestStage::Recorded { .. }) => self.stage = stage,
            _ => {}
        }
    }

    fn must_wait(&self) -> Result<(), RequestRefusal> {
        match &self.stage {
            RequestStage::Waiting { .. } => Ok(()),
            stage => Err(RequestRefusal::NotWaiting { stage: stage.clone() }),
        }
    }

    fn clear(&mut self, now: Timestamp) {
        let approvals = self.approvals.len();
        let is_approved =
            self.quorum.as_ref().is_none_or(|quorum| approvals >= quorum.needed as usize);
        if self.token.is_none() && is_approved {
            self.stage = RequestStage::Cleared { at: now };
        }
    }

    /// Whether it may still lead, or has led, to a revocation.
    pub fn is_alive(&self) -> bool {
        match self.stage {
            RequestStage::Waiting { .. }
            | RequestStage::Cleared { .. }
            | RequestStage::Recorded { .. } => true,
            RequestStage::Withdrawn { .. }
            | RequestStage::Expired { .. }
            | RequestStage::Refused { .. } => false,
        }
    }

    /// When the certificate was revoked because of it: what refunds and quota hang on, not when it
    /// was submitted.
    pub fn completed_at(&self) -> Option<Timestamp> {
        match self.stage {
            RequestStage::Recorded { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether it waits for a token that is with a contact.
    pub fn awaits_confirmation(&self) -> bool {
        self.token.is_some() && matches!(self.stage, RequestStage::Waiting { .. })
    }

    /// How many approvals it still waits for.
    pub fn awaits_approvals(&self) -> u32 {
        let needed = match (&self.stage, &self.quorum) {
            (RequestStage::Waiting { .. }, Some(quorum)) => quorum.needed,
            _ => 0,
        };
        needed.saturating_sub(u32::try_from(self.approvals.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.fixed(&self.id.0);
        out.text(&self.account);
        out.text(&self.submitted_by);
        out.optional(self.details.reason, Writer::reason);
        out.optional(self.details.date, Writer::timestamp);
        out.optional(self.details.invalidity_date, Writer::timestamp);
        out.timestamp(self.submitted_at);
        out.optional(self.confirmed_at, Writer::timestamp);
        let approvals: Vec<_> = self.approvals.iter().collect();
        out.list(&approvals, |out, (who, at)| {
            out.text(who);
            out.timestamp(**at);
        });
        self.stage.write(out);
        out.bool(self.token_sent);
        out.bool(self.withholds);
        out.bool(self.counted);
        out.optional(self.token, |out, token| out.fixed(&token.0));
        out.optional(self.quorum.as_ref(), |out, quorum| {
            out.u32(quorum.needed);
            let among: Vec<_> = quorum.among.iter().collect();
            out.list(&among, |out, name| out.text(name));
        });
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            id: CommandId(fields.fixed()?),
            account: fields.text()?,
            submitted_by: fields.text()?,
            details: RevocationDetails {
                reason: fields.optional(Reader::reason)?,
                date: fields.optional(Reader::timestamp)?,
                invalidity_date: fields.optional(Reader::timestamp)?,
            },
            submitted_at: fields.timestamp()?,
            confirmed_at: fields.optional(Reader::timestamp)?,
            approvals: {
                let approvals = fields.list(|fields| Ok((fields.text()?, fields.timestamp()?)))?;
                approvals.into_iter().collect()
            },
            stage: RequestStage::read(fields)?,
            token_sent: fields.bool()?,
            withholds: fields.bool()?,
            counted: fields.bool()?,
            token: fields.optional(|fields| fields.fixed().map(TokenDigest))?,
            quorum: fields.optional(|fields| {
                let needed = fields.u32()?;
                let among = fields.list(Reader::text)?.into_iter().collect();
                Ok(Quorum { needed, among })
            })?,
        })
    }
}

impl RequestStage {
    fn write(&self, out: &mut Writer) {
        let (code, at) = match self {
            Self::Waiting { until } => (1, until),
            Self::Cleared { at } => (2, at),
            Self::Recorded { at, .. } => (3, at),
            Self::Withdrawn { at } => (4, at),
            Self::Expired { at } => (5, at),
            Self::Refused { at, .. } => (6, at),
        };
        out.u8(code);
        out.timestamp(*at);
        match self {
            Self::Recorded { position, .. } => out.u64(position.0),
            Self::Refused { why, .. } => out.text(why),
            _ => {}
        }
    }

    fn read(fields: &mut Reader<'_>) -> Result<Self, Damaged> {
        let (code, at) = (fields.u8()?, fields.timestamp()?);
        Ok(match code {
            1 => Self::Waiting { until: at },
            2 => Self::Cleared { at },
            3 => Self::Recorded { at, position: Position(fields.u64()?) },
            4 => Self::Withdrawn { at },
            5 => Self::Expired { at },
            6 => Self::Refused { at, why: fields.text()? },
            _ => return Err(fields.damaged("no stage of a request")),
        })
    }
}
