//! One attempt: who asked for what, and what came of it.

use crate::{
    codec::{Damaged, Reader, Writer},
    issuer_id::IssuerId,
    reason::Reason,
    request::ClientToken,
    serial::Serial,
    time::Timestamp,
};
use sha2::{Digest, Sha256};

/// An attempt at something: who asked for what, and what came of it.
///
/// Texts are kept up to 512 octets; a longer one is cut, and ends with `…` then.
///
/// ```
/// use annul::{AuditEvent, AuditOutcome, Timestamp};
///
/// let refused = AuditOutcome::Refused { code: "InvalidStateException".to_owned() };
/// let mut event = AuditEvent::new(Timestamp::UNIX_EPOCH, "RevokeCertificate", refused);
/// event.account = "111122223333".to_owned();
/// event.target.named = "e8:cb:d2:de".to_owned();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// When it was asked for.
    pub at: Timestamp,
    /// The account that it was asked for; empty where it is not known, or not proved: attempts that are
    /// refused are counted by it.
    pub account: String,
    /// Who asked; empty where nobody could be told.
    pub principal: String,
    /// What was asked for, as its API names it: `RevokeCertificate`.
    pub method: String,
    /// What it was about.
    pub target: AuditTarget,
    /// The reason of a revocation, where one was named that can be recorded.
    pub reason: Option<Reason>,
    /// A digest of the client token, by which repeats are told: [`AuditEvent::with_token`].
    pub token_digest: Option<[u8; 32]>,
    /// What the request was called in its answer.
    pub request_id: String,
    /// What came of it.
    pub outcome: AuditOutcome,
}

/// What an attempt was about, as far as it was found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditTarget {
    /// The issuer.
    pub issuer: Option<IssuerId>,
    /// The serial number of the certificate.
    pub serial: Option<Serial>,
    /// What whoever asked named it: an ARN, an identifier, a serial number that is none.
    pub named: String,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was taken, and waits to be confirmed or approved.
    Accepted,
    /// It had been done or taken before, and was answered as then.
    Repeated,
    /// A rule forbids it.
    Refused {
        /// Which, as the answer said.
        code: String,
    },
    /// Something was out of order. It may have been done.
    Failed {
        /// What, as the answer said.
        code: String,
    },
}

/// The most octets of a text.
const LONGEST: usize = 512;

impl AuditEvent {
    /// An attempt of which nothing else is known.
    pub fn new(at: Timestamp, method: impl Into<String>, outcome: AuditOutcome) -> Self {
        Self {
            at,
            account: String::new(),
            principal: String::new(),
            method: method.into(),
            target: AuditTarget::default(),
            reason: None,
            token_digest: None,
            request_id: String::new(),
            outcome,
        }
    }

    /// Asked for with this token, of which the SHA-256 is kept.
    #[must_use]
    pub fn with_token(self, token: &ClientToken) -> Self {
        Self { token_digest: Some(Sha256::digest(token.as_str()).into()), ..self }
    }

    /// As it is kept.
    pub(super) fn bounded(&self) -> Self {
        let target = AuditTarget { named: bounded(&self.target.named), ..self.target };
        let outcome = match &self.outcome {
            AuditOutcome::Done => AuditOutcome::Done,
            AuditOutcome::Accepted => AuditOutcome::Accepted,
            AuditOutcome::Repeated => AuditOutcome::Repeated,
            AuditOutcome::Refused { code } => AuditOutcome::Refused { code: bounded(code) },
            AuditOutcome::Failed { code } => AuditOutcome::Failed { code: bounded(code) },
        };
        Self {
            account: bounded(&self.account),
            principal: bounded(&self.principal),
            method: bounded(&self.method),
            request_id: bounded(&self.request_id),
            target,
            outcome,
            ..*self
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.timestamp(self.at);
        out.text(&self.account);
        out.text(&self.principal);
        out.text(&self.method);
        out.optional(self.target.issuer, Writer::issuer);
        out.optional(self.target.serial, Writer::serial);
        out.text(&self.target.named);
        out.optional(self.reason, Writer::reason);
        out.optional(self.token_digest.as_ref(), |out, digest| out.fixed(digest));
        out.text(&self.request_id);
        out.text(self.outcome.name());
        out.optional(self.outcome.code(), Writer::text);
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            at: fields.timestamp()?,
            account: fields.text()?,
            principal: fields.text()?,
            method: fields.text()?,
            target: AuditTarget {
                issuer: fields.optional(Reader::issuer)?,
                serial: fields.optional(Reader::serial)?,
                named: fields.text()?,
            },
            reason: fields.optional(Reader::reason)?,
            token_digest: fields.optional(Reader::fixed)?,
            request_id: fields.text()?,
            outcome: {
                let (name, code) = (fields.text()?, fields.optional(Reader::text)?);
                AuditOutcome::of(&name, code).ok_or_else(|| fields.damaged("no outcome"))?
            },
        })
    }
}

impl AuditOutcome {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Accepted => "accepted",
            Self::Repeated => "repeated",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }

    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Done | Self::Accepted | Self::Repeated => None,
            Self::Refused { code } | Self::Failed { code } => Some(code),
        }
    }

    pub(super) fn of(name: &str, code: Option<String>) -> Option<Self> {
        match (name, code) {
            ("done", None) => Some(Self::Done),
            ("accepted", None) => Some(Self::Accepted),
            ("repeated", None) => Some(Self::Repeated),
            ("refused", Some(code)) => Some(Self::Refused { code }),
            ("failed", Some(code)) => Some(Self::Failed { code }),
            _ => None,
        }
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let mut end = LONGEST - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    [text.get(..end).unwrap_or_default(), "…"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(bounded(&"a".repeat(512)), "a".repeat(512));
        assert_eq!(bounded(&"a".repeat(513)), "a".repeat(509) + "…");
        assert_eq!(bounded(&"€".repeat(200)), "€".repeat(169) + "…");
        assert_eq!(bounded(&"𝄞".repeat(200)), "𝄞".repeat(127) + "…");
    }
}
